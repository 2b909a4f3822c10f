//! What is done with the patterns that a search visits.

use std::collections::BinaryHeap;

use super::gauge::LANES;
use super::hit::Hit;

/// Takes the best patterns of the forms of a bundle, and says which need not be completed.
pub(super) trait Choice {
    /// No pattern of the form in this lane that scores less is taken any more.
    fn threshold(&self, lane: usize) -> f64;

    /// Whether a pattern that begins with the pivots at `bars` and scores at most `bound` could
    /// still be taken.
    fn admits(&self, lane: usize, bound: f64, bars: &[u32]) -> bool;

    /// Takes a pattern.
    fn take(&mut self, lane: usize, hit: Hit);
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

impl Collector {
    /// Takes a pattern; whether to go on.
    #[inline]
    pub(super) fn take(&mut self, hit: Hit) -> bool {
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

impl Choice for Best {
    fn threshold(&self, _lane: usize) -> f64 {
        self.threshold
    }

    fn admits(&self, _lane: usize, bound: f64, bars: &[u32]) -> bool {
        match self.heap.peek() {
            Some(worst) if self.heap.len() == self.wanted && bound == worst.score => {
                bars <= &worst.bars[..bars.len()]
            }
            _ => bound >= self.threshold,
        }
    }

    fn take(&mut self, _lane: usize, hit: Hit) {
        if self.heap.len() < self.wanted {
            self.heap.push(hit);
        } else if let Some(mut worst) = self.heap.peek_mut()
            && hit < *worst
        {
            *worst = hit;
        }
        self.threshold = self.worst_score().unwrap_or(self.threshold);
    }
}

/// Keeps the best score of each form.
#[derive(Debug)]
pub(super) struct BestScores {
    /// By lane; `None` where there is no pattern yet.
    pub scores: [Option<f64>; LANES],
    pub score_min: f64,
}

impl Choice for BestScores {
    fn threshold(&self, lane: usize) -> f64 {
        self.scores[lane].unwrap_or(self.score_min)
    }

    fn admits(&self, lane: usize, bound: f64, _bars: &[u32]) -> bool {
        self.scores[lane].map_or(bound >= self.score_min, |best| bound > best)
    }

    fn take(&mut self, lane: usize, hit: Hit) {
        self.scores[lane] = Some(hit.score);
    }
}
