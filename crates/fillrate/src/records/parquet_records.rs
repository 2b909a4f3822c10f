//! Parquet: row groups to tables.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::file::metadata::ParquetMetaData;

use super::faults::duplicate_name;
use super::reader::ReadOptions;
use crate::{Error, Result};

/// The rows of a Parquet file.
pub(super) struct ParquetRecords {
    path: Arc<Path>,
    schema: SchemaRef,
    batches: ParquetRecordBatchReader,
    rows_read: u64,
    rows_total: u64,
}

impl ParquetRecords {
    pub(super) fn open(path: &Arc<Path>, file: File, options: &ReadOptions) -> Result<Self> {
        let input_error = |message: String| Error::Input {
            path: path.to_path_buf(),
            message,
            hint: Some("write the file again, or name its format with --input-format".into()),
        };
        let unreadable = |error| input_error(format!("not a whole Parquet file: {error}"));
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(unreadable)?;
        let schema = Arc::clone(builder.schema());
        let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
        if let Some(message) = duplicate_name(&names) {
            return Err(input_error(message));
        }
        let rows = batch_rows(builder.metadata(), options);
        let rows_total = builder.metadata().file_metadata().num_rows().max(0) as u64;
        let batches = builder.with_batch_size(rows).build().map_err(unreadable)?;
        Ok(Self { path: Arc::clone(path), schema, batches, rows_read: 0, rows_total })
    }

    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub(super) fn rows_total(&self) -> u64 {
        self.rows_total
    }

    /// The next rows, each with its number from 1.
    pub(super) fn next_batch(&mut self) -> Result<Option<(Vec<u64>, RecordBatch)>> {
        let Some(batch) = self.batches.next() else { return Ok(None) };
        let batch = batch.map_err(|error| Error::Input {
            path: self.path.to_path_buf(),
            message: format!("damaged after row {}: {error}", self.rows_read),
            hint: Some("write the file again".into()),
        })?;
        let first = self.rows_read + 1;
        self.rows_read += batch.num_rows() as u64;
        Ok(Some(((first..=self.rows_read).collect(), batch)))
    }
}

/// How many rows of the file's widest row group fit the bounds of a chunk.
///
/// The size is the larger of the pages' and, where the file says it, the decoded strings': a
/// dictionary makes the pages small but not the rows.
fn batch_rows(metadata: &ParquetMetaData, options: &ReadOptions) -> usize {
    let row_bytes = |group: &parquet::file::metadata::RowGroupMetaData| {
        let bytes = group.columns().iter().map(|column| {
            column.uncompressed_size().max(column.unencoded_byte_array_data_bytes().unwrap_or(0))
        });
        bytes.sum::<i64>() / group.num_rows().max(1)
    };
    let widest = metadata.row_groups().iter().map(row_bytes).max().unwrap_or(0);
    let widest = usize::try_from(widest).unwrap_or(0).max(1);
    (options.chunk_bytes / widest).clamp(1, options.chunk_rows)
}
