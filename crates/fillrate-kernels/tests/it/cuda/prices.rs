//! The kernels over prices against their twins: the same bits.

mod covariance;
mod options;
mod risk;
mod samples;
mod series;
mod sweeps;

use std::cell::RefCell;
use std::sync::Arc;

use fillrate_kernels::cuda::{
    Accelerator, Address, CudaPrices, DEVICE_WINDOW_BARS_MAX, DevicePaths, DeviceSeries,
    DeviceSignal, DeviceWindow, Element, Gpu, GpuOptions, GpuPrecision, Memory, Program, Queue,
    Region,
};
use fillrate_kernels::{
    AmericanScheme, BasketTerms, Cpu, PathGrid, PathModel, Philox, WINDOW_BARS_MAX, WindowOp,
};
use proptest::prelude::*;

use self::covariance::check_covariances;
use self::options::{check_closed_forms, check_implied, check_options};
use self::risk::check_risk;
use self::samples::{SAMPLED, check_moments, check_puts, check_samples, check_selection};
use self::series::{
    check_changes, check_recurrences, check_signals, check_windows, check_windows_of,
};
use self::sweeps::check_sweeps;
use super::emulator::{Emulator, Engine};
use super::waves;
use crate::paths::MODELS;

/// The values behind an output, which must stay as they were.
const GUARD: usize = 3;

/// A device with columns of its own.
pub(super) struct Bench {
    pub(super) prices: CudaPrices,
    allocate: Box<dyn Fn(usize) -> Region>,
    allocated: RefCell<Vec<Region>>,
}

impl Bench {
    /// The processor in a GPU's stead.
    pub(super) fn emulated(engine: Engine) -> Self {
        let emulator = Arc::new(Emulator::start(Program::Prices, engine));
        let queue: Arc<dyn Queue> = emulator.clone();
        let allocate = Box::new(move |bytes| Emulator::region(&emulator, bytes));
        Self { prices: CudaPrices::new(queue).unwrap(), allocate, allocated: RefCell::default() }
    }

    /// A GPU.
    fn on(accelerator: Arc<dyn Accelerator>) -> Self {
        let queue = accelerator.queue(Program::Prices).unwrap();
        let allocate = move |bytes: usize| {
            accelerator.allocate(Memory::Workspace, bytes.max(1), "kernel checks").unwrap()
        };
        let (allocate, allocated) = (Box::new(allocate), RefCell::default());
        Self { prices: CudaPrices::new(queue).unwrap(), allocate, allocated }
    }

    pub(super) fn put(&self, bytes: &[u8]) -> Address {
        let region = (self.allocate)(bytes.len());
        let address = region.address();
        self.allocated.borrow_mut().push(region);
        self.prices.queue().upload(address, bytes).unwrap();
        address
    }

    pub(super) fn column(&self, values: &[f64]) -> Address {
        self.put(&values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>())
    }

    /// Room for so many values; what nothing writes shows.
    pub(super) fn room(&self, values: usize) -> Address {
        self.bytes(values * 8)
    }

    /// The bits of so many values. Fails if something was written behind them.
    #[track_caller]
    pub(super) fn bits(&self, from: Address, values: usize) -> Vec<u64> {
        let bytes = self.read(from, values * 8);
        bytes.as_chunks().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect()
    }

    /// Room for so many bytes; what nothing writes shows.
    pub(super) fn bytes(&self, bytes: usize) -> Address {
        self.put(&vec![0xff; bytes + GUARD * 8])
    }

    /// So many bytes. Fails if something was written behind them.
    #[track_caller]
    pub(super) fn read(&self, from: Address, bytes: usize) -> Vec<u8> {
        let mut all = vec![0; bytes + GUARD * 8];
        self.prices.queue().download(from, &mut all).unwrap();
        assert!(all[bytes..].iter().all(|byte| *byte == 0xff), "written behind the end");
        all.truncate(bytes);
        all
    }

    pub(super) fn clear(&self) {
        self.prices.queue().synchronize().unwrap();
        self.allocated.borrow_mut().clear();
    }
}

/// Equal to the bit; a NaN is a NaN.
#[track_caller]
fn assert_same(found: &[u64], expected: &[f64], context: &str) {
    assert_eq!(found.len(), expected.len(), "{context}");
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        let value = f64::from_bits(*found);
        let same = *found == expected.to_bits() || value.is_nan() && expected.is_nan();
        assert!(same, "{context}, {at}: {value:e}, expected {expected:e}");
    }
}

