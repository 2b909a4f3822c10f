//! The AVX2 and AVX-512 inner loops.
//!
//! Every function here follows the contract of [`Micro`](super::micro::Micro) and is called only
//! where its instructions were detected.

#![allow(unsafe_code, reason = "instructions gated by the tier, over blocks the driver checks")]
#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "one invariant, stated in the module's documentation, holds for all of them"
)]

#[allow(clippy::wildcard_imports, reason = "the instruction set is the vocabulary here")]
use std::arch::x86_64::*;

use super::micro::{Operands, bf16_rows, f32_rows};
use crate::cpu::lanes::{Avx2, Avx512};

#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn f32_avx2(operands: Operands, rows: usize, sums: *mut u32) {
    unsafe { f32_rows::<Avx2, 6, 1>(operands, rows, sums) }
}

#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn bf16_fma_avx2(operands: Operands, rows: usize, sums: *mut u32) {
    unsafe { bf16_rows::<Avx2, 4, 1>(operands, rows, sums) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma")]
pub(super) unsafe fn f32_avx512(operands: Operands, rows: usize, sums: *mut u32) {
    unsafe { f32_rows::<Avx512, 12, 2>(operands, rows, sums) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma")]
pub(super) unsafe fn bf16_fma_avx512(operands: Operands, rows: usize, sums: *mut u32) {
    unsafe { bf16_rows::<Avx512, 6, 4>(operands, rows, sums) }
}

/// Rows of `$rows` times four panels of sixteen columns with one dot-product instruction.
macro_rules! dot_block {
    ($operands:ident, $rows:literal, $sums:ident, $zero:expr, |$acc:ident, $x:ident, $w:ident| $dot:expr, $store:expr) => {{
        let Operands { x, row_bytes, w, panel_bytes, steps, .. } = $operands;
        let mut totals = [[$zero; 4]; $rows];
        for step in 0..steps {
            let mut columns = [_mm512_setzero_si512(); 4];
            for (panel, column) in columns.iter_mut().enumerate() {
                *column = _mm512_loadu_si512(w.add(panel * panel_bytes + step * 64).cast());
            }
            for (row, totals) in totals.iter_mut().enumerate() {
                let group = x.add(row * row_bytes + step * 4).cast::<i32>().read_unaligned();
                let $x = _mm512_set1_epi32(group);
                for (total, $w) in totals.iter_mut().zip(columns) {
                    let $acc = *total;
                    *total = $dot;
                }
            }
        }
        for (row, totals) in totals.into_iter().enumerate() {
            for (panel, total) in totals.into_iter().enumerate() {
                $store($sums.add(row * 64 + panel * 16).cast(), total);
            }
        }
    }};
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
pub(super) unsafe fn int8_vnni(operands: Operands, rows: usize, sums: *mut u32) {
    unsafe {
        if rows == 6 {
            let zero = _mm512_setzero_si512();
            dot_block!(
                operands,
                6,
                sums,
                zero,
                |acc, x, w| _mm512_dpbusd_epi32(acc, x, w),
                _mm512_storeu_si512
            );
            return;
        }
        for row in 0..rows {
            let operands = operands.at(row, 0);
            let sums = sums.add(row * 64);
            let zero = _mm512_setzero_si512();
            dot_block!(
                operands,
                1,
                sums,
                zero,
                |acc, x, w| _mm512_dpbusd_epi32(acc, x, w),
                _mm512_storeu_si512
            );
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")]
unsafe fn dot_bf16(acc: __m512, x: __m512i, w: __m512i) -> __m512 {
    unsafe {
        _mm512_dpbf16_ps(
            acc,
            std::mem::transmute::<__m512i, __m512bh>(x),
            std::mem::transmute::<__m512i, __m512bh>(w),
        )
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")]
pub(super) unsafe fn bf16_dot(operands: Operands, rows: usize, sums: *mut u32) {
    unsafe {
        if rows == 6 {
            let zero = _mm512_setzero_ps();
            dot_block!(operands, 6, sums, zero, |acc, x, w| dot_bf16(acc, x, w), _mm512_storeu_ps);
            return;
        }
        for row in 0..rows {
            let operands = operands.at(row, 0);
            let sums = sums.add(row * 64);
            let zero = _mm512_setzero_ps();
            dot_block!(operands, 1, sums, zero, |acc, x, w| dot_bf16(acc, x, w), _mm512_storeu_ps);
        }
    }
}

/// Without VNNI: bytes are widened to 16 bits, since `vpmaddubsw` saturates and would not be exact.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn int8_avx2(operands: Operands, rows: usize, sums: *mut u32) {
    unsafe {
        if rows == 3 {
            int8_avx2_rows::<3>(operands, sums);
            return;
        }
        for row in 0..rows {
            int8_avx2_rows::<1>(operands.at(row, 0), sums.add(row * 16));
        }
    }
}

#[inline]
#[target_feature(enable = "avx2")]
unsafe fn int8_avx2_rows<const R: usize>(operands: Operands, sums: *mut u32) {
    let Operands { x, row_bytes, w, steps, .. } = operands;
    unsafe {
        // Four columns a register, two partial sums a column.
        let mut totals = [[_mm256_setzero_si256(); 4]; R];
        for step in 0..steps {
            let mut groups = [_mm256_setzero_si256(); R];
            for (row, group) in groups.iter_mut().enumerate() {
                let bytes = x.add(row * row_bytes + step * 4).cast::<i32>().read_unaligned();
                *group = _mm256_broadcastq_epi64(_mm_cvtepu8_epi16(_mm_cvtsi32_si128(bytes)));
            }
            for quarter in 0..4 {
                let bytes = _mm_loadu_si128(w.add(step * 64 + quarter * 16).cast());
                let columns = _mm256_cvtepi8_epi16(bytes);
                for (totals, group) in totals.iter_mut().zip(groups) {
                    let products = _mm256_madd_epi16(group, columns);
                    totals[quarter] = _mm256_add_epi32(totals[quarter], products);
                }
            }
        }
        for (row, totals) in totals.into_iter().enumerate() {
            for (half, pair) in totals.chunks_exact(2).enumerate() {
                let added = _mm256_hadd_epi32(pair[0], pair[1]);
                let ordered = _mm256_permute4x64_epi64::<0b11_01_10_00>(added);
                _mm256_storeu_si256(sums.add(row * 16 + half * 8).cast(), ordered);
            }
        }
    }
}
