//! `fillrate bench memory`: the ways to divide a device's memory, compared.

use std::path::Path;

use anyhow::Context;
use clap::builder::styling::Style;
use comfy_table::{CellAlignment, Table};
use fillrate_device::Error;
use fillrate_device::memory::StrategyKind;
use fillrate_device::memory::trace::{
    CallTimes, Compaction, Fragmentation, HoleTimes, Trace, TraceKind, least_heap_bytes,
    measure_fragmentation, time_holes, time_replay,
};
use fillrate_device::probe::Machine;
use serde::Serialize;

use crate::commands::Outcome;
use crate::commands::doctor::report_format;
use crate::failure::hinted;
use crate::output::{Printer, Rendered};
use crate::settings::{Format, Settings};
use crate::version::{COMMIT, VERSION};

/// Where the made-up traces begin.
const SEED: u64 = 1;

/// The heap that fragmentation is measured in, over the peak of what is requested.
const HEAP_RATIO: f64 = 1.25;

/// The heap that calls are timed in: one that every strategy fits into.
const TIMING_HEAP_RATIO: f64 = 4.0;

/// Runs of a trace that are timed; their median counts.
const RUNS: usize = 5;

/// External fragmentation above which holes are closed.
const COMPACT_ABOVE: f64 = 0.05;

/// Holes among which calls are timed.
const HOLES: [usize; 4] = [100, 1000, 10_000, 100_000];

/// Calls of each kind that are timed among them.
const CALLS: usize = 20_000;

/// First fit looks at each hole; with more than this it would take minutes.
const FIRST_FIT_HOLES_MAX: usize = 10_000;

/// What is said of how it was measured.
const METHOD: [&str; 2] = [
    "Seed 1. Bookkeeping alone, one thread; ns per call is the median of five",
    "replays, percentiles are of 20,000 single calls less what the clock takes.",
];

/// The report; programs read its field names.
#[derive(Debug, Serialize)]
struct Report {
    version: &'static str,
    commit: Option<&'static str>,
    machine: Machine,
    method: String,
    traces: Vec<TraceReport>,
    holes: Vec<HoleReport>,
}

/// What a strategy made of a trace.
#[derive(Debug, Serialize)]
struct TraceReport {
    trace: String,
    strategy: StrategyKind,
    calls: usize,
    peak_requested_bytes: u64,
    as_placed: Placed,
    compacted: Placed,
    ns_per_call: Option<f64>,
}

/// How well a strategy used its memory.
#[derive(Debug, Serialize)]
struct Placed {
    least_heap_bytes: Option<u64>,
    efficiency: Option<f64>,
    /// `None` if the trace does not fit into a heap a quarter larger than its peak.
    fragmentation: Option<Fragmentation>,
}

/// What a call cost a strategy among holes.
#[derive(Debug, Serialize)]
struct HoleReport {
    strategy: StrategyKind,
    #[serde(flatten)]
    times: HoleTimes,
}

/// Compares the strategies on one trace, or on those that are made up.
///
/// # Errors
///
/// If the trace cannot be read or the report cannot be written.
pub(crate) fn run(
    trace: Option<&Path>,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<Outcome> {
    let format = report_format(settings)?;
    let traces = match trace {
        Some(path) => vec![(path.display().to_string(), read(path)?)],
        None => TraceKind::ALL.map(|kind| (kind.name().to_owned(), kind.generate(SEED))).into(),
    };
    let traces = traces
        .iter()
        .flat_map(|(name, trace)| StrategyKind::ALL.map(|kind| replay(name, trace, kind)))
        .collect();
    let report = Report {
        version: VERSION,
        commit: COMMIT,
        machine: Machine::probe(),
        method: METHOD.join(" "),
        traces,
        holes: StrategyKind::ALL.into_iter().flat_map(holes).collect(),
    };
    let rendered = match format {
        Format::Json => Rendered::json(&report)?,
        Format::Jsonl => Rendered::json_line(&report)?,
        Format::Table | Format::Csv | Format::Parquet => Rendered::text(page(&report, printer)),
    };
    printer.emit(&rendered, settings.output.as_deref())?;
    Ok(Outcome::Done)
}

fn read(path: &Path) -> anyhow::Result<Trace> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let trace = Trace::parse(&text).map_err(|error| match error {
        Error::Trace { line, message } => hinted(
            format!("{}:{line}: {message}", path.display()),
            "`fillrate bench memory --help` has the lines of a trace",
        ),
        error => anyhow::Error::new(error).context(path.display().to_string()),
    })?;
    if trace.events().is_empty() {
        let hint = "`fillrate bench memory --help` has the lines of a trace";
        return Err(hinted(format!("{}: there is no event to replay", path.display()), hint));
    }
    Ok(trace)
}

