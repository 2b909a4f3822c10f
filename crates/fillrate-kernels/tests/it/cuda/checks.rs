//! One check for each op: a shape and a seed, the device's answer against the twin's.
//!
//! The twins compute in fp32 over the same rounded inputs, so that what is left is the kernel's own
//! rounding.

use fillrate_kernels::cuda::{
    Cell, DeviceEmbeddings, DeviceMatrix, DeviceSequences, DeviceTail, DeviceTokens, Quantized,
    narrow_e4m3, widen_e4m3,
};
use fillrate_kernels::{
    Activation, Cpu, Embeddings, LayerNorm, Linear, LinearShape, Nonlinearity, Precision,
    Sequences, Workspace, scalar,
};

use super::bench::Bench;
use crate::ops::{Values, assert_close, contents, filled};

const FP32: Precision = Precision::Fp32;

pub(super) const NONLINEARITIES: [Nonlinearity; 5] = [
    Nonlinearity::Identity,
    Nonlinearity::Gelu,
    Nonlinearity::GeluTanh,
    Nonlinearity::Relu,
    Nonlinearity::Tanh,
];

pub(super) fn embed_layer_norm(bench: &Bench, tokens: usize, hidden: usize, seed: u64) {
    let mut values = Values(seed);
    let words = bench.rounded(&values.take(30 * hidden));
    let positions = values.take(60 * hidden);
    let (gamma, beta) = (values.take(hidden), values.take(hidden));
    let ids: Vec<u32> = (0..tokens as u32).map(|i| (i * 7 + seed as u32 % 30) % 30).collect();
    let places: Vec<u32> = (0..tokens as u32).map(|i| (i + 2) % 60).collect();
    let tables = DeviceEmbeddings {
        words: bench.elements(&words),
        positions: bench.f32s(&positions),
        hidden,
    };
    let (at, of) = (bench.u32s(&ids), bench.u32s(&places));
    let mut out = bench.output(tokens, hidden, Cell::Element);
    let norm = bench.norm(&gamma, &beta, 1e-3);
    let on_device = DeviceTokens { ids: at, places: of, count: tokens };
    let mut narrow = bench.output(tokens, hidden, Cell::E4m3);
    let quantized = Quantized { out: &mut narrow, scale: 0.01 };
    bench.cuda.embed_layer_norm(&tables, on_device, &norm, &mut out, Some(quantized)).unwrap();

    let tables = Embeddings::new(&words, &positions, hidden, FP32).unwrap();
    let norm = LayerNorm::new(&gamma, &beta, 1e-3).unwrap();
    let mut workspace = Workspace::new(tokens, hidden, 1, 1);
    let mut twin = Activation::new(tokens, hidden, FP32);
    Cpu::detect()
        .embed_layer_norm(&tables, &ids, &places, &norm, &mut twin, &mut workspace)
        .unwrap();
    let (absolute, relative) = bench.tolerance();
    let context = format!("embed_layer_norm [{tokens}, {hidden}]");
    let found = bench.contents(&out, Cell::Element);
    assert_close(&found, &contents(&twin), absolute, relative, &context);
    assert_quantized(bench, &narrow, 0.01, &contents(&twin), &context);
    bench.clear();
}

pub(super) fn add_layer_norm(bench: &Bench, rows: usize, width: usize, seed: u64) {
    let mut values = Values(seed);
    let x = bench.rounded(&values.take(rows * width));
    let residual = bench.rounded(&values.take(rows * width));
    let (gamma, beta) = (values.take(width), values.take(width));
    let sum: Vec<f32> = x.iter().zip(&residual).map(|(a, b)| a + b).collect();
    let norm = bench.norm(&gamma, &beta, 1e-3);
    let mut out = bench.output(rows, width, Cell::Element);
    let (x, residual) =
        (bench.filled(&x, width, Cell::Element), bench.filled(&residual, width, Cell::Element));
    bench.cuda.add_layer_norm(&x, &residual, &norm, &mut out, None).unwrap();
    let (absolute, relative) = bench.tolerance();
    let context = format!("add_layer_norm [{rows}, {width}]");
    let expected = scalar::layer_norm(&sum, &gamma, &beta, 1e-3);
    let found = bench.contents(&out, Cell::Element);
    assert_close(&found, &expected, absolute, relative, &context);
    // A layer may write its output over the residual.
    let (mut over, mut narrow) = (residual.clone(), bench.output(rows, width, Cell::E4m3));
    let quantized = Quantized { out: &mut narrow, scale: 0.02 };
    bench.cuda.add_layer_norm(&x, &residual, &norm, &mut over, Some(quantized)).unwrap();
    assert_eq!(bench.current(&over, Cell::Element), found, "{context} in place");
    assert_quantized(bench, &narrow, 0.02, &expected, &context);
    bench.clear();
}

