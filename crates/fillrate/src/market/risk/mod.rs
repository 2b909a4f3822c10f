//! Returns, losses and drawdowns of symbols and of their equal-weight portfolio.
//!
//! # Conventions
//!
//! A return is x / x₋₁ − 1 (or its logarithm) from one known price to the next; the year has 252
//! bars. The mean is the arithmetic one, per bar. Standard deviations divide by n − 1. VaR and CVaR
//! are losses of one bar as positive numbers. Drawdowns are positive fractions of the highest value
//! before, beginning with the first price. The portfolio `*portfolio*` holds every symbol that has a
//! return at a date in equal parts and is put back to equal parts at each date.

mod drawdown;
mod portfolio;
mod tail;

use std::fmt;
use std::str::FromStr;

use super::date::Date;
use super::panel::{Column, Panel};
use crate::{Error, Result};

pub use self::drawdown::Drawdown;
pub(super) use self::tail::quantile;

/// The name of the portfolio that holds every symbol in equal parts.
pub const PORTFOLIO: &str = "*portfolio*";

/// The bars of a year.
pub const BARS_PER_YEAR: f64 = 252.0;

/// The weight of the last variance in the exponential one.
///
/// Source: J. P. Morgan, "RiskMetrics technical document" (1996), section 5.3: daily data.
pub const EWMA_DECAY: f64 = 0.94;

/// How the distribution of returns is modelled for VaR and CVaR.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TailMethod {
    /// The returns themselves: the quantile at 1 − confidence, interpolated linearly at place
    /// (n − 1)(1 − confidence) of the sorted returns, and the mean of the returns at or below it.
    #[default]
    Historical,
    /// A normal distribution with their mean and deviation.
    Parametric,
    /// The same, its quantiles corrected for skewness and kurtosis.
    CornishFisher,
}

impl TailMethod {
    /// Every method.
    pub const ALL: [Self; 3] = [Self::Historical, Self::Parametric, Self::CornishFisher];

    /// The name: `historical`, `parametric` or `cornish-fisher`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Historical => "historical",
            Self::Parametric => "parametric",
            Self::CornishFisher => "cornish-fisher",
        }
    }
}

impl fmt::Display for TailMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TailMethod {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|method| method.as_str() == name);
        known.ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str);
            format!("expected one of {}", names.join(", "))
        })
    }
}

/// What a return is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Returns {
    /// x / x₋₁ − 1.
    #[default]
    Simple,
    /// ln(x / x₋₁). The portfolio's is the logarithm of its simple return and 1.
    Log,
}

/// How risk is measured.
#[derive(Clone, Debug, PartialEq)]
pub struct RiskOptions {
    /// The confidence of VaR and CVaR, between 0 and 1.
    pub confidence: f64,
    /// The model of the returns for VaR and CVaR.
    pub method: TailMethod,
    /// What a return is.
    pub returns: Returns,
    /// The yearly rate without risk, as a fraction; each bar has a 252nd of it.
    pub risk_free: f64,
    /// The column of prices.
    pub column: Column,
    /// The symbol that beta and correlation refer to; the portfolio if absent.
    pub benchmark: Option<String>,
}

impl Default for RiskOptions {
    /// Historical VaR and CVaR of simple returns of the close at 95 %, no rate, the portfolio as
    /// benchmark.
    fn default() -> Self {
        Self {
            confidence: 0.95,
            method: TailMethod::Historical,
            returns: Returns::Simple,
            risk_free: 0.0,
            column: Column::Close,
            benchmark: None,
        }
    }
}

impl RiskOptions {
    fn check(&self) -> Result<()> {
        let refused = |name, message| Err(Error::Argument { name, message });
        if !(self.confidence > 0.0 && self.confidence < 1.0) {
            let message = format!("{} is not between 0 and 1", self.confidence);
            return refused("confidence", message);
        }
        if !self.risk_free.is_finite() {
            return refused("risk_free", format!("{} is not a number", self.risk_free));
        }
        Ok(())
    }
}

/// The risk of one symbol or portfolio; `None` where there are too few returns for a figure, or it
/// would be a division by 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Risk {
    /// The symbol, or [`PORTFOLIO`].
    pub symbol: String,
    /// The number of returns.
    pub observations: usize,
    /// The loss that is not exceeded with the confidence asked for.
    pub var: Option<f64>,
    /// The mean loss where that loss is reached or exceeded.
    pub cvar: Option<f64>,
    /// The deepest fall from the highest value before.
    pub drawdown: Option<Drawdown>,
    /// The mean return above the rate, in deviations, × √252.
    pub sharpe: Option<f64>,
    /// The mean return above the rate, in downside deviations √(Σ min(r − rate, 0)² / (n − 1)),
    /// × √252.
    pub sortino: Option<f64>,
    /// The yearly compound return over the deepest drawdown.
    pub calmar: Option<f64>,
    /// The standard deviation of the returns, per bar.
    pub volatility: Option<f64>,
    /// The exponential deviation after the last bar: σ² ← 0.94 σ² + 0.06 r², from the first r² on.
    pub ewma_volatility: Option<f64>,
    /// The mean return, per bar.
    pub mean: Option<f64>,
    /// The covariance with the benchmark over the variance of the benchmark.
    pub beta: Option<f64>,
    /// The correlation with the benchmark.
    pub correlation: Option<f64>,
}

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

/// Measures every symbol of the panel, in its order, and after them the portfolio.
///
/// # Errors
///
/// If an option is out of its range, the panel lacks the column or the benchmark, or a price is not
/// above 0.
pub fn measure(panel: &Panel, options: &RiskOptions) -> Result<Vec<Risk>> {
    options.check()?;
    let refused = |name, message| Error::Argument { name, message };
    if panel.is_empty() {
        return Ok(Vec::new());
    }
    let mut all = Vec::with_capacity(panel.len() + 1);
    for series in panel.iter() {
        let values = series.column(options.column).ok_or_else(|| {
            refused("panel", format!("the panel has no column `{}`", options.column))
        })?;
        all.push(ReturnSeries::of(series.symbol(), series.dates(), values)?);
    }
    let portfolio = portfolio::equal_weight(&all);
    let benchmark = match &options.benchmark {
        None => portfolio.clone(),
        Some(symbol) => {
            all.iter().find(|series| series.symbol == *symbol).cloned().ok_or_else(|| {
                refused("benchmark", format!("no symbol `{symbol}` is in the prices"))
            })?
        }
    };
    all.push(portfolio);
    Ok(all.iter().map(|series| series.risk(&benchmark, options)).collect())
}

impl ReturnSeries {
    /// The returns between known prices.
    fn of(symbol: &str, dates: &[Date], values: &[f64]) -> Result<Self> {
        let mut series = Self { symbol: symbol.to_owned(), ..Self::default() };
        let mut last = None;
        for (date, value) in dates.iter().zip(values).filter(|(_, value)| !value.is_nan()) {
            if *value <= 0.0 {
                let message = format!("{symbol} on {date}: {value} is not above 0");
                return Err(Error::Argument { name: "price", message });
            }
            match last.replace(*value) {
                None => series.start = Some(*date),
                Some(before) => {
                    series.dates.push(*date);
                    series.simple.push(value / before - 1.0);
                }
            }
        }
        Ok(series)
    }

    fn risk(&self, benchmark: &Self, options: &RiskOptions) -> Risk {
        let returns = self.returns(options.returns);
        let moments = Moments::of(&returns);
        let (var, cvar) = tail::var_and_cvar(&returns, &moments, options);
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

#[cfg(test)]
mod tests;
