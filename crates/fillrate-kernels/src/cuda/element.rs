//! The 16-bit type of activations and weights on a device.

use std::fmt;

use half::{bf16, f16};

/// The 16-bit type of activations and weights on a device; sums are f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Element {
    /// bfloat16: the range of f32 with 8 bits of precision; fast from compute capability 8.0 on.
    Bf16,
    /// IEEE half precision: 11 bits of precision, nothing above 65504.
    Fp16,
}

impl Element {
    /// Both types.
    pub const ALL: [Self; 2] = [Self::Bf16, Self::Fp16];

    /// The name used in records and on the command line: `bf16` or `fp16`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bf16 => "bf16",
            Self::Fp16 => "fp16",
        }
    }

    /// The macro that makes the kernels compute in it.
    #[must_use]
    pub const fn define(self) -> &'static str {
        match self {
            Self::Bf16 => "ELEMENT_BF16",
            Self::Fp16 => "ELEMENT_F16",
        }
    }

    /// The bits of the nearest value, ties to even.
    #[must_use]
    pub fn narrow(self, value: f32) -> u16 {
        match self {
            Self::Bf16 => bf16::from_f32(value).to_bits(),
            Self::Fp16 => f16::from_f32(value).to_bits(),
        }
    }

    /// The value of bits.
    #[must_use]
    pub fn widen(self, bits: u16) -> f32 {
        match self {
            Self::Bf16 => bf16::from_bits(bits).to_f32(),
            Self::Fp16 => f16::from_bits(bits).to_f32(),
        }
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
