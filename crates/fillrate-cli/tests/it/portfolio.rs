//! `fillrate portfolio`, as it is used.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::desk::Desk;

/// Closes of three symbols that swing out of step.
fn prices() -> String {
    let mut text = "symbol,date,close\n".to_owned();
    for (symbol, period, drift) in [("A", 7.0, 0.02), ("B", 11.0, 0.05), ("C", 5.0, 0.01)] {
        for day in 0..84 {
            let time = f64::from(day);
            let close = 20.0 + f64::sin(time / period * std::f64::consts::TAU) + drift * time;
            writeln!(text, "{symbol},2024-{:02}-{:02},{close}", 1 + day / 28, 1 + day % 28)
                .unwrap();
        }
    }
    text
}

fn weights(records: &[Value]) -> Vec<f64> {
    records.iter().map(|record| record["weight"].as_f64().unwrap()).collect()
}

#[test]
fn every_objective_gives_weights() {
    let desk = Desk::of_verb("portfolio");
    desk.put("p.csv", prices());
    for objective in ["min-variance", "max-sharpe", "target-return", "risk-parity", "min-cvar"] {
        let mut arguments = vec!["p.csv", "--objective", objective];
        if objective != "risk-parity" {
            arguments.push("--long-only");
        }
        if objective == "target-return" {
            arguments.extend(["--target-return", "0.2"]);
        }
        let records = desk.run(&arguments).succeeds().records();
        assert_eq!(records.len(), 3, "{objective}");
        let keys: Vec<&str> = records[0].as_object().unwrap().keys().map(String::as_str).collect();
        let names = [
            "symbol",
            "weight",
            "risk_share",
            "objective",
            "value",
            "mean",
            "volatility",
            "sharpe",
            "observations",
        ];
        assert_eq!(keys, names);
        let weights = weights(&records);
        assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-8, "{objective}: {weights:?}");
        assert!(weights.iter().all(|weight| *weight >= 0.0), "{objective}: {weights:?}");
        assert_eq!(records[1]["objective"], objective);
        assert_eq!(records[2]["observations"], json!(83));
    }
    let page = desk.run(&["p.csv", "--objective", "risk-parity", "--format", "table"]).succeeds();
    assert!(page.text().starts_with("risk-parity: value "), "{}", page.text());
}

#[test]
fn constraints_are_read() {
    let desk = Desk::of_verb("portfolio");
    desk.put("p.csv", prices());
    let arguments = [
        "p.csv",
        "--objective",
        "min-variance",
        "--bounds",
        "-0.1:0.6,B=0.3:0.35",
        "--group",
        "pair=A+C:0:0.68",
        "--leverage",
        "1.1",
        "--turnover",
        "0.5",
        "--current",
        "A=0.5,B=0.5",
        "--covariance",
        "ledoit-wolf",
    ];
    let weights = weights(&desk.run(&arguments).succeeds().records());
    assert!((0.32 - 1e-8..=0.35).contains(&weights[1]), "{weights:?}");
    let turnover = (weights[0] - 0.5).abs() + (weights[1] - 0.5).abs() + weights[2].abs();
    assert!(turnover <= 0.5 + 1e-8, "{weights:?}");
}

#[test]
fn a_frontier_has_points() {
    let desk = Desk::of_verb("portfolio");
    desk.put("p.csv", prices());
    let base = ["p.csv", "--objective", "min-variance", "--long-only", "--frontier", "4"];
    let records = desk.run(&base).succeeds().records();
    let points: Vec<u64> = records.iter().map(|record| record["point"].as_u64().unwrap()).collect();
    assert_eq!(points, [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]);
    let mean = |row: usize| records[row]["mean"].as_f64().unwrap();
    assert!(mean(0) < mean(3) && mean(3) < mean(6) && mean(6) < mean(9));
    let page = desk.run(&[&base[..], &["--format", "table"]].concat()).succeeds();
    assert_eq!(page.text().lines().count(), 5, "{}", page.text());
}

