//! Prices of many options: European ones by their closed form together, where the settings say; the
//! others one by one on the processor.

use fillrate::market::device::{Computer, EuropeanBatch};
use fillrate::market::options::{EuropeanColumns, GreekColumns, Right, Terms};
use rayon::prelude::*;

use super::Values;
use super::method::Pricing;
use super::row::{Row, Rows, option_of};

/// An option as its row says it.
enum Parsed {
    /// One of those that are computed together.
    European(Right, Terms),
    /// What another comes to.
    Other(Values),
}

/// The values of each option of `rows`, or what is wrong with it.
///
/// # Errors
///
/// If the options that are computed together cannot be.
pub(super) fn price_all(
    pricing: &Pricing,
    computer: &Computer<EuropeanBatch>,
    rows: &Rows<'_>,
) -> anyhow::Result<Vec<Values>> {
    let parsed: Vec<Parsed> =
        (0..rows.len()).into_par_iter().map(|row| parse(pricing, &rows.row(row))).collect();
    let european = parsed.iter().filter_map(|parsed| match parsed {
        Parsed::European(right, terms) => Some((*right, *terms)),
        Parsed::Other(_) => None,
    });
    let (right, terms): (Vec<Right>, Vec<Terms>) = european.unzip();
    let greeks = if terms.is_empty() {
        GreekColumns::default()
    } else {
        computer.run(batch(&right, &terms)?)?
    };
    let GreekColumns { price, delta, gamma, vega, theta, rho } = greeks;
    let mut next = 0..terms.len();
    let mut values_of = |parsed| match parsed {
        Parsed::Other(values) => values,
        Parsed::European(..) => {
            // There are as many results as European options.
            let at = next.next().unwrap_or_default();
            let greeks = [price[at], delta[at], gamma[at], vega[at], theta[at], rho[at]];
            Ok(greeks.into_iter().map(Some).chain([None]).collect())
        }
    };
    Ok(parsed.into_iter().map(&mut values_of).collect())
}

fn parse(pricing: &Pricing, row: &Row<'_>) -> Parsed {
    let (kind, right, terms) = match option_of(row) {
        Ok(option) => option,
        Err(message) => return Parsed::Other(Err(message)),
    };
    if !pricing.is_batched(kind) {
        return Parsed::Other(pricing.values(kind, right, terms));
    }
    match terms.check() {
        Ok(()) => Parsed::European(right, terms),
        Err(error) => Parsed::Other(Err(error.to_string())),
    }
}

fn batch(right: &[Right], terms: &[Terms]) -> fillrate::Result<EuropeanBatch> {
    let column = |of: fn(&Terms) -> f64| -> Vec<f64> { terms.iter().map(of).collect() };
    EuropeanBatch::new(&EuropeanColumns {
        right,
        spot: &column(|terms| terms.spot),
        strike: &column(|terms| terms.strike),
        rate: &column(|terms| terms.rate),
        dividend: &column(|terms| terms.dividend),
        vol: &column(|terms| terms.vol),
        expiry: &column(|terms| terms.expiry),
    })
}
