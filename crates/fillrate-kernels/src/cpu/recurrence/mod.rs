//! Recursive averages: y ← β y + α s, over a series or in a stream.
//!
//! Written as it stands, each value waits for the one before it. Eight steps at once are
//! y\[i\] = β⁸ y\[i − 8\] + E₈\[i\], where E₈ sums the last eight terms and is itself made by doubling:
//! E₂\[i\] = E₁\[i\] + β E₁\[i − 1\], E₄ and E₈ likewise. So whole vectors are computed, in registers,
//! and a vector waits only for the one before it. The order of operations depends on the place after the seed
//! alone: a stream gives what a batch gives, to the bit. Source: Kogge & Stone, "A parallel algorithm
//! for the efficient solution of a general class of recurrence equations" (1973).

mod batch;
mod finish;
mod source;
mod stream;

pub use self::stream::{AtrStream, EmaStream, MacdStream, RsiStream};

use self::batch::Batch;
use self::finish::{Apart, Difference, Strength};
use self::source::{Changes, Ranges, Same, Source, Twice};
use super::dispatch::dispatch_doubles;
use super::window::finish::{Finish, Identity};
use super::window::{check_bars, check_outputs};
use crate::{Cpu, Error, Result};

/// How many steps are taken at once.
pub(crate) const STEPS: usize = 8;

/// The factors of a recursive average: its weight of a new value, and the powers of 1 − weight.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Factors {
    pub(crate) alpha: f64,
    beta: f64,
    beta_2: f64,
    beta_4: f64,
    beta_8: f64,
}

impl Factors {
    fn new(alpha: f64) -> Self {
        let beta = 1.0 - alpha;
        let beta_2 = beta * beta;
        let beta_4 = beta_2 * beta_2;
        Self { alpha, beta, beta_2, beta_4, beta_8: beta_4 * beta_4 }
    }

    /// The exponential average of `bars` values: α = 2 / (bars + 1).
    pub(crate) fn exponential(bars: usize) -> Self {
        Self::new(2.0 / (bars as f64 + 1.0))
    }

    /// Wilder's average of `bars` values: α = 1 / bars.
    pub(crate) fn wilder(bars: usize) -> Self {
        Self::new(1.0 / bars as f64)
    }
}

impl Cpu {
    /// The exponential average of `x`, shape `[n]`, with α = 2 / (bars + 1): seeded with the mean of
    /// the first `bars` values, at the last of them; NaN before.
    ///
    /// Returns whether every value was finite, as [`Cpu::window`] does; so do the ops below.
    ///
    /// # Errors
    ///
    /// If `bars` is not from 1 to [`super::window::WINDOW_BARS_MAX`], or `out` has another shape.
    pub fn ema(&self, x: &[f64], bars: usize, out: &mut [f64]) -> Result<bool> {
        check_bars("ema", bars)?;
        check_outputs("ema", 1, x.len(), &[&mut *out])?;
        let run =
            Run { len: x.len(), first: 0, bars: [bars], factors: [Factors::exponential(bars)] };
        Ok(run.start(self, &Same(x), bars - 1, Identity, [out]))
    }

    /// Wilder's relative strength index of `x`, shape `[n]`, from 0 to 100: 100 G / (G + L) of the
    /// averages of gains and losses with α = 1 / bars, seeded with the means of the first `bars`
    /// changes; 50 where neither was ever above 0. NaN for the first `bars` values.
    ///
    /// Source: Wilder, "New Concepts in Technical Trading Systems" (1978), chapter 6.
    ///
    /// # Errors
    ///
    /// As for [`Cpu::ema`].
    pub fn rsi(&self, x: &[f64], bars: usize, out: &mut [f64]) -> Result<bool> {
        check_bars("rsi", bars)?;
        check_outputs("rsi", 1, x.len(), &[&mut *out])?;
        let run =
            Run { len: x.len(), first: 1, bars: [bars; 2], factors: [Factors::wilder(bars); 2] };
        Ok(run.start(self, &Changes(x), bars, Strength, [out]))
    }

    /// Wilder's average true range of bars with these highs, lows and closes, each of shape `[n]`:
    /// α = 1 / bars, seeded with the mean of the first `bars` true ranges, the first of which is that
    /// of the second bar. NaN for the first `bars` values.
    ///
    /// Source: Wilder, "New Concepts in Technical Trading Systems" (1978), chapter 3.
    ///
    /// # Errors
    ///
    /// As for [`Cpu::ema`], or if the columns differ in length.
    pub fn atr(
        &self,
        [high, low, close]: [&[f64]; 3],
        bars: usize,
        out: &mut [f64],
    ) -> Result<bool> {
        check_bars("atr", bars)?;
        if high.len() != close.len() || low.len() != close.len() {
            let expected = "three columns of one length".to_owned();
            let got = format!("{}, {} and {}", high.len(), low.len(), close.len());
            return Err(Error::Shape { op: "atr", expected, got });
        }
        check_outputs("atr", 1, close.len(), &[&mut *out])?;
        let run =
            Run { len: close.len(), first: 1, bars: [bars], factors: [Factors::wilder(bars)] };
        Ok(run.start(self, &Ranges { high, low, close }, bars, Identity, [out]))
    }

