//! Indicators over price panels, and signals on them.
//!
//! [`compute`] takes a whole panel; an [`IndicatorStream`] or a [`SignalStream`] takes one
//! [`Bar`](super::Bar) after the other and gives the same numbers to the bit.
//!
//! A bar on which an input of the indicator is missing (or not finite) is left out: NaN there, and
//! windows and recursions go on with the bars around it.
//!
//! ```
//! use fillrate::market::Bar;
//! use fillrate::market::indicators::{Indicator, IndicatorOptions, IndicatorStream};
//!
//! let mut sma = IndicatorStream::new(Indicator::Sma { bars: 2 }, IndicatorOptions::default())?;
//! let closes = [10.0, 12.0, f64::NAN, 14.0];
//! let mut averages = closes.map(|close| sma.push(&Bar { close, ..Bar::default() })[0]);
//! assert!(averages[0].is_nan() && averages[2].is_nan());
//! assert_eq!([averages[1], averages[3]], [11.0, 13.0]);
//! # Ok::<(), fillrate::Error>(())
//! ```

mod batch;
mod columns;
mod signals;
mod stream;

use fillrate_kernels::{WINDOW_BARS_MAX, WindowOp};

use super::panel::Column;
use crate::{Error, Result};

pub use fillrate_kernels::MacdPeriods;

pub use self::columns::{NamedColumn, Request, compute, compute_on};
pub(crate) use self::columns::{check_columns, of_request};
pub use self::signals::{Signal, SignalStream};
pub use self::stream::IndicatorStream;

/// What can be computed of a series; `bars` is the length of a window or of an average.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Indicator {
    /// The mean of a window.
    Sma {
        /// The window.
        bars: usize,
    },
    /// The exponential average with α = 2 / (bars + 1), seeded with the mean of its first window.
    Ema {
        /// The average's length.
        bars: usize,
    },
    /// The mean of a window with weights from 1 for the oldest bar to `bars` for the newest.
    Wma {
        /// The window.
        bars: usize,
    },
    /// Wilder's relative strength index, from 0 to 100, seeded with the means of the first `bars`
    /// gains and losses; 50 on a flat series.
    Rsi {
        /// The averages' length.
        bars: usize,
    },
    /// Bollinger's bands: the mean of a window, and `width` population deviations above and below.
    Bands {
        /// The window.
        bars: usize,
        /// The distance of the bands from the mean, in deviations.
        width: f64,
    },
    /// The difference of two exponential averages, its average, and the difference of these; see
    /// [`fillrate_kernels::Cpu::macd`] for where they begin.
    Macd(MacdPeriods),
    /// Wilder's average true range, of high, low and close.
    Atr {
        /// The average's length.
        bars: usize,
    },
    /// The change over `bars` bars: x − x₋ₙ.
    Momentum {
        /// The distance of the bars compared.
        bars: usize,
    },
    /// The change over `bars` bars as a ratio: x / x₋ₙ − 1.
    Roc {
        /// The distance of the bars compared.
        bars: usize,
    },
    /// The distance from the mean of a window in population deviations; 0 in a flat window.
    ZScore {
        /// The window.
        bars: usize,
    },
    /// The population standard deviation of a window.
    Deviation {
        /// The window.
        bars: usize,
    },
    /// The least value of a window.
    Min {
        /// The window.
        bars: usize,
    },
    /// The greatest value of a window.
    Max {
        /// The window.
        bars: usize,
    },
    /// Lane's stochastic, of high, low and close: where the close is between the lowest low and the
    /// highest high of a window, in percent (50 if they are equal), its mean over `slow` bars, and
    /// the mean of that over `smooth` bars.
    Stochastic {
        /// The window.
        bars: usize,
        /// The window of the first mean.
        slow: usize,
        /// The window of the second mean.
        smooth: usize,
    },
}

impl Indicator {
    /// The names of the outputs, such as `sma_20` or `bb_upper_20_2`.
    #[must_use]
    pub fn columns(self) -> Vec<String> {
        match self {
            Self::Sma { bars } => vec![format!("sma_{bars}")],
            Self::Ema { bars } => vec![format!("ema_{bars}")],
            Self::Wma { bars } => vec![format!("wma_{bars}")],
            Self::Rsi { bars } => vec![format!("rsi_{bars}")],
            Self::Bands { bars, width } => ["upper", "middle", "lower"]
                .map(|band| format!("bb_{band}_{bars}_{width}"))
                .to_vec(),
            Self::Macd(MacdPeriods { fast, slow, smooth }) => ["macd", "macd_signal", "macd_hist"]
                .map(|name| format!("{name}_{fast}_{slow}_{smooth}"))
                .to_vec(),
            Self::Atr { bars } => vec![format!("atr_{bars}")],
            Self::Momentum { bars } => vec![format!("mom_{bars}")],
            Self::Roc { bars } => vec![format!("roc_{bars}")],
            Self::ZScore { bars } => vec![format!("zscore_{bars}")],
            Self::Deviation { bars } => vec![format!("std_{bars}")],
            Self::Min { bars } => vec![format!("min_{bars}")],
            Self::Max { bars } => vec![format!("max_{bars}")],
            Self::Stochastic { bars, slow, smooth } => {
                ["stoch_k", "stoch_d"].map(|name| format!("{name}_{bars}_{slow}_{smooth}")).to_vec()
            }
        }
    }

