//! What risk figures are made of: the same bits on every tier, and the definition but for rounding.

use fillrate_kernels::{Cpu, Philox, RiskDates, RiskPanel, RiskSums, RiskTerms, Tier};
use proptest::prelude::*;

/// Series with histories of their own.
pub(crate) struct Histories {
    pub(crate) prices: Vec<f64>,
    pub(crate) starts: Vec<u64>,
    firsts: Vec<u32>,
    each: Vec<u32>,
    dates: usize,
    is_each: bool,
}

impl Histories {
    /// Series of so many prices, which end together; or (`is_each`) with gaps that are their own. The first
    /// series has a return at every date.
    pub(crate) fn new(lens: &[usize], is_each: bool, seed: u64) -> Self {
        let philox = Philox::new(seed);
        let dates = lens[0].saturating_sub(1);
        let (mut prices, mut starts) = (Vec::new(), vec![0]);
        let (mut firsts, mut each) = (Vec::new(), Vec::new());
        for (series, len) in lens.iter().enumerate() {
            let mut price = 20.0;
            for at in 0..*len {
                let [step, gap] = philox.normals(at as u64, series as u32, 0);
                // Some do not move for days.
                let is_flat = series % 4 == 3 && at % 9 > 2;
                price *= if is_flat { 1.0 } else { (0.02 * step).exp() };
                // The date before the first return has no number: that of the first price is not read.
                let date = (dates + at).saturating_sub(*len);
                let is_missing = is_each && series > 0 && gap > 0.5;
                if !is_missing {
                    prices.push(price);
                    each.push(if at == 0 { 0 } else { date as u32 + 1 });
                }
            }
            firsts.push((dates + 1 - (*len).max(1)) as u32);
            let begin = *starts.last().unwrap() as usize;
            // What ends with the first price that there is, is no return.
            if let Some(first) = each.get_mut(begin) {
                *first = 0;
            }
            starts.push(prices.len() as u64);
        }
        for date in &mut each {
            *date = date.saturating_sub(1).min(dates.saturating_sub(1) as u32);
        }
        Self { prices, starts, firsts, each, dates, is_each }
    }

    pub(crate) fn panel(&self) -> RiskPanel<'_> {
        let returns =
            if self.is_each { RiskDates::Each(&self.each) } else { RiskDates::From(&self.firsts) };
        RiskPanel::new(&self.prices, &self.starts, returns, self.dates).unwrap()
    }

    /// The numbers of the dates, as they are passed.
    pub(crate) fn numbers(&self) -> &[u32] {
        if self.is_each { &self.each } else { &self.firsts }
    }
}

pub(crate) const TERMS: RiskTerms =
    RiskTerms { logarithms: false, rate: 1e-4, decay: 0.94, tail: Some(0.05), benchmark: None };

/// Terms of every kind.
pub(crate) fn all_terms(series: usize) -> Vec<RiskTerms> {
    let mut all = vec![TERMS, RiskTerms { tail: None, ..TERMS }];
    for share in [0.0, 0.5, 1.0] {
        let (tail, rate) = (Some(share), -0.001);
        all.push(RiskTerms { tail, rate, logarithms: true, ..TERMS });
    }
    all.push(RiskTerms { benchmark: Some(series / 2), decay: 0.01, ..TERMS });
    all.push(RiskTerms { benchmark: Some(series - 1), logarithms: true, ..TERMS });
    all
}

fn bits(sums: &[RiskSums]) -> Vec<u64> {
    sums.iter().flat_map(RiskSums::values).map(f64::to_bits).collect()
}

