//! From a run on the tape to an estimate.

use std::collections::BTreeMap;

use super::allocator::{Peaks, replay};
use super::check::Calibration;
use super::gpu::Gpu;
use super::memory::{Estimate, Interval, Line, Memory, Moment};
use super::run::{Phase, Run, run};
use super::tape::{Category, Label, Size, Sums, rounded};
use super::time;
use super::training::{Stage, Training};
use crate::Result;

/// The CUDA context with the kernels that a run loads: what is taken for it, and the least and most
/// that it is expected to be. It depends on the GPU, the driver and which kernels are loaded;
/// `plan verify` measures it.
const CONTEXT_BYTES: u64 = 500 << 20;
const CONTEXT_LOW_BYTES: u64 = 200 << 20;
const CONTEXT_HIGH_BYTES: u64 = 1000 << 20;

/// The share by which the tensors' peak may be off: the worst of the settings in `golden/plan`, rounded
/// up.
const ERROR_SHARE: f64 = 0.05;

/// Estimates what a stage of a run takes, with the moment of its peak, both of the allocator's peaks
/// and where each byte goes.
///
/// ```
/// use fillrate::plan::{Encoder, Gpu, Objective, Precision, Shape, Stage, Training, estimate};
///
/// let shape = Shape::named("bert-base-uncased").unwrap();
/// let mut training = Training::new(
///     Encoder::new("bert", shape),
///     Objective::Classification { labels: 3 },
///     vec![Stage::new("all", 32, 128)],
/// );
/// training.precision = Precision::Bf16Mixed;
/// let estimate = estimate(&training, 0, &Gpu::named("rtx-4090")?)?;
/// // 109,484,547 parameters of 4 bytes.
/// assert_eq!(estimate.trainable_parameters, 109_484_547);
/// assert!(estimate.memory.activations_bytes > estimate.memory.parameters_bytes);
/// assert!(estimate.reserved_bytes >= estimate.allocated_bytes);
/// for line in estimate.explain() {
///     println!("{}: {} = {} bytes", line.what, line.formula, line.bytes);
/// }
/// # Ok::<(), fillrate::Error>(())
/// ```
///
/// # Errors
///
/// If the run is not sound ([`Training::check`]) or has no such stage.
pub fn estimate(training: &Training, stage: usize, gpu: &Gpu) -> Result<Estimate> {
    training.check()?;
    let stage = training.stage(stage)?;
    Ok(estimate_stage(training, stage, gpu))
}

/// The estimate of a stage that may be none of the run's own; the run is sound.
pub(super) fn estimate_stage(training: &Training, stage: &Stage, gpu: &Gpu) -> Estimate {
    let run = run(training, stage, Sums::InPlace, gpu.cublas_bytes());
    let Peaks { allocated_bytes, reserved_bytes } = peaks(&run, gpu);
    let context = Context::of(gpu);
    let groups = groups(&run);
    let low = allocated_bytes as f64 * (1.0 - ERROR_SHARE);
    let high = reserved_bytes as f64 * (1.0 + ERROR_SHARE);
    Estimate {
        stage: stage.name.clone(),
        memory: memory(&groups, context.bytes),
        moment: moment(&run),
        allocated_bytes,
        reserved_bytes,
        interval: Interval {
            low_bytes: low as u64 + context.low_bytes,
            high_bytes: high as u64 + context.high_bytes,
        },
        trainable_parameters: run.trainable_parameters,
        frozen_parameters: run.frozen_parameters,
        time: time::predict(training, stage, gpu, &run),
        lines: lines(&groups),
    }
}

/// Both peaks of a stage, without the rest.
pub(super) fn required_bytes(training: &Training, stage: &Stage, gpu: &Gpu) -> (u64, u64) {
    let run = run(training, stage, Sums::InPlace, gpu.cublas_bytes());
    let peaks = peaks(&run, gpu);
    let context_bytes = Context::of(gpu).bytes;
    (peaks.allocated_bytes + context_bytes, peaks.reserved_bytes + context_bytes)
}

/// The allocator's peaks, with what runs on the GPU said of the segments.
fn peaks(run: &Run, gpu: &Gpu) -> Peaks {
    let peaks = replay(run.tape.events());
    let factor = gpu.calibration.map_or(1.0, |calibration| calibration.reserved_factor);
    let reserved = (peaks.reserved_bytes as f64 * factor).round() as u64;
    // Segments hold what is allocated, whatever was fitted.
    Peaks { reserved_bytes: reserved.max(peaks.allocated_bytes), ..peaks }
}