/// Numbers from 0 to 1.
fn uniforms(seed: u64, count: usize) -> Vec<f64> {
    let philox = Philox::new(seed);
    (0..count as u64).map(|place| philox.uniforms(place, 0, 0)[0]).collect()
}

fn grid(steps: u32, first: u64, mirrored: bool, seed: u64) -> PathGrid {
    let (philox, step_years) = (Philox::new(seed), 1.0 / f64::from(steps));
    PathGrid { spot: 100.0, philox, first, mirrored, steps, step_years }
}

fn check_paths(bench: &Bench, model: &PathModel, grid: &PathGrid, paths: usize) {
    let scratch = bench.put(&vec![0xff; CudaPrices::path_scratch_bytes()]);
    let ends = bench.room(paths);
    bench.prices.path_ends(model, grid, &DevicePaths { ends, paths, scratch }).unwrap();
    let mut twin = vec![0.0; paths];
    Cpu::detect().path_ends(model, grid, &mut twin).unwrap();
    assert_same(&bench.bits(ends, paths), &twin, &format!("{model:?}, {grid:?}"));
    bench.clear();
}

fn check_basket(bench: &Bench, assets: usize, grid: &PathGrid, paths: usize) {
    let [worth, drift, vol, mixing] =
        [(2, assets), (3, assets), (4, assets), (5, assets * assets)].map(|(s, n)| uniforms(s, n));
    let terms = BasketTerms { worth: &worth, drift: &drift, vol: &vol, mixing: &mixing };
    let scratch = bench.put(&vec![0xff; CudaPrices::basket_scratch_bytes(assets, paths)]);
    let ends = bench.room(paths);
    bench.prices.basket_ends(&terms, grid, &DevicePaths { ends, paths, scratch }).unwrap();
    let mut twin = vec![0.0; paths];
    Cpu::detect().basket_ends(&terms, grid, &mut twin).unwrap();
    assert_same(&bench.bits(ends, paths), &twin, &format!("{assets} assets, {grid:?}"));
    bench.clear();
}

/// Every kernel over shapes that are not whole blocks.
fn check_all(bench: &Bench, seed: u64) {
    for options in [1, 255, 1000] {
        check_options(bench, options, seed);
        check_implied(bench, options, seed);
        check_closed_forms(bench, options, seed);
    }
    for (at, model) in MODELS.iter().enumerate() {
        for (steps, mirrored) in [(1, false), (2, true), (7, false), (30, true)] {
            check_paths(bench, model, &grid(steps, seed, mirrored, seed), 40 * at + 21);
        }
    }
    check_paths(bench, &MODELS[0], &grid(3, u64::from(u32::MAX) - 5, false, seed), 300);
    for (assets, steps) in [(1, 4), (3, 5), (7, 1)] {
        check_basket(bench, assets, &grid(steps, seed, steps == 5, seed), 270);
    }
    for bars in [1, 2, 3, 14, 20, 64, 100] {
        check_windows(bench, &[600, 1, 0, 19, 20, 21, 130], bars, seed);
        check_recurrences(bench, &[200, 1, 0, 14, 15, 22, 23, 101], bars, seed);
        check_changes(bench, &[300, 1, 0, 14, 15, 101], bars, seed);
    }
    for width in [1, 2, 9] {
        check_signals(bench, &[300, 1, 0, 5, 18, 19, 101], width, seed);
    }
    for bars in [DEVICE_WINDOW_BARS_MAX, DEVICE_WINDOW_BARS_MAX + 1, 1023] {
        check_windows(bench, &[1100, 3, 0, 900], bars, seed);
    }
    check_changes(bench, &[900, 3], 730, seed);
    check_covariances(bench, 5, 40, &[0..40, 7..15, 39..40], seed);
    check_covariances(bench, 37, 300, &[0..300, 100..231], seed);
    for is_each in [false, true] {
        check_risk(bench, &[1], is_each, seed);
        check_risk(bench, &[300, 300, 33, 0, 1, 2, 34, 157, 65, 66], is_each, seed);
    }
    check_sampled(bench, seed);
    check_sweeps(bench, 120, [2, 5], seed);
    check_sweeps(bench, 40, [1, 130], seed);
}

