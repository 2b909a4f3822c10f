//! The AVX2 and AVX-512 lanes.
//!
//! The invariant of every block here is the trait's contract: the caller has the instructions and
//! its pointers are valid for what is read or written.

#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "one invariant, stated in the module's documentation, holds for all of them"
)]

#[allow(clippy::wildcard_imports, reason = "the instruction set is the vocabulary here")]
use std::arch::x86_64::*;

use half::bf16;

use super::Lanes;
use crate::cpu::doubles::{Avx2Doubles, Avx512Doubles};

/// Folds eight lanes into one, by halves.
macro_rules! fold {
    ($op128:ident, $eight:expr) => {{
        let eight = $eight;
        let four = $op128(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
        let two = $op128(four, _mm_movehl_ps(four, four));
        _mm_cvtss_f32($op128(two, _mm_movehdup_ps(two)))
    }};
}

/// Two AVX2 registers.
#[derive(Clone, Copy)]
pub(crate) struct Avx2(__m256, __m256);

macro_rules! both {
    ($op:ident, $a:expr $(, $b:expr)*) => {
        unsafe { Avx2($op($a.0 $(, $b.0)*), $op($a.1 $(, $b.1)*)) }
    };
}

impl Lanes for Avx2 {
    type Doubles = Avx2Doubles;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        unsafe { Self(_mm256_set1_ps(x), _mm256_set1_ps(x)) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        unsafe { Self(_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(8))) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe {
            _mm256_storeu_ps(to, self.0);
            _mm256_storeu_ps(to.add(8), self.1);
        }
    }
    #[inline(always)]
    unsafe fn load_bf16(from: *const bf16) -> Self {
        unsafe {
            let bits = _mm256_loadu_si256(from.cast());
            let low = _mm256_cvtepu16_epi32(_mm256_castsi256_si128(bits));
            let high = _mm256_cvtepu16_epi32(_mm256_extracti128_si256::<1>(bits));
            Self(
                _mm256_castsi256_ps(_mm256_slli_epi32::<16>(low)),
                _mm256_castsi256_ps(_mm256_slli_epi32::<16>(high)),
            )
        }
    }
    #[inline(always)]
    unsafe fn store_bf16(self, to: *mut bf16) {
        #[inline(always)]
        unsafe fn round(x: __m256) -> __m256i {
            unsafe {
                let bits = _mm256_castps_si256(x);
                let odd = _mm256_and_si256(_mm256_srli_epi32::<16>(bits), _mm256_set1_epi32(1));
                let bias = _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff));
                let rounded = _mm256_srli_epi32::<16>(_mm256_add_epi32(bits, bias));
                let quiet = _mm256_or_si256(_mm256_srli_epi32::<16>(bits), _mm256_set1_epi32(0x40));
                let nan = _mm256_castps_si256(_mm256_cmp_ps::<_CMP_UNORD_Q>(x, x));
                _mm256_blendv_epi8(rounded, quiet, nan)
            }
        }
        unsafe {
            let packed = _mm256_packus_epi32(round(self.0), round(self.1));
            let ordered = _mm256_permute4x64_epi64::<0b11_01_10_00>(packed);
            _mm256_storeu_si256(to.cast(), ordered);
        }
    }
    #[inline(always)]
    unsafe fn load_bf16_pairs(from: *const bf16) -> (Self, Self) {
        unsafe {
            let low = _mm256_loadu_si256(from.cast());
            let high = _mm256_loadu_si256(from.add(16).cast());
            let mask = _mm256_set1_epi32(0xffff_0000_u32 as i32);
            (
                Self(
                    _mm256_castsi256_ps(_mm256_slli_epi32::<16>(low)),
                    _mm256_castsi256_ps(_mm256_slli_epi32::<16>(high)),
                ),
                Self(
                    _mm256_castsi256_ps(_mm256_and_si256(low, mask)),
                    _mm256_castsi256_ps(_mm256_and_si256(high, mask)),
                ),
            )
        }
    }
    #[inline(always)]
    unsafe fn load_i32(from: *const i32) -> Self {
        unsafe {
            Self(
                _mm256_cvtepi32_ps(_mm256_loadu_si256(from.cast())),
                _mm256_cvtepi32_ps(_mm256_loadu_si256(from.add(8).cast())),
            )
        }
    }
    #[inline(always)]
    unsafe fn store_u8(self, to: *mut u8) {
        unsafe {
            let words = _mm256_packs_epi32(_mm256_cvtps_epi32(self.0), _mm256_cvtps_epi32(self.1));
            let ordered = _mm256_permute4x64_epi64::<0b11_01_10_00>(words);
            let bytes = _mm_packus_epi16(
                _mm256_castsi256_si128(ordered),
                _mm256_extracti128_si256::<1>(ordered),
            );
            _mm_storeu_si128(to.cast(), bytes);
        }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        both!(_mm256_add_ps, self, other)
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        both!(_mm256_sub_ps, self, other)
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        both!(_mm256_mul_ps, self, other)
    }
    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        both!(_mm256_div_ps, self, other)
    }
    #[inline(always)]
    unsafe fn fma(self, b: Self, c: Self) -> Self {
        both!(_mm256_fmadd_ps, self, b, c)
    }
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        both!(_mm256_min_ps, self, other)
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        both!(_mm256_max_ps, self, other)
    }
    #[inline(always)]
    unsafe fn round(self) -> Self {
        const NEAREST: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
        unsafe { Self(_mm256_round_ps::<NEAREST>(self.0), _mm256_round_ps::<NEAREST>(self.1)) }
    }
    #[inline(always)]
    unsafe fn scale_by_power(self, n: Self) -> Self {
        #[inline(always)]
        unsafe fn power(n: __m256) -> __m256 {
            unsafe {
                let exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
                _mm256_castsi256_ps(_mm256_slli_epi32::<23>(exponent))
            }
        }
        unsafe { self.mul(Self(power(n.0), power(n.1))) }
    }
    #[inline(always)]
    unsafe fn reduce_add(self) -> f32 {
        unsafe { fold!(_mm_add_ps, _mm256_add_ps(self.0, self.1)) }
    }
    #[inline(always)]
    unsafe fn reduce_max(self) -> f32 {
        unsafe { fold!(_mm_max_ps, _mm256_max_ps(self.0, self.1)) }
    }
    #[inline(always)]
    unsafe fn reduce_min(self) -> f32 {
        unsafe { fold!(_mm_min_ps, _mm256_min_ps(self.0, self.1)) }
    }
}

