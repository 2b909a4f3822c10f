//! What attention writes besides its output, for one head of one sequence.

use super::super::lanes::LANES;
use crate::buffer::Aligned;

/// Query rows that are worked on at a time.
pub(super) const BLOCK_ROWS: usize = 16;

/// Sequences are padded to this many keys: two vectors, or one step of a bf16 tile product.
pub(super) const KEY_MULTIPLE: usize = 32;

/// The pieces of one head of one sequence, laid out as the right sides of its two products.
///
/// The FMA loops use the buffers as f32, the tile loops as bf16, in half the room.
pub(crate) struct AttentionScratch {
    /// Keys, transposed: `[head_dim, padded_sequence]`.
    pub(super) keys: Aligned<f32>,
    /// Values: `[padded_sequence, padded_head_dim]`.
    pub(super) values: Aligned<f32>,
    /// A block of queries: `[BLOCK_ROWS, head_dim]`.
    pub(super) queries: Aligned<f32>,
    /// A block of scores: `[BLOCK_ROWS, padded_sequence]`.
    pub(super) scores: Aligned<f32>,
    /// A block of softmax weights, where they are not left among the scores.
    pub(super) weights: Aligned<f32>,
    /// A block of results: `[BLOCK_ROWS, padded_head_dim]`.
    pub(super) context: Aligned<f32>,
    pub(super) max_sequence: usize,
    pub(super) head_dim: usize,
}

impl AttentionScratch {
    pub(crate) fn new(max_sequence: usize, head_dim: usize) -> Self {
        let [keys, values, queries, scores, weights, context] =
            lens(max_sequence, head_dim).map(Aligned::zeroed);
        Self { keys, values, queries, scores, weights, context, max_sequence, head_dim }
    }

    pub(crate) const fn bytes_for(max_sequence: usize, head_dim: usize) -> usize {
        let lens = lens(max_sequence, head_dim);
        let mut bytes = 0;
        let mut buffer = 0;
        while buffer < lens.len() {
            bytes += Aligned::<f32>::bytes_for(lens[buffer]);
            buffer += 1;
        }
        bytes
    }

    pub(crate) fn bytes(&self) -> usize {
        [&self.keys, &self.values, &self.queries, &self.scores, &self.weights, &self.context]
            .map(Aligned::bytes)
            .iter()
            .sum()
    }
}

/// The lengths of keys, values, queries, scores, weights and context.
const fn lens(max_sequence: usize, head_dim: usize) -> [usize; 6] {
    let sequence = max_sequence.next_multiple_of(KEY_MULTIPLE);
    let dim = head_dim.next_multiple_of(LANES);
    [
        head_dim * sequence,
        sequence * dim,
        BLOCK_ROWS * head_dim,
        BLOCK_ROWS * sequence,
        BLOCK_ROWS * sequence / 2,
        BLOCK_ROWS * dim,
    ]
}
