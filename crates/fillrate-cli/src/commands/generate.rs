//! `fillrate generate`: the parts of the documentation that come from the definitions of flags
//! and settings.

use std::fmt::Write as _;

use anyhow::Context;
use clap::Command;

use super::Outcome;
use crate::cli::{self, Page};
use crate::failure::hinted;
use crate::output::{Printer, Rendered};
use crate::settings::{Settings, environment_page};

/// The width of the help page, in characters.
const HELP_WIDTH: usize = 80;

/// Writes one page.
///
/// # Errors
///
/// If `verb` is no verb, or the page cannot be written.
pub(crate) fn run(
    page: Page,
    verb: Option<&str>,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<Outcome> {
    let text = match page {
        Page::Environment => environment_page(),
        Page::Help => help_page(),
        Page::Verbs => verbs(),
        Page::Man => man_page(verb)?,
    };
    printer.emit(&Rendered::text(text), settings.output.as_deref())?;
    Ok(Outcome::Done)
}

/// The whole command with everything that clap adds to it.
fn built() -> Command {
    let mut command = cli::command().term_width(HELP_WIDTH);
    command.build();
    command
}

/// The help of the command and of each verb, one after the other.
fn help_page() -> String {
    let mut page = String::new();
    let mut pending = vec![built()];
    while let Some(mut command) = pending.pop() {
        let verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set()).cloned();
        pending.extend(verbs.collect::<Vec<_>>().into_iter().rev());
        let name = command.get_bin_name().unwrap_or("fillrate").to_owned();
        // Writing to a `String` cannot fail.
        let _ = writeln!(page, "$ {name} --help\n{}", command.render_long_help());
    }
    page
}

/// The names of the verbs, one a line.
fn verbs() -> String {
    let command = built();
    let shown = command.get_subcommands().filter(|verb| !verb.is_hide_set());
    shown.map(Command::get_name).collect::<Vec<_>>().join("\n")
}

/// The man page of a verb, or of the command itself.
fn man_page(verb: Option<&str>) -> anyhow::Result<String> {
    let command = built();
    let command = match verb {
        None => command,
        Some(name) => command.find_subcommand(name).cloned().ok_or_else(|| {
            hinted(format!("`{name}` is no verb"), "`fillrate --help` lists them")
        })?,
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page).context("cannot render the man page")?;
    Ok(String::from_utf8(page)?)
}
