//! The same checks on a GPU, where there is one.

use std::sync::Arc;

use fillrate_kernels::LinearShape;
use fillrate_kernels::cuda::{Accelerator, Gpu, GpuOptions, GpuPrecision, HEAD_PADS};

use super::bench::Bench;
use super::checks::{self, NONLINEARITIES};

/// The first GPU in both types, or none, and then why.
#[allow(clippy::print_stderr, reason = "a test that skips says so")]
fn gpus() -> Vec<Arc<dyn Accelerator>> {
    let open = |precision| -> fillrate_kernels::Result<Arc<dyn Accelerator>> {
        Ok(Arc::new(Gpu::open(0, precision, &GpuOptions::default())?))
    };
    let opened: fillrate_kernels::Result<Vec<_>> =
        [GpuPrecision::Bf16, GpuPrecision::Fp16].into_iter().map(open).collect();
    opened.unwrap_or_else(|error| {
        eprintln!("skipped: no kernel runs on a GPU in this test: {error}");
        Vec::new()
    })
}

#[test]
fn every_kernel_on_the_gpu_equals_its_twin() {
    for gpu in gpus() {
        let multiplies_fp8 = gpu.require_fp8().is_ok();
        let bench = &Bench::on(gpu, 64);
        for (seed, (rows, width)) in
            [(1, 768), (5, 24), (33, 37), (200, 1024), (3, 2000), (129, 384)]
                .into_iter()
                .enumerate()
        {
            let seed = seed as u64;
            checks::embed_layer_norm(bench, rows, width, seed);
            checks::add_layer_norm(bench, rows, width, seed);
            checks::select_rows(bench, rows, width, seed);
            checks::softmax(bench, rows, width, seed);
            for f in NONLINEARITIES {
                checks::linear(bench, rows, LinearShape { inputs: 64, outputs: width }, f, seed);
                checks::tail(bench, rows, LinearShape { inputs: width, outputs: 5 }, f, seed);
            }
        }
        if multiplies_fp8 {
            for f in NONLINEARITIES {
                for (rows, inputs, outputs) in [(1, 768, 768), (33, 64, 1536), (200, 384, 48)] {
                    checks::linear_e4m3(bench, rows, LinearShape { inputs, outputs }, f, 3);
                }
            }
        }
        checks::casts(bench, &[1.0, -2.5, 3e-8, 1e9, 0.1, f32::NAN, f32::INFINITY, 65519.996]);
        checks::quantize(bench, &[1.0, -2.5, 3e-8, 1e9, 0.1, f32::NAN, 340.0, 0.006], 8);
        checks::quantize(bench, &[1.0, -2.5, 3e-3, 1e9, 0.1, f32::INFINITY], 3);
        for longest in [1, 16, 17, 24, 32, 33, 64, 127, 128, 129, 512] {
            checks::attention(bench, &[3, longest, 1, longest], 12, 64, longest as u64);
        }
    }
}

#[test]
fn heads_of_every_padded_width_on_the_gpu_equal_the_twin() {
    for gpu in gpus() {
        for pad in HEAD_PADS {
            let bench = Bench::on(Arc::clone(&gpu), pad);
            for head_dim in [pad, pad - 1, pad - 15] {
                checks::attention(&bench, &[40, 7, 130], 2, head_dim, pad as u64);
            }
        }
    }
}
