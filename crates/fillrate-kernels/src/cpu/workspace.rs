//! What the ops write besides their outputs, laid out once.

use crate::activation::{ROW_MULTIPLE, stride_for};
use crate::buffer::Aligned;

use super::attention::AttentionScratch;

/// Scratch for batches up to a size: an op that is given one allocates nothing.
pub struct Workspace {
    /// Rows before their layer norm, `[max_rows, stride]`.
    pub(crate) sums: Aligned<f32>,
    pub(crate) attention: AttentionScratch,
    max_rows: usize,
    hidden: usize,
}

impl Workspace {
    /// Room for `max_rows` tokens of `hidden` values in sequences of at most `max_sequence`
    /// tokens, with heads of `head_dim` values.
    #[must_use]
    pub fn new(max_rows: usize, hidden: usize, max_sequence: usize, head_dim: usize) -> Self {
        Self {
            sums: Aligned::zeroed(sums_len(max_rows, hidden)),
            attention: AttentionScratch::new(max_sequence, head_dim),
            max_rows,
            hidden,
        }
    }

    /// The bytes that [`Self::new`] takes with the same arguments.
    #[must_use]
    pub const fn bytes_for(
        max_rows: usize,
        hidden: usize,
        max_sequence: usize,
        head_dim: usize,
    ) -> usize {
        Aligned::<f32>::bytes_for(sums_len(max_rows, hidden))
            + AttentionScratch::bytes_for(max_sequence, head_dim)
    }

    /// The bytes this workspace takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.sums.bytes() + self.attention.bytes()
    }

    /// Whether `rows` rows of `width` values fit.
    pub(crate) const fn holds(&self, rows: usize, width: usize) -> bool {
        rows <= self.max_rows && stride_for(width) <= stride_for(self.hidden)
    }
}

const fn sums_len(max_rows: usize, hidden: usize) -> usize {
    max_rows.next_multiple_of(ROW_MULTIPLE) * stride_for(hidden)
}
