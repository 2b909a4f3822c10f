//! Encoders on the tape: their parameters, and their forward passes as `transformers` computes them.

mod attention;
mod deberta;
mod embeddings;
mod layers;
mod modernbert;

pub(super) use self::attention::Masks;
pub(super) use self::embeddings::Batch;
pub(super) use self::layers::{Builder, Linear, Norm};

use self::deberta::Relative;
use super::lora::Target;
use super::shapes::{Family, Shape};
use super::tape::{Label, Parameter, Segment, Size, Tape, Value};
use super::training::{Attention, Dropout, Encoder};

/// Every third layer of ModernBERT attends to the whole sequence, beginning with the first; the others
/// to a window.
///
/// Source: Warner et al., "Smarter, Better, Faster, Longer" (2024), section 2.1.2;
/// `global_attn_every_n_layers` of its configuration.
const GLOBAL_EVERY: u64 = 3;

/// An encoder's parameters.
pub(super) struct Model {
    pub(super) shape: Shape,
    dropout: Dropout,
    attention: Attention,
    pub(super) words: Parameter,
    positions: Option<Parameter>,
    types: Option<Parameter>,
    embedding_norm: Norm,
    /// The table of relative positions, and its norm in DeBERTa.
    relative: Option<(Parameter, Option<Norm>)>,
    layers: Vec<Layer>,
    final_norm: Option<Norm>,
    /// What BERT makes of a sequence's first token, where the model has it.
    pub(super) pooler: Option<Linear>,
}

/// A layer's matrices and norms.
struct Layer {
    /// Queries, or queries, keys and values in one.
    query: Linear,
    key_value: Option<(Linear, Linear)>,
    attention_output: Linear,
    attention_norm: Option<Norm>,
    intermediate: Linear,
    output: Linear,
    output_norm: Norm,
    /// Whether it attends to the whole sequence.
    is_global: bool,
}

/// What the layers of one forward pass share.
#[derive(Clone, Copy)]
pub(super) struct Pass {
    sequences: u64,
    length: u64,
    masks: Masks,
    relative: Option<Relative>,
}

impl Pass {
    /// What layers need when they are computed again, beside their input.
    pub(super) fn shared(&self) -> impl Iterator<Item = Value> {
        let masks = [Some(self.masks.padding), self.masks.window];
        let relative = self.relative.map(|relative| relative.parts());
        masks.into_iter().chain(relative.into_iter().flatten()).flatten()
    }
}

impl Model {
    /// Lays the parameters out, with those of a pooler if it has one.
    pub(super) fn build(
        builder: &mut Builder,
        encoder: &Encoder,
        attention: Attention,
        has_pooler: bool,
    ) -> Self {
        let shape = &encoder.shape;
        let hidden = shape.hidden;
        let has_bias = shape.family != Family::ModernBert;
        let words = builder.matrix(shape.vocabulary, hidden);
        let positions = shape.has_position_table().then(|| builder.matrix(shape.positions, hidden));
        let types = (shape.token_types > 0).then(|| builder.matrix(shape.token_types, hidden));
        let embedding_norm = builder.norm(hidden, has_bias);
        let layers = (0..shape.layers).map(|index| Layer::build(builder, shape, index)).collect();
        let relative = match shape.family {
            Family::Mpnet => Some((builder.matrix(shape.relative_positions, shape.heads), None)),
            Family::DebertaV2 => {
                let table = builder.matrix(2 * shape.relative_positions, hidden);
                Some((table, Some(builder.norm(hidden, true))))
            }
            _ => None,
        };
        let final_norm = (!has_bias).then(|| builder.norm(hidden, false));
        let pooler = has_pooler.then(|| builder.linear(hidden, hidden, true));
        let buffers = shape.buffer_elements();
        builder.tape.allocate(Size::new(buffers, 8), Label::Buffer);
        Self {
            shape: shape.clone(),
            dropout: encoder.dropout,
            attention: if shape.family.has_fused_attention() {
                attention
            } else {
                Attention::Eager
            },
            words,
            positions,
            types,
            embedding_norm,
            relative,
            layers,
            final_norm,
            pooler,
        }
    }

    /// The last hidden states, `[sequences, length, hidden]`. With `checkpoint`, which names the
    /// encoder, each layer keeps its input alone.
    pub(super) fn forward(
        &self,
        tape: &mut Tape,
        batch: &Batch,
        checkpoint: Option<usize>,
    ) -> (Value, Pass) {
        let mut hidden = self.embed(tape, batch);
        let width = tape.size(hidden).width;
        let masks = Masks::make(tape, self, batch, width);
        let relative = Relative::make(tape, self, batch);
        let pass = Pass { sequences: batch.sequences, length: batch.length, masks, relative };
        let embedded = hidden;
        let mut earlier = Vec::new();
        for layer in 0..self.layers.len() {
            let next = match checkpoint {
                Some(encoder) => {
                    let segment = Segment { encoder, layer };
                    let trains = self.layers[layer].is_trained();
                    tape.checkpoint(segment, hidden, trains, |tape, x| {
                        self.layer(tape, layer, x, &pass)
                    })
                }
                None => self.layer(tape, layer, hidden, &pass),
            };
            if self.keeps(hidden == embedded) {
                earlier.push(hidden);
            } else {
                tape.drop(hidden);
            }
            hidden = next;
        }
        for value in earlier {
            tape.drop(value);
        }
        if let Some(norm) = &self.final_norm {
            let normed = norm.forward(tape, hidden, Label::NormOutput);
            tape.drop(hidden);
            hidden = normed;
        }
        if checkpoint.is_some() {
            pass.shared().for_each(|value| tape.keep_alive(value));
        }
        (hidden, pass)
    }

