//! The kernels over prices on a GPU and on the processor, as one JSON document on standard output:
//! resident (everything is on the GPU already), end to end (copies in and out), and the processor with
//! all its threads.
//!
//! Each end-to-end result is compared with the processor's before it is timed, bit by bit, and products of
//! matrices within their bound. On a machine without a GPU it says what is missing and ends well.

#![allow(clippy::print_stdout, missing_docs, reason = "a benchmark reports on standard output")]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on should stop where it is")]

mod closed;
mod risk;
mod sums;

use std::sync::Arc;
use std::time::Instant;

use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampNanosecondArray};
use fillrate::market::device::{
    Computer, DeviceOptions, EuropeanBatch, IndicatorJob, Job, MarketDevice, Open, PartSummary,
    SimulationPart,
};
use fillrate::market::indicators::{Indicator, IndicatorOptions, Request};
use fillrate::market::montecarlo::{
    HestonTerms, MertonTerms, MonteCarloOptions, PathModel, Underlying, simulate_on,
};
use fillrate::market::options::{
    AmericanPuts, Barrier, BarrierKind, EuropeanColumns, Kind, OptionSimulation, Right,
    SimulationOptions, Terms, american_on, simulate_on as simulate_option_on,
};
use fillrate::market::{Panel, PanelOptions, Philox};
use fillrate::waves::{
    Bars, PivotRule, Search, SearchOptions, SurrogateJob, SurrogateMethod, SurrogateRun, Surrogates,
};
use fillrate_device::routing::{HealthLimits, Preference, RouterOptions};
use fillrate_kernels::cuda::{
    Accelerator, CudaPrices, DevicePaths, DeviceSeries, DeviceWindow, Gpu, GpuOptions,
    GpuPrecision, Layout, Memory, OPTION_TERMS, Program,
};
use fillrate_kernels::{GREEKS, PathGrid, WindowOp};
use serde_json::{Value, json};

use self::closed::{closed_forms, implied_vols};
use self::risk::risk;
use self::sums::{product, sums_over_returns};

/// Runs of each measurement; the median is reported.
const RUNS: usize = 7;

const OPTIONS: usize = 1 << 20;
const PATHS: usize = 1_000_000;
const STEPS: u32 = 252;
const SYMBOLS: usize = 500;
const BARS: usize = 10_000;
/// Surrogates of a series for Elliott waves, and their bars.
const SURROGATES: u32 = 1000;
const SURROGATE_BARS: usize = 2500;

/// The median of some runs after one that warms up, in seconds.
fn median_s(mut run: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..=RUNS)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64()
        })
        .skip(1)
        .collect();
    times.sort_by(f64::total_cmp);
    times[RUNS / 2]
}

/// One job on both sides, which must agree to the bit; `things` are what it has many of.
fn race<J: Job>(
    name: &str,
    things: (&str, f64),
    job: &J,
    device: &MarketDevice,
    bits: impl Fn(&J::Answer) -> Vec<u64>,
    resident_s: Option<f64>,
) -> Value {
    assert!(bits(&job.on_device(device).unwrap()) == bits(&job.on_processor().unwrap()), "{name}");
    let end_to_end_s = median_s(|| drop(job.on_device(device).unwrap()));
    let processor_s = median_s(|| drop(job.on_processor().unwrap()));
    json!({
        "op": name, "of": things.0, "count": things.1,
        "resident_per_s": resident_s.map(|seconds| things.1 / seconds),
        "end_to_end_per_s": things.1 / end_to_end_s,
        "processor_per_s": things.1 / processor_s,
        "equal_to_the_bit": true,
    })
}

fn bits(values: &[f64]) -> impl Iterator<Item = u64> {
    values.iter().map(|value| if value.is_nan() { 1 } else { value.to_bits() })
}

