//! Attention of each sequence's first token, which is all that a classifier reads of its last layer.
//!
//! One query has nothing to share with others: keys and values are read where they lie, and only
//! the softmax touches the scratch.

#![allow(unsafe_code, reason = "lane operations gated by the tier, over checked bounds")]

use super::super::Cpu;
use super::super::dispatch::{Kernel, dispatch};
use super::super::lanes::{LANES, Lanes};
use super::super::quantize::quantize_rows;
use super::fma::Element;
use super::scratch::{AttentionScratch, KEY_MULTIPLE};
use super::softmax::softmax_row;
use super::{Sequences, check};
use crate::activation::{Activation, Values};
use crate::{Error, Result, Workspace};

impl Cpu {
    /// What [`Self::attention`] computes for the first token of each sequence, and no other.
    ///
    /// `queries` has a row for each sequence, `[sequences, 3 * hidden]`, laid out like the rows of
    /// `qkv`, of which only the query is read; of `qkv`, `[tokens, 3 * hidden]`, only keys and
    /// values are read, in the rows that the sequences name: their offsets need not begin at 0 nor
    /// end at the last row. `out` becomes `[sequences, hidden]`.
    ///
    /// # Errors
    ///
    /// If the offsets do not rise by at least one up to the number of rows, a sequence is longer
    /// than the workspace allows, or a shape does not fit.
    pub fn attention_first(
        &self,
        queries: &Activation,
        qkv: &Activation,
        sequences: Sequences<'_>,
        out: &mut Activation,
        workspace: &mut Workspace,
    ) -> Result<()> {
        let scratch = &mut workspace.attention;
        check_first(queries, qkv, sequences, out, scratch)?;
        out.rows = queries.rows;
        let (stride, out_stride) = (qkv.stride, out.stride);
        match (&queries.values, &qkv.values, &mut out.values) {
            (Values::F32(queries), Values::F32(qkv), Values::F32(out)) => {
                let out = (&mut out[..], out_stride);
                dispatch(self.tier, First { queries, qkv, stride, sequences, out, scratch });
            }
            (Values::Bf16(queries), Values::Bf16(qkv), Values::Bf16(out)) => {
                let out = (&mut out[..], out_stride);
                dispatch(self.tier, First { queries, qkv, stride, sequences, out, scratch });
            }
            // `check_first` admits no mixture.
            _ => {}
        }
        quantize_rows(self.tier, out);
        Ok(())
    }
}

fn check_first(
    queries: &Activation,
    qkv: &Activation,
    sequences: Sequences<'_>,
    out: &Activation,
    scratch: &AttentionScratch,
) -> Result<()> {
    const OP: &str = "attention_first";
    let offsets = sequences.cu_seqlens;
    let rising = offsets.windows(2).all(|range| range[0] < range[1])
        && offsets.last().is_some_and(|&end| end as usize <= qkv.rows)
        && offsets.len() == queries.rows + 1;
    if !rising {
        return Err(Error::Shape {
            op: OP,
            expected: format!("{} offsets rising to at most {}", queries.rows + 1, qkv.rows),
            got: format!("{}: {:?} … {:?}", offsets.len(), offsets.first(), offsets.last()),
        });
    }
    check::lengths(OP, offsets, scratch)?;
    check::matrices(OP, queries, queries.rows, sequences.heads, out, scratch)?;
    check::matrices(OP, qkv, queries.rows, sequences.heads, out, scratch)
}

struct First<'a, T> {
    queries: &'a [T],
    qkv: &'a [T],
    stride: usize,
    sequences: Sequences<'a>,
    out: (&'a mut [T], usize),
    scratch: &'a mut AttentionScratch,
}

impl<T: Element> Kernel for First<'_, T> {
    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let Self { queries, qkv, stride, sequences, out: (out, out_stride), scratch } = self;
        let Sequences { cu_seqlens, heads } = sequences;
        let dim = scratch.head_dim;
        let hidden = heads * dim;
        for (index, range) in cu_seqlens.windows(2).enumerate() {
            let (first, len) = (range[0] as usize, (range[1] - range[0]) as usize);
            for column in (0..hidden).step_by(dim) {
                let third = |part: usize| &qkv[first * stride + part * hidden + column..];
                let keys = Rows { values: third(1), stride, len };
                let values = Rows { values: third(2), stride, len };
                let query = &queries[index * stride + column..][..dim];
                let out = &mut out[index * out_stride + column..][..dim];
                // SAFETY: `L` is available by the trait's contract.
                unsafe { attend::<L, T>(query, keys, values, &mut scratch.scores, out) }
            }
        }
    }
}

/// The keys or the values of one head of one sequence: rows that begin `stride` values apart.
#[derive(Clone, Copy)]
struct Rows<'a, T> {
    values: &'a [T],
    stride: usize,
    len: usize,
}

impl<'a, T> Rows<'a, T> {
    #[inline(always)]
    fn row(self, row: usize, dim: usize) -> &'a [T] {
        &self.values[row * self.stride..][..dim]
    }
}

/// Attention of one query to the keys and values of its head.
///
/// # Safety
///
/// `L` is available.
#[inline(always)]
unsafe fn attend<L: Lanes, T: Element>(
    query: &[T],
    keys: Rows<'_, T>,
    values: Rows<'_, T>,
    scores: &mut [f32],
    out: &mut [T],
) {
    let (dim, len) = (query.len(), keys.len);
    let padded_len = len.next_multiple_of(KEY_MULTIPLE);
    let scores = &mut scores[..padded_len];
    scores[len..].fill(0.0);
    // SAFETY: `L` is available; each vector lies within a slice.
    unsafe {
        for (row, score) in scores[..len].iter_mut().enumerate() {
            *score = dot::<L, T>(query, keys.row(row, dim));
        }
        let row = scores.as_mut_ptr();
        let store = |at, x: L| x.store(row.add(at));
        let scale = 1.0 / (dim as f32).sqrt();
        let sum = softmax_row(row.cast_const(), len, padded_len, scale, store);
        let whole = dim / LANES * LANES;
        for at in (0..whole).step_by(LANES) {
            let mut context = L::splat(0.0);
            for (row, &weight) in scores[..len].iter().enumerate() {
                let value = T::load::<L>(values.row(row, dim)[at..][..LANES].as_ptr());
                context = L::splat(weight).fma(value, context);
            }
            T::store(out[at..][..LANES].as_mut_ptr(), context.mul(L::splat(1.0 / sum)));
        }
        for (at, out) in out.iter_mut().enumerate().skip(whole) {
            let mut context = 0.0;
            for (row, &weight) in scores[..len].iter().enumerate() {
                context += weight * values.row(row, dim)[at].widen();
            }
            *out = T::narrow(context / sum);
        }
    }
}

/// Σ a b over two rows of one length.
///
/// # Safety
///
/// `L` is available.
#[inline(always)]
unsafe fn dot<L: Lanes, T: Element>(a: &[T], b: &[T]) -> f32 {
    let whole = a.len() / LANES * LANES;
    // SAFETY: each vector lies within both slices.
    unsafe {
        let mut sums = L::splat(0.0);
        for at in (0..whole).step_by(LANES) {
            let (a, b) = (a[at..][..LANES].as_ptr(), b[at..][..LANES].as_ptr());
            sums = T::load::<L>(a).fma(T::load::<L>(b), sums);
        }
        let mut sum = sums.reduce_add();
        for (a, b) in a[whole..].iter().zip(&b[whole..]) {
            sum += a.widen() * b.widen();
        }
        sum
    }
}
