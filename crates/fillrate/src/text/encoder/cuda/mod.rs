//! Classifiers on a GPU.
//!
//! Weights and the memory of passes are laid out ahead of time: what [`CudaClassifier::device_bytes`]
//! says is what is taken from the device's pools, to the byte. A few lanes, each with a queue and
//! memory of its own, let the copies of one batch run beside the products of another.

mod lane;
mod lanes;
mod pass;
mod ranges;
mod shape;
mod tensors;
mod weights;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fillrate_kernels::cuda::{Accelerator, Element, Memory, Program, head_pad};

use self::lane::Lane;
use self::lanes::Lanes;
pub use self::ranges::ActivationRanges;
use self::weights::DeviceWeights;
use super::LoadOptions;
use super::config::EncoderConfig;
use super::weights::WeightLoader;
use crate::text::{EmbeddedFiles, Forward, PackedBatch};
use crate::{Error, Result};

/// How a classifier uses its device.
#[derive(Clone, Debug)]
pub struct CudaOptions {
    /// The tokens of the largest batch. A model has room for its longest sequence at least.
    pub tokens: usize,
    /// Passes that may be under way at a time, each on a stream and in memory of its own: while one
    /// computes, the next is copied. 0 counts as 1.
    pub streams: usize,
    /// How long no pass may come before the memory of passes is given back to the device, up to
    /// twice as long; `None` keeps it. The next passes take it again, or as much as there is then.
    pub release_after: Option<Duration>,
    /// The ranges of activations by which the products of the layers are computed in 8-bit floats (e4m3,
    /// summed in f32), which [`CudaClassifier::observe`] finds; `None` computes in elements. Whether
    /// a model's answers bear it is for the caller to check.
    pub fp8: Option<Arc<ActivationRanges>>,
}

impl CudaOptions {
    /// Two streams with room for batches of `tokens` tokens each, for good.
    #[must_use]
    pub const fn new(tokens: usize) -> Self {
        Self { tokens, streams: 2, release_after: None, fp8: None }
    }
}

/// A sequence classifier on a GPU; its answers are those of
/// [`EncoderClassifier`](super::EncoderClassifier) up to the rounding of a 16-bit type.
pub struct CudaClassifier {
    lanes: Arc<Lanes>,
    weights: DeviceWeights,
    config: Arc<EncoderConfig>,
    element: Element,
    quantized: bool,
    // Last, since memory goes back to it.
    accelerator: Arc<dyn Accelerator>,
}

impl CudaClassifier {
    /// Loads the classifier of a Hugging Face directory, with room for batches of as many tokens as
    /// are asked for, or of fewer where memory ends, which [`Self::reduced_tokens`] tells.
    ///
    /// # Errors
    ///
    /// As [`EncoderClassifier::load`](super::EncoderClassifier::load), if its heads are wider than
    /// the kernels', or if the device fails or has no room for the model.
    pub fn load(
        directory: &Path,
        accelerator: Arc<dyn Accelerator>,
        options: &CudaOptions,
    ) -> Result<Self> {
        Self::build(WeightLoader::open(directory, LoadOptions::default())?, accelerator, options)
    }

    /// Loads a classifier that is part of the program.
    ///
    /// # Errors
    ///
    /// As [`Self::load`].
    pub fn embedded(
        files: &'static EmbeddedFiles,
        accelerator: Arc<dyn Accelerator>,
        options: &CudaOptions,
    ) -> Result<Self> {
        Self::build(WeightLoader::embedded(files, LoadOptions::default())?, accelerator, options)
    }

    fn build(
        mut loader: WeightLoader,
        accelerator: Arc<dyn Accelerator>,
        options: &CudaOptions,
    ) -> Result<Self> {
        if let Some(ranges) = &options.fp8 {
            accelerator.require_fp8()?;
            ranges.check(&loader.config)?;
        }
        let head_dim = loader.config.head_dim();
        let Some(head_pad) = head_pad(head_dim) else {
            let message = format!("heads of {head_dim} values are wider than a GPU's kernels take");
            return Err(Error::Argument { name: "model", message });
        };
        let element = accelerator.element();
        let program = Program::Encoder { element, head_pad };
        let queue = accelerator.queue(program)?;
        let weights = DeviceWeights::upload(&mut loader, &*accelerator, &*queue, options)?;
        // Its workspace is free again for the lanes.
        drop(queue);
        let config = Arc::new(loader.config);
        let (device, shape) = (Arc::clone(&accelerator), Arc::clone(&config));
        let lanes = Arc::new(Lanes::new(device, program, shape, options)?);
        if let Some(after) = options.release_after {
            Lanes::release_when_idle(&lanes, after)?;
        }
        let quantized = options.fp8.is_some();
        Ok(Self { lanes, weights, config, element, quantized, accelerator })
    }

    /// The model's shape and labels.
    #[must_use]
    pub fn config(&self) -> &EncoderConfig {
        &self.config
    }

