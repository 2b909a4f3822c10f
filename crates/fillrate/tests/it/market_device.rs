//! Jobs over prices on a device, which here is the processor in a GPU's stead: the kernels, the layout
//! of memory and the copies are those of a GPU, and so are the results, to the bit.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use fillrate::market::backtest::{
    BacktestOptions, Metric, OrderFill, Outcome, Positions, Strategy, WalkForward, sweep, sweep_on,
    walk_forward, walk_forward_on,
};
use fillrate::market::device::{
    Computer, DeviceOptions, EuropeanBatch, IndicatorJob, Job, MatmulJob, MatmulShape, MatmulValue,
    Report, SimulationPart,
};
use fillrate::market::indicators::{
    Indicator, IndicatorOptions, MacdPeriods, Request, Signal, compute, compute_on,
};
use fillrate::market::montecarlo::{
    Asset, Basket, HestonTerms, MertonTerms, MonteCarloOptions, PathModel, Underlying, simulate,
    simulate_on,
};
use fillrate::market::options::{
    AmericanPuts, Barrier, BarrierKind, EuropeanColumns, Greeks, Kind, Right, Simulated,
    SimulationOptions, Terms, american_on, price, price_columns, simulate as simulate_option,
    simulate_on as simulate_option_on,
};
use fillrate::market::portfolio::{
    Bounds, Covariance, Objective, PortfolioOptions, frontier, frontier_on, optimize, optimize_on,
    walk_forward as portfolio_walk, walk_forward_on as portfolio_walk_on,
};
use fillrate::market::{Column, Date, Panel, PanelOptions, Philox};
use fillrate::records::{InputFormat, ReadOptions, Reader};
use fillrate_device::Fault;
use fillrate_device::routing::{BreakerOptions, HealthLimits, Preference, RouterOptions};
use fillrate_kernels::cuda::{
    Accelerator, Address, DenseProduct, Element, Launch, Memory, Product, Program, Queue, Region,
};
use fillrate_kernels::{Error, Result};

use crate::emulator::{Emulator, Engine};

/// The processor in a GPU's stead. Some of its launches fail, or it has no memory.
#[derive(Clone)]
pub(crate) struct Device {
    pub(crate) emulator: Arc<OnceLock<Arc<Emulator>>>,
    /// How many kernels were launched.
    pub(crate) launches: Arc<AtomicUsize>,
    /// How the threads of its blocks are run.
    pub(crate) engine: Engine,
    /// The launch that fails, from 0.
    pub(crate) failing: Option<usize>,
    /// How often it was asked for memory.
    pub(crate) requests: Arc<AtomicUsize>,
    /// The request for memory that fails, from 0.
    pub(crate) full: Option<usize>,
}

impl Device {
    pub(crate) fn sound() -> Self {
        let (emulator, launches, requests) = Default::default();
        let (engine, failing, full) = (Engine::Fibers, None, None);
        Self { emulator, launches, engine, failing, requests, full }
    }
}

fn failure(source: Fault) -> Error {
    Error::Device(fillrate_device::Error::Device { device: "cuda:emulated".to_owned(), source })
}

impl Accelerator for Device {
    fn element(&self) -> Element {
        Element::Fp16
    }

    fn name(&self) -> String {
        "cuda:emulated".to_owned()
    }

    fn queue(&self, program: Program) -> Result<Arc<dyn Queue>> {
        self.emulator.get_or_init(|| Arc::new(Emulator::start(program, self.engine)));
        Ok(Arc::new(self.clone()))
    }

    fn allocate(&self, _: Memory, bytes: usize, _: &'static str) -> Result<Region> {
        if self.full == Some(self.requests.fetch_add(1, Ordering::Relaxed)) {
            return Err(failure(Fault::OutOfMemory { requested_bytes: bytes as u64 }));
        }
        Ok(Emulator::region(self.emulator.get().expect("a queue comes first"), bytes))
    }
}

