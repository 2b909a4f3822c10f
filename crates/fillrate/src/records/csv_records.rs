//! CSV: bytes to records.
//!
//! The `csv` crate writes our files and is the oracle of this splitter's tests, but it cannot say
//! that a quote was never closed, counts lines wrongly after CRLF and blank lines, and lets one
//! stray quote take the whole file into memory. This splitter follows its rules (RFC 4180; `\n`,
//! `\r\n` and a lone `\r` end a record, blank lines are skipped) and reports those cases.

use std::io::{self, BufRead};
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};

use super::faults::{ParsedRow, RowFault, RowParser, arrow_error, duplicate_name};
use super::source::Bytes;
use crate::{Error, Result};

/// A record whose cells lie end to end in one string.
pub(super) struct CsvRow {
    text: String,
    ends: Vec<usize>,
}

impl CsvRow {
    fn cell(&self, column: usize) -> &str {
        let start = if column == 0 { 0 } else { self.ends[column - 1] };
        &self.text[start..self.ends[column]]
    }
}

/// The records below the header of a CSV file.
pub(super) struct CsvRecords {
    path: Arc<Path>,
    input: Bytes,
    splitter: Splitter,
    row_bytes_max: usize,
    schema: SchemaRef,
}

impl CsvRecords {
    /// Reads the header.
    pub(super) fn open(path: &Arc<Path>, input: Bytes, row_bytes_max: usize) -> Result<Self> {
        let schema = Arc::new(Schema::empty());
        let path = Arc::clone(path);
        let splitter = Splitter::new();
        let mut records = Self { path, input, splitter, row_bytes_max, schema };
        match records.next_record() {
            Ok(None) => {}
            Ok(Some(ParsedRow { line, row, .. })) => {
                let names: Vec<&str> = (0..row.ends.len()).map(|c| row.cell(c)).collect();
                if let Some(message) = duplicate_name(&names) {
                    return Err(records.header_error(line, message));
                }
                let field = |name| Field::new(name, DataType::Utf8, false);
                let fields: Vec<Field> = names.into_iter().map(field).collect();
                records.schema = Arc::new(Schema::new(fields));
            }
            Err(RowFault::Malformed { line, message }) => {
                return Err(records.header_error(line, message));
            }
            Err(RowFault::Fatal(error)) => return Err(error),
        }
        Ok(records)
    }

    /// One string column per name of the header.
    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The rows as columns.
    pub(super) fn table(&self, rows: &[CsvRow]) -> Result<RecordBatch> {
        let column = |c| StringArray::from_iter_values(rows.iter().map(|row| row.cell(c)));
        let columns = (0..self.schema.fields().len()).map(|c| Arc::new(column(c)) as ArrayRef);
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns.collect());
        batch.map_err(|error| arrow_error(&self.path, &error))
    }

    fn header_error(&self, line: u64, message: String) -> Error {
        Error::Header { path: self.path.to_path_buf(), line, message }
    }

    fn error(&self, line: u64, message: String) -> Error {
        Error::Row { path: self.path.to_path_buf(), line, message }
    }

    fn next_record(&mut self) -> Result<Option<ParsedRow<CsvRow>>, RowFault> {
        let row_bytes_max = self.row_bytes_max;
        let found = self.splitter.read(&mut self.input, row_bytes_max);
        let found = found
            .map_err(|source| RowFault::Fatal(Error::Io { path: self.path.to_path_buf(), source }));
        if !found? {
            return Ok(None);
        }
        let line = self.splitter.record_line;
        match self.splitter.flaw {
            Some(Flaw::TooLong) => {
                let message = format!(
                    "the row is longer than {row_bytes_max} bytes; a quote may not be closed"
                );
                return Err(RowFault::Fatal(self.error(line, message)));
            }
            Some(Flaw::Unclosed) => {
                let message = "the quote that opens in this row is never closed".into();
                return Err(RowFault::Malformed { line, message });
            }
            Some(Flaw::TextAfterQuote { column }) => {
                let column = self.column(column);
                let message = format!(
                    "{column} has text after its closing quote; inside quotes, write \" as \"\""
                );
                return Err(RowFault::Malformed { line, message });
            }
            None => {}
        }
        self.checked().map(Some).map_err(|message| RowFault::Malformed { line, message })
    }

    /// The record just split, if it is text without NUL bytes.
    fn checked(&mut self) -> Result<ParsedRow<CsvRow>, String> {
        let bytes = std::mem::take(&mut self.splitter.bytes);
        let ends = std::mem::take(&mut self.splitter.ends);
        if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
            let column = self.column(ends.partition_point(|end| *end <= at));
            return Err(format!("{column} contains a NUL byte"));
        }
        // Two broken cells side by side can make one sound character.
        let (text, broken) = match String::from_utf8(bytes) {
            Ok(text) => {
                let split = ends.iter().position(|end| !text.is_char_boundary(*end));
                (text, split)
            }
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                (String::new(), Some(ends.partition_point(|end| *end <= valid)))
            }
        };
        if let Some(column) = broken {
            return Err(format!("{} is not valid UTF-8", self.column(column)));
        }
        let (line, bytes) = (self.splitter.record_line, text.len());
        Ok(ParsedRow { line, bytes, row: CsvRow { text, ends } })
    }

    fn column(&self, index: usize) -> String {
        match self.schema.fields().get(index) {
            Some(field) => format!("column `{}`", field.name()),
            None => format!("column {}", index + 1),
        }
    }
}

impl RowParser for CsvRecords {
    type Row = CsvRow;

