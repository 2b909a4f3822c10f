//! Lanes of a series as they were some places earlier, with AVX2 and AVX-512.
//!
//! The invariant of every block here is the trait's contract: the caller has the instructions.

#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "one invariant, stated in the module's documentation, holds for all of them"
)]

#[allow(clippy::wildcard_imports, reason = "the instruction set is the vocabulary here")]
use std::arch::x86_64::*;

use super::{Avx2Doubles, Avx512Doubles};
use crate::cpu::doubles::Delay;

impl Delay for Avx2Doubles {
    const HAS_REGISTERS: bool = true;

    #[inline(always)]
    unsafe fn delayed<const N: usize>(self, before: Self) -> Self {
        /// The four values that end `n` places before the last of `newer`.
        #[inline(always)]
        unsafe fn half(n: usize, older: __m256d, newer: __m256d) -> __m256d {
            /// The lower value of each pair is the upper one of the first operand.
            const UPPER_LOWER: i32 = 0b0101;
            unsafe {
                let two = _mm256_permute2f128_pd::<0x21>(older, newer);
                match n {
                    1 => _mm256_shuffle_pd::<UPPER_LOWER>(two, newer),
                    2 => two,
                    3 => _mm256_shuffle_pd::<UPPER_LOWER>(older, two),
                    _ => older,
                }
            }
        }
        const { assert!(N >= 1 && N <= 7) };
        unsafe {
            if N <= 4 {
                Self(half(N, before.1, self.0), half(N, self.0, self.1))
            } else {
                Self(half(N - 4, before.0, before.1), half(N - 4, before.1, self.0))
            }
        }
    }
}

impl Delay for Avx512Doubles {
    const HAS_REGISTERS: bool = true;

    #[inline(always)]
    unsafe fn delayed<const N: usize>(self, before: Self) -> Self {
        const { assert!(N >= 1 && N <= 7) };
        unsafe {
            let (newer, older) = (_mm512_castpd_si512(self.0), _mm512_castpd_si512(before.0));
            Self(_mm512_castsi512_pd(match N {
                1 => _mm512_alignr_epi64::<7>(newer, older),
                2 => _mm512_alignr_epi64::<6>(newer, older),
                3 => _mm512_alignr_epi64::<5>(newer, older),
                4 => _mm512_alignr_epi64::<4>(newer, older),
                5 => _mm512_alignr_epi64::<3>(newer, older),
                6 => _mm512_alignr_epi64::<2>(newer, older),
                _ => _mm512_alignr_epi64::<1>(newer, older),
            }))
        }
    }
}
