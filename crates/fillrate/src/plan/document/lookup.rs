//! Finding values by their paths, and why one must not be edited where it stands.

use std::fmt;

use super::key_path::Step;
use super::{Entry, KeyPath, Node, Scalar, Value};

/// Why a value must not be edited where it stands. Lines count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// It has an anchor: what refers to it would change too.
    Anchor {
        /// The line of the value.
        line: usize,
    },
    /// It is an alias, or within one.
    Alias {
        /// The line of the alias.
        line: usize,
        /// The line of what it stands for.
        defined: usize,
    },
    /// It comes from another mapping through the key `<<`.
    Merged {
        /// The line of that key.
        line: usize,
    },
    /// It has a tag, which says how it is to be read.
    Tag {
        /// The line of the value.
        line: usize,
    },
    /// It is written over several lines.
    Lines {
        /// The line it begins on.
        line: usize,
    },
    /// Nothing stands where it should.
    Empty {
        /// The line of the key.
        line: usize,
    },
    /// Its key, or one on the way to it, is there twice.
    Duplicate {
        /// The line of the key.
        line: usize,
        /// The line of the same key elsewhere.
        other: usize,
    },
    /// It is put together from several texts.
    Composed {
        /// The line of the value.
        line: usize,
    },
}

impl Guard {
    /// The line to look at, from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        match *self {
            Self::Anchor { line }
            | Self::Alias { line, .. }
            | Self::Merged { line }
            | Self::Tag { line }
            | Self::Lines { line }
            | Self::Empty { line }
            | Self::Duplicate { line, .. }
            | Self::Composed { line } => line,
        }
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anchor { .. } => f.write_str("has an anchor that other places may refer to"),
            Self::Alias { defined, .. } => {
                write!(f, "is an alias of what stands on line {defined}")
            }
            Self::Merged { .. } => f.write_str("comes from another mapping through `<<`"),
            Self::Tag { .. } => f.write_str("has a tag"),
            Self::Lines { .. } => f.write_str("is written over several lines"),
            Self::Empty { .. } => f.write_str("is empty"),
            Self::Duplicate { other, .. } => {
                write!(f, "stands under a key that is there twice, also on line {other}")
            }
            Self::Composed { .. } => f.write_str("is put together from several texts"),
        }
    }
}

impl Node {
    /// The value at a path below this one.
    #[must_use]
    pub fn find(&self, path: &KeyPath) -> Option<&Self> {
        path.steps().iter().try_fold(self, Self::step)
    }

    /// The value one step below this one.
    pub(crate) fn step(&self, step: &Step) -> Option<&Self> {
        match step {
            Step::Key(key) => self.get(key),
            Step::Index(index) => self.items().get(*index),
        }
    }

    /// The value of a key: of the last one, if it is there twice, as Python's readers take it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().rev().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// The entries of a mapping; none, if it is something else.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a sequence; none, if it is something else.
    #[must_use]
    pub fn items(&self) -> &[Self] {
        match &self.value {
            Value::Sequence(items) => items,
            _ => &[],
        }
    }

    /// The scalar that it is, if it is one.
    #[must_use]
    pub fn scalar(&self) -> Option<&Scalar> {
        match &self.value {
            Value::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// Its text, if it is a scalar that says something.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.scalar().filter(|scalar| !scalar.is_null()).map(|scalar| scalar.text.as_str())
    }

    /// Marks it and all in it.
    pub(super) fn mark(&mut self, guard: &Guard) {
        self.guard = Some(guard.clone());
        match &mut self.value {
            Value::Scalar(_) => {}
            Value::Sequence(items) => items.iter_mut().for_each(|item| item.mark(guard)),
            Value::Mapping(entries) => {
                for entry in entries {
                    entry.value.mark(guard);
                }
            }
        }
    }
}
