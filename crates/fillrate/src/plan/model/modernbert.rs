//! ModernBERT's layer: norms before, rotary positions, a gated feed-forward network.

use super::{Layer, Model, Pass};
use crate::plan::tape::{Label, Tape, Value};
use crate::plan::training::Attention;

impl Model {
    pub(super) fn modern_layer(
        &self,
        tape: &mut Tape,
        layer: &Layer,
        input: Value,
        pass: &Pass,
    ) -> Value {
        let [attended] = tape.scope(|tape| {
            let normed = match &layer.attention_norm {
                Some(norm) => norm.forward(tape, input, Label::NormOutput),
                None => input,
            };
            let context = self.rotary_attention(tape, layer, normed, pass);
            let projected = layer.attention_output.forward(tape, context, Label::Residual);
            let dropped = tape.dropout(projected, self.dropout.attention, Label::Residual);
            [tape.add(input, dropped, Label::Residual)]
        });
        let [result] = tape.scope(|tape| {
            let normed = layer.output_norm.forward(tape, attended, Label::NormOutput);
            let gated = self.gated(tape, layer, normed);
            [tape.add(attended, gated, Label::Residual)]
        });
        result
    }

    fn rotary_attention(&self, tape: &mut Tape, layer: &Layer, input: Value, pass: &Pass) -> Value {
        let joined = layer.query.forward(tape, input, Label::Projection);
        let [query, key, value] = tape.split(joined);
        let query = rotate(tape, query);
        let key = rotate(tape, key);
        match self.attention {
            Attention::Sdpa => tape.fused_attention([query, key, value], self.fused_shape(pass)),
            Attention::Eager => {
                let window = pass.masks.window.filter(|_| !layer.is_global);
                let mask = window.unwrap_or(pass.masks.padding);
                self.eager(tape, [query, key, value], mask, pass)
            }
        }
    }

    /// W₂ (gelu(a) · b), where a and b are the halves of W₁ x.
    fn gated(&self, tape: &mut Tape, layer: &Layer, input: Value) -> Value {
        let [result] = tape.scope(|tape| {
            let wide = layer.intermediate.forward(tape, input, Label::FeedForward);
            let [inner, gate] = tape.split(wide);
            let activated = tape.gelu(inner, Label::FeedForward);
            let product = tape.multiply(activated, gate, Label::FeedForward);
            let dropped = tape.dropout(product, self.dropout.hidden, Label::FeedForward);
            [layer.output.forward(tape, dropped, Label::Residual)]
        });
        result
    }
}

/// x cos + `rotate_half(x)` sin in 32 bits, back in x's type.
fn rotate(tape: &mut Tape, input: Value) -> Value {
    let size = tape.size(input);
    let [result] = tape.scope(|tape| {
        let [rotated] = tape.scope(|tape| {
            let first = tape.cast(input, 4, Label::Projection);
            let straight = tape.scale(first, Label::Projection);
            let second = tape.cast(input, 4, Label::Projection);
            let [crossed] = tape.scope(|tape| {
                let negated = tape.reduce(second, size.elements / 2, &[], Label::Projection);
                let half = tape.reduce(second, size.elements / 2, &[], Label::Projection);
                let turned = tape.join(&[negated, half], Label::Projection);
                [tape.scale(turned, Label::Projection)]
            });
            [tape.add(straight, crossed, Label::Projection)]
        });
        [tape.cast(rotated, size.width, Label::Projection)]
    });
    result
}
