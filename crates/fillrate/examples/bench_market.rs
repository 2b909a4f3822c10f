//! Fillrate's side of `cargo xtask bench market`: the counterpart of `benches/market/worker.py`,
//! which has the protocol.

use std::error::Error;
use std::hint::black_box;
use std::io::{self, BufRead, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampNanosecondArray};
use fillrate::market::options::{Right, Terms, american};
use fillrate::market::risk::{RiskOptions, measure};
use fillrate::market::{Panel, PanelOptions};
use fillrate_kernels::{
    BarrierColumns, Cpu, HestonTerms, MacdPeriods, OptionColumns, PathGrid, PathModel, Philox,
    QuoteColumns, WindowOp,
};
use implied_vol::{DefaultSpecialFn, ImpliedBlackVolatility, PriceBlackScholes};
use serde_json::json;

const SECONDS: Duration = Duration::from_millis(200);
const BARS: usize = 1_000_000;
const SYMBOLS: usize = 400;
const OPTIONS: usize = 100_000;
const PATHS: usize = 20_000;
const STEPS: u32 = 252;

/// A case: its name (with a library's, where that is what runs), the units of one repetition, and what
/// is repeated.
type Case = (&'static str, usize, Box<dyn FnMut() -> Result<(), fillrate::Error>>);

fn main() -> Result<(), Box<dyn Error>> {
    let mut cases = indicators();
    cases.extend(options());
    cases.extend(paths());
    cases.push(risk()?);
    let mut output = io::stdout().lock();
    let names: Vec<&str> = cases.iter().map(|(name, ..)| *name).collect();
    writeln!(output, "{}", json!({ "cases": names }))?;
    for line in io::stdin().lock().lines() {
        let line = line?;
        let Some(name) = line.strip_prefix("run ") else { break };
        let case = cases.iter_mut().find(|(known, ..)| *known == name);
        let (_, units, run) = case.ok_or_else(|| format!("no such case: {name:?}"))?;
        run()?;
        let (mut best, begin) = (Duration::MAX, Instant::now());
        while begin.elapsed() < SECONDS {
            let start = Instant::now();
            run()?;
            best = best.min(start.elapsed());
        }
        writeln!(output, "{}", json!({ "ns": best.as_secs_f64() * 1e9 / *units as f64 }))?;
    }
    Ok(())
}

fn indicators() -> Vec<Case> {
    let philox = Philox::new(20_260_902);
    let mut log = 0.0;
    let price = |bar| {
        log += 0.01 * philox.normals(bar, 0, 0)[0];
        100.0 * f64::exp(log)
    };
    let close: Vec<f64> = (0..BARS as u64).map(price).collect();
    let high: Vec<f64> = close.iter().map(|x| x * 1.01).collect();
    let low: Vec<f64> = close.iter().map(|x| x * 0.99).collect();
    let cpu = Cpu::detect();
    let window = |name, op: WindowOp| -> Case {
        let (x, mut out) = (close.clone(), vec![vec![0.0; BARS]; op.outputs()]);
        let run = move || {
            let mut slices: Vec<&mut [f64]> = out.iter_mut().map(Vec::as_mut_slice).collect();
            black_box(cpu.window(op, black_box(&x), 20, &mut slices)?);
            Ok(())
        };
        (name, BARS, Box::new(run))
    };
    let mut cases = vec![
        window("sma_20", WindowOp::Mean),
        window("wma_20", WindowOp::WeightedMean),
        window("bbands_20_2", WindowOp::Bands { width: 2.0 }),
        window("max_20", WindowOp::Max),
        window("std_20", WindowOp::Deviation),
        window("zscore_20", WindowOp::ZScore),
    ];
    let (x, mut out) = (close.clone(), vec![0.0; BARS]);
    let ema = move || {
        black_box(cpu.ema(black_box(&x), 20, &mut out)?);
        Ok(())
    };
    cases.push(("ema_20", BARS, Box::new(ema)));
    let (x, mut out) = (close.clone(), vec![0.0; BARS]);
    let rsi = move || {
        black_box(cpu.rsi(black_box(&x), 14, &mut out)?);
        Ok(())
    };
    cases.push(("rsi_14", BARS, Box::new(rsi)));
    let (x, mut out) = (close.clone(), [vec![0.0; BARS], vec![0.0; BARS], vec![0.0; BARS]]);
    let macd = move || {
        let periods = MacdPeriods { fast: 12, slow: 26, smooth: 9 };
        black_box(cpu.macd(black_box(&x), periods, out.each_mut().map(Vec::as_mut_slice))?);
        Ok(())
    };
    cases.push(("macd_12_26_9", BARS, Box::new(macd)));
    let mut out = vec![0.0; BARS];
    let atr = move || {
        black_box(cpu.atr(black_box([&high, &low, &close]), 14, &mut out)?);
        Ok(())
    };
    cases.push(("atr_14", BARS, Box::new(atr)));
    cases
}

/// The terms of many calls: spot, strike, rate, yield, volatility, expiry and sign.
fn calls() -> [Vec<f64>; 7] {
    let philox = Philox::new(7);
    let column = |stream, low: f64, high: f64| -> Vec<f64> {
        let uniform = |option| philox.uniforms(option, 0, stream)[0];
        (0..OPTIONS as u64).map(|option| low + (high - low) * uniform(option)).collect()
    };
    [
        column(0, 80.0, 120.0),
        column(1, 80.0, 120.0),
        column(2, 0.0, 0.1),
        column(3, 0.0, 0.05),
        column(4, 0.1, 0.6),
        column(5, 0.25, 2.0),
        vec![1.0; OPTIONS],
    ]
}

fn columns(calls: &[Vec<f64>; 7]) -> OptionColumns<'_> {
    let [spot, strike, rate, dividend, vol, expiry, sign] = calls.each_ref().map(Vec::as_slice);
    OptionColumns { spot, strike, rate, dividend, vol, expiry, sign }
}

