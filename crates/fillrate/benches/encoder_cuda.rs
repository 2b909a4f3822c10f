//! Encoders on a GPU: headlines per second with the tokens at hand, and the latency of one headline,
//! as one JSON document on standard output.
//!
//! `encoder_cuda FOLDER` writes checkpoints of the shapes of BERT-base and DistilBERT with random
//! weights into the folder, which `benches/peers/torch_encoder.py` reads too: only the shape matters
//! for speed. On a machine without a GPU it says what is missing and ends well.

#![allow(clippy::print_stdout, missing_docs, reason = "a benchmark reports on standard output")]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on should stop where it is")]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fillrate::text::encoder::{CudaClassifier, CudaOptions};
use fillrate::text::{Forward, PackedBatch};
use fillrate_kernels::cuda::{Accelerator, Gpu, GpuOptions, GpuPrecision};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::{Value, json};

/// Tokens of a headline, special ones included.
const HEADLINE_TOKENS: usize = 24;

/// How long a throughput is measured.
const MEASURE: Duration = Duration::from_secs(3);

/// Passes whose latency is measured.
const LATENCY_PASSES: usize = 500;

struct Shape {
    name: &'static str,
    model_type: &'static str,
    layers: usize,
}

const SHAPES: [Shape; 2] = [
    Shape { name: "bert-base", model_type: "bert", layers: 12 },
    Shape { name: "distilbert", model_type: "distilbert", layers: 6 },
];

const HIDDEN: usize = 768;
const INTERMEDIATE: usize = 3072;
const VOCABULARY: usize = 30_522;

impl Shape {
    fn config(&self) -> Value {
        let labels = json!({"0": "negative", "1": "neutral", "2": "positive"});
        match self.model_type {
            "distilbert" => json!({
                "model_type": "distilbert", "vocab_size": VOCABULARY, "dim": HIDDEN,
                "hidden_dim": INTERMEDIATE, "n_layers": self.layers, "n_heads": 12,
                "max_position_embeddings": 512, "activation": "gelu", "id2label": labels,
                "architectures": ["DistilBertForSequenceClassification"],
            }),
            _ => json!({
                "model_type": "bert", "vocab_size": VOCABULARY, "hidden_size": HIDDEN,
                "intermediate_size": INTERMEDIATE, "num_hidden_layers": self.layers,
                "num_attention_heads": 12, "max_position_embeddings": 512, "type_vocab_size": 2,
                "hidden_act": "gelu", "layer_norm_eps": 1e-12, "id2label": labels,
                "architectures": ["BertForSequenceClassification"],
            }),
        }
    }

