//! Lightning CLI files: `trainer:`, `model:` and `data:`, each with its class's arguments.

use std::path::Path;

use super::draft::{Draft, Paths};
use super::interpolate::Tree;
use super::{ConfigFormat, Field, Found};
use crate::Result;
use crate::plan::document::Document;

/// Who sets what a file does not say.
const LIGHTNING: &str = "Lightning";

/// Where a file says what: arguments stand under `init_args` where a class is named.
pub(super) const PATHS: Paths = &[
    (
        Field::Model,
        &[
            "model.init_args.model_name_or_path",
            "model.init_args.pretrained_model_name_or_path",
            "model.init_args.base_model_name",
            "model.init_args.model_name",
            "model.model_name_or_path",
            "model.base_model_name",
            "model.model_name",
            "data.init_args.model_name_or_path",
        ],
    ),
    (
        Field::BatchSize,
        &[
            "data.init_args.batch_size",
            "data.init_args.train_batch_size",
            "data.batch_size",
            "data.train_batch_size",
            "model.init_args.batch_size",
        ],
    ),
    (Field::AccumulateGradBatches, &["trainer.accumulate_grad_batches"]),
    (
        Field::MaxLength,
        &[
            "data.init_args.max_length",
            "data.init_args.max_seq_length",
            "data.max_length",
            "data.max_seq_length",
            "model.init_args.max_length",
            "model.init_args.max_seq_length",
        ],
    ),
    (Field::NPositives, &["data.init_args.n_positives", "data.n_positives"]),
    (Field::NNegatives, &["data.init_args.n_negatives", "data.n_negatives"]),
    (Field::Precision, &["trainer.precision"]),
    (Field::Optimizer, &["optimizer.class_path", "model.init_args.optimizer.class_path"]),
    (
        Field::GradientCheckpointing,
        &["model.init_args.gradient_checkpointing", "model.gradient_checkpointing"],
    ),
    (Field::Attention, &["model.init_args.attn_implementation", "model.attn_implementation"]),
    (Field::Channels, &["model.init_args.channels", "model.channels"]),
    (Field::Objective, &["model.init_args.objective", "model.init_args.task"]),
    (Field::SharedNegatives, &["model.init_args.in_batch_negatives"]),
    (Field::Labels, &["model.init_args.num_labels", "model.num_labels"]),
    (Field::Frozen, &["model.init_args.freeze_encoder", "model.freeze_encoder"]),
    (Field::LoraRank, &["model.init_args.lora.r", "model.init_args.lora_r"]),
    (
        Field::LoraTargets,
        &["model.init_args.lora.target_modules", "model.init_args.lora_target_modules"],
    ),
    (Field::LoraDropout, &["model.init_args.lora.dropout", "model.init_args.lora_dropout"]),
    (Field::Devices, &["trainer.devices"]),
    (Field::Zero, &["trainer.strategy.class_path", "trainer.strategy"]),
];

/// Reads a file.
///
/// # Errors
///
/// If a reference in it leads nowhere.
pub(super) fn read(path: &Path, document: &Document) -> Result<Draft> {
    let tree = Tree { root: &document.root, interpolates: true };
    let mut draft = Draft::of_tree(ConfigFormat::Lightning, tree, PATHS, &super::stem(path))?;
    draft.default_run(Field::Precision, "32-true", LIGHTNING);
    draft.default_run(Field::Optimizer, "adamw", "Fillrate");
    draft.default_run(Field::ZeroGrad, "before_backward", LIGHTNING);
    draft.default_stages(Field::AccumulateGradBatches, "1", LIGHTNING);
    settle_devices(&mut draft);
    Ok(draft)
}

/// Whether a file looks like one of Lightning's.
pub(super) fn is_one(document: &Document) -> bool {
    let has = |key: &str| document.root.get(key).is_some_and(|value| !value.entries().is_empty());
    has("trainer") && (has("model") || has("data"))
}

/// `devices: auto`, `-1` and lists in the words of a number; strategies that are classes by their
/// names.
pub(super) fn settle_devices(draft: &mut Draft) {
    if let Some(found) = draft.run.remove(&Field::Devices) {
        let settled = match found.text.as_str() {
            "auto" | "-1" => {
                draft.notes.push(format!(
                    "{} is {}: one GPU is planned for; --set devices=N says how many there are",
                    found.place_text(),
                    found.text
                ));
                found.translated("1")
            }
            list if list.contains(',') => {
                let devices = list.split(',').filter(|device| !device.trim().is_empty()).count();
                found.translated(devices.to_string())
            }
            _ => found,
        };
        draft.run.insert(Field::Devices, settled);
    }
    if let Some(found) = draft.run.remove(&Field::Zero) {
        let class = found.text.rsplit('.').next().unwrap_or_default();
        let name = match class {
            "DDPStrategy" | "SingleDeviceStrategy" => "ddp",
            "FSDPStrategy" => "fsdp",
            "DeepSpeedStrategy" => "deepspeed",
            _ => found.text.as_str(),
        }
        .to_owned();
        let found: Found = found.translated(name);
        draft.run.insert(Field::Zero, found);
    }
}