/// Simulated options and American puts, likewise.
fn check_sampled(bench: &Bench, seed: u64) {
    for (shape, chunk) in [([1, 1], 4), ([2, 300], 64), ([3, 77], 7), ([1, 512], 4096)] {
        check_moments(bench, shape, chunk, seed);
    }
    for count in [1, 255, 5000] {
        check_selection(bench, count, &[[0.1, 0.2], [0.5, 0.5], [0.7, f64::INFINITY]], seed);
        check_selection(bench, count, &[[f64::NEG_INFINITY, f64::INFINITY]], seed);
        check_selection(bench, count, &[[2.0, 3.0]], seed);
    }
    for sampled in SAMPLED {
        for (sets, steps) in [(1, 1), (4, 2), (2, 9)] {
            check_samples(bench, sampled, [sets, 130], steps, seed);
        }
    }
    for puts in [1, 40] {
        check_puts(bench, AmericanScheme::accurate(), puts, seed);
    }
    check_puts(bench, &AmericanScheme::new(9, 5, 24).unwrap(), 9, seed);
}

thread_local! {
    pub(super) static BENCH: Bench = Bench::emulated(Engine::Fibers);
}

#[test]
fn every_kernel_over_prices_gives_the_bits_of_its_twin() {
    BENCH.with(|bench| check_all(bench, 5));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn options_give_the_bits_of_the_twin(options in 1_usize..600, seed: u64) {
        BENCH.with(|bench| {
            check_options(bench, options, seed);
            check_implied(bench, options, seed);
            check_closed_forms(bench, options, seed);
        });
    }

    #[test]
    fn paths_give_the_bits_of_the_twin(
        model in prop::sample::select(MODELS.to_vec()), steps in 1_u32..40, first: u64,
        mirrored: bool, paths in 1_usize..300, seed: u64,
    ) {
        BENCH.with(|bench| check_paths(bench, &model, &grid(steps, first, mirrored, seed), paths));
    }

    #[test]
    fn windows_and_averages_give_the_bits_of_the_twin(
        lens in prop::collection::vec(0_usize..700, 1..5), bars in 1_usize..200,
        seed in 0_u64..u64::MAX / 2,
    ) {
        BENCH.with(|bench| {
            check_windows(bench, &lens, bars, seed);
            check_recurrences(bench, &lens, bars, seed);
            check_changes(bench, &lens, bars, seed);
            check_signals(bench, &lens, 1 + bars / 20, seed);
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn risk_gives_the_bits_of_the_twin(
        first in 1_usize..200, others in prop::collection::vec(0_usize..200, 0..12),
        is_each: bool, seed in 0_u64..u64::MAX / 2,
    ) {
        let lens: Vec<usize> =
            std::iter::once(first).chain(others.into_iter().map(|len| len.min(first))).collect();
        BENCH.with(|bench| check_risk(bench, &lens, is_each, seed));
    }

    #[test]
    fn simulated_options_give_the_bits_of_the_twin(
        sampled in prop::sample::select(SAMPLED.to_vec()), sets in 1_usize..5,
        paths in 1_usize..300, steps in 1_u32..40, first: u64, seed in 0_u64..u64::MAX / 2,
    ) {
        BENCH.with(|bench| {
            check_samples(bench, sampled, [sets, paths], steps, first);
            check_moments(bench, [sets, paths], 1 + paths / 3, seed);
            check_puts(bench, AmericanScheme::accurate(), sets, seed);
        });
    }
}

/// Each once under a sanitizer, on small shapes.
fn every_kernel(engine: Engine) {
    let bench = &Bench::emulated(engine);
    check_options(bench, 7, 1);
    check_implied(bench, 7, 1);
    check_closed_forms(bench, 7, 1);
    for model in &MODELS {
        check_paths(bench, model, &grid(3, 0, true, 1), 5);
    }
    check_basket(bench, 2, &grid(3, 0, false, 1), 5);
    check_windows(bench, &[30, 3], 6, 1);
    let bands = WindowOp::Bands { width: 2.0 };
    check_windows_of(bench, &[bands], &[720], DEVICE_WINDOW_BARS_MAX + 1, 1);
    check_recurrences(bench, &[30, 3], 6, 1);
    check_changes(bench, &[30, 3], 6, 1);
    check_signals(bench, &[30, 3], 2, 1);
    check_covariances(bench, 3, 35, &[1..35, 0..2], 1);
    check_risk(bench, &[35, 3], true, 1);
    check_moments(bench, [2, 9], 4, 1);
    check_selection(bench, 40, &[[0.1, 0.2], [0.5, 0.9]], 1);
    for sampled in SAMPLED {
        check_samples(bench, sampled, [2, 5], 3, 1);
    }
    check_puts(bench, &AmericanScheme::new(3, 2, 8).unwrap(), 2, 1);
    check_sweeps(bench, 12, [2, 1], 1);
}

#[test]
fn no_kernel_over_prices_races() {
    every_kernel(Engine::ThreadSanitizer);
}

#[test]
fn no_kernel_over_prices_reads_or_writes_beyond_its_memory() {
    every_kernel(Engine::AddressSanitizer);
}

#[test]
fn what_a_device_cannot_take_is_refused() {
    BENCH.with(|bench| {
        let nowhere = Address(0);
        let series = DeviceSeries { starts: nowhere, series: 1, longest: 9, values: 9 };
        let mean = WindowOp::Mean;
        let refused = |window| {
            bench.prices.window(mean, window, nowhere, &series, nowhere, nowhere).unwrap_err()
        };
        let message = "window: expected a window of 1 to 16777216 values, got 16777217";
        assert_eq!(refused(DeviceWindow::full(WINDOW_BARS_MAX + 1)).to_string(), message);
        for error in [
            refused(DeviceWindow::full(0)),
            refused(DeviceWindow { bars: 3, min_bars: 4, skip: 0 }),
            bench.prices.momentum(0, nowhere, &series, nowhere).unwrap_err(),
            bench
                .prices
                .signal(
                    &DeviceSignal::Swing { columns: [nowhere; 3], width: 0, reward: 1.0 },
                    &series,
                    nowhere,
                )
                .unwrap_err(),
            bench.prices.ema(0, nowhere, &series, nowhere).unwrap_err(),
            bench
                .prices
                .path_ends(
                    &MODELS[0],
                    &PathGrid { steps: 0, ..grid(1, 0, false, 0) },
                    &DevicePaths { ends: nowhere, paths: 1, scratch: nowhere },
                )
                .unwrap_err(),
        ] {
            assert!(!error.is_out_of_memory(), "{error}");
        }
    });
    let encoder = Program::Encoder { element: Element::Bf16, head_pad: 64 };
    let queue: Arc<dyn Queue> = Arc::new(Emulator::start(encoder, Engine::Fibers));
    let refused = CudaPrices::new(queue).err().unwrap().to_string();
    assert!(refused.starts_with("prices: expected Prices, got Encoder"), "{refused}");
}

#[test]
#[allow(clippy::print_stderr, reason = "a test that skips says so")]
fn every_kernel_over_prices_on_the_gpu_gives_the_bits_of_its_twin() {
    match Gpu::open(0, GpuPrecision::Best, &GpuOptions::default()) {
        Err(error) => eprintln!("skipped: no kernel runs on a GPU in this test: {error}"),
        Ok(gpu) => {
            let bench = Bench::on(Arc::new(gpu));
            check_all(&bench, 5);
            check_options(&bench, 300_000, 6);
            check_covariances(&bench, 200, 2500, &[0..2500, 0..504, 63..567, 2499..2500], 6);
            check_risk(&bench, &[20_000, 2520, 2520, 19_999, 700], false, 6);
            check_risk(&bench, &[20_000, 2520, 2520, 19_999, 700], true, 6);
            check_windows(&bench, &[100_000, 5000], 200, 7);
            check_recurrences(&bench, &[100_000, 5000], 50, 7);
            check_changes(&bench, &[100_000, 5000], 50, 7);
            check_signals(&bench, &[100_000, 5000], 4, 7);
            waves::check_all(&bench);
            for model in &MODELS {
                check_paths(&bench, model, &grid(252, 9, false, 8), 50_000);
            }
            for sampled in SAMPLED {
                check_samples(&bench, sampled, [9, 5000], 64, 7);
            }
            check_moments(&bench, [9, 30_000], 4096, 7);
            check_selection(&bench, 500_000, &[[0.1, 0.2], [0.5, 0.9]], 7);
            check_puts(&bench, AmericanScheme::accurate(), 2000, 7);
        }
    }
}
