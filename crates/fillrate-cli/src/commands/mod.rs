//! The verbs: each file has the verb's `run`, and its steps below it.

mod backtest;
mod bench;
mod compare;
mod completions;
mod device;
mod doctor;
mod generate;
mod indicators;
mod loading;
mod models;
mod montecarlo;
mod options;
mod plan;
mod portfolio;
mod prices;
mod profile;
mod risk;
mod score;
mod table;
mod waves;

use crate::cli::{BenchVerb, Verb};
use crate::output::Printer;
use crate::settings::Settings;

/// How a verb that could be carried out ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Outcome {
    /// As it should.
    Done,
    /// It checked something, which is not as it should be.
    CheckFailed,
}

/// Runs one verb.
///
/// # Errors
///
/// Whatever stops it.
pub(crate) fn run(verb: &Verb, settings: &Settings, printer: &Printer) -> anyhow::Result<Outcome> {
    device::warn_without_kernel(verb, settings, printer);
    match verb {
        Verb::Bench { verb: BenchVerb::Memory { trace } } => {
            bench::memory::run(trace.as_deref(), settings, printer)
        }
        Verb::Doctor => doctor::run(settings, printer),
        Verb::Score { input, .. } => score::run(input, settings, printer),
        Verb::Compare(arguments) => compare::run(arguments, settings, printer),
        Verb::Indicators(arguments) => indicators::run(arguments, settings, printer),
        Verb::MonteCarlo(arguments) => montecarlo::run(arguments, settings, printer),
        Verb::Options { verb } => options::run(verb, settings, printer),
        Verb::Risk(arguments) => risk::run(arguments, settings, printer),
        Verb::Portfolio(arguments) => portfolio::run(arguments, settings, printer),
        Verb::Backtest(arguments) => backtest::run(arguments, settings, printer),
        Verb::Profile(arguments) => profile::run(arguments, settings, printer),
        Verb::Waves(arguments) => waves::run(arguments, settings, printer),
        Verb::Plan { verb } => plan::run(verb, settings, printer),
        Verb::Models { verb } => models::run(verb, settings, printer),
        Verb::Completions { shell } => completions::run(*shell, settings, printer),
        Verb::Generate { page, verb } => generate::run(*page, verb.as_deref(), settings, printer),
    }
}
