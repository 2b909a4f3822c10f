//! The host's memory behind the same pools: staging buffers, scratch of the processor's kernels.
#![allow(unsafe_code, reason = "memory is had from the allocator and lent as slices")]

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::allocation::FixedAllocation;
use super::backend::{Backend, Block, DeviceMemoryInfo, EventId, Place, StreamId};
use super::device_memory::{DeviceMemory, MemoryStatistics};
use super::leaks::Live;
use super::options::{MemoryOptions, PoolKind};
use super::pool::Request;
use crate::error::Result;
use crate::fault::Fault;

/// What blocks are aligned to: a page, so that a block shares none with anything else.
const BLOCK_ALIGNMENT_BYTES: usize = 4096;

/// The host as a device without streams: what it is told to do is done when the call returns.
#[derive(Debug)]
pub struct HostBackend {
    total_bytes: u64,
    blocks: Mutex<Blocks>,
}

#[derive(Debug, Default)]
struct Blocks {
    by_id: HashMap<u64, HostBlock>,
    next_id: u64,
    reserved_bytes: u64,
}

/// Memory from the allocator, zeroed when it came.
#[derive(Debug)]
struct HostBlock {
    start: NonNull<u8>,
    layout: Layout,
}

// SAFETY: a block owns its memory, and the pointer is used by whoever has the block.
unsafe impl Send for HostBlock {}

impl HostBlock {
    fn new(size_bytes: u64) -> Option<Self> {
        let size = usize::try_from(size_bytes).ok().filter(|size| *size > 0)?;
        let layout = Layout::from_size_align(size, BLOCK_ALIGNMENT_BYTES).ok()?;
        // SAFETY: the layout's size is not zero.
        let start = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        Some(Self { start, layout })
    }

    /// A pointer to `size_bytes` within the block.
    fn range(&self, place: Place, size_bytes: u64) -> Option<*mut u8> {
        let end_bytes = place.offset_bytes.checked_add(size_bytes)?;
        let is_within = end_bytes <= self.layout.size() as u64;
        // SAFETY: the offset is at most the block's size.
        is_within.then(|| unsafe { self.start.as_ptr().add(place.offset_bytes as usize) })
    }
}

impl Drop for HostBlock {
    fn drop(&mut self) {
        // SAFETY: the memory came from the allocator with this layout and is given back once.
        unsafe { dealloc(self.start.as_ptr(), self.layout) }
    }
}

impl HostBackend {
    /// The host, of which `total_bytes` may be had: what
    /// [`Memory::available_bytes`](crate::probe::Memory::available_bytes) says, or less.
    #[must_use]
    pub fn new(total_bytes: u64) -> Self {
        Self { total_bytes, blocks: Mutex::default() }
    }

    fn blocks(&self) -> MutexGuard<'_, Blocks> {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Backend for HostBackend {
    fn name(&self) -> &'static str {
        "host"
    }

    fn memory(&self) -> Result<DeviceMemoryInfo, Fault> {
        let free_bytes = self.total_bytes - self.blocks().reserved_bytes;
        Ok(DeviceMemoryInfo { total_bytes: self.total_bytes, free_bytes })
    }

    fn reserve(&self, size_bytes: u64) -> Result<Block, Fault> {
        let mut blocks = self.blocks();
        let is_within = size_bytes <= self.total_bytes - blocks.reserved_bytes;
        let block = is_within.then(|| HostBlock::new(size_bytes)).flatten();
        let block = block.ok_or(Fault::OutOfMemory { requested_bytes: size_bytes })?;
        blocks.next_id += 1;
        blocks.reserved_bytes += size_bytes;
        let (id, address) = (blocks.next_id, block.start.as_ptr().expose_provenance() as u64);
        blocks.by_id.insert(id, block);
        Ok(Block { id, address, size_bytes })
    }

    fn release(&self, block: Block) -> Result<(), Fault> {
        let mut blocks = self.blocks();
        let known = blocks.by_id.remove(&block.id);
        let known = known.ok_or_else(|| unknown("block"))?;
        blocks.reserved_bytes -= known.layout.size() as u64;
        Ok(())
    }

    fn record(&self, _: StreamId) -> Result<EventId, Fault> {
        Ok(EventId(0))
    }

    fn is_complete(&self, _: EventId) -> Result<bool, Fault> {
        Ok(true)
    }

    fn wait(&self, _: StreamId, _: EventId) -> Result<(), Fault> {
        Ok(())
    }

    fn copy(&self, from: Place, to: Place, size_bytes: u64, _: StreamId) -> Result<(), Fault> {
        let blocks = self.blocks();
        let range = |place: Place| {
            let block = blocks.by_id.get(&place.block);
            block.and_then(|b| b.range(place, size_bytes)).ok_or_else(|| unknown("range"))
        };
        let (source, target) = (range(from)?, range(to)?);
        // SAFETY: both ranges lie in blocks that live while the lock is held, and `copy` may be
        // given ranges that overlap. Nobody reads or writes them meanwhile: buffers are lent out
        // of a backend that is private to `HostMemory`, which copies nothing.
        unsafe { std::ptr::copy(source, target, size_bytes as usize) }
        Ok(())
    }
}

