//! The depth-first search over chains of valid waves.
//!
//! Nothing is dropped: the ends of the waves from a pivot are visited in rising order, each longer
//! in price (or as long) and in time than the one before. A subtree is left only where a rule is
//! broken that no later wave can mend, and the rest of a chain only where a rule is broken whose
//! measure moves one way as the wave grows, or where no longer wave can score enough.

use super::super::legs::{NONE, Turn};
use super::super::measure::Outline;
use super::super::pattern::Direction;
use super::super::score::{Part, Sums};
use super::hit::Hit;
use super::keep::Keep;
use super::plan::{Ahead, Level, Plan, Verdict};

/// More than all the rounding of a bound: each of its few terms is off by 10⁻¹⁶ at most.
const ROUNDING: f64 = 1e-13;

/// A search for one form in one direction.
pub(super) struct Walk<'a, K> {
    /// The pivots that are even in a pattern, and those that are odd.
    turns: [&'a [Turn]; 2],
    direction: Direction,
    sign: f64,
    plan: &'a Plan,
    keep: &'a mut K,
    outline: Outline,
    /// The sums of the terms that are known after each wave.
    sums: [Sums; 6],
    /// What the score can still come to after each wave, but for rounding.
    bounds: [f64; 6],
    /// No wave ends at this bar or later.
    bars_end: u32,
    /// Ends of a wave that are looked at, at most, and how many starts there are from one that is
    /// looked at to the next: all of them, unless a quick look is wanted.
    breadth: usize,
    stride: usize,
}

/// What becomes of a wave that was just added.
#[derive(PartialEq, Eq)]
enum Fate {
    /// It is part of what can still be taken.
    Goes,
    /// Nothing that goes on from it is taken.
    Skips,
    /// Nor anything that goes on from a longer one.
    Stops,
}

