//! Sweeps against the account that is kept by hand, against NumPy and pandas, and at the edges.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::Strategy;
use super::*;
use crate::market::indicators::{IndicatorOptions, SignalStream};
use crate::market::{Bar, Date, Panel, PanelOptions, Philox};
use crate::records::{InputFormat, ReadOptions, Reader};

mod golden;

fn date(day: usize) -> Date {
    Date::from_epoch_nanos(day as i64 * 86_400_000_000_000).unwrap()
}

/// A panel of one symbol for each list of (open, close).
fn panel(symbols: &[Vec<(f64, f64)>]) -> Panel {
    let mut text = "symbol,date,open,close\n".to_owned();
    let cell = |x: f64| if x.is_nan() { String::new() } else { x.to_string() };
    for (symbol, bars) in symbols.iter().enumerate() {
        for (day, (open, close)) in bars.iter().enumerate() {
            writeln!(text, "S{symbol},{},{},{}", date(day), cell(*open), cell(*close)).unwrap();
        }
    }
    let options = ReadOptions { format: Some(InputFormat::Csv), ..ReadOptions::default() };
    let bytes = Box::new(std::io::Cursor::new(text.into_bytes()));
    let mut reader = Reader::from_stream(bytes, &options).unwrap();
    Panel::read(&mut reader, &PanelOptions::only(&[Column::Open, Column::Close])).unwrap()
}

/// A random walk of opens and closes, some of them missing.
fn walk(bars: usize, seed: u64, missing: bool) -> Vec<(f64, f64)> {
    let philox = Philox::new(seed);
    let mut log: f64 = 4.0;
    let bar = |at: u64| {
        let [gap, step] = philox.normals(at, 0, 0);
        let chances = philox.normals(at, 1, 0);
        let open = (log + 0.004 * gap).exp();
        log += 0.02 * step;
        let known = |x: f64, chance: f64| if missing && chance > 1.5 { f64::NAN } else { x };
        (known(open, chances[0]), known(log.exp(), chances[1]))
    };
    (0..bars as u64).map(bar).collect()
}

fn outcomes(
    panel: &Panel,
    strategy: Strategy,
    grid: &str,
    options: &BacktestOptions,
) -> Vec<Outcome> {
    let mut all = Vec::new();
    let each = |outcomes: &[Outcome]| {
        all.extend_from_slice(outcomes);
        Ok(())
    };
    sweep(panel, strategy, &grid.parse().unwrap(), options, each).unwrap();
    all
}

#[track_caller]
fn same(what: &str, got: &Performance, expected: &Performance) {
    for metric in Metric::ALL {
        let close = match (metric.of(got), metric.of(expected)) {
            (Some(got), Some(expected)) => {
                (got - expected).abs() <= 1e-12 * expected.abs().max(0.1)
            }
            (got, expected) => got == expected,
        };
        assert!(close, "{what}: {metric}: {got:?}, {expected:?}");
    }
}

const GRIDS: [(Strategy, &str); 5] = [
    (Strategy::MaCrossover, "fast=1:13:1,slow=3:30:1"),
    // More rows than columns: the lanes are rows.
    (Strategy::MaCrossover, "fast=2:23:1,slow=9,slow=30"),
    (Strategy::Rsi, "bars=2:9:1,low=20:50:10,high=45:80:5"),
    (Strategy::Bollinger, "bars=3:20:1,width=0.5:2.5:0.25"),
    (Strategy::Momentum, "bars=1:40:3"),
];

fn every_option() -> Vec<BacktestOptions> {
    let mut all = Vec::new();
    for positions in [Positions::Long, Positions::LongShort] {
        for fill in [OrderFill::NextOpen, OrderFill::Close] {
            for (fee, slippage, risk_free) in [(0.0, 0.0, 0.0), (0.002, 0.001, 0.03)] {
                let usual = BacktestOptions::default();
                all.push(BacktestOptions { fee, slippage, positions, fill, risk_free, ..usual });
            }
        }
    }
    all
}

#[test]
fn a_sweep_is_what_one_account_after_the_other_comes_to() {
    for missing in [false, true] {
        let panel = panel(&[walk(400, 7, missing), walk(61, 8, missing), walk(20, 9, missing)]);
        for options in every_option() {
            for (strategy, grid) in GRIDS {
                let all = outcomes(&panel, strategy, grid, &options);
                for outcome in all.iter().step_by(3) {
                    let series = panel.series(outcome.symbol);
                    let by_hand = replay(&series, strategy, &outcome.set, &options).unwrap();
                    let what = format!("{strategy} {:?} {options:?}", outcome.set);
                    same(&what, &outcome.performance, &by_hand.performance);
                }
            }
        }
    }
}