    /// Moving average convergence and divergence of `x`, shape `[n]`: the difference of its
    /// exponential averages of `fast` and of `slow` values, the exponential average of `smooth`
    /// differences, and the distance of the first from the second. Both averages begin where the
    /// slow one is seeded, the fast one with the mean of the `fast` values up to there. NaN for the
    /// first `slow − 1` differences and `slow + smooth − 2` of the others.
    ///
    /// Source: the order of seeds is that of TA-Lib 0.6, `ta_MACD.c`.
    ///
    /// # Errors
    ///
    /// As for [`Cpu::ema`], or if `fast` is above `slow`.
    pub fn macd(
        &self,
        x: &[f64],
        periods: MacdPeriods,
        [line, signal, histogram]: [&mut [f64]; 3],
    ) -> Result<bool> {
        periods.check()?;
        let MacdPeriods { fast, slow, smooth } = periods;
        check_outputs("macd", 3, x.len(), &[&mut *line, &mut *signal, &mut *histogram])?;
        let factors = [Factors::exponential(fast), Factors::exponential(slow)];
        let run = Run { len: x.len(), first: 0, bars: [fast, slow], factors };
        let is_finite = run.start(self, &Twice(x), slow - 1, Difference, [&mut *line]);
        // Both are averages of the differences, which begin at the slow average's seed.
        let start = (slow - 1).min(x.len());
        signal[..start].fill(f64::NAN);
        histogram[..start].fill(f64::NAN);
        let (line, out) = (&line[start..], [&mut signal[start..], &mut histogram[start..]]);
        let factors = [Factors::exponential(smooth)];
        let run = Run { len: line.len(), first: 0, bars: [smooth], factors };
        run.start(self, &Same(line), smooth - 1, Apart, out);
        Ok(is_finite)
    }
}

/// The lengths of the averages of a MACD, in values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MacdPeriods {
    /// Of the fast average, 12 by custom.
    pub fast: usize,
    /// Of the slow average, 26 by custom.
    pub slow: usize,
    /// Of the average of the difference, 9 by custom.
    pub smooth: usize,
}

impl MacdPeriods {
    pub(crate) fn check(self) -> Result<()> {
        for bars in [self.fast, self.slow, self.smooth] {
            check_bars("macd", bars)?;
        }
        if self.fast > self.slow {
            let expected = format!("a fast average of at most {} values", self.slow);
            return Err(Error::Shape { op: "macd", expected, got: self.fast.to_string() });
        }
        Ok(())
    }
}

/// `K` averages over one series.
struct Run<const K: usize> {
    len: usize,
    /// The first value that has a term.
    first: usize,
    /// How many terms up to the seed's place each average is seeded with.
    bars: [usize; K],
    factors: [Factors; K],
}

impl<const K: usize> Run<K> {
    /// Seeds the averages at value `seed_at` and runs them; whether all terms were finite.
    fn start<S: Source<K>, F: Finish<K, O>, const O: usize>(
        self,
        cpu: &Cpu,
        source: &S,
        seed_at: usize,
        finish: F,
        mut out: [&mut [f64]; O],
    ) -> bool {
        for out in &mut out {
            out[..self.len.min(seed_at)].fill(f64::NAN);
        }
        if seed_at >= self.len {
            return (self.first..self.len).all(|at| source.term(at).iter().all(|x| x.is_finite()));
        }
        let mut seeds = [0.0; K];
        for (k, seed) in seeds.iter_mut().enumerate() {
            let terms = (seed_at + 1 - self.bars[k]..=seed_at).map(|at| source.term(at)[k]);
            *seed = seed_of(terms.fold(0.0, |sum, term| sum + term), self.bars[k]);
        }
        let mut is_finite = (self.first..seed_at).all(|at| source.term(at)[0].is_finite());
        let Self { factors, .. } = self;
        let flag = &mut is_finite;
        dispatch_doubles(cpu.tier(), Batch { source, factors, seeds, seed_at, finish, out, flag });
        is_finite
    }
}

/// The mean that an average begins with.
fn seed_of(sum: f64, bars: usize) -> f64 {
    sum / bars as f64
}