pub(super) fn linear(bench: &Bench, rows: usize, shape: LinearShape, f: Nonlinearity, seed: u64) {
    let LinearShape { inputs, outputs } = shape;
    let mut values = Values(seed);
    let x = bench.rounded(&values.take(rows * inputs));
    let w = bench.rounded(&values.take(inputs * outputs));
    // A bias that cuBLASLt adds is an element.
    let b = bench.rounded(&values.take(outputs));
    let mut out = bench.output(rows, outputs, Cell::Element);
    let weights = bench.linear(&w, &b, shape);
    let input = bench.filled(&x, inputs, Cell::Element);
    bench.cuda.linear(&input, &weights, f, &mut out).unwrap();

    let packed = Linear::pack(&w, Some(&b), shape, FP32).unwrap();
    let mut twin = Activation::new(rows, outputs, FP32);
    Cpu::detect().linear(&filled(&x, inputs, FP32), &packed, f, &mut twin).unwrap();
    // The product is rounded before a non-linearity, whose slope is at most 1.13, and after it.
    let (absolute, relative) = bench.tolerance();
    let largest = inputs as f32 * relative;
    let context = format!("linear [{rows}, {inputs}] by {outputs}, {f:?}");
    let found = bench.contents(&out, Cell::Element);
    assert_close(&found, &contents(&twin), absolute + largest, 2.2 * relative, &context);
    bench.clear();
}

/// What an op wrote in 8 bits is what it computed, rounded to three bits behind the first; below 2⁻⁶
/// of the scale, to steps of 2⁻⁹.
fn assert_quantized(bench: &Bench, found: &DeviceMatrix, scale: f32, expected: &[f32], what: &str) {
    let found: Vec<f32> =
        bench.contents(found, Cell::E4m3).iter().map(|value| value * scale).collect();
    let (absolute, relative) = bench.tolerance();
    assert_close(&found, expected, absolute + scale / 1024.0, 1.0 / 16.0 + relative, what);
}

/// Products of 8-bit floats: with the result in elements and, where one follows, in 8 bits.
pub(super) fn linear_e4m3(
    bench: &Bench,
    rows: usize,
    shape: LinearShape,
    f: Nonlinearity,
    seed: u64,
) {
    let LinearShape { inputs, outputs } = shape;
    let mut values = Values(seed);
    let (x, w) = (values.take(rows * inputs), values.take(inputs * outputs));
    let b = bench.rounded(&values.take(outputs));
    // Neither is a power of two.
    let (w_scale, x_scale) = (1.0 / 300.0, 1.0 / 77.0);
    let over = |values: &[f32], scale: f32| -> Vec<f32> {
        values.iter().map(|value| value / scale).collect()
    };
    let rounded = |values: &[f32], scale: f32| -> Vec<f32> {
        over(values, scale).iter().map(|value| widen_e4m3(narrow_e4m3(*value)) * scale).collect()
    };
    let weights = bench.linear_e4m3(&w, &b, shape, [w_scale, x_scale]);
    let input = bench.filled(&over(&x, x_scale), inputs, Cell::E4m3);
    let mut out = bench.output(rows, outputs, Cell::Element);
    bench.cuda.linear(&input, &weights, f, &mut out).unwrap();
    let mut product = bench.output(rows, outputs, Cell::Element);
    let mut narrow = bench.output(rows, outputs, Cell::E4m3);
    let quantized = Quantized { out: &mut narrow, scale: 0.5 };
    bench.cuda.linear_quantized(&input, &weights, f, &mut product, quantized).unwrap();

    let expected = scalar::linear(&rounded(&x, x_scale), &rounded(&w, w_scale), &b, shape, f);
    let (absolute, relative) = bench.tolerance();
    let largest = inputs as f32 * relative;
    let context = format!("linear in e4m3 [{rows}, {inputs}] by {outputs}, {f:?}");
    let found = bench.contents(&out, Cell::Element);
    assert_close(&found, &expected, absolute + largest, 2.2 * relative, &context);
    let narrow: Vec<f32> =
        bench.contents(&narrow, Cell::E4m3).iter().map(|value| value * 0.5).collect();
    let step = 0.5 / 1024.0;
    assert_close(
        &narrow,
        &expected,
        absolute + 1.1 * largest + step,
        0.063 + 2.2 * relative,
        &context,
    );
    bench.clear();
}

