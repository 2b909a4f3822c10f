//! `config.json`: which encoder a directory holds and how large it is.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use fillrate_kernels::Nonlinearity;
use serde::Deserialize;

use crate::{Error, Result};

/// The largest `config.json` that is read; real ones have a few KiB.
const CONFIG_BYTES_MAX: u64 = 1 << 20;

/// Upper bounds of what a configuration may ask for: several times the largest published encoders,
/// and small enough that no product of two of them overflows.
const HIDDEN_MAX: usize = 1 << 14;
const INTERMEDIATE_MAX: usize = 1 << 16;
const LAYERS_MAX: usize = 512;
const VOCABULARY_MAX: usize = 1 << 24;
const POSITIONS_MAX: usize = 1 << 17;
const TOKEN_TYPES_MAX: usize = 1 << 10;
const LABELS_MAX: usize = 1 << 12;

/// The families of encoders that can be run. They differ in the names of their weights, in their
/// positions and in the classifier on top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// BERT: learned positions from 0, token types, a tanh pooler under the classifier.
    Bert,
    /// DistilBERT: BERT without token types and pooler.
    DistilBert,
    /// RoBERTa: positions that begin after the padding token's id.
    Roberta,
    /// XLM-RoBERTa: RoBERTa with a multilingual vocabulary.
    XlmRoberta,
}

impl Architecture {
    /// All architectures, in the order in which messages list them.
    pub const ALL: [Self; 4] = [Self::Bert, Self::DistilBert, Self::Roberta, Self::XlmRoberta];

    /// The `model_type` of `config.json`.
    #[must_use]
    pub const fn model_type(self) -> &'static str {
        match self {
            Self::Bert => "bert",
            Self::DistilBert => "distilbert",
            Self::Roberta => "roberta",
            Self::XlmRoberta => "xlm-roberta",
        }
    }

    /// Whether positions count from the padding token's id + 1 and skip padding tokens.
    #[must_use]
    pub const fn positions_follow_padding(self) -> bool {
        matches!(self, Self::Roberta | Self::XlmRoberta)
    }
}

/// The shape of an encoder and the names of its classes.
#[derive(Clone, Debug, PartialEq)]
pub struct EncoderConfig {
    /// The family.
    pub architecture: Architecture,
    /// The number of token ids.
    pub vocabulary: usize,
    /// The width of a token's hidden state.
    pub hidden: usize,
    /// The number of transformer layers.
    pub layers: usize,
    /// The number of attention heads; it divides `hidden`.
    pub heads: usize,
    /// The width of the feed-forward network.
    pub intermediate: usize,
    /// The rows of the position table.
    pub positions: usize,
    /// The rows of the token type table; 0 in DistilBERT, which has none.
    pub token_types: usize,
    /// The padding token's id, from which RoBERTa's positions count.
    pub pad_token: usize,
    /// What is added to the variance in a layer norm.
    pub layer_norm_epsilon: f32,
    /// The nonlinearity of the feed-forward network.
    pub nonlinearity: Nonlinearity,
    /// The name of each class, in the order of the logits.
    pub labels: Vec<String>,
}

impl EncoderConfig {
    /// Reads and checks the `config.json` of a model directory.
    ///
    /// # Errors
    ///
    /// If the file is missing, is no configuration of an [`Architecture`], or asks for a variant
    /// or a size that cannot be run.
    pub fn read(directory: &Path) -> Result<Self> {
        let path = directory.join("config.json");
        let mut text = Vec::new();
        let read = File::open(&path)
            .and_then(|file| file.take(CONFIG_BYTES_MAX + 1).read_to_end(&mut text));
        if let Err(source) = read {
            if source.kind() != std::io::ErrorKind::NotFound {
                return Err(Error::Io { path, source });
            }
            return Err(Error::Model {
                path: directory.to_owned(),
                message: "config.json is missing".into(),
                hint: Some(
                    "a model directory holds config.json, model.safetensors and a tokenizer".into(),
                ),
            });
        }
        if text.len() as u64 > CONFIG_BYTES_MAX {
            return Err(refusal(&path, format!("larger than {CONFIG_BYTES_MAX} bytes")));
        }
        Self::parse(&text, &path)
    }

