//! Prices on a GPU, with the processor behind it.
//!
//! A [`Job`] is computed on either side with the same result, to the bit: a GPU's kernels are those of
//! the processor, operation by operation. A [`Computer`] decides where jobs go and answers what the GPU
//! fails.

mod columns;
mod computer;
mod european;
mod paths;
mod series;

use std::sync::Arc;

use fillrate_kernels::cuda::{Accelerator, Address, CudaPrices, Layout, Memory, Program, Region};

use crate::Result;

pub use self::computer::{Computer, DeviceOptions, Open, Report};
pub use self::european::EuropeanBatch;
pub use self::paths::PathEnds;
pub use self::series::IndicatorJob;

/// Work that a device and the processor both do.
pub trait Job: Send + Sync + 'static {
    /// What comes of it.
    type Answer: Send + 'static;

    /// How much it is, in whatever its cost grows with.
    fn size(&self) -> u64;

    /// Does it on the processor.
    ///
    /// # Errors
    ///
    /// If the job is at fault.
    fn on_processor(&self) -> Result<Self::Answer>;

    /// Does it on a device. This runs on the device's own thread, which may not wait for rayon's: those
    /// may all be waiting for the device.
    ///
    /// # Errors
    ///
    /// If the job is at fault, or the device fails.
    fn on_device(&self, device: &MarketDevice) -> Result<Self::Answer>;
}

/// A device with the kernels over prices.
pub struct MarketDevice {
    pub(super) prices: CudaPrices,
    // Last, since memory goes back to it.
    accelerator: Arc<dyn Accelerator>,
}

impl MarketDevice {
    /// Loads the kernels onto a device.
    ///
    /// # Errors
    ///
    /// If they cannot be compiled, or the device fails.
    pub fn new(accelerator: Arc<dyn Accelerator>) -> Result<Self> {
        let prices = CudaPrices::new(accelerator.queue(Program::Prices)?)?;
        Ok(Self { prices, accelerator })
    }

    /// Its name, such as `cuda:0`.
    #[must_use]
    pub fn name(&self) -> String {
        self.accelerator.name()
    }

    /// Memory for what was laid out.
    pub(super) fn region(&self, layout: &Layout, owner: &'static str) -> Result<Region> {
        Ok(self.accelerator.allocate(Memory::Workspace, layout.bytes().max(1), owner)?)
    }

    /// Copies a column to the device.
    pub(super) fn upload<T: bytemuck::NoUninit>(&self, to: Address, values: &[T]) -> Result<()> {
        if values.is_empty() {
            return Ok(());
        }
        Ok(self.prices.queue().upload(to, bytemuck::cast_slice(values))?)
    }

    /// Copies a column from the device, after waiting for all work before.
    pub(super) fn download(&self, from: Address, values: &mut [f64]) -> Result<()> {
        if values.is_empty() {
            return Ok(());
        }
        Ok(self.prices.queue().download(from, bytemuck::cast_slice_mut(values))?)
    }
}

#[cfg(test)]
mod tests;
