//! What a strategy makes of a trace.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::super::statistics::lost;
use super::super::strategy::{GRANULE_BYTES, Placement, Span, Strategy, StrategyKind, granules};
use super::{Trace, TraceEvent};

/// What was lost while a trace ran in a heap, as shares from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Fragmentation {
    /// 1 − requested / allocated, the mean over the trace.
    pub internal: f64,
    /// 1 − largest free / free, the mean over the trace.
    pub external: f64,
    /// The same when most was allocated.
    pub external_at_peak: f64,
    /// Bytes that were moved to close holes, over bytes that were allocated.
    pub moved: f64,
}

/// Whether holes are closed while a trace runs, as
/// [`Pool::defragment`](crate::memory::Pool::defragment) does between the sync points of streams:
/// everything is taken to be idle then.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Compaction {
    /// Nothing is moved.
    Never,
    /// When a request does not fit, and when external fragmentation is above this share at one of
    /// the looks taken every [`EVENTS_PER_LOOK`] events.
    Above(f64),
}

/// Events from one look at the fragmentation to the next.
pub const EVENTS_PER_LOOK: usize = 256;

/// The smallest heap, in bytes, in which the strategy serves the whole trace, to a thousandth.
/// `None` if a tebibyte is too small.
///
/// The peak of what is requested over this is the strategy's efficiency on the trace.
#[must_use]
pub fn least_heap_bytes(trace: &Trace, kind: StrategyKind, compaction: Compaction) -> Option<u64> {
    let serves = |len| Replay::new(trace, heap(kind, len), compaction).run(|_, _| {}).is_some();
    let mut below = granules(trace.peak_requested_bytes())?.saturating_sub(1);
    let mut enough = below.max(1);
    while !serves(enough) {
        below = enough;
        enough = enough.checked_mul(2)?;
    }
    // A larger heap may by chance serve worse, so that what is found is where the answer changes,
    // not by proof the smallest.
    while enough - below > (enough / 1000).max(1) {
        let middle = below + (enough - below) / 2;
        if serves(middle) {
            enough = middle;
        } else {
            below = middle;
        }
    }
    Some(u64::from(enough) * GRANULE_BYTES)
}

/// What is lost while the trace runs in a heap of `heap_bytes`. `None` if it does not fit.
#[must_use]
pub fn measure_fragmentation(
    trace: &Trace,
    kind: StrategyKind,
    heap_bytes: u64,
    compaction: Compaction,
) -> Option<Fragmentation> {
    let (mut internal, mut external, mut samples) = (0.0, 0.0, 0_u32);
    let (mut peak_len, mut external_at_peak) = (0, 0.0);
    let heap_len = granules(heap_bytes)?;
    let mut replay = Replay::new(trace, heap(kind, heap_len), compaction);
    replay.run(|strategy, requested_bytes| {
        let free_len = strategy.free_len();
        let allocated_len = u64::from(heap_len) - free_len;
        let lost_now = lost(u64::from(strategy.largest_free()), free_len).unwrap_or(0.0);
        internal += lost(requested_bytes, allocated_len * GRANULE_BYTES).unwrap_or(0.0);
        external += lost_now;
        samples += 1;
        if allocated_len > peak_len {
            (peak_len, external_at_peak) = (allocated_len, lost_now);
        }
    })?;
    let samples = f64::from(samples.max(1));
    Some(Fragmentation {
        internal: internal / samples,
        external: external / samples,
        external_at_peak,
        moved: replay.moved_len as f64 / (replay.allocated_len as f64).max(1.0),
    })
}

/// How long the strategy takes for one run of the trace in a heap of `heap_bytes`. `None` if it does
/// not fit.
#[must_use]
pub fn time_replay(trace: &Trace, kind: StrategyKind, heap_bytes: u64) -> Option<Duration> {
    let heap = heap(kind, granules(heap_bytes)?);
    let mut replay = Replay::new(trace, heap, Compaction::Never);
    let begun = Instant::now();
    replay.run(|_, _| {})?;
    Some(begun.elapsed())
}

fn heap(kind: StrategyKind, len: u32) -> Box<dyn Strategy> {
    let mut strategy = kind.build();
    strategy.add_region(Span { start: 0, len });
    strategy
}

/// A trace that is asked of a strategy.
struct Replay<'a> {
    trace: &'a Trace,
    strategy: Box<dyn Strategy>,
    compaction: Compaction,
    /// Where the allocation of each name is, and the bytes that were asked for.
    live: Vec<Option<(Placement, u64)>>,
    allocated_len: u64,
    moved_len: u64,
}

