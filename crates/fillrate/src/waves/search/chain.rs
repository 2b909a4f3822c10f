//! The chain of waves under way, as the gauges see it and as it is measured.

#![allow(
    clippy::inline_always,
    reason = "a wave takes some hundred instructions, of which calls would be a tenth"
)]

use super::super::legs::Turn;
use super::super::measure::{Outline, PIVOTS_MAX};
use super::super::pattern::Direction;
use super::super::steps::steps;
use super::ends::Leg;
use super::gauge::{Gauge, Gauges, Losses, RATIOS, SIDES, add, entry, entry_beyond};

/// Waves that end at each other's starts.
pub(super) struct Chain {
    /// 1 if the first wave rises, −1 if it falls.
    sign: f64,
    /// The price at which the chain begins, and that at which each wave ends.
    prices: [f64; PIVOTS_MAX],
    /// Of each wave the steps of its length and of its duration.
    lengths: [i32; PIVOTS_MAX],
    durations: [i32; PIVOTS_MAX],
    /// The bars of the pivots; the rest up to the wave that was measured last.
    outline: Outline,
    /// No wave before this one has changed since then.
    changed: usize,
}

impl Chain {
    pub(super) fn new(direction: Direction) -> Self {
        Self {
            sign: direction.sign(),
            prices: [0.0; PIVOTS_MAX],
            lengths: [0; PIVOTS_MAX],
            durations: [0; PIVOTS_MAX],
            outline: Outline::default(),
            changed: 1,
        }
    }

    /// Begins another chain.
    pub(super) fn begin(&mut self, turn: &Turn) {
        self.outline.begin(turn.bar, self.sign * turn.price);
        self.prices[0] = turn.price;
        self.changed = 1;
    }

    /// Lets `leg`, which ends at `turn`, be the last wave.
    #[inline(always)]
    pub(super) fn put<const WAVE: usize>(&mut self, leg: Leg, turn: &Turn) {
        self.lengths[WAVE] = leg.length;
        self.durations[WAVE] = leg.duration;
        self.prices[WAVE] = turn.price;
        self.outline.bars[WAVE] = turn.bar;
        self.changed = self.changed.min(WAVE);
    }

    /// The bars of the pivots up to the end of `wave`.
    #[inline]
    pub(super) fn bars(&self, wave: usize) -> &[u32] {
        &self.outline.bars[..=wave]
    }

    /// The outline up to `wave`, and the first wave of it that has changed since it was last asked
    /// for.
    pub(super) fn outline(&mut self, wave: usize) -> (&Outline, usize) {
        let changed = self.changed;
        for wave in changed..=wave {
            self.outline.end_wave(wave, self.outline.bars[wave], self.sign * self.prices[wave]);
            self.outline.settle(wave);
        }
        self.changed = wave + 1;
        (&self.outline, changed)
    }

    /// Adds to `losses` what the gauges say of a wave whose length has so many steps, each by the
    /// table that is chosen.
    #[inline(always)]
    pub(super) fn charge_length<'g>(
        &self,
        losses: &mut Losses,
        gauges: &'g Gauges,
        length: i32,
        table: impl Fn(&'g Gauge<RATIOS>) -> &'g [Losses; RATIOS],
    ) {
        // A sum of its own stays in one register, which `losses`, behind a reference, does not.
        let mut sum = *losses;
        for gauge in &gauges.lengths {
            add(&mut sum, &table(gauge)[entry(length - self.lengths[gauge.earlier])]);
        }
        *losses = sum;
    }

    /// The same of its duration.
    #[inline(always)]
    pub(super) fn charge_duration<'g>(
        &self,
        losses: &mut Losses,
        gauges: &'g Gauges,
        duration: i32,
        table: impl Fn(&'g Gauge<RATIOS>) -> &'g [Losses; RATIOS],
    ) {
        let mut sum = *losses;
        for gauge in &gauges.durations {
            add(&mut sum, &table(gauge)[entry(duration - self.durations[gauge.earlier])]);
        }
        *losses = sum;
    }

    /// The same of the price at which it ends.
    #[inline(always)]
    pub(super) fn charge_beyond<'g, const WAVE: usize>(
        &self,
        losses: &mut Losses,
        gauges: &'g Gauges,
        price: f64,
        table: impl Fn(&'g Gauge<SIDES>) -> &'g [Losses; SIDES],
    ) {
        let onward = if WAVE.is_multiple_of(2) { -self.sign } else { self.sign };
        let mut sum = *losses;
        for gauge in &gauges.beyond {
            let beyond = (price - self.prices[gauge.earlier]) * onward;
            let difference = steps(beyond.abs()) - self.lengths[gauge.earlier];
            add(&mut sum, &table(gauge)[entry_beyond(difference, beyond < 0.0)]);
        }
        *losses = sum;
    }
}
