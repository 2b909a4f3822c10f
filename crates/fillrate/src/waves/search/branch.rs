//! Branch and bound: the best patterns of all forms of a bundle, without completing the others.
//!
//! The chains of valid waves are visited depth-first, once for all forms. What a chain has cost each
//! form so far, at least, is looked up wave by wave in [`gauge`](super::gauge) tables, a lane for each
//! form; a chain is left when every form has lost more than a pattern that is still wanted may. What
//! is left in the end, and before the last of five waves, is scored exactly. The tables never say more
//! than what is lost, so nothing that is wanted is left out.

#![allow(
    clippy::inline_always,
    reason = "a wave takes some hundred instructions, of which calls would be a tenth"
)]

use super::super::legs::{Legs, Turn};
use super::super::pattern::Direction;
use super::super::steps::PER_OCTAVE;
use super::bundle::Bundle;
use super::chain::Chain;
use super::ends::{Ends, KEPT, Leg};
use super::exact::Exact;
use super::gauge::{Gauge, LANES, Losses, RATIOS, add, any_within, budget, entry};
use super::hit::Hit;
use super::keep::Choice;

/// Ends in a row that nothing goes on from, from which on it is asked whether anything goes on from
/// longer waves. Fewer are common and soon over.
const DEAD_ENDS_MIN: u32 = 4;

/// Waves from a pivot that are worth asking first whether any of them leads on.
const MANY: usize = 12;

/// A search of the best patterns of a bundle in one direction.
pub(super) struct Branch<'a, C> {
    /// The pivots that are even in a pattern, and those that are odd.
    turns: [&'a [Turn]; 2],
    /// The waves from those.
    waves: [&'a Ends<'a>; 2],
    direction: Direction,
    bundle: &'a Bundle,
    choice: &'a mut C,
    chain: Chain,
    exact: Exact,
    /// What each form may lose.
    budget: Losses,
    /// No wave ends at this bar or later.
    bars_end: u32,
}

/// The steps of a quarter.
const QUARTER: i32 = -2 * PER_OCTAVE as i32;

/// Adds what it costs at least that a wave is no more than a quarter of the one before, which is
/// `earlier`.
fn charge_quarter(losses: &mut Losses, gauges: &[Gauge<RATIOS>], earlier: usize) {
    for gauge in gauges.iter().filter(|gauge| gauge.earlier == earlier) {
        add(losses, &gauge.up_to[entry(QUARTER)]);
    }
}

