//! What a classifier has done so far.

use std::time::Duration;

use fillrate_device::routing::RouterStatistics;

use super::CostLine;

/// Counts and times of a classifier since it was made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statistics {
    /// Texts that have an answer or an error.
    pub texts: u64,
    /// Texts of these that have an error.
    pub failed: u64,
    /// Texts of these that took the answer of an equal text.
    pub deduped: u64,
    /// Bytes of the texts that were tokenised.
    pub bytes: u64,
    /// Tokens computed; 0 for a model that has none.
    pub tokens: u64,
    /// Batches computed, without retries.
    pub batches: u64,
    /// Batches that failed and whose items were tried one by one.
    pub batches_retried: u64,
    /// Tokens that the batches could have held: the sum of their budgets, or of their tokens
    /// where one text was over budget.
    pub capacity_tokens: u64,
    /// Time spent in tokenising, summed over workers; none for a model that has no tokens.
    pub tokenising: Duration,
    /// Time spent in the model, summed over workers.
    pub busy: Duration,
    /// The budget of the next batch, in tokens; `None` for a model that has none.
    pub budget_tokens: Option<usize>,
    /// The measured cost of a batch, once it is known.
    pub cost: Option<CostLine>,
    /// Which side computed the batches, where a device has the processor behind it.
    pub routed: Option<RouterStatistics>,
}

impl Statistics {
    /// How full the batches were, in [0, 1]; `None` before the first one.
    ///
    /// ```
    /// use fillrate::text::batch::Statistics;
    ///
    /// let statistics = Statistics { tokens: 900, capacity_tokens: 1000, ..Default::default() };
    /// assert_eq!(statistics.fill_share(), Some(0.9));
    /// assert_eq!(Statistics::default().fill_share(), None);
    /// ```
    #[must_use]
    pub fn fill_share(&self) -> Option<f64> {
        (self.capacity_tokens > 0).then(|| self.tokens as f64 / self.capacity_tokens as f64)
    }
}
