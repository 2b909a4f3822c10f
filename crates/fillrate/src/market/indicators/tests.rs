//! Indicators against TA-Lib, streams against batches, and bars that are missing.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::market::{Bar, Panel, PanelOptions, Prices};
use crate::records::{InputFormat, ReadOptions, Reader};

const ALL: [Indicator; 14] = [
    Indicator::Sma { bars: 20 },
    Indicator::Ema { bars: 20 },
    Indicator::Wma { bars: 9 },
    Indicator::Rsi { bars: 14 },
    Indicator::Bands { bars: 20, width: 2.0 },
    Indicator::Macd(MacdPeriods { fast: 12, slow: 26, smooth: 9 }),
    Indicator::Atr { bars: 14 },
    Indicator::Momentum { bars: 10 },
    Indicator::Roc { bars: 10 },
    Indicator::ZScore { bars: 20 },
    Indicator::Deviation { bars: 20 },
    Indicator::Min { bars: 20 },
    Indicator::Max { bars: 20 },
    Indicator::Stochastic { bars: 14, slow: 3, smooth: 3 },
];

/// `golden/market/indicators.json`.
#[derive(Deserialize)]
struct Golden {
    open: Vec<f64>,
    high: Vec<f64>,
    low: Vec<f64>,
    close: Vec<f64>,
    columns: BTreeMap<String, Vec<Option<f64>>>,
}

fn golden() -> Golden {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../golden/market/indicators.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn bars(golden: &Golden) -> Vec<Bar> {
    let bar = |at: usize| Bar {
        open: golden.open[at],
        high: golden.high[at],
        low: golden.low[at],
        close: golden.close[at],
        ..Bar::default()
    };
    (0..golden.close.len()).map(bar).collect()
}

/// The bars as the panel of one symbol, what is missing as empty cells.
fn panel(bars: &[Bar]) -> Panel {
    let mut text = "date,open,high,low,close\n".to_owned();
    let cell = |value: f64| if value.is_nan() { String::new() } else { value.to_string() };
    for (at, bar) in bars.iter().enumerate() {
        let date = crate::market::Date::from_epoch_nanos(at as i64 * 86_400_000_000_000).unwrap();
        let Bar { open, high, low, close, .. } = *bar;
        let [open, high, low, close] = [open, high, low, close].map(cell);
        writeln!(text, "{date},{open},{high},{low},{close}").unwrap();
    }
    let options = ReadOptions { format: Some(InputFormat::Csv), ..ReadOptions::default() };
    let mut reader =
        Reader::from_stream(Box::new(std::io::Cursor::new(text.into_bytes())), &options).unwrap();
    let options = PanelOptions { prices: Prices::Any, ..PanelOptions::default() };
    Panel::read(&mut reader, &options).unwrap()
}

fn batch(bars: &[Bar], request: Request, options: IndicatorOptions) -> Vec<Vec<f64>> {
    let columns = compute(&panel(bars), &[request], options).unwrap();
    columns.into_iter().map(|column| column.values).collect()
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|x| if x.is_nan() { u64::MAX } else { x.to_bits() }).collect()
}

#[test]
fn indicators_are_those_of_ta_lib() {
    let golden = golden();
    let panel = panel(&bars(&golden));
    let requests: Vec<Request> = ALL
        .into_iter()
        .chain([
            Indicator::Sma { bars: 3 },
            Indicator::Sma { bars: 100 },
            Indicator::Ema { bars: 2 },
            Indicator::Wma { bars: 20 },
            Indicator::Rsi { bars: 2 },
            Indicator::Bands { bars: 33, width: 2.5 },
        ])
        .map(Request::Indicator)
        .collect();
    let columns = compute(&panel, &requests, IndicatorOptions::default()).unwrap();
    let mut compared = 0;
    for column in &columns {
        let Some(expected) = golden.columns.get(&column.name) else { continue };
        compared += 1;
        for (at, (got, expected)) in column.values.iter().zip(expected).enumerate() {
            let name = &column.name;
            match expected {
                Some(expected) => {
                    // Around 0 a difference of prices cannot be nearer than the prices' own last
                    // bits in TA-Lib's running sums.
                    let tolerance = 1e-9 * expected.abs().max(1e-2);
                    assert!((got - expected).abs() <= tolerance, "{name}: {at}: {got}, {expected}");
                }
                // TA-Lib holds the first of several outputs back until the last one begins.
                None => assert!(
                    got.is_nan() || name.starts_with("macd") || name.starts_with("stoch_k"),
                    "{name}: {at}: {got}"
                ),
            }
        }
    }
    assert_eq!(compared, golden.columns.len());
}

