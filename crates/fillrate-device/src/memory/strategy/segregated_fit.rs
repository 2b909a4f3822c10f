//! Segregated fit: free ranges in bins by size class, each found through a bitmap.
//!
//! An allocation takes from the first bin all of whose ranges are long enough, so it searches nothing;
//! what is left of the range goes back. A range that is freed joins its free neighbours, whose ends
//! [`Blocks`] knows. Both do as much with ten holes as with a hundred thousand, and neither asks the
//! host for memory: that is taken when a region is added, 18 bytes for each 64 granules up to its end.
//! Only where the alternative is to fail is a bin looked through.
//!
//! A bin has no entry for a range. Granules are divided into blocks of 64, and a block is in the bin
//! of the longest free range that begins in it; the shorter ones come to light when that is used, and
//! then the block is looked at again: 32 ranges at most. Of the ranges that begin in a block only the
//! last can be longer than the block, and shorter ones have a class for each length, so that no range
//! is longer than the one that stands for its block.
//!
//! All that a free needs lies in the blocks of the range's ends and those beside them, which its span
//! names at once: at most one miss of the cache is waited for, where nodes that point to each other
//! cost two or three in a row.
//!
//! Source: the bins are those of S. Aaltonen's `OffsetAllocator`, the idea that of M. Masmano et
//! al., "TLSF: a New Dynamic Memory Allocator for Real-Time Systems" (ECRTS 2004).

#![allow(clippy::inline_always, reason = "calls of a few nanoseconds, measured both ways")]

use super::bins::{BINS, Occupied, bin_of, bin_that_holds};
use super::blocks::{BLOCK_LEN, Blocks};
use super::{Placement, Span, Strategy};

/// The longest free range that begins in a block: its class, and its place in the block.
#[derive(Clone, Copy, Debug, Default)]
struct Longest(u16);

/// Bits of a place in a block.
const PLACE_BITS: u32 = BLOCK_LEN.ilog2();

// Class and place fit.
const _: () = assert!(BINS << PLACE_BITS <= 1 << u16::BITS);

impl Longest {
    fn new(range: Span) -> Self {
        Self((bin_of(range.len) << PLACE_BITS) as u16 | (range.start % BLOCK_LEN) as u16)
    }

    /// Its class, or 0 if no range begins in the block.
    fn class(self) -> usize {
        usize::from(self.0 >> PLACE_BITS)
    }

    fn place(self) -> u32 {
        u32::from(self.0) % BLOCK_LEN
    }
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct SegregatedFit {
    blocks: Blocks,
    /// Of each block, by its index.
    longest: Vec<Longest>,
    /// The classes that blocks are listed under.
    occupied: Occupied,
    free_len: u64,
}

impl Default for SegregatedFit {
    fn default() -> Self {
        Self {
            blocks: Blocks::new(BINS as u32),
            longest: Vec::new(),
            occupied: Occupied::default(),
            free_len: 0,
        }
    }
}

impl SegregatedFit {
    /// Puts a block into the bin of what is now its longest range.
    #[inline(always)]
    fn settle(&mut self, block: u32, longest: Longest) {
        let before = std::mem::replace(&mut self.longest[block as usize], longest);
        let (old, new) = (before.class(), longest.class());
        if old == new {
            return;
        }
        if old != 0 && self.blocks.unlink(block) {
            self.occupied.clear(old);
        }
        if new != 0 {
            self.blocks.link(new, block);
            self.occupied.set(new);
        }
    }

    /// Enters a range that became free or longer. Its edges are set.
    #[inline(always)]
    fn enter(&mut self, range: Span) {
        self.blocks.mark(range);
        let (block, longest) = (self.blocks.block_of(range.start), Longest::new(range));
        if longest.class() >= self.longest[block as usize].class() {
            self.settle(block, longest);
        }
    }

    /// Allocates the first `len` granules of a range that is the longest of its block.
    #[inline(always)]
    fn take(&mut self, range: Span, len: u32) -> Placement {
        self.free_len -= u64::from(len);
        let rest = Span { start: range.start + len, len: range.len - len };
        self.blocks.flip(range.start);
        self.blocks.flip(rest.start);
        let block = self.blocks.block_of(range.start);
        if rest.len > 0 {
            if self.blocks.block_of(rest.start) == block {
                self.blocks.mark(rest);
            } else {
                self.enter(rest);
            }
        }
        let longest = longest_of(self.blocks.ranges_around(range.start));
        self.settle(block, longest);
        Placement { span: Span { start: range.start, len }, token: 0 }
    }

    /// The longest range of a block that is in a bin.
    #[inline(always)]
    fn longest_in(&self, block: u32) -> Span {
        let place = self.longest[block as usize].place();
        let start = self.blocks.start_of_block(block) + place;
        Span { start, len: self.blocks.end_of(start) - start }
    }

