//! How an unknown model's classes are mapped to the three labels.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::text::{Label, LabelMap};
use crate::{Error, Result};

/// A model's own classes and what each counts towards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classes {
    /// The model's own names, in the order of its logits.
    pub names: Vec<String>,
    /// The label each counts towards.
    pub map: LabelMap,
}

/// What the mapping needs of `config.json`.
#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    id2label: Map<String, Value>,
    fillrate: Option<Settings>,
}

/// Fillrate's own key in `config.json`.
#[derive(Deserialize)]
struct Settings {
    label_map: Option<Vec<Label>>,
}

/// Reads the classes of the model whose `config.json` is at `path`.
///
/// `fillrate.label_map` decides where it is given: one of `negative`, `neutral` and `positive` per
/// class, in the order of the logits. Otherwise the names in `id2label` decide.
///
/// # Errors
///
/// If the file cannot be read, names no classes, or has a class that nothing maps.
pub fn classes(path: &Path) -> Result<Classes> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| Error::Io { path: path.to_owned(), source })?;
    let config: Config = serde_json::from_str(&text).map_err(|error| Error::Model {
        path: path.to_owned(),
        message: format!("not a model configuration: {error}"),
        hint: Some(LABEL_MAP_HINT.to_owned()),
    })?;
    let names = class_names(&config.id2label)
        .ok_or_else(|| unmapped(path, "`id2label` does not number the classes from 0"))?;
    let labels = match config.fillrate.and_then(|settings| settings.label_map) {
        Some(labels) if labels.len() == names.len() => labels,
        Some(labels) => {
            let (given, wanted) = (labels.len(), names.len());
            let what = format!("`fillrate.label_map` has {given} entries for {wanted} classes");
            return Err(unmapped(path, &what));
        }
        None => by_name(&names).ok_or_else(|| {
            let names = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>();
            let what = format!(
                "cannot tell which of the labels {} are negative, neutral and positive",
                names.join(", ")
            );
            unmapped(path, &what)
        })?,
    };
    Ok(Classes { names, map: LabelMap { classes: labels } })
}

const LABEL_MAP_HINT: &str = "add \"fillrate\": {\"label_map\": [\"negative\", \"neutral\", \
     \"positive\"]} to config.json, with one of these three per class in the order of the logits";

fn unmapped(path: &Path, what: &str) -> Error {
    Error::Model {
        path: path.to_owned(),
        message: what.to_owned(),
        hint: Some(LABEL_MAP_HINT.to_owned()),
    }
}

/// The names in the order of their class numbers; none if the numbers are not `0..n`.
fn class_names(id2label: &Map<String, Value>) -> Option<Vec<String>> {
    let names: Vec<String> = (0..id2label.len())
        .map(|class| id2label.get(&class.to_string())?.as_str().map(str::to_owned))
        .collect::<Option<_>>()?;
    (names.len() >= 2).then_some(names)
}

/// The labels that the names speak of; none unless all do, and both ends of the scale occur.
fn by_name(names: &[String]) -> Option<Vec<Label>> {
    let labels: Vec<Label> =
        names.iter().map(|name| label_of(name, names.len())).collect::<Option<_>>()?;
    let has = |label| labels.contains(&label);
    (has(Label::Negative) && has(Label::Positive)).then_some(labels)
}

/// The label that one name speaks of, in a model of `classes` classes.
fn label_of(name: &str, classes: usize) -> Option<Label> {
    let name = name.to_lowercase().replace(['_', '-'], " ");
    let name = name.trim();
    if let Some(stars) = name.strip_suffix(" star").or_else(|| name.strip_suffix(" stars")) {
        return star_label(stars.trim().parse().ok()?, classes);
    }
    let plain = ["very ", "extremely ", "strongly ", "somewhat ", "slightly "]
        .iter()
        .find_map(|adverb| name.strip_prefix(adverb))
        .unwrap_or(name);
    match plain {
        "negative" | "neg" | "bearish" | "bear" => Some(Label::Negative),
        "neutral" | "neu" | "mixed" => Some(Label::Neutral),
        "positive" | "pos" | "bullish" | "bull" => Some(Label::Positive),
        _ => None,
    }
}

