//! The numeric type of the matrix products.

use std::fmt;

/// The numeric type of a model's matrix products.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Precision {
    /// 32-bit floats throughout.
    Fp32,
    /// bfloat16 weights and activations, f32 sums.
    Bf16,
    /// 8-bit integers: weights scaled per output channel, activations quantised per token as
    /// they appear, i32 sums; between products bfloat16.
    Int8,
}

impl Precision {
    /// The name used in records and on the command line: `fp32`, `bf16` or `int8`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fp32 => "fp32",
            Self::Bf16 => "bf16",
            Self::Int8 => "int8",
        }
    }

    /// The type of activations that no product reads: what int8 computes between products.
    #[must_use]
    pub const fn between_products(self) -> Self {
        match self {
            Self::Fp32 => Self::Fp32,
            Self::Bf16 | Self::Int8 => Self::Bf16,
        }
    }

    /// The bytes of one weight.
    #[must_use]
    pub const fn weight_bytes(self) -> usize {
        match self {
            Self::Fp32 => 4,
            Self::Bf16 => 2,
            Self::Int8 => 1,
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
