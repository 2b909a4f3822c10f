//! How many tokens a batch may hold, and how that is found out while running.

use std::time::Duration;

use super::cost::{CostFit, CostLine};

/// The smallest budget that is chosen by itself, in tokens. Below it the matrix products have too
/// few rows to fill the registers of a blocked kernel.
pub const BUDGET_TOKENS_MIN: usize = 256;

/// The largest budget that is chosen by itself, in tokens.
pub const BUDGET_TOKENS_MAX: usize = 32_768;

/// Budgets are multiples of this many tokens, the tile height of the widest kernels.
const BUDGET_STEP: usize = 64;

/// The overhead share `b / (a·tokens + b)` that the throughput mode accepts.
const THROUGHPUT_OVERHEAD: f64 = 0.05;

/// The overhead share that the latency mode accepts: at one half a larger batch would still
/// raise throughput, but each of its texts would wait for more than the batch itself costs.
const LATENCY_OVERHEAD: f64 = 0.5;

/// The scratches of all workers together take at most one part in this many of the memory.
const MEMORY_PARTS: usize = 2;

/// The scratches of all workers together take at most this much when the budget finds itself: a
/// process should stay within its weights and 200 MB.
const SCRATCH_BYTES_MAX: usize = 96 << 20;

/// One worker's scratch takes at most this much: activations that outgrow the caches cost more
/// than a larger batch saves. On a core with 2 MiB of second-level cache, BERT-base in int8 scores
/// 390 texts/s in batches of 512 tokens (12 MiB) and 200 in batches of 4,096.
const WORKER_SCRATCH_BYTES_MAX: usize = 12 << 20;

/// The line is fitted again after this many batches.
const BATCHES_PER_FIT: u32 = 8;

/// How many tokens a batch may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Budget {
    /// Found from memory and the measured cost of a batch.
    #[default]
    Auto,
    /// This many, at least 1.
    Tokens(usize),
}

/// What the batches are made for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The most texts per second: the smallest budget whose overhead is at most 5 %.
    #[default]
    Throughput,
    /// The soonest answer: small batches, and a queue that lets no text wait longer than this
    /// for company.
    Latency {
        /// The longest a text waits in a [`super::ScoreQueue`] before it is submitted.
        max_wait: Duration,
    },
    /// The smallest scratch: the least budget, whatever it costs in speed.
    Memory,
}

/// The budget of the moment. Before the cost line is known it doubles from batch to batch, so
/// that the first samples are spread over all sizes; then the line decides.
#[derive(Debug)]
pub(super) struct BudgetControl {
    budget: Budget,
    mode: Mode,
    tokens: usize,
    ceiling: usize,
    fit: CostFit,
    line: Option<CostLine>,
    batches_since_fit: u32,
}

impl BudgetControl {
    /// `ceiling` is the most tokens that memory allows, as [`ceiling_tokens`] finds it.
    pub(super) fn new(budget: Budget, mode: Mode, ceiling: usize) -> Self {
        let tokens = match budget {
            Budget::Auto => BUDGET_TOKENS_MIN,
            Budget::Tokens(tokens) => tokens.max(1),
        };
        let fit = CostFit::default();
        Self { budget, mode, tokens, ceiling, fit, line: None, batches_since_fit: 0 }
    }

    /// The budget of the next batch, in tokens.
    pub(super) fn tokens(&self) -> usize {
        self.tokens
    }

    /// The cost line, once it is known.
    pub(super) fn line(&self) -> Option<CostLine> {
        self.line
    }

    /// Learns that a batch of `tokens` tokens took `duration`, and settles the next budget.
    pub(super) fn record(&mut self, tokens: usize, duration: Duration) {
        self.fit.record(tokens, duration.as_secs_f64());
        self.batches_since_fit += 1;
        if self.line.is_none() || self.batches_since_fit >= BATCHES_PER_FIT {
            self.line = self.fit.line();
            self.batches_since_fit = 0;
        }
        if self.budget == Budget::Auto {
            self.tokens = self.choose();
        }
    }

    /// Learns that a batch of `tokens` tokens failed although each of its items passes alone:
    /// the batch was too large for the device, so no later one may hold more than half of it.
    pub(super) fn too_large(&mut self, tokens: usize) {
        self.ceiling = self.ceiling.min((tokens / 2).max(1));
        self.tokens = self.tokens.min(self.ceiling);
    }

    fn choose(&self) -> usize {
        let overhead = match self.mode {
            Mode::Throughput => THROUGHPUT_OVERHEAD,
            Mode::Latency { .. } => LATENCY_OVERHEAD,
            Mode::Memory => return BUDGET_TOKENS_MIN.min(self.ceiling),
        };
        let wanted = match self.line {
            Some(line) => line.tokens_for_overhead(overhead),
            None => self.tokens.saturating_mul(2),
        };
        let wanted = wanted.clamp(BUDGET_TOKENS_MIN, BUDGET_TOKENS_MAX);
        wanted.next_multiple_of(BUDGET_STEP).min(self.ceiling)
    }
}

