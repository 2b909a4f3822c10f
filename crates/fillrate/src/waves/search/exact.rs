//! Exact scores of the chain under way, as far as they are asked for.

use super::super::measure::PIVOTS_MAX;
use super::super::score::{Part, Sums};
use super::chain::Chain;
use super::gauge::LANES;
use super::keep::Choice;
use super::plan::{Plan, Verdict};

/// More than all the rounding of a bound: each of its few terms is off by 10⁻¹⁶ at most.
const ROUNDING: f64 = 1e-13;

/// The sums of each form's terms.
#[derive(Debug, Default)]
pub(super) struct Exact {
    /// By form and wave, the sums of the terms that are known after it.
    sums: [[Sums; PIVOTS_MAX]; LANES],
    /// By form, the last wave whose sums are those of the chain.
    known: [u8; LANES],
}

impl Exact {
    /// The score of a form, which is `plan` in this lane; nothing if a rule is broken or it is not
    /// wanted.
    pub(super) fn score(
        &mut self,
        chain: &mut Chain,
        plan: &Plan,
        lane: usize,
        choice: &impl Choice,
    ) -> Option<f64> {
        let (outline, changed) = chain.outline(plan.waves);
        self.forget(changed);
        let needed = choice.threshold(lane) - ROUNDING;
        let known = usize::from(self.known[lane]);
        let mut sums = self.sums[lane][known];
        let mut score = plan.most(&sums, known);
        for wave in known + 1..=plan.waves {
            let level = &plan.levels[wave];
            // What the score can come to, but for rounding: most chains are left after a few terms.
            let mut bound = score;
            for check in &level.checks {
                let value = check.measure.of(outline);
                if check.verdict(value) != Verdict::Kept {
                    return None;
                }
                let margin = check.margin(value);
                sums[Part::Rules as usize] += margin;
                bound -= (1.0 - margin) * check.weight;
            }
            for term in &level.terms {
                if bound < needed {
                    return None;
                }
                let value = term.look.of(outline, plan.waves);
                sums[term.part] += value;
                bound -= (1.0 - value) * term.weight;
            }
            score = plan.most(&sums, wave);
            if !choice.admits(lane, score, &outline.bars[..=wave]) {
                return None;
            }
            self.sums[lane][wave] = sums;
            self.known[lane] = wave as u8;
        }
        Some(score)
    }

    /// The waves from `changed` on are others than they were.
    pub(super) fn forget(&mut self, changed: usize) {
        for known in &mut self.known {
            *known = (*known).min(changed as u8 - 1);
        }
    }
}
