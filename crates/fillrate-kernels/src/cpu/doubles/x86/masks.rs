//! Comparisons with AVX2, whose masks are vectors, and with AVX-512, whose masks are bits.
//!
//! The invariant of every block here is the trait's contract: the caller has the instructions.

#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "one invariant, stated in the module's documentation, holds for all of them"
)]

#[allow(clippy::wildcard_imports, reason = "the instruction set is the vocabulary here")]
use std::arch::x86_64::*;

use super::{Avx2Doubles, Avx512Doubles};
use crate::cpu::doubles::Compare;

impl Compare for Avx2Doubles {
    type Mask = (__m256d, __m256d);

    #[inline(always)]
    unsafe fn nowhere() -> Self::Mask {
        unsafe { (_mm256_setzero_pd(), _mm256_setzero_pd()) }
    }
    #[inline(always)]
    unsafe fn above(self, other: Self) -> Self::Mask {
        unsafe {
            (
                _mm256_cmp_pd::<_CMP_GT_OQ>(self.0, other.0),
                _mm256_cmp_pd::<_CMP_GT_OQ>(self.1, other.1),
            )
        }
    }
    #[inline(always)]
    unsafe fn select(mask: Self::Mask, then: Self, otherwise: Self) -> Self {
        unsafe {
            Self(
                _mm256_blendv_pd(otherwise.0, then.0, mask.0),
                _mm256_blendv_pd(otherwise.1, then.1, mask.1),
            )
        }
    }
    #[inline(always)]
    unsafe fn both(a: Self::Mask, b: Self::Mask) -> Self::Mask {
        unsafe { (_mm256_and_pd(a.0, b.0), _mm256_and_pd(a.1, b.1)) }
    }
    #[inline(always)]
    unsafe fn either(a: Self::Mask, b: Self::Mask) -> Self::Mask {
        unsafe { (_mm256_or_pd(a.0, b.0), _mm256_or_pd(a.1, b.1)) }
    }
    #[inline(always)]
    unsafe fn without(a: Self::Mask, b: Self::Mask) -> Self::Mask {
        unsafe { (_mm256_andnot_pd(b.0, a.0), _mm256_andnot_pd(b.1, a.1)) }
    }
    #[inline(always)]
    unsafe fn any(mask: Self::Mask) -> bool {
        unsafe { _mm256_movemask_pd(_mm256_or_pd(mask.0, mask.1)) != 0 }
    }
}

impl Compare for Avx512Doubles {
    type Mask = __mmask8;

    #[inline(always)]
    unsafe fn nowhere() -> __mmask8 {
        0
    }
    #[inline(always)]
    unsafe fn above(self, other: Self) -> __mmask8 {
        unsafe { _mm512_cmp_pd_mask::<_CMP_GT_OQ>(self.0, other.0) }
    }
    #[inline(always)]
    unsafe fn select(mask: __mmask8, then: Self, otherwise: Self) -> Self {
        unsafe { Self(_mm512_mask_blend_pd(mask, otherwise.0, then.0)) }
    }
    #[inline(always)]
    unsafe fn both(a: __mmask8, b: __mmask8) -> __mmask8 {
        a & b
    }
    #[inline(always)]
    unsafe fn either(a: __mmask8, b: __mmask8) -> __mmask8 {
        a | b
    }
    #[inline(always)]
    unsafe fn without(a: __mmask8, b: __mmask8) -> __mmask8 {
        a & !b
    }
    #[inline(always)]
    unsafe fn any(mask: __mmask8) -> bool {
        mask != 0
    }
}
