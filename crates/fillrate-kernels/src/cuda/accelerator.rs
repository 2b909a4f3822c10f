//! What a model needs of a device besides its ops: memory, and queues.

use std::any::Any;
use std::sync::Arc;

use fillrate_device::probe::Sensors;

use super::{Address, Element, Program, Queue};
use crate::Result;

/// What memory is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// What lives as long as a model: weights, tables.
    Persistent,
    /// What a pass writes.
    Workspace,
}

/// A device: a GPU, or in tests the processor in its stead.
pub trait Accelerator: Send + Sync {
    /// The type that its kernels compute in.
    fn element(&self) -> Element;

    /// Whether it multiplies 8-bit floats.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`](crate::Error::Unsupported) if it does not, with what does.
    fn require_fp8(&self) -> Result<()> {
        let needs = "products of 8-bit floats, which it has not".to_owned();
        Err(crate::Error::Unsupported { device: self.name(), what: "fp8", needs })
    }

    /// Its name in records, such as `cuda:0`.
    fn name(&self) -> String;

    /// A new queue that runs the kernels of a program.
    ///
    /// # Errors
    ///
    /// If the kernels cannot be compiled or the device fails.
    fn queue(&self, program: Program) -> Result<Arc<dyn Queue>>;

    /// Memory of exactly so many bytes, at a multiple of
    /// [`ALIGNMENT_BYTES`](super::ALIGNMENT_BYTES).
    ///
    /// # Errors
    ///
    /// If there is no room; [`Error::is_out_of_memory`](crate::Error::is_out_of_memory) tells.
    fn allocate(&self, memory: Memory, bytes: usize, owner: &'static str) -> Result<Region>;

    /// Gives memory in which nothing is allocated back to whoever else uses the device; how many
    /// bytes it was. A device that has nothing to give back does nothing.
    ///
    /// # Errors
    ///
    /// If the device fails.
    fn trim(&self) -> Result<u64> {
        Ok(0)
    }

    /// Its sensors, if it has any. They outlive its context.
    fn sensors(&self) -> Option<Sensors> {
        None
    }
}

/// Device memory that is given back when this is dropped.
pub struct Region {
    address: Address,
    bytes: usize,
    _owner: Box<dyn Any + Send + Sync>,
}

impl Region {
    /// Memory that `owner` gives back when it is dropped.
    #[must_use]
    pub fn new(address: Address, bytes: usize, owner: Box<dyn Any + Send + Sync>) -> Self {
        Self { address, bytes, _owner: owner }
    }

    /// Where it begins.
    #[must_use]
    pub const fn address(&self) -> Address {
        self.address
    }

    /// How much was asked for, in bytes.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }
}
