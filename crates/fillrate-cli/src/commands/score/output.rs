//! Where scores go: records in a file or a pipe, or a page on a terminal.

use std::io::Write;

use anyhow::Context;
use clap::builder::styling::Style;
use fillrate::records::{Reader, Sink, Writer};
use fillrate::text::batch::Scored;
use fillrate::text::{ScoreColumns, ScoredChunk};
use unicode_width::UnicodeWidthChar;

use crate::commands::table::format_of_records;
use crate::output::Printer;
use crate::settings::{Format, Settings};

/// Columns of the page before the text, with the gaps after them.
const PAGE_MARGIN: usize = "negative  -0.123  ".len();

/// What a run writes to.
pub(super) enum Output {
    /// The input's columns and the answers'.
    Records { writer: Box<Writer>, columns: ScoreColumns },
    /// Label, score and as much of the text as fits a line.
    Page { sink: Sink, width: usize },
}

impl Output {
    /// Opens the output for answers to the rows of `reader`.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub(super) fn open(
        format: Format,
        reader: &Reader,
        columns: ScoreColumns,
        settings: &Settings,
        printer: &Printer,
    ) -> anyhow::Result<Self> {
        let Some(format) = format_of_records(format) else {
            return Self::open_page(settings, printer);
        };
        let sink = printer.sink(settings.output.as_deref())?;
        let writer = Box::new(Writer::new(sink, format, reader.layout(), columns.schema()));
        Ok(Self::Records { writer, columns })
    }

    fn open_page(settings: &Settings, printer: &Printer) -> anyhow::Result<Self> {
        let mut sink = printer.sink(settings.output.as_deref())?;
        let heading = format!("{:<8}  {:>6}  TEXT", "LABEL", "SCORE");
        let heading = match settings.output {
            Some(_) => heading,
            None => printer.styled(&heading, Style::new().bold()),
        };
        writeln!(sink, "{heading}").context("cannot write the scores")?;
        Ok(Self::Page { sink, width: printer.width() })
    }

    /// Writes a chunk's rows.
    ///
    /// # Errors
    ///
    /// If they cannot be written.
    pub(super) fn write(&mut self, scored: &ScoredChunk) -> anyhow::Result<()> {
        let ScoredChunk { chunk, scores } = scored;
        match self {
            Self::Records { writer, columns } => {
                writer.write_beside(chunk, columns.arrays(chunk, scores))?;
            }
            Self::Page { sink, width } => {
                let lines = scores.iter().zip(chunk.texts());
                let page: String = lines.map(|(scored, text)| line(scored, text, *width)).collect();
                sink.write_all(page.as_bytes()).context("cannot write the scores")?;
                sink.hand_on().context("cannot write the scores")?;
            }
        }
        Ok(())
    }

    /// Writes the end, and puts a file in its place.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub(super) fn finish(self) -> anyhow::Result<()> {
        match self {
            Self::Records { writer, .. } => Ok(writer.finish()?),
            Self::Page { sink, .. } => Ok(sink.commit()?),
        }
    }
}

/// A line of the page, at most `width` columns wide.
fn line(scored: &Scored, text: &str, width: usize) -> String {
    let sentiment = &scored.sentiment;
    let label = sentiment.label.as_str();
    let text = fitted(text, width.saturating_sub(PAGE_MARGIN));
    format!("{label:<8}  {:>+6.3}  {text}\n", sentiment.score)
}

/// As much of `text` as fits `width` columns of a terminal. White space and control characters
/// become single spaces, so that a text can neither break the page nor command the terminal.
fn fitted(text: &str, width: usize) -> String {
    let mut fitted = String::new();
    let mut used = 0;
    // Where to cut if the rest turns out not to fit, to make room for the ellipsis.
    let mut cut = 0;
    let mut spaced = true;
    for character in text.chars() {
        let character = match character {
            c if c.is_whitespace() || c.is_control() => ' ',
            c => c,
        };
        if character == ' ' && std::mem::replace(&mut spaced, true) {
            continue;
        }
        spaced = character == ' ';
        used += character.width().unwrap_or(0);
        if used > width {
            fitted.truncate(cut);
            fitted.push('…');
            return fitted;
        }
        fitted.push(character);
        if used < width {
            cut = fitted.len();
        }
    }
    fitted.truncate(fitted.trim_end().len());
    fitted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_by_its_width_on_the_terminal() {
        assert_eq!(fitted("shares rise", 11), "shares rise");
        assert_eq!(fitted("shares rise", 10), "shares ri…");
        assert_eq!(fitted("株価が上がる", 12), "株価が上がる");
        assert_eq!(fitted("株価が上がる", 11), "株価が上が…");
        assert_eq!(fitted("株価が上がる", 10), "株価が上…");
        assert_eq!(fitted("", 5), "");
    }

    #[test]
    fn a_text_cannot_command_the_terminal() {
        assert_eq!(fitted(" a\n\n\tb \u{1b}[31mc\u{7}\r\n", 40), "a b [31mc");
    }
}
