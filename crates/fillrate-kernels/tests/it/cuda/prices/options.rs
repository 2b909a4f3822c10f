//! Closed forms of options and what prices imply.

use fillrate_kernels::{BarrierColumns, Cpu, GREEKS, OptionColumns, Philox, QuoteColumns};

use super::{Bench, assert_same};

fn column(seed: u64, stream: u32, options: usize, low: f64, high: f64) -> Vec<f64> {
    let philox = Philox::new(seed);
    let uniform = |option| philox.uniforms(option, 0, stream)[0];
    (0..options as u64).map(|option| low + (high - low) * uniform(option)).collect()
}

/// The values, with one of each so many in another's place.
fn some(values: Vec<f64>, each: usize, to: f64) -> Vec<f64> {
    let of = |(place, value)| if place % each == each - 1 { to } else { value };
    values.into_iter().enumerate().map(of).collect()
}

pub(super) fn check_options(bench: &Bench, options: usize, seed: u64) {
    let column = |stream, low, high| column(seed, stream, options, low, high);
    // Some are without volatility, some without time, and some far from any strike.
    let terms = [
        column(0, 5.0, 150.0),
        some(column(1, 60.0, 140.0), 11, 1e6),
        column(2, -0.05, 0.2),
        column(3, -0.02, 0.1),
        some(column(4, 0.02, 1.5), 7, 0.0),
        some(column(5, 0.01, 5.0), 13, 0.0),
        (0..options).map(|option| if option % 3 == 0 { -1.0 } else { 1.0 }).collect(),
    ];
    let on_device = bench.column(&terms.concat());
    let out = bench.room(GREEKS * options);
    bench.prices.black_scholes(on_device, out, options).unwrap();
    let [spot, strike, rate, dividend, vol, expiry, sign] = terms.each_ref().map(Vec::as_slice);
    let columns = OptionColumns { spot, strike, rate, dividend, vol, expiry, sign };
    let mut twin = [(); GREEKS].map(|()| vec![0.0; options]);
    Cpu::detect().black_scholes(&columns, twin.each_mut().map(Vec::as_mut_slice)).unwrap();
    assert_same(&bench.bits(out, GREEKS * options), &twin.concat(), &format!("{options} options"));
    bench.clear();
}

/// Prices of all sizes, some of which no volatility reaches.
pub(super) fn check_implied(bench: &Bench, options: usize, seed: u64) {
    let column = |stream, low, high| column(seed, stream, options, low, high);
    let spot = column(0, 50.0, 150.0);
    let shares = column(1, 0.0, 1.0).into_iter().zip(column(2, -300.0, 0.0));
    // From 1e-300 of the spot to all of it.
    let share = |(place, (share, power)): (usize, (f64, f64))| match place % 4 {
        0 => 10_f64.powf(power),
        1 => 10_f64.powf(power / 30.0),
        _ => share,
    };
    let price = shares.enumerate().map(share).zip(&spot).map(|(share, spot)| share * spot);
    let strike = column(3, 20.0, 300.0);
    let quotes = [
        some(some(price.collect(), 17, f64::NAN), 19, 0.0),
        spot.clone(),
        strike
            .iter()
            .zip(&spot)
            .enumerate()
            .map(|(at, (k, s))| if at % 5 == 0 { *s } else { *k })
            .collect(),
        some(column(4, -0.05, 0.2), 5, 0.0),
        some(column(5, -0.02, 0.1), 5, 0.0),
        some(column(6, 0.01, 5.0), 13, 1e-9),
        (0..options).map(|option| if option % 3 == 0 { -1.0 } else { 1.0 }).collect(),
    ];
    let on_device = bench.column(&quotes.concat());
    let out = bench.room(options);
    bench.prices.implied_vol(on_device, out, options).unwrap();
    let [price, spot, strike, rate, dividend, expiry, sign] = quotes.each_ref().map(Vec::as_slice);
    let columns = QuoteColumns { price, spot, strike, rate, dividend, expiry, sign };
    let mut twin = vec![0.0; options];
    Cpu::detect().implied_vol(&columns, &mut twin).unwrap();
    assert_same(&bench.bits(out, options), &twin, &format!("{options} quotes"));
    bench.clear();
}

/// Means and barriers, some touched, some without volatility.
pub(super) fn check_closed_forms(bench: &Bench, options: usize, seed: u64) {
    let column = |stream, low, high| column(seed, stream, options, low, high);
    let sign =
        |stream| -> Vec<f64> { column(stream, -1.0, 1.0).into_iter().map(f64::signum).collect() };
    let terms = [
        column(0, 50.0, 150.0),
        column(1, 60.0, 140.0),
        column(2, -0.05, 0.2),
        some(column(3, -0.02, 0.1), 4, 0.05),
        some(some(column(4, 0.02, 1.5), 7, 0.0), 6, 1e-3),
        column(5, 0.01, 5.0),
        sign(6),
    ];
    let fixings: Vec<f64> = column(7, 0.0, 9.0).into_iter().map(f64::floor).collect();
    let barriers = [column(8, 40.0, 170.0), some(column(9, 0.0, 5.0), 3, 0.0), sign(10), sign(11)];
    let [spot, strike, rate, dividend, vol, expiry, sign] = terms.each_ref().map(Vec::as_slice);
    let columns = OptionColumns { spot, strike, rate, dividend, vol, expiry, sign };
    let out = bench.room(GREEKS * options);
    let mut twin = [(); GREEKS].map(|()| vec![0.0; options]);

    let on_device = bench.column(&[terms.concat(), fixings.clone()].concat());
    bench.prices.geometric_asian(on_device, out, options).unwrap();
    let outputs = twin.each_mut().map(Vec::as_mut_slice);
    Cpu::detect().geometric_asian(&columns, &fixings, outputs).unwrap();
    assert_same(&bench.bits(out, GREEKS * options), &twin.concat(), &format!("{options} means"));

    let on_device = bench.column(&[terms.concat(), barriers.concat()].concat());
    bench.prices.single_barrier(on_device, out, options).unwrap();
    let [level, rebate, side, effect] = barriers.each_ref().map(Vec::as_slice);
    let barriers = BarrierColumns { level, rebate, side, effect };
    let outputs = twin.each_mut().map(Vec::as_mut_slice);
    Cpu::detect().single_barrier(&columns, &barriers, outputs).unwrap();
    assert_same(&bench.bits(out, GREEKS * options), &twin.concat(), &format!("{options} barriers"));
    bench.clear();
}
