//! Packing weights into panels.

use half::bf16;
use rayon::prelude::*;

use super::{Int8Weights, Linear, LinearShape, Weights};
use crate::activation::stride_for;
use crate::buffer::Aligned;
use crate::cpu::lanes::LANES;
use crate::{Error, Precision, Result};

impl Linear {
    /// Packs `weight`, shape `[outputs, inputs]` as PyTorch's `nn.Linear` has it, and `bias`, shape
    /// `[outputs]` (zeros if there is none).
    ///
    /// Int8 weights are quantised per output channel, symmetrically: scale = max |w| / 127.
    ///
    /// # Errors
    ///
    /// If a slice has another length than the shape asks for, or a dimension is 0.
    pub fn pack(
        weight: &[f32],
        bias: Option<&[f32]>,
        shape: LinearShape,
        precision: Precision,
    ) -> Result<Self> {
        check(weight.len(), bias, shape)?;
        let weights = match precision {
            Precision::Fp32 => Weights::F32(panels(weight, shape, 1, |w| w)),
            Precision::Bf16 => Weights::Bf16(panels(weight, shape, 2, bf16::from_f32)),
            Precision::Int8 => Weights::Int8(quantize(weight, shape)),
        };
        Ok(Self { shape, weights, bias: padded_bias(bias, shape) })
    }

    /// Packs weights that are bytes already, shape `[outputs, inputs]`, with the `scales` of the
    /// outputs, shape `[outputs]`, and `bias` as [`Self::pack`] takes it: weight = scale · byte.
    ///
    /// Bytes and scales are kept as they are. Where each channel's largest magnitude is 127, the
    /// result is that of [`Self::pack`] for the weights they were made from.
    ///
    /// # Errors
    ///
    /// If a slice has another length than the shape asks for, a dimension is 0, or a scale is not
    /// a positive number.
    pub fn pack_int8(
        bytes: &[i8],
        scales: &[f32],
        bias: Option<&[f32]>,
        shape: LinearShape,
    ) -> Result<Self> {
        check(bytes.len(), bias, shape)?;
        let LinearShape { inputs, outputs } = shape;
        let positive = scales.iter().all(|scale| scale.is_finite() && *scale > 0.0);
        if scales.len() != outputs || !positive {
            return Err(Error::Shape {
                op: "linear",
                expected: format!("positive scales [{outputs}]"),
                got: match scales.iter().find(|scale| !scale.is_finite() || **scale <= 0.0) {
                    Some(scale) => format!("a scale of {scale}"),
                    None => format!("{} scales", scales.len()),
                },
            });
        }
        let mut padded = Aligned::zeroed(stride_for(outputs));
        padded[..outputs].copy_from_slice(scales);
        let mut sums = Aligned::<f32>::zeroed(stride_for(outputs));
        for (sum, row) in sums.iter_mut().zip(bytes.chunks_exact(inputs)) {
            *sum = row.iter().map(|&byte| f32::from(byte)).sum();
        }
        let bytes = panels(bytes, shape, 4, |byte| byte);
        let weights = Weights::Int8(Int8Weights { bytes, scales: padded, sums });
        Ok(Self { shape, weights, bias: padded_bias(bias, shape) })
    }
}

fn check(weights: usize, bias: Option<&[f32]>, shape: LinearShape) -> Result<()> {
    let LinearShape { inputs, outputs } = shape;
    let fits = inputs > 0
        && outputs > 0
        && weights == inputs * outputs
        && bias.is_none_or(|bias| bias.len() == outputs);
    if fits {
        return Ok(());
    }
    Err(Error::Shape {
        op: "linear",
        expected: format!("weight [{outputs}, {inputs}], bias [{outputs}]"),
        got: format!("{weights} weights, {:?} biases", bias.map(<[f32]>::len)),
    })
}

fn padded_bias(bias: Option<&[f32]>, shape: LinearShape) -> Aligned<f32> {
    let mut padded = Aligned::zeroed(stride_for(shape.outputs));
    if let Some(bias) = bias {
        padded[..shape.outputs].copy_from_slice(bias);
    }
    padded
}

/// Lays `weight` out as `[panel, group, lane, value]`: sixteen outputs a panel, `group` inputs a
/// group. Inputs and outputs are padded with zeros to the stride of an activation. Panels are
/// packed side by side on the threads of rayon's pool.
fn panels<W: Copy + Sync, T: bytemuck::Pod + Send>(
    weight: &[W],
    LinearShape { inputs, outputs }: LinearShape,
    group: usize,
    convert: impl Fn(W) -> T + Sync,
) -> Aligned<T> {
    let panel_len = stride_for(inputs) * LANES;
    let mut packed = Aligned::zeroed(panel_len * stride_for(outputs) / LANES);
    let panels = packed.par_chunks_mut(panel_len).zip(weight.par_chunks(inputs * LANES));
    panels.for_each(|(panel, rows)| {
        for (lane, row) in rows.chunks_exact(inputs).enumerate() {
            let groups = panel.chunks_exact_mut(LANES * group);
            for (to, from) in groups.zip(row.chunks(group)) {
                for (to, &w) in to[lane * group..].iter_mut().zip(from) {
                    *to = convert(w);
                }
            }
        }
    });
    packed
}

fn quantize(weight: &[f32], shape: LinearShape) -> Int8Weights {
    let LinearShape { inputs, outputs } = shape;
    let mut scales = Aligned::<f32>::zeroed(stride_for(outputs));
    let mut sums = Aligned::<f32>::zeroed(stride_for(outputs));
    let mut bytes = vec![0_i8; weight.len()];
    let rows = weight.par_chunks(inputs).zip(bytes.par_chunks_mut(inputs));
    rows.zip(&mut scales[..outputs]).zip(&mut sums[..outputs]).for_each(
        |(((row, bytes), scale), sum)| {
            let largest = row.iter().fold(0.0_f32, |largest, w| largest.max(w.abs()));
            // A channel of zeros (or of values too small to divide by) is zeros at any scale.
            *scale = if largest > 1e-30 { largest / 127.0 } else { 1.0 };
            for (byte, w) in bytes.iter_mut().zip(row) {
                *byte = round_ties_even(w / *scale) as i8;
            }
            *sum = bytes.iter().map(|&byte| i32::from(byte)).sum::<i32>() as f32;
        },
    );
    let bytes = panels(&bytes, shape, 4, |byte| byte);
    Int8Weights { bytes, scales, sums }
}

/// The nearest integer to a value of at most 127, ties to even. Adding 1.5 · 2²³ leaves no bit for
/// a fraction, and compiles to two additions where `round_ties_even` is a call.
fn round_ties_even(x: f32) -> f32 {
    const MAGIC: f32 = 12_582_912.0;
    (x + MAGIC) - MAGIC
}
