//! Path kernels against their scalar versions, between tiers, and cut in pieces.

use fillrate_kernels::scalar::paths as scalar;
use fillrate_kernels::{
    BasketTerms, Cpu, HestonTerms, MertonTerms, PathBarrier, PathGrid, PathModel, Philox, Tier,
};

/// One of each kind.
pub(crate) const MODELS: [PathModel; 3] = [
    PathModel::GeometricBrownian { drift: 0.05, vol: 0.3 },
    PathModel::Merton(MertonTerms {
        drift: 0.05,
        vol: 0.2,
        jumps_per_year: 5.0,
        jump_mean: -0.03,
        jump_vol: 0.05,
    }),
    PathModel::Heston(HestonTerms {
        drift: 0.03,
        variance: 0.04,
        reversion: 1.5,
        variance_mean: 0.06,
        variance_vol: 0.7,
        correlation: -0.6,
    }),
];

/// Two assets, the second of which follows the first with a correlation of 0.6.
const BASKET: BasketTerms<'static> = BasketTerms {
    worth: &[60.0, 40.0],
    drift: &[0.05, 0.02],
    vol: &[0.2, 0.4],
    mixing: &[1.0, 0.0, 0.6, 0.8],
};

fn grid(steps: u32) -> PathGrid {
    let step_years = 1.0 / f64::from(steps);
    PathGrid { spot: 100.0, philox: Philox::new(11), first: 3, mirrored: false, steps, step_years }
}

