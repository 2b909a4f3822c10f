//! Sums over the returns of many symbols: covariances of windows, and returns of portfolios.
//!
//! A sum over dates is eight sums, of which each takes every eighth date from its own on, added up in
//! their order: lanes on a processor, accumulators of a thread on a GPU, and the same bits on both.

#![allow(unsafe_code, reason = "lane operations gated by the tier, over checked bounds")]

use std::ops::Range;

use rayon::prelude::*;

use super::dispatch::{Kernel, dispatch_doubles};
use super::doubles::Doubles;
use super::lanes::Lanes;
use crate::{Cpu, Error, Result};

/// The sums that a sum over dates is made of.
const SUMS: usize = 8;
/// Rows and columns of a covariance that are computed at a time: their sums stay in registers.
const BLOCK_ROWS: usize = 2;
const BLOCK_COLUMNS: usize = 4;
/// The rows of a covariance in a task, in blocks.
const TASK_BLOCKS: usize = 8;
/// Portfolios that share the loads of returns, and the vectors of dates that share those of weights.
const BLOCK_PORTFOLIOS: usize = 4;
const BLOCK_DATES: usize = 2;

/// The returns of some symbols at the same dates.
#[derive(Clone, Copy, Debug)]
pub struct ReturnTable<'a> {
    values: &'a [f64],
    symbols: usize,
    dates: usize,
}

impl<'a> ReturnTable<'a> {
    /// The returns of a symbol after those of the one before: `[symbols, dates]`.
    ///
    /// # Errors
    ///
    /// If there are not `symbols` times `dates` values.
    pub fn new(values: &'a [f64], symbols: usize, dates: usize) -> Result<Self> {
        if symbols.checked_mul(dates) == Some(values.len()) {
            return Ok(Self { values, symbols, dates });
        }
        let (expected, got) = (format!("[{symbols}, {dates}] returns"), values.len().to_string());
        Err(Error::Shape { op: "returns", expected, got })
    }

    /// The number of symbols.
    #[must_use]
    pub const fn symbols(&self) -> usize {
        self.symbols
    }

    /// The number of returns of each.
    #[must_use]
    pub const fn dates(&self) -> usize {
        self.dates
    }

    fn of_symbol(&self, symbol: usize, window: &Range<usize>) -> &'a [f64] {
        &self.values[symbol * self.dates..][window.clone()]
    }

    /// Refuses windows that are empty or not within the dates.
    pub(crate) fn check_windows(&self, windows: &[Range<usize>]) -> Result<()> {
        let dates = self.dates;
        let wrong = |window: &&Range<usize>| window.is_empty() || window.end > dates;
        let Some(window) = windows.iter().find(wrong) else { return Ok(()) };
        let (expected, got) = (format!("windows within {dates} dates"), format!("{window:?}"));
        Err(Error::Shape { op: "covariances", expected, got })
    }
}

/// What a covariance sums.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CovarianceSum {
    /// Products of deviations from the window's mean, over the number of its dates less `less`.
    Centred {
        /// 1 for a sample's covariance, 0 for a population's.
        less: usize,
    },
    /// Products of returns, whose weights fall by `decay` from each date to the one before, as those of
    /// S ← decay · S + (1 − decay) · r rᵀ from the first r rᵀ on.
    Weighted {
        /// The weight of what was before, from 0 to below 1.
        decay: f64,
    },
}

/// The values of the lower triangle of a covariance of so many symbols, row after row.
#[must_use]
pub const fn triangle(symbols: usize) -> usize {
    symbols * (symbols + 1) / 2
}

/// decay⁰, decay¹, … of so many dates.
pub(crate) fn powers(decay: f64, dates: usize) -> Vec<f64> {
    (0..dates as i32).map(|age| decay.powi(age)).collect()
}

