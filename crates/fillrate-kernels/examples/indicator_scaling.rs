//! What a bar costs in series of several lengths, on one thread and on two.
//!
//! `cargo run --release -p fillrate-kernels --example indicator_scaling`
#![allow(clippy::print_stdout, reason = "the measurement is its output")]

use std::error::Error;
use std::thread;
use std::time::Instant;

use fillrate_kernels::{Cpu, Result, WindowOp};

/// Each measurement is of so many bars, the same series again and again.
const BARS: usize = 16_000_000;
/// The fastest of so many counts.
const ROUNDS: usize = 5;

type Indicator = fn(&Cpu, &[f64], &mut [&mut [f64]]) -> Result<bool>;

fn mean(cpu: &Cpu, x: &[f64], out: &mut [&mut [f64]]) -> Result<bool> {
    cpu.window(WindowOp::Mean, x, 20, &mut out[..1])
}

fn bands(cpu: &Cpu, x: &[f64], out: &mut [&mut [f64]]) -> Result<bool> {
    cpu.window(WindowOp::Bands { width: 2.0 }, x, 20, out)
}

fn rsi(cpu: &Cpu, x: &[f64], out: &mut [&mut [f64]]) -> Result<bool> {
    cpu.rsi(x, 14, out[0])
}

/// Nanoseconds per bar of all threads together.
fn time(indicator: Indicator, x: &[f64], threads: usize) -> Result<f64> {
    let repeats = BARS / x.len() / threads;
    let work = || -> Result<f64> {
        let cpu = Cpu::detect();
        let mut columns = vec![vec![0.0; x.len()]; 3];
        let mut out: Vec<&mut [f64]> = columns.iter_mut().map(Vec::as_mut_slice).collect();
        let mut best = f64::INFINITY;
        for _ in 0..ROUNDS {
            let begun = Instant::now();
            for _ in 0..repeats {
                indicator(&cpu, x, &mut out)?;
            }
            best = best.min(begun.elapsed().as_secs_f64());
        }
        Ok(best)
    };
    let slowest = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let times = workers.into_iter().map(|worker| worker.join().unwrap_or(Ok(f64::NAN)));
        times.reduce(|a, b| Ok(a?.max(b?)))
    });
    let seconds = slowest.unwrap_or(Ok(f64::NAN))?;
    Ok(seconds * 1e9 / (repeats * threads * x.len()) as f64)
}

fn main() -> std::result::Result<(), Box<dyn Error>> {
    println!("{:8} {:>9} {:>12} {:>12}", "", "bars", "1 thread, ns", "2 threads");
    for (name, indicator) in [("mean", mean as Indicator), ("bands", bands), ("rsi", rsi)] {
        for len in [1_000, 10_000, 100_000, 1_000_000] {
            let x: Vec<f64> = (0..len).map(|at| 100.0 + f64::sin(0.37 * f64::from(at))).collect();
            let (one, two) = (time(indicator, &x, 1)?, time(indicator, &x, 2)?);
            println!("{name:8} {len:9} {one:12.3} {two:12.3}");
        }
    }
    Ok(())
}
