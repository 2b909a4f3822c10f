//! What an adapter found, before it becomes a training run.

use super::field::nearest;
use super::found::{Fields, Found, Source};
use super::interpolate::Tree;
use super::{ConfigFormat, Field};
use crate::Result;
use crate::plan::document::{KeyPath, Node};

/// Where a kind of file says what: for each field the paths to look at, the first that is there wins.
pub(super) type Paths = &'static [(Field, &'static [&'static str])];

/// What an adapter found.
#[derive(Debug)]
pub(super) struct Draft {
    /// The kind of configuration.
    pub(super) format: ConfigFormat,
    /// What holds for the whole run.
    pub(super) run: Fields,
    /// The stages in their order; at least one.
    pub(super) stages: Vec<StageDraft>,
    /// Where it was looked, for a message that asks for what is missing.
    pub(super) looked: Vec<(Field, Vec<String>)>,
    /// Keys of the files, for a message about a slip of the pen.
    pub(super) keys: Vec<(String, String)>,
    /// What a reader should know.
    pub(super) notes: Vec<String>,
}

/// A stage that was found.
#[derive(Debug)]
pub(super) struct StageDraft {
    pub(super) name: String,
    /// What stages may differ in.
    pub(super) fields: Fields,
}

impl Draft {
    pub(super) fn new(format: ConfigFormat) -> Self {
        Self {
            format,
            run: Fields::new(),
            stages: Vec::new(),
            looked: Vec::new(),
            keys: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// A draft of one stage from one tree.
    ///
    /// # Errors
    ///
    /// If a reference in a value leads nowhere.
    pub(super) fn of_tree(
        format: ConfigFormat,
        tree: Tree<'_>,
        paths: Paths,
        stage: &str,
    ) -> Result<Self> {
        let mut draft = Self::new(format);
        let found = gather(tree, paths, &KeyPath::root(), "")?;
        let (fields, run) = found.into_iter().partition(|(field, _)| field.is_of_stage());
        draft.run = run;
        draft.stages.push(StageDraft { name: stage.to_owned(), fields });
        draft.look(paths, "");
        draft.note_keys(tree.root);
        Ok(draft)
    }

    /// Remembers where was looked, what holds for all stages first; `group` takes the place of `*`.
    pub(super) fn look(&mut self, paths: Paths, group: &str) {
        for (field, paths) in paths {
            let (of_stages, of_all): (Vec<&str>, Vec<&str>) =
                paths.iter().partition(|path| path.starts_with('*'));
            let paths = of_all.iter().chain(&of_stages).map(|path| path.replace('*', group));
            self.looked.push((*field, paths.collect()));
        }
    }

    /// Remembers which keys there are.
    pub(super) fn note_keys(&mut self, root: &Node) {
        for entry in root.entries() {
            let place = format!("{}:{}", entry.value.place.file.display(), entry.line);
            let key = (entry.key.clone(), place);
            if !self.keys.contains(&key) {
                self.keys.push(key);
            }
            self.note_keys(&entry.value);
        }
    }

    /// Keys that are read by nobody and differ by one slip of the pen from one that was looked for and
    /// is not there.
    pub(super) fn slips(&self) -> Vec<String> {
        let is_said = |field: &Field| {
            let all = self.stages.iter().map(|stage| &stage.fields).chain([&self.run]);
            all.filter_map(|fields| fields.get(field))
                .any(|found| !matches!(found.source, Source::Default { .. }))
        };
        let last = |path: &'_ String| path.rsplit('.').next().unwrap_or_default().to_owned();
        let known: Vec<String> = self.looked.iter().flat_map(|(_, p)| p).map(last).collect();
        let mut missing: Vec<String> = self
            .looked
            .iter()
            .filter(|(field, _)| !is_said(field))
            .flat_map(|(_, paths)| paths.iter().map(last))
            .collect();
        missing.dedup();
        let unread = self.keys.iter().filter(|(key, _)| !known.contains(key));
        unread
            .filter_map(|(key, place)| {
                let near = nearest(key, missing.iter().map(String::as_str), 1)?;
                Some(format!("{place}: `{key}` is not read; `{near}` would be"))
            })
            .collect()
    }

    /// Sets what holds if nobody said otherwise.
    pub(super) fn default_run(&mut self, field: Field, text: &str, of: &'static str) {
        self.run.entry(field).or_insert_with(|| Found::usual(text, of));
    }

    /// The same for every stage.
    pub(super) fn default_stages(&mut self, field: Field, text: &str, of: &'static str) {
        for stage in &mut self.stages {
            stage.fields.entry(field).or_insert_with(|| Found::usual(text, of));
        }
    }

    /// Lays what somebody gave over everything.
    pub(super) fn give(&mut self, field: Field, found: &Found) {
        if !field.is_of_stage() {
            self.run.insert(field, found.clone());
            return;
        }
        for stage in &mut self.stages {
            stage.fields.insert(field, found.clone());
        }
    }
}

/// What `paths` lead to below `prefix`, where `*` is `group`.
///
/// # Errors
///
/// If a reference in a value leads nowhere.
pub(super) fn gather(
    tree: Tree<'_>,
    paths: Paths,
    prefix: &KeyPath,
    group: &str,
) -> Result<Fields> {
    let mut fields = Fields::new();
    for (field, candidates) in paths {
        for candidate in *candidates {
            // The paths of a table are well formed; a test parses each.
            let Ok(path) = candidate.replace('*', group).parse::<KeyPath>() else { continue };
            if let Some(found) = find(tree, *field, &prefix.join(&path))? {
                fields.insert(*field, found);
                break;
            }
        }
    }
    Ok(fields)
}

/// The value at a path, if there is one. A list of channels is their number, any other list its
/// items with commas between.
///
/// # Errors
///
/// If a reference in the value leads nowhere.
pub(super) fn find(tree: Tree<'_>, field: Field, path: &KeyPath) -> Result<Option<Found>> {
    if let Some(text) = tree.text(path)? {
        let source = Source::File {
            path: text.path,
            place: text.place,
            guard: text.guard,
            is_own_text: true,
        };
        return Ok(Some(Found { text: text.value, source }));
    }
    let Some(list) = tree.find(path)?.filter(|found| !found.node.items().is_empty()) else {
        return Ok(None);
    };
    let items = list.node.items();
    let text = if field == Field::Channels {
        items.len().to_string()
    } else {
        items.iter().filter_map(Node::text).collect::<Vec<_>>().join(",")
    };
    let (place, guard) = (list.node.place.clone(), list.node.guard.clone());
    let source = Source::File { path: list.path, place, guard, is_own_text: false };
    Ok(Some(Found { text, source }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::config::{axolotl, hydra, lightning, transformers};

    #[test]
    fn every_path_of_every_table_is_well_formed_and_no_field_is_there_twice() {
        for paths in [axolotl::PATHS, hydra::PATHS, lightning::PATHS, transformers::PATHS] {
            let mut fields: Vec<Field> = paths.iter().map(|(field, _)| *field).collect();
            for path in paths.iter().flat_map(|(_, paths)| *paths) {
                assert!(path.parse::<KeyPath>().is_ok(), "{path}");
            }
            fields.sort();
            fields.dedup();
            assert_eq!(fields.len(), paths.len());
        }
    }
}
