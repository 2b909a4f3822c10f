//! Covariances and portfolios' returns: the same bits on every tier, and those of their definitions to
//! rounding.

use std::ops::Range;

use fillrate_kernels::{CovarianceSum, Cpu, Philox, ReturnTable, Tier, triangle};
use proptest::prelude::*;

pub(crate) const SUMS: [CovarianceSum; 3] = [
    CovarianceSum::Centred { less: 1 },
    CovarianceSum::Centred { less: 0 },
    CovarianceSum::Weighted { decay: 0.94 },
];

/// Returns around a mean of their own for each symbol: `[symbols, dates]`.
pub(crate) fn returns(symbols: usize, dates: usize, seed: u64) -> Vec<f64> {
    let philox = Philox::new(seed);
    let of = |place: usize| {
        let symbol = place / dates;
        let [one, _] = philox.normals((place % dates) as u64, symbol as u32, 0);
        0.001 * symbol as f64 + 0.01 * one
    };
    (0..symbols * dates).map(of).collect()
}

fn covariances(
    cpu: Cpu,
    table: &ReturnTable<'_>,
    windows: &[Range<usize>],
    sum: CovarianceSum,
) -> Vec<f64> {
    let mut out = vec![f64::NAN; windows.len() * triangle(table.symbols())];
    cpu.covariances(table, windows, sum, &mut out).unwrap();
    out
}

/// The definition, value by value; and what its terms' sizes sum to.
fn definition(returns: [&[f64]; 2], sum: CovarianceSum) -> [f64; 2] {
    let [x, y] = returns;
    let count = x.len() as f64;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / count;
    let terms: Vec<f64> = match sum {
        CovarianceSum::Centred { less } => {
            let (of_x, of_y) = (mean(x), mean(y));
            let divisor = count - less as f64;
            x.iter().zip(y).map(|(x, y)| (x - of_x) * (y - of_y) / divisor).collect()
        }
        CovarianceSum::Weighted { decay } => {
            let mut weight = 1.0;
            let mut terms = Vec::new();
            for (place, (x, y)) in x.iter().zip(y).enumerate().rev() {
                terms.push(x * y * weight * if place == 0 { 1.0 } else { 1.0 - decay });
                weight *= decay;
            }
            terms
        }
    };
    [terms.iter().sum(), terms.iter().map(|term| term.abs()).sum()]
}

fn check(symbols: usize, dates: usize, windows: &[Range<usize>], seed: u64) {
    let values = returns(symbols, dates, seed);
    let table = ReturnTable::new(&values, symbols, dates).unwrap();
    for sum in SUMS {
        let found = covariances(Cpu::detect(), &table, windows, sum);
        let bits = |values: &[f64]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        for tier in Tier::available() {
            let of_tier = covariances(Cpu::with_tier(*tier).unwrap(), &table, windows, sum);
            assert_eq!(bits(&of_tier), bits(&found), "{tier}, {sum:?}");
        }
        for (window, found) in windows.iter().zip(found.chunks(triangle(symbols).max(1))) {
            let column = |symbol: usize| &values[symbol * dates..][window.clone()];
            let mut found = found.iter();
            for row in 0..symbols {
                for other in 0..=row {
                    let [exact, size] = definition([column(row), column(other)], sum);
                    let found = *found.next().unwrap();
                    let context = format!("{sum:?} {window:?} {row}, {other}");
                    // A single return has no sample's covariance.
                    let is_none = sum == SUMS[0] && window.len() == 1;
                    assert!(
                        is_none && found.is_nan() || (found - exact).abs() <= 1e-12 * size,
                        "{context}: {found:e}, {exact:e}"
                    );
                }
            }
        }
    }
    let weights: Vec<f64> = returns(7, symbols, seed ^ 1);
    let mut found = vec![f64::NAN; 7 * dates];
    Cpu::detect().portfolio_returns(&table, &weights, &mut found).unwrap();
    for (place, found) in found.iter().enumerate() {
        let (portfolio, date) = (place / dates, place % dates);
        let term =
            |symbol: usize| weights[portfolio * symbols + symbol] * values[symbol * dates + date];
        let exact = (0..symbols).map(term).fold(0.0, |sum, term| sum + term);
        assert_eq!(found.to_bits(), exact.to_bits(), "{portfolio}, {date}");
    }
}

#[test]
fn covariances_are_those_of_the_definition() {
    check(1, 1, &[0..1, 0..1], 1);
    check(5, 9, &[0..9, 2..5, 8..9], 2);
    check(21, 200, &[0..200, 17..133, 192..200], 3);
    check(40, 33, &[0..32, 1..33], 4);
    check(3, 4, &[], 5);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn covariances_of_every_size_are_those_of_the_definition(
        symbols in 1_usize..24, dates in 1_usize..90, first in 0_usize..80, seed: u64,
    ) {
        let first = first.min(dates - 1);
        check(symbols, dates, &[first..dates, 0..first + 1], seed);
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let values = [0.0; 12];
    let refused = ReturnTable::new(&values, 3, 5).unwrap_err().to_string();
    assert_eq!(refused, "returns: expected [3, 5] returns, got 12");
    let table = ReturnTable::new(&values, 3, 4).unwrap();
    let sum = SUMS[0];
    for window in [0..5, 2..2] {
        let refused =
            Cpu::detect().covariances(&table, std::slice::from_ref(&window), sum, &mut [0.0; 6]);
        let expected = format!("covariances: expected windows within 4 dates, got {window:?}");
        assert_eq!(refused.unwrap_err().to_string(), expected);
    }
    let refused = Cpu::detect().covariances(&table, &[0..4, 1..3], sum, &mut [0.0; 5]).unwrap_err();
    assert_eq!(refused.to_string(), "covariances: expected [2, 6], got 5");
    let refused = Cpu::detect().portfolio_returns(&table, &[1.0; 4], &mut [0.0; 4]).unwrap_err();
    let expected = "portfolio_returns: expected weights [n, 3] for returns [n, 4]";
    assert!(refused.to_string().starts_with(expected), "{refused}");
}
