//! Option kernels against their scalar versions, and between tiers.

use fillrate_kernels::scalar::options as scalar;
use fillrate_kernels::{
    AmericanScheme, AmericanTerms, BarrierColumns, Cpu, GREEKS, OptionColumns, Philox,
    QuoteColumns, Tier, normal_cdf,
};

/// Terms of so many options: spot, strike, rate, yield, volatility, expiry and sign.
fn terms(options: usize) -> [Vec<f64>; 7] {
    let philox = Philox::new(5);
    let column = |stream, low: f64, high: f64| -> Vec<f64> {
        let uniform = |option| philox.uniforms(option, 0, stream)[0];
        (0..options as u64).map(|option| low + (high - low) * uniform(option)).collect()
    };
    let sign = (0..options).map(|option| if option % 3 == 0 { -1.0 } else { 1.0 }).collect();
    [
        column(0, 50.0, 150.0),
        column(1, 60.0, 140.0),
        column(2, -0.05, 0.2),
        column(3, -0.02, 0.1),
        column(4, 0.02, 1.5),
        column(5, 0.01, 5.0),
        sign,
    ]
}

fn columns(terms: &[Vec<f64>; 7]) -> OptionColumns<'_> {
    let [spot, strike, rate, dividend, vol, expiry, sign] = terms.each_ref().map(Vec::as_slice);
    OptionColumns { spot, strike, rate, dividend, vol, expiry, sign }
}

