//! The sizes of encoders: of those that everybody uses, and from a `config.json`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::training::{Dropout, count, fault};
use crate::Result;

/// The families of encoders, by what their layers compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// BERT and MiniLM.
    Bert,
    /// RoBERTa, XLM-RoBERTa and CamemBERT: positions begin after the padding token's id.
    Roberta,
    /// DistilBERT: no token types, no pooler.
    DistilBert,
    /// MPNet: a learned bias by relative position is added to attention's scores.
    Mpnet,
    /// DeBERTa v2 and v3: scores have terms of content and relative position.
    DebertaV2,
    /// ModernBERT: rotary positions, gated feed-forward, norms before, local and global attention.
    ModernBert,
}

/// The sizes of an encoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shape {
    /// The family.
    pub family: Family,
    /// The number of token ids.
    pub vocabulary: u64,
    /// The width of a token's hidden state.
    pub hidden: u64,
    /// The number of layers.
    pub layers: u64,
    /// The number of attention heads; it divides `hidden`.
    pub heads: u64,
    /// The width of the feed-forward network (of one half where it is gated).
    pub intermediate: u64,
    /// The rows of the position table, or the longest sequence where there is no table.
    pub positions: u64,
    /// The rows of the token type table, 0 if there is none.
    pub token_types: u64,
    /// DeBERTa's buckets of relative positions, MPNet's too; 0 elsewhere.
    pub relative_positions: u64,
    /// The shape's own probabilities of dropout.
    pub dropout: Dropout,
}

/// Upper bounds of what a configuration may ask for: several times the largest published encoders,
/// and small enough that no product of the planner overflows.
const VOCABULARY_MAX: u64 = 1 << 24;
const WIDTH_MAX: u64 = 1 << 17;
const LAYERS_MAX: u64 = 1 << 10;

/// Positions in RoBERTa's and MPNet's tables that no token uses: those up to the padding token's id, 1.
const POSITIONS_UNUSED: u64 = 2;

/// Names, as the last part of a repository's, and sizes: vocabulary, hidden, layers, heads,
/// intermediate, positions, token types, relative positions.
///
/// Source: the `config.json` of each repository on huggingface.co.
type Known = (&'static [&'static str], Family, [u64; 8]);

#[rustfmt::skip]
const KNOWN: &[Known] = &[
    (&["bert-base-uncased", "bert-base", "finbert", "bge-base-en-v1.5", "e5-base-v2", "gte-base"], Family::Bert, [30_522, 768, 12, 12, 3072, 512, 2, 0]),
    (&["bert-base-cased"], Family::Bert, [28_996, 768, 12, 12, 3072, 512, 2, 0]),
    (&["bert-large-uncased", "bert-large", "bge-large-en-v1.5", "e5-large-v2", "gte-large"], Family::Bert, [30_522, 1024, 24, 16, 4096, 512, 2, 0]),
    (&["bert-large-cased"], Family::Bert, [28_996, 1024, 24, 16, 4096, 512, 2, 0]),
    (&["bert-base-multilingual-cased"], Family::Bert, [119_547, 768, 12, 12, 3072, 512, 2, 0]),
    (&["bert-base-multilingual-uncased"], Family::Bert, [105_879, 768, 12, 12, 3072, 512, 2, 0]),
    (&["all-minilm-l6-v2", "minilm-l6", "paraphrase-minilm-l6-v2", "multi-qa-minilm-l6-cos-v1", "minilm-l6-h384-uncased"], Family::Bert, [30_522, 384, 6, 12, 1536, 512, 2, 0]),
    (&["all-minilm-l12-v2", "minilm-l12", "minilm-l12-h384-uncased", "bge-small-en-v1.5", "e5-small-v2", "gte-small"], Family::Bert, [30_522, 384, 12, 12, 1536, 512, 2, 0]),
    (&["paraphrase-multilingual-minilm-l12-v2"], Family::Bert, [250_037, 384, 12, 12, 1536, 512, 2, 0]),
    (&["distilbert-base-uncased", "distilbert"], Family::DistilBert, [30_522, 768, 6, 12, 3072, 512, 0, 0]),
    (&["distilbert-base-cased"], Family::DistilBert, [28_996, 768, 6, 12, 3072, 512, 0, 0]),
    (&["distilbert-base-multilingual-cased"], Family::DistilBert, [119_547, 768, 6, 12, 3072, 512, 0, 0]),
    (&["roberta-base", "twitter-roberta-base", "twitter-roberta-base-sentiment", "twitter-roberta-base-sentiment-latest"], Family::Roberta, [50_265, 768, 12, 12, 3072, 514, 1, 0]),
    (&["roberta-large"], Family::Roberta, [50_265, 1024, 24, 16, 4096, 514, 1, 0]),
    (&["distilroberta-base", "all-distilroberta-v1"], Family::Roberta, [50_265, 768, 6, 12, 3072, 514, 1, 0]),
    (&["xlm-roberta-base", "multilingual-e5-base"], Family::Roberta, [250_002, 768, 12, 12, 3072, 514, 1, 0]),
    (&["xlm-roberta-large", "multilingual-e5-large"], Family::Roberta, [250_002, 1024, 24, 16, 4096, 514, 1, 0]),
    (&["mpnet-base", "all-mpnet-base-v2", "multi-qa-mpnet-base-dot-v1"], Family::Mpnet, [30_527, 768, 12, 12, 3072, 514, 0, 32]),
    (&["deberta-v3-xsmall"], Family::DebertaV2, [128_100, 384, 12, 6, 1536, 512, 0, 256]),
    (&["deberta-v3-small"], Family::DebertaV2, [128_100, 768, 6, 12, 3072, 512, 0, 256]),
    (&["deberta-v3-base"], Family::DebertaV2, [128_100, 768, 12, 12, 3072, 512, 0, 256]),
    (&["deberta-v3-large"], Family::DebertaV2, [128_100, 1024, 24, 16, 4096, 512, 0, 256]),
    (&["modernbert-base"], Family::ModernBert, [50_368, 768, 22, 12, 1152, 8192, 0, 0]),
    (&["modernbert-large"], Family::ModernBert, [50_368, 1024, 28, 16, 2624, 8192, 0, 0]),
];