impl Queue for Device {
    fn shared_bytes_max(&self) -> u32 {
        self.emulator.get().unwrap().shared_bytes_max()
    }
    fn program(&self) -> Program {
        self.emulator.get().unwrap().program()
    }
    fn launch(&self, launch: &Launch<'_>) -> Result<()> {
        if self.failing == Some(self.launches.fetch_add(1, Ordering::Relaxed)) {
            return Err(failure(Fault::Operation { what: "a launch out of resources".into() }));
        }
        self.emulator.get().unwrap().launch(launch)
    }
    fn multiply(&self, product: &Product) -> Result<()> {
        self.emulator.get().unwrap().multiply(product)
    }
    fn multiply_dense(&self, product: &DenseProduct) -> Result<()> {
        if self.failing == Some(self.launches.fetch_add(1, Ordering::Relaxed)) {
            return Err(failure(Fault::Operation { what: "a product without algorithm".into() }));
        }
        self.emulator.get().unwrap().multiply_dense(product)
    }
    fn upload(&self, to: Address, bytes: &[u8]) -> Result<()> {
        self.emulator.get().unwrap().upload(to, bytes)
    }
    fn download(&self, from: Address, bytes: &mut [u8]) -> Result<()> {
        self.emulator.get().unwrap().download(from, bytes)
    }
    fn synchronize(&self) -> Result<()> {
        Ok(())
    }
}

/// A computer that wants the device.
pub(crate) fn computer<J: Job>(device: Device) -> Computer<J> {
    let breaker = BreakerOptions {
        back_off_first: Duration::ZERO,
        back_off_max: Duration::ZERO,
        jitter: 0.0,
        ..BreakerOptions::default()
    };
    let deadline = Duration::from_mins(10);
    let preference = Preference::Primary;
    let router = RouterOptions { preference, breaker, deadline, ..RouterOptions::default() };
    let open = move || -> fillrate::Result<Arc<dyn Accelerator>> { Ok(Arc::new(device.clone())) };
    let (limits, opening) = (HealthLimits::default(), DeviceOptions::OPENING);
    Computer::on(DeviceOptions { open: Arc::new(open), router, limits, opening }).unwrap()
}

fn bits(values: &[f64]) -> Vec<u64> {
    let of = |value: &f64| if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() };
    values.iter().map(of).collect()
}

/// Terms of some options.
fn check_options(computer: &Computer<EuropeanBatch>, options: usize) {
    let philox = Philox::new(9);
    let column = |stream, low: f64, high: f64| -> Vec<f64> {
        let uniform = |option| philox.uniforms(option, 0, stream)[0];
        (0..options as u64).map(|option| low + (high - low) * uniform(option)).collect()
    };
    let columns = [
        column(0, 50.0, 150.0),
        column(1, 60.0, 140.0),
        column(2, -0.05, 0.2),
        column(3, -0.02, 0.1),
        column(4, 0.02, 1.5),
        column(5, 0.01, 5.0),
    ];
    let right: Vec<Right> =
        (0..options).map(|at| if at % 3 == 0 { Right::Put } else { Right::Call }).collect();
    let [spot, strike, rate, dividend, vol, expiry] = columns.each_ref().map(Vec::as_slice);
    let columns = EuropeanColumns { right: &right, spot, strike, rate, dividend, vol, expiry };
    let expected = price_columns(&columns).unwrap();
    let found = computer.run(EuropeanBatch::new(&columns).unwrap()).unwrap();
    for (found, expected) in [
        (&found.price, &expected.price),
        (&found.delta, &expected.delta),
        (&found.gamma, &expected.gamma),
        (&found.vega, &expected.vega),
        (&found.theta, &expected.theta),
        (&found.rho, &expected.rho),
    ] {
        assert_eq!(bits(found), bits(expected));
    }
}

#[test]
fn options_on_a_device_have_the_bits_of_the_processor() {
    let computer = computer(Device::sound());
    for options in [0, 1, 777] {
        check_options(&computer, options);
    }
    let Report { on_device, degraded, .. } = computer.report();
    assert_eq!((on_device, degraded), (3, 0));
}

