//! Products of activations with weights: y = f(x Wᵀ + b).

mod driver;
mod epilogue;
mod micro;
mod pack;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::ops::Range;

use half::bf16;

use super::Cpu;
use super::layer_norm::layer_norm_rows;
use super::quantize::quantize_rows;
use crate::activation::{Activation, Values, stride_for};
use crate::buffer::Aligned;
use crate::{Error, LayerNorm, Precision, Result, Workspace};

use driver::multiply;
use epilogue::{Output, Residual};
pub(super) use micro::Operands;

/// The size of a product's weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinearShape {
    /// The width of the rows that come in.
    pub inputs: usize,
    /// The width of the rows that go out.
    pub outputs: usize,
}

/// What is applied to each value of a product after the bias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nonlinearity {
    /// Nothing.
    Identity,
    /// x Φ(x) with the exact error function, never the tanh form.
    Gelu,
    /// The tanh form, which Hugging Face calls `gelu_new` and `gelu_pytorch_tanh`.
    GeluTanh,
    /// max(0, x).
    Relu,
    /// tanh(x).
    Tanh,
}

/// The weights and bias of one product, packed once for the inner loops.
///
/// Weights lie in panels of sixteen output channels; within a panel the inputs follow each other
/// in groups of 32 bits: one f32, two bf16 or four int8 values. The same layout serves FMA,
/// AVX-512 dot products and AMX tiles, so a model is packed without knowing the tier.
pub struct Linear {
    shape: LinearShape,
    weights: Weights,
    /// `[outputs, padded]`, zero past the outputs.
    bias: Aligned<f32>,
}

enum Weights {
    F32(Aligned<f32>),
    Bf16(Aligned<bf16>),
    Int8(Int8Weights),
}

/// Weights as signed bytes: weight ≈ scale\[output\] · byte.
struct Int8Weights {
    bytes: Aligned<i8>,
    scales: Aligned<f32>,
    /// Σ bytes per output, which the zero points of the activations multiply.
    sums: Aligned<f32>,
}

impl Linear {
    /// The size of the weights.
    #[must_use]
    pub const fn shape(&self) -> LinearShape {
        self.shape
    }

    /// The type of the weights.
    #[must_use]
    pub const fn precision(&self) -> Precision {
        match self.weights {
            Weights::F32(_) => Precision::Fp32,
            Weights::Bf16(_) => Precision::Bf16,
            Weights::Int8(_) => Precision::Int8,
        }
    }

    /// Every column of the panels, padding included.
    const fn columns(&self) -> Range<usize> {
        0..stride_for(self.shape.outputs)
    }

    /// The bytes that weights and bias take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bias.bytes()
            + match &self.weights {
                Weights::F32(weights) => weights.bytes(),
                Weights::Bf16(weights) => weights.bytes(),
                Weights::Int8(weights) => {
                    weights.bytes.bytes() + weights.scales.bytes() + weights.sums.bytes()
                }
            }
    }
}

impl Cpu {
    /// y = f(x Wᵀ + b): `x` has shape `[rows, inputs]`, `out` becomes `[rows, outputs]`.
    ///
    /// Weights and activations are of one precision, except that int8 weights may write into a
    /// bf16 activation when no product follows.
    ///
    /// # Errors
    ///
    /// If a shape or a type does not fit.
    pub fn linear(
        &self,
        x: &Activation,
        weights: &Linear,
        f: Nonlinearity,
        out: &mut Activation,
    ) -> Result<()> {
        check("linear", x, weights, out)?;
        out.rows = x.rows;
        multiply(*self, x, (weights, weights.columns()), f, None, Output::of(out));
        quantize_rows(self.tier, out);
        Ok(())
    }

    /// The columns `columns` of y = x Wᵀ + b, where no other is read: `x` has shape
    /// `[rows, inputs]`, `out` becomes `[rows, outputs]`. What its other columns hold afterwards is
    /// not said.
    ///
    /// # Errors
    ///
    /// If a shape or a type does not fit, a column does not exist, or `out` holds quantised rows.
    pub fn linear_columns(
        &self,
        x: &Activation,
        weights: &Linear,
        columns: Range<usize>,
        out: &mut Activation,
    ) -> Result<()> {
        const OP: &str = "linear_columns";
        check(OP, x, weights, out)?;
        let outputs = weights.shape.outputs;
        if columns.is_empty() || columns.end > outputs || out.quantized.is_some() {
            return Err(Error::Shape {
                op: OP,
                expected: format!("some of {outputs} columns, not quantised"),
                got: format!("{columns:?}, quantised: {}", out.quantized.is_some()),
            });
        }
        out.rows = x.rows;
        let f = Nonlinearity::Identity;
        multiply(*self, x, (weights, columns), f, None, Output::of(out));
        Ok(())
    }

    /// y = norm(x Wᵀ + b + residual): `x` has shape `[rows, inputs]`, `residual` and `out`
    /// `[rows, outputs]`. The sum is kept in f32 until it is normalised.
    ///
    /// # Errors
    ///
    /// If a shape or a type does not fit.
    pub fn linear_add_layer_norm(
        &self,
        x: &Activation,
        weights: &Linear,
        residual: &Activation,
        norm: &LayerNorm,
        out: &mut Activation,
        workspace: &mut Workspace,
    ) -> Result<()> {
        const OP: &str = "linear_add_layer_norm";
        check(OP, x, weights, out)?;
        let outputs = weights.shape.outputs;
        let fits = residual.rows == x.rows
            && residual.width == outputs
            && norm.width() == outputs
            && workspace.holds(x.rows, outputs);
        if !fits {
            return Err(Error::Shape {
                op: OP,
                expected: format!("residual, norm and workspace for [{}, {outputs}]", x.rows),
                got: format!("[{}, {}], {}", residual.rows, residual.width, norm.width()),
            });
        }
        let output = Output::F32(&mut workspace.sums, out.stride);
        let residual = Some(match &residual.values {
            Values::F32(values) => Residual::F32(values, residual.stride),
            Values::Bf16(values) => Residual::Bf16(values, residual.stride),
        });
        let f = Nonlinearity::Identity;
        multiply(*self, x, (weights, weights.columns()), f, residual, output);
        layer_norm_rows(self.tier, &workspace.sums, x.rows, norm, out);
        Ok(())
    }
}

fn check(op: &'static str, x: &Activation, weights: &Linear, out: &Activation) -> Result<()> {
    let LinearShape { inputs, outputs } = weights.shape;
    if x.width != inputs || out.width != outputs || x.rows > out.capacity_rows() {
        return Err(Error::Shape {
            op,
            expected: format!("[{}, {inputs}] into [{}, {outputs}]", x.rows, x.rows),
            got: format!("[{}, {}] into [{}, {}]", x.rows, x.width, out.capacity_rows(), out.width),
        });
    }
    let fits = match (&weights.weights, &x.values) {
        (Weights::F32(_), Values::F32(_)) | (Weights::Bf16(_), Values::Bf16(_)) => true,
        (Weights::Int8(_), Values::Bf16(_)) => x.quantized.is_some(),
        _ => false,
    };
    if !fits {
        return Err(Error::Shape {
            op,
            expected: format!("{} activations", weights.precision()),
            got: match (&x.values, &x.quantized) {
                (Values::F32(_), _) => "fp32".to_owned(),
                (Values::Bf16(_), None) => "bf16".to_owned(),
                (Values::Bf16(_), Some(_)) => "int8".to_owned(),
            },
        });
    }
    Ok(())
}