impl<'a, C: Choice> Branch<'a, C> {
    /// `waves` are those up and those down.
    pub(super) fn new(
        legs: &'a Legs,
        waves: &'a [Ends<'a>; 2],
        direction: Direction,
        bundle: &'a Bundle,
        choice: &'a mut C,
    ) -> Self {
        let [up, down] = waves;
        Self {
            turns: legs.oriented(direction),
            waves: match direction {
                Direction::Up => [up, down],
                Direction::Down => [down, up],
            },
            direction,
            bundle,
            choice,
            chain: Chain::new(direction),
            exact: Exact::default(),
            budget: Losses([-1; LANES]),
            bars_end: u32::MAX,
        }
    }

    /// Visits what can be wanted, in the order of its indices. `ends` says for each start before
    /// which bar its patterns must end; 0 leaves a start out.
    pub(super) fn run(mut self, ends: Option<&[u32]>) {
        self.set_budget();
        let starts = self.turns[0];
        for (start, turn) in starts.iter().enumerate() {
            self.bars_end = ends.map_or(u32::MAX, |ends| ends[start]);
            if self.bars_end > turn.bar {
                self.chain.begin(turn);
                self.extend(1, start as u32, &self.bundle.base);
            }
        }
    }

    /// Takes note of what is wanted now.
    fn set_budget(&mut self) {
        for (lane, bound) in self.bundle.bounds.iter().enumerate() {
            self.budget.0[lane] = budget(bound - self.choice.threshold(lane));
        }
    }

    /// Adds each `wave` that begins at the pivot `from`, before which the forms had `lost` so much.
    #[inline(always)]
    fn extend(&mut self, wave: usize, from: u32, lost: &Losses) {
        match wave {
            1 => self.add_each::<1>(from, lost),
            2 => self.add_each::<2>(from, lost),
            3 => self.add_each::<3>(from, lost),
            4 => self.add_each::<4>(from, lost),
            _ => self.add_each::<5>(from, lost),
        }
    }

    /// The same, compiled for each wave.
    fn add_each<const WAVE: usize>(&mut self, from: u32, lost: &Losses) {
        let waves = self.waves[(WAVE - 1) % 2];
        let ends = self.turns[WAVE % 2];
        let kept = waves.kept(from);
        let has_more = kept.len() == KEPT;
        let mut skipped = 0;
        for (left, leg) in (0..kept.len()).rev().zip(kept) {
            let left = if has_more { usize::MAX } else { left };
            if !self.add::<WAVE>(ends, *leg, lost, &mut skipped, left) {
                return;
            }
        }
        if has_more {
            for leg in waves.others(from) {
                if !self.add::<WAVE>(ends, leg, lost, &mut skipped, usize::MAX) {
                    return;
                }
            }
        }
    }

    /// Adds one wave, after which there are `left` longer ones. Whether those are worth looking at.
    /// `skipped` counts the ends that led nowhere since one that did.
    #[inline(always)]
    fn add<const WAVE: usize>(
        &mut self,
        ends: &[Turn],
        leg: Leg,
        lost: &Losses,
        skipped: &mut u32,
        left: usize,
    ) -> bool {
        let gauges = &self.bundle.gauges[WAVE];
        let turn = &ends[leg.end as usize];
        let mut here = *lost;
        self.chain.charge_length(&mut here, gauges, leg.length, |gauge| &gauge.here);
        // Few are left that early.
        let mut is_within = WAVE <= 2 || any_within(&here, &self.budget);
        if is_within {
            self.chain.charge_duration(&mut here, gauges, leg.duration, |gauge| &gauge.here);
            self.chain.charge_beyond::<WAVE>(&mut here, gauges, turn.price, |gauge| &gauge.here);
            is_within = any_within(&here, &self.budget);
        }
        if !is_within {
            *skipped += 1;
            // Looking onward costs as much as looking at an end, and most chains are short: it is
            // done after one, two, four, eight ends that led nowhere, so that at most twice as many
            // ends are looked at as need be.
            let looks_onward = left > 1 && skipped.is_power_of_two();
            return !(looks_onward && self.is_lost_onward::<WAVE>(&leg, turn, lost));
        }
        if turn.bar >= self.bars_end {
            return false;
        }
        self.chain.put::<WAVE>(leg, turn);
        if WAVE == self.bundle.waves {
            self.complete(here);
        } else if WAVE == 4 && !self.is_worth_completing(WAVE, &mut here) {
            return true;
        } else if self.leads_on::<WAVE>(&leg, turn, &here) {
            self.extend(WAVE + 1, leg.end, &here);
        } else {
            *skipped += 1;
            let looks_onward = left > 1 && *skipped >= DEAD_ENDS_MIN && skipped.is_power_of_two();
            return !(looks_onward && self.is_dead_end_onward::<WAVE>(&leg, turn, lost));
        }
        *skipped = 0;
        true
    }

    /// Whether anything can go on from a wave. Near the beginning, where little is lost yet, it is worth
    /// asking only if a pivot has many waves.
    #[inline(always)]
    fn leads_on<const WAVE: usize>(&self, leg: &Leg, turn: &Turn, here: &Losses) -> bool {
        if WAVE + 2 >= self.bundle.waves {
            return self.can_go_on::<WAVE>(turn, here);
        }
        self.waves[WAVE % 2].kept(leg.end).len() < MANY || self.two_can_go_on::<WAVE>(turn, here)
    }

    /// Whether all forms have lost too much, for this wave and any longer one.
    #[inline]
    fn is_lost_onward<const WAVE: usize>(&self, leg: &Leg, turn: &Turn, lost: &Losses) -> bool {
        let (chain, gauges) = (&self.chain, &self.bundle.gauges[WAVE]);
        let mut least = *lost;
        chain.charge_length(&mut least, gauges, leg.length, |gauge| &gauge.onward);
        if any_within(&least, &self.budget) {
            chain.charge_duration(&mut least, gauges, leg.duration, |gauge| &gauge.onward);
            chain.charge_beyond::<WAVE>(&mut least, gauges, turn.price, |gauge| &gauge.onward);
        }
        !any_within(&least, &self.budget)
    }

    /// Whether the next wave, from `turn`, can reach far enough.
    #[inline]
    fn can_go_on<const WAVE: usize>(&self, turn: &Turn, lost: &Losses) -> bool {
        let (chain, gauges) = (&self.chain, &self.bundle.gauges[WAVE + 1]);
        let mut least = *lost;
        chain.charge_length(&mut least, gauges, turn.reach_steps, |gauge| &gauge.up_to);
        if any_within(&least, &self.budget) {
            chain.charge_duration(&mut least, gauges, turn.bars_steps, |gauge| &gauge.up_to);
            match WAVE {
                1 => chain.charge_beyond::<2>(&mut least, gauges, turn.reach, |g| &g.up_to),
                2 => chain.charge_beyond::<3>(&mut least, gauges, turn.reach, |g| &g.up_to),
                3 => chain.charge_beyond::<4>(&mut least, gauges, turn.reach, |g| &g.up_to),
                _ => chain.charge_beyond::<5>(&mut least, gauges, turn.reach, |g| &g.up_to),
            }
        }
        any_within(&least, &self.budget)
    }

    /// Whether the next two waves can be long enough, next to each other and to those before.
    #[inline(never)]
    fn two_can_go_on<const WAVE: usize>(&self, turn: &Turn, lost: &Losses) -> bool {
        let Some(first) = self.turns[(WAVE + 1) % 2].get(turn.first as usize) else { return false };
        let (next, after) = (&self.bundle.gauges[WAVE + 1], &self.bundle.gauges[WAVE + 2]);
        let chain = &self.chain;
        // A next wave that is longer than this has less than a quarter of itself after it.
        let reach = first.onward_reach_steps - QUARTER;
        let bars = first.onward_bars_steps - QUARTER;
        let up_to = |gauge: &'a Gauge<RATIOS>| -> &'a [Losses; RATIOS] { &gauge.up_to };
        let (mut short, mut long) = (Losses::NONE, Losses::NONE);
        chain.charge_length(&mut short, next, turn.reach_steps.min(reach), up_to);
        chain.charge_length(&mut long, next, turn.reach_steps, up_to);
        charge_quarter(&mut long, &after.lengths, WAVE + 1);
        let mut least = *lost;
        add(&mut least, &short.least(&long));
        let (mut short, mut long) = (Losses::NONE, Losses::NONE);
        chain.charge_duration(&mut short, next, turn.bars_steps.min(bars), up_to);
        chain.charge_duration(&mut long, next, turn.bars_steps, up_to);
        charge_quarter(&mut long, &after.durations, WAVE + 1);
        add(&mut least, &short.least(&long));
        any_within(&least, &self.budget)
    }

    /// Whether the next wave cannot reach far enough from any longer wave either: this one is then too
    /// long for what comes.
    #[inline(never)]
    fn is_dead_end_onward<const WAVE: usize>(&self, leg: &Leg, turn: &Turn, lost: &Losses) -> bool {
        let (chain, here) = (&self.chain, &self.bundle.gauges[WAVE]);
        let next = &self.bundle.gauges[WAVE + 1];
        let mut least = *lost;
        chain.charge_length(&mut least, here, leg.length, |gauge| &gauge.onward);
        chain.charge_duration(&mut least, here, leg.duration, |gauge| &gauge.onward);
        chain.charge_length(&mut least, next, turn.onward_reach_steps, |gauge| &gauge.up_to);
        chain.charge_duration(&mut least, next, turn.onward_bars_steps, |gauge| &gauge.up_to);
        !any_within(&least, &self.budget)
    }

    /// Whether a form can still be wanted by what no table says of `wave`; adds that to what the
    /// forms have `lost`.
    #[inline(never)]
    fn is_worth_completing(&mut self, wave: usize, lost: &mut Losses) -> bool {
        let (outline, changed) = self.chain.outline(wave);
        self.exact.forget(changed);
        let mut any = false;
        for (lane, untabled) in self.bundle.untabled.iter().enumerate() {
            if lost.0[lane] <= self.budget.0[lane] {
                lost.0[lane] = untabled[wave].charge(lost.0[lane], outline, self.bundle.waves);
                any |= lost.0[lane] <= self.budget.0[lane];
            }
        }
        any
    }

    /// Takes the forms of which the chain is a pattern that is wanted.
    #[inline(never)]
    fn complete(&mut self, mut lost: Losses) {
        let waves = self.bundle.waves;
        if !self.is_worth_completing(waves, &mut lost) {
            return;
        }
        for (lane, plan) in self.bundle.plans.iter().enumerate() {
            if lost.0[lane] > self.budget.0[lane] {
                continue;
            }
            if let Some(score) = self.exact.score(&mut self.chain, plan, lane, self.choice) {
                let hit = Hit::new(score, plan.form, self.direction, self.chain.bars(waves));
                self.choice.take(lane, hit);
                self.set_budget();
            }
        }
    }
}