fn options(accelerator: &dyn Accelerator, device: &MarketDevice) -> Value {
    let philox = Philox::new(3);
    let column = |stream, low: f64, high: f64| -> Vec<f64> {
        let uniform = |option| philox.uniforms(option, 0, stream)[0];
        (0..OPTIONS as u64).map(|option| low + (high - low) * uniform(option)).collect()
    };
    let columns = [
        column(0, 50.0, 150.0),
        column(1, 60.0, 140.0),
        column(2, 0.0, 0.1),
        column(3, 0.0, 0.05),
        column(4, 0.05, 0.8),
        column(5, 0.05, 3.0),
    ];
    let right = vec![Right::Call; OPTIONS];
    let [spot, strike, rate, dividend, vol, expiry] = columns.each_ref().map(Vec::as_slice);
    let terms = EuropeanColumns { right: &right, spot, strike, rate, dividend, vol, expiry };
    let job = EuropeanBatch::new(&terms).unwrap();

    let queue = accelerator.queue(Program::Prices).unwrap();
    let prices = CudaPrices::new(Arc::clone(&queue)).unwrap();
    let mut layout = Layout::default();
    let on_device = layout.reserve(OPTION_TERMS * OPTIONS * 8);
    let out = layout.reserve(GREEKS * OPTIONS * 8);
    let region = accelerator.allocate(Memory::Workspace, layout.bytes(), "benchmark").unwrap();
    let (on_device, out) = (on_device.at(region.address()), out.at(region.address()));
    let sign = vec![1.0; OPTIONS];
    for (place, column) in columns.iter().chain([&sign]).enumerate() {
        queue.upload(on_device.plus(place * OPTIONS * 8), bytemuck::cast_slice(column)).unwrap();
    }
    let resident = median_s(|| {
        prices.black_scholes(on_device, out, OPTIONS).unwrap();
        queue.synchronize().unwrap();
    });
    let all = |greeks: &fillrate::market::options::GreekColumns| {
        bits(&greeks.price).chain(bits(&greeks.theta)).collect()
    };
    let things = ("full sets of Greeks", OPTIONS as f64);
    race("black_scholes", things, &job, device, all, Some(resident))
}

fn paths(
    name: &str,
    model: PathModel,
    accelerator: &dyn Accelerator,
    device: &MarketDevice,
) -> Value {
    let options = MonteCarloOptions { steps: STEPS, paths: PATHS as u64, ..Default::default() };
    let underlying = Arc::new(Underlying::Asset { spot: 100.0, model });
    let job = SimulationPart::whole(&underlying, options, 0..PATHS).unwrap();
    let queue = accelerator.queue(Program::Prices).unwrap();
    let prices = CudaPrices::new(Arc::clone(&queue)).unwrap();
    let mut layout = Layout::default();
    let ends = layout.reserve(PATHS * 8);
    let scratch = layout.reserve(CudaPrices::path_scratch_bytes());
    let region = accelerator.allocate(Memory::Workspace, layout.bytes(), "benchmark").unwrap();
    let [ends, scratch] = [ends, scratch].map(|span| span.at(region.address()));
    let place = DevicePaths { ends, paths: PATHS, scratch };
    let step_years = 1.0 / f64::from(STEPS);
    let (philox, steps) = (Philox::new(0), STEPS);
    let grid = PathGrid { spot: 100.0, philox, first: 0, mirrored: false, steps, step_years };
    let resident = median_s(|| {
        prices.path_ends(&model, &grid, &place).unwrap();
        queue.synchronize().unwrap();
    });
    let things = ("steps of a path", PATHS as f64 * f64::from(STEPS));
    let all = |summary: &PartSummary| bits(summary.ends()).chain(bits(&[summary.mean()])).collect();
    race(name, things, &job, device, all, Some(resident))
}

