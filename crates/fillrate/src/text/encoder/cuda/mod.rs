//! Classifiers on a GPU.
//!
//! Weights and the memory of passes are laid out ahead of time: what [`CudaClassifier::device_bytes`]
//! says is what is taken from the device's pools, to the byte. A few lanes, each with a queue and
//! memory of its own, let the copies of one batch run beside the products of another.

mod lane;
mod weights;

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use fillrate_kernels::cuda::{Accelerator, Element, Program, head_pad};

use self::lane::Lane;
use self::weights::DeviceWeights;
use super::LoadOptions;
use super::config::EncoderConfig;
use super::weights::WeightLoader;
use crate::text::{EmbeddedFiles, Forward, PackedBatch};
use crate::{Error, Result};

/// Passes that may be under way at a time: while one computes, the next is copied.
pub(in crate::text) const LANES: usize = 2;

/// A sequence classifier on a GPU; its answers are those of
/// [`EncoderClassifier`](super::EncoderClassifier) up to the rounding of a 16-bit type.
pub struct CudaClassifier {
    config: EncoderConfig,
    element: Element,
    program: Program,
    weights: DeviceWeights,
    lanes: Mutex<Lanes>,
    freed: Condvar,
    // Last, since memory goes back to it.
    accelerator: Arc<dyn Accelerator>,
}

/// The lanes, and how large batches may be.
struct Lanes {
    free: Vec<Lane>,
    /// Those that are free and those that compute.
    living: usize,
    /// The tokens that the next lane is laid out for.
    tokens: usize,
    /// The tokens that were asked for.
    tokens_asked: usize,
}

impl CudaClassifier {
    /// Loads the classifier of a Hugging Face directory, with room for batches of `tokens` tokens:
    /// fewer where memory ends, which [`Self::reduced_tokens`] tells.
    ///
    /// # Errors
    ///
    /// As [`EncoderClassifier::load`](super::EncoderClassifier::load), if its heads are wider than
    /// the kernels', or if the device fails or has no room for the model.
    pub fn load(
        directory: &Path,
        accelerator: Arc<dyn Accelerator>,
        tokens: usize,
    ) -> Result<Self> {
        Self::build(WeightLoader::open(directory, LoadOptions::default())?, accelerator, tokens)
    }

    /// Loads a classifier that is part of the program.
    ///
    /// # Errors
    ///
    /// As [`Self::load`].
    pub fn embedded(
        files: &'static EmbeddedFiles,
        accelerator: Arc<dyn Accelerator>,
        tokens: usize,
    ) -> Result<Self> {
        Self::build(WeightLoader::embedded(files, LoadOptions::default())?, accelerator, tokens)
    }

    fn build(
        mut loader: WeightLoader,
        accelerator: Arc<dyn Accelerator>,
        tokens: usize,
    ) -> Result<Self> {
        let head_dim = loader.config.head_dim();
        let Some(head_pad) = head_pad(head_dim) else {
            let message = format!("heads of {head_dim} values are wider than a GPU's kernels take");
            return Err(Error::Argument { name: "model", message });
        };
        let element = accelerator.element();
        let program = Program::Encoder { element, head_pad };
        let queue = accelerator.queue(program)?;
        let weights = DeviceWeights::upload(&mut loader, &*accelerator, &*queue)?;
        // Its workspace is free again for the lanes.
        drop(queue);
        let tokens = tokens.max(loader.config.max_sequence());
        let lanes = Lanes { free: Vec::new(), living: 0, tokens, tokens_asked: tokens };
        let WeightLoader { config, .. } = loader;
        let (lanes, freed) = (Mutex::new(lanes), Condvar::new());
        let classifier = Self { config, element, program, weights, lanes, freed, accelerator };
        // All of them now, so that no later batch finds the memory gone.
        let lanes = (0..LANES).map(|_| classifier.take_lane()).collect::<Result<Vec<_>>>()?;
        for lane in lanes {
            classifier.return_lane(lane);
        }
        Ok(classifier)
    }

    /// The model's shape and labels.
    #[must_use]
    pub const fn config(&self) -> &EncoderConfig {
        &self.config
    }

