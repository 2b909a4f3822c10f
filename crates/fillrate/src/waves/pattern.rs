//! The patterns, their forms and their directions.

use std::fmt;

/// Where a pattern's first wave goes. A correction is named after its own wave A: a zigzag that
/// corrects a rise is `Down`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// From a swing low to a swing high.
    Up,
    /// From a swing high to a swing low.
    Down,
}

impl Direction {
    /// Both, in their order in results.
    pub const ALL: [Self; 2] = [Self::Up, Self::Down];

    /// `up` or `down`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }

    /// What prices are multiplied by, so that the first wave rises.
    #[must_use]
    pub(super) fn sign(self) -> f64 {
        match self {
            Self::Up => 1.0,
            Self::Down => -1.0,
        }
    }
}

/// A pattern as it is asked for and reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pattern {
    /// Five waves with the trend.
    Impulse,
    /// Five overlapping waves that begin a trend.
    LeadingDiagonal,
    /// Five overlapping waves that end a trend.
    EndingDiagonal,
    /// Three waves, the second shorter than the first.
    Zigzag,
    /// Three waves, the second about as long as the first or longer.
    Flat,
    /// Five waves between two lines.
    Triangle,
}

impl Pattern {
    /// All of them, in their order in results.
    pub const ALL: [Self; 6] = [
        Self::Impulse,
        Self::LeadingDiagonal,
        Self::EndingDiagonal,
        Self::Zigzag,
        Self::Flat,
        Self::Triangle,
    ];

    /// The name in records, rule files and flags, such as `leading-diagonal`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Impulse => "impulse",
            Self::LeadingDiagonal => "leading-diagonal",
            Self::EndingDiagonal => "ending-diagonal",
            Self::Zigzag => "zigzag",
            Self::Flat => "flat",
            Self::Triangle => "triangle",
        }
    }

    /// The pattern of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|pattern| pattern.as_str() == name)
    }

    /// The forms that are searched for it.
    #[must_use]
    pub fn forms(self) -> Vec<Form> {
        Form::ALL.into_iter().filter(|form| form.pattern() == self).collect()
    }

    /// Whether it moves with the trend of the next larger degree: impulses and diagonals.
    #[must_use]
    pub fn is_motive(self) -> bool {
        matches!(self, Self::Impulse | Self::LeadingDiagonal | Self::EndingDiagonal)
    }

    /// What each wave is called, the first first.
    #[must_use]
    pub fn labels(self) -> &'static [&'static str] {
        match self {
            Self::Impulse | Self::LeadingDiagonal | Self::EndingDiagonal => {
                &["1", "2", "3", "4", "5"]
            }
            Self::Zigzag | Self::Flat => &["A", "B", "C"],
            Self::Triangle => &["A", "B", "C", "D", "E"],
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A pattern in one of its varieties: what has a set of rules and is searched as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Form {
    /// An impulse.
    Impulse,
    /// A leading diagonal between converging lines.
    LeadingContracting,
    /// A leading diagonal between diverging lines.
    LeadingExpanding,
    /// An ending diagonal between converging lines.
    EndingContracting,
    /// An ending diagonal between diverging lines.
    EndingExpanding,
    /// A zigzag.
    Zigzag,
    /// A flat whose wave B stops at the start of wave A or before.
    FlatRegular,
    /// A flat whose wave B passes the start of wave A, and wave C the end of wave A.
    FlatExpanded,
    /// A flat whose wave B passes the start of wave A, and wave C stops short of the end of A.
    FlatRunning,
    /// A triangle between converging lines.
    TriangleContracting,
    /// A triangle between diverging lines.
    TriangleExpanding,
}

impl Form {
    /// All of them, in their order in results.
    pub const ALL: [Self; 11] = [
        Self::Impulse,
        Self::LeadingContracting,
        Self::LeadingExpanding,
        Self::EndingContracting,
        Self::EndingExpanding,
        Self::Zigzag,
        Self::FlatRegular,
        Self::FlatExpanded,
        Self::FlatRunning,
        Self::TriangleContracting,
        Self::TriangleExpanding,
    ];

    /// The pattern that it is a form of.
    #[must_use]
    pub fn pattern(self) -> Pattern {
        match self {
            Self::Impulse => Pattern::Impulse,
            Self::LeadingContracting | Self::LeadingExpanding => Pattern::LeadingDiagonal,
            Self::EndingContracting | Self::EndingExpanding => Pattern::EndingDiagonal,
            Self::Zigzag => Pattern::Zigzag,
            Self::FlatRegular | Self::FlatExpanded | Self::FlatRunning => Pattern::Flat,
            Self::TriangleContracting | Self::TriangleExpanding => Pattern::Triangle,
        }
    }

    /// The variety; nothing for a pattern that has one form only.
    #[must_use]
    pub fn variety(self) -> Option<&'static str> {
        match self {
            Self::Impulse | Self::Zigzag => None,
            Self::LeadingContracting | Self::EndingContracting | Self::TriangleContracting => {
                Some("contracting")
            }
            Self::LeadingExpanding | Self::EndingExpanding | Self::TriangleExpanding => {
                Some("expanding")
            }
            Self::FlatRegular => Some("regular"),
            Self::FlatExpanded => Some("expanded"),
            Self::FlatRunning => Some("running"),
        }
    }

    /// The number of waves, 3 or 5.
    #[must_use]
    pub fn waves(self) -> usize {
        self.pattern().labels().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_has_a_form_and_a_name_of_its_own() {
        for pattern in Pattern::ALL {
            assert!(!pattern.forms().is_empty());
            assert_eq!(Pattern::from_name(pattern.as_str()), Some(pattern));
        }
        assert_eq!(Pattern::from_name("all"), None);
    }
}
