//! The encoders against `transformers`, and against each other.

mod cuda;
mod directories;
mod golden;
mod int8;
mod passes;

use std::fs;
use std::path::PathBuf;

use fillrate::text::encoder::{EncoderClassifier, LoadOptions};
use fillrate::text::{Forward, PackedBatch};
use fillrate_kernels::{Cpu, Precision, Tier};
use serde::Deserialize;

/// Every golden classifier; `bert-embedding` is beside them.
const CLASSIFIERS: [&str; 9] = [
    "bert",
    "bert-int8",
    "bert-two-bf16",
    "bert-odd-relu",
    "bert-stars-gelu-new",
    "bert-long-sharded",
    "distilbert-f16",
    "roberta",
    "xlm-roberta",
];

/// The token budget of the tests: several sequences a batch, and several batches a file.
const BUDGET_TOKENS: usize = 600;

/// The sequences of a golden file with what `transformers` makes of them.
#[derive(Deserialize)]
struct Cases {
    sequences: Vec<Vec<u32>>,
    outputs: Vec<Vec<f32>>,
}

fn directory(name: &str) -> PathBuf {
    PathBuf::from("../../golden/encoder").join(name)
}

fn cases(name: &str) -> Cases {
    let text = fs::read_to_string(directory(name).join("cases.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn options(tier: Tier, precision: Precision) -> LoadOptions {
    LoadOptions { precision: Some(precision), cpu: Cpu::with_tier(tier).unwrap() }
}

fn load(name: &str, precision: Precision) -> EncoderClassifier {
    EncoderClassifier::load(&directory(name), options(Tier::detect(), precision)).unwrap()
}

/// The sequences in batches of at most [`BUDGET_TOKENS`].
fn batches<S: AsRef<[u32]>>(sequences: &[S]) -> Vec<PackedBatch> {
    let mut batches = vec![PackedBatch::default()];
    for sequence in sequences.iter().map(AsRef::as_ref) {
        let full = |batch: &PackedBatch| batch.tokens() + sequence.len() > BUDGET_TOKENS;
        if batches.last().is_some_and(full) {
            batches.push(PackedBatch::default());
        }
        batches.last_mut().unwrap().push(sequence);
    }
    batches
}

/// The logits of each sequence.
fn classify<S: AsRef<[u32]>>(model: &EncoderClassifier, sequences: &[S]) -> Vec<Vec<f32>> {
    let mut scratch = model.scratch(BUDGET_TOKENS);
    let (mut all, mut logits) = (Vec::new(), Vec::new());
    for batch in batches(sequences) {
        model.forward(&batch, &mut scratch, &mut logits).unwrap();
        assert_eq!(logits.len(), batch.sequences() * model.classes());
        all.extend(logits.chunks_exact(model.classes()).map(<[f32]>::to_vec));
    }
    all
}
