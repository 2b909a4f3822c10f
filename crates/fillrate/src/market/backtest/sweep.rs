//! Every parameter set of a grid over every symbol of a panel, in order and in bounded memory.
//!
//! The sets of a symbol are cut into slabs of some ten thousand. Within a slab the lines of its rows
//! are computed once each, and tasks of eight columns (or eight rows, where those are more) by some
//! rows run on the threads of rayon's pool. What a set comes to depends on nothing but the set.

use std::ops::Range;
use std::sync::Arc;

use fillrate_kernels::{Cpu, LaneSeries, SWEEP_LANES, SweepLine, SweepRule, Tape, WindowOp};
use rayon::prelude::*;

use super::grid::Grid;
use super::layout::{Layout, too_many};
use super::lines::{self, ColumnLines, Lines};
use super::on_device::SweepJob;
use super::performance::{Metric, Performance};
use super::prepared::Prepared;
use super::strategy::{ParameterSet, Strategy};
use super::{BacktestOptions, Positions};
use crate::market::device::Computer;
use crate::market::panel::{Panel, Series};
use crate::{Error, Result};

/// The sets of a slab: their results take a few MB.
const SLAB_SETS: usize = 1 << 16;
/// The rows of a task: enough that the columns' lines are read from a near cache many times.
const TASK_ROWS: usize = 32;
/// Symbols whose grids fit a slab are computed side by side, so many at a time.
const SYMBOLS_AT_ONCE: usize = 64;
/// What one set costs per bar on one core, for estimates of whether a grid is sensible: as measured of
/// crossovers in AVX-512 (`docs/benchmarks.md`, "Sweeps and portfolios"); others and other processors
/// take a few times as long.
const NANOSECONDS_PER_BAR: f64 = 0.7;
/// The bytes of an [`Outcome`] in memory.
const OUTCOME_BYTES: u64 = size_of::<Outcome>() as u64;

/// What one parameter set came to on one symbol.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// The symbol's place in the panel.
    pub symbol: usize,
    /// The parameters.
    pub set: ParameterSet,
    /// What they came to.
    pub performance: Performance,
}

/// How much a sweep has to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The parameter sets of each symbol.
    pub sets: u64,
    /// The grid's combinations that are no parameter set and left out: a fast window that is not
    /// the shorter one, a lower threshold above the upper one.
    pub left_out: u64,
    /// The backtests: parameter sets times symbols.
    pub backtests: u64,
    /// About how long they take on one core, in seconds.
    pub core_seconds: f64,
    /// The bytes of all outcomes together; a sweep holds a few MB of them at a time.
    pub outcome_bytes: u64,
}

/// Tells how much a sweep has to do.
///
/// # Errors
///
/// If the grid does not go with the strategy, or there are more backtests than the options allow.
pub fn estimate(
    panel: &Panel,
    strategy: Strategy,
    grid: &Grid,
    options: &BacktestOptions,
) -> Result<Estimate> {
    let layout = Layout::new(strategy, grid, options.combinations_max)?;
    estimate_of(panel, &layout, options)
}

fn estimate_of(panel: &Panel, layout: &Layout, options: &BacktestOptions) -> Result<Estimate> {
    let sets = layout.len();
    let backtests = u128::from(sets) * panel.len() as u128;
    let bars = panel.bars() as f64;
    let core_seconds = sets as f64 * bars * NANOSECONDS_PER_BAR * 1e-9;
    if backtests > options.combinations_max.into() {
        let error = too_many(sets.into(), options.combinations_max);
        let message = format!(
            "{sets} parameter sets for each of {} symbols, about {core_seconds:.0} s on one core, are \
             above the limit of {} backtests",
            panel.len(),
            options.combinations_max
        );
        return Err(if panel.len() <= 1 {
            error
        } else {
            Error::Argument { name: "grid", message }
        });
    }
    let backtests = backtests as u64;
    Ok(Estimate {
        sets,
        left_out: layout.left_out(),
        backtests,
        core_seconds,
        outcome_bytes: backtests * OUTCOME_BYTES,
    })
}

