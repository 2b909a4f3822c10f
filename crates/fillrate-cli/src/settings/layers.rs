//! The layers below the flags: environment variables, then the file.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Serialize, Serializer};
use toml::de::{DeTable, DeValue};

use super::keys::{self, Key};
use super::values::parse_switch;
use crate::failure::hinted;

/// The longest configuration file that is read, in bytes.
const CONFIG_BYTES_MAX: u64 = 1 << 20;

/// Where a setting's value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A flag.
    Flag(String),
    /// An environment variable.
    Variable(String),
    /// A line of the file.
    File(PathBuf, usize),
    /// Nothing was said.
    Default,
}

impl Origin {
    /// Whether anybody said anything.
    pub(crate) fn is_set(&self) -> bool {
        *self != Self::Default
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) | Self::Variable(name) => f.write_str(name),
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A parsed `fillrate.toml`: each key with its value as text and its line.
#[derive(Debug)]
pub(crate) struct ConfigFile {
    path: PathBuf,
    values: BTreeMap<String, (String, usize)>,
}

impl ConfigFile {
    /// Reads the file at `path`.
    ///
    /// # Errors
    ///
    /// If it cannot be read, is not TOML, or has a key or a value that means nothing.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let size_bytes = std::fs::metadata(path)
            .with_context(|| format!("cannot read the configuration {}", path.display()))?
            .len();
        if size_bytes > CONFIG_BYTES_MAX {
            let message = format!("{}: {size_bytes} bytes is no configuration", path.display());
            return Err(hinted(message, "it should be a short TOML file of `key = value` lines"));
        }
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the configuration {}", path.display()))?;
        Self::parse(path, &text)
    }

    /// Reads the file at `path` if there is one.
    ///
    /// # Errors
    ///
    /// As [`Self::read`], except that an absent file is no error.
    pub(crate) fn read_if_present(path: &Path) -> anyhow::Result<Option<Self>> {
        match std::fs::metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            _ => Self::read(path).map(Some),
        }
    }

    fn parse(path: &Path, text: &str) -> anyhow::Result<Self> {
        let line_of = |offset: usize| text[..offset].matches('\n').count() + 1;
        let table = DeTable::parse(text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_of(span.start));
            hinted(
                format!("{}:{line}: {}", path.display(), error.message()),
                "the file holds lines of the form `key = value`",
            )
        })?;
        let mut values = BTreeMap::new();
        for (name, value) in table.get_ref() {
            let line = line_of(name.span().start);
            let place = format!("{}:{line}", path.display());
            let name = name.get_ref();
            if !keys::ALL.iter().any(|key| key.in_file() && key.name == name.as_ref()) {
                return Err(unknown_key(&place, name));
            }
            let value = scalar(value.get_ref()).with_context(|| {
                format!("{place}: `{name}` takes one value, not a list or table")
            })?;
            values.insert(name.to_string(), (value, line));
        }
        Ok(Self { path: path.to_owned(), values })
    }
}

fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.as_str().to_owned()),
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        DeValue::Boolean(switch) => Some(switch.to_string()),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

fn invalid(place: &impl fmt::Display, text: &str, why: &str) -> anyhow::Error {
    anyhow::anyhow!("{place}: invalid value `{text}`: {why}")
}

fn unknown_key(place: &str, name: &str) -> anyhow::Error {
    let names = keys::ALL.iter().filter(|key| key.in_file()).map(|key| key.name);
    let hint = match nearest(name, names.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the keys are {}", names.collect::<Vec<_>>().join(", ")),
    };
    hinted(format!("{place}: unknown key `{name}`"), hint)
}

/// The name that most likely was meant by `typed`: the one with the fewest slips between them, if
/// they are few for its length; of two, the one of the same length.
pub(crate) fn nearest<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    names
        .map(|name| (strsim::osa_distance(typed, name), typed.len().abs_diff(name.len()), name))
        .filter(|(slips, _, name)| *slips <= (name.len() / 3).max(1))
        .min()
        .map(|(_, _, name)| name)
}

