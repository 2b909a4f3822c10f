//! Every kernel once under the sanitizers, on small shapes: with and without whole chunks, with
//! more rows than a block has warps, with a last block that is not full.

use fillrate_kernels::LinearShape;
use fillrate_kernels::cuda::Element;

use super::bench::Bench;
use super::checks::{self, NONLINEARITIES};
use super::emulator::Engine;

fn every_kernel(engine: Engine) {
    for element in Element::ALL {
        let bench = &Bench::new(element, 16, engine);
        for (rows, width) in [(5, 24), (3, 37), (2, 272)] {
            checks::embed_layer_norm(bench, rows, width, 1);
            checks::add_layer_norm(bench, rows, width, 2);
            checks::select_rows(bench, rows, width, 3);
            checks::softmax(bench, rows, width, 4);
        }
        for f in NONLINEARITIES {
            let shape = LinearShape { inputs: 10, outputs: 21 };
            checks::linear(bench, 3, shape, f, 5);
            checks::tail(bench, 9, LinearShape { inputs: 40, outputs: 5 }, f, 6);
            checks::linear_e4m3(bench, 3, LinearShape { inputs: 16, outputs: 32 }, f, 10);
        }
        checks::casts(bench, &[1.0, -2.5, 3e-8, 1e9, 0.1]);
        checks::quantize(bench, &[1.0, -2.5, 3e-8, 1e9, 0.1], 5);
        checks::quantize(bench, &[0.3; 48], 16);
        // More queries than a tile and more keys than a step; then more than fit as a whole.
        checks::attention(bench, &[35, 0, 2], 2, 16, 7);
        checks::attention(bench, &[19], 1, 13, 8);
        checks::attention(bench, &[130], 1, 8, 9);
    }
}

#[test]
fn no_kernel_races() {
    every_kernel(Engine::ThreadSanitizer);
}

#[test]
fn no_kernel_reads_or_writes_beyond_its_memory() {
    every_kernel(Engine::AddressSanitizer);
}

/// The check of the check: a kernel that forgets its barrier is caught.
#[test]
fn a_missing_barrier_is_caught() {
    let check = || {
        let bench = Bench::new(Element::Bf16, 16, Engine::WithoutBarriers);
        checks::attention(&bench, &[35], 1, 16, 7);
    };
    assert!(std::panic::catch_unwind(check).is_err(), "nobody noticed");
}
