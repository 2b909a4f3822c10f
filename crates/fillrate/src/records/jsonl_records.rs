//! JSONL: lines to objects.

use std::io::{BufRead, Read};
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::chunk::JsonObject;
use super::faults::{ParsedRow, RowFault, RowParser};
use super::source::Bytes;
use super::text_column::kind;
use crate::Error;

/// The lines of a JSONL file.
pub(super) struct JsonlRecords {
    path: Arc<Path>,
    input: Bytes,
    row_bytes_max: usize,
    /// The line last read, from 1.
    line: u64,
    bytes: Vec<u8>,
}

impl JsonlRecords {
    pub(super) fn new(path: &Arc<Path>, input: Bytes, row_bytes_max: usize) -> Self {
        Self { path: Arc::clone(path), input, row_bytes_max, line: 0, bytes: Vec::new() }
    }

    /// Reads the next line into `bytes`, without its end; `false` at the end of the input.
    fn read_line(&mut self) -> Result<bool, RowFault> {
        self.bytes.clear();
        let bound = self.row_bytes_max as u64 + 1;
        let read = self.input.by_ref().take(bound).read_until(b'\n', &mut self.bytes);
        let read = read
            .map_err(|source| RowFault::Fatal(Error::Io { path: self.path.to_path_buf(), source }));
        if read? == 0 {
            return Ok(false);
        }
        self.line += 1;
        if self.bytes.len() > self.row_bytes_max {
            let message = format!("the line is longer than {} bytes", self.row_bytes_max);
            let path = self.path.to_path_buf();
            return Err(RowFault::Fatal(Error::Row { path, line: self.line, message }));
        }
        Ok(true)
    }
}

impl RowParser for JsonlRecords {
    type Row = JsonObject;

    fn next_row(&mut self) -> Result<Option<ParsedRow<JsonObject>>, RowFault> {
        while self.read_line()? {
            let line = self.line;
            let text = self.bytes.trim_ascii();
            if text.is_empty() {
                continue;
            }
            let parsed = parse(text).map_err(|message| RowFault::Malformed { line, message });
            return Ok(Some(ParsedRow { line, bytes: text.len(), row: parsed? }));
        }
        Ok(None)
    }
}

fn parse(line: &[u8]) -> Result<JsonObject, String> {
    let text = std::str::from_utf8(line)
        .map_err(|error| format!("not valid UTF-8 (byte {})", error.valid_up_to() + 1))?;
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(other) => Err(format!("the line holds {}, not an object", kind(&other))),
        Err(error) => {
            let what = if error.is_eof() { "truncated JSON" } else { "not valid JSON" };
            let (message, column) = (error.to_string(), error.column());
            let message = message.split(" at line ").next().unwrap_or_default();
            Err(format!("{what}: {message} (byte {column})"))
        }
    }
}