fn greeks(cpu: &Cpu, terms: &[Vec<f64>; 7]) -> [Vec<f64>; GREEKS] {
    let mut out = [(); GREEKS].map(|()| vec![0.0; terms[0].len()]);
    cpu.black_scholes(&columns(terms), out.each_mut().map(Vec::as_mut_slice)).unwrap();
    out
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn prices_and_greeks_are_those_of_the_scalar_version_on_every_tier() {
    let terms = terms(1003);
    let portable = greeks(&Cpu::with_tier(Tier::Portable).unwrap(), &terms);
    for option in 0..1003 {
        let row = terms.each_ref().map(|column| column[option]);
        // Differences of spot and strike are exact to their own last bits.
        let scales = [row[0] + row[1], 1.0, 1.0 / row[0], row[0], row[0] + row[1], row[1]];
        for ((got, expected), scale) in portable.iter().zip(scalar::black_scholes(row)).zip(scales)
        {
            let error = (got[option] - expected).abs();
            assert!(error < 1e-13 * (scale + expected.abs()) * 4.0, "{row:?}: {error}");
        }
    }
    for &tier in Tier::available() {
        let cpu = Cpu::with_tier(tier).unwrap();
        let got = greeks(&cpu, &terms);
        for (got, portable) in got.iter().zip(&portable) {
            assert_eq!(bits(got), bits(portable), "{tier}");
        }
        let mut price = vec![0.0; 1003];
        cpu.black_scholes_price(&columns(&terms), &mut price).unwrap();
        assert_eq!(bits(&price), bits(&portable[0]), "{tier}");
    }
}

fn geometric(cpu: &Cpu, terms: &[Vec<f64>; 7], fixings: &[f64]) -> [Vec<f64>; GREEKS] {
    let mut out = [(); GREEKS].map(|()| vec![0.0; fixings.len()]);
    let outputs = out.each_mut().map(Vec::as_mut_slice);
    cpu.geometric_asian(&columns(terms), fixings, outputs).unwrap();
    out
}

fn barrier(cpu: &Cpu, terms: &[Vec<f64>; 7], barriers: &[Vec<f64>; 4]) -> [Vec<f64>; GREEKS] {
    let [level, rebate, side, effect] = barriers.each_ref().map(Vec::as_slice);
    let mut out = [(); GREEKS].map(|()| vec![0.0; level.len()]);
    let barriers = BarrierColumns { level, rebate, side, effect };
    cpu.single_barrier(&columns(terms), &barriers, out.each_mut().map(Vec::as_mut_slice)).unwrap();
    out
}

#[test]
fn means_and_barriers_are_those_of_the_scalar_version_on_every_tier() {
    let mut terms = terms(403);
    // Far out, the scalar version's powers are beyond a double.
    for vol in &mut terms[4] {
        *vol = vol.max(0.1);
    }
    let fixings: Vec<f64> = (0..403).map(|option| f64::from(option % 5)).collect();
    let sign = |is_so: bool| if is_so { 1.0 } else { -1.0 };
    let side: Vec<f64> = (0..403).map(|option| sign(option % 2 == 0)).collect();
    let barriers = [
        terms[0].iter().zip(&side).map(|(spot, side)| spot * (1.0 - 0.15 * side)).collect(),
        (0..403).map(|option| f64::from(option % 3)).collect(),
        side,
        (0..403).map(|option| sign(option % 4 < 2)).collect(),
    ];
    let portable = Cpu::with_tier(Tier::Portable).unwrap();
    let (means, knocks) =
        (geometric(&portable, &terms, &fixings), barrier(&portable, &terms, &barriers));
    for option in 0..403 {
        let row = terms.each_ref().map(|column| column[option]);
        let expected = scalar::geometric_asian(row, fixings[option]);
        assert!((means[0][option] - expected).abs() < 1e-11, "{row:?}, {expected}");
        let barrier = barriers.each_ref().map(|column| column[option]);
        let expected = scalar::single_barrier(row, barrier);
        // A rate below 0 may leave the scalar version's root none.
        if expected.is_finite() {
            let error = (knocks[0][option] - expected).abs();
            assert!(error < 1e-9, "{row:?}, {barrier:?}: {expected}, {error}");
        }
    }
    for &tier in Tier::available() {
        let cpu = Cpu::with_tier(tier).unwrap();
        for (got, portable) in geometric(&cpu, &terms, &fixings).iter().zip(&means) {
            assert_eq!(bits(got), bits(portable), "{tier}");
        }
        for (got, portable) in barrier(&cpu, &terms, &barriers).iter().zip(&knocks) {
            assert_eq!(bits(got), bits(portable), "{tier}");
        }
        let mut price = vec![0.0; 403];
        cpu.geometric_asian_price(&columns(&terms), &fixings, &mut price).unwrap();
        assert_eq!(bits(&price), bits(&means[0]), "{tier}");
    }
}

/// The volatilities of quotes: price, spot, strike, rate, yield, expiry and sign.
fn implied(cpu: &Cpu, quotes: &[Vec<f64>; 7]) -> Vec<f64> {
    let [price, spot, strike, rate, dividend, expiry, sign] = quotes.each_ref().map(Vec::as_slice);
    let columns = QuoteColumns { price, spot, strike, rate, dividend, expiry, sign };
    let mut vol = vec![-1.0; price.len()];
    cpu.implied_vol(&columns, &mut vol).unwrap();
    vol
}

#[test]
fn implied_volatilities_are_those_that_were_priced_on_every_tier() {
    let terms = terms(1003);
    let row = |option: usize| terms.each_ref().map(|column| column[option]);
    let price: Vec<f64> = (0..1003).map(|option| scalar::black_scholes(row(option))[0]).collect();
    let [spot, strike, rate, dividend, _, expiry, sign] = terms.clone();
    let mut quotes = [price, spot, strike, rate, dividend, expiry, sign];
    // Beyond the bounds.
    (quotes[0][17], quotes[0][400]) = (-1.0, 1e6);
    let portable = implied(&Cpu::with_tier(Tier::Portable).unwrap(), &quotes);
    assert!(portable[17].is_nan() && portable[400].is_nan());
    for option in (0..1003).filter(|option| ![17, 400].contains(option)) {
        let (terms, vol) = (row(option), terms[4][option]);
        let [_, _, _, vega, ..] = scalar::black_scholes(terms);
        // What the price's last bits decide of the volatility.
        let resolution = 1e-15 * (terms[0] + terms[1]) / vega;
        let is_right = (portable[option] - vol).abs() < 1e-14 * vol + 8.0 * resolution;
        assert!(is_right || resolution > 1e-3, "{terms:?}: {}", portable[option]);
    }
    for &tier in Tier::available() {
        let got = implied(&Cpu::with_tier(tier).unwrap(), &quotes);
        assert_eq!(bits(&got), bits(&portable), "{tier}");
    }
}

#[test]
fn what_bounds_a_price_bounds_what_it_implies() {
    // Without rates an option's bounds are known to the last digit.
    let quotes = |price: &[f64], sign: f64| {
        let of = |value: f64| vec![value; price.len()];
        [price.to_vec(), of(100.0), of(90.0), of(0.0), of(0.0), of(1.0), of(sign)]
    };
    let cpu = Cpu::detect();
    let calls =
        implied(&cpu, &quotes(&[10.0, 100.0, 9.999, f64::NAN, 10.000_001, 99.999_999], 1.0));
    assert_eq!(calls[0].to_bits(), 0);
    assert!(calls[1..4].iter().all(|vol| vol.is_nan()), "{calls:?}");
    assert!(calls[4] > 0.01 && calls[4] < 0.05 && calls[5] > 10.0, "{calls:?}");
    let puts = implied(&cpu, &quotes(&[0.0, 90.0, 5e-324, 1e-300, 89.999_999_999], -1.0));
    assert!(puts[0].to_bits() == 0 && puts[1].is_nan(), "{puts:?}");
    // −½ (ln 0.9 / σ)² is about the logarithm of the price.
    assert!(puts[2] > 0.002 && puts[2] < puts[3] && puts[3] < 0.003 && puts[4] > 12.0, "{puts:?}");
}

#[test]
fn the_normal_distribution_is_right_to_its_last_digits() {
    for step in -3700..=800 {
        let x = f64::from(step) / 100.0;
        let (got, expected) = (normal_cdf(x), scalar::normal_cdf(x));
        assert!((got / expected - 1.0).abs() < 2e-13, "{x}: {got}, {expected}");
    }
    assert!((normal_cdf(0.0) - 0.5).abs() < f64::EPSILON);
}

#[test]
fn the_boundary_of_exercise_is_the_same_on_every_tier() {
    let scheme = AmericanScheme::accurate();
    for (rate, dividend) in [(0.06, 0.0), (0.05, 0.03)] {
        let terms = AmericanTerms { rate, dividend, vol: 0.2, expiry: 1.0 };
        let guess: Vec<f64> = scheme.roots().iter().map(|root| -0.2 * root).collect();
        let solve = |tier| {
            let cpu = Cpu::with_tier(tier).unwrap();
            let mut boundary = guess.clone();
            assert!(cpu.american_boundary(&terms, scheme, &mut boundary).unwrap());
            let premium = cpu.american_premium(&terms, scheme, &boundary, -0.1).unwrap();
            (bits(&boundary), premium.to_bits())
        };
        let portable = solve(Tier::Portable);
        for &tier in Tier::available() {
            assert_eq!(solve(tier), portable, "{tier}");
        }
        // It falls as time to expiry grows.
        let values: Vec<f64> = portable.0.iter().map(|bits| f64::from_bits(*bits)).collect();
        assert!(values.is_sorted_by(|a, b| a > b), "{values:?}");
    }
}

#[test]
fn refusals_name_the_op() {
    let terms = terms(8);
    let short = vec![0.0; 7];
    let options = OptionColumns { strike: &short, ..columns(&terms) };
    let mut price = vec![0.0; 8];
    let refused = Cpu::detect().black_scholes_price(&options, &mut price).unwrap_err();
    assert!(refused.to_string().starts_with("black_scholes: "), "{refused}");
    let [spot, strike, rate, dividend, _, expiry, sign] = terms.each_ref().map(Vec::as_slice);
    let quotes = QuoteColumns { price: &short, spot, strike, rate, dividend, expiry, sign };
    let refused = Cpu::detect().implied_vol(&quotes, &mut price).unwrap_err();
    assert!(refused.to_string().starts_with("implied_vol: "), "{refused}");
    let refused = Cpu::detect().geometric_asian_price(&columns(&terms), &short, &mut price);
    assert!(refused.unwrap_err().to_string().starts_with("geometric_asian: "));
    let [level, rebate, side] = [&terms[0], &terms[1], &terms[2]].map(Vec::as_slice);
    let barriers = BarrierColumns { level, rebate, side, effect: &short };
    let mut out = [(); GREEKS].map(|()| vec![0.0; 8]);
    let outputs = out.each_mut().map(Vec::as_mut_slice);
    let refused = Cpu::detect().single_barrier(&columns(&terms), &barriers, outputs);
    assert!(refused.unwrap_err().to_string().starts_with("single_barrier: "));
    let american = AmericanTerms { rate: 0.05, dividend: 0.0, vol: 0.2, expiry: 1.0 };
    let scheme = AmericanScheme::accurate();
    let refused = Cpu::detect().american_premium(&american, scheme, &short, 0.0).unwrap_err();
    assert!(refused.to_string().starts_with("american_premium: "), "{refused}");
}
