//! The whole way of a text, with a fake tokenizer and fake models.

mod fakes;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::text::{Forward, Label, LabelMap, PackedBatch, Probabilities, Sentiment};
use fakes::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn answers_do_not_depend_on_workers_budget_or_look_ahead(
        texts in prop::collection::vec(any_text(), 0..120),
        workers in 1_usize..5,
        budget in prop_oneof![Just(Budget::Auto), (1_usize..400).prop_map(Budget::Tokens)],
        window_texts in 1_usize..150,
        window_bytes in 1_usize..4000,
    ) {
        let look_ahead = LookAhead { texts: window_texts, bytes: window_bytes };
        let (scorer, seen, _) =
            fake(BatchOptions { look_ahead, ..options(workers, budget) }, usize::MAX);
        let items = texts.iter().enumerate().map(|(i, text)| (text.as_str(), i));
        let answers: Vec<_> = scorer.score_iter(items).collect();
        prop_assert_eq!(answers.len(), texts.len());
        for (i, ((payload, answer), text)) in answers.into_iter().zip(&texts).enumerate() {
            prop_assert_eq!(payload, i);
            prop_assert_eq!(answer.ok().map(|scored| scored.sentiment.logits), expected(text));
        }
        if let Budget::Tokens(budget) = budget {
            for (sequences, tokens) in seen.batches.lock().unwrap().iter() {
                prop_assert!(*tokens <= budget || *sequences == 1);
            }
        }
        let statistics = scorer.statistics();
        let failed = texts.iter().filter(|text| expected(text).is_none()).count();
        prop_assert_eq!(statistics.texts, texts.len() as u64);
        prop_assert_eq!(statistics.failed, failed as u64);
    }
}

#[test]
fn only_the_guilty_item_carries_the_error() {
    let (scorer, seen, _) = fake(options(1, Budget::Tokens(1000)), usize::MAX);
    let answers = scorer.score_all(&["good", "bad!", "fine", "*", "", "~", "well"]);
    let errors: Vec<Option<String>> =
        answers.iter().map(|answer| answer.as_ref().err().map(ToString::to_string)).collect();
    let errors: Vec<Option<&str>> = errors.iter().map(Option::as_deref).collect();
    assert_eq!(
        errors,
        [
            None,
            Some("batch: poison, or no room"),
            None,
            Some("panicked: boom"),
            Some("no tokens"),
            Some("the model's answer is not a number"),
            None
        ]
    );
    // One batch of six that failed, then six batches of one.
    assert_eq!(seen.batches.lock().unwrap().iter().map(|batch| batch.0).max(), Some(6));
    assert_eq!(seen.batches.lock().unwrap().len(), 7);
    let statistics = scorer.statistics();
    assert_eq!((statistics.batches, statistics.batches_retried), (1, 1));
    assert_eq!((statistics.texts, statistics.failed), (7, 4));
}

#[test]
fn the_only_batch_may_use_all_cores() {
    let (scorer, seen, _) = fake(options(4, Budget::Tokens(1000)), usize::MAX);
    let _ = scorer.score_all(&["one text"]);
    assert_eq!(seen.alone.load(Ordering::SeqCst), 1);
    // A batch for each worker: nobody is told to be alone who is not.
    let _ = scorer.score_all(&["four", "equal", "little", "texts"]);
    assert!(seen.alone.load(Ordering::SeqCst) <= 2);
    assert_eq!(seen.crowded.load(Ordering::SeqCst), 0);
    // One worker has all cores whenever it computes.
    let (scorer, seen, _) = fake(options(1, Budget::Tokens(10)), usize::MAX);
    let _ = scorer.score_all(&texts(50));
    let batches = seen.batches.lock().unwrap().len();
    assert!(batches > 25);
    assert_eq!(seen.alone.load(Ordering::SeqCst), batches);
}

