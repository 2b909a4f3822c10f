//! What a pass must not depend on, and what it refuses.

use fillrate::Error;
use fillrate::text::encoder::{EncoderClassifier, LoadOptions};
use fillrate::text::{Forward, PackedBatch};
use fillrate_kernels::{Cpu, Precision};

use super::{BUDGET_TOKENS, cases, classify, directory, load};

const PRECISIONS: [Precision; 3] = [Precision::Fp32, Precision::Bf16, Precision::Int8];

/// Each sequence in a batch and a scratch of its own.
fn one_by_one(model: &EncoderClassifier, sequences: &[Vec<u32>]) -> Vec<Vec<f32>> {
    let alone = |sequence: &Vec<u32>| classify(model, &[sequence]).remove(0);
    sequences.iter().map(alone).collect()
}

#[test]
fn a_sequence_does_not_feel_its_neighbours() {
    for precision in PRECISIONS {
        for name in ["bert-odd-relu", "roberta"] {
            let model = load(name, precision);
            let sequences = &cases(name).sequences[..100];
            assert_eq!(classify(&model, sequences), one_by_one(&model, sequences), "{name}");
        }
    }
}

#[test]
fn more_sequences_than_a_tile_are_answered_in_order() {
    let model = load("bert", Precision::Fp32);
    let sequences: Vec<Vec<u32>> = (0..150).map(|id| vec![2, id, 3]).collect();
    assert_eq!(classify(&model, &sequences), one_by_one(&model, &sequences));
}

#[test]
fn reordering_the_sequences_reorders_the_logits() {
    for precision in PRECISIONS {
        let model = load("distilbert-f16", precision);
        let mut sequences = cases("distilbert-f16").sequences;
        let mut logits = classify(&model, &sequences);
        sequences.reverse();
        logits.reverse();
        assert_eq!(classify(&model, &sequences), logits, "{precision}");
    }
}

#[test]
fn splitting_a_product_over_tasks_changes_nothing() {
    for precision in PRECISIONS {
        let options = LoadOptions { precision: Some(precision), cpu: Cpu::detect().split(3) };
        let split = EncoderClassifier::load(&directory("bert"), options).unwrap();
        let sequences = cases("bert").sequences;
        // So many tokens that a product is worth three tasks, though the model is small.
        let worth_three = 3 * 10_000_000 / (2 * split.config().hidden.pow(2));
        let mut batch = PackedBatch::default();
        for sequence in sequences.iter().cycle() {
            if batch.tokens() > worth_three {
                break;
            }
            batch.push(sequence);
        }
        let (mut alone, mut among) = (Vec::new(), Vec::new());
        split.forward_alone(&batch, &mut split.scratch(batch.tokens()), &mut alone).unwrap();
        split.forward(&batch, &mut split.scratch(batch.tokens()), &mut among).unwrap();
        assert_eq!(alone, among, "{precision}");
        let whole = load("bert", precision);
        whole.forward(&batch, &mut whole.scratch(batch.tokens()), &mut among).unwrap();
        assert_eq!(alone, among, "{precision}");
    }
}

#[test]
fn an_empty_batch_has_no_logits() {
    let model = load("bert", Precision::Bf16);
    let mut logits = vec![1.0];
    model.forward(&PackedBatch::default(), &mut model.scratch(8), &mut logits).unwrap();
    assert!(logits.is_empty());
}

/// The error of one batch; a good one afterwards must not notice it.
fn refusal(sequences: &[&[u32]]) -> Error {
    let model = load("bert", Precision::Fp32);
    let mut scratch = model.scratch(BUDGET_TOKENS);
    let mut logits = Vec::new();
    let mut batch = PackedBatch::default();
    for sequence in sequences {
        batch.push(sequence);
    }
    let error = model.forward(&batch, &mut scratch, &mut logits).unwrap_err();
    assert!(logits.is_empty(), "a failed pass leaves no logits");
    batch.clear();
    batch.push(&[2, 5, 3]);
    model.forward(&batch, &mut scratch, &mut logits).unwrap();
    assert_eq!(classify(&model, &[[2, 5, 3]]), [logits]);
    error
}

#[test]
fn sequences_that_the_model_cannot_take_are_named() {
    assert_eq!(
        refusal(&[&[2, 3], &[2, 160, 3]]).to_string(),
        "sequence 1 of the batch has token id 160; the vocabulary ends at 159: the tokenizer and \
         the weights are not of the same model"
    );
    assert_eq!(refusal(&[&[2, 3], &[]]).to_string(), "sequence 1 of the batch has no tokens");
    assert_eq!(
        refusal(&[&[5; 41]]).to_string(),
        "sequence 0 of the batch has 41 tokens; the model takes 40"
    );
    assert_eq!(
        refusal(&[[5; 40].as_slice(); 16]).to_string(),
        "a batch of 640 tokens does not fit a scratch of 600"
    );
}

#[test]
fn roberta_has_as_many_positions_as_lie_behind_the_padding_token() {
    assert_eq!(load("roberta", Precision::Fp32).max_sequence(), 40);
    assert_eq!(load("bert", Precision::Fp32).max_sequence(), 40);
}
