//! The score: four parts, each the mean of its terms, weighted.

use std::str::FromStr;

/// A part of the score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// How near lengths are to their Fibonacci targets.
    Fibonacci,
    /// How far the pattern is from breaking a rule.
    Rules,
    /// How near durations are to their usual proportions.
    Time,
    /// How few excuses the count needs: channel, alternation, equality, no truncation.
    Simplicity,
}

impl Part {
    /// All of them, in the order of their sums.
    pub const ALL: [Self; 4] = [Self::Fibonacci, Self::Rules, Self::Time, Self::Simplicity];

    /// The name in records and flags.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fibonacci => "fibonacci",
            Self::Rules => "rules",
            Self::Time => "time",
            Self::Simplicity => "simplicity",
        }
    }
}

/// How much each part counts; only their proportions matter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weights {
    /// By part, in the order of [`Part::ALL`]; at least 0, and not all 0.
    parts: [f64; 4],
}

impl Default for Weights {
    /// 0.4 for Fibonacci, 0.2 for each other part.
    fn default() -> Self {
        Self { parts: [0.4, 0.2, 0.2, 0.2] }
    }
}

impl Weights {
    /// The share of a part in the score, in [0, 1].
    #[must_use]
    pub fn share(&self, part: Part) -> f64 {
        self.parts[part as usize] / self.parts.iter().sum::<f64>()
    }
}

impl FromStr for Weights {
    type Err = String;

    /// Reads `fibonacci=0.4,time=0.1`; a part that is not named keeps its default.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut weights = Self::default();
        for entry in text.split(',') {
            let (name, value) = entry.split_once('=').unwrap_or((entry, ""));
            let part = Part::ALL.into_iter().find(|part| part.as_str() == name.trim());
            let part =
                part.ok_or("expected fibonacci, rules, time or simplicity, as in time=0.1")?;
            let value = value.trim().parse::<f64>().ok();
            let value = value.filter(|value| (0.0..=1e6).contains(value));
            weights.parts[part as usize] = value.ok_or("a weight is a number from 0 to 1000000")?;
        }
        if weights.parts.iter().sum::<f64>() == 0.0 {
            return Err("the weights are all 0".into());
        }
        Ok(weights)
    }
}

/// Sums of the terms of each part.
pub(super) type Sums = [f64; 4];

/// How sums become a score.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ensemble {
    /// What a term of each part adds to the score.
    per_term: Sums,
    /// What parts without terms add.
    constant: f64,
}

impl Ensemble {
    /// For parts of so many terms each. A part without terms has nothing to object to and is 1.
    pub(super) fn new(weights: &Weights, terms: &Sums) -> Self {
        let mut ensemble = Self { per_term: [0.0; 4], constant: 0.0 };
        for part in Part::ALL {
            let (at, share) = (part as usize, weights.share(part));
            if terms[at] > 0.0 {
                ensemble.per_term[at] = share / terms[at];
            } else {
                ensemble.constant += share;
            }
        }
        ensemble
    }

    /// What a term of `part` adds to the score if it is full.
    pub(super) fn weight(&self, part: Part) -> f64 {
        self.per_term[part as usize]
    }

    /// What a term of each part adds to the score, in the order of [`Part::ALL`].
    pub(super) fn per_term(&self) -> Sums {
        self.per_term
    }

    /// What parts without terms add to the score.
    pub(super) fn constant(&self) -> f64 {
        self.constant
    }

    /// The score of complete sums, in [0, 1].
    ///
    /// Each rounding is monotone, so larger sums never have a smaller score: with 1 for each term
    /// that is not known yet, this is an upper bound of what the pattern can reach.
    #[inline]
    pub(super) fn score(&self, sums: &Sums) -> f64 {
        let [f, r, t, s] = self.per_term;
        (self.constant + f * sums[0] + r * sums[1] + t * sums[2] + s * sums[3]).min(1.0)
    }
}

/// Rounds a term in [0, 1] to a multiple of 2⁻³².
///
/// Sums of a few such terms are exact in 64 bits, whatever their order: that makes the bound of
/// the search a true bound, and the score the same on every device.
#[inline]
pub(super) fn term(value: f64) -> f64 {
    // Next to 2²⁰, doubles are 2⁻³² apart.
    const NEXT_TO: f64 = 1_048_576.0;
    // Not `clamp`: what cannot be measured, NaN, earns nothing.
    let value = if value > 0.0 { value.min(1.0) } else { 0.0 };
    (value + NEXT_TO) - NEXT_TO
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_shares() {
        assert!((Weights::default().share(Part::Fibonacci) - 0.4).abs() < 1e-15);
        let weights: Weights = "fibonacci=1, rules=0,time=3,simplicity=0".parse().unwrap();
        assert_eq!(weights.share(Part::Time), 0.75);
        for bad in ["fib=1", "time", "time=-1", "time=nan", "time=inf", ""] {
            assert!(bad.parse::<Weights>().is_err(), "{bad}");
        }
        assert!("fibonacci=0,rules=0,time=0,simplicity=0".parse::<Weights>().is_err());
    }

    #[test]
    fn the_score_is_in_its_range_and_monotone_in_each_part() {
        let ensemble = Ensemble::new(&Weights::default(), &[4.0, 3.0, 4.0, 0.0]);
        assert_eq!(ensemble.score(&[0.0; 4]), 0.2);
        assert!((ensemble.score(&[4.0, 3.0, 4.0, 0.0]) - 1.0).abs() < 1e-15);
        for part in 0..3 {
            let mut sums = [1.0, 1.0, 1.0, 0.0];
            let before = ensemble.score(&sums);
            sums[part] += 0.5;
            assert!(ensemble.score(&sums) > before);
        }
    }

    #[test]
    fn a_term_is_a_multiple_of_two_to_the_minus_32() {
        assert_eq!(term(f64::NAN), 0.0);
        for value in [0.0, 1.0, 0.1, 1.0 / 3.0, 0.999_999, -3.0, 7.0] {
            let rounded = term(value);
            assert!((rounded - value.clamp(0.0, 1.0)).abs() <= 2_f64.powi(-33));
            assert_eq!((rounded * 2_f64.powi(32)).fract(), 0.0);
        }
    }
}
