//! Simulated options, American puts, and what is said of many samples.

use fillrate_kernels::cuda::{
    AMERICAN_RESULTS, CHUNK_MOMENTS, DevicePuts, DeviceRanges, DeviceSamples, SAMPLE_TERMS,
};
use fillrate_kernels::{AmericanScheme, AmericanTerms, Cpu, OptionTerms, Sampled};

use super::{Bench, assert_same, grid, uniforms};

/// What can be drawn of a path.
pub(super) const SAMPLED: [Sampled; 5] = [
    Sampled::European,
    Sampled::GeometricMean,
    Sampled::ArithmeticMean,
    Sampled::Barrier { level: 80.0, is_down: true, is_in: false, rebate: 2.0 },
    Sampled::Barrier { level: 125.0, is_down: false, is_in: true, rebate: 0.5 },
];

pub(super) fn check_moments(bench: &Bench, [sets, count]: [usize; 2], chunk: usize, seed: u64) {
    let samples: Vec<f64> = uniforms(seed, sets * count).iter().map(|u| 100.0 + u).collect();
    let controls = uniforms(seed + 1, sets * count);
    let [x, y] = [&samples, &controls].map(|values| bench.column(values));
    let none = vec![0.0; sets * count];
    for (with, controls) in [(Some(y), &controls), (None, &none)] {
        let mut expected = Vec::new();
        for set in 0..sets {
            let of_set = set * count..(set + 1) * count;
            let chunks = samples[of_set.clone()].chunks(chunk).zip(controls[of_set].chunks(chunk));
            for (x, y) in chunks {
                let len = x.len() as f64;
                let means = [x.iter().sum::<f64>() / len, y.iter().sum::<f64>() / len];
                let product = |of: fn(f64, f64) -> f64| {
                    let pairs = x.iter().zip(y);
                    pairs.fold(0.0, |sum, (x, y)| sum + of(x - means[0], y - means[1]))
                };
                expected.extend(means);
                expected.extend([product(|x, _| x * x), product(|x, y| x * y)]);
                expected.push(product(|_, y| y * y));
            }
        }
        let out = bench.room(expected.len());
        assert_eq!(expected.len(), sets * count.div_ceil(chunk) * CHUNK_MOMENTS);
        bench.prices.chunk_moments(x, with, [sets, count], chunk, out).unwrap();
        let context = format!("{sets} sets of {count} in chunks of {chunk}");
        assert_same(&bench.bits(out, expected.len()), &expected, &context);
    }
    let means = bench.room(count);
    bench.prices.pair_means([x, y], means, count).unwrap();
    let expected: Vec<f64> =
        samples.iter().zip(&controls).take(count).map(|(a, b)| f64::midpoint(*a, *b)).collect();
    assert_same(&bench.bits(means, count), &expected, "means of pairs");
    bench.clear();
}

pub(super) fn check_selection(bench: &Bench, count: usize, ranges: &[[f64; 2]], seed: u64) {
    let values = uniforms(seed, count);
    let ends: Vec<f64> = [0, 1].iter().flat_map(|end| ranges.iter().map(|r| r[*end])).collect();
    let counts = vec![0.0; ranges.len() + 1];
    let place = DeviceRanges {
        ends: bench.column(&ends),
        ranges: ranges.len(),
        kept: bench.room(count),
        counts: bench.column(&counts),
    };
    bench.prices.select_ranges(bench.column(&values), count, &place).unwrap();
    let mut found = vec![0; counts.len() * 8];
    bench.prices.queue().download(place.counts, &mut found).unwrap();
    let found: Vec<u64> =
        found.as_chunks().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect();
    let below = |low: f64| values.iter().filter(|value| **value < low).count() as u64;
    let is_inside = |value: &&f64| ranges.iter().any(|r| (r[0]..=r[1]).contains(*value));
    let mut expected: Vec<f64> = values.iter().filter(is_inside).copied().collect();
    expected.sort_by(f64::total_cmp);
    assert_eq!(found[ranges.len()], expected.len() as u64);
    for (found, range) in found.iter().zip(ranges) {
        assert_eq!(*found, below(range[0]), "below {range:?} of {count}");
    }
    // Every place is written or as it was.
    let bits = bench.bits(place.kept, count);
    assert!(bits[expected.len()..].iter().all(|bits| *bits == u64::MAX));
    let mut kept: Vec<u64> = bits[..expected.len()].to_vec();
    kept.sort_unstable();
    assert_same(&kept, &expected, &format!("{ranges:?} of {count}"));
    bench.clear();
}

