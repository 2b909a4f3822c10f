use fillrate_kernels::{
    Activation, Cpu, Embeddings, LayerNorm, Linear, LinearShape, Nonlinearity, Precision,
    Sequences, Tier, Workspace, scalar,
};
use proptest::prelude::*;

const PRECISIONS: [Precision; 3] = [Precision::Fp32, Precision::Bf16, Precision::Int8];

/// A reproducible sequence of values in [−1, 1) (splitmix64).
pub(crate) struct Values(pub(crate) u64);

impl Values {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / 8_388_608.0 - 1.0
    }

    pub(crate) fn take(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.next()).collect()
    }
}

/// What an activation of this precision makes of `values`.
fn rounded(values: &[f32], precision: Precision) -> Vec<f32> {
    match precision {
        Precision::Fp32 => values.to_vec(),
        Precision::Bf16 | Precision::Int8 => scalar::round_bf16(values),
    }
}

/// An activation that held other, larger rows before: nothing of them may show.
fn dirty(rows: usize, width: usize, precision: Precision) -> Activation {
    let mut activation = Activation::new(rows, width, precision);
    let poison = vec![f32::NAN; activation.capacity_rows() * width];
    activation.set_f32(&poison);
    activation
}

pub(crate) fn filled(values: &[f32], width: usize, precision: Precision) -> Activation {
    let mut activation = dirty(values.len() / width, width, precision);
    activation.set_f32(values);
    activation
}

pub(crate) fn contents(activation: &Activation) -> Vec<f32> {
    let mut out = vec![0.0; activation.rows() * activation.width()];
    for (row, out) in out.chunks_exact_mut(activation.width()).enumerate() {
        activation.row_f32(row, out);
    }
    out
}

/// Fails unless every value is within `absolute + relative · |expected|`.
#[track_caller]
pub(crate) fn assert_close(
    got: &[f32],
    expected: &[f32],
    absolute: f32,
    relative: f32,
    context: &str,
) {
    assert_eq!(got.len(), expected.len(), "{context}");
    for (i, (&g, &e)) in got.iter().zip(expected).enumerate() {
        assert!(
            (g - e).abs() <= absolute + relative * e.abs(),
            "{context}: [{i}] {g}, expected {e}"
        );
    }
}

/// The tolerance of a stored result: f32 sums of up to 300 terms, or a bf16's rounding.
fn tolerance(precision: Precision) -> (f32, f32) {
    match precision {
        Precision::Fp32 => (2e-5, 2e-5),
        Precision::Bf16 | Precision::Int8 => (3e-4, 1.0 / 256.0),
    }
}

