//! Tables in and out.

mod bad_input;
mod formats;
mod round_trip;

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{Field, Schema};
use fillrate::records::{
    Chunk, Format, InputFormat, OnError, ReadOptions, Reader, Rows, Sink, Writer,
};
use fillrate::{Error, Result};

fn options(format: InputFormat) -> ReadOptions {
    ReadOptions { format: Some(format), ..ReadOptions::default() }
}

fn skipping(format: InputFormat) -> ReadOptions {
    ReadOptions { on_error: OnError::Skip, ..options(format) }
}

/// A reader of `bytes` with the texts of `column` (or of the usual one) selected.
fn read(bytes: &[u8], options: &ReadOptions, column: Option<&str>) -> Result<Reader> {
    let mut reader = Reader::from_stream(Box::new(Cursor::new(bytes.to_vec())), options)?;
    reader.select_text(column)?;
    Ok(reader)
}

fn chunks(reader: &mut Reader) -> Result<Vec<Chunk>> {
    std::iter::from_fn(|| reader.next_chunk().transpose()).collect()
}

/// Every text with its line.
fn texts(reader: &mut Reader) -> Result<Vec<(u64, String)>> {
    let mut found = Vec::new();
    while let Some(chunk) = reader.next_chunk()? {
        assert_eq!(chunk.texts().len(), chunk.len());
        let texts = chunk.texts().into_iter().map(str::to_owned);
        found.extend(chunk.lines().iter().copied().zip(texts));
    }
    Ok(found)
}

fn csv_texts(bytes: &[u8]) -> Result<Vec<(u64, String)>> {
    texts(&mut read(bytes, &options(InputFormat::Csv), None)?)
}

fn jsonl_texts(bytes: &[u8]) -> Result<Vec<(u64, String)>> {
    texts(&mut read(bytes, &options(InputFormat::Jsonl), None)?)
}

fn pairs(expected: &[(u64, &str)]) -> Vec<(u64, String)> {
    expected.iter().map(|(line, text)| (*line, (*text).to_owned())).collect()
}

fn error_text(result: Result<Vec<(u64, String)>>) -> String {
    result.unwrap_err().to_string()
}

/// Writes every chunk of `reader` with the columns that `new` makes of it; the file's bytes.
fn write(
    reader: &mut Reader,
    format: Format,
    fields: Vec<Field>,
    new: impl Fn(&Chunk) -> Vec<ArrayRef>,
) -> Result<Vec<u8>> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out");
    let fields = Arc::new(Schema::new(fields));
    let mut writer = Writer::new(Sink::file(&path)?, format, reader.layout(), fields);
    while let Some(chunk) = reader.next_chunk()? {
        writer.write_beside(&chunk, new(&chunk))?;
    }
    writer.finish()?;
    Ok(std::fs::read(&path).unwrap())
}

/// Copies a table from one format to another without new columns.
fn convert(bytes: &[u8], from: InputFormat, to: Format) -> Result<Vec<u8>> {
    let mut reader = Reader::from_stream(Box::new(Cursor::new(bytes.to_vec())), &options(from))?;
    write(&mut reader, to, Vec::new(), |_| Vec::new())
}

fn parquet_bytes(batch: &RecordBatch) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn parquet_table(bytes: &[u8]) -> RecordBatch {
    let mut reader =
        Reader::from_stream(Box::new(Cursor::new(bytes.to_vec())), &options(InputFormat::Parquet))
            .unwrap();
    let chunk = chunks(&mut reader).unwrap().remove(0);
    let Rows::Table(batch) = chunk.rows() else { panic!("Parquet is read as a table") };
    batch.clone()
}

/// The files in a directory, by name.
fn listing(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn is_row(error: &Error) -> bool {
    matches!(error, Error::Row { .. })
}
