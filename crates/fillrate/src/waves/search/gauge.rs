//! What a wave costs in the score at least, looked up by a quantised measure, for up to eight forms
//! at once.
//!
//! Most rules and guidelines look at one ratio: of two lengths, of two durations, or of how far one
//! wave ends beyond another. What they take from the score is tabled by steps of that ratio, a lane
//! for each form. An entry is never more than the loss of any ratio it stands for, so that what a
//! table rejects can be left without looking further.

use super::super::guidelines::{Look, Targets};
use super::super::measure::Measure;
use super::super::steps::ratios;
use super::plan::{Check, Plan};

/// Forms that are searched at once.
pub(super) const LANES: usize = 8;

/// Losses by form, in 1 / [`SCALE`] of a score of 1; a whole vector, so that it is copied as one.
#[derive(Clone, Copy, Debug)]
#[repr(align(16))]
pub(super) struct Losses(pub [i16; LANES]);

impl Losses {
    /// Nothing.
    pub(super) const NONE: Self = Self([0; LANES]);

    /// The lesser of two, for each form.
    pub(super) fn least(mut self, other: &Self) -> Self {
        for (one, other) in self.0.iter_mut().zip(other.0) {
            *one = (*one).min(other);
        }
        self
    }
}

/// A loss of 1.
const SCALE: f64 = 16_384.0;
/// The loss of a rule that is broken: more than any score. Sums saturate.
pub(super) const BROKEN: i16 = i16::MAX;

/// The least steps with an entry of their own: all that is smaller shares the first. A ratio of 1/16.
const STEPS_MIN: i32 = -256;
/// The number of entries of ratios; all from 16 on share the last.
pub(super) const RATIOS: usize = 512;
/// The number of entries of distances to either side of a point.
pub(super) const SIDES: usize = 2 * RATIOS;

/// More than all the rounding of a term.
const ROUNDING: f64 = 1e-9;

/// What the measures of a wave cost each form at least.
#[derive(Clone, Debug, Default)]
pub(super) struct Gauges {
    /// Of its length over that of an earlier wave.
    pub lengths: Vec<Gauge<RATIOS>>,
    /// Of its duration over that of an earlier wave.
    pub durations: Vec<Gauge<RATIOS>>,
    /// Of how far it ends beyond the end of an earlier wave over the length of that.
    pub beyond: Vec<Gauge<SIDES>>,
}

/// What one measure costs, by entry, rising with the measure.
#[derive(Clone, Debug)]
pub(super) struct Gauge<const ENTRIES: usize> {
    /// The earlier wave.
    pub earlier: usize,
    /// Of what an entry stands for.
    pub here: Table<ENTRIES>,
    /// The least of this entry and those before it.
    pub up_to: Table<ENTRIES>,
    /// The least of this entry and those after it.
    pub onward: Table<ENTRIES>,
}

type Table<const ENTRIES: usize> = Box<[Losses; ENTRIES]>;

/// The entry of a ratio above 0 whose numbers' steps differ by `difference`.
#[inline]
pub(super) fn entry(difference: i32) -> usize {
    (difference - STEPS_MIN).clamp(0, RATIOS as i32 - 1) as usize
}

/// The entry of a distance beyond a point, or short of it if `is_short`.
#[inline]
pub(super) fn entry_beyond(difference: i32, is_short: bool) -> usize {
    if is_short { RATIOS - 1 - entry(difference) } else { RATIOS + entry(difference) }
}

/// Adds losses, of each form its own.
#[inline]
pub(super) fn add(to: &mut Losses, losses: &Losses) {
    for (to, loss) in to.0.iter_mut().zip(losses.0) {
        *to = to.saturating_add(loss);
    }
}

/// Whether a form has lost no more than it may.
#[inline]
pub(super) fn any_within(lost: &Losses, budget: &Losses) -> bool {
    let mut any = false;
    for (lost, budget) in lost.0.iter().zip(budget.0) {
        any |= *lost <= budget;
    }
    any
}

/// What a form may lose in whole units, if it may lose `loss`. Rounded up; below 0 if it may not
/// even lose nothing.
pub(super) fn budget(loss: f64) -> i16 {
    // A float that does not fit becomes the nearest number that does.
    if loss < -ROUNDING { -1 } else { ((loss + ROUNDING) * SCALE).ceil() as i16 }
}

/// A loss in whole units, rounded down.
pub(super) fn whole(loss: f64) -> i16 {
    ((loss - ROUNDING).max(0.0) * SCALE) as i16
}

/// Whether a measure has a gauge.
pub(super) fn is_tabled(measure: Measure) -> bool {
    match measure {
        Measure::Length(i, j) | Measure::Duration(i, j) | Measure::Beyond(i, j) => i > j,
        Measure::Wave3ToShortest | Measure::Wave5ToAdvance | Measure::Convergence => false,
    }
}

