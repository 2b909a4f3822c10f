//! What comes out, in each format and in the order of the input.

use std::io::Read;
use std::process::Stdio;

use serde_json::json;

use super::{Desk, keys};

const NEWS: &str = "id,headline,label\n001,\"Profit, at last: a great quarter\",mine\n002,Plant burns down in terrible fire,yours\n";

/// The file that the first command of the README scores.
/// Relative to the package, in which tests run.
const EXAMPLE: &str = "../../examples/headlines.csv";

#[test]
fn a_record_has_the_inputs_columns_and_then_the_answers() {
    let records = Desk::with("news.csv", NEWS).run(&["news.csv"]).succeeds().records();
    assert_eq!(records.len(), 2);
    let first = &records[0];
    assert_eq!(
        keys(first),
        [
            "id",
            "headline",
            "input_label",
            "text",
            "label",
            "score",
            "probabilities",
            "model",
            "precision",
            "device",
            "degraded",
            "reason"
        ]
    );
    assert_eq!(keys(&first["probabilities"]), ["negative", "neutral", "positive"]);
    assert_eq!(first["id"], "001");
    assert_eq!(first["input_label"], "mine");
    assert_eq!(first["text"], "Profit, at last: a great quarter");
    assert_eq!(first["label"], "positive");
    assert_eq!(records[1]["label"], "negative");
    assert_eq!((&first["model"], &first["precision"]), (&json!("news-mini"), &json!("int8")));
    assert_eq!(first["device"], "cpu");
    assert_eq!(first["degraded"], false);
    assert!(first["reason"].is_null());
    for record in &records {
        let probability = |label: &str| record["probabilities"][label].as_f64().unwrap();
        let (negative, positive) = (probability("negative"), probability("positive"));
        assert!((negative + positive + probability("neutral") - 1.0).abs() < 1e-5);
        assert!((record["score"].as_f64().unwrap() - (positive - negative)).abs() < 1e-5);
    }
}

#[test]
fn a_text_column_called_text_is_not_repeated() {
    let desk = Desk::with("tweets.jsonl", "{\"text\":\"great\",\"score\":7,\"z\":{\"a\":[1]}}\n");
    let record = desk.run(&["tweets.jsonl"]).succeeds().records().remove(0);
    assert_eq!(keys(&record)[..4], ["text", "input_score", "z", "label"]);
    assert_eq!(record["input_score"], 7);
    assert_eq!(record["z"], json!({"a": [1]}));
    // Another column called `text` makes way for the text that was scored.
    let desk = Desk::with("news.csv", "text,body\nold,great\n");
    let record = desk.run(&["news.csv", "--text-column", "body"]).succeeds().records().remove(0);
    assert_eq!(keys(&record)[..3], ["input_text", "body", "text"]);
    assert_eq!(record["text"], "great");
}

#[test]
fn raw_adds_logits_and_labels() {
    let desk = Desk::with("news.csv", NEWS);
    let record = desk.run(&["news.csv", "--raw"]).succeeds().records().remove(0);
    assert_eq!(keys(&record)[12..], ["logits", "labels"]);
    assert_eq!(record["labels"], json!(["negative", "neutral", "positive"]));
    assert_eq!(record["logits"].as_array().unwrap().len(), 3);
    let flags = ["news.csv", "--raw", "--model", "vader"];
    let record = desk.run(&flags).succeeds().records().remove(0);
    assert_eq!(record["labels"], json!(["compound"]));
    assert_eq!(record["logits"].as_array().unwrap().len(), 1);
}

#[test]
fn csv_spreads_the_probabilities_over_columns() {
    let ended = Desk::with("news.csv", NEWS).run(&["news.csv", "--format", "csv"]).succeeds();
    let mut lines = ended.text().lines();
    assert_eq!(
        lines.next().unwrap(),
        "id,headline,input_label,text,label,score,probabilities.negative,probabilities.neutral,\
         probabilities.positive,model,precision,device,degraded,reason"
    );
    assert!(lines.next().unwrap().starts_with("001,\"Profit, at last: a great quarter\",mine,"));
    assert_eq!(lines.count(), 1);
}

#[test]
fn every_format_holds_the_same_records() {
    let desk = Desk::with("news.csv", NEWS);
    let expected = desk.run(&["news.csv"]).succeeds().records();
    for name in ["out.jsonl", "out.json", "out.parquet"] {
        let ended = desk.run(&["news.csv", "-o", name]).succeeds();
        assert!(ended.stdout.is_empty());
    }
    let array: Vec<serde_json::Value> =
        serde_json::from_slice(&std::fs::read(desk.path("out.json")).unwrap()).unwrap();
    assert_eq!(array, expected);
    // Scored again, an output's own columns make way for the new ones.
    let again = |name: &str| desk.run(&[name, "--text-column", "headline"]).succeeds().records();
    assert_eq!(again("out.jsonl"), again("out.parquet"));
    assert_eq!(again("out.parquet")[0]["input_probabilities"], expected[0]["probabilities"]);
}

