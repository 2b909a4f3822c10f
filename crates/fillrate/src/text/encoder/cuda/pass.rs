//! The work of one pass: its launches and products, in their order.

use fillrate_kernels::Nonlinearity;
use fillrate_kernels::cuda::{
    Address, Cuda, DeviceLinear, DeviceMatrix, DeviceSequences, DeviceTokens, Quantized,
};

use super::ranges::{ActivationRanges, Product};
use super::shape::Shape;
use super::tensors::States;
use super::weights::{DeviceLayer, DeviceWeights};
use crate::Result;
use crate::text::encoder::config::EncoderConfig;

/// The work of one pass, appended to a queue.
pub(super) struct Pass<'a> {
    pub(super) cuda: &'a Cuda,
    pub(super) config: &'a EncoderConfig,
    pub(super) shape: Shape,
    pub(super) states: States,
    pub(super) observer: Observer<'a>,
}

/// Raises f32 on the device, one for each product, to the largest magnitudes of their inputs; or does
/// nothing.
#[derive(Clone, Copy)]
pub(super) struct Observer<'a> {
    pub(super) cuda: &'a Cuda,
    pub(super) ranges: Option<Address>,
}

impl Observer<'_> {
    fn see(self, layer: usize, product: Product, input: &DeviceMatrix) -> Result<()> {
        let Some(ranges) = self.ranges else { return Ok(()) };
        let at = ranges.plus(ActivationRanges::index(layer, product) * 4);
        Ok(self.cuda.largest_magnitude(input, at)?)
    }
}

impl Pass<'_> {
    /// Appends the work.
    pub(super) fn run(mut self, weights: &DeviceWeights) -> Result<()> {
        let Shape { tokens, .. } = self.shape;
        let cuda = self.cuda;
        // A configuration without layers is refused when it is read.
        let Some((last, earlier)) = weights.layers.split_last() else { return Ok(()) };
        let first = &weights.layers[0].qkv;
        let States { input: ids, hidden, narrow, .. } = &mut self.states;
        let on_device = DeviceTokens { ids: *ids, places: ids.plus(tokens * 4), count: tokens };
        let (tables, norm) = (&weights.embeddings, &weights.embedding_norm);
        cuda.embed_layer_norm(tables, on_device, norm, hidden, quantized(first, narrow))?;
        for (index, layer) in earlier.iter().enumerate() {
            self.layer(index, layer, &weights.layers[index + 1].qkv)?;
        }
        self.last_layer(earlier.len(), last)?;
        let States { hidden, features, pooled, logits, .. } = &mut self.states;
        cuda.widen(hidden, features)?;
        cuda.tail(features, &weights.dense, weights.nonlinearity, pooled)?;
        cuda.tail(pooled, &weights.classifier, Nonlinearity::Identity, logits)?;
        Ok(())
    }

    fn sequences(&self) -> DeviceSequences {
        let Shape { tokens, sequences, longest } = self.shape;
        let cu_seqlens = self.states.input.plus(2 * tokens * 4);
        DeviceSequences { cu_seqlens, count: sequences, longest, heads: self.config.heads }
    }

    /// A layer; `next` is the product that reads what it writes.
    fn layer(&mut self, index: usize, layer: &DeviceLayer, next: &DeviceLinear) -> Result<()> {
        let (cuda, sequences) = (self.cuda, self.sequences());
        let States { hidden, narrow, qkv, context, .. } = &mut self.states;
        self.observer.see(index, Product::Qkv, hidden)?;
        let input = input(&layer.qkv, hidden, narrow);
        cuda.linear(input, &layer.qkv, Nonlinearity::Identity, qkv)?;
        cuda.attention(qkv, sequences, context)?;
        self.finish_layer(index, layer, Some(next))
    }

    /// The second half of a layer, in which the rows have nothing to do with each other.
    fn finish_layer(
        &mut self,
        index: usize,
        layer: &DeviceLayer,
        next: Option<&DeviceLinear>,
    ) -> Result<()> {
        let (cuda, observer, f) = (self.cuda, self.observer, self.config.nonlinearity);
        let States { hidden, context, attended, intermediate, sum, narrow, wide, .. } =
            &mut self.states;
        let DeviceLayer { attention_output, attention_norm, .. } = layer;
        observer.see(index, Product::AttentionOutput, context)?;
        if let Some(quantized) = quantized(attention_output, narrow) {
            cuda.quantize(context, quantized)?;
        }
        let joined = input(attention_output, context, narrow);
        cuda.linear(joined, attention_output, Nonlinearity::Identity, sum)?;
        let up = quantized(&layer.intermediate, narrow);
        cuda.add_layer_norm(sum, hidden, attention_norm, attended, up)?;

        observer.see(index, Product::Intermediate, attended)?;
        let expanded = input(&layer.intermediate, attended, narrow);
        match quantized(&layer.output, wide) {
            None => cuda.linear(expanded, &layer.intermediate, f, intermediate)?,
            Some(down) => {
                cuda.linear_quantized(expanded, &layer.intermediate, f, intermediate, down)?;
            }
        }
        observer.see(index, Product::Output, intermediate)?;
        let contracted = input(&layer.output, intermediate, wide);
        cuda.linear(contracted, &layer.output, Nonlinearity::Identity, sum)?;
        let next = next.and_then(|next| quantized(next, narrow));
        cuda.add_layer_norm(sum, attended, &layer.output_norm, hidden, next)?;
        Ok(())
    }

    /// The last layer, of which the classifier reads first tokens alone: keys and values of every
    /// token, and everything else of the first ones.
    fn last_layer(&mut self, index: usize, layer: &DeviceLayer) -> Result<()> {
        let (cuda, sequences) = (self.cuda, self.sequences());
        let width = self.config.hidden;
        let first_rows = sequences.cu_seqlens.plus((sequences.count + 1) * 4);
        let States { hidden, narrow, context, firsts, queries, key_values, .. } = &mut self.states;
        self.observer.see(index, Product::Qkv, hidden)?;
        let of_all = layer.qkv.outputs(width..3 * width);
        let all = input(&of_all, hidden, narrow);
        cuda.linear(all, &of_all, Nonlinearity::Identity, key_values)?;
        cuda.select_rows(hidden, first_rows, sequences.count, firsts)?;
        let of_firsts = layer.qkv.outputs(0..width);
        if let Some(quantized) = quantized(&of_firsts, narrow) {
            cuda.quantize(firsts, quantized)?;
        }
        let selected = input(&of_firsts, firsts, narrow);
        cuda.linear(selected, &of_firsts, Nonlinearity::Identity, queries)?;
        cuda.attention_first(queries, key_values, sequences, context)?;
        // The first tokens' rows are the residual of the second half.
        std::mem::swap(hidden, firsts);
        self.finish_layer(index, layer, None)
    }
}

/// What a product reads: elements, or the same in 8 bits.
const fn input<'a>(
    weights: &DeviceLinear,
    elements: &'a DeviceMatrix,
    narrow: &'a DeviceMatrix,
) -> &'a DeviceMatrix {
    if weights.scales.is_some() { narrow } else { elements }
}

/// Where the input of a product goes in 8 bits, if that is what it reads.
fn quantized<'a>(weights: &DeviceLinear, narrow: &'a mut DeviceMatrix) -> Option<Quantized<'a>> {
    weights.scales.map(|scales| Quantized { out: narrow, scale: scales.input })
}
