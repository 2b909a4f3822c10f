//! Fillrate's side of `cargo xtask bench market`: the counterpart of `benches/market/worker.py`,
//! which has the protocol.

use std::error::Error;
use std::hint::black_box;
use std::io::{self, BufRead, Write};
use std::time::{Duration, Instant};

use fillrate_kernels::{Cpu, MacdPeriods, Philox, WindowOp};
use serde_json::json;

const SECONDS: Duration = Duration::from_millis(200);
const BARS: usize = 1_000_000;

/// A case: its name, the units of one repetition, and what is repeated.
type Case = (&'static str, usize, Box<dyn FnMut() -> Result<(), fillrate_kernels::Error>>);

fn main() -> Result<(), Box<dyn Error>> {
    let mut cases = indicators();
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
