//! Portfolios against exact ones and SciPy's, their conditions, and what cannot be had.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::market::backtest::WalkForward;
use crate::market::{Date, PanelOptions, Philox};
use crate::records::{InputFormat, ReadOptions, Reader};

/// `golden/market/portfolio.json`.
#[derive(Deserialize)]
struct Golden {
    close: Vec<Vec<f64>>,
    covariances: BTreeMap<String, Vec<Vec<f64>>>,
    min_variance: BTreeMap<String, Vec<f64>>,
    max_sharpe: Vec<f64>,
    target_per_year: f64,
    target: Vec<f64>,
    risk_parity: Vec<f64>,
    min_cvar: BTreeMap<String, GoldenCvar>,
}

#[derive(Deserialize)]
struct GoldenCvar {
    weights: Vec<f64>,
    value: f64,
}

fn golden() -> Golden {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../golden/market/portfolio.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn panel(closes: &[Vec<f64>]) -> Panel {
    let mut text = "symbol,date,close\n".to_owned();
    for (symbol, closes) in closes.iter().enumerate() {
        for (day, close) in closes.iter().enumerate() {
            let date = Date::from_epoch_nanos(day as i64 * 86_400_000_000_000).unwrap();
            let close = if close.is_nan() { String::new() } else { close.to_string() };
            writeln!(text, "S{symbol},{date},{close}").unwrap();
        }
    }
    let options = ReadOptions { format: Some(InputFormat::Csv), ..ReadOptions::default() };
    let bytes = Box::new(std::io::Cursor::new(text.into_bytes()));
    let mut reader = Reader::from_stream(bytes, &options).unwrap();
    Panel::read(&mut reader, &PanelOptions::only(&[Column::Close])).unwrap()
}

/// Random walks that move together in part.
fn walks(symbols: usize, bars: usize, seed: u64) -> Vec<Vec<f64>> {
    let philox = Philox::new(seed);
    let of_symbol = |symbol: usize| {
        let mut close = 100.0;
        let step = |bar: usize| {
            let common = philox.normals(bar as u64, 0, 0)[0];
            let own = philox.normals(bar as u64, 1 + symbol as u32, 0)[0];
            let spread = 1.0 + symbol as f64 / symbols as f64;
            close *= 1.0 + 0.0003 * spread + 0.006 * common + 0.008 * spread * own;
            close
        };
        (0..bars).map(step).collect()
    };
    (0..symbols).map(of_symbol).collect()
}

fn unbounded(objective: Objective) -> PortfolioOptions {
    PortfolioOptions { objective, ..PortfolioOptions::default() }
}

fn long_only(objective: Objective) -> PortfolioOptions {
    PortfolioOptions { bounds: Bounds::LONG_ONLY, ..unbounded(objective) }
}

#[track_caller]
fn close(what: &str, got: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (got, expected) in got.iter().zip(expected) {
        assert!((got - expected).abs() <= tolerance, "{what}: {got}, {expected}");
    }
}

#[test]
fn covariances_are_those_of_numpy_and_scikit_learn() {
    let golden = golden();
    let sample = Arc::new(Sample::of(&panel(&golden.close), Column::Close).unwrap());
    for estimate in Covariance::ALL {
        let all = 0..sample.rows;
        let matrices = estimate.estimate(&Computer::processor(), &sample, &[all]).unwrap();
        let matrix = &matrices[0];
        for (i, expected) in golden.covariances[estimate.as_str()].iter().enumerate() {
            close(estimate.as_str(), matrix.row(i), expected, 1e-15);
        }
    }
}

#[test]
fn weights_are_those_of_the_exact_solutions() {
    let golden = golden();
    let panel = panel(&golden.close);
    for covariance in Covariance::ALL {
        let options = PortfolioOptions { covariance, ..long_only(Objective::MinVariance) };
        let found = optimize(&panel, &options).unwrap();
        let name = covariance.as_str();
        close(name, &found.weights, &golden.min_variance[name], 1e-7);
        assert!(found.kkt_residual < 1e-8, "{name}: {}", found.kkt_residual);
    }
    let options = PortfolioOptions { risk_free: 0.02, ..long_only(Objective::MaxSharpe) };
    let found = optimize(&panel, &options).unwrap();
    close("sharpe", &found.weights, &golden.max_sharpe, 1e-7);
    assert!(found.kkt_residual < 1e-8, "{}", found.kkt_residual);
    assert_eq!(Some(found.value), found.sharpe);
    let options = PortfolioOptions {
        target_return: Some(golden.target_per_year),
        ..unbounded(Objective::TargetReturn)
    };
    let found = optimize(&panel, &options).unwrap();
    close("target", &found.weights, &golden.target, 1e-7);
    let found = optimize(&panel, &unbounded(Objective::RiskParity)).unwrap();
    close("parity", &found.weights, &golden.risk_parity, 1e-10);
    close("shares", &found.risk_shares, &[1.0 / 6.0; 6], 1e-12);
}

#[test]
fn the_least_cvar_is_that_of_the_whole_linear_program() {
    let golden = golden();
    let panel = panel(&golden.close);
    for (confidence, expected) in &golden.min_cvar {
        let objective = Objective::MinCvar { confidence: confidence.parse().unwrap() };
        let found = optimize(&panel, &long_only(objective)).unwrap();
        close(confidence, &[found.value], &[expected.value], 1e-9 * expected.value);
        close(confidence, &found.weights, &expected.weights, 1e-5);
        assert!(found.kkt_residual < 1e-7, "{}", found.kkt_residual);
    }
}

#[test]
fn constraints_are_kept() {
    let panel = panel(&walks(5, 250, 3));
    let symbols = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let group = |name: &str, members, low, high| Group {
        name: name.to_owned(),
        symbols: symbols(members),
        bounds: Bounds { low, high },
    };
    let current = vec![("S4".to_owned(), 0.6), ("S3".to_owned(), 0.4)];
    for objective in
        [Objective::MinVariance, Objective::MaxSharpe, Objective::MinCvar { confidence: 0.9 }]
    {
        let options = PortfolioOptions {
            bounds: Bounds { low: -0.2, high: 0.7 },
            bounds_of: vec![("S1".to_owned(), Bounds { low: 0.1, high: 0.15 })],
            groups: vec![group("low", &["S0", "S2"], 0.2, 0.25)],
            turnover: Some(Turnover { most: 0.9, current: current.clone() }),
            leverage: Some(1.2),
            ..unbounded(objective)
        };
        let found = optimize(&panel, &options).unwrap();
        let w = &found.weights;
        let most = 1e-8;
        assert!((w.iter().sum::<f64>() - 1.0).abs() < most, "{objective}: {w:?}");
        assert!(w.iter().all(|w| (-0.2..=0.7).contains(w)), "{objective}: {w:?}");
        assert!((0.1..=0.15).contains(&w[1]), "{objective}: {w:?}");
        assert!((0.2 - most..=0.25 + most).contains(&(w[0] + w[2])), "{objective}: {w:?}");
        let leverage: f64 = w.iter().map(|w| w.abs()).sum();
        assert!(leverage <= 1.2 + most, "{objective}: {w:?}");
        let turnover: f64 =
            w[..3].iter().map(|w| w.abs()).sum::<f64>() + (w[3] - 0.4).abs() + (w[4] - 0.6).abs();
        assert!(turnover <= 0.9 + most, "{objective}: {turnover}");
        assert!(found.kkt_residual < 1e-7, "{objective}: {}", found.kkt_residual);
    }
}

#[test]
fn a_frontier_rises_in_mean_and_in_risk() {
    let panel = panel(&walks(6, 300, 5));
    for objective in [Objective::MinVariance, Objective::MinCvar { confidence: 0.95 }] {
        let points = frontier(&panel, &long_only(objective), 9).unwrap();
        assert_eq!(points.len(), 9);
        for pair in points.windows(2) {
            assert!(pair[1].mean > pair[0].mean && pair[1].value > pair[0].value - 1e-12);
        }
        // The greatest mean of long-only weights is that of one symbol.
        let sample = Sample::of(&panel, Column::Close).unwrap();
        let most = sample.means().into_iter().fold(f64::MIN, f64::max);
        assert!((points[8].mean / most - 1.0).abs() < 1e-6, "{objective}");
    }
    let error = frontier(&panel, &unbounded(Objective::RiskParity), 5).unwrap_err().to_string();
    assert!(error.starts_with("objective: risk-parity has no frontier"), "{error}");
}

#[track_caller]
fn refused(panel: &Panel, options: &PortfolioOptions) -> String {
    optimize(panel, options).unwrap_err().to_string()
}

#[test]
fn what_cannot_be_had_is_named() {
    let all = panel(&walks(4, 100, 9));
    let base = long_only(Objective::MinVariance);
    let high = PortfolioOptions { target_return: Some(50.0), ..base.clone() };
    let message = refused(&all, &high);
    assert!(message.starts_with("portfolio: no portfolio has all of "), "{message}");
    assert!(message.contains("a return of at least 50 a year"), "{message}");
    assert!(message.ends_with("(solver: PrimalInfeasible)"), "{message}");
    let group = Group {
        name: "pair".to_owned(),
        symbols: vec!["S0".to_owned(), "S1".to_owned()],
        bounds: Bounds { low: 0.9, high: 1.0 },
    };
    let tight = PortfolioOptions {
        groups: vec![group],
        bounds: Bounds { low: 0.0, high: 0.4 },
        ..base.clone()
    };
    let message = refused(&all, &tight);
    for part in ["group `pair` at least 0.9", "`S0` at most 0.4", "`S1` at most 0.4"] {
        assert!(message.contains(part), "{message}");
    }
    assert!(!message.contains("S2"), "{message}");
    let low = PortfolioOptions { bounds: Bounds { low: 0.0, high: 0.2 }, ..base.clone() };
    assert_eq!(refused(&all, &low), "bounds: the most weights sum to 0.8, below 1");
    let unknown =
        PortfolioOptions { bounds_of: vec![("X".to_owned(), Bounds::LONG_ONLY)], ..base.clone() };
    assert_eq!(refused(&all, &unknown), "bounds: no symbol `X` is in the prices");
    let double = Group {
        name: "double".to_owned(),
        symbols: vec!["S0".to_owned(), "S0".to_owned()],
        bounds: Bounds { low: 0.0, high: 0.5 },
    };
    let double = PortfolioOptions { groups: vec![double], ..base.clone() };
    assert_eq!(refused(&all, &double), "group: `S0` is named twice");
    let current = vec![("S1".to_owned(), 0.5), ("S1".to_owned(), 0.5)];
    let turnover = Some(Turnover { most: 1.0, current });
    let double = PortfolioOptions { turnover, ..base.clone() };
    assert_eq!(refused(&all, &double), "current: `S1` is named twice");
    let narrow = PortfolioOptions { leverage: Some(0.5), ..base.clone() };
    assert_eq!(refused(&all, &narrow), "leverage: 0.5 is no number from 1 on");
    let falling: Vec<f64> =
        (0..50).map(|bar| 100.0 - f64::from(bar) - f64::from(bar % 3)).collect();
    let down = panel(&[falling]);
    let message = refused(&down, &long_only(Objective::MaxSharpe));
    assert!(message.contains("a mean return above the rate"), "{message}");
    let bounded = PortfolioOptions { leverage: Some(2.0), ..unbounded(Objective::RiskParity) };
    assert!(refused(&all, &bounded).starts_with("objective: risk parity leaves no choice"));
    let wild = long_only(Objective::MinCvar { confidence: 1.0 });
    assert_eq!(refused(&all, &wild), "confidence: 1 is not between 0 and 1");
}

#[test]
fn a_covariance_that_is_not_positive_definite_is_refused() {
    let mut closes = walks(3, 80, 2);
    // Twice the price: the same returns.
    let twice = closes[1].iter().map(|close| 2.0 * close).collect();
    closes.push(twice);
    let doubled = panel(&closes);
    for objective in [Objective::MinVariance, Objective::MaxSharpe, Objective::RiskParity] {
        let message = refused(&doubled, &unbounded(objective));
        assert!(message.starts_with("covariance: the sample covariance is not"), "{message}");
        assert!(message.contains("`S3`"), "{message}");
    }
    // Drawn towards the identity it is definite, and CVaR needs none.
    let shrunk = PortfolioOptions {
        covariance: Covariance::LedoitWolf,
        ..long_only(Objective::MinVariance)
    };
    let found = optimize(&doubled, &shrunk).unwrap();
    assert!((found.weights[1] - found.weights[3]).abs() < 1e-6);
    optimize(&doubled, &long_only(Objective::MinCvar { confidence: 0.9 })).unwrap();
    // More symbols than returns.
    let short = panel(&walks(12, 9, 4));
    assert!(refused(&short, &unbounded(Objective::MinVariance)).contains("not positive definite"));
    let flat = panel(&[vec![5.0; 20], walks(1, 20, 1).remove(0)]);
    assert!(refused(&flat, &unbounded(Objective::MinVariance)).contains("`S0`"));
}

#[test]
fn only_common_dates_count() {
    let mut closes = walks(2, 60, 8);
    closes[0][10] = f64::NAN;
    closes[1][59] = f64::NAN;
    let found = optimize(&panel(&closes), &unbounded(Objective::MinVariance)).unwrap();
    assert_eq!(found.observations, 57);
    let message =
        refused(&panel(&[vec![1.0, 2.0], vec![1.0, 3.0]]), &unbounded(Objective::MinVariance));
    let expected = "panel: dates with a price of every symbol: 2, and at least 3 are needed; of 2 \
                    symbols `S0` has the fewest prices, 2";
    assert_eq!(message, expected);
    let one = optimize(&panel(&walks(1, 30, 1)), &unbounded(Objective::MinVariance)).unwrap();
    close("one symbol", &one.weights, &[1.0], 1e-12);
}

/// The returns of one portfolio.
fn returns_of(sample: &Sample, weights: &[f64]) -> Vec<f64> {
    let of_row =
        |row: usize| sample.columns().zip(weights).map(|(column, w)| w * column[row]).sum();
    (0..sample.rows).map(of_row).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn no_other_weights_are_better(seed in 0_u64..10_000, symbols in 2_usize..9) {
        let panel = panel(&walks(symbols, 120, seed));
        let sample = Arc::new(Sample::of(&panel, Column::Close).unwrap());
        let all = 0..sample.rows;
        let computer = Computer::processor();
        let covariance = &Covariance::Sample.estimate(&computer, &sample, &[all]).unwrap()[0];
        let risk = |objective: Objective, w: &[f64]| match objective {
            Objective::MinCvar { confidence } => cvar::of(&returns_of(&sample, w), confidence),
            _ => dot(&covariance.times(w), w),
        };
        for objective in [Objective::MinVariance, Objective::MinCvar { confidence: 0.9 }] {
            let found = optimize(&panel, &long_only(objective)).unwrap();
            let least = risk(objective, &found.weights);
            let philox = Philox::new(seed);
            for trial in 0..40 {
                // Towards a random portfolio, by more and by less.
                let drawn = |i: usize| -philox.uniforms(trial, i as u32, 7)[0].ln();
                let other: Vec<f64> = (0..symbols).map(drawn).collect();
                let sum: f64 = other.iter().sum();
                let part = 0.5_f64.powi(trial as i32 % 12);
                let moved = found.weights.iter().zip(&other);
                let moved: Vec<f64> =
                    moved.map(|(w, other)| (1.0 - part) * w + part * other / sum).collect();
                prop_assert!(risk(objective, &moved) >= least * (1.0 - 1e-7), "{}", objective);
            }
        }
    }
}

#[test]
fn a_walk_is_the_best_of_each_stretch_held_over_the_next() {
    let closes = walks(4, 101, 11);
    let panel_of = |bars: Range<usize>| {
        panel(&closes.iter().map(|closes| closes[bars.clone()].to_vec()).collect::<Vec<_>>())
    };
    for objective in [Objective::MinVariance, Objective::MinCvar { confidence: 0.9 }] {
        let options = PortfolioOptions {
            covariance: Covariance::LedoitWolf,
            risk_free: 0.01,
            ..long_only(objective)
        };
        let walk = WalkForward { train: 60, test: 25 };
        let folds = walk_forward(&panel_of(0..101), &options, walk).unwrap();
        assert_eq!(
            folds.iter().map(|fold| fold.number).collect::<Vec<_>>(),
            [Some(1), Some(2), None]
        );
        for (fold, first) in folds.iter().zip([0, 25]) {
            let portfolio = fold.portfolio.as_ref().unwrap();
            let alone = optimize(&panel_of(first..first + 61), &options).unwrap();
            close("weights", &portfolio.weights, &alone.weights, 1e-9);
            // What the weights came to, return by return.
            let tested = first + 60..(first + 85).min(100);
            let held = |bar: usize| -> f64 {
                let of_symbol =
                    |(closes, w): (&Vec<f64>, &f64)| w * (closes[bar + 1] / closes[bar] - 1.0);
                closes.iter().zip(&portfolio.weights).map(of_symbol).sum()
            };
            let returns: Vec<f64> = tested.clone().map(held).collect();
            let n = returns.len() as f64;
            let mean = returns.iter().sum::<f64>() / n;
            let deviation =
                (returns.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
            let Held { total_return, volatility, sharpe, max_drawdown, .. } = fold.held;
            assert_eq!(fold.held.observations, tested.len());
            close("mean", &[fold.held.mean], &[mean], 1e-15);
            close(
                "return",
                &[total_return],
                &[returns.iter().map(|r| 1.0 + r).product::<f64>() - 1.0],
                1e-13,
            );
            close("deviation", &[volatility.unwrap()], &[deviation], 1e-14);
            let expected = (mean - 0.01 / 252.0) / deviation * 252_f64.sqrt();
            close("sharpe", &[sharpe.unwrap()], &[expected], 1e-10);
            assert!((0.0..1.0).contains(&max_drawdown));
        }
        let [one, two, all] = &folds[..] else { unreachable!("there are three") };
        assert_eq!(all.held.observations, one.held.observations + two.held.observations);
        assert_eq!((all.test[0], all.test[1]), (one.test[0], two.test[1]));
        let grown = (1.0 + one.held.total_return) * (1.0 + two.held.total_return) - 1.0;
        close("all", &[all.held.total_return], &[grown], 1e-13);
    }
}

#[test]
fn a_walk_sees_nothing_of_what_comes_after() {
    let closes = walks(3, 90, 2);
    let mut other = closes.clone();
    for closes in &mut other {
        for close in &mut closes[61..] {
            *close = 7.0 + *close / 3.0;
        }
    }
    let walk = WalkForward { train: 40, test: 20 };
    let of =
        |closes| walk_forward(&panel(closes), &long_only(Objective::MinVariance), walk).unwrap();
    let (folds, others) = (of(&closes), of(&other));
    assert_eq!(folds[0], others[0]);
    assert_eq!(folds[1].portfolio, others[1].portfolio);
    assert_ne!(folds[1].held, others[1].held);
}

#[test]
fn a_walk_that_cannot_be_is_refused() {
    let panel = panel(&walks(3, 30, 2));
    let walk = |train, test, options| {
        walk_forward(&panel, &options, WalkForward { train, test }).unwrap_err().to_string()
    };
    let usual = PortfolioOptions::default;
    let refused = walk(29, 5, usual());
    assert_eq!(refused, "walk_forward: 29 common returns: none comes after the first 29");
    assert!(walk(1, 5, usual()).contains("no returns to rest on"));
    let turnover = Some(Turnover { most: 0.1, current: Vec::new() });
    assert!(walk(9, 5, PortfolioOptions { turnover, ..usual() }).starts_with("turnover: a walk"));
    let refused = walk(2, 5, usual());
    let expected = "covariance: fold 1, 1970-01-02 to 1970-01-03: the sample covariance is not";
    assert!(refused.starts_with(expected), "{refused}");
}
