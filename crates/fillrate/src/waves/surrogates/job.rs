//! The search of some surrogates as a job, which a device and the processor both do.
//!
//! A device is given the original and makes its own surrogates, by the stationary bootstrap and by Brownian
//! motion. Those by Fourier's transform are made by the processor before the job goes anywhere, as are
//! pivots by the zigzag, which one thread must find bar by bar. The rest is the device's: pivots, valid
//! waves, counts and scores.

use std::ops::Range;
use std::sync::Arc;

use fillrate_kernels::cuda::{
    Address, CudaPrices, DeviceBars, DeviceWaves, Layout, SWING_HIGH, SWING_LOW, Span,
    SurrogateTerms, WAVE_SERIES_MAX, WaveTables,
};
use rayon::prelude::*;

use super::super::bars::Bars;
use super::super::legs::{Legs, WAVES_MAX};
use super::super::pivots::{PivotRule, Pivots};
use super::super::search::Search;
use super::{SurrogateBars, SurrogateMethod, Surrogates};
use crate::Result;
use crate::market::device::{Job, MarketDevice};

const DOUBLE: usize = size_of::<f64>();

/// The bars of a job's surrogates, about: some ten million valid waves, for which a device takes some
/// hundred megabytes.
const JOB_BARS: usize = 1 << 20;

/// What was found in one surrogate.
#[derive(Clone, Debug, PartialEq)]
pub struct SurrogateRun {
    /// The best score of each of [`Search::kinds`], `None` where there is no pattern.
    pub best: Vec<Option<f64>>,
    /// How many patterns it has, of all kinds together.
    pub count: u64,
}

/// Some surrogates of a series, to be searched.
#[derive(Debug)]
pub struct SurrogateJob {
    search: Arc<Search>,
    surrogates: Arc<Surrogates>,
    numbers: Range<u32>,
    pivots: PivotRule,
    open_ends: bool,
    /// The surrogates that no device makes; empty if one does.
    made: Vec<Made>,
}

/// A surrogate that the processor made.
#[derive(Debug)]
struct Made {
    columns: SurrogateBars,
    /// What each bar is, for pivots that no device finds.
    pivots: Option<Vec<u8>>,
}

/// Searches one series.
///
/// # Errors
///
/// As [`Legs::find`].
pub(in crate::waves) fn search_one(
    search: &Search,
    bars: &Bars<'_>,
    pivots: PivotRule,
    open_ends: bool,
) -> Result<SurrogateRun> {
    let legs = Legs::find(bars, pivots, open_ends)?;
    let count = search.counts(&legs, None).iter().sum();
    Ok(SurrogateRun { best: search.best_scores(&legs, None), count })
}

impl SurrogateJob {
    /// The search of the surrogates of these `numbers`. What a device does not make is made here, on the
    /// threads of the current pool.
    ///
    /// # Errors
    ///
    /// If the prices of one that is made here leave the range of numbers, or the pivots' rule is refused.
    pub fn new(
        search: &Arc<Search>,
        surrogates: &Arc<Surrogates>,
        numbers: Range<u32>,
        pivots: PivotRule,
        open_ends: bool,
    ) -> Result<Self> {
        let (search, surrogates) = (Arc::clone(search), Arc::clone(surrogates));
        let mut job = Self { search, surrogates, numbers, pivots, open_ends, made: Vec::new() };
        // A degree that is refused is the processor's to refuse.
        let are_fractals = matches!(pivots, PivotRule::Fractal(1..));
        if job.surrogates.method == SurrogateMethod::Fourier || !are_fractals {
            let made = job.numbers.clone().into_par_iter().map(|number| job.make(number));
            job.made = made.collect::<Result<_>>()?;
        }
        Ok(job)
    }

    /// How many surrogates make a job.
    pub(in crate::waves) fn numbers_of_one(surrogates: &Surrogates) -> u32 {
        (JOB_BARS / surrogates.bars().max(1)).clamp(1, WAVE_SERIES_MAX) as u32
    }

    fn make(&self, number: u32) -> Result<Made> {
        let mut columns = SurrogateBars::default();
        self.surrogates.make(number, &mut columns);
        let bars = columns.bars()?;
        let pivots = match self.pivots {
            PivotRule::Fractal(1..) => None,
            rule => Some(marks(&Pivots::find(&bars, rule, self.open_ends)?, bars.len())),
        };
        Ok(Made { columns, pivots })
    }

