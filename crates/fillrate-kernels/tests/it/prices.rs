//! The kernels over prices against their scalar versions, between tiers, and as streams.

use fillrate_kernels::scalar::prices as scalar;
use fillrate_kernels::{
    AtrStream, Cpu, EmaStream, MacdPeriods, MacdStream, Philox, RsiStream, Tier, WindowOp,
    WindowStream,
};
use proptest::prelude::*;

const OPS: [WindowOp; 7] = [
    WindowOp::Mean,
    WindowOp::WeightedMean,
    WindowOp::Min,
    WindowOp::Max,
    WindowOp::Deviation,
    WindowOp::ZScore,
    WindowOp::Bands { width: 2.0 },
];

/// A random walk of prices that stay above 0.
fn walk(bars: usize, seed: u64) -> Vec<f64> {
    let philox = Philox::new(seed);
    let mut log = 0.0;
    let price = |at| {
        log += 0.01 * philox.normals(at, 0, 0)[0];
        100.0 * f64::exp(log)
    };
    (0..bars as u64).map(price).collect()
}

fn window(cpu: &Cpu, op: WindowOp, x: &[f64], bars: usize) -> Vec<Vec<f64>> {
    let mut outputs = vec![vec![0.0; x.len()]; op.outputs()];
    let mut out: Vec<&mut [f64]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
    assert!(cpu.window(op, x, bars, &mut out).unwrap());
    outputs
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|x| if x.is_nan() { u64::MAX } else { x.to_bits() }).collect()
}

#[track_caller]
fn close(what: &str, got: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len());
    for (at, (got, expected)) in got.iter().zip(expected).enumerate() {
        let is_close = (got - expected).abs() <= tolerance * expected.abs().max(1e-3);
        assert!(is_close || (got.is_nan() && expected.is_nan()), "{what}: {at}: {got}, {expected}");
    }
}

#[test]
fn windows_are_those_of_the_scalar_version_on_every_tier() {
    for (len, bars) in
        [(0, 3), (2, 3), (3, 3), (40, 1), (700, 20), (3000, 7), (3000, 64), (2500, 255), (900, 640)]
    {
        let x = walk(len, len as u64);
        for op in OPS {
            let expected = scalar::window(op, &x, bars);
            let portable = window(&Cpu::with_tier(Tier::Portable).unwrap(), op, &x, bars);
            for (got, expected) in portable.iter().zip(&expected) {
                close(&format!("{op:?} of {bars} over {len}"), got, expected, 1e-11);
            }
            for &tier in Tier::available() {
                let got = window(&Cpu::with_tier(tier).unwrap(), op, &x, bars);
                for (got, portable) in got.iter().zip(&portable) {
                    assert_eq!(bits(got), bits(portable), "{op:?} on {tier}");
                }
            }
        }
    }
}

#[test]
fn windows_of_every_length_are_whole_wherever_the_outputs_lie() {
    let all = walk(331, 11);
    for bars in 1..=97 {
        // Every place of a cache line, series that end in each lane, and poison around the outputs.
        let (skip, len) = (bars % 8, bars + bars * 7 % 110);
        let x = &all[..len];
        for op in OPS {
            let expected = scalar::window(op, x, bars);
            let mut first: Option<Vec<Vec<u64>>> = None;
            for &tier in Tier::available() {
                let mut columns = vec![vec![-7.0; skip + len + 9]; op.outputs()];
                let mut out: Vec<&mut [f64]> =
                    columns.iter_mut().map(|column| &mut column[skip..skip + len]).collect();
                assert!(Cpu::with_tier(tier).unwrap().window(op, x, bars, &mut out).unwrap());
                let got: Vec<_> = columns.iter().map(|column| &column[skip..skip + len]).collect();
                for (got, expected) in got.iter().zip(&expected) {
                    close(&format!("{op:?} of {bars} over {len} on {tier}"), got, expected, 1e-11);
                }
                let around = |column: &Vec<f64>| [&column[..skip], &column[skip + len..]].concat();
                assert!(
                    columns.iter().flat_map(around).all(|x| x.to_bits() == f64::to_bits(-7.0)),
                    "{op:?} of {bars}"
                );
                let got = got.iter().map(|got| bits(got)).collect();
                assert_eq!(*first.get_or_insert_with(|| Vec::clone(&got)), got, "{tier}");
            }
        }
    }
}

