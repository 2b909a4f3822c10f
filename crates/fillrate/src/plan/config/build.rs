//! From what was found to a training run.

use std::fmt::Write as _;
use std::path::Path;

use super::draft::Draft;
use super::field::{SLIPS_MAX, nearest};
use super::found::{Fields, Found, Source};
use super::model::{ModelFacts, facts};
use super::words::{self, Task};
use super::{ConfigFormat, Field};
use crate::plan::document::fault;
use crate::plan::{
    COUNT_MAX, Encoder, Lora, Moe, Objective, Parallel, Shape, Stage, Target, Trainable, Training,
};
use crate::{Error, Result};

/// The longest list of known models that a hint shows.
const NAMES_MAX: usize = 6;

/// Dropout before an adapter if nobody says: `peft`'s `LoraConfig(lora_dropout=0.0)`.
const LORA_DROPOUT: &str = "0";

/// Makes the run, and completes the draft with what the model's files and the rules add.
///
/// # Errors
///
/// If something is missing or out of its range; the message says where it was looked or where it
/// stands.
pub(super) fn training(path: &Path, draft: &mut Draft) -> Result<Training> {
    let builder = Builder { path };
    let model = builder.model(draft)?;
    complete(draft, &model);
    let objective = builder.objective(draft)?;
    let mut encoder = Encoder::new(model.name.clone(), model.shape.clone());
    encoder.trainable = builder.trainable(draft, &model.shape)?;
    encoder.channels = builder.count(draft, &draft.run, Field::Channels)?;
    let mut stages = Vec::new();
    for index in 0..draft.stages.len() {
        stages.push(builder.stage(draft, index, objective)?);
    }
    let mut training = Training::new(encoder, objective, stages);
    training.moe = builder.moe(draft)?;
    let run = &draft.run;
    training.precision = builder.word(draft, run, Field::Precision, words::precision)?;
    training.optimizer = builder.word(draft, run, Field::Optimizer, words::optimizer)?;
    training.attention = builder.word(draft, run, Field::Attention, words::attention)?;
    training.zero_grad = builder.word(draft, run, Field::ZeroGrad, words::zero_grad)?;
    training.checkpointing =
        builder.word(draft, run, Field::GradientCheckpointing, words::truth)?;
    training.parallel = Parallel {
        devices: builder.count(draft, run, Field::Devices)?,
        zero: builder.word(draft, run, Field::Zero, words::zero)?,
    };
    builder.check(&training, draft)?;
    Ok(training)
}

struct Builder<'a> {
    path: &'a Path,
}