    /// Parses the text of a `config.json`; `path` names it in errors.
    ///
    /// # Errors
    ///
    /// As [`Self::read`].
    pub fn parse(text: &[u8], path: &Path) -> Result<Self> {
        let raw: RawConfig = serde_json::from_slice(text)
            .map_err(|error| refusal(path, format!("not a model configuration: {error}")))?;
        let config = raw.resolve().map_err(|message| refusal(path, message))?;
        config.check().map_err(|message| refusal(path, message))?;
        Ok(config)
    }

    /// The width of one attention head.
    #[must_use]
    pub fn head_dim(&self) -> usize {
        self.hidden / self.heads
    }

    /// The position of a sequence's first token in the position table.
    #[must_use]
    pub fn first_position(&self) -> usize {
        if self.architecture.positions_follow_padding() { self.pad_token + 1 } else { 0 }
    }

    /// The longest sequence that has a position for each token, special tokens included.
    #[must_use]
    pub fn max_sequence(&self) -> usize {
        self.positions - self.first_position()
    }

    /// Every size within its bounds, so that code further down may multiply and divide freely.
    fn check(&self) -> Result<(), String> {
        let bounds = [
            ("vocab_size", self.vocabulary, VOCABULARY_MAX),
            ("hidden size", self.hidden, HIDDEN_MAX),
            ("number of layers", self.layers, LAYERS_MAX),
            ("number of attention heads", self.heads, self.hidden),
            ("intermediate size", self.intermediate, INTERMEDIATE_MAX),
            ("max_position_embeddings", self.positions, POSITIONS_MAX),
            ("number of labels", self.labels.len(), LABELS_MAX),
        ];
        for (name, size, max) in bounds {
            if size == 0 || size > max {
                return Err(format!("the {name} is {size}; it must lie in 1..={max}"));
            }
        }
        if self.token_types > TOKEN_TYPES_MAX {
            return Err(format!(
                "type_vocab_size is {}; it must be at most {TOKEN_TYPES_MAX}",
                self.token_types
            ));
        }
        if !self.hidden.is_multiple_of(self.heads) {
            return Err(format!(
                "{} attention heads do not divide the hidden size {}",
                self.heads, self.hidden
            ));
        }
        if self.architecture.positions_follow_padding() && self.pad_token >= self.positions - 1 {
            return Err(format!(
                "pad_token_id {} leaves no position in max_position_embeddings {}",
                self.pad_token, self.positions
            ));
        }
        if !(self.layer_norm_epsilon > 0.0 && self.layer_norm_epsilon < 1.0) {
            return Err(format!(
                "layer_norm_eps is {}; it must lie between 0 and 1",
                self.layer_norm_epsilon
            ));
        }
        Ok(())
    }
}

/// The fields of `config.json` as the file spells them; DistilBERT has its own spelling.
#[derive(Debug, Default, Deserialize)]
struct RawConfig {
    model_type: Option<String>,
    vocab_size: Option<usize>,
    hidden_size: Option<usize>,
    num_hidden_layers: Option<usize>,
    num_attention_heads: Option<usize>,
    intermediate_size: Option<usize>,
    hidden_act: Option<String>,
    dim: Option<usize>,
    n_layers: Option<usize>,
    n_heads: Option<usize>,
    hidden_dim: Option<usize>,
    activation: Option<String>,
    max_position_embeddings: Option<usize>,
    type_vocab_size: Option<usize>,
    pad_token_id: Option<usize>,
    layer_norm_eps: Option<f32>,
    position_embedding_type: Option<String>,
    is_decoder: Option<bool>,
    add_cross_attention: Option<bool>,
    quantization_config: Option<serde::de::IgnoredAny>,
    num_labels: Option<usize>,
    id2label: Option<BTreeMap<String, serde_json::Value>>,
}

