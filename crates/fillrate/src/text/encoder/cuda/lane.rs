//! One pass at a time: a queue, and device memory laid out for batches up to a size.

use std::sync::Arc;

use fillrate_kernels::Nonlinearity;
use fillrate_kernels::cuda::{
    Accelerator, Address, Cell, Cuda, DeviceMatrix, DeviceSequences, DeviceTokens, Layout, Memory,
    Program, Queue, Region, Span,
};

use super::weights::{DeviceLayer, DeviceWeights};
use crate::Result;
use crate::text::PackedBatch;
use crate::text::encoder::config::EncoderConfig;

/// The largest batch whose launches are recorded as a graph. In larger ones a kernel takes longer
/// than its launch, and rounding the size up would cost more than it saves.
const GRAPH_TOKENS_MAX: usize = 4096;

/// Sizes of batches are rounded up to so many steps between two powers of two.
const BUCKET_STEPS: usize = 8;

/// The smallest step.
const BUCKET_MIN: usize = 8;

/// The shape of a pass, as far as its launches depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shape {
    tokens: usize,
    sequences: usize,
    longest: usize,
}

/// What a pass writes, in one block of device memory.
struct Spans {
    layout: Layout,
    /// Ids, places, `cu_seqlens` and first rows, one after another: u32.
    input: Span,
    hidden: Span,
    qkv: Span,
    context: Span,
    attended: Span,
    intermediate: Span,
    sum: Span,
    logits: Span,
}

impl Spans {
    fn lay_out(tokens: usize, config: &EncoderConfig) -> Self {
        let EncoderConfig { hidden, intermediate, .. } = *config;
        let mut layout = Layout::default();
        let mut elements = |width: usize| layout.reserve(tokens * width * 2);
        let (states, qkv, context) = (elements(hidden), elements(3 * hidden), elements(hidden));
        let (attended, sum) = (elements(hidden), elements(hidden));
        // The classifier's first product lies here too, in f32.
        let intermediate = elements(intermediate.max(2 * hidden));
        let logits = layout.reserve(tokens * config.labels.len() * 4);
        let input = layout.reserve((4 * tokens + 1) * 4);
        Self { layout, input, hidden: states, qkv, context, attended, intermediate, sum, logits }
    }
}

/// A queue with the memory for its passes.
pub(super) struct Lane {
    cuda: Cuda,
    queue: Arc<dyn Queue>,
    region: Region,
    spans: Spans,
    tokens: usize,
    /// What is copied to the device for a pass.
    input: Vec<u32>,
    places: Vec<u32>,
}

impl Lane {
    /// Room for passes over at most `tokens` tokens.
    pub(super) fn new(
        accelerator: &dyn Accelerator,
        program: Program,
        tokens: usize,
        config: &EncoderConfig,
    ) -> Result<Self> {
        let spans = Spans::lay_out(tokens, config);
        let region =
            accelerator.allocate(Memory::Workspace, spans.layout.bytes(), "encoder pass")?;
        let queue = accelerator.queue(program)?;
        let cuda = Cuda::new(Arc::clone(&queue), accelerator.element());
        Ok(Self { cuda, queue, region, spans, tokens, input: Vec::new(), places: Vec::new() })
    }

    /// The bytes of device memory that [`Self::new`] takes, besides cuBLASLt's.
    pub(super) fn bytes_for(tokens: usize, config: &EncoderConfig) -> usize {
        Spans::lay_out(tokens, config).layout.bytes()
    }

    /// The tokens there is room for.
    pub(super) const fn tokens(&self) -> usize {
        self.tokens
    }