/// Runs every parameter set over every symbol, on the threads of rayon's pool. `each` gets the
/// outcomes a few thousand at a time: symbol after symbol in the panel's order, the sets of a symbol
/// in rising order of their parameters, the last one rising fastest.
///
/// ```
/// use fillrate::market::backtest::{BacktestOptions, Strategy, sweep};
/// use fillrate::market::{Panel, PanelOptions};
/// use fillrate::records::{ReadOptions, Reader};
///
/// let prices = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/prices.csv");
/// let mut reader = Reader::open(prices.as_ref(), &ReadOptions::default())?;
/// let panel = Panel::read(&mut reader, &PanelOptions::default())?;
/// let grid = "fast=5:20:5,slow=10:50:10".parse()?;
/// let mut trades = 0;
/// sweep(&panel, Strategy::MaCrossover, &grid, &BacktestOptions::default(), |outcomes| {
///     trades += outcomes.iter().map(|outcome| outcome.performance.trades).sum::<u64>();
///     Ok(())
/// })?;
/// assert!(trades > 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// If the grid does not go with the strategy or has too many sets, an option is out of its range, a
/// price is not above 0, or `each` fails.
pub fn sweep(
    panel: &Panel,
    strategy: Strategy,
    grid: &Grid,
    options: &BacktestOptions,
    each: impl FnMut(&[Outcome]) -> Result<()>,
) -> Result<Estimate> {
    sweep_on(&Computer::processor(), panel, strategy, grid, options, each)
}

/// The same, with the sets run where `computer` says.
///
/// # Errors
///
/// As for [`sweep`].
pub fn sweep_on(
    computer: &Computer<SweepJob>,
    panel: &Panel,
    strategy: Strategy,
    grid: &Grid,
    options: &BacktestOptions,
    mut each: impl FnMut(&[Outcome]) -> Result<()>,
) -> Result<Estimate> {
    options.check()?;
    let layout = Arc::new(Layout::new(strategy, grid, options.combinations_max)?);
    let estimate = estimate_of(panel, &layout, options)?;
    let at_once = if layout.len() > SLAB_SETS as u64 { 1 } else { SYMBOLS_AT_ONCE };
    let symbols: Vec<usize> = (0..panel.len()).collect();
    let of = |symbol: usize| SymbolSweep::new(&panel.series(symbol), &layout, options);
    for symbols in symbols.chunks(at_once) {
        if let [symbol] = symbols {
            let sweep = Arc::new(of(*symbol)?);
            for slab in sweep.slabs(1) {
                each(&sweep.outcomes(computer, *symbol, &slab)?)?;
            }
            continue;
        }
        let of_symbol = |symbol: &usize| -> Result<Vec<Outcome>> {
            let sweep = Arc::new(of(*symbol)?);
            let slabs = sweep.slabs(1);
            let slabs: Result<Vec<_>> =
                slabs.iter().map(|slab| sweep.outcomes(computer, *symbol, slab)).collect();
            Ok(slabs?.concat())
        };
        let outcomes: Result<Vec<Vec<Outcome>>> = symbols.par_iter().map(of_symbol).collect();
        for outcomes in outcomes? {
            each(&outcomes)?;
        }
    }
    Ok(estimate)
}

/// The best `count` outcomes by a metric, the best first; of equal ones those that came first.
#[must_use]
pub fn best(mut outcomes: Vec<Outcome>, count: usize, by: Metric) -> Vec<Outcome> {
    outcomes.sort_by(|one, other| by.order(by.of(&one.performance), by.of(&other.performance)));
    outcomes.truncate(count);
    outcomes
}

/// Rows and columns whose sets are computed together.
#[derive(Clone, Debug)]
pub(super) struct Slab {
    pub(super) rows: Range<usize>,
    pub(super) columns: Range<usize>,
}

/// What the sets of a symbol share.
pub(super) struct SymbolSweep {
    pub(super) layout: Arc<Layout>,
    cpu: Cpu,
    pub(super) tape: Tape,
    pub(super) positions: Positions,
    pub(super) columns: Option<ColumnLines>,
    /// Whether the lanes are neighbouring rows of one column; else they are columns of one row.
    lanes_are_rows: bool,
    rows_max: usize,
}

impl SymbolSweep {
    pub(super) fn new(
        series: &Series<'_>,
        layout: &Arc<Layout>,
        options: &BacktestOptions,
    ) -> Result<Self> {
        let prepared = Prepared::of(series, options)?;
        let tape = prepared.tape(options)?;
        let cpu = Cpu::detect();
        let (rows, columns) = (layout.rows().len(), layout.columns.len());
        let lanes_are_rows = columns < SWEEP_LANES && columns < rows;
        let line_bytes = (2 * tape.len() * size_of::<f64>()) as u64;
        let of_columns = if layout.strategy == Strategy::MaCrossover {
            let bytes = line_bytes.saturating_mul(columns as u64);
            if bytes > options.lines_bytes_max {
                let message = format!(
                    "{columns} averages of {} bars take {bytes} bytes, above the limit of {}",
                    tape.len(),
                    options.lines_bytes_max
                );
                return Err(Error::Argument { name: "grid", message });
            }
            Some(slow_averages(&cpu, layout, &tape, lanes_are_rows)?)
        } else {
            None
        };
        let rows_max = (options.lines_bytes_max / line_bytes.max(1)).max(1) as usize;
        let (layout, positions) = (Arc::clone(layout), options.positions);
        Ok(Self { layout, cpu, tape, positions, columns: of_columns, lanes_are_rows, rows_max })
    }