#[test]
fn bad_input_is_answered() {
    let desk = Desk::of_verb("portfolio");
    desk.put("p.csv", prices());
    let run = |more: &[&str]| desk.run(&[&["p.csv", "-o", "w.csv", "--objective"], more].concat());
    let ended = run(&["min-variance", "--long-only", "--target-return", "99"]);
    assert!(ended.stderr.starts_with("error: portfolio: no portfolio has all of "));
    assert!(ended.stderr.contains("hint: loosen one of these constraints"), "{}", ended.stderr);
    run(&["target-return"]).complains("target-return needs a return to reach", "--target-return");
    run(&["max-sharpe", "--confidence", "0.9"])
        .complains("--confidence: max-sharpe has none", "min-cvar");
    run(&["max-sharpe", "--decay", "0.9"])
        .complains("--decay: the sample covariance has none", "ewma");
    let ended = run(&["min-variance", "--bounds", "0.3:0.1"]);
    assert!(ended.stderr.starts_with("error: bounds: all symbols: 0.3 to 0.1 is no range"));
    let ended = run(&["min-variance", "--group", "x"]);
    assert!(ended.stderr.contains("expected NAME=SYMBOL+SYMBOL:LOW:HIGH"), "{}", ended.stderr);
    let ended = run(&["min-variance", "--long-only", "--bounds", "-0.1:1"]);
    assert!(ended.stderr.contains("contradict"), "{}", ended.stderr);
    let two = prices().lines().filter(|line| !line.starts_with('C')).collect::<Vec<_>>().join("\n");
    let copy = two.lines().filter(|line| line.starts_with('B')).collect::<Vec<_>>().join("\n");
    desk.put("d.csv", format!("{two}\n{}\n", copy.replace("B,", "D,")));
    let ended = desk.run(&["d.csv", "--objective", "min-variance"]);
    assert!(ended.stderr.contains("not positive definite: `D`"), "{}", ended.stderr);
    assert!(ended.stderr.contains("--covariance ledoit-wolf"), "{}", ended.stderr);
    assert!(!desk.path("w.csv").exists());
    desk.put("none.csv", "symbol,date,close\n");
    assert!(desk.run(&["none.csv", "--objective", "min-cvar"]).succeeds().stdout.is_empty());
}

#[test]
fn a_walk_holds_weights_over_what_they_have_not_seen() {
    let desk = Desk::of_verb("portfolio");
    desk.put("p.csv", prices());
    let arguments = ["p.csv", "--objective", "min-variance", "--long-only"];
    let walk = ["--walk-forward", "train=40,test=20"];
    let records = desk.run(&[&arguments[..], &walk].concat()).succeeds().records();
    // 83 returns: folds of 20, 20 and 3 after the first 40, of three symbols each, and all together.
    assert_eq!(records.len(), 3 * 3 + 1);
    assert_eq!(
        ["fold", "train_from", "train_to", "test_from", "test_to", "observations"]
            .map(|key| &records[3][key]),
        [
            &json!(2),
            &json!("2024-01-22"),
            &json!("2024-03-05"),
            &json!("2024-03-06"),
            &json!("2024-03-25"),
            &json!(40)
        ]
    );
    let tested: Vec<&Value> = records.iter().map(|record| &record["test_observations"]).collect();
    assert_eq!((tested[0], tested[8], tested[9]), (&json!(20), &json!(3), &json!(43)));
    assert_eq!((&records[9]["symbol"], &records[9]["fold"]), (&json!("*portfolio*"), &Value::Null));
    assert!(records[9]["weight"].is_null() && records[9]["test_sharpe"].is_number());
    // All that was gained, fold after fold.
    let gained = |record: &Value| 1.0 + record["test_return"].as_f64().unwrap();
    let product = gained(&records[0]) * gained(&records[3]) * gained(&records[6]);
    assert!((product - gained(&records[9])).abs() < 1e-12);
    // The first fold's weights are those of its dates alone: what comes after may be anything.
    let prices = prices();
    let is_seen = |line: &&str| line.starts_with("symbol") || line[2..12] <= *"2024-02-13";
    let seen: Vec<&str> = prices.lines().filter(is_seen).collect();
    desk.put("seen.csv", seen.join("\n"));
    let alone = desk.run(&["seen.csv", arguments[1], arguments[2], arguments[3]]).succeeds();
    assert_eq!(weights(&alone.records()), weights(&records[..3]));
    let page = desk.run(&[&arguments[..], &walk, &["--format", "table"]].concat()).succeeds();
    assert!(page.text().contains("all") && page.text().contains("DRAWDOWN %"), "{}", page.text());
}

#[test]
fn a_walk_that_cannot_be_says_why() {
    let desk = Desk::of_verb("portfolio");
    desk.put("p.csv", prices());
    let run = |more: &[&str]| {
        desk.run(&[&["p.csv", "--objective", "min-variance", "--walk-forward"], more].concat())
    };
    let short = "walk_forward: 83 common returns: none comes after the first 83";
    run(&["train=83,test=5"]).complains(short, "--walk-forward");
    let both = run(&["train=40,test=5", "--frontier", "4"]);
    assert!(both.stderr.contains("cannot be used with"), "{}", both.stderr);
    // More symbols than returns in each fold.
    let few = "error: covariance: fold 1, 2024-01-02 to 2024-01-03: the sample covariance is not positive definite";
    let refused = run(&["train=2,test=40"]);
    assert!(refused.stderr.contains(few), "{}", refused.stderr);
    assert!(refused.stderr.contains("--covariance ledoit-wolf"), "{}", refused.stderr);
}
