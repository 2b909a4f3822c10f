//! Weights by which every symbol adds the same to the deviation.
//!
//! With x = w / s for some s, the weights are where ½ xᵀ Σ x − Σᵢ bᵢ ln xᵢ is least: its gradient
//! vanishes where xᵢ (Σ x)ᵢ = bᵢ. That is strictly convex, and each coordinate's minimum is the
//! positive root of a quadratic equation, so that going round the coordinates leads there.
//!
//! Source: Spinu, "An algorithm for computing risk parity weights" (2013), for the function;
//! Griveau-Billion, Richard & Roncalli, "A fast algorithm for computing high-dimensional risk parity
//! portfolios" (2013), for the way round.

use super::covariance::Matrix;
use super::dot;
use crate::{Error, Result};

/// Rounds are many where symbols are almost one another's opposites, few elsewhere.
const ROUNDS_MAX: usize = 10_000;
/// The relative error of a symbol's share at which a round is the last.
const TOLERANCE: f64 = 1e-13;

/// The weights for equal shares, and the largest relative error of a share.
///
/// # Errors
///
/// If the shares are not equal after so many rounds.
pub(super) fn solve(covariance: &Matrix) -> Result<(Vec<f64>, f64)> {
    let n = covariance.n;
    let deviations: Vec<f64> = covariance.diagonal().map(f64::sqrt).collect();
    // Over the correlations: all coordinates are of one size.
    let correlation = |i: usize| -> Vec<f64> {
        let row = covariance.row(i).iter().zip(&deviations);
        row.map(|(x, deviation)| x / (deviations[i] * deviation)).collect()
    };
    let correlations: Vec<Vec<f64>> = (0..n).map(correlation).collect();
    let share = 1.0 / n as f64;
    let mut x = vec![share.sqrt(); n];
    let mut error = f64::INFINITY;
    for _ in 0..ROUNDS_MAX {
        for i in 0..n {
            let others = dot(&correlations[i], &x) - x[i];
            let root = (others * others + 4.0 * share).sqrt();
            // Of the two forms of the positive root, that in which nothing cancels.
            x[i] = if others > 0.0 { 2.0 * share / (root + others) } else { 0.5 * (root - others) };
        }
        let off = |i: usize| (x[i] * dot(&correlations[i], &x) / share - 1.0).abs();
        error = (0..n).map(off).fold(0.0, f64::max);
        if error <= TOLERANCE {
            break;
        }
    }
    if error > 1e3 * TOLERANCE {
        let message = format!("shares still differ by {error:e} after {ROUNDS_MAX} rounds");
        return Err(Error::Argument { name: "risk-parity", message });
    }
    let scaled: Vec<f64> = x.iter().zip(&deviations).map(|(x, deviation)| x / deviation).collect();
    let sum: f64 = scaled.iter().sum();
    Ok((scaled.iter().map(|x| x / sum).collect(), error))
}
