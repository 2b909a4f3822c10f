//! The texts below the flags, made to flow to the width of the page.

use clap::{Command, CommandFactory};

use super::Cli;

/// The whole command; what stands below its flags, and those of its verbs, flows.
pub(crate) fn command() -> Command {
    flowing(Cli::command())
}

/// Lets each text below the flags flow. It is written in lines of the source's width; clap breaks those that
/// are too long for the page, and would leave a word alone in a line where the next break was.
fn flowing(command: Command) -> Command {
    let text = command.get_after_help().map(|text| joined(&text.to_string()));
    let command = match text {
        Some(text) => command.after_help(text),
        None => command,
    };
    command.mut_subcommands(flowing)
}

/// The lines of each paragraph as one. Lines that begin with a space are a list or an example, and stay.
fn joined(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut is_open = false;
    for line in text.lines() {
        let is_prose = !line.is_empty() && !line.starts_with(' ');
        if !out.is_empty() {
            out.push(if is_open && is_prose { ' ' } else { '\n' });
        }
        out.push_str(line);
        is_open = is_prose;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_flow_and_lists_stay() {
        let text =
            "One line\nand its rest:\n  a list\n  of two\nwhere more\nis said.\n\nExamples:\n  one";
        let expected =
            "One line and its rest:\n  a list\n  of two\nwhere more is said.\n\nExamples:\n  one";
        assert_eq!(joined(text), expected);
    }

    /// A list or an example is not broken, so that it has to fit.
    #[test]
    fn lists_and_examples_fit_a_page() {
        fn check(command: &Command) {
            let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            for line in text.lines().filter(|line| line.starts_with(' ')) {
                let name = command.get_name();
                assert!(line.chars().count() <= 100, "{name}: {line}");
            }
            command.get_subcommands().for_each(check);
        }
        check(&command());
    }
}
