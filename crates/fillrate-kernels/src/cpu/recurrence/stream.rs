//! Recursive averages of values that come one by one, bit for bit what a batch gives.
//!
//! A value that is not finite is left out, and answered with NaN.

#![allow(unsafe_code, reason = "one lane needs no instructions beyond the baseline")]

use super::finish::Strength;
use super::source::{gain_and_loss, true_range};
use super::{Factors, MacdPeriods, STEPS, seed_of};
use crate::Result;
use crate::cpu::window::check_bars;
use crate::cpu::window::finish::Finish;

/// One recursive average.
#[derive(Clone, Debug)]
struct Average {
    factors: Factors,
    /// Terms that come before those of the seed.
    skip: usize,
    /// Terms of the seed.
    bars: usize,
    /// Terms so far.
    count: usize,
    sum: f64,
    /// The last sums of one, two and four terms, and the last values, by place modulo eight.
    terms: [[f64; STEPS]; 3],
    values: [f64; STEPS],
}

impl Average {
    fn new(factors: Factors, bars: usize, skip: usize) -> Self {
        let (terms, values) = ([[0.0; STEPS]; 3], [0.0; STEPS]);
        Self { factors, skip, bars, count: 0, sum: 0.0, terms, values }
    }

    /// Takes a term; the average, NaN until it is seeded.
    fn push(&mut self, term: f64) -> f64 {
        const MASK: usize = STEPS - 1;
        self.count += 1;
        if self.count <= self.skip {
            return f64::NAN;
        }
        let Some(at) = (self.count - self.skip).checked_sub(self.bars) else {
            self.sum += term;
            return f64::NAN;
        };
        let Factors { alpha, beta, beta_2, beta_4, beta_8 } = self.factors;
        let place = |back: usize| (at + STEPS - back) & MASK;
        let one = term * alpha;
        let two = one + self.terms[0][place(1)] * beta;
        let four = two + self.terms[1][place(2)] * beta_2;
        let eight = four + self.terms[2][place(4)] * beta_4;
        let y = match at {
            0 => seed_of(self.sum + term, self.bars),
            1..STEPS => beta * self.values[place(1)] + alpha * term,
            _ => eight + self.values[place(0)] * beta_8,
        };
        for (terms, sum) in self.terms.iter_mut().zip([one, two, four]) {
            terms[place(0)] = sum;
        }
        self.values[place(0)] = y;
        y
    }
}

/// [`crate::Cpu::ema`] of a stream.
#[derive(Clone, Debug)]
pub struct EmaStream(Average);

impl EmaStream {
    /// The average of `bars` values.
    ///
    /// # Errors
    ///
    /// As for [`crate::Cpu::ema`].
    pub fn new(bars: usize) -> Result<Self> {
        check_bars("ema", bars)?;
        Ok(Self(Average::new(Factors::exponential(bars), bars, 0)))
    }

    /// Takes the next value.
    pub fn push(&mut self, x: f64) -> f64 {
        if x.is_finite() { self.0.push(x) } else { f64::NAN }
    }
}

/// [`crate::Cpu::rsi`] of a stream.
#[derive(Clone, Debug)]
pub struct RsiStream {
    gains: Average,
    losses: Average,
    before: Option<f64>,
}

impl RsiStream {
    /// The index over averages of `bars` changes.
    ///
    /// # Errors
    ///
    /// As for [`crate::Cpu::rsi`].
    pub fn new(bars: usize) -> Result<Self> {
        check_bars("rsi", bars)?;
        let average = Average::new(Factors::wilder(bars), bars, 0);
        Ok(Self { gains: average.clone(), losses: average, before: None })
    }

    /// Takes the next value.
    pub fn push(&mut self, x: f64) -> f64 {
        if !x.is_finite() {
            return f64::NAN;
        }
        let Some(before) = self.before.replace(x) else { return f64::NAN };
        // SAFETY: one lane.
        unsafe {
            let [gain, loss] = gain_and_loss(x, before);
            let averages = [self.gains.push(gain), self.losses.push(loss)];
            if averages[0].is_nan() {
                return f64::NAN;
            }
            Strength.finish(averages, x)[0]
        }
    }
}

/// [`crate::Cpu::atr`] of a stream.
#[derive(Clone, Debug)]
pub struct AtrStream {
    average: Average,
    close_before: Option<f64>,
}

impl AtrStream {
    /// The average of `bars` true ranges.
    ///
    /// # Errors
    ///
    /// As for [`crate::Cpu::atr`].
    pub fn new(bars: usize) -> Result<Self> {
        check_bars("atr", bars)?;
        Ok(Self { average: Average::new(Factors::wilder(bars), bars, 0), close_before: None })
    }

    /// Takes the next bar.
    pub fn push(&mut self, high: f64, low: f64, close: f64) -> f64 {
        if !(high.is_finite() && low.is_finite() && close.is_finite()) {
            return f64::NAN;
        }
        let Some(before) = self.close_before.replace(close) else { return f64::NAN };
        // SAFETY: one lane.
        self.average.push(unsafe { true_range(high, low, before) })
    }
}

/// [`crate::Cpu::macd`] of a stream.
#[derive(Clone, Debug)]
pub struct MacdStream {
    fast: Average,
    slow: Average,
    signal: EmaStream,
}

impl MacdStream {
    /// The averages of these lengths.
    ///
    /// # Errors
    ///
    /// As for [`crate::Cpu::macd`].
    pub fn new(periods: MacdPeriods) -> Result<Self> {
        periods.check()?;
        let MacdPeriods { fast, slow, smooth } = periods;
        Ok(Self {
            fast: Average::new(Factors::exponential(fast), fast, slow - fast),
            slow: Average::new(Factors::exponential(slow), slow, 0),
            signal: EmaStream::new(smooth)?,
        })
    }

    /// Takes the next value: difference, its average, and the distance between them.
    pub fn push(&mut self, x: f64) -> [f64; 3] {
        if !x.is_finite() {
            return [f64::NAN; 3];
        }
        let line = self.fast.push(x) - self.slow.push(x);
        let signal = self.signal.push(line);
        [line, signal, line - signal]
    }
}
