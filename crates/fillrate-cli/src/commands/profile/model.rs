//! What a model costs: its load time, and its latency on single texts.

use std::time::{Duration, Instant};

use fillrate::text::batch::{BatchOptions, Scorer};
use serde::Serialize;

use super::headlines;
use super::percentiles::{Latency, milliseconds};
use crate::commands::Outcome;
use crate::commands::doctor::report_format;
use crate::commands::loading::{batch_options, load};
use crate::output::{Printer, Rendered};
use crate::settings::{Format, Mode, Settings};

/// Single texts scored before any is timed, so that caches and threads are warm.
const WARM_UP_TEXTS: usize = 10;

/// The fewest latencies that a 99th percentile is taken of.
const SAMPLES_MIN: usize = 200;

/// The most: there is nothing more to learn, and no headline comes twice.
const SAMPLES_MAX: usize = 5_000;

/// The report; programs read its field names.
#[derive(Debug, Serialize)]
struct Report {
    version: &'static str,
    model: String,
    precision: String,
    device: String,
    threads: usize,
    mode: Mode,
    /// Mean tokens of the texts measured; `None` for a model without tokens.
    tokens_per_text: Option<f64>,
    load_ms: f64,
    first_score_ms: f64,
    latency: Latency,
}

/// Measures the model that the settings name; each figure takes about `time`.
///
/// # Errors
///
/// If it cannot be loaded or fails on a text, or the report cannot be written.
pub(super) fn run(
    time: Duration,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<Outcome> {
    let format = report_format(settings)?;
    let options = batch_options(settings)?;
    let report = measure(time, &options, settings, printer)?;
    let rendered = match format {
        Format::Json => Rendered::json(&report)?,
        Format::Jsonl => Rendered::json_line(&report)?,
        Format::Table | Format::Csv | Format::Parquet => Rendered::text(page(&report, printer)),
    };
    printer.emit(&rendered, settings.output.as_deref())?;
    Ok(Outcome::Done)
}

fn measure(
    time: Duration,
    options: &BatchOptions,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<Report> {
    let start = Instant::now();
    let model = load(&settings.text.model, settings, options, printer)?;
    let load_ms = milliseconds(start.elapsed());
    let scorer = Scorer::new(model.classifier, options.clone());
    let first_score_ms = milliseconds(time_one(&scorer, 0)?);
    let latency = latency(&scorer, time)?;
    let statistics = scorer.statistics();
    let provenance = scorer.provenance();
    Ok(Report {
        version: env!("CARGO_PKG_VERSION"),
        model: provenance.model.clone(),
        precision: provenance.precision.clone(),
        device: provenance.device.clone(),
        threads: options.workers,
        mode: settings.text.mode,
        tokens_per_text: (statistics.tokens > 0)
            .then(|| statistics.tokens as f64 / statistics.texts as f64),
        load_ms,
        first_score_ms,
        latency,
    })
}

/// The latencies of single texts, one after another, on a model that is warm.
fn latency(scorer: &Scorer, time: Duration) -> anyhow::Result<Latency> {
    for index in 1..=WARM_UP_TEXTS {
        time_one(scorer, index)?;
    }
    let start = Instant::now();
    let mut samples = Vec::new();
    while samples.len() < SAMPLES_MIN || (start.elapsed() < time && samples.len() < SAMPLES_MAX) {
        samples.push(time_one(scorer, 1 + WARM_UP_TEXTS + samples.len())?);
    }
    Latency::of(&samples).ok_or_else(|| anyhow::anyhow!("no latency was measured"))
}

/// How long the answer to headline `index` takes.
fn time_one(scorer: &Scorer, index: usize) -> anyhow::Result<Duration> {
    let text = [headlines::headline(index)];
    let start = Instant::now();
    let answers = scorer.score_all(&text);
    let elapsed = start.elapsed();
    for answer in answers {
        answer?;
    }
    Ok(elapsed)
}

fn page(report: &Report, printer: &Printer) -> String {
    let mut table = printer.table();
    let tokens = report.tokens_per_text.map_or_else(
        || "headlines made up for this, all different".to_owned(),
        |tokens| format!("headlines made up for this, all different, {tokens:.1} tokens each"),
    );
    let Latency { samples, p50_ms, p95_ms, p99_ms, .. } = &report.latency;
    let rows = [
        ("model", format!("{}, {} on {}", report.model, report.precision, report.device)),
        ("threads", report.threads.to_string()),
        ("texts", tokens),
        ("load time", format!("{:.1} ms", report.load_ms)),
        ("first score", format!("{:.2} ms", report.first_score_ms)),
        ("p50 latency", format!("{p50_ms:.3} ms, of {samples} single texts")),
        ("p95 latency", format!("{p95_ms:.3} ms")),
        ("p99 latency", format!("{p99_ms:.3} ms")),
    ];
    for (name, value) in rows {
        table.add_row([name, &value]);
    }
    table.trim_fmt()
}
