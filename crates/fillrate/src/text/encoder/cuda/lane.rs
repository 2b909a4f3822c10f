//! One pass at a time: a queue, and device memory laid out for batches up to a size.

use std::sync::Arc;

use fillrate_kernels::cuda::{Accelerator, Address, Cuda, Memory, Program, Queue, Region};

use super::pass::{Observer, Pass};
use super::shape::Shape;
use super::tensors::Tensors;
use super::weights::DeviceWeights;
use crate::Result;
use crate::text::PackedBatch;
use crate::text::encoder::config::EncoderConfig;

/// A queue with the memory for its passes.
pub(super) struct Lane {
    cuda: Cuda,
    queue: Arc<dyn Queue>,
    region: Region,
    tensors: Tensors,
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
        quantized: bool,
    ) -> Result<Self> {
        let tensors = Tensors::lay_out(tokens, config, quantized);
        let region = accelerator.allocate(Memory::Workspace, tensors.bytes(), "encoder pass")?;
        let queue = accelerator.queue(program)?;
        let cuda = Cuda::new(Arc::clone(&queue), accelerator.element());
        Ok(Self { cuda, queue, region, tensors, tokens, input: Vec::new(), places: Vec::new() })
    }

    /// The bytes of device memory that [`Self::new`] takes, besides cuBLASLt's.
    pub(super) fn bytes_for(tokens: usize, config: &EncoderConfig, quantized: bool) -> usize {
        Tensors::lay_out(tokens, config, quantized).bytes()
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
        let shape = Shape::of(batch).rounded_up(self.tokens);
        self.write_input(config, batch, shape);
        let base = self.region.address();
        self.queue.upload(self.tensors.input(base), bytemuck::cast_slice(&self.input))?;
        let run = || self.run(weights, config, shape, None);
        match shape.key() {
            Some(key) => self.queue.replay(key, &mut || run().map_err(kernel_error))?,
            None => run()?,
        }
        let first = logits.len();
        logits.resize(first + batch.sequences() * config.labels.len(), 0.0);
        let bytes = bytemuck::cast_slice_mut(&mut logits[first..]);
        Ok(self.queue.download(self.tensors.logits(base), bytes)?)
    }

    /// Raises the f32 at `ranges`, one for each product, to the largest magnitudes that their inputs
    /// have in a batch.
    pub(super) fn observe(
        &mut self,
        weights: &DeviceWeights,
        config: &EncoderConfig,
        batch: &PackedBatch,
        ranges: Address,
    ) -> Result<()> {
        // As it is: rows that are only there for their number would be seen too.
        let shape = Shape::of(batch);
        self.write_input(config, batch, shape);
        let input = self.tensors.input(self.region.address());
        self.queue.upload(input, bytemuck::cast_slice(&self.input))?;
        self.run(weights, config, shape, Some(ranges))?;
        Ok(self.queue.synchronize()?)
    }

    /// The queue of its passes.
    pub(super) fn queue(&self) -> &dyn Queue {
        &*self.queue
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

    fn run(
        &self,
        weights: &DeviceWeights,
        config: &EncoderConfig,
        shape: Shape,
        ranges: Option<Address>,
    ) -> Result<()> {
        let states = self.tensors.at(self.region.address(), self.tokens, config);
        let cuda = &self.cuda;
        Pass { cuda, config, shape, states, observer: Observer { cuda, ranges } }.run(weights)
    }
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
