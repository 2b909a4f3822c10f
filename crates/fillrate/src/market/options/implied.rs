//! The volatility that a price implies.

use implied_vol::{DefaultSpecialFn, ImpliedBlackVolatility};

use super::{Right, Terms};
use crate::{Error, Result};

/// The volatility at which a European option has `price`; the terms' own volatility is not looked at.
///
/// The price decides the volatility to machine precision where it depends on it at all: a price at
/// its lower bound implies 0.
///
/// Source: Jäckel, "Let's be rational" (2015), as implemented by the crate `implied-vol`.
///
/// # Errors
///
/// If a term is out of its range, or the price is not between the discounted intrinsic value and the
/// discounted underlying (of a put: strike), which no volatility reaches.
pub fn implied_vol(right: Right, price: f64, terms: Terms) -> Result<f64> {
    Terms { vol: 0.0, ..terms }.check()?;
    let refused = |message: String| Err(Error::Argument { name: "price", message });
    let discount = terms.discount();
    let spot_now = terms.spot * (-terms.dividend * terms.expiry).exp();
    let strike_now = terms.strike * discount;
    let lowest = right.payoff(spot_now, strike_now);
    let highest = if right == Right::Call { spot_now } else { strike_now };
    if !(price >= lowest && price < highest) {
        return refused(format!(
            "{price} is not from {lowest} (no volatility) to below {highest} (without bound)"
        ));
    }
    let option = ImpliedBlackVolatility::builder()
        .option_price(price / discount)
        .forward(spot_now / discount)
        .strike(terms.strike)
        .expiry(terms.expiry)
        .is_call(right == Right::Call)
        .build();
    let found = option.and_then(|option| option.calculate::<DefaultSpecialFn>());
    match found.filter(|vol| vol.is_finite()) {
        Some(vol) => Ok(vol),
        None => refused(format!("{price} implies no volatility within the range of a double")),
    }
}
