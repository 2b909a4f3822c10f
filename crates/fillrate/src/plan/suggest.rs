//! Settings that fit: the fastest, a balanced one, and one that saves memory.

use serde::Serialize;

use super::estimate::estimate_stage;
use super::gpu::{Gpu, Margin};
use super::memory::Estimate;
use super::remedy::{Warning, advise, remedies};
use super::search::{LargestBatch, largest_batch, with_batch};
use super::training::{COUNT_MAX, Precision, Stage, Training, fault};
use crate::Result;

/// A balanced setting is as fast as the fastest but for this share.
const BALANCED_SHARE: f64 = 0.05;

/// A setting that saves memory takes at most this share of what the balanced one does, where one does.
const SAVING_SHARE: f64 = 0.5;

/// What is asked of [`suggest`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SuggestOptions {
    /// How much memory to leave.
    pub margin: Margin,
    /// The rows of a step over all GPUs that each stage must have; `None` keeps each stage's own.
    pub effective_batch: Option<u64>,
    /// Whether all stages have one batch, as where a configuration has one key for all.
    pub shared_batch: bool,
    /// What else may change.
    pub axes: Axes,
}

/// Settings beside batch and accumulation that may change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is an axis of its own, on or off")]
pub struct Axes {
    /// Gradient checkpointing.
    pub checkpointing: bool,
    /// From 32 bits to a mixed precision that the GPU takes.
    pub precision: bool,
    /// Shorter sequences: suggestions of their own, since they change what is learned.
    pub length: bool,
    /// Fewer negatives: suggestions of their own, since they change what is learned.
    pub negatives: bool,
}

/// A way to run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Suggestion {
    /// `throughput`, `balanced`, `memory-saving`, or `length-N` and `negatives-N`.
    pub name: String,
    /// The run, with the batch and accumulation of each stage.
    pub training: Training,
    /// Its stages.
    pub stages: Vec<StagePlan>,
    /// What should be known of it.
    pub warnings: Vec<Warning>,
}

/// A stage of a suggestion.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StagePlan {
    /// The stage, with its batch and accumulation.
    pub stage: Stage,
    /// Rows of a step over all GPUs.
    pub effective_batch: u64,
    /// The largest batch that fits, whatever the effective batch is.
    pub largest_batch: u64,
    /// What it takes.
    pub estimate: Estimate,
    /// The share of the GPU's memory that it takes, in [0, 1].
    pub utilization: f64,
}

/// A batch that fits and divides the effective one.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    batch_size: u64,
    required_bytes: u64,
    /// Seconds for a row; by falling batch where the GPU's rates are unknown.
    cost: f64,
}

/// Suggests batches and accumulation that fit and keep each stage's effective batch: `throughput`, the
/// fastest by the predicted step time (the largest batch where the GPU's rates are unknown);
/// `balanced`, the smallest that is within 5 % of it; `memory-saving`, the fastest within half of
/// what that takes, or else the smallest.
///
/// ```
/// use fillrate::plan::{
///     Encoder, Gpu, Objective, Shape, Stage, SuggestOptions, Training, suggest,
/// };
///
/// let shape = Shape::named("roberta-base").unwrap();
/// let training = Training::new(
///     Encoder::new("roberta", shape),
///     Objective::Classification { labels: 3 },
///     vec![Stage { accumulate: 16, ..Stage::new("all", 16, 256) }],
/// );
/// let suggestions = suggest(&training, &Gpu::named("l4")?, &SuggestOptions::default())?;
/// let names: Vec<&str> = suggestions.iter().map(|s| s.name.as_str()).collect();
/// assert_eq!(names, ["throughput", "balanced", "memory-saving"]);
/// let plan = &suggestions[0].stages[0];
/// assert_eq!(plan.stage.batch_size * plan.stage.accumulate, 256);
/// # Ok::<(), fillrate::Error>(())
/// ```
///
/// # Errors
///
/// If the run or an option is not sound, the effective batch is no multiple of the GPUs, or not even
/// one row of a stage fits ([`crate::Error::DoesNotFit`], with what would help).
pub fn suggest(
    training: &Training,
    gpu: &Gpu,
    options: &SuggestOptions,
) -> Result<Vec<Suggestion>> {
    training.check()?;
    options.margin.check()?;
    let menus = menus(&variants(training, gpu, options.axes), gpu, options)?;
    let mut suggestions = Vec::new();
    for goal in [Goal::Throughput, Goal::Balanced, Goal::MemorySaving] {
        suggestions.push(best(goal, &menus, gpu, options)?);
    }
    for (name, variant) in shorter(training, options.axes) {
        let menus = self::menus(&[variant], gpu, options)?;
        suggestions.push(Suggestion { name, ..best(Goal::Throughput, &menus, gpu, options)? });
    }
    Ok(suggestions)
}

