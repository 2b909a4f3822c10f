//! The shapes that passes come in, of which each has its graph.

use crate::text::PackedBatch;

/// The largest batch whose launches are recorded as a graph. In larger ones a kernel takes longer
/// than its launch, and rounding the size up would cost more than it saves.
const GRAPH_TOKENS_MAX: usize = 4096;

/// Sizes of batches are rounded up to so many steps between two powers of two.
const BUCKET_STEPS: usize = 8;

/// The smallest step.
const BUCKET_MIN: usize = 8;

/// The shape of a pass, as far as its launches depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) tokens: usize,
    pub(super) sequences: usize,
    pub(super) longest: usize,
}

impl Shape {
    /// The shape of a batch.
    pub(super) fn of(batch: &PackedBatch) -> Self {
        let (tokens, sequences) = (batch.tokens(), batch.sequences());
        Self { tokens, sequences, longest: batch.longest() }
    }

    /// The shape whose graph serves this one: the same for large batches, else one of few, so that
    /// most batches find theirs recorded.
    pub(super) fn rounded_up(self, tokens_max: usize) -> Self {
        if self.tokens > GRAPH_TOKENS_MAX {
            return self;
        }
        // Rows that are only there for their number may not outnumber the room.
        let tokens = bucket(self.tokens).min(tokens_max);
        let sequences = bucket(self.sequences).min(tokens_max);
        Self { tokens, sequences, longest: bucket(self.longest) }
    }

    /// The name of its graph.
    pub(super) fn key(self) -> Option<u64> {
        let Self { tokens, sequences, longest } = self;
        let key = (tokens as u64) << 40 | (sequences as u64) << 20 | longest as u64;
        (tokens <= GRAPH_TOKENS_MAX).then_some(key)
    }
}

/// The next of [`BUCKET_STEPS`] sizes between two powers of two.
const fn bucket(size: usize) -> usize {
    let step = size.next_power_of_two() / 2 / BUCKET_STEPS;
    let step = if step > BUCKET_MIN { step } else { BUCKET_MIN };
    size.next_multiple_of(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_waste_at_most_an_eighth() {
        for size in 1..5000 {
            let rounded = bucket(size);
            assert!(rounded >= size && (rounded - size) * 8 <= rounded.max(64), "{size} {rounded}");
            assert_eq!(bucket(rounded), rounded);
        }
    }

    #[test]
    fn large_batches_are_computed_as_they_are() {
        let large = Shape { tokens: GRAPH_TOKENS_MAX + 1, sequences: 3, longest: 77 };
        assert_eq!(large.rounded_up(10_000), large);
        assert_eq!(large.key(), None);
        let small = Shape { tokens: 100, sequences: 3, longest: 77 };
        let rounded = small.rounded_up(104);
        assert_eq!(rounded, Shape { tokens: 104, sequences: 8, longest: 80 });
        assert!(rounded.key().is_some());
    }
}
