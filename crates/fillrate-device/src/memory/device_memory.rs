//! The memory of one device, as far as it is ours.

use std::sync::Arc;

use serde::Serialize;

use super::backend::Backend;
use super::budget::Budget;
use super::leaks::{Live, OnLeak};
use super::options::{MemoryOptions, PoolKind};
use super::pool::Pool;
use super::statistics::PoolStatistics;
use crate::error::{Error, Result};
use crate::fault::Fault;

/// The memory of one device, as far as it is ours: a budget and the pools that share it.
///
/// The budget is taken from what is free when this is made, so that what others have is theirs.
/// Pools take large blocks of the device as they need them, and give them back when they are
/// trimmed. An allocation keeps its pool alive, whatever is dropped first.
///
/// ```
/// use fillrate_device::memory::{DeviceMemory, FakeBackend, MemoryOptions, PoolKind, Request};
///
/// let memory = DeviceMemory::new(FakeBackend::shared(1 << 30), MemoryOptions::default())?;
/// let weights = memory.pool(PoolKind::Persistent).allocate(&Request::new(1_000_000))?;
/// let address = weights.pin().address();
/// assert_eq!(address % 256, 0);
/// drop(weights);
/// memory.trim()?;
/// assert_eq!(memory.statistics().reserved_bytes, 0);
/// # Ok::<(), fillrate_device::Error>(())
/// ```
pub struct DeviceMemory {
    backend: Arc<dyn Backend>,
    budget: Arc<Budget>,
    pools: [Pool; 4],
    on_leak: Option<OnLeak>,
}

/// The state of a device's memory.
#[derive(Clone, Debug, Serialize)]
pub struct MemoryStatistics {
    /// The device.
    pub device: String,
    /// What is ours at most, in bytes.
    pub budget_bytes: u64,
    /// What we have of the device, in bytes.
    pub reserved_bytes: u64,
    /// The pools, in the order of [`PoolKind::ALL`].
    pub pools: Vec<(PoolKind, PoolStatistics)>,
}

impl DeviceMemory {
    /// Settles the budget of a device.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if an option is out of its range, [`Error::Device`] if the device does
    /// not say what is free or does not give what is to be reserved up front.
    pub fn new(backend: Arc<dyn Backend>, options: MemoryOptions) -> Result<Self> {
        let fault = |source: Fault| Error::Device { device: backend.name().to_owned(), source };
        let budget_bytes = options.budget_bytes(backend.memory().map_err(fault)?.free_bytes)?;
        let budget = Budget::new(Arc::clone(&backend), budget_bytes, options.reserve);
        let budget = Arc::new(budget.map_err(fault)?);
        let pools = Pool::family(&options.pools, options.growth_bytes, &backend, &budget);
        Ok(Self { backend, budget, pools, on_leak: None })
    }

    /// Lets `report` have what still lives when this is dropped, if anything does.
    #[must_use]
    pub fn on_leak(mut self, report: impl Fn(&[Live]) + Send + Sync + 'static) -> Self {
        self.on_leak = Some(Box::new(report));
        self
    }

    /// One of its pools.
    #[must_use]
    pub fn pool(&self, kind: PoolKind) -> Pool {
        self.pools[kind as usize].clone()
    }

    /// The device.
    #[must_use]
    pub fn backend(&self) -> &Arc<dyn Backend> {
        &self.backend
    }

    /// What is ours at most, in bytes.
    #[must_use]
    pub fn budget_bytes(&self) -> u64 {
        self.budget.limit_bytes()
    }

    /// What of the budget no pool has, in bytes.
    #[must_use]
    pub fn left_bytes(&self) -> u64 {
        self.budget.left_bytes()
    }

    /// Gives all regions in which nothing is allocated back to the device; a budget that was taken
    /// up front stays. Returns the bytes that pools gave.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] if the device fails.
    pub fn trim(&self) -> Result<u64> {
        self.pools.iter().map(Pool::trim).sum()
    }

    /// What is allocated now in all pools: on demand what [`on_leak`](Self::on_leak) is at the end.
    #[must_use]
    pub fn live(&self) -> Vec<Live> {
        self.pools.iter().flat_map(Pool::live).collect()
    }

    /// What is ours and what of it is in use.
    #[must_use]
    pub fn statistics(&self) -> MemoryStatistics {
        MemoryStatistics {
            device: self.backend.name().to_owned(),
            budget_bytes: self.budget.limit_bytes(),
            reserved_bytes: self.budget.reserved_bytes(),
            pools: self.pools.iter().map(|pool| (pool.kind(), pool.statistics())).collect(),
        }
    }
}

impl Drop for DeviceMemory {
    fn drop(&mut self) {
        let Some(report) = &self.on_leak else { return };
        let live = self.live();
        if !live.is_empty() {
            report(&live);
        }
    }
}
