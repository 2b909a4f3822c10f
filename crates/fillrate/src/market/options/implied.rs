//! The volatility that a price implies: of one option, or of columns of them.

use fillrate_kernels::{Cpu, QuoteColumns as KernelColumns, exp};
use rayon::prelude::*;

use super::{Right, Terms};
use crate::{Error, Result};

/// Options that one thread takes at a time: enough to hide what a task costs.
const CHUNK: usize = 4096;

/// The prices of many European options and their terms, each column of shape `[options]`.
#[derive(Clone, Copy, Debug)]
pub struct QuoteColumns<'a> {
    /// Whether each is a call or a put.
    pub right: &'a [Right],
    /// The prices of the options.
    pub price: &'a [f64],
    /// As in [`Terms`], and so the columns below.
    pub spot: &'a [f64],
    /// The strikes.
    pub strike: &'a [f64],
    /// The rates.
    pub rate: &'a [f64],
    /// The dividend yields.
    pub dividend: &'a [f64],
    /// The times to expiry.
    pub expiry: &'a [f64],
}

impl QuoteColumns<'_> {
    /// Checks lengths and ranges; a price may be any number.
    pub(crate) fn check(&self) -> Result<()> {
        let Self { right, price, spot, strike, rate, dividend, expiry } = *self;
        let count = spot.len();
        let columns = [price, strike, rate, dividend, expiry];
        if right.len() != count || columns.iter().any(|column| column.len() != count) {
            let message = "the columns differ in length".to_owned();
            return Err(Error::Argument { name: "quotes", message });
        }
        for row in 0..count {
            let terms = Terms {
                spot: spot[row],
                strike: strike[row],
                rate: rate[row],
                dividend: dividend[row],
                vol: 0.0,
                expiry: expiry[row],
            };
            terms.check().map_err(|error| Error::Argument {
                name: "quotes",
                message: format!("row {row}: {error}"),
            })?;
        }
        Ok(())
    }
}

/// The volatilities at which European options have their prices, on the threads of rayon's pool; NaN where no
/// volatility reaches a price, of which [`implied_vol`] says why.
///
/// # Errors
///
/// If the columns differ in length, or a term is out of its range; the message has the row, from 0.
pub fn implied_vol_columns(quotes: &QuoteColumns<'_>) -> Result<Vec<f64>> {
    quotes.check()?;
    let QuoteColumns { right, price, spot, strike, rate, dividend, expiry } = *quotes;
    let sign: Vec<f64> = right.iter().map(|right| right.sign()).collect();
    let sign = sign.as_slice();
    volatilities(&KernelColumns { price, spot, strike, rate, dividend, expiry, sign })
}

/// Those of quotes whose terms were checked.
pub(crate) fn volatilities(quotes: &KernelColumns<'_>) -> Result<Vec<f64>> {
    let mut vol = vec![0.0; quotes.price.len()];
    vol.par_chunks_mut(CHUNK).enumerate().try_for_each(|(chunk, vol)| {
        let rows = chunk * CHUNK..chunk * CHUNK + vol.len();
        let part = KernelColumns {
            price: &quotes.price[rows.clone()],
            spot: &quotes.spot[rows.clone()],
            strike: &quotes.strike[rows.clone()],
            rate: &quotes.rate[rows.clone()],
            dividend: &quotes.dividend[rows.clone()],
            expiry: &quotes.expiry[rows.clone()],
            sign: &quotes.sign[rows],
        };
        Cpu::detect().implied_vol(&part, vol)
    })?;
    Ok(vol)
}

/// The volatility at which a European option has `price`; the terms' own volatility is not looked at.
///
/// The price decides the volatility to machine precision where it depends on it at all: a price at
/// its lower bound implies 0.
///
/// # Errors
///
/// If a term is out of its range, or the price is not between the discounted intrinsic value and the
/// discounted underlying (of a put: strike), which no volatility reaches.
pub fn implied_vol(right: Right, price: f64, terms: Terms) -> Result<f64> {
    Terms { vol: 0.0, ..terms }.check()?;
    let mut vol = [0.0];
    let quote = KernelColumns {
        price: &[price],
        spot: &[terms.spot],
        strike: &[terms.strike],
        rate: &[terms.rate],
        dividend: &[terms.dividend],
        expiry: &[terms.expiry],
        sign: &[right.sign()],
    };
    Cpu::detect().implied_vol(&quote, &mut vol)?;
    let [vol] = vol;
    if vol.is_finite() { Ok(vol) } else { Err(refusal(right, price, &terms)) }
}

/// Why no volatility was found.
fn refusal(right: Right, price: f64, terms: &Terms) -> Error {
    // As the kernel does, to the bit.
    let spot_now = terms.spot * exp(-(terms.dividend * terms.expiry));
    let strike_now = terms.strike * exp(-(terms.rate * terms.expiry));
    let lowest = right.payoff(spot_now, strike_now);
    let highest = if right == Right::Call { spot_now } else { strike_now };
    let within = price >= lowest && price < highest;
    let [price, lowest, highest] = [price, lowest, highest].map(written);
    let message = if within {
        format!("{price} implies no volatility within the range of a double")
    } else {
        format!("{price} is not from {lowest} (no volatility) to below {highest} (without bound)")
    };
    Error::Argument { name: "price", message }
}

/// A number without a row of zeros.
fn written(x: f64) -> String {
    let is_plain = x == 0.0 || (1e-6..1e16).contains(&x.abs());
    if is_plain { x.to_string() } else { format!("{x:e}") }
}
