//! Tables in and records out: what the verbs that read texts share.

use std::io::{self, IsTerminal};
use std::path::Path;

use fillrate::records::{self, ReadOptions, Reader};

use crate::failure::hinted;
use crate::output::Printer;
use crate::settings::{Format, InputFormat, OnError, Settings};

/// Rows of a chunk: few enough that a slow model's answers come steadily, many enough that
/// writing a chunk costs next to nothing per row.
const CHUNK_ROWS: usize = 256;

/// Opens the input, a file or `-`, as the settings say.
///
/// # Errors
///
/// If it cannot be read, or is no table.
pub(super) fn open(input: &Path, settings: &Settings, printer: &Printer) -> anyhow::Result<Reader> {
    let options = ReadOptions {
        format: settings.text.input_format.map(|format| match format {
            InputFormat::Csv => records::InputFormat::Csv,
            InputFormat::Jsonl => records::InputFormat::Jsonl,
            InputFormat::Parquet => records::InputFormat::Parquet,
        }),
        on_error: match settings.text.on_error {
            OnError::Stop => records::OnError::Fail,
            OnError::Skip => records::OnError::Skip,
        },
        chunk_rows: CHUNK_ROWS,
        ..ReadOptions::default()
    };
    if input != Path::new("-") {
        return Ok(Reader::open(input, &options)?);
    }
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        printer.note("reading standard input; Ctrl-D ends it");
    }
    Ok(Reader::from_stream(Box::new(stdin), &options)?)
}

/// Says which rows were left out.
pub(super) fn report_skipped(skipped: &records::Skipped, printer: &Printer) {
    for row in &skipped.first {
        printer.warn(&format!("skipped {row}"));
    }
    let untold = skipped.count - skipped.first.len() as u64;
    if untold > 0 {
        printer.warn(&format!("skipped {untold} more rows"));
    }
}

/// How records are written: as asked for, else a table on a terminal and JSONL elsewhere.
///
/// # Errors
///
/// If the output file's extension tells no format and none was asked for, or Parquet would go to
/// a terminal.
pub(super) fn record_format(settings: &Settings) -> anyhow::Result<Format> {
    let to_terminal = settings.output.is_none() && io::stdout().is_terminal();
    match (settings.format, &settings.output) {
        (Some(Format::Parquet), None) if to_terminal => {
            Err(hinted("Parquet cannot be shown on a terminal", "write it to a file: -o FILE"))
        }
        (Some(format), _) => Ok(format),
        (None, Some(path)) if !is_stream(path) => Err(hinted(
            format!("{}: the extension tells no format", path.display()),
            "name it: --format csv, json, jsonl, parquet or table",
        )),
        (None, _) => Ok(if to_terminal { Format::Table } else { Format::Jsonl }),
    }
}

/// Whether `path` is a device or a pipe, whose name promises nothing.
fn is_stream(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

/// The format that records are written in; `None` for a table for a reader.
pub(super) fn format_of_records(format: Format) -> Option<records::Format> {
    match format {
        Format::Csv => Some(records::Format::Csv),
        Format::Json => Some(records::Format::Json),
        Format::Jsonl => Some(records::Format::Jsonl),
        Format::Parquet => Some(records::Format::Parquet),
        Format::Table => None,
    }
}

/// A number with its noun: `1 row`, `2 rows`.
pub(super) fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
