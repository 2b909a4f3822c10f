//! A panel's risk as a job.

use fillrate_kernels::cuda::{CudaPrices, DeviceRisk, Layout};
use fillrate_kernels::{Cpu, RISK_SUMS, RiskDates, RiskSums, RiskTerms};

use super::aligned::Aligned;
use super::{Drawdown, EWMA_DECAY, PORTFOLIO, Returns, Risk, RiskOptions, TailMethod, figures};
use crate::market::device::{Job, MarketDevice};
use crate::market::panel::Panel;
use crate::{Error, Result};

const DOUBLE: usize = size_of::<f64>();

/// The risk of every symbol of a panel and of its portfolio.
pub struct RiskJob {
    aligned: Aligned,
    options: RiskOptions,
    terms: RiskTerms,
}

impl RiskJob {
    /// Takes a panel, which is shared, and finds which dates its symbols have in common.
    ///
    /// # Errors
    ///
    /// As for [`measure`](super::measure).
    pub fn new(panel: &Panel, options: &RiskOptions) -> Result<Self> {
        options.check()?;
        let aligned = Aligned::of(panel, options.column)?;
        let place = |symbol: &String| {
            let place = panel.symbols().iter().position(|other| other == symbol);
            place.ok_or_else(|| {
                let message = format!("no symbol `{symbol}` is in the prices");
                Error::Argument { name: "benchmark", message }
            })
        };
        let terms = RiskTerms {
            logarithms: options.returns == Returns::Log,
            rate: options.rate(),
            decay: EWMA_DECAY,
            tail: (options.method == TailMethod::Historical).then_some(1.0 - options.confidence),
            benchmark: options.benchmark.as_ref().map(place).transpose()?,
        };
        Ok(Self { aligned, options: options.clone(), terms })
    }

    /// The figures that sums come to, of each symbol and of the portfolio.
    fn figures(&self, sums: &[RiskSums]) -> Vec<Risk> {
        let names = self.aligned.symbols().iter().map(String::as_str).chain([PORTFOLIO]);
        let of = |(place, (name, sums)): (usize, (&str, &RiskSums))| {
            let date = |at: f64| self.aligned.date(place, at as usize);
            let drawdown = date(sums.peak).zip(date(sums.trough));
            let drawdown = drawdown.map(|(peak, trough)| {
                let depth = 1.0 - sums.least;
                Drawdown { depth, peak, trough }
            });
            figures::risk(name, self.aligned.returns(place), sums, drawdown, &self.options)
        };
        names.zip(sums).enumerate().map(of).collect()
    }
}

impl Job for RiskJob {
    /// Of each symbol, and of the portfolio after them.
    type Answer = Vec<Risk>;

    /// In prices.
    fn size(&self) -> u64 {
        self.aligned.prices().len() as u64
    }

    fn on_processor(&self) -> Result<Vec<Risk>> {
        Ok(self.figures(&Cpu::detect().risk(&self.aligned.series()?, &self.terms)?))
    }

    fn on_device(&self, device: &MarketDevice) -> Result<Vec<Risk>> {
        let panel = self.aligned.series()?;
        let (series, prices, dates) = (panel.series(), panel.prices(), panel.dates());
        let starts = DeviceRisk::starts_of(&panel);
        let (RiskDates::From(when) | RiskDates::Each(when)) = panel.returns();
        let mut values = vec![0.0; (series + 1) * RISK_SUMS];
        let mut layout = Layout::default();
        let spans = [
            (prices.len() + dates + 1) * DOUBLE,
            size_of_val(&*starts),
            size_of_val(when),
            size_of_val(&*values),
            CudaPrices::risk_scratch_bytes(prices.len(), dates),
        ]
        .map(|bytes| layout.reserve(bytes));
        let region = device.region(&layout, "risk")?;
        let [paths, starts_at, dates_at, out, scratch] =
            spans.map(|span| span.at(region.address()));
        device.upload(paths, prices)?;
        device.upload(starts_at, &starts)?;
        device.upload(dates_at, when)?;
        let on_device = DeviceRisk::of(&panel, paths, starts_at, dates_at);
        device.prices.risk(&on_device, &self.terms, out, scratch)?;
        device.download(out, &mut values)?;
        let sums: Vec<RiskSums> = values.as_chunks().0.iter().map(RiskSums::of).collect();
        Ok(self.figures(&sums))
    }
}