    /// The number of outputs, from 1 to 3.
    #[must_use]
    pub const fn outputs(self) -> usize {
        match self {
            Self::Bands { .. } | Self::Macd(_) => 3,
            Self::Stochastic { .. } => 2,
            _ => 1,
        }
    }

    /// The columns it is computed of, where `column` is the one that single series are taken from.
    #[must_use]
    pub fn inputs(self, column: Column) -> Vec<Column> {
        match self {
            Self::Atr { .. } | Self::Stochastic { .. } => {
                vec![Column::High, Column::Low, Column::Close]
            }
            _ => vec![column],
        }
    }

    /// What is computed of a window of how many bars, if a window is all it takes.
    pub(crate) const fn window(self) -> Option<(WindowOp, usize)> {
        match self {
            Self::Sma { bars } => Some((WindowOp::Mean, bars)),
            Self::Wma { bars } => Some((WindowOp::WeightedMean, bars)),
            Self::Bands { bars, width } => Some((WindowOp::Bands { width }, bars)),
            Self::ZScore { bars } => Some((WindowOp::ZScore, bars)),
            Self::Deviation { bars } => Some((WindowOp::Deviation, bars)),
            Self::Min { bars } => Some((WindowOp::Min, bars)),
            Self::Max { bars } => Some((WindowOp::Max, bars)),
            _ => None,
        }
    }

    /// Whether windows are among what is computed, which may answer before they are full.
    pub(crate) const fn has_window(self) -> bool {
        self.window().is_some() || matches!(self, Self::Stochastic { .. })
    }

    /// Checks the lengths and the width.
    ///
    /// # Errors
    ///
    /// If a length is 0 or above [`WINDOW_BARS_MAX`], a MACD's fast average is longer than the slow
    /// one, or the bands' width is not a finite number from 0 on.
    pub fn check(self) -> Result<()> {
        let (name, lengths) = match self {
            Self::Sma { bars } => ("sma", vec![bars]),
            Self::Ema { bars } => ("ema", vec![bars]),
            Self::Wma { bars } => ("wma", vec![bars]),
            Self::Rsi { bars } => ("rsi", vec![bars]),
            Self::Bands { bars, .. } => ("bbands", vec![bars]),
            Self::Macd(MacdPeriods { fast, slow, smooth }) => ("macd", vec![fast, slow, smooth]),
            Self::Atr { bars } => ("atr", vec![bars]),
            Self::Momentum { bars } => ("momentum", vec![bars]),
            Self::Roc { bars } => ("roc", vec![bars]),
            Self::ZScore { bars } => ("zscore", vec![bars]),
            Self::Deviation { bars } => ("std", vec![bars]),
            Self::Min { bars } => ("min", vec![bars]),
            Self::Max { bars } => ("max", vec![bars]),
            Self::Stochastic { bars, slow, smooth } => ("stoch", vec![bars, slow, smooth]),
        };
        let refused = |message: String| Err(Error::Argument { name, message });
        if let Some(bars) = lengths.iter().find(|bars| !(1..=WINDOW_BARS_MAX).contains(*bars)) {
            return refused(format!("{bars} is no length from 1 to {WINDOW_BARS_MAX} bars"));
        }
        match self {
            Self::Bands { width, .. } if !(width.is_finite() && width >= 0.0) => {
                refused(format!("the width {width} is not a number from 0 on"))
            }
            Self::Macd(MacdPeriods { fast, slow, .. }) if fast > slow => refused(format!(
                "the fast average of {fast} bars is longer than the slow of {slow}"
            )),
            _ => Ok(()),
        }
    }
}

/// What holds for all indicators of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndicatorOptions {
    /// The column that series are taken from.
    pub column: Column,
    /// From how many bars on a window that is not yet full gives an answer; `None` is a full window.
    /// It concerns means, deviations, extremes, bands and z-scores, and no recursion.
    pub min_periods: Option<usize>,
}

impl Default for IndicatorOptions {
    /// The close, and full windows.
    fn default() -> Self {
        Self { column: Column::Close, min_periods: None }
    }
}

impl IndicatorOptions {
    /// From how many bars on a window of `bars` gives an answer.
    pub(crate) fn min_bars(self, bars: usize) -> usize {
        self.min_periods.map_or(bars, |min| min.clamp(1, bars))
    }
}

/// What a column holds where `bars` bars before are compared with: `difference` or ratio.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Lag {
    Difference,
    Ratio,
}

impl Lag {
    fn value(self, x: f64, before: f64) -> f64 {
        match self {
            Self::Difference => x - before,
            // A ratio to nothing is no number.
            Self::Ratio if before == 0.0 => f64::NAN,
            Self::Ratio => x / before - 1.0,
        }
    }
}

/// Where a close is between the extremes of its window, in percent.
fn stochastic_percent(close: f64, low: f64, high: f64) -> f64 {
    if high > low { 100.0 * (close - low) / (high - low) } else { 50.0 }
}

#[cfg(test)]
mod tests;
