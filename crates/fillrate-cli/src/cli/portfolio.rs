//! The flags of `fillrate portfolio`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use fillrate::market::Column;
use fillrate::market::backtest::WalkForward;
use fillrate::market::portfolio::{Bounds, Covariance, Group, Objective};

use super::prices::price_column;
use super::{PricesArgs, TextArgs};

/// What stands below the list of flags.
pub(super) const RECORDS_AND_EXAMPLES: &str = "\
Objectives:
  min-variance    the least variance
  max-sharpe      the greatest mean above --risk-free, in deviations
  target-return   the least variance of a mean of at least --target-return a year
  risk-parity     every symbol adds the same to the deviation; no constraint applies
  min-cvar        the least mean of the losses beyond their quantile at --confidence
Weights sum to 1 and are from -1 to 1, or from 0 to 1 with --long-only. Returns are simple ones
between the dates at which every symbol has a price.

Records, one per symbol in the order of the input, have
  symbol, weight, risk_share, objective, value, mean, volatility, sharpe, observations
where value is the objective's: the variance, the Sharpe ratio, of risk-parity the deviation, or the
CVaR as a positive loss. mean, volatility, variance and CVaR are per bar, sharpe is multiplied by the
square root of 252. With --frontier N the records of N portfolios, from the least risk to the greatest
mean, have the field point, from 1, before these. With --walk-forward each fold's records have
  fold, train_from, train_to, test_from, test_to
before these and behind them what came of the weights, put back to their parts at each date,
  test_return, test_mean, test_volatility, test_sharpe, test_max_drawdown, test_observations
and a last record, of *portfolio* and without a fold, is all folds one after the other.

Examples:
  fillrate portfolio examples/prices.csv --objective min-variance --long-only
  fillrate portfolio prices.parquet --objective max-sharpe --bounds 0:0.3,BOND=0.2:0.6
  fillrate portfolio prices.csv --objective min-cvar --confidence 0.99 --long-only \\
    --group 'tech=AAPL+MSFT:0:0.4' --turnover 0.2 --current AAPL=0.5,MSFT=0.5
  fillrate portfolio prices.csv --objective min-variance --long-only --frontier 20 --format csv
  fillrate portfolio prices.csv --objective max-sharpe --long-only --covariance ledoit-wolf \\
    --walk-forward train=504,test=63";

/// What is wanted of a portfolio.
#[derive(Args, Clone, Debug)]
pub(crate) struct PortfolioArgs {
    /// The prices: a .csv, .jsonl or .parquet file, or - for standard input
    #[arg(value_name = "INPUT")]
    pub(crate) input: PathBuf,

    /// How the prices are read
    #[command(flatten)]
    pub(crate) prices: PricesArgs,

    /// What is best: min-variance, max-sharpe, target-return, risk-parity or min-cvar
    #[arg(long, value_name = "OBJECTIVE")]
    pub(crate) objective: Objective,

    /// The confidence of min-cvar, between 0 and 1 [default: 0.95]
    #[arg(long, value_name = "P")]
    pub(crate) confidence: Option<f64>,

    /// How the covariance is estimated: sample, ewma or ledoit-wolf [default: sample]
    #[arg(long, value_name = "ESTIMATE")]
    pub(crate) covariance: Option<Covariance>,

    /// The weight of what was before in ewma, from 0 to below 1 [default: 0.94]
    #[arg(long, value_name = "DECAY")]
    pub(crate) decay: Option<f64>,

    /// Sell nothing short: weights from 0 to 1
    #[arg(long)]
    pub(crate) long_only: bool,

