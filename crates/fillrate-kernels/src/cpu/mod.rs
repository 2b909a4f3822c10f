//! The CPU implementation of every op, chosen at run time by [`Tier`].

#[cfg(target_arch = "x86_64")]
mod amx;
pub(crate) mod attention;
mod block;
pub(crate) mod covariance;
mod dispatch;
mod doubles;
pub mod elementary;
pub(crate) mod embedding;
mod lanes;
pub(crate) mod layer_norm;
pub(crate) mod linear;
mod math;
pub(crate) mod matmul;
pub(crate) mod options;
pub(crate) mod paths;
mod peak;
mod prefetch;
pub(crate) mod quantize;
pub(crate) mod recurrence;
pub(crate) mod risk;
mod select_rows;
pub(crate) mod sweep;
pub(crate) mod tier;
pub(crate) mod window;
mod words;
pub(crate) mod workspace;

use crate::{Error, Precision, Result, Tier};

/// The processor as a device: which tier's kernels run, and over how many tasks one product is
/// split.
///
/// ```
/// use fillrate_kernels::{Cpu, Tier};
///
/// let cpu = Cpu::detect();
/// assert!(cpu.tier() >= Tier::Portable);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cpu {
    tier: Tier,
    ways: usize,
}

impl Cpu {
    /// The best kernels this processor can run.
    #[must_use]
    pub fn detect() -> Self {
        Self { tier: Tier::detect(), ways: 1 }
    }

    /// The kernels of one tier, to compare tiers or to reproduce another machine's results.
    ///
    /// # Errors
    ///
    /// If this processor does not have the tier.
    pub fn with_tier(tier: Tier) -> Result<Self> {
        let best = Tier::detect();
        if tier > best {
            return Err(Error::Tier { tier: tier.as_str(), best: best.as_str() });
        }
        Ok(Self { tier, ways: 1 })
    }

    /// The same kernels, each product's columns split over `ways` rayon tasks.
    ///
    /// Worth it when one small batch is all there is to do; with many batches run one per thread
    /// instead. The result is the same to the bit.
    #[must_use]
    pub const fn split(self, ways: usize) -> Self {
        Self { tier: self.tier, ways: if ways == 0 { 1 } else { ways } }
    }

    /// The tier whose kernels run.
    #[must_use]
    pub const fn tier(&self) -> Tier {
        self.tier
    }

    /// The number of rayon tasks that one product is split over.
    #[must_use]
    pub const fn ways(&self) -> usize {
        self.ways
    }

    /// The precision that `auto` means here: bf16 where the processor multiplies it faster than
    /// fp32, else fp32. Int8 changes results enough that it must be asked for, by name or by a model
    /// that ships int8 weights.
    #[must_use]
    pub const fn auto_precision(&self) -> Precision {
        match self.tier {
            Tier::Amx | Tier::Avx512Bf16 => Precision::Bf16,
            Tier::Avx512 | Tier::Avx2 | Tier::Portable => Precision::Fp32,
        }
    }
}
