//! The largest batch that fits.

use super::estimate::{estimate_stage, required_bytes};
use super::gpu::{Gpu, Margin};
use super::memory::Estimate;
use super::remedy::{TooBig, remedies};
use super::training::{COUNT_MAX, Stage, Training};
use crate::Result;

/// How many batches below the bound are tried one by one before the search halves.
const SCANNED: u64 = 64;

/// The largest batch of a stage.
#[derive(Clone, Debug, PartialEq)]
pub enum LargestBatch {
    /// One that fits.
    Fits {
        /// Its rows on each GPU.
        batch_size: u64,
        /// What it takes.
        estimate: Box<Estimate>,
    },
    /// Not even one row fits.
    Nothing(Box<TooBig>),
}

impl LargestBatch {
    /// Its rows, 0 if none fits.
    #[must_use]
    pub const fn batch_size(&self) -> u64 {
        match self {
            Self::Fits { batch_size, .. } => *batch_size,
            Self::Nothing(_) => 0,
        }
    }
}

/// Finds the largest batch of a stage whose reserved peak, with the context, fits the budget.
///
/// What tensors hold rises with the batch, so the bound on it is exact. The segments that hold them are
/// a little more, by how the sizes divide them, and may fall as the batch rises: below the bound each
/// batch is tried.
///
/// ```
/// use fillrate::plan::{Encoder, Gpu, Margin, Objective, Shape, Stage, Training, largest_batch};
///
/// let shape = Shape::named("all-MiniLM-L6-v2").unwrap();
/// let training = Training::new(
///     Encoder::new("anchor", shape),
///     Objective::Contrastive { shared_negatives: false },
///     vec![Stage { positives: 1, negatives: 4, ..Stage::new("first", 8, 64) }],
/// );
/// let gpu = Gpu::from_gib(6.0)?;
/// let largest = largest_batch(&training, 0, &gpu, &Margin::default())?;
/// assert!(largest.batch_size() > 8);
/// # Ok::<(), fillrate::Error>(())
/// ```
///
/// # Errors
///
/// If the run, the stage or the margin is not sound. A batch that fits nowhere is no error but
/// [`LargestBatch::Nothing`].
pub fn largest_batch(
    training: &Training,
    stage: usize,
    gpu: &Gpu,
    margin: &Margin,
) -> Result<LargestBatch> {
    training.check()?;
    margin.check()?;
    let stage = training.stage(stage)?;
    let budget_bytes = gpu.budget_bytes(margin);
    let found = largest(budget_bytes, |batch_size| {
        required_bytes(training, &with_batch(stage, batch_size), gpu)
    });
    Ok(match found {
        Some(batch_size) => LargestBatch::Fits {
            batch_size,
            estimate: Box::new(estimate_stage(training, &with_batch(stage, batch_size), gpu)),
        },
        None => LargestBatch::Nothing(Box::new(remedies(training, stage, gpu, budget_bytes))),
    })
}

/// A stage with another batch.
pub(super) fn with_batch(stage: &Stage, batch_size: u64) -> Stage {
    Stage { batch_size, ..stage.clone() }
}

/// The largest batch whose second figure is within the budget, given a first that rises and is never
/// above the second.
fn largest(budget_bytes: u64, required: impl Fn(u64) -> (u64, u64)) -> Option<u64> {
    let allocated_fits = |batch: u64| required(batch).0 <= budget_bytes;
    let reserved_fits = |batch: u64| required(batch).1 <= budget_bytes;
    if !allocated_fits(1) {
        return None;
    }
    let mut low = 1;
    while low < COUNT_MAX && allocated_fits((2 * low).min(COUNT_MAX)) {
        low = (2 * low).min(COUNT_MAX);
    }
    let bound = bisect(low, (2 * low).min(COUNT_MAX + 1), allocated_fits);
    let scanned = bound.saturating_sub(SCANNED).max(1);
    if let Some(batch) = (scanned..=bound).rev().find(|&batch| reserved_fits(batch)) {
        return Some(batch);
    }
    if scanned == 1 || !reserved_fits(1) {
        return None;
    }
    Some(bisect(1, scanned, reserved_fits))
}

/// The last number from `low`, which fits, that does before `high`, which does not.
fn bisect(mut low: u64, mut high: u64, fits: impl Fn(u64) -> bool) -> u64 {
    while high - low > 1 {
        let middle = low.midpoint(high);
        if fits(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_largest_is_the_largest(
            slope in 1_u64..1000,
            base in 0_u64..10_000,
            budget in 0_u64..100_000,
            noise in proptest::collection::vec(0_u64..500, 64),
        ) {
            let required = |batch: u64| {
                let allocated = base + slope * batch;
                (allocated, allocated + noise[(batch % 64) as usize])
            };
            let found = largest(budget, required);
            let truth = (1..=COUNT_MAX.min(budget / slope + 1))
                .rev()
                .find(|&batch| required(batch).1 <= budget);
            if let Some(batch) = found {
                prop_assert!(required(batch).1 <= budget);
            }
            // Noise of up to 500 is within 64 batches from a slope of 8 on.
            if slope >= 8 {
                prop_assert_eq!(found, truth);
            }
        }
    }
}
