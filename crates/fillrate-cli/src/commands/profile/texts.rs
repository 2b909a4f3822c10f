//! The texts that a profile is measured on: made up, or a table's own.

use std::collections::HashSet;
use std::path::Path;

use serde::Serialize;

use super::headlines::headline;
use crate::commands::table::{open, report_skipped};
use crate::failure::hinted;
use crate::output::Printer;
use crate::settings::Settings;

/// The most texts taken of a table: the largest batch, and other ones for the calls before it.
const TEXTS_MAX: usize = 1 << 14;

/// Where texts come from.
#[derive(Debug)]
pub(super) enum Texts {
    /// Headlines made up, as many as are wanted.
    MadeUp,
    /// The different ones of a table.
    Table {
        /// The table, as it was named.
        name: String,
        /// At least one text.
        texts: Vec<String>,
    },
}

/// What is said of the texts; programs read the field names.
#[derive(Clone, Debug, Serialize)]
pub(super) struct TextsReport {
    /// `made up`, or the table.
    pub(super) source: String,
    /// How many different ones there are; `None` if more than were wanted.
    pub(super) distinct: Option<usize>,
    /// The mean number of tokens, special ones included; `None` for a model without tokens.
    pub(super) tokens_per_text: Option<f64>,
}

impl Texts {
    /// The texts of `table`, a file or `-`, each of them once; without a table, made up ones.
    ///
    /// A text that is there twice would be computed once or be in a cache, and a profile would
    /// promise what other texts cannot keep.
    ///
    /// # Errors
    ///
    /// If the table cannot be read or has no text.
    pub(super) fn of(
        table: Option<&Path>,
        settings: &Settings,
        printer: &Printer,
    ) -> anyhow::Result<Self> {
        let Some(table) = table else { return Ok(Self::MadeUp) };
        let mut reader = open(table, settings, printer)?;
        reader.select_text(settings.text.text_column.as_deref())?;
        let (mut seen, mut texts) = (HashSet::new(), Vec::new());
        while texts.len() < TEXTS_MAX
            && let Some(chunk) = reader.next_chunk()?
        {
            for text in chunk.texts() {
                if seen.insert(text.to_owned()) {
                    texts.push(text.to_owned());
                }
            }
        }
        report_skipped(reader.skipped(), printer);
        texts.truncate(TEXTS_MAX);
        if texts.is_empty() {
            return Err(hinted(
                format!("{}: there is no text to measure with", table.display()),
                "leave --texts out to measure with made-up headlines",
            ));
        }
        Ok(Self::Table { name: table.display().to_string(), texts })
    }

    /// How many different texts there are; `None` if as many as are wanted.
    pub(super) fn distinct(&self) -> Option<usize> {
        match self {
            Self::MadeUp => None,
            Self::Table { texts, .. } => Some(texts.len()),
        }
    }

    /// `size` texts, from number `first` on; all different if there are as many.
    pub(super) fn batch(&self, first: usize, size: usize) -> Vec<String> {
        let text = |index: usize| match self {
            Self::MadeUp => headline(index),
            Self::Table { texts, .. } => texts[index % texts.len()].clone(),
        };
        (first..first + size).map(text).collect()
    }

    /// What is said of them, once it is known how many tokens they have.
    pub(super) fn report(&self, tokens_per_text: Option<f64>) -> TextsReport {
        let source = match self {
            Self::MadeUp => "made up".to_owned(),
            Self::Table { name, .. } => name.clone(),
        };
        TextsReport { source, distinct: self.distinct(), tokens_per_text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_go_round_a_table() {
        let texts = ["a", "b", "c"].map(str::to_owned).to_vec();
        let texts = Texts::Table { name: "t".into(), texts };
        assert_eq!(texts.batch(2, 3), ["c", "a", "b"]);
        assert_eq!(texts.distinct(), Some(3));
        assert_ne!(Texts::MadeUp.batch(0, 1), Texts::MadeUp.batch(1, 1));
    }
}
