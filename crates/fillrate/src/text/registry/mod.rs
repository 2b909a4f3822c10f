//! Which models there are, where their files lie, and whether they are whole.
//!
//! A model is asked for by name (`finbert`), by repository (`ProsusAI/finbert`) or as a directory.
//! [`Registry::resolve`] turns any of these into files on this machine, or into an error that says
//! how to get them. Nothing here downloads: that is the command line's business.

mod hub;
mod known;
mod labels;
mod lock;
mod verify;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use hub::{
    CONFIG_FILE, HubRepo, MODEL_FILES, WEIGHTS_FILE, is_commit, is_hex, is_revision, missing_files,
};
pub use known::{
    EmbeddedModel, EncoderCard, HubModel, KNOWN_MODELS, KnownFile, KnownModel, License, Origin,
    Parameters, WeightMemory, Weights,
};
pub use labels::{Classes, classes};
pub use lock::{Lock, LockedFile, LockedSnapshot, hash_file, hex};
pub use verify::{Expected, FileCheck, FileStatus, check_files, check_weights};

use crate::text::LabelMap;
use crate::{Error, Result};

/// The known models, and the caches in which their files are looked for.
#[derive(Debug, Clone)]
pub struct Registry {
    cache_roots: Vec<PathBuf>,
}

/// A model that can be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelSource {
    /// Compiled into this crate.
    Builtin(&'static KnownModel),
    /// Files on this machine.
    Directory(ModelDir),
}

/// A directory with all the files of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelDir {
    /// The directory.
    pub path: PathBuf,
    /// The name that records carry: the known model's, or the directory's own.
    pub name: String,
    /// The known model, unless the directory was asked for as such.
    pub known: Option<&'static KnownModel>,
    /// The commit, if the directory is a snapshot of one.
    pub commit: Option<String>,
    /// What the lock file says of this commit.
    pub locked: Option<LockedSnapshot>,
}

impl ModelSource {
    /// The name that records carry.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Builtin(model) => model.name,
            Self::Directory(dir) => &dir.name,
        }
    }
}

impl ModelDir {
    /// The model's own classes, and what each counts towards.
    ///
    /// # Errors
    ///
    /// If the model is not a known one and its `config.json` does not say.
    pub fn classes(&self) -> Result<Classes> {
        match self.known.and_then(KnownModel::encoder) {
            Some(encoder) => Ok(encoder.classes()),
            None => classes(&self.path.join(CONFIG_FILE)),
        }
    }

    /// What is on record of each file: from the lock file, else from the registry.
    #[must_use]
    pub fn expected(&self) -> BTreeMap<String, Expected> {
        let mut expected = BTreeMap::new();
        if let Some(hub) = self.known.and_then(KnownModel::hub)
            && self.commit.as_deref() == Some(hub.revision)
        {
            for file in hub.files.iter().filter(|file| file.sha256.is_some()) {
                let sha256 = file.sha256.map(str::to_owned);
                expected.insert(file.name.to_owned(), Expected { sha256, size_bytes: None });
            }
        }
        for (name, file) in self.locked.iter().flat_map(|locked| &locked.files) {
            let sha256 = Some(file.sha256.clone());
            let size_bytes = Some(file.size_bytes);
            expected.insert(name.clone(), Expected { sha256, size_bytes });
        }
        expected
    }

    /// Checks every file against what is on record, and that the weights are whole.
    ///
    /// # Errors
    ///
    /// If a file cannot be read.
    pub fn verify(&self) -> Result<Vec<FileCheck>> {
        check_files(&self.path, &self.expected())
    }
}

impl EncoderCard {
    /// The model's own classes, and what each counts towards.
    #[must_use]
    pub fn classes(&self) -> Classes {
        let names = self.classes.iter().map(|(name, _)| (*name).to_owned()).collect();
        let classes = self.classes.iter().map(|(_, label)| *label).collect();
        Classes { names, map: LabelMap { classes } }
    }
}

impl Registry {
    /// A registry that looks for files in these Hugging Face caches, in this order.
    #[must_use]
    pub fn new(cache_roots: Vec<PathBuf>) -> Self {
        Self { cache_roots }
    }

