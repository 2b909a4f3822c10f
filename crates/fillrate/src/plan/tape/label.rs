//! What a tensor is for: the words, the formula and the source of an explanation.

/// The categories of [`crate::plan::Memory`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::plan) enum Category {
    Parameters,
    Gradients,
    Optimizer,
    Activations,
    Batch,
    Workspace,
}

/// What a tensor is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::plan) enum Label {
    Trainable,
    Frozen,
    Buffer,
    Gradient,
    OptimizerState,
    TokenIds,
    AttentionMask,
    Embeddings,
    ProductInput,
    Projection,
    Scores,
    Probabilities,
    Context,
    Positions,
    DropoutMask,
    Residual,
    NormOutput,
    NormStatistics,
    FeedForward,
    Adapter,
    Pooled,
    Experts,
    Similarities,
    Logits,
    Loss,
    ActivationGradient,
    WeightCopy,
    Collective,
    OptimizerTemporary,
    Cublas,
}

const AUTOCAST: &str = "PyTorch documentation, torch.amp, \"Autocast Op Reference\"";
const RECOMPUTATION: &str = "Korthikanti et al., \"Reducing Activation Recomputation in Large \
                             Transformer Models\" (2022), section 4.1";
const DERIVATIVES: &str = "PyTorch, tools/autograd/derivatives.yaml";
const MODEL: &str = "the model's forward pass in transformers 5";
const SDPA: &str = "Dao et al., \"FlashAttention\" (2022), section 3.1; PyTorch, \
                    _scaled_dot_product_efficient_attention";
const ADAM: &str = "PyTorch, torch/optim/adam.py, _multi_tensor_adam";
const ZERO: &str = "Rajbhandari et al., \"ZeRO\" (2020), section 5; PyTorch documentation, \
                    DistributedDataParallel, gradient_as_bucket_view";
const CUBLAS: &str = "PyTorch documentation, \"CUDA semantics\", cuBLAS workspaces";

impl Category {
    /// Its name: a field of `Memory` without `_bytes`.
    pub(in crate::plan) const fn as_str(self) -> &'static str {
        match self {
            Self::Parameters => "parameters",
            Self::Gradients => "gradients",
            Self::Optimizer => "optimizer",
            Self::Activations => "activations",
            Self::Batch => "batch",
            Self::Workspace => "workspace",
        }
    }
}

impl Label {
    pub(in crate::plan) const fn category(self) -> Category {
        match self {
            Self::Trainable | Self::Frozen | Self::Buffer => Category::Parameters,
            Self::Gradient => Category::Gradients,
            Self::OptimizerState => Category::Optimizer,
            Self::TokenIds => Category::Batch,
            Self::WeightCopy | Self::Collective | Self::OptimizerTemporary | Self::Cublas => {
                Category::Workspace
            }
            _ => Category::Activations,
        }
    }

    /// What it is, the formula in words, and the source.
    pub(in crate::plan) const fn describe(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Trainable => ("trainable parameters", "matrices, biases, norms", MODEL),
            Self::Frozen => ("frozen parameters", "matrices, biases, norms", MODEL),
            Self::Buffer => ("buffers", "position and type ids", MODEL),
            Self::Gradient => {
                ("gradients of parameters", "as the trainable parameters", DERIVATIVES)
            }
            Self::OptimizerState => ("optimizer state", "by trainable parameter", ADAM),
            Self::TokenIds => ("token ids, types and masks", "sequences × length", MODEL),
            Self::AttentionMask => ("attention masks", "sequences × length²", MODEL),
            Self::Embeddings => ("embeddings", "sequences × length × hidden", MODEL),
            Self::ProductInput => {
                ("inputs of products in 16 bits", "sequences × length × inputs", AUTOCAST)
            }
            Self::Projection => {
                ("queries, keys and values", "sequences × length × hidden", RECOMPUTATION)
            }
            Self::Scores => ("attention scores", "sequences × heads × length²", RECOMPUTATION),
            Self::Probabilities => {
                ("attention probabilities", "sequences × heads × length²", RECOMPUTATION)
            }
            Self::Context => ("attention results", "sequences × length × hidden", SDPA),
            Self::Positions => ("relative positions", "heads × length × positions", MODEL),
            Self::DropoutMask => ("dropout masks", "one byte for each number", RECOMPUTATION),
            Self::Residual => {
                ("sums that layer norms take", "sequences × length × hidden", RECOMPUTATION)
            }
            Self::NormOutput => ("results of layer norms", "sequences × length × hidden", AUTOCAST),
            Self::NormStatistics => ("means and deviations", "sequences × length", DERIVATIVES),
            Self::FeedForward => {
                ("feed-forward network", "sequences × length × intermediate", RECOMPUTATION)
            }
            Self::Adapter => ("low-rank adapters", "sequences × length × (inputs, rank)", MODEL),
            Self::Pooled => ("pooled vectors and heads", "sequences × hidden", MODEL),
            Self::Experts => ("experts", "texts × experts × width", MODEL),
            Self::Similarities => ("similarities", "anchors × candidates", DERIVATIVES),
            Self::Logits => ("logits and their softmax", "rows × classes", DERIVATIVES),
            Self::Loss => ("loss", "a number", DERIVATIVES),
            Self::ActivationGradient => {
                ("gradients of activations", "as the activation", DERIVATIVES)
            }
            Self::WeightCopy => ("copies of weights in 16 bits", "as the weights", AUTOCAST),
            Self::Collective => ("buffers of collectives", "by trainable parameter", ZERO),
            Self::OptimizerTemporary => {
                ("the optimizer's temporaries", "as the trainable parameters", ADAM)
            }
            Self::Cublas => ("workspaces of cuBLAS", "by GPU generation", CUBLAS),
        }
    }
}
