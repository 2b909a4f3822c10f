//! Products of activations with weights: y = f(x Wᵀ + b).

use std::ops::Range;

use super::{
    Address, Argument, CHUNK_THREADS, Cell, Cuda, DeviceMatrix, DeviceNorm, Launch, Product,
    chunk_blocks,
};
use crate::{LinearShape, Nonlinearity, Result};

/// The weights and bias of one product on a device.
#[derive(Clone, Copy, Debug)]
pub struct DeviceLinear {
    /// The size of the weights.
    pub shape: LinearShape,
    /// Elements `[outputs, inputs]`.
    pub weight: Address,
    /// Elements `[outputs]`: what cuBLASLt adds where no non-linearity follows.
    pub rounded_bias: Address,
    /// f32 `[outputs]`: what our kernels add in front of a non-linearity.
    pub bias: Address,
}

impl DeviceLinear {
    /// The same weights with some of their outputs alone.
    ///
    /// # Panics
    ///
    /// If there are no such outputs.
    #[must_use]
    pub fn outputs(&self, range: Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= self.shape.outputs, "{range:?}");
        Self {
            shape: LinearShape { inputs: self.shape.inputs, outputs: range.len() },
            weight: self.weight.plus(range.start * self.shape.inputs * 2),
            rounded_bias: self.rounded_bias.plus(range.start * 2),
            bias: self.bias.plus(range.start * 4),
        }
    }
}

impl Cuda {
    /// y = f(x Wᵀ + b): `x` has shape `[rows, inputs]`, `out` becomes `[rows, outputs]`.
    ///
    /// # Errors
    ///
    /// If a shape does not fit or the device fails.
    pub fn linear(
        &self,
        x: &DeviceMatrix,
        weights: &DeviceLinear,
        f: Nonlinearity,
        out: &mut DeviceMatrix,
    ) -> Result<()> {
        const OP: &str = "linear";
        let LinearShape { inputs, outputs } = weights.shape;
        x.expect(OP, x.rows, inputs, Cell::Element)?;
        out.admit(OP, x.rows, outputs, Cell::Element)?;
        out.rows = x.rows;
        if x.rows == 0 {
            return Ok(());
        }
        let kernel = bias_kernel(f);
        self.queue.multiply(&Product {
            rows: x.rows,
            inputs,
            outputs,
            x: x.address,
            weight: weights.weight,
            bias: kernel.is_none().then_some(weights.rounded_bias),
            out: out.address,
        })?;
        let Some(kernel) = kernel else { return Ok(()) };
        self.queue.launch(&Launch {
            kernel,
            grid: [chunk_blocks(x.rows, outputs), 1, 1],
            threads: CHUNK_THREADS,
            shared_bytes: 0,
            arguments: &[
                Argument::Address(out.address),
                Argument::Address(weights.bias),
                Argument::size(x.rows),
                Argument::size(outputs),
            ],
        })
    }

    /// y = norm(x Wᵀ + b + residual): `x` has shape `[rows, inputs]`, `residual`, `sum` and `out`
    /// `[rows, outputs]`. The product is rounded to an element in `sum` before the residual is
    /// added in f32.
    ///
    /// # Errors
    ///
    /// If a shape does not fit or the device fails.
    pub fn linear_add_layer_norm(
        &self,
        x: &DeviceMatrix,
        weights: &DeviceLinear,
        residual: &DeviceMatrix,
        norm: &DeviceNorm,
        sum: &mut DeviceMatrix,
        out: &mut DeviceMatrix,
    ) -> Result<()> {
        self.linear(x, weights, Nonlinearity::Identity, sum)?;
        self.add_layer_norm(sum, residual, norm, out)
    }
}

/// The kernel that adds the bias and applies `f`; none where cuBLASLt adds the bias by itself.
const fn bias_kernel(f: Nonlinearity) -> Option<&'static str> {
    match f {
        Nonlinearity::Identity => None,
        Nonlinearity::Gelu => Some("bias_gelu"),
        Nonlinearity::GeluTanh => Some("bias_gelu_tanh"),
        Nonlinearity::Relu => Some("bias_relu"),
        Nonlinearity::Tanh => Some("bias_tanh"),
    }
}
