//! Sweeps: each lane alone, between tiers, against one account written plainly, and refusals.

use fillrate_kernels::{
    Cpu, LaneSeries, OrderFill, Philox, Positions, SWEEP_LANES, SweepLine, SweepRule, SweepTally,
    Tape, TapeTerms, Tier,
};

const BARS: usize = 700;

/// Closes and opens, some of which are not known.
fn prices(seed: u64) -> (Vec<f64>, Vec<f64>) {
    let philox = Philox::new(seed);
    let mut log: f64 = 3.0;
    let mut bar = |at: u64| {
        let [step, gap] = philox.normals(at, 0, 0);
        let open = (log + 0.005 * gap).exp();
        log += 0.02 * step;
        let is_known = philox.normals(at, 1, 0)[0] < 1.8;
        (log.exp(), if is_known { open } else { f64::NAN })
    };
    (0..BARS as u64).map(&mut bar).unzip()
}

/// A series that wanders about a level, NaN at first.
fn line(seed: u64, level: f64) -> Vec<f64> {
    let philox = Philox::new(seed);
    let value =
        |at: u64| if at < seed % 9 { f64::NAN } else { level + philox.normals(at, 0, 1)[0] };
    (0..BARS as u64).map(value).collect()
}

fn terms() -> Vec<(TapeTerms, Positions)> {
    let mut all = Vec::new();
    for fill in [OrderFill::NextOpen, OrderFill::Close] {
        for positions in [Positions::Long, Positions::LongShort] {
            for (fee, slippage, rate) in [(0.0, 0.0, 0.0), (0.003, 0.001, 0.0001)] {
                all.push((TapeTerms { fee, slippage, rate, fill }, positions));
            }
        }
    }
    all
}

/// A tally as numbers: lane by lane, the figures in their order.
fn lanes(tally: &SweepTally) -> Vec<[f64; 9]> {
    let SweepTally { equity, sum, squares, downside, drawdown, held, trades, closed, won } = *tally;
    let figures = [equity, sum, squares, downside, drawdown, held, trades, closed, won];
    (0..SWEEP_LANES).map(|lane| figures.map(|figure| figure[lane])).collect()
}

/// A rule of each kind, with a line for each lane and one for all.
fn rules<'a>(lanes: &'a LaneSeries, line: &'a [f64]) -> [SweepRule<'a>; 4] {
    let (each, same) = (SweepLine::Each(lanes), SweepLine::Same(line));
    [
        SweepRule::Crossing { fast: same, slow: each },
        SweepRule::Crossing { fast: each, slow: same },
        SweepRule::Outside { line: each, low: [-0.5; 8], high: [0.9; 8] },
        SweepRule::Bands { middle: each, deviation: each, width: [1.5; 8] },
    ]
}

#[test]
fn lanes_and_tiers_change_no_bit() {
    let (close, open) = prices(1);
    let columns: Vec<Vec<f64>> = (0..8).map(|lane| line(10 + lane, 0.1 * lane as f64)).collect();
    let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    let slow = LaneSeries::new(BARS, &columns).unwrap();
    let fast = line(99, 0.3);
    let thresholds: [f64; 8] = std::array::from_fn(|lane| 0.2 * lane as f64);
    for (terms, positions) in terms() {
        let tape = Tape::new(&close, &open, terms).unwrap();
        let run = |cpu: &Cpu, rule: &SweepRule<'_>| {
            lanes(&cpu.sweep(&tape, 3..BARS, rule, positions).unwrap())
        };
        for (place, rule) in rules(&slow, &fast).iter().enumerate() {
            let expected = run(&Cpu::with_tier(Tier::Portable).unwrap(), rule);
            for tier in Tier::available() {
                let got = run(&Cpu::with_tier(*tier).unwrap(), rule);
                assert_eq!(got, expected, "{tier} {terms:?} {positions:?} rule {place}");
            }
            for (lane, column) in columns.iter().enumerate() {
                let alone = LaneSeries::new(BARS, &[column]).unwrap();
                let got = run(&Cpu::detect(), &rules(&alone, &fast)[place]);
                assert_eq!(
                    &got[..1],
                    &expected[lane..=lane],
                    "{terms:?} {positions:?} rule {place}"
                );
            }
        }
        // The same series for all lanes, with a threshold for each.
        let low = thresholds.map(|x| -x);
        let rule = SweepRule::Outside { line: SweepLine::Same(&fast), low, high: thresholds };
        let together = run(&Cpu::detect(), &rule);
        for lane in 0..8 {
            let (low, high) = ([low[lane]; 8], [thresholds[lane]; 8]);
            let alone = SweepRule::Outside { line: SweepLine::Same(&fast), low, high };
            assert_eq!(run(&Cpu::detect(), &alone), vec![together[lane]; 8]);
        }
    }
}

