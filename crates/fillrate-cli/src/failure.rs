//! How a run that did not go well ends: one line that says what, one that says how to mend it,
//! and the exit status.

use std::error::Error as StdError;
use std::fmt;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::process::ExitCode;
use std::sync::Once;

use clap::error::ErrorKind;

use crate::commands::Outcome;
use crate::output::Printer;

/// Where a fault of ours should be reported.
const ISSUES: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/issues");

/// How a run ended; the inner error is `None` after a panic, which its hook has reported.
pub(crate) type Ended = Result<Outcome, Option<anyhow::Error>>;

/// An error of the command line itself that knows how to be mended.
#[derive(Debug)]
pub(crate) struct Hinted {
    message: String,
    hint: String,
}

impl fmt::Display for Hinted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Hinted {}

/// An error with the line that tells a person how to mend it.
pub(crate) fn hinted(message: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
    Hinted { message: message.into(), hint: hint.into() }.into()
}

/// Makes a panic one line that asks for a report, whichever thread it is on.
///
/// Only the first is printed: one fault often takes several worker threads with it.
pub(crate) fn install_panic_hook() {
    static FIRST: Once = Once::new();
    panic::set_hook(Box::new(|info| {
        FIRST.call_once(|| crate::output::complain(&fault_message(info), Some(&report_hint())));
    }));
}

fn fault_message(info: &PanicHookInfo<'_>) -> String {
    let payload = info.payload_as_str().unwrap_or("no message");
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    one_line(&format!("a fault of fillrate itself at {place}: {payload}"))
}

fn report_hint() -> String {
    format!("please report it with the command you ran at {ISSUES}")
}

/// Runs `body`, so that a panic unwinds through it and temporary files are removed.
pub(crate) fn catch_panic(body: impl FnOnce() -> anyhow::Result<Outcome>) -> Ended {
    match panic::catch_unwind(AssertUnwindSafe(body)) {
        Ok(ended) => ended.map_err(Some),
        Err(_already_reported) => Err(None),
    }
}

/// Prints what is to be said about the end of a run.
pub(crate) fn report(ended: &Ended, printer: &Printer) {
    let Err(Some(error)) = ended else { return };
    if printer.reader_gone() {
        return;
    }
    if let Some(usage) = error.downcast_ref::<clap::Error>() {
        report_usage(usage);
        return;
    }
    let message = chain_line(error);
    if is_our_fault(error) {
        let message = format!("a fault of fillrate itself: {message}");
        crate::output::complain(&message, Some(&report_hint()));
    } else {
        crate::output::complain(&message, hint(error));
    }
}

/// 0 done, 1 the user's input or a failed check, 2 our own fault.
///
/// A reader that closed the pipe has what it wanted: that is a success.
pub(crate) fn exit_code(ended: &Ended, printer: &Printer) -> ExitCode {
    match ended {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::CheckFailed) => ExitCode::from(1),
        Err(None) => ExitCode::from(2),
        Err(Some(_)) if printer.reader_gone() => ExitCode::SUCCESS,
        Err(Some(error)) => match error.downcast_ref::<clap::Error>() {
            Some(usage) if !usage.use_stderr() => ExitCode::SUCCESS,
            _ if is_our_fault(error) => ExitCode::from(2),
            _ => ExitCode::from(1),
        },
    }
}

/// Whether no input should have been able to cause the error: a kernel was called out of contract.
fn is_our_fault(error: &anyhow::Error) -> bool {
    // The library's variant is transparent: the kernel's error is no cause of its own.
    error.chain().any(|cause| {
        matches!(
            cause.downcast_ref(),
            Some(fillrate::Error::Kernel(fillrate_kernels::Error::Shape { .. }))
        )
    })
}

/// The first hint in the chain of causes.
fn hint(error: &anyhow::Error) -> Option<&str> {
    error.chain().find_map(|cause| {
        if let Some(hinted) = cause.downcast_ref::<Hinted>() {
            return Some(hinted.hint.as_str());
        }
        cause.downcast_ref::<fillrate::Error>().and_then(fillrate::Error::hint)
    })
}

/// The chain of causes on one line, leaving out a cause that the message before it already quotes.
fn chain_line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    let mut last = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !last.ends_with(&cause) {
            if !line.is_empty() {
                line.push_str(": ");
            }
            line.push_str(&cause);
        }
        last = cause;
    }
    one_line(&line)
}

/// Collapses every run of white space, line breaks included, to one space.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Prints clap's own help as it is and its errors as one line and a hint.
fn report_usage(error: &clap::Error) {
    let is_help = matches!(
        error.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    if is_help {
        // A reader that closed the pipe on a help text is no failure.
        drop(error.print());
        return;
    }
    let (message, hint) = usage_lines(&error.to_string());
    crate::output::complain(&message, Some(&hint));
}

/// Takes clap's report apart: the first paragraph is the message, `tip:` or else the pointer to
/// `--help` is the hint.
fn usage_lines(report: &str) -> (String, String) {
    let first = report.split("\n\n").next().unwrap_or(report);
    let message = one_line(first.trim_start_matches("error:"));
    let tip = report.lines().find_map(|line| line.trim().strip_prefix("tip: "));
    let usage = report.lines().find_map(|line| line.trim().strip_prefix("Usage: "));
    let hint = match (tip, usage) {
        // As if it were a name; a number below 0 is far more likely.
        (Some(tip), _) if tip.contains("use '-- -") => {
            "to give a flag a value that begins with `-`, write --FLAG=VALUE".to_owned()
        }
        (Some(tip), _) => tip.to_owned(),
        (None, Some(usage)) => format!("usage: {}", one_line(usage)),
        (None, None) => "`fillrate --help` lists the verbs and flags".to_owned(),
    };
    (message, hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn a_cause_that_is_already_quoted_is_not_repeated() {
        let source = std::io::Error::new(std::io::ErrorKind::NotFound, "no such file");
        let error = fillrate::Error::Io { path: "a.csv".into(), source };
        let chained = anyhow::Error::new(error).context("cannot read the input");
        assert_eq!(chain_line(&chained), "cannot read the input: a.csv: no such file");
    }

    #[test]
    fn the_hint_is_found_under_context() {
        let error = fillrate::Error::Model {
            path: "m".into(),
            message: "is a pickle file".into(),
            hint: Some("convert it".into()),
        };
        let chained = Err::<(), _>(error).context("loading").unwrap_err();
        assert_eq!(hint(&chained), Some("convert it"));
        assert_eq!(hint(&hinted("a", "b")), Some("b"));
    }

    #[test]
    fn a_kernel_called_out_of_contract_is_our_fault_and_a_missing_instruction_set_is_not() {
        let shape =
            fillrate_kernels::Error::Shape { op: "linear", expected: "3".into(), got: "4".into() };
        assert!(is_our_fault(&fillrate::Error::from(shape).into()));
        let tier = fillrate_kernels::Error::Tier { tier: "avx512", best: "avx2" };
        assert!(!is_our_fault(&fillrate::Error::from(tier).into()));
    }

    #[test]
    fn a_panic_is_a_fault_of_ours() {
        let printer = Printer::of_process();
        let ended = catch_panic(|| panic!("on purpose"));
        assert!(matches!(ended, Err(None)));
        assert_eq!(
            format!("{:?}", exit_code(&ended, &printer)),
            format!("{:?}", ExitCode::from(2))
        );
        let failed = Ok(Outcome::CheckFailed);
        assert_eq!(
            format!("{:?}", exit_code(&failed, &printer)),
            format!("{:?}", ExitCode::from(1))
        );
    }
}
