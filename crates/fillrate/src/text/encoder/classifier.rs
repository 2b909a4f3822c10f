//! An encoder with a sequence classifier on top.

use std::path::Path;

use fillrate_kernels::{Cpu, Nonlinearity, Precision, Sequences};

use super::LoadOptions;
use super::config::EncoderConfig;
use super::model::Encoder;
use super::scratch::{ClassifierScratch, EncoderScratch, TILE_ROWS};
use super::weights::{Head, Layer, WeightLoader};
use crate::Result;
use crate::text::{EmbeddedFiles, Forward, PackedBatch};

/// A sequence classifier: an [`Encoder`] whose first token's final state is turned into logits.
///
/// ```no_run
/// use std::path::Path;
/// use fillrate::text::{Forward, PackedBatch};
/// use fillrate::text::encoder::{EncoderClassifier, LoadOptions};
///
/// let model = EncoderClassifier::load(Path::new("models/finbert"), LoadOptions::default())?;
/// let mut scratch = model.scratch(1024);
/// let mut batch = PackedBatch::default();
/// batch.push(&[101, 2204, 2739, 102]);
/// let mut logits = Vec::new();
/// model.forward(&batch, &mut scratch, &mut logits)?;
/// assert_eq!(logits.len(), model.classes());
/// # Ok::<(), fillrate::Error>(())
/// ```
pub struct EncoderClassifier {
    encoder: Encoder,
    head: Head,
}

impl EncoderClassifier {
    /// Loads the classifier of a Hugging Face directory.
    ///
    /// # Errors
    ///
    /// As [`Encoder::load`], and if the checkpoint has no classifier.
    pub fn load(directory: &Path, options: LoadOptions) -> Result<Self> {
        let (encoder, head) = Encoder::load_with_head(WeightLoader::open(directory, options)?)?;
        Ok(Self { encoder, head })
    }

    /// Loads a classifier that is part of the program.
    ///
    /// # Errors
    ///
    /// As [`Self::load`].
    pub fn embedded(files: &'static EmbeddedFiles, options: LoadOptions) -> Result<Self> {
        let (encoder, head) = Encoder::load_with_head(WeightLoader::embedded(files, options)?)?;
        Ok(Self { encoder, head })
    }

    /// The model's shape and labels.
    #[must_use]
    pub const fn config(&self) -> &EncoderConfig {
        self.encoder.config()
    }

    /// The name of each class, in the order of the logits.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        &self.config().labels
    }

    /// The numeric type of the matrix products.
    #[must_use]
    pub const fn precision(&self) -> Precision {
        self.encoder.precision()
    }

    /// The bytes that the packed weights take.
    #[must_use]
    pub fn weight_bytes(&self) -> usize {
        self.encoder.weight_bytes() + self.head.bytes()
    }

    /// The last layer and the classifier, for the sequences that begin at `offsets` but the last,
    /// which is where they end. The last layer's keys and values are there for every token.
    ///
    /// The classifier reads nothing but first tokens, so that of the last layer nothing else is
    /// computed for the others.
    fn finish(
        &self,
        cpu: &Cpu,
        last: &Layer,
        offsets: &[u32],
        scratch: &mut ClassifierScratch,
    ) -> Result<()> {
        const ROWS: [u32; TILE_ROWS] = {
            let mut rows = [0; TILE_ROWS];
            let mut row = 0;
            while row < TILE_ROWS {
                rows[row] = row as u32;
                row += 1;
            }
            rows
        };
        let ClassifierScratch { encoder, firsts, queries, .. } = scratch;
        let EncoderScratch { qkv, states, workspace, .. } = encoder;
        let EncoderConfig { hidden, heads, .. } = *self.config();
        let begins = &offsets[..offsets.len() - 1];
        cpu.select_rows(&states.hidden, begins, &mut firsts.hidden)?;
        cpu.linear_columns(&firsts.hidden, &last.qkv, 0..hidden, queries)?;
        let sequences = Sequences { cu_seqlens: offsets, heads };
        cpu.attention_first(queries, qkv, sequences, &mut firsts.context, workspace)?;
        self.encoder.finish_layer(cpu, last, firsts, workspace)?;
        // From here on in fp32.
        let rows = &ROWS[..begins.len()];
        cpu.select_rows(&scratch.firsts.hidden, rows, &mut scratch.features)?;
        let Head { dense, nonlinearity, classifier } = &self.head;
        cpu.linear(&scratch.features, dense, *nonlinearity, &mut scratch.pooled)?;
        cpu.linear(&scratch.pooled, classifier, Nonlinearity::Identity, &mut scratch.logits)?;
        Ok(())
    }

    /// One pass on `cpu`, which says over how many tasks each product is split.
    fn pass(
        &self,
        cpu: &Cpu,
        batch: &PackedBatch,
        scratch: &mut ClassifierScratch,
        logits: &mut Vec<f32>,
    ) -> Result<()> {
        logits.clear();
        self.encoder.begin(cpu, batch, &mut scratch.encoder)?;
        // A configuration without layers is refused when it is read.
        let Some((last, earlier)) = self.encoder.layers().split_last() else { return Ok(()) };
        for layer in earlier {
            self.encoder.attend(cpu, layer, batch, &mut scratch.encoder)?;
            let encoder = &mut scratch.encoder;
            self.encoder.finish_layer(cpu, layer, &mut encoder.states, &mut encoder.workspace)?;
        }
        let EncoderScratch { qkv, states, .. } = &mut scratch.encoder;
        let hidden = self.config().hidden;
        cpu.linear_columns(&states.hidden, &last.qkv, hidden..3 * hidden, qkv)?;
        let classes = self.classes();
        logits.resize(batch.sequences() * classes, 0.0);
        let offsets = batch.cu_seqlens();
        for (tile, logits) in logits.chunks_mut(TILE_ROWS * classes).enumerate() {
            let first = tile * TILE_ROWS;
            let end = first + logits.len() / classes;
            self.finish(cpu, last, &offsets[first..=end], scratch)?;
            for (row, logits) in logits.chunks_exact_mut(classes).enumerate() {
                scratch.logits.row_f32(row, logits);
            }
        }
        Ok(())
    }
}

