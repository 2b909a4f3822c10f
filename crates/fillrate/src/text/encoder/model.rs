//! The encoder: embeddings and transformer layers over packed sequences.

use std::path::Path;

use fillrate_kernels::{Cpu, Embeddings, LayerNorm, Nonlinearity, Precision, Sequences, Workspace};

use super::LoadOptions;
use super::config::EncoderConfig;
use super::scratch::{EncoderScratch, LayerStates};
use super::weights::{Head, Layer, WeightLoader};
use crate::Result;
use crate::text::PackedBatch;

/// The smallest norm that an embedding is divided by.
/// Source: `torch.nn.functional.normalize`, `eps`.
const NORM_MIN: f32 = 1e-12;

/// A product's task should have at least this many operations: it then takes ten microseconds or
/// more, and waking a thread for it a few.
const TASK_OPERATIONS_MIN: usize = 10_000_000;

/// A transformer encoder with its weights packed for one processor.
pub struct Encoder {
    config: EncoderConfig,
    cpu: Cpu,
    precision: Precision,
    embeddings: Embeddings,
    embedding_norm: LayerNorm,
    layers: Vec<Layer>,
}

impl Encoder {
    /// Loads the encoder of a Hugging Face directory; a classifier on top of it is left out.
    ///
    /// # Errors
    ///
    /// If `config.json` or the weights are missing, damaged, of a kind that is not supported, or
    /// do not fit each other.
    pub fn load(directory: &Path, options: LoadOptions) -> Result<Self> {
        Self::build(WeightLoader::open(directory, options)?)
    }

    /// Loads the encoder with the classifier on top. The classifier is looked for first: a
    /// directory without one is refused before its other weights are read.
    pub(super) fn load_with_head(mut loader: WeightLoader) -> Result<(Self, Head)> {
        let head = loader.head()?;
        Ok((Self::build(loader)?, head))
    }

    fn build(mut loader: WeightLoader) -> Result<Self> {
        // The largest tables come first, while little else is in memory.
        let (embeddings, embedding_norm) = loader.embeddings()?;
        let layers = (0..loader.config.layers)
            .map(|index| loader.layer(index))
            .collect::<Result<Vec<_>>>()?;
        let WeightLoader { config, cpu, precision, .. } = loader;
        Ok(Self { config, cpu, precision, embeddings, embedding_norm, layers })
    }

    /// The model's shape and labels.
    #[must_use]
    pub const fn config(&self) -> &EncoderConfig {
        &self.config
    }

    /// The numeric type of the matrix products.
    #[must_use]
    pub const fn precision(&self) -> Precision {
        self.precision
    }

    /// The bytes that the packed weights take.
    #[must_use]
    pub fn weight_bytes(&self) -> usize {
        self.embeddings.bytes() + self.layers.iter().map(Layer::bytes).sum::<usize>()
    }

    /// Room for passes over at most `tokens` tokens.
    #[must_use]
    pub fn scratch(&self, tokens: usize) -> EncoderScratch {
        EncoderScratch::new(tokens, &self.config, self.precision)
    }

    /// The bytes that [`Self::scratch`] takes.
    #[must_use]
    pub fn scratch_bytes(&self, tokens: usize) -> usize {
        EncoderScratch::bytes_for(tokens, &self.config, self.precision)
    }

    /// Writes one embedding per sequence over `embeddings`, shape `[sequences, hidden]`: the mean
    /// of the tokens' final states, scaled to length 1.
    ///
    /// Source: the `sentence-transformers` modules `Pooling` (mean) and `Normalize`.
    ///
    /// # Errors
    ///
    /// If a token id is out of the vocabulary, a sequence is empty or too long, or the batch does
    /// not fit the scratch.
    pub fn embed(
        &self,
        batch: &PackedBatch,
        scratch: &mut EncoderScratch,
        embeddings: &mut Vec<f32>,
    ) -> Result<()> {
        let cpu = &self.cpu_for(batch.tokens());
        self.begin(cpu, batch, scratch)?;
        for layer in &self.layers {
            self.attend(cpu, layer, batch, scratch)?;
            self.finish_layer(cpu, layer, &mut scratch.states, &mut scratch.workspace)?;
        }
        embeddings.clear();
        embeddings.resize(batch.sequences() * self.config.hidden, 0.0);
        let ranges = batch.cu_seqlens().windows(2);
        for (range, mean) in ranges.zip(embeddings.chunks_exact_mut(self.config.hidden)) {
            for token in range[0]..range[1] {
                scratch.states.hidden.row_f32(token as usize, &mut scratch.row);
                for (sum, value) in mean.iter_mut().zip(&scratch.row) {
                    *sum += value;
                }
            }
            // The length of the sum is that of the mean times the tokens: one division does both.
            let norm = mean.iter().map(|value| value * value).sum::<f32>().sqrt().max(NORM_MIN);
            for value in mean {
                *value /= norm;
            }
        }
        Ok(())
    }

    /// Checks the batch and writes the embedded tokens to the hidden states.
    pub(super) fn begin(
        &self,
        cpu: &Cpu,
        batch: &PackedBatch,
        scratch: &mut EncoderScratch,
    ) -> Result<()> {
        self.config.check_batch(batch, scratch.tokens)?;
        self.config.write_positions(batch, &mut scratch.positions);
        cpu.embed_layer_norm(
            &self.embeddings,
            batch.ids(),
            &scratch.positions,
            &self.embedding_norm,
            &mut scratch.states.hidden,
            &mut scratch.workspace,
        )?;
        Ok(())
    }

    /// The first half of a layer: attention of every token to its sequence.
    pub(super) fn attend(
        &self,
        cpu: &Cpu,
        layer: &Layer,
        batch: &PackedBatch,
        scratch: &mut EncoderScratch,
    ) -> Result<()> {
        let EncoderScratch { qkv, states, workspace, .. } = scratch;
        cpu.linear(&states.hidden, &layer.qkv, Nonlinearity::Identity, qkv)?;
        let sequences = Sequences { cu_seqlens: batch.cu_seqlens(), heads: self.config.heads };
        cpu.attention(qkv, sequences, &mut states.context, workspace)?;
        Ok(())
    }

    /// The second half of a layer, in which the rows have nothing to do with each other.
    pub(super) fn finish_layer(
        &self,
        cpu: &Cpu,
        layer: &Layer,
        states: &mut LayerStates,
        workspace: &mut Workspace,
    ) -> Result<()> {
        let LayerStates { hidden, context, attended, intermediate } = states;
        cpu.linear_add_layer_norm(
            context,
            &layer.attention_output,
            hidden,
            &layer.attention_norm,
            attended,
            workspace,
        )?;
        cpu.linear(attended, &layer.intermediate, self.config.nonlinearity, intermediate)?;
        cpu.linear_add_layer_norm(
            intermediate,
            &layer.output,
            attended,
            &layer.output_norm,
            hidden,
            workspace,
        )?;
        Ok(())
    }

    pub(super) fn layers(&self) -> &[Layer] {
        &self.layers
    }

    pub(super) const fn cpu(&self) -> &Cpu {
        &self.cpu
    }

    /// The processor with as many ways as the products of `tokens` tokens are worth.
    pub(super) fn cpu_for(&self, tokens: usize) -> Cpu {
        let operations = 2 * tokens * self.config.hidden * self.config.hidden;
        self.cpu.split(self.cpu.ways().min(operations / TASK_OPERATIONS_MIN))
    }
}
