//! `fillrate profile`: what a model costs on this machine.

mod headlines;
mod html;
mod kernels;
mod llm;
mod model;
mod page;
mod percentiles;
mod sweep;
mod texts;

use super::Outcome;
use crate::cli::ProfileArgs;
use crate::output::Printer;
use crate::settings::Settings;

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
    if arguments.kernels {
        return kernels::run(arguments.seconds, settings, printer);
    }
    model::run(arguments, settings, printer)
}
