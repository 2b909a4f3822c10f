//! Layer normalisation of rows, after a residual is added.

use super::{
    Address, Argument, CHUNK_VALUES, Cell, Cuda, DeviceMatrix, Launch, Quantized, WARP_THREADS,
};
use crate::{Error, Result};

/// The scale and shift of a layer norm on a device; see [`LayerNorm`](crate::LayerNorm).
#[derive(Clone, Copy, Debug)]
pub struct DeviceNorm {
    /// f32 `[width]`.
    pub gamma: Address,
    /// f32 `[width]`.
    pub beta: Address,
    /// The number of values per row.
    pub width: usize,
    /// What is added to the variance.
    pub epsilon: f32,
}

impl DeviceNorm {
    pub(super) fn expect(&self, op: &'static str, width: usize) -> Result<()> {
        if self.width == width {
            return Ok(());
        }
        let (expected, got) = (format!("a norm of {width}"), self.width.to_string());
        Err(Error::Shape { op, expected, got })
    }
}

/// The shared memory in which a warp keeps a row; `WarpRow::slots_for` in `layer_norm.cuh`.
pub(super) const fn row_bytes(width: usize) -> usize {
    let rounds = width.div_ceil(CHUNK_VALUES).div_ceil(WARP_THREADS as usize);
    rounds * WARP_THREADS as usize * CHUNK_VALUES * size_of::<f32>()
}

impl Cuda {
    /// Writes norm(x + residual), elements `[rows, width]`, and where it is asked for the same in 8
    /// bits.
    ///
    /// # Errors
    ///
    /// If a shape does not fit or the device fails.
    pub fn add_layer_norm(
        &self,
        x: &DeviceMatrix,
        residual: &DeviceMatrix,
        norm: &DeviceNorm,
        out: &mut DeviceMatrix,
        quantized: Option<Quantized<'_>>,
    ) -> Result<()> {
        const OP: &str = "add_layer_norm";
        let (rows, width) = (x.rows, x.width);
        x.expect(OP, rows, width, Cell::Element)?;
        residual.expect(OP, rows, width, Cell::Element)?;
        out.admit(OP, rows, width, Cell::Element)?;
        norm.expect(OP, width)?;
        let [narrow, inverse_scale] = Quantized::arguments(quantized, OP, rows, width)?;
        out.rows = rows;
        if rows == 0 {
            return Ok(());
        }
        let (threads, blocks, shared_bytes) = self.by_warps(rows, row_bytes(width))?;
        self.queue.launch(&Launch {
            kernel: OP,
            grid: [blocks, 1, 1],
            threads,
            shared_bytes,
            arguments: &[
                Argument::Address(x.address),
                Argument::Address(residual.address),
                Argument::Address(norm.gamma),
                Argument::Address(norm.beta),
                Argument::Address(out.address),
                narrow,
                inverse_scale,
                Argument::size(rows),
                Argument::size(width),
                Argument::Float(norm.epsilon),
            ],
        })
    }
}
