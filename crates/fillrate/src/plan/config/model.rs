//! What is known of a model that a configuration names.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::words;
use crate::plan::document::fault;
use crate::plan::{Attention, Family, Shape};
use crate::{Error, Result};

/// What is known of a model.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ModelFacts {
    /// Its name in reports.
    pub(super) name: String,
    /// Its sizes.
    pub(super) shape: Shape,
    /// How it computes attention if nobody says.
    pub(super) attention: Attention,
    /// Its classes, if its `config.json` names them.
    pub(super) labels: Option<u64>,
    /// The class of the model there, such as `BertForMaskedLM`.
    pub(super) architecture: Option<String>,
    /// The file that says so, if there is one.
    pub(super) file: Option<PathBuf>,
}

/// What we read of a `config.json`, besides the shape.
#[derive(Debug, Default, Deserialize)]
struct Extras {
    attn_implementation: Option<String>,
    /// What older versions of `transformers` wrote.
    #[serde(rename = "_attn_implementation")]
    older_attn_implementation: Option<String>,
    num_labels: Option<u64>,
    id2label: Option<serde_json::Map<String, serde_json::Value>>,
    architectures: Option<Vec<String>>,
}

/// The model that `text` names: a folder with `config.json` (or that file), else a known name.
/// `None` if it is neither.
///
/// # Errors
///
/// If the `config.json` cannot be read, or describes no encoder that the planner knows.
pub(super) fn facts(text: &str) -> Result<Option<ModelFacts>> {
    let path = Path::new(text);
    let file = if path.is_dir() { path.join("config.json") } else { path.to_owned() };
    let name = text.trim_end_matches('/').rsplit('/').next().unwrap_or(text).to_owned();
    if file.file_name().is_some_and(|name| name == "config.json") && file.is_file() {
        return of_file(name, file).map(Some);
    }
    Ok(Shape::named(text).map(|shape| ModelFacts {
        name,
        attention: usual_attention(shape.family),
        shape,
        labels: None,
        architecture: None,
        file: None,
    }))
}

fn of_file(name: String, file: PathBuf) -> Result<ModelFacts> {
    let text = std::fs::read_to_string(&file)
        .map_err(|source| Error::Io { path: file.clone(), source })?;
    let refuse = |message: String| {
        fault(&file, None, message, "name the folder of an encoder of Hugging Face's form")
    };
    let shape = Shape::from_config(&text).map_err(|error| match error {
        Error::Argument { message, .. } => refuse(message),
        other => other,
    })?;
    let extras: Extras = serde_json::from_str(&text).map_err(|error| refuse(error.to_string()))?;
    let word = extras.attn_implementation.or(extras.older_attn_implementation);
    let attention = match &word {
        None => usual_attention(shape.family),
        Some(word) => words::attention(word).ok_or_else(|| {
            refuse(format!("`attn_implementation` is `{word}`: not eager or sdpa"))
        })?,
    };
    let labels = extras.num_labels.or(extras.id2label.map(|labels| labels.len() as u64));
    let architecture = extras.architectures.and_then(|classes| classes.into_iter().next());
    Ok(ModelFacts { name, shape, attention, labels, architecture, file: Some(file) })
}

/// What `transformers` computes attention with if nobody says.
///
/// Source: `transformers` 5.23, `_supports_sdpa` of each family's `PreTrainedModel`.
fn usual_attention(family: Family) -> Attention {
    match family {
        Family::Mpnet | Family::DebertaV2 => Attention::Eager,
        Family::Bert | Family::Roberta | Family::DistilBert | Family::ModernBert => Attention::Sdpa,
    }
}
