//! Sixteen f32 lanes, the one vector width all element-wise kernels are written in.
//!
//! A kernel is generic over [`Lanes`] and inlined into a function compiled for one tier's
//! instructions (see `dispatch`): one AVX-512 register, two AVX2 registers, or an array that the
//! compiler vectorises for the target's baseline.

#![allow(unsafe_code, reason = "vector loads and stores, and instructions gated by the tier")]

use half::bf16;

use super::doubles::{Compare, Delay, PortableDoubles};

/// The number of lanes.
pub(crate) const LANES: usize = 16;

/// Sixteen f32 values.
///
/// # Safety
///
/// Every method may be called only on a processor that has the implementing type's instructions;
/// `dispatch` guarantees it. Pointers must be valid for sixteen values (more where said).
pub(crate) trait Lanes: Copy {
    /// The f64 lanes of the same instructions.
    type Doubles: Compare + Delay;

    unsafe fn splat(x: f32) -> Self;
    unsafe fn load(from: *const f32) -> Self;
    unsafe fn store(self, to: *mut f32);
    unsafe fn load_bf16(from: *const bf16) -> Self;
    /// Rounds to nearest, ties to even.
    unsafe fn store_bf16(self, to: *mut bf16);
    /// Stores one vector after the other, rounded as by [`Self::store_bf16`].
    #[inline(always)]
    unsafe fn store_bf16_pair(first: Self, second: Self, to: *mut bf16) {
        // SAFETY: valid for 32 values by the method's contract.
        unsafe {
            first.store_bf16(to);
            second.store_bf16(to.add(LANES));
        }
    }
    /// Reads 32 values: the even ones and the odd ones.
    unsafe fn load_bf16_pairs(from: *const bf16) -> (Self, Self);
    unsafe fn load_i32(from: *const i32) -> Self;
    /// Rounds to nearest, ties to even, and saturates to 0..=255.
    unsafe fn store_u8(self, to: *mut u8);
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn sub(self, other: Self) -> Self;
    unsafe fn mul(self, other: Self) -> Self;
    /// To within a unit in the last place, of values whose quotient and reciprocal are normal.
    unsafe fn div(self, other: Self) -> Self;
    /// `self * b + c`, rounded once where the processor can.
    unsafe fn fma(self, b: Self, c: Self) -> Self;
    unsafe fn min(self, other: Self) -> Self;
    unsafe fn max(self, other: Self) -> Self;
    /// Rounds to the nearest integer, ties to even. Values stay below 2²².
    unsafe fn round(self) -> Self;
    /// `self * 2ⁿ` for integers `n` in [−126, 127].
    unsafe fn scale_by_power(self, n: Self) -> Self;

    /// The least and the greatest of 0 and `len` values, a multiple of 64. Which of the two zeros
    /// they are is not said; with a NaN among the values both may be anything.
    #[inline(always)]
    unsafe fn extremes_bf16(from: *const bf16, len: usize) -> (f32, f32) {
        // SAFETY: whole groups of four vectors, as the caller guarantees.
        unsafe {
            // Four of each, since every comparison waits for the one before it.
            let (mut low, mut high) = ([Self::splat(0.0); 4], [Self::splat(0.0); 4]);
            for group in (0..len).step_by(4 * LANES) {
                for (index, (low, high)) in low.iter_mut().zip(&mut high).enumerate() {
                    let x = Self::load_bf16(from.add(group + index * LANES));
                    *low = low.min(x);
                    *high = high.max(x);
                }
            }
            let [a, b, c, d] = low;
            let low = a.min(b).min(c.min(d));
            let [a, b, c, d] = high;
            (low.reduce_min(), a.max(b).max(c.max(d)).reduce_max())
        }
    }

    /// Writes `len` values, a multiple of 64, as bytes: value · scale + shift with both operations
    /// rounded, then to the nearest, ties to even. Results lie in [−0.5, 255.5] or are NaN, which
    /// becomes 0.
    #[inline(always)]
    unsafe fn quantize_bf16(
        from: *const bf16,
        len: usize,
        (scale, shift): (f32, f32),
        to: *mut u8,
    ) {
        // SAFETY: whole vectors, as the caller guarantees.
        unsafe {
            let (scale, shift) = (Self::splat(scale), Self::splat(shift));
            for at in (0..len).step_by(LANES) {
                // Not fused, so that every tier rounds to the same byte.
                Self::load_bf16(from.add(at)).mul(scale).add(shift).store_u8(to.add(at));
            }
        }
    }

    unsafe fn to_array(self) -> [f32; LANES] {
        let mut values = [0.0; LANES];
        // SAFETY: the array has sixteen values.
        unsafe { self.store(values.as_mut_ptr()) };
        values
    }