#[test]
fn averages_are_those_of_the_scalar_version_on_every_tier() {
    for (len, bars) in [(0, 3), (3, 3), (4, 3), (11, 3), (12, 3), (40, 1), (1100, 20), (5000, 14)] {
        let x = walk(len, 7 + len as u64);
        let (high, low): (Vec<f64>, Vec<f64>) = x.iter().map(|x| (x * 1.01, x * 0.98)).unzip();
        let bar = [&high[..], &low[..], &x[..]];
        let periods = MacdPeriods { fast: bars, slow: 2 * bars, smooth: 9 };
        for &tier in Tier::available() {
            let cpu = Cpu::with_tier(tier).unwrap();
            let mut out = vec![0.0; len];
            let what = format!("{bars} over {len} on {tier}");
            assert!(cpu.ema(&x, bars, &mut out).unwrap());
            close(&format!("ema of {what}"), &out, &scalar::ema(&x, bars), 1e-12);
            assert!(cpu.rsi(&x, bars, &mut out).unwrap());
            close(&format!("rsi of {what}"), &out, &scalar::rsi(&x, bars), 1e-11);
            assert!(cpu.atr(bar, bars, &mut out).unwrap());
            close(&format!("atr of {what}"), &out, &scalar::atr(bar, bars), 1e-12);
            let [mut line, mut signal, mut histogram] = std::array::from_fn(|_| vec![0.0; len]);
            let outputs = [&mut line[..], &mut signal[..], &mut histogram[..]];
            assert!(cpu.macd(&x, periods, outputs).unwrap());
            let expected = scalar::macd(&x, periods);
            for (got, expected) in [line, signal, histogram].iter().zip(&expected) {
                // Differences of prices near 100 are exact to their last bits.
                close(&format!("macd of {what}"), got, expected, 1e-9);
            }
        }
    }
}

#[test]
fn a_small_spread_on_a_high_level_is_kept() {
    let philox = Philox::new(3);
    let x: Vec<f64> = (0..2000).map(|at| 1e8 + 1e-3 * philox.normals(at, 0, 0)[0]).collect();
    let got = window(&Cpu::detect(), WindowOp::Deviation, &x, 20);
    for end in 20..=x.len() {
        // Distances from 1e8 are exact in a double.
        let distances: Vec<f64> = x[end - 20..end].iter().map(|x| x - 1e8).collect();
        let mean = distances.iter().sum::<f64>() / 20.0;
        let variance = distances.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 20.0;
        assert!((got[0][end - 1] / variance.sqrt() - 1.0).abs() < 1e-9);
    }
}

#[test]
fn a_wild_value_is_forgotten_when_it_leaves_the_window() {
    let mut x = walk(400, 5);
    x[100] = 1e15;
    for op in OPS {
        let got = window(&Cpu::detect(), op, &x, 20);
        let after = window(&Cpu::detect(), op, &x[101..], 20);
        assert_eq!(bits(&got[0][120..]), bits(&after[0][19..]), "{op:?}");
    }
}

#[test]
fn a_flat_series_has_no_spread_and_no_direction() {
    let x = vec![0.1; 300];
    for bars in [3, 14, 20, 100] {
        let of = |op| window(&Cpu::detect(), op, &x, bars)[0][bars - 1..].to_vec();
        assert!(of(WindowOp::Deviation).iter().all(|y| *y == 0.0));
        assert!(of(WindowOp::ZScore).iter().all(|y| *y == 0.0));
        assert_eq!(of(WindowOp::Bands { width: 2.0 }), x[bars - 1..]);
        let mut rsi = vec![0.0; x.len()];
        Cpu::detect().rsi(&x, bars, &mut rsi).unwrap();
        assert_eq!(rsi[bars..], vec![50.0; x.len() - bars]);
    }
}

#[test]
fn what_is_not_finite_is_noticed_wherever_it_is() {
    let cpu = Cpu::detect();
    for bad in [f64::NAN, f64::INFINITY] {
        for at in [0, 1, 2, 13, 20, 511, 513, 1535, 1536, 1999] {
            let mut x = walk(2000, 9);
            x[at] = bad;
            let mut out = vec![0.0; x.len()];
            for op in [WindowOp::Mean, WindowOp::Max, WindowOp::Deviation] {
                assert!(!cpu.window(op, &x, 14, &mut [&mut out]).unwrap(), "{op:?} {at}");
            }
            assert!(!cpu.ema(&x, 14, &mut out).unwrap(), "ema {at}");
            assert!(!cpu.rsi(&x, 14, &mut out).unwrap(), "rsi {at}");
            assert!(!cpu.ema(&x[..12.max(at + 1)], 14, &mut out[..12.max(at + 1)]).unwrap());
        }
    }
}

