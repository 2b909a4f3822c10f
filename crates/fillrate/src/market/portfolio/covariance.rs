//! Estimates of the covariance of returns.

use std::fmt;
use std::str::FromStr;

use rayon::prelude::*;

use super::dot;
use super::sample::Sample;
use crate::market::risk::EWMA_DECAY;
use crate::{Error, Result};

/// How a covariance is estimated.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Covariance {
    /// That of the sample: products of deviations from the mean over n − 1.
    #[default]
    Sample,
    /// S ← decay · S + (1 − decay) · r rᵀ from the first r rᵀ on, as [`crate::market::risk`] has it
    /// for one symbol; means are taken for 0.
    Ewma {
        /// The weight of what was before, from 0 to below 1.
        decay: f64,
    },
    /// The sample's over n, drawn towards its mean variance times the identity by as much as makes
    /// the expected distance from the truth the least.
    ///
    /// Source: Ledoit & Wolf, "A well-conditioned estimator for large-dimensional covariance
    /// matrices" (2004), section 3.3.
    LedoitWolf,
}

impl Covariance {
    /// Every estimate, the exponential one with a decay of 0.94.
    pub const ALL: [Self; 3] = [Self::Sample, Self::Ewma { decay: EWMA_DECAY }, Self::LedoitWolf];

    /// The name: `sample`, `ewma` or `ledoit-wolf`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sample => "sample",
            Self::Ewma { .. } => "ewma",
            Self::LedoitWolf => "ledoit-wolf",
        }
    }

    pub(super) fn estimate(self, sample: &Sample) -> Result<Matrix> {
        match self {
            Self::Sample => Ok(of_sample(sample, sample.rows as f64 - 1.0)),
            Self::Ewma { decay } => {
                if !(0.0..1.0).contains(&decay) {
                    let message = format!("{decay} is no number from 0 to below 1");
                    return Err(Error::Argument { name: "decay", message });
                }
                Ok(exponential(sample, decay))
            }
            Self::LedoitWolf => Ok(ledoit_wolf(sample)),
        }
    }
}

impl fmt::Display for Covariance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Covariance {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|covariance| covariance.as_str() == name);
        known.ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str);
            format!("expected one of {}", names.join(", "))
        })
    }
}

/// A symmetric matrix, shape `[n, n]`.
#[derive(Clone, Debug)]
pub(super) struct Matrix {
    pub(super) n: usize,
    values: Vec<f64>,
}

impl Matrix {
    /// The matrix whose lower triangle has these rows, of 1, 2, … values.
    fn of_rows(rows: &[Vec<f64>]) -> Self {
        let n = rows.len();
        let mut values = vec![0.0; n * n];
        for (i, row) in rows.iter().enumerate() {
            for (j, value) in row.iter().enumerate() {
                values[i * n + j] = *value;
                values[j * n + i] = *value;
            }
        }
        Self { n, values }
    }

    pub(super) fn row(&self, i: usize) -> &[f64] {
        &self.values[i * self.n..][..self.n]
    }

    /// The product with a vector of shape `[n]`.
    pub(super) fn times(&self, x: &[f64]) -> Vec<f64> {
        (0..self.n).map(|i| dot(self.row(i), x)).collect()
    }

    pub(super) fn diagonal(&self) -> impl Iterator<Item = f64> {
        (0..self.n).map(|i| self.values[i * self.n + i])
    }

    /// The mean of the diagonal, or 1 if that is 0: what numbers of a program are measured in.
    pub(super) fn scale(&self) -> f64 {
        let mean = self.diagonal().sum::<f64>() / self.n as f64;
        if mean > 0.0 { mean } else { 1.0 }
    }

    /// Refuses a matrix that Cholesky's factorisation stops at: a symbol that does not move, or moves
    /// as others before it do.
    pub(super) fn check_positive_definite(
        &self,
        symbols: &[String],
        estimate: Covariance,
    ) -> Result<()> {
        let n = self.n;
        let mut factor = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..=i {
                let products = dot(&factor[i * n..][..j], &factor[j * n..][..j]);
                let rest = self.values[i * n + j] - products;
                if i > j {
                    factor[i * n + j] = rest / factor[j * n + j];
                    continue;
                }
                // What rounding alone leaves of a diagonal that should be 0.
                let rounding = 8.0 * n as f64 * f64::EPSILON * self.values[i * n + i];
                if rest.is_nan() || rest <= rounding {
                    let message = format!(
                        "the {estimate} covariance is not positive definite: `{}` does not move on its \
                         own, beside the symbols before it",
                        symbols[i]
                    );
                    return Err(Error::Argument { name: "covariance", message });
                }
                factor[i * n + i] = rest.sqrt();
            }
        }
        Ok(())
    }
}

/// The returns less their means, symbol after symbol.
fn centred(sample: &Sample) -> Vec<Vec<f64>> {
    let centre = |(column, mean): (&[f64], f64)| column.iter().map(|r| r - mean).collect();
    sample.columns().zip(sample.means()).map(centre).collect()
}

fn of_sample(sample: &Sample, divisor: f64) -> Matrix {
    let centred = centred(sample);
    let row = |i: usize| (0..=i).map(|j| dot(&centred[i], &centred[j]) / divisor).collect();
    let rows: Vec<Vec<f64>> = (0..centred.len()).into_par_iter().map(row).collect();
    Matrix::of_rows(&rows)
}

fn exponential(sample: &Sample, decay: f64) -> Matrix {
    let rows = sample.rows as i32;
    let weight = |row: i32| match row {
        0 => decay.powi(rows - 1),
        _ => (1.0 - decay) * decay.powi(rows - 1 - row),
    };
    let weights: Vec<f64> = (0..rows).map(weight).collect();
    let weigh = |column: &[f64]| column.iter().zip(&weights).map(|(r, w)| r * w).collect();
    let weighted: Vec<Vec<f64>> = sample.columns().map(weigh).collect();
    let row = |i: usize| (0..=i).map(|j| dot(&weighted[i], sample.column(j))).collect();
    let rows: Vec<Vec<f64>> = (0..weighted.len()).into_par_iter().map(row).collect();
    Matrix::of_rows(&rows)
}

fn ledoit_wolf(sample: &Sample) -> Matrix {
    let mut covariance = of_sample(sample, sample.rows as f64);
    let (n, t) = (covariance.n as f64, sample.rows as f64);
    let centred = centred(sample);
    let mean_variance = covariance.diagonal().sum::<f64>() / n;
    // ‖S − mI‖² of the paper, and b̄²: how far the products of single dates are from S.
    let total: f64 = covariance.values.iter().map(|x| x * x).sum();
    let distance = total - n * mean_variance * mean_variance;
    let norm = |row: usize| {
        let squares: f64 = centred.iter().map(|column| column[row] * column[row]).sum();
        squares * squares
    };
    let products: f64 = (0..sample.rows).map(norm).sum();
    let noise = (products / t - total) / t;
    let shrinkage = if distance > 0.0 { (noise / distance).clamp(0.0, 1.0) } else { 1.0 };
    for (place, value) in covariance.values.iter_mut().enumerate() {
        *value *= 1.0 - shrinkage;
        if place % (covariance.n + 1) == 0 {
            *value += shrinkage * mean_variance;
        }
    }
    covariance
}
