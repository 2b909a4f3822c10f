//! Tables of records, read and written as streams.
//!
//! A [`Reader`] turns CSV, JSONL or Parquet into [`Chunk`]s of bounded rows and bounded bytes; a
//! [`Writer`] puts the chunks' own columns back, in their order, with new columns after them. No
//! more than one chunk is held at a time, so memory does not grow with the file.
//!
//! What is kept of the input:
//!
//! - CSV: every cell is a string, as it stands (`001` stays `001`);
//! - JSONL: every line's keys in their order, nested values included; integers from −2⁶³ to 2⁶⁴ − 1
//!   exactly, other numbers as the nearest double, of a repeated key the last value;
//! - Parquet: every column with its Arrow type.
//!
//! A new column that carries the name of an input column keeps its name; the input's becomes
//! `input_NAME`. In CSV a struct column is spread over columns `NAME.FIELD`, a list or a nested
//! JSON value is written as JSON text, and a missing value is an empty cell. NaN and infinities of
//! the input are `null` in JSON and empty in CSV; times with a named zone are printed in UTC.
//!
//! ```
//! use std::sync::Arc;
//! use arrow_array::{ArrayRef, UInt64Array};
//! use arrow_schema::{DataType, Field, Schema};
//! use fillrate::records::{Format, ReadOptions, Reader, Sink, Writer};
//!
//! let dir = tempfile::tempdir()?;
//! let path = dir.path().join("news.csv");
//! std::fs::write(&path, "id,headline\n001,Shares rise\n")?;
//!
//! let mut reader = Reader::open(&path, &ReadOptions::default())?;
//! reader.select_text(None)?;
//! let fields = Arc::new(Schema::new(vec![Field::new("length", DataType::UInt64, false)]));
//! let out = dir.path().join("lengths.jsonl");
//! let mut writer = Writer::new(Sink::file(&out)?, Format::Jsonl, reader.layout(), fields);
//! while let Some(chunk) = reader.next_chunk()? {
//!     let lengths: Vec<u64> = chunk.texts().iter().map(|text| text.len() as u64).collect();
//!     let lengths: ArrayRef = Arc::new(UInt64Array::from(lengths));
//!     writer.write_beside(&chunk, vec![lengths])?;
//! }
//! writer.finish()?;
//! let written = std::fs::read_to_string(&out)?;
//! assert_eq!(written, "{\"id\":\"001\",\"headline\":\"Shares rise\",\"length\":11}\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cells;
mod chunk;
mod csv_records;
mod encoder;
mod faults;
mod format;
mod jsonl_records;
mod merge;
mod numbers;
mod objects;
mod parquet_records;
mod reader;
mod sink;
mod source;
mod text_column;
mod timestamps;
mod writer;

pub use chunk::{Chunk, JsonObject, Rows};
pub use faults::{OnError, Skipped};
pub use format::{Format, InputFormat};
pub use numbers::texts_to_numbers;
pub use reader::{Layout, ReadOptions, Reader};
pub use sink::Sink;
pub(crate) use text_column::{is_text, kind, string_at};
pub use writer::Writer;
