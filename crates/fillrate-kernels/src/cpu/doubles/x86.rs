//! The AVX2 and AVX-512 doubles.
//!
//! The invariant of every block here is the trait's contract: the caller has the instructions and
//! its pointers are valid for what is read or written.

#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "one invariant, stated in the module's documentation, holds for all of them"
)]

mod delay;
mod masks;

#[allow(clippy::wildcard_imports, reason = "the instruction set is the vocabulary here")]
use std::arch::x86_64::*;

use super::{Doubles, MANTISSA_BITS, ONE_BITS};
use crate::cpu::words::{Avx2Words, Avx512Words};

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
    type Words = Avx2Words;

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
    #[inline(always)]
    unsafe fn nan_unless_finite(self, x: Self) -> Self {
        unsafe {
            let zero = _mm256_setzero_pd();
            Self(_mm256_fmadd_pd(x.0, zero, self.0), _mm256_fmadd_pd(x.1, zero, self.1))
        }
    }
    #[inline(always)]
    unsafe fn round(self) -> Self {
        const NEAREST: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
        unsafe { Self(_mm256_round_pd::<NEAREST>(self.0), _mm256_round_pd::<NEAREST>(self.1)) }
    }
    #[inline(always)]
    unsafe fn scale_by_power(self, n: Self) -> Self {
        #[inline(always)]
        unsafe fn power(n: __m256d) -> __m256d {
            unsafe {
                // Added to 1.5 · 2⁵², an integer stands in the lowest bits.
                let biased = _mm256_add_pd(n, _mm256_set1_pd(6_755_399_441_055_744.0 + 1023.0));
                _mm256_castsi256_pd(_mm256_slli_epi64::<52>(_mm256_castpd_si256(biased)))
            }
        }
        unsafe { Self(_mm256_mul_pd(self.0, power(n.0)), _mm256_mul_pd(self.1, power(n.1))) }
    }
    #[inline(always)]
    unsafe fn mantissa_and_exponent(self) -> (Self, Self) {
        #[inline(always)]
        unsafe fn split(x: __m256d) -> (__m256d, __m256d) {
            unsafe {
                let bits = _mm256_castpd_si256(x);
                let mantissa = _mm256_and_si256(bits, _mm256_set1_epi64x(MANTISSA_BITS as i64));
                let one = _mm256_set1_epi64x(ONE_BITS as i64);
                let mantissa = _mm256_castsi256_pd(_mm256_or_si256(mantissa, one));
                // Put below the bits of 2⁵², the exponent is a double's last digits.
                let magic = _mm256_set1_pd(4_503_599_627_370_496.0);
                let raised =
                    _mm256_or_si256(_mm256_srli_epi64::<52>(bits), _mm256_castpd_si256(magic));
                let exponent = _mm256_sub_pd(_mm256_castsi256_pd(raised), magic);
                (mantissa, _mm256_sub_pd(exponent, _mm256_set1_pd(1023.0)))
            }
        }
        unsafe {
            let ((m0, e0), (m1, e1)) = (split(self.0), split(self.1));
            (Self(m0, m1), Self(e0, e1))
        }
    }
    #[inline(always)]
    unsafe fn from_bits(bits: Avx2Words) -> Self {
        unsafe { Self(_mm256_castsi256_pd(bits.0), _mm256_castsi256_pd(bits.1)) }
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
    const IS_ONE_OF_MANY: bool = true;
    type Words = Avx512Words;

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
    #[inline(always)]
    unsafe fn nan_unless_finite(self, x: Self) -> Self {
        unsafe { Self(_mm512_fmadd_pd(x.0, _mm512_setzero_pd(), self.0)) }
    }
    #[inline(always)]
    unsafe fn round(self) -> Self {
        const NEAREST: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
        unsafe { Self(_mm512_roundscale_pd::<NEAREST>(self.0)) }
    }
    #[inline(always)]
    unsafe fn scale_by_power(self, n: Self) -> Self {
        unsafe { Self(_mm512_scalef_pd(self.0, n.0)) }
    }
    #[inline(always)]
    unsafe fn mantissa_and_exponent(self) -> (Self, Self) {
        unsafe {
            let mantissa = _mm512_getmant_pd::<_MM_MANT_NORM_1_2, _MM_MANT_SIGN_SRC>(self.0);
            (Self(mantissa), Self(_mm512_getexp_pd(self.0)))
        }
    }
    #[inline(always)]
    unsafe fn from_bits(bits: Avx512Words) -> Self {
        unsafe { Self(_mm512_castsi512_pd(bits.0)) }
    }
}
