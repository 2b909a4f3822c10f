//! Forms of as many waves, searched together.

use super::super::guidelines::Look;
use super::super::measure::{Outline, PIVOTS_MAX};
use super::gauge::{BROKEN, Gauges, LANES, Losses, is_tabled, whole};
use super::plan::{Check, Level, Plan, Term, Verdict};

/// Up to [`LANES`] forms that have the same number of waves.
#[derive(Clone, Debug)]
pub(super) struct Bundle {
    /// Shape `[lanes]`.
    pub plans: Vec<Plan>,
    /// The number of waves, 3 or 5.
    pub waves: usize,
    /// The score of a pattern of each form whose terms are all full; shape `[lanes]`.
    pub bounds: Vec<f64>,
    /// What no gauge looks at, by form and wave; shape `[lanes]`.
    pub untabled: Vec<[Untabled; PIVOTS_MAX]>,
    /// What each form loses in any case.
    pub base: Losses,
    /// What is looked up once wave i is known; entry 0 is empty.
    pub gauges: [Gauges; PIVOTS_MAX],
}

impl Bundle {
    /// All of `plans`, which are sorted by their number of waves, in as few bundles as hold them.
    pub(super) fn all(plans: &[Plan]) -> Vec<Self> {
        let groups = plans.chunk_by(|one, other| one.waves == other.waves);
        groups.flat_map(|group| group.chunks(LANES)).map(Self::of).collect()
    }

    fn of(plans: &[Plan]) -> Self {
        let mut base = Losses([0; LANES]);
        let gauges = std::array::from_fn(|wave| Gauges::of(plans, wave, &mut base));
        Self {
            plans: plans.to_vec(),
            waves: plans[0].waves,
            bounds: plans.iter().map(Plan::bound).collect(),
            untabled: plans.iter().map(|plan| plan.levels.each_ref().map(Untabled::of)).collect(),
            gauges,
            base,
        }
    }
}

/// The rules and guidelines of a wave that look at more than one ratio.
#[derive(Clone, Debug)]
pub(super) struct Untabled {
    checks: Vec<Check>,
    terms: Vec<Term>,
}

impl Untabled {
    fn of(level: &Level) -> Self {
        let checks = level.checks.iter().filter(|check| !is_tabled(check.measure));
        let terms = level.terms.iter().filter(|term| match term.look {
            Look::Near(targets) => !is_tabled(targets.measure),
            Look::Untruncated => false,
            _ => true,
        });
        Self { checks: checks.copied().collect(), terms: terms.copied().collect() }
    }

    /// What a form has lost after this wave, if it had `lost` so much without what is here.
    #[inline]
    pub(super) fn charge(&self, lost: i16, outline: &Outline, waves: usize) -> i16 {
        let mut loss = 0.0;
        for check in &self.checks {
            let value = check.measure.of(outline);
            if check.verdict(value) != Verdict::Kept {
                return BROKEN;
            }
            loss += (1.0 - check.margin(value)) * check.weight;
        }
        for term in &self.terms {
            loss += (1.0 - term.look.of(outline, waves)) * term.weight;
        }
        lost.saturating_add(whole(loss))
    }
}
