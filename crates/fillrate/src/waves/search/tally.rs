//! How many patterns of a form there are.

use super::super::legs::{NONE, Turn};
use super::super::measure::Outline;
use super::super::pattern::Direction;
use super::plan::{Plan, Verdict};

/// A count of the patterns of one form in one direction. It goes the ways of a
/// [`Walk`](super::walk::Walk), without scores.
pub(super) struct Tally<'a> {
    /// The pivots that are even in a pattern, and those that are odd.
    turns: [&'a [Turn]; 2],
    sign: f64,
    plan: &'a Plan,
    outline: Outline,
    /// No wave ends at this bar or later.
    bars_end: u32,
    found: u64,
}

impl<'a> Tally<'a> {
    pub(super) fn new(turns: [&'a [Turn]; 2], direction: Direction, plan: &'a Plan) -> Self {
        let (sign, outline) = (direction.sign(), Outline::default());
        Self { turns, sign, plan, outline, bars_end: u32::MAX, found: 0 }
    }

    /// The number of patterns. `ends` says for each start before which bar its patterns must end; 0
    /// leaves a start out.
    pub(super) fn run(mut self, ends: Option<&[u32]>) -> u64 {
        let starts = self.turns[0];
        for (start, turn) in starts.iter().enumerate() {
            self.bars_end = ends.map_or(u32::MAX, |ends| ends[start]);
            if self.bars_end > turn.bar {
                self.outline.begin(turn.bar, self.sign * turn.price);
                self.extend(1, turn);
            }
        }
        self.found
    }

    /// Adds each `wave` that begins at the pivot `from`.
    fn extend(&mut self, wave: usize, from: &Turn) {
        let (plan, ends) = (self.plan, self.turns[wave % 2]);
        let level = &plan.levels[wave];
        let is_last = wave == plan.waves;
        let is_free = is_last && level.keeps_any_length(&self.outline);
        let bars_end = from.passed.min(self.bars_end);
        let mut at = from.first;
        while at != NONE {
            let turn = &ends[at as usize];
            if turn.bar >= bars_end {
                break;
            }
            at = turn.next;
            if is_free {
                // Only a series without any movement, with its ends as pivots, has a wave without
                // length.
                self.found += u64::from(turn.price != from.price);
                continue;
            }
            self.outline.end_wave(wave, turn.bar, self.sign * turn.price);
            if self.outline.lengths[wave] <= 0.0 {
                continue;
            }
            match level.verdict(&self.outline) {
                Verdict::Kept if is_last => self.found += 1,
                Verdict::Kept => {
                    if level.is_in_reach(wave, &self.outline, self.sign * turn.reach) {
                        self.extend(wave + 1, turn);
                    }
                }
                Verdict::Broken => {}
                Verdict::BrokenOnward => break,
            }
        }
    }
}
