//! The prices that are known, and the dates of the returns between them.

use std::borrow::Cow;

use fillrate_kernels::{RiskDates, RiskPanel};
use rayon::prelude::*;

use crate::market::date::Date;
use crate::market::panel::{Column, Panel};
use crate::{Error, Result};

/// Known prices of a panel's symbols, and every date at which one of them has a return.
pub(super) struct Aligned {
    panel: Panel,
    column: Column,
    /// Prices and their dates without what is missing; `None` if nothing is.
    known: Option<(Vec<f64>, Vec<Date>)>,
    /// Where the prices of each symbol begin, and their number.
    starts: Vec<u64>,
    /// The dates of returns, rising.
    calendar: Vec<Date>,
    at: At,
}

/// Where returns are in the calendar.
enum At {
    /// Each symbol has one at every date from this one on.
    From(Vec<u32>),
    /// That which ends with each price is at this one.
    Each(Vec<u32>),
}

impl Aligned {
    /// # Errors
    ///
    /// If the panel lacks the column, or a price is not above 0.
    pub(super) fn of(panel: &Panel, column: Column) -> Result<Self> {
        let Some(prices) = panel.column(column) else {
            let message = format!("the panel has no column `{column}`");
            return Err(Error::Argument { name: "panel", message });
        };
        let mut starts: Vec<u64> = panel.offsets().iter().map(|at| *at as u64).collect();
        // Counted, so that many are looked at together; NaN is not above 0.
        let sound: usize = prices.iter().map(|price| usize::from(*price > 0.0)).sum();
        let known =
            if sound == prices.len() { None } else { Some(known(panel, prices, &mut starts)?) };
        let dates = known.as_ref().map_or(panel.dates(), |(_, dates)| dates);
        let of_prices: Vec<&[Date]> = starts
            .windows(2)
            .map(|bounds| &dates[bounds[0] as usize..bounds[1] as usize])
            .collect();
        let (calendar, at) = calendar(&of_prices);
        Ok(Self { panel: panel.clone(), column, known, starts, calendar, at })
    }

    /// What kernels read.
    ///
    /// # Errors
    ///
    /// If there are more dates than kernels count.
    pub(super) fn series(&self) -> Result<RiskPanel<'_>> {
        let dates = match &self.at {
            At::From(firsts) => RiskDates::From(firsts),
            At::Each(each) => RiskDates::Each(each),
        };
        Ok(RiskPanel::new(self.prices(), &self.starts, dates, self.calendar.len())?)
    }

    pub(super) fn prices(&self) -> &[f64] {
        match &self.known {
            Some((prices, _)) => prices,
            None => self.panel.column(self.column).unwrap_or_default(),
        }
    }

    pub(super) fn symbols(&self) -> &[String] {
        self.panel.symbols()
    }

    /// The number of a symbol's returns; that of the portfolio's after the last symbol.
    pub(super) fn returns(&self, place: usize) -> usize {
        match self.dates_of(place) {
            Some(dates) => dates.len().saturating_sub(1),
            None => self.calendar.len(),
        }
    }

    /// The date of a value of a symbol, or of the portfolio after the last symbol; `None` if it has none.
    pub(super) fn date(&self, place: usize, at: usize) -> Option<Date> {
        match (self.dates_of(place), at.checked_sub(1)) {
            (Some(dates), _) => dates.get(at).copied(),
            (None, Some(after)) => self.calendar.get(after).copied(),
            (None, None) => {
                (0..self.symbols().len()).filter_map(|symbol| self.date(symbol, 0)).min()
            }
        }
    }

    /// The dates of a symbol's known prices.
    fn dates_of(&self, place: usize) -> Option<&[Date]> {
        let dates = self.known.as_ref().map_or(self.panel.dates(), |(_, dates)| dates);
        let end = *self.starts.get(place + 1)?;
        Some(&dates[self.starts[place] as usize..end as usize])
    }
}

