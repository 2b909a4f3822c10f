//! What a pool has, what of it is in use, and what is lost between the two.

use serde::Serialize;

/// The state of a pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PoolStatistics {
    /// What it may take of the device at most, in bytes.
    pub limit_bytes: u64,
    /// What it has of the device, in bytes.
    pub reserved_bytes: u64,
    /// What was asked for by allocations that live, in bytes.
    pub requested_bytes: u64,
    /// What those were given, in bytes: whole granules, with the padding of their alignment.
    pub allocated_bytes: u64,
    /// What was given back and waits for work that may still use it, in bytes.
    pub waiting_bytes: u64,
    /// What is free, in bytes.
    pub free_bytes: u64,
    /// The largest allocation that fits into what is free, in bytes.
    pub largest_free_bytes: u64,
    /// The most that was allocated at once, in bytes.
    pub peak_allocated_bytes: u64,
    /// The most that was reserved at once, in bytes.
    pub peak_reserved_bytes: u64,
    /// Allocations that live.
    pub live: u64,
    /// Allocations since the start.
    pub allocations: u64,
    /// Requests that were refused.
    pub refusals: u64,
    /// Times that memory was taken of the device.
    pub growths: u64,
    /// Allocations that took memory of another stream's.
    pub borrowings: u64,
    /// Allocations that were moved to close holes.
    pub moves: u64,
}

impl PoolStatistics {
    /// The share of what is allocated that nobody asked for: 1 − requested / allocated, from 0 to
    /// 1. `None` if nothing is allocated.
    #[must_use]
    pub fn internal_fragmentation(&self) -> Option<f64> {
        lost(self.requested_bytes, self.allocated_bytes)
    }

    /// The share of what is free that the largest possible allocation cannot have:
    /// 1 − largest free / free, from 0 to 1. `None` if nothing is free.
    #[must_use]
    pub fn external_fragmentation(&self) -> Option<f64> {
        lost(self.largest_free_bytes, self.free_bytes)
    }
}

/// 1 − `part` / `whole`.
pub(super) fn lost(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| 1.0 - part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fragmentation_is_what_is_lost() {
        let none = PoolStatistics::default();
        assert_eq!((none.internal_fragmentation(), none.external_fragmentation()), (None, None));
        let some = PoolStatistics {
            requested_bytes: 75,
            allocated_bytes: 100,
            free_bytes: 80,
            largest_free_bytes: 20,
            ..none
        };
        assert_eq!(some.internal_fragmentation(), Some(0.25));
        assert_eq!(some.external_fragmentation(), Some(0.75));
    }
}
