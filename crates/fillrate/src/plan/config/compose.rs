//! Hydra's composition: one configuration out of many files.
//!
//! Source: Hydra 1.3, "The Defaults List" and "Packages",
//! <https://hydra.cc/docs/1.3/advanced/defaults_list/>,
//! <https://hydra.cc/docs/1.3/advanced/overriding_packages/>.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::defaults::{Choice, Item, items};
use crate::Result;
use crate::plan::document::{Document, Entry, KeyPath, Node, Value, fault};

/// Files that may include each other; more are a circle.
const DEPTH_MAX: usize = 16;

/// Rounds in which files may override what others choose.
const ROUNDS_MAX: usize = 8;

/// The files that were read, each once.
#[derive(Debug, Default)]
pub(super) struct Library {
    pub(super) documents: Vec<Document>,
}

impl Library {
    /// The file at `path`.
    pub(super) fn read(&mut self, path: &Path) -> Result<&Document> {
        let known = self.documents.iter().position(|document| &*document.path == path);
        let index = if let Some(index) = known {
            index
        } else {
            self.documents.push(Document::read(path)?);
            self.documents.len() - 1
        };
        Ok(&self.documents[index])
    }
}

/// What is composed: the file that was named, and what to choose instead of what it says.
#[derive(Clone, Debug)]
pub(super) struct Request<'a> {
    /// The file that was named.
    pub(super) primary: &'a Path,
    /// Options by group.
    pub(super) choices: BTreeMap<String, String>,
}

/// A configuration that was put together.
#[derive(Debug)]
pub(super) struct Composition {
    /// All values.
    pub(super) root: Node,
    /// Groups and options that were chosen, but have no file.
    pub(super) missing: Vec<(String, String)>,
    /// Groups of which a file was taken.
    groups: Vec<String>,
}

impl Composition {
    /// Lays a file over the rest as the option of a group that no defaults list names.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub(super) fn add_unlisted(
        &mut self,
        library: &mut Library,
        group: &str,
        path: &Path,
    ) -> Result<()> {
        if self.groups.iter().any(|chosen| chosen == group) {
            return Ok(());
        }
        let document = library.read(path)?;
        let choice = Choice { group: group.to_owned(), ..Choice::default() };
        let header = document.directive("package");
        let package = package_of(&KeyPath::root(), group, &choice, header, path)?;
        let layer = wrapped(without_defaults(&document.root), &package);
        self.root = merged(self.root.clone(), layer);
        Ok(())
    }
}

/// Puts a configuration together.
///
/// # Errors
///
/// If a file cannot be read, the defaults list names what is not there, or files include each other
/// in a circle.
pub(super) fn compose(library: &mut Library, request: &Request<'_>) -> Result<Composition> {
    let folder = request.primary.parent().unwrap_or(Path::new("")).to_owned();
    let mut composer = Composer {
        library: &mut *library,
        folder,
        choices: request.choices.clone(),
        layers: Vec::new(),
        missing: Vec::new(),
        groups: Vec::new(),
        has_new_override: false,
    };
    // A file's overrides also hold for files before it, so that the list is gone through until no
    // new one comes up.
    for _ in 0..ROUNDS_MAX {
        (composer.layers, composer.missing) = (Vec::new(), Vec::new());
        composer.groups.clear();
        composer.has_new_override = false;
        composer.include(request.primary, "", &KeyPath::root(), 0)?;
        if !composer.has_new_override {
            break;
        }
    }
    let Composer { layers, missing, groups, .. } = composer;
    let root = layers.into_iter().reduce(merged);
    let root = match root {
        Some(root) => root,
        None => library.read(request.primary)?.root.clone(),
    };
    Ok(Composition { root, missing, groups })
}

struct Composer<'a> {
    library: &'a mut Library,
    folder: PathBuf,
    /// Options by group that hold instead of what the lists say.
    choices: BTreeMap<String, String>,
    /// Contents in the order in which they are laid over each other.
    layers: Vec<Node>,
    missing: Vec<(String, String)>,
    groups: Vec<String>,
    has_new_override: bool,
}

