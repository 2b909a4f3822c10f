//! PyTorch's caching allocator on numbers: which segments a sequence of requests takes from the GPU.
//!
//! Requests are rounded to 512 bytes. Those of up to 1 MiB come from segments of 2 MiB; larger ones
//! of less than 10 MiB from segments of 20 MiB; the others get a segment of their own, rounded to
//! 2 MiB. The smallest free block that is large enough is taken, and split if what is left over is
//! worth it; neighbours that are free are joined. Segments stay with the process.
//!
//! Source: `c10/cuda/CUDACachingAllocator.cpp` of PyTorch 2.15 (`round_size`, `get_allocation_size`,
//! `get_free_block`, `should_split`, `free_block`), with its default settings.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::tape::{Event, Storage, rounded};

const MIB: u64 = 1 << 20;
const SMALL_MAX: u64 = MIB;
const SMALL_SEGMENT: u64 = 2 * MIB;
const LARGE_MIN: u64 = 10 * MIB;
const LARGE_SEGMENT: u64 = 20 * MIB;
const SEGMENT_MULTIPLE: u64 = 2 * MIB;
const SMALL_SPLIT_MIN: u64 = 512;

/// What a sequence of requests took at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Peaks {
    /// The blocks that were handed out, in bytes.
    pub(super) allocated_bytes: u64,
    /// The segments, in bytes.
    pub(super) reserved_bytes: u64,
}

#[derive(Default)]
struct Allocator {
    /// Blocks by address. Segments do not touch, so neighbours of a segment are neighbours here.
    blocks: BTreeMap<u64, Block>,
    /// Free blocks of small and of large segments, by size, then address.
    free: [BTreeSet<(u64, u64)>; 2],
    next_segment: u64,
    allocated_bytes: u64,
    reserved_bytes: u64,
    peaks: Peaks,
}

#[derive(Clone, Copy, Debug)]
struct Block {
    size: u64,
    segment: u64,
    is_small: bool,
    is_free: bool,
}

/// Replays the events of a tape.
pub(super) fn replay(events: &[Event]) -> Peaks {
    let mut allocator = Allocator::default();
    let mut addresses: HashMap<Storage, u64> = HashMap::new();
    for event in events {
        match *event {
            Event::Allocate(storage, bytes) => {
                addresses.insert(storage, allocator.allocate(bytes));
            }
            Event::Release(storage) => {
                if let Some(address) = addresses.remove(&storage) {
                    allocator.release(address);
                }
            }
        }
    }
    allocator.peaks
}

impl Allocator {
    /// The address of a block for `bytes`.
    fn allocate(&mut self, bytes: u64) -> u64 {
        let size = rounded(bytes.max(1));
        let is_small = size <= SMALL_MAX;
        let pool = usize::from(is_small);
        let found = self.free[pool].range((size, 0)..).next().copied();
        let (block_size, address) = found.unwrap_or_else(|| self.add_segment(size, is_small));
        self.free[pool].remove(&(block_size, address));
        let left = block_size - size;
        let splits = if is_small { left >= SMALL_SPLIT_MIN } else { left > SMALL_MAX };
        let mut taken = block_size;
        if let Some(block) = self.blocks.get_mut(&address) {
            block.is_free = false;
            if splits {
                taken = size;
                block.size = size;
                let rest = Block { size: left, is_free: true, ..*block };
                self.blocks.insert(address + size, rest);
                self.free[pool].insert((left, address + size));
            }
        }
        self.allocated_bytes += taken;
        self.peaks.allocated_bytes = self.peaks.allocated_bytes.max(self.allocated_bytes);
        address
    }