#[test]
fn what_the_device_fails_has_the_same_answer_from_the_processor() {
    let failing = computer(Device { failing: Some(1), ..Device::sound() });
    for _ in 0..3 {
        check_options(&failing, 5);
    }
    let Report { on_device, on_processor, degraded, reason, .. } = failing.report();
    assert_eq!((on_device, on_processor, degraded), (2, 1, 1));
    assert_eq!(reason.as_deref(), Some("a launch out of resources"));

    let full = computer(Device { full: Some(0), ..Device::sound() });
    check_options(&full, 5);
    let reason = full.report().reason.unwrap();
    assert_eq!(reason, "the device has no 768 bytes left");
}

fn basket() -> Underlying {
    let asset = |symbol: &str, spot, vol, weight| Asset {
        symbol: symbol.to_owned(),
        spot,
        drift: 0.03,
        vol,
        weight,
    };
    let assets = vec![asset("A", 100.0, 0.2, 1.0), asset("B", 50.0, 0.4, 2.0)];
    Underlying::Basket(Basket::new(assets, &[1.0, 0.6, 0.6, 1.0]).unwrap())
}

#[test]
fn simulations_on_a_device_have_the_bits_of_the_processor() {
    let asset = |model| Underlying::Asset { spot: 100.0, model };
    let merton =
        MertonTerms { drift: 0.02, vol: 0.2, jumps_per_year: 3.0, jump_mean: -0.05, jump_vol: 0.1 };
    let heston = HestonTerms {
        drift: 0.02,
        variance: 0.04,
        reversion: 1.0,
        variance_mean: 0.05,
        variance_vol: 0.5,
        correlation: -0.7,
    };
    let sound: Computer<SimulationPart> = computer(Device::sound());
    for underlying in [
        asset(PathModel::GeometricBrownian { drift: 0.05, vol: 0.3 }),
        asset(PathModel::Merton(merton)),
        asset(PathModel::Heston(heston)),
        basket(),
    ] {
        // All ends are kept of the small ones, and of the large ones those near a quantile.
        for (paths, antithetic) in [(4400, false), (4400, true), (22_000, false), (41_002, true)] {
            let options = MonteCarloOptions { expiry: 0.7, steps: 3, paths, seed: 3, antithetic };
            let expected = simulate(&underlying, &options).unwrap();
            let underlying = Arc::new(underlying.clone());
            let found = simulate_on(&sound, &underlying, &options).unwrap();
            assert_eq!(found, expected, "{underlying:?} {paths} {antithetic}");
        }
    }
    assert_eq!((sound.report().on_device, sound.report().on_processor), (4 * 6, 0));
    let options = MonteCarloOptions { paths: 20_000, steps: 2, ..MonteCarloOptions::default() };
    let expected = simulate(&basket(), &options).unwrap();
    for launch in 0..5 {
        let failing = computer(Device { failing: Some(launch), ..Device::sound() });
        let found = simulate_on(&failing, &Arc::new(basket()), &options).unwrap();
        let Report { on_device, on_processor, degraded, .. } = failing.report();
        assert_eq!((found, on_device, on_processor, degraded), (expected, 1, 1, 1), "{launch}");
    }
    let wrong = MonteCarloOptions { paths: 0, ..MonteCarloOptions::default() };
    let refused = simulate_on(&sound, &Arc::new(basket()), &wrong).unwrap_err();
    assert_eq!(refused.to_string(), "paths: 0 is not from 1 to 100000000");
}

fn terms(place: usize) -> Terms {
    let shift = place as f64;
    Terms {
        spot: 90.0 + 4.0 * shift,
        strike: 100.0,
        rate: 0.06 - 0.01 * shift,
        dividend: 0.02,
        vol: 0.1 + 0.1 * shift,
        expiry: 0.5 + 0.3 * shift,
    }
}

