//! The risk of a panel.

use fillrate::market::device::MarketDevice;
use fillrate::market::risk::{Risk, RiskJob, RiskOptions};
use fillrate::market::{Column, Panel};
use fillrate_kernels::cuda::{Accelerator, CudaPrices, DeviceRisk, Layout, Program};
use fillrate_kernels::{RISK_SUMS, RiskDates, RiskPanel, RiskTerms};
use serde_json::Value;

use super::{BARS, Memory, SYMBOLS, median_s, race};

/// Every figure of each symbol and of the portfolio.
pub(crate) fn risk(panel: &Panel, accelerator: &dyn Accelerator, device: &MarketDevice) -> Value {
    let prices = panel.column(Column::Close).unwrap();
    let starts: Vec<u64> = panel.offsets().iter().map(|at| *at as u64).collect();
    let firsts = vec![0; SYMBOLS];
    let series = RiskPanel::new(prices, &starts, RiskDates::From(&firsts), BARS - 1).unwrap();
    let starts = DeviceRisk::starts_of(&series);
    let mut layout = Layout::default();
    let spans = [
        (prices.len() + BARS) * 8,
        size_of_val(&*starts),
        size_of_val(&*firsts),
        (SYMBOLS + 1) * RISK_SUMS * 8,
        CudaPrices::risk_scratch_bytes(prices.len(), BARS - 1),
    ]
    .map(|bytes| layout.reserve(bytes));
    let region = accelerator.allocate(Memory::Workspace, layout.bytes(), "benchmark").unwrap();
    let [paths, starts_at, firsts_at, out, scratch] = spans.map(|span| span.at(region.address()));
    let kernels = CudaPrices::new(accelerator.queue(Program::Prices).unwrap()).unwrap();
    let queue = kernels.queue();
    queue.upload(paths, bytemuck::cast_slice(prices)).unwrap();
    queue.upload(starts_at, bytemuck::cast_slice(&starts)).unwrap();
    queue.upload(firsts_at, bytemuck::cast_slice(&firsts)).unwrap();
    let on_device = DeviceRisk::of(&series, paths, starts_at, firsts_at);
    let terms =
        RiskTerms { logarithms: false, rate: 0.0, decay: 0.94, tail: Some(0.05), benchmark: None };
    let resident_s = median_s(|| {
        kernels.risk(&on_device, &terms, out, scratch).unwrap();
        queue.synchronize().unwrap();
    });
    let job = RiskJob::new(panel, &RiskOptions::default()).unwrap();
    let things = ("closes", prices.len() as f64);
    race(
        "risk",
        things,
        &job,
        device,
        |risks| risks.iter().flat_map(bits).collect(),
        Some(resident_s),
    )
}

fn bits(risk: &Risk) -> [u64; 10] {
    let depth = risk.drawdown.map(|drawdown| drawdown.depth);
    let figures = [
        risk.var,
        risk.cvar,
        depth,
        risk.sharpe,
        risk.sortino,
        risk.volatility,
        risk.ewma_volatility,
        risk.mean,
        risk.beta,
        risk.correlation,
    ];
    figures.map(|figure| figure.map_or(1, f64::to_bits))
}
