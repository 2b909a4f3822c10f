//! Rolling windows.

use super::{CudaPrices, DeviceSeries, GRID_Y_MAX};
use crate::cpu::window::{WindowOp, check_bars, weights_sum};
use crate::cuda::{Address, Argument, Launch};
use crate::{Error, Result};

/// The outputs of a block; `WINDOW_TILE` in `window.cu`.
const WINDOW_TILE: usize = 512;

/// The threads of a block; `WINDOW_THREADS` there.
const WINDOW_THREADS: u32 = 256;

/// The shared memory that every GPU grants a block without being asked.
///
/// Source: CUDA C++ Programming Guide, table of compute capabilities.
const SHARED_BYTES: usize = 48 << 10;

/// The most values of a window that fits a block's shared memory; longer ones are joined in the device's.
pub const DEVICE_WINDOW_BARS_MAX: usize = SHARED_BYTES / (5 * size_of::<f64>()) - WINDOW_TILE + 1;

/// The windows over a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceWindow {
    /// The values of a full window, from 1 to [`WINDOW_BARS_MAX`](crate::WINDOW_BARS_MAX).
    pub bars: usize,
    /// From how many values on a window that is not full gives an answer, from 1 to `bars`.
    pub min_bars: usize,
    /// The values at the start of each series that are left out, and answered with NaN.
    pub skip: usize,
}

impl DeviceWindow {
    /// Full windows over whole series.
    #[must_use]
    pub const fn full(bars: usize) -> Self {
        Self { bars, min_bars: bars, skip: 0 }
    }

    /// The values of a series before the first answer.
    #[must_use]
    pub const fn warm_up(&self) -> usize {
        self.skip + self.min_bars - 1
    }

    fn check(&self) -> Result<()> {
        let Self { bars, min_bars, skip } = *self;
        let op = "window";
        check_bars(op, bars)?;
        if !(1..=bars).contains(&min_bars) || i32::try_from(skip).is_err() {
            let expected = format!("an answer from 1 to {bars} values on");
            return Err(Error::Shape { op, expected, got: format!("{min_bars} after {skip}") });
        }
        Ok(())
    }
}

impl CudaPrices {
    /// The columns, f64 `[values]`, of the scratch memory of [`Self::window`]: none for windows that fit a
    /// block's shared memory.
    #[must_use]
    pub const fn window_scratch_columns(op: WindowOp, bars: usize) -> usize {
        if bars <= DEVICE_WINDOW_BARS_MAX { 0 } else { 3 * numbers(op) }
    }

    /// [`Cpu::window`](crate::Cpu::window) over every series of `x`, f64 `[values]`; `out` becomes
    /// `[outputs, values]`. Windows that are not full give what [`WindowStream`](crate::WindowStream)
    /// gives.
    ///
    /// # Errors
    ///
    /// If a length is out of its range, or the device fails.
    pub fn window(
        &self,
        op: WindowOp,
        window: DeviceWindow,
        x: Address,
        series: &DeviceSeries,
        scratch: Address,
        out: Address,
    ) -> Result<()> {
        window.check()?;
        if window.bars > DEVICE_WINDOW_BARS_MAX {
            return self.long_window(op, window, x, series, scratch, out);
        }
        let DeviceWindow { bars, min_bars, skip } = window;
        let kernel = match op {
            WindowOp::Mean => "window_mean",
            WindowOp::WeightedMean => "window_weighted_mean",
            WindowOp::Min => "window_min",
            WindowOp::Max => "window_max",
            WindowOp::Deviation => "window_deviation",
            WindowOp::ZScore => "window_z_score",
            WindowOp::Bands { .. } => "window_bands",
        };
        let tiles = series.longest.div_ceil(WINDOW_TILE) as u32;
        if tiles == 0 {
            return Ok(());
        }
        for first in (0..series.series).step_by(GRID_Y_MAX) {
            let count = GRID_Y_MAX.min(series.series - first) as u32;
            let mut arguments = vec![
                Argument::Address(x),
                Argument::Address(series.starts.plus(first * size_of::<u64>())),
                Argument::Address(out),
                Argument::Count(series.values as u64),
                Argument::size(skip),
                Argument::size(bars),
                Argument::size(min_bars),
                Argument::Double(factor(op, bars)),
            ];
            if let WindowOp::Bands { width } = op {
                arguments.push(Argument::Double(width));
            }
            self.queue.launch(&Launch {
                kernel,
                grid: [tiles, count, 1],
                threads: WINDOW_THREADS,
                shared_bytes: shared_bytes(op, bars) as u32,
                arguments: &arguments,
            })?;
        }
        Ok(())
    }

    /// A window that does not fit a block's shared memory, with a launch for each doubling.
    fn long_window(
        &self,
        op: WindowOp,
        DeviceWindow { bars, min_bars, skip }: DeviceWindow,
        x: Address,
        series: &DeviceSeries,
        scratch: Address,
        out: Address,
    ) -> Result<()> {
        let values = Argument::Count(series.values as u64);
        let place = |which| scratch.plus(which * numbers(op) * series.values * size_of::<f64>());
        let (mut present, mut next, joined) = (place(0), place(1), place(2));
        let mut size = 1;
        while size <= bars {
            let columns = [x, present, next, joined].map(Argument::Address);
            let rest = [values, Argument::size(skip), Argument::size(bars), Argument::size(size)];
            let arguments = [&columns[..], &rest, &[Argument::Int(number(op))]].concat();
            self.for_each_bar("long_window_level", series, &arguments)?;
            std::mem::swap(&mut present, &mut next);
            size *= 2;
        }
        let columns = [x, joined, out].map(Argument::Address);
        let sizes = [skip, bars, min_bars].map(Argument::size);
        let width = if let WindowOp::Bands { width } = op { width } else { 0.0 };
        let numbers = [factor(op, bars), width].map(Argument::Double);
        let op = Argument::Int(number(op));
        let arguments = [&columns[..], &[values], &sizes, &numbers, &[op]].concat();
        self.for_each_bar("long_window_finish", series, &arguments)
    }
}

/// What the outputs of a full window are scaled by.
fn factor(op: WindowOp, bars: usize) -> f64 {
    match op {
        WindowOp::Min | WindowOp::Max => 1.0,
        WindowOp::WeightedMean => weights_sum(bars).recip(),
        _ => 1.0 / bars as f64,
    }
}

/// An op's number in `long_window.cu`.
const fn number(op: WindowOp) -> i32 {
    match op {
        WindowOp::Mean => 0,
        WindowOp::WeightedMean => 1,
        WindowOp::Min => 2,
        WindowOp::Max => 3,
        WindowOp::Deviation => 4,
        WindowOp::ZScore => 5,
        WindowOp::Bands { .. } => 6,
    }
}

/// The numbers that say of a window what is asked.
const fn numbers(op: WindowOp) -> usize {
    match op {
        WindowOp::Mean | WindowOp::Min | WindowOp::Max => 1,
        _ => 2,
    }
}

/// The shared memory of a block: its values, and twice what is known of the window at each.
const fn shared_bytes(op: WindowOp, bars: usize) -> usize {
    (1 + 2 * numbers(op)) * (WINDOW_TILE + bars - 1) * size_of::<f64>()
}
