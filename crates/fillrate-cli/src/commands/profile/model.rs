//! What a model costs: load time, latency on single texts, throughput over batch sizes, memory.

use std::time::{Duration, Instant};

use fillrate::text::batch::{BatchOptions, Scorer};
use fillrate_device::probe::Machine;
use fillrate_device::process::{self, ProcessMemory};
use fillrate_kernels::Cpu;
use serde::Serialize;

use super::percentiles::{Latency, milliseconds};
use super::sweep::{RULE, Sweep, time_batch};
use super::texts::{Texts, TextsReport};
use super::{html, page};
use crate::cli::ProfileArgs;
use crate::commands::Outcome;
use crate::commands::doctor::report_format;
use crate::commands::loading::{batch_options, load};
use crate::output::{Printer, Rendered};
use crate::settings::{Format, Mode, Settings};
use crate::version::{COMMIT, VERSION};

/// How long one figure is measured for, if nothing else is said.
const TIME_DEFAULT: Duration = Duration::from_secs(1);

/// Single texts scored before any is timed, so that caches and threads are warm.
const WARM_UP_TEXTS: usize = 10;

/// The fewest latencies that a 99th percentile is taken of.
const SAMPLES_MIN: usize = 200;

/// The most: there is nothing more to learn.
const SAMPLES_MAX: usize = 5_000;

/// The report; programs read its field names.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// The version of Fillrate.
    pub(super) version: &'static str,
    /// The commit it was built from, where that was known.
    pub(super) commit: Option<&'static str>,
    /// The machine.
    pub(super) machine: Machine,
    /// The kernels, named after the instructions they need.
    pub(super) kernels: &'static str,
    /// The model.
    pub(super) model: String,
    /// The type it computes in.
    pub(super) precision: String,
    /// Where it computes.
    pub(super) device: String,
    /// Threads that it computes with.
    pub(super) threads: usize,
    /// What batching favours.
    pub(super) mode: Mode,
    /// What was measured on.
    pub(super) texts: TextsReport,
    /// The time from the name to a model that is ready.
    pub(super) load_ms: f64,
    /// The time of the first score after that.
    pub(super) first_score_ms: f64,
    /// Of single texts, once it is warm.
    pub(super) latency: Latency,
    /// Over batch sizes.
    pub(super) throughput: Sweep,
    /// How the sweep over batch sizes ends, and what its knee is.
    pub(super) knee_rule: &'static str,
    /// The memory of the process.
    pub(super) memory: MemoryReport,
}

/// The memory of the process in RAM; `None` where the system does not tell.
#[derive(Clone, Copy, Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "programs read these names, and units come last")]
pub(super) struct MemoryReport {
    /// Before the model was loaded, the texts of a table included.
    pub(super) before_load_bytes: Option<u64>,
    /// After it was loaded.
    pub(super) after_load_bytes: Option<u64>,
    /// The most while it was loaded and at any batch size.
    pub(super) peak_bytes: Option<u64>,
    /// Memory of the GPU that the model and its passes take; `None` where none computes.
    pub(super) gpu_bytes: Option<u64>,
}

/// Measures the model that the settings name.
///
/// # Errors
///
/// If the texts or the model cannot be used, or the report cannot be written.
pub(super) fn run(
    arguments: &ProfileArgs,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<Outcome> {
    let format = report_format(settings)?;
    // Whether they can be written is known before the long wait, not after it.
    let sink = printer.sink(settings.output.as_deref())?;
    let html_sink = arguments.html.as_deref().map(|path| printer.sink(Some(path))).transpose()?;
    let texts = Texts::of(arguments.texts.as_deref(), settings, printer)?;
    // The texts are all different: looking for equal ones would cost time and save none.
    let options = BatchOptions { dedupe: false, ..batch_options(settings)? };
    let time = arguments.seconds.unwrap_or(TIME_DEFAULT);
    let report = measure(&texts, time, &options, settings, printer)?;
    let rendered = match format {
        Format::Json => Rendered::json(&report)?,
        Format::Jsonl => Rendered::json_line(&report)?,
        Format::Table | Format::Csv | Format::Parquet => {
            Rendered::text(page::page(&report, printer))
        }
    };
    if let Some(html_sink) = html_sink {
        Rendered::text(html::page(&report)).write(html_sink)?;
    }
    rendered.write(sink)?;
    Ok(Outcome::Done)
}

fn measure(
    texts: &Texts,
    time: Duration,
    options: &BatchOptions,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<Report> {
    let machine = Machine::probe();
    let before = ProcessMemory::read();
    let is_reset = process::reset_peak();
    let start = Instant::now();
    let model = load(&settings.text.model, settings, options, printer)?;
    let gpu_bytes = model.device_bytes.map(|bytes| bytes as u64);
    let load_ms = milliseconds(start.elapsed());
    let after = ProcessMemory::read();
    let scorer = Scorer::new(model.classifier, options.clone());
    let first_score_ms = milliseconds(time_batch(&scorer, &texts.batch(0, 1))?);
    let latency = latency(&scorer, texts, time)?;
    let peak_so_far = ProcessMemory::read().peak_bytes.filter(|_| is_reset);
    let throughput = Sweep::measure(&scorer, texts, time, gpu_bytes)?;
    let peaks = throughput.points.iter().map(|point| point.peak_memory_bytes);
    let peak_bytes = peaks.chain([peak_so_far]).flatten().max();
    let statistics = scorer.statistics();
    let tokens = statistics.tokens as f64 / statistics.texts.max(1) as f64;
    let provenance = scorer.provenance();
    Ok(Report {
        version: VERSION,
        commit: COMMIT,
        machine,
        kernels: Cpu::detect().tier().as_str(),
        model: provenance.model.clone(),
        precision: provenance.precision.clone(),
        device: provenance.device.clone(),
        threads: options.workers,
        mode: settings.text.mode,
        texts: texts.report((statistics.tokens > 0).then_some(tokens)),
        load_ms,
        first_score_ms,
        latency,
        throughput,
        knee_rule: RULE,
        memory: MemoryReport {
            before_load_bytes: before.resident_bytes,
            after_load_bytes: after.resident_bytes,
            peak_bytes,
            gpu_bytes,
        },
    })
}

/// The latencies of single texts, one after another, on a model that is warm.
fn latency(scorer: &Scorer, texts: &Texts, time: Duration) -> anyhow::Result<Latency> {
    for index in 1..=WARM_UP_TEXTS {
        time_batch(scorer, &texts.batch(index, 1))?;
    }
    let start = Instant::now();
    let mut samples = Vec::new();
    while samples.len() < SAMPLES_MIN || (start.elapsed() < time && samples.len() < SAMPLES_MAX) {
        let text = texts.batch(1 + WARM_UP_TEXTS + samples.len(), 1);
        samples.push(time_batch(scorer, &text)?);
    }
    Latency::of(&samples).ok_or_else(|| anyhow::anyhow!("no latency was measured"))
}