/// Elements in 8 bits, bit for bit, and the largest of them.
pub(super) fn quantize(bench: &Bench, values: &[f32], width: usize) {
    let x = bench.rounded(values);
    let on_device = bench.filled(&x, width, Cell::Element);
    let mut out = bench.output(x.len() / width, width, Cell::E4m3);
    let scale = 0.75_f32;
    bench.cuda.quantize(&on_device, Quantized { out: &mut out, scale }).unwrap();
    for (value, found) in x.iter().zip(bench.contents(&out, Cell::E4m3)) {
        let expected = widen_e4m3(narrow_e4m3(value * (1.0 / scale)));
        let same = found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan();
        assert!(same, "{value:e} became {found:e}, expected {expected:e}");
    }
    let largest = x.iter().filter(|value| !value.is_nan()).fold(0.0, |a: f32, b| a.max(b.abs()));
    for (before, after) in [(0.0, largest), (2.0 * largest, 2.0 * largest)] {
        let at = bench.f32s(&[before]);
        bench.cuda.largest_magnitude(&on_device, at).unwrap();
        assert_eq!(bench.float_at(at).to_bits(), after.to_bits(), "of {} values", x.len());
    }
    bench.clear();
}

/// The sequences' offsets and the longest of them.
pub(super) fn offsets(lens: &[usize]) -> (Vec<u32>, usize) {
    let mut cu_seqlens = vec![0_u32];
    for &len in lens {
        cu_seqlens.push(cu_seqlens[cu_seqlens.len() - 1] + len as u32);
    }
    (cu_seqlens, lens.iter().copied().max().unwrap())
}

/// What the softmax weights' rounding does to values of up to 3, and the result's own.
fn attention_tolerance(bench: &Bench) -> (f32, f32) {
    let (_, relative) = bench.tolerance();
    (1.5 * relative + 1e-5, relative)
}

pub(super) fn attention(bench: &Bench, lens: &[usize], heads: usize, head_dim: usize, seed: u64) {
    let (cu_seqlens, longest) = offsets(lens);
    let (tokens, hidden) = (lens.iter().sum::<usize>(), heads * head_dim);
    // Wide enough that some rows attend to one key and others to many.
    let qkv: Vec<f32> = Values(seed).take(tokens * 3 * hidden).iter().map(|x| 3.0 * x).collect();
    let qkv = bench.rounded(&qkv);
    let on_device =
        DeviceSequences { cu_seqlens: bench.u32s(&cu_seqlens), count: lens.len(), longest, heads };
    let mut out = bench.output(tokens, hidden, Cell::Element);
    let input = bench.filled(&qkv, 3 * hidden, Cell::Element);
    bench.cuda.attention(&input, on_device, &mut out).unwrap();

    let mut workspace = Workspace::new(tokens, hidden, longest, head_dim);
    let mut twin = Activation::new(tokens, hidden, FP32);
    let sequences = Sequences { cu_seqlens: &cu_seqlens, heads };
    let cpu = Cpu::detect();
    cpu.attention(&filled(&qkv, 3 * hidden, FP32), sequences, &mut twin, &mut workspace).unwrap();
    let expected = contents(&twin);
    let (absolute, relative) = attention_tolerance(bench);
    let context = format!("attention {lens:?}, {heads} heads of {head_dim}");
    let found = bench.contents(&out, Cell::Element);
    assert_close(&found, &expected, absolute, relative, &context);

    let first_rows: Vec<usize> = cu_seqlens[..lens.len()]
        .iter()
        .zip(lens)
        .filter(|(_, len)| **len > 0)
        .map(|(first, _)| *first as usize)
        .collect();
    if first_rows.len() == lens.len() {
        attention_first(bench, &qkv, (on_device, head_dim), &first_rows, &expected);
    }
    bench.clear();
}

