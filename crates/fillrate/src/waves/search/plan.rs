//! A form made ready for the search: what is decided at each wave.

use super::super::guidelines::{Guideline, Look, Targets, guidelines};
use super::super::measure::{Measure, PIVOTS_MAX, Trend};
use super::super::pattern::Form;
use super::super::rules::{Bounds, Rule, RuleSet};
use super::super::score::{Ensemble, Part, Sums, Weights, term};

/// A form with its rules and guidelines, by the wave that decides them.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub form: Form,
    /// The number of waves, 3 or 5.
    pub waves: usize,
    /// What is decided once wave i is known; entry 0 is empty.
    pub levels: [Level; PIVOTS_MAX],
    pub ensemble: Ensemble,
}

/// What is decided once a wave is known.
#[derive(Clone, Debug, Default)]
pub(super) struct Level {
    pub checks: Vec<Check>,
    /// The heaviest first.
    pub terms: Vec<Term>,
    /// Terms of each part that are not known yet.
    pub open: Sums,
    /// What can be said of the next wave from how far it can reach.
    pub ahead: Vec<Ahead>,
}

/// A rule in the form in which it is checked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Check {
    pub measure: Measure,
    bounds: Bounds,
    least: f64,
    most: f64,
    trend: Trend,
    /// What its margin counts in the score.
    pub weight: f64,
}

/// What a rule says of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Kept,
    /// It is broken.
    Broken,
    /// It is broken, and stays so however much longer the last wave is made.
    BrokenOnward,
}

impl Check {
    #[inline]
    pub(super) fn verdict(&self, value: f64) -> Verdict {
        if value > self.most {
            return if self.trend == Trend::Rises {
                Verdict::BrokenOnward
            } else {
                Verdict::Broken
            };
        }
        if value < self.least {
            return if self.trend == Trend::Falls {
                Verdict::BrokenOnward
            } else {
                Verdict::Broken
            };
        }
        // NaN, where lines are parallel to nothing, keeps no rule.
        if value.is_nan() { Verdict::Broken } else { Verdict::Kept }
    }

    /// The term of a rule with that value: a whole length to spare is as good as any more.
    #[inline]
    pub(super) fn margin(&self, value: f64) -> f64 {
        term(self.bounds.margin(value))
    }

    /// The most that the term is for this value and those of a longer last wave.
    #[inline]
    pub(super) fn margin_onward(&self, value: f64) -> f64 {
        let shrinks = match self.trend {
            Trend::Rises => self.bounds.min == f64::NEG_INFINITY,
            Trend::Falls => self.bounds.max == f64::INFINITY,
            Trend::Unknown => false,
        };
        if shrinks { self.margin(value) } else { 1.0 }
    }
}

/// A term of the score.
#[derive(Clone, Copy, Debug)]
pub(super) struct Term {
    pub look: Look,
    pub part: usize,
    /// What it counts in the score.
    pub weight: f64,
}

/// What the reach of the next wave says before that wave is searched.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ahead {
    /// Its length over that of `wave` must come to `least`.
    Length { wave: usize, least: f64 },
    /// It must end beyond the end of `wave` by `least` of that wave's length.
    Beyond { wave: usize, least: f64 },
    /// The term of its length over that of `wave` is at most what it is for any that it can have.
    Target { wave: usize, targets: Targets, weight: f64 },
    /// The same of its duration.
    Duration { wave: usize, targets: Targets, weight: f64 },
    /// What its length over that of `wave`, and that of the wave after it, leave of each other.
    LengthBetween { wave: usize, between: Between },
    /// The same of durations.
    DurationBetween { wave: usize, between: Between },
}

/// Two terms of which the next wave cannot have both: it is too short for the one, or too long for
/// the wave after it to be long enough next to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Between {
    targets: Targets,
    weight: f64,
    /// The wave after it has a term above 0 only from this much of it on.
    least: f64,
    weight_after: f64,
}

impl Between {
    /// What the two terms miss at least, besides what the first misses by itself, if the next wave is
    /// at most `longest` and the wave after it at most `onward`; the earlier wave is 1 / `inverse`.
    #[inline]
    pub(super) fn given_up(&self, longest: f64, onward: f64, inverse: f64) -> f64 {
        if onward >= longest * self.least {
            return 0.0;
        }
        // Up to here the second term can be had, and past it only the first.
        let both = self.targets.best_up_to(onward / self.least * inverse);
        let first = self.targets.best_up_to(longest * inverse);
        ((first - both) * self.weight).min(self.weight_after)
    }
}

