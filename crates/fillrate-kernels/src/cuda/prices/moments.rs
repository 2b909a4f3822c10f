//! What is said of many samples together.

use super::{CudaPrices, THREADS};
use crate::Result;
use crate::cuda::{Address, Argument, Launch};

/// The figures of a chunk of samples: the means of samples and controls, then the sums of products of
/// their deviations: of the sample, of both, of the control.
pub const CHUNK_MOMENTS: usize = 5;

/// The values that a thread looks at when it selects.
const VALUES_PER_THREAD: usize = 16;

/// Disjoint ranges in rising order, and where what lies in them is put.
#[derive(Clone, Copy, Debug)]
pub struct DeviceRanges {
    /// f64 `[2, ranges]`: the lower ends and the upper ends, which belong to them.
    pub ends: Address,
    /// How many ranges there are.
    pub ranges: usize,
    /// Room for every value: those within a range come first, in no order.
    pub kept: Address,
    /// u64 `[ranges + 1]`, which the caller has set to 0: grows by the values below each range, and by
    /// how many were kept.
    pub counts: Address,
}

impl CudaPrices {
    /// The moments of `sets` series of `count` samples, chunk by chunk, f64 `[sets, chunks,
    /// CHUNK_MOMENTS]`; samples and controls are f64 `[sets, count]`. Samples are added one after the
    /// other, as on the processor.
    ///
    /// # Errors
    ///
    /// If the device fails.
    pub fn chunk_moments(
        &self,
        samples: Address,
        controls: Option<Address>,
        [sets, count]: [usize; 2],
        chunk: usize,
        out: Address,
    ) -> Result<()> {
        self.for_each(
            "chunk_moments",
            sets * count.div_ceil(chunk.max(1)),
            &[
                Argument::Address(samples),
                Argument::Address(controls.unwrap_or(Address(0))),
                Argument::Address(out),
                Argument::Count(count as u64),
                Argument::Count(sets as u64),
                Argument::size(chunk),
            ],
        )
    }

    /// The means of `count` pairs of values, f64 `[count]`.
    ///
    /// # Errors
    ///
    /// If the device fails.
    pub fn pair_means(&self, pairs: [Address; 2], out: Address, count: usize) -> Result<()> {
        let [a, b] = pairs.map(Argument::Address);
        let arguments = [a, b, Argument::Address(out), Argument::Count(count as u64)];
        self.for_each("pair_means", count, &arguments)
    }

    /// Puts those of `count` values that lie in a range where `place` says, and counts the others.
    ///
    /// # Errors
    ///
    /// If the device fails.
    pub fn select_ranges(&self, x: Address, count: usize, place: &DeviceRanges) -> Result<()> {
        let per_block = THREADS as usize * VALUES_PER_THREAD;
        let blocks = u32::try_from(count.div_ceil(per_block)).unwrap_or(u32::MAX);
        if blocks == 0 {
            return Ok(());
        }
        self.queue.launch(&Launch {
            kernel: "select_ranges",
            grid: [blocks, 1, 1],
            threads: THREADS,
            shared_bytes: 0,
            arguments: &[
                Argument::Address(x),
                Argument::Address(place.ends),
                Argument::Address(place.kept),
                Argument::Address(place.counts),
                Argument::Count(count as u64),
                Argument::size(place.ranges),
            ],
        })
    }
}
