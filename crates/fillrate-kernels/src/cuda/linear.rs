//! Products of activations with weights: y = f(x Wᵀ + b).

use std::ops::Range;

use super::{
    Address, Argument, CHUNK_THREADS, Cell, Cuda, DeviceMatrix, Launch, Product, ProductScales,
    Quantized, chunk_blocks,
};
use crate::{LinearShape, Nonlinearity, Result};

/// The weights and bias of one product on a device.
#[derive(Clone, Copy, Debug)]
pub struct DeviceLinear {
    /// The size of the weights.
    pub shape: LinearShape,
    /// `[outputs, inputs]`: elements, or 8-bit floats.
    pub weight: Address,
    /// Elements `[outputs]`: what cuBLASLt adds where no non-linearity follows.
    pub rounded_bias: Address,
    /// f32 `[outputs]`: what our kernels add in front of a non-linearity.
    pub bias: Address,
    /// The scales of 8-bit floats; `None` where weights and inputs are elements.
    pub scales: Option<DeviceScales>,
}

/// The scales of a product of 8-bit floats.
#[derive(Clone, Copy, Debug)]
pub struct DeviceScales {
    /// Where cuBLASLt reads them.
    pub on_device: ProductScales,
    /// That of the input, for the op that writes it.
    pub input: f32,
}

impl DeviceLinear {
    /// The type of its weights and of its input.
    #[must_use]
    pub const fn cell(&self) -> Cell {
        if self.scales.is_some() { Cell::E4m3 } else { Cell::Element }
    }

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
            weight: self.weight.plus(range.start * self.shape.inputs * self.cell().bytes()),
            rounded_bias: self.rounded_bias.plus(range.start * 2),
            bias: self.bias.plus(range.start * 4),
            scales: self.scales,
        }
    }
}

impl Cuda {
    /// y = f(x Wᵀ + b): `x` has shape `[rows, inputs]`, elements or 8-bit floats as the weights are;
    /// `out` becomes elements `[rows, outputs]`.
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
        let Some(kernel) = bias_kernel(f) else { return self.product(x, weights, true, out) };
        self.product(x, weights, false, out)?;
        self.add_bias(kernel, weights, out, None)
    }

    /// The same with the result in 8 bits; `product` is room for x Wᵀ, elements `[rows, outputs]`.
    ///
    /// # Errors
    ///
    /// As [`Self::linear`].
    pub fn linear_quantized(
        &self,
        x: &DeviceMatrix,
        weights: &DeviceLinear,
        f: Nonlinearity,
        product: &mut DeviceMatrix,
        quantized: Quantized<'_>,
    ) -> Result<()> {
        let Some(kernel) = bias_kernel(f) else {
            self.product(x, weights, true, product)?;
            return self.quantize(product, quantized);
        };
        self.product(x, weights, false, product)?;
        self.add_bias(kernel, weights, product, Some(quantized))
    }

    /// x Wᵀ, and the bias if it is wanted.
    fn product(
        &self,
        x: &DeviceMatrix,
        weights: &DeviceLinear,
        biased: bool,
        out: &mut DeviceMatrix,
    ) -> Result<()> {
        const OP: &str = "linear";
        let LinearShape { inputs, outputs } = weights.shape;
        x.expect(OP, x.rows, inputs, weights.cell())?;
        out.admit(OP, x.rows, outputs, Cell::Element)?;
        out.rows = x.rows;
        if x.rows == 0 {
            return Ok(());
        }
        self.queue.multiply(&Product {
            rows: x.rows,
            inputs,
            outputs,
            x: x.address,
            weight: weights.weight,
            scales: weights.scales.map(|scales| scales.on_device),
            bias: biased.then_some(weights.rounded_bias),
            out: out.address,
        })
    }

    /// f(x + b) over `x`, or in 8 bits elsewhere.
    fn add_bias(
        &self,
        kernel: &'static str,
        weights: &DeviceLinear,
        x: &DeviceMatrix,
        quantized: Option<Quantized<'_>>,
    ) -> Result<()> {
        let (rows, width) = (x.rows, x.width);
        let [narrow, inverse_scale] = Quantized::arguments(quantized, kernel, rows, width)?;
        if rows == 0 {
            return Ok(());
        }
        self.queue.launch(&Launch {
            kernel,
            grid: [chunk_blocks(rows, width), 1, 1],
            threads: CHUNK_THREADS,
            shared_bytes: 0,
            arguments: &[
                Argument::Address(x.address),
                Argument::Address(weights.bias),
                narrow,
                inverse_scale,
                Argument::size(rows),
                Argument::size(width),
            ],
        })
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
