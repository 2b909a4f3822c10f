//! Transformer encoders from Hugging Face directories: BERT, DistilBERT, RoBERTa and XLM-RoBERTa.
//!
//! A directory holds `config.json` ([`EncoderConfig`]) and its weights in safetensors files.
//! [`Encoder`] turns packed token sequences into hidden states and sentence embeddings;
//! [`EncoderClassifier`] adds the classifier and is what the batcher drives; [`CudaClassifier`] is
//! the same on a GPU.
//!
//! The weights of linears and the word embeddings may be stored as int8, shape `[rows, width]`, with
//! a companion `<name>_scale`, shape `[rows]` or `[rows, 1]`: value = scale · byte. Int8 passes
//! compute with those very bytes and scales; the other precisions compute with the products.
//!
//! Weights are packed once, when a model is loaded. Everything that a pass writes lies in a
//! scratch that is laid out once from the model's shapes and a token budget; a pass allocates
//! nothing and computes no padding token.

mod batch;
mod checkpoint;
mod classifier;
mod config;
mod cuda;
mod model;
mod scratch;
mod tensor;
mod weights;

use fillrate_kernels::{Cpu, Precision};

pub use classifier::EncoderClassifier;
pub use config::{Architecture, EncoderConfig};
pub use cuda::{ActivationRanges, CudaClassifier, CudaOptions};
pub use model::Encoder;
pub use scratch::{ClassifierScratch, EncoderScratch};

/// How a model is loaded.
#[derive(Clone, Copy, Debug)]
pub struct LoadOptions {
    /// The numeric type of the matrix products. `None` takes int8 if the layers' weights are all
    /// stored as int8, else [`Cpu::auto_precision`].
    pub precision: Option<Precision>,
    /// The processor that runs the passes. A batch that is computed alone
    /// ([`Forward::forward_alone`](super::Forward::forward_alone)) and embeddings are split over
    /// its [`Cpu::ways`]; other passes stay on their thread.
    pub cpu: Cpu,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self { precision: None, cpu: Cpu::detect() }
    }
}
