//! Backtests of many parameter sets.

use fillrate_kernels::cuda::{DeviceGrid, DeviceRule, SWEEP_FIGURES};
use fillrate_kernels::{
    Cpu, LaneSeries, OrderFill, Philox, Positions, SweepLine, SweepRule, SweepTally, Tape,
    TapeTerms,
};

use super::{Bench, assert_same};

/// Closes and opens, some of which are not known, in a market that also falls to very little.
fn tape(bars: usize, terms: TapeTerms, seed: u64) -> Tape {
    let philox = Philox::new(seed);
    let mut log: f64 = 3.0;
    let mut bar = |at: u64| {
        let [step, gap] = philox.normals(at, 0, 0);
        let open = (log + 0.05 * gap).exp();
        log += 0.2 * step;
        let is_known = philox.normals(at, 1, 0)[0] < 1.8;
        (log.exp(), if is_known { open } else { f64::NAN })
    };
    let (close, open): (Vec<f64>, Vec<f64>) = (0..bars as u64).map(&mut bar).unzip();
    Tape::new(&close, &open, terms).unwrap()
}

/// The figures of one set from its twin, whose other lanes have nothing to do.
fn figures(tally: &SweepTally) -> [f64; SWEEP_FIGURES] {
    let SweepTally { equity, sum, squares, downside, drawdown, held, trades, closed, won } = *tally;
    [equity, sum, squares, downside, drawdown, held, trades, closed, won].map(|figure| figure[0])
}

pub(super) fn check_sweeps(bench: &Bench, bars: usize, [rows, columns]: [usize; 2], seed: u64) {
    // Lines that begin with nothing, in rows and in columns.
    let line = |place: usize, level: f64| -> Vec<f64> {
        let philox = Philox::new(seed + place as u64);
        let value = |at| if at < place % 4 { f64::NAN } else { philox.normals(at as u64, 0, 1)[0] };
        (0..bars).map(|at| level + value(at)).collect()
    };
    let row_lines: Vec<Vec<f64>> = (0..rows).map(|row| line(row, 0.0)).collect();
    let deviations: Vec<Vec<f64>> = (0..rows).map(|row| line(100 + row, 3.0)).collect();
    let column_lines: Vec<Vec<f64>> = (0..columns).map(|at| line(200 + at, 0.2)).collect();
    let by_bar: Vec<f64> =
        (0..bars).flat_map(|bar| column_lines.iter().map(move |line| line[bar])).collect();
    let low: Vec<f64> = (0..columns).map(|at| -0.2 * at as f64).collect();
    let high: Vec<f64> = low.iter().map(|low| 0.3 - low).collect();
    let width: Vec<f64> = (0..columns).map(|at| 0.1 * at as f64).collect();
    let [rows_at, deviations_at] =
        [&row_lines, &deviations].map(|lines| bench.column(&lines.concat()));
    let [slow, low_at, high_at, width_at] =
        [&by_bar, &low, &high, &width].map(|values| bench.column(values));
    let rules = [
        DeviceRule::Crossing { fast: rows_at, slow },
        DeviceRule::Outside { line: rows_at, low: low_at, high: high_at },
        DeviceRule::Bands { middle: rows_at, deviation: deviations_at, width: width_at },
    ];
    let twin = |tape: &Tape, range: std::ops::Range<usize>, rule: &DeviceRule, positions, set| {
        let (row, column): (usize, usize) = set;
        let slow = LaneSeries::new(bars, &[&column_lines[column]]).unwrap();
        let (same, each) = (SweepLine::Same(&row_lines[row]), SweepLine::Each(&slow));
        let rule = match rule {
            DeviceRule::Crossing { .. } => SweepRule::Crossing { fast: same, slow: each },
            DeviceRule::Outside { .. } => {
                SweepRule::Outside { line: same, low: [low[column]; 8], high: [high[column]; 8] }
            }
            DeviceRule::Bands { .. } => {
                let deviation = SweepLine::Same(&deviations[row]);
                SweepRule::Bands { middle: same, deviation, width: [width[column]; 8] }
            }
        };
        figures(&Cpu::detect().sweep(tape, range, &rule, positions).unwrap())
    };
    for (fill, positions, costs) in [
        (OrderFill::NextOpen, Positions::Long, [0.0, 0.0, 0.0]),
        (OrderFill::Close, Positions::Long, [0.01, 0.002, 0.001]),
        (OrderFill::NextOpen, Positions::LongShort, [0.01, 0.002, 0.001]),
        (OrderFill::Close, Positions::LongShort, [0.3, 0.1, 0.0]),
    ] {
        let [fee, slippage, rate] = costs;
        let tape = tape(bars, TapeTerms { fee, slippage, rate, fill }, seed);
        let on_device = bench.column(&tape.columns().concat());
        for range in [0..bars, bars / 3..bars, 2..3, 2..2] {
            for rule in &rules {
                let out = bench.room(SWEEP_FIGURES * rows * columns);
                let grid = DeviceGrid { rows, columns, positions, out };
                bench.prices.sweep(&tape, on_device, range.clone(), rule, &grid).unwrap();
                let mut expected = vec![0.0; SWEEP_FIGURES * rows * columns];
                for set in 0..rows * columns {
                    let place = (set / columns, set % columns);
                    let of_set = twin(&tape, range.clone(), rule, positions, place);
                    for (figure, value) in of_set.into_iter().enumerate() {
                        expected[figure * rows * columns + set] = value;
                    }
                }
                let context = format!("{rule:?} {positions:?} {fill:?} {range:?}");
                assert_same(&bench.bits(out, expected.len()), &expected, &context);
            }
        }
    }
    bench.clear();
}
