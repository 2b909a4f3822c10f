//! The boundary by fixed points: the integrals of all nodes side by side, one node a lane.

use super::AmericanTerms;
use super::scheme::AmericanScheme;
use crate::cpu::dispatch::Kernel;
use crate::cpu::doubles::{Doubles, math};
use crate::cpu::lanes::Lanes;

/// The boundary is found when no logarithm of it moves by more: prices then move by less than a
/// hundredth of that.
const TOLERANCE: f64 = 1e-6;

/// 1 / √(2π).
const BELL_SCALE: f64 = 0.398_942_280_401_432_7;

/// Which equation the boundary solves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum System {
    /// FP-A, from densities: some eight sweeps, but none is enough where the rate is far above the
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

/// The search for a boundary, from a guess.
pub(super) struct BoundarySearch<'a> {
    pub(super) terms: &'a AmericanTerms,
    pub(super) scheme: &'a AmericanScheme,
    pub(super) boundary: &'a mut [f64],
    pub(super) found: &'a mut bool,
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
    let [limit, logs @ ..] = boundary else { return true };
    let limit = *limit;
    // SAFETY: the caller has the instructions of `V`.
    let mut equation = unsafe { Equation::new::<V>(terms, scheme, system, limit) };
    let (mut steps, mut last_steps) = (vec![0.0; logs.len()], vec![0.0; logs.len()]);
    let mut relaxation = 1.0_f64;
    for sweep in 0..system.sweeps_max() {
        // SAFETY: as above.
        unsafe { equation.sweep::<V>(logs) };
        for ((step, log), moved) in steps.iter_mut().zip(&*logs).zip(&equation.moved) {
            *step = moved.min(limit) - log;
        }
        // `min` leaves a NaN out: those are looked for where they came from.
        if equation.moved[..logs.len()].iter().any(|moved| !moved.is_finite()) {
            return false;
        }
        let largest = steps.iter().fold(0.0_f64, |largest, step| largest.max(step.abs()));
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
        for (log, step) in logs.iter_mut().zip(&steps) {
            *log = (*log + relaxation * step).min(limit);
        }
        if largest <= TOLERANCE {
            return true;
        }
        std::mem::swap(&mut steps, &mut last_steps);
    }
    false
}

/// An equation for the boundary with the tables that no sweep changes.
struct Equation<'a> {
    scheme: &'a AmericanScheme,
    system: System,
    /// The boundary just before expiry.
    limit: f64,
    has_dividend: bool,
    nodes: NodeTable,
    points: PointTable,
    /// The boundary on the way into a sweep.
    logs: Vec<f64>,
    /// H at the nodes, the square of its distance from the limit: what is smooth enough to be
    /// interpolated. `[nodes]`.
    squares: Vec<f64>,
    /// Where a sweep moves it; not a number where there is no such place.
    moved: Vec<f64>,
}

/// What the terms make of the nodes, `[lanes]`.
struct NodeTable {
    /// The time to expiry, τ.
    tau: Vec<f64>,
    /// σ √τ.
    deviation: Vec<f64>,
    /// (r − q − σ²/2) τ.
    drift: Vec<f64>,
    /// (r − q) τ.
    carry: Vec<f64>,
    /// √τ / (σ √(2π)).
    scale: Vec<f64>,
}

/// What they make of the points of every integral, each u after its end: `[points, lanes]`.
struct PointTable {
    /// σ √u, and 1 over it.
    deviation: Vec<f64>,
    inverse: Vec<f64>,
    /// (r − q − σ²/2) u over the deviation.
    shift: Vec<f64>,
    /// The weights in the two integrals, with what is earned from u to τ.
    upper: Vec<f64>,
    lower: Vec<f64>,
}

// SAFETY (of every block below): the caller has the instructions of `V`; every array has a value for
// each lane, and the lanes are whole vectors.
impl<'a> Equation<'a> {
    #[inline(always)]
    unsafe fn new<V: Doubles>(
        terms: &AmericanTerms,
        scheme: &'a AmericanScheme,
        system: System,
        limit: f64,
    ) -> Self {
        let AmericanTerms { rate, dividend, vol, expiry } = *terms;
        let roots: Vec<f64> =
            scheme.boundary.roots.iter().map(|root| expiry.sqrt() * root).collect();
        let of = |value: &dyn Fn(f64) -> f64| roots.iter().map(|root| value(*root)).collect();
        let nodes = NodeTable {
            tau: of(&|root| root * root),
            deviation: of(&|root| vol * root),
            drift: of(&|root| (rate - dividend - 0.5 * vol * vol) * root * root),
            carry: of(&|root| (rate - dividend) * root * root),
            scale: of(&|root| BELL_SCALE * root / vol),
        };
        // SAFETY: see above.
        let points = unsafe { PointTable::new::<V>(terms, scheme, system, &nodes) };
        let (logs, moved) = (vec![0.0; roots.len()], vec![0.0; roots.len()]);
        let (squares, has_dividend) = (Vec::new(), dividend != 0.0);
        Self { scheme, system, limit, has_dividend, nodes, points, logs, squares, moved }
    }

    /// Where the boundary would be if all of it were as `logs` say: sets `moved`.
    #[inline(always)]
    unsafe fn sweep<V: Doubles>(&mut self, logs: &[f64]) {
        self.logs.fill(logs.last().copied().unwrap_or(self.limit));
        self.logs[..logs.len()].copy_from_slice(logs);
        self.squares.clear();
        self.squares.extend(logs.iter().map(|log| (log - self.limit).powi(2)));
        for lane in (0..self.logs.len()).step_by(V::LANES) {
            // SAFETY: see above.
            unsafe {
                let moved = self.fixed_point::<V>(lane);
                moved.store(self.moved.as_mut_ptr().add(lane));
            }
        }
    }

