//! The strategies, and what of them can be varied.

use std::fmt;
use std::str::FromStr;

use crate::market::indicators::Signal;

/// The most parameters of a strategy.
pub const PARAMETERS_MAX: usize = 3;

/// The parameters of one backtest, in the order of [`Strategy::parameters`]; places past the last
/// one are 0.
pub type ParameterSet = [f64; PARAMETERS_MAX];

/// What trades.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Strategy {
    /// Long where the fast mean has crossed above the slow one, until it crosses below.
    MaCrossover,
    /// Long where the relative strength index has fallen below `low`, until it is above `high`.
    Rsi,
    /// Long where the close is below the lower band, until it is above the upper one.
    Bollinger,
    /// Long while the close is above that of `bars` bars before.
    Momentum,
}

/// A number that a strategy can vary.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// Whether it counts bars, and is whole and at least 1.
    pub is_length: bool,
    /// Its value where the grid has none.
    pub customary: f64,
}

const fn length(name: &'static str, customary: f64) -> Parameter {
    Parameter { name, is_length: true, customary }
}

const fn number(name: &'static str, customary: f64) -> Parameter {
    Parameter { name, is_length: false, customary }
}

impl Strategy {
    /// Every strategy.
    pub const ALL: [Self; 4] = [Self::MaCrossover, Self::Rsi, Self::Bollinger, Self::Momentum];

    /// The name: `ma-crossover`, `rsi`, `bollinger` or `momentum`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MaCrossover => "ma-crossover",
            Self::Rsi => "rsi",
            Self::Bollinger => "bollinger",
            Self::Momentum => "momentum",
        }
    }

    /// What can be varied: `fast, slow`; `bars, low, high`; `bars, width`; `bars`.
    #[must_use]
    pub const fn parameters(self) -> &'static [Parameter] {
        match self {
            Self::MaCrossover => &const { [length("fast", 20.0), length("slow", 50.0)] },
            Self::Rsi => {
                &const { [length("bars", 14.0), number("low", 30.0), number("high", 70.0)] }
            }
            Self::Bollinger => &const { [length("bars", 20.0), number("width", 2.0)] },
            Self::Momentum => &const { [length("bars", 10.0)] },
        }
    }

    /// The signal that a parameter set trades.
    #[must_use]
    pub const fn signal(self, set: &ParameterSet) -> Signal {
        let bars = set[0] as usize;
        match self {
            Self::MaCrossover => Signal::MaCrossover { fast: bars, slow: set[1] as usize },
            Self::Rsi => Signal::Rsi { bars, low: set[1], high: set[2] },
            Self::Bollinger => Signal::Bollinger { bars, width: set[1] },
            Self::Momentum => Signal::Momentum { bars },
        }
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Strategy {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|strategy| strategy.as_str() == name);
        known.ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str);
            format!("expected one of {}", names.join(", "))
        })
    }
}
