//! Eight 64-bit words, or one: the integers that random numbers are made of, beside [`Doubles`].
//!
//! A 32-bit number stands in the low half of its word. What the high half holds is left over from
//! the operation before, so that nothing need be cleared between the rounds of a generator.
//!
//! [`Doubles`]: super::doubles::Doubles

#![allow(unsafe_code, reason = "instructions gated by the tier")]

use super::doubles::ONE_BITS;

#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Avx2Words, Avx512Words};

/// Some 64-bit words, each with the same operation done to it.
///
/// # Safety
///
/// Every method may be called only on a processor that has the implementing type's instructions;
/// `dispatch` guarantees it.
pub(crate) trait Words: Copy {
    /// The number of lanes.
    const LANES: usize;

    unsafe fn splat(x: u64) -> Self;
    /// `first`, `first + 1`, … from lane to lane.
    unsafe fn count_from(first: u64) -> Self;
    /// The product of the low halves.
    unsafe fn multiply(self, other: Self) -> Self;
    unsafe fn xor(self, other: Self) -> Self;
    /// The high half, in the low half's place; the high half of the result is 0.
    unsafe fn high(self) -> Self;
    /// The bits of a double from 1 to below 2: its fraction is the upper 52 bits of the 64 that the
    /// low halves of `high` and `low` make together.
    unsafe fn fraction(low: Self, high: Self) -> Self;
}

#[inline(always)]
fn fraction(low: u64, high: u64) -> u64 {
    ((high << 32) >> 12) | ((low << 32) >> 44) | ONE_BITS
}

#[inline(always)]
fn multiply(a: u64, b: u64) -> u64 {
    u64::from(a as u32) * u64::from(b as u32)
}

impl Words for u64 {
    const LANES: usize = 1;

    #[inline(always)]
    unsafe fn splat(x: u64) -> Self {
        x
    }
    #[inline(always)]
    unsafe fn count_from(first: u64) -> Self {
        first
    }
    #[inline(always)]
    unsafe fn multiply(self, other: Self) -> Self {
        multiply(self, other)
    }
    #[inline(always)]
    unsafe fn xor(self, other: Self) -> Self {
        self ^ other
    }
    #[inline(always)]
    unsafe fn high(self) -> Self {
        self >> 32
    }
    #[inline(always)]
    unsafe fn fraction(low: Self, high: Self) -> Self {
        fraction(low, high)
    }
}

/// The baseline: an array, vectorised by the compiler.
#[derive(Clone, Copy)]
pub(crate) struct PortableWords(pub(super) [u64; 8]);

impl PortableWords {
    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(u64, u64) -> u64) -> Self {
        let mut out = self.0;
        for (a, b) in out.iter_mut().zip(other.0) {
            *a = f(*a, b);
        }
        Self(out)
    }
}

impl Words for PortableWords {
    const LANES: usize = 8;

    #[inline(always)]
    unsafe fn splat(x: u64) -> Self {
        Self([x; 8])
    }
    #[inline(always)]
    unsafe fn count_from(first: u64) -> Self {
        let mut words = [first; 8];
        for (lane, word) in words.iter_mut().enumerate() {
            *word = first.wrapping_add(lane as u64);
        }
        Self(words)
    }
    #[inline(always)]
    unsafe fn multiply(self, other: Self) -> Self {
        self.zip(other, multiply)
    }
    #[inline(always)]
    unsafe fn xor(self, other: Self) -> Self {
        self.zip(other, |a, b| a ^ b)
    }
    #[inline(always)]
    unsafe fn high(self) -> Self {
        self.zip(self, |a, _| a >> 32)
    }
    #[inline(always)]
    unsafe fn fraction(low: Self, high: Self) -> Self {
        low.zip(high, fraction)
    }
}
