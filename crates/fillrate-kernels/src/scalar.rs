//! Every op once more, as plainly as it can be said: the oracle of the fast ones' tests.
//!
//! Matrices are row-major slices without padding. Sums are kept in f64, so that a difference to
//! a fast op is the fast op's own rounding. Nothing here is for use outside tests.

pub mod options;
pub mod paths;
pub mod prices;

use half::bf16;

use crate::{LinearShape, Nonlinearity};

/// Rounds to the nearest bfloat16.
#[must_use]
pub fn round_bf16(values: &[f32]) -> Vec<f32> {
    values.iter().map(|&x| bf16::from_f32(x).to_f32()).collect()
}

/// The non-linearity `f` at `x`.
#[must_use]
pub fn nonlinearity(f: Nonlinearity, x: f64) -> f64 {
    let tanh_form = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x * x * x);
    match f {
        Nonlinearity::Identity => x,
        Nonlinearity::Gelu => 0.5 * x * (1.0 + erf(x / std::f64::consts::SQRT_2)),
        Nonlinearity::GeluTanh => 0.5 * x * (1.0 + tanh_form.tanh()),
        Nonlinearity::Relu => x.max(0.0),
        Nonlinearity::Tanh => x.tanh(),
    }
}

/// The error function: its Maclaurin series near 0, its continued fraction far out.
///
/// Source: Abramowitz & Stegun, 7.1.5 and 7.1.14.
#[must_use]
pub fn erf(x: f64) -> f64 {
    if x.abs() > 3.0 {
        let fraction = (1..=60).rev().fold(0.0, |f, k| f64::from(k) / 2.0 / (x.abs() + f));
        let tail = (-x * x).exp() / (std::f64::consts::PI.sqrt() * (x.abs() + fraction));
        return (1.0 - tail).copysign(x);
    }
    let (mut term, mut sum) = (x, x);
    for n in 1..200 {
        term *= -x * x / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    2.0 / std::f64::consts::PI.sqrt() * sum
}

/// f(x Wᵀ + b): `x` `[rows, inputs]`, `weight` `[outputs, inputs]`, result `[rows, outputs]`.
#[must_use]
pub fn linear(
    x: &[f32],
    weight: &[f32],
    bias: &[f32],
    LinearShape { inputs, outputs }: LinearShape,
    f: Nonlinearity,
) -> Vec<f32> {
    let mut out = Vec::with_capacity(x.len() / inputs * outputs);
    for x in x.chunks_exact(inputs) {
        for (w, &b) in weight.chunks_exact(inputs).zip(bias) {
            let sum: f64 = x.iter().zip(w).map(|(&x, &w)| f64::from(x) * f64::from(w)).sum();
            out.push(nonlinearity(f, sum + f64::from(b)) as f32);
        }
    }
    out
}

/// The same as int8 computes it: `x` quantised per row, `weight` per output channel, the sum exact.
#[must_use]
pub fn linear_int8(
    x: &[f32],
    weight: &[f32],
    bias: &[f32],
    LinearShape { inputs, outputs }: LinearShape,
    f: Nonlinearity,
) -> Vec<f32> {
    let mut out = Vec::with_capacity(x.len() / inputs * outputs);
    for x in x.chunks_exact(inputs) {
        let low = x.iter().fold(0.0_f32, |low, &x| low.min(x));
        let high = x.iter().fold(0.0_f32, |high, &x| high.max(x));
        let x_scale = if high > low { (high - low) / 255.0 } else { 1.0 };
        let zero = (-low / x_scale).round_ties_even();
        let quantized =
            x.iter().map(|&x| (x * (1.0 / x_scale) + zero).round_ties_even().clamp(0.0, 255.0));
        let quantized: Vec<f32> = quantized.collect();
        for (w, &b) in weight.chunks_exact(inputs).zip(bias) {
            let largest = w.iter().fold(0.0_f32, |largest, w| largest.max(w.abs()));
            let w_scale = if largest > 0.0 { largest / 127.0 } else { 1.0 };
            let sum: f64 = quantized
                .iter()
                .zip(w)
                .map(|(q, w)| f64::from(q - zero) * f64::from((w / w_scale).round_ties_even()))
                .sum();
            let y = sum * f64::from(x_scale) * f64::from(w_scale) + f64::from(b);
            out.push(nonlinearity(f, y) as f32);
        }
    }
    out
}

/// γ (x − mean) / √(variance + ε) + β over rows of `gamma.len()` values.
#[must_use]
pub fn layer_norm(x: &[f32], gamma: &[f32], beta: &[f32], epsilon: f32) -> Vec<f32> {
    let count = gamma.len() as f64;
    let mut out = Vec::with_capacity(x.len());
    for row in x.chunks_exact(gamma.len()) {
        let mean = row.iter().map(|&x| f64::from(x)).sum::<f64>() / count;
        let variance = row.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / count;
        let scale = 1.0 / (variance + f64::from(epsilon)).sqrt();
        for ((&x, &gamma), &beta) in row.iter().zip(gamma).zip(beta) {
            out.push(((f64::from(x) - mean) * scale * f64::from(gamma) + f64::from(beta)) as f32);
        }
    }
    out
}

/// Softmax(q kᵀ / √d) v per sequence and head of d values: `qkv` `[tokens, 3 * hidden]`, result
/// `[tokens, hidden]`.
#[must_use]
pub fn attention(qkv: &[f32], cu_seqlens: &[u32], heads: usize, head_dim: usize) -> Vec<f32> {
    let hidden = heads * head_dim;
    let at = |row: usize, third: usize, head: usize, d: usize| {
        f64::from(qkv[row * 3 * hidden + third * hidden + head * head_dim + d])
    };
    let mut out = vec![0.0; qkv.len() / 3];
    for range in cu_seqlens.windows(2) {
        let sequence = range[0] as usize..range[1] as usize;
        for head in 0..heads {
            for row in sequence.clone() {
                let scores: Vec<f64> = sequence
                    .clone()
                    .map(|key| {
                        let dot: f64 =
                            (0..head_dim).map(|d| at(row, 0, head, d) * at(key, 1, head, d)).sum();
                        dot / (head_dim as f64).sqrt()
                    })
                    .collect();
                let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let total: f64 = scores.iter().map(|s| (s - max).exp()).sum();
                for d in 0..head_dim {
                    let context: f64 = scores
                        .iter()
                        .zip(sequence.clone())
                        .map(|(s, key)| (s - max).exp() / total * at(key, 2, head, d))
                        .sum();
                    out[row * hidden + head * head_dim + d] = context as f32;
                }
            }
        }
    }
    out
}