    /// Every known model; the first is the default.
    #[must_use]
    pub fn models(&self) -> &'static [KnownModel] {
        &KNOWN_MODELS
    }

    /// The known model that goes by `name`, if there is one.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&'static KnownModel> {
        KNOWN_MODELS.iter().find(|model| model.answers_to(name))
    }

    /// The model that goes by `name`.
    ///
    /// # Errors
    ///
    /// If none does: the error lists what there is and suggests the nearest name.
    pub fn known(&self, name: &str) -> Result<&'static KnownModel> {
        self.find(name).ok_or_else(|| unknown(name))
    }

    /// Finds the model that `name_or_dir` stands for.
    ///
    /// A known name is that model, even beside a directory of the same name (write `./name` for
    /// the directory). Anything else that exists or contains a slash is a directory.
    ///
    /// # Errors
    ///
    /// If there is no such model or directory, or its files are not all here. Each error says how
    /// to mend it.
    ///
    /// # Examples
    ///
    /// ```
    /// use fillrate::text::Registry;
    ///
    /// let registry = Registry::new(vec!["/home/me/.cache/huggingface/hub".into()]);
    /// assert_eq!(registry.resolve("news-mini")?.name(), "news-mini");
    /// let error = registry.resolve("finbrt").unwrap_err();
    /// assert_eq!(error.hint(), Some("did you mean `finbert`?"));
    /// # Ok::<(), fillrate::Error>(())
    /// ```
    pub fn resolve(&self, name_or_dir: &str) -> Result<ModelSource> {
        let path = Path::new(name_or_dir);
        let is_path = name_or_dir.contains(['/', '\\']);
        match self.find(name_or_dir) {
            Some(model) if !(is_path && path.is_dir()) => self.resolve_known(model),
            _ if is_path || path.exists() => directory(path).map(ModelSource::Directory),
            _ => Err(unknown(name_or_dir)),
        }
    }

    /// Finds the files of a known model.
    ///
    /// # Errors
    ///
    /// As [`Self::resolve`].
    pub fn resolve_known(&self, model: &'static KnownModel) -> Result<ModelSource> {
        match &model.origin {
            Origin::Builtin | Origin::Embedded(_) => Ok(ModelSource::Builtin(model)),
            Origin::Hub(hub) => match self.installed(model)? {
                Some(dir) => Ok(ModelSource::Directory(dir)),
                None => Err(self.absent(model, hub)),
            },
        }
    }

    /// The directory of a known model; none if nothing of it is here, or it takes no files.
    ///
    /// # Errors
    ///
    /// If there are files, but not those of a whole model, or the lock file is damaged.
    pub fn installed(&self, model: &'static KnownModel) -> Result<Option<ModelDir>> {
        let Some(hub) = model.hub() else { return Ok(None) };
        let mut incomplete = None;
        for root in &self.cache_roots {
            for candidate in snapshots(root, model, hub)? {
                let missing = missing_files(&candidate.path);
                if missing.is_empty() {
                    return Ok(Some(candidate));
                }
                incomplete.get_or_insert((candidate.path, missing));
            }
        }
        let Some((path, missing)) = incomplete else { return Ok(None) };
        let message = lacking(&path, &missing);
        Err(Error::Model { path, message, hint: Some(self.how_to_get(model, hub)) })
    }

    fn absent(&self, model: &KnownModel, hub: &HubModel) -> Error {
        let roots: Vec<_> =
            self.cache_roots.iter().map(|root| root.display().to_string()).collect();
        let looked = if roots.is_empty() { "no cache".to_owned() } else { roots.join(", ") };
        Error::Model {
            path: model.name.into(),
            message: format!("its files are not on this machine (looked in {looked})"),
            hint: Some(self.how_to_get(model, hub)),
        }
    }

    /// How to get the files of `model`: the command, and where to put them without a network.
    #[must_use]
    pub fn how_to_get(&self, model: &KnownModel, hub: &HubModel) -> String {
        let by_hand = self.how_to_place(hub);
        match hub.weights {
            Weights::Safetensors => {
                format!("run `fillrate models pull {}`; offline, {by_hand}", model.name)
            }
            Weights::Pickle => format!(
                "upstream has pickle weights only: `fillrate models pull {}` looks for a \
                 converted revision, docs/models.md shows how to convert; offline, {by_hand}",
                model.name
            ),
        }
    }

    /// Where to put the files of `hub` by hand.
    #[must_use]
    pub fn how_to_place(&self, hub: &HubModel) -> String {
        let files = hub.file_list();
        match self.cache_roots.first() {
            Some(root) => {
                let dir = HubRepo::new(root, hub.repo).snapshot(hub.revision);
                format!("put {files} into {}", dir.display())
            }
            None => format!("put {files} into a directory and name that"),
        }
    }
}

