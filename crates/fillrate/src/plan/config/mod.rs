//! Training configurations that people already have, as runs that can be planned.
//!
//! An adapter for each kind of file says where things stand ([`Field`]); what is found becomes a
//! [`Training`], and each value remembers the scalar that says it, so that a better one can be written
//! in its place ([`Config::edits`], [`super::edit`]).
//!
//! Lists of GPUs, environment variables and what a program computes are not in a file: they are asked
//! for by name, and given in [`ReadOptions::set`].

mod axolotl;
mod build;
mod compose;
mod defaults;
mod draft;
mod edits;
mod field;
mod found;
mod hydra;
mod interpolate;
mod lightning;
mod mapped;
mod model;
mod suggest;
mod transformers;
mod words;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use self::compose::Library;
use self::draft::Draft;
pub use self::field::Field;
use self::found::Fields;
pub use self::found::{Found, Known, Source};
pub use self::mapped::FieldMap;
use super::document::{Document, fault};
use super::{Training, edit};
use crate::Result;

/// The kinds of configurations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigFormat {
    /// A Hydra or `OmegaConf` tree.
    Hydra,
    /// A file of Lightning's command line.
    Lightning,
    /// Hugging Face's `TrainingArguments`.
    Transformers,
    /// An Axolotl file.
    Axolotl,
    /// Any file, by a map.
    Mapped,
}

/// How a configuration is read.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// The kind of file; told from its content if absent.
    pub format: Option<ConfigFormat>,
    /// Where a file of one's own kind says what.
    pub map: Option<FieldMap>,
    /// Values that hold whatever the file says, with who gave them.
    pub set: Vec<(Field, String)>,
}

/// A configuration that was read.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file that was named.
    pub path: PathBuf,
    /// Its kind.
    pub format: ConfigFormat,
    /// The run that it describes.
    pub training: Training,
    /// What a reader should know of how it was read.
    pub notes: Vec<String>,
    documents: Vec<Document>,
    run: Fields,
    stages: Vec<Fields>,
    /// The usual path of each field, for an advice where to add it.
    usual_paths: Vec<(Field, String)>,
}

impl Config {
    /// Reads a configuration and all files that belong to it.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Config`] with file, line and what mends it, if a file is broken, its kind
    /// cannot be told, something needed is not there, or a value is out of its range;
    /// [`crate::Error::Io`] if a file cannot be read. Also if an edit of it was cut off.
    pub fn read(path: &Path, options: &ReadOptions) -> Result<Self> {
        if edit::is_interrupted(path) {
            let message = "an earlier edit of this configuration was cut off".to_owned();
            let hint = format!("`fillrate plan restore {}` takes it back", path.display());
            return Err(fault(path, None, message, &hint));
        }
        let mut library = Library::default();
        let mut draft = draft(path, options, &mut library)?;
        for (field, text) in &options.set {
            draft.give(*field, &Found::given(text, format!("--set {field}")));
        }
        let training = build::training(path, &mut draft)?;
        draft.notes.extend(draft.slips());
        let looked = draft.looked.into_iter();
        let usual = looked.filter_map(|(field, paths)| Some((field, paths.into_iter().next()?)));
        Ok(Self {
            path: path.to_owned(),
            format: draft.format,
            training,
            usual_paths: usual.collect(),
            documents: library.documents,
            run: draft.run,
            stages: draft.stages.into_iter().map(|stage| stage.fields).collect(),
            notes: draft.notes,
        })
    }

    /// Every file that it was read from, the one that was named first.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        self.documents.iter().map(|document| document.path.to_path_buf()).collect()
    }

    /// The same with their values, for [`edit::Patch::new`].
    #[must_use]
    pub fn documents(&self) -> &[Document] {
        &self.documents
    }

    /// Where each value is from: what holds for the run, then each stage.
    #[must_use]
    pub fn known(&self) -> Vec<Known> {
        let run = self.run.iter().map(|(field, found)| found.known(*field, None));
        let stages = self.training.stages.iter().zip(&self.stages).flat_map(|(stage, fields)| {
            fields.iter().map(|(field, found)| found.known(*field, Some(&stage.name)))
        });
        run.chain(stages).collect()
    }

    /// What was found for a field of a stage.
    #[must_use]
    pub fn found(&self, stage: usize, field: Field) -> Option<&Found> {
        let fields = if field.is_of_stage() { self.stages.get(stage)? } else { &self.run };
        fields.get(&field)
    }

    /// A stage's pairs drawn for an anchor, if the configuration says how many.
    #[must_use]
    pub fn n_positives(&self, stage: usize) -> Option<u64> {
        self.found(stage, Field::NPositives)?.text.parse().ok()
    }
}

impl ConfigFormat {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::Hydra, Self::Lightning, Self::Transformers, Self::Axolotl, Self::Mapped];

    /// Its name in flags and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hydra => "hydra",
            Self::Lightning => "lightning",
            Self::Transformers => "transformers",
            Self::Axolotl => "axolotl",
            Self::Mapped => "map",
        }
    }
}

impl fmt::Display for ConfigFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ConfigFormat {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// What the adapter of a file's kind finds in it.
fn draft(path: &Path, options: &ReadOptions, library: &mut Library) -> Result<Draft> {
    let document = library.read(path)?.clone();
    if let Some(map) = &options.map {
        return map.draft(path, &document);
    }
    let format = match options.format {
        Some(format) => format,
        None => detect(&document)?,
    };
    match format {
        ConfigFormat::Hydra => hydra::read(path, library),
        ConfigFormat::Lightning => lightning::read(path, &document),
        ConfigFormat::Transformers => transformers::read(path, &document),
        ConfigFormat::Axolotl => axolotl::read(path, &document),
        ConfigFormat::Mapped => {
            let hint = "give it: --map FILE";
            Err(fault(path, None, "a map is needed to read it".to_owned(), hint))
        }
    }
}

/// The kind of a file, by the keys that only that kind has.
fn detect(document: &Document) -> Result<ConfigFormat> {
    if transformers::is_one(document) {
        Ok(ConfigFormat::Transformers)
    } else if axolotl::is_one(document) {
        Ok(ConfigFormat::Axolotl)
    } else if lightning::is_one(document) && document.root.get("defaults").is_none() {
        Ok(ConfigFormat::Lightning)
    } else if hydra::is_one(document) {
        Ok(ConfigFormat::Hydra)
    } else {
        let message = "no kind of training configuration that is known".to_owned();
        let hint = "name it: --config-format hydra, lightning, transformers or axolotl, or give a \
                    --map FILE";
        Err(fault(&document.path, None, message, hint))
    }
}

/// A file's name without its extension.
fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(|| "run".to_owned(), |stem| stem.to_string_lossy().into_owned())
}