/// The sums of one series, return by return.
fn definition(path: &[f64], pairs: &[(f64, f64)], terms: &RiskTerms) -> RiskSums {
    let of = |pair: &[f64]| {
        let simple = pair[1] / pair[0] - 1.0;
        if terms.logarithms { simple.ln_1p() } else { simple }
    };
    let returns: Vec<f64> = path.windows(2).map(of).collect();
    let (least, peak, trough) = fall(path);
    let mut sums =
        RiskSums { least, peak: peak as f64, trough: trough as f64, ..Default::default() };
    if returns.is_empty() {
        return sums;
    }
    let count = returns.len() as f64;
    sums.growth = path[path.len() - 1] / path[0];
    sums.total = returns.iter().sum();
    let mean = sums.total / count;
    sums.downside = returns.iter().map(|r| (r - terms.rate).min(0.0).powi(2)).sum();
    sums.powers = [2, 3, 4].map(|k| returns.iter().map(|r| (r - mean).powi(k)).sum());
    let decay = terms.decay;
    let variance = returns[1..]
        .iter()
        .fold(returns[0].powi(2), |variance, r| decay * variance + (1.0 - decay) * r * r);
    // What is compared is the variance.
    sums.decayed = variance;
    sums.common = pairs.len() as f64;
    let means = [0, 1].map(|of| {
        pairs.iter().map(|pair| if of == 0 { pair.0 } else { pair.1 }).sum::<f64>() / sums.common
    });
    for (x, y) in pairs {
        let (x, y) = (x - means[0], y - means[1]);
        for (sum, term) in sums.products.iter_mut().zip([x * x, x * y, y * y]) {
            *sum += term;
        }
    }
    if let Some(share) = terms.tail {
        let mut sorted = returns;
        sorted.sort_by(f64::total_cmp);
        let place = (sorted.len() - 1) as f64 * share;
        let low = sorted[place.floor() as usize];
        let high = sorted[(place.floor() as usize + 1).min(sorted.len() - 1)];
        sums.quantile = low + (high - low) * (place - place.floor());
        let below: Vec<f64> = sorted.into_iter().filter(|r| *r <= sums.quantile).collect();
        sums.below = [below.iter().sum(), below.len() as f64];
    }
    sums
}

fn fall(path: &[f64]) -> (f64, usize, usize) {
    let mut deepest = (1.0, 0, 0);
    for (trough, low) in path.iter().enumerate() {
        let top = path[..=trough].iter().copied().fold(0.0, f64::max);
        if low / top < deepest.0 {
            let peak = path.iter().position(|price| *price >= top).unwrap();
            deepest = (low / top, peak, trough);
        }
    }
    deepest
}

fn check(histories: &Histories) {
    let panel = histories.panel();
    for terms in all_terms(panel.series()) {
        let found = Cpu::detect().risk(&panel, &terms).unwrap();
        assert_eq!(found.len(), panel.series() + 1);
        for tier in Tier::available() {
            let of_tier = Cpu::with_tier(*tier).unwrap().risk(&panel, &terms).unwrap();
            assert_eq!(bits(&of_tier), bits(&found), "{tier}, {terms:?}");
        }
        compare(histories, &terms, &found);
    }
}

/// Each series beside the definition.
fn compare(histories: &Histories, terms: &RiskTerms, found: &[RiskSums]) {
    let series = found.len() - 1;
    let path = |place: usize| {
        &histories.prices[histories.starts[place] as usize..histories.starts[place + 1] as usize]
    };
    // Simple returns by date.
    let by_date = |place: usize| -> Vec<(usize, f64)> {
        let begin = histories.starts[place] as usize;
        let of = |(at, pair): (usize, &[f64])| {
            let date = if histories.is_each {
                histories.each[begin + at + 1]
            } else {
                histories.firsts[place] + at as u32
            };
            (date as usize, pair[1] / pair[0] - 1.0)
        };
        path(place).windows(2).enumerate().map(of).collect()
    };
    let mut mean = vec![(0.0, 0.0); histories.dates];
    for (date, r) in (0..series).flat_map(by_date) {
        mean[date].0 += r;
        mean[date].1 += 1.0;
    }
    let mean: Vec<(usize, f64)> =
        mean.iter().enumerate().map(|(date, (sum, count))| (date, sum / count)).collect();
    let kind = |r: f64| if terms.logarithms { r.ln_1p() } else { r };
    let mut row = vec![None; histories.dates];
    for (date, r) in terms.benchmark.map_or_else(|| mean.clone(), by_date) {
        row[date] = Some(kind(r));
    }
    for (place, found) in found.iter().enumerate() {
        let own = if place < series { by_date(place) } else { mean.clone() };
        let pair = |(date, r): &(usize, f64)| Some((kind(*r), row[*date]?));
        let pairs: Vec<(f64, f64)> = own.iter().filter_map(pair).collect();
        let mut of_mean = vec![1.0];
        if place == series {
            of_mean.extend(mean.iter().scan(1.0, |value, (_, r)| {
                *value *= 1.0 + r;
                Some(*value)
            }));
        }
        let own_path = if place < series { path(place) } else { &of_mean };
        let expected = definition(own_path, &pairs, terms);
        let decayed = found.exponential_variance(terms.decay, own.len());
        let found = RiskSums { decayed, ..*found };
        // Σ |r|ᵏ of all series are of this size at most.
        for (at, (found, expected)) in found.values().iter().zip(expected.values()).enumerate() {
            let error = (found - expected).abs();
            assert!(
                error <= 1e-11 * (1e-3 + expected.abs()),
                "value {at} of series {place}, {terms:?}: {found:e}, {expected:e}"
            );
        }
    }
}