impl Builder<'_> {
    /// The model that the configuration names.
    fn model(&self, draft: &Draft) -> Result<ModelFacts> {
        let named = self.found(draft, &draft.run, Field::Model)?;
        if let Some(facts) = facts(&named.text)? {
            return Ok(facts);
        }
        let known: Vec<&str> = Shape::names().take(NAMES_MAX).collect();
        let message =
            format!("`{}` is neither a known model nor a folder with config.json", named.text);
        let hint = format!(
            "give its folder: --set model=DIR; known without files are {} and others",
            known.join(", ")
        );
        Err(self.refusal(named, Field::Model, &message, &hint))
    }

    fn objective(&self, draft: &Draft) -> Result<Objective> {
        let run = &draft.run;
        Ok(match self.word(draft, run, Field::Objective, words::task)? {
            Task::MaskedLm => Objective::MaskedLm,
            Task::Classification => {
                Objective::Classification { labels: self.count(draft, run, Field::Labels)? }
            }
            Task::Contrastive => {
                let shared_negatives = match run.get(&Field::SharedNegatives) {
                    Some(_) => self.word(draft, run, Field::SharedNegatives, words::truth)?,
                    // Without negatives of its own a row has only those of others.
                    None => !has_negatives(draft),
                };
                Objective::Contrastive { shared_negatives }
            }
        })
    }

    fn trainable(&self, draft: &Draft, shape: &Shape) -> Result<Trainable> {
        let run = &draft.run;
        if self.word(draft, run, Field::Frozen, words::truth)? {
            return Ok(Trainable::Frozen);
        }
        if !run.contains_key(&Field::LoraRank) {
            return Ok(Trainable::All);
        }
        let rank = self.count(draft, run, Field::LoraRank)?;
        let usual = Found::usual(LORA_DROPOUT, "peft");
        let found = run.get(&Field::LoraDropout).unwrap_or(&usual);
        let dropout = found.text.parse().ok().filter(|p| (0.0..1.0).contains(p));
        let dropout = dropout.ok_or_else(|| {
            self.out_of_range(found, Field::LoraDropout, "a number from 0 up to 1")
        })?;
        Ok(Trainable::Lora(Lora { rank, targets: self.targets(draft, shape)?, dropout }))
    }

    /// The adapted matrices; the queries' and the values' if nobody says, as `peft` has it.
    ///
    /// Source: `peft.utils.constants.TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING`.
    fn targets(&self, draft: &Draft, shape: &Shape) -> Result<Vec<Target>> {
        let family = shape.family;
        let Some(found) = draft.run.get(&Field::LoraTargets) else {
            let usual = [Target::Query, Target::Value].into_iter();
            return Ok(usual.filter(|target| target.path(family).is_some()).collect());
        };
        let mut targets = Vec::new();
        for name in found.text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let named = Target::named(family, name);
            if named.is_empty() {
                let message = format!("`{name}` is no matrix of a layer of this model");
                let known: Vec<&str> =
                    Target::ALL.iter().filter_map(|target| target.path(family)).collect();
                let hint = format!("its matrices are {}", known.join(", "));
                return Err(self.refusal(found, Field::LoraTargets, &message, &hint));
            }
            targets.extend(named);
        }
        targets.sort();
        targets.dedup();
        Ok(targets)
    }

    fn moe(&self, draft: &Draft) -> Result<Option<Moe>> {
        let run = &draft.run;
        if !run.contains_key(&Field::MoeExperts) {
            return Ok(None);
        }
        let experts = self.count(draft, run, Field::MoeExperts)?;
        let optional = |field| -> Result<Option<u64>> {
            run.get(&field).map(|found| self.whole(found, field, 1)).transpose()
        };
        let active = optional(Field::MoeActive)?.unwrap_or(experts);
        let output = optional(Field::MoeOutput)?;
        let intermediate = self.count(draft, run, Field::MoeIntermediate)?;
        Ok(Some(Moe { experts, active, intermediate, output }))
    }

    fn stage(&self, draft: &Draft, index: usize, objective: Objective) -> Result<Stage> {
        let fields = &draft.stages[index].fields;
        let mut stage = Stage::new(
            draft.stages[index].name.clone(),
            self.count(draft, fields, Field::BatchSize)?,
            self.count(draft, fields, Field::MaxLength)?,
        );
        stage.accumulate = self.count(draft, fields, Field::AccumulateGradBatches)?;
        if let Objective::Contrastive { .. } = objective {
            stage.positives = self.number(fields, Field::Positives, 1)?;
            stage.negatives = self.number(fields, Field::NNegatives, 0)?;
        }
        Ok(stage)
    }

    /// A whole number from 1 on.
    fn count(&self, draft: &Draft, fields: &Fields, field: Field) -> Result<u64> {
        let found = self.found(draft, fields, field)?;
        self.whole(found, field, 1)
    }

    /// A whole number from 0 on, or what holds if nobody says.
    fn number(&self, fields: &Fields, field: Field, usual: u64) -> Result<u64> {
        fields.get(&field).map_or(Ok(usual), |found| self.whole(found, field, 0))
    }

    fn whole(&self, found: &Found, field: Field, least: u64) -> Result<u64> {
        let scalar = crate::plan::document::Scalar::plain(&found.text);
        let number = scalar.integer().and_then(|number| u64::try_from(number).ok());
        number.filter(|number| (least..=COUNT_MAX).contains(number)).ok_or_else(|| {
            self.out_of_range(found, field, &format!("a whole number from {least} to {COUNT_MAX}"))
        })
    }

    /// A choice by its word.
    fn word<T>(
        &self,
        draft: &Draft,
        fields: &Fields,
        field: Field,
        read: fn(&str) -> Option<T>,
    ) -> Result<T> {
        let found = self.found(draft, fields, field)?;
        read(&found.text).ok_or_else(|| self.out_of_range(found, field, field.meaning()))
    }

    /// What was found, or a message that asks for it.
    fn found<'d>(&self, draft: &Draft, fields: &'d Fields, field: Field) -> Result<&'d Found> {
        fields.get(&field).ok_or_else(|| {
            let looked = draft.looked.iter().filter(|(known, _)| *known == field);
            let paths: Vec<&str> =
                looked.flat_map(|(_, paths)| paths).map(String::as_str).collect();
            let mut message = format!("`{field}` is unknown ({})", field.meaning());
            if let Some((path, more)) = paths.split_first() {
                let others = if more.is_empty() { "" } else { " or at the other usual paths" };
                // Writing to a `String` cannot fail.
                let _ = write!(message, "; it is not at `{path}`{others}");
            }
            let keys = paths.iter().filter_map(|path| path.rsplit('.').next());
            let near = draft.keys.iter().find_map(|(key, place)| {
                let near = nearest(key, keys.clone(), SLIPS_MAX).filter(|near| near != key)?;
                Some(format!("; is `{key}` ({place}) a slip of the pen for `{near}`?"))
            });
            message.push_str(&near.unwrap_or_default());
            let hint = match draft.format {
                ConfigFormat::Mapped => format!("add `{field}` to the map, or --set {field}=VALUE"),
                _ => format!("give it: --set {field}=VALUE, or say where it is in a --map FILE"),
            };
            fault(self.path, None, message, &hint)
        })
    }

    fn out_of_range(&self, found: &Found, field: Field, expected: &str) -> Error {
        let message = format!("`{}` is not {expected}", found.text);
        let hint = format!("mend it, or --set {field}=VALUE for this plan");
        self.refusal(found, field, &message, &hint)
    }

    /// A refusal of what was found, with its place.
    fn refusal(&self, found: &Found, field: Field, message: &str, hint: &str) -> Error {
        if let Source::File { path, place, .. } = &found.source {
            let message = format!("`{path}`: {message}");
            return fault(&place.file, Some(place.line), message, hint);
        }
        let message = format!("{field} ({}): {message}", found.place_text());
        fault(self.path, None, message, hint)
    }

    /// That the parts go together; a length that is too long is shown where it stands.
    fn check(&self, training: &Training, draft: &Draft) -> Result<()> {
        let Err(error) = training.check() else { return Ok(()) };
        let Error::Argument { name, message } = error else { return Err(error) };
        let longest = training.encoders.iter().map(|e| e.shape.max_length()).min().unwrap_or(0);
        let too_long = training.stages.iter().position(|stage| stage.length > longest);
        if let (Some(index), "length") = (too_long, name) {
            let found = &draft.stages[index].fields[&Field::MaxLength];
            let hint = format!("the model takes at most {longest} tokens");
            return Err(self.refusal(found, Field::MaxLength, &message, &hint));
        }
        Err(fault(self.path, None, format!("{name}: {message}"), "mend it, or use --set"))
    }
}