/// The prices that are not missing, with their dates, and where those of each symbol then begin.
fn known(panel: &Panel, prices: &[f64], starts: &mut [u64]) -> Result<(Vec<f64>, Vec<Date>)> {
    let (mut known, mut dates) = (Vec::with_capacity(prices.len()), Vec::new());
    for (symbol, series) in panel.iter().enumerate() {
        let of_symbol = series.dates().iter().zip(&prices[series.bars()]);
        for (date, price) in of_symbol.filter(|(_, price)| !price.is_nan()) {
            if *price <= 0.0 {
                let message = format!("{} on {date}: {price} is not above 0", series.symbol());
                return Err(Error::Argument { name: "price", message });
            }
            known.push(*price);
            dates.push(*date);
        }
        starts[symbol + 1] = known.len() as u64;
    }
    Ok((known, dates))
}

/// Every date at which a series of prices has a return, and where in them those of each series are.
fn calendar(of_prices: &[&[Date]]) -> (Vec<Date>, At) {
    let series: Vec<&[Date]> =
        of_prices.iter().map(|dates| dates.get(1..).unwrap_or(&[])).collect();
    let series = series.as_slice();
    // Most panels have the days of an exchange, all of which the longest series has.
    let longest = series.iter().max_by_key(|dates| dates.len()).copied().unwrap_or(&[]);
    if let Some(firsts) = runs(series, longest) {
        return (longest.to_vec(), At::From(firsts));
    }
    let all = union(series).into_owned();
    let at = match runs(series, &all) {
        Some(firsts) => At::From(firsts),
        None => At::Each(places(of_prices, &all)),
    };
    (all, at)
}

/// Where each series' dates begin in a calendar, if all of them are there one after another.
fn runs(series: &[&[Date]], calendar: &[Date]) -> Option<Vec<u32>> {
    series.par_iter().map(|dates| run(dates, calendar)).collect()
}

fn run(dates: &[Date], calendar: &[Date]) -> Option<u32> {
    let Some(first) = dates.first() else { return Some(0) };
    let at = calendar.binary_search(first).ok()?;
    let beside = calendar.get(at..at + dates.len())?;
    is_same(dates, beside).then_some(at as u32)
}

/// Whether two lists of one length are the same, without a branch for each date.
fn is_same(dates: &[Date], others: &[Date]) -> bool {
    let differences = dates
        .iter()
        .zip(others)
        .fold(0, |found, (one, other)| found | (one.epoch_nanos() ^ other.epoch_nanos()));
    differences == 0
}

/// Every date that some series has, rising.
fn union<'a>(series: &[&'a [Date]]) -> Cow<'a, [Date]> {
    match series {
        [] => Cow::Borrowed(&[]),
        [one] => Cow::Borrowed(one),
        _ => {
            let (left, right) = series.split_at(series.len() / 2);
            let (left, right) = rayon::join(|| union(left), || union(right));
            if run(&right, &left).is_some() {
                left
            } else if run(&left, &right).is_some() {
                right
            } else {
                Cow::Owned(merged(&left, &right))
            }
        }
    }
}

/// Two rising lists as one.
fn merged(mut left: &[Date], mut right: &[Date]) -> Vec<Date> {
    let mut all = Vec::with_capacity(left.len().max(right.len()));
    while let ([one, left_rest @ ..], [other, right_rest @ ..]) = (left, right) {
        all.push(*one.min(other));
        if one <= other {
            left = left_rest;
        }
        if other <= one {
            right = right_rest;
        }
    }
    all.extend_from_slice(left);
    all.extend_from_slice(right);
    all
}

/// The places in a calendar of the dates of all prices; that of a series' first, at which it has no return,
/// is 0, and a series without a price has none.
fn places(of_prices: &[&[Date]], calendar: &[Date]) -> Vec<u32> {
    let mut all = Vec::new();
    for dates in of_prices {
        let Some((_, of_returns)) = dates.split_first() else { continue };
        all.push(0);
        let mut at = 0;
        for date in of_returns {
            // Mostly the next one.
            if calendar.get(at) != Some(date) {
                at += calendar[at..].partition_point(|other| other < date);
            }
            all.push(at as u32);
            at += 1;
        }
    }
    all
}
