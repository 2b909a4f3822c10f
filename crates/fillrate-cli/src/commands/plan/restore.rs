//! `fillrate plan restore`: what `apply --write` changed last, put back.

use std::fmt::Write as _;

use fillrate::plan::config::Config;
use fillrate::plan::edit::{self, Restored};

use super::options;
use crate::cli::RestoreArgs;
use crate::commands::Outcome;
use crate::commands::doctor::report_format;
use crate::output::{Printer, Rendered};
use crate::settings::{Format, Settings};

/// Puts the newest backups back and says which.
///
/// # Errors
///
/// If there is none, or a file cannot be written; all files are then as they were before.
pub(super) fn run(
    arguments: &RestoreArgs,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<Outcome> {
    let format = report_format(settings)?;
    let path = &arguments.config.path;
    let restored = if edit::is_interrupted(path) {
        edit::restore(path, &[])?
    } else {
        edit::restore(path, &family(arguments, printer)?)?
    };
    let rendered = match format {
        Format::Json => Rendered::json(&restored)?,
        Format::Jsonl => Rendered::list(&restored, format)?,
        Format::Table | Format::Csv | Format::Parquet => Rendered::exact(page(&restored)),
    };
    printer.emit(&rendered, settings.output.as_deref())?;
    Ok(Outcome::Done)
}

/// The files that belong to the configuration. One that is too broken to say so is restored alone:
/// that is when a backup is needed most.
fn family(arguments: &RestoreArgs, printer: &Printer) -> anyhow::Result<Vec<std::path::PathBuf>> {
    let path = &arguments.config.path;
    match Config::read(path, &options::read_options(&arguments.config)?) {
        Ok(config) => Ok(config.files()),
        Err(error) => {
            printer.note(&format!("{error}; files that it names are not restored"));
            Ok(vec![path.clone()])
        }
    }
}

fn page(restored: &[Restored]) -> String {
    let mut page = String::new();
    for Restored { file, backup, replaced } in restored {
        // Writing to a `String` cannot fail.
        let _ = write!(page, "{} from {}", file.display(), backup.display());
        let _ = match replaced {
            Some(replaced) => writeln!(page, "; what it replaced is {}", replaced.display()),
            None => writeln!(page),
        };
    }
    page
}
