//! One parameter set, bar by bar: one account, its curve and its trades.
//!
//! This is what [`super::sweep`](super::sweep()) means, written down as one would do it by hand. Its
//! numbers are the sweep's to a relative 1e-12.

use std::cmp::Ordering;
use std::ops::Range;

use fillrate_kernels::SWEEP_EVEN;

use super::performance::{Account, Performance};
use super::prepared::Prepared;
use super::strategy::{ParameterSet, Strategy};
use super::{BacktestOptions, OrderFill, Positions};
use crate::Result;
use crate::market::indicators::{Indicator, IndicatorOptions, IndicatorStream};
use crate::market::panel::{Bar, Series};
use crate::market::risk::BARS_PER_YEAR;

/// A position from its opening to its end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trade {
    /// The bar of the series in which it was opened.
    pub entry: usize,
    /// The bar in which it was closed; `None` if it was still open at the end.
    pub exit: Option<usize>,
    /// Whether shares were sold short.
    pub is_short: bool,
    /// What the account gained by it, costs included, as a fraction of its value before; of an open
    /// one to the last close.
    pub gain: f64,
}

/// The course of an account.
#[derive(Clone, Debug, PartialEq)]
pub struct Replay {
    /// The bars of the series that have a close; shape `[closes]`.
    pub bars: Vec<usize>,
    /// The account's value at each close; shape `[closes]`.
    pub equity: Vec<f64>,
    /// Whether a position was held at each close; shape `[closes]`.
    pub held: Vec<bool>,
    /// The positions, in order.
    pub trades: Vec<Trade>,
    /// What it came to.
    pub performance: Performance,
}

/// Runs one parameter set over a series.
///
/// # Errors
///
/// If an option or a parameter is out of its range, a column is missing, or a price is not above 0.
pub fn replay(
    series: &Series<'_>,
    strategy: Strategy,
    set: &ParameterSet,
    options: &BacktestOptions,
) -> Result<Replay> {
    options.check()?;
    let prepared = Prepared::of(series, options)?;
    let closes = 0..prepared.close.len();
    replay_range(&prepared, strategy, set, options, closes)
}

/// The same over a range of the known closes. Indicators rest on the closes before it too; the
/// account and the sides of a crossing begin with it.
pub(super) fn replay_range(
    prepared: &Prepared,
    strategy: Strategy,
    set: &ParameterSet,
    options: &BacktestOptions,
    closes: Range<usize>,
) -> Result<Replay> {
    strategy.signal(set).check()?;
    let mut eye = Eye::new(strategy, set)?;
    for close in &prepared.close[..closes.start] {
        eye.values(*close);
    }
    let mut book = Book::new(options);
    let mut wanted = Side::Flat;
    let (mut equity, mut held) = (Vec::new(), Vec::new());
    for at in closes.clone() {
        let (close, is_first) = (prepared.close[at], at == closes.start);
        let open = prepared.open[at];
        if options.fill == OrderFill::NextOpen && !is_first && !open.is_nan() {
            book.turn(wanted, open, prepared.bars[at]);
        }
        let asked = eye.look(close);
        match options.fill {
            OrderFill::NextOpen => wanted = wanted.after(asked, options.positions),
            // What is seen at the close that opens the account moves nothing yet.
            OrderFill::Close if is_first => {}
            OrderFill::Close => {
                wanted = wanted.after(asked, options.positions);
                book.turn(wanted, close, prepared.bars[at]);
            }
        }
        equity.push(book.mark(close, prepared.bars[at]));
        held.push(book.side != Side::Flat);
    }
    book.finish(equity.last().copied().unwrap_or(1.0));
    let performance = of_curve(&returns(&equity), &held, &book.trades, options);
    Ok(Replay {
        bars: prepared.bars[closes].to_vec(),
        equity,
        held,
        trades: book.trades,
        performance,
    })
}

/// The return of each close but the first.
pub(super) fn returns(equity: &[f64]) -> Vec<f64> {
    let of = |pair: &[f64]| if pair[0] > 0.0 { pair[1] / pair[0] - 1.0 } else { 0.0 };
    equity.windows(2).map(of).collect()
}