    /// The tensors by name and shape.
    fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        let bert = self.model_type == "bert";
        let prefix = self.model_type;
        let mut all = Vec::new();
        let mut linear = |name: String, inputs, outputs| {
            all.push((format!("{name}.weight"), vec![outputs, inputs]));
            all.push((format!("{name}.bias"), vec![outputs]));
        };
        let layers = if bert { "encoder.layer" } else { "transformer.layer" };
        for layer in 0..self.layers {
            let name = |part: &str| format!("{prefix}.{layers}.{layer}.{part}");
            let square: &[&str] = if bert {
                &[
                    "attention.self.query",
                    "attention.self.key",
                    "attention.self.value",
                    "attention.output.dense",
                ]
            } else {
                &["attention.q_lin", "attention.k_lin", "attention.v_lin", "attention.out_lin"]
            };
            for part in square {
                linear(name(part), HIDDEN, HIDDEN);
            }
            let [up, down] = if bert {
                ["intermediate.dense", "output.dense"]
            } else {
                ["ffn.lin1", "ffn.lin2"]
            };
            linear(name(up), HIDDEN, INTERMEDIATE);
            linear(name(down), INTERMEDIATE, HIDDEN);
        }
        linear(
            if bert { "bert.pooler.dense".into() } else { "pre_classifier".into() },
            HIDDEN,
            HIDDEN,
        );
        linear("classifier".into(), HIDDEN, 3);
        let norms: [&str; 2] = if bert {
            ["attention.output.LayerNorm", "output.LayerNorm"]
        } else {
            ["sa_layer_norm", "output_layer_norm"]
        };
        let norms = (0..self.layers)
            .flat_map(|layer| norms.map(|norm| format!("{prefix}.{layers}.{layer}.{norm}")));
        for norm in norms.chain([format!("{prefix}.embeddings.LayerNorm")]) {
            all.push((format!("{norm}.weight"), vec![HIDDEN]));
            all.push((format!("{norm}.bias"), vec![HIDDEN]));
        }
        let table = |name: &str| format!("{prefix}.embeddings.{name}_embeddings.weight");
        all.push((table("word"), vec![VOCABULARY, HIDDEN]));
        all.push((table("position"), vec![512, HIDDEN]));
        if bert {
            all.push((table("token_type"), vec![2, HIDDEN]));
        }
        all
    }

    /// Writes the checkpoint: bfloat16 values in ±0.05, and norms around 1.
    fn write(&self, folder: &Path) {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join("config.json"), self.config().to_string()).unwrap();
        let mut state = 1_u64;
        let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = self
            .tensors()
            .into_iter()
            .map(|(name, shape)| {
                let norm = name.contains("orm.weight");
                let count = shape.iter().product::<usize>();
                let values = (0..count).flat_map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    let random = (state >> 40) as f32 / 16_777_216.0 - 0.5;
                    let value = if norm { 1.0 } else { 0.1 * random };
                    half::bf16::from_f32(value).to_le_bytes()
                });
                let bytes = values.collect();
                (name, shape, bytes)
            })
            .collect();
        let views = tensors.iter().map(|(name, shape, bytes)| {
            (name, TensorView::new(Dtype::BF16, shape.clone(), bytes).unwrap())
        });
        let path = folder.join("model.safetensors");
        safetensors::serialize_to_file(views, None, &path).unwrap();
    }

    /// Multiplications and additions of a token's products, the last layer's included whole.
    fn operations_per_token(&self) -> f64 {
        2.0 * ((4 * HIDDEN * HIDDEN + 2 * HIDDEN * INTERMEDIATE) * self.layers) as f64
    }
}

fn batch(headlines: usize) -> PackedBatch {
    let mut batch = PackedBatch::default();
    for headline in 0..headlines {
        let ids: Vec<u32> = (0..HEADLINE_TOKENS)
            .map(|token| ((headline * 31 + token * 7) % 30_000 + 100) as u32)
            .collect();
        batch.push(&ids);
    }
    batch
}

