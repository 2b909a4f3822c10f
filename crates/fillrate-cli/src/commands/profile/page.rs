//! The profile of a model for a reader at a terminal.

use clap::builder::styling::Style;

use super::model::Report;
use super::percentiles::Latency;
use super::sweep::Point;
use crate::output::{Printer, bytes};
use crate::settings::Mode;

/// What stands for a reading that could not be had.
const UNKNOWN: &str = "unknown";

/// Columns of a line of the chart before its bar.
const CHART_MARGIN: usize = "  4096    123456   12.34x  123.45 MB  ".len();

/// What marks the knee behind its bar.
const KNEE: &str = " knee";

/// The whole report, no line wider than the terminal.
pub(super) fn page(report: &Report, printer: &Printer) -> String {
    let mut table = printer.table();
    for (name, value) in facts(report) {
        table.add_row([name.to_owned(), value]);
    }
    let title = format!("{}, {} on {}", report.model, report.precision, report.device);
    let title = printer.styled(&title, Style::new().bold());
    let chart = chart(&report.throughput.points, report.throughput.knee, printer);
    format!("{title}\n{}\n\n{chart}\n{}", table.trim_fmt(), knee_line(report))
}

/// What is known of the run, in words; the page for browsers has the same.
pub(super) fn facts(report: &Report) -> Vec<(&'static str, String)> {
    let Latency { samples, p50_ms, p95_ms, p99_ms, .. } = &report.latency;
    let memory = &report.memory;
    let gpu = memory.gpu_bytes.map_or_else(|| "none used".to_owned(), bytes);
    vec![
        ("processor", processor(report)),
        (
            "kernels",
            format!(
                "{}, {} threads, favouring {}",
                report.kernels,
                report.threads,
                mode(report.mode)
            ),
        ),
        ("texts", texts(report)),
        ("fillrate", format!("{}, commit {}", report.version, report.commit.unwrap_or(UNKNOWN))),
        ("load time", format!("{:.1} ms", report.load_ms)),
        ("first score", format!("{} ms", short(report.first_score_ms))),
        (
            "latency",
            format!(
                "p50 {} ms, p95 {} ms, p99 {} ms, of {samples} single texts",
                short(*p50_ms),
                short(*p95_ms),
                short(*p99_ms)
            ),
        ),
        (
            "memory",
            format!(
                "{} before loading, {} after, {} at most",
                known(memory.before_load_bytes),
                known(memory.after_load_bytes),
                known(memory.peak_bytes)
            ),
        ),
        ("GPU memory", gpu),
    ]
}

/// The name of the processor, with the memory beside it.
fn processor(report: &Report) -> String {
    let cpu = &report.machine.cpu;
    let name = cpu.model.as_deref().unwrap_or(UNKNOWN);
    let cores = cpu.physical_cores.map_or_else(|| UNKNOWN.to_owned(), |cores| cores.to_string());
    format!("{name}, {cores} cores, {} of memory", known(report.machine.memory.total_bytes))
}

fn texts(report: &Report) -> String {
    let texts = &report.texts;
    let tokens = texts
        .tokens_per_text
        .map_or_else(String::new, |tokens| format!(", {tokens:.1} tokens each"));
    match texts.distinct {
        None => format!("headlines made up, all different{tokens}"),
        Some(distinct) => format!("{distinct} different ones of {}{tokens}", texts.source),
    }
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Throughput => "throughput",
        Mode::Latency => "latency",
        Mode::Memory => "memory",
    }
}

/// Where the knee is, in words, and whether the curve can be trusted.
pub(super) fn knee_line(report: &Report) -> String {
    let sweep = &report.throughput;
    let knee = match (sweep.knee, sweep.points.last()) {
        (Some(knee), _) => {
            format!("Batches of {knee} are enough: no size measured is more than 5% faster.")
        }
        (None, Some(last)) => {
            let size = last.batch_size;
            format!("There is no knee up to batches of {size}, the largest measured.")
        }
        (None, None) => "No batch was measured.".to_owned(),
    };
    match sweep.unsteady() {
        Some(point) => format!(
            "{knee}\nThe times are unsteady (for batches of {} their quartiles are a factor of \
             {:.1}\napart): other programs were busy.",
            point.batch_size, point.spread
        ),
        None => knee,
    }
}

/// A line for each batch size, with a bar as long as its throughput.
fn chart(points: &[Point], knee: Option<usize>, printer: &Printer) -> String {
    let head = format!("{:>6}  {:>8}  {:>7}  {:>9}", "BATCH", "TEXTS/S", "SPEEDUP", "MEMORY");
    let mut lines = vec![printer.styled(&head, Style::new().bold())];
    let width_max = printer.width().saturating_sub(CHART_MARGIN + KNEE.len()).min(60);
    let best = points.iter().map(|point| point.texts_per_s).fold(0.0, f64::max);
    for point in points {
        let width = (point.texts_per_s / best * width_max as f64).round() as usize;
        let mark = if knee == Some(point.batch_size) { KNEE } else { "" };
        lines.push(format!(
            "{:>6}  {:>8}  {:>6.2}x  {:>9}  {}{mark}",
            point.batch_size,
            rate(point.texts_per_s),
            point.speedup,
            point.peak_memory_bytes.map_or_else(|| "-".to_owned(), bytes),
            "█".repeat(width.max(1)),
        ));
    }
    lines.join("\n")
}

/// Texts per second, with a digit after the point where it matters.
pub(super) fn rate(texts_per_s: f64) -> String {
    if texts_per_s < 100.0 { format!("{texts_per_s:.1}") } else { format!("{texts_per_s:.0}") }
}

/// Milliseconds, with three digits that count.
pub(super) fn short(milliseconds: f64) -> String {
    match milliseconds {
        ms if ms < 1.0 => format!("{ms:.3}"),
        ms if ms < 10.0 => format!("{ms:.2}"),
        ms => format!("{ms:.1}"),
    }
}

fn known(size_bytes: Option<u64>) -> String {
    size_bytes.map_or_else(|| UNKNOWN.to_owned(), bytes)
}
