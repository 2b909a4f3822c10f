//! What to do when nothing fits, and what to know when it does.

use std::fmt;

use serde::Serialize;

use super::estimate::{estimate_stage, required_bytes};
use super::gpu::{Gpu, Margin};
use super::lora::{Lora, Target};
use super::memory::Estimate;
use super::search::with_batch;
use super::shapes::Family;
use super::training::{
    Attention, Objective, Optimizer, Precision, Stage, Trainable, Training, Zero,
};
use crate::{Error, Result};

/// A stage of which not even one row fits.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TooBig {
    /// What one row takes.
    pub estimate: Estimate,
    /// What there is, in bytes.
    pub budget_bytes: u64,
    /// The category that takes most.
    pub category: &'static str,
    /// What would make it smaller, the most effective first.
    pub remedies: Vec<Remedy>,
}

/// A change that makes a stage smaller.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Remedy {
    /// The change, such as `gradient checkpointing`.
    pub change: String,
    /// What one row takes then, with the context, in bytes.
    pub required_bytes: u64,
    /// Whether that fits.
    pub fits: bool,
}

/// What a person should know of a plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Warning {
    /// Negatives are shared within a forward pass, so accumulated passes are no larger batch.
    AccumulationIsNoBatch {
        /// The stage.
        stage: String,
        /// Rows that are negatives of each other.
        batch_size: u64,
        /// Rows of a step.
        effective_batch: u64,
        /// The whole batch with cached gradients.
        cached: CachedGradients,
    },
    /// A stage does not fit as it stands.
    DoesNotFit {
        /// The stage.
        stage: String,
        /// What it takes, with the context, in bytes.
        required_bytes: u64,
        /// What there is, in bytes.
        budget_bytes: u64,
    },
    /// The GPU's matrix units do not take the precision.
    Precision {
        /// The precision.
        precision: Precision,
    },
    /// An encoder's attention is eager whatever is asked for.
    EagerOnly {
        /// The encoder.
        encoder: String,
    },
    /// bf16 or fp16 parameters: small updates are lost in rounding.
    NarrowParameters {
        /// The precision.
        precision: Precision,
    },
}

/// A contrastive batch whose vectors are computed part by part without gradients, and again with them
/// once the loss has given each vector's gradient.
///
/// Source: Gao et al., "Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup"
/// (2021), section 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CachedGradients {
    /// Rows that are negatives of each other.
    pub batch_size: u64,
    /// Rows that are encoded at once.
    pub chunk_size: u64,
    /// What it takes, with the context, in bytes.
    pub required_bytes: u64,
    /// Whether that fits.
    pub fits: bool,
    /// Forward passes for each that plain training computes.
    pub forward_passes: u64,
}

impl fmt::Display for TooBig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "stage `{}` takes {} at one row, of which most are {}; there are {}",
            self.estimate.stage,
            mebibytes(self.estimate.required_bytes()),
            self.category,
            mebibytes(self.budget_bytes)
        )
    }
}

impl TooBig {
    /// The remedies in one line.
    #[must_use]
    pub fn hint(&self) -> String {
        let fitting: Vec<&str> = self
            .remedies
            .iter()
            .filter(|remedy| remedy.fits)
            .map(|remedy| remedy.change.as_str())
            .collect();
        if !fitting.is_empty() {
            return format!("it fits with {}", fitting.join(", or "));
        }
        match self.remedies.first() {
            Some(remedy) => format!(
                "no one change is enough; the best is {}: {}",
                remedy.change,
                mebibytes(remedy.required_bytes)
            ),
            None => "take a smaller model or a larger GPU".into(),
        }
    }
}

impl From<TooBig> for Error {
    fn from(too_big: TooBig) -> Self {
        Self::DoesNotFit { message: too_big.to_string(), hint: too_big.hint() }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AccumulationIsNoBatch { stage, batch_size, effective_batch, cached } => write!(
                f,
                "stage `{stage}`: accumulation makes steps of {effective_batch} rows, but each row's \
                 negatives are the {batch_size} of its pass; cached gradients (GradCache) with \
                 {} rows at a time take {} for all {effective_batch}{}, at two forward passes each",
                cached.chunk_size,
                mebibytes(cached.required_bytes),
                if cached.fits { "" } else { ", which does not fit" }
            ),
            Self::DoesNotFit { stage, required_bytes, budget_bytes } => write!(
                f,
                "stage `{stage}` takes {} and there are {}",
                mebibytes(*required_bytes),
                mebibytes(*budget_bytes)
            ),
            Self::Precision { precision } => {
                write!(f, "the GPU's matrix units do not take {}", precision.as_str())
            }
            Self::EagerOnly { encoder } => write!(
                f,
                "encoder `{encoder}` has no fused attention in transformers: its scores are stored"
            ),
            Self::NarrowParameters { precision } => write!(
                f,
                "{}: parameters of 16 bits lose small updates; a mixed precision keeps 32",
                precision.as_str()
            ),
        }
    }
}

