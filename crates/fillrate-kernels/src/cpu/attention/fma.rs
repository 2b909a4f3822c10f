//! Attention with f32 multiplications: every tier, every head size.

#![allow(unsafe_code, reason = "lane operations gated by the tier, over checked bounds")]

use half::bf16;

use super::super::block::{Panels, fma_block};
use super::super::dispatch::{Kernel, dispatch};
use super::super::lanes::{LANES, Lanes};
use super::Sequences;
use super::heads::{Head, heads};
use super::scratch::{AttentionScratch, KEY_MULTIPLE};
use super::softmax::softmax_row;
use crate::Tier;

/// Query rows of one inner block: with two panels, as many sums as hide the latency of an FMA.
const ROWS: usize = 4;

/// Attention over matrices that the op has checked; `stride` is that of `qkv`.
pub(super) fn attention<T: Element>(
    tier: Tier,
    qkv: &[T],
    stride: usize,
    sequences: Sequences<'_>,
    out: (&mut [T], usize),
    scratch: &mut AttentionScratch,
) {
    dispatch(tier, Attention { qkv, stride, sequences, out, scratch });
}

/// A value of an activation, f32 or bf16.
pub(super) trait Element: Copy {
    unsafe fn load<L: Lanes>(from: *const Self) -> L;
    unsafe fn store<L: Lanes>(to: *mut Self, x: L);
    fn widen(self) -> f32;
    fn narrow(x: f32) -> Self;
}

// SAFETY (of both implementations): the caller passes pointers valid for sixteen values and has
// the instructions of `L`.
impl Element for f32 {
    #[inline(always)]
    unsafe fn load<L: Lanes>(from: *const Self) -> L {
        // SAFETY: as above.
        unsafe { L::load(from) }
    }
    #[inline(always)]
    unsafe fn store<L: Lanes>(to: *mut Self, x: L) {
        // SAFETY: as above.
        unsafe { x.store(to) }
    }
    #[inline(always)]
    fn widen(self) -> f32 {
        self
    }
    #[inline(always)]
    fn narrow(x: f32) -> Self {
        x
    }
}

impl Element for bf16 {
    #[inline(always)]
    unsafe fn load<L: Lanes>(from: *const Self) -> L {
        // SAFETY: as above.
        unsafe { L::load_bf16(from) }
    }
    #[inline(always)]
    unsafe fn store<L: Lanes>(to: *mut Self, x: L) {
        // SAFETY: as above.
        unsafe { x.store_bf16(to) }
    }
    #[inline(always)]
    fn widen(self) -> f32 {
        f32::from_bits(u32::from(self.to_bits()) << 16)
    }
    #[inline(always)]
    fn narrow(x: f32) -> Self {
        Self::from_f32(x)
    }
}

struct Attention<'a, T> {
    qkv: &'a [T],
    stride: usize,
    sequences: Sequences<'a>,
    out: (&'a mut [T], usize),
    scratch: &'a mut AttentionScratch,
}

impl<T: Element> Kernel for Attention<'_, T> {
    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let Self { qkv, stride, sequences, out: (out, out_stride), scratch } = self;
        for head in heads(qkv, stride, sequences, scratch.head_dim) {
            let out = &mut out[head.row * out_stride + head.column..];
            // SAFETY: the op has checked that all rows and columns exist, and that the scratch
            // holds such a sequence. `L` is available by the trait's contract.
            unsafe { attend::<L, T>(&head, scratch, (out, out_stride)) }
        }
    }
}

