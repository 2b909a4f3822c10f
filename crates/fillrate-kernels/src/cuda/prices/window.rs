//! Rolling windows.

use super::{CudaPrices, DeviceSeries, GRID_Y_MAX};
use crate::cpu::window::{WindowOp, weights_sum};
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

/// The most values of a window on a device: longer ones do not fit a block's shared memory, and are the
/// processor's.
pub const DEVICE_WINDOW_BARS_MAX: usize = SHARED_BYTES / (5 * size_of::<f64>()) - WINDOW_TILE + 1;

/// The windows over a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceWindow {
    /// The values of a full window, from 1 to [`DEVICE_WINDOW_BARS_MAX`].
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
        let (op, max) = ("window", DEVICE_WINDOW_BARS_MAX);
        if !(1..=max).contains(&bars) {
            let expected = format!("a window of 1 to {max} values");
            return Err(Error::Shape { op, expected, got: bars.to_string() });
        }
        if !(1..=bars).contains(&min_bars) || i32::try_from(skip).is_err() {
            let expected = format!("an answer from 1 to {bars} values on");
            return Err(Error::Shape { op, expected, got: format!("{min_bars} after {skip}") });
        }
        Ok(())
    }
}

impl CudaPrices {
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
        out: Address,
    ) -> Result<()> {
        window.check()?;
        let DeviceWindow { bars, min_bars, skip } = window;
        let reciprocal = 1.0 / bars as f64;
        let (kernel, factor, width) = match op {
            WindowOp::Mean => ("window_mean", reciprocal, None),
            WindowOp::WeightedMean => ("window_weighted_mean", weights_sum(bars).recip(), None),
            WindowOp::Min => ("window_min", 1.0, None),
            WindowOp::Max => ("window_max", 1.0, None),
            WindowOp::Deviation => ("window_deviation", reciprocal, None),
            WindowOp::ZScore => ("window_z_score", reciprocal, None),
            WindowOp::Bands { width } => ("window_bands", reciprocal, Some(width)),
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
                Argument::Double(factor),
            ];
            arguments.extend(width.map(Argument::Double));
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
}

/// The shared memory of a block: its values, and twice what is known of the window at each.
const fn shared_bytes(op: WindowOp, bars: usize) -> usize {
    let numbers = match op {
        WindowOp::Mean | WindowOp::Min | WindowOp::Max => 1,
        _ => 2,
    };
    (1 + 2 * numbers) * (WINDOW_TILE + bars - 1) * size_of::<f64>()
}
