//! The pieces that attention works on: one head of one sequence at a time.

use super::Sequences;

/// One head of one sequence of at least one token: three slices of `qkv` that begin at its first
/// query, key and value.
pub(super) struct Head<'a, T> {
    pub(super) q: &'a [T],
    pub(super) k: &'a [T],
    pub(super) v: &'a [T],
    /// The distance between rows of `qkv`, in values.
    pub(super) stride: usize,
    /// The tokens of the sequence.
    pub(super) len: usize,
    /// The sequence's first row in the output.
    pub(super) row: usize,
    /// The head's first column in the output.
    pub(super) column: usize,
}

/// Every head of every sequence of a `qkv` that the op has checked; `dim` is the head's width.
pub(super) fn heads<'a, T>(
    qkv: &'a [T],
    stride: usize,
    sequences: Sequences<'a>,
    dim: usize,
) -> impl Iterator<Item = Head<'a, T>> {
    let hidden = dim * sequences.heads;
    let ranges = sequences.cu_seqlens.windows(2).map(|range| range[0] as usize..range[1] as usize);
    ranges.filter(|range| !range.is_empty()).flat_map(move |range| {
        (0..hidden).step_by(dim).map(move |column| {
            let part = |third: usize| &qkv[range.start * stride + third * hidden + column..];
            Head {
                q: part(0),
                k: part(1),
                v: part(2),
                stride,
                len: range.len(),
                row: range.start,
                column,
            }
        })
    })
}