#[test]
fn equal_texts_are_computed_once_and_all_answered() {
    let unique = ["up", "down", "bad!", "tokenizer fails", "flat"];
    let texts: Vec<&str> = unique.iter().copied().cycle().take(200).collect();
    let mut answers = Vec::new();
    for dedupe in [true, false] {
        let options = BatchOptions { dedupe, ..options(2, Budget::Tokens(4000)) };
        let (scorer, _, _) = fake(options, usize::MAX);
        let found = scorer.score_all(&texts);
        answers.push(found.into_iter().map(|a| a.ok().map(|s| s.sentiment)).collect::<Vec<_>>());
        let statistics = scorer.statistics();
        assert_eq!((statistics.texts, statistics.failed), (200, 80));
        // Of each sound text's forty, one a window is computed; a copy of a failed one fails on
        // its own.
        let expected = if dedupe { 100..=117 } else { 0..=0 };
        assert!(expected.contains(&statistics.deduped), "{statistics:?}");
        assert!(!dedupe || statistics.tokens < 60, "{statistics:?}");
    }
    assert_eq!(answers[0], answers[1]);
}

#[test]
fn a_batch_too_large_for_the_device_halves_the_budget() {
    let (scorer, _, _) = fake(options(1, Budget::Tokens(4000)), 1500);
    assert!(scorer.score_all(&texts(1000)).iter().all(Result::is_ok));
    assert!(scorer.statistics().budget_tokens.unwrap() <= 1500);
    let before = scorer.statistics().batches_retried;
    assert!(before >= 1);
    assert!(scorer.score_all(&texts(1000)).iter().all(Result::is_ok));
    assert_eq!(scorer.statistics().batches_retried, before);
}

#[test]
fn the_cost_line_is_found_and_sets_the_budget() {
    let (scorer, _, _) = fake(options(1, Budget::Auto), usize::MAX);
    let _ = scorer.score_all(&texts(5000));
    let statistics = scorer.statistics();
    let cost = statistics.cost.unwrap();
    assert!((cost.token_s - 1e-5).abs() < 1e-9, "{cost:?}");
    assert!((cost.batch_s - 1e-3).abs() < 1e-6, "{cost:?}");
    // 1900 tokens bring the overhead to 5 %; budgets are multiples of 64.
    assert!((1900..=1984).contains(&statistics.budget_tokens.unwrap()), "{statistics:?}");
    assert!(statistics.fill_share().unwrap() > 0.9, "{statistics:?}");
    let busy_s = 1e-3 * statistics.batches as f64 + 1e-5 * statistics.tokens as f64;
    assert!((statistics.busy.as_secs_f64() - busy_s).abs() < 1e-6, "{statistics:?}");
}

#[test]
fn scratches_are_laid_out_once() {
    let options = BatchOptions { dedupe: false, ..options(1, Budget::Tokens(512)) };
    let (scorer, seen, _) = fake(options, usize::MAX);
    let texts: Vec<String> = (0..1280).map(|i| "y".repeat(20 + i % 20)).collect();
    assert!(scorer.score_all(&texts).iter().all(Result::is_ok));
    assert!(seen.batches.lock().unwrap().len() > 50);
    assert_eq!(seen.scratches.load(Ordering::Relaxed), 1);
}

#[test]
fn memory_bounds_workers_and_budget() {
    let build = |available_bytes| {
        let options =
            BatchOptions { available_bytes: Some(available_bytes), ..options(4, Budget::Auto) };
        let clock = Arc::new(ManualClock::default());
        let model = Hash { seen: Arc::default(), room_tokens: usize::MAX, clock };
        let provenance = provenance("hash");
        PackedClassifier::new(model, tokenize, labels(), provenance, &options).unwrap()
    };
    assert_eq!(build(usize::MAX).workers(), 4);
    // A worker's least scratch is 256 kB; half of the memory may be used.
    assert_eq!(build(2 * 2 * 256_000).workers(), 2);
    assert_eq!(build(0).workers(), 1);
}

#[test]
fn a_label_map_of_another_size_is_refused() {
    let clock = Arc::new(ManualClock::default());
    let model = Hash { seen: Arc::default(), room_tokens: usize::MAX, clock };
    let labels = LabelMap { classes: vec![Label::Negative] };
    let options = options(1, Budget::Auto);
    let error = PackedClassifier::new(model, tokenize, labels, provenance("hash"), &options);
    assert_eq!(error.err().unwrap().to_string(), "labels: 1 labels for a model of 2 classes");
}