impl Cpu {
    /// The covariances of windows of dates, each as the lower triangle of a symmetric matrix, row after
    /// row: `[windows, triangle]`, with [`triangle`] of the symbols. On the threads of rayon's pool.
    ///
    /// # Errors
    ///
    /// If a window is empty or not within the dates, or `out` has another size.
    pub fn covariances(
        &self,
        returns: &ReturnTable<'_>,
        windows: &[Range<usize>],
        sum: CovarianceSum,
        out: &mut [f64],
    ) -> Result<()> {
        returns.check_windows(windows)?;
        let size = triangle(returns.symbols);
        if windows.len().checked_mul(size) != Some(out.len()) {
            let (expected, got) = (format!("[{}, {size}]", windows.len()), out.len().to_string());
            return Err(Error::Shape { op: "covariances", expected, got });
        }
        if size == 0 {
            return Ok(());
        }
        let longest = windows.iter().map(ExactSizeIterator::len).max().unwrap_or(0);
        let powers = match sum {
            CovarianceSum::Centred { .. } => Vec::new(),
            CovarianceSum::Weighted { decay } => powers(decay, longest),
        };
        windows.par_iter().zip(out.par_chunks_mut(size)).for_each(|(window, out)| {
            let factors = Factors::of(returns, window, sum, &powers);
            let tasks: Vec<Part<'_>> = factors.tasks(out);
            tasks.into_par_iter().for_each(|part| dispatch_doubles(self.tier(), part));
        });
        Ok(())
    }

    /// The returns of portfolios that keep their weights: of each date Σ weight × return over the symbols,
    /// in their order. `weights` is `[portfolios, symbols]` and `out` `[portfolios, dates]`. On the threads
    /// of rayon's pool.
    ///
    /// # Errors
    ///
    /// If the weights or `out` have another size.
    pub fn portfolio_returns(
        &self,
        returns: &ReturnTable<'_>,
        weights: &[f64],
        out: &mut [f64],
    ) -> Result<()> {
        let (symbols, dates) = (returns.symbols, returns.dates);
        let portfolios = weights.len().checked_div(symbols).unwrap_or(0);
        if portfolios * symbols != weights.len() || portfolios * dates != out.len() {
            let expected = format!("weights [n, {symbols}] for returns [n, {dates}]");
            let got = format!("{} weights for {} returns", weights.len(), out.len());
            return Err(Error::Shape { op: "portfolio_returns", expected, got });
        }
        if out.is_empty() {
            return Ok(());
        }
        let weights = weights.par_chunks(BLOCK_PORTFOLIOS * symbols);
        let blocks = weights.zip(out.par_chunks_mut(BLOCK_PORTFOLIOS * dates));
        blocks.for_each(|(weights, out)| {
            dispatch_doubles(self.tier(), Portfolios { returns, weights, out });
        });
        Ok(())
    }
}

/// What the products of a window are taken of, symbol after symbol, in whole vectors: zeros are added at
/// the end, whose products change no sum.
struct Factors {
    left: Vec<f64>,
    /// `None` if it is the left one.
    right: Option<Vec<f64>>,
    symbols: usize,
    /// The dates of a symbol, with the zeros.
    stride: usize,
    divisor: f64,
}

impl Factors {
    fn of(
        returns: &ReturnTable<'_>,
        window: &Range<usize>,
        sum: CovarianceSum,
        powers: &[f64],
    ) -> Self {
        let (symbols, dates) = (returns.symbols, window.len());
        let stride = dates.next_multiple_of(SUMS);
        let fill = |factor: &dyn Fn(&[f64], &mut [f64])| {
            let mut values = vec![0.0; symbols * stride];
            for (symbol, to) in values.chunks_exact_mut(stride).enumerate() {
                factor(returns.of_symbol(symbol, window), &mut to[..dates]);
            }
            values
        };
        match sum {
            CovarianceSum::Centred { less } => {
                let left = fill(&|from, to| {
                    let mean = mean(from);
                    for (to, from) in to.iter_mut().zip(from) {
                        *to = from - mean;
                    }
                });
                let divisor = dates as f64 - less as f64;
                Self { left, right: None, symbols, stride, divisor }
            }
            CovarianceSum::Weighted { decay } => {
                let left = fill(&|from, to| {
                    let ages = powers[..dates].iter().rev();
                    for ((to, from), power) in to.iter_mut().zip(from).zip(ages) {
                        *to = from * ((1.0 - decay) * power);
                    }
                    to[0] = from[0] * powers[dates - 1];
                });
                let right = Some(fill(&|from, to| to.copy_from_slice(from)));
                Self { left, right, symbols, stride, divisor: 1.0 }
            }
        }
    }

