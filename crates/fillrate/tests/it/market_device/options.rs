//! Options and simulations.

use std::sync::Arc;

use fillrate::market::Philox;
use fillrate::market::device::{Computer, EuropeanBatch, ImpliedVolBatch, Report, SimulationPart};
use fillrate::market::montecarlo::{
    Asset, Basket, HestonTerms, MertonTerms, MonteCarloOptions, PathModel, Underlying, simulate,
    simulate_on,
};
use fillrate::market::options::{
    AmericanPuts, Barrier, BarrierKind, ClosedFormBatch, EuropeanColumns, Greeks, Kind,
    QuoteColumns, Right, Simulated, SimulationOptions, Terms, american_on, closed_forms_on,
    implied_vol_columns, price, price_columns, simulate as simulate_option,
    simulate_on as simulate_option_on,
};

use super::{Device, bits, computer};

/// Terms of some options.
fn check_options(computer: &Computer<EuropeanBatch>, options: usize) {
    let philox = Philox::new(9);
    let column = |stream, low: f64, high: f64| -> Vec<f64> {
        let uniform = |option| philox.uniforms(option, 0, stream)[0];
        (0..options as u64).map(|option| low + (high - low) * uniform(option)).collect()
    };
    let columns = [
        column(0, 50.0, 150.0),
        column(1, 60.0, 140.0),
        column(2, -0.05, 0.2),
        column(3, -0.02, 0.1),
        column(4, 0.02, 1.5),
        column(5, 0.01, 5.0),
    ];
    let right: Vec<Right> =
        (0..options).map(|at| if at % 3 == 0 { Right::Put } else { Right::Call }).collect();
    let [spot, strike, rate, dividend, vol, expiry] = columns.each_ref().map(Vec::as_slice);
    let columns = EuropeanColumns { right: &right, spot, strike, rate, dividend, vol, expiry };
    let expected = price_columns(&columns).unwrap();
    let found = computer.run(EuropeanBatch::new(&columns).unwrap()).unwrap();
    for (found, expected) in [
        (&found.price, &expected.price),
        (&found.delta, &expected.delta),
        (&found.gamma, &expected.gamma),
        (&found.vega, &expected.vega),
        (&found.theta, &expected.theta),
        (&found.rho, &expected.rho),
    ] {
        assert_eq!(bits(found), bits(expected));
    }
}

#[test]
fn options_on_a_device_have_the_bits_of_the_processor() {
    let computer = computer(Device::sound());
    for options in [0, 1, 777] {
        check_options(&computer, options);
    }
    let Report { on_device, degraded, .. } = computer.report();
    assert_eq!((on_device, degraded), (3, 0));
}

#[test]
fn what_the_device_fails_has_the_same_answer_from_the_processor() {
    let failing = computer(Device { failing: Some(1), ..Device::sound() });
    for _ in 0..3 {
        check_options(&failing, 5);
    }
    let Report { on_device, on_processor, degraded, reason, .. } = failing.report();
    assert_eq!((on_device, on_processor, degraded), (2, 1, 1));
    assert_eq!(reason.as_deref(), Some("a launch out of resources"));

    let full = computer(Device { full: Some(0), ..Device::sound() });
    check_options(&full, 5);
    let reason = full.report().reason.unwrap();
    assert_eq!(reason, "the device has no 768 bytes left");
}

/// Quotes of which some are out of bounds.
fn check_quotes(computer: &Computer<ImpliedVolBatch>, options: usize) {
    let philox = Philox::new(3);
    let column = |stream, low: f64, high: f64| -> Vec<f64> {
        let uniform = |option| philox.uniforms(option, 0, stream)[0];
        (0..options as u64).map(|option| low + (high - low) * uniform(option)).collect()
    };
    let price: Vec<f64> = column(0, -6.0, 2.3).iter().map(|power| 10_f64.powf(*power)).collect();
    let (spot, strike, rate) =
        (column(1, 50.0, 150.0), column(2, 60.0, 140.0), column(3, 0.0, 0.1));
    let (dividend, expiry) = (column(4, 0.0, 0.05), column(5, 0.01, 5.0));
    let right: Vec<Right> =
        (0..options).map(|at| if at % 3 == 0 { Right::Put } else { Right::Call }).collect();
    let columns = QuoteColumns {
        right: &right,
        price: &price,
        spot: &spot,
        strike: &strike,
        rate: &rate,
        dividend: &dividend,
        expiry: &expiry,
    };
    let expected = implied_vol_columns(&columns).unwrap();
    let found = computer.run(ImpliedVolBatch::new(&columns).unwrap()).unwrap();
    assert_eq!(bits(&found), bits(&expected));
}

