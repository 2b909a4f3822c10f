//! How the processors hang together, as Linux lays it out under `/sys/devices/system/cpu`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde::Serialize;

/// The most processors a list may name; a longer one is not believed.
const CPUS_MAX: usize = 1 << 16;

/// One cache of a core, or one that cores share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cache {
    /// 1 is nearest to the core.
    pub level: u32,
    /// What it holds.
    pub kind: CacheKind,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// The logical processors that share it.
    pub shared_by: Option<usize>,
}

/// What a cache holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CacheKind {
    /// Data.
    Data,
    /// Instructions.
    Instruction,
    /// Both.
    Unified,
}

/// Reads a list of processors such as `0-3,8,10-11`. A list that cannot be read is `None`.
pub(super) fn parse_cpu_list(list: &str) -> Option<BTreeSet<usize>> {
    let mut cpus = BTreeSet::new();
    for part in list.trim().split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (first.parse::<usize>().ok()?, last.parse::<usize>().ok()?);
        if last >= CPUS_MAX || first > last {
            return None;
        }
        cpus.extend(first..=last);
    }
    (!cpus.is_empty()).then_some(cpus)
}

/// The processors that a process may run on, from its `/proc/self/status`.
pub(super) fn allowed_cpus(status: &str) -> Option<BTreeSet<usize>> {
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    parse_cpu_list(list)
}

/// The processors that are switched on, below the folder `root`.
pub(super) fn online_cpus(root: &Path) -> Option<BTreeSet<usize>> {
    parse_cpu_list(&fs::read_to_string(root.join("online")).ok()?)
}

/// The number of cores that `cpus` belong to, below the folder `root`: processors that share a
/// core count once.
pub(super) fn cores_of(root: &Path, cpus: &BTreeSet<usize>) -> Option<usize> {
    let mut cores = BTreeSet::new();
    for cpu in cpus {
        let folder = root.join(format!("cpu{cpu}/topology"));
        // `core_cpus_list` is the newer name.
        let siblings = fs::read_to_string(folder.join("core_cpus_list"))
            .or_else(|_| fs::read_to_string(folder.join("thread_siblings_list")))
            .ok()?;
        cores.insert(parse_cpu_list(&siblings)?.first().copied()?);
    }
    Some(cores.len())
}

/// The caches of processor `cpu`, nearest first, below the folder `root`.
pub(super) fn caches_of(root: &Path, cpu: usize) -> Vec<Cache> {
    let folder = root.join(format!("cpu{cpu}/cache"));
    let read = |index: usize| {
        let entry = folder.join(format!("index{index}"));
        let field = |name: &str| fs::read_to_string(entry.join(name)).ok();
        Some(Cache {
            level: field("level")?.trim().parse().ok()?,
            kind: match field("type")?.trim() {
                "Data" => CacheKind::Data,
                "Instruction" => CacheKind::Instruction,
                "Unified" => CacheKind::Unified,
                _ => return None,
            },
            size_bytes: parse_size(&field("size")?)?,
            shared_by: field("shared_cpu_list")
                .and_then(|list| parse_cpu_list(&list))
                .map(|cpus| cpus.len()),
        })
    };
    (0..16).map_while(read).collect()
}

/// Reads a size such as `48K`.
fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit: u64 = match &text[digits.len()..] {
        "" => 1,
        "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two cores of two threads each (0 and 2, 1 and 3), with processor 4 switched off.
    fn fixture() -> std::path::PathBuf {
        "fixtures/cpu".into()
    }

    #[test]
    fn lists_of_processors_are_read_as_linux_writes_them() {
        let cpus = parse_cpu_list("0-2,8,10-11\n").unwrap();
        assert_eq!(cpus.into_iter().collect::<Vec<_>>(), [0, 1, 2, 8, 10, 11]);
        for bad in ["", "a", "3-1", "0-99999999999", "1-", "-"] {
            assert_eq!(parse_cpu_list(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn processors_of_one_core_count_once() {
        let online = online_cpus(&fixture()).unwrap();
        assert_eq!(online.len(), 4);
        assert_eq!(cores_of(&fixture(), &online), Some(2));
        assert_eq!(cores_of(&fixture(), &BTreeSet::from([0, 2])), Some(1));
        assert_eq!(cores_of(&fixture(), &BTreeSet::from([7])), None);
    }

    #[test]
    fn affinity_is_read_from_the_status_of_the_process() {
        let status = "Name:\tx\nCpus_allowed:\t5\nCpus_allowed_list:\t0,2\nMems_allowed:\t1\n";
        assert_eq!(allowed_cpus(status), Some(BTreeSet::from([0, 2])));
        assert_eq!(allowed_cpus("Name:\tx\n"), None);
    }

    #[test]
    fn caches_are_listed_nearest_first() {
        let caches = caches_of(&fixture(), 0);
        assert_eq!(caches.len(), 2);
        assert_eq!(
            caches[0],
            Cache { level: 1, kind: CacheKind::Data, size_bytes: 48 << 10, shared_by: Some(2) }
        );
        assert_eq!((caches[1].level, caches[1].kind), (3, CacheKind::Unified));
        assert_eq!((caches[1].size_bytes, caches[1].shared_by), (32 << 20, Some(4)));
        assert_eq!(caches_of(&fixture(), 9), []);
    }

    #[test]
    fn a_size_without_sense_is_none() {
        for bad in ["", "K", "4T", "99999999999999999999K", "18446744073709551615G"] {
            assert_eq!(parse_size(bad), None, "{bad:?}");
        }
    }
}
