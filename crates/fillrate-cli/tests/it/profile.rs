//! `fillrate profile`: what is measured, whatever the measurements are.

use serde_json::{Value, json};

use crate::desk::Desk;
use crate::score::encoder::put_model;

/// Long enough to run everything, too short to mean anything.
const QUICK: [&str; 2] = ["--seconds", "0.001"];

fn report(desk: &Desk, arguments: &[&str]) -> Value {
    let arguments = [&QUICK, arguments, &["--format", "json"]].concat();
    serde_json::from_slice(&desk.run(&arguments).succeeds().stdout).unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn sizes(report: &Value) -> Vec<u64> {
    let points = report["throughput"]["points"].as_array().unwrap();
    points.iter().map(|point| point["batch_size"].as_u64().unwrap()).collect()
}

#[test]
fn a_report_has_the_machine_the_model_and_every_figure() {
    let report = report(&Desk::of_verb("profile"), &["--model", "vader", "--threads", "1"]);
    assert_eq!((&report["model"], &report["precision"]), (&json!("vader"), &json!("fp64")));
    assert_eq!((&report["threads"], &report["mode"]), (&json!(1), &json!("throughput")));
    assert_eq!(
        report["texts"],
        json!({"source": "made up", "distinct": null, "tokens_per_text": null})
    );
    assert!(report["machine"]["cpu"]["isa"].is_object(), "{}", report["machine"]);
    assert!(number(&report["load_ms"]) > 0.0 && number(&report["first_score_ms"]) > 0.0);
    let latency = &report["latency"];
    assert!(number(&latency["samples"]) >= 200.0);
    let rising =
        ["min_ms", "p50_ms", "p95_ms", "p99_ms", "max_ms"].map(|key| number(&latency[key]));
    assert!(rising.is_sorted() && rising[0] > 0.0, "{latency}");
    assert_eq!(report["memory"]["gpu_bytes"], Value::Null);
    #[cfg(target_os = "linux")]
    assert!(number(&report["memory"]["after_load_bytes"]) > 1e6);
    let commit = report["commit"].as_str();
    assert!(commit.is_none_or(|commit| commit.len() >= 40), "{commit:?}");
}

#[test]
fn the_sweep_has_the_usual_sizes_and_speedups_over_one() {
    let report = report(&Desk::of_verb("profile"), &["--model", "vader"]);
    let sizes = sizes(&report);
    assert_eq!(&sizes[..9], [1, 2, 4, 5, 8, 10, 16, 20, 32], "{sizes:?}");
    let points = report["throughput"]["points"].as_array().unwrap();
    assert_eq!(points[0]["speedup"], 1.0);
    let single = number(&points[0]["texts_per_s"]);
    for point in points {
        let rate = number(&point["texts_per_s"]);
        assert!((number(&point["speedup"]) - rate / single).abs() < 1e-9, "{point}");
        let of_batch = number(&point["batch_size"]) / number(&point["batch_ms"]) * 1e3;
        assert!((of_batch / rate - 1.0).abs() < 1e-6, "{point}");
        assert!(number(&point["spread"]) >= 1.0, "{point}");
        assert!(number(&point["repetitions"]) >= 5.0 && point["gpu_memory_bytes"].is_null());
    }
    let knee = &report["throughput"]["knee"];
    assert!(knee.is_null() || sizes.contains(&knee.as_u64().unwrap()), "{knee}");
}

#[test]
fn an_encoder_says_how_many_tokens_its_texts_have() {
    let desk = Desk::of_verb("profile");
    put_model(&desk);
    // Ten letters, [CLS] and [SEP]; each text once.
    let texts = ["a", "b", "c", "d", "e", "f", "g"].map(|letter| letter.repeat(10)).join("\n");
    desk.put("news.csv", format!("body\n{texts}\n{texts}\n"));
    let arguments = ["--model", "./model", "--texts", "news.csv", "--text-column", "body"];
    let report = report(&desk, &[&arguments[..], &["--precision", "fp32"]].concat());
    assert_eq!(
        report["texts"],
        json!({"source": "news.csv", "distinct": 7, "tokens_per_text": 12.0})
    );
    assert_eq!(report["precision"], "fp32");
    // No batch is larger than there are different texts, so that the curve has no end.
    assert_eq!(sizes(&report), [1, 2, 4, 5]);
    assert_eq!(report["throughput"]["knee"], Value::Null);
}

#[test]
fn the_page_fits_a_terminal() {
    let desk = Desk::of_verb("profile");
    let ended =
        desk.run(&[&QUICK[..], &["--model", "vader", "--format", "table"]].concat()).succeeds();
    assert!(ended.text().lines().all(|line| line.chars().count() <= 80), "{}", ended.text());
    for word in ["vader, fp64 on cpu", "latency", "BATCH", "█", "commit"] {
        assert!(ended.text().contains(word), "{word}: {}", ended.text());
    }
}

#[test]
fn the_browser_page_stands_alone() {
    let desk = Desk::of_verb("profile");
    desk.put("a<b>.csv", "text\nShares rise\nShares fall\n");
    let html = ["--model", "vader", "--texts", "a<b>.csv", "--html", "page.html", "-o", "out.json"];
    let ended = desk.run(&[&QUICK[..], &html].concat()).succeeds();
    assert_eq!(ended.text(), "");
    assert_eq!(desk.files(), ["a<b>.csv", "out.json", "page.html"]);
    let page = std::fs::read_to_string(desk.path("page.html")).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.trim_end().ends_with("</html>"));
    assert_eq!(page.matches("<svg").count(), 2);
    assert!(page.contains("prefers-color-scheme:dark") && page.contains("a&lt;b&gt;.csv"));
    for outside in ["http", "<script", "src=", "url(", "@import", "a<b>"] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn kernels_are_measured_against_the_peak() {
    let report = report(&Desk::of_verb("profile"), &["--kernels"]);
    let products = report["products"].as_array().unwrap();
    assert_eq!(products.len(), 2 * 4 * 3);
    for product in products {
        assert!(number(&product["gops"]) > 0.0, "{product}");
        match (product["peak_gops"].as_f64(), product["fraction"].as_f64()) {
            (Some(peak), Some(fraction)) => {
                assert!((number(&product["gops"]) / peak - fraction).abs() < 1e-9, "{product}");
            }
            (peak, fraction) => assert!(peak.is_none() && fraction.is_none(), "{product}"),
        }
    }
    let page = Desk::of_verb("profile").run(&[&QUICK[..], &["--kernels"]].concat()).succeeds();
    assert!(page.text().lines().all(|line| line.chars().count() <= 80), "{}", page.text());
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let desk = Desk::of_verb("profile");
    desk.put("empty.csv", "text\n");
    desk.put("news.csv", "body\nShares rise\n");
    desk.run(&["--texts", "empty.csv"])
        .complains("empty.csv: there is no text to measure with", "leave --texts out");
    desk.run(&["--texts", "news.csv"]).complains(
        "news.csv: no column `text`, `title` or `headline`; the columns are: body",
        "--text-column",
    );
    desk.run(&["--format", "csv"]).complains("a report has no csv format", "json");
    for (arguments, word) in [
        (&["--model", "./nowhere"][..], "./nowhere: no such directory"),
        (&["--text-column", "body"], "--texts"),
        (&["--kernels", "--model", "vader"], "--kernels"),
        (&["--texts", "news.csv", "--llm", "http://x", "--llm-model", "y"], "--llm"),
        (&["--html", "no/such/folder/page.html"], "there is no folder"),
    ] {
        let ended = desk.run(arguments);
        assert_eq!((ended.code, ended.stdout.len()), (Some(1), 0), "{arguments:?}");
        assert!(ended.stderr.contains(word), "{arguments:?}: {}", ended.stderr);
    }
    assert_eq!(desk.files(), ["empty.csv", "news.csv"]);
}
