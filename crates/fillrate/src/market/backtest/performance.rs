//! What an account came to.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use fillrate_kernels::SweepTally;

use crate::market::risk::BARS_PER_YEAR;

/// Below this share of Σ r² for each return, Σ (r − mean)² is rounding, and the returns are equal.
const FLAT: f64 = 8.0 * f64::EPSILON;

/// What an account came to; `None` where there are too few returns for a figure, or it would be a
/// division by 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Performance {
    /// The value at the last close less 1, the value before the first.
    pub total_return: f64,
    /// The yearly compound return: value ^ (252 / returns) − 1.
    pub cagr: Option<f64>,
    /// The mean return above the rate, in deviations, × √252.
    pub sharpe: Option<f64>,
    /// The mean return above the rate, in downside deviations √(Σ min(r − rate, 0)² / (n − 1)),
    /// × √252.
    pub sortino: Option<f64>,
    /// The deepest fall as a positive fraction of the highest value before.
    pub max_drawdown: f64,
    /// The positions opened, one still open at the end among them.
    pub trades: u64,
    /// The share of the closed positions that gained, after costs.
    pub win_rate: Option<f64>,
    /// The share of the known closes at which a position was held.
    pub exposure: f64,
}

/// What a [`Performance`] is computed of.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Account {
    /// The closes, that at which the account opened among them.
    pub(super) closes: usize,
    pub(super) equity: f64,
    /// Σ r of the returns less the rate, one fewer than the closes.
    pub(super) sum: f64,
    /// Σ (r − mean)².
    pub(super) deviations: f64,
    /// Σ r².
    pub(super) squares: f64,
    /// Σ min(r, 0)².
    pub(super) downside: f64,
    pub(super) drawdown: f64,
    pub(super) held: f64,
    pub(super) trades: f64,
    pub(super) closed: f64,
    pub(super) won: f64,
}

impl Performance {
    /// The performance of a lane of a pass over `closes` bars.
    pub(super) fn of_lane(tally: &SweepTally, lane: usize, closes: usize) -> Self {
        let (sum, squares) = (tally.sum[lane], tally.squares[lane]);
        let returns = closes.saturating_sub(1).max(1) as f64;
        Self::of(&Account {
            closes,
            equity: tally.equity[lane],
            sum,
            // Returns deviate far more than their mean: little is cancelled.
            deviations: (squares - sum * sum / returns).max(0.0),
            squares,
            downside: tally.downside[lane],
            drawdown: tally.drawdown[lane],
            held: tally.held[lane],
            trades: tally.trades[lane],
            closed: tally.closed[lane],
            won: tally.won[lane],
        })
    }

    pub(super) fn of(account: &Account) -> Self {
        let returns = account.closes.saturating_sub(1) as f64;
        let mean = account.sum / returns;
        let yearly = |squares: f64| {
            let deviation = (squares / (returns - 1.0)).sqrt();
            let exists = returns > 1.0 && deviation > 0.0;
            exists.then(|| mean / deviation * BARS_PER_YEAR.sqrt())
        };
        let rounding = FLAT * returns * account.squares;
        let deviations = if account.deviations > rounding { account.deviations } else { 0.0 };
        let share = |part: f64, whole: f64| (whole > 0.0).then(|| part / whole);
        let cagr = account.equity.powf(BARS_PER_YEAR / returns) - 1.0;
        Self {
            total_return: account.equity - 1.0,
            cagr: (returns > 0.0 && cagr.is_finite()).then_some(cagr),
            sharpe: yearly(deviations),
            sortino: yearly(account.downside),
            max_drawdown: account.drawdown,
            trades: account.trades as u64,
            win_rate: share(account.won, account.closed),
            exposure: share(account.held, account.closes as f64).unwrap_or(0.0),
        }
    }
}

/// A figure of a [`Performance`], to choose sets by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Metric {
    /// [`Performance::total_return`].
    TotalReturn,
    /// [`Performance::cagr`].
    Cagr,
    /// [`Performance::sharpe`].
    #[default]
    Sharpe,
    /// [`Performance::sortino`].
    Sortino,
    /// [`Performance::max_drawdown`]: less is better.
    MaxDrawdown,
    /// [`Performance::trades`].
    Trades,
    /// [`Performance::win_rate`].
    WinRate,
    /// [`Performance::exposure`].
    Exposure,
}

impl Metric {
    /// Every metric, in the order of a record.
    pub const ALL: [Self; 8] = [
        Self::TotalReturn,
        Self::Cagr,
        Self::Sharpe,
        Self::Sortino,
        Self::MaxDrawdown,
        Self::Trades,
        Self::WinRate,
        Self::Exposure,
    ];

    /// The name: that of the field.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TotalReturn => "total_return",
            Self::Cagr => "cagr",
            Self::Sharpe => "sharpe",
            Self::Sortino => "sortino",
            Self::MaxDrawdown => "max_drawdown",
            Self::Trades => "trades",
            Self::WinRate => "win_rate",
            Self::Exposure => "exposure",
        }
    }

    /// The figure.
    #[must_use]
    pub fn of(self, performance: &Performance) -> Option<f64> {
        match self {
            Self::TotalReturn => Some(performance.total_return),
            Self::Cagr => performance.cagr,
            Self::Sharpe => performance.sharpe,
            Self::Sortino => performance.sortino,
            Self::MaxDrawdown => Some(performance.max_drawdown),
            Self::Trades => Some(performance.trades as f64),
            Self::WinRate => performance.win_rate,
            Self::Exposure => Some(performance.exposure),
        }
    }

    /// The better figure first, one that does not exist last.
    #[must_use]
    pub fn order(self, one: Option<f64>, other: Option<f64>) -> Ordering {
        match (one, other) {
            (Some(one), Some(other)) if self == Self::MaxDrawdown => one.total_cmp(&other),
            (Some(one), Some(other)) => other.total_cmp(&one),
            (one, other) => other.is_some().cmp(&one.is_some()),
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Metric {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|metric| metric.as_str() == name);
        known.ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str);
            format!("expected one of {}", names.join(", "))
        })
    }
}
