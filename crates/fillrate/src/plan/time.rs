//! How long a step takes, from its work and the maker's rates.
//!
//! Products take their operations over a share of the peak rate; everything else takes the bytes it
//! moves over a share of the bandwidth; each kernel has a beginning and an end in which most of the
//! chip waits; and the processor launches so many kernels a second. The last two are what small
//! batches pay for. All are round figures for planning, not measurements. What GPUs send each other is
//! not counted.

use super::gpu::Gpu;
use super::memory::StepTime;
use super::run::{Phase, Run};
use super::tape::Work;
use super::training::{Stage, Training};

/// The share of the peak rate that products reach.
const PRODUCT_SHARE: f64 = 0.5;

/// The share of the bandwidth that other operations reach.
const BANDWIDTH_SHARE: f64 = 0.75;

/// Seconds of a kernel beside its work: until its first blocks have data, and while its last are alone.
const KERNEL_S: f64 = 4e-6;

/// Seconds from one launch to the next in eager PyTorch.
const LAUNCH_S: f64 = 8e-6;

/// The time of a step of `stage`; `None` where the GPU's rates are unknown.
pub(super) fn predict(
    training: &Training,
    stage: &Stage,
    gpu: &Gpu,
    run: &Run,
) -> Option<StepTime> {
    let peak = gpu.flops_per_second(training.precision)?;
    let bandwidth = gpu.bytes_per_second()?;
    let (pass, step) = work(run);
    let seconds = |work: Work| {
        let computed = work.flops / (peak * PRODUCT_SHARE);
        let moved = work.moved_bytes / (bandwidth * BANDWIDTH_SHARE);
        (computed + moved + work.launches * KERNEL_S).max(work.launches * LAUNCH_S)
    };
    let passes = stage.accumulate as f64;
    let total = passes * seconds(pass) + seconds(step);
    let flops = passes * pass.flops;
    Some(StepTime {
        flops,
        moved_bytes: passes * pass.moved_bytes + step.moved_bytes,
        seconds: total,
        rows_per_second: training.effective_batch(stage) as f64 / total,
        utilization: flops / total / peak,
    })
}

/// The work of the last forward and backward pass, and of the last step of the optimizer.
fn work(run: &Run) -> (Work, Work) {
    let last = |phase| run.phases.iter().rposition(|(other, ..)| *other == phase);
    let at = |index: Option<usize>| index.map_or(Work::default(), |index| run.phases[index].2);
    let forward = last(Phase::Forward);
    let before = forward.and_then(|index| index.checked_sub(1));
    let backward = last(Phase::Backward);
    let pass = at(backward).since(at(before));
    (pass, at(last(Phase::Step)).since(at(backward)))
}
