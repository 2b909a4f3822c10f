//! Windows, averages, changes and signals over series.

use fillrate_kernels::cuda::{
    CudaPrices, DeviceSeries, DeviceSignal, DeviceWindow, StochasticWindows,
};
use fillrate_kernels::{Cpu, MacdPeriods, WindowOp, WindowStream};

use super::{Bench, assert_same, uniforms};

const WINDOWS: [WindowOp; 7] = [
    WindowOp::Mean,
    WindowOp::WeightedMean,
    WindowOp::Min,
    WindowOp::Max,
    WindowOp::Deviation,
    WindowOp::ZScore,
    WindowOp::Bands { width: 2.5 },
];

/// Some series, one after another, and where they lie on a device.
struct Panel {
    lens: Vec<usize>,
    columns: [Vec<f64>; 3],
    on_device: DeviceSeries,
}

impl Panel {
    fn new(bench: &Bench, lens: &[usize], seed: u64) -> Self {
        let values = lens.iter().sum();
        let mut starts = vec![0_u64];
        for len in lens {
            starts.push(starts[starts.len() - 1] + *len as u64);
        }
        let bytes: Vec<u8> = starts.iter().flat_map(|start| start.to_le_bytes()).collect();
        let on_device = DeviceSeries {
            starts: bench.put(&bytes),
            series: lens.len(),
            longest: lens.iter().copied().max().unwrap_or(0),
            values,
        };
        // A walk, flat for a while: closes with highs and lows around them.
        let mut close = 100.0;
        let step = |(place, u): (usize, f64)| {
            close += if place % 50 < 12 { 0.0 } else { u - 0.5 };
            close
        };
        let closes: Vec<f64> = uniforms(seed, values).into_iter().enumerate().map(step).collect();
        let beside = |seed, sign: f64| -> Vec<f64> {
            uniforms(seed, values).iter().zip(&closes).map(|(u, close)| close + sign * u).collect()
        };
        let columns = [beside(seed + 1, 1.0), beside(seed + 2, -1.0), closes];
        Self { lens: lens.to_vec(), columns, on_device }
    }

    /// The outputs of a twin, series by series: `[outputs, values]`.
    fn twin(&self, outputs: usize, twin: impl Fn([&[f64]; 3], &mut [&mut [f64]])) -> Vec<f64> {
        let mut all = vec![Vec::new(); outputs];
        let mut start = 0;
        for len in &self.lens {
            let mut out = vec![vec![0.0; *len]; outputs];
            let mut slices: Vec<&mut [f64]> = out.iter_mut().map(Vec::as_mut_slice).collect();
            twin(self.columns.each_ref().map(|column| &column[start..start + len]), &mut slices);
            for (all, out) in all.iter_mut().zip(out) {
                all.extend(out);
            }
            start += len;
        }
        all.concat()
    }
}

/// A window op over what follows the first values of a series, value by value.
fn streamed(op: WindowOp, window: DeviceWindow, x: &[f64], out: &mut [&mut [f64]]) {
    let DeviceWindow { bars, min_bars, skip } = window;
    let mut stream = WindowStream::new(op, bars, min_bars).unwrap();
    for (at, x) in x.iter().enumerate() {
        let values = if at < skip { [f64::NAN; 3] } else { stream.push(*x) };
        out.iter_mut().zip(values).for_each(|(out, value)| out[at] = value);
    }
}

pub(super) fn check_windows(bench: &Bench, lens: &[usize], bars: usize, seed: u64) {
    check_windows_of(bench, &WINDOWS, lens, bars, seed);
}

pub(super) fn check_windows_of(
    bench: &Bench,
    ops: &[WindowOp],
    lens: &[usize],
    bars: usize,
    seed: u64,
) {
    let panel = Panel::new(bench, lens, seed);
    let x = bench.column(&panel.columns[2]);
    let values = panel.on_device.values;
    let check = |op: WindowOp, window: DeviceWindow, expected: &[f64]| {
        let out = bench.room(op.outputs() * values);
        let columns = CudaPrices::window_scratch_columns(op, window.bars);
        let scratch = bench.room(columns * values);
        bench.prices.window(op, window, x, &panel.on_device, scratch, out).unwrap();
        let found = bench.bits(out, op.outputs() * values);
        assert_same(&found, expected, &format!("{op:?} of {window:?} over {lens:?}"));
    };
    for &op in ops {
        let expected = panel.twin(op.outputs(), |[_, _, close], out| {
            assert!(Cpu::detect().window(op, close, bars, out).unwrap());
        });
        check(op, DeviceWindow::full(bars), &expected);
        for (min_bars, skip) in [(1, 0), (bars.div_ceil(2), 7)] {
            let window = DeviceWindow { bars, min_bars, skip };
            let expected =
                panel.twin(op.outputs(), |[_, _, close], out| streamed(op, window, close, out));
            check(op, window, &expected);
        }
    }
    bench.clear();
}

