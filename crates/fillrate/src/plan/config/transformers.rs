//! Hugging Face's `TrainingArguments`, in JSON or YAML, at the top of the file or in a section.
//!
//! Source: `transformers.TrainingArguments`, whose defaults hold for what a file does not say.

use std::path::Path;

use super::draft::{Draft, Paths, StageDraft, gather};
use super::interpolate::Tree;
use super::{ConfigFormat, Field, Found, stem, words};
use crate::Result;
use crate::plan::document::{Document, KeyPath, Node, fault};

/// Who sets what a file does not say.
const TRANSFORMERS: &str = "TrainingArguments";

/// The key that tells the arguments from other files.
const TELLTALE: &str = "per_device_train_batch_size";

/// Others that do so together.
const TELLTALES: [&str; 4] =
    ["gradient_accumulation_steps", "num_train_epochs", "optim", "per_device_eval_batch_size"];

/// Where the arguments say what.
pub(super) const PATHS: Paths = &[
    (Field::Model, &["model_name_or_path", "model_name", "model_id"]),
    (Field::BatchSize, &["per_device_train_batch_size", "per_gpu_train_batch_size"]),
    (Field::AccumulateGradBatches, &["gradient_accumulation_steps"]),
    (Field::MaxLength, &["max_seq_length", "max_length", "model_max_length", "block_size"]),
    (Field::Optimizer, &["optim"]),
    (Field::GradientCheckpointing, &["gradient_checkpointing"]),
    (Field::Attention, &["attn_implementation"]),
    (Field::Objective, &["task_type"]),
    (Field::Labels, &["num_labels"]),
    (Field::LoraRank, &["lora_r", "lora_rank"]),
    (Field::LoraTargets, &["lora_target_modules", "target_modules"]),
    (Field::LoraDropout, &["lora_dropout"]),
    (Field::Devices, &["n_gpu", "world_size"]),
];

/// Reads the arguments.
///
/// # Errors
///
/// If both 16-bit types are asked for, or a `DeepSpeed` file cannot be read.
pub(super) fn read(path: &Path, document: &Document) -> Result<Draft> {
    let section = section(document).unwrap_or_default();
    let tree = Tree { root: &document.root, interpolates: false };
    let mut draft = Draft::new(ConfigFormat::Transformers);
    // Model and length often stand outside the section, beside it.
    let mut found = gather(tree, PATHS, &KeyPath::root(), "")?;
    found.extend(gather(tree, PATHS, &section, "")?);
    let (fields, run) = found.into_iter().partition(|(field, _)| field.is_of_stage());
    draft.run = run;
    draft.stages.push(StageDraft { name: stem(path), fields });
    draft.look(PATHS, "");
    draft.note_keys(&document.root);
    if let Some(precision) = precision(tree, &section)? {
        draft.run.insert(Field::Precision, precision);
    }
    if let Some(zero) = sharing(path, tree, &section)? {
        draft.run.insert(Field::Zero, zero);
    }
    draft.default_run(Field::Precision, "32-true", TRANSFORMERS);
    draft.default_run(Field::Optimizer, "adamw", TRANSFORMERS);
    draft.default_run(Field::ZeroGrad, "after_step", TRANSFORMERS);
    draft.default_stages(Field::BatchSize, "8", TRANSFORMERS);
    draft.default_stages(Field::AccumulateGradBatches, "1", TRANSFORMERS);
    Ok(draft)
}

/// Whether a file has the arguments.
pub(super) fn is_one(document: &Document) -> bool {
    section(document).is_some()
}

/// Where the arguments stand: at the top, or in the one section that has them.
fn section(document: &Document) -> Option<KeyPath> {
    let has = |node: &Node| {
        let count = TELLTALES.iter().filter(|key| node.get(key).is_some()).count();
        node.get(TELLTALE).is_some() || count >= 2
    };
    if has(&document.root) {
        return Some(KeyPath::root());
    }
    let entry = document.root.entries().iter().find(|entry| has(&entry.value))?;
    Some(KeyPath::root().key(&entry.key))
}

/// The precision that `bf16`, `fp16` and the like say together.
fn precision(tree: Tree<'_>, section: &KeyPath) -> Result<Option<Found>> {
    let says = |key: &str| -> Result<Option<Found>> {
        let found = super::draft::find(tree, Field::Precision, &section.key(key))?;
        Ok(found.filter(|found| words::truth(&found.text) == Some(true)))
    };
    match (says("bf16")?, says("fp16")?) {
        (Some(bf16), Some(fp16)) => {
            let message = format!("both `bf16` and `fp16` are true ({})", fp16.place_text());
            let super::Source::File { place, .. } = bf16.source else { return Ok(None) };
            Err(fault(&place.file, Some(place.line), message, "leave one of them true"))
        }
        (Some(found), None) => Ok(Some(found.translated("bf16-mixed"))),
        (None, Some(found)) => Ok(Some(found.translated("16-mixed"))),
        (None, None) => Ok(None),
    }
}

/// The stage of `ZeRO` that a `DeepSpeed` configuration, here or in a file, or `fsdp` says.
fn sharing(path: &Path, tree: Tree<'_>, section: &KeyPath) -> Result<Option<Found>> {
    let stage: KeyPath = KeyPath::root().key("zero_optimization").key("stage");
    let deepspeed = section.key("deepspeed");
    if let Some(found) = super::draft::find(tree, Field::Zero, &deepspeed.join(&stage))? {
        return Ok(Some(found));
    }
    if let Some(named) = super::draft::find(tree, Field::Zero, &deepspeed)? {
        let beside = path.parent().unwrap_or(Path::new("")).join(&named.text);
        let file =
            if Path::new(&named.text).is_file() { named.text.clone().into() } else { beside };
        let document = Document::read(&file)?;
        let inner = Tree { root: &document.root, interpolates: false };
        return Ok(super::draft::find(inner, Field::Zero, &stage)?
            .map(|found| named.translated(found.text)));
    }
    let fsdp = super::draft::find(tree, Field::Zero, &section.key("fsdp"))?;
    Ok(fsdp.filter(|found| found.text.contains("full_shard")).map(|found| found.translated("3")))
}