#[test]
fn an_output_may_replace_its_input() {
    let desk = Desk::with("news.csv", NEWS);
    desk.run(&["news.csv", "-o", "news.csv"]).succeeds();
    assert_eq!(desk.files(), ["news.csv"]);
    assert_eq!(std::fs::read_to_string(desk.path("news.csv")).unwrap().lines().count(), 3);
}

#[test]
fn standard_input_is_read_by_its_first_bytes_or_as_told() {
    let desk = Desk::with("news.csv", NEWS);
    let expected = desk.run(&["news.csv"]).succeeds().records();
    assert_eq!(desk.pipe(&["-"], NEWS.as_bytes()).succeeds().records(), expected);
    desk.run(&["news.csv", "-o", "news.parquet"]).succeeds();
    let parquet = std::fs::read(desk.path("news.parquet")).unwrap();
    let piped = desk.pipe(&["-", "--input-format", "parquet"], &parquet).succeeds().records();
    assert_eq!(piped.len(), 2);
    let jsonl = desk.pipe(&["-"], b"{\"title\":\"great\"}\n").succeeds().records();
    assert_eq!(jsonl[0]["label"], "positive");
}

#[test]
fn answers_keep_the_order_of_a_long_input() {
    let line = |row: usize| {
        let text = if row.is_multiple_of(3) { "great gains" } else { "awful loss" };
        format!("{row},{text} {}", "and so on ".repeat(row % 7))
    };
    let rows: Vec<String> = (0..20_000).map(line).collect();
    let csv = format!("n,text\n{}\n", rows.join("\n"));
    let desk = Desk::new();
    let records = desk.pipe(&["-", "--threads", "3"], csv.as_bytes()).succeeds().records();
    assert_eq!(records.len(), 20_000);
    for (row, record) in records.iter().enumerate() {
        assert_eq!(record["n"], row.to_string());
        assert_eq!(record["label"], if row % 3 == 0 { "positive" } else { "negative" });
    }
}

#[test]
fn answers_flow_before_the_input_ends() {
    use std::io::Write;
    let desk = Desk::new();
    let mut command = desk.command(&["-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    // More than the scorer may look ahead; the writer waits where nothing reads the answers.
    let feeder = std::thread::spawn(move || {
        stdin.write_all(b"text\n").unwrap();
        for _ in 0..40_000 {
            stdin.write_all(b"a great quarter\n").unwrap();
        }
        stdin
    });
    let mut first = [0; 64];
    stdout.read_exact(&mut first).unwrap();
    assert!(first.starts_with(b"{\"text\":\"a great quarter\""));
    let drain = std::thread::spawn(move || stdout.read_to_end(&mut Vec::new()).unwrap());
    drop(feeder.join().unwrap());
    assert!(drain.join().unwrap() > 0);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_reader_that_closes_the_pipe_is_a_success() {
    let desk = Desk::new();
    let csv = format!("text\n{}", "a great quarter\n".repeat(50_000));
    std::fs::write(desk.path("long.csv"), csv).unwrap();
    let mut child =
        desk.command(&["long.csv"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 16];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{stderr}");
    assert!(!stderr.contains("error"), "{stderr}");
}

#[test]
fn a_page_fits_eighty_columns() {
    let desk = Desk::new();
    let example = std::path::absolute(EXAMPLE).unwrap();
    let ended = desk.run(&[example.to_str().unwrap(), "--format", "table"]).succeeds();
    let lines: Vec<&str> = ended.text().lines().collect();
    assert!(lines.len() > 60);
    assert_eq!(lines[0], "LABEL      SCORE  TEXT");
    assert!(lines.iter().all(|line| line.chars().count() <= 80));
    assert!(lines.iter().any(|line| line.ends_with('…')));
}

#[test]
fn the_summary_is_talk_and_quiet_is_quiet() {
    let desk = Desk::with("news.csv", NEWS);
    let stderr = desk.run(&["news.csv"]).succeeds().stderr;
    assert!(stderr.starts_with("note: 2 texts in "), "{stderr}");
    assert!(stderr.ends_with("model news-mini, int8 on cpu, 0 rows skipped\n"), "{stderr}");
    assert_eq!(desk.run(&["news.csv", "-q"]).succeeds().stderr, "");
}

#[test]
fn what_vader_has_not_is_said() {
    let desk = Desk::with("news.csv", NEWS);
    let flags = ["news.csv", "--model", "vader", "--precision", "int8"];
    let stderr = desk.run(&flags).succeeds().stderr;
    assert!(stderr.contains("the precision does not apply"), "{stderr}");
}
