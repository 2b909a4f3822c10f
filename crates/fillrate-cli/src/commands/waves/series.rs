//! The search of one symbol.

use std::sync::Arc;

use fillrate::market::{Column, Date, Series};
use fillrate::waves::{Bars, Chance, Hit, Legs, Place, Scope, Significance, WaveRecord};
use fillrate::{Error, Result};

use super::Run;
use super::options::{self, Wanted};
use super::stages::Stage;

/// The patterns of a symbol.
pub(super) struct Symbol {
    pub records: Vec<WaveRecord>,
    pub pivots: usize,
    /// Whether it has too few pivots for any pattern.
    pub is_flat: bool,
    /// Patterns that shortcuts left, and those that there are.
    pub recalled: Option<(u64, u64)>,
    /// Windows that were searched, and those that there are.
    pub windows: (usize, usize),
    pub chance: Option<Chance>,
    /// The score of the nested count.
    pub nested_score: Option<f64>,
}

/// Pivots of the smallest pattern, three waves.
const PIVOTS_MIN: usize = 4;

/// Searches one symbol; the error is in words, with the date of the bar that is to blame.
pub(super) fn search(series: &Series<'_>, run: &Run<'_>) -> std::result::Result<Symbol, String> {
    searched(series, run).map_err(|error| described(series, &error))
}

/// An error about a symbol, with the date of the bar that is to blame.
pub(super) fn described(series: &Series<'_>, error: &Error) -> String {
    match error {
        Error::Bar { bar, message } => format!("{}: {message}", series.dates()[*bar]),
        other => other.to_string(),
    }
}

fn searched(series: &Series<'_>, run: &Run<'_>) -> Result<Symbol> {
    let bars = bars_of(series)?;
    let typed = &run.arguments.search;
    let legs = run
        .stages
        .time(Stage::Pivots, || Legs::find(&bars, options::pivots(typed), typed.open_ends))?;
    let scope = match &run.scope {
        Some(scope) => Some(Scope::of(&bars, &legs, scope)?),
        None => None,
    };
    let pivots = legs.pivots().len();
    let mut symbol = Symbol {
        records: Vec::new(),
        pivots,
        is_flat: pivots < PIVOTS_MIN,
        recalled: None,
        windows: (0, 0),
        chance: None,
        nested_score: None,
    };
    let found = run.stages.time(Stage::Search, || hits(&legs, scope.as_ref(), run, &mut symbol))?;
    if let Some(scope) = &scope {
        let sum = |counts: Vec<u64>| counts.iter().sum();
        let left = sum(run.search.counts(&legs, Some(scope)));
        symbol.recalled = Some((left, sum(run.search.counts(&legs, None))));
        symbol.windows = (scope.windows_searched(), scope.windows());
    }
    let significance = match &run.significance {
        Some(options) => Some(run.stages.time(Stage::Surrogates, || {
            let (computer, search) = (&run.computer, &run.search);
            Significance::measure_on(computer, search, &bars, &legs, series.symbol(), options)
        })?),
        None => None,
    };
    symbol.chance = significance.as_ref().map(|significance| Chance {
        count: significance.count,
        expected: significance.count_expected,
        p_value: significance.count_p_value,
    });
    symbol.records = run.stages.time(Stage::Describe, || {
        let records = found.iter().map(|(hit, place)| WaveRecord {
            p_value: significance.as_ref().map(|significance| significance.p_value(hit)),
            chance: symbol.chance,
            place: *place,
            ..record(series, &bars, hit, run)
        });
        records.collect()
    });
    Ok(symbol)
}

/// The patterns that are wanted, with their places in a nested count.
fn hits(
    legs: &Legs,
    scope: Option<&Scope>,
    run: &Run<'_>,
    symbol: &mut Symbol,
) -> Result<Vec<(Hit, Option<Place>)>> {
    if run.arguments.nest {
        let count = run.search.nest(legs, scope)?;
        symbol.nested_score = Some(count.score);
        let place = |nested: &fillrate::waves::NestedHit| {
            let (id, parent, wave, degree) = (nested.id, nested.parent, nested.wave, nested.degree);
            Place { id, parent, wave, degree }
        };
        return Ok(count.hits.iter().map(|nested| (nested.hit, Some(place(nested)))).collect());
    }
    let hits = match run.wanted {
        Wanted::Top(wanted) => run.search.top(legs, wanted, scope),
        Wanted::All => run.search.all(legs, scope)?,
    };
    Ok(hits.into_iter().map(|hit| (hit, None)).collect())
}

/// The prices of a symbol; the close stands for what was not read.
pub(super) fn bars_of<'a>(series: &Series<'a>) -> Result<Bars<'a>> {
    let close = series.column(Column::Close).unwrap_or_default();
    let column = |column| series.column(column).unwrap_or(close);
    Bars::new(column(Column::Open), column(Column::High), column(Column::Low), close)
}

fn record(series: &Series<'_>, bars: &Bars<'_>, hit: &Hit, run: &Run<'_>) -> WaveRecord {
    let dates = hit.indices().iter().map(|&bar| run.date(series.dates()[bar as usize]));
    WaveRecord {
        symbol: Arc::from(series.symbol()),
        found: run.search.describe(bars, hit),
        dates: dates.collect(),
        p_value: None,
        q_value: None,
        chance: None,
        place: None,
    }
}

impl Run<'_> {
    /// A date as text: with its time of day if some bar of the panel has one.
    fn date(&self, date: Date) -> String {
        if self.has_times { date.with_time() } else { date.to_string() }
    }
}