/// A run with the batches that each of its stages can have.
struct Menu {
    training: Training,
    stages: Vec<Vec<Candidate>>,
}

/// The runs of which every stage fits.
fn menus(variants: &[Training], gpu: &Gpu, options: &SuggestOptions) -> Result<Vec<Menu>> {
    let mut menus = Vec::new();
    let mut refusal = None;
    for training in variants {
        match Menu::of(training, gpu, options) {
            Ok(menu) => menus.push(menu),
            Err(error) => refusal = refusal.or(Some(error)),
        }
    }
    match refusal {
        Some(error) if menus.is_empty() => Err(error),
        _ => Ok(menus),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Goal {
    Throughput,
    Balanced,
    MemorySaving,
}

impl Goal {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Throughput => "throughput",
            Self::Balanced => "balanced",
            Self::MemorySaving => "memory-saving",
        }
    }
}

/// The runs that the axes allow; the run itself is the first.
fn variants(training: &Training, gpu: &Gpu, axes: Axes) -> Vec<Training> {
    let mut variants = vec![training.clone()];
    if axes.precision && training.precision == Precision::Fp32 {
        let is_bf16 = gpu.takes(Precision::Bf16Mixed).unwrap_or(true);
        let precision = if is_bf16 { Precision::Bf16Mixed } else { Precision::Fp16Mixed };
        variants.push(Training { precision, ..training.clone() });
    }
    let can_checkpoint = training.encoders.iter().all(|e| e.shape.family.has_checkpointing());
    if axes.checkpointing && can_checkpoint {
        let other = |variant: &Training| Training {
            checkpointing: !variant.checkpointing,
            ..variant.clone()
        };
        variants.extend(variants.iter().map(other).collect::<Vec<_>>());
    }
    variants
}

/// Runs with half the tokens or half the negatives.
fn shorter(training: &Training, axes: Axes) -> Vec<(String, Training)> {
    let mut runs = Vec::new();
    let longest = training.stages.iter().map(|stage| stage.length).max().unwrap_or(1);
    if axes.length && longest > 1 {
        let length = longest / 2;
        let mut run = training.clone();
        run.stages.iter_mut().for_each(|stage| stage.length = stage.length.min(length));
        runs.push((format!("length-{length}"), run));
    }
    let most = training.stages.iter().map(|stage| stage.negatives).max().unwrap_or(0);
    if axes.negatives && most > 1 {
        let negatives = most / 2;
        let mut run = training.clone();
        run.stages.iter_mut().for_each(|stage| stage.negatives = stage.negatives.min(negatives));
        runs.push((format!("negatives-{negatives}"), run));
    }
    runs
}

/// The best of several runs for a goal.
fn best(goal: Goal, menus: &[Menu], gpu: &Gpu, options: &SuggestOptions) -> Result<Suggestion> {
    let settled = menus.iter().map(|menu| menu.settle(goal, options));
    let mut least: Option<(f64, Training)> = None;
    for settled in settled {
        let (cost, training) = settled?;
        if least.as_ref().is_none_or(|(other, _)| cost < *other) {
            least = Some((cost, training));
        }
    }
    let Some((_, training)) = least else {
        return Err(fault("training", "there is no run to choose from".into()));
    };
    let stages = (0..training.stages.len())
        .map(|index| plan_stage(&training, index, gpu, options))
        .collect::<Result<_>>()?;
    let warnings = advise(&training, gpu, &options.margin)?;
    Ok(Suggestion { name: goal.as_str().to_owned(), training, stages, warnings })
}

impl Menu {
    fn of(training: &Training, gpu: &Gpu, options: &SuggestOptions) -> Result<Self> {
        let mut stages = training
            .stages
            .iter()
            .map(|stage| candidates(training, stage, gpu, options))
            .collect::<Result<Vec<_>>>()?;
        if options.shared_batch {
            keep_common(&mut stages)?;
        }
        Ok(Self { training: training.clone(), stages })
    }

    /// The run with the batches that suit a goal best, and what is to be kept small: seconds for a
    /// row of each stage, or bytes.
    fn settle(&self, goal: Goal, options: &SuggestOptions) -> Result<(f64, Training)> {
        let mut training = self.training.clone();
        let mut total = 0.0;
        for (stage, candidates) in training.stages.iter_mut().zip(&self.stages) {
            let Some(choice) = choose(goal, candidates) else { continue };
            let rows = effective(&self.training, stage, options)?;
            stage.batch_size = choice.batch_size;
            stage.accumulate = rows / self.training.parallel.devices / choice.batch_size;
            total += match goal {
                Goal::MemorySaving => choice.required_bytes as f64,
                Goal::Throughput | Goal::Balanced => choice.cost,
            };
        }
        Ok((total, training))
    }
}