/// The value of each bar of a series from the bars up to it.
fn at_each(len: usize, out: &mut [f64], value: impl Fn(usize) -> f64) {
    (0..len).for_each(|at| out[at] = value(at));
}

fn between(value: f64, low: f64, high: f64) -> f64 {
    match value {
        value if value.is_nan() => f64::NAN,
        value if value < low => 1.0,
        value if value > high => -1.0,
        _ => 0.0,
    }
}

/// Changes and the stochastic.
pub(super) fn check_changes(bench: &Bench, lens: &[usize], bars: usize, seed: u64) {
    let panel = Panel::new(bench, lens, seed);
    let (values, series) = (panel.on_device.values, &panel.on_device);
    let columns = panel.columns.each_ref().map(|column| bench.column(column));
    let [x, out, ratios] = [columns[2], bench.room(values), bench.room(values)];
    bench.prices.momentum(bars, x, series, out).unwrap();
    bench.prices.rate_of_change(bars, x, series, ratios).unwrap();
    let before = |close: &[f64], at: usize| at.checked_sub(bars).map_or(f64::NAN, |at| close[at]);
    let expected = panel.twin(2, |[_, _, close], out| {
        at_each(close.len(), out[0], |at| close[at] - before(close, at));
        at_each(close.len(), out[1], |at| close[at] / before(close, at) - 1.0);
    });
    let found = [bench.bits(out, values), bench.bits(ratios, values)].concat();
    assert_same(&found, &expected, &format!("changes over {bars} of {lens:?}"));

    for partial in [false, true] {
        let min_bars = |bars: usize| if partial { bars.min(2) } else { bars };
        let windows = StochasticWindows::new([bars, 3, 1 + bars / 4], min_bars);
        let columns_of_scratch = CudaPrices::stochastic_scratch_columns(&windows);
        let scratch = bench.room(columns_of_scratch * values);
        let out = [bench.room(values), bench.room(values)];
        bench.prices.stochastic(&windows, columns, series, scratch, out).unwrap();
        let expected = panel.twin(2, |[high, low, close], out| {
            let mut extremes = [vec![0.0; close.len()], vec![0.0; close.len()]];
            let [highest, lowest] = &mut extremes;
            streamed(WindowOp::Max, windows.extremes, high, &mut [highest]);
            streamed(WindowOp::Min, windows.extremes, low, &mut [lowest]);
            let percent = |at: usize| {
                let (high, low) = (highest[at], lowest[at]);
                let place = 100.0 * (close[at] - low) / (high - low);
                if high > low || low.is_nan() { place } else { 50.0 }
            };
            let percents: Vec<f64> = (0..close.len()).map(percent).collect();
            let [k, d] = out else { unreachable!() };
            streamed(WindowOp::Mean, windows.slow, &percents, &mut [k]);
            streamed(WindowOp::Mean, windows.smooth, k, &mut [d]);
        });
        let found = out.map(|out| bench.bits(out, values)).concat();
        assert_same(&found, &expected, &format!("stochastic of {windows:?} over {lens:?}"));
    }
    bench.clear();
}

