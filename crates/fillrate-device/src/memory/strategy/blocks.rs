//! Free ranges as bits, found from either end in constant time however long they are, and lists of
//! the blocks of granules that they begin in.
//!
//! A free range leaves two bits: an *edge* where it begins and one where it ends. Free ranges never
//! touch, so whoever knows what one granule is knows all around it, and to free or to use a range
//! is to flip the bits at its ends: an edge that was there is there no more, since two ranges became
//! one.
//!
//! The other end of a range that is not in the same block or the next is no search either. The block
//! after its first and the block before its last lie inside of it then and have no edge of their own,
//! so that they can say where it ends and where it begins.
//!
//! Source: D. E. Knuth, *The Art of Computer Programming*, volume 1, section 2.5, "boundary tags",
//! which lie inside of the free memory as these do, if only by its bookkeeping.

#![allow(clippy::inline_always, reason = "calls of a few nanoseconds, measured both ways")]

use super::Span;

/// Granules of a block.
pub(super) const BLOCK_LEN: u32 = u64::BITS;

/// What is known of [`BLOCK_LEN`] granules. Four lie in a cache line.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(16))]
struct Block {
    /// A bit for each granule that is free where the one before it is in use, or the reverse.
    edges: u64,
    /// The next block of the same list; inside of a free range that begins in the block before,
    /// where that ends.
    next: u32,
    /// The previous block of the same list; inside of a free range that ends in the block after,
    /// where that begins.
    previous: u32,
}

/// The blocks of all granules up to some.
///
/// Before them are the heads of the lists: each list is a ring through its head, so that a block
/// leaves without a look at whether it is the first or the last. Blocks that are neighbours in a list
/// lie anywhere; they are written to and never read, and no processor waits for that.
#[derive(Debug)]
pub(super) struct Blocks {
    blocks: Vec<Block>,
    lists: u32,
}

/// The bits of a block's granules before `granule`.
fn below(granule: u32) -> u64 {
    !(u64::MAX << (granule % BLOCK_LEN))
}

/// The bits of a block's granules after `granule`.
fn above(granule: u32) -> u64 {
    !1 << (granule % BLOCK_LEN)
}

impl Blocks {
    /// No granules, and this many empty lists.
    pub(super) fn new(lists: u32) -> Self {
        let head = |index| Block { edges: 0, next: index, previous: index };
        let mut blocks: Vec<_> = (0..lists).map(head).collect();
        // One that nothing is in, so that each block has one before it.
        blocks.push(Block::default());
        Self { blocks, lists }
    }

    /// Makes room for the granules before `end`, in use, and for an edge at `end`. Returns the
    /// number of indices that blocks can have.
    pub(super) fn grow(&mut self, end: u32) -> usize {
        // One more, so that each block has one after it.
        let count = (self.block_of(end) as usize + 2).max(self.blocks.len());
        self.blocks.reserve_exact(count - self.blocks.len());
        self.blocks.resize(count, Block::default());
        count
    }

    /// Blocks that there is memory for.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.blocks.capacity()
    }

    /// The index of the block of a granule.
    #[inline(always)]
    pub(super) fn block_of(&self, granule: u32) -> u32 {
        self.lists + 1 + granule / BLOCK_LEN
    }

    /// The first granule of a block.
    #[inline(always)]
    pub(super) fn start_of_block(&self, block: u32) -> u32 {
        (block - self.lists - 1) * BLOCK_LEN
    }

    #[inline(always)]
    fn edges(&self, block: u32) -> u64 {
        self.blocks[block as usize].edges
    }

    /// Whether a free range begins or ends at `granule`.
    #[inline(always)]
    pub(super) fn is_edge(&self, granule: u32) -> bool {
        self.edges(self.block_of(granule)) >> (granule % BLOCK_LEN) & 1 == 1
    }

    /// Removes the edge at `granule`, or adds one.
    #[inline(always)]
    pub(super) fn flip(&mut self, granule: u32) {
        let block = self.block_of(granule);
        self.blocks[block as usize].edges ^= 1 << (granule % BLOCK_LEN);
    }

    /// The end of the free range that begins at `start`.
    #[inline(always)]
    pub(super) fn end_of(&self, start: u32) -> u32 {
        let block = self.block_of(start);
        let here = self.edges(block) & above(start);
        let next = self.blocks[block as usize + 1];
        let both = u128::from(next.edges) << 64 | u128::from(here);
        if both == 0 { next.next } else { start / BLOCK_LEN * BLOCK_LEN + both.trailing_zeros() }
    }

    /// The start of the free range that ends at `end`.
    #[inline(always)]
    pub(super) fn start_of(&self, end: u32) -> u32 {
        let block = self.block_of(end);
        let here = self.edges(block) & below(end);
        let previous = self.blocks[block as usize - 1];
        let both = u128::from(here) << 64 | u128::from(previous.edges);
        if both == 0 {
            return previous.previous;
        }
        end / BLOCK_LEN * BLOCK_LEN + (BLOCK_LEN - 1) - both.leading_zeros()
    }

    /// Lets the two ends of a free range be found from each other. Its edges are set, and the blocks
    /// between theirs are in no list.
    #[inline(always)]
    pub(super) fn mark(&mut self, range: Span) {
        let (first, last) = (self.block_of(range.start), self.block_of(range.end()));
        if last - first > 1 {
            self.blocks[first as usize + 1].next = range.end();
            self.blocks[last as usize - 1].previous = range.start;
        }
    }

    /// The free ranges that begin in the block of `granule`, where the granule before that is in use.
    #[inline(always)]
    pub(super) fn ranges_around(&self, granule: u32) -> Beginnings<'_> {
        let block = self.block_of(granule);
        let edges = self.edges(block);
        let is_inside = (edges & below(granule)).count_ones() % 2 == 1;
        // The first edge is then the end of a range that began before.
        let edges = if is_inside { edges & (edges - 1) } else { edges };
        Beginnings { blocks: self, start: self.start_of_block(block), edges }
    }

    /// The free ranges that begin in the block of `granule`, and after that, which is in use.
    #[inline(always)]
    pub(super) fn ranges_after(&self, granule: u32) -> Beginnings<'_> {
        let block = self.block_of(granule);
        let edges = self.edges(block) & above(granule);
        Beginnings { blocks: self, start: self.start_of_block(block), edges }
    }

    /// Puts a block that is in no list at the front of one.
    #[inline(always)]
    pub(super) fn link(&mut self, list: usize, block: u32) {
        let next = std::mem::replace(&mut self.blocks[list].next, block);
        self.blocks[next as usize].previous = block;
        let entry = &mut self.blocks[block as usize];
        (entry.next, entry.previous) = (next, list as u32);
    }

    /// Takes a block out of its list. Returns whether that is empty now.
    #[inline(always)]
    pub(super) fn unlink(&mut self, block: u32) -> bool {
        let Block { next, previous, .. } = self.blocks[block as usize];
        self.blocks[next as usize].previous = previous;
        self.blocks[previous as usize].next = next;
        next == previous
    }

    /// The first block of a list that has one.
    #[inline(always)]
    pub(super) fn first(&self, list: usize) -> u32 {
        self.blocks[list].next
    }

    /// The blocks of a list.
    pub(super) fn list(&self, list: usize) -> impl Iterator<Item = u32> {
        let next = |block: u32| self.blocks[block as usize].next;
        let all =
            std::iter::successors(Some(self.blocks[list].next), move |block| Some(next(*block)));
        all.take_while(move |block| *block as usize != list)
    }
}

