//! Recursive averages.

use super::{CudaPrices, DeviceSeries};
use crate::Result;
use crate::cpu::recurrence::{Factors, MacdPeriods, STEPS};
use crate::cpu::window::check_bars;
use crate::cuda::{Address, Argument};

impl CudaPrices {
    /// [`Cpu::ema`](crate::Cpu::ema) over every series of `x`, f64 `[values]`, into `out`.
    ///
    /// # Errors
    ///
    /// As its twin, and if the device fails.
    pub fn ema(&self, bars: usize, x: Address, series: &DeviceSeries, out: Address) -> Result<()> {
        check_bars("ema", bars)?;
        self.ema_from(0, bars, x, series, out)
    }

    /// The difference and its average of [`Cpu::macd`](crate::Cpu::macd), each f64 `[values]`.
    ///
    /// # Errors
    ///
    /// As its twin, and if the device fails.
    pub fn macd(
        &self,
        periods: MacdPeriods,
        x: Address,
        series: &DeviceSeries,
        [line, signal]: [Address; 2],
    ) -> Result<()> {
        periods.check()?;
        let MacdPeriods { fast, slow, smooth } = periods;
        let [fast_alpha, slow_alpha] = [fast, slow].map(|bars| Factors::exponential(bars).alpha);
        self.for_each(
            "macd_line",
            series.series * STEPS,
            &[
                Argument::Address(x),
                Argument::Address(series.starts),
                Argument::Address(line),
                Argument::size(series.series),
                Argument::size(fast),
                Argument::size(slow),
                Argument::Double(fast_alpha),
                Argument::Double(slow_alpha),
            ],
        )?;
        self.ema_from(slow - 1, smooth, line, series, signal)
    }

    /// [`Cpu::rsi`](crate::Cpu::rsi) over every series of `x`, f64 `[values]`, into `out`.
    ///
    /// # Errors
    ///
    /// As its twin, and if the device fails.
    pub fn rsi(&self, bars: usize, x: Address, series: &DeviceSeries, out: Address) -> Result<()> {
        check_bars("rsi", bars)?;
        self.for_each(
            "rsi",
            series.series * STEPS,
            &[
                Argument::Address(x),
                Argument::Address(series.starts),
                Argument::Address(out),
                Argument::size(series.series),
                Argument::size(bars),
                Argument::Double(Factors::wilder(bars).alpha),
            ],
        )
    }

    /// [`Cpu::atr`](crate::Cpu::atr) over every series of highs, lows and closes, each f64 `[values]`,
    /// into `out`.
    ///
    /// # Errors
    ///
    /// As its twin, and if the device fails.
    pub fn atr(
        &self,
        bars: usize,
        [high, low, close]: [Address; 3],
        series: &DeviceSeries,
        out: Address,
    ) -> Result<()> {
        check_bars("atr", bars)?;
        self.for_each(
            "atr",
            series.series * STEPS,
            &[
                Argument::Address(high),
                Argument::Address(low),
                Argument::Address(close),
                Argument::Address(series.starts),
                Argument::Address(out),
                Argument::size(series.series),
                Argument::size(bars),
                Argument::Double(Factors::wilder(bars).alpha),
            ],
        )
    }

    /// The exponential average of what follows the first `skip` values of each series.
    fn ema_from(
        &self,
        skip: usize,
        bars: usize,
        x: Address,
        series: &DeviceSeries,
        out: Address,
    ) -> Result<()> {
        self.for_each(
            "ema",
            series.series * STEPS,
            &[
                Argument::Address(x),
                Argument::Address(series.starts),
                Argument::Address(out),
                Argument::size(series.series),
                Argument::size(skip),
                Argument::size(bars),
                Argument::Double(Factors::exponential(bars).alpha),
            ],
        )
    }
}