impl Composer<'_> {
    /// Lays a file of `group` and what it includes over what is there.
    fn include(&mut self, path: &Path, group: &str, package: &KeyPath, depth: usize) -> Result<()> {
        if depth > DEPTH_MAX {
            let message = format!("more than {DEPTH_MAX} files include each other");
            return Err(fault(path, None, message, "look for a circle in the defaults lists"));
        }
        let document = self.library.read(path)?;
        let items = items(document)?;
        let own = wrapped(without_defaults(&document.root), package);
        for item in items {
            match item {
                Item::Own => self.layers.push(own.clone()),
                Item::Override { group: name, option } => {
                    let name = absolute(group, &name);
                    if !self.choices.contains_key(&name) && !is_hydras(&name) {
                        self.choices.insert(name, option);
                        self.has_new_override = true;
                    }
                }
                Item::Choice(choice) => self.choose(path, group, package, &choice, depth)?,
            }
        }
        Ok(())
    }

    /// Includes the options of one entry of the list of `parent`.
    fn choose(
        &mut self,
        parent: &Path,
        parent_group: &str,
        parent_package: &KeyPath,
        choice: &Choice,
        depth: usize,
    ) -> Result<()> {
        let group = absolute(parent_group, &choice.group);
        if is_hydras(&group) {
            return Ok(());
        }
        let options = match self.choices.get(&group) {
            Some(option) if !choice.group.is_empty() => vec![option.clone()],
            _ => choice.options.clone(),
        };
        for option in options {
            let mut path = self.folder.join(&group).join(&option);
            if path.extension().is_none_or(|extension| extension != "yaml" && extension != "yml") {
                path.as_mut_os_string().push(".yaml");
            }
            if !path.is_file() {
                self.note_missing(parent, &group, &option, choice)?;
                continue;
            }
            self.groups.push(group.clone());
            let document = self.library.read(&path)?;
            let header = document.directive("package").map(str::to_owned);
            let package = package_of(parent_package, &group, choice, header.as_deref(), &path)?;
            // An option may lie in a folder of the group: `- group: sub/option`.
            let inner = option.rsplit_once('/').map(|(folder, _)| absolute(&group, folder));
            self.include(&path, inner.as_deref().unwrap_or(&group), &package, depth + 1)?;
        }
        Ok(())
    }

    /// An option without a file is an error, unless it may be missing, or the group has numbered
    /// stages, which then stand for it.
    fn note_missing(
        &mut self,
        parent: &Path,
        group: &str,
        option: &str,
        choice: &Choice,
    ) -> Result<()> {
        if choice.is_optional {
            return Ok(());
        }
        if !stage_files(&self.folder.join(group)).is_empty() {
            self.missing.push((group.to_owned(), option.to_owned()));
            return Ok(());
        }
        let there = options_in(&self.folder.join(group)).join(", ");
        let hint = if there.is_empty() {
            format!("there is no file in {}", self.folder.join(group).display())
        } else {
            format!("{} has {there}", self.folder.join(group).display())
        };
        let message = format!("`{group}: {option}` has no file");
        Err(fault(parent, Some(choice.line), message, &hint))
    }
}

/// Where a file's values go: what the list says, else the file's own head, else its group.
fn package_of(
    parent: &KeyPath,
    group: &str,
    choice: &Choice,
    header: Option<&str>,
    file: &Path,
) -> Result<KeyPath> {
    let dotted = |text: &str| -> Result<KeyPath> {
        let text = text.replace('/', ".");
        text.parse().map_err(|why| fault(file, None, why, "mend the package"))
    };
    match (choice.package.as_deref(), header) {
        (Some("_global_"), _) | (None, Some("_global_")) => Ok(KeyPath::root()),
        (Some("_here_"), _) => Ok(parent.clone()),
        (Some(package), _) => Ok(parent.join(&dotted(package)?)),
        (None, Some("_group_")) => dotted(group),
        (None, Some(package)) => dotted(package),
        (None, None) => {
            let own = choice.group.trim_matches('/');
            if own.is_empty() { Ok(parent.clone()) } else { Ok(parent.join(&dotted(own)?)) }
        }
    }
}

/// A group's name from the top: one that begins with `/` is already, others are below `parent`.
fn absolute(parent: &str, group: &str) -> String {
    match group.strip_prefix('/') {
        Some(group) => group.to_owned(),
        None if parent.is_empty() || group.is_empty() => format!("{parent}{group}"),
        None => format!("{parent}/{group}"),
    }
}

/// Hydra's own settings say nothing about the training.
fn is_hydras(group: &str) -> bool {
    group == "hydra" || group.starts_with("hydra/")
}

fn without_defaults(node: &Node) -> Node {
    let mut node = node.clone();
    if let Value::Mapping(entries) = &mut node.value {
        entries.retain(|entry| entry.key != "defaults");
    }
    node
}

/// `node` at the end of `package`.
fn wrapped(node: Node, package: &KeyPath) -> Node {
    let mut keys = Vec::new();
    let mut rest = package.clone();
    while let (Some(key), Some(parent)) = (rest.last_key().map(str::to_owned), rest.parent()) {
        keys.push(key);
        rest = parent;
    }
    keys.into_iter().fold(node, |value, key| Node {
        place: value.place.clone(),
        guard: None,
        value: Value::Mapping(vec![Entry { key, line: value.place.line, value }]),
    })
}

/// `over` laid over `base`: mappings are joined, everything else is replaced.
pub(super) fn merged(mut base: Node, over: Node) -> Node {
    match (&mut base.value, over.value) {
        (Value::Mapping(entries), Value::Mapping(new)) => {
            for entry in new {
                match entries.iter().rposition(|known| known.key == entry.key) {
                    Some(known) => {
                        let old = entries.remove(known).value;
                        let value = merged(old, entry.value);
                        entries.insert(known, Entry { value, ..entry });
                    }
                    None => entries.push(entry),
                }
            }
            base
        }
        (_, value) => Node { value, place: over.place, guard: over.guard },
    }
}

