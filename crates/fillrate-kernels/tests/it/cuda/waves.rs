//! The search for waves against the definitions, by brute force: pivots, waves, counts of patterns and
//! their scores. `crates/fillrate` holds it against the twin, with every rule and guideline.

use fillrate_kernels::cuda::{
    Address, CudaPrices, DeviceBars, DeviceWaves, SWING_HIGH, SWING_LOW, SurrogateTerms,
    WAVE_SERIES_MAX, WaveForm, WaveMeasure, WaveRule, WaveTables,
};
use fillrate_kernels::{Philox, exp, ln, normal_draw};

use super::emulator::Engine;
use super::prices::{BENCH, Bench};

/// Series of as many bars: highs and lows, `[series][bars]`.
struct Made {
    high: Vec<Vec<f64>>,
    low: Vec<Vec<f64>>,
    bars: usize,
}

impl Made {
    /// Random walks of whole prices, many of which are equal.
    fn new(series: usize, bars: usize, seed: u64) -> Self {
        let (mut high, mut low) = (Vec::new(), Vec::new());
        for number in 0..series as u64 {
            let philox = Philox::new(seed + number);
            let mut level = 100.0;
            let (mut highs, mut lows) = (Vec::new(), Vec::new());
            for bar in 0..bars as u64 {
                let [u, v] = philox.uniforms(bar, 0, 0);
                level += (6.0 * u).floor() - 2.0;
                highs.push(level + (3.0 * v).floor());
                lows.push(level - philox.uniforms(bar, 1, 0)[0].round());
            }
            high.push(highs);
            low.push(lows);
        }
        Self { high, low, bars }
    }

    /// What each bar is.
    fn pivots(&self, degree: usize, open_ends: bool) -> Vec<u8> {
        let is_peak = |column: &[f64], sign: f64, bar: usize| {
            let price = sign * column[bar];
            bar >= degree
                && bar + degree < column.len()
                && (1..=degree).all(|d| sign * column[bar - d] < price)
                && (1..=degree).all(|d| sign * column[bar + d] <= price)
        };
        let mark = |high: &[f64], low: &[f64], bar: usize| {
            let is_end = open_ends && (bar == 0 || bar + 1 == self.bars);
            let is_high = is_end || is_peak(high, 1.0, bar);
            let is_low = is_end || is_peak(low, -1.0, bar);
            u8::from(is_high) * SWING_HIGH + u8::from(is_low) * SWING_LOW
        };
        let mut marks = Vec::new();
        for (high, low) in self.high.iter().zip(&self.low) {
            marks.extend((0..self.bars).map(|bar| mark(high, low, bar)));
        }
        marks
    }

    /// The ends of the waves from a bar of a series.
    fn waves(&self, series: usize, falls: bool, from: usize, pivots: &[u8]) -> Vec<usize> {
        let (high, low) = (&self.high[series], &self.low[series]);
        let pivots = &pivots[series * self.bars..][..self.bars];
        let (starts, ends) = if falls { (SWING_HIGH, SWING_LOW) } else { (SWING_LOW, SWING_HIGH) };
        if pivots[from] & starts == 0 {
            return Vec::new();
        }
        let is_valid = |&to: &usize| {
            let (top, bottom) = if falls { (from, to) } else { (to, from) };
            let mut inside = from..=to;
            pivots[to] & ends != 0
                && inside.all(|bar| high[bar] <= high[top] && low[bar] >= low[bottom])
                && high[top] > low[bottom]
        };
        (from + 1..self.bars).filter(is_valid).collect()
    }
}

/// Three waves, the second shorter than the first, that score 0.5 and half of how much shorter it is.
fn form(falls: bool) -> WaveForm {
    let rule = WaveRule {
        wave: 2,
        measure: WaveMeasure::Length(2, 1),
        rises: Some(true),
        allowed: [f64::NEG_INFINITY, 1.0_f64.next_down()],
        bounds: [f64::NEG_INFINITY, 1.0],
        weight: 0.5,
    };
    WaveForm {
        waves: 3,
        falls,
        rules: vec![rule],
        terms: Vec::new(),
        per_term: [0.0, 0.5, 0.0, 0.0],
        constant: 0.5,
        bound: 1.0,
        score_min: 0.0,
    }
}

/// The number of patterns of that form in a series, and the best score.
fn patterns(made: &Made, series: usize, falls: bool, pivots: &[u8]) -> (u64, Option<f64>) {
    let (mut found, mut best) = (0, None);
    let price = |is_high, bar: usize| {
        if is_high { made.high[series][bar] } else { made.low[series][bar] }
    };
    for a in 0..made.bars {
        for b in made.waves(series, falls, a, pivots) {
            for c in made.waves(series, !falls, b, pivots) {
                let first = (price(!falls, b) - price(falls, a)).abs();
                let ratio = (price(falls, c) - price(!falls, b)).abs() / first;
                let third = made.waves(series, falls, c, pivots).len();
                if ratio >= 1.0 || third == 0 {
                    continue;
                }
                found += third as u64;
                let margin = ((1.0 - ratio) + 1_048_576.0) - 1_048_576.0;
                let score = 0.5 + 0.5 * margin;
                best = Some(best.map_or(score, |best: f64| best.max(score)));
            }
        }
    }
    (found, best)
}

