//! Monte Carlo against closed forms, whatever the threads, and at the edges of its terms.

use serde::Deserialize;

use super::*;
use crate::market::normal;
use crate::market::options::{Kind, Right, Terms, price};

const BROWNIAN: PathModel = PathModel::GeometricBrownian { drift: 0.05, vol: 0.2 };
const MERTON: MertonTerms =
    MertonTerms { drift: 0.05, vol: 0.2, jumps_per_year: 1.5, jump_mean: -0.1, jump_vol: 0.15 };
const HESTON: HestonTerms = HestonTerms {
    drift: 0.03,
    variance: 0.04,
    reversion: 1.5,
    variance_mean: 0.06,
    variance_vol: 0.5,
    correlation: -0.7,
};

fn asset(model: PathModel) -> Underlying {
    Underlying::Asset { spot: 100.0, model }
}

fn options(paths: u64, steps: u32) -> MonteCarloOptions {
    MonteCarloOptions { expiry: 1.0, steps, paths, seed: 17, antithetic: false }
}

fn holding(symbol: &str, spot: f64, drift: f64, vol: f64, weight: f64) -> Asset {
    Asset { symbol: symbol.to_owned(), spot, drift, vol, weight }
}

/// Two assets with a correlation; one is held, the other owed.
fn spread(correlation: f64) -> Result<Basket> {
    let assets = vec![holding("A", 100.0, 0.02, 0.3, 1.0), holding("B", 95.0, 0.01, 0.2, -1.0)];
    Basket::new(assets, &[1.0, correlation, correlation, 1.0])
}

#[track_caller]
fn within_errors(what: &str, got: Estimate, expected: f64) {
    let distance = (got.mean - expected).abs() / got.std_error;
    assert!(distance < 4.0, "{what}: {got:?}, {expected}: {distance} standard errors");
}

#[test]
fn ends_are_distributed_as_the_closed_form_says() {
    let run = options(100_000, 12);
    let ends = simulate(&asset(BROWNIAN), &run).unwrap();
    let mean = 100.0 * 0.05_f64.exp();
    within_errors("mean", Estimate { mean: ends.mean, std_error: ends.std_error }, mean);
    let std = mean * (0.04_f64.exp() - 1.0).sqrt();
    assert!((ends.std / std - 1.0).abs() < 0.02, "{ends:?}");
    assert!((ends.std_error * 100_000.0_f64.sqrt() / ends.std - 1.0).abs() < 1e-12);
    for (p, got) in QUANTILES.into_iter().zip(ends.quantiles) {
        let z = normal::quantile(p);
        let expected = 100.0 * (0.03 + 0.2 * z).exp();
        // The density of the logarithm's quantile, in prices.
        let slope = 0.2 * expected / normal::density(z);
        let std_error = slope * (p * (1.0 - p) / 100_000.0).sqrt();
        within_errors(&format!("quantile {p}"), Estimate { mean: got, std_error }, expected);
    }
}

#[test]
fn calls_with_jumps_are_those_of_mertons_series() {
    let MertonTerms { drift, vol, jumps_per_year, jump_mean, jump_vol } = MERTON;
    let growth = (jump_mean + 0.5 * jump_vol * jump_vol).exp() - 1.0;
    let (mut expected, mut chance) = (0.0, (-jumps_per_year).exp());
    for jumps in 0..40 {
        let n = f64::from(jumps);
        let rate = drift - jumps_per_year * growth + n * (jump_mean + 0.5 * jump_vol * jump_vol);
        let vol = (vol * vol + n * jump_vol * jump_vol).sqrt();
        let terms = Terms { spot: 100.0, strike: 100.0, rate, dividend: 0.0, vol, expiry: 1.0 };
        let call = price(Kind::European, Right::Call, terms).unwrap().price;
        expected += chance * call * rate.exp();
        chance *= jumps_per_year / (n + 1.0);
    }
    for steps in [1, 5] {
        let run = options(60_000, steps);
        let got =
            expectation(&asset(PathModel::Merton(MERTON)), &run, |end| (end - 100.0).max(0.0));
        within_errors("call", got.unwrap(), expected);
    }
}

