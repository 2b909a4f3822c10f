//! What a search may begin with: a score that the wanted patterns of the next series will reach.
//!
//! Branch and bound leaves little to visit once the wanted patterns are as good as the best of the
//! series, which without a lead they are only at its end. Series that are searched one after the other
//! are often alike, so that the next is first searched for what scores as much as the last ones' did.
//! Where there are fewer such patterns than wanted, the search is done again without a lead: what is
//! found never depends on it.

use std::sync::atomic::{AtomicU64, Ordering};

/// By how much the lead falls after a series that did not come up to it. This and [`RAISE`] make two in
/// a hundred searches vain, whatever the series.
const LOWER: f64 = 0.01;
/// By how much it rises after one that did.
const RAISE: f64 = 0.0002;

/// A score to begin with; the threads of a search share it.
#[derive(Debug, Default)]
pub(super) struct Lead(
    /// The bits of the score; 0 is none.
    AtomicU64,
);

impl Lead {
    /// The score that the patterns of the next series are likely to reach.
    pub(super) fn score(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }

    /// Takes note of what the worst of the wanted patterns of a series scored; nothing if there were
    /// fewer. `led` is the score that its search began with.
    pub(super) fn learn(&self, led: f64, worst: Option<f64>) {
        let score = match worst {
            Some(worst) if led <= 0.0 => worst - LOWER,
            Some(worst) if worst >= led => led + RAISE,
            _ => led - LOWER,
        };
        // Another thread's note may be lost by this one, which is as good.
        self.0.store(score.max(0.0).to_bits(), Ordering::Relaxed);
    }
}

impl Clone for Lead {
    /// A clone has learnt nothing: it may be meant for other series.
    fn clone(&self) -> Self {
        Self::default()
    }
}
