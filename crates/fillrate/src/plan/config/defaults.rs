//! Hydra's defaults list.

use crate::Result;
use crate::plan::document::{Document, Entry, Node, fault};

/// An entry of a defaults list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// The file's own values.
    Own,
    /// Options of a group.
    Choice(Choice),
    /// Another option for a group that some list chooses from.
    Override {
        /// The group.
        group: String,
        /// The option.
        option: String,
    },
}

/// Options of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Choice {
    /// The group as it stands in the list; empty for a file that is named without one.
    pub(super) group: String,
    /// The options, laid over each other in this order.
    pub(super) options: Vec<String>,
    /// Where their values go, if the list says so.
    pub(super) package: Option<String>,
    /// Whether files may be missing.
    pub(super) is_optional: bool,
    /// The entry's line, from 1.
    pub(super) line: usize,
}

/// The entries of a file; its own values stand last if the list does not say where.
///
/// # Errors
///
/// If the list is none, or an entry is of no form that Hydra knows, with its line.
pub(super) fn items(document: &Document) -> Result<Vec<Item>> {
    let Some(list) = document.root.get("defaults") else { return Ok(vec![Item::Own]) };
    let reader = Reader { document };
    let mut items = Vec::new();
    for node in list.items() {
        items.extend(reader.item(node)?);
    }
    let is_empty = list.scalar().is_some_and(crate::plan::document::Scalar::is_null);
    if list.items().is_empty() && !is_empty && !list.entries().is_empty() {
        return Err(reader.broken(list, "`defaults` is no list"));
    }
    if !items.contains(&Item::Own) {
        items.push(Item::Own);
    }
    Ok(items)
}

struct Reader<'a> {
    document: &'a Document,
}

impl Reader<'_> {
    fn item(&self, node: &Node) -> Result<Option<Item>> {
        if let Some(text) = node.text() {
            if text == "_self_" {
                return Ok(Some(Item::Own));
            }
            let (option, package) = split_package(text);
            let choice = self.choice(node, "", vec![option.to_owned()], package, false);
            return choice.map(|choice| Some(Item::Choice(choice)));
        }
        let [Entry { key, value, .. }] = node.entries() else {
            return Err(self.broken(node, "an entry of `defaults` has one group and its option"));
        };
        let (word, group) = match key.split_once(' ') {
            Some((word @ ("optional" | "override"), group)) => (word, group.trim()),
            _ => ("", key.as_str()),
        };
        let (group, package) = split_package(group);
        let options: Vec<String> = match value.text() {
            Some(option) => vec![option.to_owned()],
            None => value.items().iter().filter_map(Node::text).map(str::to_owned).collect(),
        };
        // `group: null` chooses nothing.
        let Some(first) = options.first().cloned() else { return Ok(None) };
        if word == "override" {
            return Ok(Some(Item::Override { group: group.to_owned(), option: first }));
        }
        let choice = self.choice(node, group, options, package, word == "optional")?;
        Ok(Some(Item::Choice(choice)))
    }

    fn choice(
        &self,
        node: &Node,
        group: &str,
        options: Vec<String>,
        package: Option<&str>,
        is_optional: bool,
    ) -> Result<Choice> {
        let open = options.iter().find(|option| option.contains("${") || *option == "???");
        if let Some(option) = open {
            let message = format!("`{group}: {option}` is chosen when the training starts");
            return Err(self.broken(node, &message));
        }
        Ok(Choice {
            group: group.to_owned(),
            options,
            package: package.map(str::to_owned),
            is_optional,
            line: node.place.line,
        })
    }

    fn broken(&self, node: &Node, message: &str) -> crate::Error {
        let hint = "write `- GROUP: OPTION`, with a file GROUP/OPTION.yaml";
        fault(&self.document.path, Some(node.place.line), message.to_owned(), hint)
    }
}

/// `group@package` as its two parts.
fn split_package(text: &str) -> (&str, Option<&str>) {
    match text.split_once('@') {
        Some((group, package)) => (group, Some(package)),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn of(yaml: &str) -> Result<Vec<Item>> {
        items(&Document::of_text(Path::new("a.yaml"), yaml.to_owned())?)
    }

    #[test]
    fn every_form_of_an_entry_is_known() {
        let yaml = "defaults:\n  - base\n  - db@source: [a, b]\n  - optional x/y: z\n  \
                    - override /db: c\n  - off: null\n";
        let found = of(yaml).unwrap();
        let Item::Choice(base) = &found[0] else { panic!("{found:?}") };
        assert_eq!((base.group.as_str(), base.options[0].as_str(), base.line), ("", "base", 2));
        let Item::Choice(db) = &found[1] else { panic!("{found:?}") };
        assert_eq!((db.package.as_deref(), db.options.len()), (Some("source"), 2));
        assert!(matches!(&found[2], Item::Choice(Choice { is_optional: true, .. })));
        assert_eq!(found[3], Item::Override { group: "/db".into(), option: "c".into() });
        assert_eq!(found[4], Item::Own);
        assert_eq!(found.len(), 5);
    }

    #[test]
    fn other_entries_are_refused_with_their_line() {
        for yaml in [
            "defaults:\n  - {a: b, c: d}\n",
            "defaults:\n  - a: ${b}\n",
            "defaults:\n  - a: ???\n",
            "defaults:\n  a: b\n",
        ] {
            let message = of(yaml).unwrap_err().to_string();
            assert!(message.starts_with("a.yaml:2: "), "{yaml}: {message}");
        }
        assert_eq!(of("a: 1\n").unwrap(), [Item::Own]);
        assert_eq!(of("defaults:\na: 1\n").unwrap(), [Item::Own]);
    }
}
