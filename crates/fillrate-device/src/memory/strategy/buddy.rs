//! Buddy: blocks of powers of two, each split into two halves that find each other again.
//!
//! A block's address says where its other half is, so that little bookkeeping is needed; what a
//! request is below the next power of two is lost inside its block.
//!
//! Source: D. E. Knuth, *The Art of Computer Programming*, vol. 1, section 2.5, "buddy system".

use std::collections::BTreeSet;

use super::{Placement, Span, Strategy};

/// Orders of blocks: 2⁰ to 2³¹ granules.
const ORDERS: usize = u32::BITS as usize;

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Buddy {
    /// Where the free blocks of each order begin: multiples of their length.
    free: [BTreeSet<u32>; ORDERS],
    free_len: u64,
}

/// The order of the smallest block that holds `len`.
fn order_of(len: u32) -> Option<u32> {
    len.checked_next_power_of_two().map(u32::ilog2)
}

/// The largest blocks that make up a region: each begins at a multiple of its length.
fn blocks(region: Span) -> impl Iterator<Item = (u32, u32)> {
    let mut start = region.start;
    std::iter::from_fn(move || {
        let left = region.end() - start;
        let order = left.checked_ilog2()?.min(start.trailing_zeros());
        let block = (start, order);
        start += 1 << order;
        Some(block)
    })
}

impl Buddy {
    /// Adds a free block, joined with its other half as long as that is free.
    fn insert(&mut self, mut start: u32, mut order: u32) {
        while order + 1 < ORDERS as u32 && self.free[order as usize].remove(&(start ^ (1 << order)))
        {
            start &= !(1 << order);
            order += 1;
        }
        self.free[order as usize].insert(start);
    }

    /// Splits a free block down to `order` and takes the lowest part.
    fn take(&mut self, start: u32, found: u32, order: u32) -> Placement {
        self.free[found as usize].remove(&start);
        for half in order..found {
            self.free[half as usize].insert(start + (1 << half));
        }
        let span = Span { start, len: 1 << order };
        self.free_len -= u64::from(span.len);
        Placement { span, token: 0 }
    }
}

impl Strategy for Buddy {
    fn add_region(&mut self, region: Span) {
        for (start, order) in blocks(region) {
            self.insert(start, order);
        }
        self.free_len += u64::from(region.len);
    }

    fn remove_region(&mut self, region: Span) -> bool {
        let is_free =
            blocks(region).all(|(start, order)| self.free[order as usize].contains(&start));
        if is_free {
            for (start, order) in blocks(region) {
                self.free[order as usize].remove(&start);
            }
            self.free_len -= u64::from(region.len);
        }
        is_free
    }

    fn allocate(&mut self, len: u32) -> Option<Placement> {
        let order = order_of(len)?;
        let found = (order..ORDERS as u32).find(|o| !self.free[*o as usize].is_empty())?;
        let start = *self.free[found as usize].first()?;
        Some(self.take(start, found, order))
    }

    fn allocate_below(&mut self, len: u32, end: u32) -> Option<Placement> {
        let order = order_of(len)?;
        let lowest = |found: u32| Some((*self.free[found as usize].first()?, found));
        let (start, found) = (order..ORDERS as u32).filter_map(lowest).min()?;
        (u64::from(start) + (1 << order) <= u64::from(end)).then(|| self.take(start, found, order))
    }

    fn free(&mut self, placement: Placement) {
        let Span { start, len } = placement.span;
        self.free_len += u64::from(len);
        self.insert(start, len.ilog2());
    }

    fn free_len(&self) -> u64 {
        self.free_len
    }

    fn largest_free(&self) -> u32 {
        self.free.iter().rposition(|blocks| !blocks.is_empty()).map_or(0, |order| 1 << order)
    }

    fn free_spans(&self) -> Vec<Span> {
        let spans = |(order, starts): (usize, &BTreeSet<u32>)| -> Vec<Span> {
            starts.iter().map(|&start| Span { start, len: 1 << order }).collect()
        };
        self.free.iter().enumerate().flat_map(spans).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_of_any_length_is_made_of_aligned_blocks() {
        let region = Span { start: 5, len: 12 };
        let all: Vec<_> = blocks(region).collect();
        assert_eq!(all, [(5, 0), (6, 1), (8, 3), (16, 0)]);
        let whole = Span { start: 0, len: u32::MAX };
        assert_eq!(blocks(whole).count(), 32);
    }

    #[test]
    fn halves_find_each_other() {
        let mut buddy = Buddy::default();
        buddy.add_region(Span { start: 0, len: 64 });
        let parts: Vec<_> = (0..9).map_while(|_| buddy.allocate(5)).collect();
        assert_eq!((parts.len(), buddy.largest_free()), (8, 0));
        for part in parts {
            buddy.free(part);
        }
        assert_eq!(buddy.free_spans(), [Span { start: 0, len: 64 }]);
    }
}