impl Family {
    /// The `model_type` of a `config.json`.
    #[must_use]
    pub const fn model_type(self) -> &'static str {
        match self {
            Self::Bert => "bert",
            Self::Roberta => "roberta",
            Self::DistilBert => "distilbert",
            Self::Mpnet => "mpnet",
            Self::DebertaV2 => "deberta-v2",
            Self::ModernBert => "modernbert",
        }
    }

    /// Whether `transformers` computes its attention in fused kernels; the others are always eager.
    #[must_use]
    pub const fn has_fused_attention(self) -> bool {
        !matches!(self, Self::Mpnet | Self::DebertaV2)
    }

    /// Whether `transformers` can compute its layers again in the backward pass.
    #[must_use]
    pub const fn has_checkpointing(self) -> bool {
        !matches!(self, Self::Mpnet)
    }

    fn of(model_type: &str) -> Option<Self> {
        Some(match model_type {
            "bert" => Self::Bert,
            "roberta" | "xlm-roberta" | "camembert" => Self::Roberta,
            "distilbert" => Self::DistilBert,
            "mpnet" => Self::Mpnet,
            "deberta-v2" => Self::DebertaV2,
            "modernbert" => Self::ModernBert,
            _ => return None,
        })
    }

    /// What a configuration that says nothing means: the probability of dropout, the positions, the
    /// token types.
    const fn defaults(self) -> (f64, u64, u64) {
        match self {
            Self::Bert | Self::Roberta => (0.1, 512, 2),
            Self::DistilBert | Self::Mpnet | Self::DebertaV2 => (0.1, 512, 0),
            Self::ModernBert => (0.0, 8192, 0),
        }
    }
}

