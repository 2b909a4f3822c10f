//! European options as a job.

use fillrate_kernels::cuda::{Layout, OPTION_TERMS};
use fillrate_kernels::{GREEKS, OptionColumns};

use super::{Job, MarketDevice};
use crate::Result;
use crate::market::options::{EuropeanColumns, GreekColumns};

/// Options that are on a device at a time: some hundred megabytes of terms and results.
const TILE: usize = 1 << 20;

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
        const DOUBLE: usize = size_of::<f64>();
        let tile = TILE.min(self.len());
        let mut layout = Layout::default();
        let terms = layout.reserve(OPTION_TERMS * tile * DOUBLE);
        let results = layout.reserve(GREEKS * tile * DOUBLE);
        let region = device.region(&layout, "options")?;
        let [terms, results] = [terms, results].map(|span| span.at(region.address()));
        let mut out = [(); GREEKS].map(|()| vec![0.0; self.len()]);
        for start in (0..self.len()).step_by(TILE) {
            let rows = start..self.len().min(start + TILE);
            for (place, column) in self.terms.iter().enumerate() {
                let to = terms.plus(place * rows.len() * DOUBLE);
                device.upload(to, &column[rows.clone()])?;
            }
            device.prices.black_scholes(terms, results, rows.len())?;
            for (place, column) in out.iter_mut().enumerate() {
                let from = results.plus(place * rows.len() * DOUBLE);
                device.download(from, &mut column[rows.clone()])?;
            }
        }
        let [price, delta, gamma, vega, theta, rho] = out;
        Ok(GreekColumns { price, delta, gamma, vega, theta, rho })
    }
}