#[test]
fn every_set_comes_once_and_in_order() {
    let panel = panel(&[walk(40, 1, false), walk(30, 2, false)]);
    for (strategy, grid) in GRIDS {
        let options = BacktestOptions::default();
        let all = outcomes(&panel, strategy, grid, &options);
        let keys: Vec<(usize, Vec<u64>)> = all
            .iter()
            .map(|one| (one.symbol, one.set.iter().map(|x| (x * 1e6) as u64).collect()))
            .collect();
        assert!(keys.is_sorted(), "{strategy}");
        let count = estimate(&panel, strategy, &grid.parse().unwrap(), &options).unwrap();
        assert_eq!(count.backtests, all.len() as u64);
        let mut unique = keys.clone();
        unique.dedup();
        assert_eq!(unique.len(), keys.len());
    }
    // 3 × 3 combinations, of which (10, 5), (10, 10), (15, 5) and (15, 10) … are none.
    let grid: Grid = "fast=5:15:5,slow=5:15:5".parse().unwrap();
    let count =
        estimate(&panel, Strategy::MaCrossover, &grid, &BacktestOptions::default()).unwrap();
    assert_eq!((count.sets, count.left_out), (3, 6));
}

/// The signals of `fillrate indicators`, traded.
#[test]
fn a_strategy_trades_the_signal_of_its_name() {
    let panel = panel(&[walk(300, 21, true)]);
    let series = panel.series(0);
    let sets = [
        (Strategy::MaCrossover, [3.0, 9.0, 0.0]),
        (Strategy::Rsi, [5.0, 30.0, 65.0]),
        (Strategy::Bollinger, [8.0, 1.25, 0.0]),
        (Strategy::Momentum, [4.0, 0.0, 0.0]),
    ];
    for (strategy, set) in sets {
        let options = BacktestOptions { fill: OrderFill::Close, ..BacktestOptions::default() };
        let replay = replay(&series, strategy, &set, &options).unwrap();
        let mut signals =
            SignalStream::new(strategy.signal(&set), IndicatorOptions::default()).unwrap();
        let (mut is_held, mut held) = (false, Vec::new());
        for bar in 0..series.len() {
            let bar = Bar::at(&series, bar);
            let signal = signals.push(&bar)[0];
            is_held = signal > 0.0 || (is_held && signal.is_nan()) || (is_held && signal == 0.0);
            if !bar.close.is_nan() {
                held.push(is_held);
            }
        }
        assert_eq!(replay.held, held, "{strategy}");
        assert!(held.iter().any(|held| *held), "{strategy} never bought");
    }
}

#[test]
fn no_account_looks_ahead() {
    let whole = walk(200, 31, false);
    for options in every_option() {
        for (strategy, grid) in GRIDS {
            for known in [90, 150] {
                // The same past with another future: until then every account is the same.
                let mut other = whole.clone();
                for (bar, (open, close)) in other.iter_mut().enumerate().skip(known) {
                    let factor = 1.0 + 0.3 * f64::sin(bar as f64);
                    (*open, *close) = (*open * factor, *close * factor * 1.01);
                }
                let [one, other] = [&whole, &other].map(|bars| panel(std::slice::from_ref(bars)));
                let set = outcomes(&one, strategy, grid, &options).swap_remove(7).set;
                let curve = |panel: &Panel| {
                    replay(&panel.series(0), strategy, &set, &options).unwrap().equity
                };
                assert_eq!(curve(&one)[..known], curve(&other)[..known], "{strategy}");
                // A sweep of the past alone knows what the replay knew then.
                let past = panel(&[whole[..known].to_vec()]);
                let all = outcomes(&past, strategy, grid, &options);
                let then =
                    all.iter().find(|outcome| outcome.set.as_slice() == set.as_slice()).unwrap();
                let value = 1.0 + then.performance.total_return;
                let equity = curve(&one)[known - 1];
                assert!((value - equity).abs() < 1e-12 * equity, "{value}, {equity}");
            }
        }
    }
}