fn ends(cpu: &Cpu, model: &PathModel, grid: &PathGrid, paths: usize) -> Vec<f64> {
    let mut ends = vec![0.0; paths];
    cpu.path_ends(model, grid, &mut ends).unwrap();
    ends
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[track_caller]
fn close(got: f64, expected: f64, tolerance: f64, what: &str) {
    let error = (got - expected).abs();
    assert!(error <= tolerance * expected.abs().max(1e-3), "{what}: {got}, {expected}");
}

#[test]
fn paths_are_those_of_the_scalar_version_on_every_tier() {
    for model in MODELS {
        for (steps, mirrored) in [(1, false), (2, true), (7, false), (64, true)] {
            let grid = PathGrid { mirrored, ..grid(steps) };
            let portable = ends(&Cpu::with_tier(Tier::Portable).unwrap(), &model, &grid, 61);
            let mut rows = vec![0.0; steps as usize * 61];
            Cpu::detect().path_rows(&model, &grid, &mut rows).unwrap();
            for path in 0..61 {
                let expected = scalar::path(&model, &grid, grid.first + path as u64);
                for (step, expected) in expected.iter().enumerate() {
                    let what = format!("{model:?}: path {path}, step {step} of {steps}");
                    close(rows[step * 61 + path], *expected, 1e-12, &what);
                }
                assert_eq!(portable[path].to_bits(), rows[rows.len() - 61 + path].to_bits());
            }
            for &tier in Tier::available() {
                let got = ends(&Cpu::with_tier(tier).unwrap(), &model, &grid, 61);
                assert_eq!(bits(&got), bits(&portable), "{model:?} on {tier}");
            }
        }
    }
}

#[test]
fn a_path_does_not_depend_on_those_beside_it() {
    let cpu = Cpu::detect();
    for model in MODELS {
        let whole = ends(&cpu, &model, &grid(12), 100);
        for (start, count) in [(0, 1), (1, 8), (13, 30), (99, 1)] {
            let grid = PathGrid { first: 3 + start as u64, ..grid(12) };
            let part = ends(&cpu, &model, &grid, count);
            assert_eq!(bits(&part), bits(&whole[start..start + count]));
        }
    }
    // Paths are counted in 64 bits.
    let far = PathGrid { first: u64::from(u32::MAX) - 3, ..grid(2) };
    let across = ends(&cpu, &MODELS[0], &far, 16);
    let beyond = PathGrid { first: 1 << 32, ..far };
    assert_eq!(bits(&across[4..]), bits(&ends(&cpu, &MODELS[0], &beyond, 12)));
}

#[test]
fn normal_numbers_are_those_of_philox() {
    // One step of this motion is the number itself.
    let model = PathModel::GeometricBrownian { drift: 0.5, vol: 1.0 };
    let grid = PathGrid { spot: 1.0, first: 0, step_years: 1.0, ..grid(1) };
    let got = ends(&Cpu::detect(), &model, &grid, 20_000);
    let (mut sum, mut squares) = (0.0, 0.0);
    for (path, got) in got.iter().enumerate() {
        let expected = Philox::new(11).normals(path as u64, 0, 0)[0];
        assert!((got.ln() - expected).abs() < 4e-15 * expected.abs().max(1.0), "{path}");
        sum += expected;
        squares += expected * expected;
    }
    assert!((sum / 20_000.0).abs() < 5.0 / 20_000.0_f64.sqrt());
    assert!((squares / 20_000.0 - 1.0).abs() < 5.0 * (2.0 / 20_000.0_f64).sqrt());
}

#[test]
fn baskets_are_those_of_the_scalar_version_on_every_tier() {
    for steps in [1, 6, 9] {
        let grid = grid(steps);
        let mut rows = vec![0.0; steps as usize * 21];
        Cpu::detect().basket_rows(&BASKET, &grid, &mut rows).unwrap();
        for path in 0..21 {
            let expected = scalar::basket(&BASKET, &grid, grid.first + path as u64);
            for (step, expected) in expected.iter().enumerate() {
                close(rows[step * 21 + path], *expected, 1e-12, &format!("{path}, {step}"));
            }
        }
        for &tier in Tier::available() {
            let mut ends = vec![0.0; 21];
            Cpu::with_tier(tier).unwrap().basket_ends(&BASKET, &grid, &mut ends).unwrap();
            assert_eq!(bits(&ends), bits(&rows[rows.len() - 21..]), "{tier}");
        }
    }
}

#[test]
fn averages_and_bridges_are_those_of_the_scalar_version_on_every_tier() {
    let model = [0.04, 0.35];
    for (level, is_down) in [(90.0, true), (115.0, false), (101.0, true)] {
        let barrier = PathBarrier { level, is_down, rate: 0.08 };
        for steps in [1, 5, 20] {
            let grid = grid(steps);
            let mut first = None;
            for &tier in Tier::available() {
                let cpu = Cpu::with_tier(tier).unwrap();
                let mut out = [(); 5].map(|()| vec![0.0; 19]);
                let [a, b, c, d, e] = out.each_mut().map(Vec::as_mut_slice);
                cpu.path_averages(model, &grid, [a, b]).unwrap();
                cpu.path_bridges(model, &grid, &barrier, [c, d, e]).unwrap();
                for path in 0..19 {
                    let averages = scalar::averages(model, &grid, grid.first + path as u64);
                    let bridge = scalar::bridge(model, &grid, &barrier, grid.first + path as u64);
                    let expected = averages.into_iter().chain(bridge);
                    for (place, (got, expected)) in out.iter().zip(expected).enumerate() {
                        close(got[path], expected, 1e-11, &format!("{place} of {path}"));
                    }
                }
                let all: Vec<Vec<u64>> = out.iter().map(|values| bits(values)).collect();
                assert_eq!(first.get_or_insert_with(|| all.clone()), &all, "{tier}");
            }
        }
    }
}

#[test]
fn a_motion_without_volatility_follows_its_drift() {
    let model = PathModel::GeometricBrownian { drift: 0.05, vol: 0.0 };
    for end in ends(&Cpu::detect(), &model, &grid(10), 9) {
        close(end, 100.0 * 0.05_f64.exp(), 1e-14, "drift");
    }
    let flat = PathModel::Heston(HestonTerms {
        drift: 0.05,
        variance: 0.09,
        reversion: 2.0,
        variance_mean: 0.09,
        variance_vol: 0.0,
        correlation: 0.5,
    });
    let brownian = PathModel::GeometricBrownian { drift: 0.05, vol: 0.3 };
    let (got, expected) =
        (ends(&Cpu::detect(), &flat, &grid(10), 9), ends(&Cpu::detect(), &brownian, &grid(10), 9));
    for (got, expected) in got.into_iter().zip(expected) {
        close(got, expected, 1e-13, "a variance that stays");
    }
}

#[test]
fn refusals_name_the_op() {
    let cpu = Cpu::detect();
    let message = |result: fillrate_kernels::Result<()>| result.unwrap_err().to_string();
    let none = PathGrid { steps: 0, ..grid(1) };
    assert!(message(cpu.path_ends(&MODELS[0], &none, &mut [0.0; 8])).starts_with("path_ends: "));
    let rows = cpu.path_rows(&MODELS[0], &grid(3), &mut [0.0; 8]);
    assert!(message(rows).starts_with("path_rows: expected rows of 3 steps"));
    let often = PathModel::Merton(MertonTerms {
        drift: 0.0,
        vol: 0.1,
        jumps_per_year: 8.0,
        jump_mean: 0.0,
        jump_vol: 0.1,
    });
    assert!(message(cpu.path_ends(&often, &grid(1), &mut [0.0; 8])).contains("0 to 7 jumps"));
    let torn = BasketTerms { drift: &[0.0], ..BASKET };
    assert!(message(cpu.basket_ends(&torn, &grid(3), &mut [0.0; 8])).starts_with("basket_ends: "));
    let outputs = [&mut [0.0; 8][..], &mut [0.0; 7]];
    assert!(message(cpu.path_averages([0.0, 0.1], &grid(3), outputs)).contains("one length"));
}