/// The free ranges that begin in a block, in order.
pub(super) struct Beginnings<'a> {
    blocks: &'a Blocks,
    /// The first granule of the block.
    start: u32,
    /// Its edges from a beginning on.
    edges: u64,
}

impl Iterator for Beginnings<'_> {
    type Item = Span;

    #[inline(always)]
    fn next(&mut self) -> Option<Span> {
        if self.edges == 0 {
            return None;
        }
        let start = self.start + self.edges.trailing_zeros();
        self.edges &= self.edges - 1;
        if self.edges == 0 {
            // It may end in another block.
            return Some(Span { start, len: self.blocks.end_of(start) - start });
        }
        let end = self.start + self.edges.trailing_zeros();
        self.edges &= self.edges - 1;
        Some(Span { start, len: end - start })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_a_range_are_found_from_each_other() {
        let mut blocks = Blocks::new(3);
        blocks.grow(100_000);
        for start in [0, 1, 63, 64, 127, 128] {
            for len in [1, 2, 63, 64, 65, 127, 128, 129, 192, 193, 4096, 99_000] {
                let range = Span { start, len };
                blocks.flip(start);
                blocks.flip(range.end());
                blocks.mark(range);
                assert!(blocks.is_edge(start) && blocks.is_edge(range.end()));
                assert_eq!(blocks.end_of(start), range.end(), "{range:?}");
                assert_eq!(blocks.start_of(range.end()), start, "{range:?}");
                blocks.flip(start);
                blocks.flip(range.end());
                assert!(!blocks.is_edge(start) && !blocks.is_edge(range.end()));
            }
        }
    }

    #[test]
    fn ranges_of_a_block_are_told_from_what_is_between_them() {
        let mut blocks = Blocks::new(0);
        blocks.grow(1000);
        // One that begins before, two inside, and one that ends behind.
        let ranges = [(50, 80), (90, 91), (92, 100), (120, 700)];
        let ranges = ranges.map(|(start, end)| Span { start, len: end - start });
        for range in ranges {
            blocks.flip(range.start);
            blocks.flip(range.end());
            blocks.mark(range);
        }
        for range in &ranges[1..] {
            assert!(blocks.ranges_around(range.start).eq(ranges[1..].iter().copied()));
        }
        assert!(blocks.ranges_after(100).eq([ranges[3]]));
        assert!(blocks.ranges_around(50).eq([ranges[0]]));
        assert_eq!(blocks.ranges_after(700).next(), None);
    }

    #[test]
    fn a_list_gives_the_last_first_and_says_when_it_is_empty() {
        let mut blocks = Blocks::new(2);
        blocks.grow(1000);
        let [a, b, c] = [0, 64, 128].map(|granule| blocks.block_of(granule));
        for block in [a, b, c] {
            blocks.link(1, block);
        }
        assert_eq!(blocks.first(1), c);
        assert!(blocks.list(1).eq([c, b, a]) && blocks.list(0).next().is_none());
        assert!(!blocks.unlink(b) && !blocks.unlink(c));
        assert!(blocks.list(1).eq([a]));
        assert!(blocks.unlink(a));
        assert!(blocks.list(1).next().is_none());
    }
}
