//! Portfolios: the weights that are best by an objective, within constraints.
//!
//! # Conventions
//!
//! Returns are simple ones between the dates at which every symbol has a price. Weights sum to 1. Means,
//! variances and CVaR are per bar, as in [`super::risk`]; targets and rates are per year, a 252nd of
//! them per bar; Sharpe is annualised by √252. What is past is taken for what is to come: weights are
//! as good as the moments they rest on.
//!
//! Quadratic and linear programs are solved by [Clarabel](https://clarabel.org), an interior-point
//! method; the conditions of Karush, Kuhn and Tucker are checked here afterwards, and an answer that
//! does not meet them is an error. Risk parity has a method of its own. All that is the processor's;
//! covariances and the returns of many portfolios are a [`PortfolioJob`], which a GPU computes as well.

mod constraints;
mod covariance;
mod cvar;
mod on_device;
mod program;
mod risk_parity;
mod sample;
mod walk;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use rayon::prelude::*;

use self::constraints::Constraints;
use self::covariance::Matrix;
use self::program::{Program, Row};
use self::sample::Sample;
use super::device::Computer;
use super::panel::{Column, Panel};
use super::risk::BARS_PER_YEAR;
use crate::{Error, Result};

pub use self::constraints::{Bounds, Group, Turnover};
pub use self::covariance::Covariance;
pub use self::on_device::PortfolioJob;
pub use self::walk::{Held, PortfolioFold, walk_forward, walk_forward_on};

/// What makes one portfolio better than another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Objective {
    /// The least variance.
    MinVariance,
    /// The greatest mean above the rate, in deviations.
    MaxSharpe,
    /// The least variance of those whose mean reaches [`PortfolioOptions::target_return`].
    TargetReturn,
    /// Every symbol adds the same to the deviation. Weights are above 0, and no constraint applies.
    RiskParity,
    /// The least mean of the losses beyond their quantile at this confidence, between 0 and 1.
    MinCvar {
        /// The confidence.
        confidence: f64,
    },
}

impl Objective {
    /// Every objective, CVaR at 95 %.
    pub const ALL: [Self; 5] = [
        Self::MinVariance,
        Self::MaxSharpe,
        Self::TargetReturn,
        Self::RiskParity,
        Self::MinCvar { confidence: 0.95 },
    ];

    /// The name: `min-variance`, `max-sharpe`, `target-return`, `risk-parity` or `min-cvar`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MinVariance => "min-variance",
            Self::MaxSharpe => "max-sharpe",
            Self::TargetReturn => "target-return",
            Self::RiskParity => "risk-parity",
            Self::MinCvar { .. } => "min-cvar",
        }
    }
}

impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Objective {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|objective| objective.as_str() == name);
        known.ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str);
            format!("expected one of {}", names.join(", "))
        })
    }
}

/// What is wanted of a portfolio.
#[derive(Clone, Debug, PartialEq)]
pub struct PortfolioOptions {
    /// What makes one better than another.
    pub objective: Objective,
    /// How the covariance is estimated.
    pub covariance: Covariance,
    /// The least and the most weight of a symbol.
    pub bounds: Bounds,
    /// The same of single symbols.
    pub bounds_of: Vec<(String, Bounds)>,
    /// The least and the most weight of some symbols together.
    pub groups: Vec<Group>,
    /// How far weights may be from those of now.
    pub turnover: Option<Turnover>,
    /// The most that the weights' absolute values sum to.
    pub leverage: Option<f64>,
    /// The least mean, per year.
    pub target_return: Option<f64>,
    /// The rate without risk, per year.
    pub risk_free: f64,
    /// The column of prices.
    pub column: Column,
}

impl Default for PortfolioOptions {
    /// The least variance of the sample, each weight from −1 to 1.
    fn default() -> Self {
        Self {
            objective: Objective::MinVariance,
            covariance: Covariance::Sample,
            bounds: Bounds { low: -1.0, high: 1.0 },
            bounds_of: Vec::new(),
            groups: Vec::new(),
            turnover: None,
            leverage: None,
            target_return: None,
            risk_free: 0.0,
            column: Column::Close,
        }
    }
}

