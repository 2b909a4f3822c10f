//! An indicator over bars that come one by one.

use std::collections::VecDeque;

use fillrate_kernels::{AtrStream, EmaStream, MacdStream, RsiStream, WindowOp, WindowStream};

use super::{Indicator, IndicatorOptions, Lag, stochastic_percent};
use crate::Result;
use crate::market::panel::{Bar, Column};

/// An [`Indicator`] that takes one bar after the other; what it gives is equal, to the bit, to what
/// the whole series gives.
#[derive(Clone, Debug)]
pub struct IndicatorStream {
    column: Column,
    outputs: usize,
    state: State,
    values: [f64; 3],
}

#[derive(Clone, Debug)]
enum State {
    Window(WindowStream),
    Ema(EmaStream),
    Rsi(Box<RsiStream>),
    Macd(Box<MacdStream>),
    Atr(AtrStream),
    Lag { lag: Lag, bars: usize, last: VecDeque<f64> },
    Stochastic(Box<[WindowStream; 4]>),
}

impl IndicatorStream {
    /// A stream that has seen no bar.
    ///
    /// # Errors
    ///
    /// As for [`Indicator::check`].
    pub fn new(indicator: Indicator, options: IndicatorOptions) -> Result<Self> {
        indicator.check()?;
        let window = |op, bars| WindowStream::new(op, bars, options.min_bars(bars));
        let state = match indicator {
            Indicator::Ema { bars } => State::Ema(EmaStream::new(bars)?),
            Indicator::Rsi { bars } => State::Rsi(Box::new(RsiStream::new(bars)?)),
            Indicator::Macd(periods) => State::Macd(Box::new(MacdStream::new(periods)?)),
            Indicator::Atr { bars } => State::Atr(AtrStream::new(bars)?),
            Indicator::Momentum { bars } => State::lag(Lag::Difference, bars),
            Indicator::Roc { bars } => State::lag(Lag::Ratio, bars),
            Indicator::Stochastic { bars, slow, smooth } => State::Stochastic(Box::new([
                window(WindowOp::Max, bars)?,
                window(WindowOp::Min, bars)?,
                window(WindowOp::Mean, slow)?,
                window(WindowOp::Mean, smooth)?,
            ])),
            _ => match indicator.window() {
                Some((op, bars)) => State::Window(window(op, bars)?),
                None => unreachable!("every other indicator is a window's"),
            },
        };
        let (column, outputs) = (options.column, indicator.outputs());
        Ok(Self { column, outputs, state, values: [f64::NAN; 3] })
    }

    /// Takes the next bar; the outputs at it, in the order of [`Indicator::columns`].
    pub fn push(&mut self, bar: &Bar) -> &[f64] {
        let x = bar.value(self.column);
        self.values = match &mut self.state {
            State::Window(window) => window.push(x),
            State::Ema(ema) => one(ema.push(x)),
            State::Rsi(rsi) => one(rsi.push(x)),
            State::Macd(macd) => macd.push(x),
            State::Atr(atr) => one(atr.push(bar.high, bar.low, bar.close)),
            State::Lag { lag, bars, last } => one(push_lag(*lag, *bars, last, x)),
            State::Stochastic(windows) => push_stochastic(windows, bar),
        };
        &self.values[..self.outputs]
    }
}

impl State {
    fn lag(lag: Lag, bars: usize) -> Self {
        Self::Lag { lag, bars, last: VecDeque::new() }
    }
}

fn one(value: f64) -> [f64; 3] {
    [value, f64::NAN, f64::NAN]
}

fn push_lag(lag: Lag, bars: usize, last: &mut VecDeque<f64>, x: f64) -> f64 {
    if !x.is_finite() {
        return f64::NAN;
    }
    last.push_back(x);
    if last.len() <= bars {
        return f64::NAN;
    }
    last.pop_front().map_or(f64::NAN, |before| lag.value(x, before))
}

fn push_stochastic([highest, lowest, slow, smooth]: &mut [WindowStream; 4], bar: &Bar) -> [f64; 3] {
    if !(bar.high.is_finite() && bar.low.is_finite() && bar.close.is_finite()) {
        return [f64::NAN; 3];
    }
    let (high, low) = (highest.push(bar.high)[0], lowest.push(bar.low)[0]);
    if low.is_nan() {
        return [f64::NAN; 3];
    }
    let k = slow.push(stochastic_percent(bar.close, low, high))[0];
    [k, smooth.push(k)[0], f64::NAN]
}
