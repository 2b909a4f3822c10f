//! `fillrate plan verify`: the estimate beside a real run in PyTorch.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;
use clap::builder::styling::Style;
use comfy_table::CellAlignment;
use fillrate::plan::check::{
    Calibration, Comparison, Mode, PROGRAM, Reply, Request, SavedCalibration, compare,
};
use fillrate::plan::config::Config;
use fillrate::plan::{Gpu, Stage};
use serde::Serialize;

use super::options::{self, in_gib};
use crate::cli::VerifyArgs;
use crate::commands::Outcome;
use crate::commands::doctor::report_format;
use crate::failure::hinted;
use crate::output::{Printer, Rendered};
use crate::settings::{Format, Settings};

/// The interpreter that is asked if none is named.
const PYTHON: &str = "python3";

/// The largest error of an estimate that is no failed check.
const ERROR_MAX: f64 = 0.15;

/// The report; programs read its field names.
#[derive(Debug, Serialize)]
struct Report {
    config: String,
    gpu: String,
    /// Where the run was: on a GPU, or counted without one.
    mode: Mode,
    versions: serde_json::Map<String, serde_json::Value>,
    stages: Vec<StageReport>,
    /// What the runs say of the constants; `None` without a GPU.
    calibration: Option<Calibration>,
    /// The largest error, as a share of what was measured.
    error_max: f64,
    error_limit: f64,
}

/// A stage's comparisons.
#[derive(Debug, Serialize)]
struct StageReport {
    stage: String,
    comparisons: Vec<Comparison>,
}

/// Runs each stage that differs from those before it, and prints estimate and measurement. The check
/// fails if an estimate is off by more than 15 %.
///
/// # Errors
///
/// If the configuration cannot be planned with, or the interpreter, torch or transformers are not
/// there.
pub(super) fn run(
    arguments: &VerifyArgs,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<Outcome> {
    let format = report_format(settings)?;
    let config = options::config(&arguments.config, printer)?;
    let gpu = gpu(arguments, printer)?;
    let python = arguments.torch.clone().unwrap_or_else(|| PathBuf::from(PYTHON));
    let report = check(&config, &gpu, &python, arguments.steps, printer)?;
    let rendered = match format {
        Format::Json => Rendered::json(&report)?,
        Format::Jsonl => Rendered::json_line(&report)?,
        Format::Table | Format::Csv | Format::Parquet => Rendered::text(page(&report, printer)),
    };
    printer.emit(&rendered, settings.output.as_deref())?;
    if let Some(path) = &arguments.save {
        save(&report, &gpu, path, printer)?;
    }
    let is_close = report.error_max <= ERROR_MAX;
    Ok(if is_close { Outcome::Done } else { Outcome::CheckFailed })
}

/// Keeps what the runs say of the constants.
fn save(report: &Report, gpu: &Gpu, path: &Path, printer: &Printer) -> anyhow::Result<()> {
    let Some(calibration) = report.calibration else {
        let message = format!("{}: nothing to save: no run on a GPU was completed", path.display());
        return Err(hinted(message, "run this where the GPU is"));
    };
    let (gpu, versions) = (gpu.label().to_owned(), report.versions.clone());
    let saved = SavedCalibration { gpu, versions, calibration };
    printer.emit(&Rendered::json(&saved)?, Some(path))
}

/// The GPU that the estimate is for. Without one here and without a name any will do: what is
/// compared then are the tensors' bytes, which do not depend on it.
fn gpu(arguments: &VerifyArgs, printer: &Printer) -> anyhow::Result<Gpu> {
    const MEMORY_GIB: f64 = 80.0;
    match options::gpu(&arguments.gpu) {
        Err(error) if arguments.gpu.gpu.is_none() && arguments.gpu.calibration.is_none() => {
            printer.note(&format!("{error}: the tensors' bytes are compared, which need none"));
            Ok(Gpu::from_gib(MEMORY_GIB)?)
        }
        found => found,
    }
}

fn check(
    config: &Config,
    gpu: &Gpu,
    python: &Path,
    steps: Option<u64>,
    printer: &Printer,
) -> anyhow::Result<Report> {
    let training = &config.training;
    let mut report = Report {
        config: config.path.display().to_string(),
        gpu: gpu.name.clone(),
        mode: Mode::Auto,
        versions: serde_json::Map::new(),
        stages: Vec::new(),
        calibration: None,
        error_max: 0.0,
        error_limit: ERROR_MAX,
    };
    let (mut all, mut context_bytes) = (Vec::new(), None);
    let stages = distinct(&training.stages);
    let progress = printer.progress("stages", stages.len() as u64);
    for index in stages {
        let mut request = Request::new(training, index, Mode::Auto)?;
        request.steps = steps.unwrap_or(request.steps);
        let reply = ask(python, &request)?;
        let comparisons = compare(training, index, gpu, &reply)?;
        let contexts = reply.results.iter().filter_map(|result| result.context_bytes);
        context_bytes = contexts.max().max(context_bytes);
        let errors = comparisons.iter().filter(|comparison| !comparison.out_of_memory);
        let largest = errors.map(|comparison| comparison.error.abs()).fold(0.0, f64::max);
        report.error_max = report.error_max.max(largest);
        (report.mode, report.versions) = (reply.mode, reply.versions);
        all.extend_from_slice(&comparisons);
        let stage = training.stages[index].name.clone();
        report.stages.push(StageReport { stage, comparisons });
        progress.inc(1);
    }
    progress.finish_and_clear();
    report.calibration = Calibration::fit(&all, context_bytes);
    Ok(report)
}

/// The stages that differ from all before them in more than their name.
fn distinct(stages: &[Stage]) -> Vec<usize> {
    let nameless = |stage: &Stage| Stage { name: String::new(), ..stage.clone() };
    let is_new = |index: &usize| {
        let own = nameless(&stages[*index]);
        stages[..*index].iter().all(|before| nameless(before) != own)
    };
    (0..stages.len()).filter(is_new).collect()
}

/// Runs the program and reads its answer.
fn ask(python: &Path, request: &Request) -> anyhow::Result<Reply> {
    let mut command = Command::new(python);
    command.args(["-c", PROGRAM]).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| {
        let message = format!("cannot run {}: {error}", python.display());
        hinted(message, "name the Python that the training uses: --torch=PATH/bin/python")
    })?;
    if let Some(mut stdin) = child.stdin.take() {
        let question = serde_json::to_vec(request)?;
        // A program that stops early closes the pipe; what it says of that is below.
        drop(stdin.write_all(&question));
    }
    let ended = child.wait_with_output().context("cannot wait for the check")?;
    if !ended.status.success() {
        return Err(failed(python, &String::from_utf8_lossy(&ended.stderr)));
    }
    serde_json::from_slice(&ended.stdout).context("the check's answer is none")
}

