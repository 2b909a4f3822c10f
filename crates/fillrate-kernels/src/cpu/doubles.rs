//! Eight f64 lanes, or one: the widths that the kernels over prices are written in.
//!
//! A kernel is generic over [`Doubles`]. Its loops run over whole vectors of the tier's lanes and
//! its last values, and every value of a stream, over `f64`, which is a [`Doubles`] of one lane.
//! Each operation rounds once, as IEEE 754 says, and none is contracted with another: a result is
//! the same to the bit on every tier, in a batch and in a stream.

#![allow(unsafe_code, reason = "vector loads and stores, and instructions gated by the tier")]

#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Avx2Doubles, Avx512Doubles};

/// Some f64 values, each with the same operation done to it.
///
/// # Safety
///
/// Every method may be called only on a processor that has the implementing type's instructions;
/// `dispatch` guarantees it. Pointers must be valid for [`Self::LANES`] values.
pub(crate) trait Doubles: Copy {
    /// The number of lanes.
    const LANES: usize;

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
}

// SAFETY (of every block below): one lane needs no instructions beyond the baseline, and the trait's
// contract makes the pointers valid.
impl Doubles for f64 {
    const LANES: usize = 1;

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
}
