//! Baskets of assets with correlated returns.

use fillrate_kernels::BasketTerms;

use super::underlying::{check, check_drift, check_from_zero};
use crate::{Error, Result};

/// The most assets of a basket.
const ASSETS_MAX: usize = 1000;
/// What rounding may make of a pivot that is 0, and of entries that should be equal.
const SLACK: f64 = 1e-10;

/// One asset of a basket.
#[derive(Clone, Debug, PartialEq)]
pub struct Asset {
    /// Its name, for messages.
    pub symbol: String,
    /// Its price at the start, above 0.
    pub spot: f64,
    /// The drift of its expectation per year.
    pub drift: f64,
    /// Its volatility per year, 0 or above.
    pub vol: f64,
    /// How many units of it are held; below 0, owed.
    pub weight: f64,
}

/// Assets that move together by geometric Brownian motion, and what is held of each.
#[derive(Clone, Debug, PartialEq)]
pub struct Basket {
    assets: Vec<Asset>,
    worth: Vec<f64>,
    drift: Vec<f64>,
    vol: Vec<f64>,
    mixing: Vec<f64>,
}

impl Basket {
    /// A basket of assets whose returns have these correlations, row-major, `[assets, assets]`.
    ///
    /// # Errors
    ///
    /// If there is no asset or more than 1000, a term is out of its range, or the correlations are not
    /// symmetric with ones on the diagonal, or no random numbers have them (not positive
    /// semidefinite); the message names the assets.
    pub fn new(assets: Vec<Asset>, correlations: &[f64]) -> Result<Self> {
        let count = assets.len();
        let refused = |name, message: String| Err(Error::Argument { name, message });
        if !(1..=ASSETS_MAX).contains(&count) {
            return refused("basket", format!("{count} assets are not from 1 to {ASSETS_MAX}"));
        }
        if correlations.len() != count * count {
            let message = format!("{} values for {count} assets", correlations.len());
            return refused("correlations", message);
        }
        for Asset { symbol, spot, vol, weight, drift } in &assets {
            let checked = check("spot", *spot, |spot| spot > 0.0, "above 0")
                .and_then(|()| check_from_zero("vol", *vol))
                .and_then(|()| check("weight", *weight, |_| true, "that is finite"))
                .and_then(|()| check("drift", *drift, |_| true, "that is finite"));
            if let Err(error) = checked {
                return refused("basket", format!("`{symbol}`: {error}"));
            }
        }
        let mixing = cholesky(&assets, correlations)?;
        let column = |of: fn(&Asset) -> f64| assets.iter().map(of).collect();
        let worth = column(|asset| asset.spot * asset.weight);
        let (drift, vol) = (column(|asset| asset.drift), column(|asset| asset.vol));
        Ok(Self { assets, worth, drift, vol, mixing })
    }

    /// The assets.
    #[must_use]
    pub fn assets(&self) -> &[Asset] {
        &self.assets
    }

    pub(super) fn check(&self, expiry: f64) -> Result<()> {
        self.drift.iter().try_for_each(|drift| check_drift(*drift, expiry))
    }

    pub(super) fn expected(&self, expiry: f64) -> f64 {
        self.worth
            .iter()
            .zip(&self.drift)
            .map(|(worth, drift)| worth * (drift * expiry).exp())
            .sum()
    }

    pub(crate) fn terms(&self) -> BasketTerms<'_> {
        BasketTerms { worth: &self.worth, drift: &self.drift, vol: &self.vol, mixing: &self.mixing }
    }
}

/// The lower triangle L of L Lᵀ = C. A column of a matrix that is semidefinite only, as of assets
/// that follow one another, is 0.
///
/// Source: Golub & Van Loan, "Matrix computations" (4th ed.), sections 4.2.5 and 4.2.8.
fn cholesky(assets: &[Asset], correlations: &[f64]) -> Result<Vec<f64>> {
    let count = assets.len();
    let at = |row: usize, column: usize| correlations[row * count + column];
    let refused = |row: usize, column: usize, what: String| {
        let (a, b) = (&assets[row].symbol, &assets[column].symbol);
        let message = format!("of `{a}` and `{b}`: {what}");
        Err(Error::Argument { name: "correlations", message })
    };
    let mut lower = vec![0.0; count * count];
    for row in 0..count {
        for column in 0..=row {
            let value = at(row, column);
            if value.is_nan() || value.abs() > 1.0 {
                return refused(row, column, format!("{value} is not from -1 to 1"));
            }
            if (value - at(column, row)).abs() > SLACK {
                let other = at(column, row);
                return refused(row, column, format!("{value} one way and {other} the other"));
            }
            let products = (0..column).map(|k| lower[row * count + k] * lower[column * count + k]);
            let left = value - products.sum::<f64>();
            if row != column {
                let pivot = lower[column * count + column];
                if pivot == 0.0 && left.abs() > SLACK {
                    return refused(row, column, contradiction());
                }
                lower[row * count + column] = if pivot == 0.0 { 0.0 } else { left / pivot };
                continue;
            }
            if (value - 1.0).abs() > SLACK {
                return refused(row, row, format!("{value} is not 1"));
            }
            if left < -SLACK {
                return refused(row, row, contradiction());
            }
            lower[row * count + row] = if left < SLACK { 0.0 } else { left.sqrt() };
        }
    }
    Ok(lower)
}

fn contradiction() -> String {
    "not positive semidefinite: it contradicts those of the assets before".to_owned()
}
