//! Guidelines: what patterns tend to do. They make the score and reject nothing.

use super::measure::{Measure, Outline};
use super::pattern::Form;
use super::score::{Part, term};

/// By how much of itself a ratio may miss its target before the term is 0.
///
/// Neighbouring Fibonacci ratios are 1.618 apart, so that at most two targets compete for a value.
const TOLERANCE: f64 = 0.25;

/// A target: a ratio, or a range of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Band {
    low: f64,
    high: f64,
    inverse_low: f64,
    inverse_high: f64,
}

const fn at(ratio: f64) -> Band {
    from_to(ratio, ratio)
}

const fn from_to(low: f64, high: f64) -> Band {
    Band { low, high, inverse_low: 1.0 / low, inverse_high: 1.0 / high }
}

/// Targets of one measure, rising.
#[derive(Clone, Copy, Debug)]
pub(super) struct Targets {
    pub measure: Measure,
    bands: &'static [Band],
}

impl Targets {
    /// The target ratios, both ends of a range.
    pub(super) fn ratios(&self) -> Vec<f64> {
        let ends = self.bands.iter().flat_map(|band| [band.low, band.high]);
        let mut ratios: Vec<f64> = ends.collect();
        ratios.dedup();
        ratios
    }

    /// Each target's low and high end, and the inverses of these.
    pub(super) fn bands(&self) -> impl Iterator<Item = [f64; 4]> {
        self.bands.iter().map(|band| [band.low, band.high, band.inverse_low, band.inverse_high])
    }

    /// How near `ratio` is to the nearest target: 1 at one, falling in proportion to 0 where it
    /// misses by a quarter.
    #[inline]
    fn nearness(&self, ratio: f64) -> f64 {
        let mut best = 0.0_f64;
        for band in self.bands {
            let miss = if ratio < band.low {
                1.0 - ratio * band.inverse_low
            } else if ratio > band.high {
                ratio * band.inverse_high - 1.0
            } else {
                0.0
            };
            best = best.max(1.0 - miss * (1.0 / TOLERANCE));
        }
        best
    }

    /// The most that the term is for any ratio from `low` to `high`.
    pub(super) fn best_between(&self, low: f64, high: f64) -> f64 {
        if self.bands.iter().any(|band| low <= band.high && high >= band.low) {
            return 1.0;
        }
        // Between two targets nearness falls and rises again.
        term(self.nearness(low).max(self.nearness(high)))
    }
}

/// What a guideline looks at.
#[derive(Clone, Copy, Debug)]
pub(super) enum Look {
    /// One ratio.
    Near(Targets),
    /// The nearer of two.
    NearEither(Targets, Targets),
    /// Waves 2 and 4 differ, in how much they retrace or in how long they take.
    Alternation,
    /// The last wave ends at the line through one pivot, parallel to that through two others.
    Channel { line: (usize, usize), through: usize },
    /// Wave 5 ends at the line through the ends of waves 1 and 3.
    Boundary,
    /// Wave 5 ends beyond wave 3.
    Untruncated,
}

/// A guideline of a form.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guideline {
    pub name: &'static str,
    pub part: Part,
    pub look: Look,
}

impl Look {
    /// The wave that decides it, in a pattern of `waves`.
    pub(super) fn wave(&self, waves: usize) -> usize {
        match self {
            Self::Near(targets) => targets.measure.wave(),
            Self::NearEither(one, other) => one.measure.wave().max(other.measure.wave()),
            Self::Alternation => 4,
            Self::Channel { .. } | Self::Boundary | Self::Untruncated => waves,
        }
    }

    /// How well an outline follows it, in [0, 1].
    #[inline]
    pub(super) fn of(&self, outline: &Outline, waves: usize) -> f64 {
        let Outline { bars, levels, lengths, durations, .. } = outline;
        term(match self {
            Self::Near(targets) => targets.nearness(targets.measure.scored(outline)),
            Self::NearEither(one, other) => {
                let nearness =
                    |targets: &Targets| targets.nearness(targets.measure.scored(outline));
                nearness(one).max(nearness(other))
            }
            Self::Alternation => {
                let differ = |one: f64, other: f64| (one - other).abs() / one.max(other);
                let depth = differ(lengths[2] / lengths[1], lengths[4] / lengths[3]);
                depth.max(differ(durations[2], durations[4]))
            }
            Self::Channel { line: (i, j), through } => {
                let offset = levels[*through] - outline.line(*i, *j, bars[*through]);
                let expected = outline.line(*i, *j, bars[waves]) + offset;
                1.0 - ((levels[waves] - expected) / offset).abs()
            }
            Self::Boundary => {
                let width = outline.line(1, 3, bars[4]) - levels[4];
                1.0 - ((levels[5] - outline.line(1, 3, bars[5])) / width).abs()
            }
            Self::Untruncated => f64::from(u8::from(levels[5] > levels[3])),
        })
    }
}

