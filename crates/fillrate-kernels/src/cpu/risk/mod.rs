//! What risk figures are made of: sums over the returns of many series of prices, their deepest falls, and
//! the quantiles of their returns.
//!
//! A sum over a series is 32 sums, of which each takes every 32nd return from its own on, added up as a
//! tree: four vectors on a processor, the lanes of a warp on a GPU, and the same bits on both. Extremes and
//! order statistics are exact, so that each side may find them in its own way.

#![allow(unsafe_code, reason = "lane operations gated by the tier, over checked bounds")]

mod fall;
mod means;
mod panel;
mod passes;
mod returns;
mod tail;

use rayon::prelude::*;

use self::fall::Fall;
use self::means::date_means;
use self::panel::Dates;
use self::passes::{Common, Powers, Products, Shortfalls, Totals};
use self::returns::{logarithms, simple};
use super::dispatch::{Kernel, dispatch_doubles};
use super::lanes::Lanes;
use crate::{Cpu, Error, Result};

pub use self::panel::{RiskDates, RiskPanel};

/// The sums that a sum over a series is made of.
pub(crate) const SUMS: usize = 32;

/// The least decay: its 32nd power, which what is summed is divided by, is far from the smallest number.
const DECAY_MIN: f64 = 0.01;

/// The values of [`RiskSums`].
pub const RISK_SUMS: usize = 17;

/// What is asked of returns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RiskTerms {
    /// Whether returns are the logarithms of simple ones and 1.
    pub logarithms: bool,
    /// The return that falls short or not, per bar.
    pub rate: f64,
    /// The weight of what was before in the exponential variance, from 0.01 to below 1.
    pub decay: f64,
    /// The share of returns below the quantile, from 0 to 1; `None` leaves tails out.
    pub tail: Option<f64>,
    /// The series that others are compared with; `None` is the mean of all.
    pub benchmark: Option<usize>,
}

impl RiskTerms {
    /// Refuses a benchmark that is not there and numbers out of their ranges.
    pub(crate) fn check(&self, series: usize) -> Result<()> {
        let refused = |expected: String, got: String| {
            Err::<(), _>(Error::Shape { op: "risk", expected, got })
        };
        if let Some(benchmark) = self.benchmark.filter(|benchmark| *benchmark >= series) {
            return refused(format!("a benchmark of {series} series"), benchmark.to_string());
        }
        if let Some(tail) = self.tail.filter(|tail| !(0.0..=1.0).contains(tail)) {
            return refused("a tail from 0 to 1".to_owned(), tail.to_string());
        }
        if !(DECAY_MIN..1.0).contains(&self.decay) {
            let expected = format!("a decay from {DECAY_MIN} to below 1");
            return refused(expected, self.decay.to_string());
        }
        Ok(())
    }

    /// What the first return's square is multiplied by to begin its sum with, so that the first return
    /// counts as much as everything before it would have.
    pub(crate) fn first_weight(&self) -> f64 {
        let row = decays(self.decay)[5];
        self.decay / ((1.0 - self.decay) * row)
    }
}

/// decay¹, decay², decay⁴, … decay³², by squaring.
pub(crate) fn decays(decay: f64) -> [f64; 6] {
    let mut powers = [decay; 6];
    for at in 1..powers.len() {
        powers[at] = powers[at - 1] * powers[at - 1];
    }
    powers
}

/// What the figures of a series are made of. Without returns every sum is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RiskSums {
    /// Σ r.
    pub total: f64,
    /// Σ min(r − rate, 0)².
    pub downside: f64,
    /// The exponential sum of r²; see [`Self::exponential_variance`].
    pub decayed: f64,
    /// Σ (r − mean)², its third and its fourth powers.
    pub powers: [f64; 3],
    /// The dates that the benchmark has too.
    pub common: f64,
    /// At these, of x the returns less their mean and y the benchmark's: Σ x², Σ x y, Σ y².
    pub products: [f64; 3],
    /// The quantile of the returns: linear between those around place (n − 1) tail of the sorted ones.
    pub quantile: f64,
    /// The sum of the returns that are not above the quantile, and how many they are.
    pub below: [f64; 2],
    /// The least ratio of a price to the highest one up to it; 1 if none has fallen.
    pub least: f64,
    /// The place of that highest price among the prices, the first of equal ones.
    pub peak: f64,
    /// The place of the lowest after it, the first of those that fell as deep.
    pub trough: f64,
    /// The last price over the first.
    pub growth: f64,
}

