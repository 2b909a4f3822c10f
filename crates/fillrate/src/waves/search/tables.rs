//! A form as a device reads it.

use fillrate_kernels::cuda::{WaveForm, WaveLook, WaveMeasure, WaveRule, WaveTarget, WaveTerm};

use super::super::guidelines::{Look, Targets};
use super::super::measure::{Measure, Trend};
use super::super::pattern::Direction;
use super::plan::{Check, Plan, Term};

/// A form in one direction.
pub(super) fn form(plan: &Plan, direction: Direction, score_min: f64) -> WaveForm {
    let levels = || plan.levels.iter().enumerate();
    let rules = levels().flat_map(|(wave, level)| level.checks.iter().map(move |c| rule(c, wave)));
    let terms = levels().flat_map(|(wave, level)| level.terms.iter().map(move |t| term(t, wave)));
    WaveForm {
        waves: plan.waves,
        falls: direction == Direction::Down,
        rules: rules.collect(),
        terms: terms.collect(),
        per_term: plan.ensemble.per_term(),
        constant: plan.ensemble.constant(),
        bound: plan.bound(),
        score_min,
    }
}

fn rule(check: &Check, wave: usize) -> WaveRule {
    WaveRule {
        wave,
        measure: measure(check.measure),
        rises: match check.trend {
            Trend::Rises => Some(true),
            Trend::Falls => Some(false),
            Trend::Unknown => None,
        },
        allowed: [check.least, check.most],
        bounds: [check.bounds.min, check.bounds.max],
        weight: check.weight,
    }
}

fn term(term: &Term, wave: usize) -> WaveTerm {
    let look = match &term.look {
        Look::Near(targets) => WaveLook::Near(vec![target(targets)]),
        Look::NearEither(one, other) => WaveLook::Near(vec![target(one), target(other)]),
        Look::Alternation => WaveLook::Alternation,
        Look::Channel { line: (i, j), through } => {
            WaveLook::Channel { line: [*i, *j], through: *through }
        }
        Look::Boundary => WaveLook::Boundary,
        Look::Untruncated => WaveLook::Untruncated,
    };
    WaveTerm { wave, look, part: term.part, weight: term.weight }
}

fn target(targets: &Targets) -> WaveTarget {
    WaveTarget { measure: measure(targets.measure), bands: targets.bands().collect() }
}

fn measure(measure: Measure) -> WaveMeasure {
    match measure {
        Measure::Length(i, j) => WaveMeasure::Length(i, j),
        Measure::Duration(i, j) => WaveMeasure::Duration(i, j),
        Measure::Beyond(i, j) => WaveMeasure::Beyond(i, j),
        Measure::Wave3ToShortest => WaveMeasure::Wave3ToShortest,
        Measure::Wave5ToAdvance => WaveMeasure::Wave5ToAdvance,
        Measure::Convergence => WaveMeasure::Convergence,
    }
}
