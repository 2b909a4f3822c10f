//! A bounded piece of a table, with each row's place in the input.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{BooleanArray, RecordBatch};
use arrow_select::filter::filter_record_batch;
use serde_json::{Map, Value};

use super::faults::arrow_error;
use super::text_column;
use crate::Result;

/// A JSON object with its keys in their order.
pub type JsonObject = Map<String, Value>;

/// The rows of a chunk, as the input's format holds them.
#[derive(Clone, Debug)]
pub enum Rows {
    /// Columns with one type each: CSV (all strings) and Parquet.
    Table(RecordBatch),
    /// One object per row, each with keys of its own: JSONL.
    Objects(Vec<JsonObject>),
}

/// A bounded piece of a table.
#[derive(Clone, Debug)]
pub struct Chunk {
    pub(super) path: Arc<Path>,
    pub(super) lines: Vec<u64>,
    pub(super) rows: Rows,
    pub(super) text_column: Option<Arc<str>>,
}

impl Chunk {
    pub(super) fn new(path: &Arc<Path>, lines: Vec<u64>, rows: Rows) -> Self {
        Self { path: Arc::clone(path), lines, rows, text_column: None }
    }

    /// The rows of a table in memory, the first of which is number `rows_before + 1`.
    pub(crate) fn of_batch(path: &Path, rows_before: u64, batch: RecordBatch) -> Self {
        let rows = batch.num_rows() as u64;
        let lines = (rows_before + 1..=rows_before + rows).collect();
        Self::new(&Arc::from(path), lines, Rows::Table(batch))
    }

    /// The number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The file the rows come from, or `-` for standard input.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The line on which each row begins, from 1 (in Parquet: the row, from 1); shape `[len]`.
    #[must_use]
    pub fn lines(&self) -> &[u64] {
        &self.lines
    }

    /// The rows themselves.
    #[must_use]
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// The selected text of each row, shape `[len]`; empty where the reader was given no
    /// [text column](super::Reader::select_text).
    #[must_use]
    pub fn texts(&self) -> Vec<&str> {
        // The reader has taken out every row without a text.
        let Some(column) = &self.text_column else { return Vec::new() };
        text_column::texts(&self.rows, column).into_iter().filter_map(Result::ok).collect()
    }

    /// The value of each row in `column` as text, or what is wrong with the row; shape `[len]`.
    /// Strings stand as they are, numbers in digits, dates in ISO 8601.
    #[must_use]
    pub fn values(&self, column: &str) -> Vec<Result<String, String>> {
        text_column::values(&self.rows, column)
    }

    /// Keeps the rows of which `keep`, shape `[len]`, says so.
    ///
    /// # Errors
    ///
    /// If the rows that stay do not fit in memory.
    ///
    /// # Panics
    ///
    /// If `keep` has another length.
    pub fn retain(&mut self, keep: &[bool]) -> Result<()> {
        assert_eq!(keep.len(), self.len(), "one answer per row");
        let mut keeps = keep.iter();
        self.lines.retain(|_| keeps.next() == Some(&true));
        match &mut self.rows {
            Rows::Objects(objects) => {
                let mut keeps = keep.iter();
                objects.retain(|_| keeps.next() == Some(&true));
            }
            Rows::Table(batch) => {
                let mask = BooleanArray::from(keep.to_vec());
                let kept = filter_record_batch(batch, &mask);
                *batch = kept.map_err(|error| arrow_error(&self.path, &error))?;
            }
        }
        Ok(())
    }
}