/// The bits of all figures of a simulated option.
fn simulated_bits(simulated: Simulated) -> Vec<u64> {
    let Simulated { price, std_error, delta, vega, theta, rho } = simulated;
    bits(&[price, std_error, delta, vega, theta, rho])
}

#[test]
fn simulated_options_on_a_device_have_the_bits_of_the_processor() {
    let barrier = |kind, level| Kind::Barrier(Barrier { kind, level, rebate: 1.5 });
    let kinds = [
        Kind::European,
        Kind::AsianGeometric { fixings: Some(5) },
        Kind::AsianArithmetic { fixings: 4 },
        barrier(BarrierKind::DownOut, 80.0),
        barrier(BarrierKind::UpIn, 125.0),
    ];
    let sound = computer(Device::sound());
    for (place, kind) in kinds.into_iter().enumerate() {
        for (right, paths) in [(Right::Call, 400), (Right::Put, 8400)] {
            let options = SimulationOptions { paths, seed: 11, steps: 3 };
            let expected = simulate_option(kind, right, terms(place), &options).unwrap();
            let found = simulate_option_on(&sound, kind, right, terms(place), &options).unwrap();
            assert_eq!(simulated_bits(found), simulated_bits(expected), "{kind:?}");
        }
    }
    assert_eq!((sound.report().on_device, sound.report().on_processor), (10, 0));
    let options = SimulationOptions { paths: 600, seed: 2, steps: 4 };
    let expected = simulate_option(kinds[2], Right::Put, terms(1), &options).unwrap();
    for launch in 0..2 {
        let failing = computer(Device { failing: Some(launch), ..Device::sound() });
        let found = simulate_option_on(&failing, kinds[2], Right::Put, terms(1), &options).unwrap();
        assert_eq!(simulated_bits(found), simulated_bits(expected));
        assert_eq!((failing.report().on_processor, failing.report().degraded), (1, 1));
    }
}

#[test]
fn american_options_on_a_device_have_the_bits_of_the_processor() {
    let mut options: Vec<(Right, Terms)> = (0..9)
        .map(|place| (if place % 3 == 0 { Right::Call } else { Right::Put }, terms(place % 6)))
        .collect();
    // Those that take no boundary, or none that is found: without dividends, without volatility, with
    // a rate below 0, and one that is exercised now.
    let base = terms(2);
    for (right, terms) in [
        (Right::Call, Terms { dividend: 0.0, ..base }),
        (Right::Put, Terms { vol: 0.0, ..base }),
        (Right::Put, Terms { rate: -0.005, dividend: -0.01, ..base }),
        (Right::Put, Terms { spot: 20.0, ..base }),
        (Right::Put, Terms { rate: 0.2, vol: 0.01, ..base }),
    ] {
        options.push((right, terms));
    }
    let list = |greeks: &Greeks| {
        let Greeks { price, delta, gamma, vega, theta, rho } = *greeks;
        bits(&[price, delta, gamma, vega, theta, rho])
    };
    let check = |computer: &Computer<AmericanPuts>| {
        let found = american_on(computer, &options).unwrap();
        assert_eq!(found.len(), options.len());
        for ((right, terms), found) in options.iter().zip(&found) {
            let expected = price(Kind::American, *right, *terms).unwrap();
            assert_eq!(list(found), list(&expected), "{right} {terms:?}");
        }
    };
    let sound = computer(Device::sound());
    check(&sound);
    assert_eq!((sound.report().on_device, sound.report().on_processor), (1, 0));
    let failing = computer(Device { failing: Some(0), ..Device::sound() });
    check(&failing);
    assert_eq!((failing.report().on_processor, failing.report().degraded), (1, 1));
    check(&Computer::processor());
    assert!(american_on(&sound, &[]).unwrap().is_empty());
    let wrong = [(Right::Put, Terms { spot: -1.0, ..base })];
    let refused = american_on(&sound, &wrong).unwrap_err().to_string();
    assert_eq!(refused, "spot: -1 is not a number above 0");
}

