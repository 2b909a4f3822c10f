//! A form made ready for the search: what is decided at each wave.

use super::super::guidelines::{Look, guidelines};
use super::super::measure::{Measure, Outline, PIVOTS_MAX, Trend};
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

impl Level {
    /// What the rules say of an outline.
    #[inline]
    pub(super) fn verdict(&self, outline: &Outline) -> Verdict {
        for check in &self.checks {
            let verdict = check.verdict(check.measure.of(outline));
            if verdict != Verdict::Kept {
                return verdict;
            }
        }
        Verdict::Kept
    }

    /// Whether the rules are kept however long the wave is. May say no where they are.
    #[inline]
    pub(super) fn keeps_any_length(&self, before: &Outline) -> bool {
        self.checks.iter().all(|check| {
            let least = check.measure.least(before);
            least.is_some_and(|value| value >= check.least && check.most == f64::INFINITY)
        })
    }

    /// Whether the next wave, which ends at `reach` at most, can come to what its rules ask.
    #[inline]
    pub(super) fn is_in_reach(&self, wave: usize, outline: &Outline, reach: f64) -> bool {
        let Outline { levels, lengths, .. } = outline;
        self.ahead.iter().all(|ahead| match *ahead {
            Ahead::Length { wave: earlier, least } => {
                (reach - levels[wave]).abs() / lengths[earlier] >= least
            }
            Ahead::Beyond { wave: earlier, least } => {
                let onward = if wave.is_multiple_of(2) { 1.0 } else { -1.0 };
                onward * (reach - levels[earlier]) / lengths[earlier] >= least
            }
        })
    }
}

/// A rule in the form in which it is checked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Check {
    pub measure: Measure,
    pub bounds: Bounds,
    pub least: f64,
    pub most: f64,
    pub trend: Trend,
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

    /// The most that the term is for any value from `low` to `high`; nothing if the rule is broken
    /// by all of them.
    pub(super) fn best_margin(&self, low: f64, high: f64) -> Option<f64> {
        if high < self.least || low > self.most {
            return None;
        }
        // The margin rises up to the middle between the bounds and falls from there.
        let best = match (self.bounds.min.is_finite(), self.bounds.max.is_finite()) {
            (true, true) => f64::midpoint(self.bounds.min, self.bounds.max).max(low).min(high),
            (false, true) => low,
            _ => high,
        };
        Some(self.margin(best))
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

/// What a rule asks of the reach of the next wave, before that wave is searched.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ahead {
    /// Its length over that of `wave` must come to `least`.
    Length { wave: usize, least: f64 },
    /// It must end beyond the end of `wave` by `least` of that wave's length.
    Beyond { wave: usize, least: f64 },
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
            let wave = guideline.look.wave(waves);
            let (look, part) = (guideline.look, guideline.part as usize);
            levels[wave].terms.push(Term { look, part, weight: ensemble.weight(guideline.part) });
        }
        let mut open = [0.0; 4];
        for level in levels.iter_mut().rev() {
            level.open = open;
            for term in &level.terms {
                open[term.part] += 1.0;
            }
            open[Part::Rules as usize] += level.checks.len() as f64;
            // What gauges do not see says more of what they let through.
            level.terms.sort_by(|one, other| {
                let is_seen = |term: &Term| matches!(term.look, Look::Near(_) | Look::Untruncated);
                is_seen(one).cmp(&is_seen(other)).then(other.weight.total_cmp(&one.weight))
            });
        }
        Self { form, waves, levels, ensemble }
    }

    /// The score of a pattern with the sums `known` after `wave` and nothing but full terms to come.
    #[inline]
    pub(super) fn most(&self, known: &Sums, wave: usize) -> f64 {
        let mut most = *known;
        for (most, open) in most.iter_mut().zip(self.levels[wave].open) {
            *most += open;
        }
        self.ensemble.score(&most)
    }

    /// The most that a pattern can score, each rule and each guideline taken by itself.
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
