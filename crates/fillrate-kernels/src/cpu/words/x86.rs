//! The AVX2 and AVX-512 words.
//!
//! The invariant of every block here is the trait's contract: the caller has the instructions.

#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "one invariant, stated in the module's documentation, holds for all of them"
)]

#[allow(clippy::wildcard_imports, reason = "the instruction set is the vocabulary here")]
use std::arch::x86_64::*;

use super::{ONE_BITS, Words};

/// Two AVX2 registers.
#[derive(Clone, Copy)]
pub(crate) struct Avx2Words(pub(in crate::cpu) __m256i, pub(in crate::cpu) __m256i);

/// One AVX-512 register.
#[derive(Clone, Copy)]
pub(crate) struct Avx512Words(pub(in crate::cpu) __m512i);

impl Words for Avx2Words {
    const LANES: usize = 8;

    #[inline(always)]
    unsafe fn splat(x: u64) -> Self {
        unsafe { Self(_mm256_set1_epi64x(x as i64), _mm256_set1_epi64x(x as i64)) }
    }
    #[inline(always)]
    unsafe fn count_from(first: u64) -> Self {
        unsafe {
            let first = _mm256_set1_epi64x(first as i64);
            Self(
                _mm256_add_epi64(first, _mm256_set_epi64x(3, 2, 1, 0)),
                _mm256_add_epi64(first, _mm256_set_epi64x(7, 6, 5, 4)),
            )
        }
    }
    #[inline(always)]
    unsafe fn multiply(self, other: Self) -> Self {
        unsafe { Self(_mm256_mul_epu32(self.0, other.0), _mm256_mul_epu32(self.1, other.1)) }
    }
    #[inline(always)]
    unsafe fn xor(self, other: Self) -> Self {
        unsafe { Self(_mm256_xor_si256(self.0, other.0), _mm256_xor_si256(self.1, other.1)) }
    }
    #[inline(always)]
    unsafe fn high(self) -> Self {
        unsafe { Self(_mm256_srli_epi64::<32>(self.0), _mm256_srli_epi64::<32>(self.1)) }
    }
    #[inline(always)]
    unsafe fn fraction(low: Self, high: Self) -> Self {
        #[inline(always)]
        unsafe fn join(low: __m256i, high: __m256i) -> __m256i {
            unsafe {
                let raised = _mm256_slli_epi64::<32>(high);
                let both = _mm256_blend_epi32::<0b1010_1010>(low, raised);
                let one = _mm256_set1_epi64x(ONE_BITS as i64);
                _mm256_or_si256(_mm256_srli_epi64::<12>(both), one)
            }
        }
        unsafe { Self(join(low.0, high.0), join(low.1, high.1)) }
    }
}

impl Words for Avx512Words {
    const LANES: usize = 8;

    #[inline(always)]
    unsafe fn splat(x: u64) -> Self {
        unsafe { Self(_mm512_set1_epi64(x as i64)) }
    }
    #[inline(always)]
    unsafe fn count_from(first: u64) -> Self {
        unsafe {
            let lanes = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0);
            Self(_mm512_add_epi64(_mm512_set1_epi64(first as i64), lanes))
        }
    }
    #[inline(always)]
    unsafe fn multiply(self, other: Self) -> Self {
        unsafe { Self(_mm512_mul_epu32(self.0, other.0)) }
    }
    #[inline(always)]
    unsafe fn xor(self, other: Self) -> Self {
        unsafe { Self(_mm512_xor_si512(self.0, other.0)) }
    }
    #[inline(always)]
    unsafe fn high(self) -> Self {
        unsafe { Self(_mm512_srli_epi64::<32>(self.0)) }
    }
    #[inline(always)]
    unsafe fn fraction(low: Self, high: Self) -> Self {
        unsafe {
            // The low words of `high` go where the high words of `low` are.
            let both = _mm512_mask_shuffle_epi32::<0b1010_0000>(low.0, 0xAAAA, high.0);
            let one = _mm512_set1_epi64(ONE_BITS as i64);
            Self(_mm512_or_si512(_mm512_srli_epi64::<12>(both), one))
        }
    }
}