    /// Appends the logits of a batch, which has been checked, to `logits`.
    pub(super) fn pass(
        &mut self,
        weights: &DeviceWeights,
        config: &EncoderConfig,
        batch: &PackedBatch,
        logits: &mut Vec<f32>,
    ) -> Result<()> {
        let whole = Shape {
            tokens: batch.tokens(),
            sequences: batch.sequences(),
            longest: batch.longest(),
        };
        let shape = whole.rounded_up(self.tokens);
        self.write_input(config, batch, shape);
        let base = self.region.address();
        self.queue.upload(self.spans.input.at(base), bytemuck::cast_slice(&self.input))?;
        let run = || self.run(weights, config, shape);
        match shape.key() {
            Some(key) => self.queue.replay(key, &mut || run().map_err(kernel_error))?,
            None => run()?,
        }
        let first = logits.len();
        logits.resize(first + batch.sequences() * config.labels.len(), 0.0);
        let bytes = bytemuck::cast_slice_mut(&mut logits[first..]);
        Ok(self.queue.download(self.spans.logits.at(base), bytes)?)
    }

    /// The ids, places, offsets and first rows of a batch, filled up to a shape: with token 0 at
    /// place 0, whose rows nobody reads, and with sequences of no tokens.
    fn write_input(&mut self, config: &EncoderConfig, batch: &PackedBatch, shape: Shape) {
        let Self { input, places, .. } = self;
        config.write_positions(batch, places);
        let (tokens, cu_seqlens) = (batch.tokens() as u32, batch.cu_seqlens());
        input.clear();
        input.extend(batch.ids());
        input.resize(shape.tokens, 0);
        input.extend(&*places);
        input.resize(2 * shape.tokens, 0);
        input.extend(cu_seqlens);
        input.resize(2 * shape.tokens + shape.sequences + 1, tokens);
        input.extend(&cu_seqlens[..batch.sequences()]);
        input.resize(2 * shape.tokens + 2 * shape.sequences + 1, 0);
    }

    fn run(&self, weights: &DeviceWeights, config: &EncoderConfig, shape: Shape) -> Result<()> {
        let pass = Pass { cuda: &self.cuda, config, shape, states: self.states(config) };
        pass.run(weights)
    }

    /// The matrices of a pass, where they lie.
    fn states(&self, config: &EncoderConfig) -> States {
        let EncoderConfig { hidden, intermediate, .. } = *config;
        let base = self.region.address();
        let matrix = |span: Span, width: usize, cell: Cell| {
            DeviceMatrix::new(span.at(base), self.tokens, width, cell)
        };
        let Spans { qkv, sum, .. } = self.spans;
        let labels = config.labels.len();
        States {
            input: self.spans.input.at(base),
            hidden: matrix(self.spans.hidden, hidden, Cell::Element),
            qkv: matrix(qkv, 3 * hidden, Cell::Element),
            context: matrix(self.spans.context, hidden, Cell::Element),
            attended: matrix(self.spans.attended, hidden, Cell::Element),
            intermediate: matrix(self.spans.intermediate, intermediate, Cell::Element),
            sum: matrix(sum, hidden, Cell::Element),
            // What follows lies where something else has been read for the last time.
            queries: matrix(sum, hidden, Cell::Element),
            key_values: matrix(qkv, 2 * hidden, Cell::Element),
            features: matrix(qkv, hidden, Cell::F32),
            pooled: matrix(self.spans.intermediate, hidden, Cell::F32),
            logits: matrix(self.spans.logits, labels, Cell::F32),
        }
    }
}

/// The matrices of a pass.
struct States {
    input: Address,
    hidden: DeviceMatrix,
    qkv: DeviceMatrix,
    context: DeviceMatrix,
    attended: DeviceMatrix,
    intermediate: DeviceMatrix,
    sum: DeviceMatrix,
    queries: DeviceMatrix,
    key_values: DeviceMatrix,
    features: DeviceMatrix,
    pooled: DeviceMatrix,
    logits: DeviceMatrix,
}

/// The work of one pass, appended to a queue.
struct Pass<'a> {
    cuda: &'a Cuda,
    config: &'a EncoderConfig,
    shape: Shape,
    states: States,
}

