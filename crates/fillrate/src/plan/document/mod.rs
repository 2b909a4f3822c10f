//! A configuration file as a tree whose every value knows where it stands.
//!
//! YAML and JSON are read by one parser, so that an edit needs one kind of place: JSON's values are
//! YAML's, and a JSON file is checked by a JSON parser besides.

mod key_path;
mod lookup;
mod parse;
mod scalar;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

pub use self::key_path::KeyPath;
pub use self::lookup::Guard;
pub use self::scalar::{Scalar, Style};
use crate::{Error, Result};

/// The most values that a file may have once its aliases are followed: a few lines of aliases of
/// aliases would otherwise fill the memory.
const NODES_MAX: usize = 200_000;

/// The largest file that is taken for a configuration, in bytes.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// The mark that some editors put before UTF-8.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// What a configuration file is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// YAML 1.2, with the words for true and false that Python's YAML readers take.
    Yaml,
    /// JSON.
    Json,
}

/// A configuration file: its text, and its values with their places.
#[derive(Clone, Debug)]
pub struct Document {
    /// The path that it was read from, as it was given.
    pub path: Arc<Path>,
    /// The whole file, a byte order mark included.
    pub text: String,
    /// What it is written in.
    pub syntax: Syntax,
    /// Its values; an empty mapping, if the file has none.
    pub root: Node,
}

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Where it stands.
    pub place: Place,
    /// Why it must not be edited there, if it must not.
    pub guard: Option<Guard>,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A text, a number, true, false or nothing.
    Scalar(Scalar),
    /// Values in their order.
    Sequence(Vec<Node>),
    /// Values by their keys, in the order of the file; a key that stands twice is here twice.
    Mapping(Vec<Entry>),
}

/// A key of a mapping and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// The line it stands on, from 1.
    pub line: usize,
    /// Its value.
    pub value: Node,
}

/// Where a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as it was given.
    pub file: Arc<Path>,
    /// The line, from 1.
    pub line: usize,
    /// The column, in characters from 1.
    pub column: usize,
    /// Its bytes in the file.
    pub bytes: Range<usize>,
}

impl Document {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if it cannot be read; [`Error::Config`] if it is no UTF-8, larger than 16 MiB,
    /// or neither YAML nor JSON, with the line.
    pub fn read(path: &Path) -> Result<Self> {
        let io = |source| Error::Io { path: path.to_owned(), source };
        let found = std::fs::metadata(path).map_err(io)?;
        if found.is_dir() {
            let message = "is a folder; a configuration is a file".to_owned();
            return Err(fault(path, None, message, "name the file in it"));
        }
        if found.len() > FILE_BYTES_MAX {
            let message = format!("{} bytes are no configuration", found.len());
            return Err(fault(path, None, message, "name the file that the training reads"));
        }
        Self::of_bytes(path, std::fs::read(path).map_err(io)?)
    }

    /// The bytes of the file at `path` as a tree.
    ///
    /// # Errors
    ///
    /// As [`Self::read`].
    pub fn of_bytes(path: &Path, bytes: Vec<u8>) -> Result<Self> {
        let text = String::from_utf8(bytes).map_err(|error| {
            let sound = error.utf8_error().valid_up_to();
            let before = String::from_utf8_lossy(&error.as_bytes()[..sound]);
            let line = 1 + before.matches('\n').count();
            fault(path, Some(line), "is not UTF-8".to_owned(), "save the file as UTF-8")
        })?;
        Self::of_text(path, text)
    }

    /// The text of the file at `path` as a tree.
    ///
    /// # Errors
    ///
    /// As [`Self::read`].
    pub fn of_text(path: &Path, text: String) -> Result<Self> {
        let syntax = syntax_of(path, &text);
        if syntax == Syntax::Json {
            check_json(path, &text)?;
        }
        let shared: Arc<Path> = Arc::from(path);
        let root = parse::tree(&shared, &text)?;
        Ok(Self { path: shared, text, syntax, root })
    }

    /// The words of the first line of the file's head that is a comment `# @WORD …`: how Hydra says
    /// where a file's values go.
    #[must_use]
    pub fn directive(&self, word: &str) -> Option<&str> {
        let text = self.text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&self.text);
        text.lines()
            .map_while(|line| match line.trim() {
                "" => Some(""),
                line => line.strip_prefix('#'),
            })
            .find_map(|comment| comment.trim().strip_prefix('@')?.strip_prefix(word))
            .filter(|rest| rest.starts_with([' ', '\t']))
            .map(str::trim)
    }
}

impl Node {
    /// The number of values in it, itself included.
    fn count(&self) -> usize {
        1 + match &self.value {
            Value::Scalar(_) => 0,
            Value::Sequence(items) => items.iter().map(Self::count).sum(),
            Value::Mapping(entries) => entries.iter().map(|entry| entry.value.count()).sum(),
        }
    }
}

/// JSON by its name, or by its first character and a parser that agrees.
fn syntax_of(path: &Path, text: &str) -> Syntax {
    let is_named = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let body = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let begins = body.trim_start().starts_with(['{', '[']);
    let is_json = || serde_json::from_str::<serde::de::IgnoredAny>(body).is_ok();
    if is_named || (begins && is_json()) { Syntax::Json } else { Syntax::Yaml }
}

fn check_json(path: &Path, text: &str) -> Result<()> {
    let body = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let checked = serde_json::from_str::<serde::de::IgnoredAny>(body);
    checked.map(drop).map_err(|error| {
        // The message ends with the place, which stands before it here.
        let message = error.to_string();
        let end = message.find(" at line ").unwrap_or(message.len());
        fault(path, Some(error.line()), message[..end].to_owned(), "mend the JSON")
    })
}

/// What is wrong with a file, and how to mend it.
pub(super) fn fault(path: &Path, line: Option<usize>, message: String, hint: &str) -> Error {
    Error::Config { path: path.to_owned(), line, message, hint: hint.to_owned() }
}
