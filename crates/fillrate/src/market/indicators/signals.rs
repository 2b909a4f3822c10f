//! Signals: what the indicators say should be done at a bar.
//!
//! A signal is 1 to buy, −1 to sell and 0 for neither, and NaN as long as what it rests on is. It
//! rests on this bar and earlier ones only.

use std::collections::VecDeque;
use std::str::FromStr;

use fillrate_kernels::WINDOW_BARS_MAX;

use super::{Indicator, IndicatorOptions, IndicatorStream};
use crate::market::panel::{Bar, Column};
use crate::{Error, Result};

/// A rule that turns indicators into a signal.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Signal {
    /// 1 on the bar where the fast mean has come to lie above the slow one, −1 where it has come to
    /// lie below; 0 on all others.
    MaCrossover {
        /// The fast mean's window.
        fast: usize,
        /// The slow mean's window.
        slow: usize,
    },
    /// 1 where the relative strength index is below `low`, −1 where it is above `high`.
    Rsi {
        /// The averages' length.
        bars: usize,
        /// Below this a series is oversold, in percent.
        low: f64,
        /// Above this a series is overbought, in percent.
        high: f64,
    },
    /// 1 below the lower Bollinger band, −1 above the upper one: a bet on the way back.
    Bollinger {
        /// The window.
        bars: usize,
        /// The bands' distance from the mean, in deviations.
        width: f64,
    },
    /// 1 where the change over `bars` bars is above 0, −1 where it is below.
    Momentum {
        /// The distance of the bars compared.
        bars: usize,
    },
    /// 1 where the z-score is below −`threshold`, −1 where it is above: a bet on the way back.
    ZScore {
        /// The window.
        bars: usize,
        /// The distance from the mean, in deviations.
        threshold: f64,
    },
    /// 1 on the bar that confirms a swing low, −1 on the one that confirms a swing high. A low is a
    /// swing low if it is below those of the `width` bars on each side; it is confirmed `width` bars
    /// later. Three more outputs tell what to do: entry at the close of the confirming bar, stop at
    /// the swing's extreme, target at `reward` times the distance from entry to stop on the other
    /// side. There is no signal where the close is already beyond the stop, or where one bar confirms
    /// both a high and a low.
    Swing {
        /// The bars on each side.
        width: usize,
        /// The target's distance from the entry in distances from entry to stop.
        reward: f64,
    },
}

impl FromStr for Signal {
    type Err = String;

    /// The signal of a name, with the lengths and thresholds that are the custom.
    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::customary().into_iter().find(|signal| signal.name() == name);
        known.ok_or_else(|| {
            let names: Vec<&str> = Self::customary().iter().map(|signal| signal.name()).collect();
            format!("expected one of {}", names.join(", "))
        })
    }
}

impl Signal {
    /// Every signal with customary lengths and thresholds: crossing of 20 and 50 bars, RSI of 14
    /// bars at 30 and 70, bands of 20 bars and 2 deviations, momentum of 10 bars, z-score of 20 bars
    /// at 2, swings of 2 bars on each side with a reward of 2.
    #[must_use]
    pub const fn customary() -> [Self; 6] {
        [
            Self::MaCrossover { fast: 20, slow: 50 },
            Self::Rsi { bars: 14, low: 30.0, high: 70.0 },
            Self::Bollinger { bars: 20, width: 2.0 },
            Self::Momentum { bars: 10 },
            Self::ZScore { bars: 20, threshold: 2.0 },
            Self::Swing { width: 2, reward: 2.0 },
        ]
    }

    /// The signal's name: `ma-crossover`, `rsi`, `bollinger`, `momentum`, `zscore` or `swing`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MaCrossover { .. } => "ma-crossover",
            Self::Rsi { .. } => "rsi",
            Self::Bollinger { .. } => "bollinger",
            Self::Momentum { .. } => "momentum",
            Self::ZScore { .. } => "zscore",
            Self::Swing { .. } => "swing",
        }
    }

    /// The names of the outputs: `signal_NAME`, and for swings also `swing_entry`, `swing_stop` and
    /// `swing_target`.
    #[must_use]
    pub fn columns(self) -> Vec<String> {
        let mut columns = vec![format!("signal_{}", self.name())];
        if matches!(self, Self::Swing { .. }) {
            columns.extend(["swing_entry", "swing_stop", "swing_target"].map(str::to_owned));
        }
        columns
    }

    /// The columns it is computed of, where `column` is the one that single series are taken from.
    #[must_use]
    pub fn inputs(self, column: Column) -> Vec<Column> {
        match self {
            Self::Swing { .. } => vec![Column::High, Column::Low, Column::Close],
            _ => vec![column],
        }
    }

    /// The indicators that it rests on.
    pub(crate) fn indicators(self) -> Vec<Indicator> {
        match self {
            Self::MaCrossover { fast, slow } => {
                vec![Indicator::Sma { bars: fast }, Indicator::Sma { bars: slow }]
            }
            Self::Rsi { bars, .. } => vec![Indicator::Rsi { bars }],
            Self::Bollinger { bars, width } => vec![Indicator::Bands { bars, width }],
            Self::Momentum { bars } => vec![Indicator::Momentum { bars }],
            Self::ZScore { bars, .. } => vec![Indicator::ZScore { bars }],
            Self::Swing { .. } => Vec::new(),
        }
    }

    /// Checks the lengths and thresholds.
    ///
    /// # Errors
    ///
    /// As for [`Indicator::check`], or if a fast mean is not shorter than the slow one, a threshold
    /// is not a number, or a swing has no bar on its sides, too many of them, or no reward.
    pub fn check(self) -> Result<()> {
        for indicator in self.indicators() {
            indicator.check()?;
        }
        let refused =
            |message: &str| Err(Error::Argument { name: "signal", message: message.into() });
        match self {
            Self::MaCrossover { fast, slow } if fast >= slow => {
                refused("ma-crossover: the fast mean must be shorter than the slow one")
            }
            Self::Rsi { low, high, .. } if !(0.0 <= low && low <= high && high <= 100.0) => {
                refused("rsi: the thresholds must rise from 0 to 100")
            }
            Self::ZScore { threshold, .. } if !(threshold.is_finite() && threshold >= 0.0) => {
                refused("zscore: the threshold must be a number from 0 on")
            }
            Self::Swing { width, reward }
                if width == 0 || !(reward.is_finite() && reward > 0.0) =>
            {
                refused("swing: the width and the reward must be above 0")
            }
            Self::Swing { width, .. } if width > WINDOW_BARS_MAX => {
                refused("swing: the width is above that of any window")
            }
            _ => Ok(()),
        }
    }
}