    #[inline(always)]
    unsafe fn fixed_point<V: Doubles>(&self, lane: usize) -> V {
        let nodes = &self.nodes;
        // SAFETY: see above.
        unsafe {
            let deviation = at::<V>(&nodes.deviation, lane);
            let d_minus = at::<V>(&self.logs, lane).add(at::<V>(&nodes.drift, lane)).div(deviation);
            let [below_minus, _, bell_minus] = math::normal(d_minus);
            let [below_plus, _, bell_plus] = math::normal(d_minus.add(deviation));
            let (upper, lower) = match self.system {
                System::Densities => {
                    let scale = V::splat(BELL_SCALE).div(deviation);
                    (bell_minus.mul(scale), bell_plus.mul(scale).add(below_plus))
                }
                System::Distributions => (below_minus, below_plus),
            };
            let [more_upper, more_lower] = self.integrals::<V>(lane);
            let ratio = upper.add(more_upper).div(lower.add(more_lower));
            let moved = math::ln(ratio).sub(at::<V>(&nodes.carry, lane));
            // Logarithms are those of positive normal numbers.
            let nothing = V::splat(f64::NAN);
            let moved = ratio.sub(V::splat(f64::MIN_POSITIVE)).select_positive(moved, nothing);
            V::splat(f64::MAX).sub(ratio).select_positive(moved, nothing)
        }
    }

    /// The two integrals of the equation.
    #[inline(always)]
    unsafe fn integrals<V: Doubles>(&self, lane: usize) -> [V; 2] {
        let lanes = self.logs.len();
        // SAFETY: see above.
        unsafe {
            let (log, tau, scale) = (
                at::<V>(&self.logs, lane),
                at::<V>(&self.nodes.tau, lane),
                at::<V>(&self.nodes.scale, lane),
            );
            let zero = V::splat(0.0);
            let (mut upper, mut lower) = (zero, zero);
            for (index, sine) in self.scheme.boundary.points.sines.iter().enumerate() {
                let points = &self.points;
                let place = index * lanes + lane;
                let shares = self.scheme.boundary.shares(index).as_ptr().add(lane);
                let mut square = zero;
                for (node, value) in self.squares.iter().enumerate() {
                    let share = V::load(shares.add(node * lanes));
                    square = square.add(share.mul(V::splat(*value)));
                }
                let boundary = V::splat(self.limit).sub(square.max(zero).sqrt());
                let d_minus = log
                    .sub(boundary)
                    .mul(at::<V>(&points.inverse, place))
                    .add(at::<V>(&points.shift, place));
                let d_plus = d_minus.add(at::<V>(&points.deviation, place));
                if self.system == System::Densities {
                    let half_square = d_minus.mul(d_minus).mul(V::splat(-0.5));
                    upper = upper.add(at::<V>(&points.upper, place).mul(math::exp(half_square)));
                } else {
                    let [below, ..] = math::normal(d_minus);
                    upper = upper.add(at::<V>(&points.upper, place).mul(below));
                }
                if self.has_dividend {
                    let [below, _, bell] = math::normal(d_plus);
                    let inner = if self.system == System::Densities {
                        below.mul(V::splat(*sine).mul(tau)).add(bell.mul(scale))
                    } else {
                        below
                    };
                    lower = lower.add(at::<V>(&points.lower, place).mul(inner));
                }
            }
            [upper, lower]
        }
    }
}

impl PointTable {
    #[inline(always)]
    unsafe fn new<V: Doubles>(
        terms: &AmericanTerms,
        scheme: &AmericanScheme,
        system: System,
        nodes: &NodeTable,
    ) -> Self {
        let AmericanTerms { rate, dividend, vol, .. } = *terms;
        let points = &scheme.boundary.points;
        let lanes = nodes.tau.len();
        let deviations =
            points.sines.iter().flat_map(|sine| nodes.deviation.iter().map(move |d| d * sine));
        let deviation: Vec<f64> = deviations.collect();
        let slope = (rate - dividend - 0.5 * vol * vol) / (vol * vol);
        let inverse = deviation.iter().map(|deviation| 1.0 / deviation).collect();
        let shift = deviation.iter().map(|deviation| slope * deviation).collect();
        let (mut upper, mut lower) = (vec![0.0; deviation.len()], vec![0.0; deviation.len()]);
        for (point, (sine, weight)) in points.sines.iter().zip(&points.weights).enumerate() {
            for lane in (0..lanes).step_by(V::LANES) {
                // SAFETY: see above.
                unsafe {
                    let tau = at::<V>(&nodes.tau, lane);
                    let left = tau.mul(V::splat(1.0 - sine * sine));
                    let [above, below] = match system {
                        System::Densities => [at::<V>(&nodes.scale, lane), V::splat(1.0)],
                        System::Distributions => [tau.mul(V::splat(*sine)); 2],
                    };
                    let above = above.mul(math::exp(left.mul(V::splat(rate))));
                    let below = below.mul(math::exp(left.mul(V::splat(dividend))));
                    let place = point * lanes + lane;
                    above.mul(V::splat(weight * rate)).store(upper.as_mut_ptr().add(place));
                    below.mul(V::splat(weight * dividend)).store(lower.as_mut_ptr().add(place));
                }
            }
        }
        Self { deviation, inverse, shift, upper, lower }
    }
}

/// A vector of an array's values.
#[inline(always)]
unsafe fn at<V: Doubles>(values: &[f64], lane: usize) -> V {
    // SAFETY: see above.
    unsafe { V::load(values.as_ptr().add(lane)) }
}
