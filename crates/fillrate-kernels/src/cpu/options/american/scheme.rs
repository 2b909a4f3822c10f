//! The tables of the collocation: nodes, points and weights, which no option's terms touch.

use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};
use std::sync::LazyLock;

use crate::{Error, Result};

/// The most lanes of a tier: what tables are padded to.
const LANES: usize = 8;

/// At how many times the boundary is found, and with how many points its integrals are taken.
#[derive(Clone, Debug)]
pub struct AmericanScheme {
    /// √(τ / expiry) of the nodes: Chebyshev points of the second kind, from 0 to 1.
    pub(super) roots: Vec<f64>,
    /// The integrals up to each node but the first.
    pub(super) boundary: Collocation,
    /// The integral up to the whole time.
    pub(super) premium: Quadrature,
}

/// The points of an integral up to any time τ.
#[derive(Clone, Debug)]
pub(super) struct Points {
    /// √u / √τ of the time u that has passed since the integral's end.
    pub(super) sines: Vec<f64>,
    /// With the derivative of 2 √u / √τ.
    pub(super) weights: Vec<f64>,
}

/// The integrals up to each node but the first, side by side in lanes, and the boundary's
/// interpolation to their points.
#[derive(Clone, Debug)]
pub(super) struct Collocation {
    pub(super) points: Points,
    /// The nodes' √(τ / expiry), in whole vectors of 8: the lanes beyond repeat the last.
    pub(super) roots: Vec<f64>,
    /// The share of each node but the first in the value at each point, `[points, nodes, lanes]`.
    shares: Vec<f64>,
}

/// One integral, its points side by side, and the boundary's interpolation to them.
#[derive(Clone, Debug)]
pub(super) struct Quadrature {
    pub(super) points: Points,
    /// The share of each node but the first in the value at each point, `[nodes, points]`.
    shares: Vec<f64>,
}

impl AmericanScheme {
    /// A scheme of `nodes` times beside the expiry, with `boundary_points` for each of their integrals
    /// and `premium_points` for a price, rounded up to a multiple of 8.
    ///
    /// # Errors
    ///
    /// If a number is 0 or above 512.
    pub fn new(nodes: usize, boundary_points: usize, premium_points: usize) -> Result<Self> {
        let counts = [nodes, boundary_points, premium_points];
        if counts.iter().any(|count| !(1..=512).contains(count)) {
            let expected = "1 to 512 nodes and points".to_owned();
            return Err(Error::Shape { op: "american", expected, got: format!("{counts:?}") });
        }
        Ok(Self::build(nodes, boundary_points, premium_points))
    }

    /// 16 times with 10 points each, and 32 points for a price: seven digits of an option that has
    /// years to go.
    #[must_use]
    pub fn accurate() -> &'static Self {
        static SCHEME: LazyLock<AmericanScheme> =
            LazyLock::new(|| AmericanScheme::build(16, 10, 32));
        &SCHEME
    }

    fn build(nodes: usize, boundary_points: usize, premium_points: usize) -> Self {
        let place = |node: usize| -(node as f64 * PI / nodes as f64).cos();
        let places: Vec<f64> = (0..=nodes).map(place).collect();
        let roots: Vec<f64> = places.iter().map(|place| f64::midpoint(1.0, *place)).collect();
        let boundary = Collocation::new(boundary_points, &places, &roots[1..]);
        let premium = Quadrature::new(premium_points.next_multiple_of(LANES), &places);
        Self { roots, boundary, premium }
    }

    /// The values of a boundary: one more than there are nodes.
    #[must_use]
    pub fn boundary_len(&self) -> usize {
        self.roots.len()
    }

    /// √(τ / expiry) at each value of a boundary, `[nodes + 1]`, from 0 to 1.
    #[must_use]
    pub fn roots(&self) -> &[f64] {
        &self.roots
    }

    /// Everything as the kernels for GPUs read it: the roots of the boundary's integrals, `[lanes]`, their
    /// points' sines and weights, `[points]`, and shares, `[points, nodes, lanes]`; then the premium's
    /// sines and weights, `[premium points]`, and shares, `[nodes, premium points]`.
    #[must_use]
    pub fn table(&self) -> Vec<f64> {
        let (boundary, premium) = (&self.boundary, &self.premium);
        let columns = [
            &boundary.roots,
            &boundary.points.sines,
            &boundary.points.weights,
            &boundary.shares,
            &premium.points.sines,
            &premium.points.weights,
            &premium.shares,
        ];
        columns.into_iter().flatten().copied().collect()
    }

    /// The nodes beside the expiry, the points of each of their integrals and those of a premium.
    pub(crate) fn sizes(&self) -> [usize; 3] {
        [self.roots.len() - 1, self.boundary.points.len(), self.premium.points.len()]
    }

    pub(super) fn check(&self, op: &'static str, boundary: &[f64]) -> Result<()> {
        if boundary.len() == self.roots.len() {
            return Ok(());
        }
        let expected = format!("a boundary of {} values", self.roots.len());
        Err(Error::Shape { op, expected, got: boundary.len().to_string() })
    }
}

impl Points {
    /// So many points, and √(1 − u / τ) at each.
    fn new(count: usize) -> (Self, Vec<f64>) {
        let (mut sines, mut weights, mut cosines) = (Vec::new(), Vec::new(), Vec::new());
        for (point, weight) in gauss_legendre(count) {
            let angle = (1.0 + point) * FRAC_PI_4;
            sines.push(angle.sin());
            cosines.push(angle.cos());
            // From y to θ a quarter of π, from θ to sin θ its cosine, and twice that.
            weights.push(weight * FRAC_PI_2 * angle.cos());
        }
        (Self { sines, weights }, cosines)
    }