    /// The blocks of the bins from `bin` on, each with its longest range.
    fn longest_from(&self, bin: usize) -> impl Iterator<Item = Span> {
        let next = |bin: usize| self.occupied.first_from(bin);
        std::iter::successors(next(bin), move |bin| next(bin + 1))
            .flat_map(|bin| self.blocks.list(bin))
            .map(|block| self.longest_in(block))
    }

    /// A range of the one class of which some are long enough and others not.
    #[cold]
    fn search(&self, len: u32) -> Option<Span> {
        self.longest_from(bin_of(len)).find(|range| range.len >= len)
    }
}

#[inline(always)]
fn longest_of(ranges: impl Iterator<Item = Span>) -> Longest {
    let mut longest = Span { start: 0, len: 0 };
    for range in ranges {
        if range.len > longest.len {
            longest = range;
        }
    }
    Longest::new(longest)
}

impl Strategy for SegregatedFit {
    fn add_region(&mut self, region: Span) {
        let count = self.blocks.grow(region.end());
        self.longest.reserve_exact(count - self.longest.len());
        self.longest.resize(count, Longest::default());
        self.blocks.flip(region.start);
        self.blocks.flip(region.end());
        self.enter(region);
        self.free_len += u64::from(region.len);
    }

    fn remove_region(&mut self, region: Span) -> bool {
        // Nothing before a region is free, so that a free range begins at an edge there.
        let is_free =
            self.blocks.is_edge(region.start) && self.blocks.end_of(region.start) == region.end();
        if is_free {
            self.take(region, region.len);
        }
        is_free
    }

    fn allocate(&mut self, len: u32) -> Option<Placement> {
        let range = match self.occupied.first_from(bin_that_holds(len)) {
            Some(bin) => self.longest_in(self.blocks.first(bin)),
            None => self.search(len)?,
        };
        Some(self.take(range, len))
    }

    fn allocate_below(&mut self, len: u32, end: u32) -> Option<Placement> {
        let fits = |range: &Span| range.len >= len;
        let longest = self.longest_from(bin_of(len)).filter(fits).min()?;
        // A shorter one before it in its block may do as well.
        let range = self.blocks.ranges_around(longest.start).find(fits)?;
        (range.start + len <= end).then(|| self.take(range, len))
    }

    fn free(&mut self, placement: Placement) {
        let Span { start, len } = placement.span;
        let end = placement.span.end();
        self.free_len += u64::from(len);
        let joins_after = self.blocks.is_edge(end);
        let first = if self.blocks.is_edge(start) { self.blocks.start_of(start) } else { start };
        let last = if joins_after { self.blocks.end_of(end) } else { end };
        self.blocks.flip(start);
        self.blocks.flip(end);
        // The range after it begins there no more. If the whole begins in the same block, it is
        // longer than that one was, and replaces it.
        let block = self.blocks.block_of(end);
        if joins_after
            && block != self.blocks.block_of(first)
            && self.longest[block as usize].place() == end % BLOCK_LEN
        {
            let is_here = block == self.blocks.block_of(last);
            let others = is_here.then(|| self.blocks.ranges_after(last));
            let longest = longest_of(others.into_iter().flatten());
            self.settle(block, longest);
        }
        self.enter(Span { start: first, len: last - first });
    }

    fn free_len(&self) -> u64 {
        self.free_len
    }

    fn largest_free(&self) -> u32 {
        let longest = self.occupied.last().map(|bin| self.longest_from(bin));
        longest.into_iter().flatten().map(|range| range.len).max().unwrap_or(0)
    }