#[test]
fn warm_up_is_as_long_as_stated() {
    let bars = bars(&golden());
    for (indicator, warm_up) in [
        (Indicator::Sma { bars: 20 }, 19),
        (Indicator::Ema { bars: 20 }, 19),
        (Indicator::Rsi { bars: 14 }, 14),
        (Indicator::Bands { bars: 20, width: 2.0 }, 19),
        (Indicator::ZScore { bars: 20 }, 19),
        (Indicator::Momentum { bars: 10 }, 10),
        (Indicator::Atr { bars: 14 }, 14),
        (Indicator::Macd(MacdPeriods { fast: 12, slow: 26, smooth: 9 }), 25),
        (Indicator::Sma { bars: 1000 }, 260),
    ] {
        let values = batch(&bars, Request::Indicator(indicator), IndicatorOptions::default());
        let empty = values[0].iter().take_while(|x| x.is_nan()).count();
        assert_eq!(empty, warm_up, "{indicator:?}");
        assert!(values[0][empty..].iter().all(|x| x.is_finite()), "{indicator:?}");
    }
}

#[test]
fn a_missing_bar_is_left_out_and_poisons_nothing() {
    let whole = bars(&golden());
    let missing = [0, 3, 19, 20, 100, 259];
    let mut holes = whole.clone();
    for at in missing {
        holes[at].close = f64::NAN;
    }
    let kept: Vec<Bar> = holes.iter().filter(|bar| !bar.close.is_nan()).copied().collect();
    let signals = Signal::customary().map(Request::Signal);
    for request in ALL.map(Request::Indicator).into_iter().chain(signals) {
        let with_holes = batch(&holes, request, IndicatorOptions::default());
        let without = batch(&kept, request, IndicatorOptions::default());
        for (with_holes, without) in with_holes.iter().zip(&without) {
            assert!(missing.iter().all(|at| with_holes[*at].is_nan()));
            let at_kept: Vec<f64> = (0..holes.len())
                .filter(|at| !missing.contains(at))
                .map(|at| with_holes[at])
                .collect();
            assert_eq!(bits(&at_kept), bits(without), "{request:?}");
        }
    }
}

#[test]
fn windows_may_answer_before_they_are_full() {
    let bars = bars(&golden());
    let options = IndicatorOptions { min_periods: Some(1), ..IndicatorOptions::default() };
    let means = batch(&bars, Request::Indicator(Indicator::Sma { bars: 20 }), options);
    let mean = (bars[0].close + bars[1].close + bars[2].close) / 3.0;
    assert!((means[0][2] - mean).abs() < 1e-12);
    assert_eq!(means[0][..1], [bars[0].close]);
    let full =
        batch(&bars, Request::Indicator(Indicator::Sma { bars: 20 }), IndicatorOptions::default());
    assert_eq!(bits(&means[0][19..]), bits(&full[0][19..]));
}

