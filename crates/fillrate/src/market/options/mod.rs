//! Options: prices, Greeks and implied volatility.
//!
//! # Conventions
//!
//! Time is in years, rates and dividend yields are continuous and per year, volatility is per year
//! and 0.2 for 20 %. Theta is the change of the price per year of calendar time, vega and rho are per
//! 1.00 of volatility and rate. Barriers are watched continuously; the rebate of a knock-out is paid
//! when it is hit, that of a knock-in at expiry if it never was.
//!
//! ```
//! use fillrate::market::options::{Kind, Right, Terms, price};
//!
//! let terms =
//!     Terms { spot: 42.0, strike: 40.0, rate: 0.1, dividend: 0.0, vol: 0.2, expiry: 0.5 };
//! let call = price(Kind::European, Right::Call, terms)?;
//! assert!((call.price - 4.759422392871535).abs() < 1e-13);
//! # Ok::<(), fillrate::Error>(())
//! ```

mod american;
mod asian;
mod barrier;
mod binomial;
mod closed;
mod european;
mod implied;
mod simulated;

use std::fmt;
use std::str::FromStr;

use crate::{Error, Result};

pub use self::american::{AmericanPuts, PutSolution, american, american_on};
pub use self::barrier::{Barrier, BarrierKind};
pub use self::binomial::{Exercise, TREE_STEPS_MAX, binomial};
pub use self::closed::{ClosedFormBatch, closed_forms_on};
pub use self::european::{EuropeanColumns, GreekColumns, price_columns};
pub(crate) use self::implied::volatilities;
pub use self::implied::{QuoteColumns, implied_vol, implied_vol_columns};
pub use self::simulated::{
    OptionSimulation, Simulated, SimulationMoments, SimulationOptions, simulate, simulate_on,
};

/// Whether an option is a right to buy or to sell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Right {
    /// To buy.
    Call,
    /// To sell.
    Put,
}

impl Right {
    /// 1 for a call, −1 for a put.
    #[must_use]
    pub const fn sign(self) -> f64 {
        match self {
            Self::Call => 1.0,
            Self::Put => -1.0,
        }
    }

    /// What the option pays at expiry, for an underlying at `spot`.
    fn payoff(self, spot: f64, strike: f64) -> f64 {
        (self.sign() * (spot - strike)).max(0.0)
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Call => "call",
            Self::Put => "put",
        })
    }
}

impl FromStr for Right {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "call" => Ok(Self::Call),
            "put" => Ok(Self::Put),
            _ => Err("expected call or put".to_owned()),
        }
    }
}

/// What is common to all options on one underlying.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    /// The price of the underlying, above 0.
    pub spot: f64,
    /// The strike, above 0.
    pub strike: f64,
    /// The continuous rate per year.
    pub rate: f64,
    /// The continuous dividend yield per year.
    pub dividend: f64,
    /// The volatility per year, 0 or above.
    pub vol: f64,
    /// The time to expiry in years, above 0.
    pub expiry: f64,
}

impl Terms {
    /// Checks the ranges.
    ///
    /// # Errors
    ///
    /// If the spot, the strike or the expiry is not above 0, the volatility is below 0, or a number
    /// is not finite or beyond what can be discounted (|rate × expiry| above 700).
    pub fn check(&self) -> Result<()> {
        let refused = |name, message: String| Err(Error::Argument { name, message });
        for (name, value) in [("spot", self.spot), ("strike", self.strike), ("expiry", self.expiry)]
        {
            if !(value > 0.0 && value.is_finite()) {
                return refused(name, format!("{value} is not a number above 0"));
            }
        }
        if !(self.vol >= 0.0 && self.vol.is_finite()) {
            return refused("vol", format!("{} is not a number from 0 on", self.vol));
        }
        for (name, value) in [("rate", self.rate), ("yield", self.dividend)] {
            if !(value * self.expiry).is_finite() || (value * self.expiry).abs() > 700.0 {
                return refused(
                    name,
                    format!("{value} over {} years is out of range", self.expiry),
                );
            }
        }
        Ok(())
    }

    /// What the underlying costs to hold, per year.
    fn carry(&self) -> f64 {
        self.rate - self.dividend
    }
}

/// What an option pays.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    /// The intrinsic value at expiry.
    European,
    /// The intrinsic value whenever the holder wants it.
    American,
    /// The intrinsic value of the geometric mean of the underlying from now to expiry.
    AsianGeometric {
        /// At how many equally spaced moments, the last at expiry, the mean is taken; `None` is a
        /// continuous mean.
        fixings: Option<u32>,
    },
    /// The intrinsic value of the arithmetic mean of the underlying.
    AsianArithmetic {
        /// At how many equally spaced moments, the last at expiry, the mean is taken.
        fixings: u32,
    },
    /// The intrinsic value at expiry if a barrier was, or was not, touched.
    Barrier(Barrier),
}

