//! `fillrate plan show`: where the memory goes as the configuration stands.

use fillrate::plan::config::{Config, Known};
use fillrate::plan::{Estimate, Gpu, LargestBatch, Line, Margin, advise, estimate, largest_batch};
use serde::Serialize;

use super::record::{Planned, StageRecord};
use super::{html, options, page};
use crate::cli::{PictureArgs, ShowArgs};
use crate::commands::Outcome;
use crate::commands::doctor::report_format;
use crate::output::{Printer, Rendered};
use crate::settings::{Format, Settings};

/// The report; programs read its field names.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) config: String,
    pub(super) format: &'static str,
    pub(super) model: String,
    pub(super) trainable_parameters: u64,
    pub(super) frozen_parameters: u64,
    pub(super) optimizer: &'static str,
    pub(super) devices: u64,
    pub(super) gpu: Gpu,
    pub(super) budget_bytes: u64,
    pub(super) stages: Vec<StageRecord>,
    pub(super) warnings: Vec<String>,
    pub(super) known: Vec<Known>,
    /// The parts of each stage's memory; empty without `--explain`.
    pub(super) explanation: Vec<Explanation>,
}

/// Where the figures of a stage are from.
#[derive(Debug, Serialize)]
pub(super) struct Explanation {
    pub(super) stage: String,
    pub(super) lines: Vec<Line>,
}

/// Prints the report. The check fails if a stage does not fit.
///
/// # Errors
///
/// If the configuration or the GPU cannot be planned with, or the report cannot be written.
pub(super) fn run(
    arguments: &ShowArgs,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<Outcome> {
    let format = report_format(settings)?;
    let config = options::config(&arguments.config, printer)?;
    let gpu = options::gpu(&arguments.gpu)?;
    let report = report(&config, &gpu, &options::margin(&arguments.gpu), arguments.explain)?;
    let rendered = match format {
        Format::Json => Rendered::json(&report)?,
        Format::Jsonl => Rendered::json_line(&report)?,
        Format::Table | Format::Csv | Format::Parquet => {
            Rendered::text(page::show(&report, printer))
        }
    };
    printer.emit(&rendered, settings.output.as_deref())?;
    let heading = html::Heading {
        title: format!("Training memory of {}", report.config),
        facts: page::facts(&report),
    };
    draw(&arguments.pictures, &heading, &report.stages, &report.gpu, printer)?;
    let fits = report.stages.iter().all(StageRecord::fits);
    Ok(if fits { Outcome::Done } else { Outcome::CheckFailed })
}

fn report(config: &Config, gpu: &Gpu, margin: &Margin, explains: bool) -> anyhow::Result<Report> {
    let training = &config.training;
    let budget_bytes = gpu.budget_bytes(margin);
    let (mut stages, mut explanation) = (Vec::new(), Vec::new());
    let mut parameters = (0, 0);
    for index in 0..training.stages.len() {
        let estimate: Estimate = estimate(training, index, gpu)?;
        parameters = (estimate.trainable_parameters, estimate.frozen_parameters);
        let largest_batch = match largest_batch(training, index, gpu, margin)? {
            LargestBatch::Fits { batch_size, .. } => Some(batch_size),
            LargestBatch::Nothing(_) => None,
        };
        if explains {
            let (stage, lines) = (estimate.stage.clone(), estimate.explain().to_vec());
            explanation.push(Explanation { stage, lines });
        }
        let (estimate, warnings) = (&estimate, Vec::new());
        let planned =
            Planned { training, index, estimate, largest_batch, suggestion: None, warnings };
        stages.push(StageRecord::new(planned, config, gpu, budget_bytes));
    }
    let warnings = advise(training, gpu, margin)?.iter().map(ToString::to_string).collect();
    let encoders = training.encoders.iter().map(|encoder| encoder.name.as_str());
    Ok(Report {
        config: config.path.display().to_string(),
        format: config.format.as_str(),
        model: encoders.collect::<Vec<_>>().join(", "),
        trainable_parameters: parameters.0,
        frozen_parameters: parameters.1,
        optimizer: training.optimizer.as_str(),
        devices: training.parallel.devices,
        gpu: gpu.clone(),
        budget_bytes,
        stages,
        warnings,
        known: config.known(),
        explanation,
    })
}

/// Makes the page and the picture that were asked for.
///
/// # Errors
///
/// If one cannot be written.
pub(super) fn draw(
    arguments: &PictureArgs,
    heading: &html::Heading,
    stages: &[StageRecord],
    gpu: &Gpu,
    printer: &Printer,
) -> anyhow::Result<()> {
    if let Some(path) = &arguments.html {
        printer.emit(&Rendered::text(html::page(heading, stages, gpu)), Some(path))?;
    }
    if let Some(path) = &arguments.svg {
        let picture = super::chart::svg(stages, gpu.memory_bytes, true);
        printer.emit(&Rendered::text(picture), Some(path))?;
    }
    Ok(())
}
