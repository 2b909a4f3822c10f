//! Backtests of many parameter sets.

use std::ops::Range;

use super::CudaPrices;
use crate::cpu::sweep::{OrderFill, Positions, Tape};
use crate::cuda::{Address, Argument, Launch};
use crate::{Error, Result};

/// The threads of a block: neighbouring columns of one row.
const SWEEP_THREADS: u32 = 128;

/// The most rows of a launch, which are a grid's second dimension.
///
/// Source: CUDA C++ Programming Guide, table of compute capabilities.
pub const SWEEP_ROWS_MAX: usize = 65_535;

/// What is added up of each set: the fields of [`SweepTally`](crate::SweepTally), in their order.
pub const SWEEP_FIGURES: usize = 9;

/// The columns of a tape on a device.
pub const TAPE_COLUMNS: usize = 8;

/// When the sets of a grid ask for a position: [`SweepRule`](crate::SweepRule) for rows and columns. A
/// row has lines, f64 `[rows, bars]`; a column has numbers, f64 `[columns]`, or a line.
#[derive(Clone, Copy, Debug)]
pub enum DeviceRule {
    /// Long where the row's line has come to lie above the column's.
    Crossing {
        /// The rows' lines.
        fast: Address,
        /// The columns' lines, f64 `[bars, columns]`.
        slow: Address,
    },
    /// Long where the row's line is below the column's lower threshold, flat or short above the upper.
    Outside {
        /// The rows' lines.
        line: Address,
        /// The lower thresholds.
        low: Address,
        /// The upper thresholds.
        high: Address,
    },
    /// Long where the close is below the row's lower band, flat or short above the upper.
    Bands {
        /// The middles of the rows' bands.
        middle: Address,
        /// The deviations that widths count in, of each row.
        deviation: Address,
        /// The columns' widths.
        width: Address,
    },
}

/// The sets of a sweep on a device, and where their figures go.
#[derive(Clone, Copy, Debug)]
pub struct DeviceGrid {
    /// At most [`SWEEP_ROWS_MAX`].
    pub rows: usize,
    /// The columns.
    pub columns: usize,
    /// What the accounts may hold.
    pub positions: Positions,
    /// f64 `[SWEEP_FIGURES, rows * columns]`.
    pub out: Address,
}

impl CudaPrices {
    /// [`Cpu::sweep`](crate::Cpu::sweep) of every row with every column, over `bars` of `tape`, whose
    /// columns ([`Tape::columns`]) lie one after another at `on_device`, f64 `[TAPE_COLUMNS, bars]`.
    ///
    /// # Errors
    ///
    /// If the range does not fit the tape, there are too many rows, or the device fails.
    pub fn sweep(
        &self,
        tape: &Tape,
        on_device: Address,
        bars: Range<usize>,
        rule: &DeviceRule,
        grid: &DeviceGrid,
    ) -> Result<()> {
        if bars.start > bars.end || bars.end > tape.len() || grid.rows > SWEEP_ROWS_MAX {
            let expected = format!("{} bars and {SWEEP_ROWS_MAX} rows at most", tape.len());
            let got = format!("{bars:?} and {} rows", grid.rows);
            return Err(Error::Shape { op: "sweep", expected, got });
        }
        if grid.rows == 0 || grid.columns == 0 {
            return Ok(());
        }
        let terms = tape.terms();
        let mut arguments = vec![
            Argument::Address(on_device),
            Argument::Count(tape.len() as u64),
            Argument::Double(terms.rate),
            Argument::Double(terms.fee),
            Argument::Count(bars.start as u64),
            Argument::Count(bars.end as u64),
            Argument::Int(i32::from(terms.fill == OrderFill::NextOpen)),
            Argument::Int(i32::from(grid.positions == Positions::LongShort)),
            Argument::Address(grid.out),
            Argument::size(grid.columns),
        ];
        let (kernel, of_rule) = match *rule {
            DeviceRule::Crossing { fast, slow } => ("sweep_crossing", vec![fast, slow]),
            DeviceRule::Outside { line, low, high } => ("sweep_outside", vec![line, low, high]),
            DeviceRule::Bands { middle, deviation, width } => {
                ("sweep_bands", vec![middle, deviation, width])
            }
        };
        arguments.extend(of_rule.into_iter().map(Argument::Address));
        let blocks = grid.columns.div_ceil(SWEEP_THREADS as usize) as u32;
        self.queue.launch(&Launch {
            kernel,
            grid: [blocks, grid.rows as u32, 1],
            threads: SWEEP_THREADS,
            shared_bytes: 0,
            arguments: &arguments,
        })
    }
}
