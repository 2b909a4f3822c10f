//! How much of a device's memory is ours, and how it is divided.

use serde::Serialize;

use super::strategy::{GRANULE_BYTES, StrategyKind};
use crate::error::{Error, Result};

/// What a pool is for. Each has its own limit, regions and statistics, so that what lives long does
/// not lie between what lives short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PoolKind {
    /// What one operation needs and nothing else is said of.
    Default,
    /// Scratch memory that a [`Workspace`](super::Workspace) divides and takes back whole.
    Workspace,
    /// What lives as long as a model: weights, tables.
    Persistent,
    /// What several streams, or host and device, use in turn: staging buffers, results.
    Shared,
}

impl PoolKind {
    /// Every pool.
    pub const ALL: [Self; 4] = [Self::Default, Self::Workspace, Self::Persistent, Self::Shared];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Workspace => "workspace",
            Self::Persistent => "persistent",
            Self::Shared => "shared",
        }
    }
}

/// How a pool works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolOptions {
    /// The most it may take of the device, in bytes; without one, the budget is its limit.
    pub limit_bytes: Option<u64>,
    /// How it chooses where an allocation goes.
    pub strategy: StrategyKind,
}

/// How much of a device's memory is ours, and how it is divided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MemoryOptions {
    /// The most to take of what is free at the start: above 0, at most 1.
    pub fraction: f64,
    /// What to leave of what is free at the start, in bytes. Where both say something, the smaller
    /// budget holds.
    pub margin_bytes: u64,
    /// Whether the whole budget is taken at once, in one block, instead of as it is needed.
    pub reserve: bool,
    /// The least that a pool takes of the device at once, in bytes. A pool that has much grows by a
    /// quarter of it, and a larger request gets what it needs.
    pub growth_bytes: u64,
    /// The pools, in the order of [`PoolKind::ALL`].
    pub pools: [PoolOptions; 4],
}

impl Default for MemoryOptions {
    fn default() -> Self {
        Self {
            fraction: 0.9,
            margin_bytes: 0,
            reserve: false,
            growth_bytes: 64 << 20,
            pools: [PoolOptions::default(); 4],
        }
    }
}

impl MemoryOptions {
    /// These, with all pools using `strategy`.
    #[must_use]
    pub fn with_strategy(mut self, strategy: StrategyKind) -> Self {
        for pool in &mut self.pools {
            pool.strategy = strategy;
        }
        self
    }

    /// The options of one pool, to be changed.
    pub fn pool_mut(&mut self, kind: PoolKind) -> &mut PoolOptions {
        &mut self.pools[kind as usize]
    }

    /// The budget of a device that has `free_bytes`: whole granules.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if the fraction is out of its range.
    pub fn budget_bytes(&self, free_bytes: u64) -> Result<u64> {
        if !(self.fraction > 0.0 && self.fraction <= 1.0) {
            return Err(Error::Setting {
                name: "memory fraction",
                value: self.fraction.to_string(),
                expected: "a number above 0 and at most 1",
            });
        }
        let share = (free_bytes as f64 * self.fraction) as u64;
        let budget = share.min(free_bytes.saturating_sub(self.margin_bytes));
        Ok(budget / GRANULE_BYTES * GRANULE_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smaller_of_fraction_and_margin_is_the_budget() {
        let of = |fraction, margin_bytes| {
            let options = MemoryOptions { fraction, margin_bytes, ..MemoryOptions::default() };
            options.budget_bytes(1 << 20)
        };
        assert_eq!(of(0.5, 0).unwrap(), 1 << 19);
        assert_eq!(of(1.0, 300).unwrap(), (1 << 20) - 512);
        assert_eq!(of(0.5, 1 << 20).unwrap(), 0);
        for fraction in [0.0, -0.1, 1.1, f64::NAN] {
            let error = of(fraction, 0).unwrap_err();
            assert!(error.to_string().contains("above 0 and at most 1"), "{error}");
        }
    }
}
