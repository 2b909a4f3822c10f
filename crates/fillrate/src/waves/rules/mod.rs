//! Rules: bounds that a pattern's measures must keep, or it is not that pattern.

mod file;
mod names;
mod presets;

use std::path::Path;

pub(super) use self::names::{measure_named, names_of};
use super::measure::Measure;
use super::pattern::Form;
use crate::Result;

/// The values that a rule allows.
///
/// A side that is open leaves its bound out: `above 0` is `min` 0 with `min_open`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// The lower bound; −∞ if there is none.
    pub min: f64,
    /// The upper bound; ∞ if there is none.
    pub max: f64,
    /// Whether the lower bound itself is out.
    pub min_open: bool,
    /// Whether the upper bound itself is out.
    pub max_open: bool,
}

impl Bounds {
    /// No bound: the measure is only reported.
    pub const NONE: Self =
        Self { min: f64::NEG_INFINITY, max: f64::INFINITY, min_open: false, max_open: false };

    /// At least `min`.
    #[must_use]
    pub const fn at_least(min: f64) -> Self {
        Self { min, ..Self::NONE }
    }

    /// At most `max`.
    #[must_use]
    pub const fn at_most(max: f64) -> Self {
        Self { max, ..Self::NONE }
    }

    /// More than `min`.
    #[must_use]
    pub const fn above(min: f64) -> Self {
        Self { min, min_open: true, ..Self::NONE }
    }

    /// Less than `max`.
    #[must_use]
    pub const fn below(max: f64) -> Self {
        Self { max, max_open: true, ..Self::NONE }
    }

    /// From `min` to `max`, both included.
    #[must_use]
    pub const fn between(min: f64, max: f64) -> Self {
        Self { min, max, min_open: false, max_open: false }
    }

    /// The same with the upper bound `max` left out.
    #[must_use]
    pub const fn and_below(self, max: f64) -> Self {
        Self { max, max_open: true, ..self }
    }

    /// Whether `value` is allowed. NaN never is.
    #[must_use]
    pub fn allow(&self, value: f64) -> bool {
        let (least, most) = self.closed();
        least <= value && value <= most
    }

    /// How far `value` is from the nearer bound: above 0 inside, below 0 outside, ∞ without bounds.
    #[must_use]
    pub fn margin(&self, value: f64) -> f64 {
        (value - self.min).min(self.max - value)
    }

    /// The least and the most value that is allowed, both included.
    pub(super) fn closed(&self) -> (f64, f64) {
        let least = if self.min_open { self.min.next_up() } else { self.min };
        let most = if self.max_open { self.max.next_down() } else { self.max };
        (least, most)
    }

    /// Whether no value is allowed.
    fn is_empty(&self) -> bool {
        let (least, most) = self.closed();
        // NaN is no bound at all.
        !matches!(
            least.partial_cmp(&most),
            Some(std::cmp::Ordering::Less | std::cmp::Ordering::Equal)
        )
    }
}

/// A rule of one form.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Its name in records and rule files, such as `wave2_retrace`.
    pub name: &'static str,
    /// What it allows.
    pub bounds: Bounds,
    pub(super) measure: Measure,
}

/// The rules of every form.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleSet {
    /// By form, in the order of [`Form::ALL`].
    forms: Vec<Vec<Rule>>,
}

impl Default for RuleSet {
    fn default() -> Self {
        Self::classic()
    }
}

impl RuleSet {
    /// No rules: every chain of valid waves is every pattern.
    #[must_use]
    pub fn none() -> Self {
        Self { forms: vec![Vec::new(); Form::ALL.len()] }
    }

    /// The hard rules of Frost and Prechter; see [`crate::waves`].
    #[must_use]
    pub fn classic() -> Self {
        Self { forms: Form::ALL.iter().map(|&form| presets::classic(form)).collect() }
    }

    /// The classic rules and the cut-offs that popular analysers enforce; see [`crate::waves`].
    #[must_use]
    pub fn strict() -> Self {
        Self { forms: Form::ALL.iter().map(|&form| presets::strict(form)).collect() }
    }

    /// Reads a rule file:
    ///
    /// ```toml
    /// base = "classic"                # or "strict" or "none"; classic if it is absent
    ///
    /// [impulse]
    /// wave2_retrace = { min = 0.236, below = 1.0 }   # in place of the base's bounds
    /// wave5_to_wave1 = { max = 2.0 }                 # a further rule
    /// wave4_overlap = false                          # no rule any more
    ///
    /// [flat.expanded]                 # one variety; [flat] is all of them
    /// b_retrace = { above = 1.0, max = 1.382 }
    /// ```
    ///
    /// # Errors
    ///
    /// If the file is not TOML, names a pattern, variety or rule that does not exist, or has bounds
    /// that no value keeps. `path` is what messages call it.
    pub fn from_toml(path: &Path, text: &str) -> Result<Self> {
        file::read(path, text)
    }

    /// The rules of a form, in the order in which its waves decide them.
    #[must_use]
    pub fn of(&self, form: Form) -> &[Rule] {
        &self.forms[form as usize]
    }

    /// Sets the bounds of the rule `name` of `form`; `None` removes it. Whether there is a rule of
    /// that name.
    #[must_use]
    pub fn set(&mut self, form: Form, name: &str, bounds: Option<Bounds>) -> bool {
        let Some((name, measure)) = measure_named(form.pattern(), name) else { return false };
        let rules = &mut self.forms[form as usize];
        let found = rules.iter().position(|rule| rule.name == name);
        match (found, bounds) {
            (Some(at), Some(bounds)) => rules[at].bounds = bounds,
            (None, Some(bounds)) => rules.push(Rule { name, bounds, measure }),
            (Some(at), None) => drop(rules.remove(at)),
            (None, None) => {}
        }
        rules.sort_by_key(|rule| rule.measure.wave());
        true
    }
}
