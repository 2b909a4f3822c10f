//! `fillrate profile`: what is measured, whatever the measurements are.

use serde_json::Value;

use crate::desk::Desk;

/// Long enough to run everything, too short to mean anything.
const QUICK: [&str; 2] = ["--seconds", "0.001"];

fn report(desk: &Desk, arguments: &[&str]) -> Value {
    let arguments = [&QUICK, arguments, &["--format", "json"]].concat();
    serde_json::from_slice(&desk.run(&arguments).succeeds().stdout).unwrap()
}

#[test]
fn a_model_has_its_load_time_and_the_latency_of_single_texts() {
    let report = report(&Desk::of_verb("profile"), &["--model", "vader", "--threads", "1"]);
    assert_eq!((&report["model"], &report["precision"]), (&"vader".into(), &"fp64".into()));
    assert_eq!((&report["threads"], &report["mode"]), (&1.into(), &"throughput".into()));
    assert_eq!(report["tokens_per_text"], Value::Null);
    let number = |value: &Value| value.as_f64().unwrap();
    assert!(number(&report["load_ms"]) > 0.0 && number(&report["first_score_ms"]) > 0.0);
    let latency = &report["latency"];
    assert!(number(&latency["samples"]) >= 200.0);
    let rising =
        ["min_ms", "p50_ms", "p95_ms", "p99_ms", "max_ms"].map(|key| number(&latency[key]));
    assert!(rising.is_sorted() && rising[0] > 0.0, "{latency}");
}

#[test]
fn a_model_that_is_not_there_is_an_error() {
    let ended = Desk::of_verb("profile").run(&["--model", "./nowhere"]);
    assert_eq!((ended.code, ended.stdout.len()), (Some(1), 0));
    assert!(ended.stderr.starts_with("error: ./nowhere: "), "{}", ended.stderr);
}