/// One long account, bar by bar: equity, returns, and the closes at which it held something.
fn account(
    close: &[f64],
    open: &[f64],
    terms: TapeTerms,
    asks: impl Fn(usize) -> i32,
) -> (f64, Vec<f64>, usize) {
    let (mut cash, mut shares, mut wanted) = (1.0, 0.0, false);
    let (mut values, mut held) = (vec![1.0], 0);
    for at in 1..close.len() {
        let see = |wanted: bool, at: usize| match asks(at) {
            1 => true,
            -1 => false,
            _ => wanted,
        };
        let price = match terms.fill {
            OrderFill::NextOpen => {
                wanted = see(wanted, at - 1);
                open[at]
            }
            OrderFill::Close => {
                wanted = see(wanted, at);
                close[at]
            }
        };
        if wanted && shares == 0.0 && !price.is_nan() {
            shares = cash / (price * (1.0 + terms.slippage) * (1.0 + terms.fee));
            cash = 0.0;
        } else if !wanted && shares > 0.0 && !price.is_nan() {
            cash = shares * price * (1.0 - terms.slippage) * (1.0 - terms.fee);
            shares = 0.0;
        }
        held += usize::from(shares > 0.0);
        values.push(cash + shares * close[at]);
    }
    let returns = values.windows(2).map(|pair| pair[1] / pair[0] - 1.0 - terms.rate).collect();
    (values[values.len() - 1], returns, held)
}

#[test]
fn a_lane_is_one_account() {
    let (close, open) = prices(5);
    let line = line(44, 0.0);
    for (terms, positions) in terms() {
        if positions == Positions::LongShort {
            continue;
        }
        let tape = Tape::new(&close, &open, terms).unwrap();
        let rule =
            SweepRule::Outside { line: SweepLine::Same(&line), low: [-0.8; 8], high: [0.6; 8] };
        let tally = Cpu::detect().sweep(&tape, 0..BARS, &rule, positions).unwrap();
        let asks = |at: usize| i32::from(line[at] < -0.8) - i32::from(line[at] > 0.6);
        let (equity, returns, held) = account(&close, &open, terms, asks);
        let near =
            |got: f64, expected: f64| (got - expected).abs() < 1e-12 * expected.abs().max(1.0);
        assert!(near(tally.equity[3], equity), "{terms:?}: {} {equity}", tally.equity[3]);
        assert!(near(tally.sum[3], returns.iter().sum()));
        assert!(near(tally.squares[3], returns.iter().map(|r| r * r).sum()));
        assert!(near(tally.downside[3], returns.iter().map(|r| r.min(0.0).powi(2)).sum()));
        assert!((tally.held[3] - held as f64).abs() < 0.5 && held > 50);
    }
}

#[test]
fn ranges_and_shapes_are_checked() {
    let (close, open) = prices(2);
    let usual = TapeTerms::default();
    let tape = Tape::new(&close, &open, usual).unwrap();
    let short = [0.0; 3];
    let rule = SweepRule::Outside { line: SweepLine::Same(&short), low: [0.0; 8], high: [1.0; 8] };
    let message = |result: fillrate_kernels::Result<SweepTally>| result.unwrap_err().to_string();
    let cpu = Cpu::detect();
    let got = message(cpu.sweep(&tape, 0..BARS, &rule, Positions::Long));
    assert_eq!(got, "sweep: expected lines of 700 bars, got one of 3");
    let whole = vec![0.0; BARS];
    let rule = SweepRule::Outside { line: SweepLine::Same(&whole), low: [0.0; 8], high: [1.0; 8] };
    let got = message(cpu.sweep(&tape, 0..BARS + 1, &rule, Positions::Long));
    assert_eq!(got, "sweep: expected a range within 700 bars, got 0..701");
    let empty = cpu.sweep(&tape, 9..9, &rule, Positions::Long).unwrap();
    assert_eq!((empty.equity, empty.trades), ([1.0; 8], [0.0; 8]));
    let lanes = LaneSeries::new(BARS, &[&whole]).unwrap();
    let mixed = SweepRule::Bands {
        middle: SweepLine::Same(&whole),
        deviation: SweepLine::Each(&lanes),
        width: [1.0; 8],
    };
    assert!(cpu.sweep(&tape, 0..BARS, &mixed, Positions::Long).is_err());
    assert!(LaneSeries::new(BARS, &[&short]).is_err());
    assert!(Tape::new(&[1.0, 0.0], &[1.0, 1.0], usual).is_err());
    assert!(Tape::new(&[1.0, 2.0], &[1.0, -1.0], usual).is_err());
    assert!(Tape::new(&[1.0], &[], usual).is_err());
    assert!(Tape::new(&[1.0], &[1.0], TapeTerms { fee: 1.0, ..usual }).is_err());
    assert!(Tape::new(&[1.0], &[1.0], TapeTerms { rate: f64::NAN, ..usual }).is_err());
}
