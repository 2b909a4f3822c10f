//! Monte Carlo: where prices may go, by geometric Brownian motion, with jumps, with a variance of its
//! own, or several assets together.
//!
//! # Conventions
//!
//! Time is in years. `drift` is that of the expectation: E\[S\] = spot · exp(drift · years), in every
//! model. The random numbers of a path depend on the seed, the path and the step alone (Philox), and
//! sums are added up in one order: a result is the same to the bit whatever the number of threads.
//!
//! ```
//! use fillrate::market::montecarlo::{MonteCarloOptions, PathModel, Underlying, simulate};
//!
//! let model = PathModel::GeometricBrownian { drift: 0.05, vol: 0.2 };
//! let asset = Underlying::Asset { spot: 100.0, model };
//! let ends = simulate(&asset, &MonteCarloOptions::default())?;
//! assert!((ends.mean - 100.0 * 0.05_f64.exp()).abs() < 4.0 * ends.std_error);
//! # Ok::<(), fillrate::Error>(())
//! ```

mod basket;
mod statistics;
mod underlying;

use std::sync::Arc;

use fillrate_kernels::{PathGrid, Philox};
use rayon::prelude::*;

use super::device::{Computer, PathEnds};
use super::risk::quantile;
use crate::{Error, Result};

pub use self::basket::{Asset, Basket};
pub use self::statistics::Estimate;
pub(crate) use self::statistics::{CHUNK, Moments};
pub use self::underlying::Underlying;
pub use fillrate_kernels::{HestonTerms, MertonTerms, PathModel};

/// The most paths of one run: their ends take 8 bytes each.
pub const PATHS_MAX: u64 = 100_000_000;
/// The most steps of a path.
pub const STEPS_MAX: u32 = 1_000_000;
/// The most steps of all paths together: about an hour on a few cores.
const WORK_MAX: u64 = 1_000_000_000_000;
/// The steps of all paths of one [`PathEnds`]: a tenth of a second of a core, so that it is soon known
/// which side is quicker, and a device is not given more than it answers in seconds.
const PART_STEPS: u64 = 1 << 26;
/// The most paths of one.
const PART_PATHS: u64 = 1 << 22;
/// Prices of one [`PathBlock`].
const BLOCK: usize = 1 << 20;

/// How many paths, how long and how fine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MonteCarloOptions {
    /// The end of the paths in years, above 0.
    pub expiry: f64,
    /// The steps of a path, all of one length.
    pub steps: u32,
    /// The number of paths.
    pub paths: u64,
    /// Where the random numbers come from.
    pub seed: u64,
    /// Whether every second path is the mirror image of another, which needs an even number.
    pub antithetic: bool,
}

impl Default for MonteCarloOptions {
    /// A year of 252 steps, 100,000 paths, seed 0.
    fn default() -> Self {
        Self { expiry: 1.0, steps: 252, paths: 100_000, seed: 0, antithetic: false }
    }
}

impl MonteCarloOptions {
    /// Checks the ranges.
    ///
    /// # Errors
    ///
    /// If the expiry is not above 0, or there are no paths or steps, or too many of them, or an odd
    /// number of antithetic paths.
    pub fn check(&self) -> Result<()> {
        let refused = |name, message: String| Err(Error::Argument { name, message });
        if !(self.expiry > 0.0 && self.expiry.is_finite()) {
            return refused("expiry", format!("{} is not a number above 0", self.expiry));
        }
        if !(1..=STEPS_MAX).contains(&self.steps) {
            return refused("steps", format!("{} is not from 1 to {STEPS_MAX}", self.steps));
        }
        if !(1..=PATHS_MAX).contains(&self.paths) {
            return refused("paths", format!("{} is not from 1 to {PATHS_MAX}", self.paths));
        }
        let work = self.paths * u64::from(self.steps);
        if work > WORK_MAX {
            let message = format!("{work} steps of all paths together are more than {WORK_MAX}");
            return refused("paths", message);
        }
        if self.antithetic && !self.paths.is_multiple_of(2) {
            return refused("paths", format!("{} antithetic ones make no pairs", self.paths));
        }
        Ok(())
    }

