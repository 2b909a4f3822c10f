//! The encoder alone, on one thread: matrix products against the core's measured peak, and texts
//! per second on two shapes that everybody knows.
//!
//! `cargo bench -p fillrate-kernels` prints, besides criterion's own lines, the fraction of the
//! peak that each product reaches. Weights are random: only the shape matters for speed.

#![allow(clippy::print_stdout, missing_docs, reason = "a benchmark reports on standard output")]
#![allow(clippy::unwrap_used, reason = "shapes are constants; a mistake should stop the run")]

use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use fillrate_kernels::{
    Activation, Cpu, Embeddings, LayerNorm, Linear, LinearShape, Nonlinearity, Precision,
    Sequences, Tier, Workspace,
};

const PRECISIONS: [Precision; 3] = [Precision::Fp32, Precision::Bf16, Precision::Int8];

/// Tokens a text: a headline's usual length.
const TEXT_TOKENS: usize = 20;

fn values(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (state as f32 / u32::MAX as f32 - 0.5) * 0.2
        })
        .collect()
}

#[derive(Clone, Copy)]
struct Shape {
    name: &'static str,
    hidden: usize,
    heads: usize,
    intermediate: usize,
    layers: usize,
}

const BERT_BASE: Shape =
    Shape { name: "bert-base", hidden: 768, heads: 12, intermediate: 3072, layers: 12 };
const MINILM: Shape =
    Shape { name: "minilm", hidden: 384, heads: 12, intermediate: 1536, layers: 6 };

struct Layer {
    qkv: Linear,
    out: Linear,
    norm: LayerNorm,
    up: Linear,
    down: Linear,
}

struct Encoder {
    shape: Shape,
    cpu: Cpu,
    embeddings: Embeddings,
    layers: Vec<Layer>,
    norm: LayerNorm,
    ids: Vec<u32>,
    positions: Vec<u32>,
    cu_seqlens: Vec<u32>,
    hidden: [Activation; 2],
    qkv: Activation,
    context: Activation,
    up: Activation,
    workspace: Workspace,
}

impl Encoder {
    fn new(shape: Shape, cpu: Cpu, precision: Precision, texts: usize) -> Self {
        let Shape { hidden, heads, intermediate, layers, .. } = shape;
        let tokens = texts * TEXT_TOKENS;
        let linear = |inputs, outputs, seed| {
            let weight = values(inputs * outputs, seed);
            let shape = LinearShape { inputs, outputs };
            Linear::pack(&weight, Some(&values(outputs, seed + 1)), shape, precision).unwrap()
        };
        let norm = || LayerNorm::new(&vec![1.0; hidden], &vec![0.0; hidden], 1e-12).unwrap();
        let layer = |_| Layer {
            qkv: linear(hidden, 3 * hidden, 1),
            out: linear(hidden, hidden, 2),
            norm: norm(),
            up: linear(hidden, intermediate, 3),
            down: linear(intermediate, hidden, 4),
        };
        let matrix = |width| Activation::new(tokens, width, precision);
        Self {
            shape,
            cpu,
            embeddings: Embeddings::new(
                &values(1000 * hidden, 5),
                &values(TEXT_TOKENS * hidden, 6),
                hidden,
                precision,
            )
            .unwrap(),
            layers: (0..layers).map(layer).collect(),
            norm: norm(),
            ids: (0..tokens as u32).map(|i| i * 7 % 1000).collect(),
            positions: (0..tokens as u32).map(|i| i % TEXT_TOKENS as u32).collect(),
            cu_seqlens: (0..=texts as u32).map(|i| i * TEXT_TOKENS as u32).collect(),
            hidden: [matrix(hidden), matrix(hidden)],
            qkv: Activation::new(tokens, 3 * hidden, precision.between_products()),
            context: matrix(hidden),
            up: matrix(intermediate),
            workspace: Workspace::new(tokens, hidden, TEXT_TOKENS, hidden / heads),
        }
    }

