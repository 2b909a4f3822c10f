//! From the tensors of a checkpoint to packed weights: what each family calls them, and how they
//! are put together.

use std::path::Path;

use fillrate_kernels::{Cpu, Embeddings, LayerNorm, Linear, LinearShape, Nonlinearity, Precision};

use super::LoadOptions;
use super::checkpoint::Checkpoint;
use super::config::{Architecture, EncoderConfig};
use crate::Result;

/// The weights of one transformer layer.
pub(super) struct Layer {
    /// Query, key and value in one product: `[3 * hidden, hidden]`.
    pub(super) qkv: Linear,
    pub(super) attention_output: Linear,
    pub(super) attention_norm: LayerNorm,
    pub(super) intermediate: Linear,
    pub(super) output: Linear,
    pub(super) output_norm: LayerNorm,
}

/// The classifier on top of the first token's state; always in fp32, because it costs nothing
/// and its rounding would reach the logits undamped.
pub(super) struct Head {
    pub(super) dense: Linear,
    pub(super) nonlinearity: Nonlinearity,
    pub(super) classifier: Linear,
}

impl Layer {
    pub(super) fn bytes(&self) -> usize {
        let linears = [&self.qkv, &self.attention_output, &self.intermediate, &self.output];
        linears.into_iter().map(Linear::bytes).sum()
    }
}

impl Head {
    pub(super) fn bytes(&self) -> usize {
        self.dense.bytes() + self.classifier.bytes()
    }
}

/// What one family calls the parts of a layer, below the layer's own name.
struct LayerNames {
    layers: &'static str,
    query: &'static str,
    key: &'static str,
    value: &'static str,
    attention_output: &'static str,
    attention_norm: &'static str,
    intermediate: &'static str,
    output: &'static str,
    output_norm: &'static str,
}

const BERT_NAMES: LayerNames = LayerNames {
    layers: "encoder.layer",
    query: "attention.self.query",
    key: "attention.self.key",
    value: "attention.self.value",
    attention_output: "attention.output.dense",
    attention_norm: "attention.output.LayerNorm",
    intermediate: "intermediate.dense",
    output: "output.dense",
    output_norm: "output.LayerNorm",
};

const DISTILBERT_NAMES: LayerNames = LayerNames {
    layers: "transformer.layer",
    query: "attention.q_lin",
    key: "attention.k_lin",
    value: "attention.v_lin",
    attention_output: "attention.out_lin",
    attention_norm: "sa_layer_norm",
    intermediate: "ffn.lin1",
    output: "ffn.lin2",
    output_norm: "output_layer_norm",
};

impl Architecture {
    /// The name under which a classifier's checkpoint keeps its encoder. The checkpoint of a bare
    /// encoder has no such prefix.
    const fn prefix(self) -> &'static str {
        match self {
            Self::Bert => "bert.",
            Self::DistilBert => "distilbert.",
            Self::Roberta | Self::XlmRoberta => "roberta.",
        }
    }

    const fn layer_names(self) -> &'static LayerNames {
        match self {
            Self::DistilBert => &DISTILBERT_NAMES,
            Self::Bert | Self::Roberta | Self::XlmRoberta => &BERT_NAMES,
        }
    }
}

/// Packs the weights of one checkpoint, a tensor at a time.
pub(super) struct WeightLoader {
    pub(super) config: EncoderConfig,
    pub(super) cpu: Cpu,
    pub(super) precision: Precision,
    checkpoint: Checkpoint,
    prefix: &'static str,
    /// One matrix at a time passes through here on its way to being packed.
    matrix: Vec<f32>,
    bias: Vec<f32>,
}

impl WeightLoader {
    /// Reads the configuration and the headers of the weights.
    pub(super) fn open(directory: &Path, options: LoadOptions) -> Result<Self> {
        let config = EncoderConfig::read(directory)?;
        let checkpoint = Checkpoint::open(directory)?;
        let bare = checkpoint.contains("embeddings.word_embeddings.weight");
        let prefix = if bare { "" } else { config.architecture.prefix() };
        let cpu = options.cpu;
        let precision = options.precision.unwrap_or_else(|| cpu.auto_precision());
        let (matrix, bias) = (Vec::new(), Vec::new());
        Ok(Self { config, cpu, precision, checkpoint, prefix, matrix, bias })
    }