#[test]
fn volatilities_from_a_device_have_the_bits_of_the_processor() {
    let sound = computer(Device::sound());
    for options in [0, 1, 777] {
        check_quotes(&sound, options);
    }
    assert_eq!((sound.report().on_device, sound.report().degraded), (3, 0));
    let failing = computer(Device { failing: Some(1), ..Device::sound() });
    for _ in 0..3 {
        check_quotes(&failing, 5);
    }
    let Report { on_device, on_processor, degraded, reason, .. } = failing.report();
    assert_eq!((on_device, on_processor, degraded), (2, 1, 1));
    assert_eq!(reason.as_deref(), Some("a launch out of resources"));
    let full = computer(Device { full: Some(0), ..Device::sound() });
    check_quotes(&full, 5);
    assert_eq!((full.report().on_processor, full.report().degraded), (1, 1));
}

fn basket() -> Underlying {
    let asset = |symbol: &str, spot, vol, weight| Asset {
        symbol: symbol.to_owned(),
        spot,
        drift: 0.03,
        vol,
        weight,
    };
    let assets = vec![asset("A", 100.0, 0.2, 1.0), asset("B", 50.0, 0.4, 2.0)];
    Underlying::Basket(Basket::new(assets, &[1.0, 0.6, 0.6, 1.0]).unwrap())
}

#[test]
fn simulations_on_a_device_have_the_bits_of_the_processor() {
    let asset = |model| Underlying::Asset { spot: 100.0, model };
    let merton =
        MertonTerms { drift: 0.02, vol: 0.2, jumps_per_year: 3.0, jump_mean: -0.05, jump_vol: 0.1 };
    let heston = HestonTerms {
        drift: 0.02,
        variance: 0.04,
        reversion: 1.0,
        variance_mean: 0.05,
        variance_vol: 0.5,
        correlation: -0.7,
    };
    let sound: Computer<SimulationPart> = computer(Device::sound());
    for underlying in [
        asset(PathModel::GeometricBrownian { drift: 0.05, vol: 0.3 }),
        asset(PathModel::Merton(merton)),
        asset(PathModel::Heston(heston)),
        basket(),
    ] {
        // All ends are kept of the small ones, and of the large ones those near a quantile.
        for (paths, antithetic) in [(4400, false), (4400, true), (22_000, false), (41_002, true)] {
            let options = MonteCarloOptions { expiry: 0.7, steps: 3, paths, seed: 3, antithetic };
            let expected = simulate(&underlying, &options).unwrap();
            let underlying = Arc::new(underlying.clone());
            let found = simulate_on(&sound, &underlying, &options).unwrap();
            assert_eq!(found, expected, "{underlying:?} {paths} {antithetic}");
        }
    }
    assert_eq!((sound.report().on_device, sound.report().on_processor), (4 * 6, 0));
    let options = MonteCarloOptions { paths: 20_000, steps: 2, ..MonteCarloOptions::default() };
    let expected = simulate(&basket(), &options).unwrap();
    for launch in 0..5 {
        let failing = computer(Device { failing: Some(launch), ..Device::sound() });
        let found = simulate_on(&failing, &Arc::new(basket()), &options).unwrap();
        let Report { on_device, on_processor, degraded, .. } = failing.report();
        assert_eq!((found, on_device, on_processor, degraded), (expected, 1, 1, 1), "{launch}");
    }
    let wrong = MonteCarloOptions { paths: 0, ..MonteCarloOptions::default() };
    let refused = simulate_on(&sound, &Arc::new(basket()), &wrong).unwrap_err();
    assert_eq!(refused.to_string(), "paths: 0 is not from 1 to 100000000");
}

fn terms(place: usize) -> Terms {
    let shift = place as f64;
    Terms {
        spot: 90.0 + 4.0 * shift,
        strike: 100.0,
        rate: 0.06 - 0.01 * shift,
        dividend: 0.02,
        vol: 0.1 + 0.1 * shift,
        expiry: 0.5 + 0.3 * shift,
    }
}

/// The bits of all figures of a simulated option.
fn simulated_bits(simulated: Simulated) -> Vec<u64> {
    let Simulated { price, std_error, delta, vega, theta, rho } = simulated;
    bits(&[price, std_error, delta, vega, theta, rho])
}

#[test]
fn simulated_options_on_a_device_have_the_bits_of_the_processor() {
    let barrier = |kind, level| Kind::Barrier(Barrier { kind, level, rebate: 1.5 });
    let kinds = [
        Kind::European,
        Kind::AsianGeometric { fixings: Some(5) },
        Kind::AsianArithmetic { fixings: 4 },
        barrier(BarrierKind::DownOut, 80.0),
        barrier(BarrierKind::UpIn, 125.0),
    ];
    let sound = computer(Device::sound());
    for (place, kind) in kinds.into_iter().enumerate() {
        for (right, paths) in [(Right::Call, 400), (Right::Put, 8400)] {
            let options = SimulationOptions { paths, seed: 11, steps: 3 };
            let expected = simulate_option(kind, right, terms(place), &options).unwrap();
            let found = simulate_option_on(&sound, kind, right, terms(place), &options).unwrap();
            assert_eq!(simulated_bits(found), simulated_bits(expected), "{kind:?}");
        }
    }
    assert_eq!((sound.report().on_device, sound.report().on_processor), (10, 0));
    let options = SimulationOptions { paths: 600, seed: 2, steps: 4 };
    let expected = simulate_option(kinds[2], Right::Put, terms(1), &options).unwrap();
    for launch in 0..2 {
        let failing = computer(Device { failing: Some(launch), ..Device::sound() });
        let found = simulate_option_on(&failing, kinds[2], Right::Put, terms(1), &options).unwrap();
        assert_eq!(simulated_bits(found), simulated_bits(expected));
        assert_eq!((failing.report().on_processor, failing.report().degraded), (1, 1));
    }
}