/// A panel of walks.
fn panel() -> Panel {
    let philox = Philox::new(8);
    let count = SYMBOLS * BARS;
    let mut close = 100.0;
    let closes: Vec<f64> = (0..count as u64)
        .map(|bar| {
            close = if bar % BARS as u64 == 0 { 100.0 } else { close };
            close += philox.uniforms(bar, 0, 0)[0] - 0.499;
            close = close.max(1.0);
            close
        })
        .collect();
    let symbols: StringArray = (0..count).map(|bar| Some(format!("S{:03}", bar / BARS))).collect();
    let day = 86_400_000_000_000_i64;
    let dates: TimestampNanosecondArray =
        (0..count).map(|bar| Some((bar % BARS) as i64 * day)).collect();
    let columns: [(&str, ArrayRef); 3] = [
        ("symbol", Arc::new(symbols)),
        ("date", Arc::new(dates)),
        ("close", Arc::new(Float64Array::from(closes))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    Panel::from_batches(&[batch], &PanelOptions::default()).unwrap()
}

fn indicator(
    name: &str,
    indicator: Indicator,
    panel: &Panel,
    accelerator: &dyn Accelerator,
    device: &MarketDevice,
) -> Value {
    let values = panel.bars();
    let close = panel.column(fillrate::market::Column::Close).unwrap();
    let queue = accelerator.queue(Program::Prices).unwrap();
    let prices = CudaPrices::new(Arc::clone(&queue)).unwrap();
    let mut layout = Layout::default();
    let starts = layout.reserve((SYMBOLS + 1) * 8);
    let (x, out) = (layout.reserve(values * 8), layout.reserve(3 * values * 8));
    let region = accelerator.allocate(Memory::Workspace, layout.bytes(), "benchmark").unwrap();
    let [starts, x, out] = [starts, x, out].map(|span| span.at(region.address()));
    let offsets: Vec<u64> = panel.offsets().iter().map(|offset| *offset as u64).collect();
    queue.upload(starts, bytemuck::cast_slice(&offsets)).unwrap();
    queue.upload(x, bytemuck::cast_slice(close)).unwrap();
    let series = DeviceSeries { starts, series: SYMBOLS, longest: BARS, values };
    let resident = median_s(|| {
        match indicator {
            Indicator::Ema { bars } => prices.ema(bars, x, &series, out),
            Indicator::Rsi { bars } => prices.rsi(bars, x, &series, out),
            Indicator::Bands { bars, width } => {
                let window = DeviceWindow::full(bars);
                prices.window(WindowOp::Bands { width }, window, x, &series, out, out)
            }
            Indicator::Sma { bars } => {
                prices.window(WindowOp::Mean, DeviceWindow::full(bars), x, &series, out, out)
            }
            _ => unreachable!("these are the ones that are measured"),
        }
        .unwrap();
        queue.synchronize().unwrap();
    });
    let job = IndicatorJob::new(panel, Request::Indicator(indicator), IndicatorOptions::default());
    let job = job.unwrap();
    let all = |columns: &Vec<Vec<f64>>| columns.iter().flat_map(|column| bits(column)).collect();
    race(name, ("bars", values as f64), &job, device, all, Some(resident))
}

/// The search of surrogates of a walk for every pattern, their making included.
fn surrogates(name: &str, method: SurrogateMethod, device: &MarketDevice) -> Value {
    let philox = Philox::new(4);
    let mut close = 100.0;
    let closes: Vec<f64> = (0..SURROGATE_BARS as u64)
        .map(|bar| {
            close *= 1.0 + 0.015 * philox.normals(bar, 0, 0)[0];
            close
        })
        .collect();
    let bars = Bars::new(&closes, &closes, &closes, &closes).unwrap();
    let made = Arc::new(Surrogates::new(&bars, method, "A", 1, None).unwrap());
    let search = Arc::new(Search::new(SearchOptions::default()));
    let pivots = PivotRule::Fractal(1);
    let job = SurrogateJob::new(&search, &made, 0..SURROGATES, pivots, false).unwrap();
    let all = |runs: &Vec<SurrogateRun>| {
        let of = |run: &SurrogateRun| {
            let best: Vec<u64> =
                run.best.iter().map(|score| score.map_or(1, f64::to_bits)).collect();
            [vec![run.count], best].concat()
        };
        runs.iter().flat_map(of).collect()
    };
    let things = ("bars", f64::from(SURROGATES) * SURROGATE_BARS as f64);
    race(name, things, &job, device, all, None)
}

/// What is priced through a computer, whose jobs are the device's or the processor's: the bits must be the
/// same.
fn priced(
    name: &str,
    things: (&str, f64),
    on_device: impl Fn() -> Vec<u64>,
    on_processor: impl Fn() -> Vec<u64>,
) -> Value {
    assert!(on_device() == on_processor(), "{name}");
    let end_to_end_s = median_s(|| drop(on_device()));
    let processor_s = median_s(|| drop(on_processor()));
    json!({
        "op": name, "of": things.0, "count": things.1, "resident_per_s": null,
        "end_to_end_per_s": things.1 / end_to_end_s, "processor_per_s": things.1 / processor_s,
        "equal_to_the_bit": true,
    })
}

/// A computer that wants the device.
fn computer<J: Job>(accelerator: &Arc<dyn Accelerator>) -> Computer<J> {
    let accelerator = Arc::clone(accelerator);
    let open: Arc<Open> = Arc::new(move || Ok(Arc::clone(&accelerator)));
    let router = RouterOptions { preference: Preference::Primary, ..RouterOptions::default() };
    let (limits, opening) = (HealthLimits::default(), DeviceOptions::OPENING);
    Computer::on(DeviceOptions { open, router, limits, opening }).unwrap()
}

/// American options, simulated options, and a whole simulation with its quantiles.
fn through_computers(accelerator: &Arc<dyn Accelerator>) -> Vec<Value> {
    let terms = |place: usize| Terms {
        spot: 80.0 + place as f64 / 100.0,
        strike: 100.0,
        rate: 0.05,
        dividend: 0.02,
        vol: 0.3,
        expiry: 1.0,
    };
    let puts: Vec<(Right, Terms)> = (0..4096).map(|place| (Right::Put, terms(place))).collect();
    let american = |computer: &Computer<AmericanPuts>| -> Vec<u64> {
        let greeks = american_on(computer, &puts).unwrap();
        greeks.iter().flat_map(|greeks| [greeks.price.to_bits(), greeks.vega.to_bits()]).collect()
    };
    let barrier = Barrier { kind: BarrierKind::DownOut, level: 75.0, rebate: 1.0 };
    let kinds = [
        ("asian_arithmetic", Kind::AsianArithmetic { fixings: 64 }),
        ("barrier_bridge", Kind::Barrier(barrier)),
    ];
    let simulation = SimulationOptions { paths: PATHS as u64, seed: 1, steps: 64 };
    let simulated = |kind, computer: &Computer<OptionSimulation>| -> Vec<u64> {
        let found = simulate_option_on(computer, kind, Right::Call, terms(0), &simulation).unwrap();
        vec![found.price.to_bits(), found.std_error.to_bits(), found.delta.to_bits()]
    };
    let model = PathModel::GeometricBrownian { drift: 0.05, vol: 0.2 };
    let underlying = Arc::new(Underlying::Asset { spot: 100.0, model });
    let options = MonteCarloOptions { steps: STEPS, paths: PATHS as u64, ..Default::default() };
    let ends = |computer: &Computer<SimulationPart>| -> Vec<u64> {
        let found = simulate_on(computer, &underlying, &options).unwrap();
        bits(&found.quantiles).chain(bits(&[found.mean, found.std, found.std_error])).collect()
    };
    let (gpu, cpu) = (computer(accelerator), Computer::processor());
    let mut results = vec![priced(
        "american",
        ("full sets of Greeks", puts.len() as f64),
        || american(&gpu),
        || american(&cpu),
    )];
    let (gpu, cpu) = (computer(accelerator), Computer::processor());
    for (name, kind) in kinds {
        let things = ("steps of a path and set of terms", 9.0 * 64.0 * PATHS as f64);
        results.push(priced(name, things, || simulated(kind, &gpu), || simulated(kind, &cpu)));
    }
    let (gpu, cpu) = (computer(accelerator), Computer::processor());
    let things = ("steps of a path", PATHS as f64 * f64::from(STEPS));
    results.push(priced("gbm_statistics", things, || ends(&gpu), || ends(&cpu)));
    results
}

fn main() {
    let gpu = match Gpu::open(0, GpuPrecision::Best, &GpuOptions::default()) {
        Ok(gpu) => gpu,
        Err(error) => {
            println!("{}", json!({ "skipped": error.to_string() }));
            return;
        }
    };
    let limits = gpu.limits().clone();
    let accelerator: Arc<dyn Accelerator> = Arc::new(gpu);
    let device = MarketDevice::new(Arc::clone(&accelerator)).unwrap();
    let merton =
        MertonTerms { drift: 0.05, vol: 0.2, jumps_per_year: 3.0, jump_mean: -0.05, jump_vol: 0.1 };
    let heston = HestonTerms {
        drift: 0.05,
        variance: 0.04,
        reversion: 2.0,
        variance_mean: 0.05,
        variance_vol: 0.5,
        correlation: -0.7,
    };
    let gbm = PathModel::GeometricBrownian { drift: 0.05, vol: 0.2 };
    let mut results = vec![options(&*accelerator, &device), implied_vols(&*accelerator, &device)];
    results.extend(closed_forms(&accelerator));
    for (name, model) in
        [("gbm", gbm), ("merton", PathModel::Merton(merton)), ("heston", PathModel::Heston(heston))]
    {
        results.push(paths(name, model, &*accelerator, &device));
    }
    results.extend(through_computers(&accelerator));
    let panel = panel();
    for (name, of) in [
        ("sma_20", Indicator::Sma { bars: 20 }),
        ("ema_20", Indicator::Ema { bars: 20 }),
        ("rsi_14", Indicator::Rsi { bars: 14 }),
        ("bbands_20", Indicator::Bands { bars: 20, width: 2.0 }),
    ] {
        results.push(indicator(name, of, &panel, &*accelerator, &device));
    }
    results.push(risk(&panel, &*accelerator, &device));
    results.extend(sums_over_returns(&*accelerator));
    results.push(surrogates("waves_block", SurrogateMethod::Block, &device));
    results.push(surrogates("waves_gbm", SurrogateMethod::Gbm, &device));
    results.push(product(|x| x as f32, &*accelerator, &device));
    results.push(product(|x| x, &*accelerator, &device));
    results.push(product(half::bf16::from_f64, &*accelerator, &device));
    results.push(product(half::f16::from_f64, &*accelerator, &device));
    let report = json!({
        "gpu": limits.name, "compute_capability": limits.capability.to_string(),
        "processor_threads": rayon::current_num_threads(), "results": results,
    });
    println!("{}", serde_json::to_string_pretty(&report).unwrap());
}