    /// The type of activations and weights.
    #[must_use]
    pub const fn element(&self) -> Element {
        self.element
    }

    /// The type that the products of its layers are computed in, as records name it: `fp8`, or that
    /// of the elements.
    #[must_use]
    pub const fn precision(&self) -> &'static str {
        if self.quantized { "fp8" } else { self.element.as_str() }
    }

    /// The device, such as `cuda:0`.
    #[must_use]
    pub fn device(&self) -> String {
        self.accelerator.name()
    }

    /// The bytes of device memory that are taken for weights and passes, besides cuBLASLt's.
    #[must_use]
    pub fn device_bytes(&self) -> usize {
        let lane_bytes = Lane::bytes_for(self.lanes.tokens(), &self.config, self.quantized);
        self.weights.bytes() + self.lanes.most() * lane_bytes
    }

    /// The bytes that a model takes with these options, if there is room for them.
    #[must_use]
    pub fn device_bytes_for(config: &EncoderConfig, options: &CudaOptions) -> usize {
        let tokens = options.tokens.max(config.max_sequence());
        let quantized = options.fp8.is_some();
        let lane_bytes = Lane::bytes_for(tokens, config, quantized);
        DeviceWeights::bytes_for(config, quantized) + options.streams.max(1) * lane_bytes
    }

    /// The tokens of the largest batch, where memory had no room for those that were asked for.
    #[must_use]
    pub fn reduced_tokens(&self) -> Option<usize> {
        self.lanes.reduced_tokens()
    }

    /// The ranges that the inputs of products have in a batch, for [`CudaOptions::fp8`].
    ///
    /// # Errors
    ///
    /// As [`Forward::forward`], if a value is not finite, and for a model that computes in fp8 itself.
    pub fn observe(&self, batch: &PackedBatch) -> Result<ActivationRanges> {
        if self.quantized {
            let message = "ranges are found in 16 bits, before fp8 cuts values off".to_owned();
            return Err(Error::Argument { name: "precision", message });
        }
        self.config.check_batch(batch, usize::MAX)?;
        let mut lane = self.lanes.take()?;
        let seen = self.largest_inputs(&mut lane, batch);
        // A failed one is not used again.
        match &seen {
            Ok(_) => self.lanes.give_back(lane),
            Err(_) => self.lanes.discard(lane),
        }
        ActivationRanges::new(seen?)
    }

    fn largest_inputs(&self, lane: &mut Lane, batch: &PackedBatch) -> Result<Vec<f32>> {
        let mut largest = vec![0.0_f32; ActivationRanges::count(self.config.layers)];
        let bytes = largest.len() * 4;
        let room = self.accelerator.allocate(Memory::Workspace, bytes, "activation ranges")?;
        let at = room.address();
        lane.queue().upload(at, bytemuck::cast_slice(&largest))?;
        let tokens = lane.tokens();
        batch.in_parts(tokens, |part| lane.observe(&self.weights, &self.config, part, at))?;
        lane.queue().download(at, bytemuck::cast_slice_mut(&mut largest))?;
        Ok(largest)
    }

    /// Gives the memory of passes back to the device, but for those that are under way; the next
    /// passes take it again.
    pub fn release(&self) {
        self.lanes.release();
    }

    /// Computes a batch in parts that fit a lane, and again in smaller ones where memory ends.
    fn compute(&self, batch: &PackedBatch, logits: &mut Vec<f32>) -> Result<()> {
        loop {
            let mut lane = self.lanes.take()?;
            let tokens = lane.tokens();
            logits.clear();
            let Err(error) = self.pass(&mut lane, batch, logits) else {
                self.lanes.give_back(lane);
                return Ok(());
            };
            self.lanes.discard(lane);
            if !(error.is_out_of_memory() && self.lanes.halve(tokens)) {
                return Err(error);
            }
        }
    }

    fn pass(&self, lane: &mut Lane, batch: &PackedBatch, logits: &mut Vec<f32>) -> Result<()> {
        let tokens = lane.tokens();
        batch.in_parts(tokens, |part| lane.pass(&self.weights, &self.config, part, logits))
    }
}

impl Drop for CudaClassifier {
    fn drop(&mut self) {
        self.lanes.close();
    }
}

impl Forward for CudaClassifier {
    /// Passes take a lane, so that more threads than lanes can share the device.
    type Scratch = ();

    fn classes(&self) -> usize {
        self.config.labels.len()
    }

    fn max_sequence(&self) -> usize {
        self.config.max_sequence()
    }

    fn scratch_bytes(&self, _tokens: usize) -> usize {
        0
    }

    fn scratch(&self, _tokens: usize) {}

    fn forward(&self, batch: &PackedBatch, (): &mut (), logits: &mut Vec<f32>) -> Result<()> {
        logits.clear();
        self.config.check_batch(batch, usize::MAX)?;
        if batch.sequences() == 0 {
            return Ok(());
        }
        let outcome = self.compute(batch, logits);
        if outcome.is_err() {
            logits.clear();
        }
        outcome
    }
}