const fn near(
    name: &'static str,
    part: Part,
    measure: Measure,
    bands: &'static [Band],
) -> Guideline {
    Guideline { name, part, look: Look::Near(Targets { measure, bands }) }
}

const fn plain(name: &'static str, look: Look) -> Guideline {
    Guideline { name, part: Part::Simplicity, look }
}

use Measure::{Duration, Length, Wave5ToAdvance};
use Part::{Fibonacci, Simplicity, Time};

/// Usual durations of a correction next to the wave before it.
const SHORTER: &[Band] = &[at(0.382), at(0.618), at(1.0)];
/// Usual durations of a wave next to an earlier one of its direction.
const AS_LONG: &[Band] = &[at(0.618), at(1.0), at(1.618)];

const IMPULSE: [Guideline; 12] = [
    near("wave2_fibonacci", Fibonacci, Length(2, 1), &[from_to(0.5, 0.618)]),
    near("wave3_fibonacci", Fibonacci, Length(3, 1), &[at(1.618), at(2.618)]),
    near("wave4_fibonacci", Fibonacci, Length(4, 3), &[at(0.382)]),
    Guideline {
        name: "wave5_fibonacci",
        part: Fibonacci,
        look: Look::NearEither(
            Targets { measure: Length(5, 1), bands: &[at(1.0)] },
            Targets { measure: Wave5ToAdvance, bands: &[at(0.618)] },
        ),
    },
    near("wave2_time", Time, Duration(2, 1), SHORTER),
    near("wave3_time", Time, Duration(3, 1), &[at(1.0), at(1.618), at(2.618)]),
    near("wave4_time", Time, Duration(4, 3), SHORTER),
    near("wave5_time", Time, Duration(5, 1), AS_LONG),
    plain("alternation", Look::Alternation),
    plain("channel", Look::Channel { line: (2, 4), through: 3 }),
    near("equality", Simplicity, Length(5, 1), &[at(1.0)]),
    plain("untruncated", Look::Untruncated),
];

const DIAGONAL_CONTRACTING: [Guideline; 9] = [
    near("wave2_fibonacci", Fibonacci, Length(2, 1), &[from_to(0.66, 0.81)]),
    near("wave3_fibonacci", Fibonacci, Length(3, 1), &[at(0.618)]),
    near("wave4_fibonacci", Fibonacci, Length(4, 3), &[from_to(0.66, 0.81)]),
    near("wave5_fibonacci", Fibonacci, Length(5, 3), &[at(0.618)]),
    near("wave3_time", Time, Duration(3, 1), &[at(0.618), at(1.0)]),
    near("wave4_time", Time, Duration(4, 2), &[at(0.618), at(1.0)]),
    near("wave5_time", Time, Duration(5, 3), &[at(0.618), at(1.0)]),
    plain("boundary", Look::Boundary),
    plain("untruncated", Look::Untruncated),
];

const DIAGONAL_EXPANDING: [Guideline; 8] = [
    near("wave2_fibonacci", Fibonacci, Length(2, 1), &[from_to(0.66, 0.81)]),
    near("wave3_fibonacci", Fibonacci, Length(3, 1), &[at(1.618)]),
    near("wave4_fibonacci", Fibonacci, Length(4, 3), &[from_to(0.66, 0.81)]),
    near("wave5_fibonacci", Fibonacci, Length(5, 3), &[at(1.618)]),
    near("wave3_time", Time, Duration(3, 1), &[at(1.0), at(1.618)]),
    near("wave4_time", Time, Duration(4, 2), &[at(1.0), at(1.618)]),
    near("wave5_time", Time, Duration(5, 3), &[at(1.0), at(1.618)]),
    plain("boundary", Look::Boundary),
];

const ZIGZAG: [Guideline; 5] = [
    near("b_fibonacci", Fibonacci, Length(2, 1), &[from_to(0.382, 0.786)]),
    near("c_fibonacci", Fibonacci, Length(3, 1), &[at(0.618), at(1.0), at(1.618)]),
    near("b_time", Time, Duration(2, 1), AS_LONG),
    near("c_time", Time, Duration(3, 1), AS_LONG),
    plain("channel", Look::Channel { line: (0, 2), through: 1 }),
];

const FLAT_REGULAR: [Guideline; 5] = [
    near("b_fibonacci", Fibonacci, Length(2, 1), &[at(1.0)]),
    near("c_fibonacci", Fibonacci, Length(3, 1), &[at(1.0)]),
    near("b_time", Time, Duration(2, 1), AS_LONG),
    near("c_time", Time, Duration(3, 1), AS_LONG),
    plain("channel", Look::Channel { line: (0, 2), through: 1 }),
];

