//! `fillrate models show`: everything known of one model.

use std::path::PathBuf;

use clap::builder::styling::Style;
use fillrate::text::registry::{
    Classes, FileCheck, HubModel, KnownModel, Parameters, WeightMemory, Weights,
};
use fillrate::text::{ModelDir, ModelSource};
use serde::Serialize;

use super::files_table;
use super::list::{Status, listed};
use crate::commands::Outcome;
use crate::commands::doctor::report_format;
use crate::output::{Printer, Rendered, bytes};
use crate::settings::{Format, Settings};
use crate::store::Store;

/// The report of `models show`; programs read its field names.
#[derive(Debug, Serialize)]
struct Shown {
    name: String,
    status: Status,
    path: Option<PathBuf>,
    #[serde(flatten)]
    card: Option<Card>,
    classes: Option<Vec<Class>>,
    files: Vec<FileCheck>,
    problem: Option<String>,
    how_to_get: Option<String>,
}

/// What is known of a model without its files.
#[derive(Debug, Serialize)]
struct Card {
    summary: &'static str,
    source: &'static str,
    license: Option<&'static str>,
    license_remark: Option<&'static str>,
    languages: &'static [&'static str],
    repo: Option<&'static str>,
    revision: Option<&'static str>,
    upstream_weights: Option<Weights>,
    architecture: Option<&'static str>,
    parameters: Option<u64>,
    download_bytes: Option<u64>,
    memory: Option<WeightMemory>,
    max_tokens: Option<usize>,
}

/// One class of a model, and the label that it counts towards.
#[derive(Debug, Serialize)]
struct Class {
    name: String,
    label: &'static str,
}

/// Prints everything known of one model.
///
/// # Errors
///
/// If there is no such model, its files cannot be read, or the report cannot be written.
pub(super) fn run(
    store: &Store<'_>,
    name_or_dir: &str,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<Outcome> {
    let format = report_format(settings)?;
    let registry = store.registry();
    let resolved = registry.resolve(name_or_dir);
    let shown = match (registry.find(name_or_dir), resolved) {
        (_, Ok(ModelSource::Directory(dir))) => shown_directory(&dir)?,
        (_, Ok(ModelSource::Builtin(model))) => shown_model(model, Status::BuiltIn, None),
        (Some(model), Err(error)) => {
            let listed = listed(store, model);
            let mut shown = shown_model(model, listed.status, error.hint().map(str::to_owned));
            shown.problem = listed.problem;
            shown
        }
        (None, Err(error)) => return Err(error.into()),
    };
    let rendered = match format {
        Format::Json => Rendered::json(&shown)?,
        Format::Jsonl => Rendered::json_line(&shown)?,
        Format::Table | Format::Csv | Format::Parquet => Rendered::text(show_page(&shown, printer)),
    };
    printer.emit(&rendered, settings.output.as_deref())?;
    Ok(Outcome::Done)
}

fn shown_model(model: &'static KnownModel, status: Status, how_to_get: Option<String>) -> Shown {
    Shown {
        name: model.name.to_owned(),
        status,
        path: None,
        card: Some(card(model)),
        classes: model.encoder().map(|encoder| classes(encoder.classes())),
        files: vec![],
        problem: None,
        how_to_get,
    }
}

fn shown_directory(dir: &ModelDir) -> anyhow::Result<Shown> {
    Ok(Shown {
        name: dir.name.clone(),
        status: Status::Installed,
        path: Some(dir.path.clone()),
        card: dir.known.map(card),
        classes: Some(classes(dir.classes()?)),
        files: dir.verify()?,
        problem: None,
        how_to_get: None,
    })
}

fn card(model: &'static KnownModel) -> Card {
    let (hub, encoder) = (model.hub(), model.encoder());
    Card {
        summary: model.summary,
        source: model.source,
        license: model.license.spdx,
        license_remark: model.license.remark,
        languages: model.languages,
        repo: hub.map(|hub| hub.repo),
        revision: hub.map(|hub| hub.revision),
        upstream_weights: hub.map(|hub| hub.weights),
        architecture: encoder.map(|encoder| encoder.architecture),
        parameters: encoder.map(|encoder| encoder.parameters.total()),
        download_bytes: hub.map(HubModel::download_bytes),
        memory: encoder.map(|encoder| encoder.parameters).map(Parameters::memory),
        max_tokens: encoder.map(|encoder| encoder.max_tokens),
    }
}

fn classes(classes: Classes) -> Vec<Class> {
    let labels = classes.map.classes.iter().map(|label| label.as_str());
    classes.names.into_iter().zip(labels).map(|(name, label)| Class { name, label }).collect()
}

fn show_page(shown: &Shown, printer: &Printer) -> String {
    let mut table = printer.table();
    let mut row = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            table.add_row([name.to_owned(), value]);
        }
    };
    row("status", Some(shown.status.words().to_owned()));
    row("directory", shown.path.as_ref().map(|path| path.display().to_string()));
    if let Some(card) = &shown.card {
        row("what it is", Some(card.summary.to_owned()));
        row("source", Some(card.source.to_owned()));
        row("licence", Some(card.license.unwrap_or("not stated").to_owned()));
        row("", card.license_remark.map(str::to_owned));
        row("languages", Some(card.languages.join(" ")));
        row("repository", card.repo.map(str::to_owned));
        row("revision", card.revision.map(str::to_owned));
        row("architecture", card.architecture.map(str::to_owned));
        row(
            "parameters",
            card.parameters.map(|count| format!("{:.0} million", count as f64 / 1e6)),
        );
        row("longest text", card.max_tokens.map(|tokens| format!("{tokens} tokens")));
        row("download", card.download_bytes.map(bytes));
        row("memory", card.memory.map(memory_line));
    }
    row("classes", shown.classes.as_deref().map(class_line));
    row("problem", shown.problem.clone());
    row("to get it", shown.how_to_get.clone());
    let name = printer.styled(&shown.name, Style::new().bold());
    let mut page = format!("{name}\n{}", table.trim_fmt());
    if !shown.files.is_empty() {
        page.push_str("\n\n");
        page.push_str(&files_table(shown.files.iter().map(|file| (None, file)), printer));
    }
    page
}

fn memory_line(memory: WeightMemory) -> String {
    format!(
        "fp32 {}, bf16 and fp16 {}, int8 {}",
        bytes(memory.fp32_bytes),
        bytes(memory.bf16_bytes),
        bytes(memory.int8_bytes)
    )
}

fn class_line(classes: &[Class]) -> String {
    let classes: Vec<_> =
        classes.iter().map(|class| format!("{} → {}", class.name, class.label)).collect();
    classes.join(", ")
}