    /// The type of activations and weights.
    #[must_use]
    pub const fn element(&self) -> Element {
        self.element
    }

    /// The device, such as `cuda:0`.
    #[must_use]
    pub fn device(&self) -> String {
        self.accelerator.name()
    }

    /// The bytes of device memory that are taken for weights and passes, besides cuBLASLt's.
    #[must_use]
    pub fn device_bytes(&self) -> usize {
        let tokens = self.lanes().tokens;
        self.weights.bytes() + LANES * Lane::bytes_for(tokens, &self.config)
    }

    /// The bytes that a model takes with room for batches of `tokens` tokens.
    #[must_use]
    pub fn device_bytes_for(config: &EncoderConfig, tokens: usize) -> usize {
        let tokens = tokens.max(config.max_sequence());
        DeviceWeights::bytes_for(config) + LANES * Lane::bytes_for(tokens, config)
    }

    /// The tokens of the largest batch, where memory had no room for those that were asked for.
    #[must_use]
    pub fn reduced_tokens(&self) -> Option<usize> {
        let lanes = self.lanes();
        (lanes.tokens < lanes.tokens_asked).then_some(lanes.tokens)
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        // What the lock guards is whole between any two statements.
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A lane for the batches that memory has room for: half as large until it does.
    fn new_lane(&self) -> Result<Lane> {
        loop {
            let tokens = self.lanes().tokens;
            match Lane::new(&*self.accelerator, self.program, tokens, &self.config) {
                Err(error) if error.is_out_of_memory() && self.halve(tokens) => {}
                lane => return lane,
            }
        }
    }

    /// Halves the size of batches; whether there was something to halve.
    fn halve(&self, tokens: usize) -> bool {
        let least = self.config.max_sequence();
        let mut lanes = self.lanes();
        // Another lane may have done so meanwhile.
        lanes.tokens = lanes.tokens.min((tokens / 2).max(least));
        // Lanes of the former size would keep the memory.
        let (fitting, before) = (lanes.tokens, lanes.free.len());
        lanes.free.retain(|lane| lane.tokens() <= fitting);
        lanes.living -= before - lanes.free.len();
        tokens > least
    }

    /// Computes a batch in parts that fit a lane, and again in smaller ones where memory ends.
    fn compute(&self, batch: &PackedBatch, logits: &mut Vec<f32>) -> Result<()> {
        loop {
            let mut lane = self.take_lane()?;
            let tokens = lane.tokens();
            logits.clear();
            let outcome = self.pass(&mut lane, batch, logits);
            match outcome {
                Err(error) if error.is_out_of_memory() => {
                    self.drop_lane(lane);
                    if !self.halve(tokens) {
                        return Err(error);
                    }
                }
                // After a failure its queue may be in any state.
                Err(error) => {
                    self.drop_lane(lane);
                    return Err(error);
                }
                Ok(()) => {
                    self.return_lane(lane);
                    return Ok(());
                }
            }
        }
    }

    fn pass(&self, lane: &mut Lane, batch: &PackedBatch, logits: &mut Vec<f32>) -> Result<()> {
        let tokens = lane.tokens();
        batch.in_parts(tokens, |part| lane.pass(&self.weights, &self.config, part, logits))
    }

    /// A lane that is free, or a new one while there are fewer than there may be.
    fn take_lane(&self) -> Result<Lane> {
        let mut lanes = self.lanes();
        loop {
            if let Some(lane) = lanes.free.pop() {
                return Ok(lane);
            }
            if lanes.living < LANES {
                lanes.living += 1;
                drop(lanes);
                return self.new_lane().inspect_err(|_| self.forget_lane());
            }
            lanes = self.freed.wait(lanes).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn return_lane(&self, lane: Lane) {
        self.lanes().free.push(lane);
        self.freed.notify_one();
    }

    fn drop_lane(&self, lane: Lane) {
        drop(lane);
        self.forget_lane();
    }

    /// Makes room for another lane.
    fn forget_lane(&self) {
        self.lanes().living -= 1;
        self.freed.notify_one();
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
