//! What a run found, and the lines that close it.

use std::time::Instant;

use super::series::Symbol;
use crate::commands::table::count;
use crate::output::Printer;

/// Symbols that are named when they have too few pivots; the others are counted.
const NAMED_MAX: usize = 3;

/// A number of patterns that is believed not to be chance has at most this p-value.
const SIGNIFICANT: f64 = 0.05;

/// What a run has found so far.
#[derive(Debug, Default)]
pub(super) struct Totals {
    /// Symbols that were searched.
    pub searched: usize,
    /// Symbols that were in the output already.
    pub resumed: usize,
    /// Symbols that were left out for a malformed bar.
    pub left_out: usize,
    /// Symbols with too few pivots for any pattern.
    pub flat: Vec<String>,
    pub pivots: u64,
    pub patterns: u64,
    /// Patterns that shortcuts left, and those that there are.
    pub recalled: Option<(u64, u64)>,
    /// Windows that were searched, and those that there are.
    pub windows: (usize, usize),
    /// The p-value of each symbol's number of patterns.
    pub chances: Vec<f64>,
    /// The scores of nested counts.
    pub nested: Vec<f64>,
}

impl Totals {
    /// Adds a symbol.
    pub(super) fn add(&mut self, name: &str, found: &Symbol) {
        self.searched += 1;
        self.pivots += found.pivots as u64;
        self.patterns += found.records.len() as u64;
        if found.is_flat {
            self.flat.push(name.to_owned());
        }
        if let Some((left, all)) = found.recalled {
            let (left_before, all_before) = self.recalled.unwrap_or_default();
            self.recalled = Some((left_before + left, all_before + all));
        }
        self.windows.0 += found.windows.0;
        self.windows.1 += found.windows.1;
        self.chances.extend(found.chance.map(|chance| chance.p_value));
        self.nested.extend(found.nested_score);
    }

    /// Says what was found.
    pub(super) fn report(&self, bars: usize, threads: usize, started: Instant, printer: &Printer) {
        for symbol in self.flat.iter().take(NAMED_MAX) {
            printer.warn(&format!("symbol `{symbol}` has too few pivots for any pattern"));
        }
        if self.flat.len() > NAMED_MAX {
            let more = count((self.flat.len() - NAMED_MAX) as u64, "more symbol");
            printer.warn(&format!("{more} with too few pivots for any pattern"));
        }
        let seconds = started.elapsed().as_secs_f64();
        let resumed = match self.resumed {
            0 => String::new(),
            resumed => format!(", {resumed} already there"),
        };
        let left_out = match self.left_out {
            0 => String::new(),
            left_out => format!(", {left_out} left out"),
        };
        printer.note(&format!(
            "{} of {} in {seconds:.2} s on {}: {}{resumed}{left_out}",
            count(self.searched as u64, "symbol"),
            count(bars as u64, "bar"),
            count(threads as u64, "thread"),
            count(self.patterns, "pattern"),
        ));
        self.report_recall(printer);
        if !self.chances.is_empty() {
            let q_values = fillrate::waves::benjamini_hochberg(&self.chances);
            let found = q_values.iter().filter(|&&q| q <= SIGNIFICANT).count();
            printer.note(&format!(
                "the number of patterns differs from chance in {found} of {} (q at most \
                 {SIGNIFICANT})",
                count(self.chances.len() as u64, "symbol")
            ));
        }
        if !self.nested.is_empty() {
            let mean = self.nested.iter().sum::<f64>() / self.nested.len() as f64;
            printer.note(&format!("the counts score {mean:.4}, of at most 1, on average"));
        }
    }

    /// What shortcuts cost.
    fn report_recall(&self, printer: &Printer) {
        let Some((left, all)) = self.recalled else { return };
        let recall = if all == 0 { 1.0 } else { left as f64 / all as f64 };
        let (searched, windows) = self.windows;
        printer.note(&format!(
            "{searched} of {} searched: they hold {left} of {}, a recall of {recall:.4}",
            count(windows as u64, "window"),
            count(all, "pattern"),
        ));
    }
}
