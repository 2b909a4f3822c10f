//! European options: one, or columns of them.

use std::ops::Range;

use fillrate_kernels::{Cpu, GREEKS, OptionColumns};
use rayon::prelude::*;

use super::{Greeks, Right, Terms};
use crate::{Error, Result};

/// Options that one thread takes at a time: enough to hide what a task costs.
const CHUNK: usize = 4096;

/// The terms of many European options, each column of shape `[options]`.
#[derive(Clone, Copy, Debug)]
pub struct EuropeanColumns<'a> {
    /// Whether each is a call or a put.
    pub right: &'a [Right],
    /// As in [`Terms`], and so the columns below.
    pub spot: &'a [f64],
    /// The strikes.
    pub strike: &'a [f64],
    /// The rates.
    pub rate: &'a [f64],
    /// The dividend yields.
    pub dividend: &'a [f64],
    /// The volatilities.
    pub vol: &'a [f64],
    /// The times to expiry.
    pub expiry: &'a [f64],
}

/// Prices and Greeks as columns, each of shape `[options]`; see [`Greeks`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GreekColumns {
    /// The prices.
    pub price: Vec<f64>,
    /// By the spot.
    pub delta: Vec<f64>,
    /// By the spot, twice.
    pub gamma: Vec<f64>,
    /// By the volatility.
    pub vega: Vec<f64>,
    /// By time that passes, per year.
    pub theta: Vec<f64>,
    /// By the rate.
    pub rho: Vec<f64>,
}

impl EuropeanColumns<'_> {
    /// Checks lengths and ranges.
    pub(crate) fn check(&self) -> Result<()> {
        let Self { right, spot, strike, rate, dividend, vol, expiry } = *self;
        let count = spot.len();
        let columns = [strike, rate, dividend, vol, expiry];
        if right.len() != count || columns.iter().any(|column| column.len() != count) {
            let message = "the columns differ in length".to_owned();
            return Err(Error::Argument { name: "options", message });
        }
        for row in 0..count {
            let terms = Terms {
                spot: spot[row],
                strike: strike[row],
                rate: rate[row],
                dividend: dividend[row],
                vol: vol[row],
                expiry: expiry[row],
            };
            terms.check().map_err(|error| Error::Argument {
                name: "options",
                message: format!("row {row}: {error}"),
            })?;
        }
        Ok(())
    }
}

impl GreekColumns {
    /// Those of columns whose terms were checked, on the threads of rayon's pool.
    pub(crate) fn compute(options: &OptionColumns<'_>) -> Result<Self> {
        Self::by_chunks(options.spot.len(), CHUNK, |rows, outputs| {
            let part = OptionColumns {
                spot: &options.spot[rows.clone()],
                strike: &options.strike[rows.clone()],
                rate: &options.rate[rows.clone()],
                dividend: &options.dividend[rows.clone()],
                vol: &options.vol[rows.clone()],
                expiry: &options.expiry[rows.clone()],
                sign: &options.sign[rows],
            };
            Cpu::detect().black_scholes(&part, outputs)
        })
    }

    /// Those that `compute` makes of `chunk` rows at a time, on the threads of rayon's pool.
    pub(super) fn by_chunks(
        count: usize,
        chunk: usize,
        compute: impl Fn(Range<usize>, [&mut [f64]; GREEKS]) -> fillrate_kernels::Result<()> + Sync,
    ) -> Result<Self> {
        let mut out = [(); GREEKS].map(|()| vec![0.0; count]);
        let [a, b, c, d, e, f] = out.each_mut().map(|column| column.par_chunks_mut(chunk));
        let outputs = a.zip(b).zip(c.zip(d)).zip(e.zip(f)).enumerate();
        outputs.try_for_each(|(place, (((a, b), (c, d)), (e, f)))| {
            let rows = place * chunk..place * chunk + a.len();
            compute(rows, [a, b, c, d, e, f])
        })?;
        let [price, delta, gamma, vega, theta, rho] = out;
        Ok(Self { price, delta, gamma, vega, theta, rho })
    }

    /// Those of one option.
    pub(super) fn row(&self, row: usize) -> Greeks {
        Greeks {
            price: self.price[row],
            delta: self.delta[row],
            gamma: self.gamma[row],
            vega: self.vega[row],
            theta: self.theta[row],
            rho: self.rho[row],
        }
    }
}

/// Prices and Greeks of whole columns, on the threads of rayon's pool.
///
/// # Errors
///
/// If the columns differ in length, or a term is out of its range; the message has the row, from 0.
pub fn price_columns(options: &EuropeanColumns<'_>) -> Result<GreekColumns> {
    options.check()?;
    let EuropeanColumns { right, spot, strike, rate, dividend, vol, expiry } = *options;
    let sign: Vec<f64> = right.iter().map(|right| right.sign()).collect();
    let sign = sign.as_slice();
    GreekColumns::compute(&OptionColumns { spot, strike, rate, dividend, vol, expiry, sign })
}

/// Price and Greeks of one option whose terms were checked.
pub(super) fn greeks(right: Right, terms: &Terms) -> Greeks {
    let mut out = [[0.0]; 6];
    let columns = OptionColumns {
        spot: &[terms.spot],
        strike: &[terms.strike],
        rate: &[terms.rate],
        dividend: &[terms.dividend],
        vol: &[terms.vol],
        expiry: &[terms.expiry],
        sign: &[right.sign()],
    };
    let computed = Cpu::detect().black_scholes(&columns, out.each_mut().map(|out| &mut out[..]));
    debug_assert!(computed.is_ok(), "all columns have one row");
    let [[price], [delta], [gamma], [vega], [theta], [rho]] = out;
    Greeks { price, delta, gamma, vega, theta, rho }
}