    /// The sum of all lanes, by halves: the same tree on every tier.
    unsafe fn reduce_add(self) -> f32;
    unsafe fn reduce_max(self) -> f32;
    unsafe fn reduce_min(self) -> f32;
}

#[inline(always)]
fn reduce(mut values: [f32; LANES], combine: impl Fn(f32, f32) -> f32) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            values[i] = combine(values[i], values[i + half]);
        }
        half /= 2;
    }
    values[0]
}

/// The baseline: an array, vectorised by the compiler.
#[derive(Clone, Copy)]
pub(crate) struct Portable([f32; LANES]);

impl Portable {
    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        let mut out = self.0;
        for (a, b) in out.iter_mut().zip(other.0) {
            *a = f(*a, b);
        }
        Self(out)
    }
}

// SAFETY (of every block below): the trait's contract makes the pointers valid for what is read or
// written; plain Rust needs no instructions beyond the baseline.
impl Lanes for Portable {
    type Doubles = PortableDoubles;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        Self([x; LANES])
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: valid for sixteen values by the trait's contract.
        Self(unsafe { from.cast::<[f32; LANES]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: valid for sixteen values by the trait's contract.
        unsafe { to.cast::<[f32; LANES]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    unsafe fn load_bf16(from: *const bf16) -> Self {
        // SAFETY: valid for sixteen values by the trait's contract; bf16 is a u16.
        let bits = unsafe { from.cast::<[u16; LANES]>().read_unaligned() };
        Self(bits.map(|b| f32::from_bits(u32::from(b) << 16)))
    }
    #[inline(always)]
    unsafe fn store_bf16(self, to: *mut bf16) {
        let bits = self.0.map(|x| {
            let bits = x.to_bits();
            if x.is_nan() {
                ((bits >> 16) | 0x40) as u16
            } else {
                ((bits + 0x7fff + ((bits >> 16) & 1)) >> 16) as u16
            }
        });
        // SAFETY: valid for sixteen values by the trait's contract; bf16 is a u16.
        unsafe { to.cast::<[u16; LANES]>().write_unaligned(bits) }
    }
    #[inline(always)]
    unsafe fn load_bf16_pairs(from: *const bf16) -> (Self, Self) {
        // SAFETY: valid for 32 values by the method's contract.
        let pairs = unsafe { from.cast::<[u32; LANES]>().read_unaligned() };
        (
            Self(pairs.map(|p| f32::from_bits(p << 16))),
            Self(pairs.map(|p| f32::from_bits(p & 0xffff_0000))),
        )
    }
    #[inline(always)]
    unsafe fn load_i32(from: *const i32) -> Self {
        // SAFETY: valid for sixteen values by the trait's contract.
        let values = unsafe { from.cast::<[i32; LANES]>().read_unaligned() };
        Self(values.map(|v| v as f32))
    }
    #[inline(always)]
    unsafe fn store_u8(self, to: *mut u8) {
        // SAFETY: plain arithmetic, and valid for sixteen bytes by the trait's contract.
        unsafe {
            let rounded = self.round();
            to.cast::<[u8; LANES]>().write_unaligned(rounded.0.map(|x| x as u8));
        }
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
    unsafe fn fma(self, b: Self, c: Self) -> Self {
        let mut out = self.0;
        for ((a, b), c) in out.iter_mut().zip(b.0).zip(c.0) {
            // Without an FMA instruction `mul_add` is a slow library call.
            *a = if cfg!(target_arch = "aarch64") { a.mul_add(b, c) } else { *a * b + c };
        }
        Self(out)
    }
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        self.zip(other, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        self.zip(other, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    unsafe fn round(self) -> Self {
        // Adding and subtracting 1.5 · 2²³ leaves the nearest integer, ties to even.
        const MAGIC: f32 = 12_582_912.0;
        Self(self.0.map(|x| (x + MAGIC) - MAGIC))
    }
    #[inline(always)]
    unsafe fn scale_by_power(self, n: Self) -> Self {
        self.zip(n, |x, n| x * f32::from_bits(((n as i32 + 127) << 23) as u32))
    }
    #[inline(always)]
    unsafe fn reduce_add(self) -> f32 {
        reduce(self.0, |a, b| a + b)
    }
    #[inline(always)]
    unsafe fn reduce_max(self) -> f32 {
        reduce(self.0, f32::max)
    }
    #[inline(always)]
    unsafe fn reduce_min(self) -> f32 {
        reduce(self.0, f32::min)
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Avx2, Avx512, Avx512Bf16};

#[cfg(target_arch = "x86_64")]
mod x86;
