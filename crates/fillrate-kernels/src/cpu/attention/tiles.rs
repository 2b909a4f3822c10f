//! Attention in AMX tiles: bf16, heads of a multiple of 32 values.
//!
//! Both products of a head, q kᵀ and softmax · v, are tile products whose right sides are packed
//! like the panels of a [`Linear`](crate::Linear): keys are the "outputs" of the first, the
//! dimensions of the values those of the second. Softmax weights are rounded to bf16 between them.

#![allow(unsafe_code, reason = "instructions gated by the tier, over checked bounds")]

#[allow(clippy::wildcard_imports, reason = "the instruction set is the vocabulary here")]
use std::arch::x86_64::*;

use half::bf16;

use super::super::amx;
use super::super::lanes::{Avx512Bf16, LANES, Lanes};
use super::Sequences;
use super::heads::{Head, heads};
use super::scratch::{AttentionScratch, BLOCK_ROWS, KEY_MULTIPLE};
use super::softmax::softmax_row;

/// The values of one tile row, which is also one step of a product: 64 bytes of bf16.
const STEP: usize = 32;

/// The values of one tile.
const TILE: usize = 16 * STEP;

/// Whether heads of this size are whole tile rows.
pub(super) fn fits(scratch: &AttentionScratch) -> bool {
    scratch.head_dim.is_multiple_of(STEP)
}

/// Attention over matrices that the op has checked, on a tier with AMX; `stride` is that of `qkv`.
pub(super) fn attention(
    qkv: &[bf16],
    stride: usize,
    sequences: Sequences<'_>,
    (out, out_stride): (&mut [bf16], usize),
    scratch: &mut AttentionScratch,
) {
    // SAFETY: the caller runs on a tier with AMX and AVX-512 BF16; the op has checked that every
    // row and column exists and that the scratch holds the longest sequence.
    unsafe {
        amx::configure();
        for head in heads(qkv, stride, sequences, scratch.head_dim) {
            let out = &mut out[head.row * out_stride + head.column..];
            attend(&head, scratch, (out, out_stride));
        }
        amx::release();
    }
}

/// Attention of one head of one sequence.
///
/// # Safety
///
/// As [`attention`] says, with tiles configured.
#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16")]
unsafe fn attend(
    head: &Head<'_, bf16>,
    scratch: &mut AttentionScratch,
    (out, out_stride): (&mut [bf16], usize),
) {
    let dim = scratch.head_dim;
    let len = head.len;
    let keys_padded = len.next_multiple_of(KEY_MULTIPLE);
    let scale = 1.0 / (dim as f32).sqrt();
    let (keys, values) =
        (scratch.keys.as_mut_ptr().cast::<bf16>(), scratch.values.as_mut_ptr().cast::<bf16>());
    let (queries, weights) =
        (scratch.queries.as_mut_ptr().cast::<bf16>(), scratch.weights.as_mut_ptr().cast::<bf16>());
    let (scores, context) = (scratch.scores.as_mut_ptr(), scratch.context.as_mut_ptr());
    // SAFETY: the scratch has room for `keys_padded` keys and values, for BLOCK_ROWS rows of
    // queries, scores, weights and results. Rows past `rows` hold what an earlier block left, and
    // nothing reads what comes of them.
    unsafe {
        pack_keys(head, dim, keys);
        pack_values(head, dim, values);
        for block in (0..len).step_by(BLOCK_ROWS) {
            let rows = BLOCK_ROWS.min(len - block);
            for row in 0..rows {
                let from = head.q[(block + row) * head.stride..][..dim].as_ptr();
                from.copy_to_nonoverlapping(queries.add(row * dim), dim);
            }
            product((queries, dim), keys, (scores, keys_padded));
            let mut sums = [1.0; BLOCK_ROWS];
            for (row, sum) in sums.iter_mut().enumerate().take(rows) {
                let from = scores.add(row * keys_padded);
                let to = weights.add(row * keys_padded);
                let store = |at, x: Avx512Bf16| x.store_bf16(to.add(at));
                *sum = softmax_row(from, len, keys_padded, scale, store);
            }
            product((weights, keys_padded), values, (context, dim));
            for (row, sum) in sums.into_iter().enumerate().take(rows) {
                let scale = Avx512Bf16::splat(1.0 / sum);
                let to = out[(block + row) * out_stride..][..dim].as_mut_ptr();
                for at in (0..dim).step_by(LANES) {
                    let x = Avx512Bf16::load(context.add(row * dim + at));
                    x.mul(scale).store_bf16(to.add(at));
                }
            }
        }
    }
}

