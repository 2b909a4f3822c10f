//! A pattern with all that is known of it.

use super::bars::Bars;
use super::guidelines::Look;
use super::measure::{Measure, Outline};
use super::pattern::{Direction, Form};
use super::score::Part;
use super::search::{Hit, Search};

/// Two ends are "essentially at the same level" (Frost & Prechter on barrier triangles) if they
/// differ by no more than this share of the wave between them.
const LEVEL_TOLERANCE: f64 = 0.05;

/// What a rule found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RuleValue {
    /// The rule's name.
    pub name: &'static str,
    /// What was measured.
    pub value: f64,
    /// How far that is from the nearer bound; at least 0, ∞ for a rule without bounds.
    pub margin: f64,
}

/// A price that a guideline expects a wave to end at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FibonacciTarget {
    /// The wave, from 1.
    pub wave: usize,
    /// The length of that wave as a multiple of wave `of`.
    pub ratio: f64,
    /// The wave that the ratio is of.
    pub of: usize,
    /// The price at which the wave would end.
    pub price: f64,
}

/// A pattern with its rules, guidelines and parts of the score.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Where it is and how it scores.
    pub hit: Hit,
    /// `contracting`, `barrier`, `expanding`, `regular`, `expanded`, `running`, `truncated` or
    /// nothing, by form. A barrier triangle is a contracting one whose waves B and D end at the
    /// same level, within 5 % of wave B's length; a truncated impulse has a fifth wave that does
    /// not pass the third.
    pub variety: Option<&'static str>,
    /// The price of each pivot: highs of swing highs, lows of swing lows. Shape `[waves + 1]`.
    pub prices: Vec<f64>,
    /// The rules in force, in the order in which the waves decide them.
    pub rules: Vec<RuleValue>,
    /// How well each guideline is followed, in [0, 1].
    pub guidelines: Vec<(&'static str, f64)>,
    /// The parts of the score, each in [0, 1], in the order of [`Part::ALL`].
    pub parts: [f64; 4],
    /// Where the guidelines expected the waves to end.
    pub targets: Vec<FibonacciTarget>,
}

impl Search {
    /// All that is known of a pattern that this search found in `bars`.
    ///
    /// # Panics
    ///
    /// If the pattern lies outside of `bars`.
    #[must_use]
    pub fn describe(&self, bars: &Bars<'_>, hit: &Hit) -> Found {
        let outline = outline_of(bars, hit);
        let waves = hit.form.waves();
        let rules: Vec<RuleValue> = self
            .options()
            .rules
            .of(hit.form)
            .iter()
            .map(|rule| {
                let value = rule.measure.of(&outline);
                RuleValue { name: rule.name, value, margin: rule.bounds.margin(value) }
            })
            .collect();
        let guidelines = super::guidelines::guidelines(hit.form);
        let looks = guidelines
            .iter()
            .map(|guideline| (guideline.part, guideline.name, guideline.look.of(&outline, waves)));
        let mut parts = [(0.0, 0.0); 4];
        let mut named = Vec::new();
        for (part, name, value) in looks {
            parts[part as usize].0 += value;
            parts[part as usize].1 += 1.0;
            named.push((name, value));
        }
        for rule in &rules {
            parts[Part::Rules as usize].0 += super::score::term(rule.margin);
            parts[Part::Rules as usize].1 += 1.0;
        }
        Found {
            hit: *hit,
            variety: variety(hit.form, &outline),
            prices: outline.levels[..=waves].iter().map(|x| hit.direction.sign() * x).collect(),
            rules,
            guidelines: named,
            parts: parts.map(|(sum, count)| if count > 0.0 { sum / count } else { 1.0 }),
            targets: targets(hit, &outline),
        }
    }
}

fn outline_of(bars: &Bars<'_>, hit: &Hit) -> Outline {
    let mut outline = Outline::default();
    for (pivot, &bar) in hit.indices().iter().enumerate() {
        let is_high = (pivot % 2 == 1) == (hit.direction == Direction::Up);
        let column = if is_high { bars.high() } else { bars.low() };
        let level = hit.direction.sign() * column[bar as usize];
        match pivot {
            0 => outline.begin(bar, level),
            wave => {
                outline.end_wave(wave, bar, level);
                outline.settle(wave);
            }
        }
    }
    outline
}

fn variety(form: Form, outline: &Outline) -> Option<&'static str> {
    let Outline { levels, lengths, .. } = outline;
    match form {
        Form::Impulse if levels[5] <= levels[3] => Some("truncated"),
        Form::TriangleContracting
            if (levels[4] - levels[2]).abs() <= LEVEL_TOLERANCE * lengths[2] =>
        {
            Some("barrier")
        }
        _ => form.variety(),
    }
}

fn targets(hit: &Hit, outline: &Outline) -> Vec<FibonacciTarget> {
    let mut found = Vec::new();
    for guideline in super::guidelines::guidelines(hit.form) {
        let Look::Near(targets) = guideline.look else { continue };
        let Measure::Length(wave, of) = targets.measure else { continue };
        if guideline.part != Part::Fibonacci {
            continue;
        }
        let onward = if wave % 2 == 1 { 1.0 } else { -1.0 };
        for ratio in targets.ratios() {
            let level = outline.levels[wave - 1] + onward * ratio * outline.lengths[of];
            found.push(FibonacciTarget { wave, ratio, of, price: hit.direction.sign() * level });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::search::SearchOptions;
    use super::super::search::tests::random_walk;
    use super::super::{Legs, PivotRule, Weights};
    use super::*;

    #[test]
    fn the_parts_add_up_to_the_score_and_every_rule_is_kept() {
        let made = random_walk(3, 300, 0.01, 4.0);
        let legs = Legs::find(&made.bars(), PivotRule::Fractal(1), false).unwrap();
        let search = Search::new(SearchOptions::default());
        let weights = Weights::default();
        let hits = search.all(&legs, None).unwrap();
        assert!(hits.len() > 1000);
        for hit in hits.iter().step_by(7) {
            let found = search.describe(&made.bars(), hit);
            let total: f64 = Part::ALL
                .iter()
                .zip(found.parts)
                .map(|(&part, value)| weights.share(part) * value)
                .sum();
            assert!((total - hit.score).abs() < 1e-12, "{found:?}");
            assert!(found.rules.iter().all(|rule| rule.margin >= 0.0), "{found:?}");
            let values = found.guidelines.iter().map(|(_, value)| value).chain(&found.parts);
            assert!(values.into_iter().all(|value| (0.0..=1.0).contains(value)));
            assert_eq!(found.prices.len(), hit.indices().len());
        }
    }

    #[test]
    fn a_target_is_where_the_wave_would_end() {
        let close = [12.0, 10.0, 14.0, 12.0, 18.5, 16.0, 20.0, 19.0];
        let bars = Bars::new(&close, &close, &close, &close).unwrap();
        let legs = Legs::find(&bars, PivotRule::Fractal(1), false).unwrap();
        let search = Search::new(SearchOptions::default());
        let hits = search.all(&legs, None).unwrap();
        let impulse = hits.iter().find(|hit| hit.form == Form::Impulse).unwrap();
        let found = search.describe(&bars, impulse);
        assert_eq!(found.prices, [10.0, 14.0, 12.0, 18.5, 16.0, 20.0]);
        assert_eq!(found.variety, None);
        let third: Vec<f64> =
            found.targets.iter().filter(|t| t.wave == 3).map(|t| t.price).collect();
        assert_eq!(third, [12.0 + 4.0 * 1.618, 12.0 + 4.0 * 2.618]);
    }
}
