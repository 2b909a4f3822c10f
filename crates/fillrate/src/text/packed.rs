//! Sequences laid end to end, so that no padding token is ever computed.

use std::sync::Arc;

use fillrate_device::routing::RouterStatistics;

use super::batch::StandIn;

/// Token sequences end to end with their offsets.
///
/// `ids` has shape `[tokens]`; sequence `i` is `ids[cu_seqlens[i]..cu_seqlens[i + 1]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedBatch {
    ids: Vec<u32>,
    cu_seqlens: Vec<u32>,
}

impl Default for PackedBatch {
    fn default() -> Self {
        Self { ids: Vec::new(), cu_seqlens: vec![0] }
    }
}

impl PackedBatch {
    /// An empty batch with room for `tokens` and `sequences`: filling it allocates nothing.
    #[must_use]
    pub fn with_capacity(tokens: usize, sequences: usize) -> Self {
        let mut cu_seqlens = Vec::with_capacity(sequences + 1);
        cu_seqlens.push(0);
        Self { ids: Vec::with_capacity(tokens), cu_seqlens }
    }

    /// Appends one sequence.
    pub fn push(&mut self, sequence: &[u32]) {
        self.ids.extend_from_slice(sequence);
        self.cu_seqlens.push(self.ids.len() as u32);
    }

    /// Removes every sequence and keeps the room.
    pub fn clear(&mut self) {
        self.ids.clear();
        self.cu_seqlens.truncate(1);
    }

    /// The token ids of all sequences, shape `[tokens]`.
    #[must_use]
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// Where each sequence begins and, last, where all end; shape `[sequences + 1]`.
    #[must_use]
    pub fn cu_seqlens(&self) -> &[u32] {
        &self.cu_seqlens
    }

    /// The number of sequences.
    #[must_use]
    pub fn sequences(&self) -> usize {
        self.cu_seqlens.len() - 1
    }

    /// The number of tokens of all sequences together.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.ids.len()
    }

    /// Runs `work` over the batch: at once if it has at most `tokens` tokens, else in parts that do. A
    /// sequence that is longer makes a part alone.
    ///
    /// # Errors
    ///
    /// The first that `work` makes.
    pub(crate) fn in_parts<E>(
        &self,
        tokens: usize,
        mut work: impl FnMut(&Self) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.tokens() <= tokens {
            return work(self);
        }
        let mut part = Self::default();
        for range in self.cu_seqlens.windows(2) {
            let sequence = &self.ids[range[0] as usize..range[1] as usize];
            if part.sequences() > 0 && part.tokens() + sequence.len() > tokens {
                work(&part)?;
                part.clear();
            }
            part.push(sequence);
        }
        work(&part)
    }

    /// The length of the longest sequence, in tokens.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.cu_seqlens.windows(2).map(|w| (w[1] - w[0]) as usize).max().unwrap_or(0)
    }
}

/// A model that turns packed token sequences into logits: what the batcher drives.
///
/// The model is shared between threads; everything that changes during a pass lives in a scratch
/// that each thread owns and that is laid out once.
pub trait Forward: Send + Sync {
    /// What one pass writes besides its logits.
    type Scratch: Send;

    /// The number of logits per sequence.
    fn classes(&self) -> usize;

    /// The longest sequence the model takes, in tokens, special tokens included.
    fn max_sequence(&self) -> usize;

    /// The bytes that [`Self::scratch`] takes for a batch of at most `tokens` tokens.
    fn scratch_bytes(&self, tokens: usize) -> usize;

    /// Room for batches of at most `tokens` tokens. A pass within it allocates nothing.
    fn scratch(&self, tokens: usize) -> Self::Scratch;

    /// Writes the logits of `batch`, shape `[sequences, classes]`, over `logits`.
    ///
    /// # Errors
    ///
    /// If a token id is out of the vocabulary, a sequence is empty or too long, or the batch does
    /// not fit the scratch.
    fn forward(
        &self,
        batch: &PackedBatch,
        scratch: &mut Self::Scratch,
        logits: &mut Vec<f32>,
    ) -> crate::Result<()>;

    /// As [`Self::forward`], for a batch that is all there is to do: no other pass runs meanwhile,
    /// and a model that can spread one batch over several cores does. The logits are the same.
    ///
    /// # Errors
    ///
    /// As [`Self::forward`].
    fn forward_alone(
        &self,
        batch: &PackedBatch,
        scratch: &mut Self::Scratch,
        logits: &mut Vec<f32>,
    ) -> crate::Result<()> {
        self.forward(batch, scratch, logits)
    }

    /// Who computed the last pass in this scratch, if it was not the model itself.
    fn stand_in(&self, _scratch: &Self::Scratch) -> Option<Arc<StandIn>> {
        None
    }

    /// Which side computed the passes so far, for a model on a device with a twin behind it.
    fn routed(&self) -> Option<RouterStatistics> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_hold_every_sequence_in_order_and_no_more_than_they_may() {
        let mut batch = PackedBatch::default();
        for length in [3, 1, 7, 2, 2, 1] {
            batch.push(&vec![length; length as usize]);
        }
        let mut whole = PackedBatch::default();
        let mut sizes = Vec::new();
        let push = |part: &PackedBatch| {
            sizes.push(part.tokens());
            for range in part.cu_seqlens().windows(2) {
                whole.push(&part.ids()[range[0] as usize..range[1] as usize]);
            }
            Ok::<(), ()>(())
        };
        batch.in_parts(4, push).unwrap();
        assert_eq!((sizes.as_slice(), &whole), ([4, 7, 4, 1].as_slice(), &batch));
        let mut calls = 0;
        let failing = |_: &PackedBatch| {
            calls += 1;
            Err("no")
        };
        assert_eq!((batch.in_parts(4, failing), calls), (Err("no"), 1));
    }

    #[test]
    fn offsets_follow_the_sequences() {
        let mut batch = PackedBatch::with_capacity(8, 2);
        batch.push(&[1, 2, 3]);
        batch.push(&[4]);
        assert_eq!(batch.cu_seqlens(), [0, 3, 4]);
        assert_eq!((batch.sequences(), batch.tokens(), batch.longest()), (2, 4, 3));
        batch.clear();
        assert_eq!(batch, PackedBatch::default());
    }
}