/// Momentum over one bar: a rise buys, a fall sells.
fn by_hand(bars: &[(f64, f64)], options: &BacktestOptions) -> Performance {
    let panel = panel(&[bars.to_vec()]);
    let outcome = outcomes(&panel, Strategy::Momentum, "bars=1", options)[0];
    let replay = replay(&panel.series(0), Strategy::Momentum, &outcome.set, options).unwrap();
    same("by hand", &outcome.performance, &replay.performance);
    outcome.performance
}

#[test]
fn costs_are_those_of_the_hand_computed_account() {
    // Up at bar 1, bought at bar 2's open of 12; down at bar 2, sold at bar 3's open of 10.
    let bars = [(10.0, 10.0), (10.0, 11.0), (12.0, 9.0), (10.0, 8.0), (7.0, 7.0)];
    let costs = BacktestOptions { fee: 0.01, slippage: 0.02, ..BacktestOptions::default() };
    let performance = by_hand(&bars, &costs);
    let shares = 1.0 / (12.0 * 1.02 * 1.01);
    let cash = shares * 10.0 * 0.98 * 0.99;
    assert!((performance.total_return - (cash - 1.0)).abs() < 1e-14);
    assert!((performance.max_drawdown - (1.0 - f64::min(shares * 9.0, cash))).abs() < 1e-14);
    assert_eq!((performance.trades, performance.win_rate), (1, Some(0.0)));
    // Of five closes one saw a position.
    assert!((performance.exposure - 0.2).abs() < 1e-15);

    // At the close: bought at 11, sold at 9.
    let at_close = BacktestOptions { fill: OrderFill::Close, ..costs.clone() };
    let performance = by_hand(&bars, &at_close);
    let cash = 9.0 * 0.98 * 0.99 / (11.0 * 1.02 * 1.01);
    assert!((performance.total_return - (cash - 1.0)).abs() < 1e-14);

    // Short as well: sold at 10 what covers itself at the close of 7, which is not bought back.
    let short = BacktestOptions { positions: Positions::LongShort, ..costs };
    let performance = by_hand(&bars, &short);
    let cash = shares * 10.0 * 0.98 * 0.99;
    let sold = cash / (10.0 * 0.98);
    let equity = cash * (2.0 - 0.01) - sold * 7.0;
    assert!((performance.total_return - (equity - 1.0)).abs() < 1e-14);
    assert_eq!((performance.trades, performance.win_rate), (2, Some(0.0)));
    assert!((performance.exposure - 0.6).abs() < 1e-15);
}

/// Prices on a coarse grid of ticks: many positions end at the price that they began at.
#[test]
fn a_position_that_comes_out_even_has_not_gained() {
    let tick = |x: f64| (x / 3.0).round() * 3.0;
    let bars: Vec<(f64, f64)> =
        walk(600, 3, false).into_iter().map(|(open, close)| (tick(open), tick(close))).collect();
    let panel = panel(std::slice::from_ref(&bars));
    let mut even = 0;
    for positions in [Positions::Long, Positions::LongShort] {
        let options = BacktestOptions { positions, ..BacktestOptions::default() };
        for outcome in outcomes(&panel, Strategy::Momentum, "bars=1:30:1", &options) {
            let series = panel.series(0);
            let trades =
                replay(&series, Strategy::Momentum, &outcome.set, &options).unwrap().trades;
            let ends = trades.iter().filter_map(|trade| Some((trade, trade.exit?)));
            let moves = ends.map(|(trade, exit)| {
                let change = bars[exit].0 - bars[trade.entry].0;
                if trade.is_short { -change } else { change }
            });
            let moves: Vec<f64> = moves.collect();
            even += moves.iter().filter(|change| **change == 0.0).count();
            let won = moves.iter().filter(|change| **change > 0.0).count();
            let rate = won as f64 / moves.len() as f64;
            assert_eq!(outcome.performance.win_rate, Some(rate), "{:?} {options:?}", outcome.set);
        }
    }
    assert!(even > 100, "{even} positions came out even");
}

#[test]
fn an_account_that_comes_to_nothing_stays_there() {
    // Short at 10, at 25 worth less than nothing; then a fall that would have paid.
    let bars =
        [(10.0, 10.0), (10.0, 9.0), (10.0, 25.0), (25.0, 5.0), (5.0, 6.0), (6.0, 4.0), (4.0, 3.0)];
    let options = BacktestOptions { positions: Positions::LongShort, ..BacktestOptions::default() };
    let performance = by_hand(&bars, &options);
    assert_eq!((performance.total_return, performance.max_drawdown), (-1.0, 1.0));
    assert_eq!((performance.trades, performance.win_rate), (1, Some(0.0)));
    assert_eq!(performance.cagr, Some(-1.0));
    // Worth something at the close, but not at the open that it must buy back at.
    let bars = [(10.0, 10.0), (10.0, 9.0), (10.0, 12.0), (30.0, 31.0), (31.0, 30.0), (30.0, 29.0)];
    let performance = by_hand(&bars, &options);
    assert_eq!((performance.total_return, performance.trades), (-1.0, 1));
}

