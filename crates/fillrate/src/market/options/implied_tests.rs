//! Implied volatilities against those with 60 digits and another implementation, and what holds of all of them.

use implied_vol::{DefaultSpecialFn, ImpliedBlackVolatility};
use proptest::prelude::*;

use super::tests::terms;
use super::*;

/// A row of `golden/market/implied.json`: right, spot, strike, rate, yield, expiry, price, volatility and
/// condition.
type Quote = (String, f64, f64, f64, f64, f64, f64, f64, f64);

fn golden() -> Vec<Quote> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../golden/market/implied.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The factor that turns money at expiry into money now.
fn discount(terms: &Terms) -> f64 {
    (-terms.rate * terms.expiry).exp()
}

/// What the crate makes of a quote.
fn by_the_crate(right: Right, price: f64, terms: &Terms) -> f64 {
    let option = ImpliedBlackVolatility::builder()
        .option_price(price / discount(terms))
        .forward(terms.spot * (terms.carry() * terms.expiry).exp())
        .strike(terms.strike)
        .expiry(terms.expiry)
        .is_call(right == Right::Call)
        .build();
    option.and_then(|option| option.calculate::<DefaultSpecialFn>()).unwrap_or(f64::NAN)
}

/// How many times the rounding of price and terms would do it.
fn error(found: f64, expected: f64, condition: f64) -> f64 {
    (found / expected - 1.0).abs() / (f64::EPSILON * (1.0 + condition))
}

#[test]
fn they_have_the_digits_that_their_prices_have() {
    let (mut worst, mut worst_of_crate) = (0.0_f64, 0.0_f64);
    for (right, spot, strike, rate, dividend, expiry, price, vol, condition) in golden() {
        let (right, terms) =
            (right.parse().unwrap(), terms(spot, strike, rate, dividend, 0.0, expiry));
        let found = implied_vol(right, price, terms).unwrap();
        let excess = error(found, vol, condition);
        assert!(excess < 6.0, "{right} {price} {terms:?}: {found}, {vol}, {excess}");
        worst = worst.max(excess);
        worst_of_crate =
            worst_of_crate.max(error(by_the_crate(right, price, &terms), vol, condition));
    }
    assert!(worst <= worst_of_crate, "{worst}, {worst_of_crate}");
}

#[test]
fn columns_are_the_quotes_one_by_one() {
    let cases = golden();
    let right: Vec<Right> = cases.iter().map(|case| case.0.parse().unwrap()).collect();
    let column = |of: fn(&Quote) -> f64| -> Vec<f64> { cases.iter().map(of).collect() };
    let (spot, strike, rate) = (column(|q| q.1), column(|q| q.2), column(|q| q.3));
    let (dividend, expiry, mut price) = (column(|q| q.4), column(|q| q.5), column(|q| q.6));
    price[5] = f64::INFINITY;
    let mut quotes = QuoteColumns {
        right: &right,
        price: &price,
        spot: &spot,
        strike: &strike,
        rate: &rate,
        dividend: &dividend,
        expiry: &expiry,
    };
    let columns = implied_vol_columns(&quotes).unwrap();
    for (row, case) in cases.iter().enumerate() {
        let terms = terms(case.1, case.2, case.3, case.4, 0.0, case.5);
        match implied_vol(right[row], price[row], terms) {
            Ok(vol) => assert_eq!(vol.to_bits(), columns[row].to_bits(), "{case:?}"),
            Err(_) => assert!(row == 5 && columns[row].is_nan(), "{case:?}"),
        }
    }
    let mut bad = expiry.clone();
    bad[3] = 0.0;
    quotes.expiry = &bad;
    let message = implied_vol_columns(&quotes).unwrap_err().to_string();
    assert_eq!(message, "quotes: row 3: expiry: 0 is not a number above 0");
    quotes.expiry = &bad[1..];
    assert!(implied_vol_columns(&quotes).unwrap_err().to_string().contains("differ in length"));
}

#[test]
fn a_price_that_no_volatility_reaches_is_refused() {
    let terms = terms(100.0, 90.0, 0.05, 0.0, 0.2, 1.0);
    for value in [-1.0, 5.0, 100.0, 1e9, f64::NAN] {
        let message = implied_vol(Right::Call, value, terms).unwrap_err().to_string();
        let expected = format!("price: {value} is not from 14.38935179");
        assert!(message.starts_with(&expected), "{message}");
        assert!(message.ends_with("(no volatility) to below 100 (without bound)"), "{message}");
    }
    let message = implied_vol(Right::Call, 1e-300, terms).unwrap_err().to_string();
    assert!(message.starts_with("price: 1e-300 is not from 14.38935179"), "{message}");
    let lowest = 100.0 - 90.0 * fillrate_kernels::exp(-0.05);
    assert_eq!(implied_vol(Right::Call, lowest, terms).unwrap().to_bits(), 0);
    assert!(implied_vol(Right::Call, lowest + 1e-12, terms).unwrap() < 0.05);
    let strange = Terms { spot: 1e300, strike: 1e-300, rate: 0.0, ..terms };
    let message = implied_vol(Right::Put, 1e-301, strange).unwrap_err().to_string();
    assert!(message.ends_with("implies no volatility within the range of a double"), "{message}");
}

