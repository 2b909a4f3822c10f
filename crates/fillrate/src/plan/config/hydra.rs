//! Hydra and `OmegaConf` trees: `conf/config.yaml`, its groups, and numbered stage files.

use std::collections::BTreeMap;
use std::path::Path;

use super::compose::{Library, Request, compose, stage_files};
use super::defaults::{Item, items};
use super::draft::{Draft, Paths, StageDraft, gather};
use super::interpolate::Tree;
use super::{ConfigFormat, Field};
use crate::Result;
use crate::plan::document::{Document, KeyPath};

/// The group that has stages if the defaults list names none with numbered files.
const STAGE_GROUP: &str = "curriculum";

/// Who sets what a tree does not say.
const LIGHTNING: &str = "Lightning";

/// Where a tree says what; `*` is the group of the stages.
pub(super) const PATHS: Paths = &[
    (
        Field::Model,
        &[
            "model.base_model_name",
            "model.model_name_or_path",
            "model.pretrained_model_name_or_path",
            "model.model_name",
            "model.backbone",
            "model.encoder.name",
            "model.name",
            "model_name_or_path",
            "base_model_name",
            "model_name",
            "model",
        ],
    ),
    (
        Field::BatchSize,
        &[
            "*.batch_size",
            "*.data_loader.batch_size",
            "data_loader.batch_size",
            "dataloader.batch_size",
            "datamodule.batch_size",
            "data.batch_size",
            "training.batch_size",
            "train.batch_size",
            "batch_size",
        ],
    ),
    (
        Field::AccumulateGradBatches,
        &[
            "*.accumulate_grad_batches",
            "training.trainer.accumulate_grad_batches",
            "trainer.accumulate_grad_batches",
            "training.accumulate_grad_batches",
            "accumulate_grad_batches",
        ],
    ),
    (
        Field::MaxLength,
        &[
            "*.max_length",
            "data_loader.tokenization.max_length",
            "data_loader.streaming.max_length",
            "data_loader.max_length",
            "tokenization.max_length",
            "tokenizer.max_length",
            "data.max_length",
            "datamodule.max_length",
            "model.max_length",
            "max_length",
        ],
    ),
    (Field::NPositives, &["*.n_positives", "data_loader.n_positives", "n_positives"]),
    (Field::NNegatives, &["*.n_negatives", "data_loader.n_negatives", "n_negatives"]),
    (
        Field::Precision,
        &["training.trainer.precision", "trainer.precision", "training.precision", "precision"],
    ),
    (
        Field::Optimizer,
        &[
            "training.optimizer._target_",
            "training.optimizer.name",
            "training.optimizer",
            "optimizer._target_",
            "optimizer.name",
            "optimizer",
        ],
    ),
    (
        Field::GradientCheckpointing,
        &["model.gradient_checkpointing", "training.gradient_checkpointing"],
    ),
    (Field::Attention, &["model.attn_implementation", "attn_implementation"]),
    (Field::Channels, &["model.channels"]),
    (Field::Objective, &["model.objective", "training.objective", "loss.objective"]),
    (Field::SharedNegatives, &["loss.shared_negatives", "loss.in_batch_negatives"]),
    (Field::Labels, &["model.num_labels", "model.num_classes", "num_labels"]),
    (Field::Frozen, &["model.freeze_encoder", "model.frozen"]),
    (Field::LoraRank, &["model.lora.r", "model.lora.rank"]),
    (Field::LoraTargets, &["model.lora.target_modules"]),
    (Field::LoraDropout, &["model.lora.dropout", "model.lora.lora_dropout"]),
    (Field::MoeExperts, &["model.moe.num_experts", "model.moe.experts"]),
    (Field::MoeActive, &["model.moe.top_k", "model.moe.active"]),
    (Field::MoeIntermediate, &["model.moe.hidden_dim", "model.moe.intermediate"]),
    (Field::MoeOutput, &["model.moe.output_dim"]),
    (Field::Devices, &["training.trainer.devices", "trainer.devices"]),
    (Field::Zero, &["training.trainer.strategy", "trainer.strategy"]),
];

