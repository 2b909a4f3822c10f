//! From token ids to the first hidden states.

use super::Model;
use crate::plan::shapes::Family;
use crate::plan::tape::{Label, Tape, Value};

/// Bytes of a token id: PyTorch's indices are 64-bit integers.
const ID_WIDTH: u64 = 8;

/// What an encoder gets: ids and masks of `[sequences, length]`.
#[derive(Clone, Copy)]
pub(in crate::plan) struct Batch {
    pub(in crate::plan) sequences: u64,
    pub(in crate::plan) length: u64,
    ids: Value,
    mask: Value,
    types: Option<Value>,
}

impl Batch {
    /// Token ids, attention mask and, where the encoder has token types, those.
    pub(in crate::plan) fn load(
        tape: &mut Tape,
        sequences: u64,
        length: u64,
        has_types: bool,
    ) -> Self {
        let mut tensor = || tape.constant(sequences * length, ID_WIDTH, Label::TokenIds);
        let (ids, mask) = (tensor(), tensor());
        let types = has_types.then(tensor);
        Self { sequences, length, ids, mask, types }
    }

    /// The batch's tensors, to be dropped with it.
    pub(in crate::plan) fn unload(&self, tape: &mut Tape) {
        for value in [Some(self.ids), Some(self.mask), self.types].into_iter().flatten() {
            tape.drop(value);
        }
    }
}

impl Model {
    /// The sum of the tables' rows, normed, with dropout.
    pub(super) fn embed(&self, tape: &mut Tape, batch: &Batch) -> Value {
        let hidden = self.shape.hidden;
        let [result] = tape.scope(|tape| {
            let mut sum = tape.embedding(batch.ids, &self.words, hidden);
            if let Some(table) = &self.types {
                // Without types of the batch's own, zeros are gathered for each token.
                let zeros = batch.sequences * batch.length;
                let types =
                    batch.types.unwrap_or_else(|| tape.constant(zeros, ID_WIDTH, Label::TokenIds));
                let rows = tape.embedding(types, table, hidden);
                sum = tape.add(sum, rows, Label::Embeddings);
            }
            if let Some(table) = &self.positions {
                let ids = self.position_ids(tape, batch);
                let rows = tape.embedding(ids, table, hidden);
                sum = tape.add(sum, rows, Label::Embeddings);
            }
            let normed = self.embedding_norm.forward(tape, sum, Label::Embeddings);
            // DeBERTa clears what is padding.
            let cleared = if self.shape.family == Family::DebertaV2 {
                let width = tape.size(normed).width;
                let mask = tape.constant(batch.sequences * batch.length, width, Label::TokenIds);
                tape.multiply(normed, mask, Label::Embeddings)
            } else {
                normed
            };
            [tape.dropout(cleared, self.dropout.hidden, Label::Embeddings)]
        });
        result
    }

    /// RoBERTa and MPNet count the positions of each sequence; the others share one row.
    fn position_ids(&self, tape: &mut Tape, batch: &Batch) -> Value {
        let rows = match self.shape.family {
            Family::Roberta | Family::Mpnet => batch.sequences,
            _ => 1,
        };
        tape.constant(rows * batch.length, ID_WIDTH, Label::TokenIds)
    }
}