    /// The paths from `first` on.
    pub(crate) fn grid(&self, spot: f64, first: u64, mirrored: bool) -> PathGrid {
        PathGrid {
            spot,
            philox: Philox::new(self.seed),
            first,
            mirrored,
            steps: self.steps,
            step_years: self.expiry / f64::from(self.steps),
        }
    }

    /// The paths that draw numbers of their own.
    pub(crate) fn drawn(&self) -> usize {
        let paths = if self.antithetic { self.paths / 2 } else { self.paths };
        paths as usize
    }
}

/// The probabilities of [`Terminal::quantiles`].
pub const QUANTILES: [f64; 7] = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99];

/// Where the paths end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terminal {
    /// The mean.
    pub mean: f64,
    /// The sample deviation (n − 1) of the ends; 0 for one path.
    pub std: f64,
    /// The standard error of the mean. Antithetic paths are counted by their pairs.
    pub std_error: f64,
    /// The quantiles at [`QUANTILES`], interpolated linearly at place (n − 1) p.
    pub quantiles: [f64; 7],
}

/// Walks the paths and says where they end. Nothing but the ends is stored.
///
/// # Errors
///
/// If a term or an option is out of its range.
pub fn simulate(underlying: &Underlying, options: &MonteCarloOptions) -> Result<Terminal> {
    options.check()?;
    underlying.check(options)?;
    let mut ends = vec![0.0; options.paths as usize];
    let (plain, mirrored) = ends.split_at_mut(options.drawn());
    walk(underlying, options, 0, false, plain)?;
    if options.antithetic {
        walk(underlying, options, 0, true, mirrored)?;
    }
    Ok(Terminal::of(ends, options))
}

/// The same, with the paths walked where `computer` says.
///
/// # Errors
///
/// As for [`simulate`].
pub fn simulate_on(
    computer: &Computer<PathEnds>,
    underlying: &Arc<Underlying>,
    options: &MonteCarloOptions,
) -> Result<Terminal> {
    if computer.is_processor() {
        return simulate(underlying, options);
    }
    options.check()?;
    underlying.check(options)?;
    let drawn = options.drawn() as u64;
    let mut ends = Vec::with_capacity(options.paths as usize);
    for mirrored in [false, true].into_iter().take(1 + usize::from(options.antithetic)) {
        let part = PART_STEPS / u64::from(options.steps.max(1));
        let part = part.clamp(CHUNK as u64, PART_PATHS);
        for start in (0..drawn).step_by(part as usize) {
            let range = start..drawn.min(start + part);
            ends.extend(computer.run(PathEnds::new(underlying, *options, range, mirrored)?)?);
        }
    }
    Ok(Terminal::of(ends, options))
}

impl Terminal {
    /// What is to be said of the ends of all paths, mirror images last.
    fn of(mut ends: Vec<f64>, options: &MonteCarloOptions) -> Self {
        let none = vec![0.0; CHUNK];
        let of = |values: &[f64]| Moments::of(values, &none[..values.len()]);
        let moments = Moments::tree(&ends.par_chunks(CHUNK).map(of).collect::<Vec<_>>());
        let std_error = if options.antithetic {
            let (plain, mirrored) = ends.split_at(options.drawn());
            let pairs = plain.par_chunks(CHUNK).zip(mirrored.par_chunks(CHUNK));
            let means = |(a, b): (&[f64], &[f64])| {
                let means: Vec<f64> = a.iter().zip(b).map(|(a, b)| f64::midpoint(*a, *b)).collect();
                of(&means)
            };
            Moments::tree(&pairs.map(means).collect::<Vec<_>>()).corrected(0.0).std_error
        } else {
            moments.corrected(0.0).std_error
        };
        ends.par_sort_unstable_by(f64::total_cmp);
        let quantiles = QUANTILES.map(|p| quantile(&ends, p).unwrap_or(f64::NAN));
        Self { mean: moments.mean(), std: moments.deviation(), std_error, quantiles }
    }
}

