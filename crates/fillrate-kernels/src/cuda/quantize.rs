//! Activations in 8 bits, and the ranges that their scales are taken from.

use super::{Address, Argument, CHUNK_THREADS, Cell, Cuda, DeviceMatrix, Launch, chunk_blocks};
use crate::Result;

/// Where an op writes its result in 8-bit floats, for the product that reads it.
#[derive(Debug)]
pub struct Quantized<'a> {
    /// A matrix of [`Cell::E4m3`].
    pub out: &'a mut DeviceMatrix,
    /// What one step of it stands for.
    pub scale: f32,
}

impl Quantized<'_> {
    /// Takes the rows of an op, and is what its kernel is told: the address and one over the scale.
    pub(super) fn admit(
        &mut self,
        op: &'static str,
        rows: usize,
        width: usize,
    ) -> Result<[Argument; 2]> {
        self.out.admit(op, rows, width, Cell::E4m3)?;
        self.out.rows = rows;
        Ok([Argument::Address(self.out.address), Argument::Float(1.0 / self.scale)])
    }

    /// The same for an op that may be asked for elements alone.
    pub(super) fn arguments(
        quantized: Option<Quantized<'_>>,
        op: &'static str,
        rows: usize,
        width: usize,
    ) -> Result<[Argument; 2]> {
        match quantized {
            Some(mut quantized) => quantized.admit(op, rows, width),
            None => Ok([Argument::Address(Address(0)), Argument::Float(0.0)]),
        }
    }
}

impl Cuda {
    /// Writes elements in 8-bit floats: `x` over the scale.
    ///
    /// # Errors
    ///
    /// If a shape does not fit or the device fails.
    pub fn quantize(&self, x: &DeviceMatrix, mut quantized: Quantized<'_>) -> Result<()> {
        const OP: &str = "quantize_e4m3";
        let (rows, width) = (x.rows, x.width);
        x.expect(OP, rows, width, Cell::Element)?;
        let [out, inverse_scale] = quantized.admit(OP, rows, width)?;
        if rows == 0 {
            return Ok(());
        }
        self.queue.launch(&Launch {
            kernel: OP,
            grid: [chunk_blocks(rows, width), 1, 1],
            threads: CHUNK_THREADS,
            shared_bytes: 0,
            arguments: &[
                Argument::Address(x.address),
                out,
                inverse_scale,
                Argument::size(rows),
                Argument::size(width),
            ],
        })
    }

    /// Raises the f32 at `largest`, which is not negative, to the largest magnitude in `x`.
    ///
    /// # Errors
    ///
    /// If `x` is not of elements or the device fails.
    pub fn largest_magnitude(&self, x: &DeviceMatrix, largest: Address) -> Result<()> {
        const OP: &str = "largest_magnitude";
        x.expect(OP, x.rows, x.width, Cell::Element)?;
        let count = x.rows * x.width;
        if count == 0 {
            return Ok(());
        }
        self.queue.launch(&Launch {
            kernel: OP,
            grid: [count.div_ceil(CHUNK_THREADS as usize) as u32, 1, 1],
            threads: CHUNK_THREADS,
            shared_bytes: 0,
            arguments: &[
                Argument::Address(x.address),
                Argument::Address(largest),
                Argument::Count(count as u64),
            ],
        })
    }
}
