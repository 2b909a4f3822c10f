//! Closed forms of options, and the volatilities that their prices imply.

use std::sync::Arc;

use fillrate::market::Philox;
use fillrate::market::device::{Computer, ImpliedVolBatch, MarketDevice};
use fillrate::market::options::{
    Barrier, BarrierKind, ClosedFormBatch, EuropeanColumns, Kind, QuoteColumns, Right, Terms,
    closed_forms_on, price_columns,
};
use fillrate_kernels::cuda::{
    Accelerator, Address, CudaPrices, Layout, Memory, OPTION_TERMS, Program,
};
use serde_json::Value;

use super::{OPTIONS, bits, computer, median_s, priced, race};

/// The options with barriers and on means: nine prices each.
const DIFFERENCES: usize = 1 << 17;

/// A column of numbers from `low` to `high`.
fn column(stream: u32, low: f64, high: f64) -> Vec<f64> {
    let philox = Philox::new(13);
    let uniform = |option| philox.uniforms(option, 0, stream)[0];
    (0..OPTIONS as u64).map(|option| low + (high - low) * uniform(option)).collect()
}

/// The seconds of an op over columns that are on the GPU already.
fn resident_s(
    accelerator: &dyn Accelerator,
    columns: &[&[f64]],
    op: impl Fn(&CudaPrices, Address, Address) -> fillrate_kernels::Result<()>,
) -> f64 {
    let queue = accelerator.queue(Program::Prices).unwrap();
    let prices = CudaPrices::new(Arc::clone(&queue)).unwrap();
    let mut layout = Layout::default();
    let (on_device, out) =
        (layout.reserve(columns.len() * OPTIONS * 8), layout.reserve(OPTIONS * 8));
    let region = accelerator.allocate(Memory::Workspace, layout.bytes(), "benchmark").unwrap();
    let (on_device, out) = (on_device.at(region.address()), out.at(region.address()));
    for (place, column) in columns.iter().enumerate() {
        queue.upload(on_device.plus(place * OPTIONS * 8), bytemuck::cast_slice(column)).unwrap();
    }
    median_s(|| {
        op(&prices, on_device, out).unwrap();
        queue.synchronize().unwrap();
    })
}

/// Volatilities that the prices of calls imply.
pub(crate) fn implied_vols(accelerator: &dyn Accelerator, device: &MarketDevice) -> Value {
    let (spot, strike, rate) =
        (column(0, 50.0, 150.0), column(1, 60.0, 140.0), column(2, 0.0, 0.1));
    let (dividend, vol, expiry) = (column(3, 0.0, 0.05), column(4, 0.1, 0.8), column(5, 0.05, 3.0));
    let right = vec![Right::Call; OPTIONS];
    let [spot, strike, rate] = [&spot, &strike, &rate].map(Vec::as_slice);
    let [dividend, vol, expiry] = [&dividend, &vol, &expiry].map(Vec::as_slice);
    let terms = EuropeanColumns { right: &right, spot, strike, rate, dividend, vol, expiry };
    let price = price_columns(&terms).unwrap().price;
    let (right, price) = (&right[..], &price[..]);
    let quotes = QuoteColumns { right, price, spot, strike, rate, dividend, expiry };
    let job = ImpliedVolBatch::new(&quotes).unwrap();
    let sign = vec![1.0; OPTIONS];
    let columns: [&[f64]; OPTION_TERMS] = [price, spot, strike, rate, dividend, expiry, &sign];
    let resident_s = resident_s(accelerator, &columns, |prices, quotes, out| {
        prices.implied_vol(quotes, out, OPTIONS)
    });
    let things = ("volatilities", OPTIONS as f64);
    race("implied_vol", things, &job, device, |vols| bits(vols).collect(), Some(resident_s))
}

/// Geometric means and barriers with their Greeks.
pub(crate) fn closed_forms(accelerator: &Arc<dyn Accelerator>) -> [Value; 2] {
    let (spot, strike) = (column(6, 90.0, 120.0), column(7, 60.0, 140.0));
    let (vol, expiry) = (column(8, 0.1, 0.8), column(9, 0.05, 3.0));
    let barrier = Barrier { kind: BarrierKind::DownOut, level: 85.0, rebate: 1.0 };
    let kinds = [
        ("asian_geometric", Kind::AsianGeometric { fixings: Some(12) }),
        ("barrier", Kind::Barrier(barrier)),
    ];
    kinds.map(|(name, kind)| {
        let option = |at: usize| {
            let terms = Terms {
                spot: spot[at],
                strike: strike[at],
                rate: 0.03,
                dividend: 0.01,
                vol: vol[at],
                expiry: expiry[at],
            };
            (kind, Right::Call, terms)
        };
        let options: Vec<(Kind, Right, Terms)> = (0..DIFFERENCES).map(option).collect();
        let (gpu, cpu) = (computer(accelerator), Computer::processor());
        let on = |computer: &Computer<ClosedFormBatch>| -> Vec<u64> {
            let greeks = closed_forms_on(computer, &options).unwrap();
            greeks.iter().flat_map(|g| [g.price.to_bits(), g.vega.to_bits()]).collect()
        };
        let things = ("full sets of Greeks", DIFFERENCES as f64);
        priced(name, things, || on(&gpu), || on(&cpu))
    })
}
