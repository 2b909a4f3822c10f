//! What was found for a field, and where.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use super::Field;
use crate::plan::document::{Guard, KeyPath, Place};

/// A field's value as text, and where it is from.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The value: what stands in the file, in quotes or not, or its translation into our words.
    pub text: String,
    /// Where it is from.
    pub source: Source,
}

/// Where a field's value is from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A scalar of a file.
    File {
        /// Its path in the configuration.
        path: KeyPath,
        /// Its place.
        place: Place,
        /// Why it must not be edited, if it must not.
        guard: Option<Guard>,
        /// Whether the text is the scalar's own, so that another can be written in its place.
        is_own_text: bool,
    },
    /// Somebody gave it: `--set`, or a constant of a map.
    Given {
        /// By what.
        by: String,
    },
    /// The model's `config.json`.
    Model {
        /// That file.
        file: PathBuf,
    },
    /// Nobody said: what the program that reads the configuration does then.
    Default {
        /// That program, or the rule.
        of: &'static str,
    },
}

/// Fields with what was found.
pub(super) type Fields = BTreeMap<Field, Found>;

/// Where a value is from, for a report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Known {
    /// The field.
    pub field: Field,
    /// The stage, if stages may differ in the field.
    pub stage: Option<String>,
    /// The value.
    pub value: String,
    /// The file, if it stands in one.
    pub file: Option<PathBuf>,
    /// The line there, from 1.
    pub line: Option<usize>,
    /// Its path there; otherwise who said it.
    pub from: String,
}

impl Found {
    /// A value that somebody gave.
    pub(super) fn given(text: impl Into<String>, by: impl Into<String>) -> Self {
        Self { text: text.into(), source: Source::Given { by: by.into() } }
    }

    /// A value that holds if nobody says otherwise.
    pub(super) fn usual(text: impl Into<String>, of: &'static str) -> Self {
        Self { text: text.into(), source: Source::Default { of } }
    }

    /// The same source with the value in our words.
    pub(super) fn translated(self, text: impl Into<String>) -> Self {
        let text = text.into();
        let source = match self.source {
            Source::File { path, place, guard, .. } => {
                let is_own_text = text == self.text;
                Source::File { path, place, guard, is_own_text }
            }
            other => other,
        };
        Self { text, source }
    }

    /// What messages call it: `FILE:LINE: PATH`, or who said it.
    pub(super) fn place_text(&self) -> String {
        match &self.source {
            Source::File { path, place, .. } => {
                format!("{}:{}: `{path}`", place.file.display(), place.line)
            }
            Source::Given { by } => by.clone(),
            Source::Model { file } => file.display().to_string(),
            Source::Default { of } => (*of).to_owned(),
        }
    }

    pub(super) fn known(&self, field: Field, stage: Option<&str>) -> Known {
        let (file, line, from) = match &self.source {
            Source::File { path, place, .. } => {
                (Some(place.file.to_path_buf()), Some(place.line), path.to_string())
            }
            Source::Given { by } => (None, None, by.clone()),
            Source::Model { file } => (Some(file.clone()), None, "config.json".to_owned()),
            Source::Default { of } => (None, None, format!("default of {of}")),
        };
        let stage = stage.map(str::to_owned);
        Known { field, stage, value: self.text.clone(), file, line, from }
    }
}