/// Three symbols of different lengths, one of which lacks some prices.
fn panel(with_gaps: bool) -> Panel {
    let mut table = "symbol,date,high,low,close\n".to_owned();
    let philox = Philox::new(4);
    for (symbol, bars) in [("A", 150), ("B", 7), ("C", 90)] {
        let mut close = 50.0;
        for bar in 0..bars {
            let [u, v] = philox.uniforms(bar, 0, bars as u32);
            close += u - 0.5;
            let date = Date::from_epoch_nanos(bar as i64 * 86_400_000_000_000).unwrap();
            let is_gap = with_gaps && symbol == "C" && bar % 9 == 4;
            let text = if is_gap { String::new() } else { close.to_string() };
            let _ = writeln!(table, "{symbol},{date},{},{},{text}", close + v, close - v);
        }
    }
    let options = ReadOptions { format: Some(InputFormat::Csv), ..ReadOptions::default() };
    let stream = Box::new(std::io::Cursor::new(table));
    let mut reader = Reader::from_stream(stream, &options).unwrap();
    Panel::read(&mut reader, &PanelOptions::default()).unwrap()
}

/// What is asked of panels: everything, at lengths that one series or another is too short for.
fn requests() -> Vec<Request> {
    let indicators = [
        Indicator::Sma { bars: 20 },
        Indicator::Ema { bars: 12 },
        Indicator::Wma { bars: 5 },
        Indicator::Rsi { bars: 14 },
        Indicator::Bands { bars: 20, width: 2.0 },
        Indicator::Macd(MacdPeriods { fast: 5, slow: 9, smooth: 4 }),
        Indicator::Atr { bars: 14 },
        Indicator::Momentum { bars: 3 },
        Indicator::Roc { bars: 7 },
        Indicator::ZScore { bars: 10 },
        Indicator::Deviation { bars: 10 },
        Indicator::Min { bars: 33 },
        Indicator::Max { bars: 1 },
        Indicator::Stochastic { bars: 6, slow: 4, smooth: 3 },
    ];
    let signals = [
        Signal::MaCrossover { fast: 3, slow: 8 },
        Signal::Rsi { bars: 5, low: 40.0, high: 60.0 },
        Signal::Bollinger { bars: 6, width: 1.2 },
        Signal::Momentum { bars: 4 },
        Signal::ZScore { bars: 9, threshold: 1.1 },
        Signal::Swing { width: 2, reward: 2.0 },
    ];
    let indicators = indicators.map(Request::Indicator).into_iter();
    indicators.chain(signals.map(Request::Signal)).collect()
}

#[track_caller]
fn check_indicators(computer: &Computer<IndicatorJob>, panel: &Panel, requests: &[Request]) {
    for min_periods in [None, Some(3)] {
        let options = IndicatorOptions { min_periods, ..IndicatorOptions::default() };
        let expected = compute(panel, requests, options).unwrap();
        let found = compute_on(computer, panel, requests, options).unwrap();
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found.name, expected.name);
            assert_eq!(bits(&found.values), bits(&expected.values), "{}", found.name);
        }
    }
}

#[test]
fn indicators_on_a_device_have_the_bits_of_the_processor() {
    let computer: Computer<IndicatorJob> = computer(Device::sound());
    let mut requests = requests();
    // Windows that do not fit a block's shared memory, longer than a series or not.
    for indicator in [
        Indicator::Sma { bars: 5000 },
        Indicator::Stochastic { bars: 5, slow: 3, smooth: 900 },
        Indicator::Bands { bars: 731, width: 1.5 },
    ] {
        requests.push(Request::Indicator(indicator));
    }
    requests.push(Request::Signal(Signal::MaCrossover { fast: 3, slow: 718 }));
    requests.push(Request::Signal(Signal::Bollinger { bars: 900, width: 1.0 }));
    for with_gaps in [false, true] {
        check_indicators(&computer, &panel(with_gaps), &requests);
    }
    let jobs = 4 * requests.len() as u64;
    assert_eq!((computer.report().on_device, computer.report().degraded), (jobs, 0));
}

