//! `fillrate profile`: what a model costs on this machine.

mod headlines;
mod llm;
mod model;
mod percentiles;

use std::time::Duration;

use super::Outcome;
use crate::cli::ProfileArgs;
use crate::output::Printer;
use crate::settings::Settings;

/// How long one figure is measured for, if nothing else is said.
const SECONDS_DEFAULT: Duration = Duration::from_secs(1);

/// Measures what was asked for and prints the report.
///
/// # Errors
///
/// If it cannot be loaded or measured, or the report cannot be written.
pub(crate) fn run(
    arguments: &ProfileArgs,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<Outcome> {
    if let Some(server) = &arguments.llm.llm {
        return llm::run(server, &arguments.llm, settings, printer);
    }
    let time = arguments.seconds.unwrap_or(SECONDS_DEFAULT);
    model::run(time, settings, printer)
}
