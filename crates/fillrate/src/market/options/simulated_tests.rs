//! Simulated options against closed forms and against themselves.

use super::tests::{close, list, terms};
use super::*;

#[track_caller]
fn within_errors(what: &str, got: &Simulated, expected: f64) {
    let distance = (got.price - expected).abs() / got.std_error;
    assert!(distance < 4.0, "{what}: {got:?}, {expected}: {distance} standard errors");
}

#[test]
fn simulated_prices_are_within_four_errors_of_closed_forms() {
    let t = terms(100.0, 105.0, 0.05, 0.02, 0.3, 1.0);
    let options = SimulationOptions { paths: 40_000, seed: 7, steps: 16 };
    let barrier = |kind, level, rebate| Kind::Barrier(Barrier { kind, level, rebate });
    for right in [Right::Call, Right::Put] {
        for kind in [
            Kind::European,
            Kind::AsianGeometric { fixings: Some(12) },
            barrier(BarrierKind::DownOut, 85.0, 0.0),
            barrier(BarrierKind::DownIn, 85.0, 3.0),
            barrier(BarrierKind::UpOut, 120.0, 3.0),
            barrier(BarrierKind::UpIn, 120.0, 0.0),
        ] {
            let got = simulate(kind, right, t, &options).unwrap();
            let expected = price(kind, right, t).unwrap();
            within_errors(&format!("{right} {kind:?}"), &got, expected.price);
            assert!(got.std_error < 0.1, "{kind:?}: {got:?}");
            // Differences of one set of numbers are no noisier than the price.
            close("delta", got.delta, expected.delta, 0.03);
            close("vega", got.vega, expected.vega, 2.0);
            close("rho", got.rho, expected.rho, 2.0);
        }
    }
}

#[test]
fn an_arithmetic_mean_is_priced_with_a_small_error() {
    // Source: QuantLib, simulated as well, with an error of its own
    // (`golden/market/options.py`).
    for case in super::tests::golden().arithmetic {
        let kind = Kind::AsianArithmetic { fixings: case.fixings.unwrap() };
        let options = SimulationOptions { paths: 60_000, ..SimulationOptions::default() };
        let got = simulate(kind, case.right(), case.terms(), &options).unwrap();
        let distance = (got.price - case.price.unwrap()).abs();
        let error = got.std_error.hypot(case.std_error.unwrap());
        assert!(distance < 4.0 * error, "{got:?}, {case:?}");
        // What the geometric control leaves of the error.
        assert!(got.std_error < 0.01, "{got:?}");
    }
}

#[test]
fn a_mean_over_one_moment_is_a_european_option() {
    let t = terms(100.0, 95.0, 0.03, 0.01, 0.25, 0.5);
    let european = price(Kind::European, Right::Call, t).unwrap().price;
    let one = Kind::AsianArithmetic { fixings: 1 };
    let got = simulate(one, Right::Call, t, &SimulationOptions::default()).unwrap();
    // The geometric mean is the same number, so nothing is left to chance.
    close("price", got.price, european, 1e-9);
    assert!(got.std_error < 1e-9);
}

#[test]
fn results_do_not_depend_on_threads() {
    let t = terms(100.0, 100.0, 0.03, 0.0, 0.4, 2.0);
    let options = SimulationOptions { paths: 30_000, seed: 3, steps: 8 };
    let down = Barrier { kind: BarrierKind::DownOut, level: 80.0, rebate: 1.0 };
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            [Kind::AsianArithmetic { fixings: 10 }, Kind::Barrier(down)].map(|kind| {
                let got = simulate(kind, Right::Put, t, &options).unwrap();
                [got.price, got.std_error, got.delta, got.vega].map(f64::to_bits)
            })
        })
    };
    assert_eq!(on(1), on(3));
    let other = SimulationOptions { seed: 4, ..options };
    let price_of = |options| simulate(Kind::European, Right::Put, t, &options).unwrap().price;
    assert!((price_of(options) - price_of(other)).abs() > 0.0);
}

#[test]
fn what_cannot_be_simulated_is_refused() {
    let t = terms(100.0, 100.0, 0.03, 0.0, 0.4, 2.0);
    let usual = SimulationOptions::default();
    let message = |kind, options: &SimulationOptions| {
        simulate(kind, Right::Put, t, options).unwrap_err().to_string()
    };
    let continuous = Kind::AsianGeometric { fixings: None };
    assert!(message(continuous, &usual).starts_with("fixings: a continuous mean"));
    assert!(message(Kind::American, &usual).starts_with("method: "));
    assert!(message(Kind::AsianArithmetic { fixings: 0 }, &usual).starts_with("fixings: "));
    let many = message(Kind::AsianArithmetic { fixings: 1_000_000_000 }, &usual);
    assert_eq!(many, "fixings: 1000000000 is not from 1 to 1000000");
    let odd = SimulationOptions { paths: 3, ..usual };
    assert!(message(Kind::European, &odd).starts_with("paths: 3 antithetic"));
    let many = SimulationOptions { paths: 1 << 40, ..usual };
    assert!(message(Kind::European, &many).contains("is not from 1 to 100000000"));
    let arithmetic = Kind::AsianArithmetic { fixings: 5 };
    let refused = price(arithmetic, Right::Put, t).unwrap_err().to_string();
    assert!(refused.contains("simulate it"), "{refused}");
}

#[test]
fn the_edges_of_simulated_terms() {
    let usual = SimulationOptions { paths: 2000, ..SimulationOptions::default() };
    for vol in [0.0, 10.0] {
        let t = terms(100.0, 90.0, 0.05, 0.0, vol, 1.0);
        for kind in [
            Kind::European,
            Kind::AsianArithmetic { fixings: 4 },
            Kind::Barrier(Barrier { kind: BarrierKind::UpOut, level: 120.0, rebate: 2.0 }),
        ] {
            let got = simulate(kind, Right::Call, t, &usual).unwrap();
            let all = [got.price, got.std_error, got.delta, got.vega, got.theta, got.rho];
            assert!(all.iter().all(|value| value.is_finite()), "{kind:?} at {vol}: {got:?}");
            if vol == 0.0 && kind == Kind::European {
                close("price", got.price, price(kind, Right::Call, t).unwrap().price, 1e-9);
            }
        }
    }
    // A barrier that is touched at the start leaves nothing to chance.
    let t = terms(100.0, 90.0, 0.05, 0.0, 0.2, 1.0);
    let touched = Kind::Barrier(Barrier { kind: BarrierKind::DownIn, level: 100.0, rebate: 2.0 });
    let got = simulate(touched, Right::Call, t, &usual).unwrap();
    let expected = list(&price(touched, Right::Call, t).unwrap());
    close("price", got.price, expected[0], 1e-12);
    assert!(got.std_error < f64::MIN_POSITIVE);
}
