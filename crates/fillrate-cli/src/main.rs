//! The `fillrate` command: scores texts, computes over prices, and says what it ran on.

mod cli;
mod commands;
mod failure;
mod output;
mod settings;
mod store;
mod version;

use std::process::ExitCode;

use crate::commands::Outcome;
use crate::output::Printer;
use crate::settings::Settings;

fn main() -> ExitCode {
    failure::install_panic_hook();
    let mut printer = Printer::of_process();
    let ended = failure::catch_panic(|| fillrate(&mut printer));
    failure::report(&ended, &printer);
    failure::exit_code(&ended, &printer)
}

/// The three steps that can fail: what was typed, what it means, what it does.
fn fillrate(printer: &mut Printer) -> anyhow::Result<Outcome> {
    let cli = cli::parse(std::env::args_os())?;
    let settings = Settings::settle(&cli, |name| std::env::var_os(name))?;
    printer.set_verbosity(settings.verbosity);
    settings::warn_of_unknown_variables(std::env::vars_os().map(|(name, _)| name), printer);
    settings::warn_of_unread_switch(&cli.verb, |name| std::env::var_os(name), printer);
    commands::run(&cli.verb, &settings, printer)
}
