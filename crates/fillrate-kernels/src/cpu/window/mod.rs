//! Rolling windows: what the last `bars` values come to, at every value.
//!
//! A window is put together by doubling. Two neighbouring windows of 1, 2, 4, … values join to one
//! of twice as many, and the windows that the binary digits of `bars` name join to the one asked
//! for, newest first. That takes some ⌈log₂ bars⌉ + (ones in bars) − 1 joins of whole vectors for a
//! window of any length, and has three consequences. Nothing is ever subtracted again, so one wild
//! value is forgotten when it leaves the window. Rounding errors grow with log₂ bars. And the result
//! depends on the window's values alone, so that a stream gives what a batch gives, to the bit.

mod aggregate;
mod batch;
pub(super) mod finish;
mod first;
mod short;
mod sizes;
mod stream;

pub use self::stream::WindowStream;

use self::aggregate::{Aggregate, Largest, Moments, Smallest, Sum, Weighted};
use self::batch::Batch;
use self::finish::{Bands, Deviation, Finish, Identity, Scaled, WeightedScaled, ZScore};
use super::dispatch::dispatch_doubles;
use crate::{Cpu, Error, Result, Tier};

/// What is computed of each window.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum WindowOp {
    /// The mean.
    Mean,
    /// The mean with weights 1, 2, …, `bars`, the newest value's being the greatest.
    WeightedMean,
    /// The least value.
    Min,
    /// The greatest value.
    Max,
    /// The population standard deviation: √(Σ(x − mean)² / bars).
    Deviation,
    /// The newest value's distance from the mean in population standard deviations; 0 where all
    /// values are equal.
    ZScore,
    /// Three outputs: mean + `width` deviations, the mean, mean − `width` deviations.
    Bands {
        /// The distance of the bands from the mean, in population standard deviations.
        width: f64,
    },
}

impl WindowOp {
    /// The number of outputs: 3 for [`Self::Bands`], else 1.
    #[must_use]
    pub const fn outputs(self) -> usize {
        match self {
            Self::Bands { .. } => 3,
            _ => 1,
        }
    }
}

/// The most values of a window.
pub const WINDOW_BARS_MAX: usize = 1 << 24;

impl Cpu {
    /// Computes `op` over the last `bars` values at each value of `x`, shape `[n]`, into `out`, one
    /// slice of shape `[n]` for each of the op's outputs. The first `bars − 1` of each are NaN.
    ///
    /// Returns whether every value of `x` was finite. Where one was not, the outputs say nothing:
    /// the caller takes such values out first.
    ///
    /// # Errors
    ///
    /// If `bars` is 0 or above [`WINDOW_BARS_MAX`], or `out` has another shape.
    pub fn window(
        &self,
        op: WindowOp,
        x: &[f64],
        bars: usize,
        out: &mut [&mut [f64]],
    ) -> Result<bool> {
        check_bars("window", bars)?;
        check_outputs("window", op.outputs(), x.len(), out)?;
        let job = Job { tier: self.tier(), x, bars, out };
        let reciprocal = 1.0 / bars as f64;
        Ok(match op {
            WindowOp::Mean => job.run::<Sum, _, 1, 1>(Scaled(reciprocal)),
            WindowOp::WeightedMean => {
                job.run::<Weighted, _, 2, 1>(WeightedScaled(weights_sum(bars).recip()))
            }
            WindowOp::Min => job.run::<Smallest, _, 1, 1>(Identity),
            WindowOp::Max => job.run::<Largest, _, 1, 1>(Identity),
            WindowOp::Deviation => job.run::<Moments, _, 2, 1>(Deviation(reciprocal)),
            WindowOp::ZScore => job.run::<Moments, _, 2, 1>(ZScore(reciprocal)),
            WindowOp::Bands { width } => job.run::<Moments, _, 2, 3>(Bands { reciprocal, width }),
        })
    }
}

/// A series and where the windows over it are written.
struct Job<'a, 'b> {
    tier: Tier,
    x: &'a [f64],
    bars: usize,
    out: &'a mut [&'b mut [f64]],
}

impl Job<'_, '_> {
    /// Runs the loops; whether all values were finite.
    fn run<A: Aggregate<K>, F: Finish<K, O>, const K: usize, const O: usize>(
        self,
        finish: F,
    ) -> bool {
        let Self { tier, x, bars, out } = self;
        let out: Vec<&mut [f64]> = out.iter_mut().map(|out| &mut **out).collect();
        let Ok(out) = out.try_into() else { unreachable!("the outputs were counted") };
        let mut is_finite = true;
        dispatch_doubles(tier, Batch::<A, F, K, O>::new(x, bars, finish, out, &mut is_finite));
        is_finite
    }
}

/// 1 + 2 + … + `bars`.
pub(crate) fn weights_sum(bars: usize) -> f64 {
    bars as f64 * (bars as f64 + 1.0) / 2.0
}

pub(crate) fn check_bars(op: &'static str, bars: usize) -> Result<()> {
    if (1..=WINDOW_BARS_MAX).contains(&bars) {
        return Ok(());
    }
    let expected = format!("a window of 1 to {WINDOW_BARS_MAX} values");
    Err(Error::Shape { op, expected, got: bars.to_string() })
}

pub(crate) fn check_outputs(
    op: &'static str,
    outputs: usize,
    len: usize,
    out: &[&mut [f64]],
) -> Result<()> {
    if out.len() == outputs && out.iter().all(|out| out.len() == len) {
        return Ok(());
    }
    let lens: Vec<usize> = out.iter().map(|out| out.len()).collect();
    let expected = format!("{outputs} outputs of {len} values");
    Err(Error::Shape { op, expected, got: format!("outputs of {lens:?}") })
}