#[test]
fn what_is_too_short_makes_no_trade() {
    let options = BacktestOptions::default();
    let flat = |bars: &[(f64, f64)], grid| {
        let panel = panel(&[bars.to_vec()]);
        outcomes(&panel, Strategy::MaCrossover, grid, &options)[0].performance
    };
    for bars in [vec![(5.0, 5.0)], vec![(5.0, f64::NAN); 3], walk(40, 3, false)] {
        let performance = flat(&bars, "fast=50,slow=60");
        assert_eq!((performance.total_return, performance.trades), (0.0, 0));
        assert_eq!((performance.sharpe, performance.sortino), (None, None));
        assert_eq!((performance.win_rate, performance.max_drawdown), (None, 0.0));
    }
    assert_eq!(flat(&[(5.0, 5.0)], "fast=1,slow=2").cagr, None);
    assert_eq!(flat(&[(5.0, 5.0); 2], "fast=1,slow=2").cagr, Some(0.0));
    assert!(outcomes(&panel(&[]), Strategy::Rsi, "bars=5", &options).is_empty());
}

#[test]
fn grids_that_cannot_be_run_are_refused() {
    let panel = panel(&[walk(10, 1, false), walk(10, 2, false)]);
    let message = |strategy, grid: &str| {
        let grid: Grid = grid.parse().unwrap();
        let nothing = |_: &[Outcome]| Ok(());
        sweep(&panel, strategy, &grid, &BacktestOptions::default(), nothing)
            .unwrap_err()
            .to_string()
    };
    let crossover = Strategy::MaCrossover;
    assert_eq!(message(crossover, "fats=3"), "grid: ma-crossover has no `fats`; it has fast, slow");
    assert!(message(crossover, "fast=0:5").starts_with("grid: fast counts bars"));
    assert!(message(crossover, "fast=2:5:0.5").starts_with("grid: fast counts bars"));
    assert!(message(crossover, "fast=50,slow=20").starts_with("grid: no combination"));
    assert!(message(Strategy::Rsi, "low=-5:30").starts_with("grid: low and high"));
    assert!(message(Strategy::Bollinger, "width=-1:2").starts_with("grid: width"));
    // 10⁹ combinations and more, told at once.
    let many = message(Strategy::Rsi, "bars=1:1000,low=0:99.9:0.1,high=0:99.9:0.1");
    assert_eq!(
        many,
        "grid: 500500000 parameter sets for a symbol are above the limit of 100000000"
    );
    assert!(message(crossover, "fast=1:16000000,slow=1:16000000").contains("above the limit"));
    let huge = message(Strategy::Bollinger, "width=0:1e300:1e-300");
    assert!(huge.contains("above the limit of 100000000"), "{huge}");
    let tight = BacktestOptions { combinations_max: 5, ..BacktestOptions::default() };
    let grid = "fast=2:4,slow=9".parse().unwrap();
    let error = estimate(&panel, crossover, &grid, &tight).unwrap_err().to_string();
    assert!(error.starts_with("grid: 3 parameter sets for each of 2 symbols"), "{error}");
    let narrow = BacktestOptions { lines_bytes_max: 1000, ..BacktestOptions::default() };
    let grid = "fast=2,slow=3:30".parse().unwrap();
    let error = sweep(&panel, crossover, &grid, &narrow, |_| Ok(())).unwrap_err().to_string();
    assert!(error.contains("28 averages of 10 bars take"), "{error}");
    for text in ["fast", "fast=", "fast=1:2:3:4", "fast=5:2", "fast=2:5:0", "fast=nan"] {
        assert!(text.parse::<Grid>().is_err(), "{text}");
    }
    let options = BacktestOptions { fee: 1.0, ..BacktestOptions::default() };
    let error = sweep(&panel, crossover, &Grid::default(), &options, |_| Ok(())).unwrap_err();
    assert_eq!(error.to_string(), "fee: 1 is no fraction from 0 to below 1");
}