impl<'a> Replay<'a> {
    fn new(trace: &'a Trace, strategy: Box<dyn Strategy>, compaction: Compaction) -> Self {
        let live = vec![None; trace.allocations as usize];
        Self { trace, strategy, compaction, live, allocated_len: 0, moved_len: 0 }
    }

    /// Runs it, and lets `after` see the strategy after each event, with the bytes that are
    /// requested at the time. `None` as soon as a request is refused.
    fn run(&mut self, mut after: impl FnMut(&dyn Strategy, u64)) -> Option<()> {
        let mut requested_bytes = 0;
        for (index, event) in self.trace.events().iter().enumerate() {
            match *event {
                TraceEvent::Allocate { id, size_bytes } => {
                    let placement = self.allocate(granules(size_bytes)?)?;
                    self.allocated_len += u64::from(placement.span.len);
                    self.live[id as usize] = Some((placement, size_bytes));
                    requested_bytes += size_bytes;
                }
                TraceEvent::Free { id } => {
                    let (placement, size_bytes) = self.live[id as usize].take()?;
                    self.strategy.free(placement);
                    requested_bytes -= size_bytes;
                }
            }
            if let Compaction::Above(share) = self.compaction
                && index % EVENTS_PER_LOOK == 0
                && self.external() > share
            {
                self.compact();
            }
            after(&*self.strategy, requested_bytes);
        }
        Some(())
    }

    fn allocate(&mut self, len: u32) -> Option<Placement> {
        let placement = self.strategy.allocate(len);
        if placement.is_some() || self.compaction == Compaction::Never {
            return placement;
        }
        self.compact();
        self.strategy.allocate(len)
    }

    fn external(&self) -> f64 {
        let largest = u64::from(self.strategy.largest_free());
        lost(largest, self.strategy.free_len()).unwrap_or(0.0)
    }

    /// Moves what is allocated as low as it goes, the highest first.
    fn compact(&mut self) {
        let mut live: Vec<&mut Placement> =
            self.live.iter_mut().flatten().map(|(placement, _)| placement).collect();
        live.sort_by_key(|placement| std::cmp::Reverse(placement.span.start));
        for placement in live {
            let Span { start, len } = placement.span;
            if let Some(lower) = self.strategy.allocate_below(len, start) {
                self.strategy.free(std::mem::replace(placement, lower));
                self.moved_len += u64::from(len);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: u64 = 1 << 10;

    #[test]
    fn the_least_heap_is_what_the_strategy_needs() {
        // The hole of the first is too small for the third.
        let trace = "allocate 0 4096\nallocate 1 4096\nfree 0\nallocate 2 8192\n";
        let trace = Trace::parse(trace).unwrap();
        assert_eq!(trace.peak_requested_bytes(), 12 * KIB);
        for kind in [StrategyKind::SegregatedFit, StrategyKind::FirstFit, StrategyKind::BestFit] {
            assert_eq!(
                least_heap_bytes(&trace, kind, Compaction::Never),
                Some(16 * KIB),
                "{kind:?}"
            );
        }
        let none = Trace::default();
        assert_eq!(least_heap_bytes(&none, StrategyKind::Buddy, Compaction::Never), Some(256));
        // Moved down, the second leaves one hole.
        let compacted = least_heap_bytes(&trace, StrategyKind::BestFit, Compaction::Above(0.0));
        assert_eq!(compacted, Some(12 * KIB));
    }

    #[test]
    fn what_is_lost_is_measured_in_the_heap_that_was_given() {
        let trace = Trace::parse("allocate 0 768\nallocate 1 100\nfree 0\n").unwrap();
        let in_2_kib =
            |kind| measure_fragmentation(&trace, kind, 2 * KIB, Compaction::Never).unwrap();
        let first = in_2_kib(StrategyKind::FirstFit);
        // 768 of 768, 868 of 1024 and 100 of 256 bytes; at last 768 bytes and 1024 are free.
        let internal = (156.0 / 1024.0 + 156.0 / 256.0) / 3.0;
        assert!((first.internal - internal).abs() < 1e-12, "{first:?}");
        assert!((first.external - (1.0 - 1024.0 / 1792.0) / 3.0).abs() < 1e-12, "{first:?}");
        assert!(first.external_at_peak.abs() < 1e-12, "{first:?}");
        assert!(in_2_kib(StrategyKind::Buddy).internal > first.internal);
        let too_small =
            measure_fragmentation(&trace, StrategyKind::FirstFit, 512, Compaction::Never);
        assert_eq!(too_small, None);
        assert_eq!(time_replay(&trace, StrategyKind::FirstFit, 512), None);
        assert!(time_replay(&trace, StrategyKind::FirstFit, 2 * KIB).is_some());
    }
}
