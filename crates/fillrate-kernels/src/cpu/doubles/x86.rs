//! The AVX2 and AVX-512 doubles.
//!
//! The invariant of every block here is the trait's contract: the caller has the instructions and
//! its pointers are valid for what is read or written.

#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "one invariant, stated in the module's documentation, holds for all of them"
)]

#[allow(clippy::wildcard_imports, reason = "the instruction set is the vocabulary here")]
use std::arch::x86_64::*;

use super::Doubles;

/// Two AVX2 registers.
#[derive(Clone, Copy)]
pub(crate) struct Avx2Doubles(__m256d, __m256d);

/// One AVX-512 register.
#[derive(Clone, Copy)]
pub(crate) struct Avx512Doubles(__m512d);

macro_rules! binary {
    ($($method:ident: $avx2:ident;)*) => {
        $(
            #[inline(always)]
            unsafe fn $method(self, other: Self) -> Self {
                unsafe { Self($avx2(self.0, other.0), $avx2(self.1, other.1)) }
            }
        )*
    };
}

impl Doubles for Avx2Doubles {
    const LANES: usize = 8;

    binary! {
        add: _mm256_add_pd;
        sub: _mm256_sub_pd;
        mul: _mm256_mul_pd;
        div: _mm256_div_pd;
        max: _mm256_max_pd;
        min: _mm256_min_pd;
    }
    #[inline(always)]
    unsafe fn splat(x: f64) -> Self {
        unsafe { Self(_mm256_set1_pd(x), _mm256_set1_pd(x)) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f64) -> Self {
        unsafe { Self(_mm256_loadu_pd(from), _mm256_loadu_pd(from.add(4))) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f64) {
        unsafe {
            _mm256_storeu_pd(to, self.0);
            _mm256_storeu_pd(to.add(4), self.1);
        }
    }
    #[inline(always)]
    unsafe fn sqrt(self) -> Self {
        unsafe { Self(_mm256_sqrt_pd(self.0), _mm256_sqrt_pd(self.1)) }
    }
    #[inline(always)]
    unsafe fn select_positive(self, then: Self, otherwise: Self) -> Self {
        unsafe {
            let zero = _mm256_setzero_pd();
            let first = _mm256_cmp_pd::<_CMP_GT_OQ>(self.0, zero);
            let second = _mm256_cmp_pd::<_CMP_GT_OQ>(self.1, zero);
            Self(
                _mm256_blendv_pd(otherwise.0, then.0, first),
                _mm256_blendv_pd(otherwise.1, then.1, second),
            )
        }
    }
    #[inline(always)]
    unsafe fn any_nan(self) -> bool {
        unsafe { _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_UNORD_Q>(self.0, self.1)) != 0 }
    }
}

macro_rules! binary512 {
    ($($method:ident: $avx512:ident;)*) => {
        $(
            #[inline(always)]
            unsafe fn $method(self, other: Self) -> Self {
                unsafe { Self($avx512(self.0, other.0)) }
            }
        )*
    };
}

impl Doubles for Avx512Doubles {
    const LANES: usize = 8;

    binary512! {
        add: _mm512_add_pd;
        sub: _mm512_sub_pd;
        mul: _mm512_mul_pd;
        div: _mm512_div_pd;
        max: _mm512_max_pd;
        min: _mm512_min_pd;
    }
    #[inline(always)]
    unsafe fn splat(x: f64) -> Self {
        unsafe { Self(_mm512_set1_pd(x)) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f64) -> Self {
        unsafe { Self(_mm512_loadu_pd(from)) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f64) {
        unsafe { _mm512_storeu_pd(to, self.0) }
    }
    #[inline(always)]
    unsafe fn sqrt(self) -> Self {
        unsafe { Self(_mm512_sqrt_pd(self.0)) }
    }
    #[inline(always)]
    unsafe fn select_positive(self, then: Self, otherwise: Self) -> Self {
        unsafe {
            let positive = _mm512_cmp_pd_mask::<_CMP_GT_OQ>(self.0, _mm512_setzero_pd());
            Self(_mm512_mask_blend_pd(positive, otherwise.0, then.0))
        }
    }
    #[inline(always)]
    unsafe fn any_nan(self) -> bool {
        unsafe { _mm512_cmp_pd_mask::<_CMP_UNORD_Q>(self.0, self.0) != 0 }
    }
}
