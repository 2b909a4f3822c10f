//! What is measured of a pattern: the quantities that rules bound and guidelines look at.

/// The most pivots of a pattern.
pub(super) const PIVOTS_MAX: usize = 6;

/// A pattern, or the beginning of one, as numbers. Waves count from 1: wave i runs from pivot i − 1
/// to pivot i, and entry 0 of lengths and durations is not used.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outline {
    /// The bar of each pivot.
    pub bars: [u32; PIVOTS_MAX],
    /// The price of each pivot; negated in a falling pattern, so that wave 1 always rises.
    pub levels: [f64; PIVOTS_MAX],
    /// How far each wave moves, in price; above 0.
    pub lengths: [f64; PIVOTS_MAX],
    /// How long each wave takes, in bars; at least 1.
    pub durations: [f64; PIVOTS_MAX],
    /// 1 / length of each wave that was settled.
    pub inverse_lengths: [f64; PIVOTS_MAX],
    /// 1 / duration of each wave that was settled.
    pub inverse_durations: [f64; PIVOTS_MAX],
}

impl Outline {
    /// Sets the pattern's first pivot.
    #[inline]
    pub(super) fn begin(&mut self, bar: u32, level: f64) {
        self.bars[0] = bar;
        self.levels[0] = level;
    }

    /// Sets the pivot that ends `wave`.
    #[inline]
    pub(super) fn end_wave(&mut self, wave: usize, bar: u32, level: f64) {
        self.bars[wave] = bar;
        self.levels[wave] = level;
        self.lengths[wave] = (level - self.levels[wave - 1]).abs();
        self.durations[wave] = f64::from(bar - self.bars[wave - 1]);
    }

    /// Prepares the ratios of later waves to `wave`: each later wave is then one multiplication.
    #[inline]
    pub(super) fn settle(&mut self, wave: usize) {
        self.inverse_lengths[wave] = 1.0 / self.lengths[wave];
        self.inverse_durations[wave] = 1.0 / self.durations[wave];
    }

    /// The level at `bar` of the line through pivots `i` and `j`.
    #[inline]
    pub(super) fn line(&self, i: usize, j: usize, bar: u32) -> f64 {
        let slope =
            (self.levels[j] - self.levels[i]) / (f64::from(self.bars[j]) - f64::from(self.bars[i]));
        self.levels[i] + slope * (f64::from(bar) - f64::from(self.bars[i]))
    }
}

/// A quantity of an outline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    /// The length of one wave as a multiple of another's, in price.
    Length(usize, usize),
    /// The duration of one wave as a multiple of another's, in bars.
    Duration(usize, usize),
    /// How far the end of one wave lies beyond the end of another, in the direction of the former,
    /// as a multiple of the latter's length. Below 0: it falls short.
    Beyond(usize, usize),
    /// The length of wave 3 as a multiple of the shorter of waves 1 and 5.
    Wave3ToShortest,
    /// The length of wave 5 as a multiple of the way from the start of wave 1 to the end of wave 3.
    Wave5ToAdvance,
    /// By how much the space between the lines 1–3 and 2–4 shrinks from pivot 2 to pivot 4, as a
    /// share of what it was. Below 0: the lines diverge.
    Convergence,
}

/// How a measure changes when the wave that decides it is made longer, its start staying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trend {
    /// It never falls.
    Rises,
    /// It never rises.
    Falls,
    /// It can do either.
    Unknown,
}

impl Measure {
    /// The last wave that it depends on: from there on it is known.
    pub(super) fn wave(self) -> usize {
        match self {
            Self::Length(i, j) | Self::Duration(i, j) | Self::Beyond(i, j) => i.max(j),
            Self::Wave3ToShortest | Self::Wave5ToAdvance => 5,
            Self::Convergence => 4,
        }
    }

    /// Its value; 0 divided by nothing does not occur, since every wave has a length.
    #[inline]
    pub(super) fn of(self, outline: &Outline) -> f64 {
        let Outline { bars, levels, lengths, durations, .. } = outline;
        match self {
            Self::Length(i, j) => lengths[i] / lengths[j],
            Self::Duration(i, j) => durations[i] / durations[j],
            Self::Beyond(i, j) if i % 2 == 1 => (levels[i] - levels[j]) / lengths[j],
            Self::Beyond(i, j) => (levels[j] - levels[i]) / lengths[j],
            Self::Wave3ToShortest => lengths[3] / lengths[1].min(lengths[5]),
            Self::Wave5ToAdvance => lengths[5] / (levels[3] - levels[0]),
            Self::Convergence => {
                let width = |pivot: usize| outline.line(1, 3, bars[pivot]) - levels[pivot];
                1.0 - width(4) / width(2)
            }
        }
    }