#[test]
fn results_do_not_depend_on_threads() {
    let panel = panel(&[walk(300, 4, true), walk(200, 5, false)]);
    let (strategy, grid) = GRIDS[0];
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| outcomes(&panel, strategy, grid, &BacktestOptions::default()))
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn the_best_come_first_and_what_does_not_exist_last() {
    let panel = panel(&[walk(120, 4, false)]);
    let all = outcomes(
        &panel,
        Strategy::MaCrossover,
        "fast=2:9,slow=20:90:10",
        &BacktestOptions::default(),
    );
    for by in Metric::ALL {
        let top = best(all.clone(), 5, by);
        let figures: Vec<Option<f64>> = top.iter().map(|one| by.of(&one.performance)).collect();
        assert!(figures.is_sorted_by(|one, other| by.order(*one, *other).is_le()), "{by}");
        let first = figures[0].unwrap();
        let known = all.iter().filter_map(|one| by.of(&one.performance));
        let extreme = if by == Metric::MaxDrawdown {
            known.fold(f64::INFINITY, f64::min)
        } else {
            known.fold(f64::NEG_INFINITY, f64::max)
        };
        assert_eq!(first.to_bits(), extreme.to_bits(), "{by}");
    }
}

#[test]
fn a_walk_forward_chooses_on_the_past_alone() {
    let bars = walk(300, 11, false);
    let whole = panel(std::slice::from_ref(&bars));
    let (strategy, grid) = (Strategy::MaCrossover, "fast=2:6,slow=8:20:3".parse::<Grid>().unwrap());
    let options = BacktestOptions { fee: 0.001, ..BacktestOptions::default() };
    let walk: WalkForward = "train=100,test=60".parse().unwrap();
    let folds = walk_forward(&whole, strategy, &grid, &options, walk, Metric::Sharpe).unwrap();
    assert_eq!(folds.len(), 5);
    for (number, fold) in folds[..4].iter().enumerate() {
        assert_eq!(fold.number, Some(number + 1));
        let (train, test) = (number * 60, number * 60 + 100);
        assert_eq!(fold.train, Some([date(train), date(test - 1)]));
        assert_eq!(fold.test, [date(test), date(299.min(test + 59))]);
    }
    // The first fold's choice is that of a sweep that ends where its choice was made.
    let past = panel(&[bars[..100].to_vec()]);
    let all = outcomes(&past, strategy, "fast=2:6,slow=8:20:3", &options);
    let top = best(all, 1, Metric::Sharpe)[0];
    assert_eq!(folds[0].set, Some(top.set));
    let (chosen, swept) = (folds[0].train_value.unwrap(), top.performance.sharpe.unwrap());
    assert!((chosen - swept).abs() < 1e-12);
    // All folds together are one account.
    let product: f64 = folds[..4].iter().map(|fold| 1.0 + fold.performance.total_return).product();
    assert!((folds[4].performance.total_return - (product - 1.0)).abs() < 1e-12);
    let trades: u64 = folds[..4].iter().map(|fold| fold.performance.trades).sum();
    assert_eq!((folds[4].number, folds[4].performance.trades), (None, trades));
    let short = panel(&[bars[..100].to_vec()]);
    assert!(
        walk_forward(&short, strategy, &grid, &options, walk, Metric::Cagr).unwrap().is_empty()
    );
    assert!("train=1,test=5".parse::<WalkForward>().is_err());
    assert!("train=10".parse::<WalkForward>().is_err());
}

#[test]
fn a_heat_map_has_the_best_of_what_shares_a_cell() {
    let panel = panel(&[walk(150, 12, false)]);
    let grid = "bars=3:12,low=20:40:5,high=60:80:10";
    let all = outcomes(&panel, Strategy::Rsi, grid, &BacktestOptions::default());
    let metric = Metric::TotalReturn;
    let mut map = HeatMap::new(Strategy::Rsi, &grid.parse().unwrap(), metric, 4, 1000).unwrap();
    for outcome in &all {
        map.add(outcome);
    }
    assert_eq!((map.parameters, map.cells.len()), ([0, 1], 4 * 3));
    assert_eq!(map.values, [vec![3.0, 6.0, 9.0, 12.0], vec![20.0, 30.0, 40.0]]);
    let inside = all.iter().filter(|one| one.set[0] < 6.0 && one.set[1] < 30.0);
    let expected = inside.map(|one| one.performance.total_return).fold(f64::MIN, f64::max);
    assert_eq!(map.cells[0], Some(expected));
}