    /// Searches one surrogate on this thread.
    fn run_one(&self, number: u32, columns: &mut SurrogateBars) -> Result<SurrogateRun> {
        let (search, open_ends) = (&self.search, self.open_ends);
        if let Some(made) = self.made.get((number - self.numbers.start) as usize) {
            return search_one(search, &made.columns.bars()?, self.pivots, open_ends);
        }
        self.surrogates.make(number, columns);
        search_one(search, &columns.bars()?, self.pivots, open_ends)
    }

    /// Searches some surrogates on this thread: what a device may not wait for others with.
    fn run_here(&self, numbers: Range<u32>) -> Result<Vec<SurrogateRun>> {
        let mut columns = SurrogateBars::default();
        numbers.map(|number| self.run_one(number, &mut columns)).collect()
    }
}

/// What each bar is, as a device takes it.
fn marks(pivots: &Pivots, bars: usize) -> Vec<u8> {
    let mut marks = vec![0; bars];
    for (turns, mark) in [(&pivots.highs, SWING_HIGH), (&pivots.lows, SWING_LOW)] {
        for &bar in turns {
            marks[bar as usize] |= mark;
        }
    }
    marks
}

impl Job for SurrogateJob {
    /// For each surrogate what was found in it.
    type Answer = Vec<SurrogateRun>;

    /// In bars.
    fn size(&self) -> u64 {
        (self.numbers.len() * self.surrogates.bars()) as u64
    }

    fn on_processor(&self) -> Result<Self::Answer> {
        let runs = self.numbers.clone().into_par_iter();
        runs.map_init(SurrogateBars::default, |columns, number| self.run_one(number, columns))
            .collect()
    }

    fn on_device(&self, device: &MarketDevice) -> Result<Self::Answer> {
        let tables = WaveTables::new(&self.search.forms());
        let mut runs = Vec::with_capacity(self.numbers.len());
        let mut parts = vec![self.numbers.clone()];
        while let Some(numbers) = parts.pop() {
            if numbers.is_empty() || self.surrogates.bars() == 0 || tables.forms() == 0 {
                runs.extend(self.run_here(numbers)?);
                continue;
            }
            let part = Part { job: self, tables: &tables, device };
            match part.run(numbers.clone())? {
                Found::Runs(found) => runs.extend(found),
                // What fails here has the processor's reason.
                Found::Fault => runs.extend(self.run_here(numbers)?),
                Found::TooManyWaves if numbers.len() == 1 => runs.extend(self.run_here(numbers)?),
                Found::TooManyWaves => {
                    let middle = u32::midpoint(numbers.start, numbers.end);
                    parts.extend([middle..numbers.end, numbers.start..middle]);
                }
            }
        }
        Ok(runs)
    }
}

/// What came of some surrogates on a device.
enum Found {
    Runs(Vec<SurrogateRun>),
    /// A price left the range of numbers.
    Fault,
    /// There are more waves than one series may have.
    TooManyWaves,
}

/// Surrogates on a device.
struct Part<'a> {
    job: &'a SurrogateJob,
    tables: &'a WaveTables,
    device: &'a MarketDevice,
}

/// Where the parts of the device's memory lie.
struct Places {
    steps: Span,
    fault: Span,
    begins: Span,
    scratch: Span,
    tables: Span,
    best: Span,
    found: Span,
}