/// Of the candidates, by rising batch, the one for a goal.
fn choose(goal: Goal, candidates: &[Candidate]) -> Option<&Candidate> {
    let by_cost = |a: &&Candidate, b: &&Candidate| a.cost.total_cmp(&b.cost);
    let best = candidates.iter().min_by(by_cost)?;
    match goal {
        Goal::Throughput => Some(best),
        Goal::Balanced => candidates.iter().find(|c| c.cost <= best.cost * (1.0 + BALANCED_SHARE)),
        Goal::MemorySaving => {
            let balanced = choose(Goal::Balanced, candidates)?;
            let half = (balanced.required_bytes as f64 * SAVING_SHARE) as u64;
            let saving = candidates.iter().filter(|c| c.required_bytes <= half).min_by(by_cost);
            saving.or_else(|| candidates.iter().min_by_key(|c| c.required_bytes))
        }
    }
}

/// The batches that fit and divide the rows of a step, by rising batch.
fn candidates(
    training: &Training,
    stage: &Stage,
    gpu: &Gpu,
    options: &SuggestOptions,
) -> Result<Vec<Candidate>> {
    let effective = effective(training, stage, options)?;
    let per_device = effective / training.parallel.devices;
    let budget_bytes = gpu.budget_bytes(&options.margin);
    let mut candidates = Vec::new();
    for batch_size in divisors(per_device) {
        let tried = Stage { accumulate: per_device / batch_size, ..with_batch(stage, batch_size) };
        let estimate = estimate_stage(training, &tried, gpu);
        if estimate.allocated_bytes + estimate.memory.context_bytes > budget_bytes {
            // What tensors hold rises with the batch: no larger one fits.
            break;
        }
        let required_bytes = estimate.required_bytes();
        if required_bytes <= budget_bytes {
            let cost =
                estimate.time.map_or(1.0 / batch_size as f64, |time| 1.0 / time.rows_per_second);
            candidates.push(Candidate { batch_size, required_bytes, cost });
        }
    }
    if candidates.is_empty() {
        return Err(remedies(training, stage, gpu, budget_bytes).into());
    }
    Ok(candidates)
}

/// Leaves the batches that every stage can have, each with what it costs all stages and takes of the
/// largest, so that each stage makes the same choice.
fn keep_common(stages: &mut [Vec<Candidate>]) -> Result<()> {
    let Some((first, others)) = stages.split_first() else { return Ok(()) };
    let common: Vec<Candidate> = first
        .iter()
        .filter_map(|candidate| {
            others.iter().try_fold(*candidate, |sum, stage| {
                let same = stage.iter().find(|other| other.batch_size == sum.batch_size)?;
                let required_bytes = sum.required_bytes.max(same.required_bytes);
                Some(Candidate { required_bytes, cost: sum.cost + same.cost, ..sum })
            })
        })
        .collect();
    if common.is_empty() {
        let message = "no batch fits every stage and divides each one's effective batch";
        return Err(fault("batch_size", message.into()));
    }
    stages.fill(common);
    Ok(())
}

fn effective(training: &Training, stage: &Stage, options: &SuggestOptions) -> Result<u64> {
    let effective = options.effective_batch.unwrap_or_else(|| training.effective_batch(stage));
    let devices = training.parallel.devices;
    if effective == 0 || effective > COUNT_MAX * devices || !effective.is_multiple_of(devices) {
        let message = format!("{effective} rows cannot be divided evenly over {devices} GPUs");
        return Err(fault("effective_batch", message));
    }
    Ok(effective)
}

/// The divisors of a number, rising.
fn divisors(number: u64) -> Vec<u64> {
    let small: Vec<u64> =
        (1..=number.isqrt()).filter(|divisor| number.is_multiple_of(*divisor)).collect();
    let large = small.iter().rev().map(|d| number / d).filter(|d| d * d > number);
    small.iter().copied().chain(large).collect()
}

fn plan_stage(
    training: &Training,
    index: usize,
    gpu: &Gpu,
    options: &SuggestOptions,
) -> Result<StagePlan> {
    let stage = training.stage(index)?.clone();
    let estimate = estimate_stage(training, &stage, gpu);
    let largest = match largest_batch(training, index, gpu, &options.margin)? {
        LargestBatch::Fits { batch_size, .. } => batch_size,
        LargestBatch::Nothing(_) => 0,
    };
    Ok(StagePlan {
        effective_batch: training.effective_batch(&stage),
        largest_batch: largest,
        utilization: estimate.required_bytes() as f64 / gpu.memory_bytes as f64,
        estimate,
        stage,
    })
}
