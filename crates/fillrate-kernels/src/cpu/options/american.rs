//! American puts: the boundary below which to exercise, by collocation, and what the right to do so
//! adds to a European put.
//!
//! Everything is in units of the strike: `log` values are logarithms of a price over the strike.
//!
//! Source: Andersen, Lake & Offengenden, "High performance American option pricing" (2016): the
//! fixed-point systems FP-A and FP-B (their sections 3.2 and 3.3), the interpolation of H = ln²(B /
//! B(0+)) in √τ at Chebyshev nodes (section 4.2). The integrals are taken over an angle θ with √u = √τ cos θ
//! rather than over their y: with that the boundary's root at expiry leaves no singularity at
//! either end, and ten points do what thirty did.

#![allow(unsafe_code, reason = "lane operations gated by the tier, over checked bounds")]

mod boundary;
mod scheme;

pub use self::scheme::AmericanScheme;

use self::boundary::BoundarySearch;
use self::scheme::Quadrature;
use crate::cpu::dispatch::{Kernel, dispatch_doubles};
use crate::cpu::doubles::{Doubles, math};
use crate::cpu::lanes::Lanes;
use crate::{Cpu, Result};

/// What decides the boundary of an American put.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AmericanTerms {
    /// The continuous rate per year.
    pub rate: f64,
    /// The continuous dividend yield per year.
    pub dividend: f64,
    /// The volatility per year, above 0.
    pub vol: f64,
    /// The time to expiry in years, above 0.
    pub expiry: f64,
}

impl Cpu {
    /// The logarithms of the exercise boundary over the strike, `boundary` `[nodes + 1]` at times to
    /// expiry that rise from 0; on the way in, a first guess. The first stays as it is: it is the
    /// boundary just before expiry, which no other may exceed. Returns whether it was found.
    ///
    /// # Errors
    ///
    /// If the boundary has another length.
    pub fn american_boundary(
        &self,
        terms: &AmericanTerms,
        scheme: &AmericanScheme,
        boundary: &mut [f64],
    ) -> Result<bool> {
        scheme.check("american_boundary", boundary)?;
        let mut is_found = false;
        let found = &mut is_found;
        dispatch_doubles(self.tier(), BoundarySearch { terms, scheme, boundary, found });
        Ok(is_found)
    }

    /// What the right to exercise early adds to a European put, over the strike, for an underlying
    /// above the boundary with the logarithm `log_spot` of price over strike.
    ///
    /// # Errors
    ///
    /// If the boundary has another length.
    pub fn american_premium(
        &self,
        terms: &AmericanTerms,
        scheme: &AmericanScheme,
        boundary: &[f64],
        log_spot: f64,
    ) -> Result<f64> {
        scheme.check("american_premium", boundary)?;
        let mut premium = 0.0;
        let to = &mut premium;
        dispatch_doubles(self.tier(), PremiumIntegral { terms, scheme, boundary, log_spot, to });
        Ok(premium)
    }
}

struct PremiumIntegral<'a> {
    terms: &'a AmericanTerms,
    scheme: &'a AmericanScheme,
    boundary: &'a [f64],
    log_spot: f64,
    to: &'a mut f64,
}

impl Kernel for PremiumIntegral<'_> {
    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let Self { terms, scheme, boundary, log_spot, to } = self;
        // SAFETY: `L` is available by the trait's contract.
        *to = unsafe { premium::<L::Doubles>(terms, &scheme.premium, boundary, log_spot) };
    }
}

// SAFETY: the caller has the instructions of `V`; every array of a quadrature has as many values as
// it has points, which are whole vectors.
#[inline(always)]
unsafe fn premium<V: Doubles>(
    terms: &AmericanTerms,
    quadrature: &Quadrature,
    boundary: &[f64],
    log_spot: f64,
) -> f64 {
    let AmericanTerms { rate, dividend, vol, expiry } = *terms;
    let limit = boundary[0];
    let spot = log_spot.exp();
    // SAFETY: see above.
    unsafe {
        let zero = V::splat(0.0);
        let mut sum = zero;
        for at in (0..quadrature.points.len()).step_by(V::LANES) {
            let mut square = zero;
            for (node, log) in boundary[1..].iter().enumerate() {
                let share = V::load(quadrature.shares(node).as_ptr().add(at));
                square = square.add(share.mul(V::splat((log - limit) * (log - limit))));
            }
            let boundary = V::splat(limit).sub(square.max(zero).sqrt());
            let sine = V::load(quadrature.points.sines.as_ptr().add(at));
            let weight = V::load(quadrature.points.weights.as_ptr().add(at));
            let root = sine.mul(V::splat(expiry.sqrt()));
            let time = root.mul(root);
            let deviation = root.mul(V::splat(vol));
            let drift = time.mul(V::splat(rate - dividend - 0.5 * vol * vol));
            let d_minus = V::splat(log_spot).sub(boundary).add(drift).div(deviation);
            let [_, strike_part, _] = math::normal(d_minus);
            let discount = math::exp(zero.sub(time.mul(V::splat(rate))));
            let mut gain = strike_part.mul(discount).mul(V::splat(rate));
            if dividend != 0.0 {
                let [_, spot_part, _] = math::normal(d_minus.add(deviation));
                let paid = math::exp(zero.sub(time.mul(V::splat(dividend))));
                gain = gain.sub(spot_part.mul(paid).mul(V::splat(dividend * spot)));
            }
            sum = sum.add(weight.mul(sine).mul(gain));
        }
        expiry * total(sum)
    }
}

/// The sum of all lanes, by halves: the same tree on every tier.
#[inline(always)]
unsafe fn total<V: Doubles>(lanes: V) -> f64 {
    let mut values = [0.0; 8];
    // SAFETY: no tier has more than eight lanes.
    unsafe { lanes.store(values.as_mut_ptr()) };
    let mut half = 4;
    while half > 0 {
        for lane in 0..half {
            values[lane] += values[lane + half];
        }
        half /= 2;
    }
    values[0]
}
