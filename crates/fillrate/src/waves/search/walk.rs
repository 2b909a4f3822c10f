//! The depth-first search over chains of valid waves: every pattern of a form.
//!
//! Nothing is dropped: the ends of the waves from a pivot are visited in rising order, each longer
//! in price (or as long) and in time than the one before. A subtree is left only where a rule is
//! broken that no later wave can mend, and the rest of a chain only where a rule is broken whose
//! measure moves one way as the wave grows.

use super::super::legs::{NONE, Turn};
use super::super::measure::{Outline, PIVOTS_MAX};
use super::super::pattern::Direction;
use super::super::score::{Part, Sums};
use super::hit::Hit;
use super::keep::Collector;
use super::plan::{Plan, Verdict};

/// A search for one form in one direction.
pub(super) struct Walk<'a> {
    /// The pivots that are even in a pattern, and those that are odd.
    turns: [&'a [Turn]; 2],
    direction: Direction,
    sign: f64,
    plan: &'a Plan,
    collector: &'a mut Collector,
    outline: Outline,
    /// The sums of the terms that are known after each wave.
    sums: [Sums; PIVOTS_MAX],
    /// No wave ends at this bar or later.
    bars_end: u32,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        turns: [&'a [Turn]; 2],
        direction: Direction,
        plan: &'a Plan,
        collector: &'a mut Collector,
    ) -> Self {
        Self {
            turns,
            direction,
            sign: direction.sign(),
            plan,
            collector,
            outline: Outline::default(),
            sums: [[0.0; 4]; PIVOTS_MAX],
            bars_end: u32::MAX,
        }
    }

    /// Visits all patterns, in the order of their indices. `ends` says for each start before which
    /// bar its patterns must end; 0 leaves a start out. Whether it came to the end.
    pub(super) fn run(mut self, ends: Option<&[u32]>) -> bool {
        let starts = self.turns[0];
        for (start, turn) in starts.iter().enumerate() {
            self.bars_end = ends.map_or(u32::MAX, |ends| ends[start]);
            self.outline.begin(turn.bar, self.sign * turn.price);
            if self.bars_end > turn.bar && !self.extend(1, turn) {
                return false;
            }
        }
        true
    }

    /// Adds each `wave` that begins at the pivot `from`. Whether to go on.
    fn extend(&mut self, wave: usize, from: &Turn) -> bool {
        let (plan, ends) = (self.plan, self.turns[wave % 2]);
        let level = &plan.levels[wave];
        let bars_end = from.passed.min(self.bars_end);
        let mut at = from.first;
        while at != NONE {
            let turn = &ends[at as usize];
            if turn.bar >= bars_end {
                break;
            }
            at = turn.next;
            self.outline.end_wave(wave, turn.bar, self.sign * turn.price);
            // Only a series without any movement, with its ends as pivots, has a wave without length.
            if self.outline.lengths[wave] <= 0.0 {
                continue;
            }
            match level.verdict(&self.outline) {
                Verdict::Kept => {}
                Verdict::Broken => continue,
                Verdict::BrokenOnward => break,
            }
            self.outline.settle(wave);
            self.score(wave);
            let most = plan.most(&self.sums[wave], wave);
            let goes_on = if most < self.collector.score_min {
                true
            } else if wave == plan.waves {
                let bars = &self.outline.bars[..=wave];
                self.collector.take(Hit::new(most, plan.form, self.direction, bars))
            } else if level.is_in_reach(wave, &self.outline, self.sign * turn.reach) {
                self.extend(wave + 1, turn)
            } else {
                true
            };
            if !goes_on {
                return false;
            }
        }
        true
    }

    /// Sums the terms that are known after `wave`.
    fn score(&mut self, wave: usize) {
        let level = &self.plan.levels[wave];
        let mut sums = self.sums[wave - 1];
        for check in &level.checks {
            sums[Part::Rules as usize] += check.margin(check.measure.of(&self.outline));
        }
        for term in &level.terms {
            sums[term.part] += term.look.of(&self.outline, self.plan.waves);
        }
        self.sums[wave] = sums;
    }
}
