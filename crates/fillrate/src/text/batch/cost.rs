//! What a batch costs: the line `duration = a·tokens + b`, fitted while the batches run.
//!
//! The fit is Theil–Sen: `a` is the median of the slopes between all pairs of samples, `b` the
//! median of what is left. Up to 29 % of the samples may be arbitrarily wrong (a page fault, a
//! thread that lost its core) without moving the line, which least squares cannot say of one.
//!
//! Source: H. Theil, "A rank-invariant method of linear and polynomial regression analysis", 1950;
//! P. K. Sen, "Estimates of the regression coefficient based on Kendall's tau", 1968.

use std::collections::VecDeque;

/// Samples kept per size class; older ones of the same class make room.
const SAMPLES_PER_CLASS: usize = 8;

/// Fewer samples than this fit no line.
const SAMPLES_MIN: usize = 6;

/// The largest batch must have this many times the tokens of the smallest, or the slope between
/// them is noise.
const SPREAD_MIN: usize = 4;

/// The fitted cost of a batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CostLine {
    /// `a`: seconds that each further token adds; at least 0.
    pub token_s: f64,
    /// `b`: seconds that a batch takes before its first token; at least 0.
    pub batch_s: f64,
}

impl CostLine {
    /// The seconds that a batch of `tokens` tokens is expected to take.
    #[must_use]
    pub fn duration_s(&self, tokens: usize) -> f64 {
        self.token_s * tokens as f64 + self.batch_s
    }

    /// The share of a batch's time that does not depend on its tokens, `b / (a·tokens + b)`.
    #[must_use]
    pub fn overhead_share(&self, tokens: usize) -> f64 {
        let duration_s = self.duration_s(tokens);
        if duration_s > 0.0 { self.batch_s / duration_s } else { 0.0 }
    }

    /// The fewest tokens whose overhead share is at most `share`: `b·(1 − share) / (a·share)`.
    /// Where tokens cost nothing no batch is large enough, and the answer is `usize::MAX`.
    ///
    /// ```
    /// use fillrate::text::batch::CostLine;
    ///
    /// let line = CostLine { token_s: 1e-5, batch_s: 1e-3 };
    /// assert_eq!(line.tokens_for_overhead(0.5), 100);
    /// assert_eq!(line.tokens_for_overhead(0.05), 1900);
    /// ```
    #[must_use]
    pub fn tokens_for_overhead(&self, share: f64) -> usize {
        let tokens = self.batch_s * (1.0 - share) / (self.token_s * share);
        // 0/0: a batch that costs nothing has no overhead at any size. The nudge keeps rounding
        // in the division from adding a token to an exact answer.
        if tokens.is_nan() { 0 } else { (tokens * (1.0 - 1e-12)).ceil() as usize }
    }
}

/// The samples behind a [`CostLine`].
///
/// Samples are kept per size class, one class for each power of two of tokens: once the budget
/// has settled nearly all batches are of one size, and without the older small ones the slope
/// could no longer be told.
#[derive(Debug, Default)]
pub(super) struct CostFit {
    classes: Vec<VecDeque<(usize, f64)>>,
}

impl CostFit {
    /// Adds a batch of `tokens` tokens (at least 1) that took `duration_s` seconds.
    pub(super) fn record(&mut self, tokens: usize, duration_s: f64) {
        let class = tokens.max(1).ilog2() as usize;
        if self.classes.len() <= class {
            self.classes.resize_with(class + 1, VecDeque::new);
        }
        let samples = &mut self.classes[class];
        if samples.len() == SAMPLES_PER_CLASS {
            samples.pop_front();
        }
        samples.push_back((tokens, duration_s));
    }

    /// The line through the samples, or `None` while they are too few or too alike.
    pub(super) fn line(&self) -> Option<CostLine> {
        let samples: Vec<(usize, f64)> = self.classes.iter().flatten().copied().collect();
        let tokens = || samples.iter().map(|(tokens, _)| *tokens);
        let (smallest, largest) = (tokens().min()?, tokens().max()?);
        if samples.len() < SAMPLES_MIN || largest < SPREAD_MIN * smallest {
            return None;
        }
        let mut slopes = Vec::with_capacity(samples.len() * (samples.len() - 1) / 2);
        for (i, (x, y)) in samples.iter().enumerate() {
            let others = samples[i + 1..].iter().filter(|other| other.0 != *x);
            slopes.extend(others.map(|other| (other.1 - y) / (other.0 as f64 - *x as f64)));
        }
        let token_s = median(&mut slopes).max(0.0);
        let mut rests: Vec<f64> = samples.iter().map(|(x, y)| y - token_s * *x as f64).collect();
        Some(CostLine { token_s, batch_s: median(&mut rests).max(0.0) })
    }
}

/// The upper median of `values`, which must not be empty.
fn median(values: &mut [f64]) -> f64 {
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(samples: impl IntoIterator<Item = (usize, f64)>) -> Option<CostLine> {
        let mut fit = CostFit::default();
        for (tokens, duration_s) in samples {
            fit.record(tokens, duration_s);
        }
        fit.line()
    }

    fn true_line(tokens: usize) -> f64 {
        2e-5 * tokens as f64 + 3e-3
    }

    #[test]
    fn an_exact_line_is_found() {
        let line = fit([64, 128, 256, 512, 1024, 2048].map(|t| (t, true_line(t)))).unwrap();
        assert!((line.token_s - 2e-5).abs() < 1e-12, "{line:?}");
        assert!((line.batch_s - 3e-3).abs() < 1e-9, "{line:?}");
    }

    #[test]
    fn a_quarter_of_wild_samples_does_not_move_the_line() {
        let samples = (0..32).map(|i| {
            let tokens = 64 << (i % 6);
            let wild = if i % 4 == 1 { 0.8 } else { 0.0 };
            (tokens, true_line(tokens) + wild)
        });
        let line = fit(samples).unwrap();
        assert!((line.token_s / 2e-5 - 1.0).abs() < 0.1, "{line:?}");
        assert!((line.batch_s / 3e-3 - 1.0).abs() < 0.3, "{line:?}");
    }

    #[test]
    fn samples_of_one_size_fit_no_line() {
        assert_eq!(fit((0..100).map(|i| (1000 + i, 0.01))), None);
        assert_eq!(fit([(1, 0.01), (1000, 0.02)]), None);
    }

    #[test]
    fn many_large_batches_do_not_push_out_the_small_ones() {
        let sizes = [64, 64, 128, 128].into_iter().chain(std::iter::repeat_n(4096, 1000));
        let line = fit(sizes.map(|t| (t, true_line(t)))).unwrap();
        assert!((line.batch_s - 3e-3).abs() < 1e-9, "{line:?}");
    }

    #[test]
    fn a_falling_line_is_held_at_zero() {
        let line = fit((0..10).map(|i| (64 << i, 1.0 / f64::from(i + 1)))).unwrap();
        assert!(line.token_s.abs() < f64::MIN_POSITIVE, "{line:?}");
        assert_eq!(line.tokens_for_overhead(0.05), usize::MAX);
    }

    #[test]
    fn the_budget_for_an_overhead_keeps_its_promise() {
        let line = CostLine { token_s: 7e-6, batch_s: 1.3e-3 };
        for share in [0.01, 0.05, 0.3, 0.5] {
            let tokens = line.tokens_for_overhead(share);
            assert!(line.overhead_share(tokens) <= share + 1e-9);
            assert!(line.overhead_share(tokens - 1) > share - 1e-9);
        }
        assert_eq!(CostLine { token_s: 0.0, batch_s: 0.0 }.tokens_for_overhead(0.05), 0);
    }
}
