//! Scores of an encoder: a small checkpoint with random weights and a vocabulary of letters.

use std::path::Path;

use serde_json::Value;

use super::Desk;

/// Checkpoints with random weights, of which `bert` has 160 tokens and 40 positions.
const GOLDEN: &str = "../../golden/encoder";

/// A desk with a whole model in `model/` and some news.
fn desk() -> Desk {
    let desk = Desk::with("news.csv", news(40));
    put_model(&desk);
    desk
}

/// Puts a whole model in `model/`.
pub(crate) fn put_model(desk: &Desk) {
    std::fs::create_dir(desk.path("model")).unwrap();
    for file in ["config.json", "model.safetensors"] {
        std::fs::copy(Path::new(GOLDEN).join("bert").join(file), desk.path("model").join(file))
            .unwrap();
    }
    desk.put("model/vocab.txt", vocabulary());
}

/// Special tokens, and each letter at the start of a word and inside one.
fn vocabulary() -> String {
    let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map(str::to_owned);
    let letters = ('a'..='z').map(String::from);
    let inside = ('a'..='z').map(|letter| format!("##{letter}"));
    special.into_iter().chain(letters).chain(inside).collect::<Vec<_>>().join("\n")
}

fn news(rows: usize) -> String {
    let line = |row: usize| format!("{row},{}", "acme beats estimates again ".repeat(row % 5));
    let lines: Vec<String> = (0..rows).map(line).collect();
    format!("id,text\n{}\n", lines.join("\n"))
}

fn score(record: &Value) -> f64 {
    record["score"].as_f64().unwrap()
}

#[test]
fn the_end_says_where_the_time_went_if_asked() {
    let desk = desk();
    let flags = ["news.csv", "--model", "model", "--precision", "fp32", "--batch-tokens", "64"];
    assert!(!desk.run(&flags).stderr.contains("tokenising"));
    let told = desk.run(&[&flags[..], &["--timings"]].concat());
    for part in
        ["loading the model ", "waiting for answers ", "tokenising ", " tokens in batches: "]
    {
        assert!(told.stderr.contains(part), "{}", told.stderr);
    }
    assert!(!told.stderr.contains("GPU"), "{}", told.stderr);
    assert_eq!(told.succeeds().records().len(), 40);
}

#[test]
fn equal_texts_are_computed_once_unless_told_otherwise() {
    let desk = desk();
    let flags = ["news.csv", "--model", "model", "--precision", "fp32", "--batch-tokens", "64"];
    let once = desk.run(&flags);
    let each = desk.run(&[&flags[..], &["--no-dedupe"]].concat());
    // Forty rows of five texts, of which three differ within the model's forty tokens.
    assert!(once.stderr.contains(", 37 equal to another, "), "{}", once.stderr);
    assert!(!each.stderr.contains("equal to another"), "{}", each.stderr);
    for (once, each) in once.succeeds().records().iter().zip(each.succeeds().records()) {
        assert_eq!((&once["id"], &once["label"]), (&each["id"], &each["label"]));
        assert!((score(once) - score(&each)).abs() < 1e-5);
    }
}

#[test]
fn a_directory_is_a_model() {
    let desk = desk();
    let ended = desk.run(&["news.csv", "--model", "model", "--precision", "fp32", "--raw"]);
    let records = ended.succeeds().records();
    assert_eq!(records.len(), 40);
    for (row, record) in records.iter().enumerate() {
        assert_eq!(record["id"], row.to_string());
        assert_eq!(record["model"], "model");
        assert_eq!(record["precision"], "fp32");
        assert_eq!(record["labels"], serde_json::json!(["positive", "negative", "neutral"]));
        assert_eq!(record["logits"].as_array().unwrap().len(), 3);
    }
    // The same text has the same answer wherever it stands, and others have others.
    assert!((score(&records[1]) - score(&records[36])).abs() < 1e-5);
    assert!((score(&records[1]) - score(&records[2])).abs() > 1e-7);
}

#[test]
fn every_precision_and_mode_answers_alike() {
    let desk = desk();
    let run = |flags: &[&str]| {
        let arguments = [&["news.csv", "--model", "model"], flags].concat();
        desk.run(&arguments).succeeds().records()
    };
    let expected = run(&["--precision", "fp32"]);
    for (flags, tolerance) in [
        (&["--precision", "fp32", "--mode", "latency", "--threads", "2"][..], 1e-5),
        (&["--precision", "fp32", "--mode", "memory", "--batch-tokens", "64"], 1e-5),
        (&["--precision", "bf16"], 0.05),
        (&["--precision", "int8"], 0.05),
    ] {
        let records = run(flags);
        assert_eq!(records.len(), expected.len());
        assert!(flags.contains(&records[0]["precision"].as_str().unwrap()));
        for (record, expected) in records.iter().zip(&expected) {
            assert!((score(record) - score(expected)).abs() < tolerance, "{flags:?}");
        }
    }
}

#[test]
fn files_that_do_not_fit_one_another_are_refused() {
    let desk = desk();
    let more = format!("{}\n{}", vocabulary(), "more\n".repeat(200));
    std::fs::write(desk.path("model/vocab.txt"), more).unwrap();
    let ended = desk.run(&["news.csv", "--model", "model", "-o", "out.csv"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("config.json: the tokenizer has"), "{}", ended.stderr);
    assert_eq!(desk.files(), ["model", "news.csv"]);
}

#[test]
fn a_broken_model_falls_back_if_told_to() {
    let desk = desk();
    let weights = std::fs::read(desk.path("model/model.safetensors")).unwrap();
    std::fs::write(desk.path("model/model.safetensors"), &weights[..weights.len() / 2]).unwrap();
    let ended = desk.run(&["news.csv", "--model", "model"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("model.safetensors"), "{}", ended.stderr);
    let records =
        desk.run(&["news.csv", "--model", "model", "--fallback", "vader"]).succeeds().records();
    assert_eq!(records[0]["model"], "vader");
    assert!(records[0]["reason"].as_str().unwrap().contains("model.safetensors"));
}
