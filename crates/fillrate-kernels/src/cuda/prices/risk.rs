//! What risk figures are made of.

use super::{CudaPrices, DeviceSeries, THREADS};
use crate::cpu::risk::{RiskDates, RiskPanel, RiskTerms};
use crate::cuda::{Address, Argument, Launch, WARP_THREADS};
use crate::{Error, Result};

/// A [`RiskPanel`] in device memory.
#[derive(Clone, Copy, Debug)]
pub struct DeviceRisk {
    /// f64 `[prices + dates + 1]`: the prices, and behind them room for those of the mean of all.
    pub paths: Address,
    /// u64 `[series + 2]`: [`Self::starts_of`].
    pub starts: Address,
    /// u32 `[series]` or `[prices]`: the numbers of the panel's [`RiskDates`].
    pub dates: Address,
    /// Whether these are the dates of each price.
    pub is_each: bool,
    /// The number of series, the mean not among them.
    pub series: usize,
    /// The number of prices.
    pub prices: usize,
    /// The prices of the longest series.
    pub longest: usize,
    /// The number of dates.
    pub date_count: usize,
}

impl DeviceRisk {
    /// What lies at [`Self::starts`].
    #[must_use]
    pub fn starts_of(panel: &RiskPanel<'_>) -> Vec<u64> {
        let end = panel.prices().len() + panel.dates() + 1;
        panel.starts().iter().copied().chain([end as u64]).collect()
    }

    /// A panel that will lie at these addresses.
    #[must_use]
    pub fn of(panel: &RiskPanel<'_>, paths: Address, starts: Address, dates: Address) -> Self {
        let lengths = panel.starts().windows(2).map(|bounds| bounds[1] - bounds[0]);
        Self {
            paths,
            starts,
            dates,
            is_each: matches!(panel.returns(), RiskDates::Each(_)),
            series: panel.series(),
            prices: panel.prices().len(),
            longest: lengths.max().unwrap_or(0) as usize,
            date_count: panel.dates(),
        }
    }

    /// Where the returns of the mean begin among all.
    const fn mean_returns(&self, returns: Address) -> Address {
        returns.plus((self.prices + 1) * size_of::<f64>())
    }

    const fn values(&self) -> usize {
        self.prices + self.date_count + 1
    }
}

impl CudaPrices {
    /// The memory that [`Self::risk`] works in, of so many prices and dates.
    #[must_use]
    pub const fn risk_scratch_bytes(prices: usize, dates: usize) -> usize {
        // Returns, and those of the benchmark date by date.
        (prices + dates + 1 + dates) * size_of::<f64>()
    }

    /// [`Cpu::risk`](crate::Cpu::risk) of a panel; `out` becomes f64 `[series + 1, RISK_SUMS]`, whose rows
    /// are those of [`RiskSums::of`](crate::RiskSums::of), and `scratch` has
    /// [`Self::risk_scratch_bytes`].
    ///
    /// # Errors
    ///
    /// As there, and if there are 2³¹ series or the device fails.
    pub fn risk(
        &self,
        panel: &DeviceRisk,
        terms: &RiskTerms,
        out: Address,
        scratch: Address,
    ) -> Result<()> {
        terms.check(panel.series)?;
        if i32::try_from(panel.series + 1).is_err() {
            let (expected, got) = ("fewer than 2³¹ series".to_owned(), panel.series.to_string());
            return Err(Error::Shape { op: "risk", expected, got });
        }
        let returns = scratch;
        let row = self.risk_returns(panel, terms, returns)?;
        let series = panel.series + 1;
        let (starts, count) = (Argument::Address(panel.starts), Argument::size(series));
        let (from, to) = (Argument::Address(returns), Argument::Address(out));
        let moments = [
            from,
            starts,
            to,
            count,
            Argument::Double(terms.rate),
            Argument::Double(terms.decay),
            Argument::Double(terms.first_weight()),
        ];
        let threads = series * WARP_THREADS as usize;
        self.for_each("risk_moments", threads, &moments)?;
        let (dates, row) = (Argument::Address(panel.dates), Argument::Address(row));
        let is_each = Argument::Int(i32::from(panel.is_each));
        let products = [from, starts, dates, row, to, count, is_each];
        self.for_each("risk_products", threads, &products)?;
        let falls = [Argument::Address(panel.paths), starts, to, count];
        self.for_each("risk_falls", threads, &falls)?;
        let Some(share) = terms.tail else { return Ok(()) };
        self.queue.launch(&Launch {
            kernel: "risk_tails",
            grid: [series as u32, 1, 1],
            threads: THREADS,
            shared_bytes: THREADS / WARP_THREADS * size_of::<u64>() as u32,
            arguments: &[from, starts, to, Argument::Double(share)],
        })
    }

    /// The returns of all series and those of the benchmark date by date, whose address it is.
    fn risk_returns(
        &self,
        panel: &DeviceRisk,
        terms: &RiskTerms,
        returns: Address,
    ) -> Result<Address> {
        let DeviceRisk { paths, starts, series, prices, longest, .. } = *panel;
        let (starts, from) = (Argument::Address(starts), Argument::Address(returns));
        let of_series = DeviceSeries { starts: panel.starts, series, longest, values: prices };
        self.for_each_bar("risk_returns", &of_series, &[Argument::Address(paths), from])?;
        let mean = panel.mean_returns(returns);
        let path = paths.plus(prices * size_of::<f64>());
        let (dates, symbols) = (Argument::Address(panel.dates), Argument::size(series));
        let is_each = Argument::Int(i32::from(panel.is_each));
        let count = Argument::Count(panel.date_count as u64);
        let means = [from, starts, dates, Argument::Address(mean), count, symbols, is_each];
        self.for_each("risk_means", panel.date_count, &means)?;
        self.queue.launch(&Launch {
            kernel: "risk_path",
            grid: [1, 1, 1],
            threads: WARP_THREADS,
            shared_bytes: 0,
            arguments: &[Argument::Address(mean), Argument::Address(path), count],
        })?;
        if terms.logarithms {
            let all = Argument::Count(panel.values() as u64);
            self.for_each("risk_logarithms", panel.values(), &[from, all])?;
        }
        let Some(benchmark) = terms.benchmark else { return Ok(mean) };
        let row = returns.plus(panel.values() * size_of::<f64>());
        let place = Argument::size(benchmark);
        let rows = [from, starts, dates, Argument::Address(row), count, symbols, is_each, place];
        self.for_each("risk_benchmark", panel.date_count, &rows)?;
        Ok(row)
    }
}
