//! Risk as it is defined, return by return: the oracle of the kernels.

use std::collections::BTreeMap;

use crate::market::date::Date;
use crate::market::normal;
use crate::market::panel::Panel;
use crate::market::risk::tail::{cornish_fisher, moments_below, quantile};
use crate::market::risk::{
    BARS_PER_YEAR, Drawdown, EWMA_DECAY, PORTFOLIO, Returns, Risk, RiskOptions, TailMethod,
};

/// Returns at dates, and the dates that they begin at.
#[derive(Clone, Debug, Default)]
struct ReturnSeries {
    symbol: String,
    /// Where value 1 is: the date of the first price.
    start: Option<Date>,
    dates: Vec<Date>,
    /// Simple returns; shape `[dates]`.
    simple: Vec<f64>,
}

/// [`super::super::measure`] of prices above 0.
pub(super) fn measure(panel: &Panel, options: &RiskOptions) -> Vec<Risk> {
    let of = |place| {
        let series = panel.series(place);
        let values = series.column(options.column).unwrap();
        ReturnSeries::of(series.symbol(), series.dates(), values)
    };
    let mut all: Vec<ReturnSeries> = (0..panel.len()).map(of).collect();
    let portfolio = equal_weight(&all);
    let benchmark = match &options.benchmark {
        None => portfolio.clone(),
        Some(symbol) => all.iter().find(|series| series.symbol == *symbol).unwrap().clone(),
    };
    all.push(portfolio);
    all.iter().map(|series| series.risk(&benchmark, options)).collect()
}

/// At each date the mean of the returns of the symbols that have one.
fn equal_weight(all: &[ReturnSeries]) -> ReturnSeries {
    let mut by_date = BTreeMap::new();
    for series in all {
        for (date, r) in series.dates.iter().zip(&series.simple) {
            let (sum, count) = by_date.entry(*date).or_insert((0.0, 0_u32));
            *sum += r;
            *count += 1;
        }
    }
    ReturnSeries {
        symbol: PORTFOLIO.to_owned(),
        start: all.iter().filter_map(|series| series.start).min(),
        dates: by_date.keys().copied().collect(),
        simple: by_date.values().map(|(sum, count)| sum / f64::from(*count)).collect(),
    }
}

impl ReturnSeries {
    /// The returns between known prices.
    fn of(symbol: &str, dates: &[Date], values: &[f64]) -> Self {
        let mut series = Self { symbol: symbol.to_owned(), ..Self::default() };
        let mut last = None;
        for (date, value) in dates.iter().zip(values).filter(|(_, value)| !value.is_nan()) {
            match last.replace(*value) {
                None => series.start = Some(*date),
                Some(before) => {
                    series.dates.push(*date);
                    series.simple.push(value / before - 1.0);
                }
            }
        }
        series
    }

    fn risk(&self, benchmark: &Self, options: &RiskOptions) -> Risk {
        let returns = self.returns(options.returns);
        let moments = Moments::of(&returns);
        let (var, cvar) = var_and_cvar(&returns, &moments, options);
        let drawdown = self.start.map(|start| Drawdown::of(start, &self.dates, &self.simple));
        let rate = options.risk_free / BARS_PER_YEAR;
        let excess = moments.mean.map(|mean| mean - rate);
        let yearly =
            |deviation: Option<f64>| Some(ratio(excess?, deviation?)? * BARS_PER_YEAR.sqrt());
        let (beta, correlation) = self.against(benchmark, options.returns);
        Risk {
            symbol: self.symbol.clone(),
            observations: returns.len(),
            var,
            cvar,
            sharpe: yearly(moments.deviation),
            sortino: yearly(downside(&returns, rate)),
            calmar: drawdown.as_ref().and_then(|drawdown| {
                let growth: f64 = self.simple.iter().map(|r| 1.0 + r).product();
                let bars = self.simple.len() as f64;
                let yearly = growth.powf(BARS_PER_YEAR / bars) - 1.0;
                ratio(yearly, drawdown.depth).filter(|calmar| calmar.is_finite())
            }),
            drawdown,
            volatility: moments.deviation,
            ewma_volatility: ewma_deviation(&returns),
            mean: moments.mean,
            beta,
            correlation,
        }
    }

    fn returns(&self, returns: Returns) -> Vec<f64> {
        match returns {
            Returns::Simple => self.simple.clone(),
            Returns::Log => self.simple.iter().map(|r| r.ln_1p()).collect(),
        }
    }

