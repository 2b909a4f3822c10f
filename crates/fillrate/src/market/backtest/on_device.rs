//! The sets of a slab as a job: what a device is given of a sweep.

use std::ops::Range;
use std::sync::Arc;

use fillrate_kernels::cuda::{
    Address, DeviceGrid, DeviceRule, Layout as Memory, SWEEP_FIGURES, SWEEP_ROWS_MAX, TAPE_COLUMNS,
};
use fillrate_kernels::{SWEEP_LANES, SweepTally};

use super::lines::Lines;
use super::performance::Performance;
use super::strategy::Strategy;
use super::sweep::{Slab, SymbolSweep};
use crate::Result;
use crate::market::device::{Job, MarketDevice};

const DOUBLE: usize = size_of::<f64>();

/// Some sets of a symbol, over some ranges of its closes.
pub struct SweepJob {
    sweep: Arc<SymbolSweep>,
    slab: Slab,
    /// The series of the slab's rows. They are computed before the job goes anywhere: a device's thread
    /// may not wait for the threads that share their computation, which may all wait for the device.
    lines: Vec<Lines>,
    ranges: Vec<Range<usize>>,
}

impl SweepJob {
    /// The sets of a slab, whose lines are computed here.
    ///
    /// # Errors
    ///
    /// If a length is out of the kernels' range.
    pub(super) fn new(
        sweep: &Arc<SymbolSweep>,
        slab: Slab,
        ranges: Vec<Range<usize>>,
    ) -> Result<Self> {
        let lines = sweep.lines_of(&slab)?;
        Ok(Self { sweep: Arc::clone(sweep), slab, lines, ranges })
    }
}

impl Job for SweepJob {
    /// `[sets, ranges]`.
    type Answer = Vec<Performance>;

    /// In bars of all sets.
    fn size(&self) -> u64 {
        let bars: usize = self.ranges.iter().map(ExactSizeIterator::len).sum();
        (self.sweep.count(&self.slab) * bars) as u64
    }

    fn on_processor(&self) -> Result<Vec<Performance>> {
        self.sweep.run(&self.slab, &self.lines, &self.ranges)
    }

    fn on_device(&self, device: &MarketDevice) -> Result<Vec<Performance>> {
        let mut performances = Vec::with_capacity(self.sweep.count(&self.slab) * self.ranges.len());
        // What a launch has rows for.
        for start in self.slab.rows.clone().step_by(SWEEP_ROWS_MAX) {
            let rows = start..self.slab.rows.end.min(start + SWEEP_ROWS_MAX);
            let lines = &self.lines[start - self.slab.rows.start..][..rows.len()];
            let part = Slab { rows, columns: self.slab.columns.clone() };
            self.part_on_device(&part, lines, device, &mut performances)?;
        }
        Ok(performances)
    }
}

impl SweepJob {
    fn part_on_device(
        &self,
        slab: &Slab,
        lines: &[Lines],
        device: &MarketDevice,
        performances: &mut Vec<Performance>,
    ) -> Result<()> {
        let sweep = &*self.sweep;
        let (rows, columns) = (slab.rows.len(), slab.columns.len());
        let sets = rows * columns;
        let numbers = self.numbers(slab);
        let bars = sweep.tape.len();
        let mut memory = Memory::default();
        let tape = memory.reserve(TAPE_COLUMNS * bars * DOUBLE);
        let row_lines = [0, 1].map(|_| memory.reserve(rows * bars * DOUBLE));
        let column_numbers =
            numbers.each_ref().map(|numbers| memory.reserve(numbers.len() * DOUBLE));
        let figures = memory.reserve(SWEEP_FIGURES * sets * DOUBLE);
        let region = device.region(&memory, "backtests")?;
        let [tape, out] = [tape, figures].map(|span| span.at(region.address()));
        for (place, column) in sweep.tape.columns().into_iter().enumerate() {
            device.upload(tape.plus(place * bars * DOUBLE), column)?;
        }
        let row_lines = row_lines.map(|span| span.at(region.address()));
        upload_lines(lines, row_lines, bars, device)?;
        let column_numbers = column_numbers.map(|span| span.at(region.address()));
        for (to, numbers) in column_numbers.into_iter().zip(&numbers) {
            device.upload(to, numbers)?;
        }
        let rule = self.rule(row_lines, column_numbers);
        let grid = DeviceGrid { rows, columns, positions: sweep.positions, out };
        let mut of_ranges = Vec::with_capacity(self.ranges.len());
        for range in &self.ranges {
            device.prices.sweep(&sweep.tape, tape, range.clone(), &rule, &grid)?;
            let mut figures = vec![0.0; SWEEP_FIGURES * sets];
            device.download(out, &mut figures)?;
            of_ranges.push(figures);
        }
        for (row, place) in slab.rows.clone().zip(0..) {
            for column in sweep.columns_of(slab, row) {
                let set = place * columns + column - slab.columns.start;
                for (figures, range) in of_ranges.iter().zip(&self.ranges) {
                    let tally = tally(|figure| figures[figure * sets + set]);
                    performances.push(Performance::of_lane(&tally, 0, range.len()));
                }
            }
        }
        Ok(())
    }

    /// What the columns have: slow averages, `[bars, columns]`, or the two numbers of each column.
    fn numbers(&self, slab: &Slab) -> [Vec<f64>; 2] {
        let columns = &self.sweep.layout.columns[slab.columns.clone()];
        let Some(lines) = &self.sweep.columns else {
            return [0, 1].map(|which| columns.iter().map(|numbers| numbers[which]).collect());
        };
        let mut by_bar = vec![0.0; self.sweep.tape.len() * columns.len()];
        for (place, column) in slab.columns.clone().enumerate() {
            let places = by_bar[place..].iter_mut().step_by(columns.len());
            for (to, value) in places.zip(lines.column(column)) {
                *to = value;
            }
        }
        [by_bar, Vec::new()]
    }

    fn rule(&self, [line, deviation]: [Address; 2], [first, second]: [Address; 2]) -> DeviceRule {
        match self.sweep.layout.strategy {
            Strategy::MaCrossover => DeviceRule::Crossing { fast: line, slow: first },
            Strategy::Bollinger => DeviceRule::Bands { middle: line, deviation, width: first },
            // Of momentum both thresholds are 0.
            Strategy::Rsi | Strategy::Momentum => {
                DeviceRule::Outside { line, low: first, high: second }
            }
        }
    }
}

/// Copies the series of rows, of which each may have a second one.
fn upload_lines(
    lines: &[Lines],
    to: [Address; 2],
    bars: usize,
    device: &MarketDevice,
) -> Result<()> {
    for (row, lines) in lines.iter().enumerate() {
        for (to, line) in to.into_iter().zip(lines) {
            if !line.is_empty() {
                device.upload(to.plus(row * bars * DOUBLE), line)?;
            }
        }
    }
    Ok(())
}

/// The figures of one set, in the first lane.
fn tally(figure: impl Fn(usize) -> f64) -> SweepTally {
    let lane = |which| {
        let mut lanes = [0.0; SWEEP_LANES];
        lanes[0] = figure(which);
        lanes
    };
    SweepTally {
        equity: lane(0),
        sum: lane(1),
        squares: lane(2),
        downside: lane(3),
        drawdown: lane(4),
        held: lane(5),
        trades: lane(6),
        closed: lane(7),
        won: lane(8),
    }
}