#[test]
fn the_fallback_answers_what_the_model_cannot_and_says_so() {
    let options = options(2, Budget::Tokens(64));
    let (scorer, _, _) = fake(options.clone(), usize::MAX);
    let scorer = scorer.with_fallback(neutral("worse!", &options));
    let answers = scorer.score_all(&["good", "bad!", "worse!", "fine"]);

    let good = answers[0].as_ref().unwrap();
    assert_eq!(
        (good.provenance.model.as_str(), good.degraded, &good.reason),
        ("hash", false, &None)
    );
    let bad = answers[1].as_ref().unwrap();
    assert_eq!((bad.provenance.model.as_str(), bad.degraded), ("neutral", true));
    assert_eq!(bad.reason.as_deref(), Some("hash: batch: poison, or no room"));
    assert_eq!(bad.sentiment.label, Label::Neutral);
    // Where both fail, the error is the model's own.
    let worse = answers[2].as_ref().unwrap_err();
    assert_eq!(worse.to_string(), "batch: poison, or no room");
    assert_eq!(answers[3].as_ref().unwrap().provenance.model, "hash");
    assert_eq!(scorer.degraded_texts(), 1);
}

#[test]
fn a_scorer_without_its_model_degrades_every_answer() {
    let options = options(1, Budget::Auto);
    let scorer = Scorer::degraded(neutral("", &options), "finbert: not pulled", options);
    let answers = scorer.score_all(&["a", "b"]);
    for answer in &answers {
        let scored = answer.as_ref().unwrap();
        assert_eq!(
            (scored.degraded, scored.reason.as_deref()),
            (true, Some("finbert: not pulled"))
        );
    }
    assert_eq!(scorer.degraded_texts(), 2);
}

#[test]
fn a_stream_is_read_no_further_than_the_look_ahead() {
    let look_ahead = LookAhead { texts: 10, bytes: usize::MAX };
    let (scorer, _, _) = fake(BatchOptions { look_ahead, ..options(2, Budget::Auto) }, usize::MAX);
    let read = AtomicUsize::new(0);
    let endless = (0_usize..).map(|i| {
        read.fetch_add(1, Ordering::Relaxed);
        (i.to_string(), i)
    });
    for (position, (payload, answer)) in scorer.score_iter(endless).take(200).enumerate() {
        assert_eq!(payload, position);
        assert!(answer.is_ok());
        // Two windows on their way, and the rest of the one that is handed out.
        assert!(read.load(Ordering::Relaxed) <= position + 30);
    }
}

#[test]
fn a_dropped_stream_leaves_the_scorer_usable() {
    let (scorer, _, _) = fake(options(2, Budget::Tokens(16)), usize::MAX);
    let endless = (0..).map(|i: u32| (i.to_string(), ()));
    assert_eq!(scorer.score_iter(endless).take(3).count(), 3);
    assert!(scorer.score_all(&["again"])[0].is_ok());
}

#[test]
fn a_queue_in_latency_mode_submits_when_the_oldest_has_waited() {
    let max_wait = Duration::from_millis(20);
    let mode = Mode::Latency { max_wait };
    let options = BatchOptions { workers: 1, ..BatchOptions::new(mode) };
    let (scorer, seen, clock) = fake(options, usize::MAX);
    let mut queue = ScoreQueue::new(scorer);
    assert_eq!(queue.due_in(), None);
    queue.push("first", 1);
    clock.advance(Duration::from_millis(15));
    queue.push("second", 2);
    assert_eq!(queue.due_in(), Some(Duration::from_millis(5)));
    assert!(queue.ready().is_empty());
    assert!(seen.batches.lock().unwrap().is_empty());

    clock.advance(Duration::from_millis(5));
    let mut answers = queue.ready();
    assert_eq!(queue.due_in(), None, "both are on their way");
    while answers.is_empty() {
        std::thread::yield_now();
        answers = queue.ready();
    }
    assert_eq!(answers.iter().map(|(payload, _)| *payload).collect::<Vec<_>>(), [1, 2]);
    assert!(queue.is_empty());
}

#[test]
fn a_queue_submits_by_itself_when_the_workers_have_enough() {
    let mode = Mode::Latency { max_wait: Duration::from_secs(1) };
    let options = BatchOptions { workers: 1, budget: Budget::Tokens(8), ..BatchOptions::new(mode) };
    let (scorer, _, _) = fake(options, usize::MAX);
    let mut queue = ScoreQueue::new(scorer);
    // Eight tokens of, until measured, four bytes each.
    queue.push("x".repeat(31), ());
    assert!(queue.due_in().is_some());
    queue.push("y", ());
    assert_eq!(queue.due_in(), None);
    assert_eq!(queue.flush().len(), 2);
}

