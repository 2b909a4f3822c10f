//! Elliott waves of many series of as many bars.
//!
//! The order of work is that of the methods: bars, pivots, waves counted and summed, waves written,
//! patterns searched. The twin of all of it is `fillrate::waves`.

use super::CudaPrices;
use super::wave_tables::WaveTables;
use crate::cuda::{Address, Argument, Launch};
use crate::{Error, Result};

/// The places that a block sums; `WAVE_TILE` in `waves.cu`.
const WAVE_TILE: usize = 1024;

/// The threads of such a block; `TILE_THREADS` there.
const TILE_THREADS: u32 = 256;

/// The threads of a block that searches; `SEARCH_THREADS` there.
const SEARCH_THREADS: u32 = 128;

/// What they share; `Shared` there, in whole 16 bytes.
const SEARCH_SHARED_BYTES: u32 = 32;

/// First waves that a block searches, about: some for each thread, so that those which are done soon take
/// more.
const WAVES_PER_BLOCK: u64 = 8 * SEARCH_THREADS as u64;

/// The most series of a launch, which are a grid's second dimension.
///
/// Source: CUDA C++ Programming Guide, table of compute capabilities.
pub const WAVE_SERIES_MAX: usize = 65_535;

/// A bar that is a swing high, in a column of pivots.
pub const SWING_HIGH: u8 = 1;

/// One that is a swing low. A bar can be both.
pub const SWING_LOW: u8 = 2;

/// Series of as many bars.
#[derive(Clone, Copy, Debug)]
pub struct DeviceBars {
    /// f64 `[series, bars]`.
    pub high: Address,
    /// f64 `[series, bars]`.
    pub low: Address,
    /// u8 `[series, bars]`: [`SWING_HIGH`] and [`SWING_LOW`].
    pub pivots: Address,
    /// At most [`WAVE_SERIES_MAX`].
    pub series: usize,
    /// The bars of each, at most 2²⁸.
    pub bars: usize,
}

/// The waves of such series.
#[derive(Clone, Copy, Debug)]
pub struct DeviceWaves {
    /// u32 `[series, 2, bars]` and one more: where the waves up from each bar begin in `starts` and `ends`,
    /// then those down, and the end of the last.
    pub begins: Address,
    /// u32 `[waves]`, the bar that each begins at.
    pub starts: Address,
    /// u32 `[waves]`, the bar that each ends at.
    pub ends: Address,
    /// How many there are.
    pub waves: u64,
}

/// What every way to make surrogates takes; see `fillrate::waves::SurrogateMethod`.
#[derive(Clone, Copy, Debug)]
pub struct SurrogateTerms {
    /// High, low and close of the first bar.
    pub first: [f64; 3],
    /// The place of the random numbers in each surrogate's sequence.
    pub seed: u64,
    /// The seed of the first surrogate's sequence; that of each later one is one more.
    pub key: u64,
    /// u32 `[1]`, which is 0 and becomes 1 if a price leaves the range of those that are searched.
    pub fault: Address,
}

impl SurrogateTerms {
    fn arguments(&self, bars: &DeviceBars) -> Vec<Argument> {
        let mut arguments = vec![
            Argument::Address(bars.high),
            Argument::Address(bars.low),
            Argument::Address(self.fault),
            Argument::Count(self.seed),
            Argument::Count(self.key),
            Argument::size(bars.series),
            Argument::size(bars.bars),
        ];
        arguments.extend(self.first.map(Argument::Double));
        arguments
    }
}

impl CudaPrices {
    /// Surrogates of a series by the stationary bootstrap, into the highs and lows of `bars`. `steps`, f64
    /// `[bars - 1, 4]`, has open, high, low and close of each later bar of the original as multiples of the
    /// close before; `run_ends` is the chance that a run of bars ends.
    ///
    /// # Errors
    ///
    /// If there are too many series, or the device fails.
    pub fn wave_blocks(
        &self,
        terms: &SurrogateTerms,
        bars: &DeviceBars,
        steps: Address,
        run_ends: f64,
    ) -> Result<()> {
        bars.check()?;
        let mut arguments = terms.arguments(bars);
        arguments.extend([Argument::Address(steps), Argument::Double(run_ends)]);
        self.for_each("wave_blocks", bars.series, &arguments)
    }

    /// Surrogates by geometric Brownian motion, whose logarithm moves by `drift` and `volatility` a bar.
    ///
    /// # Errors
    ///
    /// As [`Self::wave_blocks`].
    pub fn wave_diffusions(
        &self,
        terms: &SurrogateTerms,
        bars: &DeviceBars,
        drift: f64,
        volatility: f64,
    ) -> Result<()> {
        bars.check()?;
        let mut arguments = terms.arguments(bars);
        arguments.extend([drift, volatility].map(Argument::Double));
        self.for_each("wave_diffusions", bars.series, &arguments)
    }

    /// Finds the swing highs and lows of a degree, into the pivots of `bars`. With `open_ends` the first
    /// and the last bar of each series are both.
    ///
    /// # Errors
    ///
    /// If the degree is 0, there are too many series, or the device fails.
    pub fn wave_pivots(&self, bars: &DeviceBars, degree: usize, open_ends: bool) -> Result<()> {
        bars.check()?;
        if degree == 0 {
            let (expected, got) = ("a degree from 1 on".to_owned(), degree.to_string());
            return Err(Error::Shape { op: "wave_pivots", expected, got });
        }
        self.for_each(
            "wave_pivots",
            bars.series * bars.bars,
            &[
                Argument::Address(bars.high),
                Argument::Address(bars.low),
                Argument::Address(bars.pivots),
                Argument::Count((bars.series * bars.bars) as u64),
                Argument::size(bars.bars),
                // No bar has more neighbours.
                Argument::size(degree.min(bars.bars)),
                Argument::Int(i32::from(open_ends)),
            ],
        )
    }