impl Shape {
    /// The shape of a well-known model, by its name or its repository's, such as `bert-base-uncased`
    /// or `sentence-transformers/all-MiniLM-L6-v2`; letters may be of either case.
    ///
    /// ```
    /// use fillrate::plan::Shape;
    ///
    /// let shape = Shape::named("sentence-transformers/all-MiniLM-L6-v2").unwrap();
    /// assert_eq!((shape.hidden, shape.layers), (384, 6));
    /// assert!(Shape::named("my-own-model").is_none());
    /// ```
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let name = name.trim_end_matches('/').rsplit('/').next()?.to_ascii_lowercase();
        let (_, family, sizes) = KNOWN.iter().find(|(names, ..)| names.contains(&name.as_str()))?;
        let [vocabulary, hidden, layers, heads, intermediate, positions, token_types, relative] =
            *sizes;
        let (dropout, ..) = family.defaults();
        Some(Self {
            family: *family,
            vocabulary,
            hidden,
            layers,
            heads,
            intermediate,
            positions,
            token_types,
            relative_positions: relative,
            dropout: Dropout { hidden: dropout, attention: dropout },
        })
    }

    /// The names of the well-known models, in small letters.
    pub fn names() -> impl Iterator<Item = &'static str> {
        KNOWN.iter().flat_map(|(names, ..)| names.iter().copied())
    }

    /// The shape that a Hugging Face `config.json` describes.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Argument`] if the text is no JSON object, lacks a size, or describes an encoder that
    /// is not known here.
    pub fn from_config(json: &str) -> Result<Self> {
        let config: Map<String, Value> = serde_json::from_str(json)
            .map_err(|error| refusal(format!("not a model configuration: {error}")))?;
        let config = Config(&config);
        let model_type = config.0.get("model_type").and_then(Value::as_str);
        let Some(family) = model_type.and_then(Family::of) else {
            let found = model_type.unwrap_or("missing");
            return Err(refusal(format!(
                "model_type is {found}; known are bert, roberta, xlm-roberta, camembert, \
                 distilbert, mpnet, deberta-v2 and modernbert"
            )));
        };
        let (dropout, positions, token_types) = family.defaults();
        let keys: [&[&str]; 2] = match family {
            Family::ModernBert => [&["mlp_dropout"], &["attention_dropout"]],
            _ => [
                &["hidden_dropout_prob", "dropout"],
                &["attention_probs_dropout_prob", "attention_dropout"],
            ],
        };
        let has_types = matches!(family, Family::Bert | Family::Roberta);
        let shape = Self {
            family,
            vocabulary: config.size(&["vocab_size"], None)?,
            hidden: config.size(&["hidden_size", "dim"], None)?,
            layers: config.size(&["num_hidden_layers", "n_layers"], None)?,
            heads: config.size(&["num_attention_heads", "n_heads"], None)?,
            intermediate: config.size(&["intermediate_size", "hidden_dim"], None)?,
            positions: config.size(&["max_position_embeddings"], Some(positions))?,
            token_types: if has_types {
                config.size(&["type_vocab_size"], Some(token_types))?
            } else {
                0
            },
            relative_positions: match family {
                Family::Mpnet => config.size(&["relative_attention_num_buckets"], Some(32))?,
                Family::DebertaV2 => config.buckets()?,
                _ => 0,
            },
            dropout: Dropout {
                hidden: config.probability(keys[0], dropout)?,
                attention: config.probability(keys[1], dropout)?,
            },
        };
        shape.check()?;
        Ok(shape)
    }

    /// The longest sequence, in tokens.
    #[must_use]
    pub const fn max_length(&self) -> u64 {
        match self.family {
            Family::Roberta | Family::Mpnet => self.positions.saturating_sub(POSITIONS_UNUSED),
            _ => self.positions,
        }
    }

    /// Whether positions are rows of a table that is added to the embeddings.
    pub(super) const fn has_position_table(&self) -> bool {
        !matches!(self.family, Family::DebertaV2 | Family::ModernBert)
    }

    /// Integers that the model keeps beside its parameters: position ids, and type ids of zeros.
    pub(super) const fn buffer_elements(&self) -> u64 {
        match self.family {
            Family::Bert | Family::Roberta => 2 * self.positions,
            Family::ModernBert => 0,
            _ => self.positions,
        }
    }

    /// That every size is in its range.
    pub(super) fn check(&self) -> Result<()> {
        count("shape.heads", self.heads)?;
        for (name, value, most) in [
            ("shape.vocabulary", self.vocabulary, VOCABULARY_MAX),
            ("shape.hidden", self.hidden, WIDTH_MAX),
            ("shape.layers", self.layers, LAYERS_MAX),
            ("shape.intermediate", self.intermediate, WIDTH_MAX),
            ("shape.positions", self.positions, WIDTH_MAX),
        ] {
            if !(1..=most).contains(&value) {
                return Err(fault(name, format!("{value} is not in 1..={most}")));
            }
        }
        if self.token_types > WIDTH_MAX || self.relative_positions > WIDTH_MAX {
            return Err(fault("shape.token_types", format!("more than {WIDTH_MAX}")));
        }
        if !self.hidden.is_multiple_of(self.heads) {
            let message = format!("{} heads do not divide {}", self.heads, self.hidden);
            return Err(fault("shape.heads", message));
        }
        Ok(())
    }
}