/// What Python said last, with what mends it.
fn failed(python: &Path, stderr: &str) -> anyhow::Error {
    let last = stderr.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no message");
    let hint = if last.starts_with("ModuleNotFoundError") {
        "it needs torch and transformers: --torch=PATH names a Python that has them".to_owned()
    } else {
        "run it with the versions of torch and transformers that the training uses".to_owned()
    };
    hinted(format!("{}: {last}", python.display()), hint)
}

fn page(report: &Report, printer: &Printer) -> String {
    let mut table = printer.table();
    let heads = ["IN GIB", "BATCH", "ESTIMATED", "MEASURED", "ERROR", "RESERVED", "MEASURED"];
    table.set_header(heads.map(|head| printer.styled(head, Style::new().bold())));
    for StageReport { stage, comparisons } in &report.stages {
        for comparison in comparisons {
            let measured = if comparison.out_of_memory {
                "out of memory".to_owned()
            } else {
                in_gib(comparison.measured_allocated_bytes)
            };
            let is_on_gpu = comparison.measured_reserved_bytes.is_some();
            let reserved = in_gib(comparison.estimated_reserved_bytes);
            table.add_row([
                stage.clone(),
                comparison.batch_size.to_string(),
                in_gib(comparison.estimated_allocated_bytes),
                measured,
                format!("{:+.1}%", comparison.error * 100.0),
                if is_on_gpu { reserved } else { "-".to_owned() },
                comparison.measured_reserved_bytes.map_or_else(|| "-".to_owned(), in_gib),
            ]);
        }
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let versions: Vec<String> = report
        .versions
        .iter()
        .map(|(name, version)| format!("{name} {}", version.as_str().unwrap_or("unknown")))
        .collect();
    let place = match report.mode {
        Mode::Cuda => "run on the GPU",
        Mode::Fake | Mode::Auto => "counted without a GPU",
    };
    let fitted = report.calibration.map_or_else(String::new, |calibration| {
        format!(
            "\nThe reserved peak is {:.3} times its estimate, the context {}.",
            calibration.reserved_factor,
            options::gib(calibration.context_bytes)
        )
    });
    format!("{}\n\n{}, {place}{fitted}", table.trim_fmt(), versions.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_that_differ_by_name_alone_run_once() {
        let of = |name: &str, length| Stage::new(name, 4, length);
        assert_eq!(distinct(&[of("a", 64), of("b", 64), of("c", 32), of("d", 64)]), [0, 2]);
    }
}
