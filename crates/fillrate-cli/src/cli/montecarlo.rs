//! The flags of `fillrate montecarlo`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

/// What stands below the list of flags.
pub(super) const RECORDS_AND_EXAMPLES: &str = "\
There is one record of where the paths end:
  mean, std, std_error, quantiles{p01,p05,p25,p50,p75,p95,p99}, model, paths, steps, seed
std is the deviation of the ends, std_error that of the mean; both are null of one path. The drift is that of the expectation in
every model: E[S] = spot * exp(drift * expiry). A seed gives the same paths on every machine and
whatever the number of threads.

Models, with the flags that each has:
  gbm      geometric Brownian motion: --vol
  merton   the same with jumps of the logarithm: --jumps-per-year, --jump-mean, --jump-vol
  heston   a variance of its own, which begins at vol * vol: --reversion, --variance-mean,
           --variance-vol, --correlation (full truncation)
A basket is a table with a row per asset and the columns symbol, spot, vol, drift (else --drift), weight
(else 1) and one named after each symbol with the correlations. What ends is its worth, the sum of
weight * price.

--paths-out writes every path too, with the columns path, step, time, price.

Examples:
  fillrate montecarlo --spot 100 --drift 0.05 --vol 0.2 --expiry 1
  fillrate montecarlo --spot 100 --vol 0.3 --expiry 0.5 --model heston --reversion 2 \\
      --variance-vol 0.6 --correlation -0.7 --paths 1000000 --antithetic
  fillrate montecarlo --basket basket.csv --expiry 1 --steps 12 --paths-out paths.parquet";

/// What to simulate.
#[derive(Args, Clone, Debug)]
pub(crate) struct MonteCarloArgs {
    /// The price at the start
    #[arg(long, value_name = "PRICE", allow_negative_numbers = true)]
    pub(crate) spot: Option<f64>,

    /// The drift of the expectation per year, 0.05 for 5 % [default: 0]
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    pub(crate) drift: Option<f64>,

    /// The volatility per year, 0.2 for 20 %
    #[arg(long, value_name = "VOL", allow_negative_numbers = true)]
    pub(crate) vol: Option<f64>,

    /// The end of the paths, in years
    #[arg(long, value_name = "YEARS", allow_negative_numbers = true)]
    pub(crate) expiry: f64,

    /// The steps of a path [default: 252]
    #[arg(long, value_name = "N")]
    pub(crate) steps: Option<u32>,

    /// The number of paths [default: 100000]
    #[arg(long, value_name = "N")]
    pub(crate) paths: Option<u64>,

    /// Where the random numbers come from [default: 0]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,

    /// Let every second path be the mirror image of another
    #[arg(long)]
    pub(crate) antithetic: bool,

    /// How the price moves: gbm, merton or heston [default: gbm]
    #[arg(long, value_name = "MODEL")]
    pub(crate) model: Option<ModelName>,

    /// merton: how many jumps are expected per year [default: 0]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) jumps_per_year: Option<f64>,

    /// merton: the mean of a jump of the logarithm [default: 0]
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub(crate) jump_mean: Option<f64>,

    /// merton: the deviation of a jump of the logarithm [default: 0]
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub(crate) jump_vol: Option<f64>,

    /// heston: how fast the variance is pulled to its mean, per year [default: 1]
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    pub(crate) reversion: Option<f64>,

    /// heston: the mean of the variance [default: vol * vol]
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub(crate) variance_mean: Option<f64>,

    /// heston: the volatility of the variance [default: 0]
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub(crate) variance_vol: Option<f64>,

    /// heston: the correlation of price and variance [default: 0]
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub(crate) correlation: Option<f64>,

    /// Simulate the basket of this table: a .csv, .jsonl or .parquet file, or - for standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["spot", "vol", "model"])]
    pub(crate) basket: Option<PathBuf>,

    /// Write the paths to this .parquet, .csv or .jsonl file
    #[arg(long, value_name = "FILE")]
    pub(crate) paths_out: Option<PathBuf>,
}

/// How a price moves, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ModelName {
    Gbm,
    Merton,
    Heston,
}

impl ModelName {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Gbm => "gbm",
            Self::Merton => "merton",
            Self::Heston => "heston",
        }
    }
}

impl FromStr for ModelName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = [Self::Gbm, Self::Merton, Self::Heston];
        let found = known.into_iter().find(|model| model.as_str() == name);
        found.ok_or_else(|| "expected gbm, merton or heston".to_owned())
    }
}
