//! From the tensors of a checkpoint to packed weights: what each family calls them, and how they
//! are put together.

use std::path::Path;

use fillrate_kernels::{Cpu, Embeddings, LayerNorm, Linear, LinearShape, Nonlinearity, Precision};

use super::LoadOptions;
use super::checkpoint::Checkpoint;
use super::config::{Architecture, EncoderConfig};
use super::tensor::TensorReader;
use crate::Result;
use crate::text::EmbeddedFiles;
use crate::text::registry::{CONFIG_FILE, WEIGHTS_FILE};

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

impl LayerNames {
    const fn linears(&self) -> [&'static str; 6] {
        let Self { query, key, value, attention_output, intermediate, output, .. } = *self;
        [query, key, value, attention_output, intermediate, output]
    }
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

/// The names of one layer's tensors, without `.weight` and `.bias`.
pub(super) struct LayerTensors {
    pub(super) qkv: [String; 3],
    pub(super) attention_output: String,
    pub(super) attention_norm: String,
    pub(super) intermediate: String,
    pub(super) output: String,
    pub(super) output_norm: String,
}

/// The names of a classifier's tensors, and what is between them.
pub(super) struct HeadTensors {
    pub(super) dense: String,
    pub(super) nonlinearity: Nonlinearity,
    pub(super) classifier: String,
}

/// Packs the weights of one checkpoint, a tensor at a time.
pub(super) struct WeightLoader {
    pub(super) config: EncoderConfig,
    pub(super) cpu: Cpu,
    pub(super) precision: Precision,
    checkpoint: Checkpoint,
    prefix: &'static str,
    /// The name of the word table, which its reader borrows.
    word_table: String,
    /// One matrix at a time passes through here on its way to being packed.
    matrix: Vec<f32>,
    bias: Vec<f32>,
    /// The same for matrices that stay as they are stored.
    bytes: Vec<i8>,
    scales: Vec<f32>,
}

impl WeightLoader {
    /// Reads the configuration and the headers of the weights.
    pub(super) fn open(directory: &Path, options: LoadOptions) -> Result<Self> {
        Ok(Self::new(EncoderConfig::read(directory)?, Checkpoint::open(directory)?, options))
    }

    /// The same for files that are part of the program.
    pub(super) fn embedded(files: &'static EmbeddedFiles, options: LoadOptions) -> Result<Self> {
        let directory = Path::new(files.directory);
        let config = EncoderConfig::parse(files.config, &directory.join(CONFIG_FILE))?;
        let checkpoint = Checkpoint::embedded(files.weights, &directory.join(WEIGHTS_FILE))?;
        Ok(Self::new(config, checkpoint, options))
    }

    fn new(config: EncoderConfig, checkpoint: Checkpoint, options: LoadOptions) -> Self {
        let bare = checkpoint.contains("embeddings.word_embeddings.weight");
        let prefix = if bare { "" } else { config.architecture.prefix() };
        let cpu = options.cpu;
        let precision = options.precision.unwrap_or_else(|| {
            let int8 = ships_int8(&checkpoint, &config, prefix);
            if int8 { Precision::Int8 } else { cpu.auto_precision() }
        });
        let (matrix, bias, bytes, scales) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let word_table = format!("{prefix}embeddings.word_embeddings.weight");
        Self { config, cpu, precision, checkpoint, prefix, word_table, matrix, bias, bytes, scales }
    }

    /// The embedding tables and the norm after them.
    pub(super) fn embeddings(&mut self) -> Result<(Embeddings, LayerNorm)> {
        let EncoderConfig { vocabulary, hidden, .. } = self.config;
        let position_rows = self.position_rows()?;
        let precision = self.precision;
        // A multilingual vocabulary takes most of a model: it is never held whole in f32.
        let mut words = self.word_rows()?;
        let tables = Embeddings::read(vocabulary, &position_rows, hidden, precision, |_, rows| {
            words.read(rows)
        })?;
        let norm = self.layer_norm(&self.embedding_norm_name())?;
        Ok((tables, norm))
    }

    /// The rows of the position table, shape `[positions, hidden]`, with token type 0 added.
    pub(super) fn position_rows(&mut self) -> Result<Vec<f32>> {
        let EncoderConfig { hidden, positions, token_types, .. } = self.config;
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
        Ok(position_rows)
    }

    /// The rows of the word table, to be read from the first to the last.
    pub(super) fn word_rows(&mut self) -> Result<TensorReader<'_>> {
        let EncoderConfig { vocabulary, hidden, .. } = self.config;
        self.checkpoint.weight(&self.word_table, [vocabulary, hidden])
    }

    /// The name of the norm after the embeddings.
    pub(super) fn embedding_norm_name(&self) -> String {
        format!("{}embeddings.LayerNorm", self.prefix)
    }

    /// The names of layer `index`.
    pub(super) fn layer_tensors(&self, index: usize) -> LayerTensors {
        let names = self.config.architecture.layer_names();
        let base = format!("{}{}.{index}", self.prefix, names.layers);
        let name = |part: &str| format!("{base}.{part}");
        LayerTensors {
            qkv: [names.query, names.key, names.value].map(name),
            attention_output: name(names.attention_output),
            attention_norm: name(names.attention_norm),
            intermediate: name(names.intermediate),
            output: name(names.output),
            output_norm: name(names.output_norm),
        }
    }

