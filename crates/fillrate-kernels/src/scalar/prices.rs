//! The kernels over prices, as plainly as they can be said.
//!
//! Each window is looked at afresh, each average goes from value to value; nothing is NaN in the
//! input, and outputs are NaN in the warm-up.

use crate::{MacdPeriods, WindowOp};

/// [`crate::Cpu::window`]: the op's outputs, each of shape `[n]`.
#[must_use]
pub fn window(op: WindowOp, x: &[f64], bars: usize) -> Vec<Vec<f64>> {
    let mut outputs = vec![vec![f64::NAN; x.len()]; op.outputs()];
    for end in bars..=x.len() {
        for (output, value) in outputs.iter_mut().zip(of_window(op, &x[end - bars..end])) {
            output[end - 1] = value;
        }
    }
    outputs
}

fn of_window(op: WindowOp, window: &[f64]) -> Vec<f64> {
    let count = window.len() as f64;
    let newest = window[window.len() - 1];
    // Means are taken of distances from the newest value, which are small.
    let mean = newest + window.iter().map(|x| x - newest).sum::<f64>() / count;
    let squares: f64 = window.iter().map(|x| (x - mean).powi(2)).sum();
    let deviation = (squares / count).sqrt();
    match op {
        WindowOp::Mean => vec![mean],
        WindowOp::WeightedMean => {
            let weighted = window.iter().zip(1..).map(|(x, w)| (x - newest) * f64::from(w));
            vec![newest + weighted.sum::<f64>() / (count * (count + 1.0) / 2.0)]
        }
        WindowOp::Min => vec![window.iter().copied().fold(f64::INFINITY, f64::min)],
        WindowOp::Max => vec![window.iter().copied().fold(f64::NEG_INFINITY, f64::max)],
        WindowOp::Deviation => vec![deviation],
        WindowOp::ZScore if deviation == 0.0 => vec![0.0],
        WindowOp::ZScore => vec![(newest - mean) / deviation],
        WindowOp::Bands { width } => {
            vec![mean + width * deviation, mean, mean - width * deviation]
        }
    }
}

/// y ← y + α (s − y), seeded at place `seed_at` with the mean of the `bars` terms up to it.
fn average(terms: &[f64], alpha: f64, bars: usize, seed_at: usize) -> Vec<f64> {
    let mut out = vec![f64::NAN; terms.len()];
    if seed_at >= terms.len() {
        return out;
    }
    let mut y = terms[seed_at + 1 - bars..=seed_at].iter().sum::<f64>() / bars as f64;
    out[seed_at] = y;
    for (out, term) in out.iter_mut().zip(terms).skip(seed_at + 1) {
        y += alpha * (term - y);
        *out = y;
    }
    out
}

/// [`crate::Cpu::ema`].
#[must_use]
pub fn ema(x: &[f64], bars: usize) -> Vec<f64> {
    average(x, 2.0 / (bars as f64 + 1.0), bars, bars - 1)
}

/// [`crate::Cpu::rsi`].
#[must_use]
pub fn rsi(x: &[f64], bars: usize) -> Vec<f64> {
    let side = |sign: f64| -> Vec<f64> {
        let changes = x.windows(2).map(|pair| (sign * (pair[1] - pair[0])).max(0.0));
        let terms: Vec<f64> = std::iter::once(f64::NAN).chain(changes).take(x.len()).collect();
        average(&terms, 1.0 / bars as f64, bars, bars)
    };
    let percent = |(gain, loss): (f64, f64)| match gain + loss {
        0.0 => 50.0,
        both => 100.0 * gain / both,
    };
    side(1.0).into_iter().zip(side(-1.0)).map(percent).collect()
}

/// [`crate::Cpu::atr`].
#[must_use]
pub fn atr([high, low, close]: [&[f64]; 3], bars: usize) -> Vec<f64> {
    let range = |at: usize| {
        let before = close[at - 1];
        (high[at] - low[at]).max((high[at] - before).abs()).max((low[at] - before).abs())
    };
    let ranges = (1..close.len()).map(range);
    let terms: Vec<f64> = std::iter::once(f64::NAN).chain(ranges).take(close.len()).collect();
    average(&terms, 1.0 / bars as f64, bars, bars)
}

/// [`crate::Cpu::macd`]: difference, its average, and the distance between them.
#[must_use]
pub fn macd(x: &[f64], MacdPeriods { fast, slow, smooth }: MacdPeriods) -> [Vec<f64>; 3] {
    let alpha = |bars: usize| 2.0 / (bars as f64 + 1.0);
    let fast = average(x, alpha(fast), fast, slow - 1);
    let slow_average = average(x, alpha(slow), slow, slow - 1);
    let line: Vec<f64> = fast.iter().zip(&slow_average).map(|(fast, slow)| fast - slow).collect();
    let signal = average(&line, alpha(smooth), smooth, slow + smooth - 2);
    let histogram = line.iter().zip(&signal).map(|(line, signal)| line - signal).collect();
    [line, signal, histogram]
}
