//! Writing new values into configuration files that other people care about.
//!
//! An edit replaces the bytes of scalars and no others: comments, quotes, order, blank lines,
//! trailing spaces, line ends and a byte order mark stay as they are. Before anything is written the
//! result is read again, and every other value must be what it was. Several files change together
//! or not at all, and what was there before is kept beside each as `FILE.backup`.
//!
//! Where an edit could mean something else than it says, as at an anchor, it is refused.

mod backup;
mod compare;
mod diff;
mod restore;
mod transaction;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

pub use self::restore::{Restored, restore};
pub use self::transaction::is_interrupted;
use self::transaction::{Step, Swap};
use super::document::{Document, Guard, Place, Scalar, Style, Syntax, fault};
use crate::{Error, Result};

/// A new text for a scalar.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    /// What messages call the value: its path.
    pub name: String,
    /// The scalar.
    pub place: Place,
    /// Why it must not be edited, if it must not.
    pub guard: Option<Guard>,
    /// The new text: letters, digits and `. _ + -`.
    pub text: String,
}

/// A change of one value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The value's path.
    pub name: String,
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The text before, without quotes.
    pub before: String,
    /// The text after, without quotes.
    pub after: String,
}

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Written {
    /// The file, symbolic links followed.
    pub file: PathBuf,
    /// Where its former content is.
    pub backup: PathBuf,
}

/// Edits that were checked and can be written.
#[derive(Clone, Debug)]
pub struct Patch {
    files: Vec<FilePatch>,
}

/// What becomes of one file.
#[derive(Clone, Debug)]
struct FilePatch {
    path: Arc<Path>,
    before: String,
    after: String,
    changes: Vec<Change>,
}

impl Patch {
    /// Puts `edits` into `documents`. Edits that say what is there already are left out.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] with the line, if an edit is not safe: the value has an anchor, a tag or
    /// several lines, is an alias or empty, stands under a key that is there twice, or another value
    /// would change with it; or if two edits disagree. [`Error::Argument`] if a text has other
    /// characters than an edit may have.
    pub fn new(documents: &[Document], edits: &[Edit]) -> Result<Self> {
        let mut files = Vec::new();
        for document in documents {
            let mut own: Vec<&Edit> =
                edits.iter().filter(|edit| edit.place.file == document.path).collect();
            own.sort_by_key(|edit| edit.place.bytes.start);
            refuse_contradictions(&own)?;
            own.dedup_by_key(|edit| edit.place.bytes.clone());
            if let Some(patch) = FilePatch::new(document, &own)? {
                files.push(patch);
            }
        }
        Ok(Self { files })
    }

    /// Whether everything is already as it should be.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Every change, by file and line.
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        self.files.iter().flat_map(|file| &file.changes)
    }

    /// The changes as a unified diff, which `patch -p1` takes.
    #[must_use]
    pub fn diff(&self) -> String {
        self.files
            .iter()
            .map(|file| diff::unified(&file.path.display().to_string(), &file.before, &file.after))
            .collect()
    }

    /// Writes all files, or none. `root` is the file that the user named, and `family` are all that
    /// belong to it, itself included: backups of one call have one number among them.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if a file changed since it was read, is read-only or no plain file, or an
    /// earlier call was cut off; [`Error::Io`] if one cannot be written. All files are then as they
    /// were.
    pub fn write(&self, root: &Path, family: &[PathBuf]) -> Result<Vec<Written>> {
        self.write_watched(root, family, &mut |_| Ok(()))
    }

    /// As [`Self::write`]; `watch` is told of every step, and can make it fail.
    fn write_watched(
        &self,
        root: &Path,
        family: &[PathBuf],
        watch: &mut dyn FnMut(Step) -> std::io::Result<()>,
    ) -> Result<Vec<Written>> {
        if self.is_empty() {
            return Ok(Vec::new());
        }
        let number = backup::next_number(family)?;
        let mut swaps = Vec::new();
        for file in &self.files {
            let target = backup::real_path(&file.path)?;
            let keep = backup::numbered(&target, backup::BACKUP, number);
            let (before, after) = (file.before.clone().into(), file.after.clone().into());
            swaps.push(Swap { target, before, after, keep: Some(keep) });
        }
        transaction::swap_all(root, &swaps, watch)?;
        let written = swaps
            .into_iter()
            .filter_map(|swap| Some(Written { file: swap.target, backup: swap.keep? }));
        Ok(written.collect())
    }
}

