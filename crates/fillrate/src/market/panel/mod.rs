//! Prices of many symbols: columns `[bars]`, ragged by symbol, read-only and shared.

mod cells;
mod intake;
mod order;

use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

use arrow_array::RecordBatch;

use super::date::Date;
use crate::records::{Chunk, Layout, Reader};
use crate::{Error, Result};

pub use self::intake::PanelTable;

/// A column of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Column {
    /// The first price of a bar.
    Open,
    /// The highest price of a bar.
    High,
    /// The lowest price of a bar.
    Low,
    /// The last price of a bar.
    Close,
    /// How much was traded.
    Volume,
    /// The close adjusted for splits and dividends.
    AdjClose,
}

impl Column {
    /// Every column, in the order of the input's table.
    pub const ALL: [Self; 6] =
        [Self::Open, Self::High, Self::Low, Self::Close, Self::Volume, Self::AdjClose];

    /// The column's name: `open`, `high`, `low`, `close`, `volume` or `adj_close`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::High => "high",
            Self::Low => "low",
            Self::Close => "close",
            Self::Volume => "volume",
            Self::AdjClose => "adj_close",
        }
    }

    const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Column {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|column| column.as_str() == name);
        known.ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|column| column.as_str()).collect();
            format!("expected one of {}", names.join(", "))
        })
    }
}

/// The numbers of one bar; what is not known is NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bar {
    /// The first price.
    pub open: f64,
    /// The highest price.
    pub high: f64,
    /// The lowest price.
    pub low: f64,
    /// The last price.
    pub close: f64,
    /// How much was traded.
    pub volume: f64,
    /// The close adjusted for splits and dividends.
    pub adj_close: f64,
}

impl Default for Bar {
    /// A bar of which nothing is known.
    fn default() -> Self {
        let nan = f64::NAN;
        Self { open: nan, high: nan, low: nan, close: nan, volume: nan, adj_close: nan }
    }
}

impl Bar {
    /// The bar at place `at` of a series; columns that were not read are NaN.
    ///
    /// # Panics
    ///
    /// If `at` is not below the series' length.
    #[must_use]
    pub fn at(series: &Series<'_>, at: usize) -> Self {
        let value = |column| series.column(column).map_or(f64::NAN, |values| values[at]);
        Self {
            open: value(Column::Open),
            high: value(Column::High),
            low: value(Column::Low),
            close: value(Column::Close),
            volume: value(Column::Volume),
            adj_close: value(Column::AdjClose),
        }
    }

    /// The number of one column.
    #[must_use]
    pub const fn value(&self, column: Column) -> f64 {
        match column {
            Column::Open => self.open,
            Column::High => self.high,
            Column::Low => self.low,
            Column::Close => self.close,
            Column::Volume => self.volume,
            Column::AdjClose => self.adj_close,
        }
    }
}

/// Which prices are sound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prices {
    /// Above 0: what ratios and logarithms are taken of.
    #[default]
    Positive,
    /// Any finite number, as futures and spreads can have.
    Any,
}

/// How a panel is read.
#[derive(Clone, Debug)]
pub struct PanelOptions {
    /// The columns that must be there.
    pub required: Vec<Column>,
    /// The columns that are read where they are there; the others are not looked at.
    pub optional: Vec<Column>,
    /// Puts the bars of each symbol in the order of their dates. Without it, a date that does not
    /// come after the one before it is an error.
    pub sort: bool,
    /// Which prices are sound; a bar with another is a malformed row.
    pub prices: Prices,
    /// The symbol of every bar where the table has no column `symbol`.
    pub symbol: String,
}

impl Default for PanelOptions {
    /// A close, and whatever else is there.
    fn default() -> Self {
        Self {
            required: vec![Column::Close],
            optional: Column::ALL.to_vec(),
            sort: false,
            prices: Prices::Positive,
            symbol: "-".to_owned(),
        }
    }
}

impl PanelOptions {
    /// The columns named, and no others.
    #[must_use]
    pub fn only(columns: &[Column]) -> Self {
        Self { required: columns.to_vec(), optional: Vec::new(), ..Self::default() }
    }
}

/// Prices of many symbols.
///
/// The bars of one symbol lie together, their dates strictly rising; symbols are in the order in
/// which the input first names them. A missing value is NaN, every other number is finite. A clone
/// shares the columns.
///
/// ```
/// use fillrate::market::{Column, Panel, PanelOptions};
/// use fillrate::records::{ReadOptions, Reader};
///
/// let dir = tempfile::tempdir()?;
/// let path = dir.path().join("prices.csv");
/// std::fs::write(&path, "symbol,date,close\nA,2024-01-02,10\nB,2024-01-02,20\nA,2024-01-03,11\n")?;
/// let mut reader = Reader::open(&path, &ReadOptions::default())?;
/// let panel = Panel::read(&mut reader, &PanelOptions::default())?;
///
/// let a = panel.series(0);
/// assert_eq!((a.symbol(), a.column(Column::Close)), ("A", Some(&[10.0, 11.0][..])));
/// assert_eq!(panel.column(Column::High), None);
/// // A result per bar goes back to where its row was.
/// assert_eq!(panel.in_input_order(&[1.0, 2.0, 3.0]), [1.0, 3.0, 2.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Panel {
    shared: Arc<Columns>,
}