/// The mean of what is paid at the end, with the end itself as its control variate, whose mean is
/// known.
///
/// # Errors
///
/// As for [`simulate`].
pub fn expectation(
    underlying: &Underlying,
    options: &MonteCarloOptions,
    payoff: impl Fn(f64) -> f64 + Sync,
) -> Result<Estimate> {
    options.check()?;
    underlying.check(options)?;
    let moments = sample(options, |first, mirrored, [payoffs, controls]| {
        underlying.ends(options, first, mirrored, controls)?;
        for (paid, end) in payoffs.iter_mut().zip(controls.iter()) {
            *paid = payoff(*end);
        }
        Ok(())
    })?;
    Ok(moments.corrected(underlying.expected(options.expiry)))
}

/// Draws samples and their controls chunk by chunk: `draw` fills both for the paths from its first
/// argument on, or for their mirror images. A pair of antithetic paths is one sample.
pub(crate) fn sample(
    options: &MonteCarloOptions,
    draw: impl Fn(u64, bool, [&mut [f64]; 2]) -> Result<()> + Sync,
) -> Result<Moments> {
    let drawn = options.drawn();
    let chunk = |index: usize| {
        let first = index * CHUNK;
        let count = CHUNK.min(drawn - first);
        let (mut samples, mut controls) = (vec![0.0; count], vec![0.0; count]);
        draw(first as u64, false, [&mut samples, &mut controls])?;
        if options.antithetic {
            let (mut others, mut other_controls) = (vec![0.0; count], vec![0.0; count]);
            draw(first as u64, true, [&mut others, &mut other_controls])?;
            let both = samples.iter_mut().chain(&mut controls);
            for (one, other) in both.zip(others.iter().chain(&other_controls)) {
                *one = f64::midpoint(*one, *other);
            }
        }
        Ok(Moments::of(&samples, &controls))
    };
    let chunks: Result<Vec<Moments>> =
        (0..drawn.div_ceil(CHUNK)).into_par_iter().map(chunk).collect();
    Ok(Moments::tree(&chunks?))
}

/// Where the paths from `first` on end, or their mirror images, on the threads of rayon's pool.
pub(crate) fn walk(
    underlying: &Underlying,
    options: &MonteCarloOptions,
    first: u64,
    mirrored: bool,
    ends: &mut [f64],
) -> Result<()> {
    let chunks = ends.par_chunks_mut(CHUNK).enumerate();
    chunks.try_for_each(|(index, ends)| {
        underlying.ends(options, first + (index * CHUNK) as u64, mirrored, ends)
    })
}

/// The prices of some paths at every step.
#[derive(Clone, Debug, PartialEq)]
pub struct PathBlock {
    /// The number of the first path; the others follow. A mirror image stands half the number of
    /// paths behind its path.
    pub first: u64,
    /// The paths of the block.
    pub paths: usize,
    /// `[steps, paths]`, from the first step on: the spot is not among them.
    pub prices: Vec<f64>,
}

/// The paths whose ends [`simulate`] summarises, block by block and in their order.
///
/// # Errors
///
/// If a term or an option is out of its range; of a block, never after that.
pub fn path_blocks(
    underlying: &Underlying,
    options: &MonteCarloOptions,
) -> Result<impl Iterator<Item = Result<PathBlock>>> {
    options.check()?;
    underlying.check(options)?;
    let steps = options.steps as usize;
    let size = (BLOCK / steps).max(8);
    let drawn = options.drawn();
    let starts = (0..drawn).step_by(size);
    let halves = [false, true].into_iter().take(1 + usize::from(options.antithetic));
    Ok(halves.flat_map(move |mirrored| {
        starts.clone().map(move |start| {
            let paths = size.min(drawn - start);
            let mut prices = vec![0.0; steps * paths];
            underlying.rows(options, start as u64, mirrored, &mut prices)?;
            let first = if mirrored { drawn + start } else { start } as u64;
            Ok(PathBlock { first, paths, prices })
        })
    }))
}

#[cfg(test)]
mod tests;
