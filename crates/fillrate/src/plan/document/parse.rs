//! From the parser's events to a tree.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use granit_parser::{Event, Parser, ScanError, Span, StrInput, Tag};

use super::{BYTE_ORDER_MARK, Entry, Guard, NODES_MAX, Node, Place, Scalar, Style, Value, fault};
use crate::{Error, Result};

/// Characters that a key may have before its colon: YAML's 1024 are too few for some JSON.
const KEY_CHARACTERS_MAX: usize = 1 << 16;

/// The values of a file; an empty mapping, if it has none.
pub(super) fn tree(path: &Arc<Path>, text: &str) -> Result<Node> {
    let body = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let options = granit_parser::options! { simple_key_max_lookahead: KEY_CHARACTERS_MAX };
    let mut builder = Builder {
        events: Parser::new_from_str_with_options(body, options),
        path,
        first_byte: text.len() - body.len(),
        anchors: HashMap::new(),
        nodes: 0,
    };
    builder.document()
}

struct Builder<'a> {
    events: Parser<'a, StrInput<'a>>,
    path: &'a Arc<Path>,
    /// Bytes of the file before those that are parsed.
    first_byte: usize,
    /// What each anchor stands for, by the parser's number.
    anchors: HashMap<usize, Node>,
    /// Values so far, those of aliases counted where they stand.
    nodes: usize,
}

