//! Returns, losses and drawdowns of symbols and of their equal-weight portfolio.
//!
//! # Conventions
//!
//! A return is x / x₋₁ − 1 (or its logarithm) from one known price to the next; the year has 252
//! bars. The mean is the arithmetic one, per bar. Standard deviations divide by n − 1. VaR and CVaR
//! are losses of one bar as positive numbers. Drawdowns are positive fractions of the highest value
//! before, beginning with the first price. The portfolio `*portfolio*` holds every symbol that has a
//! return at a date in equal parts and is put back to equal parts at each date.
//!
//! Sums, falls and quantiles are those of [`fillrate_kernels::Cpu::risk`], which a GPU gives as well; what
//! is made of them once per symbol is computed by the processor ([`RiskJob`]).

mod aligned;
mod drawdown;
mod figures;
mod job;
mod tail;

use std::fmt;
use std::str::FromStr;

use super::device::Computer;
use super::panel::{Column, Panel};
use crate::{Error, Result};

pub use self::drawdown::Drawdown;
pub use self::job::RiskJob;
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

    /// The rate of a bar.
    fn rate(&self) -> f64 {
        self.risk_free / BARS_PER_YEAR
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

/// Measures every symbol of the panel, in its order, and after them the portfolio.
///
/// # Errors
///
/// If an option is out of its range, the panel lacks the column or the benchmark, or a price is not
/// above 0.
pub fn measure(panel: &Panel, options: &RiskOptions) -> Result<Vec<Risk>> {
    measure_on(&Computer::processor(), panel, options)
}

/// The same, measured where `computer` says.
///
/// # Errors
///
/// As for [`measure`].
pub fn measure_on(
    computer: &Computer<RiskJob>,
    panel: &Panel,
    options: &RiskOptions,
) -> Result<Vec<Risk>> {
    if panel.is_empty() {
        options.check()?;
        return Ok(Vec::new());
    }
    computer.run(RiskJob::new(panel, options)?)
}

#[cfg(test)]
mod tests;