    /// The same as a score takes it: with the inverse of the earlier wave, which is settled.
    #[inline]
    pub(super) fn scored(self, outline: &Outline) -> f64 {
        match self {
            Self::Length(i, j) => outline.lengths[i] * outline.inverse_lengths[j],
            Self::Duration(i, j) => outline.durations[i] * outline.inverse_durations[j],
            other => other.of(outline),
        }
    }

    /// A value that it is never below, whatever its last wave, if the waves before say one.
    #[inline]
    pub(super) fn least(self, before: &Outline) -> Option<f64> {
        match self {
            // The shorter of waves 1 and 5 is not longer than 1.
            Self::Wave3ToShortest => Some(before.lengths[3] / before.lengths[1]),
            _ => None,
        }
    }

    /// How it changes as its last wave is made longer.
    pub(super) fn trend(self) -> Trend {
        match self {
            Self::Length(i, j) | Self::Duration(i, j) => {
                if i > j {
                    Trend::Rises
                } else {
                    Trend::Falls
                }
            }
            Self::Beyond(..) | Self::Wave5ToAdvance => Trend::Rises,
            Self::Wave3ToShortest => Trend::Falls,
            Self::Convergence => Trend::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(in crate::waves) fn outline(pivots: &[(u32, f64)]) -> Outline {
        let mut outline = Outline::default();
        outline.begin(pivots[0].0, pivots[0].1);
        for (wave, &(bar, level)) in pivots.iter().enumerate().skip(1) {
            outline.end_wave(wave, bar, level);
        }
        outline
    }

    #[test]
    fn measures_are_what_their_names_say() {
        let impulse =
            outline(&[(0, 10.0), (4, 14.0), (6, 12.0), (12, 20.0), (16, 17.0), (20, 21.0)]);
        assert_eq!(Measure::Length(2, 1).of(&impulse), 0.5);
        assert_eq!(Measure::Duration(3, 1).of(&impulse), 1.5);
        assert_eq!(Measure::Beyond(3, 1).of(&impulse), 1.5);
        // Wave 4 stops 3 above the end of wave 1, whose length is 4.
        assert_eq!(Measure::Beyond(4, 1).of(&impulse), -0.75);
        assert_eq!(Measure::Wave3ToShortest.of(&impulse), 2.0);
        assert_eq!(Measure::Wave5ToAdvance.of(&impulse), 0.4);
    }

    #[test]
    fn lines_that_meet_converge() {
        let wedge = outline(&[(0, 0.0), (10, 10.0), (20, 4.0), (30, 12.0), (40, 8.0)]);
        // The upper line passes 11 at bar 20 and 13 at bar 40: 7 apart, then 5.
        assert!((Measure::Convergence.of(&wedge) - (1.0 - 5.0 / 7.0)).abs() < 1e-15);
        let channel = outline(&[(0, 0.0), (10, 10.0), (20, 4.0), (30, 14.0), (40, 8.0)]);
        assert_eq!(Measure::Convergence.of(&channel), 0.0);
    }

    #[test]
    fn a_trend_is_how_the_measure_moves_with_its_last_wave() {
        let pivots = [(0, 1.0), (4, 5.0), (6, 3.0), (12, 11.0), (16, 8.0), (20, 12.0)];
        let measures = [
            Measure::Length(2, 1),
            Measure::Length(1, 5),
            Measure::Duration(4, 3),
            Measure::Beyond(4, 1),
            Measure::Beyond(5, 3),
            Measure::Beyond(4, 2),
            Measure::Wave3ToShortest,
            Measure::Wave5ToAdvance,
        ];
        for measure in measures {
            let wave = measure.wave();
            let mut longer = outline(&pivots);
            let before = measure.of(&longer);
            let (bar, level) = pivots[wave];
            let onward = if wave % 2 == 1 { 2.0 } else { -2.0 };
            longer.end_wave(wave, bar + 3, level + onward);
            let after = measure.of(&longer);
            match measure.trend() {
                Trend::Rises => assert!(after > before, "{measure:?}"),
                Trend::Falls => assert!(after <= before, "{measure:?}"),
                Trend::Unknown => panic!("{measure:?}"),
            }
        }
    }
}
