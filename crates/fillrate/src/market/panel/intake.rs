//! From the rows of a table to the columns of a panel.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::cells::{self, Cells};
use super::order::{self, Unordered};
use super::{Column, Panel, PanelOptions, Prices};
use crate::market::date::Date;
use crate::records::{Chunk, Layout, Reader};
use crate::{Error, Result};

/// What becomes of a malformed row: an error that ends the reading, or nothing, and it is left out.
pub(super) type Report<'a> = &'a mut dyn FnMut(Error) -> Result<()>;

/// Whether the rows themselves stay.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Keep {
    Nothing,
    Rows,
}

/// A panel together with the rows it was read from, for ops that write a value beside each row.
#[derive(Debug)]
pub struct PanelTable {
    /// The prices.
    pub panel: Panel,
    /// The rows that were not left out, in the order of the input.
    pub chunks: Vec<Chunk>,
}

impl PanelTable {
    /// Reads a whole table and keeps its rows.
    ///
    /// # Errors
    ///
    /// As for [`Panel::read`].
    pub fn read(reader: &mut Reader, options: &PanelOptions) -> Result<Self> {
        Self::read_keeping(reader, options, Keep::Rows)
    }

    pub(super) fn read_keeping(
        reader: &mut Reader,
        options: &PanelOptions,
        keep: Keep,
    ) -> Result<Self> {
        let names: Vec<String> = reader.columns().into_iter().map(str::to_owned).collect();
        let mut chunks = Vec::new();
        let mut intake: Option<Intake> = None;
        while let Some(chunk) = reader.next_chunk()? {
            let intake = match &mut intake {
                Some(intake) => intake,
                None => intake.insert(Intake::of_names(chunk.path(), &names, options)?),
            };
            intake.take(&chunk, &mut |error| reader.report_error(error))?;
            if keep == Keep::Rows {
                chunks.push(chunk);
            }
        }
        let intake = match intake {
            Some(intake) => intake,
            // A file of no bytes has no columns to look for.
            None if names.is_empty() => return Ok(Self { panel: order::empty(options), chunks }),
            None => Intake::of_names(reader.path(), &names, options)?,
        };
        let (panel, kept) = intake.finish(&mut |error| reader.report_error(error))?;
        retain(&mut chunks, &kept)?;
        Ok(Self { panel, chunks })
    }
}

/// Keeps the rows of `chunks` of which `kept`, shape `[rows]`, says so.
fn retain(chunks: &mut Vec<Chunk>, kept: &[bool]) -> Result<()> {
    let mut start = 0;
    for chunk in chunks.iter_mut() {
        let of_chunk = &kept[start..start + chunk.len()];
        start += of_chunk.len();
        if of_chunk.contains(&false) {
            chunk.retain(of_chunk)?;
        }
    }
    chunks.retain(|chunk| !chunk.is_empty());
    Ok(())
}

/// Collects rows in the order of the input.
pub(super) struct Intake {
    path: PathBuf,
    options: PanelOptions,
    /// The name of the column of symbols, if there is one.
    symbol: Option<String>,
    date: String,
    /// The numbers to read, with the name of each in the table.
    columns: Vec<(Column, String)>,
    symbols: HashMap<String, u32>,
    rows: Unordered,
}

impl Intake {
    pub(super) fn new(path: &Path, layout: &Layout, options: &PanelOptions) -> Result<Self> {
        let names = match layout {
            Layout::Table(schema) => schema.fields().iter().map(|f| f.name().clone()).collect(),
            Layout::None | Layout::Objects => Vec::new(),
        };
        Self::of_names(path, &names, options)
    }

    /// Finds the columns among `names`.
    fn of_names(path: &Path, names: &[String], options: &PanelOptions) -> Result<Self> {
        let missing = |name: &str| Error::Input {
            path: path.to_owned(),
            message: format!("no column `{name}`; the columns are: {}", names.join(", ")),
            hint: Some(format!(
                "prices have columns symbol, date, open, high, low, close, volume[, adj_close]; \
                 `{name}` is needed here"
            )),
        };
        let date = find("date", names).ok_or_else(|| missing("date"))?;
        let mut columns = Vec::new();
        for column in Column::ALL {
            let is_required = options.required.contains(&column);
            match find(column.as_str(), names) {
                Some(name) if is_required || options.optional.contains(&column) => {
                    columns.push((column, name));
                }
                None if is_required => return Err(missing(column.as_str())),
                _ => {}
            }
        }
        let found: Vec<Column> = columns.iter().map(|(column, _)| *column).collect();
        Ok(Self {
            path: path.to_owned(),
            options: options.clone(),
            symbol: find("symbol", names),
            date,
            columns,
            symbols: HashMap::new(),
            rows: Unordered::new(&found),
        })
    }

