//! Indicators and signals of columns that lie on a device.

use fillrate_kernels::cuda::{
    Address, CudaPrices, DeviceSeries, DeviceSignal, DeviceWindow, StochasticWindows,
};

use crate::market::indicators::{Indicator, IndicatorOptions, Request, Signal};
use crate::{Error, Result};

const DOUBLE: usize = size_of::<f64>();

/// Columns of whole series on a device.
pub(super) struct DeviceColumns<'a> {
    pub(super) prices: &'a CudaPrices,
    pub(super) series: DeviceSeries,
    pub(super) options: IndicatorOptions,
    /// Those that the request reads, in its order.
    pub(super) inputs: &'a [Address],
}

impl DeviceColumns<'_> {
    /// The columns that [`Self::compute`] needs beside inputs and outputs.
    pub(super) fn scratch_columns(request: Request, options: IndicatorOptions) -> usize {
        let of_indicator = |indicator: Indicator| match indicator {
            Indicator::Stochastic { bars, slow, smooth } => {
                CudaPrices::stochastic_scratch_columns(&windows([bars, slow, smooth], options))
            }
            other => {
                let columns = |(op, bars)| CudaPrices::window_scratch_columns(op, bars);
                other.window().map_or(0, columns)
            }
        };
        match request {
            Request::Indicator(indicator) => of_indicator(indicator),
            // The indicators' outputs, then what each of them needs in its turn.
            Request::Signal(signal) => {
                let indicators = signal.indicators();
                let outputs: usize = indicators.iter().copied().map(Indicator::outputs).sum();
                outputs + indicators.into_iter().map(of_indicator).max().unwrap_or(0)
            }
        }
    }

    /// Computes the outputs of a request, one column after another from `out` on.
    pub(super) fn compute(&self, request: Request, scratch: Address, out: Address) -> Result<()> {
        match request {
            Request::Indicator(indicator) => self.indicator(indicator, scratch, out),
            Request::Signal(signal) => self.signal(signal, scratch, out),
        }
    }

    fn column(&self, first: Address, place: usize) -> Address {
        first.plus(place * self.series.values * DOUBLE)
    }

    fn indicator(&self, indicator: Indicator, scratch: Address, out: Address) -> Result<()> {
        let Self { prices, series, options, .. } = self;
        let x = self.inputs[0];
        match (indicator, self.inputs) {
            (Indicator::Ema { bars }, _) => prices.ema(bars, x, series, out)?,
            (Indicator::Rsi { bars }, _) => prices.rsi(bars, x, series, out)?,
            (Indicator::Momentum { bars }, _) => prices.momentum(bars, x, series, out)?,
            (Indicator::Roc { bars }, _) => prices.rate_of_change(bars, x, series, out)?,
            (Indicator::Macd(periods), _) => {
                prices.macd(periods, x, series, [out, self.column(out, 1)])?;
            }
            (Indicator::Atr { bars }, &[high, low, close]) => {
                prices.atr(bars, [high, low, close], series, out)?;
            }
            (Indicator::Stochastic { bars, slow, smooth }, &[high, low, close]) => {
                let windows = windows([bars, slow, smooth], *options);
                let to = [out, self.column(out, 1)];
                prices.stochastic(&windows, [high, low, close], series, scratch, to)?;
            }
            (other, _) => {
                let Some((op, bars)) = other.window() else {
                    let message = format!("{} has no CUDA kernel", other.columns()[0]);
                    return Err(Error::Argument { name: "indicator", message });
                };
                let window = DeviceWindow { bars, min_bars: options.min_bars(bars), skip: 0 };
                prices.window(op, window, x, series, scratch, out)?;
            }
        }
        Ok(())
    }

    /// The indicators of a signal into the scratch, then its rule.
    fn signal(&self, signal: Signal, scratch: Address, out: Address) -> Result<()> {
        let indicators = signal.indicators();
        let outputs = indicators.iter().copied().map(Indicator::outputs).sum();
        let own_scratch = self.column(scratch, outputs);
        let mut next = 0;
        for indicator in indicators {
            self.indicator(indicator, own_scratch, self.column(scratch, next))?;
            next += indicator.outputs();
        }
        let x = self.inputs[0];
        let rule = match (signal, self.inputs) {
            (Signal::MaCrossover { .. }, _) => {
                DeviceSignal::Crossover { fast: scratch, slow: self.column(scratch, 1) }
            }
            (Signal::Rsi { low, high, .. }, _) => DeviceSignal::Outside { x: scratch, low, high },
            (Signal::ZScore { threshold, .. }, _) => {
                DeviceSignal::Outside { x: scratch, low: -threshold, high: threshold }
            }
            (Signal::Bollinger { .. }, _) => DeviceSignal::Bands { x, bands: scratch },
            (Signal::Momentum { .. }, _) => DeviceSignal::Rising { x: scratch },
            (Signal::Swing { width, reward }, &[high, low, close]) => {
                DeviceSignal::Swing { columns: [high, low, close], width, reward }
            }
            (Signal::Swing { .. }, _) => {
                let message = "a swing is told from highs, lows and closes".to_owned();
                return Err(Error::Argument { name: "signal", message });
            }
        };
        Ok(self.prices.signal(&rule, &self.series, out)?)
    }
}

/// The windows of a stochastic, of which those that are not full answer as the options say.
fn windows(lengths: [usize; 3], options: IndicatorOptions) -> StochasticWindows {
    StochasticWindows::new(lengths, |bars| options.min_bars(bars))
}