impl FilePatch {
    /// `edits` are in the order of their places, each place once.
    fn new(document: &Document, edits: &[&Edit]) -> Result<Option<Self>> {
        let mut after = String::with_capacity(document.text.len());
        let mut changes = Vec::new();
        let mut made = Vec::new();
        let mut copied = 0;
        for edit in edits {
            let scalar = scalar_at(document, edit)?;
            if says(scalar, &edit.text) {
                continue;
            }
            refuse_unsafe(document, edit)?;
            after.push_str(&document.text[copied..edit.place.bytes.start]);
            after.push_str(&written(document.syntax, scalar, &edit.text)?);
            copied = edit.place.bytes.end;
            changes.push(Change {
                name: edit.name.clone(),
                file: document.path.to_path_buf(),
                line: edit.place.line,
                before: scalar.text.clone(),
                after: edit.text.clone(),
            });
            made.push(*edit);
        }
        if made.is_empty() {
            return Ok(None);
        }
        after.push_str(&document.text[copied..]);
        let again = Document::of_text(&document.path, after)?;
        compare::check(document, &again, &made)?;
        let (path, before) = (Arc::clone(&document.path), document.text.clone());
        Ok(Some(Self { path, before, after: again.text, changes }))
    }
}

fn refuse_contradictions(edits: &[&Edit]) -> Result<()> {
    for pair in edits.windows(2) {
        let [one, other] = pair else { continue };
        if one.place.bytes == other.place.bytes && one.text != other.text {
            let message = format!(
                "`{}` is to be {} and, as `{}`, {}",
                one.name, one.text, other.name, other.text
            );
            let hint = "give each its own value in the file";
            return Err(fault(&one.place.file, Some(one.place.line), message, hint));
        }
    }
    Ok(())
}

fn refuse_unsafe(document: &Document, edit: &Edit) -> Result<()> {
    let Some(guard) = &edit.guard else { return Ok(()) };
    let message = format!("`{}` {guard}; it is not safe to edit", edit.name);
    let hint = format!("set it by hand to {}", edit.text);
    Err(fault(&document.path, Some(guard.line()), message, &hint))
}

/// The scalar at an edit's place.
fn scalar_at<'a>(document: &'a Document, edit: &Edit) -> Result<&'a Scalar> {
    compare::scalar_at(&document.root, &edit.place.bytes).ok_or_else(|| {
        let message = format!("`{}` is not where it was", edit.name);
        fault(&document.path, Some(edit.place.line), message, "read the file again")
    })
}

/// Whether a scalar already says `text`.
fn says(scalar: &Scalar, text: &str) -> bool {
    let wanted = Scalar::plain(text);
    let is_same_number = scalar.integer().is_some_and(|number| wanted.integer() == Some(number));
    let is_same_truth = scalar.boolean().is_some_and(|truth| wanted.boolean() == Some(truth));
    scalar.text == text || is_same_number || is_same_truth
}

/// `text` in the style of the scalar whose place it takes.
fn written(syntax: Syntax, scalar: &Scalar, text: &str) -> Result<String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '+' | '-');
    let begins_well = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    if !begins_well || !text.chars().all(is_plain) {
        let message = format!("`{text}` has characters that an edit may not have");
        return Err(Error::Argument { name: "edit", message });
    }
    let is_json_word = text.parse::<f64>().is_ok() || matches!(text, "true" | "false");
    Ok(match scalar.style {
        Style::SingleQuoted => format!("'{text}'"),
        Style::DoubleQuoted => format!("\"{text}\""),
        Style::Plain | Style::Block if syntax == Syntax::Json && !is_json_word => {
            format!("\"{text}\"")
        }
        Style::Plain | Style::Block => text.to_owned(),
    })
}

#[cfg(test)]
mod tests;