    /// Takes the rows of one chunk.
    pub(super) fn take(&mut self, chunk: &Chunk, report: Report<'_>) -> Result<()> {
        // What is wrong with each row: of several faults the first column's.
        let mut wrong: Vec<Option<String>> = vec![None; chunk.len()];
        let mut note = |faults: Vec<(usize, String)>| {
            for (row, message) in faults {
                wrong[row].get_or_insert(message);
            }
        };
        let symbols = self.symbols_of(chunk);
        let dates = cells::dates(chunk, &self.date, Date::EPOCH);
        note(symbols.faults);
        note(dates.faults);
        let mut numbers = Vec::with_capacity(self.columns.len());
        for (column, name) in &self.columns {
            let mut cells = cells::numbers(chunk, name);
            note(std::mem::take(&mut cells.faults));
            note(unsound(*column, name, &cells.values, self.options.prices));
            numbers.push(cells.values);
        }
        note(self.crossed(&numbers));
        for row in 0..chunk.len() {
            let line = chunk.lines()[row];
            let message = wrong[row].take();
            let is_kept = message.is_none();
            if let Some(message) = message {
                report(Error::Row { path: self.path.clone(), line, message })?;
            }
            self.rows.kept.push(is_kept);
            if is_kept {
                let numbers = numbers.iter().map(|column| column[row]);
                self.rows.push(line, symbols.values[row], dates.values[row], numbers);
            }
        }
        Ok(())
    }

    /// Ends the intake: the panel, and for each row whether it is in it.
    pub(super) fn finish(self, report: Report<'_>) -> Result<(Panel, Vec<bool>)> {
        let mut symbols = vec![String::new(); self.symbols.len()];
        for (symbol, id) in self.symbols {
            symbols[id as usize] = symbol;
        }
        order::panel(&self.path, symbols, self.rows, self.options.sort, report)
    }

    /// The number of each row's symbol, in the order in which symbols come.
    fn symbols_of(&mut self, chunk: &Chunk) -> Cells<u32> {
        let mut ids = Cells { values: Vec::with_capacity(chunk.len()), faults: Vec::new() };
        let Some(column) = &self.symbol else {
            let id = id_of(&mut self.symbols, &self.options.symbol);
            ids.values.resize(chunk.len(), id);
            return ids;
        };
        // Most rows name the symbol of the row before.
        let mut last: Option<(String, u32)> = None;
        for (row, symbol) in cells::texts(chunk, column).enumerate() {
            let id = match (symbol, &last) {
                (Ok(symbol), Some((name, id))) if *name == symbol => *id,
                (Ok(symbol), _) => {
                    let id = id_of(&mut self.symbols, symbol.trim());
                    last = Some((symbol.into_owned(), id));
                    id
                }
                (Err(message), _) => {
                    ids.faults.push((row, message));
                    0
                }
            };
            ids.values.push(id);
        }
        ids
    }

    /// The bars whose `high` is below their `low`.
    fn crossed(&self, numbers: &[Vec<f64>]) -> Vec<(usize, String)> {
        let place = |wanted| self.columns.iter().position(|(column, _)| *column == wanted);
        let (Some(high), Some(low)) = (place(Column::High), place(Column::Low)) else {
            return Vec::new();
        };
        let bars = numbers[high].iter().zip(&numbers[low]).enumerate();
        bars.filter(|(_, (high, low))| high < low)
            .map(|(row, (high, low))| (row, format!("the high {high} is below the low {low}")))
            .collect()
    }
}

fn id_of(symbols: &mut HashMap<String, u32>, symbol: &str) -> u32 {
    if let Some(id) = symbols.get(symbol) {
        return *id;
    }
    let id = symbols.len() as u32;
    symbols.insert(symbol.to_owned(), id);
    id
}

/// The name in the table of the column `wanted`: exact, else without regard to case, spaces and
/// underscores, as in `Adj Close`.
fn find(wanted: &str, names: &[String]) -> Option<String> {
    let plain = |name: &str| name.replace([' ', '_'], "").to_lowercase();
    let exact = names.iter().find(|name| *name == wanted);
    exact.or_else(|| names.iter().find(|name| plain(name) == plain(wanted))).cloned()
}

/// The values that no price or volume can have.
fn unsound(column: Column, name: &str, values: &[f64], prices: Prices) -> Vec<(usize, String)> {
    let mut faults = Vec::new();
    for (row, value) in values.iter().enumerate() {
        let what = if value.is_infinite() {
            "is not finite"
        } else if column == Column::Volume && *value < 0.0 {
            "is below 0"
        } else if column != Column::Volume && *value <= 0.0 && prices == Prices::Positive {
            "is not above 0, as a price must be"
        } else {
            continue;
        };
        faults.push((row, format!("column `{name}` {what}: {value}")));
    }
    faults
}