    /// The embedding tables and the norm after them.
    pub(super) fn embeddings(&mut self) -> Result<(Embeddings, LayerNorm)> {
        let EncoderConfig { vocabulary, hidden, positions, token_types, .. } = self.config;
        let name = |table: &str| format!("{}embeddings.{table}.weight", self.prefix);
        let mut position_rows = Vec::new();
        let shape = [positions, hidden];
        self.checkpoint.append(&name("position_embeddings"), &shape, &mut position_rows)?;
        if token_types > 0 {
            // Only single texts are scored, so that every token is of type 0.
            let mut type_rows = Vec::new();
            let shape = [token_types, hidden];
            self.checkpoint.append(&name("token_type_embeddings"), &shape, &mut type_rows)?;
            for row in position_rows.chunks_exact_mut(hidden) {
                for (value, of_type) in row.iter_mut().zip(&type_rows) {
                    *value += of_type;
                }
            }
        }
        // A multilingual vocabulary takes most of a model: it is never held whole in f32.
        let words = name("word_embeddings");
        let mut words = self.checkpoint.tensor(&words, &[vocabulary, hidden])?;
        let tables =
            Embeddings::read(vocabulary, &position_rows, hidden, self.precision, |_, rows| {
                words.read(rows)
            })?;
        let norm = self.layer_norm(&format!("{}embeddings.LayerNorm", self.prefix))?;
        Ok((tables, norm))
    }

    /// The weights of layer `index`.
    pub(super) fn layer(&mut self, index: usize) -> Result<Layer> {
        let EncoderConfig { hidden, intermediate, .. } = self.config;
        let names = self.config.architecture.layer_names();
        let base = format!("{}{}.{index}", self.prefix, names.layers);
        let name = |part: &str| format!("{base}.{part}");
        let precision = self.precision;
        let square = LinearShape { inputs: hidden, outputs: hidden };
        let up = LinearShape { inputs: hidden, outputs: intermediate };
        let down = LinearShape { inputs: intermediate, outputs: hidden };
        let qkv = [names.query, names.key, names.value].map(name);
        Ok(Layer {
            qkv: self.fused_linear(&qkv, square, precision)?,
            attention_output: self.linear(name(names.attention_output), square, precision)?,
            attention_norm: self.layer_norm(&name(names.attention_norm))?,
            intermediate: self.linear(name(names.intermediate), up, precision)?,
            output: self.linear(name(names.output), down, precision)?,
            output_norm: self.layer_norm(&name(names.output_norm))?,
        })
    }

    /// The classifier.
    pub(super) fn head(&mut self) -> Result<Head> {
        let EncoderConfig { hidden, .. } = self.config;
        let (dense, nonlinearity, classifier) = match self.config.architecture {
            Architecture::Bert => {
                (format!("{}pooler.dense", self.prefix), Nonlinearity::Tanh, "classifier")
            }
            Architecture::DistilBert => ("pre_classifier".into(), Nonlinearity::Relu, "classifier"),
            Architecture::Roberta | Architecture::XlmRoberta => {
                ("classifier.dense".into(), Nonlinearity::Tanh, "classifier.out_proj")
            }
        };
        let square = LinearShape { inputs: hidden, outputs: hidden };
        let out = LinearShape { inputs: hidden, outputs: self.config.labels.len() };
        Ok(Head {
            // The classifier first: an encoder without one is told so, not that it has no pooler.
            classifier: self.linear(classifier.into(), out, Precision::Fp32)?,
            dense: self.linear(dense, square, Precision::Fp32)?,
            nonlinearity,
        })
    }

    fn linear(&mut self, name: String, shape: LinearShape, precision: Precision) -> Result<Linear> {
        self.fused_linear(&[name], shape, precision)
    }

    /// Several linears of the same input and shape as one, their outputs side by side.
    fn fused_linear(
        &mut self,
        names: &[String],
        each: LinearShape,
        precision: Precision,
    ) -> Result<Linear> {
        let LinearShape { inputs, outputs } = each;
        let whole = LinearShape { inputs, outputs: outputs * names.len() };
        self.matrix.clear();
        self.bias.clear();
        for name in names {
            let (weight, bias) = (format!("{name}.weight"), format!("{name}.bias"));
            self.checkpoint.append(&weight, &[outputs, inputs], &mut self.matrix)?;
            self.checkpoint.append(&bias, &[outputs], &mut self.bias)?;
        }
        Ok(Linear::pack(&self.matrix, Some(&self.bias), whole, precision)?)
    }

    fn layer_norm(&mut self, name: &str) -> Result<LayerNorm> {
        let hidden = self.config.hidden;
        // Checkpoints converted from TensorFlow keep its names.
        let legacy = self.checkpoint.contains(&format!("{name}.gamma"));
        let [gamma_name, beta_name] = if legacy { ["gamma", "beta"] } else { ["weight", "bias"] };
        let (mut gamma, mut beta) = (Vec::new(), Vec::new());
        self.checkpoint.append(&format!("{name}.{gamma_name}"), &[hidden], &mut gamma)?;
        self.checkpoint.append(&format!("{name}.{beta_name}"), &[hidden], &mut beta)?;
        Ok(LayerNorm::new(&gamma, &beta, self.config.layer_norm_epsilon)?)
    }
}
