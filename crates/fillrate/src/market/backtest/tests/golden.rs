//! Figures of other libraries.

use serde::Deserialize;

use super::*;

/// `golden/market/backtest.json`.
#[derive(Deserialize)]
struct Golden {
    open: Vec<f64>,
    close: Vec<f64>,
    cases: Vec<GoldenCase>,
}

#[derive(Deserialize)]
struct GoldenCase {
    strategy: String,
    set: Vec<f64>,
    fee: f64,
    slippage: f64,
    positions: String,
    fill: String,
    total_return: f64,
    cagr: Option<f64>,
    sharpe: Option<f64>,
    sortino: Option<f64>,
    max_drawdown: f64,
    trades: u64,
    win_rate: Option<f64>,
    exposure: f64,
}

#[test]
fn figures_are_those_of_numpy_and_pandas() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../golden/market/backtest.json");
    let golden: Golden = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let bars: Vec<(f64, f64)> = golden.open.iter().copied().zip(golden.close).collect();
    let panel = panel(&[bars]);
    assert!(golden.cases.len() >= 20);
    for case in golden.cases {
        let strategy: Strategy = case.strategy.parse().unwrap();
        let options = BacktestOptions {
            fee: case.fee,
            slippage: case.slippage,
            positions: if case.positions == "long" {
                Positions::Long
            } else {
                Positions::LongShort
            },
            fill: if case.fill == "close" { OrderFill::Close } else { OrderFill::NextOpen },
            ..BacktestOptions::default()
        };
        let names = strategy.parameters().iter();
        let grid: Vec<String> =
            names.zip(&case.set).map(|(known, value)| format!("{}={value}", known.name)).collect();
        let outcome = outcomes(&panel, strategy, &grid.join(","), &options)[0];
        let expected = Performance {
            total_return: case.total_return,
            cagr: case.cagr,
            sharpe: case.sharpe,
            sortino: case.sortino,
            max_drawdown: case.max_drawdown,
            trades: case.trades,
            win_rate: case.win_rate,
            exposure: case.exposure,
        };
        let close = |metric: Metric| match (metric.of(&outcome.performance), metric.of(&expected)) {
            (Some(got), Some(expected)) => {
                (got - expected).abs() <= 1e-9 * expected.abs().max(1e-3)
            }
            (got, expected) => got == expected,
        };
        let what = format!("{strategy} {grid:?} {options:?}");
        for metric in Metric::ALL {
            assert!(close(metric), "{what}: {metric}: {:?}, {expected:?}", outcome.performance);
        }
    }
}

proptest! {
    #[test]
    fn no_account_gains_by_costs(seed in 0_u64..1000, fee in 0.0..0.05, slippage in 0.0..0.05) {
        let panel = panel(&[walk(120, seed, true)]);
        let free = BacktestOptions::default();
        let costly = BacktestOptions { fee, slippage, ..free.clone() };
        let [free, costly] = [free, costly]
            .map(|options| outcomes(&panel, Strategy::MaCrossover, GRIDS[0].1, &options));
        for (free, costly) in free.iter().zip(&costly) {
            let [free, costly] = [free, costly].map(|one| one.performance);
            prop_assert!(costly.total_return <= free.total_return + 1e-12);
            prop_assert_eq!(costly.trades, free.trades);
            prop_assert!((0.0..=1.0).contains(&costly.max_drawdown));
        }
    }
}
