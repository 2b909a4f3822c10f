//! Columns of numbers that a table without types, CSV, holds as texts.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Float64Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema};

use super::faults::arrow_error;
use super::text_column::{is_text, string_at};
use super::{Chunk, Rows};
use crate::Result;

/// Turns each of `columns` that holds texts into numbers if every cell, in all chunks, is one or is
/// empty, so that a table with types has it as the numbers it is. Other columns stay as they are, and
/// so do the rows of JSONL, which has types.
///
/// # Errors
///
/// If the columns do not fit in memory.
pub fn texts_to_numbers(chunks: &mut [Chunk], columns: &[&str]) -> Result<()> {
    for column in columns {
        let numbers: Option<Vec<Float64Array>> =
            chunks.iter().map(|chunk| numbers_of(chunk, column)).collect();
        for (chunk, numbers) in chunks.iter_mut().zip(numbers.into_iter().flatten()) {
            put(chunk, column, &(Arc::new(numbers) as ArrayRef))?;
        }
    }
    Ok(())
}

/// The numbers that a column of texts stands for, null where a cell is empty; nothing if there is no
/// such column, or a cell is no number.
fn numbers_of(chunk: &Chunk, column: &str) -> Option<Float64Array> {
    let Rows::Table(batch) = chunk.rows() else { return None };
    let texts = batch.column_by_name(column).filter(|array| is_text(array.data_type()))?;
    let number = |row| match string_at(texts.as_ref(), row).unwrap_or_default().trim() {
        "" => Some(None),
        text => Some(Some(text.parse::<f64>().ok()?)),
    };
    (0..texts.len()).map(number).collect()
}

/// Puts an array in the place of a column that the chunk's table has.
fn put(chunk: &mut Chunk, column: &str, array: &ArrayRef) -> Result<()> {
    let Rows::Table(batch) = &mut chunk.rows else { return Ok(()) };
    let schema = batch.schema();
    let number = Arc::new(Field::new(column, DataType::Float64, true));
    let field =
        |field: &Arc<Field>| Arc::clone(if field.name() == column { &number } else { field });
    let fields: Vec<_> = schema.fields().iter().map(field).collect();
    let mut arrays = batch.columns().to_vec();
    for (place, field) in schema.fields().iter().enumerate() {
        if field.name() == column {
            arrays[place] = Arc::clone(array);
        }
    }
    let table = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays);
    *batch = table.map_err(|error| arrow_error(&chunk.path, &error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use arrow_array::StringArray;

    use super::*;

    fn chunk(close: &[&str], note: &[&str]) -> Chunk {
        let columns = [("close", close), ("note", note)];
        let field = |(name, _): &(&str, _)| Field::new(*name, DataType::Utf8, true);
        let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
        let array =
            |(_, cells): &(_, &[&str])| -> ArrayRef { Arc::new(StringArray::from(cells.to_vec())) };
        let arrays = columns.iter().map(array).collect();
        let batch = RecordBatch::try_new(Arc::new(schema), arrays).unwrap();
        Chunk::of_batch(Path::new("-"), 0, batch)
    }

    fn types(chunk: &Chunk) -> Vec<DataType> {
        let Rows::Table(batch) = chunk.rows() else { panic!("a table") };
        batch.schema().fields().iter().map(|field| field.data_type().clone()).collect()
    }

    #[test]
    fn columns_of_numbers_become_numbers_in_all_chunks_or_in_none() {
        let mut chunks = [chunk(&["1.50", ""], &["1", "2"]), chunk(&[" 3 "], &["three"])];
        texts_to_numbers(&mut chunks, &["close", "note", "volume"]).unwrap();
        for chunk in &chunks {
            assert_eq!(types(chunk), [DataType::Float64, DataType::Utf8]);
        }
        let Rows::Table(batch) = chunks[0].rows() else { panic!("a table") };
        let expected: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.5), None]));
        assert_eq!(batch.column(0), &expected);
    }
}