/// The lower and the upper eight lanes.
macro_rules! halves {
    ($x:expr) => {
        (_mm512_castps512_ps256($x), _mm512_extractf32x8_ps::<1>($x))
    };
}

macro_rules! avx512_lanes {
    (
        $(#[$doc:meta])*
        $name:ident, $bits:ident => $narrow:block
        $(, $first:ident and $second:ident => $pair:block)?
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(crate) struct $name(__m512);

        impl Lanes for $name {
            type Doubles = Avx512Doubles;

            #[inline(always)]
            unsafe fn splat(x: f32) -> Self {
                unsafe { Self(_mm512_set1_ps(x)) }
            }
            #[inline(always)]
            unsafe fn load(from: *const f32) -> Self {
                unsafe { Self(_mm512_loadu_ps(from)) }
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut f32) {
                unsafe { _mm512_storeu_ps(to, self.0) }
            }
            #[inline(always)]
            unsafe fn load_bf16(from: *const bf16) -> Self {
                unsafe {
                    let wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(from.cast()));
                    Self(_mm512_castsi512_ps(_mm512_slli_epi32::<16>(wide)))
                }
            }
            #[inline(always)]
            unsafe fn store_bf16(self, to: *mut bf16) {
                let $bits = self.0;
                unsafe { _mm256_storeu_si256(to.cast(), $narrow) }
            }
            $(
                #[inline(always)]
                unsafe fn store_bf16_pair(first: Self, second: Self, to: *mut bf16) {
                    let ($first, $second) = (first.0, second.0);
                    unsafe { _mm512_storeu_si512(to.cast(), $pair) }
                }
            )?
            #[inline(always)]
            unsafe fn load_bf16_pairs(from: *const bf16) -> (Self, Self) {
                unsafe {
                    let pairs = _mm512_loadu_si512(from.cast());
                    let odd = _mm512_and_si512(pairs, _mm512_set1_epi32(0xffff_0000_u32 as i32));
                    (
                        Self(_mm512_castsi512_ps(_mm512_slli_epi32::<16>(pairs))),
                        Self(_mm512_castsi512_ps(odd)),
                    )
                }
            }
            #[inline(always)]
            unsafe fn load_i32(from: *const i32) -> Self {
                unsafe { Self(_mm512_cvtepi32_ps(_mm512_loadu_si512(from.cast()))) }
            }
            #[inline(always)]
            unsafe fn store_u8(self, to: *mut u8) {
                unsafe {
                    let words = _mm512_cvtps_epi32(_mm512_max_ps(self.0, _mm512_setzero_ps()));
                    _mm_storeu_si128(to.cast(), _mm512_cvtusepi32_epi8(words));
                }
            }
            #[inline(always)]
            unsafe fn quantize_bf16(
                from: *const bf16,
                len: usize,
                (scale, shift): (f32, f32),
                to: *mut u8,
            ) {
                unsafe {
                    let (scale, shift) = (Self::splat(scale), Self::splat(shift));
                    let bytes = |x: Self| _mm512_cvtps_epi32(x.mul(scale).add(shift).0);
                    // Even and odd values are halves of 32-bit words before and after.
                    let words = |from: *const bf16| {
                        let (even, odd) = Self::load_bf16_pairs(from);
                        let odd = _mm512_slli_epi32::<16>(bytes(odd));
                        _mm512_mask_blend_epi16(0xaaaa_aaaa, bytes(even), odd)
                    };
                    // Packing saturates, and mixes the 128-bit lanes of its operands.
                    let order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
                    for at in (0..len).step_by(64) {
                        let packed = _mm512_packus_epi16(words(from.add(at)), words(from.add(at + 32)));
                        let ordered = _mm512_permutexvar_epi64(order, packed);
                        _mm512_storeu_si512(to.add(at).cast(), ordered);
                    }
                }
            }
            #[inline(always)]
            unsafe fn extremes_bf16(from: *const bf16, len: usize) -> (f32, f32) {
                unsafe {
                    // As signed integers, bf16 values of 0 and above are in their order and lie
                    // above all others; as unsigned ones, those below 0 are in the opposite order
                    // and lie above all others.
                    let zero = _mm512_setzero_si512();
                    let (mut low, mut high) = ([zero; 2], [zero; 2]);
                    for at in (0..len).step_by(64) {
                        for half in 0..2 {
                            let bits = _mm512_loadu_si512(from.add(at + 32 * half).cast());
                            low[half] = _mm512_max_epu16(low[half], bits);
                            high[half] = _mm512_max_epi16(high[half], bits);
                        }
                    }
                    let mut bits = [0_u16; 32];
                    let greatest = |bits: &[u16; 32]| bits.iter().fold(0, |a, b| a.max(*b));
                    let from_bits = |bits: u16| f32::from_bits(u32::from(bits) << 16);
                    let low = _mm512_max_epu16(low[0], low[1]);
                    _mm512_storeu_si512(bits.as_mut_ptr().cast(), low);
                    // What has no sign comes from a row without negative values.
                    let low = from_bits(greatest(&bits)).min(0.0);
                    let high = _mm512_max_epi16(high[0], high[1]);
                    _mm512_storeu_si512(bits.as_mut_ptr().cast(), high);
                    (low, from_bits(greatest(&bits)))
                }
            }
            #[inline(always)]
            unsafe fn add(self, other: Self) -> Self {
                unsafe { Self(_mm512_add_ps(self.0, other.0)) }
            }
            #[inline(always)]
            unsafe fn sub(self, other: Self) -> Self {
                unsafe { Self(_mm512_sub_ps(self.0, other.0)) }
            }
            #[inline(always)]
            unsafe fn mul(self, other: Self) -> Self {
                unsafe { Self(_mm512_mul_ps(self.0, other.0)) }
            }
            #[inline(always)]
            unsafe fn div(self, other: Self) -> Self {
                unsafe {
                    // A division blocks the unit that also multiplies for sixteen cycles; an
                    // estimate of 14 bits and one step of Newton's method take four.
                    // Source: Markstein, "IA-64 and Elementary Functions" (2000), chapter 8.
                    let estimate = _mm512_rcp14_ps(other.0);
                    let quotient = _mm512_mul_ps(self.0, estimate);
                    let rest = _mm512_fnmadd_ps(other.0, quotient, self.0);
                    Self(_mm512_fmadd_ps(rest, estimate, quotient))
                }
            }
            #[inline(always)]
            unsafe fn fma(self, b: Self, c: Self) -> Self {
                unsafe { Self(_mm512_fmadd_ps(self.0, b.0, c.0)) }
            }
            #[inline(always)]
            unsafe fn min(self, other: Self) -> Self {
                unsafe { Self(_mm512_min_ps(self.0, other.0)) }
            }
            #[inline(always)]
            unsafe fn max(self, other: Self) -> Self {
                unsafe { Self(_mm512_max_ps(self.0, other.0)) }
            }
            #[inline(always)]
            unsafe fn round(self) -> Self {
                const NEAREST: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
                unsafe { Self(_mm512_roundscale_ps::<NEAREST>(self.0)) }
            }
            #[inline(always)]
            unsafe fn scale_by_power(self, n: Self) -> Self {
                unsafe { Self(_mm512_scalef_ps(self.0, n.0)) }
            }
            #[inline(always)]
            unsafe fn reduce_add(self) -> f32 {
                unsafe {
                    let (low, high) = halves!(self.0);
                    fold!(_mm_add_ps, _mm256_add_ps(low, high))
                }
            }
            #[inline(always)]
            unsafe fn reduce_max(self) -> f32 {
                unsafe {
                    let (low, high) = halves!(self.0);
                    fold!(_mm_max_ps, _mm256_max_ps(low, high))
                }
            }
            #[inline(always)]
            unsafe fn reduce_min(self) -> f32 {
                unsafe {
                    let (low, high) = halves!(self.0);
                    fold!(_mm_min_ps, _mm256_min_ps(low, high))
                }
            }
        }
    };
}

avx512_lanes! {
    /// One AVX-512 register, rounding to bfloat16 with integer instructions.
    Avx512, x => {
        let bits = _mm512_castps_si512(x);
        let odd = _mm512_and_si512(_mm512_srli_epi32::<16>(bits), _mm512_set1_epi32(1));
        let bias = _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff));
        let rounded = _mm512_srli_epi32::<16>(_mm512_add_epi32(bits, bias));
        let quiet = _mm512_or_si512(_mm512_srli_epi32::<16>(bits), _mm512_set1_epi32(0x40));
        let nan = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(x, x);
        _mm512_cvtepi32_epi16(_mm512_mask_mov_epi32(rounded, nan, quiet))
    }
}

avx512_lanes! {
    /// One AVX-512 register, rounding to bfloat16 with one instruction.
    Avx512Bf16, x => {
        std::mem::transmute::<__m256bh, __m256i>(_mm512_cvtneps_pbh(x))
    }, first and second => {
        std::mem::transmute::<__m512bh, __m512i>(_mm512_cvtne2ps_pbh(second, first))
    }
}
