//! The least CVaR, as a linear program over few of the scenarios.
//!
//! With losses Lₜ = −rₜᵀ w, CVaR at confidence β is the least over α of
//! α + Σₜ max(Lₜ − α, 0) / ((1 − β) T), which makes a linear program with a variable and two rows for
//! each of T scenarios. Only those in the tail have a say: at β = 0.95 nineteen of twenty lie below α.
//! So the program is solved over some of the worst scenarios, those that its answer sends above α are
//! added, and so on until there are none. A program over fewer scenarios is a relaxation, and its
//! answer is then one of the whole program: the optimum is exact.
//!
//! Source: Rockafellar & Uryasev, "Optimization of conditional value-at-risk" (2000), theorem 1;
//! Künzi-Bay & Mayer, "Computational aspects of minimizing conditional value-at-risk" (2006), for the
//! decomposition's kin.

use super::constraints::Constraints;
use super::program::{Program, Row};
use super::sample::Sample;
use crate::{Error, Result};

/// The first program has so many times the tail's scenarios, and at least so many for each symbol.
const FIRST_TAILS: f64 = 2.0;
const FIRST_PER_SYMBOL: usize = 4;
/// Scenarios only ever join, mostly once or twice.
const ROUNDS_MAX: usize = 200;
/// A loss is above α if it is so by this share of the losses' size.
const TOLERANCE: f64 = 1e-8;

/// CVaR of a portfolio with these returns by the objective of the program.
pub(super) fn of(returns: &[f64], confidence: f64) -> f64 {
    let mut losses: Vec<f64> = returns.iter().map(|r| -r).collect();
    let tail = (1.0 - confidence) * returns.len() as f64;
    // α is the loss that the tail's part of a scenario falls on.
    let place = (tail.ceil() as usize).clamp(1, losses.len()) - 1;
    losses.select_nth_unstable_by(place, |one, other| other.total_cmp(one));
    let alpha = losses[place];
    let beyond: f64 = losses.iter().map(|loss| (loss - alpha).max(0.0)).sum();
    alpha + beyond / tail
}

/// The weights with the least CVaR, and how well they meet the conditions.
///
/// # Errors
///
/// If no weights keep the constraints, or the solver finds none.
pub(super) fn solve(
    sample: &Sample,
    constraints: &Constraints,
    confidence: f64,
) -> Result<(Vec<f64>, f64)> {
    let n = sample.symbols.len();
    let tail = (1.0 - confidence) * sample.rows as f64;
    let equal = vec![1.0 / n as f64; n];
    let first = ((FIRST_TAILS * tail).ceil() as usize).max(FIRST_PER_SYMBOL * n).max(2);
    let mut is_chosen = vec![false; sample.rows];
    choose_worst(&losses(sample, &equal), first, &mut is_chosen);
    let mut size = sample.columns().flatten().map(|r| r.abs()).fold(0.0, f64::max);
    if size <= 0.0 {
        size = 1.0;
    }
    for _ in 0..ROUNDS_MAX {
        let chosen: Vec<usize> = (0..sample.rows).filter(|row| is_chosen[*row]).collect();
        let alpha_at = constraints.variables();
        let solution = program(sample, constraints, &chosen, size, tail).solve()?;
        let weights = constraints.within_bounds(&solution.x);
        let alpha = solution.x[alpha_at] * size;
        let losses = losses(sample, &weights);
        let mut joined = 0;
        for (row, loss) in losses.iter().enumerate() {
            if !is_chosen[row] && *loss > alpha + TOLERANCE * size {
                is_chosen[row] = true;
                joined += 1;
            }
        }
        if joined == 0 {
            return Ok((weights, solution.residual));
        }
        // Those just below α are likely to be next.
        choose_worst(&losses, (1.25 * tail).ceil() as usize, &mut is_chosen);
    }
    let message = format!("scenarios still joined after {ROUNDS_MAX} programs");
    Err(Error::Argument { name: "min-cvar", message })
}

/// Adds the `count` scenarios with the greatest losses.
fn choose_worst(losses: &[f64], count: usize, is_chosen: &mut [bool]) {
    let mut order: Vec<usize> = (0..losses.len()).collect();
    let count = count.min(order.len());
    if count < order.len() {
        order.select_nth_unstable_by(count, |one, other| losses[*other].total_cmp(&losses[*one]));
    }
    for row in &order[..count] {
        is_chosen[*row] = true;
    }
}

/// The program over the chosen scenarios, in units of `size`.
fn program(
    sample: &Sample,
    constraints: &Constraints,
    chosen: &[usize],
    size: f64,
    tail: f64,
) -> Program {
    let alpha = constraints.variables();
    let mut program = Program::new(alpha + 1 + chosen.len());
    program.linear[alpha] = 1.0;
    program.rows = constraints.rows();
    for (place, row) in chosen.iter().enumerate() {
        let excess = alpha + 1 + place;
        program.linear[excess] = 1.0 / tail;
        let returns = sample.columns().map(|column| -column[*row] / size);
        let mut terms: Vec<(usize, f64)> = returns.enumerate().collect();
        terms.extend([(alpha, -1.0), (excess, -1.0)]);
        program.rows.push(Row::most(String::new(), terms, 0.0));
        program.rows.push(Row::least(String::new(), vec![(excess, 1.0)], 0.0));
    }
    program
}

/// The loss of a portfolio at each date, shape `[rows]`.
fn losses(sample: &Sample, weights: &[f64]) -> Vec<f64> {
    let mut losses = vec![0.0; sample.rows];
    for (column, weight) in sample.columns().zip(weights) {
        for (loss, r) in losses.iter_mut().zip(column) {
            *loss -= weight * r;
        }
    }
    losses
}
