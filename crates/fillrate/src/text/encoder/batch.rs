//! What every device does with a batch before it computes: the checks, and the places of tokens.

use super::config::EncoderConfig;
use crate::text::PackedBatch;
use crate::{Error, Result};

impl EncoderConfig {
    /// Refuses a batch of more than `capacity` tokens, and one with a sequence that the model
    /// cannot take.
    pub(super) fn check_batch(&self, batch: &PackedBatch, capacity: usize) -> Result<()> {
        if batch.tokens() > capacity {
            return Err(Error::BatchSize { tokens: batch.tokens(), capacity });
        }
        let (vocabulary, longest) = (self.vocabulary, self.max_sequence());
        for (sequence, range) in batch.cu_seqlens().windows(2).enumerate() {
            let refuse = |message| Err(Error::Sequence { sequence, message });
            let ids = &batch.ids()[range[0] as usize..range[1] as usize];
            if ids.is_empty() {
                return refuse("has no tokens".into());
            }
            if ids.len() > longest {
                return refuse(format!("has {} tokens; the model takes {longest}", ids.len()));
            }
            if let Some(id) = ids.iter().find(|id| **id as usize >= vocabulary) {
                return refuse(format!(
                    "has token id {id}; the vocabulary ends at {}: the tokenizer and the weights \
                     are not of the same model",
                    vocabulary - 1
                ));
            }
        }
        Ok(())
    }

    /// The position of each token. RoBERTa's skip padding tokens, which all have the padding
    /// token's own position; other families count every token.
    pub(super) fn write_positions(&self, batch: &PackedBatch, positions: &mut Vec<u32>) {
        let first = self.first_position() as u32;
        positions.clear();
        for range in batch.cu_seqlens().windows(2) {
            if !self.architecture.positions_follow_padding() {
                positions.extend(first..first + (range[1] - range[0]));
                continue;
            }
            let mut next = first;
            for &id in &batch.ids()[range[0] as usize..range[1] as usize] {
                if id as usize == self.pad_token {
                    positions.push(id);
                } else {
                    positions.push(next);
                    next += 1;
                }
            }
        }
    }
}
