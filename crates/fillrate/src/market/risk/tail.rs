//! Value at risk, and the mean loss beyond it.

use fillrate_kernels::RiskSums;

use super::figures::Moments;
use super::{RiskOptions, TailMethod};
use crate::market::normal;

/// VaR and CVaR of so many returns as positive losses; `None` where there are too few.
pub(super) fn var_and_cvar(
    returns: usize,
    sums: &RiskSums,
    moments: &Moments,
    options: &RiskOptions,
) -> (Option<f64>, Option<f64>) {
    // A loss of nothing is 0, not -0.
    let loss = |gain: f64| 0.0 - gain;
    if options.method == TailMethod::Historical {
        let [sum, count] = sums.below;
        let known = |gain: f64| (returns > 0).then_some(loss(gain));
        return (known(sums.quantile), known(sum / count));
    }
    let (Some(mean), Some(deviation)) = (moments.mean, moments.deviation) else {
        return (None, None);
    };
    let (skewness, kurtosis) = match options.method {
        TailMethod::CornishFisher => (moments.skewness, moments.excess_kurtosis),
        TailMethod::Historical | TailMethod::Parametric => (0.0, 0.0),
    };
    let tail = 1.0 - options.confidence;
    let z = normal::quantile(tail);
    let corrected = cornish_fisher([z, z * z, z * z * z], skewness, kurtosis);
    let mean_corrected = cornish_fisher(moments_below(z, tail), skewness, kurtosis);
    (Some(loss(mean + deviation * corrected)), Some(loss(mean + deviation * mean_corrected)))
}

/// The quantile at `p` of sorted values: linear between the values around place (n − 1) p.
///
/// Source: Hyndman & Fan, "Sample quantiles in statistical packages" (1996), definition 7.
pub(in crate::market) fn quantile(sorted: &[f64], p: f64) -> Option<f64> {
    let place = (sorted.len().checked_sub(1)?) as f64 * p;
    let low = place.floor() as usize;
    let high = (low + 1).min(sorted.len() - 1);
    Some(sorted[low] + (sorted[high] - sorted[low]) * (place - low as f64))
}

/// The quantile of Cornish and Fisher, given z, z² and z³ (or their means) of the normal one.
///
/// Source: Cornish & Fisher, "Moments and cumulants in the specification of distributions" (1938).
pub(super) fn cornish_fisher([z, z2, z3]: [f64; 3], skewness: f64, kurtosis: f64) -> f64 {
    z + (z2 - 1.0) * skewness / 6.0 + (z3 - 3.0 * z) * kurtosis / 24.0
        - (2.0 * z3 - 5.0 * z) * skewness * skewness / 36.0
}

/// The means of Z, Z² and Z³ of a standard normal Z below `z`, which it is with probability `tail`.
///
/// The mean of [`cornish_fisher`] over all probabilities below `tail` follows from them, since it is
/// linear in the three.
pub(super) fn moments_below(z: f64, tail: f64) -> [f64; 3] {
    let ratio = normal::density(z) / tail;
    [-ratio, 1.0 - z * ratio, -(z * z + 2.0) * ratio]
}
