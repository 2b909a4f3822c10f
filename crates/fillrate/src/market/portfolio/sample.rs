//! The returns of many symbols at the dates that all of them have.

use std::ops::Range;

use crate::market::date::Date;
use crate::market::panel::{Column, Panel};
use crate::{Error, Result};

/// Returns of all symbols, date by date.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) symbols: Vec<String>,
    /// The dates of the prices: a return is from one to the next. Shape `[rows + 1]`.
    pub(super) dates: Vec<Date>,
    /// The number of returns of each symbol.
    pub(super) rows: usize,
    /// The returns of a symbol after those of the one before: shape `[symbols, rows]`.
    values: Vec<f64>,
}

impl Sample {
    /// The simple returns between the dates at which every symbol has a price.
    ///
    /// # Errors
    ///
    /// If the panel is empty or lacks the column, a price is not above 0, or fewer than three dates
    /// are common to all.
    pub(super) fn of(panel: &Panel, column: Column) -> Result<Self> {
        let refused = |name, message: String| Err(Error::Argument { name, message });
        let Some(values) = panel.column(column) else {
            return refused("panel", format!("the panel has no column `{column}`"));
        };
        if panel.is_empty() {
            return refused("panel", "there is no symbol to hold".to_owned());
        }
        let mut known = Vec::with_capacity(panel.len());
        for series in panel.iter() {
            let values = &values[series.bars()];
            let mut prices = Vec::with_capacity(values.len());
            for (date, value) in series.dates().iter().zip(values).filter(|(_, x)| !x.is_nan()) {
                if *value <= 0.0 {
                    let symbol = series.symbol();
                    return refused("price", format!("{symbol} on {date}: {value} is not above 0"));
                }
                prices.push((*date, *value));
            }
            known.push(prices);
        }
        let dates = common_dates(&known);
        if dates.len() < 3 {
            return refused("panel", too_few_dates(panel, &known, dates.len()));
        }
        let rows = dates.len() - 1;
        let mut returns = Vec::with_capacity(rows * known.len());
        for prices in &known {
            let mut at = 0;
            let mut price_at = |date: &Date| {
                at += prices[at..].iter().take_while(|(other, _)| other < date).count();
                prices[at].1
            };
            let mut before = price_at(&dates[0]);
            for date in &dates[1..] {
                let price = price_at(date);
                returns.push(price / before - 1.0);
                before = price;
            }
        }
        Ok(Self { symbols: panel.symbols().to_vec(), dates, rows, values: returns })
    }

    /// The returns of some rows alone.
    pub(super) fn window(&self, rows: &Range<usize>) -> Self {
        Self {
            symbols: self.symbols.clone(),
            dates: self.dates[rows.start..=rows.end].to_vec(),
            rows: rows.len(),
            values: self.columns().flat_map(|column| &column[rows.clone()]).copied().collect(),
        }
    }

    /// The returns of a symbol after those of the one before: shape `[symbols, rows]`.
    pub(super) fn values(&self) -> &[f64] {
        &self.values
    }

    pub(super) fn columns(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        self.values.chunks_exact(self.rows)
    }

    /// The arithmetic mean of each symbol's returns.
    pub(super) fn means(&self) -> Vec<f64> {
        self.columns().map(|column| column.iter().sum::<f64>() / self.rows as f64).collect()
    }
}

/// Says that too few dates are common, and which symbol has the fewest.
fn too_few_dates(panel: &Panel, known: &[Vec<(Date, f64)>], common: usize) -> String {
    let by_prices = panel.symbols().iter().zip(known).min_by_key(|(_, prices)| prices.len());
    let fewest = by_prices.map_or_else(String::new, |(symbol, prices)| {
        let (symbols, prices) = (panel.len(), prices.len());
        format!("; of {symbols} symbols `{symbol}` has the fewest prices, {prices}")
    });
    format!("dates with a price of every symbol: {common}, and at least 3 are needed{fewest}")
}

/// The dates that every list has, rising.
fn common_dates(known: &[Vec<(Date, f64)>]) -> Vec<Date> {
    let Some((first, rest)) = known.split_first() else { return Vec::new() };
    let mut dates: Vec<Date> = first.iter().map(|(date, _)| *date).collect();
    for prices in rest {
        let mut at = 0;
        dates.retain(|date| {
            at += prices[at..].iter().take_while(|(other, _)| other < date).count();
            prices.get(at).is_some_and(|(other, _)| other == date)
        });
    }
    dates
}
