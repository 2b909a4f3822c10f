//! What risk figures are made of.

use fillrate_kernels::cuda::{CudaPrices, DeviceRisk};
use fillrate_kernels::{Cpu, RISK_SUMS, RiskSums};

use super::{Bench, assert_same};
use crate::risk::{Histories, all_terms};

pub(super) fn check_risk(bench: &Bench, lens: &[usize], is_each: bool, seed: u64) {
    let histories = Histories::new(lens, is_each, seed);
    let panel = histories.panel();
    let (prices, dates, series) = (panel.prices().len(), panel.dates(), panel.series());
    let starts = DeviceRisk::starts_of(&panel);
    let starts = bench.put(&starts.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<_>>());
    let numbers = histories.numbers();
    let numbers = bench.put(&numbers.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<_>>());
    for terms in all_terms(series) {
        let paths = bench.room(prices + dates + 1);
        let bytes: Vec<u8> = panel.prices().iter().flat_map(|x| x.to_le_bytes()).collect();
        bench.prices.queue().upload(paths, &bytes).unwrap();
        let scratch = bench.bytes(CudaPrices::risk_scratch_bytes(prices, dates));
        let out = bench.room((series + 1) * RISK_SUMS);
        let on_device = DeviceRisk::of(&panel, paths, starts, numbers);
        bench.prices.risk(&on_device, &terms, out, scratch).unwrap();
        let twin = Cpu::detect().risk(&panel, &terms).unwrap();
        let twin: Vec<f64> = twin.iter().flat_map(RiskSums::values).collect();
        let context = format!("{terms:?} of {lens:?}, {is_each}");
        assert_same(&bench.bits(out, twin.len()), &twin, &context);
        bench.read(scratch, CudaPrices::risk_scratch_bytes(prices, dates));
        bench.bits(paths, prices + dates + 1);
    }
    bench.clear();
}
