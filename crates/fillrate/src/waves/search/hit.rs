//! A pattern that was found, and the order of results.

use std::cmp::Ordering;

use super::super::measure::PIVOTS_MAX;
use super::super::pattern::{Direction, Form};

/// A pattern that was found: where it is and how it scores.
///
/// The order is total, the better first: higher score, then lower indices (compared one after the
/// other), then [`Form::ALL`], then up before down. "Less" is better.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// In [0, 1].
    pub score: f64,
    /// Which form of which pattern.
    pub form: Form,
    /// Where its first wave goes.
    pub direction: Direction,
    /// The bars of the pivots, rising; those that the form does not have are 0.
    pub(super) bars: [u32; PIVOTS_MAX],
}

impl Hit {
    /// The pattern whose pivots are at `bars`, shape `[waves + 1]`.
    pub(super) fn new(score: f64, form: Form, direction: Direction, bars: &[u32]) -> Self {
        let mut all = [0; PIVOTS_MAX];
        all[..bars.len()].copy_from_slice(bars);
        Self { score, form, direction, bars: all }
    }

    /// The bars of its pivots, rising; one more than it has waves.
    #[must_use]
    pub fn indices(&self) -> &[u32] {
        &self.bars[..=self.form.waves()]
    }
}

impl Eq for Hit {}

impl PartialOrd for Hit {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Hit {
    fn cmp(&self, other: &Self) -> Ordering {
        other
            .score
            .total_cmp(&self.score)
            .then_with(|| self.bars.cmp(&other.bars))
            .then_with(|| self.form.cmp(&other.form))
            .then_with(|| self.direction.cmp(&other.direction))
    }
}
