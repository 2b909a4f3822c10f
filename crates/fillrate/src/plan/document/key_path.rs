//! The path of a value within a file: `training.trainer.devices`, `stages[0].name`.

use std::fmt;
use std::str::FromStr;

/// The keys and indices that lead to a value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyPath(Vec<Step>);

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Step {
    /// To the value of a key.
    Key(String),
    /// To an item, from 0.
    Index(usize),
}

impl KeyPath {
    /// The path of the whole file.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// This path and then a key.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.then_step(&Step::Key(key.to_owned()))
    }

    /// This path and then an item, from 0.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.then_step(&Step::Index(index))
    }

    /// This path and then all of another.
    #[must_use]
    pub fn join(&self, path: &Self) -> Self {
        Self(self.0.iter().chain(&path.0).cloned().collect())
    }

    /// The path without its last step; `None` for the whole file.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let (_, steps) = self.0.split_last()?;
        Some(Self(steps.to_vec()))
    }

    /// The last key; `None` if the path ends with an index or is that of the whole file.
    #[must_use]
    pub fn last_key(&self) -> Option<&str> {
        match self.0.last()? {
            Step::Key(key) => Some(key),
            Step::Index(_) => None,
        }
    }

    /// Whether it is the path of the whole file.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn steps(&self) -> &[Step] {
        &self.0
    }

    /// This path and then a step.
    pub(crate) fn then_step(&self, step: &Step) -> Self {
        Self(self.0.iter().chain([step]).cloned().collect())
    }
}

impl FromStr for KeyPath {
    type Err = String;

    /// Reads keys with dots between them and indices in brackets.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut steps = Vec::new();
        for part in text.split('.') {
            let (key, indices) = part.split_at(part.find('[').unwrap_or(part.len()));
            if key.is_empty() && (indices.is_empty() || !steps.is_empty()) {
                return Err(format!("`{text}` has an empty key"));
            }
            if !key.is_empty() {
                steps.push(Step::Key(key.to_owned()));
            }
            let mut rest = indices;
            while let Some(opened) = rest.strip_prefix('[') {
                let (index, after) = opened
                    .split_once(']')
                    .ok_or_else(|| format!("`{text}` has a bracket without its other"))?;
                let index = index.parse().map_err(|_| format!("`[{index}]` is no index"))?;
                steps.push(Step::Index(index));
                rest = after;
            }
            if !rest.is_empty() {
                return Err(format!("`{rest}` cannot follow an index"));
            }
        }
        Ok(Self(steps))
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if place == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_what_it_says() {
        for text in ["a", "a.b-c.d_e", "a[0]", "a[0][12].b", "[1].x"] {
            let path: KeyPath = text.parse().unwrap();
            assert_eq!(path.to_string(), text);
        }
        let path: KeyPath = "a.b[2]".parse().unwrap();
        assert_eq!(path, KeyPath::root().key("a").key("b").index(2));
        assert_eq!((path.last_key(), path.parent().unwrap().last_key()), (None, Some("b")));
    }

    #[test]
    fn a_path_that_leads_nowhere_is_refused() {
        for text in ["", ".", "a.", ".a", "a..b", "a[", "a[x]", "a[0]b", "a.[0]"] {
            assert!(text.parse::<KeyPath>().is_err(), "{text}");
        }
    }
}