#[test]
fn american_options_on_a_device_have_the_bits_of_the_processor() {
    let mut options: Vec<(Right, Terms)> = (0..9)
        .map(|place| (if place % 3 == 0 { Right::Call } else { Right::Put }, terms(place % 6)))
        .collect();
    // Those that take no boundary, or none that is found: without dividends, without volatility, with
    // a rate below 0, and one that is exercised now.
    let base = terms(2);
    for (right, terms) in [
        (Right::Call, Terms { dividend: 0.0, ..base }),
        (Right::Put, Terms { vol: 0.0, ..base }),
        (Right::Put, Terms { rate: -0.005, dividend: -0.01, ..base }),
        (Right::Put, Terms { spot: 20.0, ..base }),
        (Right::Put, Terms { rate: 0.2, vol: 0.01, ..base }),
    ] {
        options.push((right, terms));
    }
    let list = |greeks: &Greeks| {
        let Greeks { price, delta, gamma, vega, theta, rho } = *greeks;
        bits(&[price, delta, gamma, vega, theta, rho])
    };
    let check = |computer: &Computer<AmericanPuts>| {
        let found = american_on(computer, &options).unwrap();
        assert_eq!(found.len(), options.len());
        for ((right, terms), found) in options.iter().zip(&found) {
            let expected = price(Kind::American, *right, *terms).unwrap();
            assert_eq!(list(found), list(&expected), "{right} {terms:?}");
        }
    };
    let sound = computer(Device::sound());
    check(&sound);
    assert_eq!((sound.report().on_device, sound.report().on_processor), (1, 0));
    let failing = computer(Device { failing: Some(0), ..Device::sound() });
    check(&failing);
    assert_eq!((failing.report().on_processor, failing.report().degraded), (1, 1));
    check(&Computer::processor());
    assert!(american_on(&sound, &[]).unwrap().is_empty());
    let wrong = [(Right::Put, Terms { spot: -1.0, ..base })];
    let refused = american_on(&sound, &wrong).unwrap_err().to_string();
    assert_eq!(refused, "spot: -1 is not a number above 0");
}

#[test]
fn means_and_barriers_on_a_device_have_the_bits_of_the_processor() {
    let mut options = Vec::new();
    for place in 0..6 {
        for right in [Right::Call, Right::Put] {
            for fixings in [None, Some(1), Some(12)] {
                options.push((Kind::AsianGeometric { fixings }, right, terms(place)));
            }
            for kind in BarrierKind::ALL {
                for (level, rebate) in [(85.0, 0.0), (102.0, 3.0)] {
                    let barrier = Kind::Barrier(Barrier { kind, level, rebate });
                    options.push((barrier, right, terms(place)));
                    options.push((barrier, right, Terms { vol: 0.0, ..terms(place) }));
                }
            }
        }
    }
    let list = |greeks: &Greeks| {
        let Greeks { price, delta, gamma, vega, theta, rho } = *greeks;
        bits(&[price, delta, gamma, vega, theta, rho])
    };
    let check = |computer: &Computer<ClosedFormBatch>| {
        let found = closed_forms_on(computer, &options).unwrap();
        assert_eq!(found.len(), options.len());
        for ((kind, right, terms), found) in options.iter().zip(&found) {
            let expected = price(*kind, *right, *terms).unwrap();
            assert_eq!(list(found), list(&expected), "{kind:?} {right} {terms:?}");
        }
    };
    // Means and barriers are a job each.
    let sound = computer(Device::sound());
    check(&sound);
    assert_eq!((sound.report().on_device, sound.report().on_processor), (2, 0));
    for launch in 0..2 {
        let failing = computer(Device { failing: Some(launch), ..Device::sound() });
        check(&failing);
        let Report { on_device, on_processor, degraded, .. } = failing.report();
        assert_eq!((on_device, on_processor, degraded), (1, 1, 1));
    }
    let full = computer(Device { full: Some(0), ..Device::sound() });
    check(&full);
    assert_eq!((full.report().on_processor, full.report().degraded), (1, 1));
    check(&Computer::processor());
    assert!(closed_forms_on(&sound, &[]).unwrap().is_empty());
    for (kind, message) in [
        (Kind::AsianGeometric { fixings: Some(0) }, "fixings: a mean of no moment is none"),
        (Kind::European, "kind: European is neither a geometric mean nor a barrier"),
    ] {
        let refused = closed_forms_on(&sound, &[(kind, Right::Call, terms(0))]).unwrap_err();
        assert_eq!(refused.to_string(), message);
    }
}
