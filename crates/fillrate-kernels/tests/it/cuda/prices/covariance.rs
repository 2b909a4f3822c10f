//! Covariances of windows and returns of portfolios.

use std::ops::Range;

use fillrate_kernels::cuda::{CudaPrices, DeviceDates, DeviceReturns};
use fillrate_kernels::{Cpu, ReturnTable, triangle};

use super::{Bench, assert_same};
use crate::covariance::{SUMS, returns};

pub(super) fn check_covariances(
    bench: &Bench,
    symbols: usize,
    dates: usize,
    windows: &[Range<usize>],
    seed: u64,
) {
    let values = returns(symbols, dates, seed);
    let table = ReturnTable::new(&values, symbols, dates).unwrap();
    let on_device = DeviceReturns { values: bench.column(&values), symbols, dates };
    let bounds: Vec<u8> =
        DeviceDates::bounds(windows).iter().flat_map(|bound| bound.to_le_bytes()).collect();
    let longest = windows.iter().map(ExactSizeIterator::len).max().unwrap_or(0);
    let of_windows = DeviceDates { bounds: bench.put(&bounds), windows: windows.len(), longest };
    let size = windows.len() * triangle(symbols);
    for sum in SUMS {
        let scratch = CudaPrices::covariance_scratch_bytes(symbols, windows.len(), longest);
        let (scratch, out) = (bench.put(&vec![0xff; scratch]), bench.room(size));
        bench.prices.covariances(&on_device, &of_windows, sum, out, scratch).unwrap();
        let mut twin = vec![0.0; size];
        Cpu::detect().covariances(&table, windows, sum, &mut twin).unwrap();
        let context = format!("{sum:?} of {symbols} over {windows:?}");
        assert_same(&bench.bits(out, size), &twin, &context);
    }
    for portfolios in [1, 8, 19] {
        let weights = returns(portfolios, symbols, seed ^ 1);
        let (on, out) = (bench.column(&weights), bench.room(portfolios * dates));
        bench.prices.portfolio_returns(&on_device, on, portfolios, out).unwrap();
        let mut twin = vec![0.0; portfolios * dates];
        Cpu::detect().portfolio_returns(&table, &weights, &mut twin).unwrap();
        let context = format!("{portfolios} portfolios of {symbols} at {dates} dates");
        assert_same(&bench.bits(out, portfolios * dates), &twin, &context);
    }
    bench.clear();
}
