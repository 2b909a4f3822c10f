//! `${…}`: values that refer to others, as `OmegaConf` reads them.
//!
//! Source: <https://omegaconf.readthedocs.io/en/2.3_branch/usage.html#variable-interpolation>,
//! <https://omegaconf.readthedocs.io/en/2.3_branch/custom_resolvers.html>.

use crate::Result;
use crate::plan::document::{Guard, KeyPath, Node, Place, fault};

/// References that may be followed one after another; more are a circle.
const DEPTH_MAX: usize = 32;

/// What a path leads to when all references are followed.
#[derive(Clone, Debug)]
pub(super) struct Resolved<'a> {
    /// The value.
    pub(super) node: &'a Node,
    /// The path at which it stands itself.
    pub(super) path: KeyPath,
}

/// A text with all references replaced.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Text {
    pub(super) value: String,
    /// Where the scalar stands that says it.
    pub(super) place: Place,
    /// The path of that scalar.
    pub(super) path: KeyPath,
    pub(super) guard: Option<Guard>,
}

/// The values that references are looked up in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tree<'a> {
    /// All values.
    pub(super) root: &'a Node,
    /// Whether `${…}` means anything in this kind of file.
    pub(super) interpolates: bool,
}

impl Resolved<'_> {
    /// The path that a reference here means: `a.b` from the top, `.b` from its own mapping.
    fn target(&self, reference: &str, depth: usize) -> Result<KeyPath> {
        let broken = |message: String| {
            let hint = "mend the reference, or give the value with --set";
            fault(&self.node.place.file, Some(self.node.place.line), message, hint)
        };
        if depth == 0 {
            return Err(broken(format!("`${{{reference}}}` refers to itself in a circle")));
        }
        let name = reference.trim_start_matches('.');
        let path: KeyPath =
            name.parse().map_err(|why| broken(format!("`${{{reference}}}`: {why}")))?;
        let ups = reference.len() - name.len();
        if ups == 0 {
            return Ok(path);
        }
        let mut base = self.path.clone();
        for _ in 0..ups {
            base = base
                .parent()
                .ok_or_else(|| broken(format!("`${{{reference}}}` leads above the top")))?;
        }
        Ok(base.join(&path))
    }

    fn unknown(&self, reference: &str, why: &str) -> crate::Error {
        let message = format!("`{}`: `{reference}` {why}", self.path);
        let hint = "give the value: --set FIELD=VALUE";
        fault(&self.node.place.file, Some(self.node.place.line), message, hint)
    }
}

impl<'a> Tree<'a> {
    /// The value at `path`.
    ///
    /// # Errors
    ///
    /// If a reference on the way goes in a circle.
    pub(super) fn find(&self, path: &KeyPath) -> Result<Option<Resolved<'a>>> {
        self.find_within(path, DEPTH_MAX)
    }

    /// The text of the scalar at `path`; nothing if there is none, it says nothing, or it is `???`,
    /// Hydra's word for a value that must be given.
    ///
    /// # Errors
    ///
    /// If a reference leads nowhere or in a circle, or asks for what this program does not know, such
    /// as an environment variable.
    pub(super) fn text(&self, path: &KeyPath) -> Result<Option<Text>> {
        self.text_within(path, DEPTH_MAX)
    }

    fn find_within(&self, path: &KeyPath, depth: usize) -> Result<Option<Resolved<'a>>> {
        let mut at = Resolved { node: self.root, path: KeyPath::root() };
        for step in path.steps() {
            let below = at.path.then_step(step);
            let Some(node) = at.node.step(step) else { return Ok(None) };
            at = Resolved { node, path: below };
            if let Some(reference) = self.whole_reference(at.node) {
                let target = at.target(reference, depth)?;
                let found = self.find_within(&target, depth - 1)?;
                let quoted = format!("${{{reference}}}");
                at = found.ok_or_else(|| at.unknown(&quoted, "leads to no value"))?;
            }
        }
        Ok(Some(at))
    }

    fn text_within(&self, path: &KeyPath, depth: usize) -> Result<Option<Text>> {
        let Some(found) = self.find_within(path, depth)? else { return Ok(None) };
        let Some(text) = found.node.text().filter(|text| *text != "???") else { return Ok(None) };
        let (place, guard) = (found.node.place.clone(), found.node.guard.clone());
        if !(self.interpolates && text.contains("${")) {
            let text = text.to_owned();
            return Ok(Some(Text { value: text, place, path: found.path, guard }));
        }
        let text = self.expand(text, &found, depth)?;
        let guard = Some(Guard::Composed { line: place.line });
        Ok(Some(Text { value: text, place, path: found.path, guard }))
    }

    /// The reference that a scalar is as a whole, without `${` and `}`; a resolver's call is none.
    fn whole_reference<'n>(&self, node: &'n Node) -> Option<&'n str> {
        let inner = node.text()?.strip_prefix("${")?.strip_suffix('}')?;
        let is_path = !inner.contains(['$', '{', '}', ':', ' ']);
        (self.interpolates && is_path).then_some(inner)
    }

    /// `text` with each `${…}` in it replaced.
    fn expand(&self, text: &str, at: &Resolved<'_>, depth: usize) -> Result<String> {
        let mut expanded = String::new();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            expanded.push_str(&rest[..start]);
            let Some(end) = closing(&rest[start + 2..]) else {
                return Err(at.unknown(&rest[start..], "has no end"));
            };
            let inner = &rest[start + 2..start + 2 + end];
            expanded.push_str(&self.value_of(inner, at, depth)?);
            rest = &rest[start + 2 + end + 1..];
        }
        expanded.push_str(rest);
        Ok(expanded)
    }

    /// What one reference stands for.
    fn value_of(&self, inner: &str, at: &Resolved<'_>, depth: usize) -> Result<String> {
        let inner =
            if inner.contains("${") { self.expand(inner, at, depth)? } else { inner.into() };
        let quoted = format!("${{{inner}}}");
        let Some((resolver, arguments)) = inner.split_once(':') else {
            let path = at.target(inner.trim(), depth)?;
            let text = self.text_within(&path, depth.saturating_sub(1))?;
            return text
                .map(|text| text.value)
                .ok_or_else(|| at.unknown(&quoted, "leads to no value"));
        };
        let (first, other) = match arguments.split_once(',') {
            Some((first, other)) => (first.trim(), Some(other.trim().trim_matches(['\'', '"']))),
            None => (arguments.trim(), None),
        };
        let found = match resolver {
            "oc.select" => {
                let path = at.target(first, depth)?;
                self.text_within(&path, depth.saturating_sub(1))?.map(|text| text.value)
            }
            "oc.decode" => Some(first.to_owned()),
            // This library does not read the environment: what holds without it is taken.
            "oc.env" => None,
            _ => return Err(at.unknown(&quoted, "is computed by the training program")),
        };
        found.or_else(|| other.map(str::to_owned)).ok_or_else(|| {
            let why = if resolver == "oc.env" {
                "is an environment variable"
            } else {
                "leads to no value"
            };
            at.unknown(&quoted, why)
        })
    }
}

