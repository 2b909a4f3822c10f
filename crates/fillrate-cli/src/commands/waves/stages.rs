//! What each stage of a run took.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::totals::Totals;
use crate::output::Printer;

/// The stages of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Read,
    Pivots,
    Search,
    Surrogates,
    Describe,
    Write,
}

const STAGES: [(Stage, &str); 6] = [
    (Stage::Read, "read the prices"),
    (Stage::Pivots, "pivots and valid waves"),
    (Stage::Search, "search"),
    (Stage::Surrogates, "surrogates"),
    (Stage::Describe, "rules and guidelines"),
    (Stage::Write, "write"),
];

/// Time by stage, summed over threads.
#[derive(Debug, Default)]
pub(super) struct Stages {
    nanoseconds: [AtomicU64; STAGES.len()],
}

impl Stages {
    /// Runs `work` as a part of `stage`.
    pub(super) fn time<T>(&self, stage: Stage, work: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let done = work();
        let nanoseconds = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds[stage as usize].fetch_add(nanoseconds, Ordering::Relaxed);
        done
    }

    /// Says what each stage took, and what there was to do.
    pub(super) fn say(&self, totals: &Totals, printer: &Printer) {
        for (stage, name) in STAGES {
            if stage == Stage::Surrogates && totals.chances.is_empty() {
                continue;
            }
            let spent = self.nanoseconds[stage as usize].load(Ordering::Relaxed);
            let counted = match stage {
                Stage::Pivots => format!(", {} pivots", totals.pivots),
                Stage::Describe => format!(", {} patterns", totals.patterns),
                _ => String::new(),
            };
            printer.note(&format!("{name}: {:.1} ms of all threads{counted}", spent as f64 / 1e6));
        }
    }
}
