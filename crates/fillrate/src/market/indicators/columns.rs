//! Indicators and signals over all symbols of a panel.

use rayon::prelude::*;

use super::batch;
use super::signals::{Memory, Signal};
use super::{Indicator, IndicatorOptions};
use crate::market::device::{Computer, IndicatorJob};
use crate::market::panel::{Bar, Column, Panel, Series};
use crate::{Error, Result};

/// One thing to compute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Request {
    /// An indicator.
    Indicator(Indicator),
    /// A signal.
    Signal(Signal),
}

impl Request {
    /// The names of the outputs.
    #[must_use]
    pub fn columns(self) -> Vec<String> {
        match self {
            Self::Indicator(indicator) => indicator.columns(),
            Self::Signal(signal) => signal.columns(),
        }
    }

    /// The columns it is computed of, where `column` is the one that single series are taken from.
    #[must_use]
    pub fn inputs(self, column: Column) -> Vec<Column> {
        match self {
            Self::Indicator(indicator) => indicator.inputs(column),
            Self::Signal(signal) => signal.inputs(column),
        }
    }

    /// Whether windows are among what is computed, so that [`IndicatorOptions::min_periods`] matters.
    #[must_use]
    pub fn has_window(self) -> bool {
        match self {
            Self::Indicator(indicator) => indicator.has_window(),
            Self::Signal(signal) => signal.indicators().into_iter().any(Indicator::has_window),
        }
    }

    /// Checks lengths and thresholds.
    ///
    /// # Errors
    ///
    /// As for [`Indicator::check`] and [`Signal::check`].
    pub fn check(self) -> Result<()> {
        match self {
            Self::Indicator(indicator) => indicator.check(),
            Self::Signal(signal) => signal.check(),
        }
    }
}

/// An output for every bar of a panel.
#[derive(Clone, Debug)]
pub struct NamedColumn {
    /// Its name.
    pub name: String,
    /// Its values, symbol after symbol, NaN where there is none; shape `[bars]`.
    pub values: Vec<f64>,
}

/// Computes each request over each symbol of the panel, on the threads of rayon's pool; the outputs
/// of the first request come first.
///
/// # Errors
///
/// If a request does not pass its check, or the panel lacks a column.
pub fn compute(
    panel: &Panel,
    requests: &[Request],
    options: IndicatorOptions,
) -> Result<Vec<NamedColumn>> {
    check(panel, requests, options)?;
    let columns: Result<Vec<Vec<NamedColumn>>> = requests
        .par_iter()
        .map(|request| Ok(named(*request, of_request(panel, *request, options)?)))
        .collect();
    Ok(columns?.into_iter().flatten().collect())
}

/// The same, computed where `computer` says.
///
/// # Errors
///
/// As for [`compute`].
pub fn compute_on(
    computer: &Computer<IndicatorJob>,
    panel: &Panel,
    requests: &[Request],
    options: IndicatorOptions,
) -> Result<Vec<NamedColumn>> {
    check(panel, requests, options)?;
    let of = |request: &Request| {
        let columns = computer.run(IndicatorJob::new(panel, *request, options)?)?;
        Ok(named(*request, columns))
    };
    let columns: Result<Vec<Vec<NamedColumn>>> = requests.par_iter().map(of).collect();
    Ok(columns?.into_iter().flatten().collect())
}

fn check(panel: &Panel, requests: &[Request], options: IndicatorOptions) -> Result<()> {
    for request in requests {
        request.check()?;
        check_columns(panel, &request.inputs(options.column))?;
    }
    Ok(())
}

/// Refuses a panel that lacks a column.
pub(crate) fn check_columns(panel: &Panel, columns: &[Column]) -> Result<()> {
    match columns.iter().find(|column| panel.column(**column).is_none()) {
        None => Ok(()),
        Some(column) => {
            let message = format!("the panel has no column `{column}`");
            Err(Error::Argument { name: "panel", message })
        }
    }
}

fn named(request: Request, columns: Vec<Vec<f64>>) -> Vec<NamedColumn> {
    let named = request.columns().into_iter().zip(columns);
    named.map(|(name, values)| NamedColumn { name, values }).collect()
}

/// The outputs of a request that was checked, `[bars]` each.
pub(crate) fn of_request(
    panel: &Panel,
    request: Request,
    options: IndicatorOptions,
) -> Result<Vec<Vec<f64>>> {
    let mut columns = vec![vec![0.0; panel.bars()]; request.columns().len()];
    let mut rests: Vec<&mut [f64]> = columns.iter_mut().map(Vec::as_mut_slice).collect();
    let mut work = Vec::with_capacity(panel.len());
    for series in panel.iter() {
        let mut out = Vec::with_capacity(rests.len());
        rests = rests
            .into_iter()
            .map(|rest| {
                let (first, rest) = rest.split_at_mut(series.len());
                out.push(first);
                rest
            })
            .collect();
        work.push((series, out));
    }
    work.into_par_iter().try_for_each(|(series, mut out)| match request {
        Request::Indicator(indicator) => of_series(&series, indicator, options, &mut out),
        Request::Signal(signal) => signal_of_series(&series, signal, options, &mut out),
    })?;
    Ok(columns)
}

fn of_series(
    series: &Series<'_>,
    indicator: Indicator,
    options: IndicatorOptions,
    out: &mut [&mut [f64]],
) -> Result<()> {
    let inputs = indicator.inputs(options.column);
    let inputs: Vec<&[f64]> = inputs.iter().filter_map(|column| series.column(*column)).collect();
    batch::compute(indicator, &inputs, options, out)
}

/// The indicators of a signal, then its rule bar by bar.
fn signal_of_series(
    series: &Series<'_>,
    signal: Signal,
    options: IndicatorOptions,
    out: &mut [&mut [f64]],
) -> Result<()> {
    let mut indicators: Vec<Vec<f64>> = Vec::new();
    for indicator in signal.indicators() {
        let mut values = vec![vec![0.0; series.len()]; indicator.outputs()];
        let mut slices: Vec<&mut [f64]> = values.iter_mut().map(Vec::as_mut_slice).collect();
        of_series(series, indicator, options, &mut slices)?;
        indicators.append(&mut values);
    }
    let inputs = signal.inputs(options.column);
    let mut memory = Memory::default();
    let mut values = Vec::with_capacity(indicators.len());
    for at in 0..series.len() {
        let bar = Bar::at(series, at);
        values.clear();
        values.extend(indicators.iter().map(|column| column[at]));
        let is_whole = inputs.iter().all(|column| bar.value(*column).is_finite());
        let outputs = if is_whole {
            memory.decide(signal, &bar, bar.value(options.column), &values)
        } else {
            [f64::NAN; 4]
        };
        for (out, value) in out.iter_mut().zip(outputs) {
            out[at] = value;
        }
    }
    Ok(())
}
