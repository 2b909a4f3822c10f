//! Slab: small requests in runs of equal slots, large ones by segregated fit.
//!
//! A run is as long as a few dozen of its slots; an emptied one is given back. Small requests then
//! break no large range, and lose what they are below the next slot size.
//!
//! Source: J. Bonwick, "The Slab Allocator" (USENIX Summer 1994), without its object caches.

use std::collections::BTreeSet;

use super::segregated_fit::SegregatedFit;
use super::{Placement, Span, Strategy};

/// Granules of each slot size: four to an octave, up to 16 KiB.
const SLOT_LENS: [u32; 20] =
    [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64];

/// Slots of a run: the bits of its bitmap.
const SLOTS: u32 = u64::BITS;

/// The bit of a token that says that the rest of it is a run.
const IS_RUN: u32 = 1 << 31;

/// Equal slots in a row.
#[derive(Debug)]
struct Run {
    class: usize,
    memory: Placement,
    /// A bit for each slot that is free.
    free: u64,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Slab {
    large: SegregatedFit,
    runs: Vec<Option<Run>>,
    spare: Vec<u32>,
    /// The runs of each class that have a free slot, as `(start, index)`.
    open: [BTreeSet<(u32, u32)>; SLOT_LENS.len()],
    free_in_runs: u64,
}

impl Slab {
    /// The class of the smallest slot that holds `len`, if one does.
    fn class_of(len: u32) -> Option<usize> {
        let class = SLOT_LENS.partition_point(|slot_len| *slot_len < len);
        (class < SLOT_LENS.len()).then_some(class)
    }

    /// Takes the lowest slot of the lowest run of a class that ends at or before `end`.
    fn take_slot(&mut self, class: usize, end: u32) -> Option<Placement> {
        let &(start, index) = self.open[class].first()?;
        let run = self.runs[index as usize].as_mut()?;
        let (slot, slot_len) = (run.free.trailing_zeros(), SLOT_LENS[class]);
        let span = Span { start: start + slot * slot_len, len: slot_len };
        if span.end() > end {
            return None;
        }
        run.free &= run.free - 1;
        if run.free == 0 {
            self.open[class].remove(&(start, index));
        }
        self.free_in_runs -= u64::from(slot_len);
        Some(Placement { span, token: index | IS_RUN })
    }

    /// Opens a run of a class. Returns whether there is memory for one.
    fn open_run(&mut self, class: usize) -> bool {
        let len = SLOT_LENS[class] * SLOTS;
        let Some(memory) = self.large.allocate(len) else { return false };
        let run = Some(Run { class, memory, free: u64::MAX });
        let index = self.spare.pop().unwrap_or_else(|| {
            self.runs.push(None);
            self.runs.len() as u32 - 1
        });
        self.runs[index as usize] = run;
        self.open[class].insert((memory.span.start, index));
        self.free_in_runs += u64::from(len);
        true
    }

    fn free_slot(&mut self, index: u32, span: Span) {
        let Some(run) = &mut self.runs[index as usize] else { return };
        let (class, memory) = (run.class, run.memory);
        run.free |= 1 << ((span.start - memory.span.start) / SLOT_LENS[class]);
        self.free_in_runs += u64::from(SLOT_LENS[class]);
        if run.free != u64::MAX {
            self.open[class].insert((memory.span.start, index));
            return;
        }
        self.open[class].remove(&(memory.span.start, index));
        self.runs[index as usize] = None;
        self.spare.push(index);
        self.free_in_runs -= u64::from(memory.span.len);
        self.large.free(memory);
    }
}

impl Strategy for Slab {
    fn add_region(&mut self, region: Span) {
        self.large.add_region(region);
    }

    fn remove_region(&mut self, region: Span) -> bool {
        self.large.remove_region(region)
    }

    fn allocate(&mut self, len: u32) -> Option<Placement> {
        let Some(class) = Self::class_of(len) else { return self.large.allocate(len) };
        if self.open[class].is_empty() {
            self.open_run(class);
        }
        // Where there is no memory for another run, a larger slot serves, or what is left.
        let slot = (class..SLOT_LENS.len()).find_map(|class| self.take_slot(class, u32::MAX));
        slot.or_else(|| self.large.allocate(len))
    }

    fn allocate_below(&mut self, len: u32, end: u32) -> Option<Placement> {
        let slot = Self::class_of(len).and_then(|class| self.take_slot(class, end));
        slot.or_else(|| self.large.allocate_below(len, end))
    }

    fn free(&mut self, placement: Placement) {
        if placement.token & IS_RUN == 0 {
            self.large.free(placement);
        } else {
            self.free_slot(placement.token & !IS_RUN, placement.span);
        }
    }

    fn free_len(&self) -> u64 {
        self.large.free_len() + self.free_in_runs
    }

    fn largest_free(&self) -> u32 {
        let class = self.open.iter().rposition(|runs| !runs.is_empty());
        self.large.largest_free().max(class.map_or(0, |class| SLOT_LENS[class]))
    }

    fn free_spans(&self) -> Vec<Span> {
        let slots = self.runs.iter().flatten().flat_map(|run| {
            let len = SLOT_LENS[run.class];
            let is_free = |slot: &u32| run.free >> slot & 1 == 1;
            let start = run.memory.span.start;
            (0..SLOTS).filter(is_free).map(move |slot| Span { start: start + slot * len, len })
        });
        self.large.free_spans().into_iter().chain(slots).collect()
    }
}
