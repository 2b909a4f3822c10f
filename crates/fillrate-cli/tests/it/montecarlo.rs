//! `fillrate montecarlo`, as it is used.

use serde_json::Value;

use crate::desk::Desk;

const ASSET: [&str; 8] = ["--spot", "100", "--drift", "0.05", "--vol", "0.2", "--expiry", "1"];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    ASSET.iter().copied().chain(more.iter().copied()).collect()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

#[test]
fn a_record_says_where_paths_end() {
    let desk = Desk::of_verb("montecarlo");
    let records = desk.run(&with(&["--paths", "20000", "--steps", "4"])).succeeds().records();
    let keys: Vec<&str> = records[0].as_object().unwrap().keys().map(String::as_str).collect();
    let expected = ["mean", "std", "std_error", "quantiles", "model", "paths", "steps", "seed"];
    assert_eq!(keys, expected);
    let mean = 100.0 * 0.05_f64.exp();
    let distance = (number(&records[0]["mean"]) - mean).abs();
    assert!(distance < 4.0 * number(&records[0]["std_error"]));
    let quantiles = records[0]["quantiles"].as_object().unwrap();
    let keys: Vec<&str> = quantiles.keys().map(String::as_str).collect();
    assert_eq!(keys, ["p01", "p05", "p25", "p50", "p75", "p95", "p99"]);
    assert!(quantiles.values().map(number).is_sorted());

    // The same with any number of threads, another with another seed.
    let one = desk.run(&with(&["--paths", "20000", "--steps", "4", "--threads", "1"]));
    assert_eq!(one.succeeds().records(), records);
    let other = desk.run(&with(&["--paths", "20000", "--steps", "4", "--seed", "9"]));
    assert_ne!(other.succeeds().records()[0]["mean"], records[0]["mean"]);
    let page = desk.run(&with(&["--paths", "100", "--format", "table"])).succeeds();
    assert!(page.text().starts_with("mean    "), "{}", page.text());
    desk.run(&with(&["--paths", "100", "-o", "m.csv"])).succeeds();
    let csv = std::fs::read_to_string(desk.path("m.csv")).unwrap();
    assert!(csv.starts_with("mean,std,std_error,quantiles.p01,"), "{csv}");
}

#[test]
fn models_have_their_flags() {
    let desk = Desk::of_verb("montecarlo");
    let few = ["--paths", "2000", "--antithetic", "--model"];
    let run = |more: &[&str]| desk.run(&with(&[&few[..], more].concat()));
    let merton =
        run(&["merton", "--jumps-per-year", "3", "--jump-mean", "-0.1", "--jump-vol", "0.1"]);
    assert_eq!(merton.succeeds().records()[0]["model"], "merton");
    let heston = run(&["heston", "--variance-vol", "0.5", "--correlation", "-0.7"]);
    assert_eq!(heston.succeeds().records()[0]["model"], "heston");
    run(&["gbm", "--jump-mean", "0.1"]).complains("--jump-mean: gbm has none", "--model merton");
    run(&["heston", "--jump-vol", "0.1"]).complains("--jump-vol: heston has none", "merton");
}

#[test]
fn paths_go_to_a_file() {
    let desk = Desk::of_verb("montecarlo");
    let flags = with(&["--paths", "3", "--steps", "2", "--paths-out", "p.csv"]);
    let record = desk.run(&flags).succeeds().records();
    let csv = std::fs::read_to_string(desk.path("p.csv")).unwrap();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 10, "{csv}");
    assert_eq!(lines[..2], ["path,step,time,price", "0,0,0.0,100.0"]);
    assert!(lines[2].starts_with("0,1,0.5,") && lines[9].starts_with("2,2,1.0,"), "{csv}");
    let ends =
        [3, 6, 9].map(|line| lines[line].rsplit(',').next().unwrap().parse::<f64>().unwrap());
    let mean = ends.iter().sum::<f64>() / 3.0;
    assert!((number(&record[0]["mean"]) - mean).abs() < 1e-9);
    desk.run(&with(&["--paths", "3", "--paths-out", "p.parquet"])).succeeds();
    assert!(std::fs::metadata(desk.path("p.parquet")).unwrap().len() > 1000);
    let ended = desk.run(&with(&["--paths-out", "paths"]));
    ended.complains("paths: the extension tells no format", ".parquet");
    let ended = desk.run(&with(&["--paths", "100000000", "--paths-out", "p.csv"]));
    assert!(ended.stderr.contains("rows are more than 1000000000"), "{}", ended.stderr);
    assert_eq!(desk.files(), ["p.csv", "p.parquet"]);
}