/// A portfolio that is best by its objective.
#[derive(Clone, Debug, PartialEq)]
pub struct Portfolio {
    /// The weight of each symbol, in the panel's order; shape `[symbols]`.
    pub weights: Vec<f64>,
    /// The objective's value: variance, Sharpe ratio per year, of risk parity the deviation, or CVaR.
    pub value: f64,
    /// The mean return, per bar.
    pub mean: f64,
    /// The standard deviation by the estimated covariance, per bar.
    pub volatility: f64,
    /// The mean above the rate in deviations, × √252; `None` without a deviation.
    pub sharpe: Option<f64>,
    /// The share of each symbol in the variance; shape `[symbols]`.
    pub risk_shares: Vec<f64>,
    /// The returns that it rests on.
    pub observations: usize,
    /// How far the conditions of Karush, Kuhn and Tucker are from being met, in the solver's scale.
    pub kkt_residual: f64,
}

/// The estimates of a sample.
struct Estimates {
    sample: Arc<Sample>,
    mean: Vec<f64>,
    covariance: Matrix,
}

/// Weights that a program or a method found.
struct Solved {
    weights: Vec<f64>,
    residual: f64,
}

impl Estimates {
    fn of(
        computer: &Computer<PortfolioJob>,
        panel: &Panel,
        options: &PortfolioOptions,
    ) -> Result<Self> {
        check(options)?;
        let sample = Arc::new(Sample::of(panel, options.column)?);
        let all = 0..sample.rows;
        let mut covariances =
            options.covariance.estimate(computer, &sample, std::slice::from_ref(&all))?;
        Self::new(sample, covariances.swap_remove(0), options)
    }

    fn new(sample: Arc<Sample>, covariance: Matrix, options: &PortfolioOptions) -> Result<Self> {
        let mean = sample.means();
        // The least CVaR is found without it.
        if !matches!(options.objective, Objective::MinCvar { .. }) {
            covariance.check_positive_definite(&sample.symbols, options.covariance)?;
        }
        Ok(Self { sample, mean, covariance })
    }

    /// The figures of portfolios. Where CVaR is the objective, the returns of all of them are computed
    /// where `computer` says.
    fn portfolios(
        &self,
        computer: &Computer<PortfolioJob>,
        solved: Vec<Solved>,
        options: &PortfolioOptions,
    ) -> Result<Vec<Portfolio>> {
        let mut cvars = Vec::new();
        if let Objective::MinCvar { confidence } = options.objective {
            let weights = solved.iter().flat_map(|solved| &solved.weights).copied().collect();
            let returns = computer.run(PortfolioJob::returns(&self.sample, weights))?;
            let of_portfolios = returns.par_chunks(self.sample.rows);
            cvars = of_portfolios.map(|returns| cvar::of(returns, confidence)).collect();
        }
        let portfolio =
            |(place, solved)| self.portfolio(solved, cvars.get(place).copied(), options);
        Ok(solved.into_iter().enumerate().map(portfolio).collect())
    }

    /// The figures of one portfolio, whose CVaR is known where it is the objective.
    fn portfolio(
        &self,
        solved: Solved,
        cvar: Option<f64>,
        options: &PortfolioOptions,
    ) -> Portfolio {
        let Solved { weights, residual } = solved;
        let mean = dot(&self.mean, &weights);
        let marginal = self.covariance.times(&weights);
        let variance = dot(&marginal, &weights).max(0.0);
        let excess = mean - options.risk_free / BARS_PER_YEAR;
        let volatility = variance.sqrt();
        let sharpe = (variance > 0.0).then(|| excess / volatility * BARS_PER_YEAR.sqrt());
        let share = |(w, m): (&f64, &f64)| if variance > 0.0 { w * m / variance } else { 0.0 };
        let risk_shares = weights.iter().zip(&marginal).map(share).collect();
        let value = match options.objective {
            Objective::MinVariance | Objective::TargetReturn => variance,
            Objective::MaxSharpe => sharpe.unwrap_or(0.0),
            Objective::RiskParity => volatility,
            Objective::MinCvar { .. } => cvar.unwrap_or(0.0),
        };
        Portfolio {
            weights,
            value,
            mean,
            volatility,
            sharpe,
            risk_shares,
            observations: self.sample.rows,
            kkt_residual: residual,
        }
    }