    fn forward(&mut self) {
        let Self { cpu, workspace: ws, .. } = self;
        let [x, y] = &mut self.hidden;
        let sequences = Sequences { cu_seqlens: &self.cu_seqlens, heads: self.shape.heads };
        cpu.embed_layer_norm(&self.embeddings, &self.ids, &self.positions, &self.norm, x, ws)
            .unwrap();
        for layer in &self.layers {
            cpu.linear(x, &layer.qkv, Nonlinearity::Identity, &mut self.qkv).unwrap();
            cpu.attention(&self.qkv, sequences, &mut self.context, ws).unwrap();
            cpu.linear_add_layer_norm(&self.context, &layer.out, x, &layer.norm, y, ws).unwrap();
            cpu.linear(y, &layer.up, Nonlinearity::Gelu, &mut self.up).unwrap();
            cpu.linear_add_layer_norm(&self.up, &layer.down, y, &layer.norm, x, ws).unwrap();
        }
    }

    /// Multiplications and additions of the matrix products of one pass.
    fn product_operations(&self) -> f64 {
        let Shape { hidden, intermediate, layers, .. } = self.shape;
        let weights = 4 * hidden * hidden + 2 * hidden * intermediate;
        2.0 * (weights * layers * self.ids.len()) as f64
    }
}

/// The peak of the multiplications that a product of this precision is made of.
fn peak(cpu: Cpu, precision: Precision) -> Option<f64> {
    cpu.measure_peak_gops(precision, 20)
}

/// The shortest of `runs` timings, in seconds: other programs can only ever lengthen one.
fn shortest(runs: usize, mut work: impl FnMut()) -> f64 {
    work();
    let timings = (0..runs).map(|_| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64()
    });
    timings.fold(f64::INFINITY, f64::min)
}

fn products(c: &mut Criterion) {
    let mut group = c.benchmark_group("linear");
    group.sample_size(10).measurement_time(Duration::from_secs(1));
    for &tier in Tier::available() {
        let cpu = Cpu::with_tier(tier).unwrap();
        for precision in PRECISIONS {
            let (rows, inputs, outputs) = (256, 768, 768);
            let weight = values(inputs * outputs, 1);
            let shape = LinearShape { inputs, outputs };
            let linear = Linear::pack(&weight, None, shape, precision).unwrap();
            let mut x = Activation::new(rows, inputs, precision);
            x.set_f32(&values(rows * inputs, 2));
            let mut out = Activation::new(rows, outputs, precision);
            let mut run = || cpu.linear(&x, &linear, Nonlinearity::Identity, &mut out).unwrap();
            let operations = 2.0 * (rows * inputs * outputs) as f64;
            let gops = operations / shortest(25, &mut run) / 1e9;
            match peak(cpu, precision) {
                Some(peak) => println!(
                    "{tier:>12} {precision}: {gops:7.0} GOP/s of {peak:.0} ({:.0}%)",
                    100.0 * gops / peak
                ),
                None => println!("{tier:>12} {precision}: {gops:7.0} GOP/s"),
            }
            group.throughput(Throughput::Elements(operations as u64));
            group.bench_function(BenchmarkId::new(tier.as_str(), precision), |b| b.iter(&mut run));
        }
    }
}

fn encoders(c: &mut Criterion) {
    let mut group = c.benchmark_group("encoder");
    group.sample_size(10).measurement_time(Duration::from_secs(2));
    for (shape, texts) in [(BERT_BASE, 16), (MINILM, 32)] {
        // The portable tier would take minutes to say little: it runs where there is no other.
        let tiers = Tier::available();
        for &tier in tiers.iter().filter(|&&tier| tier > Tier::Portable || tiers.len() == 1) {
            let cpu = Cpu::with_tier(tier).unwrap();
            for precision in PRECISIONS {
                let mut encoder = Encoder::new(shape, cpu, precision, texts);
                let seconds = shortest(7, || encoder.forward());
                let gops = encoder.product_operations() / seconds / 1e9;
                println!(
                    "{:>9} {tier:>12} {precision}: {:7.1} texts/s, {gops:6.0} GOP/s",
                    shape.name,
                    texts as f64 / seconds
                );
                group.throughput(Throughput::Elements(texts as u64));
                let id = BenchmarkId::new(shape.name, format!("{tier}-{precision}"));
                group.bench_function(id, |b| b.iter(|| encoder.forward()));
            }
        }
    }
}

criterion_group!(benches, products, encoders);
criterion_main!(benches);
