//! The main memory.

use serde::Serialize;
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

use super::cgroup::CgroupLimits;

/// The main memory, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// What is built in.
    pub total_bytes: Option<u64>,
    /// What new work can have without swapping, within the limit.
    pub available_bytes: Option<u64>,
    /// What the control groups of this process allow, where that is less than is built in.
    pub limit_bytes: Option<u64>,
}

impl Memory {
    pub(super) fn probe(system: Option<&System>, limits: CgroupLimits) -> Self {
        let total = system.and_then(|system| known(system.total_memory()));
        let available = system.and_then(|system| known(system.available_memory()));
        Self::within(total, available, limits)
    }

    /// The memory of a machine under the limits of its control groups.
    fn within(total: Option<u64>, available: Option<u64>, limits: CgroupLimits) -> Self {
        let limit = limits.memory_bytes.filter(|limit| total.is_none_or(|total| *limit < total));
        let left = limit.map(|limit| limit.saturating_sub(limits.memory_used_bytes.unwrap_or(0)));
        Self {
            total_bytes: total,
            available_bytes: match (available, left) {
                (Some(available), Some(left)) => Some(available.min(left)),
                (available, left) => available.or(left),
            },
            limit_bytes: limit,
        }
    }
}

/// One look at the operating system's own tables, where it is one that can be read.
pub(super) fn look() -> Option<System> {
    System::new_with_specifics(
        RefreshKind::nothing()
            .with_cpu(CpuRefreshKind::nothing())
            .with_memory(MemoryRefreshKind::nothing().with_ram()),
    )
    .ok()
}

/// The system library says 0 for what it does not know.
fn known(bytes: u64) -> Option<u64> {
    (bytes > 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_bounds_what_is_available() {
        let limits = CgroupLimits {
            memory_bytes: Some(100),
            memory_used_bytes: Some(30),
            ..CgroupLimits::default()
        };
        let memory = Memory::within(Some(1000), Some(500), limits);
        assert_eq!(memory.available_bytes, Some(70));
        assert_eq!(memory.limit_bytes, Some(100));
    }

    #[test]
    fn a_limit_above_what_is_built_in_is_none() {
        let limits = CgroupLimits { memory_bytes: Some(2000), ..CgroupLimits::default() };
        let memory = Memory::within(Some(1000), Some(500), limits);
        assert_eq!((memory.available_bytes, memory.limit_bytes), (Some(500), None));
    }

    #[test]
    fn this_machine_has_memory() {
        let memory = Memory::probe(look().as_ref(), CgroupLimits::default());
        assert!(memory.available_bytes <= memory.total_bytes);
        assert!(memory.total_bytes > Some(1 << 20));
    }
}
