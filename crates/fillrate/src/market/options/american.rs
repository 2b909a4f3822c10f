//! American options: by the boundary of their exercise, or by a tree where there is no single one.

use std::sync::Arc;

use fillrate_kernels::cuda::{AMERICAN_RESULTS, DevicePuts, Layout};
use fillrate_kernels::{AmericanScheme, AmericanTerms, Cpu};
use rayon::prelude::*;

use super::binomial::{Exercise, leisen_reimer};
use super::{Bumps, Greeks, Right, Terms, european};
use crate::Result;
use crate::market::device::{Computer, Job, MarketDevice};

/// Below this deviation over the whole time the underlying is taken to move on its forward.
const DEVIATION_MIN: f64 = 1e-7;
/// The steps of the tree that stands in.
const TREE_STEPS: u32 = 1001;
/// The options of one [`AmericanPuts`]: about a second of a core.
const OPTIONS_PER_JOB: usize = 4096;

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

/// The prices and Greeks of many American options, with the boundaries of their exercise found where
/// `computer` says.
///
/// # Errors
///
/// If a term is out of its range.
pub fn american_on(
    computer: &Computer<AmericanPuts>,
    options: &[(Right, Terms)],
) -> Result<Vec<Greeks>> {
    options.iter().try_for_each(|(_, terms)| terms.check())?;
    let mut greeks = Vec::with_capacity(options.len());
    for options in options.chunks(OPTIONS_PER_JOB) {
        let bumps: Vec<Bumps> =
            options.iter().map(|(_, terms)| Bumps::of(terms, terms.spot)).collect();
        let of_bumps = |((right, _), bumps): (&(Right, Terms), &Bumps)| {
            bumps.terms().map(|terms| Put::of(*right, &terms))
        };
        let puts: Vec<[Put; Bumps::COUNT]> = options.par_iter().zip(&bumps).map(of_bumps).collect();
        let bounded = puts.iter().flatten().filter_map(|put| match put {
            Put::Bounded(put) => Some(Arc::clone(put)),
            Put::Known(_) => None,
        });
        let job = AmericanPuts { puts: bounded.collect() };
        let mut solutions = if job.puts.is_empty() {
            Vec::new().into_iter()
        } else {
            computer.run(job)?.into_iter()
        };
        // Prices that take a tree are found side by side.
        let of_put = |put: &Put| match put {
            Put::Known(price) => Solved::Known(*price),
            Put::Bounded(put) => Solved::Bounded(Arc::clone(put), solutions.next().flatten()),
        };
        let solved: Vec<Solved> = puts.iter().flatten().map(of_put).collect();
        let prices: Vec<f64> = solved.par_iter().map(Solved::price).collect();
        let (prices, _) = prices.as_chunks::<{ Bumps::COUNT }>();
        greeks.extend(bumps.iter().zip(prices).map(|(bumps, prices)| bumps.greeks(*prices)));
    }
    Ok(greeks)
}

/// The price of an option whose terms were checked.
pub(super) fn price(right: Right, terms: &Terms) -> f64 {
    match Put::of(right, terms) {
        Put::Known(price) => price,
        Put::Bounded(put) => put.price(put.solve()),
    }
}

/// An American option as a put.
enum Put {
    /// One whose price takes no boundary.
    Known(f64),
    /// One whose price follows from its boundary.
    Bounded(Arc<BoundedPut>),
}

/// The same with what was found of the boundary.
enum Solved {
    Known(f64),
    Bounded(Arc<BoundedPut>, Option<PutSolution>),
}

impl Solved {
    fn price(&self) -> f64 {
        match self {
            Self::Known(price) => *price,
            Self::Bounded(put, solution) => put.price(*solution),
        }
    }
}

/// A put with one boundary of exercise.
#[derive(Clone, Debug)]
struct BoundedPut {
    terms: Terms,
    /// The price of the European put.
    european: f64,
    /// The logarithm of spot over strike.
    log_spot: f64,
    /// A boundary near the true one, at the nodes of the scheme.
    guess: Vec<f64>,
}

/// What is found of a put's boundary.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PutSolution {
    /// The logarithm over the strike of the price up to which it is exercised now.
    pub log_boundary: f64,
    /// What the right to exercise early adds, over the strike; nothing is said of a put that is
    /// exercised now.
    pub premium: f64,
}