    /// A segment that is one free block: its size and address.
    fn add_segment(&mut self, size: u64, is_small: bool) -> (u64, u64) {
        let segment = match size {
            0..=SMALL_MAX => SMALL_SEGMENT,
            size if size < LARGE_MIN => LARGE_SEGMENT,
            _ => size.next_multiple_of(SEGMENT_MULTIPLE),
        };
        let address = self.next_segment;
        self.next_segment += segment;
        self.reserved_bytes += segment;
        self.peaks.reserved_bytes = self.peaks.reserved_bytes.max(self.reserved_bytes);
        let block = Block { size: segment, segment: address, is_small, is_free: true };
        self.blocks.insert(address, block);
        (segment, address)
    }

    /// Takes a block back and joins it with free neighbours of its segment.
    fn release(&mut self, address: u64) {
        let Some(mut block) = self.blocks.remove(&address) else { return };
        self.allocated_bytes -= block.size;
        let mut start = address;
        let pool = usize::from(block.is_small);
        let before = self.blocks.range(..address).next_back().map(|(&at, &other)| (at, other));
        let after = self.blocks.get_key_value(&(address + block.size)).map(|(&at, &o)| (at, o));
        for (at, other) in [before, after].into_iter().flatten() {
            if other.is_free && other.segment == block.segment {
                self.blocks.remove(&at);
                self.free[pool].remove(&(other.size, at));
                start = start.min(at);
                block.size += other.size;
            }
        }
        block.is_free = true;
        self.free[pool].insert((block.size, start));
        self.blocks.insert(start, block);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn segments_are_of_the_sizes_that_pytorch_takes() {
        let mut allocator = Allocator::default();
        for (bytes, reserved_mib) in [
            (1, 2),
            (MIB, 2),
            // What is left of the first segment is 512 bytes short of a megabyte.
            (MIB, 4),
            (MIB + 1, 24),
            (9 * MIB, 24),
            (9 * MIB, 24),
            (10 * MIB, 34),
            (11 * MIB, 46),
        ] {
            allocator.allocate(bytes);
            assert_eq!(allocator.reserved_bytes, reserved_mib * MIB, "{bytes}");
        }
        // A megabyte that is left over is not split off: the last request counts as 12 MiB.
        assert_eq!(allocator.peaks.allocated_bytes, 512 + 2 * MIB + (20 + 10 + 12) * MIB);
    }

    #[test]
    fn freed_neighbours_join_and_are_used_again() {
        let mut allocator = Allocator::default();
        let parts: Vec<u64> = (0..4).map(|_| allocator.allocate(5 * MIB)).collect();
        assert_eq!(allocator.reserved_bytes, 20 * MIB);
        allocator.release(parts[1]);
        allocator.release(parts[2]);
        assert_eq!(allocator.allocate(9 * MIB), parts[1]);
        assert_eq!(allocator.reserved_bytes, 20 * MIB);
        // One megabyte is left there and was not split off.
        allocator.allocate(6 * MIB);
        assert_eq!(allocator.reserved_bytes, 40 * MIB);
    }

    proptest! {
        #[test]
        fn blocks_never_overlap_and_all_comes_back(
            requests in proptest::collection::vec((1_u64..30 * MIB, any::<bool>()), 1..200),
        ) {
            let mut allocator = Allocator::default();
            let mut held: Vec<(u64, u64)> = Vec::new();
            for (bytes, frees) in requests {
                let address = allocator.allocate(bytes);
                for &(other, size) in &held {
                    prop_assert!(address + bytes <= other || other + size <= address);
                }
                held.push((address, bytes));
                if frees {
                    let (address, _) = held.swap_remove(held.len() / 2);
                    allocator.release(address);
                }
            }
            prop_assert!(allocator.allocated_bytes <= allocator.reserved_bytes);
            for (address, _) in held {
                allocator.release(address);
            }
            prop_assert_eq!(allocator.allocated_bytes, 0);
            let free: u64 = allocator.free.iter().flatten().map(|(size, _)| size).sum();
            prop_assert_eq!(free, allocator.reserved_bytes);
            prop_assert!(allocator.blocks.values().all(|block| block.is_free));
        }
    }
}