impl<'a> Builder<'a> {
    /// The one document of a file.
    fn document(&mut self) -> Result<Node> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                Event::StreamEnd => break,
                _ if root.is_some() => {
                    let line = Some(span.start.line());
                    let message = "a second document begins here".to_owned();
                    return Err(fault(self.path, line, message, "keep one document in the file"));
                }
                event => root = Some(self.node(event, span)?),
            }
        }
        let nothing = Place { file: Arc::clone(self.path), line: 1, column: 1, bytes: 0..0 };
        let empty = Node { value: Value::Mapping(Vec::new()), place: nothing, guard: None };
        Ok(match root {
            Some(Node { value: Value::Scalar(scalar), .. }) if scalar.is_null() => empty,
            Some(root) => root,
            None => empty,
        })
    }

    /// The value that begins with `event`.
    fn node(&mut self, event: Event<'a>, span: Span) -> Result<Node> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err(self.too_many(span));
        }
        let place = self.place(span);
        let (value, anchor, tag) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let tag = tag.map(|tag| tag.original());
                let scalar = Scalar { text: text.into_owned(), style: style.into(), tag };
                (Value::Scalar(scalar), anchor, None)
            }
            Event::SequenceStart(_, anchor, tag) => (self.sequence()?, anchor, tag),
            Event::MappingStart(_, anchor, tag) => (self.mapping()?, anchor, tag),
            Event::Alias(anchor) => return self.alias(anchor, span),
            other => {
                let message = format!("{other:?} where a value was expected");
                return Err(fault(self.path, Some(place.line), message, MEND));
            }
        };
        let guard = guard(&value, anchor, tag.as_deref(), span);
        let node = Node { value, place, guard };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn sequence(&mut self) -> Result<Value> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::Sequence(items)),
                (event, span) => items.push(self.node(event, span)?),
            }
        }
    }

    fn mapping(&mut self) -> Result<Value> {
        let mut entries = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                return Ok(Value::Mapping(settle(entries)));
            }
            let key = self.node(event, span)?;
            let line = key.place.line;
            let Value::Scalar(Scalar { text: key, .. }) = key.value else {
                let message = "a key that is a list or a mapping".to_owned();
                return Err(fault(self.path, Some(line), message, "use a word as the key"));
            };
            let (event, span) = self.next()?;
            let mut value = self.node(event, span)?;
            // A reader looks for the key: what is empty or a block stands elsewhere or nowhere.
            if let Some(Guard::Empty { line: at } | Guard::Lines { line: at }) = &mut value.guard {
                *at = line;
            }
            entries.push(Entry { key, line, value });
        }
    }

    /// What an alias stands for, at the place of the alias.
    fn alias(&mut self, anchor: usize, span: Span) -> Result<Node> {
        let place = self.place(span);
        let Some(target) = self.anchors.get(&anchor) else {
            let message = "an alias within what it stands for".to_owned();
            return Err(fault(self.path, Some(place.line), message, MEND));
        };
        self.nodes += target.count();
        if self.nodes > NODES_MAX {
            return Err(self.too_many(span));
        }
        let mut node = target.clone();
        let guard = Guard::Alias { line: place.line, defined: target.place.line };
        node.mark(&guard);
        node.place = place;
        Ok(node)
    }

    fn place(&self, span: Span) -> Place {
        let bytes = span.byte_range().unwrap_or_default();
        Place {
            file: Arc::clone(self.path),
            line: span.start.line(),
            column: span.start.col() + 1,
            bytes: bytes.start + self.first_byte..bytes.end + self.first_byte,
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, Span)> {
        match self.events.next_event() {
            Some(event) => event.map_err(|error| self.broken(&error)),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn broken(&self, error: &ScanError) -> Error {
        let at = error.marker();
        let message = format!("column {}: {}", at.col() + 1, error.info());
        fault(self.path, Some(at.line()), message, MEND)
    }

    fn too_many(&self, span: Span) -> Error {
        let message = format!("more than {NODES_MAX} values, those of aliases counted");
        fault(self.path, Some(span.start.line()), message, "leave out aliases of aliases")
    }
}

const MEND: &str = "mend the YAML";

/// Marks the values of keys that are there twice, and puts what `<<` refers to where it counts:
/// behind the mapping's own keys, which it does not replace.
///
/// Source: <https://yaml.org/type/merge.html>.
fn settle(entries: Vec<Entry>) -> Vec<Entry> {
    let (merges, mut own): (Vec<Entry>, Vec<Entry>) =
        entries.into_iter().partition(|entry| entry.key == "<<");
    let mut first: HashMap<String, usize> = HashMap::new();
    for place in 0..own.len() {
        if let Some(&before) = first.get(&own[place].key) {
            let (line, other) = (own[place].line, own[before].line);
            own[place].value.mark(&Guard::Duplicate { line, other });
            own[before].value.mark(&Guard::Duplicate { line: other, other: line });
        } else {
            first.insert(own[place].key.clone(), place);
        }
    }
    for merge in merges {
        let guard = Guard::Merged { line: merge.line };
        let sources = match merge.value.value {
            Value::Sequence(items) => items,
            _ => vec![merge.value],
        };
        for entry in sources.iter().flat_map(Node::entries) {
            if !first.contains_key(&entry.key) {
                first.insert(entry.key.clone(), own.len());
                let mut entry = entry.clone();
                entry.value.mark(&guard);
                own.push(entry);
            }
        }
    }
    own
}

/// Why a value must not be edited in place.
fn guard(value: &Value, anchor: usize, tag: Option<&Tag>, span: Span) -> Option<Guard> {
    let line = span.start.line();
    if anchor != 0 {
        return Some(Guard::Anchor { line });
    }
    let Value::Scalar(scalar) = value else {
        return tag.map(|_| Guard::Tag { line });
    };
    if scalar.tag.is_some() {
        return Some(Guard::Tag { line });
    }
    if span.is_empty() {
        return Some(Guard::Empty { line });
    }
    let spans_lines = scalar.style == Style::Block || span.end.line() != line;
    spans_lines.then_some(Guard::Lines { line })
}

#[cfg(test)]
mod tests {
    use super::super::{Document, KeyPath};
    use super::*;

    fn document(text: &str) -> Document {
        Document::of_text(Path::new("a.yaml"), text.to_owned()).unwrap()
    }

    fn source<'a>(document: &'a Document, path: &str) -> &'a str {
        let node = document.root.find(&path.parse().unwrap()).unwrap();
        &document.text[node.place.bytes.clone()]
    }

    fn guard_of(document: &Document, path: &str) -> Option<Guard> {
        document.root.find(&path.parse().unwrap()).unwrap().guard.clone()
    }

    #[test]
    fn a_scalar_knows_its_bytes_in_every_style() {
        let texts = [
            "a: 12\nb: 'x y'\nc: \"1\\t2\"\nd: [7, {e: on}]\nf:   3   # three\nü: ß\ng: 9",
            "{\"a\": 12, \"b\": 'x y', \"c\": \"1\\t2\", \"d\": [7, {\"e\": on}], \"f\": 3, \"ü\": ß, \"g\": 9}",
        ];
        for text in texts {
            for mark in ["", BYTE_ORDER_MARK] {
                for lines in ["\n", "\r\n"] {
                    let document = document(&format!("{mark}{}", text.replace('\n', lines)));
                    let found = ["a", "b", "c", "d[0]", "d[1].e", "f", "ü", "g"]
                        .map(|path| source(&document, path));
                    let expected = ["12", "'x y'", "\"1\\t2\"", "7", "on", "3", "ß", "9"];
                    assert_eq!(found, expected, "{:?}", document.text);
                }
            }
        }
    }

    #[test]
    fn lines_and_columns_count_from_one() {
        let document = document("# head\r\na:\r\n  b:  8\r\n");
        let place = &document.root.find(&"a.b".parse().unwrap()).unwrap().place;
        assert_eq!((place.line, place.column), (3, 7));
    }

    #[test]
    fn what_must_not_be_edited_says_why() {
        let text = "base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  y: 3\nalias: *b\nn: &n 4\nm: *n\n\
                    t: !!int 5\nblock: |\n  6\nplain: a\n  b\nempty:\nk: 1\nk: 2\nq: 'a\n\n  b'\n";
        let document = document(text);
        let of = |path: &str| guard_of(&document, path);
        assert_eq!(of("base"), Some(Guard::Anchor { line: 1 }));
        assert_eq!(of("use.x"), Some(Guard::Merged { line: 3 }));
        assert_eq!(of("use.y"), None);
        assert_eq!(source(&document, "use.y"), "3");
        assert_eq!(of("alias.x"), Some(Guard::Alias { line: 5, defined: 1 }));
        assert_eq!(of("n"), Some(Guard::Anchor { line: 6 }));
        assert_eq!(of("m"), Some(Guard::Alias { line: 7, defined: 6 }));
        assert_eq!(of("t"), Some(Guard::Tag { line: 8 }));
        assert_eq!(of("block"), Some(Guard::Lines { line: 9 }));
        assert_eq!(of("plain"), Some(Guard::Lines { line: 11 }));
        assert!(matches!(of("empty"), Some(Guard::Empty { .. })));
        assert_eq!(of("k"), Some(Guard::Duplicate { line: 15, other: 14 }));
        assert_eq!(source(&document, "k"), "2");
        assert!(matches!(of("q"), Some(Guard::Lines { line: 16 })));
    }

    #[test]
    fn broken_files_say_where() {
        let broken = |name: &str, text: &str| {
            let error = Document::of_text(Path::new(name), text.to_owned()).unwrap_err();
            error.to_string()
        };
        assert!(broken("a.yaml", "a: 1\nb: [1, 2\nc: 3\n").starts_with("a.yaml:"), "unclosed");
        assert!(broken("a.yaml", "a: 1\n\tb: 2\n").starts_with("a.yaml:"), "tab");
        assert!(broken("a.yaml", "a: *nothing\n").starts_with("a.yaml:1: column "));
        assert_eq!(
            broken("a.yaml", "a: 1\n---\nb: 2\n"),
            "a.yaml:3: a second document begins here"
        );
        assert!(broken("a.json", "{\"a\": 1,\n}").starts_with("a.json:2: key must be"));
        let bytes = Document::of_bytes(Path::new("a.yaml"), b"a: 1\nb: \xff\n".to_vec());
        assert_eq!(bytes.unwrap_err().to_string(), "a.yaml:2: is not UTF-8");
        let laughs: Vec<String> = (1..12)
            .map(|i| {
                let items = vec![format!("*a{}", i - 1); 9].join(", ");
                format!("a{i}: &a{i} [{items}]")
            })
            .collect();
        let error = broken("a.yaml", &format!("a0: &a0 lol\n{}\n", laughs.join("\n")));
        assert!(error.contains("more than 200000 values"), "{error}");
    }

    #[test]
    fn an_empty_file_is_an_empty_mapping() {
        for text in ["", "# nothing\n", "---\n", BYTE_ORDER_MARK, "\r\n"] {
            assert!(document(text).root.entries().is_empty(), "{text:?}");
        }
        assert!(document("a: 1").root.find(&KeyPath::root().key("b")).is_none());
    }

    #[test]
    fn json_with_tabs_is_read() {
        let text = "{\n\t\"a\": {\n\t\t\"b\": 3\n\t},\n\t\"c\": \"x\"\n}\n";
        let document = Document::of_text(Path::new("a.json"), text.to_owned()).unwrap();
        assert_eq!((source(&document, "a.b"), source(&document, "c")), ("3", "\"x\""));
    }

    #[test]
    fn a_directive_is_found_in_the_head_alone() {
        let head = document("\n# our stage\n# @package _global_\na: 1\n# @other x\n");
        assert_eq!((head.directive("package"), head.directive("other")), (Some("_global_"), None));
    }
}
