//! Sums over a sample as jobs: what a device is given of a portfolio.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use fillrate_kernels::cuda::{CudaPrices, DeviceDates, DeviceReturns, Layout};
use fillrate_kernels::{CovarianceSum, Cpu, ReturnTable, triangle};

use super::sample::Sample;
use crate::Result;
use crate::market::device::{Job, MarketDevice};

const DOUBLE: usize = size_of::<f64>();

/// What is on a device of an answer at a time.
const TILE_BYTES: usize = 256 << 20;

/// The covariances of windows of returns, or the returns of many portfolios.
pub struct PortfolioJob {
    sample: Arc<Sample>,
    work: Work,
}

enum Work {
    Covariances { windows: Vec<Range<usize>>, sum: CovarianceSum },
    Returns { weights: Vec<f64> },
}

impl PortfolioJob {
    /// The covariances of windows of the sample's rows: `[windows, triangle]`.
    pub(super) fn covariances(
        sample: &Arc<Sample>,
        windows: &[Range<usize>],
        sum: CovarianceSum,
    ) -> Self {
        let work = Work::Covariances { windows: windows.to_vec(), sum };
        Self { sample: Arc::clone(sample), work }
    }

    /// The returns of portfolios with weights `[portfolios, symbols]`: `[portfolios, rows]`.
    pub(super) fn returns(sample: &Arc<Sample>, weights: Vec<f64>) -> Self {
        Self { sample: Arc::clone(sample), work: Work::Returns { weights } }
    }

    fn symbols(&self) -> usize {
        self.sample.symbols.len()
    }

    fn table(&self) -> Result<ReturnTable<'_>> {
        Ok(ReturnTable::new(self.sample.values(), self.symbols(), self.sample.rows)?)
    }

    /// The number of values of the answer.
    fn values(&self) -> usize {
        match &self.work {
            Work::Covariances { windows, .. } => windows.len() * triangle(self.symbols()),
            Work::Returns { weights } => weights.len() / self.symbols() * self.sample.rows,
        }
    }

    /// The returns of some rows, symbol after symbol.
    fn rows(&self, rows: &Range<usize>) -> Cow<'_, [f64]> {
        if *rows == (0..self.sample.rows) {
            return Cow::Borrowed(self.sample.values());
        }
        Cow::Owned(
            self.sample.columns().flat_map(|column| &column[rows.clone()]).copied().collect(),
        )
    }

    fn covariances_on_device(
        &self,
        windows: &[Range<usize>],
        sum: CovarianceSum,
        device: &MarketDevice,
    ) -> Result<Vec<f64>> {
        let (symbols, size) = (self.symbols(), triangle(self.symbols()));
        let mut out = vec![0.0; windows.len() * size];
        let first = windows.iter().map(|window| window.start).min().unwrap_or(0);
        let end = windows.iter().map(|window| window.end).max().unwrap_or(0);
        let longest = windows.iter().map(ExactSizeIterator::len).max().unwrap_or(0);
        let table = self.rows(&(first..end));
        let bounds = DeviceDates::bounds(
            &windows.iter().map(|rows| rows.start - first..rows.end - first).collect::<Vec<_>>(),
        );
        let tile = (TILE_BYTES / (size * DOUBLE)).clamp(1, windows.len().max(1));
        let mut layout = Layout::default();
        let spans = [size_of_val(&*table), size_of_val(&*bounds), tile * size * DOUBLE]
            .map(|bytes| layout.reserve(bytes));
        let scratch = CudaPrices::covariance_scratch_bytes(symbols, tile, longest);
        let scratch = layout.reserve(scratch);
        let region = device.region(&layout, "covariances")?;
        let [values, at, to] = spans.map(|span| span.at(region.address()));
        device.upload(values, &table)?;
        device.upload(at, &bounds)?;
        let returns = DeviceReturns { values, symbols, dates: end - first };
        for (place, out) in out.chunks_mut(tile * size).enumerate() {
            let bounds = at.plus(place * tile * 2 * size_of::<u64>());
            let dates = DeviceDates { bounds, windows: out.len() / size, longest };
            let scratch = scratch.at(region.address());
            device.prices.covariances(&returns, &dates, sum, to, scratch)?;
            device.download(to, out)?;
        }
        Ok(out)
    }

    fn returns_on_device(&self, weights: &[f64], device: &MarketDevice) -> Result<Vec<f64>> {
        let (symbols, dates) = (self.symbols(), self.sample.rows);
        let mut out = vec![0.0; self.values()];
        let portfolios = weights.len() / symbols;
        let tile = (TILE_BYTES / (dates * DOUBLE)).clamp(1, portfolios.max(1));
        let mut layout = Layout::default();
        let table = self.sample.values();
        let spans = [size_of_val(table), size_of_val(weights), tile * dates * DOUBLE]
            .map(|bytes| layout.reserve(bytes));
        let region = device.region(&layout, "portfolio returns")?;
        let [values, at, to] = spans.map(|span| span.at(region.address()));
        device.upload(values, table)?;
        device.upload(at, weights)?;
        let returns = DeviceReturns { values, symbols, dates };
        for (place, out) in out.chunks_mut(tile * dates).enumerate() {
            let weights = at.plus(place * tile * symbols * DOUBLE);
            device.prices.portfolio_returns(&returns, weights, out.len() / dates, to)?;
            device.download(to, out)?;
        }
        Ok(out)
    }
}

impl Job for PortfolioJob {
    type Answer = Vec<f64>;

    /// In terms of all sums.
    fn size(&self) -> u64 {
        match &self.work {
            Work::Covariances { windows, .. } => {
                let rows: usize = windows.iter().map(ExactSizeIterator::len).sum();
                rows as u64 * triangle(self.symbols()) as u64
            }
            Work::Returns { weights } => (weights.len() * self.sample.rows) as u64,
        }
    }

    fn on_processor(&self) -> Result<Vec<f64>> {
        let mut out = vec![0.0; self.values()];
        match &self.work {
            Work::Covariances { windows, sum } => {
                Cpu::detect().covariances(&self.table()?, windows, *sum, &mut out)?;
            }
            Work::Returns { weights } => {
                Cpu::detect().portfolio_returns(&self.table()?, weights, &mut out)?;
            }
        }
        Ok(out)
    }

    fn on_device(&self, device: &MarketDevice) -> Result<Vec<f64>> {
        match &self.work {
            Work::Covariances { windows, sum } => self.covariances_on_device(windows, *sum, device),
            Work::Returns { weights } => self.returns_on_device(weights, device),
        }
    }
}
