//! What the models compute, against `transformers` in float64.

use fillrate::text::encoder::{Encoder, EncoderClassifier};
use fillrate_kernels::{Precision, Tier};

use super::{BUDGET_TOKENS, CLASSIFIERS, Cases, batches, cases, classify, directory, options};

/// What a precision may cost.
struct Tolerance {
    precision: Precision,
    /// The largest difference of a logit, absolute, or as a share of the range of all logits.
    logit: Logit,
    /// The least share of equal labels among sequences that are no coin toss.
    equal_labels: f64,
}

enum Logit {
    Absolute(f32),
    ShareOfRange(f32),
}

const FP32: Tolerance =
    Tolerance { precision: Precision::Fp32, logit: Logit::Absolute(1e-4), equal_labels: 1.0 };
const BF16: Tolerance =
    Tolerance { precision: Precision::Bf16, logit: Logit::ShareOfRange(0.05), equal_labels: 0.99 };
const INT8: Tolerance =
    Tolerance { precision: Precision::Int8, logit: Logit::ShareOfRange(0.08), equal_labels: 0.97 };

/// Two best classes closer than this share of the range of logits are a coin toss.
const COIN_TOSS: f32 = 0.02;

fn range(outputs: &[Vec<f32>]) -> f32 {
    let values = || outputs.iter().flatten().copied();
    values().fold(f32::MIN, f32::max) - values().fold(f32::MAX, f32::min)
}

fn largest_difference(found: &[Vec<f32>], expected: &[Vec<f32>]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let pairs = found.iter().flatten().zip(expected.iter().flatten());
    // A NaN is the largest difference of all; `f32::max` would drop it.
    pairs.map(|(a, b)| (a - b).abs()).max_by(f32::total_cmp).unwrap()
}

/// The index of the best class and its lead over the second.
fn best(logits: &[f32]) -> (usize, f32) {
    let mut order: Vec<usize> = (0..logits.len()).collect();
    order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
    (order[0], logits[order[0]] - logits[order[1]])
}

/// The share of equal labels among the sequences whose expected label is no coin toss.
fn equal_labels(found: &[Vec<f32>], expected: &[Vec<f32>]) -> f64 {
    let coin_toss = COIN_TOSS * range(expected);
    let clear = found.iter().zip(expected).filter(|(_, expected)| best(expected).1 > coin_toss);
    let (mut equal, mut count) = (0, 0);
    for (found, expected) in clear {
        count += 1;
        equal += usize::from(best(found).0 == best(expected).0);
    }
    assert!(count * 2 > found.len(), "most sequences have a clear label");
    equal as f64 / count as f64
}

fn agrees(tolerance: &Tolerance) {
    for name in CLASSIFIERS {
        let Cases { sequences, outputs } = cases(name);
        for &tier in Tier::available() {
            let options = options(tier, tolerance.precision);
            let model = EncoderClassifier::load(&directory(name), options).unwrap();
            let found = classify(&model, &sequences);
            let worst = largest_difference(&found, &outputs);
            let equal = equal_labels(&found, &outputs);
            let allowed = match tolerance.logit {
                Logit::Absolute(logit) => logit,
                Logit::ShareOfRange(share) => share * range(&outputs),
            };
            assert!(worst <= allowed, "{name} on {tier}: {worst} > {allowed}");
            assert!(equal >= tolerance.equal_labels, "{name} on {tier}: {equal} equal labels");
        }
    }
}

#[test]
fn fp32_logits_are_those_of_pytorch() {
    agrees(&FP32);
}

#[test]
fn bf16_logits_stay_close() {
    agrees(&BF16);
}

#[test]
fn int8_labels_agree() {
    agrees(&INT8);
}

/// The embeddings of the golden encoder have length 1, so that a dot product is the cosine.
fn embedding_cosine_min(precision: Precision, tier: Tier) -> (f32, f32) {
    let Cases { sequences, outputs } = cases("bert-embedding");
    let model = Encoder::load(&directory("bert-embedding"), options(tier, precision)).unwrap();
    let mut scratch = model.scratch(BUDGET_TOKENS);
    let (mut found, mut embeddings) = (Vec::new(), Vec::new());
    for batch in batches(&sequences) {
        model.embed(&batch, &mut scratch, &mut embeddings).unwrap();
        found.extend(embeddings.chunks_exact(model.config().hidden).map(<[f32]>::to_vec));
    }
    let cosines =
        found.iter().zip(&outputs).map(|(a, b)| a.iter().zip(b).map(|(a, b)| a * b).sum());
    let cosine_min = cosines.min_by(f32::total_cmp).unwrap();
    (cosine_min, largest_difference(&found, &outputs))
}

#[test]
fn embeddings_are_those_of_sentence_transformers() {
    for &tier in Tier::available() {
        let (_, worst) = embedding_cosine_min(Precision::Fp32, tier);
        assert!(worst <= 1e-5, "{tier}: {worst}");
        for (precision, least) in [(Precision::Bf16, 0.999), (Precision::Int8, 0.99)] {
            let (cosine, _) = embedding_cosine_min(precision, tier);
            assert!(cosine >= least, "{precision} on {tier}: cosine {cosine}");
        }
    }
}
