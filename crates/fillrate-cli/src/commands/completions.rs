//! `fillrate completions`: the script that teaches a shell our verbs and flags.

use clap_complete::Shell;

use super::Outcome;
use crate::cli;
use crate::output::{Printer, Rendered};
use crate::settings::Settings;

/// Writes the script for `shell`.
///
/// # Errors
///
/// If it cannot be written.
pub(crate) fn run(shell: Shell, settings: &Settings, printer: &Printer) -> anyhow::Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut cli::command(), "fillrate", &mut script);
    let script = Rendered::text(String::from_utf8(script)?);
    printer.emit(&script, settings.output.as_deref())?;
    Ok(Outcome::Done)
}