/// The most tokens a batch may hold so that the scratches of `workers` workers take at most half
/// of `available_bytes`, and no more than [`SCRATCH_BYTES_MAX`] together and
/// [`WORKER_SCRATCH_BYTES_MAX`] each. Never below [`BUDGET_TOKENS_MIN`]: a machine that has not even that much
/// gets fewer workers, see [`workers_that_fit`].
///
/// A worker's scratch also has to hold the longest sequence, `longest`, on its own.
pub(super) fn ceiling_tokens(
    scratch_bytes: impl Fn(usize) -> usize,
    longest: usize,
    workers: usize,
    available_bytes: usize,
) -> usize {
    let all_bytes = (available_bytes / MEMORY_PARTS).min(SCRATCH_BYTES_MAX);
    let share_bytes = (all_bytes / workers.max(1)).min(WORKER_SCRATCH_BYTES_MAX);
    let fits = |tokens: usize| scratch_bytes(tokens.max(longest)) <= share_bytes;
    // Bisection over multiples of the step; the bytes grow with the tokens.
    let (mut low, mut high) = (BUDGET_TOKENS_MIN / BUDGET_STEP, BUDGET_TOKENS_MAX / BUDGET_STEP);
    while low < high {
        let middle = (low + high).div_ceil(2);
        if fits(middle * BUDGET_STEP) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low * BUDGET_STEP
}

/// How many of `workers` workers may have a scratch of `worker_bytes` each, at least one.
pub(super) fn workers_that_fit(
    worker_bytes: usize,
    workers: usize,
    available_bytes: usize,
) -> usize {
    (available_bytes / MEMORY_PARTS / worker_bytes.max(1)).clamp(1, workers.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATENCY: Mode = Mode::Latency { max_wait: Duration::from_millis(10) };

    /// Runs batches that cost exactly `line` until the budget no longer moves.
    fn settle(control: &mut BudgetControl, line: CostLine) -> usize {
        for _ in 0..64 {
            let tokens = control.tokens();
            control.record(tokens, Duration::from_secs_f64(line.duration_s(tokens)));
        }
        control.tokens()
    }

    #[test]
    fn throughput_takes_the_smallest_budget_under_the_overhead_bound() {
        let line = CostLine { token_s: 1e-5, batch_s: 1e-3 };
        let mut control = BudgetControl::new(Budget::Auto, Mode::Throughput, BUDGET_TOKENS_MAX);
        assert_eq!(control.tokens(), BUDGET_TOKENS_MIN);
        let tokens = settle(&mut control, line);
        assert!(line.overhead_share(tokens) <= THROUGHPUT_OVERHEAD, "{tokens}");
        assert!(line.overhead_share(tokens - 2 * BUDGET_STEP) > THROUGHPUT_OVERHEAD, "{tokens}");
    }

    #[test]
    fn latency_settles_below_throughput() {
        let line = CostLine { token_s: 1e-5, batch_s: 5e-3 };
        let mut control = BudgetControl::new(Budget::Auto, LATENCY, BUDGET_TOKENS_MAX);
        // Nanosecond rounding of durations may cost one step.
        assert!((512..=576).contains(&settle(&mut control, line)));
    }

    #[test]
    fn memory_keeps_the_least_budget_and_a_fixed_one_never_moves() {
        let line = CostLine { token_s: 1e-6, batch_s: 1e-2 };
        let mut memory = BudgetControl::new(Budget::Auto, Mode::Memory, BUDGET_TOKENS_MAX);
        assert_eq!(settle(&mut memory, line), BUDGET_TOKENS_MIN);
        let mut fixed = BudgetControl::new(Budget::Tokens(100), Mode::Throughput, 1 << 20);
        assert_eq!(settle(&mut fixed, line), 100);
    }

    #[test]
    fn the_ceiling_holds_and_a_batch_that_was_too_large_lowers_it() {
        let line = CostLine { token_s: 1e-6, batch_s: 1.0 };
        let mut control = BudgetControl::new(Budget::Auto, Mode::Throughput, 4096);
        assert_eq!(settle(&mut control, line), 4096);
        control.too_large(4000);
        assert_eq!(control.tokens(), 2000);
        assert_eq!(settle(&mut control, line), 2000);
    }

    #[test]
    fn the_ceiling_follows_memory() {
        let bytes = |tokens: usize| 1000 * tokens;
        assert_eq!(ceiling_tokens(|tokens| tokens, 512, 2, 1 << 40), BUDGET_TOKENS_MAX);
        // With memory to spare the caches decide, and with many workers what they take together.
        assert_eq!(ceiling_tokens(bytes, 512, 2, 1 << 40), 12_544);
        assert_eq!(ceiling_tokens(bytes, 512, 64, 1 << 40), 1_536);
        assert_eq!(ceiling_tokens(bytes, 512, 2, 4 * 1000 * 1024), 1024);
        assert_eq!(ceiling_tokens(bytes, 512, 2, 4 * 1000 * 1024 - 1), 960);
        assert_eq!(ceiling_tokens(bytes, 512, 2, 0), BUDGET_TOKENS_MIN);
        assert_eq!(workers_that_fit(1000, 8, 8000), 4);
        assert_eq!(workers_that_fit(1000, 8, 0), 1);
    }
}
