//! Eight f64 lanes, or one: the widths that the kernels over prices are written in.
//!
//! A kernel is generic over [`Doubles`]. Its loops run over whole vectors of the tier's lanes and
//! its last values, and every value of a stream, over `f64`, which is a [`Doubles`] of one lane.
//! Each operation rounds once, as IEEE 754 says, and none is contracted with another: a result is
//! the same to the bit on every tier, in a batch and in a stream.

#![allow(unsafe_code, reason = "vector loads and stores, and instructions gated by the tier")]

mod delay;
mod masks;
pub(crate) mod math;
mod mills;
mod twice;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(crate) use delay::Delay;
pub(crate) use masks::Compare;
pub(crate) use mills::mills_ratio;
pub(crate) use twice::Twice;
#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Avx2Doubles, Avx512Doubles};

use super::words::{PortableWords, Words};

/// Some f64 values, each with the same operation done to it.
///
/// # Safety
///
/// Every method may be called only on a processor that has the implementing type's instructions;
/// `dispatch` guarantees it. Pointers must be valid for [`Self::LANES`] values.
pub(crate) trait Doubles: Copy {
    /// The number of lanes.
    const LANES: usize;
    /// Whether long chains of operations are worth doing on [`Twice`] the lanes: on one register of
    /// many.
    const IS_ONE_OF_MANY: bool = false;
    /// As many 64-bit words.
    type Words: Words;

    unsafe fn splat(x: f64) -> Self;
    unsafe fn load(from: *const f64) -> Self;
    unsafe fn store(self, to: *mut f64);
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn sub(self, other: Self) -> Self;
    unsafe fn mul(self, other: Self) -> Self;
    unsafe fn div(self, other: Self) -> Self;
    unsafe fn sqrt(self) -> Self;
    /// `self` where it is greater, else `other`.
    unsafe fn max(self, other: Self) -> Self;
    /// `self` where it is less, else `other`.
    unsafe fn min(self, other: Self) -> Self;
    /// `then` where `self` is above 0, else `otherwise`.
    unsafe fn select_positive(self, then: Self, otherwise: Self) -> Self;
    /// Whether a lane is NaN.
    unsafe fn any_nan(self) -> bool;
    /// `self`, which is 0, where `x` is finite, else NaN.
    #[inline(always)]
    unsafe fn nan_unless_finite(self, x: Self) -> Self {
        // SAFETY: the trait's contract.
        unsafe { self.add(x.sub(x)) }
    }
    /// The nearest integer, ties to even.
    unsafe fn round(self) -> Self;
    /// `self * 2ⁿ` for integers `n` in [−1022, 1023].
    unsafe fn scale_by_power(self, n: Self) -> Self;
    /// The mantissa, from 1 to below 2, and the exponent of numbers that are positive and normal.
    unsafe fn mantissa_and_exponent(self) -> (Self, Self);
    /// The doubles with these bits.
    unsafe fn from_bits(bits: Self::Words) -> Self;
}

/// The bits of 1.
pub(crate) const ONE_BITS: u64 = 1023 << 52;
/// The bits of a mantissa.
const MANTISSA_BITS: u64 = (1 << 52) - 1;

#[inline(always)]
fn power_of_two(n: f64) -> f64 {
    f64::from_bits(((n as i64 + 1023) as u64) << 52)
}

#[inline(always)]
fn mantissa(x: f64) -> f64 {
    f64::from_bits((x.to_bits() & MANTISSA_BITS) | ONE_BITS)
}

#[inline(always)]
fn exponent(x: f64) -> f64 {
    (x.to_bits() >> 52) as f64 - 1023.0
}

// SAFETY (of every block below): one lane needs no instructions beyond the baseline, and the trait's
// contract makes the pointers valid.
impl Doubles for f64 {
    const LANES: usize = 1;
    type Words = u64;

    #[inline(always)]
    unsafe fn splat(x: f64) -> Self {
        x
    }
    #[inline(always)]
    unsafe fn load(from: *const f64) -> Self {
        // SAFETY: see above.
        unsafe { *from }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f64) {
        // SAFETY: see above.
        unsafe { *to = self }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        self + other
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        self - other
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        self * other
    }
    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        self / other
    }
    #[inline(always)]
    unsafe fn sqrt(self) -> Self {
        f64::sqrt(self)
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        if self > other { self } else { other }
    }
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        if self < other { self } else { other }
    }
    #[inline(always)]
    unsafe fn select_positive(self, then: Self, otherwise: Self) -> Self {
        if self > 0.0 { then } else { otherwise }
    }
    #[inline(always)]
    unsafe fn any_nan(self) -> bool {
        self.is_nan()
    }
    #[inline(always)]
    unsafe fn round(self) -> Self {
        self.round_ties_even()
    }
    #[inline(always)]
    unsafe fn scale_by_power(self, n: Self) -> Self {
        self * power_of_two(n)
    }
    #[inline(always)]
    unsafe fn mantissa_and_exponent(self) -> (Self, Self) {
        (mantissa(self), exponent(self))
    }
    #[inline(always)]
    unsafe fn from_bits(bits: u64) -> Self {
        f64::from_bits(bits)
    }
}

/// The baseline: an array, vectorised by the compiler.
#[derive(Clone, Copy)]
pub(crate) struct PortableDoubles([f64; 8]);

impl PortableDoubles {
    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(f64, f64) -> f64) -> Self {
        let mut out = self.0;
        for (a, b) in out.iter_mut().zip(other.0) {
            *a = f(*a, b);
        }
        Self(out)
    }
}

// SAFETY (of every block below): plain Rust needs no instructions beyond the baseline, and the
// trait's contract makes the pointers valid.
impl Doubles for PortableDoubles {
    const LANES: usize = 8;
    type Words = PortableWords;

    #[inline(always)]
    unsafe fn splat(x: f64) -> Self {
        Self([x; 8])
    }
    #[inline(always)]
    unsafe fn load(from: *const f64) -> Self {
        // SAFETY: see above.
        unsafe { Self(from.cast::<[f64; 8]>().read_unaligned()) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f64) {
        // SAFETY: see above.
        unsafe { to.cast::<[f64; 8]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        self.zip(other, |a, b| a * b)
    }
    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        self.zip(other, |a, b| a / b)
    }
    #[inline(always)]
    unsafe fn sqrt(self) -> Self {
        self.zip(self, |a, _| a.sqrt())
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        self.zip(other, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        self.zip(other, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    unsafe fn select_positive(self, then: Self, otherwise: Self) -> Self {
        let mut out = otherwise.0;
        for ((out, sign), then) in out.iter_mut().zip(self.0).zip(then.0) {
            *out = if sign > 0.0 { then } else { *out };
        }
        Self(out)
    }
    #[inline(always)]
    unsafe fn any_nan(self) -> bool {
        self.0.iter().any(|x| x.is_nan())
    }
    #[inline(always)]
    unsafe fn round(self) -> Self {
        self.zip(self, |a, _| a.round_ties_even())
    }
    #[inline(always)]
    unsafe fn scale_by_power(self, n: Self) -> Self {
        self.zip(n, |a, n| a * power_of_two(n))
    }
    #[inline(always)]
    unsafe fn mantissa_and_exponent(self) -> (Self, Self) {
        (self.zip(self, |a, _| mantissa(a)), self.zip(self, |a, _| exponent(a)))
    }
    #[inline(always)]
    unsafe fn from_bits(bits: PortableWords) -> Self {
        Self(bits.0.map(f64::from_bits))
    }
}
