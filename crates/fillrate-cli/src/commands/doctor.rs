//! `fillrate doctor`: what is here, what will be used and why.

use clap::builder::styling::Style;
use serde::Serialize;

use super::Outcome;
use crate::failure::hinted;
use crate::output::{Printer, Rendered};
use crate::settings::{Format, Origin, Settings, keys};

/// The report; programs read its field names.
#[derive(Debug, Serialize)]
struct Report<'a> {
    version: &'static str,
    settings: &'a Settings,
}

/// Prints the report.
///
/// # Errors
///
/// If a format was asked for that a report has not, or it cannot be written.
pub(crate) fn run(settings: &Settings, printer: &Printer) -> anyhow::Result<Outcome> {
    let report = Report { version: env!("CARGO_PKG_VERSION"), settings };
    let rendered = match report_format(settings)? {
        Format::Json => Rendered::json(&report)?,
        Format::Jsonl => Rendered::json_line(&report)?,
        Format::Table | Format::Csv | Format::Parquet => Rendered::text(page(&report, printer)),
    };
    printer.emit(&rendered, settings.output.as_deref())?;
    Ok(Outcome::Done)
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

/// The report for a reader.
fn page(report: &Report<'_>, printer: &Printer) -> String {
    let mut page = format!("fillrate {}\n\n", report.version);
    page.push_str(&printer.styled("Settings", Style::new().bold()));
    page.push('\n');
    let mut table = printer.table();
    for key in keys::ALL {
        let origin = report.settings.origin(key);
        if printer.is_verbose() || *origin != Origin::Default {
            table.add_row([key.name, &origin.to_string()]);
        }
    }
    page.push_str(&table.to_string());
    page
}
