//! Options by Monte Carlo, each with a control variate whose price is known.

use std::ops::Range;

use fillrate_kernels::cuda::{CHUNK_MOMENTS, DeviceSamples, Layout, SAMPLE_TERMS};
use fillrate_kernels::{Cpu, OptionTerms, PathGrid, Sampled};
use rayon::prelude::*;

use super::{Barrier, Bumps, Greeks, Kind, Right, Terms, asian, european, price};
use crate::market::device::{Computer, Job, MarketDevice};
use crate::market::montecarlo::{
    CHUNK, Estimate, Moments, MonteCarloOptions, PART_STEPS, STEPS_MAX,
};
use crate::{Error, Result};

/// The most paths of one [`OptionSimulation`], of which each takes 16 bytes for each set of terms.
const PART_PATHS: usize = 1 << 18;

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
    /// The standard error of the price; NaN where the paths are too few to have one.
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
    simulate_on(&Computer::processor(), kind, right, terms, options)
}

/// The same, with the paths walked and what they pay added up where `computer` says.
///
/// # Errors
///
/// As for [`simulate`].
pub fn simulate_on(
    computer: &Computer<OptionSimulation>,
    kind: Kind,
    right: Right,
    terms: Terms,
    options: &SimulationOptions,
) -> Result<Simulated> {
    terms.check()?;
    kind.check(&terms)?;
    let plan = Plan::of(kind, right, options)?;
    let paths = plan.options(&terms);
    paths.check()?;
    if let Kind::Barrier(barrier) = kind
        && barrier.is_touched(&terms)
    {
        // Nothing is left to chance but what a European option leaves, whose price is known.
        let Greeks { price, delta, vega, theta, rho, .. } = price(kind, right, terms)?;
        return Ok(Simulated { price, std_error: 0.0, delta, vega, theta, rho });
    }
    let bumps = Bumps::of(&terms, plan.reach(&terms));
    let sets = bumps.terms();
    // Every set of terms walks the same paths, and each its mirror image.
    let steps = u64::from(plan.steps) * 2 * Bumps::COUNT as u64;
    let part = ((PART_STEPS / steps) as usize).clamp(1, PART_PATHS).next_multiple_of(CHUNK);
    let mut moments = sets.map(|_| Vec::new());
    for start in (0..paths.drawn()).step_by(part) {
        let range = start..paths.drawn().min(start + part);
        let SimulationMoments(of_sets) =
            computer.run(OptionSimulation { plan, sets, range: range.clone() })?;
        let chunks = range.len().div_ceil(CHUNK);
        for (moments, of_set) in moments.iter_mut().zip(of_sets.chunks(chunks)) {
            moments.extend_from_slice(of_set);
        }
    }
    let estimate = |set: usize| -> Estimate {
        Moments::tree(&moments[set]).corrected(plan.control_price(&sets[set]))
    };
    let estimates: [Estimate; Bumps::COUNT] = std::array::from_fn(estimate);
    let Greeks { price, delta, vega, theta, rho, .. } =
        bumps.greeks(estimates.map(|estimate| estimate.mean));
    Ok(Simulated { price, std_error: estimates[0].std_error, delta, vega, theta, rho })
}

/// What is drawn of each path, and how many of them.
#[derive(Clone, Copy, Debug)]
struct Plan {
    sampled: Sampled,
    right: Right,
    steps: u32,
    paths: u64,
    seed: u64,
}

impl Plan {
    fn of(kind: Kind, right: Right, options: &SimulationOptions) -> Result<Self> {
        let refused =
            |name, message: &str| Err(Error::Argument { name, message: message.to_owned() });
        if let Kind::AsianGeometric { fixings: Some(fixings) } | Kind::AsianArithmetic { fixings } =
            kind
            && fixings > STEPS_MAX
        {
            return refused("fixings", &format!("{fixings} is not from 1 to {STEPS_MAX}"));
        }
        let (sampled, steps) = match kind {
            Kind::European => (Sampled::European, 1),
            Kind::AsianGeometric { fixings: Some(fixings) } => (Sampled::GeometricMean, fixings),
            Kind::AsianArithmetic { fixings } => (Sampled::ArithmeticMean, fixings),
            Kind::Barrier(Barrier { kind, level, rebate }) => {
                let (is_down, is_in) = (kind.is_down(), kind.is_in());
                (Sampled::Barrier { level, is_down, is_in, rebate }, options.steps)
            }
            Kind::AsianGeometric { fixings: None } => {
                return refused("fixings", "a continuous mean is not simulated: say how many");
            }
            Kind::American => return refused("method", "an American option is not simulated"),
        };
        Ok(Self { sampled, right, steps, paths: options.paths, seed: options.seed })
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
        match self.sampled {
            Sampled::Barrier { level, .. } => (terms.spot - level).abs(),
            _ => terms.spot,
        }
    }

