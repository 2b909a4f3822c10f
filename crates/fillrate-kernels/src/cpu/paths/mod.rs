//! Paths of prices: each lane walks one, and its random numbers depend on the seed, the path and the
//! step alone.
//!
//! What is computed of a path is the same to the bit on every tier, in a slice of any length and on
//! any thread.

#![allow(unsafe_code, reason = "lane operations gated by the tier, over checked bounds")]

mod basket;
mod draws;
pub(crate) mod motion;
pub(crate) mod samples;
pub(crate) mod watch;

pub use self::basket::BasketTerms;
pub use self::samples::{OptionTerms, Sampled};

use self::draws::Draws;
use self::motion::{Brownian, Heston, Jumping, Motion};
use self::watch::{Averages, Bridge, End, Trace, Watch};
use super::dispatch::{Kernel, dispatch_doubles};
use super::doubles::{Doubles, Twice};
use super::lanes::Lanes;
use crate::{Cpu, Error, Philox, Result};

/// The most jumps that may be expected in one step of [`PathModel::Merton`].
pub const JUMPS_PER_STEP_MAX: f64 = 7.0;

/// How a price moves. `drift` is per year and that of its expectation: E\[S\] = spot · exp(drift ·
/// years).
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum PathModel {
    /// Geometric Brownian motion.
    GeometricBrownian {
        /// The drift per year.
        drift: f64,
        /// The volatility per year, 0 or above.
        vol: f64,
    },
    /// The same with jumps.
    Merton(MertonTerms),
    /// With a variance that is itself a diffusion.
    Heston(HestonTerms),
}

/// Geometric Brownian motion with normal jumps of the logarithm at the times of a Poisson process.
///
/// Source: Merton, "Option pricing when underlying stock returns are discontinuous" (1976).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MertonTerms {
    /// The drift per year, what the jumps add included.
    pub drift: f64,
    /// The volatility per year between jumps, 0 or above.
    pub vol: f64,
    /// How many jumps are expected per year, 0 or above.
    pub jumps_per_year: f64,
    /// The mean of a jump of the logarithm.
    pub jump_mean: f64,
    /// The deviation of a jump of the logarithm, 0 or above.
    pub jump_vol: f64,
}

/// dS = μ S dt + √v S dW, dv = κ (θ − v) dt + ξ √v dZ with a correlation of W and Z.
///
/// Source: Heston, "A closed-form solution for options with stochastic volatility" (1993).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HestonTerms {
    /// μ, per year.
    pub drift: f64,
    /// The variance at the start, 0 or above.
    pub variance: f64,
    /// κ, how fast the variance is pulled to its mean, per year, 0 or above.
    pub reversion: f64,
    /// θ, the mean of the variance, 0 or above.
    pub variance_mean: f64,
    /// ξ, the volatility of the variance, 0 or above.
    pub variance_vol: f64,
    /// The correlation of price and variance, from −1 to 1.
    pub correlation: f64,
}

/// Which paths, and where they are looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PathGrid {
    /// The price at the start, above 0. A basket has spots of its own and does not look at it.
    pub spot: f64,
    /// The generator; path p draws from its counters p, step / 2 and a stream.
    pub philox: Philox,
    /// The first path; those of an output follow each other.
    pub first: u64,
    /// Whether to walk the paths' mirror images, which draw the opposite of every number.
    pub mirrored: bool,
    /// The steps of a path, at least 1.
    pub steps: u32,
    /// The length of a step in years.
    pub step_years: f64,
}

/// A barrier that is watched between the steps too.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PathBarrier {
    /// The price at which it lies, above 0.
    pub level: f64,
    /// Whether it lies below.
    pub is_down: bool,
    /// The rate that what is paid at the touch is discounted with, per year.
    pub rate: f64,
}