/// out\[16, columns\] = a\[16, k\] · panels\[columns, k\], with k and the columns multiples of 32.
///
/// # Safety
///
/// All three are of that size, and tiles are configured.
#[inline]
unsafe fn product(
    (a, k): (*const bf16, usize),
    panels: *const bf16,
    (out, columns): (*mut f32, usize),
) {
    for column in (0..columns).step_by(2 * LANES) {
        // SAFETY: two panels of `k / STEP` tiles each begin at `column`.
        unsafe {
            let panels = panels.add(column / LANES * (k / STEP) * TILE);
            let step = k / STEP;
            amx::bf16_16x32(
                (a, 2 * k),
                (panels, step * 2 * TILE),
                step,
                (out.add(column), 4 * columns),
            );
        }
    }
}

/// Packs keys as the right side of q kᵀ: panels of sixteen keys, `dim / 32` tiles each, a tile
/// being sixteen pairs of dimensions of sixteen keys. Keys past the sequence are zero.
///
/// # Safety
///
/// `to` has room for the padded sequence; AVX-512 is available.
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn pack_keys(head: &Head<'_, bf16>, dim: usize, to: *mut bf16) {
    let panels = head.len.next_multiple_of(KEY_MULTIPLE) / LANES;
    // SAFETY: rows are read only within the sequence; `to` has `panels` panels.
    unsafe {
        for panel in 0..panels {
            for step in 0..dim / STEP {
                let mut rows = [_mm512_setzero_si512(); LANES];
                let present = head.len.saturating_sub(panel * LANES).min(LANES);
                for (row, to) in rows.iter_mut().enumerate().take(present) {
                    let at = (panel * LANES + row) * head.stride + step * STEP;
                    *to = _mm512_loadu_si512(head.k[at..][..STEP].as_ptr().cast());
                }
                let tile = to.add((panel * (dim / STEP) + step) * TILE);
                for (pair, row) in transpose(&rows).into_iter().enumerate() {
                    _mm512_storeu_si512(tile.add(pair * STEP).cast(), row);
                }
            }
        }
    }
}

/// Packs values as the right side of softmax · v: panels of sixteen dimensions, a tile for each 32
/// keys, being sixteen pairs of keys of sixteen dimensions. Keys past the sequence are zero.
///
/// # Safety
///
/// `to` has room for the padded sequence; AVX-512 is available.
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn pack_values(head: &Head<'_, bf16>, dim: usize, to: *mut bf16) {
    let steps = head.len.next_multiple_of(KEY_MULTIPLE) / STEP;
    // SAFETY: rows are read only within the sequence; `to` has `dim / 16` panels of `steps` tiles.
    unsafe {
        let first_panel = interleave(0);
        let second_panel = interleave(16);
        for pair in 0..steps * 16 {
            for dims in (0..dim).step_by(STEP) {
                let load = |key: usize| {
                    if key < head.len {
                        let row = &head.v[key * head.stride + dims..][..STEP];
                        _mm512_loadu_si512(row.as_ptr().cast())
                    } else {
                        _mm512_setzero_si512()
                    }
                };
                let (even, odd) = (load(2 * pair), load(2 * pair + 1));
                let at =
                    |panel: usize| to.add((panel * steps + pair / 16) * TILE + pair % 16 * STEP);
                let panel = dims / LANES;
                let low = _mm512_permutex2var_epi16(even, first_panel, odd);
                let high = _mm512_permutex2var_epi16(even, second_panel, odd);
                _mm512_storeu_si512(at(panel).cast(), low);
                _mm512_storeu_si512(at(panel + 1).cast(), high);
            }
        }
    }
}