/// What a signal remembers of earlier bars.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    /// Of a crossover: whether the fast mean was last above the slow one or below.
    side: f64,
    /// Of swings: the last highs and lows.
    extremes: VecDeque<(f64, f64)>,
}

impl Memory {
    /// The signal's outputs at `bar`, where its indicators have these `values`; the places past them
    /// are NaN. A bar of which an input is missing is not shown to it.
    pub(super) fn decide(&mut self, signal: Signal, bar: &Bar, x: f64, values: &[f64]) -> [f64; 4] {
        let one = |value: f64| [value, f64::NAN, f64::NAN, f64::NAN];
        if values.iter().any(|value| value.is_nan()) {
            return one(f64::NAN);
        }
        let between = |value: f64, low: f64, high: f64| {
            f64::from(i8::from(value < low) - i8::from(value > high))
        };
        match (signal, values) {
            (Signal::MaCrossover { .. }, [fast, slow]) => one(self.crossed(fast - slow)),
            (Signal::Rsi { low, high, .. }, [rsi]) => one(between(*rsi, low, high)),
            (Signal::Bollinger { .. }, [upper, _, lower]) => one(between(x, *lower, *upper)),
            (Signal::Momentum { .. }, [change]) => one(between(-change, 0.0, 0.0)),
            (Signal::ZScore { threshold, .. }, [score]) => {
                one(between(*score, -threshold, threshold))
            }
            (Signal::Swing { width, reward }, _) => self.swing(bar, width, reward),
            _ => unreachable!("a value for each output of the signal's indicators"),
        }
    }

    /// The side that `difference` has changed to, or 0.
    fn crossed(&mut self, difference: f64) -> f64 {
        if difference == 0.0 {
            return 0.0;
        }
        let side = difference.signum();
        let before = std::mem::replace(&mut self.side, side);
        if before * side < 0.0 { side } else { 0.0 }
    }

    fn swing(&mut self, bar: &Bar, width: usize, reward: f64) -> [f64; 4] {
        let nothing = |signal: f64| [signal, f64::NAN, f64::NAN, f64::NAN];
        self.extremes.push_back((bar.high, bar.low));
        let span = 2 * width + 1;
        if self.extremes.len() < span {
            return nothing(f64::NAN);
        }
        if self.extremes.len() > span {
            self.extremes.pop_front();
        }
        let (high, low) = self.extremes[width];
        let mut others = self.extremes.iter().enumerate().filter(|(place, _)| *place != width);
        let is_high = others.clone().all(|(_, other)| other.0 < high);
        let is_low = others.all(|(_, other)| other.1 > low);
        let (signal, stop) = match (is_high, is_low) {
            (true, false) => (-1.0, high),
            (false, true) => (1.0, low),
            _ => return nothing(0.0),
        };
        let risk = bar.close - stop;
        if risk * signal <= 0.0 {
            return nothing(0.0);
        }
        [signal, bar.close, stop, bar.close + reward * risk]
    }
}

/// A [`Signal`] that takes one bar after the other.
#[derive(Clone, Debug)]
pub struct SignalStream {
    signal: Signal,
    column: Column,
    indicators: Vec<IndicatorStream>,
    memory: Memory,
    values: [f64; 4],
}

impl SignalStream {
    /// A stream that has seen no bar.
    ///
    /// # Errors
    ///
    /// As for [`Signal::check`].
    pub fn new(signal: Signal, options: IndicatorOptions) -> Result<Self> {
        signal.check()?;
        let indicators = signal.indicators().into_iter();
        let indicators: Result<_> = indicators.map(|i| IndicatorStream::new(i, options)).collect();
        let (column, memory) = (options.column, Memory::default());
        Ok(Self { signal, column, indicators: indicators?, memory, values: [f64::NAN; 4] })
    }

    /// Takes the next bar; the outputs at it, in the order of [`Signal::columns`].
    pub fn push(&mut self, bar: &Bar) -> &[f64] {
        let mut values = Vec::with_capacity(4);
        for indicator in &mut self.indicators {
            values.extend_from_slice(indicator.push(bar));
        }
        let inputs = self.signal.inputs(self.column);
        let is_whole = inputs.iter().all(|column| bar.value(*column).is_finite());
        self.values = if is_whole {
            self.memory.decide(self.signal, bar, bar.value(self.column), &values)
        } else {
            [f64::NAN; 4]
        };
        &self.values[..self.signal.columns().len()]
    }
}
