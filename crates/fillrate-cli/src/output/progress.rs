//! What is said while something takes its time.

use std::fmt;
use std::io::{self, IsTerminal};

use indicatif::{
    DecimalBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle,
};

use super::{Printer, say};
use crate::settings::Verbosity;

impl Printer {
    /// Says something that is good to know, unless `-q`.
    pub(crate) fn note(&self, message: &str) {
        if self.verbosity >= Verbosity::Normal {
            say("note:", message);
        }
    }

    /// A bar for `total` rows, or a spinner if nobody knows how many there are; on a terminal that
    /// is not needed for the rows themselves.
    pub(crate) fn row_progress(&self, total: Option<u64>, is_to_file: bool) -> ProgressBar {
        let shows_rows = !is_to_file && io::stdout().is_terminal();
        if self.verbosity < Verbosity::Normal || shows_rows || !io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
        let template = match total {
            Some(_) => "{bar:30} {human_pos}/{human_len} rows, {rate} rows/s, {eta} left",
            None => "{spinner} {human_pos} rows, {rate} rows/s",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.with_key("rate", whole_rate));
        }
        bar
    }

    /// A bar for `total` things of a kind on a terminal; elsewhere, and with `-q`, it shows nothing.
    pub(crate) fn progress(&self, what: &'static str, total: u64) -> ProgressBar {
        if self.verbosity < Verbosity::Normal || !io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}, {eta} left") {
            bar.set_style(style);
        }
        bar.with_message(what)
    }

    /// A bar for `total` bytes on a terminal; elsewhere, and with `-q`, it shows nothing.
    pub(crate) fn byte_progress(&self, what: &str, total: u64) -> ProgressBar {
        if self.verbosity < Verbosity::Normal || !io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
        let template = "{msg} {bar:30} {decimal_bytes}/{decimal_total_bytes} \
                        {decimal_bytes_per_sec}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.with_message(what.to_owned())
    }
}

/// The rate without a fraction, which would only flicker.
fn whole_rate(state: &ProgressState, to: &mut dyn fmt::Write) {
    // Nobody can be told that the terminal has gone.
    let _ = write!(to, "{}", HumanCount(state.per_sec().round() as u64));
}

/// A size for a reader, in powers of ten: `438.2 MB`.
pub(crate) fn bytes(count: u64) -> String {
    DecimalBytes(count).to_string()
}