impl Gauges {
    /// What the forms of `plans` say of `wave`. What they lose in any case is added to `base`.
    pub(super) fn of(plans: &[Plan], wave: usize, base: &mut Losses) -> Self {
        let mut gauges = Self::default();
        for earlier in 1..wave {
            let opinions = |measure| Opinions::of(plans, wave, measure);
            let lengths = opinions(Measure::Length(wave, earlier));
            gauges.lengths.extend(Gauge::of(&lengths, earlier, ratio, base));
            let durations = opinions(Measure::Duration(wave, earlier));
            gauges.durations.extend(Gauge::of(&durations, earlier, ratio, base));
            let beyond = opinions(Measure::Beyond(wave, earlier));
            gauges.beyond.extend(Gauge::of(&beyond, earlier, distance, base));
        }
        gauges
    }
}

/// The ratios that an entry stands for.
fn ratio(entry: usize) -> (f64, f64) {
    let (low, high) = ratios(entry as i32 + STEPS_MIN);
    let is_last = entry == RATIOS - 1;
    (if entry == 0 { 0.0 } else { low }, if is_last { f64::INFINITY } else { high })
}

/// The distances beyond a point that an entry stands for; below 0 if they fall short.
fn distance(entry: usize) -> (f64, f64) {
    if entry < RATIOS {
        let (low, high) = ratio(RATIOS - 1 - entry);
        (-high, -low)
    } else {
        ratio(entry - RATIOS)
    }
}

impl<const ENTRIES: usize> Gauge<ENTRIES> {
    /// The gauge that the forms' opinions make; nothing if they have none.
    fn of(
        opinions: &Opinions<'_>,
        earlier: usize,
        range: impl Fn(usize) -> (f64, f64),
        base: &mut Losses,
    ) -> Option<Self> {
        if opinions.0.iter().all(Opinion::is_empty) {
            return None;
        }
        let mut here = Box::new([Losses([0; LANES]); ENTRIES]);
        for (entry, losses) in here.iter_mut().enumerate() {
            let (low, high) = range(entry);
            for (loss, opinion) in losses.0.iter_mut().zip(&opinions.0) {
                *loss = opinion.least_loss(low, high);
            }
        }
        // What every value costs is a loss from the start.
        let mut floor = Losses([BROKEN; LANES]);
        here.iter().for_each(|losses| keep_least(&mut floor, &mut losses.clone()));
        for losses in here.iter_mut() {
            for (loss, floor) in losses.0.iter_mut().zip(floor.0) {
                *loss = if *loss == BROKEN { BROKEN } else { *loss - floor };
            }
        }
        add(base, &floor);
        let (mut up_to, mut onward) = (here.clone(), here.clone());
        let mut least = Losses([BROKEN; LANES]);
        up_to.iter_mut().for_each(|losses| keep_least(&mut least, losses));
        let mut least = Losses([BROKEN; LANES]);
        onward.iter_mut().rev().for_each(|losses| keep_least(&mut least, losses));
        Some(Self { earlier, here, up_to, onward })
    }
}

/// Lowers `losses` to the least so far.
fn keep_least(least: &mut Losses, losses: &mut Losses) {
    for (least, loss) in least.0.iter_mut().zip(&mut losses.0) {
        *least = (*least).min(*loss);
        *loss = *least;
    }
}

/// What each form says of one measure; shape `[plans]`.
struct Opinions<'a>(Vec<Opinion<'a>>);

impl<'a> Opinions<'a> {
    fn of(plans: &'a [Plan], wave: usize, measure: Measure) -> Self {
        Self(plans.iter().map(|plan| Opinion::of(plan, wave, measure)).collect())
    }
}

/// What a form says of one measure.
struct Opinion<'a> {
    checks: Vec<&'a Check>,
    targets: Vec<(&'a Targets, f64)>,
    /// What a measure that is not above 0 costs.
    if_not_positive: f64,
}

impl<'a> Opinion<'a> {
    fn of(plan: &'a Plan, wave: usize, measure: Measure) -> Self {
        let level = &plan.levels[wave];
        let mut targets = Vec::new();
        let mut if_not_positive = 0.0;
        for term in &level.terms {
            match &term.look {
                Look::Near(near) if near.measure == measure => targets.push((near, term.weight)),
                Look::Untruncated if measure == Measure::Beyond(wave, wave - 2) => {
                    if_not_positive += term.weight;
                }
                _ => {}
            }
        }
        let checks = level.checks.iter().filter(|check| check.measure == measure).collect();
        Self { checks, targets, if_not_positive }
    }

    fn is_empty(&self) -> bool {
        self.checks.is_empty() && self.targets.is_empty() && self.if_not_positive == 0.0
    }