impl Kind {
    /// Checks what the kind has beside the terms.
    ///
    /// # Errors
    ///
    /// If there is no moment to take a mean of, or a barrier's level or rebate is out of its range.
    pub fn check(&self, terms: &Terms) -> Result<()> {
        match self {
            Self::AsianGeometric { fixings: Some(0) } | Self::AsianArithmetic { fixings: 0 } => {
                let message = "a mean of no moment is none".to_owned();
                Err(Error::Argument { name: "fixings", message })
            }
            Self::Barrier(barrier) => barrier.check(terms),
            _ => Ok(()),
        }
    }
}

/// A price and its derivatives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Greeks {
    /// The price.
    pub price: f64,
    /// By the spot.
    pub delta: f64,
    /// By the spot, twice.
    pub gamma: f64,
    /// By the volatility.
    pub vega: f64,
    /// By time that passes, per year.
    pub theta: f64,
    /// By the rate.
    pub rho: f64,
}

/// The price of an option and its Greeks; those of kinds other than the European one are central
/// differences of the price. European, geometric Asian and barrier options have closed forms;
/// [`american`] says how the American one is priced.
///
/// # Errors
///
/// If a term is out of its range, or the kind has to be simulated (the arithmetic Asian one).
pub fn price(kind: Kind, right: Right, terms: Terms) -> Result<Greeks> {
    terms.check()?;
    kind.check(&terms)?;
    match kind {
        Kind::European => Ok(european::greeks(right, &terms)),
        Kind::American => {
            Ok(by_differences(&terms, terms.spot, |terms| american::price(right, &terms)))
        }
        Kind::AsianArithmetic { .. } => {
            let message = "an arithmetic mean has no closed form: simulate it".to_owned();
            Err(Error::Argument { name: "kind", message })
        }
        // The kernels take the differences of these themselves.
        Kind::AsianGeometric { .. } | Kind::Barrier(_) => closed::greeks(kind, right, &terms)
            .ok_or_else(|| {
                let message = format!("{kind:?} has no closed form");
                Error::Argument { name: "kind", message }
            }),
    }
}

/// A price and its central differences; `reach` bounds the steps of the spot.
fn by_differences(terms: &Terms, reach: f64, price: impl FnMut(Terms) -> f64) -> Greeks {
    let bumps = Bumps::of(terms, reach);
    bumps.greeks(bumps.terms().map(price))
}

/// The terms around an option's own whose prices make its Greeks.
#[derive(Clone, Copy, Debug)]
struct Bumps {
    terms: Terms,
    spot_step: f64,
    vol_step: f64,
    time_step: f64,
}

impl Bumps {
    /// The number of sets of terms.
    const COUNT: usize = 9;
    const RATE_STEP: f64 = 1e-4;

    /// Those of an option; `reach` bounds the steps of the spot.
    fn of(terms: &Terms, reach: f64) -> Self {
        Self {
            terms: *terms,
            // The second difference loses twice the digits, so its step is the largest.
            spot_step: (1e-3 * terms.spot).min(0.49 * reach),
            vol_step: 1e-4_f64.min(terms.vol),
            time_step: (1e-4_f64).min(0.5 * terms.expiry),
        }
    }

    /// The option's own terms, then those with more and with less of each.
    fn terms(&self) -> [Terms; Self::COUNT] {
        let at = |change: &dyn Fn(&mut Terms)| {
            let mut changed = self.terms;
            change(&mut changed);
            changed
        };
        [
            self.terms,
            at(&|t| t.spot += self.spot_step),
            at(&|t| t.spot -= self.spot_step),
            at(&|t| t.vol += self.vol_step),
            at(&|t| t.vol -= self.vol_step),
            at(&|t| t.expiry += self.time_step),
            at(&|t| t.expiry -= self.time_step),
            at(&|t| t.rate += Self::RATE_STEP),
            at(&|t| t.rate -= Self::RATE_STEP),
        ]
    }

    /// From the prices of the terms, in their order, to the Greeks.
    fn greeks(&self, prices: [f64; Self::COUNT]) -> Greeks {
        let [price, up, down, more_vol, less_vol, more_time, less_time, more_rate, less_rate] =
            prices;
        let quotient = |difference: f64, by: f64| if by > 0.0 { difference / by } else { 0.0 };
        Greeks {
            price,
            delta: quotient(up - down, 2.0 * self.spot_step),
            gamma: quotient(up - 2.0 * price + down, self.spot_step * self.spot_step),
            vega: quotient(more_vol - less_vol, 2.0 * self.vol_step),
            theta: (less_time - more_time) / (2.0 * self.time_step),
            rho: (more_rate - less_rate) / (2.0 * Self::RATE_STEP),
        }
    }
}

#[cfg(test)]
mod american_tests;
#[cfg(test)]
mod implied_tests;
#[cfg(test)]
mod simulated_tests;
#[cfg(test)]
mod tests;
