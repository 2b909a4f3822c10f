//! The writer: the input's columns with new ones after them, in any format.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{ArrowError, Schema, SchemaRef};

use super::cells;
use super::chunk::{Chunk, JsonObject, Rows};
use super::encoder::Encoder;
use super::format::Format;
use super::merge;
use super::objects::{ObjectTable, Typing};
use super::reader::Layout;
use super::sink::Sink;
use crate::{Error, Result};

/// Writes a table chunk by chunk.
///
/// The new columns are Arrow arrays described by a schema, so that any result can be written: a
/// struct column becomes a nested object in JSON, a struct in Parquet and one column per field in
/// CSV. Where the input is JSONL and the output is not, the first chunk sets the columns.
///
/// Dropping a writer without [`Self::finish`] leaves a target file untouched.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    format: Format,
    input: Layout,
    new: SchemaRef,
    /// The names that the input's columns must make way for.
    outputs: Vec<String>,
    objects: Option<ObjectTable>,
    merged: Option<SchemaRef>,
    encoder: Encoder,
}

impl Writer {
    /// A table of the columns of `input` (what [`super::Reader::layout`] returns) and the `new`
    /// ones.
    #[must_use]
    pub fn new(sink: Sink, format: Format, input: Layout, new: SchemaRef) -> Self {
        let mut outputs: Vec<String> = new.fields().iter().map(|f| f.name().clone()).collect();
        if format == Format::Csv {
            outputs.extend(cells::leaf_names(&new));
        }
        let path = sink.path().to_owned();
        let encoder = Encoder::new(sink, format);
        Self { path, format, input, new, outputs, objects: None, merged: None, encoder }
    }

    /// Writes rows of new columns only, each of shape `[rows]`.
    ///
    /// # Errors
    ///
    /// If the columns do not fit the schema, or the output cannot be written.
    pub fn write(&mut self, columns: Vec<ArrayRef>) -> Result<()> {
        let rows = columns.first().map_or(0, |column| column.len());
        let new = self.new_table(columns, rows)?;
        self.encoder.write_table(&new).map_err(|source| self.io_error(source))
    }

    /// Writes the rows of `chunk` with the new columns after their own, each of shape
    /// `[chunk.len()]`.
    ///
    /// # Errors
    ///
    /// If the columns do not fit the schema or the chunk, if a JSONL row has a key or a type that
    /// the first chunk did not set (CSV and Parquet only), or if the output cannot be written.
    pub fn write_beside(&mut self, chunk: &Chunk, columns: Vec<ArrayRef>) -> Result<()> {
        let new = self.new_table(columns, chunk.len())?;
        match (chunk.rows(), self.format) {
            (Rows::Table(batch), _) => self.write_merged(batch, &new),
            (Rows::Objects(objects), Format::Json | Format::Jsonl) => {
                let written = self.encoder.write_objects(objects, &new, &self.outputs);
                written.map_err(|source| self.io_error(source))
            }
            (Rows::Objects(objects), format) => {
                let batch = self.lay_out(chunk, objects, format)?;
                self.write_merged(&batch, &new)
            }
        }
    }

    /// Writes the end of the table and puts a file in its place. A table without rows has the
    /// header or schema of what is known of its columns.
    ///
    /// # Errors
    ///
    /// If the output cannot be written; the target file is then untouched.
    pub fn finish(self) -> Result<()> {
        let schema = match (&self.merged, &self.input) {
            (Some(merged), _) => Arc::clone(merged),
            (None, Layout::Table(input)) => merge::schema(input, &self.new, &self.outputs),
            (None, Layout::None | Layout::Objects) => Arc::clone(&self.new),
        };
        let path = self.path;
        let sink = self.encoder.finish(&schema).map_err(|source| Error::Io { path, source })?;
        sink.commit()
    }

    fn new_table(&self, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let table = RecordBatch::try_new_with_options(Arc::clone(&self.new), columns, &options);
        table.map_err(|error| self.arrow_error(error))
    }

    fn lay_out(
        &mut self,
        chunk: &Chunk,
        objects: &[JsonObject],
        format: Format,
    ) -> Result<RecordBatch> {
        let typing = if format == Format::Csv { Typing::Text } else { Typing::Inferred };
        let table = match self.objects.take() {
            Some(table) => table,
            None => ObjectTable::infer(chunk, objects, typing)?,
        };
        self.objects.insert(table).table(chunk, objects)
    }

    fn write_merged(&mut self, input: &RecordBatch, new: &RecordBatch) -> Result<()> {
        let schema = match &self.merged {
            Some(schema) => Arc::clone(schema),
            None => self.merged_schema(input.schema_ref()),
        };
        let merged = merge::table(&schema, input, new).map_err(|error| self.arrow_error(error))?;
        self.encoder.write_table(&merged).map_err(|source| self.io_error(source))
    }

    fn merged_schema(&mut self, input: &Schema) -> SchemaRef {
        let schema = merge::schema(input, &self.new, &self.outputs);
        Arc::clone(self.merged.insert(schema))
    }

    fn arrow_error(&self, error: ArrowError) -> Error {
        self.io_error(io::Error::new(io::ErrorKind::InvalidInput, error))
    }

    fn io_error(&self, source: io::Error) -> Error {
        Error::Io { path: self.path.clone(), source }
    }
}
