//! The flags of `fillrate backtest`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use fillrate::market::Column;
use fillrate::market::backtest::{Grid, Metric, Strategy, WalkForward};

use super::prices::price_column;
use super::{PricesArgs, TextArgs};

/// What stands below the list of flags.
pub(super) const RECORDS_AND_EXAMPLES: &str = "\
Strategies trade the signal of their name (`fillrate indicators --signal`) with the whole account:
  ma-crossover   fast, slow         long once the fast mean is above the slow one, until it is below
  rsi            bars, low, high    long once the index is below low, until it is above high
  bollinger      bars, width        long once the close is below the lower band, until it is above
                                    the upper one
  momentum       bars               long while the close is above that of so many bars before
A grid names values of these parameters, the last of a range included: fast=5:50:5 is 5, 10, … 50; a
name may stand more than once, and one that is not there has its customary value. Combinations whose
fast mean is not the shorter one, or whose low is above high, are left out.

Records, one per symbol and parameter set, in rising order of the parameters, have
  symbol, strategy, the parameters, total_return, cagr, sharpe, sortino, max_drawdown, trades,
  win_rate, exposure
trades counts the positions opened, win_rate is the share of the closed ones that gained after costs,
exposure the share of closes with a position; the rest is as in `fillrate risk`. With --walk-forward
records, one per symbol and fold and then one per symbol for all folds together, have
  symbol, strategy, fold, train_from, train_to, test_from, test_to, the parameters, train_METRIC
and the same figures of the dates after those that the set was chosen on.

Examples:
  fillrate backtest examples/prices.csv --strategy ma-crossover --grid fast=5:50:5,slow=20:200:10
  fillrate backtest prices.parquet --strategy rsi --grid bars=5:30,low=20:40:5 --fee 0.001 --top 10
  fillrate backtest prices.csv --strategy bollinger --grid bars=10:60:5,width=1:3:0.25 --html b.html
  fillrate backtest prices.csv --strategy momentum --grid bars=5:250:5 \\
    --positions long-short --walk-forward train=504,test=126 --by sortino";

/// What to run.
#[derive(Args, Clone, Debug)]
pub(crate) struct BacktestArgs {
    /// The prices: a .csv, .jsonl or .parquet file, or - for standard input
    #[arg(value_name = "INPUT")]
    pub(crate) input: PathBuf,

    /// How the prices are read
    #[command(flatten)]
    pub(crate) prices: PricesArgs,

    /// What trades: ma-crossover, rsi, bollinger or momentum
    #[arg(long, value_name = "STRATEGY")]
    pub(crate) strategy: Strategy,

    /// The parameters to try, as fast=5:50:5,slow=20:200:10 [default: the customary ones]
    #[arg(long, value_name = "NAME=START:STOP:STEP,…")]
    pub(crate) grid: Option<Grid>,

    /// The fee, as a fraction of what is bought or sold [default: 0]
    #[arg(long, value_name = "FRACTION", allow_negative_numbers = true)]
    pub(crate) fee: Option<f64>,

    /// How much worse than the price an order is filled, as a fraction [default: 0]
    #[arg(long, value_name = "FRACTION", allow_negative_numbers = true)]
    pub(crate) slippage: Option<f64>,

    /// What an account may hold [default: long]
    #[arg(long, value_name = "POSITIONS")]
    pub(crate) positions: Option<PositionsChoice>,

    /// When an order is filled [default: next-open]
    #[arg(long, value_name = "FILL")]
    pub(crate) fill: Option<FillChoice>,

    /// The yearly rate without risk, 0.04 for 4 % [default: 0]
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    pub(crate) risk_free: Option<f64>,

    /// The column of prices: open, high, low, close or adj_close [default: close]
    #[arg(long, value_name = "COLUMN", value_parser = price_column)]
    pub(crate) column: Option<Column>,

    /// Only the best N sets of each symbol, the best first
    #[arg(long, value_name = "N", conflicts_with = "walk_forward")]
    pub(crate) top: Option<NonZeroUsize>,

    /// What is best, a field of the records: the greatest, of drawdowns the least [default: sharpe]
    #[arg(long, value_name = "METRIC")]
    pub(crate) by: Option<Metric>,

    /// Choose the best set on some bars, try it on those after them, and so on
    #[arg(long, value_name = "train=BARS,test=BARS")]
    pub(crate) walk_forward: Option<WalkForward>,

    /// Refuse to run more backtests than this [default: 100000000]
    #[arg(long, value_name = "N")]
    pub(crate) max_combinations: Option<u64>,

    /// Also write a page with a heat map and the best set's curve of each symbol to FILE
    #[arg(long, value_name = "FILE", conflicts_with = "walk_forward")]
    pub(crate) html: Option<PathBuf>,

    /// Also write these pictures as SVG files, two for each symbol, into DIR
    #[arg(long, value_name = "DIR", conflicts_with = "walk_forward")]
    pub(crate) svg: Option<PathBuf>,
}

/// What an account may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PositionsChoice {
    /// Shares or nothing
    Long,
    /// Shares, nothing, or shares sold short
    LongShort,
}

/// When an order is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FillChoice {
    /// At the open of the bar after the signal
    NextOpen,
    /// At the close that gives the signal
    Close,
}

impl BacktestArgs {
    pub(super) fn text_args(&self) -> TextArgs {
        self.prices.text_args()
    }
}
