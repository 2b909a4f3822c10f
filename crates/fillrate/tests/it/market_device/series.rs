//! Indicators, signals and backtests.

use std::fmt::Write as _;

use fillrate::market::backtest::{
    BacktestOptions, Metric, OrderFill, Outcome, Positions, Strategy, WalkForward, sweep, sweep_on,
    walk_forward, walk_forward_on,
};
use fillrate::market::device::{Computer, IndicatorJob, Report};
use fillrate::market::indicators::{
    Indicator, IndicatorOptions, MacdPeriods, Request, Signal, compute, compute_on,
};
use fillrate::market::{Date, Panel, PanelOptions, Philox};
use fillrate::records::{InputFormat, ReadOptions, Reader};

use super::{Device, bits, computer};

/// Three symbols of different lengths, one of which lacks some prices.
fn panel(with_gaps: bool) -> Panel {
    let mut table = "symbol,date,high,low,close\n".to_owned();
    let philox = Philox::new(4);
    for (symbol, bars) in [("A", 150), ("B", 7), ("C", 90)] {
        let mut close = 50.0;
        for bar in 0..bars {
            let [u, v] = philox.uniforms(bar, 0, bars as u32);
            close += u - 0.5;
            let date = Date::from_epoch_nanos(bar as i64 * 86_400_000_000_000).unwrap();
            let is_gap = with_gaps && symbol == "C" && bar % 9 == 4;
            let text = if is_gap { String::new() } else { close.to_string() };
            let _ = writeln!(table, "{symbol},{date},{},{},{text}", close + v, close - v);
        }
    }
    let options = ReadOptions { format: Some(InputFormat::Csv), ..ReadOptions::default() };
    let stream = Box::new(std::io::Cursor::new(table));
    let mut reader = Reader::from_stream(stream, &options).unwrap();
    Panel::read(&mut reader, &PanelOptions::default()).unwrap()
}

/// What is asked of panels: everything, at lengths that one series or another is too short for.
fn requests() -> Vec<Request> {
    let indicators = [
        Indicator::Sma { bars: 20 },
        Indicator::Ema { bars: 12 },
        Indicator::Wma { bars: 5 },
        Indicator::Rsi { bars: 14 },
        Indicator::Bands { bars: 20, width: 2.0 },
        Indicator::Macd(MacdPeriods { fast: 5, slow: 9, smooth: 4 }),
        Indicator::Atr { bars: 14 },
        Indicator::Momentum { bars: 3 },
        Indicator::Roc { bars: 7 },
        Indicator::ZScore { bars: 10 },
        Indicator::Deviation { bars: 10 },
        Indicator::Min { bars: 33 },
        Indicator::Max { bars: 1 },
        Indicator::Stochastic { bars: 6, slow: 4, smooth: 3 },
    ];
    let signals = [
        Signal::MaCrossover { fast: 3, slow: 8 },
        Signal::Rsi { bars: 5, low: 40.0, high: 60.0 },
        Signal::Bollinger { bars: 6, width: 1.2 },
        Signal::Momentum { bars: 4 },
        Signal::ZScore { bars: 9, threshold: 1.1 },
        Signal::Swing { width: 2, reward: 2.0 },
    ];
    let indicators = indicators.map(Request::Indicator).into_iter();
    indicators.chain(signals.map(Request::Signal)).collect()
}

#[track_caller]
fn check_indicators(computer: &Computer<IndicatorJob>, panel: &Panel, requests: &[Request]) {
    for min_periods in [None, Some(3)] {
        let options = IndicatorOptions { min_periods, ..IndicatorOptions::default() };
        let expected = compute(panel, requests, options).unwrap();
        let found = compute_on(computer, panel, requests, options).unwrap();
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found.name, expected.name);
            assert_eq!(bits(&found.values), bits(&expected.values), "{}", found.name);
        }
    }
}

#[test]
fn indicators_on_a_device_have_the_bits_of_the_processor() {
    let computer: Computer<IndicatorJob> = computer(Device::sound());
    let mut requests = requests();
    // Windows that do not fit a block's shared memory, longer than a series or not.
    for indicator in [
        Indicator::Sma { bars: 5000 },
        Indicator::Stochastic { bars: 5, slow: 3, smooth: 900 },
        Indicator::Bands { bars: 731, width: 1.5 },
    ] {
        requests.push(Request::Indicator(indicator));
    }
    requests.push(Request::Signal(Signal::MaCrossover { fast: 3, slow: 718 }));
    requests.push(Request::Signal(Signal::Bollinger { bars: 900, width: 1.0 }));
    for with_gaps in [false, true] {
        check_indicators(&computer, &panel(with_gaps), &requests);
    }
    let jobs = 4 * requests.len() as u64;
    assert_eq!((computer.report().on_device, computer.report().degraded), (jobs, 0));
}

#[test]
fn a_signal_that_the_device_fails_is_computed_by_the_processor() {
    for failing in 0..3 {
        let failing = computer(Device { failing: Some(failing), ..Device::sound() });
        let signal = Request::Signal(Signal::MaCrossover { fast: 3, slow: 8 });
        check_indicators(&failing, &panel(true), &[signal]);
        let Report { on_device, on_processor, degraded, .. } = failing.report();
        assert_eq!((on_device, on_processor, degraded), (1, 1, 1));
    }
}

#[test]
fn backtests_on_a_device_have_the_figures_of_the_processor() {
    let computer = computer(Device::sound());
    let panel = panel(true);
    for (strategy, grid) in [
        (Strategy::MaCrossover, "fast=2:6:1,slow=3:12:3"),
        (Strategy::Rsi, "bars=3:5:1,low=20:40:10,high=50:70:10"),
        (Strategy::Bollinger, "bars=5:9:2,width=0.5:1.5:0.25"),
        (Strategy::Momentum, "bars=1:12:1"),
    ] {
        let grid = grid.parse().unwrap();
        for (positions, fee) in [(Positions::Long, 0.0), (Positions::LongShort, 0.002)] {
            let fill = OrderFill::Close;
            let options = BacktestOptions { positions, fee, fill, ..BacktestOptions::default() };
            let mut expected: Vec<Outcome> = Vec::new();
            sweep(&panel, strategy, &grid, &options, |outcomes| {
                expected.extend_from_slice(outcomes);
                Ok(())
            })
            .unwrap();
            let mut found: Vec<Outcome> = Vec::new();
            sweep_on(&computer, &panel, strategy, &grid, &options, |outcomes| {
                found.extend_from_slice(outcomes);
                Ok(())
            })
            .unwrap();
            assert_eq!(found, expected, "{strategy:?} {positions:?}");
            assert!(expected.iter().any(|outcome| outcome.performance.trades > 0));
            let (walk, by) = (WalkForward { train: 40, test: 20 }, Metric::Sharpe);
            let folds = walk_forward(&panel, strategy, &grid, &options, walk, by).unwrap();
            let on_device =
                walk_forward_on(&computer, &panel, strategy, &grid, &options, walk, by).unwrap();
            assert_eq!(on_device, folds, "{strategy:?} {positions:?}");
        }
    }
    assert_eq!((computer.report().on_processor, computer.report().degraded), (0, 0));
    assert!(computer.report().on_device > 20);
}