    /// The weights of layer `index`.
    pub(super) fn layer(&mut self, index: usize) -> Result<Layer> {
        let EncoderConfig { hidden, intermediate, .. } = self.config;
        let names = self.layer_tensors(index);
        let precision = self.precision;
        let square = LinearShape { inputs: hidden, outputs: hidden };
        let up = LinearShape { inputs: hidden, outputs: intermediate };
        let down = LinearShape { inputs: intermediate, outputs: hidden };
        Ok(Layer {
            qkv: self.fused_linear(&names.qkv, square, precision)?,
            attention_output: self.linear(names.attention_output, square, precision)?,
            attention_norm: self.layer_norm(&names.attention_norm)?,
            intermediate: self.linear(names.intermediate, up, precision)?,
            output: self.linear(names.output, down, precision)?,
            output_norm: self.layer_norm(&names.output_norm)?,
        })
    }

    /// The names of the classifier.
    pub(super) fn head_tensors(&self) -> HeadTensors {
        let (dense, nonlinearity, classifier) = match self.config.architecture {
            Architecture::Bert => {
                (format!("{}pooler.dense", self.prefix), Nonlinearity::Tanh, "classifier")
            }
            Architecture::DistilBert => ("pre_classifier".into(), Nonlinearity::Relu, "classifier"),
            Architecture::Roberta | Architecture::XlmRoberta => {
                ("classifier.dense".into(), Nonlinearity::Tanh, "classifier.out_proj")
            }
        };
        HeadTensors { dense, nonlinearity, classifier: classifier.into() }
    }

    /// The classifier.
    pub(super) fn head(&mut self) -> Result<Head> {
        let EncoderConfig { hidden, .. } = self.config;
        let HeadTensors { dense, nonlinearity, classifier } = self.head_tensors();
        let square = LinearShape { inputs: hidden, outputs: hidden };
        let out = LinearShape { inputs: hidden, outputs: self.config.labels.len() };
        Ok(Head {
            // The classifier first: an encoder without one is told so, not that it has no pooler.
            classifier: self.linear(classifier, out, Precision::Fp32)?,
            dense: self.linear(dense, square, Precision::Fp32)?,
            nonlinearity,
        })
    }

    /// The values of several linears of the same input and shape, their outputs side by side:
    /// weights `[outputs, inputs]` and biases `[outputs]`.
    pub(super) fn linear_values(
        &mut self,
        names: &[String],
        LinearShape { inputs, outputs }: LinearShape,
    ) -> Result<(Vec<f32>, Vec<f32>)> {
        let (mut weights, mut biases) = (Vec::new(), Vec::new());
        for name in names {
            let weight = format!("{name}.weight");
            self.checkpoint.append_weight(&weight, [outputs, inputs], &mut weights)?;
            self.checkpoint.append(&format!("{name}.bias"), &[outputs], &mut biases)?;
        }
        Ok((weights, biases))
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
        let weights: Vec<String> = names.iter().map(|name| format!("{name}.weight")).collect();
        // Bytes as shipped are packed as they are: quantised again, a channel whose largest byte
        // is not 127 would be rounded twice. Only a product of both bytes and floats is.
        let as_shipped = precision == Precision::Int8
            && weights.iter().all(|weight| self.checkpoint.is_int8(weight));
        let Self { checkpoint, matrix, bias, bytes, scales, .. } = self;
        matrix.clear();
        bias.clear();
        bytes.clear();
        scales.clear();
        for (name, weight) in names.iter().zip(&weights) {
            if as_shipped {
                checkpoint.append_int8(weight, [outputs, inputs], bytes, scales)?;
            } else {
                checkpoint.append_weight(weight, [outputs, inputs], matrix)?;
            }
            checkpoint.append(&format!("{name}.bias"), &[outputs], bias)?;
        }
        Ok(if as_shipped {
            Linear::pack_int8(bytes, scales, Some(bias), whole)?
        } else {
            Linear::pack(matrix, Some(bias), whole, precision)?
        })
    }

    fn layer_norm(&mut self, name: &str) -> Result<LayerNorm> {
        let (gamma, beta) = self.layer_norm_values(name)?;
        Ok(LayerNorm::new(&gamma, &beta, self.config.layer_norm_epsilon)?)
    }

    /// The scale and shift of a layer norm, `[hidden]` each.
    pub(super) fn layer_norm_values(&mut self, name: &str) -> Result<(Vec<f32>, Vec<f32>)> {
        let hidden = self.config.hidden;
        // Checkpoints converted from TensorFlow keep its names.
        let legacy = self.checkpoint.contains(&format!("{name}.gamma"));
        let [gamma_name, beta_name] = if legacy { ["gamma", "beta"] } else { ["weight", "bias"] };
        let (mut gamma, mut beta) = (Vec::new(), Vec::new());
        self.checkpoint.append(&format!("{name}.{gamma_name}"), &[hidden], &mut gamma)?;
        self.checkpoint.append(&format!("{name}.{beta_name}"), &[hidden], &mut beta)?;
        Ok((gamma, beta))
    }
}

/// Whether the weights of every layer's linears are stored as int8. If some are not, whoever
/// quantised them found that they need more.
fn ships_int8(checkpoint: &Checkpoint, config: &EncoderConfig, prefix: &str) -> bool {
    let names = config.architecture.layer_names();
    (0..config.layers).all(|index| {
        names.linears().iter().all(|part| {
            checkpoint.is_int8(&format!("{prefix}{}.{index}.{part}.weight", names.layers))
        })
    })
}