    fn free_spans(&self) -> Vec<Span> {
        self.longest_from(0).flat_map(|range| self.blocks.ranges_around(range.start)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::random::Random;

    /// Three that share blocks, and one of a gibibyte.
    const REGIONS: [Span; 4] = [
        Span { start: 5, len: 50 },
        Span { start: 56, len: 70 },
        Span { start: 127, len: 1000 },
        Span { start: 1200, len: 1 << 22 },
    ];

    /// A strategy, and what it should know, in the plainest form.
    struct Twin {
        fit: SegregatedFit,
        /// What is in use.
        live: Vec<Placement>,
    }

    impl Twin {
        fn new() -> Self {
            let mut fit = SegregatedFit::default();
            for region in REGIONS {
                fit.add_region(region);
            }
            Self { fit, live: Vec::new() }
        }

        /// The longest ranges of granules that nothing uses.
        fn free(&self) -> Vec<Span> {
            let mut used: Vec<Span> = self.live.iter().map(|placement| placement.span).collect();
            used.sort();
            let gaps = REGIONS.iter().flat_map(|region| {
                let end = Span { start: region.end(), len: 0 };
                let inside = used
                    .iter()
                    .filter(|span| region.start <= span.start && span.end() <= region.end());
                let mut start = region.start;
                inside
                    .chain([&end])
                    .map(move |span| {
                        let gap = Span { start, len: span.start - start };
                        start = span.end();
                        gap
                    })
                    .collect::<Vec<_>>()
            });
            gaps.filter(|gap| gap.len > 0).collect()
        }

        fn check(&self) {
            let (fit, free) = (&self.fit, self.free());
            let mut found = fit.free_spans();
            found.sort();
            assert_eq!(found, free);
            assert_eq!(fit.free_len(), free.iter().map(|range| u64::from(range.len)).sum::<u64>());
            assert_eq!(fit.largest_free(), free.iter().map(|range| range.len).max().unwrap_or(0));
            let mut longest = BTreeMap::new();
            for range in free {
                let block = fit.blocks.block_of(range.start);
                let len: &mut u32 = longest.entry(block).or_default();
                *len = range.len.max(*len);
            }
            // Each block that a range begins in is in one bin, that of its longest, and no other is.
            let mut listed = BTreeMap::new();
            for bin in 0..BINS {
                assert_eq!(
                    fit.occupied.first_from(bin) == Some(bin),
                    fit.blocks.list(bin).count() > 0
                );
                for block in fit.blocks.list(bin) {
                    let len = fit.longest_in(block).len;
                    assert_eq!(bin_of(len), bin);
                    assert_eq!(listed.insert(block, len), None);
                }
            }
            assert_eq!(listed, longest);
        }
    }

    /// Lengths around those of a block, a few, and many.
    fn len(random: &mut Random) -> u32 {
        let (first, last) = [(1, 3), (1, 64), (62, 66), (126, 194), (1, 5000), (1 << 12, 1 << 20)]
            [random.below(6) as usize];
        random.between(first, last) as u32
    }

    #[test]
    fn ranges_are_whole_and_blocks_in_the_bin_of_their_longest() {
        for seed in 0..20 {
            let (mut twin, mut random) = (Twin::new(), Random::new(seed));
            // Half of the time what lives grows, then it shrinks.
            for step in 0..400 {
                let grows = random.unit() < if step % 200 < 100 { 0.7 } else { 0.3 };
                if grows {
                    let len = len(&mut random);
                    let largest = twin.fit.largest_free();
                    let placement = twin.fit.allocate(len);
                    assert_eq!(placement.is_some(), len <= largest);
                    twin.live.extend(placement);
                } else if !twin.live.is_empty() {
                    let index = random.below(twin.live.len() as u64) as usize;
                    twin.fit.free(twin.live.swap_remove(index));
                }
                twin.check();
            }
            twin.live.drain(..).for_each(|placement| twin.fit.free(placement));
            twin.check();
            assert!(REGIONS.into_iter().all(|region| twin.fit.remove_region(region)));
            assert_eq!((twin.fit.free_len(), twin.fit.free_spans()), (0, Vec::new()));
        }
    }

    #[test]
    fn the_lowest_place_is_found_even_if_a_longer_one_stands_for_its_block() {
        let mut fit = SegregatedFit::default();
        fit.add_region(Span { start: 0, len: 1000 });
        let placements: Vec<_> = [4, 5, 1, 20, 900, 70].map(|len| fit.allocate(len)).into();
        // Holes of 5 and of 20 in the first block.
        for index in [1, 3] {
            fit.free(placements[index].unwrap());
        }
        let below = fit.allocate_below(3, 1000).unwrap();
        assert_eq!(below.span, Span { start: 4, len: 3 });
        assert_eq!(fit.allocate_below(3, 12), None);
        assert_eq!(fit.allocate_below(3, 13).map(|p| p.span.start), Some(10));
    }

    #[test]
    fn bookkeeping_does_not_grow_with_use() {
        let mut fit = SegregatedFit::default();
        fit.add_region(Span { start: 0, len: 10_000 });
        let capacity = |fit: &SegregatedFit| (fit.blocks.capacity(), fit.longest.capacity());
        let before = capacity(&fit);
        // Each round ends and makes again the ranges behind a hundred short ones.
        let mut live: Vec<_> = (0..200).filter_map(|_| fit.allocate(7)).collect();
        for _ in 0..500 {
            live.iter().step_by(2).for_each(|placement| fit.free(*placement));
            let again: Vec<_> = (0..100).filter_map(|_| fit.allocate(6)).collect();
            for placement in again {
                fit.free(placement);
            }
            for index in (0..200).step_by(2) {
                live[index] = fit.allocate(7).unwrap();
            }
        }
        assert_eq!(capacity(&fit), before);
        assert!(fit.longest_from(0).count() <= fit.free_spans().len());
    }
}
