//! American options: by the boundary of their exercise, or by a tree where there is no single one.

use fillrate_kernels::{AmericanScheme, AmericanTerms, Cpu};

use super::binomial::{Exercise, leisen_reimer};
use super::european;
use super::{Right, Terms};
use crate::Result;

/// Below this deviation over the whole time the underlying is taken to move on its forward.
const DEVIATION_MIN: f64 = 1e-7;
/// The steps of the tree that stands in.
const TREE_STEPS: u32 = 1001;

/// The price of an American option, without its Greeks.
///
/// The boundary of exercise solves an integral equation, which is done by collocation (Andersen, Lake
/// & Offengenden 2016; see `fillrate_kernels::Cpu::american_boundary`): seven digits of the strike
/// and mostly more. Where a put has two boundaries (yield < rate < 0; of a call: rate < yield < 0), and
/// where the iteration does not settle, the price is that of a tree of 1001 steps.
///
/// # Errors
///
/// If a term is out of its range.
pub fn american(right: Right, terms: Terms) -> Result<f64> {
    terms.check()?;
    Ok(price(right, &terms))
}

/// The price of an option whose terms were checked.
pub(super) fn price(right: Right, terms: &Terms) -> f64 {
    // A call is a put with spot and strike, and rate and yield, in each other's place.
    // Source: McDonald & Schroder, "A parity result for American options" (1998).
    let put = match right {
        Right::Put => *terms,
        Right::Call => Terms {
            spot: terms.strike,
            strike: terms.spot,
            rate: terms.dividend,
            dividend: terms.rate,
            ..*terms
        },
    };
    put_price(&put)
}

fn put_price(terms: &Terms) -> f64 {
    let Terms { spot, strike, rate, dividend, vol, expiry } = *terms;
    let intrinsic = Right::Put.payoff(spot, strike);
    let european = european::greeks(Right::Put, terms).price;
    if rate <= 0.0 && dividend >= rate {
        // The strike loses nothing by being paid later.
        return european;
    }
    if vol * expiry.sqrt() < DEVIATION_MIN {
        return without_volatility(terms);
    }
    let tree = || leisen_reimer(Exercise::American, Right::Put, terms, TREE_STEPS);
    if rate < 0.0 {
        return tree().max(european);
    }
    let scheme = AmericanScheme::accurate();
    let kernel = AmericanTerms { rate, dividend, vol, expiry };
    let mut boundary = first_guess(&kernel, scheme.roots());
    let cpu = Cpu::detect();
    let is_found = cpu.american_boundary(&kernel, scheme, &mut boundary).unwrap_or(false);
    if !is_found {
        return tree().max(european);
    }
    let log_spot = (spot / strike).ln();
    if boundary.last().is_some_and(|boundary| log_spot <= *boundary) {
        return intrinsic;
    }
    let premium = cpu.american_premium(&kernel, scheme, &boundary, log_spot).unwrap_or(0.0);
    (european + strike * premium).max(intrinsic)
}

/// The logarithms of a boundary near the true one, at the square roots of times over the expiry.
///
/// Source: Bjerksund & Stensland, "Closed form valuation of American options" (2002), the flat
/// boundary of a call, turned into that of a put.
fn first_guess(terms: &AmericanTerms, roots: &[f64]) -> Vec<f64> {
    let AmericanTerms { rate, dividend, vol, expiry } = *terms;
    let (variance, carry) = (vol * vol, dividend - rate);
    let at_expiry = if dividend > rate { dividend / rate.max(f64::MIN_POSITIVE) } else { 1.0 };
    let limit = -at_expiry.ln();
    let half = 0.5 - carry / variance;
    let beta = half + (half * half + 2.0 * dividend / variance).sqrt();
    let perpetual = beta / (beta - 1.0);
    let at = |root: &f64| {
        let tau = expiry * root * root;
        let spread = perpetual - at_expiry;
        let reach = carry * tau + 2.0 * vol * tau.sqrt();
        let flat = -(at_expiry + spread * -(-reach / (spread * at_expiry)).exp_m1()).ln();
        if flat.is_finite() && beta > 1.0 && flat < limit {
            return flat;
        }
        // Its order of magnitude where there is no perpetual boundary to go by.
        limit - vol * tau.sqrt()
    };
    roots.iter().map(|root| if *root == 0.0 { limit } else { at(root) }).collect()
}

/// The price where the underlying follows its forward: the best moment to exercise is known.
fn without_volatility(terms: &Terms) -> f64 {
    let Terms { spot, strike, rate, dividend, expiry, .. } = *terms;
    let worth_at = |t: f64| strike * (-rate * t).exp() - spot * (-dividend * t).exp();
    // Where the worth is flat: r K e^(-r t) = q S e^(-q t).
    let flat = ((rate * strike) / (dividend * spot)).ln() / (rate - dividend);
    let inside = if flat > 0.0 && flat < expiry { worth_at(flat) } else { 0.0 };
    worth_at(0.0).max(worth_at(expiry)).max(inside).max(0.0)
}
