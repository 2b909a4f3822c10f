//! Options by Monte Carlo, each with a control variate whose price is known.

use fillrate_kernels::{Cpu, PathBarrier};

use super::{Barrier, Greeks, Kind, Right, Terms, asian, by_differences, european, price};
use crate::market::montecarlo::{Estimate, MonteCarloOptions, sample};
use crate::{Error, Result};

/// How options are simulated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SimulationOptions {
    /// The number of paths; every second is the mirror image of another, so an even number.
    pub paths: u64,
    /// Where the random numbers come from.
    pub seed: u64,
    /// The steps at which the price beside a barrier is simulated. What happens between two of them is
    /// accounted for exactly, but for the time of the touch, which is taken to be in the middle.
    pub steps: u32,
}

impl Default for SimulationOptions {
    /// 100,000 paths, seed 0, 64 steps.
    fn default() -> Self {
        Self { paths: 100_000, seed: 0, steps: 64 }
    }
}

/// A simulated price and its derivatives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Simulated {
    /// The price.
    pub price: f64,
    /// The standard error of the price.
    pub std_error: f64,
    /// By the spot. This and the derivatives below are central differences of prices that are
    /// simulated with the same random numbers. There is no gamma: it would be noise.
    pub delta: f64,
    /// By the volatility.
    pub vega: f64,
    /// By time that passes, per year.
    pub theta: f64,
    /// By the rate.
    pub rho: f64,
}

/// The price of an option by Monte Carlo over geometric Brownian motion, with antithetic paths.
///
/// | kind | control variate |
/// |---|---|
/// | European | the underlying at expiry |
/// | arithmetic Asian | the geometric one of the same fixings |
/// | geometric Asian with fixings | none |
/// | barrier | the European option |
///
/// # Errors
///
/// If a term or an option is out of its range, or the kind is not among these.
pub fn simulate(
    kind: Kind,
    right: Right,
    terms: Terms,
    options: &SimulationOptions,
) -> Result<Simulated> {
    terms.check()?;
    kind.check(&terms)?;
    let plan = Plan::of(kind, right, options)?;
    plan.options(&terms).check()?;
    if let Draw::Barrier(barrier) = plan.draw
        && barrier.is_touched(&terms)
    {
        // Nothing is left to chance but what a European option leaves, whose price is known.
        let Greeks { price, delta, vega, theta, rho, .. } = price(kind, right, terms)?;
        return Ok(Simulated { price, std_error: 0.0, delta, vega, theta, rho });
    }
    let reach = plan.reach(&terms);
    let Estimate { mean, std_error } = plan.estimate(&terms)?;
    let mut failed = None;
    let greeks = by_differences(&terms, reach, |terms| match plan.estimate(terms) {
        Ok(estimate) => estimate.mean,
        Err(error) => {
            failed = Some(error);
            f64::NAN
        }
    });
    match failed {
        Some(error) => Err(error),
        None => Ok(Simulated {
            price: mean,
            std_error,
            delta: greeks.delta,
            vega: greeks.vega,
            theta: greeks.theta,
            rho: greeks.rho,
        }),
    }
}

/// What is drawn of each path.
#[derive(Clone, Copy, Debug)]
enum Draw {
    European,
    Geometric,
    Arithmetic,
    Barrier(Barrier),
}

#[derive(Clone, Copy, Debug)]
struct Plan {
    draw: Draw,
    right: Right,
    steps: u32,
    paths: u64,
    seed: u64,
}

impl Plan {
    fn of(kind: Kind, right: Right, options: &SimulationOptions) -> Result<Self> {
        let refused =
            |name, message: &str| Err(Error::Argument { name, message: message.to_owned() });
        let (draw, steps) = match kind {
            Kind::European => (Draw::European, 1),
            Kind::AsianGeometric { fixings: Some(fixings) } => (Draw::Geometric, fixings),
            Kind::AsianArithmetic { fixings } => (Draw::Arithmetic, fixings),
            Kind::Barrier(barrier) => (Draw::Barrier(barrier), options.steps),
            Kind::AsianGeometric { fixings: None } => {
                return refused("fixings", "a continuous mean is not simulated: say how many");
            }
            Kind::American => return refused("method", "an American option is not simulated"),
        };
        Ok(Self { draw, right, steps, paths: options.paths, seed: options.seed })
    }