    fn constraints(&self, options: &PortfolioOptions) -> Result<Constraints> {
        Constraints::of(&self.sample.symbols, &self.mean, options)
    }

    /// The weights that are best within constraints.
    fn solve(&self, constraints: &Constraints, options: &PortfolioOptions) -> Result<Solved> {
        let (weights, residual) = match options.objective {
            Objective::MinVariance | Objective::TargetReturn => self.min_variance(constraints),
            Objective::MaxSharpe => self.max_sharpe(constraints, options.risk_free / BARS_PER_YEAR),
            Objective::RiskParity => risk_parity::solve(&self.covariance),
            Objective::MinCvar { confidence } => cvar::solve(&self.sample, constraints, confidence),
        }?;
        Ok(Solved { weights, residual })
    }

    fn min_variance(&self, constraints: &Constraints) -> Result<(Vec<f64>, f64)> {
        let mut program = Program::new(constraints.variables());
        program.set_quadratic(&self.covariance);
        program.rows = constraints.rows();
        let solution = program.solve()?;
        Ok((constraints.within_bounds(&solution.x), solution.residual))
    }

    /// Of all y = w κ with κ > 0 and an excess mean of 1, that with the least variance.
    ///
    /// Source: Cornuéjols & Tütüncü, "Optimization methods in finance" (2006), section 8.2.
    fn max_sharpe(&self, constraints: &Constraints, rate: f64) -> Result<(Vec<f64>, f64)> {
        let kappa = constraints.variables();
        let mut program = Program::new(kappa + 1);
        program.set_quadratic(&self.covariance);
        let excess = self.mean.iter().map(|mean| mean - rate);
        // Of the size of a deviation, so that y and κ are neither large nor small.
        let size = self.covariance.scale().sqrt();
        let terms = excess.map(|excess| excess / size).enumerate().collect();
        let name = "a mean return above the rate".to_owned();
        program.rows.push(Row { name, terms, bound: 1.0, is_equality: true });
        for mut row in constraints.rows() {
            row.terms.push((kappa, -row.bound));
            row.bound = 0.0;
            program.rows.push(row);
        }
        let name = "a weight sum above 0".to_owned();
        program.rows.push(Row { name, terms: vec![(kappa, -1.0)], bound: 0.0, is_equality: false });
        let solution = program.solve()?;
        let kappa = solution.x[kappa];
        if kappa <= 0.0 {
            let message = "no portfolio has a mean return above the rate".to_owned();
            return Err(Error::Argument { name: "portfolio", message });
        }
        let weights: Vec<f64> = solution.x.iter().map(|y| y / kappa).collect();
        Ok((constraints.within_bounds(&weights), solution.residual))
    }

    /// The greatest mean that the constraints allow.
    fn max_mean(&self, constraints: &Constraints) -> Result<f64> {
        let mut program = Program::new(constraints.variables());
        let size = self.covariance.scale().sqrt();
        for (cost, mean) in program.linear.iter_mut().zip(&self.mean) {
            *cost = -mean / size;
        }
        program.rows = constraints.rows();
        let solution = program.solve()?;
        Ok(dot(&self.mean, &constraints.within_bounds(&solution.x)))
    }
}

