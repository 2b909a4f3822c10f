//! Drives a model that reads one text at a time, such as VADER.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::classifier::guarded;
use super::{BatchOptions, Classifier, Clock, ItemResult, Pending, Provenance, Statistics};
use crate::text::Sentiment;
use crate::{Error, Result};

/// Texts that one thread takes at a time: such models answer in microseconds, so a smaller piece
/// would cost more to hand over than to work on.
const CHUNK_TEXTS: usize = 64;

/// Bytes of text that keep one thread busy for a while: a chunk of tweets.
const FILL_BYTES: usize = 8 << 10;

/// A classifier over single texts: there are no tokens and no batches, only threads.
///
/// ```
/// use fillrate::text::batch::{BatchOptions, DirectClassifier, Provenance, Scorer};
/// use fillrate::text::{Label, Probabilities, Sentiment};
///
/// let cheerful = |text: &str| {
///     let positive = if text.contains("beats") { 1.0 } else { 0.0 };
///     let probabilities = Probabilities { negative: 0.0, neutral: 1.0 - positive, positive };
///     Ok(Sentiment {
///         label: probabilities.label(),
///         score: probabilities.score(),
///         probabilities,
///         logits: vec![positive],
///     })
/// };
/// let provenance = Provenance {
///     model: "cheerful".into(), precision: "fp32".into(), device: "cpu".into(),
/// };
/// let options = BatchOptions::default();
/// let scorer = Scorer::new(DirectClassifier::new(cheerful, provenance, &options)?, options);
/// for answer in scorer.score_all(&["Acme beats estimates"]) {
///     assert_eq!(answer?.sentiment.label, Label::Positive);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct DirectClassifier<F> {
    shared: Arc<Shared<F>>,
    provenance: Arc<Provenance>,
    pool: ThreadPool,
}

struct Shared<F> {
    classify: F,
    clock: Arc<dyn Clock>,
    statistics: Mutex<Statistics>,
}

impl<F> DirectClassifier<F>
where
    F: Fn(&str) -> Result<Sentiment> + Send + Sync + 'static,
{
    /// Starts `options.workers` threads that call `classify`.
    ///
    /// # Errors
    ///
    /// If a thread cannot be started.
    pub fn new(classify: F, provenance: Provenance, options: &BatchOptions) -> Result<Self> {
        let pool = ThreadPoolBuilder::new()
            .num_threads(options.workers.max(1))
            .thread_name(|index| format!("{THREAD_NAME}-{index}"))
            .build()
            .map_err(|error| Error::Thread {
                name: THREAD_NAME.to_owned(),
                source: std::io::Error::other(error),
            })?;
        let clock = Arc::clone(&options.clock);
        let shared = Arc::new(Shared { classify, clock, statistics: Mutex::default() });
        Ok(Self { shared, provenance: Arc::new(provenance), pool })
    }
}

const THREAD_NAME: &str = "classify";

impl<F> Classifier for DirectClassifier<F>
where
    F: Fn(&str) -> Result<Sentiment> + Send + Sync + 'static,
{
    fn provenance(&self) -> &Arc<Provenance> {
        &self.provenance
    }

    fn submit(&self, texts: Arc<[String]>) -> Pending {
        let (answers, pending) = Pending::new(texts.len());
        let shared = Arc::clone(&self.shared);
        self.pool.spawn(move || {
            texts.par_chunks(CHUNK_TEXTS).enumerate().for_each(|(index, chunk)| {
                // An empty message asks whether anybody still waits.
                if answers.send(Vec::new()) {
                    answers.send(shared.classify_chunk(index * CHUNK_TEXTS, chunk));
                }
            });
        });
        pending
    }

    fn fill_bytes(&self) -> usize {
        FILL_BYTES * self.pool.current_num_threads()
    }

    fn statistics(&self) -> Statistics {
        self.shared.statistics.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<F: Fn(&str) -> Result<Sentiment>> Shared<F> {
    /// Answers `texts`, the first of which is the item `start` of its window.
    fn classify_chunk(&self, start: usize, texts: &[String]) -> Vec<(u32, ItemResult)> {
        let began = self.clock.now();
        let answers: Vec<(u32, ItemResult)> = (start..)
            .zip(texts)
            .map(|(item, text)| (item as u32, guarded(|| Ok((self.classify)(text)?.into()))))
            .collect();
        let busy = self.clock.now().saturating_sub(began);
        let failed = answers.iter().filter(|(_, answer)| answer.is_err()).count();

        let mut statistics = self.statistics.lock().unwrap_or_else(PoisonError::into_inner);
        statistics.texts += texts.len() as u64;
        statistics.failed += failed as u64;
        statistics.bytes += texts.iter().map(|text| text.len() as u64).sum::<u64>();
        statistics.busy += busy;
        answers
    }
}
