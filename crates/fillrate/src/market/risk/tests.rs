//! Risk against NumPy and SciPy, and the cases in which a figure does not exist.

mod oracle;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::market::{Date, PanelOptions, Philox};
use crate::records::{InputFormat, ReadOptions, Reader};

/// `golden/market/risk.json`.
#[derive(Deserialize)]
struct Golden {
    risk_free: f64,
    close: Vec<Vec<f64>>,
    risk: Vec<Figures>,
}

#[derive(Deserialize)]
struct Figures {
    peak: usize,
    trough: usize,
    tails: BTreeMap<String, BTreeMap<String, [f64; 2]>>,
    #[serde(flatten)]
    numbers: BTreeMap<String, f64>,
}

fn golden() -> Golden {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../golden/market/risk.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn date(day: usize) -> Date {
    Date::from_epoch_nanos(day as i64 * 86_400_000_000_000).unwrap()
}

fn panel(closes: &[Vec<f64>]) -> Panel {
    let mut text = "symbol,date,close\n".to_owned();
    for (symbol, closes) in closes.iter().enumerate() {
        for (day, close) in closes.iter().enumerate() {
            let close = if close.is_nan() { String::new() } else { close.to_string() };
            writeln!(text, "S{symbol},{},{close}", date(day)).unwrap();
        }
    }
    read(text)
}

fn read(text: String) -> Panel {
    let options = ReadOptions { format: Some(InputFormat::Csv), ..ReadOptions::default() };
    let bytes = Box::new(std::io::Cursor::new(text.into_bytes()));
    let mut reader = Reader::from_stream(bytes, &options).unwrap();
    let any = PanelOptions { prices: crate::market::Prices::Any, ..PanelOptions::default() };
    Panel::read(&mut reader, &any).unwrap()
}

fn numbers(risk: &Risk) -> BTreeMap<&'static str, f64> {
    let drawdown = risk.drawdown.map(|drawdown| drawdown.depth);
    let named = [
        ("mean", risk.mean),
        ("volatility", risk.volatility),
        ("ewma_volatility", risk.ewma_volatility),
        ("sharpe", risk.sharpe),
        ("sortino", risk.sortino),
        ("calmar", risk.calmar),
        ("max_drawdown", drawdown),
        ("beta", risk.beta),
        ("correlation", risk.correlation),
    ];
    named.into_iter().map(|(name, value)| (name, value.unwrap())).collect()
}

#[track_caller]
fn close(what: &str, got: f64, expected: f64) {
    let error = (got - expected).abs() / expected.abs().max(1e-6);
    assert!(error <= 1e-9, "{what}: {got}, {expected}");
}

#[test]
fn figures_are_those_of_numpy_and_scipy() {
    let golden = golden();
    let panel = panel(&golden.close);
    let options = RiskOptions { risk_free: golden.risk_free, ..RiskOptions::default() };
    let risks = measure(&panel, &options).unwrap();
    assert_eq!(risks.len(), 4);
    assert_eq!(risks[3].symbol, PORTFOLIO);
    for (risk, expected) in risks.iter().zip(&golden.risk) {
        for (name, got) in numbers(risk) {
            close(&format!("{} {name}", risk.symbol), got, expected.numbers[name]);
        }
        let drawdown = risk.drawdown.unwrap();
        assert_eq!((drawdown.peak, drawdown.trough), (date(expected.peak), date(expected.trough)));
    }
    for method in TailMethod::ALL {
        for confidence in [0.9, 0.95, 0.99] {
            let options = RiskOptions { confidence, method, ..RiskOptions::default() };
            for (risk, expected) in measure(&panel, &options).unwrap().iter().zip(&golden.risk) {
                let [var, cvar] = expected.tails[&confidence.to_string()][method.as_str()];
                let what = format!("{} {method} {confidence}", risk.symbol);
                close(&format!("{what} var"), risk.var.unwrap(), var);
                close(&format!("{what} cvar"), risk.cvar.unwrap(), cvar);
            }
        }
    }
}

