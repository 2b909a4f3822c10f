//! Indicators and signals as jobs.

use std::borrow::Cow;

use fillrate_kernels::cuda::{DeviceSeries, Layout};

use super::columns::DeviceColumns;
use super::{Job, MarketDevice};
use crate::Result;
use crate::market::Panel;
use crate::market::indicators::{Indicator, IndicatorOptions, Request, check_columns, of_request};

const DOUBLE: usize = size_of::<f64>();

/// An indicator or a signal over every symbol of a panel.
#[derive(Clone, Debug)]
pub struct IndicatorJob {
    panel: Panel,
    request: Request,
    options: IndicatorOptions,
}

impl IndicatorJob {
    /// Takes a request over a panel, which is shared.
    ///
    /// # Errors
    ///
    /// If the request does not pass its check, or the panel lacks a column.
    pub fn new(panel: &Panel, request: Request, options: IndicatorOptions) -> Result<Self> {
        request.check()?;
        check_columns(panel, &request.inputs(options.column))?;
        Ok(Self { panel: panel.clone(), request, options })
    }

    /// Computes the outputs of whole series, one after another.
    fn outputs_of(&self, series: &WholeSeries<'_>, device: &MarketDevice) -> Result<Vec<Vec<f64>>> {
        let values = series.columns[0].len();
        let column_bytes = values * DOUBLE;
        let names = self.request.columns().len();
        let mut layout = Layout::default();
        let starts = layout.reserve(series.starts.len() * size_of::<u64>());
        let inputs: Vec<_> = series.columns.iter().map(|_| layout.reserve(column_bytes)).collect();
        let scratch = DeviceColumns::scratch_columns(self.request, self.options);
        let scratch = layout.reserve(scratch * column_bytes);
        let outputs = layout.reserve(names * column_bytes);
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
        let columns = DeviceColumns {
            prices: &device.prices,
            series: on_device,
            options: self.options,
            inputs: &at,
        };
        columns.compute(self.request, scratch.at(region.address()), to)?;
        let mut out = vec![vec![0.0; values]; names];
        // The last output of a MACD is made of the others.
        let computed = if is_macd(self.request) { 2 } else { names };
        for (place, out) in out.iter_mut().take(computed).enumerate() {
            device.download(to.plus(place * column_bytes), out)?;
        }
        if let (true, [line, signal, histogram]) = (is_macd(self.request), &mut out[..]) {
            for ((histogram, line), signal) in histogram.iter_mut().zip(line).zip(signal) {
                *histogram = *line - *signal;
            }
        }
        Ok(out)
    }
}

const fn is_macd(request: Request) -> bool {
    matches!(request, Request::Indicator(Indicator::Macd(_)))
}

impl Job for IndicatorJob {
    /// An output for each of the request's columns, `[bars]`.
    type Answer = Vec<Vec<f64>>;

    /// In values read.
    fn size(&self) -> u64 {
        (self.panel.bars() * self.request.inputs(self.options.column).len()) as u64
    }

    fn on_processor(&self) -> Result<Self::Answer> {
        of_request(&self.panel, self.request, self.options)
    }

    fn on_device(&self, device: &MarketDevice) -> Result<Self::Answer> {
        let columns = self.request.inputs(self.options.column);
        let columns: Vec<&[f64]> =
            columns.iter().filter_map(|column| self.panel.column(*column)).collect();
        let series = WholeSeries::of(&columns, self.panel.offsets());
        let out = self.outputs_of(&series, device)?;
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
