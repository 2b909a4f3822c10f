//! Options on the geometric mean, which is lognormal as its underlying is.

use super::european;
use super::{Right, Terms};

/// The price with a mean over equally spaced moments, or over all of them.
///
/// The mean's logarithm is normal; its mean and variance at expiry make an underlying of their own.
/// Source: Kemna & Vorst, "A pricing method for options based on average asset values" (1990); for
/// moments: Turnbull & Wakeman (1991) with geometric weights, Haug, "The complete guide to option
/// pricing formulas" (2nd ed.), sections 4.20.1 and 4.20.2.
pub(super) fn price(right: Right, terms: &Terms, fixings: Option<u32>) -> f64 {
    let variance = terms.vol * terms.vol;
    // The mean time of the moments, and the mean of the lesser of two, in parts of the expiry.
    let (mean_time, shared_time) = match fixings {
        None => (0.5, 1.0 / 3.0),
        Some(n) => {
            let n = f64::from(n);
            ((n + 1.0) / (2.0 * n), (n + 1.0) * (2.0 * n + 1.0) / (6.0 * n * n))
        }
    };
    let drift = (terms.carry() - 0.5 * variance) * mean_time + 0.5 * variance * shared_time;
    let mean =
        Terms { dividend: terms.rate - drift, vol: terms.vol * shared_time.sqrt(), ..*terms };
    european::greeks(right, &mean).price
}