#[test]
fn figures_that_do_not_exist_are_none() {
    let risks = measure(&panel(&[vec![5.0]]), &RiskOptions::default()).unwrap();
    let one = &risks[0];
    assert_eq!((one.observations, one.var, one.mean, one.sharpe), (0, None, None, None));
    assert_eq!(one.drawdown.map(|drawdown| drawdown.depth), Some(0.0));
    let risks = measure(&panel(&[vec![5.0, 6.0]]), &RiskOptions::default()).unwrap();
    let two = &risks[0];
    close("var of one return", two.var.unwrap(), -0.2);
    assert_eq!((two.volatility, two.sharpe, two.beta, two.calmar), (None, None, None, None));
    // Nothing moves: no deviation to divide by.
    let flat = &measure(&panel(&[vec![5.0; 9]]), &RiskOptions::default()).unwrap()[0];
    assert_eq!((flat.volatility, flat.sharpe, flat.sortino), (Some(0.0), None, None));
    assert_eq!((flat.beta, flat.correlation, flat.calmar), (None, None, None));
    for method in TailMethod::ALL {
        let options = RiskOptions { method, ..RiskOptions::default() };
        let flat = &measure(&panel(&[vec![5.0; 9]]), &options).unwrap()[0];
        let bits = [flat.var, flat.cvar].map(|loss| loss.unwrap().to_bits());
        assert_eq!(bits, [0, 0], "no loss is 0 and not -0: {method}");
    }
    assert!(measure(&panel(&[]), &RiskOptions::default()).unwrap().is_empty());
}

#[test]
fn a_missing_price_is_bridged() {
    let nan = f64::NAN;
    let with = panel(&[vec![nan, 5.0, nan, 6.0, 3.0, nan]]);
    let without = panel(&[vec![5.0, 6.0, 3.0]]);
    let [with, without] =
        [with, without].map(|panel| measure(&panel, &RiskOptions::default()).unwrap().remove(0));
    assert_eq!((with.observations, with.var, with.mean), (2, without.var, without.mean));
    let drawdown = with.drawdown.unwrap();
    assert_eq!((drawdown.depth, drawdown.peak, drawdown.trough), (0.5, date(3), date(4)));
}

#[test]
fn a_symbol_without_a_price_changes_nothing_beside_it() {
    let nan = f64::NAN;
    let (one, other) = (vec![5.0, nan, 6.0, 3.0], vec![5.0, 7.0, nan, 8.0]);
    let none = vec![nan; 4];
    let with = panel(&[none.clone(), one.clone(), none.clone(), other.clone(), none]);
    let without = panel(&[one, other]);
    let [with, without] =
        [with, without].map(|panel| measure(&panel, &RiskOptions::default()).unwrap());
    for (place, expected) in [1, 3, 5].into_iter().zip(&without) {
        let symbol = expected.symbol.clone();
        assert_eq!(Risk { symbol, ..with[place].clone() }, *expected, "{place}");
    }
    for place in [0, 2, 4] {
        assert_eq!((with[place].observations, with[place].drawdown), (0, None));
    }
}

#[test]
fn the_benchmark_may_be_a_symbol_and_returns_logarithms() {
    let golden = golden();
    let panel = panel(&golden.close);
    let benchmark = Some("S1".to_owned());
    let options = RiskOptions { benchmark, returns: Returns::Log, ..RiskOptions::default() };
    let risks = measure(&panel, &options).unwrap();
    close("beta to itself", risks[1].beta.unwrap(), 1.0);
    let closes = &golden.close[0];
    let mean = (closes[closes.len() - 1] / closes[0]).ln() / (closes.len() as f64 - 1.0);
    close("mean logarithm", risks[0].mean.unwrap(), mean);
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let panel_of_one = panel(&[vec![5.0, 6.0]]);
    let message = |options: &RiskOptions| measure(&panel_of_one, options).unwrap_err().to_string();
    for confidence in [0.0, 1.0, f64::NAN] {
        let options = RiskOptions { confidence, ..RiskOptions::default() };
        assert!(message(&options).starts_with("confidence: "));
    }
    let options = RiskOptions { benchmark: Some("X".into()), ..RiskOptions::default() };
    assert_eq!(message(&options), "benchmark: no symbol `X` is in the prices");
    let options = RiskOptions { column: Column::High, ..RiskOptions::default() };
    assert_eq!(message(&options), "panel: the panel has no column `high`");
    let error = measure(&panel(&[vec![5.0, -1.0]]), &RiskOptions::default()).unwrap_err();
    assert_eq!(error.to_string(), "price: S0 on 1970-01-02: -1 is not above 0");
}

/// How a symbol's closes come about.
#[derive(Clone, Copy, Debug)]
struct Shape {
    first_day: usize,
    bars: usize,
    /// Of how many bars one is missing; 0 for none.
    gap: usize,
    /// Of how many days one is a day of the symbol.
    every: usize,
    volatility: f64,
}

/// Closes of symbols with histories of their own.
fn ragged(shapes: &[Shape], seed: u64) -> Panel {
    let (philox, mut text) = (Philox::new(seed), "symbol,date,close\n".to_owned());
    for (symbol, shape) in shapes.iter().enumerate() {
        let mut close = 50.0;
        for bar in 0..shape.bars {
            let [step, other] = philox.normals(bar as u64, symbol as u32, 0);
            // Quiet times and wild ones, and days on which nothing moves.
            let step = if bar % 7 == 3 { 0.0 } else { step * (1.0 + other * other) };
            close *= (shape.volatility * step - 0.1).max(-2.0).exp().sqrt() * 1.05;
            let cell = match shape.gap {
                0 => close.to_string(),
                gap if (bar + symbol).is_multiple_of(gap) => String::new(),
                _ => close.to_string(),
            };
            writeln!(text, "S{symbol},{},{cell}", date(shape.first_day + bar * shape.every))
                .unwrap();
        }
    }
    read(text)
}