/// Attention of one head of one sequence.
#[inline(always)]
unsafe fn attend<L: Lanes, T: Element>(
    head: &Head<'_, T>,
    scratch: &mut AttentionScratch,
    (out, out_stride): (&mut [T], usize),
) {
    let dim = scratch.head_dim;
    let len = head.len;
    let padded_len = len.next_multiple_of(KEY_MULTIPLE);
    let padded_dim = dim.next_multiple_of(LANES);
    // SAFETY: the scratch holds `padded_len` keys and values of `dim` values padded to whole
    // vectors, ROWS rows of queries, of scores and of results. Rows past `rows` hold what an
    // earlier block left, and nothing reads what comes of them.
    unsafe {
        widen_rows::<L, T>(head.v, head.stride, len, (&mut scratch.values, padded_dim), dim);
        transpose_keys(head, padded_len, &mut scratch.keys, dim);
        let keys = Panels { start: scratch.keys.as_ptr(), panel_step: LANES, k_step: padded_len };
        let values =
            Panels { start: scratch.values.as_ptr(), panel_step: LANES, k_step: padded_dim };
        let scores = scratch.scores.as_mut_ptr();
        let context = scratch.context.as_mut_ptr();
        for block in (0..len).step_by(ROWS) {
            let rows = ROWS.min(len - block);
            let queries = &head.q[block * head.stride..];
            widen_rows::<L, T>(queries, head.stride, rows, (&mut scratch.queries, dim), dim);
            let queries = (scratch.queries.as_ptr(), dim);
            product::<L>(queries, keys, dim, (scores, padded_len), padded_len / LANES);
            let mut sums = [1.0; ROWS];
            for (row, sum) in sums.iter_mut().enumerate().take(rows) {
                let row = scores.add(row * padded_len);
                let scale = 1.0 / (dim as f32).sqrt();
                let store = |at, x: L| x.store(row.add(at));
                *sum = softmax_row(row.cast_const(), len, padded_len, scale, store);
            }
            let weights = (scores.cast_const(), padded_len);
            product::<L>(weights, values, len, (context, padded_dim), padded_dim / LANES);
            for (row, sum) in sums.into_iter().enumerate().take(rows) {
                let to = &mut out[(block + row) * out_stride..][..dim];
                store_row::<L, T>(context.add(row * padded_dim), 1.0 / sum, to);
            }
        }
    }
}

/// [`ROWS`] rows times `panels` panels of sixteen columns, two panels at a time.
///
/// # Safety
///
/// As for [`fma_block`].
#[inline(always)]
unsafe fn product<L: Lanes>(
    a: (*const f32, usize),
    right: Panels<f32>,
    k: usize,
    out: (*mut f32, usize),
    panels: usize,
) {
    let mut panel = 0;
    while panel < panels {
        // SAFETY: as the caller guarantees, for the panels from `panel` on.
        unsafe {
            let right = Panels { start: right.start.add(panel * right.panel_step), ..right };
            let out = (out.0.add(panel * LANES), out.1);
            if panels - panel >= 2 {
                fma_block::<L, ROWS, 2>(a, right, k, out);
                panel += 2;
            } else {
                fma_block::<L, ROWS, 1>(a, right, k, out);
                panel += 1;
            }
        }
    }
}

/// Copies `rows` rows of `dim` values as f32, with zeros up to the next stride.
///
/// # Safety
///
/// `L` is available.
#[inline(always)]
unsafe fn widen_rows<L: Lanes, T: Element>(
    from: &[T],
    stride: usize,
    rows: usize,
    (to, to_stride): (&mut [f32], usize),
    dim: usize,
) {
    let whole = dim / LANES * LANES;
    for (row, to) in to.chunks_exact_mut(to_stride).enumerate().take(rows) {
        let from = &from[row * stride..][..dim];
        for at in (0..whole).step_by(LANES) {
            // SAFETY: both slices have LANES values from `at` on.
            unsafe { T::load::<L>(from.as_ptr().add(at)).store(to.as_mut_ptr().add(at)) }
        }
        for at in whole..dim {
            to[at] = from[at].widen();
        }
        to[dim..].fill(0.0);
    }
}

/// Lays keys out as `[dim, padded_len]`, with zeros past the sequence.
#[inline(always)]
fn transpose_keys<T: Element>(head: &Head<'_, T>, padded_len: usize, keys: &mut [f32], dim: usize) {
    for row in 0..head.len {
        for (d, from) in head.k[row * head.stride..][..dim].iter().enumerate() {
            keys[d * padded_len + row] = from.widen();
        }
    }
    for keys in keys.chunks_exact_mut(padded_len).take(dim) {
        keys[head.len..].fill(0.0);
    }
}

/// Scales a row and stores it: whole vectors, then what is left one by one.
///
/// # Safety
///
/// `from` is valid for `to.len()` values; `L` is available.
#[inline(always)]
unsafe fn store_row<L: Lanes, T: Element>(from: *const f32, scale: f32, to: &mut [T]) {
    let whole = to.len() / LANES * LANES;
    // SAFETY: both sides have LANES values from each `at` on, and the rest one by one.
    unsafe {
        for at in (0..whole).step_by(LANES) {
            T::store(to.as_mut_ptr().add(at), L::load(from.add(at)).mul(L::splat(scale)));
        }
        for (at, to) in to.iter_mut().enumerate().skip(whole) {
            *to = T::narrow(*from.add(at) * scale);
        }
    }
}
