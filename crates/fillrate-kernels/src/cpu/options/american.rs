//! American puts: the boundary below which to exercise, by collocation, and what the right to do so
//! adds to a European put.
//!
//! Everything is in units of the strike: `log` values are logarithms of a price over the strike.
//!
//! Source: Andersen, Lake & Offengenden, "High performance American option pricing" (2016): the
//! fixed-point systems FP-A and FP-B (their sections 3.2 and 3.3), the interpolation of H = ln²(B /
//! B(0+)) in √τ at Chebyshev nodes (section 4.2). The integrals are taken over an angle θ with √u = √τ cos θ
//! rather than over their y: with that the boundary's root at expiry leaves no singularity at
//! either end, and sixteen points do what thirty did.

#![allow(unsafe_code, reason = "lane operations gated by the tier, over checked bounds")]

mod scheme;

pub use self::scheme::AmericanScheme;

use self::scheme::Quadrature;
use crate::cpu::dispatch::{Kernel, dispatch};
use crate::cpu::doubles::{Doubles, math};
use crate::cpu::lanes::Lanes;
use crate::{Cpu, Result};

/// The boundary is found when no logarithm of it moves by more.
const TOLERANCE: f64 = 1e-8;

/// Which equation the boundary solves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum System {
    /// FP-A, from densities: some ten sweeps, but none is enough where the rate is far above the
    /// variance.
    Densities,
    /// FP-B, from distribution functions: twice as many, and it always settles.
    Distributions,
}

impl System {
    /// The most sweeps over the boundary.
    const fn sweeps_max(self) -> usize {
        match self {
            Self::Densities => 40,
            Self::Distributions => 200,
        }
    }

    /// The longest step, over that which the equation asks for.
    const fn relaxation_max(self) -> f64 {
        match self {
            Self::Densities => 1.0,
            Self::Distributions => 2.5,
        }
    }
}

/// 1 / √(2π).
const BELL_SCALE: f64 = 0.398_942_280_401_432_7;

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
        dispatch(self.tier(), BoundarySearch { terms, scheme, boundary, found });
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
        dispatch(self.tier(), PremiumIntegral { terms, scheme, boundary, log_spot, to });
        Ok(premium)
    }
}

struct BoundarySearch<'a> {
    terms: &'a AmericanTerms,
    scheme: &'a AmericanScheme,
    boundary: &'a mut [f64],
    found: &'a mut bool,
}

impl Kernel for BoundarySearch<'_> {
    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let Self { terms, scheme, boundary, found } = self;
        let guess = boundary.to_vec();
        for system in [System::Densities, System::Distributions] {
            boundary.copy_from_slice(&guess);
            // SAFETY: `L` is available by the trait's contract.
            *found = unsafe { solve::<L::Doubles>(terms, scheme, system, boundary) };
            if *found {
                return;
            }
        }
    }
}

/// Sweeps over the boundary until it stays where it is; whether it does.
///
/// Source: Küttler & Wall, "Fixed-point fluid–structure interaction solvers with dynamic relaxation"
/// (2008), equation 30 (Aitken's relaxation): a step is made shorter where the last one went too far.
#[inline(always)]
unsafe fn solve<V: Doubles>(
    terms: &AmericanTerms,
    scheme: &AmericanScheme,
    system: System,
    boundary: &mut [f64],
) -> bool {
    let nodes = boundary.len();
    let (mut steps, mut last_steps) = (vec![0.0; nodes], vec![0.0; nodes]);
    let mut squares = vec![0.0; nodes];
    let mut relaxation = 1.0_f64;
    for sweep in 0..system.sweeps_max() {
        square_distances(boundary, &mut squares);
        for node in 1..nodes {
            let root = terms.expiry.sqrt() * scheme.roots[node];
            let at = At { terms, root, limit: boundary[0], log_price: boundary[node] };
            // SAFETY: the caller has the instructions of `V`.
            let moved = unsafe { at.fixed_point::<V>(scheme, system, node, &squares) };
            steps[node] = moved.min(boundary[0]) - boundary[node];
        }
        let largest = steps.iter().fold(0.0_f64, |largest, step| largest.max(step.abs()));
        if steps.iter().any(|step| !step.is_finite()) {
            return false;
        }
        if sweep > 0 {
            let (mut along, mut square) = (0.0, 0.0);
            for (step, last) in steps.iter().zip(&last_steps) {
                along += last * (step - last);
                square += (step - last) * (step - last);
            }
            if square > 0.0 {
                relaxation *= -along / square;
            }
            relaxation = relaxation.clamp(0.02, system.relaxation_max());
        }
        for (value, step) in boundary.iter_mut().zip(&steps) {
            *value += relaxation * step;
        }
        for node in 1..nodes {
            boundary[node] = boundary[node].min(boundary[0]);
        }
        if largest <= TOLERANCE {
            return true;
        }
        std::mem::swap(&mut steps, &mut last_steps);
    }
    false
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
        let mut squares = vec![0.0; boundary.len()];
        square_distances(boundary, &mut squares);
        let root = terms.expiry.sqrt();
        let at = At { terms, root, limit: boundary[0], log_price: log_spot };
        // SAFETY: `L` is available by the trait's contract.
        *to = unsafe { at.premium::<L::Doubles>(&scheme.premium, &squares) };
    }
}