    /// The least and the most weight, of all symbols or of one; may be given more than once
    #[arg(
        long,
        value_name = "[SYMBOL=]LOW:HIGH,…",
        value_delimiter = ',',
        allow_hyphen_values = true
    )]
    pub(crate) bounds: Vec<NamedBounds>,

    /// The least and the most weight of some symbols together; may be given more than once
    #[arg(long, value_name = "NAME=SYMBOL+SYMBOL:LOW:HIGH", value_parser = parse_group)]
    pub(crate) group: Vec<Group>,

    /// The most that the weights' absolute changes from --current sum to
    #[arg(long, value_name = "SUM", requires = "current")]
    pub(crate) turnover: Option<f64>,

    /// The weights of now; a symbol that is not named has none
    #[arg(long, value_name = "SYMBOL=WEIGHT,…", value_delimiter = ',', requires = "turnover")]
    pub(crate) current: Vec<NamedWeight>,

    /// The most that the weights' absolute values sum to
    #[arg(long, value_name = "SUM")]
    pub(crate) leverage: Option<f64>,

    /// The least mean return per year, 0.1 for 10 %
    #[arg(long, value_name = "RETURN", allow_negative_numbers = true)]
    pub(crate) target_return: Option<f64>,

    /// The yearly rate without risk, 0.04 for 4 % [default: 0]
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    pub(crate) risk_free: Option<f64>,

    /// The column of prices: open, high, low, close or adj_close [default: close]
    #[arg(long, value_name = "COLUMN", value_parser = price_column)]
    pub(crate) column: Option<Column>,

    /// The efficient frontier in so many portfolios, of min-variance or min-cvar
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(2..=1000))]
    pub(crate) frontier: Option<u16>,

    /// Find weights on some returns, hold them over the next, and go on by as many
    #[arg(
        long,
        value_name = "train=BARS,test=BARS",
        conflicts_with_all = ["frontier", "turnover"]
    )]
    pub(crate) walk_forward: Option<WalkForward>,
}

impl PortfolioArgs {
    pub(super) fn text_args(&self) -> TextArgs {
        self.prices.text_args()
    }
}

/// Bounds of one symbol, or of all.
#[derive(Clone, Debug)]
pub(crate) struct NamedBounds {
    pub(crate) symbol: Option<String>,
    pub(crate) bounds: Bounds,
}

impl FromStr for NamedBounds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (symbol, range) = match text.rsplit_once('=') {
            Some((symbol, range)) => (Some(symbol.to_owned()), range),
            None => (None, text),
        };
        let parts = range.split_once(':').and_then(|(low, high)| bounds(low, high));
        let bounds = parts.ok_or("expected LOW:HIGH or SYMBOL=LOW:HIGH, as 0:0.3")?;
        Ok(Self { symbol, bounds })
    }
}

/// A symbol's weight of now.
#[derive(Clone, Debug)]
pub(crate) struct NamedWeight {
    pub(crate) symbol: String,
    pub(crate) weight: f64,
}

impl FromStr for NamedWeight {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.rsplit_once('=');
        let parts = parts.and_then(|(symbol, weight)| Some((symbol, number(weight)?)));
        let (symbol, weight) = parts.ok_or("expected SYMBOL=WEIGHT, as AAPL=0.25")?;
        Ok(Self { symbol: symbol.to_owned(), weight })
    }
}

/// Reads `NAME=SYMBOL+SYMBOL:LOW:HIGH`.
fn parse_group(text: &str) -> Result<Group, String> {
    let read = || {
        let (name, rest) = text.split_once('=')?;
        let mut parts = rest.rsplitn(3, ':');
        let (high, low, symbols) = (parts.next()?, parts.next()?, parts.next()?);
        let symbols = symbols.split('+').map(str::to_owned).collect();
        Some(Group { name: name.to_owned(), symbols, bounds: bounds(low, high)? })
    };
    read().ok_or_else(|| "expected NAME=SYMBOL+SYMBOL:LOW:HIGH, as tech=AAPL+MSFT:0:0.4".to_owned())
}

fn bounds(low: &str, high: &str) -> Option<Bounds> {
    Some(Bounds { low: number(low)?, high: number(high)? })
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}