const FLAT_EXPANDED: [Guideline; 4] = [
    near("b_fibonacci", Fibonacci, Length(2, 1), &[from_to(1.236, 1.382)]),
    near("c_fibonacci", Fibonacci, Length(3, 1), &[at(1.618)]),
    near("b_time", Time, Duration(2, 1), AS_LONG),
    near("c_time", Time, Duration(3, 1), AS_LONG),
];

const FLAT_RUNNING: [Guideline; 4] = [
    near("b_fibonacci", Fibonacci, Length(2, 1), &[from_to(1.236, 1.382)]),
    near("c_fibonacci", Fibonacci, Length(3, 1), &[at(0.618), at(1.0)]),
    near("b_time", Time, Duration(2, 1), AS_LONG),
    near("c_time", Time, Duration(3, 1), AS_LONG),
];

const TRIANGLE_CONTRACTING: [Guideline; 7] = [
    near("c_fibonacci", Fibonacci, Length(3, 1), &[at(0.618)]),
    near("d_fibonacci", Fibonacci, Length(4, 2), &[at(0.618)]),
    near("e_fibonacci", Fibonacci, Length(5, 3), &[at(0.618)]),
    near("c_time", Time, Duration(3, 1), &[at(0.618), at(1.0)]),
    near("d_time", Time, Duration(4, 2), &[at(0.618), at(1.0)]),
    near("e_time", Time, Duration(5, 3), &[at(0.618), at(1.0)]),
    plain("boundary", Look::Boundary),
];

const TRIANGLE_EXPANDING: [Guideline; 7] = [
    near("c_fibonacci", Fibonacci, Length(3, 1), &[at(1.618)]),
    near("d_fibonacci", Fibonacci, Length(4, 2), &[at(1.618)]),
    near("e_fibonacci", Fibonacci, Length(5, 3), &[at(1.618)]),
    near("c_time", Time, Duration(3, 1), &[at(1.0), at(1.618)]),
    near("d_time", Time, Duration(4, 2), &[at(1.0), at(1.618)]),
    near("e_time", Time, Duration(5, 3), &[at(1.0), at(1.618)]),
    plain("boundary", Look::Boundary),
];

/// The guidelines of a form; [`crate::waves`] tells their sources.
pub(super) fn guidelines(form: Form) -> &'static [Guideline] {
    match form {
        Form::Impulse => &IMPULSE,
        Form::LeadingContracting | Form::EndingContracting => &DIAGONAL_CONTRACTING,
        Form::LeadingExpanding | Form::EndingExpanding => &DIAGONAL_EXPANDING,
        Form::Zigzag => &ZIGZAG,
        Form::FlatRegular => &FLAT_REGULAR,
        Form::FlatExpanded => &FLAT_EXPANDED,
        Form::FlatRunning => &FLAT_RUNNING,
        Form::TriangleContracting => &TRIANGLE_CONTRACTING,
        Form::TriangleExpanding => &TRIANGLE_EXPANDING,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets() -> Vec<Targets> {
        let all = Form::ALL.into_iter().flat_map(|form| guidelines(form).iter());
        all.flat_map(|guideline| match guideline.look {
            Look::Near(targets) => vec![targets],
            Look::NearEither(one, other) => vec![one, other],
            _ => Vec::new(),
        })
        .collect()
    }

    #[test]
    fn nearness_is_1_at_a_target_and_0_a_quarter_away() {
        const BANDS: &[Band] = &[at(1.0), from_to(2.0, 3.0)];
        let targets = Targets { measure: Length(3, 1), bands: BANDS };
        let expected = [(0.75, 0.0), (0.875, 0.5), (1.0, 1.0), (1.25, 0.0), (1.5, 0.0)];
        for (ratio, nearness) in expected.into_iter().chain([(1.75, 0.5), (2.4, 1.0), (3.75, 0.0)])
        {
            assert!((targets.nearness(ratio).max(0.0) - nearness).abs() < 1e-12, "{ratio}");
        }
    }

    #[test]
    fn what_is_best_is_never_less_than_what_there_is() {
        for targets in targets() {
            assert!(targets.bands.windows(2).all(|pair| pair[0].high < pair[1].low));
            let ratios: Vec<f64> = (1..400).map(|i| f64::from(i) / 97.0).collect();
            for width in [1, 2, 7, 60] {
                for some in ratios.windows(width) {
                    let best = targets.best_between(some[0], some[width - 1]);
                    assert!(some.iter().all(|&ratio| term(targets.nearness(ratio)) <= best));
                }
            }
        }
    }
}
