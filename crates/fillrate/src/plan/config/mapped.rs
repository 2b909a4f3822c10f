//! Files of a kind of one's own, by a map: our fields, and where the file says them.
//!
//! ```toml
//! batch_size = "train.rows"          # a path
//! max_length = 128                   # a number or true or false stands for itself
//! precision = { value = "16-mixed" } # and so does a word, so marked
//!
//! [[stages]]                         # only if stages differ
//! name = "warm-up"
//! n_negatives = "stages[0].negatives"
//! ```

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::draft::{Draft, StageDraft, find};
use super::found::{Fields, Found};
use super::interpolate::Tree;
use super::{ConfigFormat, Field, stem};
use crate::Result;
use crate::plan::document::{Document, KeyPath, Node, Value, fault};

/// The key of the map's list of stages.
const STAGES: &str = "stages";

/// A map that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldMap {
    path: PathBuf,
    run: Vec<(Field, Target)>,
    stages: Vec<MappedStage>,
}

/// A stage of a map.
#[derive(Clone, Debug, PartialEq)]
struct MappedStage {
    name: Option<String>,
    fields: Vec<(Field, Target)>,
}

/// What a map says of a field.
#[derive(Clone, Debug, PartialEq)]
enum Target {
    Path(KeyPath),
    Constant(String),
}

impl FieldMap {
    /// Reads a map in TOML (`.toml`) or YAML.
    ///
    /// # Errors
    ///
    /// If it cannot be read, names what is no field, or says something that is neither a path nor a
    /// constant, with the line.
    pub fn read(path: &Path) -> Result<Self> {
        let is_toml = path.extension().is_some_and(|extension| extension == "toml");
        let (text, json) = if is_toml {
            let text = std::fs::read_to_string(path)
                .map_err(|source| crate::Error::Io { path: path.to_owned(), source })?;
            let json = toml_as_json(path, &text)?;
            (text, json)
        } else {
            let document = Document::read(path)?;
            (document.text.clone(), json_of(&document.root))
        };
        MapReader { path, text: &text }.map(&json)
    }

    /// Where the map says each field stands, and what it gives.
    ///
    /// # Errors
    ///
    /// If a reference in a value leads nowhere.
    pub(super) fn draft(&self, path: &Path, document: &Document) -> Result<Draft> {
        let tree = Tree { root: &document.root, interpolates: true };
        let by = format!("{} (a constant)", self.path.display());
        let found = |targets: &[(Field, Target)]| -> Result<Fields> {
            let mut fields = Fields::new();
            for (field, target) in targets {
                let found = match target {
                    Target::Path(path) => find(tree, *field, path)?,
                    Target::Constant(text) => Some(Found::given(text, by.as_str())),
                };
                fields.extend(found.map(|found| (*field, found)));
            }
            Ok(fields)
        };
        let (shared, run): (Fields, Fields) =
            found(&self.run)?.into_iter().partition(|(field, _)| field.is_of_stage());
        let mut draft = Draft::new(ConfigFormat::Mapped);
        draft.run = run;
        let one = [MappedStage { name: None, fields: Vec::new() }];
        let stages = if self.stages.is_empty() { &one[..] } else { &self.stages };
        for (index, stage) in stages.iter().enumerate() {
            let mut fields = shared.clone();
            fields.extend(found(&stage.fields)?);
            let usual = if stages.len() == 1 { stem(path) } else { format!("stage {}", index + 1) };
            let name = stage.name.clone().unwrap_or(usual);
            draft.stages.push(StageDraft { name, fields });
        }
        for (field, target) in self.run.iter().chain(self.stages.iter().flat_map(|s| &s.fields)) {
            if let Target::Path(path) = target {
                draft.looked.push((*field, vec![path.to_string()]));
            }
        }
        draft.note_keys(&document.root);
        draft.default_run(Field::Precision, "32-true", "Fillrate");
        draft.default_run(Field::Optimizer, "adamw", "Fillrate");
        draft.default_run(Field::ZeroGrad, "after_step", "Fillrate");
        draft.default_stages(Field::AccumulateGradBatches, "1", "Fillrate");
        Ok(draft)
    }
}

struct MapReader<'a> {
    path: &'a Path,
    text: &'a str,
}

impl MapReader<'_> {
    fn map(&self, json: &Json) -> Result<FieldMap> {
        let Json::Object(table) = json else {
            let message = "is no table of fields".to_owned();
            return Err(fault(self.path, None, message, HINT));
        };
        let mut map = FieldMap { path: self.path.to_owned(), run: Vec::new(), stages: Vec::new() };
        for (key, value) in table {
            if key == STAGES {
                map.stages = self.stages(value)?;
            } else {
                map.run.push(self.field(key, value)?);
            }
        }
        map.run.sort_by_key(|(field, _)| *field);
        Ok(map)
    }

    fn stages(&self, value: &Json) -> Result<Vec<MappedStage>> {
        let refuse = || {
            let message = format!("`{STAGES}` is no list of tables");
            fault(self.path, self.line_of(STAGES), message, "write [[stages]] for each")
        };
        let mut stages = Vec::new();
        for stage in value.as_array().ok_or_else(refuse)? {
            let mut read = MappedStage { name: None, fields: Vec::new() };
            for (key, value) in stage.as_object().ok_or_else(refuse)? {
                if key == "name" {
                    read.name = value.as_str().map(str::to_owned);
                    continue;
                }
                let (field, target) = self.field(key, value)?;
                if !field.is_of_stage() {
                    let message = format!("`{field}` holds for the whole run");
                    let hint = "put it above the stages";
                    return Err(fault(self.path, self.line_of(key), message, hint));
                }
                read.fields.push((field, target));
            }
            stages.push(read);
        }
        Ok(stages)
    }

    fn field(&self, key: &str, value: &Json) -> Result<(Field, Target)> {
        let refuse = |message: String| fault(self.path, self.line_of(key), message, HINT);
        let field: Field = key.parse().map_err(refuse)?;
        let target = match value {
            Json::String(path) => path.parse().map(Target::Path).map_err(refuse)?,
            Json::Number(_) | Json::Bool(_) => Target::Constant(value.to_string()),
            Json::Object(table) => match (table.get("value"), table.len()) {
                (Some(Json::String(text)), 1) => Target::Constant(text.clone()),
                (Some(value @ (Json::Number(_) | Json::Bool(_))), 1) => {
                    Target::Constant(value.to_string())
                }
                _ => return Err(refuse(format!("`{key}` has another key than `value`"))),
            },
            _ => return Err(refuse(format!("`{key}` is neither a path nor a constant"))),
        };
        Ok((field, target))
    }

    /// The line on which a key is written first, from 1.
    fn line_of(&self, key: &str) -> Option<usize> {
        let is_here = |line: &str| {
            let line = line.trim_start_matches([' ', '\t', '[', '-', '"', '\'']);
            let rest = line.strip_prefix(key);
            rest.is_some_and(|rest| rest.trim_start().starts_with(['=', ':', ']', '"', '\'']))
        };
        Some(1 + self.text.lines().position(is_here)?)
    }
}

