//! The processor.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::thread;

use serde::Serialize;
use sysinfo::System;

use super::cgroup::CgroupLimits;
use super::isa::Isa;
use super::topology::{self, Cache};

/// The processor and how much of it this process may use.
#[derive(Clone, Debug, Serialize)]
pub struct Cpu {
    /// Its name, as the maker gives it.
    pub model: Option<String>,
    /// Cores in the machine.
    pub physical_cores: Option<usize>,
    /// Hardware threads in the machine.
    pub logical_cpus: Option<usize>,
    /// Hardware threads that this process may run on.
    pub allowed_cpus: Option<usize>,
    /// Processor time that the control groups of this process allow, in processors.
    pub quota_cpus: Option<f64>,
    /// How many threads numerical work should use: one per core that this process may use, within
    /// its quota. Two threads of one core share its multipliers, so a second one only slows it.
    pub threads_advised: usize,
    /// Its vector and matrix instructions.
    pub isa: Isa,
    /// The caches of the first core that this process may use.
    pub caches: Vec<Cache>,
}

impl Cpu {
    pub(super) fn probe(system: Option<&System>, limits: CgroupLimits) -> Self {
        let root = Path::new("/sys/devices/system/cpu");
        let online = topology::online_cpus(root);
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let allowed = topology::allowed_cpus(&status);
        let cores = |cpus: &Option<BTreeSet<usize>>| {
            cpus.as_ref().and_then(|cpus| topology::cores_of(root, cpus))
        };
        let physical_cores = cores(&online).or_else(|| System::physical_core_count().ok());
        let first = allowed.as_ref().and_then(|cpus| cpus.first().copied()).unwrap_or(0);
        let listed = system.map(|system| system.cpus().len()).filter(|count| *count > 0);
        let parallelism = thread::available_parallelism().ok().map(std::num::NonZero::get);
        Self {
            model: system.and_then(model_of),
            physical_cores,
            logical_cpus: online.as_ref().map(BTreeSet::len).or(listed),
            allowed_cpus: allowed.as_ref().map(BTreeSet::len),
            quota_cpus: limits.cpus,
            threads_advised: advise_threads(
                cores(&allowed).or(physical_cores),
                limits.cpus,
                parallelism,
            ),
            isa: Isa::detect(),
            caches: topology::caches_of(root, first),
        }
    }
}

/// One thread per usable core, within the quota and what the standard library counts; at least 1.
///
/// A quota is rounded up: half a processor more is worth a thread, a whole idle thread costs none.
fn advise_threads(
    cores: Option<usize>,
    quota_cpus: Option<f64>,
    parallelism: Option<usize>,
) -> usize {
    let quota = quota_cpus.map(|cpus| cpus.ceil() as usize);
    // The standard library rounds a quota down, so it only speaks where there is none.
    let counted = if quota.is_some() { None } else { parallelism };
    [cores, quota, counted].into_iter().flatten().min().unwrap_or(1).max(1)
}

fn model_of(system: &System) -> Option<String> {
    let brand = system.cpus().first()?.brand();
    let name = brand.split_whitespace().collect::<Vec<_>>().join(" ");
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_the_least_of_cores_quota_and_affinity() {
        assert_eq!(advise_threads(Some(8), None, Some(16)), 8);
        assert_eq!(advise_threads(Some(8), Some(2.5), Some(2)), 3);
        assert_eq!(advise_threads(Some(8), Some(0.2), Some(1)), 1);
        assert_eq!(advise_threads(None, None, Some(4)), 4);
        assert_eq!(advise_threads(None, None, None), 1);
    }

    #[test]
    fn this_machine_has_a_processor() {
        let cpu = Cpu::probe(super::super::memory::look().as_ref(), CgroupLimits::default());
        assert!(cpu.threads_advised >= 1);
        assert!(cpu.logical_cpus >= cpu.allowed_cpus);
        assert!(cpu.physical_cores <= cpu.logical_cpus);
    }
}
