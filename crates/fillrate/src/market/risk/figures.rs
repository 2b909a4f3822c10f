//! From sums to figures.

use fillrate_kernels::RiskSums;

use super::tail::var_and_cvar;
use super::{BARS_PER_YEAR, Drawdown, EWMA_DECAY, Risk, RiskOptions};

/// The figures of a symbol or portfolio with so many returns.
pub(super) fn risk(
    symbol: &str,
    returns: usize,
    sums: &RiskSums,
    drawdown: Option<Drawdown>,
    options: &RiskOptions,
) -> Risk {
    let moments = Moments::of(returns, sums);
    let (var, cvar) = var_and_cvar(returns, sums, &moments, options);
    let excess = moments.mean.map(|mean| mean - options.rate());
    let yearly = |deviation: Option<f64>| Some(ratio(excess?, deviation?)? * BARS_PER_YEAR.sqrt());
    let (beta, correlation) = against(sums);
    Risk {
        symbol: symbol.to_owned(),
        observations: returns,
        var,
        cvar,
        sharpe: yearly(moments.deviation),
        sortino: yearly(deviation(sums.downside, returns as f64)),
        calmar: drawdown.and_then(|drawdown| {
            let yearly = sums.growth.powf(BARS_PER_YEAR / returns as f64) - 1.0;
            ratio(yearly, drawdown.depth).filter(|calmar| calmar.is_finite())
        }),
        drawdown,
        volatility: moments.deviation,
        ewma_volatility: (returns > 0)
            .then(|| sums.exponential_variance(EWMA_DECAY, returns).sqrt()),
        mean: moments.mean,
        beta,
        correlation,
    }
}

/// A quotient, if there is one.
fn ratio(a: f64, b: f64) -> Option<f64> {
    (b != 0.0).then(|| a / b)
}

/// The root of a sum of squares over n − 1; `None` below two.
fn deviation(squares: f64, count: f64) -> Option<f64> {
    (count > 1.0).then(|| (squares / (count - 1.0)).sqrt())
}

/// Beta and correlation over the dates that both have.
fn against(sums: &RiskSums) -> (Option<f64>, Option<f64>) {
    let [x_x, x_y, y_y] = sums.products;
    let (Some(sd_x), Some(sd_y)) = (deviation(x_x, sums.common), deviation(y_y, sums.common))
    else {
        return (None, None);
    };
    let covariance = x_y / (sums.common - 1.0);
    (ratio(covariance, sd_y * sd_y), ratio(covariance, sd_x * sd_y))
}

/// The moments of returns.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moments {
    pub(super) mean: Option<f64>,
    /// Of the sample: divided by n − 1. None below two returns.
    pub(super) deviation: Option<f64>,
    /// Of the population: the third moment over the deviation³; 0 where nothing deviates.
    pub(super) skewness: f64,
    /// Of the population: the fourth moment over the deviation⁴, less 3; 0 where nothing deviates.
    pub(super) excess_kurtosis: f64,
}

impl Moments {
    fn of(returns: usize, sums: &RiskSums) -> Self {
        if returns == 0 {
            return Self::default();
        }
        let n = returns as f64;
        let [squares, cubes, fourths] = sums.powers;
        let variance = squares / n;
        let is_flat = squares <= 0.0;
        Self {
            mean: Some(sums.total / n),
            deviation: deviation(squares, n),
            skewness: if is_flat { 0.0 } else { cubes / n / variance.powf(1.5) },
            excess_kurtosis: if is_flat { 0.0 } else { fourths / n / (variance * variance) - 3.0 },
        }
    }
}