/// What the model's files and the rules say where nobody else does.
fn complete(draft: &mut Draft, model: &ModelFacts) {
    if let Some(file) = &model.file {
        let of_model = |text: String| Found { text, source: Source::Model { file: file.clone() } };
        if let Some(labels) = model.labels {
            draft.run.entry(Field::Labels).or_insert(of_model(labels.to_string()));
        }
        let task = model.architecture.clone().filter(|class| words::task(class).is_some());
        if let Some(class) = task.filter(|_| !is_contrastive(draft)) {
            draft.run.entry(Field::Objective).or_insert(of_model(class));
        }
    }
    let attention = match model.attention {
        crate::plan::Attention::Eager => "eager",
        crate::plan::Attention::Sdpa => "sdpa",
    };
    draft.default_run(Field::Attention, attention, "transformers");
    if is_contrastive(draft) {
        draft.default_run(Field::Objective, "contrastive", "a run with negatives");
    } else if draft.run.contains_key(&Field::Labels) {
        draft.default_run(Field::Objective, "classification", "a run with labels");
    }
    draft.default_run(Field::Channels, "1", "Fillrate");
    draft.default_run(Field::Frozen, "false", "Fillrate");
    draft.default_run(Field::GradientCheckpointing, "false", "Fillrate");
    draft.default_run(Field::Devices, "1", "Fillrate");
    draft.default_run(Field::Zero, "0", "Fillrate");
}

/// Whether rows have positives or negatives.
fn is_contrastive(draft: &Draft) -> bool {
    let pairs = [Field::Positives, Field::NPositives, Field::NNegatives];
    draft.stages.iter().any(|stage| pairs.iter().any(|field| stage.fields.contains_key(field)))
}

fn has_negatives(draft: &Draft) -> bool {
    draft.stages.iter().any(|stage| stage.fields.contains_key(&Field::NNegatives))
}
