//! Estimates of the covariance of returns.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

use fillrate_kernels::{CovarianceSum, triangle};
use rayon::prelude::*;

use super::dot;
use super::on_device::PortfolioJob;
use super::sample::Sample;
use crate::market::device::Computer;
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

    /// The estimates of windows of a sample's rows. Their sums are computed where `computer` says; what is
    /// shrunk is shrunk here.
    ///
    /// # Errors
    ///
    /// If the decay is out of its range.
    pub(super) fn estimate(
        self,
        computer: &Computer<PortfolioJob>,
        sample: &Arc<Sample>,
        windows: &[Range<usize>],
    ) -> Result<Vec<Matrix>> {
        let sum = match self {
            Self::Sample => CovarianceSum::Centred { less: 1 },
            Self::LedoitWolf => CovarianceSum::Centred { less: 0 },
            Self::Ewma { decay } if !(0.0..1.0).contains(&decay) => {
                let message = format!("{decay} is no number from 0 to below 1");
                return Err(Error::Argument { name: "decay", message });
            }
            Self::Ewma { decay } => CovarianceSum::Weighted { decay },
        };
        let triangles = computer.run(PortfolioJob::covariances(sample, windows, sum))?;
        let symbols = sample.symbols.len();
        let of_window = |(rows, values): (&Range<usize>, &[f64])| {
            let matrix = Matrix::of_triangle(symbols, values);
            if self == Self::LedoitWolf { shrink(matrix, sample, rows) } else { matrix }
        };
        Ok(windows.par_iter().zip(triangles.par_chunks(triangle(symbols))).map(of_window).collect())
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
    /// The matrix whose lower triangle has these values, row after row.
    fn of_triangle(n: usize, triangle: &[f64]) -> Self {
        let mut values = vec![0.0; n * n];
        let places = (0..n).flat_map(|i| (0..=i).map(move |j| (i, j)));
        for ((i, j), value) in places.zip(triangle) {
            values[i * n + j] = *value;
            values[j * n + i] = *value;
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

/// Draws the population's covariance of some rows towards its mean variance.
fn shrink(mut covariance: Matrix, sample: &Sample, rows: &Range<usize>) -> Matrix {
    let (n, t) = (covariance.n as f64, rows.len() as f64);
    let mean_variance = covariance.diagonal().sum::<f64>() / n;
    // ‖S − mI‖² of the paper, and b̄²: how far the products of single dates are from S.
    let total: f64 = covariance.values.iter().map(|x| x * x).sum();
    let distance = total - n * mean_variance * mean_variance;
    let mut squares = vec![0.0; rows.len()];
    for column in sample.columns() {
        let returns = &column[rows.clone()];
        let mean = returns.iter().sum::<f64>() / t;
        for (square, r) in squares.iter_mut().zip(returns) {
            *square += (r - mean) * (r - mean);
        }
    }
    let products: f64 = squares.iter().map(|square| square * square).sum();
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