/// What the context takes: the figure to plan with, and the least and most that is expected.
struct Context {
    bytes: u64,
    low_bytes: u64,
    high_bytes: u64,
}

impl Context {
    fn of(gpu: &Gpu) -> Self {
        match gpu.calibration {
            Some(Calibration { context_bytes: bytes, .. }) => {
                Self { bytes, low_bytes: bytes, high_bytes: bytes }
            }
            None => Self {
                bytes: CONTEXT_BYTES,
                low_bytes: CONTEXT_LOW_BYTES,
                high_bytes: CONTEXT_HIGH_BYTES,
            },
        }
    }
}

/// The tensors' peak as PyTorch's `MemTracker` sees it: it watches each operation, so that two
/// gradients of one tensor are summed into a third, and knows of no workspace.
#[must_use]
pub fn watched_peak_bytes(training: &Training, stage: &Stage) -> u64 {
    run(training, stage, Sums::Watched, 0).tape.peak().bytes
}

/// What was alive at the peak: tensors by label and size, with their number.
type Groups = BTreeMap<Label, BTreeMap<(u64, u64), u64>>;

fn groups(run: &Run) -> Groups {
    let mut groups = Groups::new();
    for (size, label) in run.tape.alive_at_peak() {
        *groups.entry(label).or_default().entry((size.elements, size.width)).or_default() += 1;
    }
    groups
}

fn bytes(sizes: &BTreeMap<(u64, u64), u64>) -> u64 {
    let each = sizes
        .iter()
        .map(|(&(elements, width), &count)| count * rounded(Size::new(elements, width).bytes()));
    each.sum()
}

fn memory(groups: &Groups, context_bytes: u64) -> Memory {
    let mut memory = Memory { context_bytes, ..Memory::default() };
    for (label, sizes) in groups {
        let field = match label.category() {
            Category::Parameters => &mut memory.parameters_bytes,
            Category::Gradients => &mut memory.gradients_bytes,
            Category::Optimizer => &mut memory.optimizer_bytes,
            Category::Activations => &mut memory.activations_bytes,
            Category::Batch => &mut memory.batch_bytes,
            Category::Workspace => &mut memory.workspace_bytes,
        };
        *field += bytes(sizes);
        memory.total_bytes += bytes(sizes);
    }
    memory
}

fn moment(run: &Run) -> Moment {
    let peak = run.tape.peak().event;
    let phase = run.phases.iter().find(|(_, end, _)| peak <= *end).map(|(phase, ..)| *phase);
    match phase {
        Some(Phase::Load | Phase::Forward) => Moment::Forward,
        Some(Phase::Backward) => Moment::Backward,
        Some(Phase::Step) | None => Moment::Step,
    }
}

fn lines(groups: &Groups) -> Vec<Line> {
    let mut lines: Vec<Line> = groups
        .iter()
        .map(|(label, sizes)| {
            let (what, words, source) = label.describe();
            Line {
                category: label.category().as_str(),
                what: what.to_owned(),
                formula: format!("{words}: {}", formula(sizes)),
                source,
                bytes: bytes(sizes),
            }
        })
        .collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.bytes));
    lines
}

/// The largest groups as `24 × 3,145,728 × 4 B`, the others as one sum.
fn formula(sizes: &BTreeMap<(u64, u64), u64>) -> String {
    const SHOWN: usize = 3;
    let mut groups: Vec<_> = sizes.iter().collect();
    groups.sort_by_key(|((elements, width), count)| std::cmp::Reverse(elements * width * **count));
    let shown = groups.iter().take(SHOWN).map(|((elements, width), count)| {
        let elements = grouped(*elements);
        if **count == 1 {
            format!("{elements} × {width} B")
        } else {
            format!("{count} × {elements} × {width} B")
        }
    });
    let mut text = shown.collect::<Vec<_>>().join(" + ");
    let rest: u64 = groups
        .iter()
        .skip(SHOWN)
        .map(|((elements, width), count)| **count * rounded(elements * width))
        .sum();
    if rest > 0 {
        text.push_str(" + ");
        text.push_str(&grouped(rest));
        text.push_str(" B");
    }
    text
}

/// A number with commas between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
