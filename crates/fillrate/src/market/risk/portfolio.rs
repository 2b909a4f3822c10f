//! The portfolio of all symbols in equal parts.

use std::collections::BTreeMap;

use super::{PORTFOLIO, ReturnSeries};

/// At each date the mean of the returns of the symbols that have one.
pub(super) fn equal_weight(all: &[ReturnSeries]) -> ReturnSeries {
    let mut by_date = BTreeMap::new();
    for series in all {
        for (date, r) in series.dates.iter().zip(&series.simple) {
            let (sum, count) = by_date.entry(*date).or_insert((0.0, 0_u32));
            *sum += r;
            *count += 1;
        }
    }
    ReturnSeries {
        symbol: PORTFOLIO.to_owned(),
        start: all.iter().filter_map(|series| series.start).min(),
        dates: by_date.keys().copied().collect(),
        simple: by_date.values().map(|(sum, count)| sum / f64::from(*count)).collect(),
    }
}
