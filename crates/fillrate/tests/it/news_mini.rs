//! The model that is compiled in: that its weights, its tokenizer and the kernels still add up to
//! what its card says.

use fillrate::text::encoder::{EncoderClassifier, LoadOptions};
use fillrate::text::{Forward, NEWS_MINI, PackedBatch, Tokenizer, WordPieceOptions};
use fillrate_kernels::{Cpu, Tier};

/// The accuracy on the held-out financial texts that the model's card states, less three texts:
/// tiers round differently.
const ACCURACY_MIN: f64 = 0.826 - 3.0 / 499.0;

/// The held-out texts and their labels, as classes.
fn held_out() -> Vec<(String, usize)> {
    let mut reader = csv::Reader::from_path("../../models/news-mini/financial.csv").unwrap();
    let rows = reader.records().map(Result::unwrap);
    let class = |label: &str| ["negative", "neutral", "positive"].iter().position(|c| *c == label);
    rows.filter(|row| &row[4] == "test")
        .map(|row| (row[0].to_owned(), class(&row[1]).unwrap()))
        .collect()
}

/// The most likely class of each text, on one tier.
fn classes(texts: &[(String, usize)], tier: Tier) -> Vec<usize> {
    let options = LoadOptions { precision: None, cpu: Cpu::with_tier(tier).unwrap() };
    let model = EncoderClassifier::embedded(&NEWS_MINI, options).unwrap();
    let tokenizer =
        Tokenizer::from_wordpiece(NEWS_MINI.vocabulary, &WordPieceOptions::default()).unwrap();
    let mut scratch = model.scratch(2048);
    let (mut batch, mut ids, mut logits) = (PackedBatch::default(), Vec::new(), Vec::new());
    let mut classes = Vec::new();
    for texts in texts.chunks(16) {
        batch.clear();
        for (text, _) in texts {
            ids.clear();
            tokenizer.encode_into(text, &mut ids).unwrap();
            batch.push(&ids);
        }
        model.forward(&batch, &mut scratch, &mut logits).unwrap();
        classes.extend(
            logits
                .chunks_exact(3)
                .map(|logits| (0..3).max_by(|a, b| logits[*a].total_cmp(&logits[*b])).unwrap()),
        );
    }
    classes
}

#[test]
fn it_is_as_good_as_its_card_says() {
    let texts = held_out();
    assert_eq!(texts.len(), 499);
    let found = classes(&texts, Tier::detect());
    let hits = texts.iter().zip(&found).filter(|((_, class), found)| class == *found).count();
    let accuracy = hits as f64 / texts.len() as f64;
    assert!(accuracy >= ACCURACY_MIN, "{accuracy}");
}

#[test]
fn every_tier_answers_alike() {
    let texts = &held_out()[..64];
    let best = classes(texts, Tier::detect());
    for &tier in Tier::available() {
        let differing =
            classes(texts, tier).iter().zip(&best).filter(|(found, best)| found != best).count();
        assert!(differing <= 1, "{differing} of {} differ on {tier}", texts.len());
    }
}