#[test]
fn a_queue_gives_payloads_back_in_push_order() {
    let look_ahead = LookAhead { texts: 7, bytes: usize::MAX };
    let (scorer, _, _) =
        fake(BatchOptions { look_ahead, ..options(3, Budget::Tokens(50)) }, usize::MAX);
    let mut queue = ScoreQueue::new(scorer);
    let mut order = Vec::new();
    for (i, text) in texts(100).into_iter().enumerate() {
        queue.push(text, i);
        if i % 10 == 0 {
            order.extend(queue.ready().into_iter().map(|(payload, _)| payload));
        }
    }
    assert_eq!(queue.len(), 100 - order.len());
    queue.flush_with(|payload, answer| {
        assert!(answer.is_ok());
        order.push(payload);
    });
    assert_eq!(order, (0..100).collect::<Vec<_>>());
    assert!(queue.is_empty() && queue.flush().is_empty());
}

#[test]
fn a_queue_asked_for_what_is_ready_never_waits() {
    let (sender, receiver) = std::sync::mpsc::channel::<()>();
    let gate = Mutex::new(receiver);
    let gated = move |_: &str| {
        let _ = gate.lock().unwrap().recv();
        let probabilities = Probabilities { negative: 0.0, neutral: 1.0, positive: 0.0 };
        Ok(Sentiment { label: Label::Neutral, score: 0.0, probabilities, logits: vec![] })
    };
    let mode = Mode::Latency { max_wait: Duration::ZERO };
    let options = BatchOptions { workers: 1, ..BatchOptions::new(mode) };
    let classifier = DirectClassifier::new(gated, provenance("gated"), &options).unwrap();
    let mut queue = ScoreQueue::new(Scorer::new(classifier, options));
    // Nothing is answered yet: two windows of one text, and the rest gathers in a third.
    for payload in 0..10 {
        queue.push("text", payload);
        assert!(queue.ready().is_empty());
    }
    assert_eq!(queue.due_in(), Some(Duration::ZERO));
    drop(sender);
    let payloads: Vec<i32> = queue.flush().into_iter().map(|(payload, _)| payload).collect();
    assert_eq!(payloads, (0..10).collect::<Vec<_>>());
}

#[test]
fn what_is_pending_when_the_classifier_goes_is_stopped() {
    struct Stuck(Mutex<std::sync::mpsc::Receiver<()>>);
    impl Forward for Stuck {
        type Scratch = ();
        fn classes(&self) -> usize {
            1
        }
        fn max_sequence(&self) -> usize {
            10
        }
        fn scratch_bytes(&self, _: usize) -> usize {
            0
        }
        fn scratch(&self, _: usize) {}
        fn forward(
            &self,
            batch: &PackedBatch,
            (): &mut (),
            logits: &mut Vec<f32>,
        ) -> crate::Result<()> {
            // Returns when the test drops the sender, which it does while dropping the rest.
            let _ = self.0.lock().unwrap().recv();
            logits.clear();
            logits.resize(batch.sequences(), 1.0);
            Ok(())
        }
    }
    let (sender, receiver) = std::sync::mpsc::channel::<()>();
    let labels = LabelMap { classes: vec![Label::Neutral] };
    let options = options(1, Budget::Tokens(1));
    let model = Stuck(Mutex::new(receiver));
    let classifier =
        PackedClassifier::new(model, tokenize, labels, provenance("stuck"), &options).unwrap();
    let first = classifier.submit(Arc::from(["a".to_owned()]));
    sender.send(()).unwrap();
    assert!(first.wait()[0].is_ok());
    let second = classifier.submit(Arc::from(["a".to_owned(), "b".to_owned()]));
    let dropper = std::thread::spawn(move || drop(classifier));
    drop(sender);
    let answers = second.wait();
    dropper.join().unwrap();
    assert_eq!(answers.len(), 2);
    for answer in answers {
        assert!(matches!(answer, Ok(_) | Err(ItemError::Stopped)));
    }
}