impl Plan {
    pub(super) fn new(form: Form, rules: &RuleSet, weights: &Weights) -> Self {
        let waves = form.waves();
        let (rules, guidelines) = (rules.of(form), guidelines(form));
        let mut terms = [0.0; 4];
        for guideline in guidelines {
            terms[guideline.part as usize] += 1.0;
        }
        terms[Part::Rules as usize] += rules.len() as f64;
        let ensemble = Ensemble::new(weights, &terms);
        let mut levels: [Level; PIVOTS_MAX] = Default::default();
        for rule in rules {
            add_rule(rule, ensemble.weight(Part::Rules), &mut levels);
        }
        for guideline in guidelines {
            add_guideline(guideline, ensemble.weight(guideline.part), waves, &mut levels);
        }
        for one in guidelines {
            for after in guidelines {
                add_between(one, after, &ensemble, &mut levels);
            }
        }
        let mut open = [0.0; 4];
        for level in levels.iter_mut().rev() {
            level.open = open;
            for term in &level.terms {
                open[term.part] += 1.0;
            }
            open[Part::Rules as usize] += level.checks.len() as f64;
            level.terms.sort_by(|one, other| other.weight.total_cmp(&one.weight));
        }
        Self { form, waves, levels, ensemble }
    }

    /// The score of a pattern whose terms are all full.
    pub(super) fn bound(&self) -> f64 {
        let levels = self.levels.iter();
        let weights = levels.flat_map(|level| {
            let terms = level.terms.iter().map(|term| term.weight);
            terms.chain(level.checks.iter().map(|check| check.weight))
        });
        self.ensemble.constant() + weights.sum::<f64>()
    }
}

fn add_rule(rule: &Rule, weight: f64, levels: &mut [Level; PIVOTS_MAX]) {
    let (least, most) = rule.bounds.closed();
    let (measure, trend) = (rule.measure, rule.measure.trend());
    let check = Check { measure, bounds: rule.bounds, least, most, trend, weight };
    levels[measure.wave()].checks.push(check);
    if let Some(ahead) = rule_ahead(measure, least) {
        levels[measure.wave() - 1].ahead.push(ahead);
    }
}

fn add_guideline(
    guideline: &Guideline,
    weight: f64,
    waves: usize,
    levels: &mut [Level; PIVOTS_MAX],
) {
    let wave = guideline.look.wave(waves);
    let part = guideline.part as usize;
    levels[wave].terms.push(Term { look: guideline.look, part, weight });
    let Look::Near(targets) = guideline.look else { return };
    match targets.measure {
        Measure::Length(next, wave) if next > wave => {
            levels[next - 1].ahead.push(Ahead::Target { wave, targets, weight });
        }
        Measure::Duration(next, wave) if next > wave => {
            levels[next - 1].ahead.push(Ahead::Duration { wave, targets, weight });
        }
        _ => {}
    }
}

/// What a guideline of the next wave and one of the wave after it, next to it, say together.
fn add_between(
    one: &Guideline,
    after: &Guideline,
    ensemble: &Ensemble,
    levels: &mut [Level; PIVOTS_MAX],
) {
    let (Look::Near(targets), Look::Near(targets_after)) = (one.look, after.look) else { return };
    let (weight, weight_after) = (ensemble.weight(one.part), ensemble.weight(after.part));
    let between = Between { targets, weight, least: targets_after.least(), weight_after };
    match (targets.measure, targets_after.measure) {
        (Measure::Length(next, wave), Measure::Length(last, middle))
            if next > wave && middle == next && last == next + 1 =>
        {
            levels[next - 1].ahead.push(Ahead::LengthBetween { wave, between });
        }
        (Measure::Duration(next, wave), Measure::Duration(last, middle))
            if next > wave && middle == next && last == next + 1 =>
        {
            levels[next - 1].ahead.push(Ahead::DurationBetween { wave, between });
        }
        _ => {}
    }
}

/// What a lower bound of the next wave's measure asks of its reach.
fn rule_ahead(measure: Measure, least: f64) -> Option<Ahead> {
    if least == f64::NEG_INFINITY {
        return None;
    }
    match measure {
        Measure::Length(next, wave) if next > wave => Some(Ahead::Length { wave, least }),
        Measure::Beyond(next, wave) if next > wave => Some(Ahead::Beyond { wave, least }),
        _ => None,
    }
}
