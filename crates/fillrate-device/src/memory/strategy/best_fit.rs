//! Best fit: the shortest free range that is long enough, the lowest of several.
//!
//! Two ordered trees find it in time logarithmic in the number of holes.

use std::collections::BTreeSet;

use super::ranges::Ranges;
use super::{Placement, Span, Strategy};

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct BestFit {
    free: Ranges,
    /// The same ranges as `(len, start)`.
    by_len: BTreeSet<(u32, u32)>,
}

impl BestFit {
    fn insert(&mut self, span: Span) {
        let joined = self.free.insert(span);
        for gone in [joined.before, joined.after].into_iter().flatten() {
            self.by_len.remove(&(gone.len, gone.start));
        }
        self.by_len.insert((joined.whole.len, joined.whole.start));
    }

    fn take(&mut self, span: Span, len: u32) -> Placement {
        self.by_len.remove(&(span.len, span.start));
        if let Some(rest) = self.free.take(span, len) {
            self.by_len.insert((rest.len, rest.start));
        }
        Placement { span: Span { start: span.start, len }, token: 0 }
    }
}

impl Strategy for BestFit {
    fn add_region(&mut self, region: Span) {
        self.insert(region);
    }

    fn remove_region(&mut self, region: Span) -> bool {
        let is_free = self.by_len.remove(&(region.len, region.start));
        if is_free {
            self.free.remove(region);
        }
        is_free
    }

    fn allocate(&mut self, len: u32) -> Option<Placement> {
        let &(found, start) = self.by_len.range((len, 0)..).next()?;
        Some(self.take(Span { start, len: found }, len))
    }

    fn allocate_below(&mut self, len: u32, end: u32) -> Option<Placement> {
        let span = self.free.iter().find(|span| span.len >= len && span.start + len <= end)?;
        Some(self.take(span, len))
    }

    fn free(&mut self, placement: Placement) {
        self.insert(placement.span);
    }

    fn free_len(&self) -> u64 {
        self.free.len()
    }

    fn largest_free(&self) -> u32 {
        self.by_len.last().map_or(0, |&(len, _)| len)
    }

    fn free_spans(&self) -> Vec<Span> {
        self.free.iter().collect()
    }
}