    /// Whether hidden states live until the last layer has run: those from the embeddings, which the
    /// caller of the layers holds, and in DeBERTa all, which are handed back to it.
    fn keeps(&self, is_embedded: bool) -> bool {
        match self.shape.family {
            Family::DebertaV2 => true,
            Family::ModernBert => false,
            _ => is_embedded,
        }
    }

    /// One layer.
    pub(super) fn layer(&self, tape: &mut Tape, index: usize, input: Value, pass: &Pass) -> Value {
        let layer = &self.layers[index];
        let [result] = tape.scope(|tape| {
            [match self.shape.family {
                Family::ModernBert => self.modern_layer(tape, layer, input, pass),
                Family::DebertaV2 => {
                    let context = self.disentangled_attention(tape, layer, input, pass);
                    self.post_norm(tape, layer, input, context)
                }
                _ => {
                    let context = self.attend(tape, layer, input, pass);
                    self.post_norm(tape, layer, input, context)
                }
            }]
        });
        result
    }

    /// What follows attention in a layer whose norms come after the sums.
    fn post_norm(&self, tape: &mut Tape, layer: &Layer, input: Value, context: Value) -> Value {
        let hidden = self.dropout.hidden;
        // DistilBERT drops nothing of attention's result.
        let attention = if self.shape.family == Family::DistilBert { 0.0 } else { hidden };
        let norm = layer.attention_norm.as_ref();
        let parts = [context, input];
        let normed = Self::project_and_add(tape, parts, &layer.attention_output, norm, attention);
        let [activated] = tape.scope(|tape| {
            let inner = layer.intermediate.forward(tape, normed, Label::FeedForward);
            [tape.gelu(inner, Label::FeedForward)]
        });
        let norm = Some(&layer.output_norm);
        Self::project_and_add(tape, [activated, normed], &layer.output, norm, hidden)
    }

    /// norm(residual + dropout(W x)).
    fn project_and_add(
        tape: &mut Tape,
        [input, residual]: [Value; 2],
        matrix: &Linear,
        norm: Option<&Norm>,
        dropout: f64,
    ) -> Value {
        let [result] = tape.scope(|tape| {
            let projected = matrix.forward(tape, input, Label::Residual);
            let dropped = tape.dropout(projected, dropout, Label::Residual);
            if dropped != projected {
                tape.drop(projected);
            }
            let sum = tape.add(dropped, residual, Label::Residual);
            [norm.map_or(sum, |norm| norm.forward(tape, sum, Label::NormOutput))]
        });
        result
    }
}

impl Layer {
    fn build(builder: &mut Builder, shape: &Shape, index: u64) -> Self {
        let (hidden, intermediate) = (shape.hidden, shape.intermediate);
        if shape.family == Family::ModernBert {
            // The first layer's norm would repeat that of the embeddings.
            let attention_norm = (index > 0).then(|| builder.norm(hidden, false));
            let query = builder.target(Target::Query, hidden, 3 * hidden, false);
            let attention_output = builder.target(Target::AttentionOutput, hidden, hidden, false);
            let output_norm = builder.norm(hidden, false);
            let wide = 2 * intermediate;
            let inner = builder.target(Target::Intermediate, hidden, wide, false);
            let output = builder.target(Target::Output, intermediate, hidden, false);
            return Self {
                query,
                key_value: None,
                attention_output,
                attention_norm,
                intermediate: inner,
                output,
                output_norm,
                is_global: index.is_multiple_of(GLOBAL_EVERY),
            };
        }
        let query = builder.target(Target::Query, hidden, hidden, true);
        let key = builder.target(Target::Key, hidden, hidden, true);
        let value = builder.target(Target::Value, hidden, hidden, true);
        Self {
            query,
            key_value: Some((key, value)),
            attention_output: builder.target(Target::AttentionOutput, hidden, hidden, true),
            attention_norm: Some(builder.norm(hidden, true)),
            intermediate: builder.target(Target::Intermediate, hidden, intermediate, true),
            output: builder.target(Target::Output, intermediate, hidden, true),
            output_norm: builder.norm(hidden, true),
            is_global: true,
        }
    }

    fn is_trained(&self) -> bool {
        let (key, value) = self.key_value.unwrap_or((self.query, self.query));
        [self.query, key, value, self.attention_output, self.intermediate, self.output]
            .iter()
            .any(Linear::is_trained)
    }
}