/// What should be known of a run as it stands.
///
/// # Errors
///
/// If the run or the margin is not sound.
pub fn advise(training: &Training, gpu: &Gpu, margin: &Margin) -> Result<Vec<Warning>> {
    training.check()?;
    margin.check()?;
    let budget_bytes = gpu.budget_bytes(margin);
    let mut warnings = Vec::new();
    for stage in &training.stages {
        let (_, required_bytes) = required_bytes(training, stage, gpu);
        if required_bytes > budget_bytes {
            let stage = stage.name.clone();
            warnings.push(Warning::DoesNotFit { stage, required_bytes, budget_bytes });
        }
        let shared =
            matches!(training.objective, Objective::Contrastive { shared_negatives: true });
        if shared && stage.accumulate > 1 {
            warnings.push(Warning::AccumulationIsNoBatch {
                stage: stage.name.clone(),
                batch_size: stage.batch_size,
                effective_batch: training.effective_batch(stage),
                cached: cached_gradients(training, stage, gpu, budget_bytes),
            });
        }
    }
    let precision = training.precision;
    if gpu.takes(precision) == Some(false) {
        warnings.push(Warning::Precision { precision });
    }
    if matches!(precision, Precision::Bf16 | Precision::Fp16) {
        warnings.push(Warning::NarrowParameters { precision });
    }
    if training.attention == Attention::Sdpa {
        let eager = training.encoders.iter().filter(|e| !e.shape.family.has_fused_attention());
        warnings.extend(eager.map(|e| Warning::EagerOnly { encoder: e.name.clone() }));
    }
    Ok(warnings)
}

/// The whole effective batch on one GPU with the stage's own batch as chunk: what a chunk takes, and
/// beside it each vector and its gradient in 32 bits and the similarities with their softmax.
pub(super) fn cached_gradients(
    training: &Training,
    stage: &Stage,
    gpu: &Gpu,
    budget_bytes: u64,
) -> CachedGradients {
    let batch_size = stage.batch_size * stage.accumulate;
    let texts = batch_size * stage.texts_per_row();
    let width: u64 = training.encoders.iter().map(|e| e.shape.hidden * e.channels).sum();
    let vectors = 2 * 4 * texts * training.moe.and_then(|moe| moe.output).unwrap_or(width);
    let pairs = batch_size * batch_size * (stage.texts_per_row() - 1).max(1);
    // Similarities, scaled ones and their copies in 32 bits, the softmax and its gradient.
    let similarities = pairs * (2 * training.precision.product_bytes() + 3 * 4);
    let chunk = Stage { accumulate: 1, ..stage.clone() };
    let required_bytes = required_bytes(training, &chunk, gpu).1 + vectors + similarities;
    CachedGradients {
        batch_size,
        chunk_size: stage.batch_size,
        required_bytes,
        fits: required_bytes <= budget_bytes,
        forward_passes: 2,
    }
}

/// What one row takes, and what would make it less.
pub(super) fn remedies(training: &Training, stage: &Stage, gpu: &Gpu, budget_bytes: u64) -> TooBig {
    let stage = with_batch(stage, 1);
    let estimate = estimate_stage(training, &stage, gpu);
    let mut remedies: Vec<Remedy> = changes(training, &stage)
        .into_iter()
        .map(|(change, training, stage)| {
            let (_, required_bytes) = required_bytes(&training, &stage, gpu);
            Remedy { change, required_bytes, fits: required_bytes <= budget_bytes }
        })
        .filter(|remedy| remedy.required_bytes < estimate.required_bytes())
        .collect();
    remedies.sort_by_key(|remedy| remedy.required_bytes);
    let memory = estimate.memory;
    let categories = [
        ("parameters", memory.parameters_bytes),
        ("gradients", memory.gradients_bytes),
        ("optimizer", memory.optimizer_bytes),
        ("activations", memory.activations_bytes),
        ("batch", memory.batch_bytes),
        ("workspace", memory.workspace_bytes),
        ("context", memory.context_bytes),
    ];
    let largest = categories.iter().max_by_key(|(_, bytes)| *bytes);
    let category = largest.map_or("context", |(name, _)| *name);
    TooBig { estimate, budget_bytes, category, remedies }
}

/// The changes that are worth trying, each alone.
fn changes(training: &Training, stage: &Stage) -> Vec<(String, Training, Stage)> {
    let mut changes = Vec::new();
    let mut with = |change: String, edit: &dyn Fn(&mut Training, &mut Stage)| {
        let (mut training, mut stage) = (training.clone(), stage.clone());
        edit(&mut training, &mut stage);
        changes.push((change, training, stage));
    };
    let can_checkpoint = training.encoders.iter().all(|e| e.shape.family.has_checkpointing());
    if !training.checkpointing && can_checkpoint {
        with("gradient checkpointing".into(), &|training, _| training.checkpointing = true);
    }
    if training.precision == Precision::Fp32 {
        with("bf16-mixed".into(), &|training, _| training.precision = Precision::Bf16Mixed);
    }
    if training.attention == Attention::Eager {
        with("fused attention (sdpa)".into(), &|training, _| {
            training.attention = Attention::Sdpa;
        });
    }
    if matches!(training.optimizer, Optimizer::AdamW | Optimizer::AdamWFused) {
        with("8-bit AdamW".into(), &|training, _| training.optimizer = Optimizer::AdamW8bit);
    }
    if training.encoders.iter().any(|encoder| encoder.trainable == Trainable::All) {
        with("LoRA of rank 16 on queries and values".into(), &|training, _| {
            for encoder in &mut training.encoders {
                let is_joined = encoder.shape.family == Family::ModernBert;
                let targets = if is_joined {
                    vec![Target::Query]
                } else {
                    vec![Target::Query, Target::Value]
                };
                encoder.trainable = Trainable::Lora(Lora { rank: 16, targets, dropout: 0.0 });
            }
        });
    }
    if stage.length > 64 {
        let length = stage.length / 2;
        with(format!("{length} tokens"), &|_, stage| stage.length = length);
    }
    if stage.negatives > 1 {
        let negatives = stage.negatives / 2;
        with(format!("{negatives} negatives"), &|_, stage| stage.negatives = negatives);
    }
    if training.parallel.devices > 1 && training.parallel.zero < Zero::Three {
        with("ZeRO stage 3".into(), &|training, _| training.parallel.zero = Zero::Three);
    }
    changes
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}