/// The performance of an account with these returns, that held a position at these closes.
pub(super) fn of_curve(
    returns: &[f64],
    held: &[bool],
    trades: &[Trade],
    options: &BacktestOptions,
) -> Performance {
    let rate = options.risk_free / BARS_PER_YEAR;
    let excess: Vec<f64> = returns.iter().map(|r| r - rate).collect();
    let sum: f64 = excess.iter().sum();
    let mean = sum / excess.len() as f64;
    let total = |of: &dyn Fn(f64) -> f64| excess.iter().map(|r| of(*r)).sum::<f64>();
    let (mut equity, mut peak, mut drawdown) = (1.0, 1.0, 0.0);
    for r in returns {
        equity *= 1.0 + r;
        peak = f64::max(peak, equity);
        drawdown = f64::max(drawdown, 1.0 - equity / peak);
    }
    let closed = trades.iter().filter(|trade| trade.exit.is_some());
    Performance::of(&Account {
        closes: held.len(),
        equity,
        sum,
        deviations: total(&|r| (r - mean).powi(2)),
        squares: total(&|r| r * r),
        downside: total(&|r| r.min(0.0).powi(2)),
        drawdown,
        held: held.iter().filter(|held| **held).count() as f64,
        trades: trades.len() as f64,
        closed: closed.clone().count() as f64,
        won: closed.filter(|trade| 1.0 + trade.gain > SWEEP_EVEN).count() as f64,
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Flat,
    Long,
    Short,
}

impl Side {
    /// The side that is wanted once a signal has been seen.
    const fn after(self, asked: Option<Self>, positions: Positions) -> Self {
        match (asked, positions) {
            (None, _) => self,
            (Some(Self::Short), Positions::Long) => Self::Flat,
            (Some(side), _) => side,
        }
    }
}

/// Looks at closes one after the other, and says which side they ask for.
struct Eye {
    strategy: Strategy,
    set: ParameterSet,
    streams: Vec<IndicatorStream>,
    /// Of a crossing: the side that the fast mean was last on.
    above: Option<Ordering>,
}

impl Eye {
    fn new(strategy: Strategy, set: &ParameterSet) -> Result<Self> {
        let bars = set[0] as usize;
        let indicators = match strategy {
            Strategy::MaCrossover => {
                vec![Indicator::Sma { bars }, Indicator::Sma { bars: set[1] as usize }]
            }
            Strategy::Rsi => vec![Indicator::Rsi { bars }],
            Strategy::Bollinger => vec![Indicator::Bands { bars, width: set[1] }],
            Strategy::Momentum => vec![Indicator::Momentum { bars }],
        };
        let stream = |indicator| IndicatorStream::new(indicator, IndicatorOptions::default());
        let streams: Result<_> = indicators.into_iter().map(stream).collect();
        Ok(Self { strategy, set: *set, streams: streams?, above: None })
    }

    fn values(&mut self, close: f64) -> Vec<f64> {
        let bar = Bar { close, ..Bar::default() };
        self.streams.iter_mut().flat_map(|stream| stream.push(&bar).to_vec()).collect()
    }

    fn look(&mut self, close: f64) -> Option<Side> {
        let values = self.values(close);
        let one_of = |buy: bool, sell: bool| match (buy, sell) {
            (true, _) => Some(Side::Long),
            (_, true) => Some(Side::Short),
            _ => None,
        };
        match (self.strategy, values.as_slice()) {
            (Strategy::MaCrossover, [fast, slow]) => {
                // Equal means, and those of a warm-up, are on no side.
                let above = fast.partial_cmp(slow)?;
                if above.is_eq() {
                    return None;
                }
                let before = self.above.replace(above);
                let crossed = before == Some(above.reverse());
                one_of(crossed && above.is_gt(), crossed && above.is_lt())
            }
            (Strategy::Rsi, [rsi]) => one_of(*rsi < self.set[1], *rsi > self.set[2]),
            (Strategy::Bollinger, [upper, _, lower]) => one_of(close < *lower, close > *upper),
            (Strategy::Momentum, [change]) => one_of(*change > 0.0, *change < 0.0),
            _ => unreachable!("the outputs of the strategy's own indicators"),
        }
    }
}

/// Cash and shares of one account.
struct Book {
    fee: f64,
    slippage: f64,
    cash: f64,
    /// Below 0 where they were sold short.
    shares: f64,
    side: Side,
    /// The account's value before the position was opened.
    paid: f64,
    is_ruined: bool,
    trades: Vec<Trade>,
}

impl Book {
    fn new(options: &BacktestOptions) -> Self {
        Self {
            fee: options.fee,
            slippage: options.slippage,
            cash: 1.0,
            shares: 0.0,
            side: Side::Flat,
            paid: 1.0,
            is_ruined: false,
            trades: Vec::new(),
        }
    }

    /// Fills the order that leads to the side wanted.
    fn turn(&mut self, wanted: Side, price: f64, bar: usize) {
        if wanted == self.side || self.is_ruined {
            return;
        }
        let (dearer, cheaper) = (price * (1.0 + self.slippage), price * (1.0 - self.slippage));
        match self.side {
            Side::Flat => {}
            Side::Long => self.close(self.shares * cheaper * (1.0 - self.fee), bar),
            Side::Short => {
                self.close(self.cash + self.shares * dearer * (1.0 + self.fee), bar);
            }
        }
        if self.is_ruined || wanted == Side::Flat {
            return;
        }
        (self.paid, self.side) = (self.cash, wanted);
        if wanted == Side::Long {
            self.shares = self.cash / (dearer * (1.0 + self.fee));
            self.cash = 0.0;
        } else {
            self.shares = -self.cash / cheaper;
            self.cash += self.cash - self.cash * self.fee;
        }
        let is_short = wanted == Side::Short;
        self.trades.push(Trade { entry: bar, exit: None, is_short, gain: 0.0 });
    }

    /// Ends the position with this much cash in the account.
    fn close(&mut self, cash: f64, bar: usize) {
        self.cash = cash.max(0.0);
        self.is_ruined = self.cash <= 0.0;
        self.shares = 0.0;
        self.side = Side::Flat;
        if let Some(trade) = self.trades.last_mut() {
            trade.exit = Some(bar);
            trade.gain = self.cash / self.paid - 1.0;
        }
    }

    /// The account's value at a close; one that is worth nothing is closed.
    fn mark(&mut self, close: f64, bar: usize) -> f64 {
        let value = self.cash + self.shares * close;
        if value > 0.0 {
            return value;
        }
        if self.side != Side::Flat {
            self.close(0.0, bar);
        }
        0.0
    }

    /// Tells what an open position has gained so far.
    fn finish(&mut self, value: f64) {
        if let Some(trade) = self.trades.last_mut().filter(|trade| trade.exit.is_none()) {
            trade.gain = value / self.paid - 1.0;
        }
    }
}
