//! What users see: standard output is data, standard error is talk.

mod lists;
mod markup;
mod progress;

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use clap::builder::styling::{AnsiColor, Style};
use comfy_table::{ContentArrangement, Table, presets};
use fillrate::records::Sink;
use serde::Serialize;

pub(crate) use self::lists::list_format;
pub(crate) use self::markup::{escaped, svg_opened};
pub(crate) use self::progress::bytes;
use crate::settings::Verbosity;

/// The width of a page when nothing says how wide the terminal is, in characters.
const WIDTH_DEFAULT: u16 = 80;

/// Decides what is said, where, and how it looks.
#[derive(Debug)]
pub(crate) struct Printer {
    verbosity: Verbosity,
    colour: bool,
    width: u16,
    reader_gone: Arc<AtomicBool>,
}

impl Printer {
    /// The printer of this process, which says what is normally said.
    pub(crate) fn of_process() -> Self {
        Self {
            verbosity: Verbosity::Normal,
            colour: io::stdout().is_terminal() && colour_wanted(),
            width: page_width(),
            reader_gone: Arc::new(AtomicBool::new(false)),
        }
    }

    /// Sets how much is said.
    pub(crate) fn set_verbosity(&mut self, verbosity: Verbosity) {
        self.verbosity = verbosity;
    }

    /// Whether to say what was decided and why.
    pub(crate) fn is_verbose(&self) -> bool {
        self.verbosity == Verbosity::Verbose
    }

    /// Whether whoever read our standard output has closed it.
    pub(crate) fn reader_gone(&self) -> bool {
        self.reader_gone.load(Ordering::Relaxed)
    }

    /// Says something a person needs to act on, unless `-q`.
    pub(crate) fn warn(&self, message: &str) {
        if self.verbosity >= Verbosity::Normal {
            say(&label("warning:", AnsiColor::Yellow), message);
        }
    }

    /// `text` in `style` if standard output is a terminal that shows it.
    pub(crate) fn styled(&self, text: &str, style: Style) -> String {
        if self.colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    /// The width of a page, in columns of the terminal.
    pub(crate) fn width(&self) -> usize {
        usize::from(self.width)
    }

    /// A table without lines that fits the terminal.
    pub(crate) fn table(&self) -> Table {
        let mut table = Table::new();
        table
            .load_preset(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(self.width);
        table
    }

    /// Standard output; a reader that closes it is remembered, see [`Self::reader_gone`].
    pub(crate) fn stdout(&self) -> Stdout {
        Stdout { inner: io::stdout(), reader_gone: Arc::clone(&self.reader_gone) }
    }

    /// Where a result goes: standard output, or `path`, which appears only when it is complete.
    ///
    /// # Errors
    ///
    /// If no file can be made beside `path`.
    pub(crate) fn sink(&self, path: Option<&Path>) -> anyhow::Result<Sink> {
        Ok(match path {
            Some(path) => Sink::file(path)?,
            None => Sink::stream(Box::new(self.stdout())),
        })
    }

    /// Writes a whole result at once.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub(crate) fn emit(&self, result: &Rendered, path: Option<&Path>) -> anyhow::Result<()> {
        result.write(self.sink(path)?)
    }
}

/// A result as text, ready to be written.
#[derive(Debug)]
pub(crate) struct Rendered(String);

impl Rendered {
    /// Text, given a final line break if it has none.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        let mut text = text.into();
        if !text.ends_with('\n') {
            text.push('\n');
        }
        Self(text)
    }

    /// Text as it is, which may be none.
    pub(crate) fn exact(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Writes it whole.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub(crate) fn write(&self, mut sink: Sink) -> anyhow::Result<()> {
        sink.write_all(self.0.as_bytes()).context("cannot write the result")?;
        Ok(sink.commit()?)
    }

    /// One JSON document over several lines.
    ///
    /// # Errors
    ///
    /// If the value cannot be JSON.
    pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<Self> {
        Ok(Self::text(serde_json::to_string_pretty(value)?))
    }

    /// One JSON document on one line.
    ///
    /// # Errors
    ///
    /// If the value cannot be JSON.
    pub(crate) fn json_line(value: &impl Serialize) -> anyhow::Result<Self> {
        Ok(Self::text(serde_json::to_string(value)?))
    }
}

/// Standard output that remembers whether its reader has gone.
#[derive(Debug)]
pub(crate) struct Stdout {
    inner: io::Stdout,
    reader_gone: Arc<AtomicBool>,
}

impl Stdout {
    fn note<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
            self.reader_gone.store(true, Ordering::Relaxed);
        }
        result
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes);
        self.note(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.inner.flush();
        self.note(flushed)
    }
}

/// Prints an error and, on the next line, how to mend it.
pub(crate) fn complain(message: &str, hint: Option<&str>) {
    say(&label("error:", AnsiColor::Red), message);
    if let Some(hint) = hint {
        say(&label("hint:", AnsiColor::Cyan), hint);
    }
}

/// Writes a line of talk. That nobody can read it is no reason to stop.
fn say(label: &str, message: &str) {
    let _ = writeln!(io::stderr().lock(), "{label} {message}");
}

fn label(text: &str, colour: AnsiColor) -> String {
    if io::stderr().is_terminal() && colour_wanted() {
        let style = colour.on_default().bold();
        format!("{style}{text}{style:#}")
    } else {
        text.to_owned()
    }
}

/// Source: <https://no-color.org>.
fn colour_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_none_or(|terminal| terminal != "dumb")
}

/// The width of tables: `COLUMNS`, else the terminal's, else 80; between 40 and 200 characters.
fn page_width() -> u16 {
    let asked = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let terminal = || terminal_size::terminal_size().map(|(width, _)| width.0);
    asked.or_else(terminal).unwrap_or(WIDTH_DEFAULT).clamp(40, 200)
}