fn unknown(what: &str) -> Fault {
    Fault::Operation { what: format!("no such {what} is reserved") }
}

/// Host memory in pools.
///
/// ```
/// use fillrate_device::memory::{HostMemory, MemoryOptions, PoolKind, Request};
///
/// let memory = HostMemory::new(1 << 24, MemoryOptions::default())?;
/// let mut staging = memory.allocate(PoolKind::Shared, &Request::new(1000).tagged("staging"))?;
/// staging[..3].copy_from_slice(b"abc");
/// assert_eq!(staging.len(), 1000);
/// # Ok::<(), fillrate_device::Error>(())
/// ```
pub struct HostMemory {
    /// Not lent: who could give blocks back could pull them from under a buffer.
    memory: DeviceMemory,
}

impl HostMemory {
    /// Pools over the host's memory, of which `total_bytes` may be had.
    ///
    /// # Errors
    ///
    /// As [`DeviceMemory::new`].
    pub fn new(total_bytes: u64, options: MemoryOptions) -> Result<Self> {
        let memory = DeviceMemory::new(Arc::new(HostBackend::new(total_bytes)), options)?;
        Ok(Self { memory })
    }

    /// Allocates a buffer. Its bytes are zero, or what was last written there.
    ///
    /// # Errors
    ///
    /// As [`Pool::allocate`](super::Pool::allocate).
    pub fn allocate(&self, pool: PoolKind, request: &Request) -> Result<HostBuffer> {
        let memory = self.memory.pool(pool).allocate(request)?.into_fixed();
        let len = memory.size_bytes() as usize;
        Ok(HostBuffer { memory, len })
    }

    /// As [`DeviceMemory::trim`].
    ///
    /// # Errors
    ///
    /// None that the host gives reason for.
    pub fn trim(&self) -> Result<u64> {
        self.memory.trim()
    }

    /// As [`DeviceMemory::statistics`].
    #[must_use]
    pub fn statistics(&self) -> MemoryStatistics {
        self.memory.statistics()
    }

    /// As [`DeviceMemory::live`].
    #[must_use]
    pub fn live(&self) -> Vec<Live> {
        self.memory.live()
    }
}

/// Bytes of host memory; dropping them gives them back to their pool.
#[derive(Debug)]
pub struct HostBuffer {
    memory: FixedAllocation,
    len: usize,
}

impl Deref for HostBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let start = std::ptr::with_exposed_provenance(self.memory.address() as usize);
        // SAFETY: the allocation was made in a `HostMemory`, so its address is that of host memory,
        // which was zeroed when it came. It holds `len` bytes that overlap no other allocation, is
        // never moved, and keeps its block alive.
        unsafe { std::slice::from_raw_parts(start, self.len) }
    }
}

impl DerefMut for HostBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        let start = std::ptr::with_exposed_provenance_mut(self.memory.address() as usize);
        // SAFETY: as in `deref`, and the buffer is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(start, self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_hold_what_is_written_into_them() {
        let memory = HostMemory::new(1 << 22, MemoryOptions::default()).unwrap();
        let mut buffers: Vec<HostBuffer> = (0..100_u8)
            .map(|fill| {
                let request = Request::new(u64::from(fill) * 7).aligned_to(512);
                let mut buffer = memory.allocate(PoolKind::Default, &request).unwrap();
                assert!((buffer.as_ptr() as usize).is_multiple_of(512));
                buffer.fill(fill);
                buffer
            })
            .collect();
        buffers.retain(|buffer| buffer.len() % 2 == 0);
        let all = |buffer: &HostBuffer| buffer.iter().all(|b| usize::from(*b) * 7 == buffer.len());
        assert!(buffers.iter().all(all));
        assert_eq!(memory.live().len(), 50);
        drop(buffers);
        assert!(memory.trim().unwrap() > 0);
        assert_eq!(memory.statistics().reserved_bytes, 0);
    }

    #[test]
    fn more_than_may_be_had_is_refused() {
        let backend = HostBackend::new(1 << 20);
        let block = backend.reserve(1 << 20).unwrap();
        assert_eq!(backend.reserve(256), Err(Fault::OutOfMemory { requested_bytes: 256 }));
        let place = |offset_bytes| Place { block: block.id, offset_bytes };
        assert!(backend.copy(place(0), place((1 << 20) - 10), 11, StreamId(0)).is_err());
        backend.release(block).unwrap();
        assert!(backend.release(block).is_err());
        assert_eq!(backend.memory().unwrap().free_bytes, 1 << 20);
    }
}
