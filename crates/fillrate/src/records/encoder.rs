//! Tables to bytes: CSV, JSON, JSONL and Parquet.

use std::io::{self, Write};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::cells::{self, CsvColumn, JsonColumn};
use super::chunk::JsonObject;
use super::format::Format;
use super::merge::kept_name;
use super::sink::Sink;

/// A row group is written out when it reaches this size, which bounds the memory it takes.
const ROW_GROUP_BYTES_MAX: usize = 32 << 20;

/// Encodes tables into a sink.
pub(super) enum Encoder {
    /// CSV, with its header written once the columns are known.
    Csv { csv: Box<csv::Writer<Sink>>, has_header: bool },
    /// JSON objects, as lines or as one array.
    Json { sink: Sink, is_array: bool, rows: u64 },
    /// Parquet whose columns are not known yet.
    ParquetStart(Option<Sink>),
    /// Parquet.
    Parquet(Box<ArrowWriter<Sink>>),
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Csv { .. } => "Csv",
            Self::Json { is_array: true, .. } => "Json",
            Self::Json { is_array: false, .. } => "Jsonl",
            Self::ParquetStart(_) | Self::Parquet(_) => "Parquet",
        })
    }
}

impl Encoder {
    pub(super) fn new(sink: Sink, format: Format) -> Self {
        match format {
            Format::Csv => {
                let csv = Box::new(csv::Writer::from_writer(sink));
                Self::Csv { csv, has_header: false }
            }
            Format::Json => Self::Json { sink, is_array: true, rows: 0 },
            Format::Jsonl => Self::Json { sink, is_array: false, rows: 0 },
            Format::Parquet => Self::ParquetStart(Some(sink)),
        }
    }

    /// Writes the rows of `batch`; every batch has the schema of the first.
    pub(super) fn write_table(&mut self, batch: &RecordBatch) -> io::Result<()> {
        match self {
            Self::Csv { csv, has_header } => {
                if !std::mem::replace(has_header, true) {
                    csv.write_record(cells::leaf_names(batch.schema_ref())).map_err(csv_error)?;
                }
                write_csv_rows(csv, batch)?;
                // The csv writer's own buffer goes first.
                csv.flush()
            }
            Self::Json { .. } => self.write_json(batch, |_, _| Ok(())),
            Self::ParquetStart(sink) => {
                let Some(sink) = sink.take() else { return Err(closed()) };
                *self = Self::Parquet(open_parquet(sink, batch.schema())?);
                self.write_table(batch)
            }
            Self::Parquet(parquet) => parquet.write(batch).map_err(parquet_error),
        }
    }

    /// Writes objects with the columns of `new` after their own keys, which make way for the
    /// names in `outputs`. JSON and JSONL only.
    pub(super) fn write_objects(
        &mut self,
        objects: &[JsonObject],
        new: &RecordBatch,
        outputs: &[String],
    ) -> io::Result<()> {
        let is_output = |name: &str| outputs.iter().any(|output| output == name);
        self.write_json(new, |row, buffer| {
            let object = &objects[row];
            for (key, value) in object {
                let name = kept_name(key, is_output, |name| object.contains_key(name));
                serde_json::to_writer(&mut *buffer, &name)?;
                buffer.push(b':');
                serde_json::to_writer(&mut *buffer, value)?;
                buffer.push(b',');
            }
            Ok(())
        })
    }

    /// Writes each row as an object: first what `prefix` appends (each entry with a comma after
    /// it), then the columns of `batch`.
    fn write_json(
        &mut self,
        batch: &RecordBatch,
        prefix: impl Fn(usize, &mut Vec<u8>) -> io::Result<()>,
    ) -> io::Result<()> {
        let Self::Json { sink, is_array, rows } = self else { return Err(closed()) };
        let options = cells::encoder_options();
        let mut columns = Vec::with_capacity(batch.num_columns());
        for (field, array) in batch.schema_ref().fields().iter().zip(batch.columns()) {
            let name = serde_json::to_string(field.name())?;
            columns.push((name, JsonColumn::new(field, array.as_ref(), &options)?));
        }
        let mut buffer = Vec::new();
        for row in 0..batch.num_rows() {
            buffer.clear();
            if *is_array {
                buffer.extend_from_slice(if *rows == 0 { b"[\n" } else { b",\n" });
            }
            buffer.push(b'{');
            prefix(row, &mut buffer)?;
            for (name, column) in &mut columns {
                buffer.extend_from_slice(name.as_bytes());
                buffer.push(b':');
                column.append(row, &mut buffer);
                buffer.push(b',');
            }
            if buffer.last() == Some(&b',') {
                buffer.pop();
            }
            buffer.push(b'}');
            if !*is_array {
                buffer.push(b'\n');
            }
            sink.write_all(&buffer)?;
            *rows += 1;
        }
        sink.hand_on()
    }

    /// Writes the end of a table whose columns are those of `schema`.
    pub(super) fn finish(self, schema: &SchemaRef) -> io::Result<Sink> {
        match self {
            Self::Csv { mut csv, has_header } => {
                if !has_header && !schema.fields().is_empty() {
                    csv.write_record(cells::leaf_names(schema)).map_err(csv_error)?;
                }
                csv.into_inner().map_err(csv::IntoInnerError::into_error)
            }
            Self::Json { mut sink, is_array, rows } => {
                if is_array {
                    sink.write_all(if rows == 0 { b"[]\n" } else { b"\n]\n" })?;
                }
                Ok(sink)
            }
            Self::ParquetStart(sink) => {
                let parquet = open_parquet(sink.ok_or_else(closed)?, Arc::clone(schema))?;
                parquet.into_inner().map_err(parquet_error)
            }
            Self::Parquet(parquet) => parquet.into_inner().map_err(parquet_error),
        }
    }
}

fn write_csv_rows(csv: &mut csv::Writer<Sink>, batch: &RecordBatch) -> io::Result<()> {
    let (leaves, options) = (cells::leaves(batch), cells::encoder_options());
    let columns = leaves.iter().map(|leaf| CsvColumn::new(leaf, &options));
    let mut columns = columns.collect::<io::Result<Vec<_>>>()?;
    let mut buffer = Vec::new();
    for row in 0..batch.num_rows() {
        for column in &mut columns {
            csv.write_field(column.cell(row, &mut buffer)).map_err(csv_error)?;
        }
        csv.write_record(None::<&[u8]>).map_err(csv_error)?;
    }
    Ok(())
}

fn open_parquet(sink: Sink, schema: SchemaRef) -> io::Result<Box<ArrowWriter<Sink>>> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_bytes(Some(ROW_GROUP_BYTES_MAX))
        .build();
    ArrowWriter::try_new(sink, schema, Some(properties)).map(Box::new).map_err(parquet_error)
}

/// The input/output error inside, so that a broken pipe stays one.
fn csv_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

fn parquet_error(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    }
}

fn closed() -> io::Error {
    io::Error::other("the table was closed after an error")
}
