//! The limits that a container or a service manager sets: Linux control groups.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// What the control groups of this process allow it; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct CgroupLimits {
    /// Memory, in bytes.
    pub memory_bytes: Option<u64>,
    /// Memory that counts against the limit now, in bytes.
    pub memory_used_bytes: Option<u64>,
    /// Processor time, in processors: 1.5 is three seconds in every two.
    pub cpus: Option<f64>,
}

impl CgroupLimits {
    /// The limits of this process. Where there are no control groups there are no limits.
    #[must_use]
    pub fn of_process() -> Self {
        let membership = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        Self::read(Path::new("/sys/fs/cgroup"), &membership)
    }

    /// The limits below the mount point `root` for a process whose `/proc/self/cgroup` reads
    /// `membership`: version 1 and version 2, also side by side, the strictest winning.
    fn read(root: &Path, membership: &str) -> Self {
        let mut limits = Self::default();
        for line in membership.lines() {
            let mut fields = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(group)) = (fields.next(), fields.next()) else { continue };
            if controllers.is_empty() {
                for folder in ancestors(root, group) {
                    limits.tighten(Self::read_v2(&folder));
                }
            }
            for controller in controllers.split(',') {
                let read = match controller {
                    "memory" => Self::read_v1_memory,
                    "cpu" => Self::read_v1_cpu,
                    _ => continue,
                };
                // Systems mount the controllers under their own name or under the joint one.
                for mount in [controller, controllers] {
                    for folder in ancestors(&root.join(mount), group) {
                        limits.tighten(read(&folder));
                    }
                }
            }
        }
        limits
    }

    fn read_v2(folder: &Path) -> Self {
        let quota = fs::read_to_string(folder.join("cpu.max")).ok();
        Self {
            memory_bytes: number(&folder.join("memory.max")),
            memory_used_bytes: number(&folder.join("memory.current")),
            cpus: quota.and_then(|line| {
                let (quota, period) = line.trim().split_once(' ')?;
                ratio(quota.parse().ok()?, period.parse().ok()?)
            }),
        }
    }

    fn read_v1_memory(folder: &Path) -> Self {
        Self {
            // "No limit" is the largest page-aligned number, which no memory comes near.
            memory_bytes: number(&folder.join("memory.limit_in_bytes"))
                .filter(|bytes| *bytes < 1 << 60),
            memory_used_bytes: number(&folder.join("memory.usage_in_bytes")),
            cpus: None,
        }
    }

    fn read_v1_cpu(folder: &Path) -> Self {
        // "No limit" is a quota of -1, which is no number here.
        let quota = number(&folder.join("cpu.cfs_quota_us"));
        let period = number(&folder.join("cpu.cfs_period_us"));
        Self { cpus: quota.zip(period).and_then(|(q, p)| ratio(q, p)), ..Self::default() }
    }

    /// Takes the stricter of two limits; the use that counts is that of the group that limits.
    fn tighten(&mut self, other: Self) {
        if let Some(bytes) = other.memory_bytes
            && self.memory_bytes.is_none_or(|limit| bytes < limit)
        {
            self.memory_bytes = Some(bytes);
            self.memory_used_bytes = other.memory_used_bytes;
        }
        if let Some(cpus) = other.cpus {
            self.cpus = Some(self.cpus.map_or(cpus, |limit| limit.min(cpus)));
        }
    }
}

/// The folder of `group` and of every group around it: each may have a limit of its own.
fn ancestors(root: &Path, group: &str) -> Vec<PathBuf> {
    let group = Path::new(group.trim_start_matches('/'));
    group.ancestors().map(|part| root.join(part)).collect()
}

/// The whole number a file holds; `max`, a negative number or an absent file is `None`.
fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn ratio(quota: u64, period: u64) -> Option<f64> {
    (period > 0).then(|| quota as f64 / period as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixture(name: &str) -> PathBuf {
        Path::new("fixtures/cgroup").join(name)
    }

    #[test]
    fn version_2_takes_the_strictest_of_nested_groups() {
        let limits = CgroupLimits::read(&fixture("v2"), "0::/pod/container\n");
        assert_eq!(limits.memory_bytes, Some(2 << 30));
        assert_eq!(limits.memory_used_bytes, Some(123_456_789));
        assert_eq!(limits.cpus, Some(1.5));
    }

    #[test]
    fn version_2_without_limits_has_none() {
        assert_eq!(CgroupLimits::read(&fixture("v2"), "0::/free\n"), CgroupLimits::default());
    }

    #[test]
    fn version_1_reads_each_controller_where_it_is_mounted() {
        let membership = "9:name=systemd:/\n4:memory:/job\n1:cpu,cpuacct:/job\n0::/\n";
        let limits = CgroupLimits::read(&fixture("v1"), membership);
        assert_eq!(limits.memory_bytes, Some(1 << 30));
        assert_eq!(limits.memory_used_bytes, Some(52_428_800));
        assert_eq!(limits.cpus, Some(2.0));
    }

    #[test]
    fn version_1_without_limits_has_none() {
        let limits = CgroupLimits::read(&fixture("v1"), "4:memory:/\n1:cpu,cpuacct:/\n");
        assert_eq!(limits, CgroupLimits::default());
    }

    #[test]
    fn what_is_not_there_limits_nothing() {
        let nowhere = CgroupLimits::read(Path::new("/nonexistent"), "garbage\n0::/a\n::\n");
        assert_eq!(nowhere, CgroupLimits::default());
    }
}