impl<'a, K: Keep> Walk<'a, K> {
    pub(super) fn new(
        turns: [&'a [Turn]; 2],
        direction: Direction,
        plan: &'a Plan,
        keep: &'a mut K,
    ) -> Self {
        Self {
            turns,
            direction,
            sign: direction.sign(),
            plan,
            keep,
            outline: Outline::default(),
            sums: [[0.0; 4]; 6],
            bounds: [plan.bound(); 6],
            bars_end: u32::MAX,
            breadth: usize::MAX,
            stride: 1,
        }
    }

    /// Looks at the first `breadth` ends of each wave only, and at no more than `starts` starts,
    /// spread over the series.
    pub(super) fn quickly(mut self, breadth: usize, starts: usize) -> Self {
        self.breadth = breadth;
        self.stride = self.turns[0].len().div_ceil(starts).max(1);
        self
    }

    /// Visits all patterns, in the order of their indices. `ends` says for each start before which
    /// bar its patterns must end; 0 leaves a start out. Whether it came to the end.
    pub(super) fn run(mut self, ends: Option<&[u32]>) -> bool {
        let starts = self.turns[0];
        for (start, turn) in starts.iter().enumerate().step_by(self.stride) {
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
        let ends = self.turns[wave % 2];
        let bars_end = from.passed.min(self.bars_end);
        let mut at = from.first;
        let mut left = self.breadth;
        let mut skipped = 0_u32;
        while at != NONE && left > 0 {
            let turn = &ends[at as usize];
            if turn.bar >= bars_end {
                break;
            }
            self.outline.end_wave(wave, turn.bar, self.sign * turn.price);
            let level = &self.plan.levels[wave];
            // Looking onward costs about as much as looking at an end, and most chains are short: it is
            // done after one, two, four, eight ends that led nowhere, so that at most twice as many
            // ends are looked at as need be.
            let looks_onward = skipped.is_power_of_two();
            match self.fate(wave, level, turn, looks_onward) {
                Fate::Goes if wave == self.plan.waves => {
                    let hit = self.hit();
                    if !self.keep.take(hit) {
                        return false;
                    }
                }
                Fate::Goes => {
                    if !self.extend(wave + 1, turn) {
                        return false;
                    }
                }
                Fate::Skips => skipped += 1,
                Fate::Stops => break,
            }
            at = turn.next;
            left -= 1;
        }
        true
    }

    #[inline]
    fn fate(&mut self, wave: usize, level: &Level, turn: &Turn, looks_onward: bool) -> Fate {
        // Only a series without any movement, with its ends as pivots, has a wave without length.
        if self.outline.lengths[wave] <= 0.0 {
            return Fate::Skips;
        }
        let needed = self.keep.threshold() - ROUNDING;
        let mut known = self.sums[wave - 1];
        let mut bound = self.bounds[wave - 1];
        for check in &level.checks {
            let value = check.measure.of(&self.outline);
            match check.verdict(value) {
                Verdict::Kept => {}
                Verdict::Broken => return Fate::Skips,
                Verdict::BrokenOnward => return Fate::Stops,
            }
            if K::SCORED {
                let term = check.margin(value);
                known[Part::Rules as usize] += term;
                bound -= (1.0 - term) * check.weight;
            }
        }
        if K::SCORED {
            for term in &level.terms {
                let value = term.look.of(&self.outline, self.plan.waves);
                known[term.part] += value;
                bound -= (1.0 - value) * term.weight;
                if bound < needed {
                    if looks_onward {
                        return self.fate_onward(wave, level, needed);
                    }
                    return Fate::Skips;
                }
            }
            self.sums[wave] = known;
            self.bounds[wave] = bound;
            // So near the threshold the sums decide, which are exact.
            if bound < needed + 2.0 * ROUNDING && !self.admits(wave, &known, &level.open) {
                return self.fate_of_a_tie(wave, level);
            }
        }
        if K::SCORED && wave < self.plan.waves {
            self.outline.settle(wave);
        }
        if level.ahead.is_empty() || self.is_worth_going_on(wave, level, turn, needed) {
            Fate::Goes
        } else {
            Fate::Skips
        }
    }

    /// Of a wave that does not score enough: whether a longer one could.
    fn fate_onward(&self, wave: usize, level: &Level, needed: f64) -> Fate {
        let mut bound = self.bounds[wave - 1];
        for term in &level.terms {
            bound -= (1.0 - term.look.best_onward(&self.outline)) * term.weight;
        }
        for check in &level.checks {
            let value = check.measure.of(&self.outline);
            bound -= (1.0 - check.margin_onward(value)) * check.weight;
        }
        if bound < needed { Fate::Stops } else { Fate::Skips }
    }

    /// The same, of a wave that could at best end in a tie with a pattern that comes before.
    fn fate_of_a_tie(&self, wave: usize, level: &Level) -> Fate {
        let mut most = self.sums[wave - 1];
        for term in &level.terms {
            most[term.part] += term.look.best_onward(&self.outline);
        }
        for check in &level.checks {
            let value = check.measure.of(&self.outline);
            most[Part::Rules as usize] += check.margin_onward(value);
        }
        // Longer waves end later, so that among equal scores they come after this one.
        if self.admits(wave, &most, &level.open) { Fate::Skips } else { Fate::Stops }
    }

    /// Whether a pattern with the sums `known` and nothing but full terms to come could be taken.
    fn admits(&self, wave: usize, known: &Sums, open: &Sums) -> bool {
        let mut most = *known;
        for part in 0..4 {
            most[part] += open[part];
        }
        self.keep.admits(self.plan.ensemble.score(&most), &self.outline.bars[..=wave])
    }

    /// Whether the next wave can reach far enough.
    fn is_worth_going_on(&self, wave: usize, level: &Level, turn: &Turn, needed: f64) -> bool {
        let Outline { levels, lengths, inverse_lengths, .. } = &self.outline;
        let reach = self.sign * turn.reach;
        let longest = (reach - levels[wave]).abs();
        let mut bound = self.bounds[wave];
        for ahead in &level.ahead {
            match *ahead {
                Ahead::Length { wave, least } if longest / lengths[wave] < least => return false,
                Ahead::Beyond { wave: earlier, least } => {
                    let onward = if wave.is_multiple_of(2) { 1.0 } else { -1.0 };
                    if onward * (reach - levels[earlier]) / lengths[earlier] < least {
                        return false;
                    }
                }
                Ahead::Target { wave, targets, weight } if K::SCORED => {
                    let most = targets.best_up_to(longest * inverse_lengths[wave]);
                    bound -= (1.0 - most) * weight;
                }
                Ahead::Duration { wave, targets, weight } if K::SCORED => {
                    // The wave ends before the bar that passes its start.
                    let bars = f64::from(turn.passed - turn.bar);
                    let most = targets.best_up_to(bars * self.outline.inverse_durations[wave]);
                    bound -= (1.0 - most) * weight;
                }
                Ahead::LengthBetween { wave: earlier, between } if K::SCORED => {
                    let onward = self.onward(wave, turn).map_or(0.0, |end| end.onward_length);
                    bound -= between.given_up(longest, onward, inverse_lengths[earlier]);
                }
                Ahead::DurationBetween { wave: earlier, between } if K::SCORED => {
                    let bars = f64::from(turn.passed - turn.bar);
                    let onward = self.onward(wave, turn).map_or(0, |end| end.onward_bars);
                    let inverse = self.outline.inverse_durations[earlier];
                    bound -= between.given_up(bars, f64::from(onward), inverse);
                }
                _ => {}
            }
        }
        !K::SCORED || bound >= needed
    }

    /// The first of the ends of the wave after `wave`, which ends at `turn`.
    fn onward(&self, wave: usize, turn: &Turn) -> Option<&Turn> {
        self.turns[(wave + 1) % 2].get(turn.first as usize)
    }

    fn hit(&self) -> Hit {
        let mut bars = self.outline.bars;
        bars[self.plan.waves + 1..].fill(0);
        Hit {
            score: if K::SCORED {
                self.plan.ensemble.score(&self.sums[self.plan.waves])
            } else {
                0.0
            },
            form: self.plan.form,
            direction: self.direction,
            bars,
        }
    }
}
