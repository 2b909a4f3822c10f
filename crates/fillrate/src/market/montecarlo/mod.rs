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
mod quantiles;
mod statistics;
mod underlying;

use std::ops::Range;
use std::sync::Arc;

use fillrate_kernels::{PathGrid, Philox};
use rayon::prelude::*;

use super::device::{Computer, PartSummary, SimulationPart};
use super::risk::quantile;
use crate::{Error, Result};

pub use self::basket::{Asset, Basket};
pub(crate) use self::quantiles::{Ranges, Selected};
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
/// The steps of all paths of one [`SimulationPart`]: a tenth of a second of a core, so that it is soon known
/// which side is quicker, and a device is not given more than it answers in seconds.
pub(crate) const PART_STEPS: u64 = 1 << 26;
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
    /// The sample deviation (n − 1) of the ends; NaN for one path.
    pub std: f64,
    /// The standard error of the mean; NaN for one path. Antithetic paths are counted by their pairs.
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
    let summary = EndMoments::of(plain, mirrored);
    ends.par_sort_unstable_by(f64::total_cmp);
    let quantiles = QUANTILES.map(|p| quantile(&ends, p).unwrap_or(f64::NAN));
    Ok(summary.terminal(quantiles))
}

/// The same, with the paths walked and their ends added up where `computer` says. Of a large simulation
/// only those ends are kept that are near a quantile.
///
/// # Errors
///
/// As for [`simulate`].
pub fn simulate_on(
    computer: &Computer<SimulationPart>,
    underlying: &Arc<Underlying>,
    options: &MonteCarloOptions,
) -> Result<Terminal> {
    if computer.is_processor() {
        return simulate(underlying, options);
    }
    options.check()?;
    underlying.check(options)?;
    match simulate_parts(computer, underlying, options, Parts::of(options))? {
        Some(terminal) => Ok(terminal),
        // A quantile was not where the first ends said: it is looked for among all of them.
        None => simulate(underlying, options),
    }
}

/// How a simulation is divided.
#[derive(Clone, Copy, Debug)]
struct Parts {
    /// The paths that are walked first, all of whose ends are kept: a multiple of [`CHUNK`].
    first: usize,
    /// The paths of each later part, likewise.
    paths: usize,
    /// How far from where the first ends say quantiles are looked for, in standard deviations.
    deviations: f64,
}

impl Parts {
    fn of(options: &MonteCarloOptions) -> Self {
        let halves = 1 + u64::from(options.antithetic);
        let paths = PART_STEPS / (u64::from(options.steps.max(1)) * halves);
        let paths = (paths.clamp(CHUNK as u64, PART_PATHS) as usize).next_multiple_of(CHUNK);
        // Few first ends mean wide ranges, and many are many themselves.
        let first = (options.drawn() / 16).clamp(4 * CHUNK, paths.max(4 * CHUNK));
        Self { first: first.next_multiple_of(CHUNK), paths, deviations: quantiles::DEVIATIONS }
    }
}

/// A simulation part by part; `None` if a quantile is not among the ends that were kept.
fn simulate_parts(
    computer: &Computer<SimulationPart>,
    underlying: &Arc<Underlying>,
    options: &MonteCarloOptions,
    parts: Parts,
) -> Result<Option<Terminal>> {
    let drawn = options.drawn();
    let run = |range: Range<usize>, ranges: Option<&Arc<Ranges>>| {
        computer.run(SimulationPart::new(underlying, *options, range, ranges.cloned())?)
    };
    let first = parts.first.min(drawn);
    let PartSummary { mut moments, selected: Selected { kept: mut ends, .. } } =
        run(0..first, None)?;
    ends.par_sort_unstable_by(f64::total_cmp);
    let ranges = Arc::new(Ranges::around(&ends, parts.deviations));
    let mut selected = Selected::of(&ends, &ranges);
    for start in (first..drawn).step_by(parts.paths) {
        let part = run(start..drawn.min(start + parts.paths), Some(&ranges))?;
        moments.append(part.moments);
        selected.append(part.selected);
    }
    selected.kept.par_sort_unstable_by(f64::total_cmp);
    let quantiles = selected.quantiles(&ranges, options.paths as usize);
    Ok(quantiles.map(|quantiles| moments.terminal(quantiles)))
}

/// The moments of ends, by chunks in the order of their paths.
#[derive(Clone, Debug, Default)]
pub(crate) struct EndMoments {
    /// Of paths that draw numbers of their own, and of their mirror images.
    pub(crate) halves: [Vec<Moments>; 2],
    /// Of the means of a path and its mirror image.
    pub(crate) pairs: Vec<Moments>,
}

impl EndMoments {
    /// Those of some paths and, if there are any, of their mirror images, on the threads of rayon's pool.
    pub(crate) fn of(plain: &[f64], mirrored: &[f64]) -> Self {
        let none = vec![0.0; CHUNK];
        let of = |values: &[f64]| Moments::of(values, &none[..values.len()]);
        let halves = [plain, mirrored].map(|ends| ends.par_chunks(CHUNK).map(of).collect());
        let pairs = plain.par_chunks(CHUNK).zip(mirrored.par_chunks(CHUNK));
        let means = |(a, b): (&[f64], &[f64])| {
            let means: Vec<f64> = a.iter().zip(b).map(|(a, b)| f64::midpoint(*a, *b)).collect();
            of(&means)
        };
        Self { halves, pairs: pairs.map(means).collect() }
    }

    fn append(&mut self, other: Self) {
        for (half, more) in self.halves.iter_mut().zip(other.halves) {
            half.extend(more);
        }
        self.pairs.extend(other.pairs);
    }

    /// What is to be said of all ends.
    fn terminal(&self, quantiles: [f64; 7]) -> Terminal {
        let moments = Moments::tree(&self.halves.concat());
        let samples = if self.pairs.is_empty() { moments } else { Moments::tree(&self.pairs) };
        let std_error = samples.corrected(0.0).std_error;
        Terminal { mean: moments.mean(), std: moments.deviation(), std_error, quantiles }
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