#[test]
fn a_signal_that_the_device_fails_is_computed_by_the_processor() {
    for failing in 0..3 {
        let failing = computer(Device { failing: Some(failing), ..Device::sound() });
        let signal = Request::Signal(Signal::MaCrossover { fast: 3, slow: 8 });
        check_indicators(&failing, &panel(true), &[signal]);
        let Report { on_device, on_processor, degraded, .. } = failing.report();
        assert_eq!((on_device, on_processor, degraded), (1, 1, 1));
    }
}

#[test]
fn backtests_on_a_device_have_the_figures_of_the_processor() {
    let computer = computer(Device::sound());
    let panel = panel(true);
    for (strategy, grid) in [
        (Strategy::MaCrossover, "fast=2:6:1,slow=3:12:3"),
        (Strategy::Rsi, "bars=3:5:1,low=20:40:10,high=50:70:10"),
        (Strategy::Bollinger, "bars=5:9:2,width=0.5:1.5:0.25"),
        (Strategy::Momentum, "bars=1:12:1"),
    ] {
        let grid = grid.parse().unwrap();
        for (positions, fee) in [(Positions::Long, 0.0), (Positions::LongShort, 0.002)] {
            let fill = OrderFill::Close;
            let options = BacktestOptions { positions, fee, fill, ..BacktestOptions::default() };
            let mut expected: Vec<Outcome> = Vec::new();
            sweep(&panel, strategy, &grid, &options, |outcomes| {
                expected.extend_from_slice(outcomes);
                Ok(())
            })
            .unwrap();
            let mut found: Vec<Outcome> = Vec::new();
            sweep_on(&computer, &panel, strategy, &grid, &options, |outcomes| {
                found.extend_from_slice(outcomes);
                Ok(())
            })
            .unwrap();
            assert_eq!(found, expected, "{strategy:?} {positions:?}");
            assert!(expected.iter().any(|outcome| outcome.performance.trades > 0));
            let (walk, by) = (WalkForward { train: 40, test: 20 }, Metric::Sharpe);
            let folds = walk_forward(&panel, strategy, &grid, &options, walk, by).unwrap();
            let on_device =
                walk_forward_on(&computer, &panel, strategy, &grid, &options, walk, by).unwrap();
            assert_eq!(on_device, folds, "{strategy:?} {positions:?}");
        }
    }
    assert_eq!((computer.report().on_processor, computer.report().degraded), (0, 0));
    assert!(computer.report().on_device > 20);
}

/// Small whole numbers, whose sums are exact in every order.
fn check_product<T: MatmulValue>(device: Device, of: fn(f32) -> T) -> Report
where
    f64: From<T::Sum>,
{
    let shape = MatmulShape { rows: 13, inner: 40, columns: 9 };
    let matrix = |seed, count| -> Vec<T> {
        let philox = Philox::new(seed);
        let number = |at| (8.0 * philox.uniforms(at, 0, 0)[0]).floor() as f32 - 4.0;
        (0..count as u64).map(|at| of(number(at))).collect()
    };
    let job = MatmulJob::new(shape, matrix(1, 13 * 40), matrix(2, 40 * 9)).unwrap();
    let twin = job.on_processor().unwrap();
    let computer = computer(device);
    let found = computer.run(job).unwrap();
    let wide = |values: Vec<T::Sum>| values.into_iter().map(f64::from).collect::<Vec<_>>();
    let (found, twin) = (wide(found), wide(twin));
    assert!(found.iter().any(|value| *value != 0.0));
    assert_eq!(bits(&found), bits(&twin));
    computer.report()
}