fn options() -> Vec<Case> {
    let (cpu, calls) = (Cpu::detect(), calls());
    let terms_of = |option: usize| Terms {
        spot: calls[0][option],
        strike: calls[1][option],
        rate: calls[2][option],
        dividend: calls[3][option],
        vol: calls[4][option],
        expiry: calls[5][option],
    };
    let terms: Vec<Terms> = (0..OPTIONS).map(terms_of).collect();
    let mut price = vec![0.0; OPTIONS];
    let priced = cpu.black_scholes_price(&columns(&calls), &mut price);
    assert!(priced.is_ok(), "the columns are of one length");
    let quoted = price.clone();
    let quotes: Vec<(Terms, f64)> = terms.iter().copied().zip(price).collect();
    // Forwards, and prices that are not discounted, which is what the crate asks for.
    let forward = |t: &Terms| t.spot * ((t.rate - t.dividend) * t.expiry).exp();
    let black = |(t, price): &(Terms, f64)| (*t, forward(t), price * (t.rate * t.expiry).exp());
    let blacks: Vec<(Terms, f64, f64)> = quotes.iter().map(black).collect();

    let (mut out, all) = (vec![0.0; OPTIONS], calls.clone());
    let prices = move || Ok(cpu.black_scholes_price(black_box(&columns(&all)), &mut out)?);
    let (mut out, all) = ([(); 6].map(|()| vec![0.0; OPTIONS]), calls.clone());
    let greeks = move || {
        let out = out.each_mut().map(Vec::as_mut_slice);
        Ok(cpu.black_scholes(black_box(&columns(&all)), out)?)
    };
    let (mut out, all) = (vec![0.0; OPTIONS], calls.clone());
    let implied = move || {
        let OptionColumns { spot, strike, rate, dividend, expiry, sign, .. } = columns(&all);
        let quotes = QuoteColumns { price: &quoted, spot, strike, rate, dividend, expiry, sign };
        Ok(cpu.implied_vol(black_box(&quotes), &mut out)?)
    };
    let (mut out, all) = ([(); 6].map(|()| vec![0.0; OPTIONS]), calls.clone());
    let fixings = vec![0.0; OPTIONS];
    let means = move || {
        let out = out.each_mut().map(Vec::as_mut_slice);
        Ok(cpu.geometric_asian(black_box(&columns(&all)), &fixings, out)?)
    };
    let (mut out, all) = ([(); 6].map(|()| vec![0.0; OPTIONS]), calls.clone());
    let [level, rebate, side, effect] = [75.0, 1.0, 1.0, -1.0].map(|term| vec![term; OPTIONS]);
    let barriers = move || {
        let out = out.each_mut().map(Vec::as_mut_slice);
        let barriers =
            BarrierColumns { level: &level, rebate: &rebate, side: &side, effect: &effect };
        Ok(cpu.single_barrier(black_box(&columns(&all)), &barriers, out)?)
    };
    let puts = move || {
        for at in 0..64 {
            let spot = 95.0 + 0.1 * f64::from(at);
            let put =
                Terms { spot, strike: 105.0, rate: 0.05, dividend: 0.02, vol: 0.25, expiry: 1.0 };
            black_box(american(Right::Put, black_box(put))?);
        }
        Ok(())
    };
    let [crate_prices, crate_vols] = crate_cases(blacks);
    vec![
        ("bs_price", OPTIONS, Box::new(prices)),
        ("bs_greeks", OPTIONS, Box::new(greeks)),
        ("implied_vol", OPTIONS, Box::new(implied)),
        ("asian_greeks", OPTIONS, Box::new(means)),
        ("barrier_greeks", OPTIONS, Box::new(barriers)),
        ("american", 64, Box::new(puts)),
        crate_prices,
        crate_vols,
    ]
}