/// Where the brace closes that was opened just before `text`.
fn closing(text: &str) -> Option<usize> {
    let mut open = 1;
    for (place, character) in text.char_indices() {
        match character {
            '{' => open += 1,
            '}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some(place);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::plan::document::Document;

    fn text_of(yaml: &str, path: &str) -> Result<Option<Text>> {
        let document = Document::of_text(Path::new("a.yaml"), yaml.to_owned())?;
        let tree = Tree { root: &document.root, interpolates: true };
        tree.text(&path.parse().unwrap())
    }

    #[test]
    fn a_whole_reference_leads_to_the_scalar_that_says_it() {
        let yaml = "size: 8\ndata:\n  size: ${size}\n  same: ${.size}\n  up: ${..size}\n\
                    preset: {small: {rows: 4}}\nuse: ${preset.small}\n";
        for path in ["data.size", "data.same", "data.up"] {
            let text = text_of(yaml, path).unwrap().unwrap();
            assert_eq!(
                (text.value.as_str(), text.place.line, text.guard),
                ("8", 1, None),
                "{path}"
            );
        }
        let rows = text_of(yaml, "use.rows").unwrap().unwrap();
        assert_eq!(
            (rows.value.as_str(), rows.path.to_string().as_str()),
            ("4", "preset.small.rows")
        );
    }

    #[test]
    fn parts_and_resolvers_make_a_text_that_is_not_edited() {
        let yaml = "who: me\nname: a/${who}-${kind.${which}}\nwhich: x\nkind: {x: small}\n\
                    env: ${oc.env:N,16}\nselect: ${oc.select:no.such,7}\ndecode: ${oc.decode:5}\n\
                    missing: ???\n";
        for (path, expected) in
            [("name", "a/me-small"), ("env", "16"), ("select", "7"), ("decode", "5")]
        {
            let text = text_of(yaml, path).unwrap().unwrap();
            assert_eq!(text.value, expected);
            assert!(matches!(text.guard, Some(Guard::Composed { .. })), "{path}");
        }
        assert_eq!(text_of(yaml, "missing").unwrap(), None);
        assert_eq!(text_of(yaml, "no.such").unwrap(), None);
    }

    #[test]
    fn what_cannot_be_known_is_said() {
        let yaml = "a: ${b}\nb: ${a}\nc: ${oc.env:N}\nd: ${mine:1}\ne: x${no}\nf: ${...up}\n";
        for (path, expected) in [
            ("a", "refers to itself in a circle"),
            ("c", "a.yaml:3: `c`: `${oc.env:N}` is an environment variable"),
            ("d", "a.yaml:4: `d`: `${mine:1}` is computed by the training program"),
            ("e", "a.yaml:5: `e`: `${no}` leads to no value"),
            ("f", "a.yaml:6: `${...up}` leads above the top"),
        ] {
            let message = text_of(yaml, path).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
