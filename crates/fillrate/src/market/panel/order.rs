//! Rows in any order to bars by symbol and date.

use std::path::Path;
use std::sync::Arc;

use super::intake::Report;
use super::{Column, Columns, Panel, PanelOptions};
use crate::market::date::Date;
use crate::{DateFault, Error, Result};

/// Sound rows in the order of the input.
pub(super) struct Unordered {
    /// Whether each row of the input stays; shape `[rows of the input]`. All below have an entry for
    /// each row that does.
    pub(super) kept: Vec<bool>,
    lines: Vec<u64>,
    symbols: Vec<u32>,
    dates: Vec<Date>,
    numbers: [Option<Vec<f64>>; Column::ALL.len()],
}

impl Unordered {
    pub(super) fn new(columns: &[Column]) -> Self {
        let numbers = Column::ALL.map(|column| columns.contains(&column).then(Vec::new));
        let (kept, lines, symbols, dates) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { kept, lines, symbols, dates, numbers }
    }

    /// Adds a row; `numbers` are in the order of [`Column::ALL`].
    pub(super) fn push(
        &mut self,
        line: u64,
        symbol: u32,
        date: Date,
        numbers: impl Iterator<Item = f64>,
    ) {
        self.lines.push(line);
        self.symbols.push(symbol);
        self.dates.push(date);
        for (column, number) in self.numbers.iter_mut().flatten().zip(numbers) {
            column.push(number);
        }
    }
}

/// A panel of no bars with the columns that are required.
pub(super) fn empty(options: &PanelOptions) -> Panel {
    let numbers = Column::ALL.map(|column| options.required.contains(&column).then(Vec::new));
    let (symbols, dates, rows) = (Vec::new(), Vec::new(), Vec::new());
    Panel { shared: Arc::new(Columns { symbols, offsets: vec![0], dates, numbers, rows }) }
}

/// Groups the rows by symbol; with `sort`, puts each symbol's in the order of their dates.
///
/// # Errors
///
/// What `report` makes of a row whose date does not come after the one before it.
pub(super) fn panel(
    path: &Path,
    symbols: Vec<String>,
    mut rows: Unordered,
    sort: bool,
    report: Report<'_>,
) -> Result<(Panel, Vec<bool>)> {
    let (mut bars, starts) = by_symbol(&rows.symbols, symbols.len());
    let mut out = Vec::with_capacity(bars.len());
    let mut offsets = vec![0];
    let mut named = Vec::with_capacity(symbols.len());
    let mut late = Vec::new();
    for (symbol, bounds) in symbols.into_iter().zip(starts.windows(2)) {
        let bars = &mut bars[bounds[0]..bounds[1]];
        if sort {
            // Stable, so that of equal dates the first row stays first.
            bars.sort_by_key(|row| rows.dates[*row]);
        }
        let start = out.len();
        for &row in bars.iter() {
            let fault = out
                .last()
                .filter(|_| out.len() > start)
                .and_then(|&last: &usize| fault(path, &symbol, &rows, last, row));
            match fault {
                None => out.push(row),
                Some(error) => late.push((rows.lines[row], row, error)),
            }
        }
        if out.len() > start {
            offsets.push(out.len());
            named.push(symbol);
        }
    }
    let places = leave_out(&mut rows.kept, late, report)?;
    let gather = |values: &Vec<f64>| out.iter().map(|row| values[*row]).collect::<Vec<f64>>();
    let numbers = rows.numbers.each_ref().map(|column| column.as_ref().map(gather));
    let dates = out.iter().map(|row| rows.dates[*row]).collect();
    let rows_of_bars = out.iter().map(|row| places[*row]).collect();
    let columns = Columns { symbols: named, offsets, dates, numbers, rows: rows_of_bars };
    Ok((Panel { shared: Arc::new(columns) }, rows.kept))
}

/// The rows symbol after symbol, and where each begins: a counting sort, which is stable.
fn by_symbol(symbols: &[u32], count: usize) -> (Vec<usize>, Vec<usize>) {
    let mut starts = vec![0; count + 1];
    for symbol in symbols {
        starts[*symbol as usize + 1] += 1;
    }
    for symbol in 0..count {
        starts[symbol + 1] += starts[symbol];
    }
    let mut next = starts.clone();
    let mut bars = vec![0; symbols.len()];
    for (row, symbol) in symbols.iter().enumerate() {
        let next = &mut next[*symbol as usize];
        bars[*next] = row;
        *next += 1;
    }
    (bars, starts)
}

/// What is wrong with the date of `row` after that of `last`.
fn fault(path: &Path, symbol: &str, rows: &Unordered, last: usize, row: usize) -> Option<Error> {
    let (date, before) = (rows.dates[row], rows.dates[last]);
    if date > before {
        return None;
    }
    let fault = if date == before { DateFault::Repeated } else { DateFault::Earlier };
    Some(Error::BarDate {
        path: path.to_owned(),
        line: rows.lines[row],
        symbol: symbol.to_owned(),
        date,
        before,
        line_before: rows.lines[last],
        fault,
    })
}

/// Reports the rows whose date is wrong in the order of the input and leaves them out; the place of
/// each row among those that stay.
fn leave_out(
    kept: &mut [bool],
    mut late: Vec<(u64, usize, Error)>,
    report: Report<'_>,
) -> Result<Vec<usize>> {
    late.sort_by_key(|(line, row, _)| (*line, *row));
    let rows = kept.iter().filter(|is_kept| **is_kept).count();
    let mut stays = vec![true; rows];
    for (_, row, error) in late {
        report(error)?;
        stays[row] = false;
    }
    let mut places = Vec::with_capacity(rows);
    let mut place = 0;
    for is_kept in &stays {
        places.push(place);
        place += usize::from(*is_kept);
    }
    let mut stays = stays.into_iter();
    for is_kept in kept.iter_mut().filter(|is_kept| **is_kept) {
        *is_kept = stays.next() == Some(true);
    }
    Ok(places)
}
