//! First fit: the lowest free range that is long enough.
//!
//! It keeps the low addresses full and the high ones free, and searches in time proportional to the
//! number of holes.

use super::ranges::Ranges;
use super::{Placement, Span, Strategy};

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct FirstFit {
    free: Ranges,
}

impl FirstFit {
    fn take(&mut self, span: Span, len: u32) -> Placement {
        self.free.take(span, len);
        Placement { span: Span { start: span.start, len }, token: 0 }
    }
}

impl Strategy for FirstFit {
    fn add_region(&mut self, region: Span) {
        self.free.insert(region);
    }

    fn remove_region(&mut self, region: Span) -> bool {
        let is_free = self.free.contains(region);
        if is_free {
            self.free.remove(region);
        }
        is_free
    }

    fn allocate(&mut self, len: u32) -> Option<Placement> {
        let span = self.free.iter().find(|span| span.len >= len)?;
        Some(self.take(span, len))
    }

    fn allocate_below(&mut self, len: u32, end: u32) -> Option<Placement> {
        let span = self.free.iter().find(|span| span.len >= len && span.start + len <= end)?;
        Some(self.take(span, len))
    }

    fn free(&mut self, placement: Placement) {
        self.free.insert(placement.span);
    }

    fn free_len(&self) -> u64 {
        self.free.len()
    }

    fn largest_free(&self) -> u32 {
        self.free.iter().map(|span| span.len).max().unwrap_or(0)
    }

    fn free_spans(&self) -> Vec<Span> {
        self.free.iter().collect()
    }
}
