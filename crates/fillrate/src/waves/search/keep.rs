//! What is done with the patterns that the search visits.

use std::collections::BinaryHeap;

use super::hit::Hit;

/// Takes patterns, and says early which need not be completed.
pub(super) trait Keep {
    /// Whether scores are wanted at all.
    const SCORED: bool;

    /// No pattern that scores less is taken any more.
    fn threshold(&self) -> f64;

    /// Whether a pattern that begins with the pivots at `bars` and scores at most `bound` could
    /// still be taken.
    fn admits(&self, bound: f64, bars: &[u32]) -> bool;

    /// Takes a pattern; whether to go on.
    fn take(&mut self, hit: Hit) -> bool;
}

/// Counts.
#[derive(Debug, Default)]
pub(super) struct Counter(pub u64);

impl Keep for Counter {
    const SCORED: bool = false;

    #[inline]
    fn threshold(&self) -> f64 {
        0.0
    }

    #[inline]
    fn admits(&self, _bound: f64, _bars: &[u32]) -> bool {
        true
    }

    #[inline]
    fn take(&mut self, _hit: Hit) -> bool {
        self.0 += 1;
        true
    }
}

/// Keeps all that score enough, up to a number.
#[derive(Debug)]
pub(super) struct Collector {
    pub hits: Vec<Hit>,
    pub score_min: f64,
    pub hits_max: usize,
    /// Whether there were more than fit.
    pub is_over: bool,
}

impl Keep for Collector {
    const SCORED: bool = true;

    #[inline]
    fn threshold(&self) -> f64 {
        self.score_min
    }

    #[inline]
    fn admits(&self, bound: f64, _bars: &[u32]) -> bool {
        bound >= self.score_min
    }

    #[inline]
    fn take(&mut self, hit: Hit) -> bool {
        self.is_over = self.hits.len() >= self.hits_max;
        if !self.is_over {
            self.hits.push(hit);
        }
        !self.is_over
    }
}

/// Keeps the best.
#[derive(Debug)]
pub(super) struct Best {
    /// The worst of those kept on top.
    heap: BinaryHeap<Hit>,
    wanted: usize,
    /// No pattern below it is kept; it rises once there are as many as wanted.
    threshold: f64,
}

impl Best {
    pub(super) fn new(wanted: usize, score_min: f64) -> Self {
        Self {
            heap: BinaryHeap::with_capacity(wanted.min(1 << 16) + 1),
            wanted,
            threshold: score_min,
        }
    }

    /// The score of the worst of those kept, once there are as many as wanted.
    pub(super) fn worst_score(&self) -> Option<f64> {
        self.heap.peek().filter(|_| self.heap.len() == self.wanted).map(|hit| hit.score)
    }

    /// The patterns, the best first.
    pub(super) fn into_sorted(self) -> Vec<Hit> {
        self.heap.into_sorted_vec()
    }
}

impl Keep for Best {
    const SCORED: bool = true;

    #[inline]
    fn threshold(&self) -> f64 {
        self.threshold
    }

    #[inline]
    fn admits(&self, bound: f64, bars: &[u32]) -> bool {
        match self.heap.peek() {
            Some(worst) if self.heap.len() == self.wanted && bound == worst.score => {
                bars <= &worst.bars[..bars.len()]
            }
            _ => bound >= self.threshold,
        }
    }

    #[inline]
    fn take(&mut self, hit: Hit) -> bool {
        if self.heap.len() < self.wanted {
            self.heap.push(hit);
        } else if let Some(mut worst) = self.heap.peek_mut()
            && hit < *worst
        {
            *worst = hit;
        }
        self.threshold = self.worst_score().unwrap_or(self.threshold);
        true
    }
}
