//! The flags of `fillrate risk`.

use std::path::PathBuf;

use clap::Args;
use fillrate::market::Column;
use fillrate::market::risk::TailMethod;

use super::prices::price_column;
use super::{PricesArgs, TextArgs};

/// What stands below the list of flags.
pub(super) const RECORDS_AND_EXAMPLES: &str = "\
Records, one per symbol in the order of the input and at the end one for the portfolio that holds
all of them in equal parts and is put back to equal parts at each date, named *portfolio*, have
  symbol, var, cvar, max_drawdown, sharpe, sortino, volatility, mean, observations, calmar,
  ewma_volatility, drawdown_peak, drawdown_trough, beta, correlation
var and cvar are losses of one bar as positive numbers; max_drawdown is a positive fraction of the
highest value before. mean, volatility (of the sample, n - 1) and ewma_volatility (decay 0.94) are
per bar; sharpe and sortino are multiplied by the square root of 252. beta and correlation are those
with the benchmark. A figure that does not exist, as of a single return, is null.

Examples:
  fillrate risk examples/prices.csv
  fillrate risk prices.parquet --confidence 0.99 --method cornish-fisher --column adj_close
  fillrate risk prices.csv --benchmark SPY --risk-free 0.04 --format csv";

/// What to measure, and how.
#[derive(Args, Clone, Debug)]
pub(crate) struct RiskArgs {
    /// The prices: a .csv, .jsonl or .parquet file, or - for standard input
    #[arg(value_name = "INPUT")]
    pub(crate) input: PathBuf,

    /// How the prices are read
    #[command(flatten)]
    pub(crate) prices: PricesArgs,

    /// The confidence of VaR and CVaR, between 0 and 1 [default: 0.95]
    #[arg(long, value_name = "P")]
    pub(crate) confidence: Option<f64>,

    /// How VaR and CVaR are modelled: historical, parametric or cornish-fisher [default: historical]
    #[arg(long, value_name = "METHOD")]
    pub(crate) method: Option<TailMethod>,

    /// The yearly rate without risk, 0.04 for 4 % [default: 0]
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    pub(crate) risk_free: Option<f64>,

    /// The symbol that beta and correlation refer to [default: the portfolio of all]
    #[arg(long, value_name = "SYMBOL")]
    pub(crate) benchmark: Option<String>,

    /// The column of prices: open, high, low, close or adj_close [default: close]
    #[arg(long, value_name = "COLUMN", value_parser = price_column)]
    pub(crate) column: Option<Column>,

    /// Take logarithmic returns, not simple ones
    #[arg(long)]
    pub(crate) log_returns: bool,
}

impl RiskArgs {
    pub(super) fn text_args(&self) -> TextArgs {
        self.prices.text_args()
    }
}