/// Fewer stars than the middle of the scale are negative, more are positive.
fn star_label(stars: usize, most: usize) -> Option<Label> {
    (1..=most).contains(&stars).then(|| match (2 * stars).cmp(&(most + 1)) {
        std::cmp::Ordering::Less => Label::Negative,
        std::cmp::Ordering::Equal => Label::Neutral,
        std::cmp::Ordering::Greater => Label::Positive,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use Label::{Negative, Neutral, Positive};

    use super::*;

    fn read(config: &str) -> Result<Classes> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.json");
        fs::write(&path, config).unwrap();
        classes(&path)
    }

    fn mapped(names: &[&str]) -> Option<Vec<Label>> {
        by_name(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn common_names_are_understood() {
        assert_eq!(
            mapped(&["positive", "negative", "neutral"]),
            Some(vec![Positive, Negative, Neutral])
        );
        assert_eq!(mapped(&["NEGATIVE", "POSITIVE"]), Some(vec![Negative, Positive]));
        assert_eq!(
            mapped(&["Bearish", "Bullish", "Neutral"]),
            Some(vec![Negative, Positive, Neutral])
        );
        assert_eq!(
            mapped(&["1 star", "2 stars", "3 stars", "4 stars", "5 stars"]),
            Some(vec![Negative, Negative, Neutral, Positive, Positive])
        );
        assert_eq!(
            mapped(&["Very_Negative", "neg", "neu", "pos", "very-positive"]),
            Some(vec![Negative, Negative, Neutral, Positive, Positive])
        );
    }

    #[test]
    fn names_that_say_nothing_are_refused() {
        assert_eq!(mapped(&["LABEL_0", "LABEL_1", "LABEL_2"]), None);
        assert_eq!(mapped(&["joy", "anger"]), None);
        assert_eq!(mapped(&["positive", "neutral"]), None, "no class is negative");
        assert_eq!(mapped(&["0 stars", "9 stars"]), None);
    }

    #[test]
    fn classes_are_ordered_by_number_not_by_text() {
        let id2label: Vec<String> =
            (1..=11).rev().map(|star| format!("\"{}\": \"{star} stars\"", star - 1)).collect();
        let classes = read(&format!("{{\"id2label\": {{{}}}}}", id2label.join(","))).unwrap();
        assert_eq!(classes.names[10], "11 stars");
        assert_eq!(classes.map.classes[5], Neutral);
    }

    #[test]
    fn an_unmappable_model_lists_its_labels_and_how_to_map_them() {
        let error = read(r#"{"id2label": {"0": "LABEL_0", "1": "LABEL_1"}}"#).unwrap_err();
        let message = error.to_string();
        assert!(message.contains("`LABEL_0`, `LABEL_1`"), "{message}");
        assert!(error.hint().unwrap().contains("label_map"));
    }

    #[test]
    fn the_explicit_map_wins_and_must_fit() {
        let config = |map: &str| {
            format!(
                r#"{{"id2label": {{"0": "LABEL_0", "1": "LABEL_1"}}, "fillrate": {{"label_map": {map}}}}}"#
            )
        };
        let classes = read(&config(r#"["positive", "negative"]"#)).unwrap();
        assert_eq!(classes.map.classes, [Positive, Negative]);
        assert_eq!(classes.names, ["LABEL_0", "LABEL_1"]);
        let error = read(&config(r#"["positive"]"#)).unwrap_err().to_string();
        assert!(error.contains("1 entries for 2 classes"), "{error}");
        let error = read(&config(r#"["good", "bad"]"#)).unwrap_err().to_string();
        assert!(error.contains("unknown variant `good`"), "{error}");
    }

    #[test]
    fn broken_configurations_are_errors() {
        for config in ["", "[]", "{}", r#"{"id2label": {"0": "positive", "2": "negative"}}"#] {
            assert!(read(config).is_err(), "{config}");
        }
    }
}
