//! Options that begin or end to exist when a barrier is touched.

use std::fmt;
use std::str::FromStr;

use super::Terms;
use crate::{Error, Result};

/// On which side a barrier lies, and what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BarrierKind {
    /// Below the spot; touching it ends the option.
    DownOut,
    /// Below the spot; touching it begins the option.
    DownIn,
    /// Above the spot; touching it ends the option.
    UpOut,
    /// Above the spot; touching it begins the option.
    UpIn,
}

impl BarrierKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::DownOut, Self::DownIn, Self::UpOut, Self::UpIn];

    /// The name: `down-out`, `down-in`, `up-out` or `up-in`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DownOut => "down-out",
            Self::DownIn => "down-in",
            Self::UpOut => "up-out",
            Self::UpIn => "up-in",
        }
    }

    pub(super) const fn is_down(self) -> bool {
        matches!(self, Self::DownOut | Self::DownIn)
    }

    pub(super) const fn is_in(self) -> bool {
        matches!(self, Self::DownIn | Self::UpIn)
    }
}

impl fmt::Display for BarrierKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for BarrierKind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|kind| kind.as_str() == name);
        known.ok_or_else(|| format!("expected {}", Self::ALL.map(Self::as_str).join(", ")))
    }
}

/// A barrier that is watched continuously.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Barrier {
    /// Where it lies and what it does.
    pub kind: BarrierKind,
    /// The price of the underlying at which it lies, above 0.
    pub level: f64,
    /// What is paid when a knock-out is hit, or at expiry if a knock-in never was; 0 or above.
    pub rebate: f64,
}

impl Barrier {
    pub(super) fn check(&self, terms: &Terms) -> Result<()> {
        if !(self.level > 0.0 && self.level.is_finite()) {
            let message = format!("{} is not a number above 0", self.level);
            return Err(Error::Argument { name: "barrier", message });
        }
        if !(self.rebate >= 0.0 && self.rebate.is_finite()) {
            let message = format!("{} is not a number from 0 on", self.rebate);
            return Err(Error::Argument { name: "rebate", message });
        }
        let variance = terms.vol * terms.vol;
        let root = (terms.carry() - 0.5 * variance).powi(2) + 2.0 * terms.rate * variance;
        if root < 0.0 && self.rebate > 0.0 && !self.kind.is_in() {
            let message = "too far below 0 for a knock-out's rebate to have a value".to_owned();
            return Err(Error::Argument { name: "rate", message });
        }
        Ok(())
    }

    /// Whether the spot is at the barrier or beyond.
    pub(super) fn is_touched(&self, terms: &Terms) -> bool {
        if self.kind.is_down() { terms.spot <= self.level } else { terms.spot >= self.level }
    }
}
