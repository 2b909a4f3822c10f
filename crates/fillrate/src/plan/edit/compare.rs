//! That an edited file says what it said, but for the values that were edited.

use std::ops::Range;

use super::Edit;
use crate::Result;
use crate::plan::document::Guard;
use crate::plan::document::{Document, KeyPath, Node, Scalar, Value, fault};

/// Compares a file before and after `edits`.
///
/// # Errors
///
/// [`crate::Error::Config`] with the first value that differs and should not.
pub(super) fn check(before: &Document, after: &Document, edits: &[&Edit]) -> Result<()> {
    let mut met = vec![false; edits.len()];
    let comparison = Comparison { edits };
    let differs = comparison.nodes(&KeyPath::root(), &before.root, &after.root, &mut met);
    let differs = differs.or_else(|| {
        let missed = met.iter().position(|met| !met)?;
        Some((edits[missed].name.clone(), edits[missed].place.line))
    });
    match differs {
        None => Ok(()),
        Some((name, line)) => {
            let message = format!("an edit would also change `{name}`");
            Err(fault(&before.path, Some(line), message, "set the value by hand"))
        }
    }
}

/// The scalar that has exactly these bytes of the file.
pub(super) fn scalar_at<'a>(node: &'a Node, bytes: &Range<usize>) -> Option<&'a Scalar> {
    match &node.value {
        Value::Scalar(scalar) => (node.place.bytes == *bytes).then_some(scalar),
        Value::Sequence(items) => items.iter().find_map(|item| scalar_at(item, bytes)),
        Value::Mapping(entries) => entries.iter().find_map(|entry| scalar_at(&entry.value, bytes)),
    }
}

struct Comparison<'a> {
    edits: &'a [&'a Edit],
}

impl Comparison<'_> {
    /// The path and line of the first value that differs; notes which edits were met.
    fn nodes(
        &self,
        path: &KeyPath,
        before: &Node,
        after: &Node,
        met: &mut [bool],
    ) -> Option<(String, usize)> {
        let differs = || Some((path.to_string(), before.place.line));
        match (&before.value, &after.value) {
            (Value::Scalar(old), Value::Scalar(new)) => {
                let edited =
                    self.edits.iter().position(|edit| edit.place.bytes == before.place.bytes);
                let Some(edited) = edited else {
                    return if old == new { None } else { differs() };
                };
                let is_shared =
                    matches!(before.guard, Some(Guard::Alias { .. } | Guard::Merged { .. }));
                met[edited] = true;
                let is_right = new.text == self.edits[edited].text && !is_shared;
                if is_right { None } else { differs() }
            }
            (Value::Sequence(old), Value::Sequence(new)) if old.len() == new.len() => {
                let mut items = old.iter().zip(new).enumerate();
                items.find_map(|(i, (old, new))| self.nodes(&path.index(i), old, new, met))
            }
            (Value::Mapping(old), Value::Mapping(new)) if old.len() == new.len() => {
                let mut entries = old.iter().zip(new);
                entries.find_map(|(old, new)| {
                    let path = path.key(&old.key);
                    if old.key != new.key {
                        return Some((path.to_string(), old.line));
                    }
                    self.nodes(&path, &old.value, &new.value, met)
                })
            }
            _ => differs(),
        }
    }
}
