//! Handles to allocations. A handle is not an address: while nobody holds the address, a
//! defragmentation may move what lies there.

use std::fmt;
use std::sync::Arc;

use super::backend::StreamId;
use super::pool::Shared;

/// An allocation; dropping it gives it back.
pub struct Allocation {
    pool: Arc<Shared>,
    index: u32,
}

impl Allocation {
    pub(super) fn new(pool: Arc<Shared>, index: u32) -> Self {
        Self { pool, index }
    }

    /// The size asked for, in bytes.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.pool.size_bytes(self.index)
    }

    /// Keeps it where it is and tells the address, while the answer lives: until the work that
    /// uses the address has been given to the allocation's stream, after which a move would come
    /// behind it.
    #[must_use]
    pub fn pin(&self) -> Pinned<'_> {
        Pinned { address: self.pool.pin(self.index), allocation: self }
    }

    /// Keeps it where it is for good, for what holds its address longer than a launch: a captured
    /// graph, another library.
    #[must_use]
    pub fn into_fixed(self) -> FixedAllocation {
        FixedAllocation { address: self.pool.pin(self.index), allocation: self }
    }

    /// Notes that work of another stream uses it too. Once given back, it waits for the work that
    /// `stream` has been given until then.
    pub fn use_on(&self, stream: StreamId) {
        self.pool.use_on(self.index, stream);
    }
}

impl Drop for Allocation {
    fn drop(&mut self) {
        self.pool.free(self.index);
    }
}

impl fmt::Debug for Allocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Allocation").field("size_bytes", &self.size_bytes()).finish_non_exhaustive()
    }
}

/// An allocation that stays where it is while this lives.
#[derive(Debug)]
pub struct Pinned<'a> {
    allocation: &'a Allocation,
    address: u64,
}

impl Pinned<'_> {
    /// The address of its first byte, on the device.
    #[must_use]
    pub fn address(&self) -> u64 {
        self.address
    }
}

impl Drop for Pinned<'_> {
    fn drop(&mut self) {
        self.allocation.pool.unpin(self.allocation.index);
    }
}

/// An allocation that is never moved; dropping it gives it back.
#[derive(Debug)]
pub struct FixedAllocation {
    allocation: Allocation,
    address: u64,
}

impl FixedAllocation {
    /// The address of its first byte, on the device.
    #[must_use]
    pub fn address(&self) -> u64 {
        self.address
    }

    /// The size asked for, in bytes.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.allocation.size_bytes()
    }

    /// As [`Allocation::use_on`].
    pub fn use_on(&self, stream: StreamId) {
        self.allocation.use_on(stream);
    }
}