/// The layers of one run, and where each value that was asked of them came from.
pub(crate) struct Layers<'a> {
    variable: &'a dyn Fn(&str) -> Option<OsString>,
    file: Option<ConfigFile>,
    origins: BTreeMap<&'static str, Origin>,
}

impl<'a> Layers<'a> {
    /// The environment alone, until [`Self::set_file`].
    pub(crate) fn new(variable: &'a dyn Fn(&str) -> Option<OsString>) -> Self {
        Self { variable, file: None, origins: BTreeMap::new() }
    }

    /// Adds the file below the environment.
    pub(crate) fn set_file(&mut self, file: Option<ConfigFile>) {
        self.file = file;
    }

    /// Where each value came from, by key.
    pub(crate) fn into_origins(self) -> BTreeMap<&'static str, Origin> {
        self.origins
    }

    /// Notes that the value of `key` follows from that of `other`.
    pub(crate) fn follow(&mut self, key: &'static Key, other: &'static Key) {
        if let Some(origin) = self.origins.get(other.name).cloned() {
            self.origins.insert(key.name, origin);
        }
    }

    /// The value of `key`: `typed`, or else what `parse` reads from the nearest layer that has it.
    ///
    /// # Errors
    ///
    /// If that layer's value means nothing; the message names the variable or the line.
    pub(crate) fn value<T>(
        &mut self,
        key: &'static Key,
        typed: Option<T>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> anyhow::Result<Option<T>> {
        if let (Some(value), Some(flag)) = (typed, key.flag()) {
            self.origins.insert(key.name, Origin::Flag(flag));
            return Ok(Some(value));
        }
        let Some((text, origin)) = self.lookup(key)? else { return Ok(None) };
        let value = parse(&text).map_err(|why| invalid(&origin, &text, &why))?;
        self.origins.insert(key.name, origin);
        Ok(Some(value))
    }

    /// [`Self::value`] for a free text.
    ///
    /// # Errors
    ///
    /// If a variable is not UTF-8.
    pub(crate) fn text(
        &mut self,
        key: &'static Key,
        typed: Option<String>,
    ) -> anyhow::Result<Option<String>> {
        self.value(key, typed, |text| Ok(text.to_owned()))
    }

    /// [`Self::value`] for a path.
    ///
    /// # Errors
    ///
    /// If a variable is not UTF-8.
    pub(crate) fn path(
        &mut self,
        key: &'static Key,
        typed: Option<PathBuf>,
    ) -> anyhow::Result<Option<PathBuf>> {
        self.value(key, typed, |text| Ok(PathBuf::from(text)))
    }

    /// [`Self::value`] for a flag without a value.
    ///
    /// # Errors
    ///
    /// If a layer's value is neither true nor false.
    pub(crate) fn switch(&mut self, key: &'static Key, typed: bool) -> anyhow::Result<bool> {
        Ok(self.value(key, typed.then_some(true), parse_switch)?.unwrap_or(false))
    }

    /// The nearest layer's text. An empty variable counts as not set.
    fn lookup(&self, key: &Key) -> anyhow::Result<Option<(String, Origin)>> {
        let own = key.variable();
        if let Some(text) = self.read_variable(&own)? {
            return Ok(Some((text, Origin::Variable(own))));
        }
        if let Some(legacy) = &key.legacy
            && let Some(text) = self.read_variable(legacy.variable)?
        {
            let value = legacy
                .convert
                .map_or_else(|| Ok(text.clone()), |convert| convert(&text))
                .map_err(|why| invalid(&legacy.variable, &text, &why))?;
            return Ok(Some((value, Origin::Variable(legacy.variable.to_owned()))));
        }
        let Some(file) = &self.file else { return Ok(None) };
        Ok(file
            .values
            .get(key.name)
            .map(|(text, line)| (text.clone(), Origin::File(file.path.clone(), *line))))
    }

    fn read_variable(&self, name: &str) -> anyhow::Result<Option<String>> {
        match (self.variable)(name) {
            None => Ok(None),
            Some(text) if text.is_empty() => Ok(None),
            Some(text) => text
                .into_string()
                .map(Some)
                .map_err(|text| anyhow::anyhow!("{name}: {} is not UTF-8", text.display())),
        }
    }
}
