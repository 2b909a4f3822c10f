//! Dense products against sums over each value, on every device.

use fillrate_kernels::{Cpu, MatmulShape, MatmulType, MatmulValue, Philox};
use half::{bf16, f16};
use proptest::prelude::*;

fn values(count: usize, seed: u64) -> Vec<f64> {
    let philox = Philox::new(seed);
    (0..count as u64).map(|place| philox.normals(place, 0, 0)[0]).collect()
}

/// A device that multiplies matrices.
pub(crate) trait Multiplies {
    /// The product; the matrices have the shape.
    fn product<T: MatmulValue>(&self, shape: MatmulShape, a: &[T], b: &[T]) -> Vec<T::Sum>;
}

impl Multiplies for Cpu {
    fn product<T: MatmulValue>(&self, shape: MatmulShape, a: &[T], b: &[T]) -> Vec<T::Sum> {
        // What was there before is not added to.
        let mut out =
            vec![a.first().map_or(T::Sum::default(), |a| a.widen()); shape.rows * shape.columns];
        self.matmul(shape, a, b, &mut out).unwrap();
        out
    }
}

/// A product of normal numbers against the exact sums and against the processor's product.
fn check<T: MatmulValue>(
    device: &impl Multiplies,
    shape: MatmulShape,
    seed: u64,
    of: impl Fn(f64) -> T,
) where
    f64: From<T> + From<T::Sum>,
{
    let MatmulShape { rows, inner, columns } = shape;
    let a: Vec<T> = values(rows * inner, seed).into_iter().map(&of).collect();
    let b: Vec<T> = values(inner * columns, seed ^ 1).into_iter().map(&of).collect();
    let found = device.product(shape, &a, &b);
    let twin = Cpu::detect().product(shape, &a, &b);
    assert_eq!(found.len(), rows * columns);
    let roundings = inner as f64 * T::TYPE.roundoff();
    // The exact sums are f64 themselves, and no better than another device's where those are.
    let devices = if T::TYPE == MatmulType::F64 { 2.0 } else { 1.0 };
    let relative = roundings / (1.0 - roundings);
    for (place, (found, twin)) in found.iter().zip(&twin).enumerate() {
        let (row, column) = (place / columns, place % columns);
        let term = |k: usize| f64::from(a[row * inner + k]) * f64::from(b[k * columns + column]);
        let exact: f64 = (0..inner).map(term).sum();
        let size: f64 = (0..inner).map(|k| term(k).abs()).sum();
        let error = (f64::from(*found) - exact).abs();
        let context = format!("{:?} {shape:?} {row}, {column}: {error} of {size}", T::TYPE);
        assert!(error <= devices * relative * size, "{context}");
        let between = (f64::from(*found) - f64::from(*twin)).abs();
        assert!(between <= 2.0 * relative * size, "{context}, from the twin {between}");
    }
}

/// In every type.
pub(crate) fn check_all(device: &impl Multiplies, shape: MatmulShape, seed: u64) {
    check(device, shape, seed, |x| x as f32);
    check(device, shape, seed, |x| x);
    check(device, shape, seed, bf16::from_f64);
    check(device, shape, seed, f16::from_f64);
}

/// Sizes with and without whole blocks, single rows and columns, and empty matrices.
pub(crate) fn check_sizes(device: &impl Multiplies) {
    for (rows, inner, columns) in [
        (1, 1, 1),
        (3, 7, 5),
        (64, 64, 64),
        (65, 129, 33),
        (200, 3, 1),
        (1, 300, 40),
        (130, 257, 9),
        (0, 3, 4),
        (3, 4, 0),
        (0, 0, 0),
        (5, 0, 3),
    ] {
        check_all(device, MatmulShape { rows, inner, columns }, 3);
    }
}

#[test]
fn products_are_the_sums_of_their_terms() {
    check_sizes(&Cpu::detect());
}

#[test]
fn sums_of_no_terms_are_zero() {
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
        check_all(&Cpu::detect(), MatmulShape { rows, inner, columns }, seed);
    }
}
