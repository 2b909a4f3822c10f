//! American options against QuantLib, the literature and trees.

use proptest::prelude::*;

use super::tests::{close, golden, terms};
use super::*;

#[test]
fn american_puts_are_those_of_the_literature() {
    // Source: the finite-difference values of Longstaff & Schwartz's table 1 to more digits: K 40,
    // r 0.06, one year.
    for (spot, vol, expected) in [
        (36.0, 0.2, 4.486_674),
        (36.0, 0.4, 7.108_980),
        (40.0, 0.2, 2.319_574),
        (44.0, 0.4, 3.952_785),
    ] {
        let got = american(Right::Put, terms(spot, 40.0, 0.06, 0.0, vol, 1.0)).unwrap();
        close("put", got, expected, 6e-7);
    }
}

#[test]
fn american_options_are_those_of_quantlib() {
    let mut worst = 0.0_f64;
    for case in golden().american {
        let got = american(case.right(), case.terms()).unwrap();
        let expected = case.price.unwrap();
        let error = (got - expected).abs() / case.terms().strike;
        let what = format!("{} {:?}", case.right, case.terms());
        assert!(error < 2e-7, "{what}: {got}, {expected}");
        worst = worst.max(error);
    }
    assert!(worst > 0.0, "there are no cases");
}

#[test]
fn trees_and_boundaries_agree() {
    for (right, t) in [
        (Right::Put, terms(100.0, 110.0, 0.05, 0.01, 0.3, 2.0)),
        (Right::Call, terms(100.0, 95.0, 0.03, 0.07, 0.25, 1.5)),
        (Right::Put, terms(100.0, 100.0, 0.1, 0.0, 0.05, 0.5)),
        (Right::Call, terms(100.0, 130.0, 0.01, 0.02, 1.0, 4.0)),
    ] {
        let tree = binomial(Exercise::American, right, t, 2001).unwrap();
        close("tree", american(right, t).unwrap(), tree, 3e-4 * tree);
        let european = binomial(Exercise::European, right, t, 2001).unwrap();
        close("european", price(Kind::European, right, t).unwrap().price, european, 1e-6 * tree);
    }
}

#[test]
fn what_is_never_exercised_early_is_european() {
    for (right, t) in [
        (Right::Call, terms(100.0, 95.0, 0.05, 0.0, 0.25, 1.5)),
        (Right::Put, terms(100.0, 120.0, 0.0, 0.02, 0.25, 1.5)),
        (Right::Put, terms(100.0, 120.0, -0.01, 0.0, 0.25, 1.5)),
    ] {
        let european = price(Kind::European, right, t).unwrap().price;
        close("price", american(right, t).unwrap(), european, 1e-12);
    }
}

#[test]
fn two_boundaries_are_left_to_a_tree() {
    // Source: the region in question is that of Andersen & Lake, "Fast American option pricing: the
    // double-boundary case" (2021).
    let two = terms(100.0, 100.0, -0.005, -0.01, 0.08, 10.0);
    let european = price(Kind::European, Right::Put, two).unwrap().price;
    let got = american(Right::Put, two).unwrap();
    let tree = binomial(Exercise::American, Right::Put, two, 2001).unwrap();
    assert!(got > european + 1e-3, "{got}, {european}");
    close("tree", got, tree, 1e-3);
}

#[test]
fn the_edges_of_american_terms() {
    let base = terms(90.0, 100.0, 0.05, 0.0, 0.2, 1.0);
    // Without volatility an option in the money is exercised at once.
    close("vol 0", american(Right::Put, Terms { vol: 0.0, ..base }).unwrap(), 10.0, 1e-12);
    close("deep", american(Right::Put, Terms { spot: 20.0, ..base }).unwrap(), 80.0, 1e-12);
    let wild = american(Right::Put, Terms { vol: 10.0, ..base }).unwrap();
    assert!(wild > 95.0 && wild < 100.0, "{wild}");
    let greeks = price(Kind::American, Right::Put, Terms { spot: 20.0, ..base }).unwrap();
    close("delta", greeks.delta, -1.0, 1e-9);
    close("vega", greeks.vega, 0.0, 1e-9);
    assert!(american(Right::Put, Terms { expiry: -1.0, ..base }).is_err());
    assert!(binomial(Exercise::American, Right::Put, base, 0).is_err());
    for vol in [0.001, 0.01, 0.05, 3.0] {
        for expiry in [1e-4, 0.1, 30.0] {
            for dividend in [-0.1, 0.0, 0.049, 0.05, 0.3] {
                let terms = Terms { dividend, vol, expiry, ..base };
                let got = american(Right::Put, terms).unwrap();
                let european = price(Kind::European, Right::Put, terms).unwrap().price;
                assert!(got >= european.max(10.0) - 1e-12 && got <= 100.0, "{got}: {terms:?}");
            }
        }
    }
}

#[test]
fn greeks_satisfy_the_equation_of_black_and_scholes() {
    let t = terms(100.0, 105.0, 0.05, 0.02, 0.3, 1.2);
    let Greeks { price, delta, gamma, theta, .. } =
        super::price(Kind::American, Right::Put, t).unwrap();
    let drift = (t.rate - t.dividend) * t.spot * delta;
    let left = theta + 0.5 * t.vol * t.vol * t.spot * t.spot * gamma + drift - t.rate * price;
    close("equation", left, 0.0, 2e-4);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn an_american_option_is_worth_at_least_what_it_pays_and_a_european_one(
        ratio in 0.5..2.0_f64, rate in -0.02..0.15_f64, dividend in -0.02..0.15_f64,
        vol in 0.02..1.5_f64, expiry in 0.01..8.0_f64, is_call: bool,
    ) {
        let right = if is_call { Right::Call } else { Right::Put };
        let t = terms(100.0, 100.0 * ratio, rate, dividend, vol, expiry);
        let got = american(right, t).unwrap();
        let european = price(Kind::European, right, t).unwrap().price;
        prop_assert!(got >= european.max(right.payoff(100.0, t.strike)) - 1e-9);
        let tree = binomial(Exercise::American, right, t, 1501).unwrap();
        prop_assert!((got - tree).abs() < 2e-3 * (1.0 + tree), "{got}, {tree}");
    }
}
