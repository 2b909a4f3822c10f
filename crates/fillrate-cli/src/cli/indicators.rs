//! The flags of `fillrate indicators`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use fillrate::market::Column;
use fillrate::market::indicators::{Indicator, MacdPeriods, Request, Signal};

use super::{PricesArgs, TextArgs};

/// What stands below the list of flags.
pub(super) const RECORDS_AND_EXAMPLES: &str = "\
Records, one per row and in the order of the input, have the input's columns and then those asked
for, in the order of this list:
  sma_N, ema_N, wma_N, rsi_N, bb_upper_N_K, bb_middle_N_K, bb_lower_N_K,
  macd_F_S_M, macd_signal_F_S_M, macd_hist_F_S_M, atr_N, mom_N, roc_N, zscore_N, std_N,
  min_N, max_N, stoch_k_N_S_M, stoch_d_N_S_M,
  signal_NAME, and with --signal swing: swing_entry, swing_stop, swing_target
An input column that has one of these names is kept as input_NAME. Warm-up is empty (null in JSON).
A row whose price is missing has empty results and is left out of the windows around it.

A signal is 1 to buy, -1 to sell, 0 for neither:
  ma-crossover  the mean of 20 bars has crossed that of 50, upwards or downwards
  rsi           the RSI of 14 bars is below 30, or above 70
  bollinger     the price is below the lower band of 20,2, or above the upper one
  momentum      the change over 10 bars is above 0, or below
  zscore        the z-score of 20 bars is below -2, or above 2
  swing         a low below those of two bars on each side is confirmed, or such a high; entry at
                the close, stop at the extreme, target twice as far on the other side

Examples:
  fillrate indicators examples/prices.csv --sma 20 --rsi 14
  fillrate indicators prices.parquet --bbands 20,2 --signal bollinger -o signals.parquet
  fillrate indicators prices.csv --ema 12 --ema 26 --column adj_close --format csv";

/// What to compute, and of what.
#[derive(Args, Clone, Debug)]
pub(crate) struct IndicatorsArgs {
    /// The prices: a .csv, .jsonl or .parquet file, or - for standard input
    #[arg(value_name = "INPUT")]
    pub(crate) input: PathBuf,

    /// How the prices are read
    #[command(flatten)]
    pub(crate) prices: PricesArgs,

    /// Simple moving average over N bars
    #[arg(long, value_name = "N")]
    sma: Vec<usize>,

    /// Exponential moving average, alpha 2/(N+1), seeded with the mean of the first N bars
    #[arg(long, value_name = "N")]
    ema: Vec<usize>,

    /// Linearly weighted moving average over N bars
    #[arg(long, value_name = "N")]
    wma: Vec<usize>,

    /// Wilder's relative strength index over N bars
    #[arg(long, value_name = "N")]
    rsi: Vec<usize>,

    /// Bollinger bands over N bars at K population deviations
    #[arg(long, value_name = "N,K", value_parser = parse_bands)]
    bbands: Vec<Indicator>,

    /// Moving average convergence and divergence: fast, slow and signal lengths
    #[arg(long, value_name = "F,S,M", value_parser = parse_macd)]
    macd: Vec<Indicator>,

    /// Wilder's average true range over N bars, of high, low and close
    #[arg(long, value_name = "N")]
    atr: Vec<usize>,

    /// Momentum: the change over N bars
    #[arg(long, value_name = "N")]
    momentum: Vec<usize>,

    /// Rate of change: the change over N bars as a ratio, 0.01 for 1 %
    #[arg(long, value_name = "N")]
    roc: Vec<usize>,

    /// Distance from the mean of N bars in population deviations
    #[arg(long, value_name = "N")]
    zscore: Vec<usize>,

    /// Population standard deviation over N bars
    #[arg(long, value_name = "N")]
    std: Vec<usize>,

    /// Least value of N bars
    #[arg(long, value_name = "N")]
    min: Vec<usize>,

    /// Greatest value of N bars
    #[arg(long, value_name = "N")]
    max: Vec<usize>,

    /// Stochastic of high, low and close: window and the lengths of its two means
    #[arg(long, value_name = "N,S,M", value_parser = parse_stochastic)]
    stoch: Vec<Indicator>,