    /// The number of known closes.
    pub(super) fn closes(&self) -> usize {
        self.tape.len()
    }

    /// All sets, cut so that `ranges` results of each take no more than a few MB.
    pub(super) fn slabs(&self, ranges: usize) -> Vec<Slab> {
        let (rows, columns) = (self.layout.rows().len(), self.layout.columns.len());
        let sets = (SLAB_SETS / ranges.max(1)).max(SWEEP_LANES);
        let columns_at_once = columns.min(sets.next_multiple_of(SWEEP_LANES));
        let rows_at_once = if columns_at_once < columns { 1 } else { (sets / columns).max(1) };
        let rows_at_once = rows_at_once.min(self.rows_max).next_multiple_of(
            // Whole vectors where rows are lanes.
            if self.lanes_are_rows { SWEEP_LANES } else { 1 },
        );
        let mut slabs = Vec::new();
        for row in (0..rows).step_by(rows_at_once) {
            for column in (0..columns).step_by(columns_at_once) {
                slabs.push(Slab {
                    rows: row..rows.min(row + rows_at_once),
                    columns: column..columns.min(column + columns_at_once),
                });
            }
        }
        slabs
    }

    /// The sets of a slab, in order.
    pub(super) fn sets(&self, slab: &Slab) -> Vec<ParameterSet> {
        let of_row =
            |row: usize| self.columns_of(slab, row).map(move |column| self.layout.set(row, column));
        slab.rows.clone().flat_map(of_row).collect()
    }

    fn outcomes(
        self: &Arc<Self>,
        computer: &Computer<SweepJob>,
        symbol: usize,
        slab: &Slab,
    ) -> Result<Vec<Outcome>> {
        let whole = std::iter::once(0..self.tape.len()).collect();
        let performances = computer.run(SweepJob::new(self, slab.clone(), whole)?)?;
        let sets = self.sets(slab).into_iter();
        let outcome = |(set, performance)| Outcome { symbol, set, performance };
        Ok(sets.zip(performances).map(outcome).collect())
    }

    /// The number of sets of a slab.
    pub(super) fn count(&self, slab: &Slab) -> usize {
        slab.rows.clone().map(|row| self.columns_of(slab, row).len()).sum()
    }

    /// The series of a slab's rows.
    pub(super) fn lines_of(&self, slab: &Slab) -> Result<Vec<Lines>> {
        slab.rows.clone().into_par_iter().map(|row| self.row_lines(row)).collect()
    }

    /// The columns of the slab that a row has.
    pub(super) fn columns_of(&self, slab: &Slab, row: usize) -> Range<usize> {
        let Range { start, end } = slab.columns;
        start.max(self.layout.first(row)).min(end)..end
    }

    /// Runs each set of the slab, whose rows have these series, over each range of closes: shape `[sets, ranges]`.
    pub(super) fn run(
        &self,
        slab: &Slab,
        lines: &[Lines],
        ranges: &[Range<usize>],
    ) -> Result<Vec<Performance>> {
        let mut starts = vec![0];
        for row in slab.rows.clone() {
            starts.push(starts[starts.len() - 1] + self.columns_of(slab, row).len());
        }
        let tasks = self.tasks(slab);
        let pass = |task: &Slab| self.task(slab, task, lines, ranges);
        let done: Result<Vec<Vec<Lane>>> = tasks.par_iter().map(pass).collect();
        let nothing = Performance::of(&super::performance::Account::default());
        let mut performances = vec![nothing; starts[starts.len() - 1] * ranges.len()];
        for lane in done?.into_iter().flatten() {
            let first = self.columns_of(slab, lane.row).start;
            let set = starts[lane.row - slab.rows.start] + lane.column - first;
            performances[set * ranges.len() + lane.range] = lane.performance;
        }
        Ok(performances)
    }

    /// The series of a row, taken from the columns' where those have it.
    fn row_lines(&self, row: usize) -> Result<Lines> {
        let bars = self.layout.rows()[row];
        if let Some(columns) = &self.columns {
            let known = self.layout.columns.binary_search_by(|[slow, _]| slow.total_cmp(&bars));
            if let Ok(column) = known {
                return Ok([columns.column(column), Vec::new()]);
            }
        }
        lines::of_row(&self.cpu, self.layout.strategy, bars as usize, self.tape.close())
    }

