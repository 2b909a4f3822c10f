//! Options that begin or end to exist when a barrier is touched.

use std::fmt;
use std::str::FromStr;

use fillrate_kernels::normal_cdf;

use super::european;
use super::{Right, Terms};
use crate::{Error, Result};

/// Below this deviation over the whole time the underlying is taken to move on its forward.
const DEVIATION_MIN: f64 = 1e-7;

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

    /// The price. Where the spot is at the barrier or beyond, it has been touched: a knock-out is
    /// worth its rebate, a knock-in is a European option.
    ///
    /// Source: Reiner & Rubinstein, "Breaking down the barriers" (1991), in the notation of Haug, "The
    /// complete guide to option pricing formulas" (2nd ed.), section 4.17.1.
    pub(super) fn price(&self, right: Right, terms: &Terms) -> f64 {
        let Self { kind, level, rebate } = *self;
        let european = || european::greeks(right, terms).price;
        match (self.is_touched(terms), kind.is_in()) {
            (true, true) => return european(),
            (true, false) => return rebate,
            _ => {}
        }
        if terms.vol * terms.expiry.sqrt() < DEVIATION_MIN {
            return self.without_volatility(right, terms);
        }
        let parts = Parts::of(self, right, terms);
        let is_strike_above = terms.strike > level;
        let Parts { a, b, c, d, e, f } = parts;
        // The side of the barrier at which the option pays, and where the strike lies of it.
        let pays_away = (right == Right::Call) == kind.is_down();
        let is_strike_away = if kind.is_down() { is_strike_above } else { !is_strike_above };
        let (knock_in, knock_out) = match (pays_away, is_strike_away) {
            (true, true) => (c, a - c),
            (true, false) => (a - b + d, b - d),
            (false, true) => (b - c + d, a - b + c - d),
            (false, false) => (a, 0.0),
        };
        let price = if kind.is_in() { knock_in + e } else { knock_out + f };
        // What should be 0 may come out some units of the last place below.
        price.max(0.0)
    }

    /// The price where the underlying follows its forward.
    fn without_volatility(&self, right: Right, terms: &Terms) -> f64 {
        let carry = terms.carry();
        let hit = (self.level / terms.spot).ln() / carry;
        let is_hit = carry != 0.0 && (0.0..=terms.expiry).contains(&hit);
        let payoff = right.payoff(terms.spot * (carry * terms.expiry).exp(), terms.strike);
        match (self.kind.is_in(), is_hit) {
            (true, true) | (false, false) => terms.discount() * payoff,
            (true, false) => terms.discount() * self.rebate,
            (false, true) => (-terms.rate * hit).exp() * self.rebate,
        }
    }
}

/// The six terms that all single barriers are made of.
struct Parts {
    a: f64,
    b: f64,
    c: f64,
    d: f64,
    e: f64,
    f: f64,
}

impl Parts {
    fn of(barrier: &Barrier, right: Right, terms: &Terms) -> Self {
        let Terms { spot, strike, vol, expiry, .. } = *terms;
        let (level, rebate) = (barrier.level, barrier.rebate);
        let phi = right.sign();
        let eta = if barrier.kind.is_down() { 1.0 } else { -1.0 };
        let (variance, deviation) = (vol * vol, vol * expiry.sqrt());
        let mu = (terms.carry() - 0.5 * variance) / variance;
        let distance = (level / spot).ln();
        let shift = (1.0 + mu) * deviation;
        let spot_now = spot * ((terms.carry() - terms.rate) * expiry).exp();
        let strike_now = strike * terms.discount();
        let plain = |x: f64| {
            phi * (spot_now * normal_cdf(phi * x) - strike_now * normal_cdf(phi * (x - deviation)))
        };
        let mirrored = |y: f64| {
            phi * (spot_now * weighted(2.0 * (mu + 1.0) * distance, eta * y)
                - strike_now * weighted(2.0 * mu * distance, eta * (y - deviation)))
        };
        let x2 = -distance / deviation + shift;
        let y2 = distance / deviation + shift;
        // Below 0 only where there is no rebate to discount.
        let lambda = (mu * mu + 2.0 * terms.rate / variance).max(0.0).sqrt();
        let z = distance / deviation + lambda * deviation;
        let never_hit = normal_cdf(eta * (x2 - deviation))
            - weighted(2.0 * mu * distance, eta * (y2 - deviation));
        let hit = weighted((mu + lambda) * distance, eta * z)
            + weighted((mu - lambda) * distance, eta * (z - 2.0 * lambda * deviation));
        Self {
            a: plain((spot / strike).ln() / deviation + shift),
            b: plain(x2),
            c: mirrored((level * level / (spot * strike)).ln() / deviation + shift),
            d: mirrored(y2),
            e: rebate * terms.discount() * never_hit,
            f: rebate * hit,
        }
    }
}

/// exp(`power`) Φ(x), also where the first is beyond the range of a double and the second below it.
fn weighted(power: f64, x: f64) -> f64 {
    /// Below it, four terms of the series are right to 1e-12.
    const FAR: f64 = -30.0;
    if x > FAR {
        return if power < 700.0 {
            power.exp() * normal_cdf(x)
        } else {
            (power + normal_cdf(x).ln()).exp()
        };
    }
    // Source: Abramowitz & Stegun, 26.2.12.
    let inverse = 1.0 / (x * x);
    let series = 1.0 - inverse * (1.0 - 3.0 * inverse * (1.0 - 5.0 * inverse));
    (power - 0.5 * x * x - (-x * std::f64::consts::TAU.sqrt()).ln() + series.ln()).exp()
}
