//! Who does what next: the one place that workers and callers share.
//!
//! A worker that asks for work gets, in this order: a chunk of texts of a window that has come in,
//! so that the next window is tokenised while the present one is computed; then the next batch of
//! the oldest window, cut to the budget of the moment. There is no barrier between windows: where
//! one runs out of batches the workers go on with the next.
//!
//! The workers are threads of their own and not tasks of a pool: a scratch then has one owner for
//! the whole run, and tokenising can go before computing, which a work-stealing pool cannot say.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::budget::BudgetControl;
use super::intake::{Chunk, ChunkJob, Intake};
use super::packer::{BatchPlan, Packer, Sequences};
use super::{Answers, Clock, Statistics};
use crate::text::LabelMap;

/// English text takes about this many bytes per token; used until the real number is known.
const BYTES_PER_TOKEN: usize = 4;

/// What all workers see.
pub(super) struct Shared<M, T> {
    pub(super) model: M,
    pub(super) tokenizer: T,
    pub(super) labels: LabelMap,
    pub(super) clock: Arc<dyn Clock>,
    workers: usize,
    dedupe: bool,
    state: Mutex<State>,
    work: Condvar,
}

/// What changes while running. No foreign code runs while it is locked, so a poisoned lock still
/// guards a sound state.
pub(super) struct State {
    intakes: VecDeque<Intake>,
    windows: VecDeque<Window>,
    pub(super) control: BudgetControl,
    pub(super) counts: Statistics,
    /// Tokens of all texts that were tokenised, some of which are still to be computed.
    tokenised: u64,
    /// Batches that are being computed.
    pub(super) computing: usize,
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
    /// Whether the other workers have nothing to do, so that their cores are free.
    pub(super) alone: bool,
    pub(super) answers: Answers,
}

impl<M, T> Shared<M, T> {
    pub(super) fn new(
        model: M,
        tokenizer: T,
        labels: LabelMap,
        clock: Arc<dyn Clock>,
        workers: usize,
        dedupe: bool,
        control: BudgetControl,
    ) -> Self {
        let state = State {
            intakes: VecDeque::new(),
            windows: VecDeque::new(),
            control,
            counts: Statistics::default(),
            tokenised: 0,
            computing: 0,
            next_window: 0,
            closing: false,
        };
        let (state, work) = (Mutex::new(state), Condvar::new());
        Self { model, tokenizer, labels, clock, workers, dedupe, state, work }
    }

    /// Takes in a window of at least one text.
    pub(super) fn add_window(&self, texts: Arc<[String]>, answers: Answers) {
        let mut state = self.lock();
        let window = state.next_window;
        state.next_window += 1;
        state.intakes.push_back(Intake::new(window, texts, answers));
        drop(state);
        self.work.notify_all();
    }

    /// Gives up all work that nobody has begun, and sends the workers home.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closing = true;
        state.intakes.clear();
        state.windows.clear();
        drop(state);
        self.work.notify_all();
    }

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

    /// Takes in a chunk that was tokenised in `duration`, and opens its window for packing if it was
    /// the last.
    pub(super) fn finish_chunk(&self, window: u64, chunk: Chunk, duration: Duration) {
        let mut state = self.lock();
        state.counts.tokenising += duration;
        state.counts.bytes += chunk.bytes;
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
        let (sequences, errors) = intake.assemble(self.dedupe);
        let failed = errors.len() as u64;
        let mut state = self.lock();
        state.counts.texts += failed;
        state.counts.failed += failed;
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
    pub(super) fn statistics(&self) -> Statistics {
        Statistics {
            budget_tokens: Some(self.control.tokens()),
            cost: self.control.line(),
            ..self.counts.clone()
        }
    }

    /// About how many bytes of text fill the budget of each of `workers` workers.
    pub(super) fn fill_bytes(&self, workers: usize) -> usize {
        let bytes_per_token = self.counts.bytes.checked_div(self.tokenised);
        let bytes_per_token = bytes_per_token.map_or(BYTES_PER_TOKEN, |bytes| bytes as usize);
        let tokens = self.control.tokens().saturating_mul(workers);
        tokens.saturating_mul(bytes_per_token.max(1))
    }

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
                let id = window.id;
                let last = window.packer.is_empty() && self.windows.len() == 1;
                let idle = self.computing == 0 && self.intakes.is_empty();
                let alone = workers == 1 || (last && idle);
                self.computing += 1;
                return Some(BatchJob { window: id, sequences, plan, limit, alone, answers });
            }
            self.windows.pop_front();
        }
    }
}