    fn tasks(&self, slab: &Slab) -> Vec<Slab> {
        let (rows_step, columns_step) = if self.lanes_are_rows {
            (SWEEP_LANES, slab.columns.len().max(1))
        } else {
            (TASK_ROWS, SWEEP_LANES)
        };
        let mut tasks = Vec::new();
        for column in slab.columns.clone().step_by(columns_step) {
            for row in slab.rows.clone().step_by(rows_step) {
                tasks.push(Slab {
                    rows: row..slab.rows.end.min(row + rows_step),
                    columns: column..slab.columns.end.min(column + columns_step),
                });
            }
        }
        tasks
    }

    fn task(
        &self,
        slab: &Slab,
        task: &Slab,
        lines: &[Lines],
        ranges: &[Range<usize>],
    ) -> Result<Vec<Lane>> {
        let of = |row: usize| &lines[row - slab.rows.start];
        let mut lanes = Vec::new();
        if self.lanes_are_rows {
            let rows = task.rows.clone();
            let of_lanes = |which: usize| {
                let lines: Vec<&[f64]> = rows.clone().map(|row| &of(row)[which][..]).collect();
                let bars = lines[0].len();
                LaneSeries::new(bars, &lines)
            };
            let row_lines = [of_lanes(0)?, of_lanes(1)?];
            let row_lines = [SweepLine::Each(&row_lines[0]), SweepLine::Each(&row_lines[1])];
            for column in task.columns.clone() {
                let cells: Vec<_> = rows.clone().map(|row| (row, column)).collect();
                self.pass(&cells, row_lines, ranges, &mut lanes)?;
            }
        } else {
            for row in task.rows.clone() {
                if self.columns_of(task, row).is_empty() {
                    continue;
                }
                let row_lines = of(row);
                let row_lines = [SweepLine::Same(&row_lines[0]), SweepLine::Same(&row_lines[1])];
                let cells: Vec<_> = task.columns.clone().map(|column| (row, column)).collect();
                self.pass(&cells, row_lines, ranges, &mut lanes)?;
            }
        }
        lanes.retain(|lane| self.columns_of(slab, lane.row).contains(&lane.column));
        Ok(lanes)
    }

    /// Runs the sets at up to eight (row, column), of which neighbours differ in one of the two.
    fn pass(
        &self,
        cells: &[(usize, usize)],
        row_lines: [SweepLine<'_>; 2],
        ranges: &[Range<usize>],
        lanes: &mut Vec<Lane>,
    ) -> Result<()> {
        let (_, column) = cells[0];
        let mut numbers = [[0.0; SWEEP_LANES]; 2];
        for (lane, (_, column)) in cells.iter().enumerate() {
            for (number, value) in numbers.iter_mut().zip(self.layout.columns[*column]) {
                number[lane] = value;
            }
        }
        let [first, second] = numbers;
        let [line, deviation] = row_lines;
        let rule = match self.layout.strategy {
            Strategy::MaCrossover => {
                let slow = match &self.columns {
                    Some(ColumnLines::Blocks(blocks)) => {
                        SweepLine::Each(&blocks[column / SWEEP_LANES])
                    }
                    Some(ColumnLines::Series(series)) => SweepLine::Same(&series[column]),
                    None => unreachable!("a crossover has slow averages"),
                };
                SweepRule::Crossing { fast: line, slow }
            }
            Strategy::Bollinger => SweepRule::Bands { middle: line, deviation, width: first },
            // Of momentum both thresholds are 0.
            Strategy::Rsi | Strategy::Momentum => {
                SweepRule::Outside { line, low: first, high: second }
            }
        };
        for (range, closes) in ranges.iter().enumerate() {
            let tally = self.cpu.sweep(&self.tape, closes.clone(), &rule, self.positions)?;
            for (lane, (row, column)) in cells.iter().enumerate() {
                let performance = Performance::of_lane(&tally, lane, closes.len());
                lanes.push(Lane { row: *row, column: *column, range, performance });
            }
        }
        Ok(())
    }
}

/// What a lane of a pass came to.
struct Lane {
    row: usize,
    column: usize,
    range: usize,
    performance: Performance,
}

fn slow_averages(
    cpu: &Cpu,
    layout: &Layout,
    tape: &Tape,
    lanes_are_rows: bool,
) -> Result<ColumnLines> {
    let average = |[slow, _]: &[f64; 2]| -> Result<Vec<f64>> {
        let mut line = vec![0.0; tape.len()];
        cpu.window(WindowOp::Mean, tape.close(), *slow as usize, &mut [&mut line])?;
        Ok(line)
    };
    let series: Result<Vec<Vec<f64>>> = layout.columns.par_iter().map(average).collect();
    if lanes_are_rows {
        return Ok(ColumnLines::Series(series?));
    }
    ColumnLines::blocks(&series?, tape.len())
}
