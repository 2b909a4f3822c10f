//! `fillrate models`: which models there are, which are here, and whether they are whole.

mod list;
mod show;

use std::path::PathBuf;

use fillrate::text::registry::{FileCheck, Origin};
use serde::Serialize;

pub(super) use self::list::{Listed, listed};
use super::Outcome;
use super::doctor::report_format;
use crate::cli::ModelsVerb;
use crate::output::{Printer, Rendered, bytes, list_format};
use crate::settings::{Format, Settings};
use crate::store::Store;

/// Runs one of the verbs about models.
///
/// # Errors
///
/// Whatever stops it.
pub(crate) fn run(
    verb: &ModelsVerb,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<Outcome> {
    let store = Store::new(&settings.hub);
    match verb {
        ModelsVerb::List => list::run(&store, settings, printer),
        ModelsVerb::Show { model } => show::run(&store, model, settings, printer),
        ModelsVerb::Pull { model, revision } => {
            pull(&store, model, revision.as_deref(), settings, printer)
        }
        ModelsVerb::Verify { model } => verify(&store, model.as_deref(), settings, printer),
    }
}

fn pull(
    store: &Store<'_>,
    name: &str,
    revision: Option<&str>,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<Outcome> {
    let format = report_format(settings)?;
    let model = store.registry().known(name)?;
    if !matches!(model.origin, Origin::Hub(_)) {
        printer.note(&format!("{name} is built in: there is nothing to pull"));
        return Ok(Outcome::Done);
    }
    if let Some(remark) = model.license.remark {
        printer.note(&format!("{}: {remark}", model.name));
    }
    let pulled = store.pull(model, revision, printer)?;
    let rendered = match format {
        Format::Json => Rendered::json(&pulled)?,
        Format::Jsonl => Rendered::json_line(&pulled)?,
        Format::Table | Format::Csv | Format::Parquet => {
            Rendered::text(pulled.path.display().to_string())
        }
    };
    printer.emit(&rendered, settings.output.as_deref())?;
    match pulled.downloaded_bytes {
        0 => printer.note(&format!("{}: was here already", pulled.name)),
        count => printer.note(&format!("{}: {} downloaded", pulled.name, bytes(count))),
    }
    Ok(Outcome::Done)
}

/// A line of `models verify`; programs read its field names.
#[derive(Debug, Serialize)]
struct Verified {
    model: String,
    path: PathBuf,
    #[serde(flatten)]
    check: FileCheck,
}

fn verify(
    store: &Store<'_>,
    name_or_dir: Option<&str>,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<Outcome> {
    let format = list_format(settings)?;
    let checks: Vec<Verified> = store
        .verify(name_or_dir)?
        .into_iter()
        .map(|(model, path, check)| Verified { model, path, check })
        .collect();
    if checks.is_empty() {
        printer.note("there are no files to verify");
    }
    let rendered = match format {
        Format::Table => {
            let rows = checks.iter().map(|line| (Some(line.model.as_str()), &line.check));
            Rendered::text(files_table(rows, printer))
        }
        format => Rendered::list(&checks, format)?,
    };
    printer.emit(&rendered, settings.output.as_deref())?;
    let mut outcome = Outcome::Done;
    for Verified { path, check, .. } in &checks {
        if let Some(problem) = &check.problem {
            outcome = Outcome::CheckFailed;
            printer.warn(&format!("{}: {problem}", path.join(&check.file).display()));
        }
    }
    Ok(outcome)
}

/// The files of models, one a line; the model's name stands before them where it is given.
fn files_table<'a>(
    files: impl Iterator<Item = (Option<&'a str>, &'a FileCheck)>,
    printer: &Printer,
) -> String {
    let mut table = printer.table();
    for (model, file) in files {
        let mut cells = vec![
            file.file.clone(),
            file.status.as_str().to_owned(),
            file.size_bytes.map_or_else(|| "-".to_owned(), bytes),
            file.sha256.as_deref().map_or_else(|| "-".to_owned(), |sha256| digits(sha256, printer)),
        ];
        cells.splice(0..0, model.map(str::to_owned));
        table.add_row(cells);
    }
    table.trim_fmt()
}

/// A checksum for a reader: its first 16 digits tell files apart, `-v` and JSON give all 64.
fn digits(sha256: &str, printer: &Printer) -> String {
    match sha256.get(..16) {
        Some(first) if !printer.is_verbose() => format!("{first}…"),
        _ => sha256.to_owned(),
    }
}
