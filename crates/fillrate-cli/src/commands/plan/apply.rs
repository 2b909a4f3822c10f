//! `fillrate plan apply`: a suggestion, written into the configuration.

use anyhow::Context;
use fillrate::plan::Suggestion;
use fillrate::plan::edit::{Change, Patch, Written};
use serde::Serialize;

use super::{options, suggest};
use crate::cli::ApplyArgs;
use crate::commands::Outcome;
use crate::commands::doctor::report_format;
use crate::failure::hinted;
use crate::output::{Printer, Rendered};
use crate::settings::{Format, Settings};

/// The report; programs read its field names.
#[derive(Debug, Serialize)]
struct Report<'a> {
    suggestion: &'a str,
    changes: Vec<&'a Change>,
    diff: String,
    /// Empty without `--write`.
    written: Vec<Written>,
    warnings: Vec<String>,
}

/// Prints the diff, and writes the files if that was asked for.
///
/// # Errors
///
/// If the configuration cannot be planned with or edited safely, or a file cannot be written; all
/// files are then as they were before.
pub(super) fn run(
    arguments: &ApplyArgs,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<Outcome> {
    let format = report_format(settings)?;
    let config = options::config(&arguments.config, printer)?;
    let search = suggest::search(&config, &arguments.gpu, &arguments.search)?;
    let suggestion = chosen(&search.suggestions, arguments.suggestion.as_deref())?;
    let edits = config
        .edits(&suggestion.training)
        .with_context(|| format!("cannot write the suggestion `{}`", suggestion.name))?;
    let patch = Patch::new(config.documents(), &edits)?;
    let written =
        if arguments.write { patch.write(&config.path, &config.files())? } else { Vec::new() };
    let report = Report {
        suggestion: &suggestion.name,
        changes: patch.changes().collect(),
        diff: patch.diff(),
        written,
        warnings: suggestion.warnings.iter().map(ToString::to_string).collect(),
    };
    report.warnings.iter().for_each(|warning| printer.warn(warning));
    let rendered = match format {
        Format::Json => Rendered::json(&report)?,
        Format::Jsonl => Rendered::json_line(&report)?,
        Format::Table | Format::Csv | Format::Parquet => Rendered::exact(report.diff.as_str()),
    };
    printer.emit(&rendered, settings.output.as_deref())?;
    say(&report, arguments.write, printer);
    Ok(Outcome::Done)
}

/// The suggestion of that name, or the first.
fn chosen<'a>(suggestions: &'a [Suggestion], name: Option<&str>) -> anyhow::Result<&'a Suggestion> {
    let found = match name {
        None => suggestions.first(),
        Some(name) => suggestions.iter().find(|suggestion| suggestion.name == name),
    };
    found.ok_or_else(|| {
        let names: Vec<&str> =
            suggestions.iter().map(|suggestion| suggestion.name.as_str()).collect();
        let message = match name {
            Some(name) => format!("there is no suggestion `{name}`"),
            None => "nothing that fits was found".to_owned(),
        };
        hinted(message, format!("the suggestions are: {}", names.join(", ")))
    })
}

fn say(report: &Report<'_>, writes: bool, printer: &Printer) {
    if report.changes.is_empty() {
        printer
            .note(&format!("the configuration already says what `{}` suggests", report.suggestion));
    } else if !writes {
        printer.note("nothing was written; --write does");
    }
    for written in &report.written {
        let (file, backup) = (written.file.display(), written.backup.display());
        printer.note(&format!("wrote {file}; its former content is {backup}"));
    }
}
