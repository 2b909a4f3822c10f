//! What the pools ask of a device: blocks of memory, and how far its streams are.

use crate::fault::Fault;

/// The name of a stream: an ordered queue of a device's work. A backend gives it its meaning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId(pub u64);

/// A point in a stream's work, named by the backend that recorded it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventId(pub u64);

/// A block of device memory, as a backend reserved it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// The backend's name for it.
    pub id: u64,
    /// Where it begins, in the device's address space; a multiple of
    /// [`GRANULE_BYTES`](super::GRANULE_BYTES).
    pub address: u64,
    /// Its size.
    pub size_bytes: u64,
}

/// A range within a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The block's [`id`](Block::id).
    pub block: u64,
    /// Where the range begins, from the start of the block.
    pub offset_bytes: u64,
}

/// How much memory a device has, all processes together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct DeviceMemoryInfo {
    /// Built in.
    pub total_bytes: u64,
    /// Free now.
    pub free_bytes: u64,
}

/// A device, as far as memory is concerned.
///
/// Calls come from any thread, seldom (a block is reserved for thousands of allocations, an event
/// recorded where two streams share memory), and never two for one block at once.
///
/// A device without streams runs every call at once: its events are complete when recorded.
pub trait Backend: Send + Sync {
    /// The device's name in errors and reports, such as `cuda:0`.
    fn name(&self) -> &str;

    /// How much memory there is.
    ///
    /// # Errors
    ///
    /// If the device does not say.
    fn memory(&self) -> Result<DeviceMemoryInfo, Fault>;

    /// Reserves a block of `size_bytes`, a multiple of [`GRANULE_BYTES`](super::GRANULE_BYTES).
    ///
    /// # Errors
    ///
    /// [`Fault::OutOfMemory`] if the device has not that much, another fault if it fails.
    fn reserve(&self, size_bytes: u64) -> Result<Block, Fault>;

    /// Gives a block back. Work that uses it may still be under way: the backend waits for it.
    ///
    /// # Errors
    ///
    /// If the device fails; the block is then lost, and is not given back again.
    fn release(&self, block: Block) -> Result<(), Fault>;

    /// Marks the point that `stream`'s work has reached with all that it was given until now.
    ///
    /// # Errors
    ///
    /// If the device fails.
    fn record(&self, stream: StreamId) -> Result<EventId, Fault>;

    /// Whether all work before `event` is done. An event is asked after until the answer is `true`
    /// or it is waited for, and never again: the backend may then use it anew.
    ///
    /// # Errors
    ///
    /// If the device fails.
    fn is_complete(&self, event: EventId) -> Result<bool, Fault>;

    /// Lets what `stream` is given from now on begin only when all work before `event` is done. The
    /// caller does not wait. The event is of no more use to it.
    ///
    /// # Errors
    ///
    /// If the device fails.
    fn wait(&self, stream: StreamId, event: EventId) -> Result<(), Fault>;

    /// Copies `size_bytes` between ranges that do not overlap, as a part of `stream`'s work.
    ///
    /// # Errors
    ///
    /// If the device fails.
    fn copy(&self, from: Place, to: Place, size_bytes: u64, stream: StreamId) -> Result<(), Fault>;
}
