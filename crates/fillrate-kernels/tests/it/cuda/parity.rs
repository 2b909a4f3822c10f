//! Random shapes and odd sizes, on both element types.

use std::thread::LocalKey;

use fillrate_kernels::LinearShape;
use fillrate_kernels::cuda::{Element, HEAD_PADS, widen_e4m3};
use proptest::prelude::*;

use super::bench::Bench;
use super::checks::{self, NONLINEARITIES};
use super::emulator::Engine;

fn benches(head_dim: usize) -> [Bench; 2] {
    Element::ALL.map(|element| Bench::new(element, head_dim, Engine::Fibers))
}

/// Widths with and without whole chunks of eight, within a round of a warp and beyond.
fn widths() -> impl Strategy<Value = usize> {
    prop_oneof![2_usize..40, (1_usize..40).prop_map(|chunks| 8 * chunks), 250_usize..800]
}

thread_local! {
    static BENCHES: [Bench; 2] = benches(64);
}

fn on_both(check: impl Fn(&Bench)) {
    let key: &'static LocalKey<[Bench; 2]> = &BENCHES;
    key.with(|benches| benches.iter().for_each(check));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn embeddings_equal_the_twin(tokens in 1_usize..40, hidden in widths(), seed: u64) {
        on_both(|bench| checks::embed_layer_norm(bench, tokens, hidden, seed));
    }

    #[test]
    fn layer_norms_equal_the_twin(rows in 1_usize..40, width in widths(), seed: u64) {
        on_both(|bench| checks::add_layer_norm(bench, rows, width, seed));
    }

    #[test]
    fn products_with_their_nonlinearity_equal_the_twin(
        rows in 1_usize..30, inputs in 1_usize..60, outputs in widths(),
        f in prop::sample::select(NONLINEARITIES.to_vec()), seed: u64,
    ) {
        let shape = LinearShape { inputs, outputs };
        on_both(|bench| checks::linear(bench, rows, shape, f, seed));
    }

    #[test]
    fn products_of_8_bit_floats_equal_the_oracle(
        rows in 1_usize..20, inputs in 1_usize..4, outputs in 1_usize..20,
        f in prop::sample::select(NONLINEARITIES.to_vec()), seed: u64,
    ) {
        let shape = LinearShape { inputs: 16 * inputs, outputs: 16 * outputs };
        on_both(|bench| checks::linear_e4m3(bench, rows, shape, f, seed));
    }

    #[test]
    fn quantised_values_are_exact(
        bits in prop::collection::vec(any::<u32>(), 1..600), width in 1_usize..50,
    ) {
        let mut values: Vec<f32> = bits.into_iter().map(f32::from_bits).collect();
        // Most floats are beyond what 8 bits hold: half of them are brought into their range.
        for value in values.iter_mut().step_by(2) {
            *value = f32::from_bits(value.to_bits() & 0x87ff_ffff | 0x3800_0000);
        }
        let width = width.min(values.len());
        values.truncate(values.len() / width * width);
        on_both(|bench| checks::quantize(bench, &values, width));
    }

    #[test]
    fn selected_rows_equal_the_twin(rows in 1_usize..40, width in widths(), seed: u64) {
        on_both(|bench| checks::select_rows(bench, rows, width, seed));
    }

    #[test]
    fn tails_equal_the_oracle(
        rows in 1_usize..30, inputs in widths(), outputs in 1_usize..20,
        f in prop::sample::select(NONLINEARITIES.to_vec()), seed: u64,
    ) {
        let shape = LinearShape { inputs, outputs };
        on_both(|bench| checks::tail(bench, rows, shape, f, seed));
    }

    #[test]
    fn softmaxes_equal_the_definition(rows in 1_usize..20, width in 1_usize..100, seed: u64) {
        on_both(|bench| checks::softmax(bench, rows, width, seed));
    }

    #[test]
    fn casts_are_exact(bits in prop::collection::vec(any::<u32>(), 1..600)) {
        let values: Vec<f32> = bits.into_iter().map(f32::from_bits).collect();
        on_both(|bench| checks::casts(bench, &values));
    }

    #[test]
    fn attention_equals_the_twin(
        lens in prop::collection::vec(0_usize..80, 1..4), last in 1_usize..50,
        heads in 1_usize..4, head_dim in 1_usize..=64, seed: u64,
    ) {
        // The last sequence is not empty: something must be attended to.
        let lens: Vec<usize> = lens.into_iter().chain([last]).collect();
        on_both(|bench| checks::attention(bench, &lens, heads, head_dim, seed));
    }
}

/// Each element there is, and what lies between neighbours and around the limits.
#[test]
fn casts_are_exact_at_the_edges() {
    for bench in &benches(64) {
        let element = bench.element();
        let all: Vec<f32> = (0..=u16::MAX).map(|bits| element.widen(bits)).collect();
        checks::casts(bench, &all);
        let midpoints: Vec<f32> =
            all.windows(2).map(|pair| f32::midpoint(pair[0], pair[1])).collect();
        checks::casts(bench, &midpoints);
        checks::casts(bench, &[65519.996, 65520.0, 65504.0, f32::MAX, 2e-8, 3e-8, 6e-8, 1e-45]);
    }
}

/// Each 8-bit float, and elements between and around them.
#[test]
fn quantised_values_are_exact_at_the_edges() {
    let all = (0..=u8::MAX).map(|bits| 0.75 * widen_e4m3(bits)).filter(|value| !value.is_nan());
    let near = all.flat_map(|value| [0.94, 0.97, 1.0, 1.03, 1.06].map(|factor| factor * value));
    let beyond = [336.0, 348.0, 350.0, 1e30, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, 1e-45];
    let values: Vec<f32> = near.chain(beyond).collect();
    for bench in &benches(64) {
        checks::quantize(bench, &values, 1);
        // In whole chunks of eight, which are written at once.
        checks::quantize(bench, &values[..values.len() / 16 * 16], 16);
    }
}

/// Both attention kernels on either side of the length at which one takes over from the other.
#[test]
fn attention_of_every_length_around_the_tiles_equals_the_twin() {
    on_both(|bench| {
        for longest in [1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 191, 193] {
            checks::attention(bench, &[3, longest, 1], 1, 64, longest as u64);
        }
    });
}

#[test]
fn long_sequences_equal_the_twin() {
    on_both(|bench| checks::attention(bench, &[512, 300, 1], 1, 64, 5));
}

#[test]
fn heads_of_every_padded_width_equal_the_twin() {
    for pad in HEAD_PADS {
        for bench in &benches(pad) {
            for head_dim in [pad, pad - 1, pad - 15] {
                checks::attention(bench, &[40, 7, 130], 2, head_dim, pad as u64);
            }
        }
    }
}