impl RawConfig {
    fn resolve(&self) -> Result<EncoderConfig, String> {
        let architecture = self.architecture()?;
        self.refuse_variants()?;
        let labels = self.labels()?;
        let distil = architecture == Architecture::DistilBert;
        let required = |size: Option<usize>, name: &str| size.ok_or(format!("`{name}` is missing"));
        let spelled = |bert: (Option<usize>, &str), distilbert: (Option<usize>, &str)| {
            let (size, name) = if distil { distilbert } else { bert };
            required(size, name)
        };
        let hidden_act = if distil { &self.activation } else { &self.hidden_act };
        Ok(EncoderConfig {
            architecture,
            vocabulary: required(self.vocab_size, "vocab_size")?,
            hidden: spelled((self.hidden_size, "hidden_size"), (self.dim, "dim"))?,
            layers: spelled(
                (self.num_hidden_layers, "num_hidden_layers"),
                (self.n_layers, "n_layers"),
            )?,
            heads: spelled(
                (self.num_attention_heads, "num_attention_heads"),
                (self.n_heads, "n_heads"),
            )?,
            intermediate: spelled(
                (self.intermediate_size, "intermediate_size"),
                (self.hidden_dim, "hidden_dim"),
            )?,
            positions: required(self.max_position_embeddings, "max_position_embeddings")?,
            // Absent optional fields have the defaults of the `transformers` library.
            token_types: if distil { 0 } else { self.type_vocab_size.unwrap_or(2) },
            pad_token: self
                .pad_token_id
                .unwrap_or(usize::from(architecture.positions_follow_padding())),
            layer_norm_epsilon: if distil { 1e-12 } else { self.layer_norm_eps.unwrap_or(1e-12) },
            nonlinearity: nonlinearity(hidden_act.as_deref().unwrap_or("gelu"))?,
            labels,
        })
    }

    fn architecture(&self) -> Result<Architecture, String> {
        let supported = || Architecture::ALL.map(Architecture::model_type).join(", ");
        let Some(model_type) = self.model_type.as_deref() else {
            return Err(format!("`model_type` is missing; supported are {}", supported()));
        };
        Architecture::ALL
            .into_iter()
            .find(|architecture| architecture.model_type() == model_type)
            .ok_or_else(|| {
                format!("model_type `{model_type}` is not supported; supported are {}", supported())
            })
    }

    /// Refuses what would load and then compute something else than the checkpoint means.
    fn refuse_variants(&self) -> Result<(), String> {
        if let Some(kind) = self.position_embedding_type.as_deref()
            && kind != "absolute"
        {
            return Err(format!(
                "position_embedding_type `{kind}` is not supported; only `absolute` is"
            ));
        }
        if self.is_decoder == Some(true) || self.add_cross_attention == Some(true) {
            return Err("decoders and cross-attention are not supported; only encoders are".into());
        }
        if self.quantization_config.is_some() {
            return Err("weights stored with a `quantization_config` are not supported".into());
        }
        Ok(())
    }

    fn labels(&self) -> Result<Vec<String>, String> {
        let Some(names) = &self.id2label else {
            let count = self.num_labels.unwrap_or(2).min(LABELS_MAX + 1);
            return Ok((0..count).map(|class| format!("LABEL_{class}")).collect());
        };
        (0..names.len())
            .map(|class| match names.get(&class.to_string()) {
                Some(serde_json::Value::String(name)) => Ok(name.clone()),
                Some(other) => Ok(other.to_string()),
                None => {
                    Err(format!("id2label has {} names but none for class {class}", names.len()))
                }
            })
            .collect()
    }
}

/// The nonlinearity that `hidden_act` names. The four tanh forms differ only in the order in which
/// they round.
fn nonlinearity(name: &str) -> Result<Nonlinearity, String> {
    match name {
        "gelu" | "gelu_python" => Ok(Nonlinearity::Gelu),
        "gelu_new" | "gelu_pytorch_tanh" | "gelu_python_tanh" | "gelu_fast" => {
            Ok(Nonlinearity::GeluTanh)
        }
        "relu" => Ok(Nonlinearity::Relu),
        other => Err(format!(
            "hidden_act `{other}` is not supported; supported are gelu, gelu_new, \
             gelu_pytorch_tanh, relu"
        )),
    }
}