fn replay(name: &str, trace: &Trace, kind: StrategyKind) -> TraceReport {
    let (calls, peak_bytes) = (trace.events().len(), trace.peak_requested_bytes());
    let heap_bytes = (peak_bytes as f64 * TIMING_HEAP_RATIO) as u64;
    let mut times: Vec<_> =
        (0..RUNS).filter_map(|_| time_replay(trace, kind, heap_bytes)).collect();
    times.sort_unstable();
    let median = times.get(times.len() / 2);
    TraceReport {
        trace: name.to_owned(),
        strategy: kind,
        calls,
        peak_requested_bytes: peak_bytes,
        as_placed: placed(trace, kind, Compaction::Never),
        compacted: placed(trace, kind, Compaction::Above(COMPACT_ABOVE)),
        ns_per_call: median.map(|time| time.as_nanos() as f64 / calls.max(1) as f64),
    }
}

fn placed(trace: &Trace, kind: StrategyKind, compaction: Compaction) -> Placed {
    let peak_bytes = trace.peak_requested_bytes();
    let least_heap_bytes = least_heap_bytes(trace, kind, compaction);
    let heap_bytes = (peak_bytes as f64 * HEAP_RATIO) as u64;
    Placed {
        least_heap_bytes,
        efficiency: least_heap_bytes.map(|heap| peak_bytes as f64 / heap as f64),
        fragmentation: measure_fragmentation(trace, kind, heap_bytes, compaction),
    }
}

fn holes(strategy: StrategyKind) -> impl Iterator<Item = HoleReport> {
    let is_feasible =
        move |holes: &usize| strategy != StrategyKind::FirstFit || *holes <= FIRST_FIT_HOLES_MAX;
    HOLES
        .into_iter()
        .filter(is_feasible)
        .map(move |holes| HoleReport { strategy, times: time_holes(strategy, holes, CALLS) })
}

fn page(report: &Report, printer: &Printer) -> String {
    format!(
        "Traces, in percent: efficiency (EFF), internal (INT) and external (EXT)\n\
         fragmentation as placed, then with compaction and what it moved; ns a call\n\n{}\n\n\
         Single calls among holes, in nanoseconds\n\n{}\n\n{}\n\nfillrate {}, commit {}",
        trace_table(report, printer).trim_fmt(),
        hole_table(report, printer).trim_fmt(),
        METHOD.join("\n"),
        report.version,
        report.commit.unwrap_or("unknown")
    )
}

fn trace_table(report: &Report, printer: &Printer) -> Table {
    let mut table = printer.table();
    let heads = ["TRACE", "STRATEGY", "EFF", "INT", "EXT", "EFF", "EXT", "MOVED", "NS"];
    table.set_header(heads.map(|head| printer.styled(head, Style::new().bold())));
    for row in &report.traces {
        let TraceReport { as_placed, compacted, .. } = row;
        let (free, closed) = (as_placed.fragmentation, compacted.fragmentation);
        table.add_row([
            row.trace.clone(),
            row.strategy.name().to_owned(),
            percent(as_placed.efficiency),
            percent(free.map(|lost| lost.internal)),
            percent(free.map(|lost| lost.external)),
            percent(compacted.efficiency),
            percent(closed.map(|lost| lost.external)),
            percent(closed.map(|lost| lost.moved)),
            row.ns_per_call.map_or_else(none, |ns| format!("{ns:.0}")),
        ]);
    }
    align(table, 2)
}

fn hole_table(report: &Report, printer: &Printer) -> Table {
    let mut table = printer.table();
    let heads = ["STRATEGY", "HOLES", "ALLOCATE P50", "P99", "FREE P50", "P99"];
    table.set_header(heads.map(|head| printer.styled(head, Style::new().bold())));
    for HoleReport { strategy, times } in &report.holes {
        let mut cells = vec![strategy.name().to_owned(), times.holes.to_string()];
        for CallTimes { p50_ns, p99_ns } in [times.allocate, times.free] {
            cells.extend([format!("{p50_ns:.0}"), format!("{p99_ns:.0}")]);
        }
        table.add_row(cells);
    }
    align(table, 1)
}

/// The table with the columns from `first` on to the right.
fn align(mut table: Table, first: usize) -> Table {
    for column in table.column_iter_mut().skip(first) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn none() -> String {
    "-".to_owned()
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(none, |share| format!("{:.1}", share * 100.0))
}