/// Headlines per second of two threads that keep both lanes busy.
fn throughput(model: &CudaClassifier, batch: &PackedBatch) -> f64 {
    let pass = |logits: &mut Vec<f32>| model.forward(batch, &mut (), logits).unwrap();
    for _ in 0..6 {
        pass(&mut Vec::new());
    }
    let start = Instant::now();
    let passes: usize = std::thread::scope(|scope| {
        let work = || {
            let (mut logits, mut passes) = (Vec::new(), 0);
            while start.elapsed() < MEASURE {
                pass(&mut logits);
                passes += 1;
            }
            passes
        };
        let threads = [scope.spawn(work), scope.spawn(work)];
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    (passes * batch.sequences()) as f64 / start.elapsed().as_secs_f64()
}

/// Percentiles of one headline's time, in milliseconds.
fn latency(model: &CudaClassifier) -> Value {
    let batch = batch(1);
    let mut logits = Vec::new();
    let mut time = || {
        let start = Instant::now();
        model.forward(&batch, &mut (), &mut logits).unwrap();
        start.elapsed().as_secs_f64() * 1e3
    };
    for _ in 0..20 {
        time();
    }
    let mut times: Vec<f64> = (0..LATENCY_PASSES).map(|_| time()).collect();
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((LATENCY_PASSES - 1) as f64 * share) as usize];
    json!({ "p50_ms": at(0.5), "p95_ms": at(0.95), "p99_ms": at(0.99) })
}

/// Measures a model in the type of a GPU's elements, or with its products in fp8.
fn measure(shape: &Shape, folder: &Path, precision: GpuPrecision, fp8: bool) -> Value {
    let gpu = Gpu::open(0, precision, &GpuOptions::default()).unwrap();
    let accelerator: Arc<dyn Accelerator> = Arc::new(gpu);
    if let Some(error) = accelerator.require_fp8().err().filter(|_| fp8) {
        return json!({ "model": shape.name, "precision": "fp8", "skipped": error.to_string() });
    }
    let load = |options: &CudaOptions| {
        CudaClassifier::load(folder, Arc::clone(&accelerator), options).unwrap()
    };
    let plain = CudaOptions::new(32_768);
    // Random weights have no answers that could be compared: only the scales matter for speed.
    let ranges = fp8.then(|| Arc::new(load(&plain).observe(&batch(64)).unwrap()));
    let start = Instant::now();
    let model = load(&CudaOptions { fp8: ranges, ..plain });
    let load_s = start.elapsed().as_secs_f64();
    let rates = [2048, 8192, 16_384, 32_768].map(|tokens| {
        let batch = batch(tokens / HEADLINE_TOKENS);
        let rate = throughput(&model, &batch);
        let operations = rate * HEADLINE_TOKENS as f64 * shape.operations_per_token();
        json!({
            "batch_tokens": batch.tokens(), "headlines_per_s": rate,
            "tflop_per_s": operations / 1e12,
        })
    });
    json!({
        "model": shape.name, "precision": model.precision(),
        "headline_tokens": HEADLINE_TOKENS, "load_s": load_s,
        "device_bytes": model.device_bytes(), "throughput": rates, "latency": latency(&model),
    })
}

/// What it gains to run both models at once, each on streams of its own, over one after the other: for
/// batches that leave the GPU mostly idle and for those that fill it.
fn together(folder: &Path) -> Value {
    let gpu = Gpu::open(0, GpuPrecision::Best, &GpuOptions::default()).unwrap();
    let accelerator: Arc<dyn Accelerator> = Arc::new(gpu);
    let models = SHAPES.each_ref().map(|shape| {
        let accelerator = Arc::clone(&accelerator);
        let options = CudaOptions::new(16_384);
        CudaClassifier::load(&folder.join(shape.name), accelerator, &options).unwrap()
    });
    let gains = [(24, 400), (512, 200), (4096, 60), (16_384, 20)].map(|(tokens, passes)| {
        let batch = batch(tokens / HEADLINE_TOKENS);
        let run = |model: &CudaClassifier| {
            let mut logits = Vec::new();
            for _ in 0..passes {
                model.forward(&batch, &mut (), &mut logits).unwrap();
            }
        };
        let apart = || models.iter().for_each(run);
        let at_once = || {
            std::thread::scope(|scope| {
                for model in &models {
                    scope.spawn(|| run(model));
                }
            });
        };
        let timed = |work: &dyn Fn()| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64()
        };
        // The first round warms up.
        let mut ratios: Vec<f64> =
            (0..6).map(|_| timed(&apart) / timed(&at_once)).skip(1).collect();
        ratios.sort_by(f64::total_cmp);
        json!({ "batch_tokens": batch.tokens(), "gain": ratios[2] })
    });
    json!({ "models": SHAPES.each_ref().map(|shape| shape.name), "gains": gains })
}

fn main() {
    let folder = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let folder = folder.unwrap_or_else(|| "target/bench/encoder-cuda".to_owned());
    let gpu = match Gpu::open(0, GpuPrecision::Best, &GpuOptions::default()) {
        Ok(gpu) => gpu,
        Err(error) => {
            println!("{}", json!({ "skipped": error.to_string() }));
            return;
        }
    };
    let limits = gpu.limits().clone();
    drop(gpu);
    let mut results = Vec::new();
    for shape in &SHAPES {
        let folder = Path::new(&folder).join(shape.name);
        shape.write(&folder);
        for precision in [GpuPrecision::Bf16, GpuPrecision::Fp16] {
            results.push(measure(shape, &folder, precision, false));
        }
        results.push(measure(shape, &folder, GpuPrecision::Bf16, true));
    }
    let report = json!({
        "gpu": limits.name, "compute_capability": limits.capability.to_string(),
        "multiprocessors": limits.multiprocessors, "results": results,
        "together": together(Path::new(&folder)),
    });
    println!("{}", serde_json::to_string_pretty(&report).unwrap());
}