/// What `golden/market/options.json` has of Heston's model.
#[derive(Deserialize)]
struct Golden {
    heston: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    strike: f64,
    price: f64,
}

#[test]
fn calls_of_hestons_model_are_those_of_quantlib() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../golden/market/options.json");
    let golden: Golden = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let run = MonteCarloOptions { antithetic: true, ..options(40_000, 200) };
    for case in golden.heston {
        let discount = (-HESTON.drift).exp();
        let payoff = |end: f64| discount * (end - case.strike).max(0.0);
        let got = expectation(&asset(PathModel::Heston(HESTON)), &run, payoff).unwrap();
        // The scheme's own error, which falls with the length of the steps.
        let distance = (got.mean - case.price).abs() - 4.0 * got.std_error;
        assert!(distance < 0.01, "{}: {got:?}, {}", case.strike, case.price);
    }
}

#[test]
fn the_exchange_of_two_assets_is_margrabes() {
    for correlation in [-1.0, 0.4, 1.0] {
        let basket = spread(correlation).unwrap();
        let vol = f64::sqrt(0.09 + 0.04 - 2.0 * correlation * 0.06);
        let terms =
            Terms { spot: 100.0, strike: 95.0, rate: -0.01, dividend: -0.02, vol, expiry: 1.0 };
        // What is had for nothing discounts at the drift of what is given.
        // Source: Margrabe, "The value of an option to exchange one asset for another" (1978).
        let call = price(Kind::European, Right::Call, terms).unwrap().price;
        let run = MonteCarloOptions { antithetic: true, ..options(60_000, 3) };
        let got = expectation(&Underlying::Basket(basket), &run, |worth| worth.max(0.0));
        within_errors("exchange", got.unwrap(), call);
    }
}

#[test]
fn means_of_every_model_are_the_drift() {
    let basket = Basket::new(
        vec![holding("A", 50.0, 0.04, 0.3, 2.0), holding("B", 10.0, -0.1, 0.5, 4.0)],
        &[1.0, 0.5, 0.5, 1.0],
    );
    for (underlying, expected) in [
        (asset(BROWNIAN), 100.0 * 0.05_f64.exp()),
        (asset(PathModel::Merton(MERTON)), 100.0 * 0.05_f64.exp()),
        (asset(PathModel::Heston(HESTON)), 100.0 * 0.03_f64.exp()),
        (Underlying::Basket(basket.unwrap()), 100.0 * 0.04_f64.exp() + 40.0 * (-0.1_f64).exp()),
    ] {
        let ends = simulate(&underlying, &options(40_000, 20)).unwrap();
        let got = Estimate { mean: ends.mean, std_error: ends.std_error };
        within_errors(&format!("{underlying:?}"), got, expected);
    }
}

#[test]
fn antithetic_paths_and_controls_make_errors_smaller() {
    let plain = options(20_000, 4);
    let pairs = MonteCarloOptions { antithetic: true, ..plain };
    let errors = [plain, pairs].map(|run| simulate(&asset(BROWNIAN), &run).unwrap().std_error);
    assert!(errors[1] < 0.3 * errors[0], "{errors:?}");
    let controlled = expectation(&asset(BROWNIAN), &plain, |end| (end - 90.0).max(0.0)).unwrap();
    assert!(controlled.std_error < 0.5 * errors[0], "{controlled:?}");
    let itself = expectation(&asset(BROWNIAN), &plain, |end| end).unwrap();
    assert!((itself.mean - 100.0 * 0.05_f64.exp()).abs() < 1e-9 && itself.std_error < 1e-9);
}

