//! The memory of a device: one budget, pools that divide it, and handles to what they hand out.
//!
//! A device gives memory slowly and in blocks; work needs it fast and in pieces. [`DeviceMemory`]
//! takes blocks within a budget, its [`Pool`]s divide them by one of several [`strategy`]s, and an
//! [`Allocation`] is a handle that gives its piece back when it is dropped. [`Workspace`]s are
//! scratch memory that whole scopes give back.
//!
//! What is asked of a pool can be recorded as a [`trace`] and asked again of any strategy.
//!
//! What a device must do for that is the small trait [`Backend`]. [`FakeBackend`] does it without
//! memory and fails when it is told to, [`HostBackend`] does it with the host's memory.

mod allocation;
mod backend;
mod budget;
mod device_memory;
mod fake;
mod host;
mod leaks;
mod options;
mod pool;
mod statistics;
pub mod strategy;
pub mod trace;
mod workspace;

pub use allocation::{Allocation, FixedAllocation, Pinned};
pub use backend::{Backend, Block, DeviceMemoryInfo, EventId, Place, StreamId};
pub use device_memory::{DeviceMemory, MemoryStatistics};
pub use fake::{FakeBackend, FakeCall};
pub use host::{HostBackend, HostBuffer, HostMemory};
pub use leaks::Live;
pub use options::{MemoryOptions, PoolKind, PoolOptions};
pub use pool::{Pool, Request, Tag};
pub use statistics::PoolStatistics;
pub use strategy::{GRANULE_BYTES, StrategyKind};
pub use workspace::{Part, Scope, Workspace};