#[test]
fn sums_of_risk_are_those_of_the_definition() {
    for len in [1, 2, 3, 32, 33, 34, 65, 66, 700] {
        for is_each in [false, true] {
            check(&Histories::new(&[len], is_each, 1));
            check(&Histories::new(&[len, len / 2, 0, len, 1, len / 3 + 1], is_each, 2));
        }
    }
    check(&Histories::new(&[1500, 1499, 513, 512, 2], true, 3));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn sums_of_risk_of_every_size_are_those_of_the_definition(
        first in 1_usize..300, shares in prop::collection::vec(0.0_f64..1.0, 0..6),
        is_each: bool, seed: u64,
    ) {
        let lens: Vec<usize> = std::iter::once(first)
            .chain(shares.into_iter().map(|share| (share * first as f64) as usize))
            .collect();
        check(&Histories::new(&lens, is_each, seed));
    }
}

#[test]
fn extreme_prices_have_extreme_returns() {
    let logarithms = RiskTerms { logarithms: true, ..TERMS };
    let of = |prices: &[f64], terms| {
        let starts = [0, prices.len() as u64];
        let dates = RiskDates::From(&[0]);
        let panel = RiskPanel::new(prices, &starts, dates, prices.len() - 1).unwrap();
        Cpu::detect().risk(&panel, terms).unwrap()[0]
    };
    let risen = of(&[1e-300, 1e300, 1e300], &logarithms);
    assert_eq!((risen.total, risen.growth, risen.least), (f64::INFINITY, f64::INFINITY, 1.0));
    let fallen = of(&[1e300, 1e-300, 2e-300], &logarithms);
    assert_eq!((fallen.total, fallen.least, fallen.trough), (f64::NEG_INFINITY, 0.0, 1.0));
    // Between −∞ and a number there is none.
    assert!(fallen.quantile.is_nan() && fallen.below[0].is_nan(), "{fallen:?}");
    let simple = of(&[1e300, 1e-300, 2e-300], &TERMS);
    assert_eq!((simple.below, simple.peak), ([-1.0, 1.0], 0.0));
}

#[test]
fn what_does_not_fit_is_refused() {
    let prices = [1.0; 5];
    let refused = |starts: &[u64], returns: RiskDates<'_>, dates| {
        RiskPanel::new(&prices, starts, returns, dates).unwrap_err().to_string()
    };
    for starts in [&[0, 4][..], &[1, 5], &[0, 3, 2, 5], &[]] {
        let message = refused(starts, RiskDates::From(&[0]), 9);
        assert!(message.starts_with("risk: expected starts that divide the prices"), "{message}");
    }
    let message = refused(&[0, 2, 5], RiskDates::From(&[0]), 9);
    assert_eq!(message, "risk: expected 2 dates of returns, got 1");
    let message = refused(&[0, 2, 5], RiskDates::From(&[0, 2]), 3);
    assert_eq!(message, "risk: expected rising dates below 3, got others in series 1");
    for each in [&[0, 1, 0, 1, 1], &[0, 1, 0, 2, 1], &[0, 1, 0, 2, 3]] {
        let message = refused(&[0, 2, 5], RiskDates::Each(each), 3);
        assert!(message.ends_with("got others in series 1"), "{message}");
    }
    let panel = RiskPanel::new(&prices, &[0, 2, 5], RiskDates::From(&[0, 0]), 2).unwrap();
    for (terms, message) in [
        (RiskTerms { benchmark: Some(2), ..TERMS }, "expected a benchmark of 2 series, got 2"),
        (RiskTerms { tail: Some(1.5), ..TERMS }, "expected a tail from 0 to 1, got 1.5"),
        (RiskTerms { tail: Some(f64::NAN), ..TERMS }, "expected a tail from 0 to 1, got NaN"),
        (RiskTerms { decay: 1.0, ..TERMS }, "expected a decay from 0.01 to below 1, got 1"),
        (RiskTerms { decay: 0.0, ..TERMS }, "expected a decay from 0.01 to below 1, got 0"),
    ] {
        let refused = Cpu::detect().risk(&panel, &terms).unwrap_err().to_string();
        assert_eq!(refused, format!("risk: {message}"));
    }
}
