//! `fillrate doctor`: what is here, what will be used and why, what is missing and what mends it.

mod findings;
mod page;
mod uses;

use fillrate_device::probe::Machine;
use serde::Serialize;

use self::findings::{Finding, Severity};
use self::uses::Uses;
use super::Outcome;
use super::models::{Listed, listed};
use crate::failure::hinted;
use crate::output::{Printer, Rendered};
use crate::settings::{Format, Origin, Settings, keys};
use crate::store::Store;

/// The report; programs read its field names.
#[derive(Debug, Serialize)]
struct Report<'a> {
    version: &'static str,
    #[serde(flatten)]
    machine: Machine,
    uses: Uses,
    models: Vec<Listed>,
    findings: Vec<Finding>,
    settings: &'a Settings,
}

/// Prints the report. The check fails if texts cannot be scored as the settings ask.
///
/// # Errors
///
/// If a format was asked for that a report has not, or it cannot be written.
pub(crate) fn run(settings: &Settings, printer: &Printer) -> anyhow::Result<Outcome> {
    let format = report_format(settings)?;
    let store = Store::new(&settings.hub);
    let machine = Machine::probe();
    let uses = Uses::decide(&machine, settings);
    let models: Vec<Listed> =
        store.registry().models().iter().map(|model| listed(&store, model)).collect();
    let findings = findings::of(&machine, &uses, &models, settings, store.registry());
    let failed = findings.iter().any(|finding| finding.severity == Severity::Problem);
    let version = env!("CARGO_PKG_VERSION");
    let report = Report { version, machine, uses, models, findings, settings };
    let rendered = match format {
        Format::Json => Rendered::json(&report)?,
        Format::Jsonl => Rendered::json_line(&report)?,
        Format::Table | Format::Csv | Format::Parquet => {
            Rendered::text(page::page(&report, printer))
        }
    };
    printer.emit(&rendered, settings.output.as_deref())?;
    Ok(if failed { Outcome::CheckFailed } else { Outcome::Done })
}

/// A report is a table unless JSON was asked for. A format that it has not is an error if it was
/// typed for this run; one that the environment or the file sets for records does not matter here.
pub(super) fn report_format(settings: &Settings) -> anyhow::Result<Format> {
    match settings.format {
        Some(format @ (Format::Csv | Format::Parquet)) => match settings.origin(&keys::FORMAT) {
            Origin::Variable(_) | Origin::File(..) => Ok(Format::Table),
            Origin::Flag(_) | Origin::Default => Err(hinted(
                format!("a report has no {} format", format.name()),
                "use `--format table`, `json` or `jsonl`",
            )),
        },
        format => Ok(format.unwrap_or(Format::Table)),
    }
}