#[test]
fn refusals_name_the_op() {
    let cpu = Cpu::detect();
    let mut out = [0.0; 4];
    let message = |result: fillrate_kernels::Result<bool>| result.unwrap_err().to_string();
    let windows = |bars, out: &mut [f64]| cpu.window(WindowOp::Mean, &[1.0; 4], bars, &mut [out]);
    assert!(message(windows(0, &mut out)).starts_with("window: expected a window of 1 to"));
    assert!(
        message(windows(2, &mut out[..3])).contains("1 outputs of 4 values, got outputs of [3]")
    );
    assert!(message(cpu.ema(&[1.0; 4], 0, &mut out)).starts_with("ema: "));
    let columns = [&[1.0; 4][..], &[1.0; 4], &[1.0; 3]];
    assert!(message(cpu.atr(columns, 2, &mut out)).starts_with("atr: expected three columns"));
    assert!(WindowStream::new(WindowOp::Mean, 5, 6).is_err());
    assert!(MacdStream::new(MacdPeriods { fast: 9, slow: 8, smooth: 3 }).is_err());
}

proptest! {
    #[test]
    fn streams_give_what_batches_give(len in 0_usize..1200, bars in 1_usize..90, seed: u64) {
        let (x, cpu) = (walk(len, seed), Cpu::detect());
        for op in OPS {
            let batch = window(&cpu, op, &x, bars);
            let mut stream = WindowStream::new(op, bars, bars).unwrap();
            let pushed: Vec<[f64; 3]> = x.iter().map(|x| stream.push(*x)).collect();
            for (o, batch) in batch.iter().enumerate() {
                let pushed: Vec<f64> = pushed.iter().map(|outputs| outputs[o]).collect();
                prop_assert_eq!(bits(&pushed), bits(batch), "{:?} of {}", op, bars);
            }
        }
        let mut out = vec![0.0; len];
        cpu.ema(&x, bars, &mut out).unwrap();
        let mut stream = EmaStream::new(bars).unwrap();
        let pushed: Vec<f64> = x.iter().map(|x| stream.push(*x)).collect();
        prop_assert_eq!(bits(&pushed), bits(&out));
        cpu.rsi(&x, bars, &mut out).unwrap();
        let mut stream = RsiStream::new(bars).unwrap();
        let pushed: Vec<f64> = x.iter().map(|x| stream.push(*x)).collect();
        prop_assert_eq!(bits(&pushed), bits(&out));
        let (high, low): (Vec<f64>, Vec<f64>) = x.iter().map(|x| (x + 1.0, x - 1.0)).unzip();
        cpu.atr([&high, &low, &x], bars, &mut out).unwrap();
        let mut stream = AtrStream::new(bars).unwrap();
        let pushed: Vec<f64> = x.iter().map(|x| stream.push(x + 1.0, x - 1.0, *x)).collect();
        prop_assert_eq!(bits(&pushed), bits(&out));
        let periods = MacdPeriods { fast: bars.div_ceil(2), slow: bars, smooth: 9 };
        let [mut line, mut signal, mut histogram] = std::array::from_fn(|_| vec![0.0; len]);
        cpu.macd(&x, periods, [&mut line, &mut signal, &mut histogram]).unwrap();
        let mut stream = MacdStream::new(periods).unwrap();
        let pushed: Vec<[f64; 3]> = x.iter().map(|x| stream.push(*x)).collect();
        for (o, batch) in [line, signal, histogram].iter().enumerate() {
            let pushed: Vec<f64> = pushed.iter().map(|outputs| outputs[o]).collect();
            prop_assert_eq!(bits(&pushed), bits(batch));
        }
    }

    #[test]
    fn partial_windows_are_whole_windows_of_what_there_is(len in 1_usize..60, bars in 1_usize..60) {
        let x = walk(len, 11);
        for op in OPS {
            let mut stream = WindowStream::new(op, bars, 1).unwrap();
            for at in 0..len {
                let got = stream.push(x[at]);
                let start = (at + 1).saturating_sub(bars);
                let expected = scalar::window(op, &x[start..=at], at + 1 - start);
                for (got, expected) in got.iter().zip(&expected) {
                    let expected = expected[at - start];
                    let tolerance = 1e-9 * expected.abs().max(1.0);
                    prop_assert!((got - expected).abs() <= tolerance, "{op:?}: {got}, {expected}");
                }
            }
        }
    }
}