#[test]
fn results_do_not_depend_on_threads() {
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let run = MonteCarloOptions { antithetic: true, ..options(30_002, 5) };
            let ends = simulate(&asset(PathModel::Heston(HESTON)), &run).unwrap();
            let call = expectation(&asset(BROWNIAN), &run, |end| (end - 100.0).max(0.0)).unwrap();
            let Terminal { mean, std, std_error, quantiles } = ends;
            let all = [mean, std, std_error, call.mean, call.std_error];
            (all.map(f64::to_bits), quantiles.map(f64::to_bits))
        })
    };
    assert_eq!(on(1), on(4));
}

#[test]
fn blocks_have_the_paths_that_are_summarised() {
    for antithetic in [false, true] {
        let run = MonteCarloOptions { antithetic, ..options(70_000, 30) };
        let mut ends = vec![0.0; 70_000];
        let mut blocks = 0;
        for block in path_blocks(&asset(BROWNIAN), &run).unwrap() {
            let PathBlock { first, paths, prices } = block.unwrap();
            assert_eq!(prices.len(), 30 * paths);
            ends[first as usize..][..paths].copy_from_slice(&prices[29 * paths..]);
            blocks += 1;
        }
        assert!(blocks > 1);
        let terminal = simulate(&asset(BROWNIAN), &run).unwrap();
        ends.sort_unstable_by(f64::total_cmp);
        let expected = QUANTILES.map(|p| quantile(&ends, p).unwrap().to_bits());
        assert_eq!(expected, terminal.quantiles.map(f64::to_bits));
    }
}

#[test]
fn the_edges_of_terms() {
    let run = options(1000, 3);
    let of = |vol| simulate(&asset(PathModel::GeometricBrownian { drift: 0.05, vol }), &run);
    let still = of(0.0).unwrap();
    assert!((still.mean - 100.0 * 0.05_f64.exp()).abs() < 1e-10 && still.std < 1e-10);
    assert!((still.quantiles[0] - still.quantiles[6]).abs() < 1e-12);
    let wild = of(10.0).unwrap();
    assert!(wild.mean.is_finite() && wild.quantiles[0] >= 0.0);
    let one = simulate(&asset(BROWNIAN), &options(1, 1)).unwrap();
    assert!(one.std.is_nan() && one.std_error.is_nan(), "one path says nothing of its error");
    let pair = MonteCarloOptions { antithetic: true, ..options(2, 1) };
    let pair = simulate(&asset(BROWNIAN), &pair).unwrap();
    assert!(pair.std > 0.0 && pair.std_error.is_nan(), "{pair:?}");
    let message = |underlying: Underlying, run: &MonteCarloOptions| {
        simulate(&underlying, run).unwrap_err().to_string()
    };
    for (bad, start) in [
        (MonteCarloOptions { expiry: 0.0, ..run }, "expiry: 0 is not a number above 0"),
        (MonteCarloOptions { expiry: f64::NAN, ..run }, "expiry: NaN"),
        (MonteCarloOptions { steps: 0, ..run }, "steps: 0 is not from 1"),
        (MonteCarloOptions { paths: 0, ..run }, "paths: 0 is not from 1"),
        (MonteCarloOptions { paths: 10_u64.pow(9), ..run }, "paths: 1000000000 is not"),
        (
            MonteCarloOptions { paths: PATHS_MAX, steps: STEPS_MAX, ..run },
            "paths: 100000000000000 steps of all paths",
        ),
        (MonteCarloOptions { paths: 3, antithetic: true, ..run }, "paths: 3 antithetic"),
    ] {
        let message = message(asset(BROWNIAN), &bad);
        assert!(message.starts_with(start), "{message}");
    }
    let brownian = |drift, vol| asset(PathModel::GeometricBrownian { drift, vol });
    let heston = |terms| asset(PathModel::Heston(terms));
    for (bad, start) in [
        (Underlying::Asset { spot: -1.0, model: BROWNIAN }, "spot: -1 is not a number above 0"),
        (brownian(f64::INFINITY, 0.2), "drift: inf over 1 years"),
        (brownian(0.0, -0.2), "vol: -0.2 is not a number from 0 on"),
        (brownian(0.0, f64::NAN), "vol: NaN"),
        (heston(HestonTerms { correlation: 1.5, ..HESTON }), "correlation: 1.5"),
        (heston(HestonTerms { variance: -0.1, ..HESTON }), "variance: -0.1"),
        (asset(PathModel::Merton(MertonTerms { jumps_per_year: 100.0, ..MERTON })), "steps: 33.3"),
    ] {
        let message = message(bad, &run);
        assert!(message.starts_with(start), "{message}");
    }
}

