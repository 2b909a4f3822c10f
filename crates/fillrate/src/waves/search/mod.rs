//! The exact search: every pattern of a series, or the best of them.

mod hit;
mod keep;
mod plan;
mod walk;

#[cfg(test)]
mod oracle;
#[cfg(test)]
pub(super) mod tests;

pub use self::hit::Hit;
use self::keep::{Best, Collector, Counter, Keep};
use self::plan::Plan;
use self::walk::Walk;
use super::legs::Legs;
use super::pattern::{Direction, Form, Pattern};
use super::rules::RuleSet;
use super::scope::Scope;
use super::score::Weights;
use crate::{Error, Result};

/// The most patterns of one series that [`Search::all`] returns.
pub const HITS_MAX: usize = 50_000_000;

/// The ends of each wave, and the starts, that are looked at in the quick search before the exact
/// one: next to nothing, and enough for a threshold that the exact search can begin with.
const QUICK_BREADTH: usize = 2;
const QUICK_STARTS: usize = 48;

/// What to search for.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchOptions {
    /// Which patterns; one that is named twice is searched once.
    pub patterns: Vec<Pattern>,
    /// In which directions.
    pub directions: Vec<Direction>,
    /// What makes a pattern.
    pub rules: RuleSet,
    /// What each part of the score counts.
    pub weights: Weights,
    /// Patterns that score less are left out; in [0, 1].
    pub score_min: f64,
}

impl Default for SearchOptions {
    /// All patterns in both directions, classic rules, the usual weights, every score.
    fn default() -> Self {
        Self {
            patterns: Pattern::ALL.to_vec(),
            directions: Direction::ALL.to_vec(),
            rules: RuleSet::default(),
            weights: Weights::default(),
            score_min: 0.0,
        }
    }
}

/// A search that is ready to run over any number of series.
#[derive(Clone, Debug)]
pub struct Search {
    options: SearchOptions,
    plans: Vec<Plan>,
    directions: Vec<Direction>,
}

impl Search {
    /// Makes a search ready.
    #[must_use]
    pub fn new(options: SearchOptions) -> Self {
        let wanted = |form: &Form| options.patterns.contains(&form.pattern());
        let forms = Form::ALL.into_iter().filter(wanted);
        let mut plans: Vec<Plan> =
            forms.map(|form| Plan::new(form, &options.rules, &options.weights)).collect();
        // Three waves are found sooner than five, and often score higher: what they leave for the
        // others to reach is worth knowing early.
        plans.sort_by_key(|plan| plan.waves);
        let directions = Direction::ALL.into_iter();
        let directions = directions.filter(|one| options.directions.contains(one)).collect();
        Self { options, plans, directions }
    }

    /// What is searched for.
    #[must_use]
    pub fn options(&self) -> &SearchOptions {
        &self.options
    }

    /// The forms and directions that are searched, in the order of [`Self::counts`].
    #[must_use]
    pub fn kinds(&self) -> Vec<(Form, Direction)> {
        let directions = |plan: &Plan| {
            let form = plan.form;
            self.directions.iter().map(move |&direction| (form, direction))
        };
        self.plans.iter().flat_map(directions).collect()
    }

    /// Every pattern, the best first.
    ///
    /// # Errors
    ///
    /// If there are more than [`HITS_MAX`].
    pub fn all(&self, legs: &Legs, scope: Option<&Scope>) -> Result<Vec<Hit>> {
        self.all_up_to(legs, scope, HITS_MAX)
    }

    /// Every pattern, the best first, if there are no more than `hits_max`.
    ///
    /// # Errors
    ///
    /// If there are more.
    pub fn all_up_to(
        &self,
        legs: &Legs,
        scope: Option<&Scope>,
        hits_max: usize,
    ) -> Result<Vec<Hit>> {
        let score_min = self.options.score_min;
        let mut keep = Collector { hits: Vec::new(), score_min, hits_max, is_over: false };
        self.visit(legs, scope, &mut keep);
        if keep.is_over {
            let message = format!("there are more than {hits_max} patterns");
            return Err(Error::Argument { name: "all", message });
        }
        let mut hits = keep.hits;
        hits.sort_unstable();
        Ok(hits)
    }

    /// The `wanted` best patterns, the best first: the first of [`Self::all`], without visiting
    /// what cannot be among them.
    #[must_use]
    pub fn top(&self, legs: &Legs, wanted: usize, scope: Option<&Scope>) -> Vec<Hit> {
        if wanted == 0 {
            return Vec::new();
        }
        let mut keep = Best::new(wanted, self.probed_score(legs, wanted, scope));
        self.visit(legs, scope, &mut keep);
        keep.into_sorted()
    }

    /// A score that `wanted` patterns reach: what a quick look at the shortest waves finds. The
    /// exact search need not visit what scores less.
    fn probed_score(&self, legs: &Legs, wanted: usize, scope: Option<&Scope>) -> f64 {
        // More starts than patterns, since the best of each start may be the best there are.
        let starts = QUICK_STARTS.max(wanted.saturating_mul(2));
        let mut keep = Best::new(wanted, self.options.score_min);
        for plan in &self.plans {
            for &direction in &self.directions {
                let walk = Walk::new(legs.oriented(direction), direction, plan, &mut keep);
                walk.quickly(QUICK_BREADTH, starts).run(scope.map(|scope| scope.ends(direction)));
            }
        }
        keep.worst_score().unwrap_or(self.options.score_min)
    }

    /// How many patterns there are of each of [`Self::kinds`], whatever their score.
    #[must_use]
    pub fn counts(&self, legs: &Legs, scope: Option<&Scope>) -> Vec<u64> {
        let mut counts = Vec::new();
        for plan in &self.plans {
            for &direction in &self.directions {
                let mut keep = Counter::default();
                Walk::new(legs.oriented(direction), direction, plan, &mut keep)
                    .run(scope.map(|scope| scope.ends(direction)));
                counts.push(keep.0);
            }
        }
        counts
    }

    /// The score of the best pattern of each of [`Self::kinds`], `None` where there is none.
    #[must_use]
    pub fn best_scores(&self, legs: &Legs, scope: Option<&Scope>) -> Vec<Option<f64>> {
        let mut scores = Vec::new();
        for plan in &self.plans {
            for &direction in &self.directions {
                let turns = legs.oriented(direction);
                let ends = scope.map(|scope| scope.ends(direction));
                let mut probe = Best::new(1, self.options.score_min);
                Walk::new(turns, direction, plan, &mut probe)
                    .quickly(QUICK_BREADTH, QUICK_STARTS)
                    .run(ends);
                let floor = probe.worst_score().unwrap_or(self.options.score_min);
                let mut keep = Best::new(1, floor);
                Walk::new(turns, direction, plan, &mut keep).run(ends);
                scores.push(keep.worst_score());
            }
        }
        scores
    }

    fn visit(&self, legs: &Legs, scope: Option<&Scope>, keep: &mut impl Keep) {
        for plan in &self.plans {
            for &direction in &self.directions {
                let walk = Walk::new(legs.oriented(direction), direction, plan, keep);
                if !walk.run(scope.map(|scope| scope.ends(direction))) {
                    return;
                }
            }
        }
    }
}