#[derive(Debug)]
struct Columns {
    symbols: Vec<String>,
    /// The bars of symbol `s` are `offsets[s]..offsets[s + 1]`; shape `[symbols + 1]`.
    offsets: Vec<usize>,
    dates: Vec<Date>,
    /// By [`Column::index`], each of shape `[bars]`.
    numbers: [Option<Vec<f64>>; Column::ALL.len()],
    /// The place of each bar's row among the rows that were kept; shape `[bars]`.
    rows: Vec<usize>,
}

impl Panel {
    /// Reads a whole table.
    ///
    /// # Errors
    ///
    /// If the table cannot be read, has no column `date` or lacks one that is required, or a row is
    /// malformed and the reader stops at such: a date that is none, a price that is not sound, a
    /// `high` below its `low`, or a date that does not come after the symbol's one before it.
    pub fn read(reader: &mut Reader, options: &PanelOptions) -> Result<Self> {
        let table = PanelTable::read_keeping(reader, options, intake::Keep::Nothing)?;
        Ok(table.panel)
    }

    /// Takes a table from record batches of one schema. Rows are counted from 1 in messages, where
    /// the table is called `-`.
    ///
    /// # Errors
    ///
    /// As for [`Self::read`]; the first malformed row is an error.
    pub fn from_batches(batches: &[RecordBatch], options: &PanelOptions) -> Result<Self> {
        let Some(first) = batches.first() else { return Ok(order::empty(options)) };
        let mut intake =
            intake::Intake::new("-".as_ref(), &Layout::Table(first.schema()), options)?;
        let mut report = |error: Error| Err(error);
        let mut rows = 0;
        for batch in batches {
            let chunk = Chunk::of_batch("-".as_ref(), rows, batch.clone());
            rows += batch.num_rows() as u64;
            intake.take(&chunk, &mut report)?;
        }
        Ok(intake.finish(&mut report)?.0)
    }

    /// The number of symbols.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.symbols.len()
    }

    /// Whether there is no symbol, and so no bar.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shared.symbols.is_empty()
    }

    /// The number of bars of all symbols.
    #[must_use]
    pub fn bars(&self) -> usize {
        self.shared.dates.len()
    }

    /// The symbols, in the order in which the input first names them; shape `[len]`.
    #[must_use]
    pub fn symbols(&self) -> &[String] {
        &self.shared.symbols
    }

    /// Where the bars of each symbol begin, and at the end the number of bars; shape `[len + 1]`.
    #[must_use]
    pub fn offsets(&self) -> &[usize] {
        &self.shared.offsets
    }

    /// The dates of all bars, symbol after symbol; shape `[bars]`.
    #[must_use]
    pub fn dates(&self) -> &[Date] {
        &self.shared.dates
    }

    /// A column of all bars, symbol after symbol, if it was read; shape `[bars]`.
    #[must_use]
    pub fn column(&self, column: Column) -> Option<&[f64]> {
        self.shared.numbers[column.index()].as_deref()
    }

    /// The bars of one symbol.
    ///
    /// # Panics
    ///
    /// If `symbol` is not below [`Self::len`].
    #[must_use]
    pub fn series(&self, symbol: usize) -> Series<'_> {
        let bars = self.shared.offsets[symbol]..self.shared.offsets[symbol + 1];
        Series { columns: &self.shared, symbol, bars }
    }

    /// The symbols with their bars.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Series<'_>> {
        (0..self.len()).map(|symbol| self.series(symbol))
    }

    /// A value for each bar, shape `[bars]`, in the order in which the input had the rows.
    ///
    /// # Panics
    ///
    /// If there is another number of values.
    #[must_use]
    pub fn in_input_order<T: Copy>(&self, values: &[T]) -> Vec<T> {
        assert_eq!(values.len(), self.bars(), "one value per bar");
        let mut ordered = values.to_vec();
        for (value, row) in values.iter().zip(&self.shared.rows) {
            ordered[*row] = *value;
        }
        ordered
    }

    /// A date as text: with its time of day if some bar of the panel has one.
    #[must_use]
    pub fn date_text(&self, date: Date) -> String {
        let has_times = self.shared.dates.iter().any(|date| !date.is_midnight());
        if has_times { date.with_time() } else { date.to_string() }
    }
}

/// The bars of one symbol of a [`Panel`].
#[derive(Clone, Debug)]
pub struct Series<'a> {
    columns: &'a Columns,
    symbol: usize,
    bars: Range<usize>,
}

impl<'a> Series<'a> {
    /// The symbol.
    #[must_use]
    pub fn symbol(&self) -> &'a str {
        &self.columns.symbols[self.symbol]
    }

    /// The number of bars, at least 1.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "a symbol without a bar is not in the panel")]
    pub fn len(&self) -> usize {
        self.bars.len()
    }

    /// The places of the bars among those of the whole panel.
    #[must_use]
    pub fn bars(&self) -> Range<usize> {
        self.bars.clone()
    }

    /// The dates, strictly rising; shape `[len]`.
    #[must_use]
    pub fn dates(&self) -> &'a [Date] {
        &self.columns.dates[self.bars.clone()]
    }

    /// A column, if it was read; shape `[len]`.
    #[must_use]
    pub fn column(&self, column: Column) -> Option<&'a [f64]> {
        Some(&self.columns.numbers[column.index()].as_deref()?[self.bars.clone()])
    }
}

#[cfg(test)]
mod tests;
