//! Comparisons of lanes, and choices by them.

#![allow(unsafe_code, reason = "lane operations gated by the tier")]

use super::{Doubles, PortableDoubles};

/// Lanes that can be compared; a comparison with NaN is false.
///
/// # Safety
///
/// As for [`Doubles`].
pub(crate) trait Compare: Doubles {
    /// A yes or no for each lane.
    type Mask: Copy;

    /// No lane.
    unsafe fn nowhere() -> Self::Mask;
    /// Where `self` is greater than `other`.
    unsafe fn above(self, other: Self) -> Self::Mask;
    /// `then` where the mask says yes, else `otherwise`.
    unsafe fn select(mask: Self::Mask, then: Self, otherwise: Self) -> Self;
    unsafe fn both(a: Self::Mask, b: Self::Mask) -> Self::Mask;
    unsafe fn either(a: Self::Mask, b: Self::Mask) -> Self::Mask;
    /// Where `a` says yes and `b` does not.
    unsafe fn without(a: Self::Mask, b: Self::Mask) -> Self::Mask;
    /// Whether some lane says yes.
    unsafe fn any(mask: Self::Mask) -> bool;
}

// SAFETY (of every block below): plain Rust needs no instructions beyond the baseline.

/// All bits or none in each lane, so that the compiler's vectors hold them.
impl Compare for PortableDoubles {
    type Mask = [u64; 8];

    #[inline(always)]
    unsafe fn nowhere() -> [u64; 8] {
        [0; 8]
    }
    #[inline(always)]
    unsafe fn above(self, other: Self) -> [u64; 8] {
        let mut mask = [0; 8];
        for ((mask, a), b) in mask.iter_mut().zip(self.0).zip(other.0) {
            *mask = if a > b { u64::MAX } else { 0 };
        }
        mask
    }
    #[inline(always)]
    unsafe fn select(mask: [u64; 8], then: Self, otherwise: Self) -> Self {
        let mut out = otherwise.0;
        for ((out, mask), then) in out.iter_mut().zip(mask).zip(then.0) {
            *out = f64::from_bits((then.to_bits() & mask) | (out.to_bits() & !mask));
        }
        Self(out)
    }
    #[inline(always)]
    unsafe fn both(mut a: [u64; 8], b: [u64; 8]) -> [u64; 8] {
        for (a, b) in a.iter_mut().zip(b) {
            *a &= b;
        }
        a
    }
    #[inline(always)]
    unsafe fn either(mut a: [u64; 8], b: [u64; 8]) -> [u64; 8] {
        for (a, b) in a.iter_mut().zip(b) {
            *a |= b;
        }
        a
    }
    #[inline(always)]
    unsafe fn without(mut a: [u64; 8], b: [u64; 8]) -> [u64; 8] {
        for (a, b) in a.iter_mut().zip(b) {
            *a &= !b;
        }
        a
    }
    #[inline(always)]
    unsafe fn any(mask: [u64; 8]) -> bool {
        let mut all = 0;
        for lane in mask {
            all |= lane;
        }
        all != 0
    }
}
