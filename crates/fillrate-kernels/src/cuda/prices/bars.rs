//! Changes, the stochastic and signals: what a bar's result takes from a few bars, or from other columns
//! at that bar. Their twins are the indicators of the crate `fillrate`.

use super::{CudaPrices, DeviceSeries, DeviceWindow};
use crate::cpu::window::{WindowOp, check_bars};
use crate::cuda::{Address, Argument};
use crate::{Error, Result};

/// The windows of a stochastic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StochasticWindows {
    /// That of the highest high and the lowest low.
    pub extremes: DeviceWindow,
    /// That of the close's place between them, over the values where there is one.
    pub slow: DeviceWindow,
    /// That of those means, likewise.
    pub smooth: DeviceWindow,
}

impl StochasticWindows {
    /// Windows of so many bars, of which those that are not full answer from `min_bars` of their length
    /// on. Each mean begins where what it is taken of does.
    #[must_use]
    pub fn new([bars, slow, smooth]: [usize; 3], min_bars: impl Fn(usize) -> usize) -> Self {
        let window = |bars, skip| DeviceWindow { bars, min_bars: min_bars(bars), skip };
        let extremes = window(bars, 0);
        let slow = window(slow, extremes.warm_up());
        Self { extremes, slow, smooth: window(smooth, slow.warm_up()) }
    }
}

/// When to buy and when to sell. Columns are f64 `[values]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DeviceSignal {
    /// 1 where the fast line has come to lie above the slow one, −1 where it has come to lie below.
    Crossover {
        /// The fast line.
        fast: Address,
        /// The slow line.
        slow: Address,
    },
    /// 1 below `low`, −1 above `high`.
    Outside {
        /// What is compared.
        x: Address,
        /// The lower threshold.
        low: f64,
        /// The upper threshold.
        high: f64,
    },
    /// 1 above 0, −1 below.
    Rising {
        /// What is compared.
        x: Address,
    },
    /// 1 below the lower band, −1 above the upper one.
    Bands {
        /// What is compared.
        x: Address,
        /// f64 `[3, values]`, as [`WindowOp::Bands`] gives them.
        bands: Address,
    },
    /// 1 on the bar that confirms a swing low, −1 on the one that confirms a swing high. Its output is
    /// f64 `[4, values]`: the signal, entry, stop and target.
    Swing {
        /// Highs, lows and closes.
        columns: [Address; 3],
        /// The bars on each side of a swing.
        width: usize,
        /// The target's distance from the entry in distances from entry to stop.
        reward: f64,
    },
}

impl CudaPrices {
    /// The change over `bars` bars, x − x₋ₙ, of every series of `x`, f64 `[values]`, into `out`.
    ///
    /// # Errors
    ///
    /// If `bars` is out of the range of windows, or the device fails.
    pub fn momentum(
        &self,
        bars: usize,
        x: Address,
        series: &DeviceSeries,
        out: Address,
    ) -> Result<()> {
        self.change("momentum", bars, x, series, out)
    }

    /// The change over `bars` bars as a ratio, x / x₋ₙ − 1, likewise; NaN where x₋ₙ is 0.
    ///
    /// # Errors
    ///
    /// As for [`Self::momentum`].
    pub fn rate_of_change(
        &self,
        bars: usize,
        x: Address,
        series: &DeviceSeries,
        out: Address,
    ) -> Result<()> {
        self.change("rate_of_change", bars, x, series, out)
    }

    fn change(
        &self,
        kernel: &'static str,
        bars: usize,
        x: Address,
        series: &DeviceSeries,
        out: Address,
    ) -> Result<()> {
        check_bars(kernel, bars)?;
        let arguments = [Argument::Address(x), Argument::Address(out), Argument::size(bars)];
        self.for_each_bar(kernel, series, &arguments)
    }

    /// Lane's stochastic of highs, lows and closes, f64 `[values]` each: the place of the close between
    /// the extremes of a window in percent, as its mean into the first output and as the mean of that
    /// into the second. `scratch` is f64 `[columns, values]` with
    /// [`Self::stochastic_scratch_columns`].
    ///
    /// # Errors
    ///
    /// As for [`Self::window`].
    pub fn stochastic(
        &self,
        windows: &StochasticWindows,
        [high, low, close]: [Address; 3],
        series: &DeviceSeries,
        scratch: Address,
        [slow, smooth]: [Address; 2],
    ) -> Result<()> {
        let column = |place| scratch.plus(place * series.values * size_of::<f64>());
        let (highest, lowest, scratch) = (column(0), column(1), column(2));
        self.window(WindowOp::Max, windows.extremes, high, series, scratch, highest)?;
        self.window(WindowOp::Min, windows.extremes, low, series, scratch, lowest)?;
        let percent = highest;
        let mut arguments = [close, lowest, highest, percent].map(Argument::Address).to_vec();
        arguments.push(Argument::Count(series.values as u64));
        self.for_each("stochastic_percent", series.values, &arguments)?;
        self.window(WindowOp::Mean, windows.slow, percent, series, scratch, slow)?;
        self.window(WindowOp::Mean, windows.smooth, slow, series, scratch, smooth)
    }

    /// The columns of the scratch memory of [`Self::stochastic`].
    #[must_use]
    pub fn stochastic_scratch_columns(windows: &StochasticWindows) -> usize {
        let StochasticWindows { extremes, slow, smooth } = *windows;
        let of = |window: DeviceWindow| Self::window_scratch_columns(WindowOp::Mean, window.bars);
        2 + [extremes, slow, smooth].map(of).into_iter().max().unwrap_or(0)
    }

    /// A signal at every bar, f64 `[values]`: 1 to buy, −1 to sell, 0 for neither, and NaN where what it
    /// rests on is.
    ///
    /// # Errors
    ///
    /// If the width of a swing is out of the range of windows, or the device fails.
    pub fn signal(&self, signal: &DeviceSignal, series: &DeviceSeries, out: Address) -> Result<()> {
        let count = Argument::Count(series.values as u64);
        let to = Argument::Address(out);
        let thresholds = |x, sign, low, high| {
            let numbers = [sign, low, high].map(Argument::Double);
            let arguments = [&[Argument::Address(x), to, count][..], &numbers].concat();
            self.for_each("signal_thresholds", series.values, &arguments)
        };
        match *signal {
            DeviceSignal::Outside { x, low, high } => thresholds(x, 1.0, low, high),
            DeviceSignal::Rising { x } => thresholds(x, -1.0, 0.0, 0.0),
            DeviceSignal::Bands { x, bands } => {
                let arguments = [Argument::Address(x), Argument::Address(bands), to, count];
                self.for_each("signal_bands", series.values, &arguments)
            }
            DeviceSignal::Crossover { fast, slow } => {
                let arguments = [fast, slow, out].map(Argument::Address);
                self.for_each_bar("signal_crossover", series, &arguments)
            }
            DeviceSignal::Swing { columns, width, reward } => {
                check_bars("swing", width)?;
                if !reward.is_finite() {
                    let expected = "a finite reward".to_owned();
                    return Err(Error::Shape { op: "swing", expected, got: reward.to_string() });
                }
                let rest = [to, count, Argument::size(width), Argument::Double(reward)];
                let arguments = [&columns.map(Argument::Address)[..], &rest].concat();
                self.for_each_bar("signal_swing", series, &arguments)
            }
        }
    }
}
