//! How large the inputs of a model's products become, from which the scales of 8-bit floats follow.

use crate::text::encoder::config::EncoderConfig;
use crate::{Error, Result};

/// The products of a layer, by what they read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Product {
    /// Queries, keys and values, of the layer's input.
    Qkv,
    /// The product behind attention.
    AttentionOutput,
    /// To the wide middle.
    Intermediate,
    /// And back.
    Output,
}

/// The products of a layer.
const PRODUCTS: usize = 4;

/// Room above what was seen. Other texts may go further, and what is beyond the scale's end is cut off;
/// an 8-bit float loses one of its eighteen powers of two to it, at the small end.
const HEADROOM: f32 = 2.0;

/// The largest magnitudes that the inputs of each product had in some passes.
///
/// Scales are taken from these once and not from each batch: a text's answer then does not depend on
/// its neighbours, and the kernels that write an input can write it in 8 bits at once.
#[derive(Clone, Debug, PartialEq)]
pub struct ActivationRanges {
    /// `[layers, PRODUCTS]`.
    largest: Vec<f32>,
}

impl ActivationRanges {
    /// The number of ranges of a model.
    pub(super) const fn count(layers: usize) -> usize {
        layers * PRODUCTS
    }

    /// The place of a range.
    pub(super) const fn index(layer: usize, product: Product) -> usize {
        layer * PRODUCTS + product as usize
    }

    /// Takes what was seen.
    ///
    /// # Errors
    ///
    /// If a value is not finite: such a model has no range.
    pub(super) fn new(largest: Vec<f32>) -> Result<Self> {
        if largest.iter().all(|value| value.is_finite()) {
            return Ok(Self { largest });
        }
        let message = "activations are not finite, so that no scale of 8-bit floats holds them";
        Err(Error::Argument { name: "precision", message: message.to_owned() })
    }

    /// The largest magnitude that a scale should hold.
    pub(super) fn ceiling(&self, layer: usize, product: Product) -> f32 {
        HEADROOM * self.largest[Self::index(layer, product)]
    }

    /// Refuses a model of another depth, or of widths that products of 8-bit floats do not take.
    pub(super) fn check(&self, config: &EncoderConfig) -> Result<()> {
        let EncoderConfig { hidden, intermediate, layers, .. } = *config;
        let message = if self.largest.len() != Self::count(layers) {
            format!(
                "the ranges of {} products are not those of {layers} layers",
                self.largest.len()
            )
        } else if ![hidden, intermediate].iter().all(|width| width.is_multiple_of(WIDTH_MULTIPLE)) {
            format!(
                "fp8 takes widths that are multiples of {WIDTH_MULTIPLE}; this model has {hidden} and \
                 {intermediate}"
            )
        } else {
            return Ok(());
        };
        Err(Error::Argument { name: "precision", message })
    }
}

/// Rows of 8-bit floats begin at multiples of 16 bytes.
///
/// Source: the cuBLAS documentation, `cublasLtMatmul`, requirements of FP8 kernels.
const WIDTH_MULTIPLE: usize = 16;
