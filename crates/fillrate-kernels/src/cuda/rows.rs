//! Gathering rows: the first token of each sequence, for pooler and classifier.

use super::{Address, Argument, CHUNK_THREADS, Cell, Cuda, DeviceMatrix, Launch, chunk_blocks};
use crate::Result;

impl Cuda {
    /// Copies `count` rows of `x` into `out`, widening them where `out` is f32. `rows` is u32
    /// `[count]`, each below the number of rows of `x`.
    ///
    /// # Errors
    ///
    /// If a shape does not fit or the device fails.
    pub fn select_rows(
        &self,
        x: &DeviceMatrix,
        rows: Address,
        count: usize,
        out: &mut DeviceMatrix,
    ) -> Result<()> {
        const OP: &str = "select_rows";
        x.expect(OP, x.rows, x.width, Cell::Element)?;
        let (kernel, cell) = match out.cell {
            Cell::F32 => ("select_rows_f32", Cell::F32),
            Cell::Element | Cell::E4m3 => (OP, Cell::Element),
        };
        out.admit(OP, count, x.width, cell)?;
        out.rows = count;
        if count == 0 {
            return Ok(());
        }
        self.queue.launch(&Launch {
            kernel,
            grid: [chunk_blocks(count, x.width), 1, 1],
            threads: CHUNK_THREADS,
            shared_bytes: 0,
            arguments: &[
                Argument::Address(x.address),
                Argument::Address(rows),
                Argument::Address(out.address),
                Argument::size(count),
                Argument::size(x.width),
            ],
        })
    }

    /// Writes the f32 values of `x` over `out`.
    ///
    /// # Errors
    ///
    /// If a shape does not fit or the device fails.
    pub fn widen(&self, x: &DeviceMatrix, out: &mut DeviceMatrix) -> Result<()> {
        out.admit("widen", x.rows, x.width, Cell::F32)?;
        x.expect("widen", x.rows, x.width, Cell::Element)?;
        out.rows = x.rows;
        self.cast("cast_to_f32", x, out)
    }

    /// Writes the values of `x`, which is f32, over `out`, rounded to elements.
    ///
    /// # Errors
    ///
    /// If a shape does not fit or the device fails.
    pub fn narrow(&self, x: &DeviceMatrix, out: &mut DeviceMatrix) -> Result<()> {
        out.admit("narrow", x.rows, x.width, Cell::Element)?;
        x.expect("narrow", x.rows, x.width, Cell::F32)?;
        out.rows = x.rows;
        self.cast("cast_to_elements", x, out)
    }

    fn cast(&self, kernel: &'static str, x: &DeviceMatrix, out: &DeviceMatrix) -> Result<()> {
        let count = x.rows * x.width;
        if count == 0 {
            return Ok(());
        }
        self.queue.launch(&Launch {
            kernel,
            grid: [count.div_ceil(CHUNK_THREADS as usize) as u32, 1, 1],
            threads: CHUNK_THREADS,
            shared_bytes: 0,
            arguments: &[
                Argument::Address(x.address),
                Argument::Address(out.address),
                Argument::Count(count as u64),
            ],
        })
    }

    /// Turns each row of `x`, which is f32, into its softmax.
    ///
    /// # Errors
    ///
    /// If `x` is not f32 or the device fails.
    pub fn softmax(&self, x: &mut DeviceMatrix) -> Result<()> {
        x.expect("softmax", x.rows, x.width, Cell::F32)?;
        if x.rows == 0 {
            return Ok(());
        }
        let (threads, blocks, shared_bytes) = self.by_warps(x.rows, 0)?;
        self.queue.launch(&Launch {
            kernel: "softmax",
            grid: [blocks, 1, 1],
            threads,
            shared_bytes,
            arguments: &[
                Argument::Address(x.address),
                Argument::size(x.rows),
                Argument::size(x.width),
            ],
        })
    }
}