fn numbers<const BYTES: usize>(bytes: &[u8], number: impl Fn([u8; BYTES]) -> u64) -> Vec<u64> {
    bytes.as_chunks::<BYTES>().0.iter().map(|bytes| number(*bytes)).collect()
}

fn check(bench: &Bench, series: usize, bars: usize, degree: usize, open_ends: bool) {
    let made = Made::new(series, bars, degree as u64);
    let context = format!("{series} series of {bars} bars, degree {degree}, {open_ends}");
    let [high, low] = [&made.high, &made.low].map(|column| bench.column(&column.concat()));
    let pivots = bench.bytes(series * bars);
    let on_device = DeviceBars { high, low, pivots, series, bars };
    bench.prices.wave_pivots(&on_device, degree, open_ends).unwrap();
    let expected = made.pivots(degree, open_ends);
    assert_eq!(bench.read(pivots, series * bars), expected, "{context}");

    let begins = bench.bytes((2 * series * bars + 1) * 4);
    let scratch_bytes = CudaPrices::wave_scratch_bytes(series, bars);
    let scratch = bench.bytes(scratch_bytes);
    bench.prices.count_waves(&on_device, begins, scratch).unwrap();
    let mut begin = vec![0];
    let (mut starts, mut ends) = (Vec::new(), Vec::new());
    for number in 0..series {
        for falls in [false, true] {
            for from in 0..bars {
                let waves = made.waves(number, falls, from, &expected);
                starts.extend(waves.iter().map(|_| from as u64));
                ends.extend(waves.iter().map(|&to| to as u64));
                begin.push(ends.len() as u64);
            }
        }
    }
    let words = |bytes: &[u8]| numbers::<4>(bytes, |bytes| u32::from_le_bytes(bytes).into());
    assert_eq!(words(&bench.read(begins, begin.len() * 4)), begin, "{context}");
    let sums = numbers::<8>(&bench.read(scratch, scratch_bytes), u64::from_le_bytes);
    assert_eq!(sums.last(), begin.last(), "{context}");

    let places = [(); 2].map(|()| bench.bytes(ends.len() * 4));
    let waves = ends.len() as u64;
    let found = DeviceWaves { begins, starts: places[0], ends: places[1], waves };
    bench.prices.write_waves(&on_device, &found).unwrap();
    for (place, expected) in places.iter().zip([starts, ends]) {
        assert_eq!(words(&bench.read(*place, expected.len() * 4)), expected, "{context}");
    }

    let tables = WaveTables::new(&[form(false), form(true)]);
    let at = bench.put(tables.bytes());
    let answers = [(); 2].map(|()| bench.put(&vec![0; series * 2 * 8]));
    bench.prices.search_waves(&on_device, &found, (&tables, at), answers).unwrap();
    let [best, count] = answers.map(|at| {
        let mut bytes = vec![0; series * 2 * 8];
        bench.prices.queue().download(at, &mut bytes).unwrap();
        numbers::<8>(&bytes, u64::from_le_bytes)
    });
    for number in 0..series {
        for falls in [false, true] {
            let place = 2 * number + usize::from(falls);
            let (expected, score) = patterns(&made, number, falls, &expected);
            let code = score.map_or(0, |score| score.to_bits() + 1);
            assert_eq!((count[place], best[place]), (expected, code), "{context}, {number}");
        }
    }
    bench.clear();
}

/// Surrogates by the bootstrap: those of the definition.
fn check_blocks(bench: &Bench, series: usize, bars: usize) {
    let (key, seed, run_ends) = (7_u64 << 32, 11, 0.3);
    let philox = Philox::new(3);
    let steps: Vec<f64> = (0..bars as u64 - 1)
        .flat_map(|bar| {
            let [u, v] = philox.uniforms(bar, 0, 0);
            [1.0, 1.02 + 0.01 * u, 0.98, 0.99 + 0.02 * v]
        })
        .collect();
    let columns = [(); 2].map(|()| bench.room(series * bars));
    let fault = bench.put(&[0; 4]);
    let on_device = bench.column(&steps);
    let first = [101.0, 99.0, 100.0];
    let terms = SurrogateTerms { first, seed, key, fault };
    let [high, low] = columns;
    let to = DeviceBars { high, low, pivots: Address(0), series, bars };
    bench.prices.wave_blocks(&terms, &to, on_device, run_ends).unwrap();
    let (mut highs, mut lows) = (Vec::new(), Vec::new());
    for number in 0..series as u64 {
        let philox = Philox::new(key + number);
        let (mut level, mut from) = (first[2], 0);
        highs.push(first[0].to_bits());
        lows.push(first[1].to_bits());
        let count = bars - 1;
        for bar in 0..count {
            let [end, place] = philox.uniforms(seed, bar as u32, 0);
            from = if bar == 0 || end < run_ends {
                (place * count as f64) as usize
            } else {
                (from + 1) % count
            };
            highs.push((level * steps[4 * from + 1]).to_bits());
            lows.push((level * steps[4 * from + 2]).to_bits());
            level *= steps[4 * from + 3];
        }
    }
    assert_eq!(bench.bits(high, series * bars), highs);
    assert_eq!(bench.bits(low, series * bars), lows);
    bench.clear();
}

