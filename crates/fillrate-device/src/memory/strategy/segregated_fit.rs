//! Segregated fit: free ranges in bins by size class, each found through a bitmap.
//!
//! An allocation takes from the first bin all of whose ranges are long enough, so it searches nothing;
//! what is left of the range goes back. A range knows the ranges before and after it in memory, so
//! that a free one joins them without a search either. Both take the same time with ten holes and
//! with a hundred thousand. Only where the alternative is to fail is a bin looked through.
//!
//! A bin is a stack of indices, and a range knows its place in it, so that one is taken out of the
//! middle by putting the last in its place. With lists, each end would touch two more ranges that lie
//! anywhere, and with many holes none of them is in the cache.
//!
//! Source: the bins and nodes are those of S. Aaltonen's `OffsetAllocator`, the idea that of M. Masmano et
//! al., "TLSF: a New Dynamic Memory Allocator for Real-Time Systems" (ECRTS 2004).

use super::bins::{BINS, Occupied, bin_of, bin_that_holds};
use super::{Placement, Span, Strategy};

/// No node.
const NONE: u32 = u32::MAX;

/// In place of a place in a bin: the range is in use.
const IN_USE: u32 = u32::MAX;

/// A range, free or in use.
#[derive(Clone, Copy, Debug)]
struct Node {
    start: u32,
    len: u32,
    /// The range before it in memory, if they touch.
    before: u32,
    /// The range after it in memory, if they touch.
    after: u32,
    /// Its place in the bin of its class, or [`IN_USE`].
    slot: u32,
}

impl Node {
    fn is_free(&self) -> bool {
        self.slot != IN_USE
    }
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct SegregatedFit {
    nodes: Vec<Node>,
    /// Nodes that stand for no range.
    spare: Vec<u32>,
    /// The free ranges of each class.
    bins: Vec<Vec<u32>>,
    occupied: Occupied,
    free_len: u64,
}

impl Default for SegregatedFit {
    fn default() -> Self {
        Self {
            nodes: Vec::new(),
            spare: Vec::new(),
            bins: vec![Vec::new(); BINS],
            occupied: Occupied::default(),
            free_len: 0,
        }
    }
}

impl SegregatedFit {
    fn add_node(&mut self, node: Node) -> u32 {
        if let Some(index) = self.spare.pop() {
            self.nodes[index as usize] = node;
            return index;
        }
        let index = self.nodes.len() as u32;
        assert!(index < NONE, "a node for each granule of a tebibyte at most");
        self.nodes.push(node);
        index
    }

    /// Puts a free range into the bin of its class.
    #[inline]
    fn link(&mut self, index: u32) {
        let bin = bin_of(self.nodes[index as usize].len);
        let ranges = &mut self.bins[bin];
        self.nodes[index as usize].slot = ranges.len() as u32;
        if ranges.is_empty() {
            self.occupied.set(bin);
        }
        ranges.push(index);
    }

    /// Takes a free range out of its bin.
    #[inline]
    fn unlink(&mut self, index: u32) {
        let Node { slot, len, .. } = self.nodes[index as usize];
        let bin = bin_of(len);
        let ranges = &mut self.bins[bin];
        ranges.swap_remove(slot as usize);
        if let Some(&moved) = ranges.get(slot as usize) {
            self.nodes[moved as usize].slot = slot;
        } else if ranges.is_empty() {
            self.occupied.clear(bin);
        }
    }

    /// The ranges of a class.
    fn ranges(&self, bin: usize) -> impl Iterator<Item = (u32, &Node)> {
        self.bins[bin].iter().map(|&index| (index, &self.nodes[index as usize]))
    }

    /// The free ranges of all classes from `bin` on.
    fn ranges_from(&self, bin: usize) -> impl Iterator<Item = (u32, &Node)> {
        let next = |bin: usize| self.occupied.first_from(bin);
        std::iter::successors(next(bin), move |bin| next(bin + 1)).flat_map(|bin| self.ranges(bin))
    }