struct Config<'a>(&'a Map<String, Value>);

impl Config<'_> {
    /// The first of `keys` that is there, or `default`.
    fn size(&self, keys: &[&str], default: Option<u64>) -> Result<u64> {
        match keys.iter().find_map(|key| self.0.get(*key).filter(|value| !value.is_null())) {
            Some(value) => value
                .as_u64()
                .ok_or_else(|| refusal(format!("`{}` is {value}, not a size", keys[0]))),
            None => default.ok_or_else(|| refusal(format!("`{}` is missing", keys[0]))),
        }
    }

    fn probability(&self, keys: &[&str], default: f64) -> Result<f64> {
        match keys.iter().find_map(|key| self.0.get(*key).filter(|value| !value.is_null())) {
            Some(value) => value
                .as_f64()
                .filter(|p| (0.0..1.0).contains(p))
                .ok_or_else(|| refusal(format!("`{}` is {value}, not in [0, 1)", keys[0]))),
            None => Ok(default),
        }
    }

    /// DeBERTa's buckets, of the variant that shares its projections with positions.
    fn buckets(&self) -> Result<u64> {
        let is_true = |key| self.0.get(key).and_then(Value::as_bool).unwrap_or(false);
        let convolves = self.size(&["conv_kernel_size"], Some(0))? > 0;
        if !is_true("relative_attention") || !is_true("share_att_key") || convolves {
            return Err(refusal(
                "a variant of DeBERTa that is not known: relative_attention and share_att_key are \
                 not both true, or it has a convolution"
                    .into(),
            ));
        }
        let positions = self.size(&["max_position_embeddings"], Some(512))?;
        // -1 stands for as many as there are positions.
        match self.0.get("position_buckets").and_then(Value::as_i64) {
            Some(buckets) if buckets > 0 => Ok(buckets as u64),
            _ => Ok(positions),
        }
    }
}

fn refusal(message: String) -> crate::Error {
    fault("config.json", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart_and_have_sound_shapes() {
        let mut names: Vec<_> = Shape::names().collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
        for name in names {
            let shape = Shape::named(&name.to_ascii_uppercase()).unwrap();
            shape.check().unwrap();
            assert_eq!(name, name.to_ascii_lowercase());
        }
        assert_eq!(Shape::named("microsoft/deberta-v3-base").unwrap().relative_positions, 256);
        assert_eq!(Shape::named("FacebookAI/roberta-base").unwrap().max_length(), 512);
    }

    #[test]
    fn a_configuration_gives_what_its_name_does() {
        let json = r#"{"model_type": "distilbert", "vocab_size": 30522, "dim": 768, "n_layers": 6,
            "n_heads": 12, "hidden_dim": 3072, "max_position_embeddings": 512, "dropout": 0.1,
            "attention_dropout": 0.1}"#;
        assert_eq!(Shape::from_config(json).unwrap(), Shape::named("distilbert").unwrap());
        let json = r#"{"model_type": "deberta-v2", "vocab_size": 128100, "hidden_size": 768,
            "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072,
            "relative_attention": true, "share_att_key": true, "position_buckets": 256,
            "type_vocab_size": 0, "max_relative_positions": -1}"#;
        assert_eq!(Shape::from_config(json).unwrap(), Shape::named("deberta-v3-base").unwrap());
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let refused = |json: &str| Shape::from_config(json).unwrap_err().to_string();
        assert!(refused("[]").contains("not a model configuration"));
        assert!(refused(r#"{"model_type": "llama"}"#).contains("model_type is llama"));
        assert!(refused(r#"{"model_type": "bert"}"#).contains("`vocab_size` is missing"));
        let bert = |extra: &str| {
            format!(
                r#"{{"model_type": "bert", "vocab_size": 10, "hidden_size": 10, "num_hidden_layers": 2,
                "intermediate_size": 8, {extra}}}"#
            )
        };
        assert!(refused(&bert(r#""num_attention_heads": 3"#)).contains("3 heads do not divide 10"));
        assert!(refused(&bert(r#""num_attention_heads": -2"#)).contains("not a size"));
        let probability = r#""num_attention_heads": 2, "hidden_dropout_prob": 1.5"#;
        assert!(refused(&bert(probability)).contains("not in [0, 1)"));
    }
}