/// Where the files of a known model may lie in one cache, the likeliest first: what was pulled
/// last, then the pinned revision.
fn snapshots(root: &Path, model: &'static KnownModel, hub: &HubModel) -> Result<Vec<ModelDir>> {
    let repo = HubRepo::new(root, hub.repo);
    let lock = Lock::read(&repo.lock_file())?;
    let mut revisions: Vec<String> = lock.iter().map(|lock| lock.current.clone()).collect();
    revisions.extend(repo.commit(hub.revision));
    // Where a person put files by hand under the name of a branch.
    revisions.push(hub.revision.to_owned());
    let mut found: Vec<ModelDir> = Vec::new();
    for revision in revisions {
        let path = repo.snapshot(&revision);
        if path.is_dir() && found.iter().all(|earlier| earlier.path != path) {
            let locked = lock.as_ref().and_then(|lock| lock.snapshots.get(&revision)).cloned();
            let commit = is_commit(&revision).then_some(revision);
            let name = model.name.to_owned();
            found.push(ModelDir { path, name, known: Some(model), commit, locked });
        }
    }
    Ok(found)
}

/// The model in a directory that was asked for as such.
fn directory(path: &Path) -> Result<ModelDir> {
    let error = |message: String, hint: &str| {
        Err(Error::Model { path: path.to_owned(), message, hint: Some(hint.to_owned()) })
    };
    if !path.exists() {
        return error(
            "no such directory".to_owned(),
            &format!("name a directory with a model, or one of {}", known_names()),
        );
    }
    if !path.is_dir() {
        return error("not a directory".to_owned(), "name the directory that holds the model");
    }
    let missing = missing_files(path);
    if !missing.is_empty() {
        return error(
            lacking(path, &missing),
            "a model directory holds config.json, model.safetensors and a tokenizer",
        );
    }
    let absolute =
        path.canonicalize().map_err(|source| Error::Io { path: path.to_owned(), source })?;
    let name = absolute.file_name().unwrap_or(absolute.as_os_str()).to_string_lossy().into_owned();
    Ok(ModelDir { path: path.to_owned(), name, known: None, commit: None, locked: None })
}

/// What a directory lacks, in a sentence.
fn lacking(dir: &Path, missing: &[&str]) -> String {
    if missing.contains(&WEIGHTS_FILE) && hub::has_only_pickle(dir) {
        return "has pickle weights only, which run code when read; Fillrate reads \
                model.safetensors (docs/models.md shows how to convert)"
            .to_owned();
    }
    format!("lacks {}", missing.join(", "))
}

fn unknown(name: &str) -> Error {
    let hint = nearest(name).map_or_else(
        || "a directory with a model is named with a slash: ./my-model".to_owned(),
        |nearest| format!("did you mean `{nearest}`?"),
    );
    Error::Model {
        path: name.into(),
        message: format!("no such model; there are {}", known_names()),
        hint: Some(hint),
    }
}

fn known_names() -> String {
    KNOWN_MODELS.iter().map(|model| model.name).collect::<Vec<_>>().join(", ")
}

/// The known name that takes the fewest edits, if they are few enough for a slip of the hand.
fn nearest(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    KNOWN_MODELS
        .iter()
        .map(|model| (edit_distance(&name, model.name), model.name))
        .min()
        .filter(|&(distance, known)| distance <= known.len() / 3)
        .map(|(_, known)| known)
}

/// Levenshtein's distance in bytes.
fn edit_distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, byte) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in b.bytes().enumerate() {
            let substituted = diagonal + usize::from(byte != other);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests;