    /// Allocates the first `len` granules of the free range `index`.
    #[inline]
    fn take(&mut self, index: u32, len: u32) -> Placement {
        self.free_len -= u64::from(len);
        let node = self.nodes[index as usize];
        if node.len == len {
            self.unlink(index);
            self.nodes[index as usize].slot = IN_USE;
            return Placement { span: Span { start: node.start, len }, token: index };
        }
        // What is left keeps the node, and so its place in its bin if it stays in its class: the
        // usual case of a small request out of a large range changes no bin.
        let rest_len = node.len - len;
        let stays = bin_of(rest_len) == bin_of(node.len);
        if !stays {
            self.unlink(index);
        }
        let taken = self.add_node(Node {
            start: node.start,
            len,
            before: node.before,
            after: index,
            slot: IN_USE,
        });
        if node.before != NONE {
            self.nodes[node.before as usize].after = taken;
        }
        let rest = &mut self.nodes[index as usize];
        (rest.start, rest.len, rest.before) = (node.start + len, rest_len, taken);
        if !stays {
            self.link(index);
        }
        Placement { span: Span { start: node.start, len }, token: taken }
    }

    /// Makes the free or freed range `index` one with the range `other` if that is free and behind
    /// it in memory, and forgets `other`.
    #[inline]
    fn absorb(&mut self, index: u32, other: u32) {
        let Node { len, after, .. } = self.nodes[other as usize];
        let node = &mut self.nodes[index as usize];
        node.len += len;
        node.after = after;
        if after != NONE {
            self.nodes[after as usize].before = index;
        }
        self.spare.push(other);
    }

    fn is_free(&self, index: u32) -> bool {
        index != NONE && self.nodes[index as usize].is_free()
    }
}

impl Strategy for SegregatedFit {
    fn add_region(&mut self, region: Span) {
        let Span { start, len } = region;
        let node = Node { start, len, before: NONE, after: NONE, slot: IN_USE };
        let index = self.add_node(node);
        self.link(index);
        self.free_len += u64::from(len);
    }

    fn remove_region(&mut self, region: Span) -> bool {
        let whole = self
            .ranges(bin_of(region.len))
            .find(|(_, node)| (node.start, node.len) == (region.start, region.len));
        let Some((index, _)) = whole else { return false };
        self.unlink(index);
        self.spare.push(index);
        self.free_len -= u64::from(region.len);
        true
    }

    #[inline]
    fn allocate(&mut self, len: u32) -> Option<Placement> {
        let holds = bin_that_holds(len);
        if let Some(bin) = self.occupied.first_from(holds) {
            let index = *self.bins[bin].last()?;
            return Some(self.take(index, len));
        }
        // The last resort: the one class of which some ranges are long enough and others not.
        let bin = bin_of(len);
        let (index, _) = (bin < holds).then(|| self.ranges(bin).find(|(_, n)| n.len >= len))??;
        Some(self.take(index, len))
    }

    fn allocate_below(&mut self, len: u32, end: u32) -> Option<Placement> {
        let (index, _) = self
            .ranges_from(bin_of(len))
            .filter(|(_, node)| node.len >= len && node.start + len <= end)
            .min_by_key(|(_, node)| node.start)?;
        Some(self.take(index, len))
    }

    #[inline]
    fn free(&mut self, placement: Placement) {
        let mut index = placement.token;
        let Node { len, before, after, .. } = self.nodes[index as usize];
        self.free_len += u64::from(len);
        if self.is_free(after) {
            self.unlink(after);
            self.absorb(index, after);
        }
        if self.is_free(before) {
            self.unlink(before);
            self.absorb(before, index);
            index = before;
        }
        self.link(index);
    }

    fn free_len(&self) -> u64 {
        self.free_len
    }

    fn largest_free(&self) -> u32 {
        let last = self.occupied.last();
        last.and_then(|bin| self.ranges(bin).map(|(_, node)| node.len).max()).unwrap_or(0)
    }

    fn free_spans(&self) -> Vec<Span> {
        self.ranges_from(0).map(|(_, node)| Span { start: node.start, len: node.len }).collect()
    }
}
