//! Prices on a GPU, with the processor behind it.
//!
//! A [`Job`] is computed on either side with the same result, to the bit: a GPU's kernels are those of
//! the processor, operation by operation. Products of matrices alone ([`MatmulJob`]), which libraries
//! compute, are equal within a bound. A [`Computer`] decides where jobs go and answers what the GPU
//! fails. Jobs of options and backtests stand beside what they compute.

mod columns;
mod computer;
mod european;
mod implied;
mod matmul;
mod series;
mod simulation;
mod tiles;

use std::sync::Arc;

use fillrate_kernels::cuda::{
    Accelerator, Address, CudaPrices, CudaProducts, Layout, Memory, Program, Region,
};

use crate::Result;

pub use self::computer::{Computer, DeviceOptions, Open, Report};
pub use self::european::EuropeanBatch;
pub use self::implied::ImpliedVolBatch;
pub use self::matmul::MatmulJob;
pub use self::series::IndicatorJob;
pub use self::simulation::{PartSummary, SimulationPart};
pub(in crate::market) use self::tiles::by_tiles;
pub use fillrate_kernels::{MatmulShape, MatmulValue};

/// What is copied at a time: copies go through page-locked memory, which should stay small.
const COPY_BYTES: usize = 32 << 20;

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
    pub(crate) prices: CudaPrices,
    pub(super) products: CudaProducts,
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
        let queue = accelerator.queue(Program::Prices)?;
        let products = CudaProducts::new(Arc::clone(&queue));
        Ok(Self { prices: CudaPrices::new(queue)?, products, accelerator })
    }

    /// Its name, such as `cuda:0`.
    #[must_use]
    pub fn name(&self) -> String {
        self.accelerator.name()
    }

    /// Memory for what was laid out.
    pub(crate) fn region(&self, layout: &Layout, owner: &'static str) -> Result<Region> {
        Ok(self.accelerator.allocate(Memory::Workspace, layout.bytes().max(1), owner)?)
    }

    /// Copies a column to the device.
    pub(crate) fn upload<T: bytemuck::NoUninit>(&self, to: Address, values: &[T]) -> Result<()> {
        for (piece, bytes) in bytemuck::cast_slice(values).chunks(COPY_BYTES).enumerate() {
            self.prices.queue().upload(to.plus(piece * COPY_BYTES), bytes)?;
        }
        Ok(())
    }

    /// Copies a column from the device, after waiting for all work before.
    pub(crate) fn download<T: bytemuck::Pod>(&self, from: Address, values: &mut [T]) -> Result<()> {
        for (piece, bytes) in bytemuck::cast_slice_mut(values).chunks_mut(COPY_BYTES).enumerate() {
            self.prices.queue().download(from.plus(piece * COPY_BYTES), bytes)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