/// Surrogates by Brownian motion: those of the definition.
fn check_diffusions(bench: &Bench, series: usize, bars: usize, volatility: f64) {
    let (key, seed, drift) = (9_u64 << 32, 13, 0.001);
    let [high, low] = [(); 2].map(|()| bench.room(series * bars));
    let fault = bench.put(&[0; 4]);
    let first = [101.0, 99.0, 100.0];
    let terms = SurrogateTerms { first, seed, key, fault };
    let to = DeviceBars { high, low, pivots: Address(0), series, bars };
    bench.prices.wave_diffusions(&terms, &to, drift, volatility).unwrap();
    let (mut highs, mut lows) = (Vec::new(), Vec::new());
    for number in 0..series as u64 {
        let philox = Philox::new(key + number);
        let mut level = first[2];
        highs.push(first[0].to_bits());
        lows.push(first[1].to_bits());
        for bar in 0..bars as u32 - 1 {
            let change = drift + volatility * normal_draw(philox, seed, bar, 0);
            let reach = philox.uniforms(seed, bar, 1).map(|uniform| {
                (change * change - 2.0 * (volatility * volatility) * ln(uniform)).sqrt()
            });
            let top = ((change + reach[0]) * 0.5).max(change).max(0.0);
            let bottom = ((change - reach[1]) * 0.5).min(change).min(0.0);
            highs.push((level * exp(top)).to_bits());
            lows.push((level * exp(bottom)).to_bits());
            level *= exp(change);
        }
    }
    assert_eq!(bench.bits(high, series * bars), highs);
    assert_eq!(bench.bits(low, series * bars), lows);
    bench.clear();
}

pub(super) fn check_all(bench: &Bench) {
    for (series, bars) in [(1, 1), (3, 2), (2, 63), (5, 110), (40, 33)] {
        for (degree, open_ends) in [(1, false), (1, true), (3, true), (70, false)] {
            check(bench, series, bars, degree, open_ends);
        }
    }
    for (series, bars) in [(1, 1), (3, 2), (300, 17)] {
        check_blocks(bench, series, bars);
        check_diffusions(bench, series, bars, 0.02);
        check_diffusions(bench, series, bars, 0.0);
    }
}

#[test]
fn waves_are_what_their_definitions_say() {
    BENCH.with(check_all);
}

#[test]
fn no_kernel_of_the_waves_races() {
    let bench = &Bench::emulated(Engine::ThreadSanitizer);
    check(bench, 2, 30, 1, true);
    check_blocks(bench, 2, 9);
    check_diffusions(bench, 2, 9, 0.1);
}

#[test]
fn no_kernel_of_the_waves_reads_or_writes_beyond_its_memory() {
    let bench = &Bench::emulated(Engine::AddressSanitizer);
    check(bench, 2, 30, 1, true);
    check(bench, 1, 7, 2, false);
    check_blocks(bench, 2, 9);
    check_diffusions(bench, 2, 9, 0.1);
}

#[test]
fn what_no_launch_can_take_is_refused() {
    BENCH.with(|bench| {
        let nowhere = Address(0);
        let bars = |series, bars| DeviceBars {
            high: nowhere,
            low: nowhere,
            pivots: nowhere,
            series,
            bars,
        };
        let refused = bench.prices.wave_pivots(&bars(1, 9), 0, false).unwrap_err();
        assert_eq!(refused.to_string(), "wave_pivots: expected a degree from 1 on, got 0");
        let refused =
            bench.prices.wave_pivots(&bars(WAVE_SERIES_MAX + 1, 9), 1, false).unwrap_err();
        let message = "waves: expected at most 65535 series of 268435456 bars, got 65536 of 9";
        assert_eq!(refused.to_string(), message);
        let waves = u64::from(u32::MAX) + 1;
        let found = DeviceWaves { begins: nowhere, starts: nowhere, ends: nowhere, waves };
        let refused = bench.prices.write_waves(&bars(1, 9), &found).unwrap_err();
        assert!(refused.to_string().ends_with("got 4294967296"), "{refused}");
    });
}