fn option_terms(place: usize) -> OptionTerms {
    let sign = if place.is_multiple_of(2) { 1.0 } else { -1.0 };
    let [rate, dividend] = [0.05 - 0.01 * place as f64, 0.02];
    let vol = if place == 3 { 0.0 } else { 0.2 + 0.1 * place as f64 };
    let spot = 100.0 + place as f64;
    OptionTerms { sign, spot, strike: 104.0, rate, dividend, vol, expiry: 0.75 }
}

pub(super) fn check_samples(
    bench: &Bench,
    sampled: Sampled,
    [sets, paths]: [usize; 2],
    steps: u32,
    first: u64,
) {
    let sets: Vec<OptionTerms> = (0..sets).map(option_terms).collect();
    let grid = grid(steps, first, false, 3);
    let count = sets.len() * paths;
    let place = DeviceSamples {
        samples: bench.room(count),
        controls: bench.room(count),
        paths,
        scratch: bench.room(sets.len() * SAMPLE_TERMS),
    };
    bench.prices.option_samples(sampled, &sets, &grid, &place).unwrap();
    let (mut samples, mut controls) = (vec![0.0; count], vec![0.0; count]);
    let rows = samples.chunks_mut(paths).zip(controls.chunks_mut(paths));
    for (terms, (samples, controls)) in sets.iter().zip(rows) {
        Cpu::detect().option_samples(sampled, terms, &grid, [samples, controls]).unwrap();
    }
    let context = format!("{sampled:?}, {paths} paths of {steps}");
    assert_same(&bench.bits(place.samples, count), &samples, &context);
    assert_same(&bench.bits(place.controls, count), &controls, &format!("controls: {context}"));
    bench.clear();
}

/// Puts of all sorts: some without dividends, some whose rate is far above the variance so that the first
/// equation does not settle, some that nothing is found for.
pub(super) fn check_puts(bench: &Bench, scheme: &AmericanScheme, puts: usize, seed: u64) {
    let unit = uniforms(seed, 6 * puts.max(1));
    let terms = |put: usize| {
        let u = &unit[6 * put..];
        let dividend = if put.is_multiple_of(3) { 0.0 } else { 0.15 * u[1] };
        let vol = if put.is_multiple_of(5) { 0.02 + 0.05 * u[2] } else { 0.1 + u[2] };
        let log_spot = 0.8 * (u[4] - 0.4);
        let terms =
            AmericanTerms { rate: 0.01 + 0.2 * u[0], dividend, vol, expiry: 0.05 + 3.0 * u[3] };
        (terms, log_spot)
    };
    let guess = |put: usize, terms: &AmericanTerms| -> Vec<f64> {
        let limit = -(terms.dividend / terms.rate).max(1.0).ln();
        let wild = if put % 7 == 6 { 1e3 } else { 0.7 * terms.vol };
        scheme.roots().iter().map(|root| limit - wild * root * terms.expiry.sqrt()).collect()
    };
    let (mut columns, mut guesses, mut expected) = (Vec::new(), Vec::new(), Vec::new());
    let cpu = Cpu::detect();
    for put in 0..puts {
        let (terms, log_spot) = terms(put);
        let AmericanTerms { rate, dividend, vol, expiry } = terms;
        columns.extend([rate, dividend, vol, expiry, log_spot, log_spot.exp()]);
        let mut boundary = guess(put, &terms);
        guesses.extend_from_slice(&boundary);
        let is_found = cpu.american_boundary(&terms, scheme, &mut boundary).unwrap();
        let premium = cpu.american_premium(&terms, scheme, &boundary, log_spot).unwrap();
        let last = boundary[boundary.len() - 1];
        expected.extend([f64::from(is_found), last, if is_found { premium } else { 0.0 }]);
    }
    let out = bench.room(AMERICAN_RESULTS * puts);
    let [scheme_at, terms, guesses] =
        [&scheme.table(), &columns, &guesses].map(|values| bench.column(values));
    let place = DevicePuts { scheme: scheme_at, terms, guesses, out, puts };
    bench.prices.american_puts(scheme, &place).unwrap();
    assert_same(&bench.bits(out, AMERICAN_RESULTS * puts), &expected, &format!("{puts} puts"));
    bench.clear();
}
