//! The policy for malformed rows: stop at the first, or drop them and say so.

use std::path::Path;
use std::sync::Arc;

use arrow_schema::ArrowError;

use super::chunk::Chunk;
use super::reader::ReadOptions;
use super::text_column;
use crate::{Error, Result};

/// What to do with a malformed row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnError {
    /// Stop with an error that names the row.
    #[default]
    Fail,
    /// Drop the row, count it and go on.
    Skip,
}

/// The rows dropped under [`OnError::Skip`].
#[derive(Debug, Default)]
pub struct Skipped {
    /// How many rows were dropped.
    pub count: u64,
    /// The first of them, at most [`Skipped::KEPT_MAX`], each an error about one row.
    pub first: Vec<Error>,
}

impl Skipped {
    /// How many dropped rows are kept for a report.
    pub const KEPT_MAX: usize = 100;
}

/// A row as a parser of lines returns it.
pub(super) struct ParsedRow<T> {
    /// The line on which it begins, from 1.
    pub line: u64,
    /// Its size.
    pub bytes: usize,
    /// The row.
    pub row: T,
}

/// Why a parser of lines has no row to return.
pub(super) enum RowFault {
    /// The row is malformed; the one after it can be read.
    Malformed {
        /// The line on which it begins, from 1.
        line: u64,
        /// What is wrong with it.
        message: String,
    },
    /// Nothing more can be read.
    Fatal(Error),
}

/// A parser that returns one row at a time.
pub(super) trait RowParser {
    /// The row.
    type Row;

    /// The next row; `None` at the end.
    fn next_row(&mut self) -> Result<Option<ParsedRow<Self::Row>>, RowFault>;
}

/// Collects rows until a chunk is full, the input ends or a fault stops the reading.
pub(super) fn fill<P: RowParser>(
    parser: &mut P,
    options: &ReadOptions,
    faults: &mut Faults,
) -> Result<(Vec<u64>, Vec<P::Row>)> {
    let (mut lines, mut rows, mut bytes) = (Vec::new(), Vec::new(), 0);
    while rows.len() < options.chunk_rows && bytes < options.chunk_bytes {
        let stopped = match parser.next_row() {
            Ok(None) => break,
            Ok(Some(parsed)) => {
                lines.push(parsed.line);
                rows.push(parsed.row);
                bytes += parsed.bytes;
                continue;
            }
            Err(RowFault::Malformed { line, message }) => faults.report(line, message),
            Err(RowFault::Fatal(error)) => Err(error),
        };
        if let Err(error) = stopped {
            faults.pending = Some(error);
            break;
        }
    }
    match faults.pending.take() {
        Some(error) if rows.is_empty() => Err(error),
        pending => {
            faults.pending = pending;
            Ok((lines, rows))
        }
    }
}

/// The policy for malformed rows, and what came of it.
#[derive(Debug)]
pub(super) struct Faults {
    path: Arc<Path>,
    on_error: OnError,
    pub(super) skipped: Skipped,
    /// An error whose turn comes after the rows before it.
    pub(super) pending: Option<Error>,
}

impl Faults {
    pub(super) fn new(path: &Arc<Path>, on_error: OnError) -> Self {
        Self { path: Arc::clone(path), on_error, skipped: Skipped::default(), pending: None }
    }

    /// Counts a malformed row, or returns it as an error.
    pub(super) fn report(&mut self, line: u64, message: String) -> Result<()> {
        self.report_error(Error::Row { path: self.path.to_path_buf(), line, message })
    }

    /// Counts the row that an error is about, or returns the error.
    pub(super) fn report_error(&mut self, error: Error) -> Result<()> {
        if self.on_error == OnError::Fail {
            return Err(error);
        }
        self.skipped.count += 1;
        if self.skipped.first.len() < Skipped::KEPT_MAX {
            self.skipped.first.push(error);
        }
        Ok(())
    }

    /// Removes the rows without a text from `chunk` or, where such a row is an error, that row
    /// and all after it.
    pub(super) fn take_out_rows_without_text(&mut self, chunk: &mut Chunk) -> Result<()> {
        let Some(column) = &chunk.text_column else { return Ok(()) };
        let mut keep = vec![true; chunk.len()];
        let texts = text_column::texts(&chunk.rows, column);
        for (row, text) in texts.into_iter().enumerate() {
            let Err(message) = text else { continue };
            keep[row] = false;
            if let Err(error) = self.report(chunk.lines[row], message) {
                keep[row..].fill(false);
                self.pending = Some(error);
                break;
            }
        }
        if keep.contains(&false) { chunk.retain(&keep) } else { Ok(()) }
    }
}

/// The error of an operation on columns of `path`.
pub(super) fn arrow_error(path: &Path, error: &ArrowError) -> Error {
    Error::Input { path: path.to_owned(), message: error.to_string(), hint: None }
}

/// The message about a column name that occurs twice, if one does.
pub(super) fn duplicate_name(names: &[&str]) -> Option<String> {
    let mut seen = std::collections::HashMap::new();
    names.iter().enumerate().find_map(|(index, name)| {
        let first = seen.insert(*name, index)?;
        let (first, second) = (first + 1, index + 1);
        Some(format!("columns {first} and {second} are both named `{name}`; rename one"))
    })
}