    /// Their number.
    pub(super) fn len(&self) -> usize {
        self.sines.len()
    }
}

/// The shares of all nodes but the first in the boundary at a point of the integral up to `end`.
fn shares(places: &[f64], end: f64, cosine: f64) -> Vec<f64> {
    lagrange(places, 2.0 * end * cosine - 1.0).split_off(1)
}

impl Collocation {
    /// Integrals that end at each of `ends` (as √(τ / expiry)).
    fn new(count: usize, places: &[f64], ends: &[f64]) -> Self {
        let (points, cosines) = Points::new(count);
        let lanes = ends.len().next_multiple_of(LANES);
        let mut roots = ends.to_vec();
        roots.resize(lanes, ends.last().copied().unwrap_or(1.0));
        let nodes = places.len() - 1;
        let mut table = vec![0.0; points.len() * nodes * lanes];
        for (point, cosine) in cosines.iter().enumerate() {
            for (lane, root) in roots.iter().enumerate() {
                for (node, share) in shares(places, *root, *cosine).into_iter().enumerate() {
                    table[(point * nodes + node) * lanes + lane] = share;
                }
            }
        }
        Self { points, roots, shares: table }
    }

    /// The shares at one point, `[nodes, lanes]`.
    pub(super) fn shares(&self, point: usize) -> &[f64] {
        let size = self.shares.len() / self.points.len();
        &self.shares[point * size..(point + 1) * size]
    }
}

impl Quadrature {
    /// The integral up to the whole time.
    fn new(count: usize, places: &[f64]) -> Self {
        let (points, cosines) = Points::new(count);
        let columns: Vec<Vec<f64>> =
            cosines.iter().map(|cosine| shares(places, 1.0, *cosine)).collect();
        let nodes = 0..places.len() - 1;
        let table = nodes.flat_map(|node| columns.iter().map(move |column| column[node]));
        Self { points, shares: table.collect() }
    }

    /// The share of a node but the first in the value at each point.
    pub(super) fn shares(&self, node: usize) -> &[f64] {
        &self.shares[node * self.points.len()..(node + 1) * self.points.len()]
    }
}

/// The Lagrange polynomials of Chebyshev points of the second kind at `x`.
///
/// Source: Berrut & Trefethen, "Barycentric Lagrange interpolation" (2004), equations 4.2 and 5.4.
fn lagrange(places: &[f64], x: f64) -> Vec<f64> {
    if let Some(hit) = places.iter().position(|place| (x - place).abs() < f64::EPSILON) {
        return (0..places.len()).map(|node| if node == hit { 1.0 } else { 0.0 }).collect();
    }
    let last = places.len() - 1;
    let weight = |(node, place): (usize, &f64)| {
        let sign = if node % 2 == 0 { 1.0 } else { -1.0 };
        let weight = if node == 0 || node == last { 0.5 * sign } else { sign };
        weight / (x - place)
    };
    let weights: Vec<f64> = places.iter().enumerate().map(weight).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum).collect()
}

/// The points from −1 to 1 and the weights of Gauss and Legendre.
///
/// Source: Abramowitz & Stegun, 25.4.29; the roots by Newton's method from 22.16.6.
fn gauss_legendre(points: usize) -> Vec<(f64, f64)> {
    let count = points as f64;
    let point = |index: usize| {
        let mut x = -(PI * (index as f64 + 0.75) / (count + 0.5)).cos();
        let mut slope = 1.0;
        for _ in 0..8 {
            let (mut before, mut value) = (1.0, x);
            for degree in 2..=points {
                let n = degree as f64;
                (before, value) = (value, ((2.0 * n - 1.0) * x * value - (n - 1.0) * before) / n);
            }
            slope = count * (x * value - before) / (x * x - 1.0);
            x -= value / slope;
        }
        (x, 2.0 / ((1.0 - x * x) * slope * slope))
    };
    (0..points).map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polynomials_are_integrated_exactly() {
        for points in [8, 24, 64] {
            let rule = gauss_legendre(points);
            for power in 0..2 * points as i32 {
                let sum: f64 = rule.iter().map(|(x, w)| w * x.powi(power)).sum();
                let exact = if power % 2 == 0 { 2.0 / f64::from(power + 1) } else { 0.0 };
                assert!((sum - exact).abs() < 1e-13, "{points} {power}: {sum}, {exact}");
            }
        }
    }

    #[test]
    fn polynomials_are_interpolated_exactly() {
        let places: Vec<f64> = (0..=6).map(|n| -(f64::from(n) * PI / 6.0).cos()).collect();
        let cubic = |x: f64| 1.0 - 2.0 * x + 3.0 * x * x * x;
        for x in [-0.9, 0.0, 0.123, 0.999, 1.0] {
            let value: f64 =
                lagrange(&places, x).iter().zip(&places).map(|(l, x)| l * cubic(*x)).sum();
            assert!((value - cubic(x)).abs() < 1e-13, "{x}");
        }
    }

    #[test]
    fn a_scheme_of_nothing_is_refused() {
        assert!(AmericanScheme::new(0, 8, 8).is_err());
        let scheme = AmericanScheme::new(4, 5, 9).unwrap();
        let premium = scheme.premium.points.len();
        assert_eq!((scheme.boundary.points.len(), premium), (5, 16));
        assert!(scheme.check("american", &[0.0; 4]).is_err());
    }
}