#[test]
fn a_basket_comes_from_a_table() {
    let desk = Desk::of_verb("montecarlo");
    desk.put(
        "b.csv",
        "symbol,spot,vol,drift,weight,A,B\nA,50,0.2,0.1,1,1,0.5\nB,25,0.3,,2,0.5,1\n",
    );
    let few = ["--expiry", "2", "--paths", "20000", "--steps", "1", "--antithetic"];
    let run = |more: &[&str]| desk.run(&[&few[..], more].concat());
    let record = run(&["--basket", "b.csv"]).succeeds().records();
    let expected = 50.0 * 0.2_f64.exp() + 50.0;
    let distance = (number(&record[0]["mean"]) - expected).abs();
    assert!(distance < 4.0 * number(&record[0]["std_error"]), "{record:?}");
    assert_eq!(record[0]["model"], "basket");
    run(&["--basket", "b.csv", "--paths-out", "p.jsonl"]).succeeds();
    let paths = std::fs::read_to_string(desk.path("p.jsonl")).unwrap();
    assert!(
        paths.starts_with("{\"path\":0,\"step\":0,\"time\":0.0,\"price\":100.0}"),
        "{paths:.80}"
    );

    desk.put(
        "torn.csv",
        "symbol,spot,vol,A,B,C\nA,1,1,1,0.9,-0.9\nB,1,1,0.9,1,0.9\nC,1,1,-0.9,0.9,1\n",
    );
    let torn = run(&["--basket", "torn.csv"]);
    assert!(torn.stderr.contains("not positive semidefinite"), "{}", torn.stderr);
    assert_eq!(torn.code, Some(1));
    desk.put("text.csv", "symbol,spot,vol,A\nA,1,high,1\n");
    run(&["--basket", "text.csv"])
        .complains("text.csv:2: column `vol`: `high` is not a number", "mend the row");
    desk.put("lone.csv", "symbol,spot,vol\nA,1,0.2\n");
    let lone = run(&["--basket", "lone.csv"]);
    assert!(lone.stderr.contains("`A`"), "{}", lone.stderr);
    desk.put("twice.csv", "symbol,spot,vol,A\nA,1,0.2,1\nA,1,0.2,1\n");
    let twice = run(&["--basket", "twice.csv"]);
    twice.complains("twice.csv: symbol `A` has two rows", "a row of its own");
}

#[test]
fn bad_terms_are_answered() {
    let desk = Desk::of_verb("montecarlo");
    let message = |flags: &[&str]| {
        let ended = desk.run(flags);
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        assert!(ended.stdout.is_empty());
        ended.stderr
    };
    let of = |spot, vol, expiry| message(&["--spot", spot, "--vol", vol, "--expiry", expiry]);
    assert!(of("0", "0.2", "1").starts_with("error: spot: 0 is not a number above 0"));
    assert!(of("inf", "0.2", "1").starts_with("error: spot: inf"));
    assert!(of("100", "-0.2", "1").starts_with("error: vol: -0.2"));
    assert!(of("100", "0.2", "0").starts_with("error: expiry: 0"));
    assert!(of("100", "0.2", "-1").starts_with("error: expiry: -1"));
    assert!(message(&["--vol", "0.2", "--expiry", "1"]).starts_with("error: --spot: not given"));
    assert!(message(&with(&["--paths", "0"])).starts_with("error: paths: 0 is not from 1"));
    assert!(message(&with(&["--steps", "0"])).starts_with("error: steps: 0 is not from 1"));
    assert!(message(&with(&["--model", "cir"])).contains("expected gbm, merton or heston"));
    // One path says nothing of how far off its mean is, nor does one pair of mirror images.
    let one = desk.run(&with(&["--paths", "1"])).succeeds().records();
    assert_eq!([&one[0]["std"], &one[0]["std_error"]], [&Value::Null; 2]);
    let page = desk.run(&with(&["--paths", "2", "--antithetic", "--format", "table"])).succeeds();
    assert!(page.text().lines().any(|line| line.starts_with("std_error") && line.ends_with(" -")));
    // No volatility and very much are sound.
    desk.run(&["--spot", "100", "--vol", "0", "--expiry", "1", "--paths", "10"]).succeeds();
    desk.run(&["--spot", "100", "--vol", "10", "--expiry", "1", "--paths", "10"]).succeeds();
}
