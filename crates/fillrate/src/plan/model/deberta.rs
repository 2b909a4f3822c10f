//! Relative positions: MPNet's bias, and DeBERTa's disentangled attention.

use super::{Batch, Layer, Linear, Model, Pass};
use crate::plan::shapes::Family;
use crate::plan::tape::{Label, Tape, Value};

/// What the layers of a pass share of relative positions.
#[derive(Clone, Copy)]
pub(super) struct Relative {
    /// MPNet: the bias of each score, `[sequences, heads, length, length]`. DeBERTa: the normed table,
    /// `[2 · buckets, hidden]`.
    values: Value,
    /// DeBERTa: the bucket of each pair of positions, `[length, length]`.
    buckets: Option<Value>,
}

impl Relative {
    pub(super) fn make(tape: &mut Tape, model: &Model, batch: &Batch) -> Option<Self> {
        let (table, norm) = model.relative.as_ref()?;
        let pairs = batch.length * batch.length;
        if model.shape.family == Family::Mpnet {
            let [values] = tape.scope(|tape| {
                let buckets = tape.constant(pairs, 8, Label::Positions);
                let rows = tape.embedding(buckets, table, model.shape.heads);
                let all = batch.sequences * model.shape.heads * pairs;
                [tape.reduce(rows, all, &[], Label::Positions)]
            });
            return Some(Self { values, buckets: None });
        }
        let buckets = tape.constant(pairs, 8, Label::Positions);
        let raw = tape.read(table);
        let values = norm.as_ref().map_or(raw, |norm| norm.forward(tape, raw, Label::Positions));
        if values != raw {
            tape.drop(raw);
        }
        Some(Self { values, buckets: Some(buckets) })
    }

    pub(super) const fn values(&self) -> Value {
        self.values
    }

    pub(super) const fn parts(&self) -> [Option<Value>; 2] {
        [Some(self.values), self.buckets]
    }
}

impl Model {
    /// Attention whose scores have terms of content by content, content by position and position by
    /// content.
    ///
    /// Source: He et al., "DeBERTa: Decoding-enhanced BERT with Disentangled Attention" (2021),
    /// equations 3 and 4.
    pub(super) fn disentangled_attention(
        &self,
        tape: &mut Tape,
        layer: &Layer,
        input: Value,
        pass: &Pass,
    ) -> Value {
        let [context] = tape.scope(|tape| {
            let (key_matrix, value_matrix) =
                layer.key_value.as_ref().map_or((&layer.query, &layer.query), |(k, v)| (k, v));
            let [query, key, value] = [&layer.query, key_matrix, value_matrix].map(|matrix| {
                let [heads] = tape.scope(|tape| {
                    let rows = matrix.forward(tape, input, Label::Projection);
                    [tape.contiguous(rows, Label::Projection)]
                });
                heads
            });
            let scores = self.disentangled_scores(tape, layer, [query, key], pass);
            let [masked] = tape.scope(|tape| {
                let pairs = pass.sequences * pass.length * pass.length;
                let _real = tape.constant(pairs, 1, Label::AttentionMask);
                let padding = tape.constant(pairs, 1, Label::AttentionMask);
                let elements = tape.size(scores).elements;
                [tape.reduce(scores, elements, &[padding], Label::Scores)]
            });
            tape.drop(scores);
            let probabilities = self.probabilities(tape, masked, tape.size(query).width);
            let elements = tape.size(value).elements;
            let heads = pass.sequences * self.shape.heads;
            let product =
                tape.batched_product(probabilities, value, heads, elements, Label::Context);
            [tape.contiguous(product, Label::Context)]
        });
        context
    }

    fn disentangled_scores(
        &self,
        tape: &mut Tape,
        layer: &Layer,
        [query, key]: [Value; 2],
        pass: &Pass,
    ) -> Value {
        let heads = pass.sequences * self.shape.heads;
        let pairs = heads * pass.length * pass.length;
        let [content] = tape.scope(|tape| {
            let scaled = tape.scale(key, Label::Projection);
            [tape.batched_product(query, scaled, heads, pairs, Label::Scores)]
        });
        let Some(relative) = pass.relative else { return content };
        let [by_position] = tape.scope(|tape| {
            let table = tape.dropout(relative.values, self.dropout.hidden, Label::Positions);
            let key_matrix = layer.key_value.as_ref().map_or(&layer.query, |(key, _)| key);
            let position_queries = repeated(tape, table, &layer.query, pass);
            let position_keys = repeated(tape, table, key_matrix, pass);
            let to_position = self.gathered(tape, query, position_keys, relative, pass);
            let [first] = tape.scope(|tape| {
                let scaled = tape.scale(to_position, Label::Scores);
                // 0 + x is a fresh tensor.
                let zero = tape.constant(1, tape.size(scaled).width, Label::Scores);
                [tape.add(scaled, zero, Label::Scores)]
            });
            let to_content = self.gathered(tape, key, position_queries, relative, pass);
            let scaled = tape.scale(to_content, Label::Scores);
            [tape.add_in_place(first, scaled)]
        });
        let sum = tape.add(content, by_position, Label::Scores);
        tape.drop(content);
        tape.drop(by_position);
        sum
    }

    /// Products of each token with each bucket, of which each pair takes its own. What is taken from is
    /// kept for its size.
    fn gathered(
        &self,
        tape: &mut Tape,
        tokens: Value,
        positions: Value,
        relative: Relative,
        pass: &Pass,
    ) -> Value {
        let heads = pass.sequences * self.shape.heads;
        let rows = heads * pass.length;
        let products = rows * 2 * self.shape.relative_positions;
        let [taken] = tape.scope(|tape| {
            let all = tape.batched_product(tokens, positions, heads, products, Label::Positions);
            let index = tape.constant(pass.length * pass.length, 8, Label::Positions);
            let saved: Vec<Value> =
                [Some(all), Some(index), relative.buckets].into_iter().flatten().collect();
            [tape.reduce(all, rows * pass.length, &saved, Label::Scores)]
        });
        taken
    }
}

/// The table through a matrix, once for each sequence: `[sequences · heads, 2 · buckets, width]`.
fn repeated(tape: &mut Tape, table: Value, matrix: &Linear, pass: &Pass) -> Value {
    let [rows] = tape.scope(|tape| {
        let projected = matrix.forward(tape, table, Label::Positions);
        let heads = tape.contiguous(projected, Label::Positions);
        let elements = tape.size(heads).elements * pass.sequences;
        [tape.reduce(heads, elements, &[], Label::Positions)]
    });
    rows
}
