//! One symbol's prices, and what orders between them cost.

use crate::{Error, Result};

/// When the order that a close asks for is filled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OrderFill {
    /// At the fill price of the next bar: its open.
    #[default]
    NextOpen,
    /// At the close that asks for it.
    Close,
}

/// What orders cost, and when they are filled.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TapeTerms {
    /// The fee, as a fraction of what is bought or sold; from 0 to below 1.
    pub fee: f64,
    /// How much worse than the price an order is filled, as a fraction; from 0 to below 1.
    pub slippage: f64,
    /// The rate of a bar that returns are measured above.
    pub rate: f64,
    /// When orders are filled.
    pub fill: OrderFill,
}

/// The prices of one symbol as a pass reads them, each column of shape `[bars]`.
#[derive(Clone, Debug)]
pub struct Tape {
    pub(super) terms: TapeTerms,
    pub(super) close: Vec<f64>,
    /// The return, less the rate, of a bar over which a long position is held.
    pub(super) hold: Vec<f64>,
    /// The same of a bar in which it is opened.
    pub(super) enter: Vec<f64>,
    /// The same of a bar in which it is closed.
    pub(super) leave: Vec<f64>,
    /// The shares that 1 of cash buys, costs included. NaN where no order can be filled.
    pub(super) buy: Vec<f64>,
    /// The cash that a sold share brings, costs deducted.
    pub(super) sell: Vec<f64>,
    /// The shares that are sold short for 1 of cash, the fee not deducted.
    pub(super) short: Vec<f64>,
    /// The cash that a share costs which is bought back, costs included.
    pub(super) cover: Vec<f64>,
}

impl Tape {
    /// A tape of these closes, shape `[bars]`, finite and above 0, and of the prices at which an
    /// order is filled in each bar: its open, NaN where it is not known. With [`OrderFill::Close`]
    /// the closes are the fill prices, and `open` is not looked at.
    ///
    /// # Errors
    ///
    /// If a close or a fill price is not above 0, the columns differ in length, or a cost is out of
    /// its range.
    pub fn new(close: &[f64], open: &[f64], terms: TapeTerms) -> Result<Self> {
        let fill = match terms.fill {
            OrderFill::NextOpen => open,
            OrderFill::Close => close,
        };
        check(close, fill, terms)?;
        let TapeTerms { fee, slippage, rate, .. } = terms;
        let before = |at: usize| close[at.saturating_sub(1)];
        let column =
            |value: &dyn Fn(usize) -> f64| -> Vec<f64> { (0..close.len()).map(value).collect() };
        let buy = column(&|at| 1.0 / (fill[at] * (1.0 + slippage) * (1.0 + fee)));
        let sell = column(&|at| fill[at] * (1.0 - slippage) * (1.0 - fee));
        Ok(Self {
            terms,
            hold: column(&|at| close[at] / before(at) - 1.0 - rate),
            enter: column(&|at| close[at] * buy[at] - 1.0 - rate),
            leave: column(&|at| sell[at] / before(at) - 1.0 - rate),
            short: column(&|at| 1.0 / (fill[at] * (1.0 - slippage))),
            cover: column(&|at| fill[at] * (1.0 + slippage) * (1.0 + fee)),
            close: close.to_vec(),
            buy,
            sell,
        })
    }

    /// The number of bars.
    #[must_use]
    pub fn len(&self) -> usize {
        self.close.len()
    }

    /// Whether there is no bar.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.close.is_empty()
    }

    /// What orders cost, and when they are filled.
    #[must_use]
    pub const fn terms(&self) -> TapeTerms {
        self.terms
    }

    /// The columns as a device reads them, each of shape `[bars]`: closes; what a bar returns that is
    /// held, entered and left; what 1 of cash buys, what a share sold brings, what 1 of cash sells short,
    /// and what a share costs that is bought back.
    #[must_use]
    pub fn columns(&self) -> [&[f64]; 8] {
        let Self { close, hold, enter, leave, buy, sell, short, cover, .. } = self;
        [close, hold, enter, leave, buy, sell, short, cover]
    }

    /// The closes, shape `[bars]`.
    #[must_use]
    pub fn close(&self) -> &[f64] {
        &self.close
    }
}

fn check(close: &[f64], fill: &[f64], terms: TapeTerms) -> Result<()> {
    let refused = |expected: &str, got: String| {
        Err(Error::Shape { op: "sweep", expected: expected.to_owned(), got })
    };
    if close.len() != fill.len() {
        return refused("an open for each close", format!("{} and {}", close.len(), fill.len()));
    }
    let is_price = |price: &f64| price.is_finite() && *price > 0.0;
    if let Some(at) = close.iter().position(|price| !is_price(price)) {
        return refused("closes above 0", format!("{} at {at}", close[at]));
    }
    if let Some(at) = fill.iter().position(|price| !(price.is_nan() || is_price(price))) {
        return refused("fill prices above 0", format!("{} at {at}", fill[at]));
    }
    for cost in [terms.fee, terms.slippage] {
        if !(0.0..1.0).contains(&cost) {
            return refused("costs from 0 to below 1", cost.to_string());
        }
    }
    if !terms.rate.is_finite() {
        return refused("a rate that is a number", terms.rate.to_string());
    }
    Ok(())
}
