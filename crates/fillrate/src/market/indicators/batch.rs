//! An indicator over the whole series of one symbol.

use fillrate_kernels::{Cpu, WindowOp, WindowStream};

use super::{Indicator, IndicatorOptions, Lag, stochastic_percent};
use crate::Result;

/// Computes `indicator`, which has been checked, of `inputs`, each of shape `[n]` and in the order of
/// [`Indicator::inputs`], into `out`, a slice of shape `[n]` for each output.
pub(super) fn compute(
    indicator: Indicator,
    inputs: &[&[f64]],
    options: IndicatorOptions,
    out: &mut [&mut [f64]],
) -> Result<()> {
    let cpu = Cpu::detect();
    if dense(&cpu, indicator, inputs, options, out)? {
        return Ok(());
    }
    let is_whole = |bar: usize| inputs.iter().all(|input| input[bar].is_finite());
    let bars: Vec<usize> = (0..inputs[0].len()).filter(|bar| is_whole(*bar)).collect();
    let take = |input: &&[f64]| -> Vec<f64> { bars.iter().map(|bar| input[*bar]).collect() };
    let taken: Vec<Vec<f64>> = inputs.iter().map(take).collect();
    let taken: Vec<&[f64]> = taken.iter().map(Vec::as_slice).collect();
    let mut results = vec![vec![f64::NAN; bars.len()]; out.len()];
    let mut slices: Vec<&mut [f64]> = results.iter_mut().map(Vec::as_mut_slice).collect();
    dense(&cpu, indicator, &taken, options, &mut slices)?;
    for (out, result) in out.iter_mut().zip(&results) {
        out.fill(f64::NAN);
        for (bar, value) in bars.iter().zip(result) {
            out[*bar] = *value;
        }
    }
    Ok(())
}

/// The same where nothing is missing; `false`, with outputs that say nothing, if something is.
fn dense(
    cpu: &Cpu,
    indicator: Indicator,
    inputs: &[&[f64]],
    options: IndicatorOptions,
    out: &mut [&mut [f64]],
) -> Result<bool> {
    if let Some((op, bars)) = indicator.window() {
        return window(cpu, op, bars, inputs[0], options, out);
    }
    match (indicator, inputs, out) {
        (Indicator::Ema { bars }, [x], [out]) => Ok(cpu.ema(x, bars, out)?),
        (Indicator::Rsi { bars }, [x], [out]) => Ok(cpu.rsi(x, bars, out)?),
        (Indicator::Macd(periods), [x], [line, signal, histogram]) => {
            Ok(cpu.macd(x, periods, [line, signal, histogram])?)
        }
        (Indicator::Atr { bars }, [high, low, close], [out]) => {
            // The first bar's range is in no average, but its high and low may be missing.
            let is_finite = cpu.atr([high, low, close], bars, out)?;
            Ok(is_finite
                && [high, low, close].iter().all(|column| column.iter().all(|x| x.is_finite())))
        }
        (Indicator::Momentum { bars }, [x], [out]) => Ok(lag(Lag::Difference, x, bars, out)),
        (Indicator::Roc { bars }, [x], [out]) => Ok(lag(Lag::Ratio, x, bars, out)),
        (Indicator::Stochastic { bars, slow, smooth }, [high, low, close], [k, d]) => {
            stochastic(cpu, [high, low, close], [bars, slow, smooth], options, [k, d])
        }
        _ => unreachable!("an input and an output for each of the indicator's columns"),
    }
}

/// A window op; see [`fill_partial_windows`].
fn window(
    cpu: &Cpu,
    op: WindowOp,
    bars: usize,
    x: &[f64],
    options: IndicatorOptions,
    out: &mut [&mut [f64]],
) -> Result<bool> {
    let is_finite = cpu.window(op, x, bars, out)? && x.iter().take(bars).all(|x| x.is_finite());
    fill_partial_windows(op, bars, x, options, out)?;
    Ok(is_finite)
}

/// The answers of windows that are not yet full, where they are wanted.
fn fill_partial_windows(
    op: WindowOp,
    bars: usize,
    x: &[f64],
    options: IndicatorOptions,
    out: &mut [&mut [f64]],
) -> Result<()> {
    let min_bars = options.min_bars(bars);
    if min_bars == bars {
        return Ok(());
    }
    let mut stream = WindowStream::new(op, bars, min_bars)?;
    for (bar, x) in x.iter().take(bars - 1).enumerate() {
        for (out, value) in out.iter_mut().zip(stream.push(*x)) {
            out[bar] = value;
        }
    }
    Ok(())
}

fn lag(lag: Lag, x: &[f64], bars: usize, out: &mut [f64]) -> bool {
    let start = bars.min(x.len());
    out[..start].fill(f64::NAN);
    let mut is_finite = x[..start].iter().all(|x| x.is_finite());
    for ((out, before), x) in out[start..].iter_mut().zip(x).zip(&x[start..]) {
        *out = lag.value(*x, *before);
        is_finite &= x.is_finite();
    }
    is_finite
}

fn stochastic(
    cpu: &Cpu,
    [high, low, close]: [&[f64]; 3],
    [bars, slow, smooth]: [usize; 3],
    options: IndicatorOptions,
    [k, d]: [&mut [f64]; 2],
) -> Result<bool> {
    let mut is_finite = close.iter().all(|x| x.is_finite());
    let (mut highest, mut lowest) = (vec![0.0; high.len()], vec![0.0; low.len()]);
    is_finite &= window(cpu, WindowOp::Max, bars, high, options, &mut [&mut highest])?;
    is_finite &= window(cpu, WindowOp::Min, bars, low, options, &mut [&mut lowest])?;
    let mut percent = lowest;
    for ((percent, highest), close) in percent.iter_mut().zip(&highest).zip(close) {
        if !percent.is_nan() {
            *percent = stochastic_percent(*close, *percent, *highest);
        }
    }
    if !is_finite {
        return Ok(false);
    }
    // Each mean begins where what it is taken of does.
    let mean = |bars, x: &[f64], out: &mut [f64]| -> Result<()> {
        let start = x.iter().take_while(|x| x.is_nan()).count();
        out[..start].fill(f64::NAN);
        window(cpu, WindowOp::Mean, bars, &x[start..], options, &mut [&mut out[start..]])?;
        Ok(())
    };
    mean(slow, &percent, k)?;
    mean(smooth, k, d)?;
    Ok(true)
}