#[test]
fn the_far_ends_of_volatility_come_back() {
    for (vol, expiry) in
        [(1e-7, 1e-4), (1e-3, 30.0), (0.2, 1e-9), (3.0, 1.0), (10.0, 1.0), (2.5, 30.0), (10.0, 2.0)]
    {
        let terms = terms(100.0, 100.0, 0.0, 0.0, vol, expiry);
        let call = price(Kind::European, Right::Call, terms).unwrap();
        // What the price's last bits decide, and those of the two distribution functions in it.
        let resolution = 4.0 * f64::EPSILON * 100.0 / (call.vega * vol);
        let implied = implied_vol(Right::Call, call.price, terms).unwrap();
        assert!((implied / vol - 1.0).abs() < 1e-15 + resolution, "{implied}, {vol}, {expiry}");
    }
}

/// The shares of spot and strike in an option's price, and how far the strike is off in deviations.
fn parts(right: Right, terms: &Terms, vol: f64) -> [f64; 3] {
    let Terms { spot, strike, rate, dividend, expiry, .. } = *terms;
    let deviation = vol * expiry.sqrt();
    let off = ((spot / strike).ln() + (rate - dividend) * expiry) / deviation;
    let [upper, lower] = [0.5, -0.5].map(|half| off + half * deviation);
    let [upper, lower] = [upper, lower].map(|d| fillrate_kernels::normal_cdf(right.sign() * d));
    [upper, lower, off.abs()]
}

proptest! {
    #[test]
    fn an_implied_volatility_is_the_one_that_was_priced(
        ratio in 0.7..1.4_f64, vol in 0.05..2.0_f64, expiry in 0.1..3.0_f64, is_call: bool,
    ) {
        let right = if is_call { Right::Call } else { Right::Put };
        let terms = terms(100.0, 100.0 * ratio, 0.03, 0.01, vol, expiry);
        let greeks = price(Kind::European, right, terms).unwrap();
        // What the price's last bits decide of the volatility: deep in the money, nothing.
        let resolution = 100.0 * f64::EPSILON * 8.0 / greeks.vega;
        prop_assume!(resolution < 1e-4);
        let implied = implied_vol(right, greeks.price, terms).unwrap();
        prop_assert!((implied - vol).abs() < 1e-14 + resolution, "{implied}, {vol}");
    }

    #[test]
    fn a_price_comes_back_from_its_volatility(
        distance in -2.0..2.0_f64, digits in 0.0..250.0_f64, expiry in 0.001..30.0_f64,
        is_upper: bool, share in 0.01..0.99_f64,
    ) {
        // Out of the money, at any part of the bound from 1e-250 of it on.
        let right = if distance > 0.0 { Right::Put } else { Right::Call };
        let mut terms = terms(100.0 * distance.exp(), 100.0, 0.0, 0.0, 0.0, expiry);
        let part = if is_upper { share } else { 10_f64.powf(-digits) };
        let quoted = part * terms.spot.min(terms.strike);
        terms.vol = implied_vol(right, quoted, terms).unwrap();
        let again = price(Kind::European, right, terms).unwrap().price;
        let [upper, lower, off] = parts(right, &terms, terms.vol);
        // The price is the difference of two, and their last digits move with the square of the deviations.
        let scale = terms.spot * upper + terms.strike * lower;
        let bound = 16.0 * f64::EPSILON * (1.0 + off * off) * (scale + quoted);
        prop_assert!((again - quoted).abs() <= bound, "{quoted}, {again}, {bound}");
    }

    #[test]
    fn dearer_options_imply_more(
        ratio in 0.2..5.0_f64, rate in -0.05..0.2_f64, expiry in 1e-4..30.0_f64, is_call: bool,
        share in 0.0..1.0_f64, step in 1e-9..0.1_f64,
    ) {
        let right = if is_call { Right::Call } else { Right::Put };
        let terms = terms(100.0, 100.0 * ratio, rate, 0.02, 0.0, expiry);
        let [spot, strike] = [100.0 * (-0.02 * expiry).exp(), terms.strike * discount(&terms)];
        let lowest = right.payoff(spot, strike);
        let highest = if is_call { spot } else { strike };
        let quoted = lowest + share * share * share * (highest - lowest);
        let dearer = quoted + step * (highest - lowest);
        prop_assume!(quoted > lowest * (1.0 + 1e-13) && dearer < highest * (1.0 - 1e-13));
        let [less, more] = [quoted, dearer].map(|price| implied_vol(right, price, terms).unwrap());
        prop_assert!(less < more, "{quoted}: {less}, {dearer}: {more}");
    }

    #[test]
    fn the_crate_implied_vol_finds_the_same(
        ratio in 0.5..2.0_f64, rate in -0.05..0.1_f64, vol in 0.02..4.0_f64, expiry in 0.01..30.0_f64,
        is_call: bool,
    ) {
        let right = if is_call { Right::Call } else { Right::Put };
        let terms = terms(100.0, 100.0 * ratio, rate, 0.01, vol, expiry);
        let greeks = price(Kind::European, right, terms).unwrap();
        let resolution = 16.0 * f64::EPSILON * (100.0 + terms.strike) * (0.05 * expiry).exp() / greeks.vega;
        prop_assume!(resolution < 1e-3 * vol);
        let found = implied_vol(right, greeks.price, terms).unwrap();
        let other = by_the_crate(right, greeks.price, &terms);
        prop_assert!((found - other).abs() < 4e-15 * vol + resolution, "{found}, {other}");
    }
}