const HINT: &str = "write FIELD = \"path.in.the.file\", a number, or { value = \"a word\" }";

fn toml_as_json(path: &Path, text: &str) -> Result<Json> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let start = error.span().map_or(0, |span| span.start);
        let line = 1 + text[..start].matches('\n').count();
        fault(path, Some(line), error.message().to_owned(), "mend the TOML")
    })
}

/// A YAML value as JSON has it: words in quotes stay words.
fn json_of(node: &Node) -> Json {
    match &node.value {
        Value::Scalar(scalar) if scalar.is_null() => Json::Null,
        Value::Scalar(scalar) => {
            let is_plain = scalar.style == crate::plan::document::Style::Plain;
            let number = || scalar.float().and_then(|_| serde_json::from_str(&scalar.text).ok());
            let typed = scalar.boolean().map(Json::Bool).or_else(number);
            let typed = if is_plain { typed } else { None };
            typed.unwrap_or_else(|| Json::String(scalar.text.clone()))
        }
        Value::Sequence(items) => Json::Array(items.iter().map(json_of).collect()),
        Value::Mapping(entries) => {
            entries.iter().map(|entry| (entry.key.clone(), json_of(&entry.value))).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(name: &str, text: &str) -> Result<FieldMap> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), text).unwrap();
        FieldMap::read(&folder.path().join(name))
    }

    #[test]
    fn toml_and_yaml_say_the_same() {
        let toml = map(
            "m.toml",
            "batch_size = \"a.b[0]\"\nmax_length = 128\nfrozen = true\n\
                                  precision = { value = \"16-mixed\" }\n[[stages]]\nname = \"x\"\n\
                                  n_negatives = 3\n",
        );
        let yaml = map(
            "m.yaml",
            "batch_size: a.b[0]\nmax_length: 128\nfrozen: true\n\
                                  precision: {value: 16-mixed}\nstages:\n  - name: x\n    n_negatives: 3\n",
        );
        let (toml, yaml) = (toml.unwrap(), yaml.unwrap());
        assert_eq!((&toml.run, &toml.stages), (&yaml.run, &yaml.stages));
        let constant = |text: &str| Target::Constant(text.to_owned());
        assert_eq!(toml.run[0], (Field::BatchSize, Target::Path("a.b[0]".parse().unwrap())));
        assert_eq!(
            toml.run[1..].iter().map(|(_, target)| target.clone()).collect::<Vec<_>>(),
            [constant("128"), constant("16-mixed"), constant("true")]
        );
    }

    #[test]
    fn values_come_from_paths_and_constants() {
        let map = map(
            "m.yaml",
            "batch_size: rows\nmodel: {value: bert-base-uncased}\nstages:\n\
                                 - {max_length: long}\n- {max_length: short, batch_size: 4}\n",
        )
        .unwrap();
        let document =
            Document::of_text(Path::new("own.yaml"), "rows: 16\nlong: 512\nshort: 64\n".into());
        let draft = map.draft(Path::new("own.yaml"), &document.unwrap()).unwrap();
        let of = |stage: usize, field| draft.stages[stage].fields[&field].text.as_str();
        assert_eq!((of(0, Field::BatchSize), of(0, Field::MaxLength)), ("16", "512"));
        assert_eq!((of(1, Field::BatchSize), of(1, Field::MaxLength)), ("4", "64"));
        assert_eq!(draft.stages[1].name, "stage 2");
        assert_eq!(draft.run[&Field::Model].text, "bert-base-uncased");
    }

    #[test]
    fn a_map_that_says_nothing_is_refused_with_its_line() {
        for (text, expected) in [
            ("batch_size = \"a\"\nbach_size = 3\n", ":2: unknown field `bach_size`; did you mean"),
            ("batch_size = \"a..b\"\n", ":1: `a..b` has an empty key"),
            ("batch_size = [1]\n", ":1: `batch_size` is neither a path nor a constant"),
            ("[[stages]]\nmodel = \"m\"\n", ":2: `model` holds for the whole run"),
            ("batch_size = \n", ":1: "),
            ("stages = 3\n", ":1: `stages` is no list of tables"),
            ("precision = { word = \"x\" }\n", ":1: `precision` has another key than `value`"),
        ] {
            let message = map("m.toml", text).unwrap_err().to_string();
            assert!(message.contains(&format!("m.toml{expected}")), "{message}");
        }
    }
}