/// Indices that interleave sixteen 16-bit values of two registers, from `first` on.
#[target_feature(enable = "avx512f,avx512bw")]
fn interleave(first: u16) -> __m512i {
    let mut indices = [0_u16; 32];
    for (lane, index) in indices.iter_mut().enumerate() {
        *index = first + (lane / 2) as u16 + (lane % 2) as u16 * 32;
    }
    // SAFETY: the array is 64 bytes.
    unsafe { _mm512_loadu_si512(indices.as_ptr().cast()) }
}

/// Transposes a 16 × 16 matrix of 32-bit values.
#[inline]
#[target_feature(enable = "avx512f")]
fn transpose(rows: &[__m512i; 16]) -> [__m512i; 16] {
    let mut pairs = *rows;
    for i in 0..8 {
        pairs[2 * i] = _mm512_unpacklo_epi32(rows[2 * i], rows[2 * i + 1]);
        pairs[2 * i + 1] = _mm512_unpackhi_epi32(rows[2 * i], rows[2 * i + 1]);
    }
    // Four columns of four rows in each 128-bit lane.
    let mut quads = pairs;
    for i in 0..4 {
        let [a, b, c, d] = [pairs[4 * i], pairs[4 * i + 1], pairs[4 * i + 2], pairs[4 * i + 3]];
        quads[4 * i] = _mm512_unpacklo_epi64(a, c);
        quads[4 * i + 1] = _mm512_unpackhi_epi64(a, c);
        quads[4 * i + 2] = _mm512_unpacklo_epi64(b, d);
        quads[4 * i + 3] = _mm512_unpackhi_epi64(b, d);
    }
    // Then the 128-bit lanes themselves.
    let mut columns = quads;
    for c in 0..4 {
        let [a, b, d, e] = [quads[c], quads[4 + c], quads[8 + c], quads[12 + c]];
        let even_low = _mm512_shuffle_i32x4::<0x88>(a, b);
        let odd_low = _mm512_shuffle_i32x4::<0xdd>(a, b);
        let even_high = _mm512_shuffle_i32x4::<0x88>(d, e);
        let odd_high = _mm512_shuffle_i32x4::<0xdd>(d, e);
        columns[c] = _mm512_shuffle_i32x4::<0x88>(even_low, even_high);
        columns[8 + c] = _mm512_shuffle_i32x4::<0xdd>(even_low, even_high);
        columns[4 + c] = _mm512_shuffle_i32x4::<0x88>(odd_low, odd_high);
        columns[12 + c] = _mm512_shuffle_i32x4::<0xdd>(odd_low, odd_high);
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transposing_moves_every_value() {
        if !is_x86_feature_detected!("avx512f") {
            return;
        }
        let values: Vec<u32> = (0..256).collect();
        // SAFETY: AVX-512 was detected; rows are 64 bytes.
        let columns: Vec<[u32; 16]> = unsafe {
            let mut rows = [_mm512_setzero_si512(); 16];
            for (row, values) in rows.iter_mut().zip(values.chunks_exact(16)) {
                *row = _mm512_loadu_si512(values.as_ptr().cast());
            }
            transpose(&rows).map(|c| std::mem::transmute::<__m512i, [u32; 16]>(c)).to_vec()
        };
        for (column, found) in columns.iter().enumerate() {
            for (row, &value) in found.iter().enumerate() {
                assert_eq!(value as usize, 16 * row + column);
            }
        }
    }
}