/// The first rows alone must be what they are among all rows.
fn attention_first(
    bench: &Bench,
    qkv: &[f32],
    (sequences, head_dim): (DeviceSequences, usize),
    first_rows: &[usize],
    expected: &[f32],
) {
    let hidden = sequences.heads * head_dim;
    let queries: Vec<f32> =
        first_rows.iter().flat_map(|row| qkv[row * 3 * hidden..][..hidden].to_vec()).collect();
    let key_values: Vec<f32> =
        qkv.chunks_exact(3 * hidden).flat_map(|row| row[hidden..].to_vec()).collect();
    let queries = bench.filled(&queries, hidden, Cell::Element);
    let key_values = bench.filled(&key_values, 2 * hidden, Cell::Element);
    let mut out = bench.output(first_rows.len(), hidden, Cell::Element);
    bench.cuda.attention_first(&queries, &key_values, sequences, &mut out).unwrap();
    let expected: Vec<f32> =
        first_rows.iter().flat_map(|row| expected[row * hidden..][..hidden].to_vec()).collect();
    let (absolute, relative) = attention_tolerance(bench);
    let found = bench.contents(&out, Cell::Element);
    assert_close(&found, &expected, absolute, relative, "attention_first");
}

pub(super) fn select_rows(bench: &Bench, rows: usize, width: usize, seed: u64) {
    let values = bench.rounded(&Values(seed).take(rows * width));
    let chosen: Vec<u32> = (0..rows as u32).rev().step_by(2).chain([0, 0]).collect();
    let expected: Vec<f32> =
        chosen.iter().flat_map(|&row| values[row as usize * width..][..width].to_vec()).collect();
    let x = bench.filled(&values, width, Cell::Element);
    let at = bench.u32s(&chosen);
    for cell in [Cell::Element, Cell::F32] {
        let mut out = bench.output(chosen.len(), width, cell);
        bench.cuda.select_rows(&x, at, chosen.len(), &mut out).unwrap();
        assert_eq!(bench.contents(&out, cell), expected, "select_rows [{rows}, {width}] {cell:?}");
    }
    bench.clear();
}

pub(super) fn tail(bench: &Bench, rows: usize, shape: LinearShape, f: Nonlinearity, seed: u64) {
    let LinearShape { inputs, outputs } = shape;
    let mut values = Values(seed);
    let (x, w) = (values.take(rows * inputs), values.take(inputs * outputs));
    let b = values.take(outputs);
    let weights = DeviceTail { shape, weight: bench.f32s(&w), bias: bench.f32s(&b) };
    let mut out = bench.output(rows, outputs, Cell::F32);
    bench.cuda.tail(&bench.filled(&x, inputs, Cell::F32), &weights, f, &mut out).unwrap();
    let expected = scalar::linear(&x, &w, &b, shape, f);
    let context = format!("tail [{rows}, {inputs}] by {outputs}, {f:?}");
    assert_close(&bench.contents(&out, Cell::F32), &expected, 5e-5, 5e-5, &context);
    bench.clear();
}

pub(super) fn softmax(bench: &Bench, rows: usize, width: usize, seed: u64) {
    let values: Vec<f32> = Values(seed).take(rows * width).iter().map(|x| 20.0 * x).collect();
    let mut x = bench.filled(&values, width, Cell::F32);
    bench.cuda.softmax(&mut x).unwrap();
    let found = bench.current(&x, Cell::F32);
    for (found, row) in found.chunks_exact(width).zip(values.chunks_exact(width)) {
        let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let exponentials = row.iter().map(|x| f64::from(x - largest).exp());
        let total: f64 = exponentials.clone().sum();
        let expected: Vec<f32> = exponentials.map(|e| (e / total) as f32).collect();
        assert_close(found, &expected, 1e-7, 1e-5, &format!("softmax [{rows}, {width}]"));
    }
    bench.clear();
}

/// Casts are exact: the same bits as the processor's, whatever goes in.
pub(super) fn casts(bench: &Bench, values: &[f32]) {
    let x = bench.filled(values, values.len(), Cell::F32);
    let mut narrow = bench.output(1, values.len(), Cell::Element);
    bench.cuda.narrow(&x, &mut narrow).unwrap();
    let mut wide = bench.output(1, values.len(), Cell::F32);
    bench.cuda.widen(&narrow, &mut wide).unwrap();
    let found = bench.contents(&wide, Cell::F32);
    for ((value, expected), found) in values.iter().zip(bench.rounded(values)).zip(found) {
        let same = found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan();
        assert!(same, "{value:e} became {found:e}, expected {expected:e}");
    }
    bench.clear();
}
