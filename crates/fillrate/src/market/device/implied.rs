//! Implied volatilities as a job.

use fillrate_kernels::QuoteColumns as KernelColumns;
use fillrate_kernels::cuda::OPTION_TERMS;

use super::tiles::by_tiles;
use super::{Job, MarketDevice};
use crate::Result;
use crate::market::options::{QuoteColumns, volatilities};

/// Prices of European options whose terms are in their ranges.
#[derive(Clone, Debug)]
pub struct ImpliedVolBatch {
    /// Price, spot, strike, rate, yield, expiry and sign, `[options]` each.
    quotes: [Vec<f64>; OPTION_TERMS],
}

impl ImpliedVolBatch {
    /// Takes columns of prices and terms.
    ///
    /// # Errors
    ///
    /// As [`implied_vol_columns`](crate::market::options::implied_vol_columns).
    pub fn new(quotes: &QuoteColumns<'_>) -> Result<Self> {
        quotes.check()?;
        let QuoteColumns { right, price, spot, strike, rate, dividend, expiry } = *quotes;
        let sign = right.iter().map(|right| right.sign()).collect();
        let [a, b, c, d, e, f] = [price, spot, strike, rate, dividend, expiry].map(<[f64]>::to_vec);
        Ok(Self { quotes: [a, b, c, d, e, f, sign] })
    }

    /// The number of options.
    #[must_use]
    pub fn len(&self) -> usize {
        self.quotes[0].len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.quotes[0].is_empty()
    }
}

impl Job for ImpliedVolBatch {
    /// `[options]`; NaN where no volatility reaches the price.
    type Answer = Vec<f64>;

    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn on_processor(&self) -> Result<Vec<f64>> {
        let [price, spot, strike, rate, dividend, expiry, sign] =
            self.quotes.each_ref().map(Vec::as_slice);
        volatilities(&KernelColumns { price, spot, strike, rate, dividend, expiry, sign })
    }

    fn on_device(&self, device: &MarketDevice) -> Result<Vec<f64>> {
        let launch = |quotes, out, count| device.prices.implied_vol(quotes, out, count);
        let [vol] = by_tiles(device, &self.quotes, launch)?;
        Ok(vol)
    }
}