#[test]
fn products_of_matrices_go_to_the_device() {
    for report in [
        check_product(Device::sound(), |x| x),
        check_product(Device::sound(), f64::from),
        check_product(Device::sound(), half::bf16::from_f32),
        check_product(Device::sound(), half::f16::from_f32),
    ] {
        assert_eq!((report.on_device, report.on_processor, report.degraded), (1, 0, 0));
    }
    let empty =
        MatmulJob::<f32>::new(MatmulShape { rows: 2, inner: 0, columns: 1 }, vec![], vec![]);
    let zeros: Vec<f32> = computer(Device::sound()).run(empty.unwrap()).unwrap();
    assert_eq!(zeros, [0.0, 0.0]);
    let shape = MatmulShape { rows: 2, inner: 3, columns: 4 };
    let refused = MatmulJob::new(shape, vec![0.0; 6], vec![0.0; 11]).unwrap_err().to_string();
    assert_eq!(refused, "matmul: expected [2, 3] by [3, 4], got [6, 11, 8] values");
}

#[test]
fn products_that_the_device_fails_come_from_the_processor() {
    let report = check_product(Device { failing: Some(0), ..Device::sound() }, |x| x);
    assert_eq!((report.on_device, report.on_processor, report.degraded), (0, 1, 1));
    assert_eq!(report.reason.as_deref(), Some("a product without algorithm"));
    let full = check_product(Device { full: Some(0), ..Device::sound() }, f64::from);
    assert_eq!((full.on_device, full.degraded), (0, 1));
}

/// Five symbols whose returns have much in common.
fn pairs_panel() -> Panel {
    let mut table = "symbol,date,close\n".to_owned();
    let philox = Philox::new(6);
    for symbol in 0..5 {
        let mut close = 50.0;
        for bar in 0..120 {
            let common = philox.normals(bar, 0, 0)[0];
            close *= 1.0 + 0.004 * common + 0.008 * philox.normals(bar, 1 + symbol, 0)[0];
            let date = Date::from_epoch_nanos(bar as i64 * 86_400_000_000_000).unwrap();
            let _ = writeln!(table, "S{symbol},{date},{close}");
        }
    }
    let options = ReadOptions { format: Some(InputFormat::Csv), ..ReadOptions::default() };
    let stream = Box::new(std::io::Cursor::new(table));
    let mut reader = Reader::from_stream(stream, &options).unwrap();
    Panel::read(&mut reader, &PanelOptions::only(&[Column::Close])).unwrap()
}

#[test]
fn portfolios_on_a_device_are_those_of_the_processor() {
    let (panel, computer) = (pairs_panel(), computer(Device::sound()));
    let options = |objective, covariance| PortfolioOptions {
        objective,
        covariance,
        bounds: Bounds::LONG_ONLY,
        ..PortfolioOptions::default()
    };
    for covariance in Covariance::ALL {
        let options = options(Objective::MinVariance, covariance);
        let expected = optimize(&panel, &options).unwrap();
        assert_eq!(optimize_on(&computer, &panel, &options).unwrap(), expected);
        let walk = WalkForward { train: 40, test: 15 };
        let expected = portfolio_walk(&panel, &options, walk).unwrap();
        assert_eq!(expected.len(), 7);
        assert_eq!(portfolio_walk_on(&computer, &panel, &options, walk).unwrap(), expected);
    }
    let options = options(Objective::MinCvar { confidence: 0.9 }, Covariance::Sample);
    let expected = frontier(&panel, &options, 9).unwrap();
    assert_eq!(frontier_on(&computer, &panel, &options, 9).unwrap(), expected);
    // A covariance or all covariances of a walk each, and for the frontier the returns too.
    let Report { on_device, on_processor, degraded, .. } = computer.report();
    assert_eq!((on_device, on_processor, degraded), (3 + 3 + 2, 0, 0));
}

#[test]
fn sums_that_the_device_fails_come_from_the_processor() {
    let (panel, options) = (pairs_panel(), PortfolioOptions::default());
    let expected = optimize(&panel, &options).unwrap();
    let failing = computer(Device { failing: Some(1), ..Device::sound() });
    assert_eq!(optimize_on(&failing, &panel, &options).unwrap(), expected);
    assert_eq!(failing.report().degraded, 1);
}
