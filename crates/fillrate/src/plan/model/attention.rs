//! Attention as BERT, RoBERTa, DistilBERT and MPNet compute it.

use super::{Batch, Layer, Model, Pass};
use crate::plan::shapes::Family;
use crate::plan::tape::{FusedAttention, Label, Tape, Value};
use crate::plan::training::Attention;

/// The masks of a pass: of padding, and of the window of local attention.
#[derive(Clone, Copy)]
pub(in crate::plan) struct Masks {
    pub(super) padding: Value,
    pub(super) window: Option<Value>,
}

impl Masks {
    /// Batches are taken to have padding, since a mask is made for those that have.
    pub(super) fn make(tape: &mut Tape, model: &Model, batch: &Batch, width: u64) -> Self {
        let (sequences, length) = (batch.sequences, batch.length);
        let full = sequences * length * length;
        let mut mask = |elements, width| tape.constant(elements, width, Label::AttentionMask);
        let window = model.shape.family == Family::ModernBert;
        match (model.shape.family, model.attention) {
            // Products of integers: 1 where both tokens are real.
            (Family::DebertaV2, _) => Self { padding: mask(full, 8), window: None },
            (_, Attention::Eager) => {
                Self { padding: mask(full, width), window: window.then(|| mask(full, width)) }
            }
            // True where a key is real, one row for all queries of a sequence.
            (_, Attention::Sdpa) => {
                Self { padding: mask(sequences * length, 1), window: window.then(|| mask(full, 1)) }
            }
        }
    }
}

impl Model {
    /// The context of each token, and in eager attention the probabilities, which live as long as the
    /// layer's other variables.
    pub(super) fn attend(
        &self,
        tape: &mut Tape,
        layer: &Layer,
        input: Value,
        pass: &Pass,
    ) -> Value {
        let mut project = |linear: &super::Linear| linear.forward(tape, input, Label::Projection);
        let query = project(&layer.query);
        let (key, value) = match &layer.key_value {
            Some((key, value)) => (project(key), project(value)),
            None => (query, query),
        };
        let context = match self.attention {
            Attention::Sdpa => tape.fused_attention([query, key, value], self.fused_shape(pass)),
            Attention::Eager => self.eager(tape, [query, key, value], pass.masks.padding, pass),
        };
        for projection in [query, key, value] {
            tape.drop(projection);
        }
        context
    }

    pub(super) fn fused_shape(&self, pass: &Pass) -> FusedAttention {
        FusedAttention { sequences: pass.sequences, heads: self.shape.heads, length: pass.length }
    }

    /// softmax(Q Kᵀ / √d + mask) V with every intermediate stored.
    pub(super) fn eager(
        &self,
        tape: &mut Tape,
        [query, key, value]: [Value; 3],
        mask: Value,
        pass: &Pass,
    ) -> Value {
        let heads = pass.sequences * self.shape.heads;
        let scores = heads * pass.length * pass.length;
        let [masked] = tape.scope(|tape| {
            let [products] = tape.scope(|tape| {
                let q = tape.contiguous(query, Label::Projection);
                let k = tape.contiguous(key, Label::Projection);
                [tape.batched_product(q, k, heads, scores, Label::Scores)]
            });
            let mut scaled = tape.scale(products, Label::Scores);
            tape.drop(products);
            if let Some(relative) = pass.relative {
                scaled = tape.add_in_place(scaled, relative.values());
            }
            [tape.add(scaled, mask, Label::Scores)]
        });
        let probabilities = self.probabilities(tape, masked, tape.size(query).width);
        let [context] = tape.scope(|tape| {
            let v = tape.contiguous(value, Label::Projection);
            let elements = tape.size(value).elements;
            let context = tape.batched_product(probabilities, v, heads, elements, Label::Context);
            [tape.contiguous(context, Label::Context)]
        });
        // MPNet does not hand the probabilities to its caller.
        if self.shape.family == Family::Mpnet {
            tape.drop(probabilities);
        }
        context
    }

    /// Softmax and dropout; `scores` are overwritten.
    pub(super) fn probabilities(&self, tape: &mut Tape, scores: Value, width: u64) -> Value {
        // ModernBERT asks for 32 bits whatever its parameters are in.
        let is_precise = self.shape.family == Family::ModernBert;
        let input = if is_precise { tape.cast(scores, 4, Label::Scores) } else { scores };
        let mut probabilities = tape.softmax(input, Label::Probabilities);
        for value in [input, scores] {
            tape.drop(value);
        }
        if is_precise {
            let cast = tape.cast(probabilities, width, Label::Probabilities);
            if cast != probabilities {
                tape.drop(probabilities);
            }
            probabilities = cast;
        }
        let dropped = tape.dropout(probabilities, self.dropout.attention, Label::Probabilities);
        if dropped != probabilities {
            tape.drop(probabilities);
        }
        dropped
    }
}