/// H at the nodes: what is smooth enough to be interpolated.
fn square_distances(boundary: &[f64], squares: &mut [f64]) {
    for (square, log) in squares.iter_mut().zip(boundary) {
        *square = (log - boundary[0]).powi(2);
    }
}

/// A price at a time to expiry.
struct At<'a> {
    terms: &'a AmericanTerms,
    /// √τ.
    root: f64,
    /// The boundary just before expiry.
    limit: f64,
    log_price: f64,
}

/// A few points of an integral over the time to come.
struct Points<V> {
    weight: V,
    /// √u / √τ of the time u that has passed, and u.
    sine: V,
    time: V,
    d_minus: V,
    d_plus: V,
}

// SAFETY (of every block below): the caller has the instructions of `V`; every array of a
// quadrature has as many values as it has points, which are whole vectors.
impl At<'_> {
    #[inline(always)]
    unsafe fn points<V: Doubles>(
        &self,
        quadrature: &Quadrature,
        row: usize,
        squares: &[f64],
        at: usize,
    ) -> Points<V> {
        let AmericanTerms { rate, dividend, vol, .. } = *self.terms;
        // SAFETY: see above.
        unsafe {
            let mut square = V::splat(0.0);
            let table = quadrature.row(row, squares.len() - 1);
            for (node, value) in squares[1..].iter().enumerate() {
                let share = V::load(table.as_ptr().add(node * quadrature.len() + at));
                square = square.add(share.mul(V::splat(*value)));
            }
            let boundary = V::splat(self.limit).sub(square.max(V::splat(0.0)).sqrt());
            let sine = V::load(quadrature.sines.as_ptr().add(at));
            let weight = V::load(quadrature.weights.as_ptr().add(at));
            let root = sine.mul(V::splat(self.root));
            let time = root.mul(root);
            let deviation = root.mul(V::splat(vol));
            let drift = time.mul(V::splat(rate - dividend - 0.5 * vol * vol));
            let distance = V::splat(self.log_price).sub(boundary);
            let d_minus = distance.add(drift).div(deviation);
            Points { weight, sine, time, d_minus, d_plus: d_minus.add(deviation) }
        }
    }

    /// Where the boundary at this time would be if all of it were as `squares` say.
    #[inline(always)]
    unsafe fn fixed_point<V: Doubles>(
        &self,
        scheme: &AmericanScheme,
        system: System,
        node: usize,
        squares: &[f64],
    ) -> f64 {
        let AmericanTerms { rate, dividend, vol, .. } = *self.terms;
        let tau = self.root * self.root;
        let deviation = vol * self.root;
        let drift = (rate - dividend - 0.5 * vol * vol) * tau;
        let d_minus = (self.log_price + drift) / deviation;
        // SAFETY: see above.
        let (upper, lower) = unsafe {
            let [upper, lower] = match system {
                System::Densities => self.densities::<V>(scheme, node, squares),
                System::Distributions => self.distributions::<V>(scheme, node, squares),
            };
            let [below_minus, _, bell_minus] = math::normal(d_minus);
            let [below_plus, _, bell_plus] = math::normal(d_minus + deviation);
            match system {
                System::Densities => (
                    BELL_SCALE * bell_minus / deviation + rate * upper,
                    BELL_SCALE * bell_plus / deviation + below_plus + dividend * lower,
                ),
                System::Distributions => {
                    (below_minus + rate * upper, below_plus + dividend * lower)
                }
            }
        };
        upper.ln() - lower.ln() - (rate - dividend) * tau
    }

    /// The integrals of FP-A.
    #[inline(always)]
    unsafe fn densities<V: Doubles>(
        &self,
        scheme: &AmericanScheme,
        node: usize,
        squares: &[f64],
    ) -> [f64; 2] {
        let AmericanTerms { rate, dividend, vol, .. } = *self.terms;
        let tau = self.root * self.root;
        let scale = BELL_SCALE * self.root / vol;
        let quadrature = &scheme.boundary;
        // SAFETY: see above.
        unsafe {
            let (mut upper, mut lower) = (V::splat(0.0), V::splat(0.0));
            for at in (0..quadrature.len()).step_by(V::LANES) {
                let points = self.points::<V>(quadrature, node - 1, squares, at);
                let left = V::splat(tau).sub(points.time);
                let half_square = points.d_minus.mul(points.d_minus).mul(V::splat(0.5));
                let bell = math::exp(left.mul(V::splat(rate)).sub(half_square));
                upper = upper.add(points.weight.mul(bell));
                if dividend != 0.0 {
                    let [below, _, bell] = math::normal(points.d_plus);
                    let grown = math::exp(left.mul(V::splat(dividend)));
                    let inner = points.sine.mul(V::splat(tau)).mul(below);
                    let inner = inner.add(bell.mul(V::splat(scale)));
                    lower = lower.add(points.weight.mul(grown).mul(inner));
                }
            }
            [scale * total(upper), total(lower)]
        }
    }

    /// The integrals of FP-B.
    #[inline(always)]
    unsafe fn distributions<V: Doubles>(
        &self,
        scheme: &AmericanScheme,
        node: usize,
        squares: &[f64],
    ) -> [f64; 2] {
        let AmericanTerms { rate, dividend, .. } = *self.terms;
        let tau = self.root * self.root;
        let quadrature = &scheme.boundary;
        // SAFETY: see above.
        unsafe {
            let (mut upper, mut lower) = (V::splat(0.0), V::splat(0.0));
            for at in (0..quadrature.len()).step_by(V::LANES) {
                let points = self.points::<V>(quadrature, node - 1, squares, at);
                let left = V::splat(tau).sub(points.time);
                let weight = points.weight.mul(points.sine);
                let [below, ..] = math::normal(points.d_minus);
                let grown = math::exp(left.mul(V::splat(rate)));
                upper = upper.add(weight.mul(grown).mul(below));
                if dividend != 0.0 {
                    let [below, ..] = math::normal(points.d_plus);
                    let grown = math::exp(left.mul(V::splat(dividend)));
                    lower = lower.add(weight.mul(grown).mul(below));
                }
            }
            [tau * total(upper), tau * total(lower)]
        }
    }

    #[inline(always)]
    unsafe fn premium<V: Doubles>(&self, quadrature: &Quadrature, squares: &[f64]) -> f64 {
        let AmericanTerms { rate, dividend, .. } = *self.terms;
        let spot = self.log_price.exp();
        // SAFETY: see above.
        unsafe {
            let zero = V::splat(0.0);
            let mut sum = zero;
            for at in (0..quadrature.len()).step_by(V::LANES) {
                let points = self.points::<V>(quadrature, 0, squares, at);
                let [_, strike_part, _] = math::normal(points.d_minus);
                let discount = math::exp(zero.sub(points.time.mul(V::splat(rate))));
                let mut gain = strike_part.mul(discount).mul(V::splat(rate));
                if dividend != 0.0 {
                    let [_, spot_part, _] = math::normal(points.d_plus);
                    let paid = math::exp(zero.sub(points.time.mul(V::splat(dividend))));
                    gain = gain.sub(spot_part.mul(paid).mul(V::splat(dividend * spot)));
                }
                sum = sum.add(points.weight.mul(points.sine).mul(gain));
            }
            self.root * self.root * total(sum)
        }
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