fn refusal(path: &Path, message: String) -> Error {
    Error::Model { path: path.to_owned(), message, hint: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BERT: &str = r#"{
        "model_type": "bert", "vocab_size": 30522, "hidden_size": 768, "num_hidden_layers": 12,
        "num_attention_heads": 12, "intermediate_size": 3072, "max_position_embeddings": 512
    }"#;

    fn parse(text: &str) -> Result<EncoderConfig> {
        EncoderConfig::parse(text.as_bytes(), Path::new("config.json"))
    }

    /// The message after replacing `from` in a good configuration.
    fn refused(from: &str, to: &str) -> String {
        assert!(BERT.contains(from), "{from}");
        parse(&BERT.replace(from, to)).unwrap_err().to_string()
    }

    /// The message after adding a field.
    fn refused_with(field: &str) -> String {
        refused("\"model_type\"", &format!("{field}, \"model_type\""))
    }

    #[test]
    fn absent_fields_have_the_defaults_of_transformers() {
        let config = parse(BERT).unwrap();
        assert_eq!(config.architecture, Architecture::Bert);
        assert_eq!(config.nonlinearity, Nonlinearity::Gelu);
        assert_eq!((config.token_types, config.pad_token), (2, 0));
        assert_eq!((config.head_dim(), config.max_sequence()), (64, 512));
        assert_eq!(config.labels, ["LABEL_0", "LABEL_1"]);
    }

    #[test]
    fn distilbert_spells_its_fields_its_own_way() {
        let config = parse(
            r#"{"model_type": "distilbert", "vocab_size": 9, "dim": 8, "n_layers": 3, "n_heads": 2,
                "hidden_dim": 16, "activation": "relu", "max_position_embeddings": 5,
                "hidden_act": "gelu"}"#,
        )
        .unwrap();
        assert_eq!(
            (config.hidden, config.layers, config.heads, config.intermediate),
            (8, 3, 2, 16)
        );
        assert_eq!((config.token_types, config.nonlinearity), (0, Nonlinearity::Relu));
    }

    #[test]
    fn robertas_positions_begin_behind_the_padding_token() {
        let text = BERT.replace("\"bert\"", "\"roberta\"").replace("512", "514");
        let config = parse(&text).unwrap();
        assert_eq!((config.pad_token, config.first_position(), config.max_sequence()), (1, 2, 512));
        let padded = text.replace("514", "514, \"pad_token_id\": 513");
        assert!(parse(&padded).unwrap_err().to_string().contains("pad_token_id 513 leaves no"));
        let huge = text.replace("514", "514, \"pad_token_id\": 18446744073709551615");
        assert!(parse(&huge).unwrap_err().to_string().contains("leaves no position"));
    }

    #[test]
    fn labels_are_in_the_order_of_their_numbers() {
        let names: Vec<String> = (0..12).map(|i| format!("\"{i}\": \"class {i}\"")).collect();
        let field = format!("{{\"id2label\": {{{}}},", names.join(","));
        let config = parse(&BERT.replacen('{', &field, 1)).unwrap();
        assert_eq!(config.labels[2], "class 2");
        assert_eq!(config.labels[10], "class 10");
        assert_eq!(
            refused_with(r#""id2label": {"0": "a", "2": "c"}"#),
            "config.json: id2label has 2 names but none for class 1"
        );
    }

    #[test]
    fn variants_that_would_compute_something_else_are_refused() {
        for (field, message) in [
            (r#""position_embedding_type": "relative_key""#, "`relative_key` is not supported"),
            (r#""is_decoder": true"#, "decoders and cross-attention are not supported"),
            (r#""add_cross_attention": true"#, "decoders and cross-attention are not supported"),
            (r#""quantization_config": {"bits": 4}"#, "`quantization_config` are not supported"),
            (r#""hidden_act": "silu""#, "supported are gelu, gelu_new, gelu_pytorch_tanh, relu"),
        ] {
            assert!(refused_with(field).contains(message), "{field}: {}", refused_with(field));
        }
        assert!(refused("\"model_type\": \"bert\",", "").contains("`model_type` is missing"));
    }

    #[test]
    fn sizes_outside_their_bounds_are_refused() {
        let heads = refused("attention_heads\": 12", "attention_heads\": 11");
        assert_eq!(heads, "config.json: 11 attention heads do not divide the hidden size 768");
        let none = refused("attention_heads\": 12", "attention_heads\": 0");
        assert!(none.contains("number of attention heads is 0; it must lie in 1..=768"), "{none}");
        let absent = refused("\"hidden_size\": 768,", "");
        assert_eq!(absent, "config.json: `hidden_size` is missing");
        let negative = refused("768", "-768");
        assert!(negative.contains("not a model configuration: invalid value"), "{negative}");
        let huge = refused("30522", "18446744073709551615");
        assert!(huge.contains("vocab_size is 18446744073709551615; it must lie in"), "{huge}");
        let labels = refused_with(r#""num_labels": 18446744073709551615"#);
        assert!(labels.contains("number of labels is 4097"), "{labels}");
        let layers = refused("\"num_hidden_layers\": 12", "\"num_hidden_layers\": 0");
        assert!(layers.contains("number of layers is 0"), "{layers}");
        assert!(refused_with(r#""layer_norm_eps": 0.0"#).contains("layer_norm_eps is 0"));
    }
}