impl Forward for EncoderClassifier {
    type Scratch = ClassifierScratch;

    fn classes(&self) -> usize {
        self.config().labels.len()
    }

    fn max_sequence(&self) -> usize {
        self.config().max_sequence()
    }

    fn scratch_bytes(&self, tokens: usize) -> usize {
        ClassifierScratch::bytes_for(tokens, self.config(), self.precision())
    }

    fn scratch(&self, tokens: usize) -> ClassifierScratch {
        ClassifierScratch::new(tokens, self.config(), self.precision())
    }

    fn forward(
        &self,
        batch: &PackedBatch,
        scratch: &mut ClassifierScratch,
        logits: &mut Vec<f32>,
    ) -> Result<()> {
        self.pass(&self.encoder.cpu().split(1), batch, scratch, logits)
    }

    fn forward_alone(
        &self,
        batch: &PackedBatch,
        scratch: &mut ClassifierScratch,
        logits: &mut Vec<f32>,
    ) -> Result<()> {
        self.pass(&self.encoder.cpu_for(batch.tokens()), batch, scratch, logits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::encoder::scratch::LayerStates;
    use fillrate_kernels::{Activation, Cpu};
    use std::path::PathBuf;

    fn load(name: &str, precision: Precision) -> EncoderClassifier {
        let golden = PathBuf::from("../../golden/encoder");
        let options = LoadOptions { precision: Some(precision), cpu: Cpu::detect() };
        EncoderClassifier::load(&golden.join(name), options).unwrap()
    }

    /// Fills a matrix with a value that no pass would write and any pass that reads it would show.
    fn poison(activation: &mut Activation) {
        let values = activation.capacity_rows() * activation.width();
        activation.set_f32(&vec![-3.0e38; values]);
    }

    fn poison_all(scratch: &mut ClassifierScratch) {
        let ClassifierScratch { encoder, firsts, queries, features, pooled, logits } = scratch;
        for states in [&mut encoder.states, firsts] {
            let LayerStates { hidden, context, attended, intermediate } = states;
            [hidden, context, attended, intermediate].into_iter().for_each(poison);
        }
        [&mut encoder.qkv, queries, features, pooled, logits].into_iter().for_each(poison);
        encoder.positions.resize(encoder.positions.capacity(), u32::MAX);
        encoder.row.fill(f32::NAN);
    }

    #[test]
    fn what_an_earlier_pass_left_behind_is_never_read() {
        for precision in [Precision::Fp32, Precision::Bf16, Precision::Int8] {
            for name in ["bert-odd-relu", "roberta"] {
                let model = load(name, precision);
                let mut batch = PackedBatch::default();
                batch.push(&[2, 40, 41, 42, 3]);
                batch.push(&[2, 3]);
                batch.push(&[2, 7, 1, 8, 1, 1, 9, 3]);
                let (mut fresh, mut reused) = (Vec::new(), Vec::new());
                let mut scratch = model.scratch(100);
                model.forward(&batch, &mut scratch, &mut fresh).unwrap();
                poison_all(&mut scratch);
                model.forward(&batch, &mut scratch, &mut reused).unwrap();
                assert_eq!(fresh, reused, "{name} {precision}");
            }
        }
    }

    #[test]
    fn the_scratch_takes_the_bytes_that_were_announced() {
        for precision in [Precision::Fp32, Precision::Bf16, Precision::Int8] {
            for (name, tokens) in [("bert-odd-relu", 1), ("bert", 100), ("bert-long-sharded", 2000)]
            {
                let model = load(name, precision);
                let scratch = model.scratch(tokens);
                assert_eq!(model.scratch_bytes(tokens), scratch.bytes(), "{name} {tokens}");
            }
        }
    }

    #[test]
    fn a_pass_within_the_budget_moves_nothing() {
        let model = load("bert", Precision::Bf16);
        let mut scratch = model.scratch(80);
        let mut logits = Vec::new();
        let mut batch = PackedBatch::default();
        batch.push(&[9; 40]);
        batch.push(&[8; 40]);
        let bytes = scratch.bytes();
        let positions = scratch.encoder.positions.as_ptr();
        model.forward(&batch, &mut scratch, &mut logits).unwrap();
        assert_eq!(scratch.bytes(), bytes);
        assert_eq!(scratch.encoder.positions.as_ptr(), positions);
    }
}