proptest! {
    // Wide rows are slow for the oracle; each case takes both ends of a product.
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn products_of_wide_rows_equal_the_oracle(
        rows in 1_usize..80, inputs in 500_usize..1200, outputs in 1_usize..100,
        f in prop::sample::select(vec![Nonlinearity::Identity, Nonlinearity::Gelu]),
        ways in 1_usize..4, seed: u64,
    ) {
        let mut values = Values(seed);
        let shape = LinearShape { inputs, outputs };
        let x: Vec<f32> = values.take(rows * inputs).iter().map(|x| 0.1 * x).collect();
        let (w, b) = (values.take(inputs * outputs), values.take(outputs));
        let residual = values.take(rows * outputs);
        let norm = LayerNorm::new(&vec![1.0; outputs], &vec![0.0; outputs], 1.0).unwrap();
        for precision in [Precision::Bf16, Precision::Int8] {
            let linear = Linear::pack(&w, Some(&b), shape, precision).unwrap();
            let (x, residual) = (rounded(&x, precision), rounded(&residual, precision));
            let product = |f| match precision {
                Precision::Int8 => scalar::linear_int8(&x, &w, &b, shape, f),
                _ => scalar::linear(&x, &rounded(&w, precision), &b, shape, f),
            };
            let sum: Vec<f32> =
                product(Nonlinearity::Identity).iter().zip(&residual).map(|(a, b)| a + b).collect();
            let normed =
                scalar::layer_norm(&sum, &vec![1.0; outputs], &vec![0.0; outputs], 1.0);
            let (input, residual) =
                (filled(&x, inputs, precision), filled(&residual, outputs, precision));
            let (absolute, relative) = tolerance(precision);
            for &tier in Tier::available() {
                let cpu = Cpu::with_tier(tier).unwrap().split(ways);
                let context = format!("{tier} {precision}");
                let mut out = dirty(rows, outputs, precision);
                cpu.linear(&input, &linear, f, &mut out).unwrap();
                assert_close(&contents(&out), &product(f), 4.0 * absolute, relative, &context);
                let mut workspace = Workspace::new(rows, outputs, 1, 1);
                cpu.linear_add_layer_norm(&input, &linear, &residual, &norm, &mut out, &mut workspace)
                    .unwrap();
                assert_close(&contents(&out), &normed, 20.0 * absolute, relative, &context);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn linear_equals_the_oracle(
        rows in 1_usize..70, inputs in 1_usize..300, outputs in 1_usize..200,
        f in prop::sample::select(vec![
            Nonlinearity::Identity, Nonlinearity::Gelu, Nonlinearity::GeluTanh,
            Nonlinearity::Relu, Nonlinearity::Tanh,
        ]),
        ways in 1_usize..4, seed: u64,
    ) {
        let mut values = Values(seed);
        let shape = LinearShape { inputs, outputs };
        let (x, w, b) = (values.take(rows * inputs), values.take(inputs * outputs), values.take(outputs));
        for precision in PRECISIONS {
            let linear = Linear::pack(&w, Some(&b), shape, precision).unwrap();
            let x = rounded(&x, precision);
            let expected = match precision {
                Precision::Int8 => scalar::linear_int8(&x, &w, &b, shape, f),
                _ => scalar::linear(&x, &rounded(&w, precision), &b, shape, f),
            };
            let input = filled(&x, inputs, precision);
            for &tier in Tier::available() {
                let cpu = Cpu::with_tier(tier).unwrap().split(ways);
                let mut out = dirty(rows, outputs, precision);
                cpu.linear(&input, &linear, f, &mut out).unwrap();
                let (absolute, relative) = tolerance(precision);
                assert_close(&contents(&out), &expected, absolute, relative, &format!("{tier} {precision}"));
            }
        }
    }

    #[test]
    fn linear_add_layer_norm_equals_the_oracle(
        rows in 1_usize..70, inputs in 1_usize..200, outputs in 2_usize..200, seed: u64,
    ) {
        let mut values = Values(seed);
        let shape = LinearShape { inputs, outputs };
        let (x, w, b) = (values.take(rows * inputs), values.take(inputs * outputs), values.take(outputs));
        let (residual, gamma, beta) = (values.take(rows * outputs), values.take(outputs), values.take(outputs));
        let norm = LayerNorm::new(&gamma, &beta, 1e-3).unwrap();
        for precision in PRECISIONS {
            let linear = Linear::pack(&w, Some(&b), shape, precision).unwrap();
            let (x, residual) = (rounded(&x, precision), rounded(&residual, precision));
            let product = match precision {
                Precision::Int8 => scalar::linear_int8(&x, &w, &b, shape, Nonlinearity::Identity),
                _ => scalar::linear(&x, &rounded(&w, precision), &b, shape, Nonlinearity::Identity),
            };
            let sum: Vec<f32> = product.iter().zip(&residual).map(|(a, b)| a + b).collect();
            let expected = scalar::layer_norm(&sum, &gamma, &beta, 1e-3);
            let (input, residual) = (filled(&x, inputs, precision), filled(&residual, outputs, precision));
            for &tier in Tier::available() {
                let cpu = Cpu::with_tier(tier).unwrap();
                let mut workspace = Workspace::new(rows, outputs, 1, 1);
                let mut out = dirty(rows, outputs, precision);
                cpu.linear_add_layer_norm(&input, &linear, &residual, &norm, &mut out, &mut workspace).unwrap();
                // Two values can lie close together, and their norm is then far from either.
                let (absolute, relative) = tolerance(precision);
                assert_close(&contents(&out), &expected, 20.0 * absolute, relative, &format!("{tier} {precision}"));
            }
        }
    }

    #[test]
    fn attention_equals_the_oracle(
        lens in prop::collection::vec(1_usize..70, 1..5), heads in 1_usize..4,
        head_dim in prop::sample::select(vec![1_usize, 5, 12, 16, 32, 64, 72]), seed: u64,
    ) {
        let mut cu_seqlens = vec![0_u32];
        for len in &lens {
            cu_seqlens.push(cu_seqlens.last().unwrap() + *len as u32);
        }
        let (tokens, hidden) = (lens.iter().sum::<usize>(), heads * head_dim);
        // Wide enough that some rows attend to one key and others to many.
        let qkv: Vec<f32> = Values(seed).take(tokens * 3 * hidden).iter().map(|x| 3.0 * x).collect();
        for precision in PRECISIONS {
            let qkv = rounded(&qkv, precision);
            let expected = scalar::attention(&qkv, &cu_seqlens, heads, head_dim);
            let input = filled(&qkv, 3 * hidden, precision);
            for &tier in Tier::available() {
                let cpu = Cpu::with_tier(tier).unwrap();
                let mut workspace = Workspace::new(tokens, hidden, *lens.iter().max().unwrap(), head_dim);
                let mut out = dirty(tokens, hidden, precision);
                for _ in 0..2 {
                    let sequences = Sequences { cu_seqlens: &cu_seqlens, heads };
                    cpu.attention(&input, sequences, &mut out, &mut workspace).unwrap();
                    let (absolute, relative) = match precision {
                        Precision::Fp32 => tolerance(precision),
                        // Tiles round the softmax weights to bf16: up to 2⁻⁹ of a value, at most 3.
                        Precision::Bf16 | Precision::Int8 => (3.0 / 512.0, 1.0 / 256.0),
                    };
                    assert_close(&contents(&out), &expected, absolute, relative, &format!("{tier} {precision}"));
                }
            }
        }
    }

    #[test]
    fn attention_first_equals_the_oracle(
        lens in prop::collection::vec(1_usize..70, 2..6), heads in 1_usize..4,
        head_dim in prop::sample::select(vec![1_usize, 5, 12, 16, 32, 64, 72]), seed: u64,
    ) {
        let mut cu_seqlens = vec![0_u32];
        for len in &lens {
            cu_seqlens.push(cu_seqlens.last().unwrap() + *len as u32);
        }
        let (tokens, hidden) = (lens.iter().sum::<usize>(), heads * head_dim);
        let qkv: Vec<f32> = Values(seed).take(tokens * 3 * hidden).iter().map(|x| 3.0 * x).collect();
        // The first and the last sequence are left out: the offsets are those of a tile.
        let tile = &cu_seqlens[1..lens.len()];
        for precision in PRECISIONS {
            let qkv = rounded(&qkv, precision);
            let all = scalar::attention(&qkv, &cu_seqlens, heads, head_dim);
            let firsts = &tile[..tile.len() - 1];
            let rows = |values: &[f32], width: usize| -> Vec<f32> {
                firsts.iter().flat_map(|&row| values[row as usize * width..][..width].to_vec()).collect()
            };
            let expected = rows(&all, hidden);
            let mut queries = rows(&qkv, 3 * hidden);
            let mut keys_and_values = qkv.clone();
            // What is not read may hold anything.
            for row in queries.chunks_exact_mut(3 * hidden) {
                row[hidden..].fill(f32::NAN);
            }
            for row in keys_and_values.chunks_exact_mut(3 * hidden) {
                row[..hidden].fill(f32::NAN);
            }
            let queries = filled(&queries, 3 * hidden, precision);
            let input = filled(&keys_and_values, 3 * hidden, precision);
            for &tier in Tier::available() {
                let cpu = Cpu::with_tier(tier).unwrap();
                let mut workspace = Workspace::new(tokens, hidden, *lens.iter().max().unwrap(), head_dim);
                let mut out = dirty(firsts.len(), hidden, precision);
                let sequences = Sequences { cu_seqlens: tile, heads };
                for _ in 0..2 {
                    cpu.attention_first(&queries, &input, sequences, &mut out, &mut workspace).unwrap();
                    let (absolute, relative) = tolerance(precision);
                    assert_close(&contents(&out), &expected, absolute, relative, &format!("{tier} {precision}"));
                }
            }
        }
    }

    /// The columns asked for are those of the whole product, to the bit.
    #[test]
    fn linear_columns_are_those_of_the_product(
        rows in 1_usize..70, inputs in 1_usize..200, outputs in 1_usize..300,
        ends in (0.0_f64..1.0, 0.0_f64..1.0), seed: u64,
    ) {
        let mut values = Values(seed);
        let shape = LinearShape { inputs, outputs };
        let (x, w, b) = (values.take(rows * inputs), values.take(inputs * outputs), values.take(outputs));
        let at = |end: f64| (end * outputs as f64) as usize;
        let (start, end) = (at(ends.0).min(at(ends.1)), at(ends.0).max(at(ends.1)) + 1);
        for precision in PRECISIONS {
            let linear = Linear::pack(&w, Some(&b), shape, precision).unwrap();
            let input = filled(&x, inputs, precision);
            for &tier in Tier::available() {
                for ways in [1, 3] {
                    let cpu = Cpu::with_tier(tier).unwrap().split(ways);
                    let between = precision.between_products();
                    let (mut whole, mut part) = (dirty(rows, outputs, between), dirty(rows, outputs, between));
                    cpu.linear(&input, &linear, Nonlinearity::Identity, &mut whole).unwrap();
                    cpu.linear_columns(&input, &linear, start..end, &mut part).unwrap();
                    let (whole, part) = (contents(&whole), contents(&part));
                    for (whole, part) in whole.chunks(outputs).zip(part.chunks(outputs)) {
                        assert_eq!(whole[start..end], part[start..end], "{tier} {precision}");
                    }
                }
            }
        }
    }

    #[test]
    fn embed_layer_norm_equals_the_oracle(
        tokens in 1_usize..50, hidden in 2_usize..150, seed: u64,
    ) {
        let mut values = Values(seed);
        let (words, positions) = (values.take(30 * hidden), values.take(60 * hidden));
        let (gamma, beta) = (values.take(hidden), values.take(hidden));
        let ids: Vec<u32> = (0..tokens).map(|i| (i as u32 * 7 + seed as u32 % 30) % 30).collect();
        let at: Vec<u32> = (0..tokens as u32).map(|i| i + 2).collect();
        let norm = LayerNorm::new(&gamma, &beta, 1e-3).unwrap();
        for precision in PRECISIONS {
            let words = rounded(&words, precision);
            let sum: Vec<f32> = ids.iter().zip(&at).flat_map(|(&id, &position)| {
                let word = &words[id as usize * hidden..][..hidden];
                let position = &positions[position as usize * hidden..][..hidden];
                word.iter().zip(position).map(|(a, b)| a + b).collect::<Vec<_>>()
            }).collect();
            let expected = scalar::layer_norm(&sum, &gamma, &beta, 1e-3);
            let tables = Embeddings::new(&words, &positions, hidden, precision).unwrap();
            for &tier in Tier::available() {
                let cpu = Cpu::with_tier(tier).unwrap();
                let mut workspace = Workspace::new(tokens, hidden, 1, 1);
                let mut out = dirty(tokens, hidden, precision);
                cpu.embed_layer_norm(&tables, &ids, &at, &norm, &mut out, &mut workspace).unwrap();
                let (absolute, relative) = tolerance(precision);
                assert_close(&contents(&out), &expected, 20.0 * absolute, relative, &format!("{tier} {precision}"));
            }
        }
    }

    /// A row's result does not depend on the rows beside it, on how many there are, or on how a
    /// product is split: to the bit.
    #[test]
    fn rows_are_independent(rows in 2_usize..70, inputs in 1_usize..200, outputs in 1_usize..200, seed: u64) {
        let mut values = Values(seed);
        let shape = LinearShape { inputs, outputs };
        let (x, w) = (values.take(rows * inputs), values.take(inputs * outputs));
        for precision in PRECISIONS {
            let linear = Linear::pack(&w, None, shape, precision).unwrap();
            for &tier in Tier::available() {
                let run = |x: &[f32], ways| {
                    let mut out = dirty(x.len() / inputs, outputs, precision);
                    let cpu = Cpu::with_tier(tier).unwrap().split(ways);
                    cpu.linear(&filled(x, inputs, precision), &linear, Nonlinearity::Gelu, &mut out).unwrap();
                    contents(&out)
                };
                let together = run(&x, 1);
                prop_assert_eq!(&together, &run(&x, 3), "{} {}", tier, precision);
                for (x, together) in x.chunks_exact(inputs).zip(together.chunks_exact(outputs)) {
                    prop_assert_eq!(together, &run(x, 1)[..], "{} {}", tier, precision);
                }
            }
        }
    }
}

#[test]
fn int8_products_are_the_same_on_every_tier_but_for_the_last_rounding() {
    let mut values = Values(7);
    let shape = LinearShape { inputs: 3072, outputs: 96 };
    let linear = Linear::pack(&values.take(3072 * 96), None, shape, Precision::Int8).unwrap();
    let input = filled(&values.take(40 * 3072), 3072, Precision::Int8);
    let results: Vec<Vec<f32>> = Tier::available()
        .iter()
        .map(|&tier| {
            let mut out = dirty(40, 96, Precision::Int8);
            let cpu = Cpu::with_tier(tier).unwrap();
            cpu.linear(&input, &linear, Nonlinearity::Identity, &mut out).unwrap();
            contents(&out)
        })
        .collect();
    for result in &results[1..] {
        assert_close(result, &results[0], 1e-3, 1.0 / 256.0, "tiers");
    }
}

/// What an int8 product computes on every tier.
fn int8_product(linear: &Linear, x: &Activation) -> fillrate_kernels::Result<Vec<Vec<f32>>> {
    let outputs = linear.shape().outputs;
    let compute = |&tier: &Tier| {
        let mut out = dirty(x.rows(), outputs, Precision::Bf16);
        Cpu::with_tier(tier)?.linear(x, linear, Nonlinearity::Identity, &mut out)?;
        Ok(contents(&out))
    };
    Tier::available().iter().map(compute).collect()
}

#[test]
fn packed_bytes_are_those_of_weights_quantised_alike() {
    let (inputs, outputs) = (70, 37);
    let shape = LinearShape { inputs, outputs };
    let mut values = Values(11);
    let (weight, bias) = (values.take(inputs * outputs), values.take(outputs));
    let x = filled(&values.take(5 * inputs), inputs, Precision::Int8);
    let (mut bytes, mut scales) = (Vec::new(), Vec::new());
    for row in weight.chunks_exact(inputs) {
        let scale = row.iter().fold(0.0_f32, |m, w| m.max(w.abs())) / 127.0;
        bytes.extend(row.iter().map(|w| (w / scale).round_ties_even() as i8));
        scales.push(scale);
    }
    let floats = Linear::pack(&weight, Some(&bias), shape, Precision::Int8).unwrap();
    let packed = Linear::pack_int8(&bytes, &scales, Some(&bias), shape).unwrap();
    assert_eq!(int8_product(&packed, &x).unwrap(), int8_product(&floats, &x).unwrap());
}

#[test]
fn packed_bytes_of_any_size_keep_their_scale() {
    // Quantised again, a channel of bytes up to 50 would be spread over 127 and rounded.
    let (inputs, outputs) = (64, 16);
    let shape = LinearShape { inputs, outputs };
    let bytes: Vec<i8> = (0..inputs * outputs)
        .map(|at| if at % 97 == 0 { i8::MIN } else { (at * 31 % 101) as i8 - 50 })
        .collect();
    let scales: Vec<f32> = (1..=outputs).map(|output| output as f32 / 64.0).collect();
    let packed = Linear::pack_int8(&bytes, &scales, None, shape).unwrap();
    // From 0 to 255 with the scale 1, these quantise to themselves.
    let mut row: Vec<f32> = (0..inputs).map(|input| (input * 4) as f32).collect();
    row[inputs - 1] = 255.0;
    let expected: Vec<f32> = bytes
        .chunks_exact(inputs)
        .zip(&scales)
        .map(|(bytes, scale)| {
            let products = bytes.iter().zip(&row).map(|(&byte, x)| f32::from(byte) * x);
            products.sum::<f32>() * scale
        })
        .collect();
    let expected = scalar::round_bf16(&expected);
    let x = filled(&row, inputs, Precision::Int8);
    for found in int8_product(&packed, &x).unwrap() {
        assert_eq!(found, expected);
    }
}

#[test]
fn extreme_activations_quantize_without_harm() {
    let shape = LinearShape { inputs: 64, outputs: 64 };
    let weight: Vec<f32> = Values(3).take(64 * 64);
    let linear = Linear::pack(&weight, None, shape, Precision::Int8).unwrap();
    for row in [vec![0.0; 64], vec![1e30; 64], vec![-1e30; 64], vec![1e-38; 64]] {
        let expected = scalar::linear_int8(
            &scalar::round_bf16(&row),
            &weight,
            &[0.0; 64],
            shape,
            Nonlinearity::Identity,
        );
        for &tier in Tier::available() {
            let mut out = dirty(1, 64, Precision::Int8);
            let cpu = Cpu::with_tier(tier).unwrap();
            cpu.linear(
                &filled(&row, 64, Precision::Int8),
                &linear,
                Nonlinearity::Identity,
                &mut out,
            )
            .unwrap();
            let largest = expected.iter().fold(1e-3_f32, |m, x| m.max(x.abs()));
            assert_close(&contents(&out), &expected, largest / 100.0, 1.0 / 256.0, tier.as_str());
        }
    }
}

#[test]
fn select_rows_gathers_and_widens() {
    let cpu = Cpu::detect();
    let values = scalar::round_bf16(&Values(1).take(5 * 70));
    let input = filled(&values, 70, Precision::Bf16);
    let mut out = dirty(3, 70, Precision::Fp32);
    cpu.select_rows(&input, &[4, 0, 4], &mut out).unwrap();
    let expected = [&values[280..350], &values[..70], &values[280..350]].concat();
    assert_eq!(contents(&out), expected);
}

#[test]
fn planned_bytes_are_the_bytes_taken() {
    for precision in PRECISIONS {
        for (rows, width) in [(1, 1), (33, 100), (256, 768)] {
            let activation = Activation::new(rows, width, precision);
            assert_eq!(activation.bytes(), Activation::bytes_for(rows, width, precision));
        }
    }
    let workspace = Workspace::new(300, 100, 77, 25);
    assert_eq!(workspace.bytes(), Workspace::bytes_for(300, 100, 77, 25));
}
