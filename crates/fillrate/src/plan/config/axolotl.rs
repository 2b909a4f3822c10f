//! Axolotl's YAML.
//!
//! Source: Axolotl, "Config Reference", <https://docs.axolotl.ai/docs/config-reference.html>.

use std::path::Path;

use super::draft::{Draft, Paths, find};
use super::interpolate::Tree;
use super::{ConfigFormat, Field, Found, stem, words};
use crate::Result;
use crate::plan::document::{Document, KeyPath, fault};

/// Who sets what a file does not say.
const AXOLOTL: &str = "Axolotl";

/// Where a file says what.
pub(super) const PATHS: Paths = &[
    (Field::Model, &["base_model"]),
    (Field::BatchSize, &["micro_batch_size"]),
    (Field::AccumulateGradBatches, &["gradient_accumulation_steps"]),
    (Field::MaxLength, &["sequence_len"]),
    (Field::Optimizer, &["optimizer"]),
    (Field::GradientCheckpointing, &["gradient_checkpointing"]),
    (Field::Attention, &["attn_implementation"]),
    (Field::Labels, &["num_labels"]),
    (Field::LoraRank, &["lora_r"]),
    (Field::LoraTargets, &["lora_target_modules"]),
    (Field::LoraDropout, &["lora_dropout"]),
];

/// Reads a file.
///
/// # Errors
///
/// If it asks for quantised weights, which the planner does not know.
pub(super) fn read(path: &Path, document: &Document) -> Result<Draft> {
    let tree = Tree { root: &document.root, interpolates: false };
    let mut draft = Draft::of_tree(ConfigFormat::Axolotl, tree, PATHS, &stem(path))?;
    let says = |key: &str| find(tree, Field::Precision, &KeyPath::root().key(key));
    let is_on = |key: &str| -> Result<Option<Found>> {
        let found = says(key)?;
        let is_true =
            |found: &Found| matches!(found.text.as_str(), "auto" | "full") || is_true(&found.text);
        Ok(found.filter(is_true))
    };
    for key in ["load_in_8bit", "load_in_4bit"] {
        if is_on(key)?.is_some() {
            let line = document.root.get(key).map(|node| node.place.line);
            let message = format!("`{key}`: the planner does not know quantised weights");
            return Err(fault(
                path,
                line,
                message,
                "plan without it: the answer is an upper bound",
            ));
        }
    }
    // Axolotl loads the parameters in bf16 where `bf16` is on, and trains under autocast with fp16.
    if let Some(found) = is_on("bf16")? {
        draft.run.insert(Field::Precision, found.translated("bf16-true"));
    } else if let Some(found) = is_on("fp16")? {
        draft.run.insert(Field::Precision, found.translated("16-mixed"));
    }
    for (key, word) in
        [("flash_attention", "sdpa"), ("sdp_attention", "sdpa"), ("eager_attention", "eager")]
    {
        if let Some(found) = is_on(key)? {
            draft.run.entry(Field::Attention).or_insert(found.translated(word));
        }
    }
    if let Some(found) = is_on("lora_target_linear")? {
        draft.run.insert(Field::LoraTargets, found.translated("all-linear"));
    }
    if says("adapter")?.is_none() {
        for field in [Field::LoraRank, Field::LoraTargets, Field::LoraDropout] {
            draft.run.remove(&field);
        }
    }
    draft.default_run(Field::Precision, "32-true", AXOLOTL);
    draft.default_run(Field::Optimizer, "adamw", AXOLOTL);
    draft.default_run(Field::ZeroGrad, "after_step", "TrainingArguments");
    draft.default_stages(Field::AccumulateGradBatches, "1", AXOLOTL);
    Ok(draft)
}

/// Whether a file looks like one of Axolotl's.
pub(super) fn is_one(document: &Document) -> bool {
    document.root.get("base_model").is_some()
        && ["micro_batch_size", "sequence_len", "datasets"]
            .iter()
            .any(|key| document.root.get(key).is_some())
}

fn is_true(text: &str) -> bool {
    words::truth(text) == Some(true)
}
