//! Rolling windows.

use super::{CudaPrices, DeviceSeries};
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

/// The most blocks of a grid in its second dimension.
///
/// Source: CUDA C++ Programming Guide, table of compute capabilities.
const GRID_Y_MAX: usize = 65_535;

impl CudaPrices {
    /// [`Cpu::window`](crate::Cpu::window) over every series of `x`, f64 `[values]`; `out` becomes
    /// `[outputs, values]`.
    ///
    /// # Errors
    ///
    /// If `bars` is 0 or above [`DEVICE_WINDOW_BARS_MAX`], or the device fails.
    pub fn window(
        &self,
        op: WindowOp,
        bars: usize,
        x: Address,
        series: &DeviceSeries,
        out: Address,
    ) -> Result<()> {
        if !(1..=DEVICE_WINDOW_BARS_MAX).contains(&bars) {
            let expected = format!("a window of 1 to {DEVICE_WINDOW_BARS_MAX} values");
            return Err(Error::Shape { op: "window", expected, got: bars.to_string() });
        }
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
                Argument::size(bars),
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
