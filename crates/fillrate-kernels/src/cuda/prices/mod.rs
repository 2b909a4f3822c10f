//! The ops over prices on a device: launches of the kernels of [`Program::Prices`].
//!
//! Each gives what its twin of [`Cpu`](crate::Cpu) gives, to the bit: the kernels are the twins'
//! operations in their order, and neither side contracts a product and a sum.

mod american;
mod bars;
mod covariance;
mod moments;
mod options;
mod paths;
mod recurrence;
mod risk;
mod samples;
mod sweep;
mod wave_tables;
mod waves;
mod window;

use std::sync::Arc;

pub use american::{AMERICAN_RESULTS, AMERICAN_TERMS, DevicePuts};
pub use bars::{DeviceSignal, StochasticWindows};
pub use covariance::{DEVICE_SYMBOLS_MAX, DeviceDates, DeviceReturns};
pub use moments::{CHUNK_MOMENTS, DeviceRanges};
pub use options::OPTION_TERMS;
pub use paths::DevicePaths;
pub use risk::DeviceRisk;
pub use samples::{DeviceSamples, SAMPLE_TERMS};
pub use sweep::{DeviceGrid, DeviceRule, SWEEP_FIGURES, SWEEP_ROWS_MAX, TAPE_COLUMNS};
pub use wave_tables::{
    WaveForm, WaveLook, WaveMeasure, WaveRule, WaveTables, WaveTarget, WaveTerm,
};
pub use waves::{DeviceBars, DeviceWaves, SWING_HIGH, SWING_LOW, SurrogateTerms, WAVE_SERIES_MAX};
pub use window::{DEVICE_WINDOW_BARS_MAX, DeviceWindow};

use super::{Address, Argument, Launch, Program, Queue};
use crate::{Error, Result};

/// The threads of a block of a kernel whose threads have nothing to do with each other.
const THREADS: u32 = 256;

/// The most blocks of a grid in its second dimension.
///
/// Source: CUDA C++ Programming Guide, table of compute capabilities.
const GRID_Y_MAX: usize = 65_535;

/// The ops over prices, on one queue of a device. As those of [`Cuda`](super::Cuda), they append work
/// over addresses that somebody else laid out.
#[derive(Clone)]
pub struct CudaPrices {
    queue: Arc<dyn Queue>,
}

/// Series without missing values, one after another in a column of f64.
#[derive(Clone, Copy, Debug)]
pub struct DeviceSeries {
    /// u64 `[series + 1]`: where each begins in the column, and the end of the last.
    pub starts: Address,
    /// The number of series.
    pub series: usize,
    /// The values of the longest.
    pub longest: usize,
    /// The values of all of them.
    pub values: usize,
}

impl CudaPrices {
    /// The ops of the kernels that `queue` runs.
    ///
    /// # Errors
    ///
    /// If they are not those of [`Program::Prices`].
    pub fn new(queue: Arc<dyn Queue>) -> Result<Self> {
        if queue.program() == Program::Prices {
            return Ok(Self { queue });
        }
        let (expected, got) = (format!("{:?}", Program::Prices), format!("{:?}", queue.program()));
        Err(Error::Shape { op: "prices", expected, got })
    }

    /// The queue.
    #[must_use]
    pub fn queue(&self) -> &dyn Queue {
        &*self.queue
    }

    /// Launches a kernel with a thread for each of `count` things, if there are any.
    fn for_each(&self, kernel: &'static str, count: usize, arguments: &[Argument]) -> Result<()> {
        if count == 0 {
            return Ok(());
        }
        let blocks = u32::try_from(count.div_ceil(THREADS as usize)).map_err(|_| Error::Shape {
            op: kernel,
            expected: format!("at most 2³² blocks of {THREADS}"),
            got: count.to_string(),
        })?;
        let (grid, threads) = ([blocks, 1, 1], THREADS);
        self.queue.launch(&Launch { kernel, grid, threads, shared_bytes: 0, arguments })
    }

    /// Launches a kernel with a thread for each bar of each series; its first argument is where they
    /// begin.
    fn for_each_bar(
        &self,
        kernel: &'static str,
        series: &DeviceSeries,
        arguments: &[Argument],
    ) -> Result<()> {
        let blocks = series.longest.div_ceil(THREADS as usize) as u32;
        if blocks == 0 {
            return Ok(());
        }
        for first in (0..series.series).step_by(GRID_Y_MAX) {
            let count = GRID_Y_MAX.min(series.series - first) as u32;
            let starts = Argument::Address(series.starts.plus(first * size_of::<u64>()));
            let arguments: Vec<Argument> =
                std::iter::once(starts).chain(arguments.iter().copied()).collect();
            self.queue.launch(&Launch {
                kernel,
                grid: [blocks, count, 1],
                threads: THREADS,
                shared_bytes: 0,
                arguments: &arguments,
            })?;
        }
        Ok(())
    }
}
