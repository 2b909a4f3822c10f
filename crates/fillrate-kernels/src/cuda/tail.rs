//! The tail of a classifier, in f32.

use super::{Address, Argument, Cell, Cuda, DeviceMatrix, Launch, WARP_THREADS, WARPS_PER_BLOCK};
use crate::{LinearShape, Nonlinearity, Result};

/// The rows that a warp carries through its weights; `TAIL_ROWS` in `classifier.cu`.
const TAIL_ROWS: usize = 8;

/// The weights of a product of the tail on a device.
#[derive(Clone, Copy, Debug)]
pub struct DeviceTail {
    /// The size of the weights.
    pub shape: LinearShape,
    /// f32 `[outputs, inputs]`.
    pub weight: Address,
    /// f32 `[outputs]`.
    pub bias: Address,
}

impl Cuda {
    /// y = f(x Wᵀ + b) in f32: `x` has shape `[rows, inputs]`, `out` becomes `[rows, outputs]`.
    ///
    /// # Errors
    ///
    /// If a shape does not fit or the device fails.
    pub fn tail(
        &self,
        x: &DeviceMatrix,
        weights: &DeviceTail,
        f: Nonlinearity,
        out: &mut DeviceMatrix,
    ) -> Result<()> {
        const OP: &str = "tail";
        let LinearShape { inputs, outputs } = weights.shape;
        x.expect(OP, x.rows, inputs, Cell::F32)?;
        out.admit(OP, x.rows, outputs, Cell::F32)?;
        out.rows = x.rows;
        if x.rows == 0 {
            return Ok(());
        }
        self.queue.launch(&Launch {
            kernel: match f {
                Nonlinearity::Identity => "tail_identity",
                Nonlinearity::Gelu => "tail_gelu",
                Nonlinearity::GeluTanh => "tail_gelu_tanh",
                Nonlinearity::Relu => "tail_relu",
                Nonlinearity::Tanh => "tail_tanh",
            },
            grid: [outputs.div_ceil(WARPS_PER_BLOCK) as u32, x.rows.div_ceil(TAIL_ROWS) as u32, 1],
            threads: WARPS_PER_BLOCK as u32 * WARP_THREADS,
            shared_bytes: 0,
            arguments: &[
                Argument::Address(x.address),
                Argument::Address(weights.weight),
                Argument::Address(weights.bias),
                Argument::Address(out.address),
                Argument::size(x.rows),
                Argument::size(inputs),
                Argument::size(outputs),
            ],
        })
    }
}
