//! A tokenizer, models and texts whose answers are known.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;

use super::super::*;
use crate::text::{Forward, Label, LabelMap, PackedBatch, Probabilities, Sentiment};

/// The model errs on this id, wherever it stands.
pub(super) const POISON: u32 = '!' as u32;
/// The model panics on this id.
pub(super) const BOMB: u32 = '*' as u32;
/// The model answers NaN for this id.
pub(super) const FOG: u32 = '~' as u32;

/// What the fakes saw, shared with the test.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) batches: Mutex<Vec<(usize, usize)>>,
    pub(super) alone: AtomicUsize,
    /// Passes that were said to be alone and were not.
    pub(super) crowded: AtomicUsize,
    pub(super) running: AtomicUsize,
    pub(super) scratches: AtomicUsize,
}

/// A model whose logits are a hash of the sequence; it remembers the size of each batch.
pub(super) struct Hash {
    pub(super) seen: Arc<Seen>,
    /// Batches of more tokens fail, as on a device that is out of memory.
    pub(super) room_tokens: usize,
    /// Moves at each batch by 1 ms and 10 µs per token.
    pub(super) clock: Arc<ManualClock>,
}

impl Forward for Hash {
    type Scratch = usize;

    fn classes(&self) -> usize {
        2
    }

    fn max_sequence(&self) -> usize {
        128
    }

    fn scratch_bytes(&self, tokens: usize) -> usize {
        tokens * 1000
    }

    fn scratch(&self, tokens: usize) -> usize {
        self.seen.scratches.fetch_add(1, Ordering::Relaxed);
        tokens
    }

    fn forward(
        &self,
        batch: &PackedBatch,
        scratch: &mut usize,
        logits: &mut Vec<f32>,
    ) -> crate::Result<()> {
        assert!(batch.tokens() <= *scratch, "the batch fits its scratch");
        let _running = Running::new(&self.seen.running);
        self.seen.batches.lock().unwrap().push((batch.sequences(), batch.tokens()));
        self.clock.advance(Duration::from_micros(1000 + 10 * batch.tokens() as u64));
        assert!(!batch.ids().contains(&BOMB), "boom");
        if batch.ids().contains(&POISON) || batch.tokens() > self.room_tokens {
            let message = "poison, or no room".to_owned();
            return Err(crate::Error::Argument { name: "batch", message });
        }
        logits.clear();
        for span in batch.cu_seqlens().windows(2) {
            let ids = &batch.ids()[span[0] as usize..span[1] as usize];
            logits.extend(hash(ids));
        }
        Ok(())
    }

    fn forward_alone(
        &self,
        batch: &PackedBatch,
        scratch: &mut usize,
        logits: &mut Vec<f32>,
    ) -> crate::Result<()> {
        let others = self.seen.running.load(Ordering::SeqCst);
        self.seen.crowded.fetch_add(usize::from(others > 0), Ordering::SeqCst);
        self.seen.alone.fetch_add(1, Ordering::SeqCst);
        self.forward(batch, scratch, logits)
    }
}

/// Counts a pass for as long as it runs.
pub(super) struct Running<'a>(&'a AtomicUsize);

impl<'a> Running<'a> {
    fn new(running: &'a AtomicUsize) -> Self {
        running.fetch_add(1, Ordering::SeqCst);
        Self(running)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

pub(super) fn hash(ids: &[u32]) -> [f32; 2] {
    if ids.contains(&FOG) {
        return [f32::NAN, 0.0];
    }
    let hash = ids.iter().fold(17_u32, |hash, id| hash.wrapping_mul(31).wrapping_add(*id));
    [(hash % 1000) as f32 / 500.0, (hash / 1000 % 1000) as f32 / 500.0]
}

pub(super) fn tokenize(text: &str, ids: &mut Vec<u32>) -> crate::Result<()> {
    assert!(text != "tokenizer panics");
    if text == "tokenizer fails" {
        return Err(crate::Error::Argument { name: "text", message: "bad".to_owned() });
    }
    ids.extend(text.chars().map(u32::from));
    Ok(())
}

pub(super) fn labels() -> LabelMap {
    LabelMap { classes: vec![Label::Negative, Label::Positive] }
}

pub(super) fn provenance(model: &str) -> Provenance {
    Provenance { model: model.into(), precision: "fp32".into(), device: "cpu".into() }
}

pub(super) fn options(workers: usize, budget: Budget) -> BatchOptions {
    BatchOptions { budget, workers, ..BatchOptions::default() }
}

/// A scorer over [`Hash`], and what the model sees.
pub(super) fn fake(
    mut options: BatchOptions,
    room_tokens: usize,
) -> (Scorer, Arc<Seen>, Arc<ManualClock>) {
    let (seen, clock) = (Arc::new(Seen::default()), Arc::new(ManualClock::default()));
    options.clock = clock.clone();
    let model = Hash { seen: Arc::clone(&seen), room_tokens, clock: Arc::clone(&clock) };
    let classifier =
        PackedClassifier::new(model, tokenize, labels(), provenance("hash"), &options).unwrap();
    (Scorer::new(classifier, options), seen, clock)
}

/// A model that says neutral to everything but `fails`.
pub(super) fn neutral(fails: &'static str, options: &BatchOptions) -> impl Classifier + use<> {
    let classify = move |text: &str| {
        assert!(text != fails, "not this one");
        let probabilities = Probabilities { negative: 0.0, neutral: 1.0, positive: 0.0 };
        Ok(Sentiment { label: Label::Neutral, score: 0.0, probabilities, logits: vec![] })
    };
    DirectClassifier::new(classify, provenance("neutral"), options).unwrap()
}

pub(super) fn texts(count: usize) -> Vec<String> {
    (0..count).map(|i| format!("{i} {}", "x".repeat(i * 7 % 60))).collect()
}

/// What the model says to a text that is alone in the world.
pub(super) fn expected(text: &str) -> Option<Vec<f32>> {
    let ids: Vec<u32> = text.chars().map(u32::from).collect();
    let computable = !ids.is_empty() && ids.len() <= 128;
    let sound = !ids.iter().any(|id| [POISON, BOMB, FOG].contains(id));
    (computable && sound && !text.starts_with("tokenizer ")).then(|| hash(&ids).to_vec())
}

/// Mostly sound texts, some of them empty or too long. Panics are rare, because a run with
/// backtraces spends its time on printing them.
pub(super) fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        60 => "[a-z]{0,140}",
        6 => "[a-f!~]{1,9}",
        1 => "[a-f]{1,9}[*]",
        1 => "tokenizer fails",
        1 => "tokenizer panics",
    ]
}