impl Part<'_> {
    fn run(&self, numbers: Range<u32>) -> Result<Found> {
        let (series, bars) = (numbers.len(), self.job.surrogates.bars());
        let answers = series * self.tables.forms() * size_of::<u64>();
        let mut layout = Layout::default();
        let [high, low] = [(); 2].map(|()| layout.reserve(series * bars * DOUBLE));
        let pivots = layout.reserve(series * bars);
        let places = Places {
            steps: layout.reserve(self.job.surrogates.steps.len() * 4 * DOUBLE),
            fault: layout.reserve(size_of::<u32>()),
            begins: layout.reserve((2 * series * bars + 1) * size_of::<u32>()),
            scratch: layout.reserve(CudaPrices::wave_scratch_bytes(series, bars)),
            tables: layout.reserve(self.tables.bytes().len()),
            best: layout.reserve(answers),
            found: layout.reserve(answers),
        };
        let region = self.device.region(&layout, "surrogates")?;
        let base = region.address();
        let [high, low, pivots] = [high, low, pivots].map(|span| span.at(base));
        let bars = DeviceBars { high, low, pivots, series, bars };
        if !self.make(&numbers, &bars, &places, base)? {
            return Ok(Found::Fault);
        }
        let (begins, scratch) = (places.begins.at(base), places.scratch);
        self.device.prices.count_waves(&bars, begins, scratch.at(base))?;
        let mut total = [0_u64];
        let last = scratch.at(base).plus(scratch.bytes() - size_of::<u64>());
        self.device.download(last, &mut total)?;
        if total[0] > WAVES_MAX as u64 {
            return Ok(Found::TooManyWaves);
        }
        self.search(&bars, begins, total[0], &places, base).map(Found::Runs)
    }

    /// Makes the surrogates and finds their pivots; whether their prices stay in range.
    fn make(
        &self,
        numbers: &Range<u32>,
        bars: &DeviceBars,
        places: &Places,
        base: Address,
    ) -> Result<bool> {
        let (job, prices) = (self.job, &self.device.prices);
        let is_made_here = job.made.is_empty();
        let mut fault = [0_u32];
        let fault_at = places.fault.at(base);
        if is_made_here {
            let Surrogates { first: [_, high, low, close], seed, .. } = *job.surrogates;
            self.device.upload(fault_at, &fault)?;
            let (first, key) = ([high, low, close], job.surrogates.key(numbers.start));
            let terms = SurrogateTerms { first, seed, key, fault: fault_at };
            let Surrogates { method, run_ends, drift, volatility, .. } = *job.surrogates;
            if method == SurrogateMethod::Gbm {
                prices.wave_diffusions(&terms, bars, drift, volatility)?;
            } else {
                let steps = places.steps.at(base);
                self.device.upload(steps, job.surrogates.steps.as_flattened())?;
                prices.wave_blocks(&terms, bars, steps, run_ends)?;
            }
        }
        let from = (numbers.start - job.numbers.start) as usize;
        let mut marked = 0;
        for (place, made) in job.made.iter().skip(from).take(numbers.len()).enumerate() {
            let first = place * bars.bars;
            self.device.upload(bars.high.plus(first * DOUBLE), &made.columns.high)?;
            self.device.upload(bars.low.plus(first * DOUBLE), &made.columns.low)?;
            if let Some(marks) = &made.pivots {
                self.device.upload(bars.pivots.plus(first), marks)?;
                marked += 1;
            }
        }
        if let (0, PivotRule::Fractal(degree)) = (marked, job.pivots) {
            prices.wave_pivots(bars, degree, job.open_ends)?;
        }
        if is_made_here {
            self.device.download(fault_at, &mut fault)?;
        }
        Ok(fault[0] == 0)
    }

    /// Writes the waves that were counted, and searches them.
    fn search(
        &self,
        bars: &DeviceBars,
        begins: Address,
        count: u64,
        places: &Places,
        base: Address,
    ) -> Result<Vec<SurrogateRun>> {
        let (prices, forms) = (&self.device.prices, self.tables.forms());
        let mut layout = Layout::default();
        let ends = [(); 2].map(|()| layout.reserve(count as usize * size_of::<u32>()));
        let region = self.device.region(&layout, "valid waves")?;
        let [starts, ends] = ends.map(|span| span.at(region.address()));
        let waves = DeviceWaves { begins, starts, ends, waves: count };
        prices.write_waves(bars, &waves)?;
        let answers = [places.best, places.found].map(|span| span.at(base));
        let mut numbers = [(); 2].map(|()| vec![0_u64; bars.series * forms]);
        for (at, zeros) in answers.iter().zip(&numbers) {
            self.device.upload(*at, zeros)?;
        }
        let tables = places.tables.at(base);
        self.device.upload(tables, self.tables.bytes())?;
        prices.search_waves(bars, &waves, (self.tables, tables), answers)?;
        for (at, numbers) in answers.iter().zip(&mut numbers) {
            self.device.download(*at, numbers)?;
        }
        let [best, found] = numbers;
        let score = |&code: &u64| code.checked_sub(1).map(f64::from_bits);
        let rows = best.chunks(forms).zip(found.chunks(forms));
        let run = |(best, found): (&[u64], &[u64])| SurrogateRun {
            best: best.iter().map(score).collect(),
            count: found.iter().sum(),
        };
        Ok(rows.map(run).collect())
    }
}