#[test]
fn correlations_that_nothing_has_are_refused() {
    let message = |basket: Result<Basket>| basket.unwrap_err().to_string();
    assert!(message(spread(1.2)).starts_with("correlations: of `B` and `A`: 1.2 is not"));
    assert!(message(spread(f64::NAN)).contains("NaN"));
    let assets = ["A", "B", "C"].map(|name| holding(name, 1.0, 0.0, 0.1, 1.0)).to_vec();
    // A goes with B, B with C, and C against A.
    let torn = [1.0, 0.9, -0.9, 0.9, 1.0, 0.9, -0.9, 0.9, 1.0];
    let said = message(Basket::new(assets.clone(), &torn));
    assert!(said.starts_with("correlations: of `C` and `C`: not positive semidefinite"), "{said}");
    let askew = [1.0, 0.5, 0.0, 0.4, 1.0, 0.0, 0.0, 0.0, 1.0];
    assert!(message(Basket::new(assets.clone(), &askew)).contains("one way and"));
    assert!(message(Basket::new(assets.clone(), &[1.0])).contains("1 values for 3 assets"));
    assert!(message(Basket::new(vec![], &[])).contains("0 assets"));
    let mut bad = assets;
    bad[1].spot = 0.0;
    let identity = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
    assert!(message(Basket::new(bad, &identity)).starts_with("basket: `B`: spot: 0"));
}

#[test]
fn parts_come_to_the_same_as_the_whole() {
    let spread = Underlying::Basket(spread(0.3).unwrap());
    for (underlying, antithetic) in
        [(asset(BROWNIAN), false), (asset(BROWNIAN), true), (spread, true)]
    {
        let run = MonteCarloOptions { antithetic, ..options(70_002, 2) };
        let whole = simulate(&underlying, &run).unwrap();
        let computer = Computer::processor();
        let underlying = Arc::new(underlying);
        for (first, paths) in [(4 * CHUNK, 2 * CHUNK), (CHUNK, CHUNK), (100 * CHUNK, CHUNK)] {
            let parts = Parts { first, paths, deviations: quantiles::DEVIATIONS };
            let found = simulate_parts(&computer, &underlying, &run, parts).unwrap();
            assert_eq!(found, Some(whole), "{underlying:?} {antithetic} {parts:?}");
        }
        // Where quantiles are looked for too near the first ends' they are not found.
        let narrow = Parts { first: CHUNK, paths: CHUNK, deviations: 0.0 };
        assert_eq!(simulate_parts(&computer, &underlying, &run, narrow).unwrap(), None);
    }
}

#[test]
fn parts_are_whole_chunks_of_bounded_work() {
    for (paths, steps) in [(2, 1), (100_000, 252), (PATHS_MAX, 10), (1_000_000, STEPS_MAX)] {
        for antithetic in [false, true] {
            let Parts { first, paths, .. } =
                Parts::of(&MonteCarloOptions { antithetic, ..options(paths, steps) });
            assert!(first.is_multiple_of(CHUNK) && paths.is_multiple_of(CHUNK));
            assert!(first <= paths.max(4 * CHUNK) && paths <= PART_PATHS as usize);
        }
    }
}