    /// The bytes that [`Self::count_waves`] works in.
    #[must_use]
    pub const fn wave_scratch_bytes(series: usize, bars: usize) -> usize {
        (tiles(series, bars) + 1) * size_of::<u64>()
    }

    /// Counts the waves of each bar and sums them up: `begins` becomes u32 `[series, 2, bars]` and one
    /// more, see [`DeviceWaves::begins`]. The number of all waves, u64, lies in the last 8 bytes of
    /// `scratch`; `begins` is of no use if it is above 2³² − 1.
    ///
    /// # Errors
    ///
    /// If there are too many series, or the device fails.
    pub fn count_waves(&self, bars: &DeviceBars, begins: Address, scratch: Address) -> Result<()> {
        bars.check()?;
        let places = bars.places();
        if places == 0 {
            return self.queue.upload(scratch, &[0; size_of::<u64>()]);
        }
        let size = Argument::Count(places as u64);
        let [high, low, pivots] = bars.columns();
        let counted =
            [high, low, pivots, Argument::Address(begins), size, Argument::size(bars.bars)];
        self.for_each("wave_counts", places, &counted)?;
        let tiles = tiles(bars.series, bars.bars);
        let (begins, sums) = (Argument::Address(begins), Argument::Address(scratch));
        self.by_tiles("scan_tiles", tiles, &[begins, size, sums])?;
        self.by_tiles("scan_sums", 1, &[sums, Argument::size(tiles)])?;
        self.by_tiles("scan_places", tiles, &[begins, size, sums])
    }

    /// Writes where each of the waves that were counted begins and ends.
    ///
    /// # Errors
    ///
    /// If there are too many series or waves, or the device fails.
    pub fn write_waves(&self, bars: &DeviceBars, waves: &DeviceWaves) -> Result<()> {
        bars.check()?;
        if waves.waves > u64::from(u32::MAX) {
            let (expected, got) = ("at most 2³² − 1 waves".to_owned(), waves.waves.to_string());
            return Err(Error::Shape { op: "write_waves", expected, got });
        }
        let [high, low, pivots] = bars.columns();
        let [begins, starts, ends] = waves.arguments();
        let (size, bars_of_each) =
            (Argument::Count(bars.places() as u64), Argument::size(bars.bars));
        let arguments = [high, low, pivots, begins, starts, ends, size, bars_of_each];
        self.for_each("wave_ends", bars.places(), &arguments)
    }

    /// Searches each series for the patterns of each form of `tables`, whose bytes lie at `base`: `found`,
    /// u64 `[series, forms]`, grows by their number, and `best`, of the same shape, becomes one more than
    /// the bits of the best score if that is more. Both begin with 0.
    ///
    /// # Errors
    ///
    /// If there are too many series, or the device fails.
    pub fn search_waves(
        &self,
        bars: &DeviceBars,
        waves: &DeviceWaves,
        (tables, base): (&WaveTables, Address),
        [best, found]: [Address; 2],
    ) -> Result<()> {
        bars.check()?;
        if waves.waves == 0 || tables.forms() == 0 {
            return Ok(());
        }
        let [high, low, _] = bars.columns();
        let mut arguments = vec![high, low];
        arguments.extend(waves.arguments());
        arguments.push(Argument::size(bars.bars));
        arguments.extend(tables.arguments(base));
        arguments.extend([best, found].map(Argument::Address));
        // Half of a series' waves go either way.
        let of_series = waves.waves.div_ceil(2 * bars.series as u64);
        let shares = of_series.div_ceil(WAVES_PER_BLOCK).min(u64::from(u16::MAX)) as u32;
        self.queue.launch(&Launch {
            kernel: "wave_search",
            grid: [shares, bars.series as u32, tables.forms() as u32],
            threads: SEARCH_THREADS,
            shared_bytes: SEARCH_SHARED_BYTES,
            arguments: &arguments,
        })
    }

    /// Launches a kernel whose blocks have a tile each.
    fn by_tiles(&self, kernel: &'static str, blocks: usize, arguments: &[Argument]) -> Result<()> {
        self.queue.launch(&Launch {
            kernel,
            grid: [blocks as u32, 1, 1],
            threads: TILE_THREADS,
            shared_bytes: 2 * TILE_THREADS * size_of::<u64>() as u32,
            arguments,
        })
    }
}

/// The tiles of the places at which waves begin.
const fn tiles(series: usize, bars: usize) -> usize {
    (2 * series * bars).div_ceil(WAVE_TILE)
}

impl DeviceBars {
    /// The most bars of a series.
    const BARS_MAX: usize = 1 << 28;

    fn check(&self) -> Result<()> {
        let fits = self.series <= WAVE_SERIES_MAX && self.bars <= Self::BARS_MAX;
        // Tiles are counted in an `int`.
        if fits && i32::try_from(tiles(self.series, self.bars)).is_ok() {
            return Ok(());
        }
        let expected = format!("at most {WAVE_SERIES_MAX} series of {} bars", Self::BARS_MAX);
        let got = format!("{} of {}", self.series, self.bars);
        Err(Error::Shape { op: "waves", expected, got })
    }

    /// Where waves can begin, up and down.
    const fn places(&self) -> usize {
        2 * self.series * self.bars
    }

    fn columns(&self) -> [Argument; 3] {
        [self.high, self.low, self.pivots].map(Argument::Address)
    }
}

impl DeviceWaves {
    fn arguments(&self) -> [Argument; 3] {
        [self.begins, self.starts, self.ends].map(Argument::Address)
    }
}