    fn options(&self, terms: &Terms) -> MonteCarloOptions {
        MonteCarloOptions {
            expiry: terms.expiry,
            steps: self.steps,
            paths: self.paths,
            seed: self.seed,
            antithetic: true,
        }
    }

    /// How far the spot may be moved.
    fn reach(&self, terms: &Terms) -> f64 {
        match self.draw {
            Draw::Barrier(barrier) => (terms.spot - barrier.level).abs(),
            _ => terms.spot,
        }
    }

    fn estimate(&self, terms: &Terms) -> Result<Estimate> {
        let options = self.options(terms);
        let moments = sample(&options, |first, mirrored, outputs| {
            self.draw(terms, &options, (first, mirrored), outputs)
        })?;
        let Estimate { mean, std_error } = moments.corrected(self.control_price(terms));
        Ok(Estimate { mean, std_error })
    }

    /// What the control is worth.
    fn control_price(&self, terms: &Terms) -> f64 {
        match self.draw {
            Draw::European => terms.spot * (-terms.dividend * terms.expiry).exp(),
            Draw::Geometric => 0.0,
            Draw::Arithmetic => asian::price(self.right, terms, Some(self.steps)),
            Draw::Barrier(_) => european::greeks(self.right, terms).price,
        }
    }

    /// Discounted payoffs and those of their controls.
    fn draw(
        &self,
        terms: &Terms,
        options: &MonteCarloOptions,
        (first, mirrored): (u64, bool),
        [payoffs, controls]: [&mut [f64]; 2],
    ) -> Result<()> {
        let cpu = Cpu::detect();
        let grid = options.grid(terms.spot, first, mirrored);
        let model = [terms.carry(), terms.vol];
        let discount = terms.discount();
        let paid = |price: f64| discount * self.right.payoff(price, terms.strike);
        let pairs = payoffs.iter_mut().zip(controls.iter_mut());
        match self.draw {
            Draw::European => {
                let mut ends = vec![0.0; pairs.len()];
                let [drift, vol] = model;
                let model = fillrate_kernels::PathModel::GeometricBrownian { drift, vol };
                cpu.path_ends(&model, &grid, &mut ends)?;
                for ((payoff, control), end) in pairs.zip(ends) {
                    (*payoff, *control) = (paid(end), discount * end);
                }
            }
            Draw::Geometric | Draw::Arithmetic => {
                let (mut ratios, mut logs) = (vec![0.0; pairs.len()], vec![0.0; pairs.len()]);
                cpu.path_averages(model, &grid, [&mut ratios, &mut logs])?;
                let is_geometric = matches!(self.draw, Draw::Geometric);
                for ((payoff, control), (ratio, log)) in pairs.zip(ratios.iter().zip(&logs)) {
                    let geometric = paid(terms.spot * log.exp());
                    let arithmetic = paid(terms.spot * ratio);
                    (*payoff, *control) =
                        if is_geometric { (geometric, 0.0) } else { (arithmetic, geometric) };
                }
            }
            Draw::Barrier(barrier) => {
                let mut out = [(); 3].map(|()| vec![0.0; pairs.len()]);
                let beside = PathBarrier {
                    level: barrier.level,
                    is_down: barrier.kind.is_down(),
                    rate: terms.rate,
                };
                let outputs = out.each_mut().map(Vec::as_mut_slice);
                cpu.path_bridges(model, &grid, &beside, outputs)?;
                let [ends, alive, touch] = out;
                let each = ends.into_iter().zip(alive.into_iter().zip(touch));
                for ((payoff, control), (end, (alive, touch))) in pairs.zip(each) {
                    let plain = paid(end);
                    (*payoff, *control) = if barrier.kind.is_in() {
                        ((1.0 - alive) * plain + alive * discount * barrier.rebate, plain)
                    } else {
                        (alive * plain + touch * barrier.rebate, plain)
                    };
                }
            }
        }
        Ok(())
    }
}