/// The numbered files of a folder, such as `01_stage.yaml`, by their names.
pub(super) fn stage_files(folder: &Path) -> Vec<String> {
    let is_numbered = |name: &String| {
        let digits = name.bytes().take_while(u8::is_ascii_digit).count();
        digits > 0 && matches!(name.as_bytes().get(digits), None | Some(b'_' | b'-'))
    };
    options_in(folder).into_iter().filter(is_numbered).collect()
}

/// The options of a group, by their names.
fn options_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut options: Vec<String> = entries
        .filter_map(|entry| {
            let path = entry.path();
            let is_yaml = path.extension().is_some_and(|extension| extension == "yaml");
            is_yaml.then(|| path.file_stem().map(|stem| stem.to_string_lossy().into_owned()))?
        })
        .collect();
    options.sort();
    options
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;
    use crate::plan::config::interpolate::Tree;

    fn folder(files: &[(&str, &str)]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    fn composed(folder: &TempDir, choices: &[(&str, &str)]) -> Result<Composition> {
        let choices =
            choices.iter().map(|(group, option)| ((*group).into(), (*option).into())).collect();
        let primary = folder.path().join("config.yaml");
        compose(&mut Library::default(), &Request { primary: &primary, choices })
    }

    fn text(composition: &Composition, path: &str) -> Option<String> {
        let tree = Tree { root: &composition.root, interpolates: true };
        tree.text(&path.parse().unwrap()).unwrap().map(|text| text.value)
    }

    #[test]
    fn later_entries_win_and_self_is_where_it_stands() {
        let files = [
            (
                "config.yaml",
                "defaults:\n  - _self_\n  - model: small\n  - data@input: rows\n\
                             model: {rows: 1, own: 5}\ndepth: ${model.rows}\n",
            ),
            ("model/small.yaml", "defaults:\n  - head: linear\nrows: 2\n"),
            ("model/head/linear.yaml", "classes: 3\n"),
            ("data/rows.yaml", "batch_size: 7\n"),
        ];
        let composition = composed(&folder(&files), &[]).unwrap();
        for (path, expected) in [
            ("model.rows", "2"),
            ("model.own", "5"),
            ("model.head.classes", "3"),
            ("input.batch_size", "7"),
            ("depth", "2"),
        ] {
            assert_eq!(text(&composition, path).as_deref(), Some(expected), "{path}");
        }
        assert_eq!(text(&composition, "defaults"), None);
        let last = [
            ("config.yaml", "defaults:\n  - model: small\nmodel: {rows: 1}\n"),
            ("model/small.yaml", "rows: 2\n"),
        ];
        let composition = composed(&folder(&last), &[]).unwrap();
        assert_eq!(text(&composition, "model.rows").as_deref(), Some("1"), "`_self_` is last");
    }

    #[test]
    fn packages_optional_files_and_overrides_are_heeded() {
        let files = [
            (
                "config.yaml",
                "defaults:\n  - model: small\n  - optional local: mine\n  - experiment: big\n  \
                             - override hydra/launcher: joblib\n  - none: null\n  - _self_\n",
            ),
            ("model/small.yaml", "rows: 2\n"),
            ("model/large.yaml", "rows: 20\n"),
            (
                "experiment/big.yaml",
                "# @package _global_\ndefaults:\n  - override /model: large\n\
                                     trainer: {devices: 4}\n",
            ),
        ];
        let composition = composed(&folder(&files), &[]).unwrap();
        assert_eq!(text(&composition, "model.rows").as_deref(), Some("20"));
        assert_eq!(text(&composition, "trainer.devices").as_deref(), Some("4"));
        let small = composed(&folder(&files), &[("model", "small")]).unwrap();
        assert_eq!(text(&small, "model.rows").as_deref(), Some("2"));
    }

    #[test]
    fn a_missing_file_is_an_error_unless_stages_stand_for_it() {
        let files =
            [("config.yaml", "a: 1\ndefaults:\n  - model: big\n"), ("model/small.yaml", "")];
        let error = composed(&folder(&files), &[]).unwrap_err();
        assert!(error.to_string().ends_with("config.yaml:3: `model: big` has no file"), "{error}");
        assert!(error.hint().is_some_and(|hint| hint.ends_with("has small")));
        let files = [
            ("config.yaml", "defaults:\n  - curriculum: default\n"),
            ("curriculum/01_stage.yaml", "n_negatives: 3\n"),
            ("curriculum/chain.yaml", ""),
        ];
        let folder = folder(&files);
        let composition = composed(&folder, &[]).unwrap();
        assert_eq!(composition.missing, [("curriculum".to_owned(), "default".to_owned())]);
        assert_eq!(stage_files(&folder.path().join("curriculum")), ["01_stage"]);
        let stage = composed(&folder, &[("curriculum", "01_stage")]).unwrap();
        assert_eq!(text(&stage, "curriculum.n_negatives").as_deref(), Some("3"));
    }

    #[test]
    fn a_circle_ends() {
        let files =
            [("config.yaml", "defaults:\n  - a: x\n"), ("a/x.yaml", "defaults:\n  - /a: x\n")];
        let error = composed(&folder(&files), &[]).unwrap_err();
        assert!(error.to_string().contains("include each other"), "{error}");
    }
}