    /// What any value from `low` to `high` loses at least.
    fn least_loss(&self, low: f64, high: f64) -> i16 {
        let mut loss = if high <= 0.0 { self.if_not_positive } else { 0.0 };
        for check in &self.checks {
            match check.best_margin(low, high) {
                None => return BROKEN,
                Some(margin) => loss += (1.0 - margin) * check.weight,
            }
        }
        for (targets, weight) in &self.targets {
            loss += (1.0 - targets.best_between(low, high)) * weight;
        }
        whole(loss)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::pattern::Form;
    use super::super::super::rules::RuleSet;
    use super::super::super::score::{Weights, term};
    use super::super::super::search::tests::Dice;
    use super::super::super::steps::steps;
    use super::super::plan::Verdict;
    use super::*;

    /// What a value of a measure takes from the score of a form; nothing if it breaks a rule.
    fn loss(plan: &Plan, wave: usize, measure: Measure, value: f64) -> Option<f64> {
        let mut loss = 0.0;
        for check in plan.levels[wave].checks.iter().filter(|check| check.measure == measure) {
            if check.verdict(value) != Verdict::Kept {
                return None;
            }
            loss += (1.0 - check.margin(value)) * check.weight;
        }
        for one in &plan.levels[wave].terms {
            match one.look {
                Look::Near(targets) if targets.measure == measure => {
                    loss += (1.0 - targets.best_between(value, value)) * one.weight;
                }
                Look::Untruncated if measure == Measure::Beyond(wave, wave - 2) => {
                    loss += (1.0 - term(f64::from(u8::from(value > 0.0)))) * one.weight;
                }
                _ => {}
            }
        }
        Some(loss)
    }

    /// Checks a table at random values, and counts those at which it says anything.
    fn check<const ENTRIES: usize>(
        plans: &[Plan],
        wave: usize,
        measure: Measure,
        table: &Gauge<ENTRIES>,
        base: &Losses,
        draw: &mut impl FnMut() -> (f64, usize),
    ) -> usize {
        let mut said = 0;
        for _ in 0..4000 {
            let (value, entry) = draw();
            for (lane, plan) in plans.iter().enumerate() {
                let told = table.here[entry].0[lane];
                assert!(table.up_to[entry].0[lane] <= told && table.onward[entry].0[lane] <= told);
                let told = told.saturating_add(base.0[lane]);
                let lost = loss(plan, wave, measure, value);
                assert!(
                    lost.is_none_or(|lost| f64::from(told) <= lost * SCALE),
                    "{measure:?} {value}"
                );
                said += usize::from(told > 0);
            }
        }
        said
    }

    #[test]
    fn a_table_never_says_more_than_is_lost() {
        let mut dice = Dice(9);
        let mut any = || ((dice.roll() - 0.5) * 9.0).exp();
        for rules in [RuleSet::classic(), RuleSet::strict()] {
            for forms in Form::ALL.chunks(LANES) {
                let plan = |&form: &Form| Plan::new(form, &rules, &Weights::default());
                let plans: Vec<Plan> = forms.iter().map(plan).collect();
                let mut said = 0;
                for (wave, earlier) in [(2, 1), (3, 1), (3, 2), (4, 1), (4, 2), (4, 3), (5, 3)] {
                    let mut ratios = || {
                        let (one, other) = (any(), any());
                        (one / other, entry(steps(one) - steps(other)))
                    };
                    let measure = Measure::Length(wave, earlier);
                    let mut base = Losses::NONE;
                    let opinions = Opinions::of(&plans, wave, measure);
                    if let Some(table) = Gauge::<RATIOS>::of(&opinions, earlier, ratio, &mut base) {
                        said += check(&plans, wave, measure, &table, &base, &mut ratios);
                    }
                    let mut distances = || {
                        let (one, other, is_short) = (any(), any(), any() < 1.0);
                        let value = if is_short { -one / other } else { one / other };
                        (value, entry_beyond(steps(one) - steps(other), is_short))
                    };
                    let measure = Measure::Beyond(wave, earlier);
                    let mut base = Losses::NONE;
                    let opinions = Opinions::of(&plans, wave, measure);
                    if let Some(table) = Gauge::<SIDES>::of(&opinions, earlier, distance, &mut base)
                    {
                        said += check(&plans, wave, measure, &table, &base, &mut distances);
                    }
                }
                assert!(said > 10_000, "{said}");
            }
        }
    }

    #[test]
    fn a_distance_of_nothing_is_no_distance_short() {
        assert_eq!(entry_beyond(steps(0.0) - steps(3.0), false), RATIOS);
        assert!(distance(RATIOS).0 <= 0.0 && distance(RATIOS - 1).1 <= 0.0);
        assert_eq!((distance(0).0, distance(SIDES - 1).1), (f64::NEG_INFINITY, f64::INFINITY));
    }
}