/// What the crate `implied-vol` does of terms, forwards and prices at expiry.
fn crate_cases(blacks: Vec<(Terms, f64, f64)>) -> [Case; 2] {
    let others = blacks.clone();
    let prices = move || {
        for (terms, forward, _) in &others {
            let option = PriceBlackScholes::builder()
                .forward(black_box(*forward))
                .strike(terms.strike)
                .expiry(terms.expiry)
                .volatility(terms.vol)
                .is_call(true)
                .build_unchecked();
            black_box(option.calculate::<DefaultSpecialFn>());
        }
        Ok(())
    };
    let vols = move || {
        for (terms, forward, price) in &blacks {
            let option = ImpliedBlackVolatility::builder()
                .option_price(black_box(*price))
                .forward(*forward)
                .strike(terms.strike)
                .expiry(terms.expiry)
                .is_call(true)
                .build_unchecked();
            black_box(option.calculate::<DefaultSpecialFn>());
        }
        Ok(())
    };
    [
        ("bs_price implied-vol", OPTIONS, Box::new(prices)),
        ("implied_vol implied-vol", OPTIONS, Box::new(vols)),
    ]
}

fn paths() -> Vec<Case> {
    let cpu = Cpu::detect();
    let ends = |name, model: PathModel| -> Case {
        let grid = PathGrid {
            spot: 100.0,
            philox: Philox::new(11),
            first: 0,
            mirrored: false,
            steps: STEPS,
            step_years: 1.0 / f64::from(STEPS),
        };
        let mut out = vec![0.0; PATHS];
        let run = move || Ok(cpu.path_ends(&model, black_box(&grid), &mut out)?);
        (name, PATHS * STEPS as usize, Box::new(run))
    };
    let heston = HestonTerms {
        drift: 0.03,
        variance: 0.04,
        reversion: 1.5,
        variance_mean: 0.06,
        variance_vol: 0.5,
        correlation: -0.7,
    };
    vec![
        ends("gbm_252", PathModel::GeometricBrownian { drift: 0.05, vol: 0.2 }),
        ends("heston_252", PathModel::Heston(heston)),
    ]
}

/// All figures of the risk of a panel that is in memory.
fn risk() -> Result<Case, Box<dyn Error>> {
    let (philox, bars) = (Philox::new(13), BARS / SYMBOLS);
    let mut log = 0.0;
    let close = |place: usize| {
        let market = philox.normals((place % bars) as u64, 0, 1)[0];
        let step = 0.007 * market + 0.007 * philox.normals(place as u64, 0, 0)[0];
        log = if place.is_multiple_of(bars) { 0.0 } else { log + step };
        100.0 * f64::exp(log)
    };
    let closes: Float64Array = (0..BARS).map(close).map(Some).collect();
    let symbols: StringArray = (0..BARS).map(|at| Some(format!("S{:03}", at / bars))).collect();
    let day = 86_400_000_000_000_i64;
    let dates = (0..BARS).map(|at| Some((at % bars) as i64 * day));
    let columns: [(&str, ArrayRef); 3] = [
        ("symbol", Arc::new(symbols)),
        ("date", Arc::new(dates.collect::<TimestampNanosecondArray>())),
        ("close", Arc::new(closes)),
    ];
    let batch = RecordBatch::try_from_iter(columns)?;
    let panel = Panel::from_batches(&[batch], &PanelOptions::default())?;
    let run = move || {
        black_box(measure(black_box(&panel), &RiskOptions::default())?);
        Ok(())
    };
    Ok(("risk", BARS, Box::new(run)))
}