impl PathGrid {
    pub(crate) fn check(&self, op: &'static str, outputs: &[&mut [f64]]) -> Result<()> {
        let paths = outputs.first().map_or(0, |out| out.len());
        if self.steps > 0 && outputs.iter().all(|out| out.len() == paths) {
            return Ok(());
        }
        let lens: Vec<usize> = outputs.iter().map(|out| out.len()).collect();
        let expected = "at least 1 step, and outputs of one length".to_owned();
        Err(Error::Shape { op, expected, got: format!("{} steps, {lens:?} paths", self.steps) })
    }
}

impl Cpu {
    /// The prices at the last step, `ends` `[paths]`.
    ///
    /// # Errors
    ///
    /// If there is no step, or more than [`JUMPS_PER_STEP_MAX`] jumps are expected in one.
    pub fn path_ends(&self, model: &PathModel, grid: &PathGrid, ends: &mut [f64]) -> Result<()> {
        grid.check("path_ends", &[&mut *ends])?;
        let paths = ends.len();
        self.walk(model, grid, End { spot: grid.spot }, paths, [ends])
    }

    /// The prices at every step, `rows` `[steps, paths]`.
    ///
    /// # Errors
    ///
    /// As for [`Self::path_ends`], and if the rows are not whole.
    pub fn path_rows(&self, model: &PathModel, grid: &PathGrid, rows: &mut [f64]) -> Result<()> {
        grid.check("path_rows", &[&mut *rows])?;
        let steps = grid.steps as usize;
        if !rows.len().is_multiple_of(steps) {
            let expected = format!("rows of {steps} steps");
            return Err(Error::Shape { op: "path_rows", expected, got: rows.len().to_string() });
        }
        let paths = rows.len() / steps;
        let watch = Trace { spot: grid.spot, rows: rows.as_mut_ptr(), paths };
        self.walk(model, grid, watch, paths, [])
    }

    /// Of geometric Brownian motion, the arithmetic and the geometric mean over all steps of price over
    /// spot, each `[paths]`.
    ///
    /// # Errors
    ///
    /// As for [`Self::path_ends`], and if the outputs differ in length.
    pub fn path_averages(
        &self,
        [drift, vol]: [f64; 2],
        grid: &PathGrid,
        outputs: [&mut [f64]; 2],
    ) -> Result<()> {
        let [arithmetic, geometric] = outputs;
        grid.check("path_averages", &[&mut *arithmetic, &mut *geometric])?;
        let watch = Averages { reciprocal: 1.0 / f64::from(grid.steps) };
        let motion = Brownian::new(drift, vol, grid.step_years);
        let paths = arithmetic.len();
        let outputs = [arithmetic, geometric];
        dispatch_doubles(self.tier(), Walk { motion, watch, grid, paths, outputs });
        Ok(())
    }

    /// Of geometric Brownian motion beside a barrier: the price at the last step, the chance that
    /// the barrier was not touched up to it, and the worth now of one unit paid at the touch (taken to be in the middle of its step), each `[paths]`. A start at the
    /// barrier or beyond has touched it.
    ///
    /// # Errors
    ///
    /// As for [`Self::path_averages`].
    pub fn path_bridges(
        &self,
        [drift, vol]: [f64; 2],
        grid: &PathGrid,
        barrier: &PathBarrier,
        outputs: [&mut [f64]; 3],
    ) -> Result<()> {
        let [ends, alive, touch] = outputs;
        grid.check("path_bridges", &[&mut *ends, &mut *alive, &mut *touch])?;
        let watch = Bridge::new(barrier, vol, grid);
        let motion = Brownian::new(drift, vol, grid.step_years);
        let paths = ends.len();
        dispatch_doubles(
            self.tier(),
            Walk { motion, watch, grid, paths, outputs: [ends, alive, touch] },
        );
        Ok(())
    }

