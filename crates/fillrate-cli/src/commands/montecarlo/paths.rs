//! The file of all paths.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, UInt32Array, UInt64Array};
use arrow_schema::{DataType, Field, Schema};
use fillrate::market::montecarlo::{MonteCarloOptions, PathBlock, Underlying, path_blocks};
use fillrate::records::{Format, Layout, Writer};

use crate::failure::hinted;
use crate::output::Printer;

/// The most rows of a file: about 20 GB of Parquet before compression.
const ROWS_MAX: u64 = 1_000_000_000;
/// Rows that are handed to the writer at a time.
const CHUNK_ROWS: usize = 1 << 16;

/// A file that is complete, or not there.
pub(super) struct PathFile {
    writer: Writer,
}

impl PathFile {
    /// Opens it under a temporary name.
    ///
    /// # Errors
    ///
    /// If its extension tells no format, it would have too many rows, or it cannot be made.
    pub(super) fn create(
        path: &Path,
        options: &MonteCarloOptions,
        printer: &Printer,
    ) -> anyhow::Result<Self> {
        let Some(format) = Format::from_path(path) else {
            let message = format!("{}: the extension tells no format", path.display());
            return Err(hinted(message, "name it .parquet, .csv or .jsonl"));
        };
        let rows = options.paths.saturating_mul(u64::from(options.steps) + 1);
        if rows > ROWS_MAX {
            let message = format!("--paths-out: {rows} rows are more than {ROWS_MAX}");
            return Err(hinted(message, "take fewer --paths or --steps"));
        }
        let fields = vec![
            Field::new("path", DataType::UInt64, false),
            Field::new("step", DataType::UInt32, false),
            Field::new("time", DataType::Float64, false),
            Field::new("price", DataType::Float64, false),
        ];
        let sink = printer.sink(Some(path))?;
        let schema = Arc::new(Schema::new(fields));
        Ok(Self { writer: Writer::new(sink, format, Layout::None, schema) })
    }

    /// Writes the paths, one after the other from their step 0 on.
    ///
    /// # Errors
    ///
    /// If they cannot be computed or written.
    pub(super) fn fill(
        mut self,
        underlying: &Underlying,
        options: &MonteCarloOptions,
    ) -> anyhow::Result<Self> {
        let spot = match underlying {
            Underlying::Asset { spot, .. } => *spot,
            Underlying::Basket(basket) => {
                basket.assets().iter().map(|asset| asset.weight * asset.spot).sum()
            }
        };
        let mut rows = Rows::default();
        for block in path_blocks(underlying, options)? {
            let PathBlock { first, paths, prices } = block?;
            for path in 0..paths {
                rows.push(first + path as u64, 0, 0.0, spot);
                for (step, prices) in (1..=options.steps).zip(prices.chunks_exact(paths)) {
                    let time = options.expiry * f64::from(step) / f64::from(options.steps);
                    rows.push(first + path as u64, step, time, prices[path]);
                }
                if rows.price.len() >= CHUNK_ROWS {
                    self.writer.write(std::mem::take(&mut rows).columns())?;
                }
            }
        }
        if !rows.price.is_empty() {
            self.writer.write(rows.columns())?;
        }
        Ok(self)
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub(super) fn finish(self) -> anyhow::Result<()> {
        Ok(self.writer.finish()?)
    }
}

#[derive(Default)]
struct Rows {
    path: Vec<u64>,
    step: Vec<u32>,
    time: Vec<f64>,
    price: Vec<f64>,
}

impl Rows {
    fn push(&mut self, path: u64, step: u32, time: f64, price: f64) {
        self.path.push(path);
        self.step.push(step);
        self.time.push(time);
        self.price.push(price);
    }

    fn columns(self) -> Vec<ArrayRef> {
        vec![
            Arc::new(UInt64Array::from(self.path)),
            Arc::new(UInt32Array::from(self.step)),
            Arc::new(Float64Array::from(self.time)),
            Arc::new(Float64Array::from(self.price)),
        ]
    }
}