    /// A signal: ma-crossover, rsi, bollinger, momentum, zscore or swing
    #[arg(long, value_name = "NAME")]
    signal: Vec<Signal>,

    /// The column that single series are taken from: open, high, low, close, volume or adj_close
    /// [default: close]
    #[arg(long, value_name = "COLUMN")]
    pub(crate) column: Option<Column>,

    /// Let windows (sma, wma, bbands, zscore, std, min, max, stoch) answer from so many bars on, before
    /// they are full [default: full windows]
    #[arg(long, value_name = "BARS")]
    pub(crate) min_periods: Option<NonZeroUsize>,
}

impl IndicatorsArgs {
    pub(super) fn text_args(&self) -> TextArgs {
        self.prices.text_args()
    }

    /// What is asked for, in the order of the flags' definitions, nothing twice.
    pub(crate) fn requests(&self) -> Vec<Request> {
        fn each(bars: &[usize], of: impl Fn(usize) -> Indicator) -> Vec<Indicator> {
            bars.iter().map(|bars| of(*bars)).collect()
        }
        let indicators = [
            each(&self.sma, |bars| Indicator::Sma { bars }),
            each(&self.ema, |bars| Indicator::Ema { bars }),
            each(&self.wma, |bars| Indicator::Wma { bars }),
            each(&self.rsi, |bars| Indicator::Rsi { bars }),
            self.bbands.clone(),
            self.macd.clone(),
            each(&self.atr, |bars| Indicator::Atr { bars }),
            each(&self.momentum, |bars| Indicator::Momentum { bars }),
            each(&self.roc, |bars| Indicator::Roc { bars }),
            each(&self.zscore, |bars| Indicator::ZScore { bars }),
            each(&self.std, |bars| Indicator::Deviation { bars }),
            each(&self.min, |bars| Indicator::Min { bars }),
            each(&self.max, |bars| Indicator::Max { bars }),
            self.stoch.clone(),
        ];
        let indicators = indicators.into_iter().flatten().map(Request::Indicator);
        let mut requests: Vec<Request> = Vec::new();
        for request in indicators.chain(self.signal.iter().copied().map(Request::Signal)) {
            if !requests.contains(&request) {
                requests.push(request);
            }
        }
        requests
    }
}

fn parse_bands(text: &str) -> Result<Indicator, String> {
    let wrong = || "expected bars and a number of deviations, such as 20,2".to_owned();
    let (bars, width) = text.split_once(',').ok_or_else(wrong)?;
    let bars = bars.trim().parse().map_err(|_| wrong())?;
    let width = width.trim().parse().map_err(|_| wrong())?;
    Ok(Indicator::Bands { bars, width })
}

fn parse_macd(text: &str) -> Result<Indicator, String> {
    let [fast, slow, smooth] = three(text, "12,26,9")?;
    Ok(Indicator::Macd(MacdPeriods { fast, slow, smooth }))
}

fn parse_stochastic(text: &str) -> Result<Indicator, String> {
    let [bars, slow, smooth] = three(text, "14,3,3")?;
    Ok(Indicator::Stochastic { bars, slow, smooth })
}

fn three(text: &str, example: &str) -> Result<[usize; 3], String> {
    let parts: Option<Vec<usize>> = text.split(',').map(|part| part.trim().parse().ok()).collect();
    let parts: Option<[usize; 3]> = parts.and_then(|parts| parts.try_into().ok());
    parts.ok_or_else(|| format!("expected three lengths in bars, such as {example}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_with_and_without_spaces() {
        assert_eq!(parse_bands("20, 2.5"), Ok(Indicator::Bands { bars: 20, width: 2.5 }));
        assert_eq!(three("12,26,9", ""), Ok([12, 26, 9]));
        for text in ["", "20", "20,2,1", "a,2", "-1,2"] {
            assert!(parse_bands(text).is_err(), "{text}");
        }
        for text in ["", "1,2", "1,2,3,4", "1,,2", "1,2,x"] {
            assert!(three(text, "").is_err(), "{text}");
        }
    }
}