    fn next_row(&mut self) -> Result<Option<ParsedRow<CsvRow>>, RowFault> {
        let Some(record) = self.next_record()? else { return Ok(None) };
        let (found, expected) = (record.row.ends.len(), self.schema.fields().len());
        if found == expected {
            return Ok(Some(record));
        }
        let cells = if found == 1 { "cell" } else { "cells" };
        let message = format!("{found} {cells} where the header has {expected}");
        Err(RowFault::Malformed { line: record.line, message })
    }
}

/// What is wrong with the structure of a record.
#[derive(Clone, Copy)]
enum Flaw {
    /// The file ended inside quotes.
    Unclosed,
    /// Something other than a comma or the end of the line followed a closing quote.
    TextAfterQuote { column: usize },
    /// The record did not end within the bound.
    TooLong,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    RecordStart,
    CellStart,
    Bare,
    Quoted,
    /// After a quote inside quotes: it closes the cell, or is the first of a doubled quote.
    QuoteInQuotes,
}

/// The state machine that finds cells and records.
struct Splitter {
    state: State,
    /// The line of the next byte, from 1.
    line: u64,
    after_carriage_return: bool,
    bytes: Vec<u8>,
    ends: Vec<usize>,
    record_line: u64,
    flaw: Option<Flaw>,
}

impl Splitter {
    fn new() -> Self {
        Self {
            state: State::RecordStart,
            line: 1,
            after_carriage_return: false,
            bytes: Vec::new(),
            ends: Vec::new(),
            record_line: 1,
            flaw: None,
        }
    }

    /// Reads one record into `bytes` and `ends`; `false` at the end of the input.
    fn read(&mut self, input: &mut impl BufRead, bytes_max: usize) -> io::Result<bool> {
        self.state = State::RecordStart;
        self.bytes.clear();
        self.ends.clear();
        self.flaw = None;
        loop {
            let buffer = match input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                buffer => buffer?,
            };
            if buffer.is_empty() {
                return Ok(self.finish());
            }
            let length = buffer.len();
            let ended = buffer.iter().position(|byte| self.step(*byte));
            input.consume(ended.map_or(length, |at| at + 1));
            if self.bytes.len() > bytes_max {
                self.flaw = Some(Flaw::TooLong);
                return Ok(true);
            }
            if ended.is_some() {
                return Ok(true);
            }
        }
    }

    /// Takes one byte; whether it ends the record.
    fn step(&mut self, byte: u8) -> bool {
        if std::mem::take(&mut self.after_carriage_return) && byte == b'\n' {
            // The line was counted at the carriage return.
            return false;
        }
        if self.state == State::RecordStart {
            self.record_line = self.line;
        }
        match (self.state, byte) {
            (State::Quoted, b'"') => self.state = State::QuoteInQuotes,
            (State::Quoted, _) => {
                self.line += u64::from(byte == b'\n');
                self.bytes.push(byte);
            }
            (State::RecordStart | State::CellStart, b'"') => self.state = State::Quoted,
            (State::QuoteInQuotes, b'"') => {
                self.bytes.push(b'"');
                self.state = State::Quoted;
            }
            (_, b'\n' | b'\r') => {
                self.line += 1;
                self.after_carriage_return = byte == b'\r';
                if self.state != State::RecordStart {
                    self.ends.push(self.bytes.len());
                    return true;
                }
            }
            (_, b',') => {
                self.ends.push(self.bytes.len());
                self.state = State::CellStart;
            }
            (state, _) => {
                if state == State::QuoteInQuotes {
                    let column = self.ends.len();
                    self.flaw.get_or_insert(Flaw::TextAfterQuote { column });
                }
                self.bytes.push(byte);
                self.state = State::Bare;
            }
        }
        false
    }

    /// Takes the end of the input; whether it ends a record.
    fn finish(&mut self) -> bool {
        match self.state {
            State::RecordStart => return false,
            State::Quoted => self.flaw = Some(Flaw::Unclosed),
            _ => {}
        }
        self.ends.push(self.bytes.len());
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Records = Vec<Vec<Vec<u8>>>;

    /// The records, and whether one of them has a flaw.
    fn split(mut input: &[u8]) -> (Records, Vec<u64>, bool) {
        let mut splitter = Splitter::new();
        let (mut records, mut lines, mut flawed) = (Vec::new(), Vec::new(), false);
        while splitter.read(&mut input, 1 << 20).unwrap() {
            let starts = std::iter::once(0).chain(splitter.ends.iter().copied());
            let cells = starts.zip(&splitter.ends).map(|(a, b)| splitter.bytes[a..*b].to_vec());
            records.push(cells.collect());
            lines.push(splitter.record_line);
            flawed |= splitter.flaw.is_some();
        }
        (records, lines, flawed)
    }

    #[test]
    fn lines_are_counted_through_crlf_blank_lines_and_quoted_newlines() {
        let (_, lines, flawed) = split(b"a,b\r\n\r\n1,\"x\r\ny\nz\"\r\n2,y\n\n\n3,z\r4,w");
        assert_eq!(lines, [1, 3, 6, 9, 10]);
        assert!(!flawed);
    }

    proptest! {
        #[test]
        fn records_are_those_of_the_csv_crate(input in "[ab,\"\r\n]{0,40}") {
            let (records, _, _) = split(input.as_bytes());
            let mut oracle = csv::ReaderBuilder::new();
            let oracle = oracle.has_headers(false).flexible(true).from_reader(input.as_bytes());
            let expected: Records = oracle
                .into_byte_records()
                .map(|record| record.unwrap().iter().map(<[u8]>::to_vec).collect())
                .collect();
            prop_assert_eq!(records, expected);
        }
    }
}
