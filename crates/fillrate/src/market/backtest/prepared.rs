//! The prices of a symbol as accounts see them: known closes, and where orders are filled.

use std::ops::Range;

use fillrate_kernels::{Tape, TapeTerms};

use super::BacktestOptions;
use crate::market::panel::{Column, Series};
use crate::market::risk::BARS_PER_YEAR;
use crate::{Error, Result};

/// A symbol's known closes.
pub(super) struct Prepared {
    /// The bar of the series that each known close is of; shape `[closes]`.
    pub(super) bars: Vec<usize>,
    pub(super) close: Vec<f64>,
    /// The first known open after the close before, up to and with the close's own bar, or NaN.
    pub(super) open: Vec<f64>,
}

impl Prepared {
    /// Takes the columns of a series.
    ///
    /// # Errors
    ///
    /// If it lacks one, or a price is not above 0.
    pub(super) fn of(series: &Series<'_>, options: &BacktestOptions) -> Result<Self> {
        for column in options.inputs() {
            check(series, column)?;
        }
        let values = series.column(options.column).unwrap_or_default();
        let is_known = |bar: &usize| !values[*bar].is_nan();
        let bars: Vec<usize> = (0..values.len()).filter(is_known).collect();
        let opens = series.column(Column::Open);
        let first_open = |bars: Range<usize>| {
            let opens = opens.map(|opens| &opens[bars]).unwrap_or_default();
            opens.iter().copied().find(|open| !open.is_nan()).unwrap_or(f64::NAN)
        };
        let mut open = vec![f64::NAN; bars.len().min(1)];
        open.extend(bars.windows(2).map(|pair| first_open(pair[0] + 1..pair[1] + 1)));
        let close = bars.iter().map(|bar| values[*bar]).collect();
        Ok(Self { bars, close, open })
    }

    pub(super) fn tape(&self, options: &BacktestOptions) -> Result<Tape> {
        let terms = TapeTerms {
            fee: options.fee,
            slippage: options.slippage,
            rate: options.risk_free / BARS_PER_YEAR,
            fill: options.fill,
        };
        Ok(Tape::new(&self.close, &self.open, terms)?)
    }
}

fn check(series: &Series<'_>, column: Column) -> Result<()> {
    let refused = |name, message| Err(Error::Argument { name, message });
    let Some(values) = series.column(column) else {
        return refused("panel", format!("the panel has no column `{column}`"));
    };
    let is_unsound = |value: &f64| !(value.is_nan() || (value.is_finite() && *value > 0.0));
    if let Some(at) = values.iter().position(is_unsound) {
        let (symbol, date, value) = (series.symbol(), series.dates()[at], values[at]);
        return refused("price", format!("{symbol} on {date}: {value} is not above 0"));
    }
    Ok(())
}