impl Pass<'_> {
    fn run(mut self, weights: &DeviceWeights) -> Result<()> {
        let Shape { tokens, .. } = self.shape;
        let ids = self.states.input;
        let on_device = DeviceTokens { ids, places: ids.plus(tokens * 4), count: tokens };
        self.cuda.embed_layer_norm(
            &weights.embeddings,
            on_device,
            &weights.embedding_norm,
            &mut self.states.hidden,
        )?;
        // A configuration without layers is refused when it is read.
        let Some((last, earlier)) = weights.layers.split_last() else { return Ok(()) };
        for layer in earlier {
            self.layer(layer)?;
        }
        self.last_layer(last)?;
        let States { hidden, features, pooled, logits, .. } = &mut self.states;
        let cuda = self.cuda;
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

    fn layer(&mut self, layer: &DeviceLayer) -> Result<()> {
        let (cuda, sequences) = (self.cuda, self.sequences());
        let States { hidden, qkv, context, .. } = &mut self.states;
        cuda.linear(hidden, &layer.qkv, Nonlinearity::Identity, qkv)?;
        cuda.attention(qkv, sequences, context)?;
        self.finish_layer(layer)
    }

    /// The second half of a layer, in which the rows have nothing to do with each other.
    fn finish_layer(&mut self, layer: &DeviceLayer) -> Result<()> {
        let (cuda, f) = (self.cuda, self.config.nonlinearity);
        let States { hidden, context, attended, intermediate, sum, .. } = &mut self.states;
        let (out, norm) = (&layer.attention_output, &layer.attention_norm);
        cuda.linear_add_layer_norm(context, out, hidden, norm, sum, attended)?;
        cuda.linear(attended, &layer.intermediate, f, intermediate)?;
        let (out, norm) = (&layer.output, &layer.output_norm);
        cuda.linear_add_layer_norm(intermediate, out, attended, norm, sum, hidden)?;
        Ok(())
    }

    /// The last layer, of which the classifier reads first tokens alone: keys and values of every
    /// token, and everything else of the first ones.
    fn last_layer(&mut self, layer: &DeviceLayer) -> Result<()> {
        let (cuda, sequences) = (self.cuda, self.sequences());
        let width = self.config.hidden;
        let firsts = sequences.cu_seqlens.plus((sequences.count + 1) * 4);
        let States { hidden, context, attended, queries, key_values, .. } = &mut self.states;
        cuda.linear(
            hidden,
            &layer.qkv.outputs(width..3 * width),
            Nonlinearity::Identity,
            key_values,
        )?;
        cuda.select_rows(hidden, firsts, sequences.count, attended)?;
        cuda.linear(attended, &layer.qkv.outputs(0..width), Nonlinearity::Identity, queries)?;
        cuda.attention_first(queries, key_values, sequences, context)?;
        // The first tokens' rows are the residual of the second half.
        std::mem::swap(hidden, attended);
        self.finish_layer(layer)
    }
}

impl Shape {
    /// The shape whose graph serves this one: the same for large batches, else one of few, so that
    /// most batches find theirs recorded.
    fn rounded_up(self, tokens_max: usize) -> Self {
        if self.tokens > GRAPH_TOKENS_MAX {
            return self;
        }
        // Rows that are only there for their number may not outnumber the room.
        let tokens = bucket(self.tokens).min(tokens_max);
        let sequences = bucket(self.sequences).min(tokens_max);
        Self { tokens, sequences, longest: bucket(self.longest) }
    }

    /// The name of its graph.
    fn key(self) -> Option<u64> {
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

/// A pass consists of kernels alone, so that no other error arises in one.
fn kernel_error(error: crate::Error) -> fillrate_kernels::Error {
    match error {
        crate::Error::Kernel(error) => error,
        other => fillrate_kernels::Error::Shape {
            op: "pass",
            expected: "kernels alone".to_owned(),
            got: other.to_string(),
        },
    }
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
