//! Volatilities that the prices of many options imply, together.

use fillrate::market::device::{Computer, ImpliedVolBatch};
use fillrate::market::options::{QuoteColumns, Right, Terms, implied_vol};
use rayon::prelude::*;

use super::Values;
use super::row::{Row, Rows, implied_of};

/// A price and the terms of its option.
type Quote = (Right, f64, Terms);

/// The volatility of each option of `rows`, or what is wrong with it.
///
/// # Errors
///
/// If they cannot be computed.
pub(super) fn imply_all(
    computer: &Computer<ImpliedVolBatch>,
    rows: &Rows<'_>,
) -> anyhow::Result<Vec<Values>> {
    let parsed: Vec<Result<Quote, String>> =
        (0..rows.len()).into_par_iter().map(|row| parse(&rows.row(row))).collect();
    let quotes: Vec<Quote> = parsed.iter().filter_map(|quote| quote.clone().ok()).collect();
    let vols = if quotes.is_empty() { Vec::new() } else { computer.run(batch(&quotes)?)? };
    let mut vols = vols.into_iter();
    let values_of = |parsed: Result<Quote, String>| {
        let (right, price, terms) = parsed?;
        match vols.next().filter(|vol| vol.is_finite()) {
            Some(vol) => Ok(vec![Some(vol)]),
            // Alone, it says why there is none.
            None => implied_vol(right, price, terms)
                .map(|vol| vec![Some(vol)])
                .map_err(|error| error.to_string()),
        }
    };
    Ok(parsed.into_iter().map(values_of).collect())
}

fn parse(row: &Row<'_>) -> Result<Quote, String> {
    let quote = implied_of(row)?;
    quote.2.check().map_err(|error| error.to_string())?;
    Ok(quote)
}

fn batch(quotes: &[Quote]) -> fillrate::Result<ImpliedVolBatch> {
    let column = |of: fn(&Quote) -> f64| -> Vec<f64> { quotes.iter().map(of).collect() };
    let right: Vec<Right> = quotes.iter().map(|(right, ..)| *right).collect();
    ImpliedVolBatch::new(&QuoteColumns {
        right: &right,
        price: &column(|(_, price, _)| *price),
        spot: &column(|(_, _, terms)| terms.spot),
        strike: &column(|(_, _, terms)| terms.strike),
        rate: &column(|(_, _, terms)| terms.rate),
        dividend: &column(|(_, _, terms)| terms.dividend),
        expiry: &column(|(_, _, terms)| terms.expiry),
    })
}