    fn walk<W: Watch<O>, const O: usize>(
        &self,
        model: &PathModel,
        grid: &PathGrid,
        watch: W,
        paths: usize,
        outputs: [&mut [f64]; O],
    ) -> Result<()> {
        let years = grid.step_years;
        match model {
            PathModel::GeometricBrownian { drift, vol } => {
                let motion = Brownian::new(*drift, *vol, years);
                dispatch_doubles(self.tier(), Walk { motion, watch, grid, paths, outputs });
            }
            PathModel::Merton(terms) => {
                check_jumps(terms, years)?;
                let motion = Jumping::new(terms, years);
                dispatch_doubles(self.tier(), Walk { motion, watch, grid, paths, outputs });
            }
            PathModel::Heston(terms) => {
                let motion = Heston::new(terms, years);
                dispatch_doubles(self.tier(), Walk { motion, watch, grid, paths, outputs });
            }
        }
        Ok(())
    }
}

/// Refuses more jumps in a step than can be told apart.
pub(crate) fn check_jumps(terms: &MertonTerms, years: f64) -> Result<()> {
    let jumps = terms.jumps_per_year * years;
    if (0.0..=JUMPS_PER_STEP_MAX).contains(&jumps) {
        return Ok(());
    }
    let expected = format!("0 to {JUMPS_PER_STEP_MAX} jumps in a step");
    Err(Error::Shape { op: "merton", expected, got: jumps.to_string() })
}

/// Some paths of one motion, and what is kept of them.
struct Walk<'a, 'b, M, W, const O: usize> {
    motion: M,
    watch: W,
    grid: &'a PathGrid,
    paths: usize,
    outputs: [&'b mut [f64]; O],
}

impl<M: Motion, W: Watch<O>, const O: usize> Kernel for Walk<'_, '_, M, W, O> {
    #[inline(always)]
    unsafe fn run<L: Lanes>(mut self) {
        let mut at = 0;
        // SAFETY: the outputs have `paths` values, as was checked; `L` is available.
        unsafe {
            if L::Doubles::IS_ONE_OF_MANY && W::IS_LIGHT {
                at = if M::IS_SIMPLE {
                    self.paths_from::<Twice<Twice<L::Doubles>>>(at)
                } else {
                    self.paths_from::<Twice<L::Doubles>>(at)
                };
            }
            at = self.paths_from::<L::Doubles>(at);
            self.paths_from::<f64>(at);
        }
    }
}

impl<M: Motion, W: Watch<O>, const O: usize> Walk<'_, '_, M, W, O> {
    /// Walks whole vectors of paths from place `at` on; the place of the first that is left.
    #[inline(always)]
    unsafe fn paths_from<V: Doubles>(&mut self, mut at: usize) -> usize {
        while at + V::LANES <= self.paths {
            // SAFETY: the caller has the instructions of `V`, and there are paths for its lanes.
            unsafe { self.paths_at::<V>(at) };
            at += V::LANES;
        }
        at
    }

    #[inline(always)]
    unsafe fn paths_at<V: Doubles>(&mut self, at: usize) {
        let PathGrid { philox, first, mirrored, steps, .. } = *self.grid;
        // SAFETY: the caller has the instructions of `V` and paths for its lanes.
        unsafe {
            let draws = Draws::<V>::new(philox.key(), first.wrapping_add(at as u64), mirrored);
            let mut state = self.motion.start::<V>();
            let mut seen = self.watch.start::<V>();
            let mut before = V::splat(0.0);
            for pair in 0..steps / 2 {
                let [one, two] = self.motion.advance(&mut state, &draws, pair);
                self.watch.see(&mut seen, before, one, 2 * pair, at);
                self.watch.see(&mut seen, one, two, 2 * pair + 1, at);
                before = two;
            }
            if !steps.is_multiple_of(2) {
                let [one, _] = self.motion.advance(&mut state, &draws, steps / 2);
                self.watch.see(&mut seen, before, one, steps - 1, at);
                before = one;
            }
            let values = self.watch.end(seen, before);
            for (value, out) in values.iter().zip(&mut self.outputs) {
                value.store(out.as_mut_ptr().add(at));
            }
        }
    }
}
