//! Drives an encoder: texts are tokenised, packed by token budget and computed on a fixed set of
//! worker threads.
//!
//! Each worker owns its scratch, its packed batch and its room for logits for the whole run, so
//! nothing is allocated per batch but the answers.

use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use super::budget::{BUDGET_TOKENS_MAX, BUDGET_TOKENS_MIN, BudgetControl};
use super::budget::{ceiling_tokens, workers_that_fit};
use super::schedule::Shared;
use super::worker::Worker;
use super::{BatchOptions, Classifier, Pending, Provenance, Statistics, Tokenize};
use crate::text::{Forward, LabelMap};
use crate::{Error, Result};

/// A classifier over packed batches: an encoder, its tokenizer and its label map.
///
/// # What is guaranteed
///
/// Which texts share a batch depends on the budget, the look-ahead and, in the automatic budget,
/// on measured time. This classifier adds nothing to a text's answer from its neighbours: an
/// answer depends on them exactly as far as [`Forward::forward`] makes it. The encoders of this
/// crate compute each sequence on its own, so their logits agree up to the rounding of sums that
/// a kernel may split differently for different numbers of rows.
///
/// A batch that fails, or panics, is tried again one text at a time, and only a text that fails
/// alone carries the error. The program's panic hook hears of a panic as of any other.
///
/// ```
/// use fillrate::text::batch::{BatchOptions, PackedClassifier, Provenance, Scorer};
/// use fillrate::text::{Forward, Label, LabelMap, PackedBatch};
///
/// /// Finds a text positive when its ids sum to an even number.
/// struct Parity;
///
/// impl Forward for Parity {
///     type Scratch = ();
///     fn classes(&self) -> usize { 2 }
///     fn max_sequence(&self) -> usize { 512 }
///     fn scratch_bytes(&self, _tokens: usize) -> usize { 0 }
///     fn scratch(&self, _tokens: usize) {}
///     fn forward(&self, batch: &PackedBatch, _: &mut (), logits: &mut Vec<f32>) -> fillrate::Result<()> {
///         logits.clear();
///         for span in batch.cu_seqlens().windows(2) {
///             let ids = &batch.ids()[span[0] as usize..span[1] as usize];
///             let odd = (ids.iter().sum::<u32>() % 2) as f32;
///             logits.extend([odd, 1.0 - odd]);
///         }
///         Ok(())
///     }
/// }
///
/// let tokenizer = |text: &str, ids: &mut Vec<u32>| {
///     ids.extend(text.bytes().map(u32::from));
///     Ok(())
/// };
/// let labels = LabelMap { classes: vec![Label::Negative, Label::Positive] };
/// let provenance = Provenance {
///     model: "parity".into(), precision: "fp32".into(), device: "cpu".into(),
/// };
/// let options = BatchOptions::default();
/// let classifier = PackedClassifier::new(Parity, tokenizer, labels, provenance, &options)?;
/// let scorer = Scorer::new(classifier, options);
/// let answers = scorer.score_all(&["b", "a"]).into_iter().collect::<Result<Vec<_>, _>>()?;
/// assert_eq!(answers[0].sentiment.label, Label::Positive);
/// assert_eq!(answers[1].sentiment.label, Label::Negative);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct PackedClassifier<M, T> {
    shared: Arc<Shared<M, T>>,
    provenance: Arc<Provenance>,
    threads: Vec<JoinHandle<()>>,
}

impl<M: Forward + 'static, T: Tokenize + 'static> PackedClassifier<M, T> {
    /// Starts the workers. Of `options.workers` only as many are started as memory has room for,
    /// at least one.
    ///
    /// # Errors
    ///
    /// If `labels` does not have one label for each of the model's classes, the model has none,
    /// or a thread cannot be started.
    pub fn new(
        model: M,
        tokenizer: T,
        labels: LabelMap,
        provenance: Provenance,
        options: &BatchOptions,
    ) -> Result<Self> {
        let (got, expected) = (labels.classes.len(), model.classes());
        if got != expected || got == 0 {
            let message = format!("{got} labels for a model of {expected} classes");
            return Err(Error::Argument { name: "labels", message });
        }
        let (workers, ceiling) = within_memory(&model, options);
        let control = BudgetControl::new(options.budget, options.mode, ceiling);
        let clock = Arc::clone(&options.clock);
        let shared = Shared::new(model, tokenizer, labels, clock, workers, options.dedupe, control);
        let shared = Arc::new(shared);
        let mut classifier =
            Self { shared, provenance: Arc::new(provenance), threads: Vec::with_capacity(workers) };
        for index in 0..workers {
            let name = format!("score-{index}");
            let shared = Arc::clone(&classifier.shared);
            let thread = Builder::new().name(name.clone()).spawn(move || Worker::run(&shared));
            // On an error the threads that did start are stopped by the drop.
            classifier.threads.push(thread.map_err(|source| Error::Thread { name, source })?);
        }
        Ok(classifier)
    }

    /// The model that the workers share.
    #[must_use]
    pub fn model(&self) -> &M {
        &self.shared.model
    }

    /// The number of worker threads that were started.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.threads.len()
    }
}

impl<M: Forward, T: Tokenize> Classifier for PackedClassifier<M, T> {
    fn provenance(&self) -> &Arc<Provenance> {
        &self.provenance
    }

    fn submit(&self, texts: Arc<[String]>) -> Pending {
        let (answers, pending) = Pending::new(texts.len());
        if !texts.is_empty() {
            self.shared.add_window(texts, answers);
        }
        pending
    }

    fn fill_bytes(&self) -> usize {
        self.shared.lock().fill_bytes(self.threads.len())
    }

    fn statistics(&self) -> Statistics {
        let routed = self.shared.model.routed();
        Statistics { routed, ..self.shared.lock().statistics() }
    }
}

impl<M, T> Drop for PackedClassifier<M, T> {
    /// Finishes the batches that are being computed and gives up the others.
    fn drop(&mut self) {
        self.shared.close();
        for thread in self.threads.drain(..) {
            // A worker catches what the model throws; a panic beyond that was reported by the
            // hook, and a drop has nobody to tell.
            let _ = thread.join();
        }
    }
}

/// How many workers memory has room for, and the most tokens their batches may hold.
fn within_memory(model: &impl Forward, options: &BatchOptions) -> (usize, usize) {
    let workers = options.workers.max(1);
    let Some(available_bytes) = options.available_bytes else {
        return (workers, BUDGET_TOKENS_MAX);
    };
    let longest = model.max_sequence();
    let least_bytes = model.scratch_bytes(longest.max(BUDGET_TOKENS_MIN));
    let workers = workers_that_fit(least_bytes, workers, available_bytes);
    let bytes = |tokens| model.scratch_bytes(tokens);
    (workers, ceiling_tokens(bytes, longest, workers, available_bytes))
}
