//! Indicators as jobs.

use std::borrow::Cow;

use fillrate_kernels::cuda::{Address, DEVICE_WINDOW_BARS_MAX, DeviceSeries, Layout};

use super::{Job, MarketDevice};
use crate::market::Panel;
use crate::market::indicators::{
    Indicator, IndicatorOptions, check_columns, fill_partial_windows, of_indicator,
};
use crate::{Error, Result};

const DOUBLE: usize = size_of::<f64>();

/// An indicator over every symbol of a panel.
#[derive(Clone, Debug)]
pub struct IndicatorJob {
    panel: Panel,
    indicator: Indicator,
    options: IndicatorOptions,
}

impl IndicatorJob {
    /// Takes an indicator over a panel, which is shared.
    ///
    /// # Errors
    ///
    /// If the indicator does not pass its check, or the panel lacks a column.
    pub fn new(panel: &Panel, indicator: Indicator, options: IndicatorOptions) -> Result<Self> {
        indicator.check()?;
        check_columns(panel, &indicator.inputs(options.column))?;
        Ok(Self { panel: panel.clone(), indicator, options })
    }

    /// Whether a device computes `indicator`: windows of up to 717 bars, and the recursive averages.
    #[must_use]
    pub fn has_kernel(indicator: Indicator) -> bool {
        match indicator {
            Indicator::Ema { .. }
            | Indicator::Rsi { .. }
            | Indicator::Macd(_)
            | Indicator::Atr { .. } => true,
            other => other.window().is_some_and(|(_, bars)| bars <= DEVICE_WINDOW_BARS_MAX),
        }
    }

    /// Computes the outputs of whole series, one after another.
    fn outputs_of(&self, series: &WholeSeries<'_>, device: &MarketDevice) -> Result<Vec<Vec<f64>>> {
        let values = series.columns[0].len();
        let mut layout = Layout::default();
        let starts = layout.reserve(series.starts.len() * size_of::<u64>());
        let inputs: Vec<_> =
            series.columns.iter().map(|_| layout.reserve(values * DOUBLE)).collect();
        let outputs = layout.reserve(self.indicator.outputs() * values * DOUBLE);
        let region = device.region(&layout, "indicators")?;
        let starts = starts.at(region.address());
        device.upload(starts, &series.starts)?;
        let mut at = Vec::with_capacity(inputs.len());
        for (span, column) in inputs.into_iter().zip(&series.columns) {
            at.push(span.at(region.address()));
            device.upload(span.at(region.address()), column)?;
        }
        let longest = series.starts.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
        let on_device = DeviceSeries {
            starts,
            series: series.starts.len() - 1,
            longest: longest as usize,
            values,
        };
        let to = outputs.at(region.address());
        self.launch(&at, &on_device, to, device)?;
        let mut out = vec![vec![0.0; values]; self.indicator.outputs()];
        // The last output of a MACD is made of the others.
        let computed = match self.indicator {
            Indicator::Macd(_) => 2,
            other => other.outputs(),
        };
        for (place, out) in out.iter_mut().take(computed).enumerate() {
            device.download(to.plus(place * values * DOUBLE), out)?;
        }
        Ok(out)
    }

    fn launch(
        &self,
        inputs: &[Address],
        series: &DeviceSeries,
        out: Address,
        device: &MarketDevice,
    ) -> Result<()> {
        let prices = &device.prices;
        match (self.indicator, inputs) {
            (Indicator::Ema { bars }, [x]) => prices.ema(bars, *x, series, out)?,
            (Indicator::Rsi { bars }, [x]) => prices.rsi(bars, *x, series, out)?,
            (Indicator::Atr { bars }, [high, low, close]) => {
                prices.atr(bars, [*high, *low, *close], series, out)?;
            }
            (Indicator::Macd(periods), [x]) => {
                prices.macd(periods, *x, series, [out, out.plus(series.values * DOUBLE)])?;
            }
            (other, [x]) if Self::has_kernel(other) => {
                if let Some((op, bars)) = other.window() {
                    prices.window(op, bars, *x, series, out)?;
                }
            }
            (other, _) => {
                let message = format!("{} has no CUDA kernel", other.columns()[0]);
                return Err(Error::Argument { name: "indicator", message });
            }
        }
        Ok(())
    }

    /// What the host adds to a device's outputs: answers of windows that are not yet full, and the
    /// distance between a MACD's lines.
    fn finish(&self, series: &WholeSeries<'_>, out: &mut [Vec<f64>]) -> Result<()> {
        if let (Indicator::Macd(_), [line, signal, histogram]) = (self.indicator, &mut *out) {
            for ((histogram, line), signal) in histogram.iter_mut().zip(line).zip(signal) {
                *histogram = *line - *signal;
            }
        }
        let Some((op, bars)) = self.indicator.window() else { return Ok(()) };
        for bounds in series.starts.windows(2) {
            let bounds = bounds[0] as usize..bounds[1] as usize;
            let mut slices: Vec<&mut [f64]> =
                out.iter_mut().map(|out| &mut out[bounds.clone()]).collect();
            fill_partial_windows(op, bars, &series.columns[0][bounds], self.options, &mut slices)?;
        }
        Ok(())
    }
}

impl Job for IndicatorJob {
    /// An output for each of the indicator's columns, `[bars]`.
    type Answer = Vec<Vec<f64>>;

    /// In values read.
    fn size(&self) -> u64 {
        (self.panel.bars() * self.indicator.inputs(self.options.column).len()) as u64
    }

    fn on_processor(&self) -> Result<Self::Answer> {
        of_indicator(&self.panel, self.indicator, self.options)
    }

    fn on_device(&self, device: &MarketDevice) -> Result<Self::Answer> {
        let columns = self.indicator.inputs(self.options.column);
        let columns: Vec<&[f64]> =
            columns.iter().filter_map(|column| self.panel.column(*column)).collect();
        let series = WholeSeries::of(&columns, self.panel.offsets());
        let mut out = self.outputs_of(&series, device)?;
        self.finish(&series, &mut out)?;
        let Some(places) = &series.places else { return Ok(out) };
        let scatter = |values: Vec<f64>| {
            let mut all = vec![f64::NAN; self.panel.bars()];
            for (place, value) in places.iter().zip(values) {
                all[*place] = value;
            }
            all
        };
        Ok(out.into_iter().map(scatter).collect())
    }
}

/// The bars of a panel of which no input is missing, series after series.
struct WholeSeries<'a> {
    columns: Vec<Cow<'a, [f64]>>,
    /// Where each series begins, and the end of the last.
    starts: Vec<u64>,
    /// The bars' places in the panel; `None` if nothing is missing.
    places: Option<Vec<usize>>,
}

impl<'a> WholeSeries<'a> {
    fn of(columns: &[&'a [f64]], offsets: &[usize]) -> Self {
        let is_whole = |bar: usize| columns.iter().all(|column| column[bar].is_finite());
        let bars = offsets.last().copied().unwrap_or(0);
        if (0..bars).all(is_whole) {
            let columns = columns.iter().map(|column| Cow::Borrowed(*column)).collect();
            let starts = offsets.iter().map(|offset| *offset as u64).collect();
            return Self { columns, starts, places: None };
        }
        let (mut places, mut starts) = (Vec::new(), vec![0]);
        for bounds in offsets.windows(2) {
            places.extend((bounds[0]..bounds[1]).filter(|bar| is_whole(*bar)));
            starts.push(places.len() as u64);
        }
        let take = |column: &&[f64]| Cow::Owned(places.iter().map(|bar| column[*bar]).collect());
        Self { columns: columns.iter().map(take).collect(), starts, places: Some(places) }
    }
}
