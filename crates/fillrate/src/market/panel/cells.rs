//! The cells of a chunk as symbols, dates and numbers.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef};
use arrow_cast::cast;
use arrow_schema::{DataType, TimeUnit};
use serde_json::Value;

use crate::market::date::Date;
use crate::records::{Chunk, Rows, is_text, kind, string_at};

/// The values of a column, with a placeholder where a fault is.
pub(super) struct Cells<T> {
    pub(super) values: Vec<T>,
    /// The rows at fault, rising, and what is wrong with each.
    pub(super) faults: Vec<(usize, String)>,
}

impl<T> Cells<T> {
    fn new(rows: usize) -> Self {
        Self { values: Vec::with_capacity(rows), faults: Vec::new() }
    }

    fn push(&mut self, cell: Result<T, String>, placeholder: T) {
        let cell = cell.unwrap_or_else(|message| {
            self.faults.push((self.values.len(), message));
            placeholder
        });
        self.values.push(cell);
    }
}

/// The numbers of `column`, NaN where one is missing.
pub(super) fn numbers(chunk: &Chunk, column: &str) -> Cells<f64> {
    let mut cells = Cells::new(chunk.len());
    let wrong = |found: &str| Err(format!("column `{column}` is {found}, not a number"));
    match chunk.rows() {
        Rows::Objects(objects) => {
            for object in objects {
                let number = match object.get(column) {
                    None | Some(Value::Null) => Ok(f64::NAN),
                    Some(Value::Number(number)) => Ok(number.as_f64().unwrap_or(f64::NAN)),
                    Some(Value::String(text)) => number(text, column),
                    Some(other) => wrong(kind(other)),
                };
                cells.push(number, f64::NAN);
            }
        }
        Rows::Table(batch) => match batch.column_by_name(column) {
            Some(array) if is_text(array.data_type()) => {
                for row in 0..array.len() {
                    let text = string_at(array.as_ref(), row).unwrap_or_default();
                    cells.push(number(text, column), f64::NAN);
                }
            }
            Some(array) => number_array(array, column, &mut cells),
            None => cells.values.resize(chunk.len(), f64::NAN),
        },
    }
    cells
}

/// The number that a text is; an empty one is missing.
fn number(text: &str, column: &str) -> Result<f64, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(f64::NAN);
    }
    text.parse().map_err(|_| format!("column `{column}` is `{}`, not a number", shortened(text)))
}

fn number_array(array: &ArrayRef, column: &str, cells: &mut Cells<f64>) {
    use DataType::{Decimal32, Decimal64, Decimal128, Decimal256, Null};
    let data_type = array.data_type();
    let is_number = data_type.is_numeric()
        || matches!(
            data_type,
            Null | Decimal32(..) | Decimal64(..) | Decimal128(..) | Decimal256(..)
        );
    let numbers = if is_number { cast(array, &DataType::Float64).ok() } else { None };
    match numbers {
        Some(numbers) => {
            let numbers = numbers.as_primitive::<Float64Type>().iter();
            cells.values.extend(numbers.map(|number| number.unwrap_or(f64::NAN)));
        }
        None => {
            for _ in 0..array.len() {
                let message = format!("column `{column}` holds {data_type}, not numbers");
                cells.push(Err(message), f64::NAN);
            }
        }
    }
}

/// The dates of `column`.
pub(super) fn dates(chunk: &Chunk, column: &str, placeholder: Date) -> Cells<Date> {
    let mut cells = Cells::new(chunk.len());
    if let Rows::Table(batch) = chunk.rows()
        && let Some(array) = batch.column_by_name(column)
        && !is_text(array.data_type())
        && let Some(scale) = nanos_per_unit(array.data_type())
        && let Ok(units) = cast(array, &DataType::Int64)
    {
        for unit in units.as_primitive::<Int64Type>() {
            let date = match unit {
                None => Err(format!("column `{column}` is missing")),
                Some(unit) => (unit.checked_mul(scale).and_then(Date::from_epoch_nanos))
                    .ok_or_else(|| format!("column `{column}` is outside of 1678 to 2261")),
            };
            cells.push(date, placeholder);
        }
        return cells;
    }
    for text in texts(chunk, column) {
        let date = text.and_then(|text| {
            let date = text.parse::<Date>();
            date.map_err(|error| format!("column `{column}` is `{}`: {error}", shortened(&text)))
        });
        cells.push(date, placeholder);
    }
    cells
}

/// The nanoseconds of one unit of an Arrow type of dates.
fn nanos_per_unit(data_type: &DataType) -> Option<i64> {
    match data_type {
        DataType::Date32 => Some(86_400_000_000_000),
        DataType::Date64 | DataType::Timestamp(TimeUnit::Millisecond, _) => Some(1_000_000),
        DataType::Timestamp(TimeUnit::Second, _) => Some(1_000_000_000),
        DataType::Timestamp(TimeUnit::Microsecond, _) => Some(1_000),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => Some(1),
        _ => None,
    }
}

/// The texts of `column`; a missing or empty one is a fault.
pub(super) fn texts<'a>(
    chunk: &'a Chunk,
    column: &'a str,
) -> Box<dyn Iterator<Item = Result<std::borrow::Cow<'a, str>, String>> + 'a> {
    let missing = move || format!("column `{column}` is missing");
    let present = move |text: Option<&'a str>| match text {
        Some(text) if !text.trim().is_empty() => Ok(text.into()),
        _ => Err(missing()),
    };
    if let Rows::Table(batch) = chunk.rows()
        && let Some(array) = batch.column_by_name(column)
        && is_text(array.data_type())
    {
        return Box::new((0..array.len()).map(move |row| present(string_at(array.as_ref(), row))));
    }
    Box::new(chunk.values(column).into_iter().map(move |text| match text?.trim() {
        "" => Err(missing()),
        text => Ok(text.to_owned().into()),
    }))
}

/// As much of a cell as a message should quote.
fn shortened(text: &str) -> String {
    const CHARACTERS_MAX: usize = 40;
    match text.char_indices().nth(CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