impl Put {
    /// Of an option whose terms were checked.
    fn of(right: Right, terms: &Terms) -> Self {
        // A call is a put with spot and strike, and rate and yield, in each other's place.
        // Source: McDonald & Schroder, "A parity result for American options" (1998).
        let terms = match right {
            Right::Put => *terms,
            Right::Call => Terms {
                spot: terms.strike,
                strike: terms.spot,
                rate: terms.dividend,
                dividend: terms.rate,
                ..*terms
            },
        };
        let Terms { spot, strike, rate, dividend, vol, expiry } = terms;
        let european = european::greeks(Right::Put, &terms).price;
        if rate <= 0.0 && dividend >= rate {
            // The strike loses nothing by being paid later.
            return Self::Known(european);
        }
        if vol * expiry.sqrt() < DEVIATION_MIN {
            return Self::Known(without_volatility(&terms));
        }
        if rate < 0.0 {
            return Self::Known(tree(&terms).max(european));
        }
        let kernel = AmericanTerms { rate, dividend, vol, expiry };
        let guess = first_guess(&kernel, AmericanScheme::accurate().roots());
        Self::Bounded(Arc::new(BoundedPut {
            terms,
            european,
            log_spot: (spot / strike).ln(),
            guess,
        }))
    }
}

/// The price of a put by a tree.
fn tree(terms: &Terms) -> f64 {
    leisen_reimer(Exercise::American, Right::Put, terms, TREE_STEPS)
}

impl BoundedPut {
    fn kernel_terms(&self) -> AmericanTerms {
        let Terms { rate, dividend, vol, expiry, .. } = self.terms;
        AmericanTerms { rate, dividend, vol, expiry }
    }

    /// What is found of the boundary, if it is found.
    fn solve(&self) -> Option<PutSolution> {
        let (cpu, scheme, terms) = (Cpu::detect(), AmericanScheme::accurate(), self.kernel_terms());
        let mut boundary = self.guess.clone();
        if !cpu.american_boundary(&terms, scheme, &mut boundary).unwrap_or(false) {
            return None;
        }
        let log_boundary = boundary.last().copied()?;
        // A put that is exercised now has no premium to be found.
        let premium = if self.log_spot <= log_boundary {
            0.0
        } else {
            cpu.american_premium(&terms, scheme, &boundary, self.log_spot).ok()?
        };
        Some(PutSolution { log_boundary, premium })
    }

    /// The price that follows from the boundary, or a tree's if it was not found.
    fn price(&self, solution: Option<PutSolution>) -> f64 {
        let intrinsic = Right::Put.payoff(self.terms.spot, self.terms.strike);
        match solution {
            None => tree(&self.terms).max(self.european),
            Some(solution) if self.log_spot <= solution.log_boundary => intrinsic,
            Some(PutSolution { premium, .. }) => {
                (self.european + self.terms.strike * premium).max(intrinsic)
            }
        }
    }
}

/// American puts whose boundaries are found together.
#[derive(Clone, Debug)]
pub struct AmericanPuts {
    puts: Vec<Arc<BoundedPut>>,
}

impl Job for AmericanPuts {
    /// By put; `None` where no boundary was found.
    type Answer = Vec<Option<PutSolution>>;

    /// In puts.
    fn size(&self) -> u64 {
        self.puts.len() as u64
    }

    fn on_processor(&self) -> Result<Self::Answer> {
        Ok(self.puts.par_iter().map(|put| put.solve()).collect())
    }

    fn on_device(&self, device: &MarketDevice) -> Result<Self::Answer> {
        const DOUBLE: usize = size_of::<f64>();
        let scheme = AmericanScheme::accurate();
        let (table, puts) = (scheme.table(), self.puts.len());
        let row = |put: &Arc<BoundedPut>| {
            let Terms { rate, dividend, vol, expiry, .. } = put.terms;
            [rate, dividend, vol, expiry, put.log_spot, put.log_spot.exp()]
        };
        let terms: Vec<f64> = self.puts.iter().flat_map(row).collect();
        let guesses: Vec<f64> = self.puts.iter().flat_map(|put| put.guess.clone()).collect();
        let mut layout = Layout::default();
        let inputs = [&table, &terms, &guesses];
        let spans = inputs.map(|values| layout.reserve(values.len() * DOUBLE));
        let out = layout.reserve(puts * AMERICAN_RESULTS * DOUBLE);
        let region = device.region(&layout, "options")?;
        let inputs_at = spans.map(|span| span.at(region.address()));
        for (to, values) in inputs_at.into_iter().zip(inputs) {
            device.upload(to, values)?;
        }
        let [scheme_at, terms, guesses] = inputs_at;
        let out = out.at(region.address());
        let place = DevicePuts { scheme: scheme_at, terms, guesses, out, puts };
        device.prices.american_puts(scheme, &place)?;
        let mut results = vec![0.0; puts * AMERICAN_RESULTS];
        device.download(out, &mut results)?;
        let (results, _) = results.as_chunks::<AMERICAN_RESULTS>();
        let solution = |[is_found, log_boundary, premium]: &[f64; AMERICAN_RESULTS]| {
            (*is_found > 0.0)
                .then_some(PutSolution { log_boundary: *log_boundary, premium: *premium })
        };
        Ok(results.iter().map(solution).collect())
    }
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