impl RiskSums {
    /// From values in the order of the fields.
    #[must_use]
    pub const fn of(values: &[f64; RISK_SUMS]) -> Self {
        let [total, downside, decayed, second, third, fourth, common, rest @ ..] = *values;
        let [x_x, x_y, y_y, quantile, sum, count, least, peak, trough, growth] = rest;
        Self {
            total,
            downside,
            decayed,
            powers: [second, third, fourth],
            common,
            products: [x_x, x_y, y_y],
            quantile,
            below: [sum, count],
            least,
            peak,
            trough,
            growth,
        }
    }

    /// The values in the order of the fields.
    #[must_use]
    pub const fn values(&self) -> [f64; RISK_SUMS] {
        let [second, third, fourth] = self.powers;
        let [x_x, x_y, y_y] = self.products;
        let [sum, count] = self.below;
        [
            self.total,
            self.downside,
            self.decayed,
            second,
            third,
            fourth,
            self.common,
            x_x,
            x_y,
            y_y,
            self.quantile,
            sum,
            count,
            self.least,
            self.peak,
            self.trough,
            self.growth,
        ]
    }

    /// The exponential variance after the last of `returns` returns:
    /// σ² ← decay · σ² + (1 − decay) · r², from the first r² on.
    #[must_use]
    pub fn exponential_variance(&self, decay: f64, returns: usize) -> f64 {
        // The sum is that of whole rows of 32 returns: the last row's missing ones made it age.
        let missing = returns.next_multiple_of(SUMS) - returns;
        (1.0 - decay) * self.decayed * decay.powi(-(missing as i32))
    }
}

impl Cpu {
    /// What the risk figures of every series are made of, and after them those of the series whose return
    /// at each date is the mean of those that there are, and whose price begins with 1: `[series + 1]`. On
    /// the threads of rayon's pool.
    ///
    /// # Errors
    ///
    /// If a term is out of its range or the benchmark is not one of the series.
    pub fn risk(&self, panel: &RiskPanel<'_>, terms: &RiskTerms) -> Result<Vec<RiskSums>> {
        terms.check(panel.series())?;
        let portfolio = date_means(self.tier(), panel);
        let path = compounded(&portfolio);
        let whole = Source { path: &path, simple: Some(&portfolio), dates: Dates::From(0) };
        let row = self.benchmark(panel, &whole, terms);
        let places = (0..=panel.series()).into_par_iter();
        let sums = places.map_init(Scratch::default, |scratch, place| {
            let source = if place < panel.series() { Source::of(panel, place) } else { whole };
            let mut sums = RiskSums::default();
            let run = SeriesRisk { source, row: &row, terms, scratch, sums: &mut sums };
            dispatch_doubles(self.tier(), run);
            sums
        });
        Ok(sums.collect())
    }

    /// The benchmark's returns date by date, NaN where it has none.
    fn benchmark(&self, panel: &RiskPanel<'_>, whole: &Source<'_>, terms: &RiskTerms) -> Vec<f64> {
        let source = terms.benchmark.map_or(*whole, |place| Source::of(panel, place));
        let mut returns = Vec::new();
        let run = Returns { source, logarithms: terms.logarithms, out: &mut returns };
        dispatch_doubles(self.tier(), run);
        if terms.benchmark.is_none() {
            return returns;
        }
        let mut row = vec![f64::NAN; panel.dates()];
        match source.dates {
            Dates::From(first) => row[first..first + returns.len()].copy_from_slice(&returns),
            Dates::Each(dates) => {
                for (date, r) in dates.iter().zip(returns) {
                    row[*date as usize] = r;
                }
            }
        }
        row
    }
}

