//! Drives an encoder: texts are tokenised, packed by token budget and computed on a fixed set of
//! worker threads.
//!
//! Each worker owns its scratch, its packed batch and its room for logits for the whole run, so
//! nothing is allocated per batch but the answers. A worker that asks for work gets, in this
//! order: a chunk of texts of a window that has come in, so that the next window is tokenised
//! while the present one is computed; then the next batch of the oldest window, cut to the
//! budget of the moment. There is no barrier between windows: where one runs out of batches the
//! workers go on with the next.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

use super::budget::{BUDGET_TOKENS_MAX, BUDGET_TOKENS_MIN, BudgetControl};
use super::budget::{ceiling_tokens, workers_that_fit};
use super::intake::{Chunk, ChunkJob, Intake};
use super::packer::{BatchPlan, Packer, Sequences};
use super::worker::Worker;
use super::{Answers, BatchOptions, Classifier, Clock, Pending, Provenance, Statistics, Tokenize};
use crate::text::{Forward, LabelMap};
use crate::{Error, Result};

/// English text takes about this many bytes per token; used until the real number is known.
const BYTES_PER_TOKEN: usize = 4;

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

/// What all workers see.
pub(super) struct Shared<M, T> {
    pub(super) model: M,
    pub(super) tokenizer: T,
    pub(super) labels: LabelMap,
    pub(super) clock: Arc<dyn Clock>,
    workers: usize,
    state: Mutex<State>,
    work: Condvar,
}

/// What changes while running. No foreign code runs while it is locked, so a poisoned lock still
/// guards a sound state.
pub(super) struct State {
    intakes: VecDeque<Intake>,
    windows: VecDeque<Window>,
    pub(super) control: BudgetControl,
    pub(super) statistics: Statistics,
    /// Tokens of all texts that were tokenised, some of which are still to be computed.
    tokenised: u64,
    next_window: u64,
    closing: bool,
}

/// A tokenised window of which batches are still to be computed.
struct Window {
    id: u64,
    packer: Packer,
    answers: Answers,
}

/// Something for a worker to do.
pub(super) enum Job {
    Tokenise(ChunkJob),
    Compute(BatchJob),
}

/// A batch to be computed.
pub(super) struct BatchJob {
    pub(super) window: u64,
    pub(super) sequences: Arc<Sequences>,
    pub(super) plan: BatchPlan,
    /// Tokens that the batch could have held.
    pub(super) limit: usize,
    pub(super) answers: Answers,
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
        let state = State {
            intakes: VecDeque::new(),
            windows: VecDeque::new(),
            control: BudgetControl::new(options.budget, options.mode, ceiling),
            statistics: Statistics::default(),
            tokenised: 0,
            next_window: 0,
            closing: false,
        };
        let clock = Arc::clone(&options.clock);
        let (state, work) = (Mutex::new(state), Condvar::new());
        let shared = Arc::new(Shared { model, tokenizer, labels, clock, workers, state, work });
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
            let mut state = self.shared.lock();
            let window = state.next_window;
            state.next_window += 1;
            state.intakes.push_back(Intake::new(window, texts, answers));
            drop(state);
            self.shared.work.notify_all();
        }
        pending
    }

    fn fill_bytes(&self) -> usize {
        let state = self.shared.lock();
        let bytes_per_token = state.statistics.bytes.checked_div(state.tokenised);
        let bytes_per_token = bytes_per_token.map_or(BYTES_PER_TOKEN, |bytes| bytes as usize);
        let tokens = state.control.tokens().saturating_mul(self.shared.workers);
        tokens.saturating_mul(bytes_per_token.max(1))
    }

    fn statistics(&self) -> Statistics {
        let state = self.shared.lock();
        Statistics {
            budget_tokens: Some(state.control.tokens()),
            cost: state.control.line(),
            ..state.statistics.clone()
        }
    }
}

impl<M, T> Drop for PackedClassifier<M, T> {
    /// Finishes the batches that are being computed and gives up the others.
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.closing = true;
        state.intakes.clear();
        state.windows.clear();
        drop(state);
        self.shared.work.notify_all();
        for thread in self.threads.drain(..) {
            // A worker catches what the model throws; a panic beyond that was reported by the
            // hook, and a drop has nobody to tell.
            let _ = thread.join();
        }
    }
}

impl<M, T> Shared<M, T> {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for something to do; `None` when the classifier is dropped.
    pub(super) fn next_job(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if state.closing {
                return None;
            }
            if let Some(job) = state.intakes.iter_mut().find_map(Intake::next_job) {
                return Some(Job::Tokenise(job));
            }
            if let Some(job) = state.next_batch(self.workers) {
                return Some(Job::Compute(job));
            }
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes in a tokenised chunk, and opens its window for packing if it was the last.
    pub(super) fn finish_chunk(&self, window: u64, chunk: Chunk) {
        let mut state = self.lock();
        state.statistics.bytes += chunk.bytes;
        state.tokenised += chunk.tokens();
        let Some(index) = state.intakes.iter().position(|intake| intake.window == window) else {
            return;
        };
        if !state.intakes[index].add(chunk) {
            return;
        }
        let Some(intake) = state.intakes.remove(index) else { return };
        // Copying and sorting a whole window would keep the other workers from their batches.
        drop(state);
        let answers = intake.answers.clone();
        let (sequences, errors) = intake.assemble();
        let failed = errors.len() as u64;
        let mut state = self.lock();
        state.statistics.texts += failed;
        state.statistics.failed += failed;
        // The counts come first, so that whoever has an answer finds it counted.
        if answers.send(errors) && !state.closing {
            let packer = Packer::new(Arc::new(sequences));
            state.windows.push_back(Window { id: window, packer, answers });
            drop(state);
            self.work.notify_all();
        }
    }

    /// Forgets a window for whose answers nobody waits.
    pub(super) fn abandon(&self, window: u64) {
        self.lock().windows.retain(|other| other.id != window);
    }
}

impl State {
    /// Cuts the next batch from the oldest window.
    ///
    /// A window that holds less than a budget for each worker is shared out evenly, so that the
    /// last window of a run, or the only one of a bot, does not leave cores idle.
    fn next_batch(&mut self, workers: usize) -> Option<BatchJob> {
        loop {
            let window = self.windows.front_mut()?;
            let share = window.packer.tokens().div_ceil(workers).max(1);
            let limit = self.control.tokens().min(share);
            if let Some(plan) = window.packer.next_batch(limit) {
                let sequences = Arc::clone(window.packer.sequences());
                let limit = limit.max(plan.tokens);
                let answers = window.answers.clone();
                return Some(BatchJob { window: window.id, sequences, plan, limit, answers });
            }
            self.windows.pop_front();
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
