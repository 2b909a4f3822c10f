//! What `tokenizer_config.json` and `special_tokens_map.json` say beside a bare vocabulary.

use std::fs;
use std::io;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokenizers::AddedToken;

use crate::{Error, Result};

/// The settings of a tokenizer that its vocabulary files do not hold.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct TokenizerConfig {
    pub(super) do_lower_case: Option<bool>,
    pub(super) strip_accents: Option<bool>,
    pub(super) tokenize_chinese_chars: Option<bool>,
    pub(super) add_prefix_space: Option<bool>,
    model_max_length: Option<f64>,
    #[serde(flatten)]
    pub(super) special: SpecialTokens,
}

impl TokenizerConfig {
    /// Reads the configuration of a model directory; what is not there is not set.
    pub(super) fn read(dir: &Path) -> Result<Self> {
        let mut config: Self = read_json(&dir.join("tokenizer_config.json"))?.unwrap_or_default();
        if let Some(map) = read_json::<SpecialTokens>(&dir.join("special_tokens_map.json"))? {
            config.special = config.special.or(map);
        }
        Ok(config)
    }

    /// The longest sequence in tokens. `transformers` writes 10^30 for "not limited".
    pub(super) fn max_length(&self) -> Option<usize> {
        let limited = |length: &f64| (1.0..1e9).contains(length);
        self.model_max_length.filter(limited).map(|length| length as usize)
    }
}

/// The tokens with a role, as far as they are named.
#[derive(Clone, Debug, Default, Deserialize)]
#[allow(clippy::struct_field_names, reason = "the names are those of the files")]
pub(super) struct SpecialTokens {
    pub(super) bos_token: Option<SpecialToken>,
    pub(super) eos_token: Option<SpecialToken>,
    pub(super) unk_token: Option<SpecialToken>,
    pub(super) sep_token: Option<SpecialToken>,
    pub(super) pad_token: Option<SpecialToken>,
    pub(super) cls_token: Option<SpecialToken>,
    pub(super) mask_token: Option<SpecialToken>,
}

impl SpecialTokens {
    /// These, and from `other` those that are not named here.
    fn or(self, other: Self) -> Self {
        Self {
            bos_token: self.bos_token.or(other.bos_token),
            eos_token: self.eos_token.or(other.eos_token),
            unk_token: self.unk_token.or(other.unk_token),
            sep_token: self.sep_token.or(other.sep_token),
            pad_token: self.pad_token.or(other.pad_token),
            cls_token: self.cls_token.or(other.cls_token),
            mask_token: self.mask_token.or(other.mask_token),
        }
    }
}

/// A special token: its name alone, or with how it is found in a text.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum SpecialToken {
    Name(String),
    Described {
        content: String,
        #[serde(default)]
        single_word: bool,
        #[serde(default)]
        lstrip: bool,
        #[serde(default)]
        rstrip: bool,
        #[serde(default)]
        normalized: bool,
    },
}

impl SpecialToken {
    pub(super) fn content(&self) -> &str {
        match self {
            Self::Name(content) | Self::Described { content, .. } => content,
        }
    }

    pub(super) fn to_added_token(&self) -> AddedToken {
        match self {
            Self::Name(content) => AddedToken::from(content, true),
            Self::Described { content, single_word, lstrip, rstrip, normalized } => {
                AddedToken::from(content, true)
                    .single_word(*single_word)
                    .lstrip(*lstrip)
                    .rstrip(*rstrip)
                    .normalized(*normalized)
            }
        }
    }
}

impl From<&str> for SpecialToken {
    fn from(content: &str) -> Self {
        Self::Name(content.to_owned())
    }
}

/// Reads a JSON file, or nothing if there is none.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::Io { path: path.to_owned(), source }),
    };
    serde_json::from_slice(&bytes).map(Some).map_err(|source| Error::Model {
        path: path.to_owned(),
        message: format!("not the JSON that was expected: {source}"),
        hint: Some("download the file again, or remove it".to_owned()),
    })
}
