//! Dense products against sums over each value.

use fillrate_kernels::{Cpu, MatmulShape, MatmulValue, Philox};
use half::{bf16, f16};
use proptest::prelude::*;

fn values(count: usize, seed: u64) -> Vec<f64> {
    let philox = Philox::new(seed);
    (0..count as u64).map(|place| philox.normals(place, 0, 0)[0]).collect()
}

/// A product of these values, and for each the exact sum and that of its terms' sizes.
fn check<T: MatmulValue>(shape: MatmulShape, seed: u64, of: impl Fn(f64) -> T, relative: f64)
where
    f64: From<T> + From<T::Sum>,
{
    let MatmulShape { rows, inner, columns } = shape;
    let a: Vec<T> = values(rows * inner, seed).into_iter().map(&of).collect();
    let b: Vec<T> = values(inner * columns, seed ^ 1).into_iter().map(&of).collect();
    // What was there before is not added to.
    let mut out = vec![of(7.0).widen(); rows * columns];
    Cpu::detect().matmul(shape, &a, &b, &mut out).unwrap();
    for (place, found) in out.iter().enumerate() {
        let (row, column) = (place / columns, place % columns);
        let term = |k: usize| f64::from(a[row * inner + k]) * f64::from(b[k * columns + column]);
        let exact: f64 = (0..inner).map(term).sum();
        let size: f64 = (0..inner).map(|k| term(k).abs()).sum();
        let error = (f64::from(*found) - exact).abs();
        assert!(error <= relative * size, "{shape:?} {row}, {column}: off by {error} of {size}");
    }
}

/// In every type; sums of so few terms lose far less than a rounding for each.
fn check_all(shape: MatmulShape, seed: u64) {
    check(shape, seed, |x| x as f32, 2e-6);
    check(shape, seed, |x| x, 2e-14);
    check(shape, seed, bf16::from_f64, 2e-6);
    check(shape, seed, f16::from_f64, 2e-6);
}

#[test]
fn products_are_the_sums_of_their_terms() {
    for (rows, inner, columns) in [
        (1, 1, 1),
        (3, 7, 5),
        (64, 64, 64),
        (65, 129, 33),
        (200, 3, 1),
        (1, 300, 40),
        (130, 257, 9),
    ] {
        check_all(MatmulShape { rows, inner, columns }, 3);
    }
}

#[test]
fn empty_matrices_have_empty_or_zero_products() {
    for (rows, inner, columns) in [(0, 3, 4), (3, 4, 0), (0, 0, 0)] {
        check_all(MatmulShape { rows, inner, columns }, 1);
    }
    let mut out = [5.0, f64::NAN];
    let shape = MatmulShape { rows: 1, inner: 0, columns: 2 };
    Cpu::detect().matmul::<f64>(shape, &[], &[], &mut out).unwrap();
    assert!(out.iter().all(|value| value.to_bits() == 0));
}

#[test]
fn a_matrix_of_another_size_is_refused() {
    let shape = MatmulShape { rows: 2, inner: 3, columns: 2 };
    for (a, b, out) in [(5, 6, 4), (6, 7, 4), (6, 6, 3)] {
        let (a, b, mut out) = (vec![0.0; a], vec![0.0; b], vec![0.0_f64; out]);
        let refused = Cpu::detect().matmul(shape, &a, &b, &mut out).unwrap_err().to_string();
        assert!(refused.starts_with("matmul: expected [2, 3] by [3, 2], got ["), "{refused}");
    }
    let huge = MatmulShape { rows: usize::MAX, inner: 2, columns: 1 };
    assert!(Cpu::detect().matmul::<f32>(huge, &[], &[], &mut []).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn products_of_every_size_are_the_sums_of_their_terms(
        rows in 0_usize..150, inner in 0_usize..150, columns in 0_usize..60, seed: u64,
    ) {
        check_all(MatmulShape { rows, inner, columns }, seed);
    }
}
