//! Options against QuantLib and the literature, identities between them, and the edges of terms.

use proptest::prelude::*;
use serde::Deserialize;

use super::*;

/// `golden/market/options.json`.
#[derive(Deserialize)]
pub(super) struct Golden {
    european: Vec<Case>,
    pub(super) american: Vec<Case>,
    geometric: Vec<Case>,
    pub(super) arithmetic: Vec<Case>,
    barrier: Vec<Case>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Case {
    pub(super) right: String,
    spot: f64,
    strike: f64,
    rate: f64,
    #[serde(rename = "yield")]
    dividend: f64,
    vol: f64,
    days: f64,
    greeks: Option<[f64; 6]>,
    pub(super) price: Option<f64>,
    pub(super) std_error: Option<f64>,
    pub(super) fixings: Option<u32>,
    kind: Option<String>,
    level: Option<f64>,
    rebate: Option<f64>,
}

impl Case {
    pub(super) fn terms(&self) -> Terms {
        let Self { spot, strike, rate, dividend, vol, days, .. } = *self;
        Terms { spot, strike, rate, dividend, vol, expiry: days / 365.0 }
    }

    pub(super) fn right(&self) -> Right {
        self.right.parse().unwrap()
    }
}

pub(super) fn golden() -> Golden {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../golden/market/options.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

pub(super) fn terms(
    spot: f64,
    strike: f64,
    rate: f64,
    dividend: f64,
    vol: f64,
    expiry: f64,
) -> Terms {
    Terms { spot, strike, rate, dividend, vol, expiry }
}

pub(super) fn list(greeks: &Greeks) -> [f64; 6] {
    let Greeks { price, delta, gamma, vega, theta, rho } = *greeks;
    [price, delta, gamma, vega, theta, rho]
}

#[track_caller]
pub(super) fn close(what: &str, got: f64, expected: f64, tolerance: f64) {
    assert!((got - expected).abs() <= tolerance, "{what}: {got}, {expected}");
}

#[test]
fn european_options_are_those_of_quantlib() {
    for case in golden().european {
        let greeks = price(Kind::European, case.right(), case.terms()).unwrap();
        let what = format!("{} {:?}", case.right, case.terms());
        for (got, expected) in list(&greeks).into_iter().zip(case.greeks.unwrap()) {
            close(&what, got, expected, 1e-10 * expected.abs().max(1e-2));
        }
    }
}

#[test]
fn hulls_options() {
    // Source: Hull, section 15.9, to all digits of a double.
    let hull = terms(42.0, 40.0, 0.1, 0.0, 0.2, 0.5);
    let call = price(Kind::European, Right::Call, hull).unwrap().price;
    let put = price(Kind::European, Right::Put, hull).unwrap().price;
    close("call", call, 4.759_422_392_871_535, 2e-14);
    close("put", put, 0.808_599_372_900_092_5, 2e-14);
}

#[test]
fn columns_are_the_options_one_by_one() {
    let cases = golden().european;
    let rights: Vec<Right> = cases.iter().map(Case::right).collect();
    let column = |of: fn(&Terms) -> f64| -> Vec<f64> {
        cases.iter().map(|case| of(&case.terms())).collect()
    };
    let (spot, strike) = (column(|t| t.spot), column(|t| t.strike));
    let (rate, dividend) = (column(|t| t.rate), column(|t| t.dividend));
    let (vol, expiry) = (column(|t| t.vol), column(|t| t.expiry));
    let mut options = EuropeanColumns {
        right: &rights,
        spot: &spot,
        strike: &strike,
        rate: &rate,
        dividend: &dividend,
        vol: &vol,
        expiry: &expiry,
    };
    let columns = price_columns(&options).unwrap();
    for (row, case) in cases.iter().enumerate() {
        let one = price(Kind::European, rights[row], case.terms()).unwrap();
        let GreekColumns { price, delta, gamma, vega, theta, rho } = &columns;
        let row = [price, delta, gamma, vega, theta, rho].map(|column| column[row].to_bits());
        assert_eq!(row, list(&one).map(f64::to_bits));
    }
    let mut bad = spot.clone();
    bad[3] = -1.0;
    options.spot = &bad;
    let message = price_columns(&options).unwrap_err().to_string();
    assert_eq!(message, "options: row 3: spot: -1 is not a number above 0");
    options.spot = &bad[1..];
    assert!(price_columns(&options).unwrap_err().to_string().contains("differ in length"));
}

#[test]
fn geometric_asian_options_are_those_of_quantlib() {
    for case in golden().geometric {
        let kind = Kind::AsianGeometric { fixings: case.fixings };
        let got = price(kind, case.right(), case.terms()).unwrap().price;
        let expected = case.price.unwrap();
        let what = format!("{kind:?} {} {:?}", case.right, case.terms());
        close(&what, got, expected, 1e-9 * expected.abs().max(1e-2));
    }
}

#[test]
fn barrier_options_are_those_of_quantlib() {
    for case in golden().barrier {
        let kind = case.kind.as_deref().unwrap().parse().unwrap();
        let barrier = Barrier { kind, level: case.level.unwrap(), rebate: case.rebate.unwrap() };
        let got = price(Kind::Barrier(barrier), case.right(), case.terms()).unwrap().price;
        let expected = case.price.unwrap();
        let what = format!("{barrier:?} {} {:?}", case.right, case.terms());
        close(&what, got, expected, 1e-9 * expected.abs().max(1e-2));
    }
}

#[test]
fn barrier_options_are_those_of_haug() {
    // Source: Haug, 2nd ed., table 4-13: S 100, rebate 3, T 0.5, r 0.08, b 0.04; strikes 90, 100 and
    // 110 with a volatility of 25 %, then with one of 30 %.
    for (right, kind, level, expected) in [
        (Right::Call, BarrierKind::DownOut, 95.0, [9.0246, 6.7924, 4.8759, 8.8334, 7.0285, 5.4137]),
        (Right::Call, BarrierKind::DownOut, 100.0, [3.0; 6]),
        (Right::Call, BarrierKind::UpOut, 105.0, [2.6789, 2.3580, 2.3453, 2.6341, 2.4389, 2.4315]),
        (Right::Call, BarrierKind::DownIn, 95.0, [7.7627, 4.0109, 2.0576, 9.0093, 5.1370, 2.8517]),
        (
            Right::Call,
            BarrierKind::DownIn,
            100.0,
            [13.8333, 7.8494, 3.9795, 14.8816, 9.2045, 5.3043],
        ),
        (Right::Call, BarrierKind::UpIn, 105.0, [14.1112, 8.4482, 4.5910, 15.2098, 9.7278, 5.8350]),
        (Right::Put, BarrierKind::DownOut, 95.0, [2.2798, 2.2947, 2.6252, 2.4170, 2.4258, 2.6246]),
        (Right::Put, BarrierKind::DownOut, 100.0, [3.0; 6]),
        (Right::Put, BarrierKind::UpOut, 105.0, [3.7760, 5.4932, 7.5187, 4.2293, 5.8032, 7.5649]),
        (Right::Put, BarrierKind::DownIn, 95.0, [2.9586, 6.5677, 11.9752, 3.8769, 7.7989, 13.3078]),
        (
            Right::Put,
            BarrierKind::DownIn,
            100.0,
            [2.2845, 5.9085, 11.6465, 3.3328, 7.2636, 12.9713],
        ),
        (Right::Put, BarrierKind::UpIn, 105.0, [1.4653, 3.3721, 7.0846, 2.0658, 4.4226, 8.3686]),
    ] {
        let terms_of = [0.25, 0.3].into_iter().flat_map(|vol| {
            [90.0, 100.0, 110.0].map(|strike| terms(100.0, strike, 0.08, 0.04, vol, 0.5))
        });
        for (terms, expected) in terms_of.zip(expected) {
            let barrier = Barrier { kind, level, rebate: 3.0 };
            let got = price(Kind::Barrier(barrier), right, terms).unwrap().price;
            // To the table's last digit.
            assert!((got - expected).abs() < 1e-4, "{right} {kind} {terms:?}: {got}, {expected}");
        }
    }
}

#[test]
fn the_edges_of_terms() {
    let base = terms(100.0, 90.0, 0.05, 0.0, 0.0, 1.0);
    let call = price(Kind::European, Right::Call, base).unwrap();
    close("no volatility", call.price, 100.0 - 90.0 * (-0.05_f64).exp(), 1e-13);
    close("delta", call.delta, 1.0, 1e-15);
    assert!(list(&call).iter().all(|value| value.is_finite()));
    let wild = price(Kind::European, Right::Call, Terms { vol: 10.0, ..base }).unwrap();
    assert!(wild.price < 100.0 && wild.price > 99.9);
    let at_the_money =
        price(Kind::European, Right::Put, Terms { strike: 100.0, rate: 0.0, ..base });
    assert!(list(&at_the_money.unwrap()).iter().all(|value| value.is_finite()));
    let kinds =
        BarrierKind::ALL.map(|kind| Kind::Barrier(Barrier { kind, level: 95.0, rebate: 1.0 }));
    for kind in kinds.into_iter().chain([Kind::AsianGeometric { fixings: None }]) {
        for vol in [0.0, 1e-9, 1e-3, 0.01, 10.0] {
            let greeks = price(kind, Right::Put, Terms { vol, ..base }).unwrap();
            let all = list(&greeks);
            assert!(all.iter().all(|value| value.is_finite()), "{kind:?} at {vol}: {all:?}");
        }
    }
    for (bad, name) in [
        (Terms { spot: 0.0, ..base }, "spot: 0 is not a number above 0"),
        (Terms { strike: -1.0, ..base }, "strike: -1"),
        (Terms { expiry: 0.0, ..base }, "expiry: 0"),
        (Terms { expiry: f64::INFINITY, ..base }, "expiry: inf"),
        (Terms { vol: -0.1, ..base }, "vol: -0.1 is not a number from 0 on"),
        (Terms { vol: f64::NAN, ..base }, "vol: NaN"),
        (Terms { rate: 1e9, ..base }, "rate: 1000000000 over 1 years is out of range"),
    ] {
        let message = price(Kind::European, Right::Call, bad).unwrap_err().to_string();
        assert!(message.starts_with(name), "{message}");
    }
    let barrier = Barrier { kind: BarrierKind::UpIn, level: 0.0, rebate: 0.0 };
    assert!(price(Kind::Barrier(barrier), Right::Call, base).is_err());
    let negative = Terms { rate: -0.2, dividend: -0.245, vol: 0.3, ..base };
    let barrier = Barrier { kind: BarrierKind::DownOut, level: 80.0, rebate: 1.0 };
    let message = price(Kind::Barrier(barrier), Right::Call, negative).unwrap_err().to_string();
    assert!(message.starts_with("rate: "), "{message}");
}

#[test]
fn differences_are_the_greeks_of_a_european_option() {
    // Continuous in its parameters, a mean over one moment at expiry is the underlying itself.
    let european =
        price(Kind::European, Right::Put, terms(100.0, 95.0, 0.03, 0.01, 0.3, 0.7)).unwrap();
    let asian = Kind::AsianGeometric { fixings: Some(1) };
    let mean = price(asian, Right::Put, terms(100.0, 95.0, 0.03, 0.01, 0.3, 0.7)).unwrap();
    for (got, expected) in list(&mean).into_iter().zip(list(&european)) {
        close("greek", got, expected, 1e-5 * expected.abs().max(1.0));
    }
}

proptest! {
    #[test]
    fn a_call_less_a_put_is_a_forward(
        spot in 1.0..1e4_f64, ratio in 0.2..5.0_f64, rate in -0.05..0.2_f64, dividend in -0.05..0.2_f64,
        vol in 0.0..3.0_f64, expiry in 0.01..10.0_f64,
    ) {
        let terms = terms(spot, spot * ratio, rate, dividend, vol, expiry);
        let [call, put] = [Right::Call, Right::Put]
            .map(|right| price(Kind::European, right, terms).unwrap().price);
        let forward = spot * (-dividend * expiry).exp() - terms.strike * (-rate * expiry).exp();
        let scale = spot * (1.0 + ratio) * (0.5_f64).exp();
        prop_assert!((call - put - forward).abs() < 1e-14 * scale * 4.0);
    }

    #[test]
    fn knock_in_and_knock_out_make_a_european_option(
        strike in 60.0..150.0_f64, level in 70.0..140.0_f64, rate in 0.0..0.1_f64, vol in 0.05..0.9_f64,
        expiry in 0.05..3.0_f64, is_call: bool,
    ) {
        let right = if is_call { Right::Call } else { Right::Put };
        let terms = terms(100.0, strike, rate, 0.02, vol, expiry);
        let kinds = if level < 100.0 {
            [BarrierKind::DownIn, BarrierKind::DownOut]
        } else {
            [BarrierKind::UpIn, BarrierKind::UpOut]
        };
        let parts = kinds.map(|kind| {
            price(Kind::Barrier(Barrier { kind, level, rebate: 0.0 }), right, terms).unwrap().price
        });
        let whole = price(Kind::European, right, terms).unwrap().price;
        prop_assert!((parts[0] + parts[1] - whole).abs() < 1e-9, "{parts:?}, {whole}");
    }
}
