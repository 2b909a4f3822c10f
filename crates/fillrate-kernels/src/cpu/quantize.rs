//! Rows of activations as unsigned bytes, one scale and zero point per row.

#![allow(unsafe_code, reason = "lane operations gated by the tier, over checked bounds")]

use super::dispatch::{Kernel, dispatch};
use super::lanes::Lanes;
use crate::Tier;
use crate::activation::{Activation, Values};

/// Quantises every row of an int8 activation; does nothing to others.
///
/// value ≈ scale · (byte − zero point), with scale = (max − min) / 255 over the row's values and 0,
/// so that zero is exact. Source: Jacob et al., "Quantization and Training of Neural Networks for
/// Efficient Integer-Arithmetic-Only Inference" (2018), equation 1.
pub(crate) fn quantize_rows(tier: Tier, x: &mut Activation) {
    if x.quantized.is_some() {
        dispatch(tier, Quantize(x));
    }
}

struct Quantize<'a>(&'a mut Activation);

impl Kernel for Quantize<'_> {
    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let Activation { rows, stride, values, quantized, .. } = self.0;
        let (Values::Bf16(values), Some(quantized)) = (values, quantized) else { return };
        for row in 0..*rows {
            let from = &values[row * *stride..(row + 1) * *stride];
            let to = &mut quantized.bytes[row * *stride..(row + 1) * *stride];
            // SAFETY: whole chunks of LANES values, and a stride is a multiple of 64; `L` is available
            // by the trait's contract.
            unsafe {
                let (low, high) = L::extremes_bf16(from.as_ptr(), from.len());
                let (scale, zero_point) = affine(low, high);
                let affine = (1.0 / scale, zero_point);
                L::quantize_bf16(from.as_ptr(), from.len(), affine, to.as_mut_ptr());
                quantized.scales[row] = scale;
                quantized.zero_points[row] = zero_point;
            }
        }
    }
}

/// The scale and zero point for values in [low, high], which contains 0. A row of zeros has
/// scale 1.
#[inline(always)]
pub(crate) fn affine(low: f32, high: f32) -> (f32, f32) {
    let range = high - low;
    // A range too small to divide by (or not a number) is a row of zeros for all purposes.
    let scale = if range > 1e-30 { range / 255.0 } else { 1.0 };
    let zero_point = (-low / scale).round_ties_even().clamp(0.0, 255.0);
    (scale, zero_point)
}