/// The rules of signals, over lines that begin late, cross often and are equal for a while.
pub(super) fn check_signals(bench: &Bench, lens: &[usize], width: usize, seed: u64) {
    let panel = Panel::new(bench, lens, seed);
    let (values, series) = (panel.on_device.values, &panel.on_device);
    let columns = panel.columns.each_ref().map(|column| bench.column(column));
    let line = |seed| -> Vec<f64> {
        let stepped = uniforms(seed, values).into_iter().map(|u| (u * 4.0).floor() - 1.0);
        let starts = panel.lens.iter().flat_map(|len| (0..*len).map(|at| at < 5));
        stepped.zip(starts).map(|(x, is_early)| if is_early { f64::NAN } else { x }).collect()
    };
    let (a, b, middle) = (line(seed + 8), line(seed + 9), vec![0.0; values]);
    let bands =
        [a.iter().map(|a| a + 100.0).collect(), middle, b.iter().map(|b| b + 99.0).collect()];
    let [fast, slow, bands_at] = [&a, &b, &bands.concat()].map(|column| bench.column(column));
    let x = columns[2];
    let check = |signal: &DeviceSignal, expected: &[f64]| {
        let out = bench.room(expected.len());
        bench.prices.signal(signal, series, out).unwrap();
        let context = format!("{signal:?} over {lens:?}");
        assert_same(&bench.bits(out, expected.len()), expected, &context);
    };
    let each = |value: &dyn Fn(usize) -> f64| -> Vec<f64> { (0..values).map(value).collect() };
    check(
        &DeviceSignal::Outside { x: fast, low: 0.0, high: 1.0 },
        &each(&|at| between(a[at], 0.0, 1.0)),
    );
    check(&DeviceSignal::Rising { x: fast }, &each(&|at| between(-a[at], 0.0, 0.0)));
    let close = &panel.columns[2];
    let outside = |at: usize| match bands[0][at] {
        upper if upper.is_nan() => f64::NAN,
        upper if close[at] < bands[2][at] => 1.0 - f64::from(close[at] > upper),
        upper => -f64::from(close[at] > upper) + 0.0,
    };
    check(&DeviceSignal::Bands { x, bands: bands_at }, &each(&outside));
    let mut start = 0;
    let mut crossed = Vec::new();
    for len in lens {
        let mut side = 0.0;
        for at in start..start + len {
            let difference = a[at] - b[at];
            let before = side;
            if difference.abs() > 0.0 {
                side = difference.signum();
            }
            let has_crossed = difference.abs() > 0.0 && before * side < 0.0;
            let signal = if has_crossed { side } else { 0.0 };
            crossed.push(if difference.is_nan() { f64::NAN } else { signal });
        }
        start += len;
    }
    check(&DeviceSignal::Crossover { fast, slow }, &crossed);
    let swings = panel.twin(4, |columns, out| swings(columns, width, 1.5, out));
    check(&DeviceSignal::Swing { columns, width, reward: 1.5 }, &swings);
    bench.clear();
}

fn swings([high, low, close]: [&[f64]; 3], width: usize, reward: f64, out: &mut [&mut [f64]]) {
    for at in 0..close.len() {
        for out in out.iter_mut() {
            out[at] = f64::NAN;
        }
        let Some(first) = at.checked_sub(2 * width) else { continue };
        let middle = first + width;
        let others = || (first..=at).filter(|place| *place != middle);
        let is_high = others().all(|place| high[place] < high[middle]);
        let is_low = others().all(|place| low[place] > low[middle]);
        let (signal, stop) = if is_high { (-1.0, high[middle]) } else { (1.0, low[middle]) };
        let risk = close[at] - stop;
        out[0][at] = 0.0;
        if is_high != is_low && risk * signal > 0.0 {
            let values = [signal, close[at], stop, close[at] + reward * risk];
            out.iter_mut().zip(values).for_each(|(out, value)| out[at] = value);
        }
    }
}

pub(super) fn check_recurrences(bench: &Bench, lens: &[usize], bars: usize, seed: u64) {
    let cpu = Cpu::detect();
    let panel = Panel::new(bench, lens, seed);
    let (values, series) = (panel.on_device.values, &panel.on_device);
    let columns = panel.columns.each_ref().map(|column| bench.column(column));
    let x = columns[2];
    let periods = MacdPeriods { fast: bars.div_ceil(2), slow: bars, smooth: 1 + bars / 3 };
    let out = [(); 5].map(|()| bench.room(values));
    bench.prices.ema(bars, x, series, out[0]).unwrap();
    bench.prices.rsi(bars, x, series, out[1]).unwrap();
    bench.prices.atr(bars, columns, series, out[2]).unwrap();
    bench.prices.macd(periods, x, series, [out[3], out[4]]).unwrap();
    let expected = panel.twin(6, |columns, out| {
        let [ema, rsi, atr, line, signal, histogram] = out else { unreachable!() };
        cpu.ema(columns[2], bars, ema).unwrap();
        cpu.rsi(columns[2], bars, rsi).unwrap();
        cpu.atr(columns, bars, atr).unwrap();
        cpu.macd(columns[2], periods, [line, signal, histogram]).unwrap();
    });
    for ((name, out), expected) in
        ["ema", "rsi", "atr", "line", "signal"].iter().zip(out).zip(expected.chunks(values.max(1)))
    {
        let context = format!("{name} of {bars} over {lens:?}");
        assert_same(&bench.bits(out, values), expected, &context);
    }
    bench.clear();
}
