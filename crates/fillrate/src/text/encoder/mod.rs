//! Transformer encoders from Hugging Face directories: BERT, DistilBERT, RoBERTa and XLM-RoBERTa.
//!
//! A directory holds `config.json` ([`EncoderConfig`]) and its weights in safetensors files.
//! [`Encoder`] turns packed token sequences into hidden states and sentence embeddings;
//! [`EncoderClassifier`] adds the classifier and is what the batcher drives.
//!
//! Weights are packed once, when a model is loaded. Everything that a pass writes lies in a
//! scratch that is laid out once from the model's shapes and a token budget; a pass allocates
//! nothing and computes no padding token.

mod checkpoint;
mod classifier;
mod config;
mod model;
mod scratch;
mod weights;

use fillrate_kernels::{Cpu, Precision};

pub use classifier::EncoderClassifier;
pub use config::{Architecture, EncoderConfig};
pub use model::Encoder;
pub use scratch::{ClassifierScratch, EncoderScratch};

/// How a model is loaded.
#[derive(Clone, Copy, Debug)]
pub struct LoadOptions {
    /// The numeric type of the matrix products; `None` takes [`Cpu::auto_precision`].
    pub precision: Option<Precision>,
    /// The processor that packs the weights and runs the passes.
    pub cpu: Cpu,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self { precision: None, cpu: Cpu::detect() }
    }
}