    /// Beta and correlation over the dates that both have.
    fn against(&self, benchmark: &Self, returns: Returns) -> (Option<f64>, Option<f64>) {
        let (own, other) = (self.returns(returns), benchmark.returns(returns));
        let mut at = 0;
        let (mut x, mut y) = (Vec::new(), Vec::new());
        for (date, value) in self.dates.iter().zip(own) {
            at += benchmark.dates[at..].iter().take_while(|other| *other < date).count();
            if benchmark.dates.get(at) == Some(date) {
                x.push(value);
                y.push(other[at]);
            }
        }
        let (of_x, of_y) = (Moments::of(&x), Moments::of(&y));
        let (Some(sd_x), Some(sd_y)) = (of_x.deviation, of_y.deviation) else {
            return (None, None);
        };
        let (mean_x, mean_y) = (of_x.mean.unwrap_or(0.0), of_y.mean.unwrap_or(0.0));
        let products = x.iter().zip(&y).map(|(x, y)| (x - mean_x) * (y - mean_y));
        let covariance = products.sum::<f64>() / (x.len() as f64 - 1.0);
        (ratio(covariance, sd_y * sd_y), ratio(covariance, sd_x * sd_y))
    }
}

/// A quotient, if there is one.
fn ratio(a: f64, b: f64) -> Option<f64> {
    (b != 0.0).then(|| a / b)
}

/// √(Σ min(r − rate, 0)² / (n − 1)).
fn downside(returns: &[f64], rate: f64) -> Option<f64> {
    let squares: f64 = returns.iter().map(|r| (r - rate).min(0.0).powi(2)).sum();
    (returns.len() > 1).then(|| (squares / (returns.len() as f64 - 1.0)).sqrt())
}

fn ewma_deviation(returns: &[f64]) -> Option<f64> {
    let (first, rest) = returns.split_first()?;
    let variance = rest
        .iter()
        .fold(first * first, |variance, r| EWMA_DECAY * variance + (1.0 - EWMA_DECAY) * r * r);
    Some(variance.sqrt())
}

/// The moments of returns.
#[derive(Clone, Copy, Debug, Default)]
struct Moments {
    mean: Option<f64>,
    /// Of the sample: divided by n − 1. None below two returns.
    deviation: Option<f64>,
    /// Of the population: the third moment over the deviation³; 0 where nothing deviates.
    skewness: f64,
    /// Of the population: the fourth moment over the deviation⁴, less 3; 0 where nothing deviates.
    excess_kurtosis: f64,
}

impl Moments {
    fn of(returns: &[f64]) -> Self {
        if returns.is_empty() {
            return Self::default();
        }
        let n = returns.len() as f64;
        let mean = returns.iter().sum::<f64>() / n;
        let power = |k| returns.iter().map(|r| (r - mean).powi(k)).sum::<f64>();
        let squares = power(2);
        let variance = squares / n;
        let is_flat = squares <= 0.0;
        Self {
            mean: Some(mean),
            deviation: (returns.len() > 1).then(|| (squares / (n - 1.0)).sqrt()),
            skewness: if is_flat { 0.0 } else { power(3) / n / variance.powf(1.5) },
            excess_kurtosis: if is_flat { 0.0 } else { power(4) / n / (variance * variance) - 3.0 },
        }
    }
}

/// VaR and CVaR of `returns` as positive losses; `None` where there are too few.
fn var_and_cvar(
    returns: &[f64],
    moments: &Moments,
    options: &RiskOptions,
) -> (Option<f64>, Option<f64>) {
    let tail = 1.0 - options.confidence;
    if options.method == TailMethod::Historical {
        return historical(returns, tail);
    }
    let (Some(mean), Some(deviation)) = (moments.mean, moments.deviation) else {
        return (None, None);
    };
    let (skewness, kurtosis) = match options.method {
        TailMethod::CornishFisher => (moments.skewness, moments.excess_kurtosis),
        TailMethod::Historical | TailMethod::Parametric => (0.0, 0.0),
    };
    let z = normal::quantile(tail);
    let corrected = cornish_fisher([z, z * z, z * z * z], skewness, kurtosis);
    let mean_corrected = cornish_fisher(moments_below(z, tail), skewness, kurtosis);
    (Some(-(mean + deviation * corrected)), Some(-(mean + deviation * mean_corrected)))
}

fn historical(returns: &[f64], tail: f64) -> (Option<f64>, Option<f64>) {
    let mut sorted = returns.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(quantile) = quantile(&sorted, tail) else { return (None, None) };
    // Interpolation may put the quantile an ulp below the return that it is.
    let below: Vec<f64> = sorted.iter().copied().take_while(|r| *r <= quantile).collect();
    let below = if below.is_empty() { &sorted[..1] } else { &below[..] };
    (Some(-quantile), Some(-below.iter().sum::<f64>() / below.len() as f64))
}