/// The value that begins with 1 and has these returns.
fn compounded(returns: &[f64]) -> Vec<f64> {
    let mut path = Vec::with_capacity(returns.len() + 1);
    let mut value = 1.0;
    path.push(value);
    for r in returns {
        value *= 1.0 + r;
        path.push(value);
    }
    path
}

/// A series of prices.
#[derive(Clone, Copy)]
struct Source<'a> {
    path: &'a [f64],
    /// Its simple returns, if they are not those of the prices.
    simple: Option<&'a [f64]>,
    dates: Dates<'a>,
}

impl<'a> Source<'a> {
    fn of(panel: &RiskPanel<'a>, place: usize) -> Self {
        Self { path: panel.path(place), simple: None, dates: panel.dates_of(place) }
    }

    /// Puts its returns into `out`.
    #[inline(always)]
    unsafe fn returns<L: Lanes>(&self, is_logarithm: bool, out: &mut Vec<f64>) {
        out.clear();
        out.resize(self.path.len().saturating_sub(1), 0.0);
        // SAFETY: the caller has the instructions of `L`.
        unsafe {
            match self.simple {
                Some(returns) => out.copy_from_slice(returns),
                None => simple::<L::Doubles>(self.path, out),
            }
            if is_logarithm {
                logarithms::<L::Doubles>(out);
            }
        }
    }
}

/// The returns of one series.
struct Returns<'a> {
    source: Source<'a>,
    logarithms: bool,
    out: &'a mut Vec<f64>,
}

impl Kernel for Returns<'_> {
    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        // SAFETY: `L` is available.
        unsafe { self.source.returns::<L>(self.logarithms, self.out) }
    }
}

/// What a thread works in.
#[derive(Default)]
struct Scratch {
    returns: Vec<f64>,
    /// The benchmark's returns at the dates of a series.
    beside: Vec<f64>,
    candidates: Vec<f64>,
}

/// All of one series.
struct SeriesRisk<'a> {
    source: Source<'a>,
    /// The benchmark's returns, `[dates]`.
    row: &'a [f64],
    terms: &'a RiskTerms,
    scratch: &'a mut Scratch,
    sums: &'a mut RiskSums,
}

impl Kernel for SeriesRisk<'_> {
    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let Self { source, row, terms, scratch, sums } = self;
        let Scratch { returns, beside, candidates } = scratch;
        // SAFETY: `L` is available.
        unsafe {
            let Fall { least, peak, trough } = fall::deepest::<L::Doubles>(source.path);
            (sums.least, sums.peak, sums.trough) = (least, peak as f64, trough as f64);
            source.returns::<L>(terms.logarithms, returns);
            let (Some(first), Some(start), Some(end)) =
                (returns.first(), source.path.first(), source.path.last())
            else {
                return;
            };
            sums.growth = end / start;
            let decays = decays(terms.decay);
            let seed = first * first * terms.first_weight();
            let mut pass = Totals::<L::Doubles>::new(&decays, seed);
            passes::over(returns, 0.0, &mut pass);
            [sums.total, sums.decayed] = pass.finish(&decays);
            let mut pass = Shortfalls::<L::Doubles>::new(terms.rate);
            passes::over(returns, terms.rate, &mut pass);
            sums.downside = pass.finish();
            let mean = sums.total / returns.len() as f64;
            let mut pass = Powers::<L::Doubles>::new(mean);
            passes::over(returns, mean, &mut pass);
            sums.powers = pass.finish();
            let beside = source.dates.beside(row, returns.len(), beside);
            let mut pass = Common::<L::Doubles>::new();
            passes::over_both(returns, beside, &mut pass);
            let [x, y, count] = pass.finish();
            sums.common = count;
            let mut pass = Products::<L::Doubles>::new([x / count, y / count]);
            passes::over_both(returns, beside, &mut pass);
            sums.products = pass.finish();
            if let Some(share) = terms.tail {
                sums.quantile = tail::quantile(returns, share, candidates);
                sums.below = tail::below::<L::Doubles>(returns, sums.quantile);
            }
        }
    }
}
