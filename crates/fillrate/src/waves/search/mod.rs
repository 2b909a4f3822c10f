//! The exact search: every pattern of a series, or the best of them.

mod branch;
mod bundle;
mod chain;
mod ends;
mod exact;
mod gauge;
mod hit;
mod keep;
mod lead;
mod plan;
mod tables;
mod tally;
mod walk;

#[cfg(test)]
mod oracle;
#[cfg(test)]
pub(super) mod tests;

use std::sync::OnceLock;

use fillrate_kernels::cuda::WaveForm;

use self::branch::Branch;
use self::bundle::Bundle;
use self::ends::Ends;
use self::gauge::LANES;
pub use self::hit::Hit;
use self::keep::{Best, BestScores, Collector};
use self::lead::Lead;
use self::plan::Plan;
use self::tally::Tally;
use self::walk::Walk;
use super::legs::Legs;
use super::pattern::{Direction, Form, Pattern};
use super::rules::RuleSet;
use super::scope::Scope;
use super::score::Weights;
use crate::{Error, Result};

/// The most patterns of one series that [`Search::all`] returns.
pub const HITS_MAX: usize = 50_000_000;

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
    /// The same plans for [`Self::top`], with their tables; made when they are first asked for.
    bundles: OnceLock<Vec<Bundle>>,
    directions: Vec<Direction>,
    lead: Lead,
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
        Self { options, plans, bundles: OnceLock::new(), directions, lead: Lead::default() }
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
        'all: for plan in &self.plans {
            for &direction in &self.directions {
                let walk = Walk::new(legs.oriented(direction), direction, plan, &mut keep);
                if !walk.run(scope.map(|scope| scope.ends(direction))) {
                    break 'all;
                }
            }
        }
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
    ///
    /// Series that are searched one after the other, for as many patterns each, take less time than each
    /// by itself; what is found is the same.
    #[must_use]
    pub fn top(&self, legs: &Legs, wanted: usize, scope: Option<&Scope>) -> Vec<Hit> {
        if wanted == 0 {
            return Vec::new();
        }
        let waves = Direction::ALL.map(|first| Ends::new(legs.oriented(first)));
        let search = |score_min| {
            let mut best = Best::new(wanted, score_min);
            for bundle in self.bundles() {
                for &direction in &self.directions {
                    Branch::new(legs, &waves, direction, bundle, &mut best)
                        .run(scope.map(|scope| scope.ends(direction)));
                }
            }
            best
        };
        let (score_min, led) = (self.options.score_min, self.lead.score());
        let mut best = search(score_min.max(led));
        if led > score_min && best.worst_score().is_none() {
            best = search(score_min);
        }
        self.lead.learn(led, best.worst_score());
        best.into_sorted()
    }

    /// How many patterns there are of each of [`Self::kinds`], whatever their score.
    #[must_use]
    pub fn counts(&self, legs: &Legs, scope: Option<&Scope>) -> Vec<u64> {
        let count = |plan, &direction| {
            let ends = scope.map(|scope| scope.ends(direction));
            Tally::new(legs.oriented(direction), direction, plan).run(ends)
        };
        let of_plan = |plan| self.directions.iter().map(move |direction| count(plan, direction));
        self.plans.iter().flat_map(of_plan).collect()
    }

    /// The score of the best pattern of each of [`Self::kinds`], `None` where there is none.
    #[must_use]
    pub fn best_scores(&self, legs: &Legs, scope: Option<&Scope>) -> Vec<Option<f64>> {
        let mut scores = Vec::new();
        let waves = Direction::ALL.map(|first| Ends::new(legs.oriented(first)));
        for bundle in self.bundles() {
            let best = self.directions.iter().map(|&direction| {
                let score_min = self.options.score_min;
                let mut best = BestScores { scores: [None; LANES], score_min };
                Branch::new(legs, &waves, direction, bundle, &mut best)
                    .run(scope.map(|scope| scope.ends(direction)));
                best.scores
            });
            let best: Vec<_> = best.collect();
            for lane in 0..bundle.plans.len() {
                scores.extend(best.iter().map(|scores| scores[lane]));
            }
        }
        scores
    }

    /// The same forms and directions for a device, in the order of [`Self::kinds`].
    pub(super) fn forms(&self) -> Vec<WaveForm> {
        let directions = |plan| {
            let one = move |&direction| tables::form(plan, direction, self.options.score_min);
            self.directions.iter().map(one)
        };
        self.plans.iter().flat_map(directions).collect()
    }

    fn bundles(&self) -> &[Bundle] {
        self.bundles.get_or_init(|| Bundle::all(&self.plans))
    }
}