    /// The rows of the covariance, a task's after the one before.
    fn tasks<'a>(&'a self, mut out: &'a mut [f64]) -> Vec<Part<'a>> {
        let step = TASK_BLOCKS * BLOCK_ROWS;
        let mut tasks = Vec::with_capacity(self.symbols.div_ceil(step));
        for first in (0..self.symbols).step_by(step) {
            let end = self.symbols.min(first + step);
            let (rows, rest) = out.split_at_mut(triangle(end) - triangle(first));
            tasks.push(Part { factors: self, rows: first..end, out: rows });
            out = rest;
        }
        tasks
    }
}

/// The mean of a symbol's returns.
fn mean(values: &[f64]) -> f64 {
    let mut sums = [0.0; SUMS];
    let mut chunks = values.chunks_exact(SUMS);
    for chunk in &mut chunks {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum += value;
        }
    }
    for (sum, value) in sums.iter_mut().zip(chunks.remainder()) {
        *sum += value;
    }
    total(sums) / values.len() as f64
}

/// The eight sums in their order.
#[inline(always)]
fn total(sums: [f64; SUMS]) -> f64 {
    let mut total = sums[0];
    for sum in &sums[1..] {
        total += sum;
    }
    total
}

/// Some rows of a covariance.
struct Part<'a> {
    factors: &'a Factors,
    rows: Range<usize>,
    /// From the first value of the first row to the last of the last.
    out: &'a mut [f64],
}

impl Kernel for Part<'_> {
    #[inline(always)]
    unsafe fn run<L: Lanes>(mut self) {
        let (first, end) = (self.rows.start, self.rows.end);
        // SAFETY: rows and columns are below the number of symbols; `L` is available.
        unsafe {
            let mut row = first;
            while row < end {
                let rows = BLOCK_ROWS.min(end - row);
                let mut column = 0;
                while column < row + rows {
                    let columns = BLOCK_COLUMNS.min(row + rows - column);
                    if rows == BLOCK_ROWS && columns == BLOCK_COLUMNS {
                        self.block::<L::Doubles, BLOCK_ROWS, BLOCK_COLUMNS>(row, column);
                        column += BLOCK_COLUMNS;
                    } else {
                        self.column::<L::Doubles>(row..row + rows, column);
                        column += 1;
                    }
                }
                row += rows;
            }
        }
    }
}