fn check(options: &PortfolioOptions) -> Result<()> {
    let refused = |name, message| Err(Error::Argument { name, message });
    if let Objective::MinCvar { confidence } = options.objective
        && !(confidence > 0.0 && confidence < 1.0)
    {
        return refused("confidence", format!("{confidence} is not between 0 and 1"));
    }
    if options.objective == Objective::TargetReturn && options.target_return.is_none() {
        return refused("target_return", "target-return needs a return to reach".to_owned());
    }
    for (name, number) in
        [("risk_free", Some(options.risk_free)), ("target_return", options.target_return)]
    {
        if let Some(number) = number.filter(|number| !number.is_finite()) {
            return refused(name, format!("{number} is not a number"));
        }
    }
    let usual = PortfolioOptions::default();
    let is_free = options.groups.is_empty()
        && options.bounds_of.is_empty()
        && options.turnover.is_none()
        && options.leverage.is_none()
        && options.target_return.is_none()
        && (options.bounds == usual.bounds || options.bounds == Bounds::LONG_ONLY);
    if options.objective == Objective::RiskParity && !is_free {
        let message = "risk parity leaves no choice: bounds, groups and limits do not apply";
        return refused("objective", message.to_owned());
    }
    Ok(())
}

/// The best portfolio of the symbols of a panel.
///
/// # Errors
///
/// If an option is out of its range or names a symbol that is not there, there are fewer than two
/// common returns, a price is not above 0, the covariance is not positive definite, or no portfolio
/// keeps the constraints: then the error has the solver's status and the constraints in conflict.
pub fn optimize(panel: &Panel, options: &PortfolioOptions) -> Result<Portfolio> {
    optimize_on(&Computer::processor(), panel, options)
}

/// The same, with the covariance computed where `computer` says.
///
/// # Errors
///
/// As for [`optimize`].
pub fn optimize_on(
    computer: &Computer<PortfolioJob>,
    panel: &Panel,
    options: &PortfolioOptions,
) -> Result<Portfolio> {
    let estimates = Estimates::of(computer, panel, options)?;
    let solved = estimates.solve(&estimates.constraints(options)?, options)?;
    Ok(estimates.portfolios(computer, vec![solved], options)?.swap_remove(0))
}

/// The efficient frontier: `points` portfolios with means evenly spaced from that of the least risk
/// to the greatest that the constraints allow, each with the least risk of its mean. Risk is variance,
/// or CVaR where that is the objective.
///
/// # Errors
///
/// As for [`optimize`]; and if the objective is another one.
pub fn frontier(
    panel: &Panel,
    options: &PortfolioOptions,
    points: usize,
) -> Result<Vec<Portfolio>> {
    frontier_on(&Computer::processor(), panel, options, points)
}

/// The same, with the covariance, and where risk is CVaR the returns of all portfolios, computed where
/// `computer` says.
///
/// # Errors
///
/// As for [`frontier`].
pub fn frontier_on(
    computer: &Computer<PortfolioJob>,
    panel: &Panel,
    options: &PortfolioOptions,
    points: usize,
) -> Result<Vec<Portfolio>> {
    if !matches!(options.objective, Objective::MinVariance | Objective::MinCvar { .. }) {
        let message =
            format!("{} has no frontier: min-variance and min-cvar have", options.objective);
        return Err(Error::Argument { name: "objective", message });
    }
    let estimates = Estimates::of(computer, panel, options)?;
    let constraints = estimates.constraints(options)?;
    let least = estimates.solve(&constraints, options)?;
    let least_mean = dot(&estimates.mean, &least.weights);
    let most = estimates.max_mean(&constraints)?.max(least_mean);
    // What is an ulp beyond the greatest mean would be infeasible.
    let step = (most - least_mean) * (1.0 - 1e-9) / (points.max(2) - 1) as f64;
    let one = |point: usize| {
        let target = least_mean + step * point as f64;
        estimates.solve(&constraints.with_target(target), options)
    };
    let rest: Result<Vec<Solved>> = (1..points).into_par_iter().map(one).collect();
    let all = std::iter::once(least).chain(rest?).collect();
    estimates.portfolios(computer, all, options)
}

/// Σ a b, in eight sums, which the compiler keeps in vectors.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (a_blocks, b_blocks) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = a_blocks.remainder().iter().zip(b_blocks.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a_blocks.zip(b_blocks) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests;
