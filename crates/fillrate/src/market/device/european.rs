//! European options as a job.

use fillrate_kernels::cuda::OPTION_TERMS;
use fillrate_kernels::{GREEKS, OptionColumns};

use super::tiles::by_tiles;
use super::{Job, MarketDevice};
use crate::Result;
use crate::market::options::{EuropeanColumns, GreekColumns};

/// European options whose terms are in their ranges.
#[derive(Clone, Debug)]
pub struct EuropeanBatch {
    /// Spot, strike, rate, yield, volatility, expiry and sign, `[options]` each.
    terms: [Vec<f64>; OPTION_TERMS],
}

impl EuropeanBatch {
    /// Takes columns of terms.
    ///
    /// # Errors
    ///
    /// As [`price_columns`](crate::market::options::price_columns).
    pub fn new(options: &EuropeanColumns<'_>) -> Result<Self> {
        options.check()?;
        let EuropeanColumns { right, spot, strike, rate, dividend, vol, expiry } = *options;
        let sign = right.iter().map(|right| right.sign()).collect();
        let [a, b, c, d, e, f] = [spot, strike, rate, dividend, vol, expiry].map(<[f64]>::to_vec);
        Ok(Self { terms: [a, b, c, d, e, f, sign] })
    }

    /// The number of options.
    #[must_use]
    pub fn len(&self) -> usize {
        self.terms[0].len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.terms[0].is_empty()
    }
}

impl Job for EuropeanBatch {
    type Answer = GreekColumns;

    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn on_processor(&self) -> Result<GreekColumns> {
        let [spot, strike, rate, dividend, vol, expiry, sign] =
            self.terms.each_ref().map(Vec::as_slice);
        GreekColumns::compute(&OptionColumns { spot, strike, rate, dividend, vol, expiry, sign })
    }

    fn on_device(&self, device: &MarketDevice) -> Result<GreekColumns> {
        let launch = |terms, out, count| device.prices.black_scholes(terms, out, count);
        let [price, delta, gamma, vega, theta, rho] =
            by_tiles::<GREEKS>(device, &self.terms, launch)?;
        Ok(GreekColumns { price, delta, gamma, vega, theta, rho })
    }
}