#[test]
fn signals_say_what_their_rules_say() {
    let closes = |closes: &[f64]| -> Vec<Bar> {
        closes
            .iter()
            .map(|&close| Bar { close, high: close + 1.0, low: close - 1.0, ..Bar::default() })
            .collect()
    };
    let signal = |bars: &[Bar], signal| -> Vec<Vec<f64>> {
        batch(bars, Request::Signal(signal), IndicatorOptions::default())
    };
    let nan = f64::NAN;
    let crossing = signal(
        &closes(&[5.0, 4.0, 3.0, 4.0, 6.0, 7.0, 4.0, 2.0]),
        Signal::MaCrossover { fast: 1, slow: 3 },
    );
    assert_eq!(bits(&crossing[0]), bits(&[nan, nan, 0.0, 1.0, 0.0, 0.0, -1.0, 0.0]));
    let momentum = signal(&closes(&[5.0, 6.0, 6.0, 4.0]), Signal::Momentum { bars: 1 });
    assert_eq!(bits(&momentum[0]), bits(&[nan, 1.0, 0.0, -1.0]));
    let rsi =
        signal(&closes(&[5.0, 6.0, 7.0, 3.0, 1.0]), Signal::Rsi { bars: 2, low: 30.0, high: 70.0 });
    assert_eq!(bits(&rsi[0]), bits(&[nan, nan, -1.0, 1.0, 1.0]));
    let swing = signal(
        &closes(&[9.0, 8.0, 5.0, 7.0, 8.0, 9.0, 12.0, 11.0, 10.0]),
        Signal::Swing { width: 2, reward: 2.0 },
    );
    assert_eq!(bits(&swing[0]), bits(&[nan, nan, nan, nan, 1.0, 0.0, 0.0, 0.0, -1.0]));
    // Entry at 8, stop at the low of 4, target twice as far on the other side.
    assert_eq!(swing[1..].iter().map(|x| x[4]).collect::<Vec<_>>(), vec![8.0, 4.0, 16.0]);
    assert_eq!(swing[1..].iter().map(|x| x[8]).collect::<Vec<_>>(), vec![10.0, 13.0, 4.0]);
}

#[test]
fn what_means_nothing_is_refused() {
    for (indicator, what) in [
        (Indicator::Sma { bars: 0 }, "sma: 0 is no length"),
        (Indicator::Rsi { bars: usize::MAX }, "rsi: "),
        (Indicator::Bands { bars: 20, width: f64::NAN }, "bbands: the width NaN"),
        (Indicator::Macd(MacdPeriods { fast: 9, slow: 3, smooth: 2 }), "macd: the fast average"),
    ] {
        assert!(indicator.check().unwrap_err().to_string().starts_with(what));
        assert!(IndicatorStream::new(indicator, IndicatorOptions::default()).is_err());
    }
    assert!(Signal::MaCrossover { fast: 5, slow: 5 }.check().is_err());
    assert!(Signal::Swing { width: 0, reward: 1.0 }.check().is_err());
    assert!("crossover".parse::<Signal>().unwrap_err().contains("ma-crossover"));
    let panel = panel(&bars(&golden())[..3]);
    let options = IndicatorOptions { column: Column::Volume, ..IndicatorOptions::default() };
    let error = compute(&panel, &[Request::Indicator(ALL[0])], options).unwrap_err();
    assert_eq!(error.to_string(), "panel: the panel has no column `volume`");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn streams_give_what_batches_give(
        holes in prop::collection::vec(0_usize..260, 0..12),
        min_periods in prop::option::of(1_usize..30),
        cut in 0_usize..=260,
    ) {
        let mut bars = bars(&golden());
        for at in holes {
            bars[at].high = f64::NAN;
            bars[at].close = if at % 2 == 0 { f64::NAN } else { bars[at].close };
        }
        let bars = &bars[..cut];
        let options = IndicatorOptions { min_periods, ..IndicatorOptions::default() };
        for indicator in ALL {
            let mut stream = IndicatorStream::new(indicator, options).unwrap();
            let pushed: Vec<Vec<f64>> = bars.iter().map(|bar| stream.push(bar).to_vec()).collect();
            for (o, batch) in batch(bars, Request::Indicator(indicator), options).iter().enumerate() {
                let pushed: Vec<f64> = pushed.iter().map(|outputs| outputs[o]).collect();
                prop_assert_eq!(bits(&pushed), bits(batch), "{:?}", indicator);
            }
        }
        for signal in Signal::customary() {
            let mut stream = SignalStream::new(signal, options).unwrap();
            let pushed: Vec<Vec<f64>> = bars.iter().map(|bar| stream.push(bar).to_vec()).collect();
            for (o, batch) in batch(bars, Request::Signal(signal), options).iter().enumerate() {
                let pushed: Vec<f64> = pushed.iter().map(|outputs| outputs[o]).collect();
                prop_assert_eq!(bits(&pushed), bits(batch), "{:?}", signal);
            }
        }
    }
}