    /// What the control is worth.
    fn control_price(&self, terms: &Terms) -> f64 {
        match self.sampled {
            Sampled::European => terms.spot * (-terms.dividend * terms.expiry).exp(),
            Sampled::ArithmeticMean => asian::price(self.right, terms, self.steps),
            Sampled::Barrier { .. } => european::greeks(self.right, terms).price,
            // Without a control there is nothing to correct.
            _ => 0.0,
        }
    }

    fn terms(&self, terms: &Terms) -> OptionTerms {
        let Terms { spot, strike, rate, dividend, vol, expiry } = *terms;
        OptionTerms { sign: self.right.sign(), spot, strike, rate, dividend, vol, expiry }
    }
}

/// Some paths of a simulated option, for all the terms that make its price and its Greeks.
#[derive(Clone, Debug)]
pub struct OptionSimulation {
    plan: Plan,
    sets: [Terms; Bumps::COUNT],
    /// Among the paths that draw numbers of their own.
    range: Range<usize>,
}

/// What options and their controls pay on some paths: moments by set of terms and chunk.
#[derive(Clone, Debug)]
pub struct SimulationMoments(Vec<Moments>);

impl OptionSimulation {
    fn grid(&self, first: usize) -> PathGrid {
        self.plan.options(&self.sets[0]).grid(self.sets[0].spot, first as u64, false)
    }
}

impl Job for OptionSimulation {
    type Answer = SimulationMoments;

    /// In steps of all paths and sets of terms.
    fn size(&self) -> u64 {
        (2 * self.range.len() * self.sets.len()) as u64 * u64::from(self.plan.steps)
    }

    fn on_processor(&self) -> Result<SimulationMoments> {
        let chunks = self.range.len().div_ceil(CHUNK);
        let chunk = |place: usize| {
            let first = self.range.start + place % chunks * CHUNK;
            let count = CHUNK.min(self.range.end - first);
            let terms = self.plan.terms(&self.sets[place / chunks]);
            let (mut samples, mut controls) = (vec![0.0; count], vec![0.0; count]);
            let outputs = [&mut samples[..], &mut controls];
            Cpu::detect().option_samples(self.plan.sampled, &terms, &self.grid(first), outputs)?;
            Ok(Moments::of(&samples, &controls))
        };
        let moments: Result<Vec<Moments>> =
            (0..self.sets.len() * chunks).into_par_iter().map(chunk).collect();
        Ok(SimulationMoments(moments?))
    }

    fn on_device(&self, device: &MarketDevice) -> Result<SimulationMoments> {
        const DOUBLE: usize = size_of::<f64>();
        let (sets, paths) = (self.sets.map(|set| self.plan.terms(&set)), self.range.len());
        let chunks = sets.len() * paths.div_ceil(CHUNK);
        let mut layout = Layout::default();
        let samples = layout.reserve(sets.len() * paths * DOUBLE);
        let controls = layout.reserve(sets.len() * paths * DOUBLE);
        let scratch = layout.reserve(sets.len() * SAMPLE_TERMS * DOUBLE);
        let moments = layout.reserve(chunks * CHUNK_MOMENTS * DOUBLE);
        let region = device.region(&layout, "options")?;
        let [samples, controls, scratch, moments] =
            [samples, controls, scratch, moments].map(|span| span.at(region.address()));
        let place = DeviceSamples { samples, controls, paths, scratch };
        let (prices, grid) = (&device.prices, self.grid(self.range.start));
        prices.option_samples(self.plan.sampled, &sets, &grid, &place)?;
        prices.chunk_moments(samples, Some(controls), [sets.len(), paths], CHUNK, moments)?;
        Ok(SimulationMoments(device.moments(moments, sets.len(), paths)?))
    }
}
