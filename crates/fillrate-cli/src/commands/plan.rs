//! `fillrate plan`: training memory, and configurations that make good use of it.

mod apply;
mod chart;
mod html;
mod options;
mod page;
mod record;
mod restore;
mod show;
mod suggest;
mod verify;

use super::Outcome;
use crate::cli::PlanVerb;
use crate::output::Printer;
use crate::settings::Settings;

/// Does what was asked for with a configuration.
///
/// # Errors
///
/// If the configuration or the GPU cannot be planned with, nothing fits, or something cannot be
/// written; files are then as they were before.
pub(crate) fn run(
    verb: &PlanVerb,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<Outcome> {
    match verb {
        PlanVerb::Show(arguments) => show::run(arguments, settings, printer),
        PlanVerb::Suggest(arguments) => suggest::run(arguments, settings, printer),
        PlanVerb::Apply(arguments) => apply::run(arguments, settings, printer),
        PlanVerb::Restore(arguments) => restore::run(arguments, settings, printer),
        PlanVerb::Verify(arguments) => verify::run(arguments, settings, printer),
    }
}
