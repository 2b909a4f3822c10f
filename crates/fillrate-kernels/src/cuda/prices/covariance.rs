//! Covariances of windows, and returns of portfolios.

use std::ops::Range;

use super::{CudaPrices, GRID_Y_MAX, THREADS};
use crate::cpu::covariance::{CovarianceSum, powers, triangle};
use crate::cuda::{Address, Argument, Launch};
use crate::{Error, Result};

/// The symbols on each side of a block's tile; `COVARIANCE_SIDE` in `covariance.cu`.
const COVARIANCE_SIDE: usize = 16;

/// The dates in shared memory at a time; `COVARIANCE_DATES` there.
const COVARIANCE_DATES: usize = 32;

/// The threads that share a mean; `DATE_SUMS` there.
const DATE_SUMS: usize = 8;

/// The portfolios of a thread; `PORTFOLIOS_PER_THREAD` there.
const PORTFOLIOS_PER_THREAD: usize = 8;

/// The most symbols of a covariance on a device: as many as their pairs of tiles can be counted.
pub const DEVICE_SYMBOLS_MAX: usize = 1 << 19;

/// The returns of some symbols at the same dates, in device memory.
#[derive(Clone, Copy, Debug)]
pub struct DeviceReturns {
    /// f64 `[symbols, dates]`.
    pub values: Address,
    /// The number of symbols.
    pub symbols: usize,
    /// The number of returns of each.
    pub dates: usize,
}

/// Windows of dates, in device memory.
#[derive(Clone, Copy, Debug)]
pub struct DeviceDates {
    /// u64 `[windows, 2]`: the first date of each, and how many it has, of those that there are.
    pub bounds: Address,
    /// The number of windows.
    pub windows: usize,
    /// The dates of the longest.
    pub longest: usize,
}

impl DeviceDates {
    /// What lies at [`Self::bounds`].
    #[must_use]
    pub fn bounds(windows: &[Range<usize>]) -> Vec<u64> {
        windows.iter().flat_map(|window| [window.start as u64, window.len() as u64]).collect()
    }
}

impl CudaPrices {
    /// The memory that [`Self::covariances`] works in, of so many windows, of which the longest has so
    /// many dates.
    #[must_use]
    pub fn covariance_scratch_bytes(symbols: usize, windows: usize, longest: usize) -> usize {
        // The means of each window's symbols, or the powers of a decay.
        (windows * symbols).max(longest) * size_of::<f64>()
    }

    /// [`Cpu::covariances`](crate::Cpu::covariances) of windows; `out` becomes f64 `[windows, triangle]`,
    /// and `scratch` has [`Self::covariance_scratch_bytes`].
    ///
    /// # Errors
    ///
    /// If there are more than [`DEVICE_SYMBOLS_MAX`] symbols, or the device fails.
    pub fn covariances(
        &self,
        returns: &DeviceReturns,
        dates: &DeviceDates,
        sum: CovarianceSum,
        out: Address,
        scratch: Address,
    ) -> Result<()> {
        let symbols = returns.symbols;
        if symbols > DEVICE_SYMBOLS_MAX {
            let expected = format!("at most {DEVICE_SYMBOLS_MAX} symbols");
            return Err(Error::Shape { op: "covariances", expected, got: symbols.to_string() });
        }
        if symbols == 0 || dates.windows == 0 {
            return Ok(());
        }
        match sum {
            CovarianceSum::Centred { .. } => self.window_means(returns, dates, scratch)?,
            CovarianceSum::Weighted { decay } => {
                let powers = powers(decay, dates.longest);
                let bytes: Vec<u8> = powers.iter().flat_map(|power| power.to_le_bytes()).collect();
                self.queue.upload(scratch, &bytes)?;
            }
        }
        let tiles = symbols.div_ceil(COVARIANCE_SIDE);
        let values_per_side = COVARIANCE_SIDE * (COVARIANCE_DATES + 1);
        for first in (0..dates.windows).step_by(GRID_Y_MAX) {
            let count = GRID_Y_MAX.min(dates.windows - first) as u32;
            let (kernel, table, number) = match sum {
                CovarianceSum::Centred { less } => {
                    let means = scratch.plus(first * symbols * size_of::<f64>());
                    ("covariance_centred", means, less as f64)
                }
                CovarianceSum::Weighted { decay } => ("covariance_weighted", scratch, decay),
            };
            self.queue.launch(&Launch {
                kernel,
                grid: [(tiles * tiles) as u32, count, 1],
                threads: (COVARIANCE_SIDE * COVARIANCE_SIDE) as u32,
                shared_bytes: (2 * values_per_side * size_of::<f64>()) as u32,
                arguments: &[
                    Argument::Address(returns.values),
                    Argument::Address(dates.bounds.plus(2 * first * size_of::<u64>())),
                    Argument::Address(out.plus(first * triangle(symbols) * size_of::<f64>())),
                    Argument::size(symbols),
                    Argument::Count(returns.dates as u64),
                    Argument::Address(table),
                    Argument::Double(number),
                ],
            })?;
        }
        Ok(())
    }

    fn window_means(
        &self,
        returns: &DeviceReturns,
        dates: &DeviceDates,
        means: Address,
    ) -> Result<()> {
        let count = dates.windows * returns.symbols;
        let blocks = u32::try_from((count * DATE_SUMS).div_ceil(THREADS as usize));
        let blocks = blocks.map_err(|_| Error::Shape {
            op: "covariances",
            expected: "fewer windows and symbols".to_owned(),
            got: format!("{count} means"),
        })?;
        self.queue.launch(&Launch {
            kernel: "window_means",
            grid: [blocks, 1, 1],
            threads: THREADS,
            shared_bytes: THREADS * size_of::<f64>() as u32,
            arguments: &[
                Argument::Address(returns.values),
                Argument::Address(dates.bounds),
                Argument::Address(means),
                Argument::Count(count as u64),
                Argument::size(returns.symbols),
                Argument::Count(returns.dates as u64),
            ],
        })
    }

    /// [`Cpu::portfolio_returns`](crate::Cpu::portfolio_returns) of `portfolios` of them; `weights` is f64
    /// `[portfolios, symbols]`, and `out` becomes f64 `[portfolios, dates]`.
    ///
    /// # Errors
    ///
    /// If the device fails.
    pub fn portfolio_returns(
        &self,
        returns: &DeviceReturns,
        weights: Address,
        portfolios: usize,
        out: Address,
    ) -> Result<()> {
        let DeviceReturns { values, symbols, dates } = *returns;
        let blocks = dates.div_ceil(THREADS as usize) as u32;
        if blocks == 0 {
            return Ok(());
        }
        let most = GRID_Y_MAX * PORTFOLIOS_PER_THREAD;
        for first in (0..portfolios).step_by(most) {
            let count = most.min(portfolios - first);
            let groups = count.div_ceil(PORTFOLIOS_PER_THREAD) as u32;
            self.queue.launch(&Launch {
                kernel: "portfolio_returns",
                grid: [blocks, groups, 1],
                threads: THREADS,
                shared_bytes: 0,
                arguments: &[
                    Argument::Address(values),
                    Argument::Address(weights.plus(first * symbols * size_of::<f64>())),
                    Argument::Address(out.plus(first * dates * size_of::<f64>())),
                    Argument::Count(count as u64),
                    Argument::size(symbols),
                    Argument::Count(dates as u64),
                ],
            })?;
        }
        Ok(())
    }
}