/// The same but for rounding: figures, and the places of falls.
#[track_caller]
fn same(found: &[Risk], expected: &[Risk]) {
    let close = |what: &str, found: Option<f64>, expected: Option<f64>, size: f64| {
        let near = match (found, expected) {
            (Some(found), Some(expected)) => {
                (found - expected).abs() <= 1e-10 * (expected.abs() + size)
            }
            _ => found == expected,
        };
        assert!(near, "{what}: {found:?}, {expected:?}");
    };
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        let (symbol, size) = (&expected.symbol, expected.volatility.unwrap_or(0.0));
        assert_eq!((&found.symbol, found.observations), (symbol, expected.observations));
        let depth = |risk: &Risk| risk.drawdown.map(|fall| fall.depth);
        let places = |risk: &Risk| risk.drawdown.map(|fall| (fall.peak, fall.trough));
        assert_eq!(places(found), places(expected), "{symbol}");
        let of = |what: &str, figure: &dyn Fn(&Risk) -> Option<f64>, size: f64| {
            close(&format!("{symbol} {what}"), figure(found), figure(expected), size);
        };
        of("var", &|risk| risk.var, size);
        of("cvar", &|risk| risk.cvar, size);
        of("drawdown", &depth, 1e-3);
        of("mean", &|risk| risk.mean, size);
        of("volatility", &|risk| risk.volatility, 0.0);
        of("ewma", &|risk| risk.ewma_volatility, 0.0);
        of("sharpe", &|risk| risk.sharpe, 1.0);
        of("sortino", &|risk| risk.sortino, 1.0);
        of("calmar", &|risk| risk.calmar, 1.0);
        of("beta", &|risk| risk.beta, 1.0);
        of("correlation", &|risk| risk.correlation, 1.0);
    }
}

fn check_against_the_definition(shapes: &[Shape], seed: u64) {
    let panel = ragged(shapes, seed);
    for (place, method) in TailMethod::ALL.into_iter().enumerate() {
        for returns in [Returns::Simple, Returns::Log] {
            let benchmark =
                seed.is_multiple_of(2).then(|| panel.symbols()[place % panel.len()].clone());
            let confidence = [0.95, 0.5, 0.999][place];
            let risk_free = 0.03;
            let usual = RiskOptions::default();
            let options =
                RiskOptions { confidence, method, returns, risk_free, benchmark, ..usual };
            same(&measure(&panel, &options).unwrap(), &oracle::measure(&panel, &options));
        }
    }
}

#[test]
fn figures_of_every_length_are_those_of_the_definition() {
    for bars in [1, 2, 3, 9, 31, 32, 33, 34, 64, 65, 66, 255, 256, 300, 1000] {
        let one = Shape { first_day: 0, bars, gap: 0, every: 1, volatility: 0.02 };
        check_against_the_definition(&[one], bars as u64);
        check_against_the_definition(&[one; 3], bars as u64);
        let later = Shape { first_day: bars / 2, bars: bars.div_ceil(2), ..one };
        check_against_the_definition(&[later, one, one], bars as u64);
        let missing = Shape { gap: 4, ..one };
        check_against_the_definition(&[one, missing], bars as u64);
        check_against_the_definition(&[Shape { gap: 1, ..one }, one], bars as u64);
        check_against_the_definition(&[one, Shape { first_day: bars, ..one }], bars as u64);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn figures_of_every_panel_are_those_of_the_definition(
        shapes in prop::collection::vec(
            (0_usize..60, 1_usize..200, 0_usize..6, 1_usize..4, 0.001_f64..0.2), 1..7
        ),
        seed in 0_u64..1000,
    ) {
        let of = |(first_day, bars, gap, every, volatility)| Shape {
            first_day, bars, gap: if gap == 1 { 0 } else { gap }, every, volatility,
        };
        check_against_the_definition(&shapes.into_iter().map(of).collect::<Vec<_>>(), seed);
    }
}

#[test]
fn figures_do_not_depend_on_the_number_of_threads() {
    let long = Shape { first_day: 0, bars: 2000, gap: 0, every: 1, volatility: 0.02 };
    let panel = ragged(&[long, Shape { first_day: 700, gap: 9, ..long }, long], 5);
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| measure(&panel, &RiskOptions::default()).unwrap())
    };
    assert_eq!(on(1), on(5));
}