/// Reads a tree: its run, and a stage for each numbered file of the group of stages.
///
/// # Errors
///
/// If a file cannot be read, or what it refers to is not there.
pub(super) fn read(path: &Path, library: &mut Library) -> Result<Draft> {
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let group = stage_group(library.read(path)?, &folder)?;
    let stages = group.as_ref().map(|group| stage_files(&folder.join(group))).unwrap_or_default();
    let mut draft = Draft::new(ConfigFormat::Hydra);
    let name = group.as_deref().unwrap_or(STAGE_GROUP).replace('/', ".");
    draft.look(PATHS, &name);
    if stages.is_empty() {
        let own = super::stem(path);
        add_stage(&mut draft, path, library, BTreeMap::new(), (&name, &own))?;
    }
    for stage in stages {
        let choices = group.iter().map(|group| (group.clone(), stage.clone())).collect();
        add_stage(&mut draft, path, library, choices, (&name, &stage))?;
    }
    settle(&mut draft);
    Ok(draft)
}

/// Composes the configuration of one stage and adds it; `names` are the group's and the stage's.
fn add_stage(
    draft: &mut Draft,
    path: &Path,
    library: &mut Library,
    choices: BTreeMap<String, String>,
    names: (&str, &str),
) -> Result<()> {
    let (group, stage) = names;
    let mut request = Request { primary: path, choices };
    let mut composition = compose(library, &request)?;
    // A group that the defaults list does not name is laid over the rest, as the training does.
    if let Some((group, option)) = request.choices.pop_first() {
        let file = path.parent().unwrap_or(Path::new("")).join(&group).join(option);
        composition.add_unlisted(library, &group, &file.with_extension("yaml"))?;
    }
    for (group, option) in &composition.missing {
        let note = format!("`{group}: {option}` has no file; the numbered files stand for it");
        if !draft.notes.contains(&note) {
            draft.notes.push(note);
        }
    }
    let tree = Tree { root: &composition.root, interpolates: true };
    let found = gather(tree, PATHS, &KeyPath::root(), group)?;
    let (fields, run) = found.into_iter().partition(|(field, _)| field.is_of_stage());
    if draft.stages.is_empty() {
        draft.run = run;
    }
    draft.note_keys(&composition.root);
    let key = format!("{group}.name").parse::<KeyPath>();
    let name = key.ok().and_then(|key| tree.text(&key).transpose()).transpose()?;
    let name = name.map_or_else(|| stage.to_owned(), |name| name.value);
    draft.stages.push(StageDraft { name, fields });
    Ok(())
}

/// What a tree leaves to the programs that read it.
fn settle(draft: &mut Draft) {
    draft.default_run(Field::Precision, "32-true", LIGHTNING);
    draft.default_run(Field::Optimizer, "adamw", "Fillrate");
    draft.default_run(Field::ZeroGrad, "before_backward", LIGHTNING);
    draft.default_stages(Field::AccumulateGradBatches, "1", LIGHTNING);
    super::lightning::settle_devices(draft);
}

/// The group whose numbered files are the stages: one that the defaults list names, else
/// `curriculum`.
fn stage_group(document: &Document, folder: &Path) -> Result<Option<String>> {
    let named = items(document)?.into_iter().filter_map(|item| match item {
        Item::Choice(choice) => Some(choice.group.trim_matches('/').to_owned()),
        _ => None,
    });
    let mut groups = named.chain([STAGE_GROUP.to_owned()]);
    Ok(groups.find(|group| !group.is_empty() && !stage_files(&folder.join(group)).is_empty()))
}

/// Whether a file looks like the top of a tree.
pub(super) fn is_one(document: &Document) -> bool {
    let has_list = document.root.get("defaults").is_some_and(|list| !list.items().is_empty());
    let has_group = ["data_loader", "training"]
        .iter()
        .any(|key| document.root.get(key).is_some_and(|section| !section.entries().is_empty()));
    has_list || has_group
}