impl Part<'_> {
    /// A column of some rows.
    #[inline(always)]
    unsafe fn column<V: Doubles>(&mut self, rows: Range<usize>, column: usize) {
        // SAFETY: as for `run`.
        unsafe {
            for row in rows {
                self.block::<V, 1, 1>(row, column);
            }
        }
    }

    /// The products of `R` rows with `C` columns. What lies above the diagonal is left out.
    #[inline(always)]
    unsafe fn block<V: Doubles, const R: usize, const C: usize>(
        &mut self,
        row: usize,
        column: usize,
    ) {
        let Factors { left, right, stride, divisor, .. } = self.factors;
        let right = right.as_ref().unwrap_or(left);
        // SAFETY: every symbol has `stride` values, in whole vectors.
        unsafe {
            let left = left.as_ptr().add(row * stride);
            let right = right.as_ptr().add(column * stride);
            let mut sums = [[V::splat(0.0); C]; R];
            let mut date = 0;
            while date < *stride {
                let mut factors = [V::splat(0.0); C];
                for (at, factor) in factors.iter_mut().enumerate() {
                    *factor = V::load(right.add(at * stride + date));
                }
                for (at, sums) in sums.iter_mut().enumerate() {
                    let of_row = V::load(left.add(at * stride + date));
                    for (sum, factor) in sums.iter_mut().zip(factors) {
                        *sum = sum.add(of_row.mul(factor));
                    }
                }
                date += V::LANES;
            }
            for (at, sums) in sums.iter().enumerate() {
                for (beside, sum) in sums.iter().enumerate() {
                    self.put(row + at, column + beside, *sum, *divisor);
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn put<V: Doubles>(&mut self, row: usize, column: usize, sum: V, divisor: f64) {
        if column > row {
            return;
        }
        let mut sums = [0.0; SUMS];
        // SAFETY: a vector has eight lanes here.
        unsafe { sum.store(sums.as_mut_ptr()) };
        self.out[triangle(row) - triangle(self.rows.start) + column] = total(sums) / divisor;
    }
}

/// The returns of at most [`BLOCK_PORTFOLIOS`] portfolios.
struct Portfolios<'a> {
    returns: &'a ReturnTable<'a>,
    weights: &'a [f64],
    out: &'a mut [f64],
}

impl Kernel for Portfolios<'_> {
    #[inline(always)]
    unsafe fn run<L: Lanes>(mut self) {
        let portfolios = self.weights.len() / self.returns.symbols;
        // SAFETY: portfolios are those that there are; `L` is available.
        unsafe {
            if portfolios == BLOCK_PORTFOLIOS {
                self.all_dates::<L::Doubles, BLOCK_PORTFOLIOS>(0);
                return;
            }
            for portfolio in 0..portfolios {
                self.all_dates::<L::Doubles, 1>(portfolio);
            }
        }
    }
}

impl Portfolios<'_> {
    #[inline(always)]
    unsafe fn all_dates<V: Doubles, const P: usize>(&mut self, portfolio: usize) {
        let dates = self.returns.dates;
        let (block, vector) = (BLOCK_DATES * V::LANES, V::LANES);
        let mut date = 0;
        // SAFETY: the dates of a block are those that there are.
        unsafe {
            while date + block <= dates {
                self.some::<V, P, BLOCK_DATES>(portfolio, date);
                date += block;
            }
            while date + vector <= dates {
                self.some::<V, P, 1>(portfolio, date);
                date += vector;
            }
            while date < dates {
                self.some::<f64, P, 1>(portfolio, date);
                date += 1;
            }
        }
    }

    /// `P` portfolios at `D` vectors of dates.
    #[inline(always)]
    unsafe fn some<V: Doubles, const P: usize, const D: usize>(
        &mut self,
        portfolio: usize,
        date: usize,
    ) {
        let ReturnTable { values, symbols, dates } = *self.returns;
        // SAFETY: every symbol has a return at each of these dates, and every portfolio a weight for each
        // symbol and room for each date.
        unsafe {
            let mut sums = [[V::splat(0.0); D]; P];
            for symbol in 0..symbols {
                let from = values.as_ptr().add(symbol * dates + date);
                let mut returns = [V::splat(0.0); D];
                for (at, r) in returns.iter_mut().enumerate() {
                    *r = V::load(from.add(at * V::LANES));
                }
                for (at, sums) in sums.iter_mut().enumerate() {
                    let weight = *self.weights.get_unchecked((portfolio + at) * symbols + symbol);
                    for (sum, r) in sums.iter_mut().zip(returns) {
                        *sum = sum.add(V::splat(weight).mul(r));
                    }
                }
            }
            for (at, sums) in sums.iter().enumerate() {
                for (beside, sum) in sums.iter().enumerate() {
                    let place = (portfolio + at) * dates + date + beside * V::LANES;
                    sum.store(self.out.as_mut_ptr().add(place));
                }
            }
        }
    }
}
