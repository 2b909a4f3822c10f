//! `fillrate backtest`, as it is used.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::desk::Desk;

/// Bars of two symbols that swing.
fn prices() -> String {
    let mut text = "symbol,date,open,high,low,close,volume\n".to_owned();
    for (symbol, period) in [("A", 17.0), ("B", 23.0)] {
        for day in 0..120 {
            let price =
                |day: f64| 50.0 + 8.0 * f64::sin(day / period * std::f64::consts::TAU) + 0.05 * day;
            let (open, close) = (price(f64::from(day) - 0.3), price(f64::from(day)));
            let (high, low) = (open.max(close) + 0.5, open.min(close) - 0.5);
            let (month, day) = (1 + day / 28, 1 + day % 28);
            writeln!(text, "{symbol},2024-{month:02}-{day:02},{open},{high},{low},{close},1000")
                .unwrap();
        }
    }
    text
}

const FIGURES: [&str; 8] =
    ["total_return", "cagr", "sharpe", "sortino", "max_drawdown", "trades", "win_rate", "exposure"];

fn keys(record: &Value) -> Vec<&str> {
    record.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn every_set_of_every_symbol_is_a_record() {
    let desk = Desk::of_verb("backtest");
    desk.put("p.csv", prices());
    let grid = ["p.csv", "--strategy", "ma-crossover", "--grid", "fast=2:6:2,slow=4:10:3"];
    let ended = desk.run(&[&grid[..], &["--fee", "0.001"]].concat()).succeeds();
    let records = ended.records();
    // Of 3 × 3 combinations (4, 4) and (6, 4) are none.
    assert_eq!(records.len(), 2 * 7);
    assert!(ended.stderr.contains("7 parameter sets (2 combinations of the grid are none)"));
    let first = [&["symbol", "strategy", "fast", "slow"][..], &FIGURES].concat();
    assert_eq!(keys(&records[0]), first);
    let sets: Vec<(u64, u64)> = records[..7]
        .iter()
        .map(|r| (r["fast"].as_u64().unwrap(), r["slow"].as_u64().unwrap()))
        .collect();
    assert_eq!(sets, [(2, 4), (2, 7), (2, 10), (4, 7), (4, 10), (6, 7), (6, 10)]);
    assert_eq!([&records[6]["symbol"], &records[7]["symbol"]], ["A", "B"]);
    assert!(records.iter().any(|record| record["trades"].as_u64().unwrap() > 3));
    // The number of threads changes nothing.
    let other = desk.run(&[&grid[..], &["--fee", "0.001", "--threads", "3"]].concat()).succeeds();
    assert_eq!(ended.stdout, other.stdout);
    desk.run(&[&grid[..], &["-o", "b.parquet"]].concat()).succeeds();
    assert!(desk.path("b.parquet").metadata().unwrap().len() > 100);
}

#[test]
fn the_best_of_each_symbol() {
    let desk = Desk::of_verb("backtest");
    desk.put("p.csv", prices());
    let base = ["p.csv", "--strategy", "rsi", "--grid", "bars=3:9,low=20:40:10,high=60:80:10"];
    let top = ["--top", "2", "--by", "total_return"];
    let records = desk.run(&[&base[..], &top].concat()).succeeds().records();
    let symbols: Vec<&Value> = records.iter().map(|record| &record["symbol"]).collect();
    assert_eq!(symbols, ["A", "A", "B", "B"]);
    let all = desk.run(&base).succeeds().records();
    let returns = |symbol: &str| {
        let of = all.iter().filter(|record| record["symbol"] == symbol);
        of.map(|record| record["total_return"].as_f64().unwrap()).fold(f64::MIN, f64::max)
    };
    assert_eq!(records[0]["total_return"], json!(returns("A")));
    assert_eq!(records[2]["total_return"], json!(returns("B")));
    let page = desk.run(&[&base[..], &["--format", "table"]].concat()).succeeds();
    assert!(page.text().starts_with(" SYMBOL"), "{}", page.text());
    // Twenty of each symbol and the head.
    assert_eq!(page.text().lines().count(), 41);
}

#[test]
fn short_sales_and_fills_are_as_asked() {
    let desk = Desk::of_verb("backtest");
    desk.put("p.csv", prices());
    let run = |more: &[&str]| {
        let base = ["p.csv", "--strategy", "momentum", "--grid", "bars=5"];
        desk.run(&[&base[..], more].concat()).succeeds().records().remove(0)
    };
    let long = run(&[]);
    let both = run(&["--positions", "long-short"]);
    assert!(both["exposure"].as_f64().unwrap() > long["exposure"].as_f64().unwrap() + 0.2);
    assert_ne!(run(&["--fill", "close"])["total_return"], long["total_return"]);
    let slipped = run(&["--slippage", "0.01"])["total_return"].as_f64().unwrap();
    assert!(slipped < long["total_return"].as_f64().unwrap());
}

#[test]
fn a_walk_forward_has_folds_and_their_sum() {
    let desk = Desk::of_verb("backtest");
    desk.put("p.csv", prices());
    let arguments = [
        "p.csv",
        "--strategy",
        "bollinger",
        "--grid",
        "bars=5:15:5,width=0.5:1.5:0.5",
        "--walk-forward",
        "train=60,test=25",
        "--by",
        "total_return",
    ];
    let records = desk.run(&arguments).succeeds().records();
    let folds: Vec<&Value> = records.iter().map(|record| &record["fold"]).collect();
    assert_eq!(folds, [&json!(1), &json!(2), &json!(3), &Value::Null].repeat(2));
    let dates = ["train_from", "train_to", "test_from", "test_to"];
    let first = [
        &["symbol", "strategy", "fold"][..],
        &dates,
        &["bars", "width", "train_total_return"],
        &FIGURES,
    ];
    assert_eq!(keys(&records[0]), first.concat());
    let of_first = dates.map(|date| records[0][date].as_str().unwrap());
    assert_eq!(of_first, ["2024-01-01", "2024-03-04", "2024-03-05", "2024-04-01"]);
    assert_eq!([&records[3]["bars"], &records[3]["train_from"]], [&Value::Null; 2]);
    let page = desk.run(&[&arguments[..], &["--format", "table"]].concat()).succeeds();
    assert!(page.text().lines().nth(4).unwrap().contains(" all "), "{}", page.text());
}

#[test]
fn symbols_too_short_for_a_walk_are_named() {
    let desk = Desk::of_verb("backtest");
    desk.put("p.csv", prices() + "C,2024-01-01,5,5,5,5,9\nC,2024-01-02,6,6,6,6,9\n");
    let walk = |train: &str| {
        let flags = ["p.csv", "--strategy", "momentum", "--walk-forward", train];
        desk.run(&flags)
    };
    let ended = walk("train=60,test=25").succeeds();
    let warning = "warning: 1 symbol without a close after the first 60, and without a record: C\n";
    assert!(ended.stderr.contains(warning), "{}", ended.stderr);
    assert!(ended.records().iter().all(|record| record["symbol"] != "C"));
    let message = "--walk-forward: no symbol has a close after its first 6000";
    walk("train=6000,test=25").complains(message, "fewer");
}

#[test]
fn pictures_need_nothing_from_elsewhere() {
    let desk = Desk::of_verb("backtest");
    desk.put("p.csv", prices().replace("B,", "<B>,"));
    let base = ["p.csv", "--strategy", "ma-crossover", "--grid", "fast=2:9,slow=5:30:5"];
    desk.run(&[&base[..], &["--html", "b.html", "--svg", "pictures"]].concat()).succeeds();
    let html = std::fs::read_to_string(desk.path("b.html")).unwrap();
    assert_eq!(html.matches("<svg").count(), 4);
    assert!(html.contains("&lt;B&gt;") && !html.contains("<B>") && !html.contains("http"));
    assert!(!html.contains("NaN") && !html.contains("inf"));
    let mut names: Vec<String> = std::fs::read_dir(desk.path("pictures"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let expected = ["001-A-equity", "001-A-heat-map", "002-_B_-equity", "002-_B_-heat-map"];
    assert_eq!(names, expected.map(|name| format!("{name}.svg")));
    let svg = std::fs::read_to_string(desk.path("pictures/001-A-heat-map.svg")).unwrap();
    assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
}

#[test]
fn bad_input_is_answered() {
    let desk = Desk::of_verb("backtest");
    desk.put("p.csv", prices());
    let run = |more: &[&str]| {
        desk.run(&[&["p.csv", "--strategy", "ma-crossover", "-o", "out.csv"], more].concat())
    };
    run(&["--grid", "fast=1:9,slow=20"]).succeeds();
    let many = run(&["--grid", "fast=1:40000,slow=1:40000"]);
    let message = "grid: 799980000 parameter sets for a symbol are above the limit of 100000000";
    many.complains(message, "--max-combinations");
    std::fs::remove_file(desk.path("out.csv")).unwrap();
    let many = run(&["--grid", "fast=1:9,slow=20", "--max-combinations", "10"]);
    assert!(many.stderr.contains("9 parameter sets for each of 2 symbols"), "{}", many.stderr);
    let ended = run(&["--grid", "fast=2:x"]);
    assert!(ended.stderr.contains("expected NAME=START:STOP:STEP"), "{}", ended.stderr);
    let ended = run(&["--grid", "period=5"]);
    assert!(
        ended.stderr.starts_with("error: grid: ma-crossover has no `period`; it has fast, slow")
    );
    let ended = run(&["--fee", "-0.1"]);
    assert!(ended.stderr.starts_with("error: fee: -0.1 is no fraction"), "{}", ended.stderr);
    let ended = run(&["--walk-forward", "train=5"]);
    assert!(ended.stderr.contains("expected train=BARS,test=BARS"), "{}", ended.stderr);
    assert!(!desk.path("out.csv").exists());
    let ended = run(&["--top", "0"]);
    assert!(ended.stderr.contains("invalid value '0' for '--top <N>'"), "{}", ended.stderr);
    let ended = run(&["--by", "cagr"]);
    ended.complains("--by: every set is written, and none is chosen", "--top");
    run(&["--by", "cagr", "--top", "1"]).succeeds();
    std::fs::remove_file(desk.path("out.csv")).unwrap();
    let ended = run(&["--column", "volume"]);
    assert!(ended.stderr.contains("expected one of open, high, low, close, adj_close"));
    // Where pictures go is looked at before the sweep.
    let base = ["p.csv", "--strategy", "momentum"];
    for flags in [["--html", "nowhere/b.html"], ["--svg", "p.csv"]] {
        let ended = desk.run(&[&base[..], &flags].concat());
        assert_eq!((ended.code, ended.stdout.len()), (Some(1), 0), "{}", ended.stderr);
        assert!(ended.stderr.contains(&format!("{}: ", flags[1])), "{}", ended.stderr);
    }
    desk.put("closes.csv", "date,close\n2024-01-02,5\n2024-01-03,6\n");
    let ended = desk.run(&["closes.csv", "--strategy", "momentum"]);
    assert!(ended.stderr.contains("no column `open`") && ended.stderr.contains("--fill close"));
    let one = desk.run(&["closes.csv", "--strategy", "momentum", "--fill", "close"]).succeeds();
    let record = &one.records()[0];
    assert_eq!([&record["symbol"], &record["bars"]], [&json!("closes"), &json!(10)]);
    assert_eq!([&record["trades"], &record["sharpe"]], [&json!(0), &Value::Null]);
    desk.put("none.csv", "date,open,close\n");
    assert!(desk.run(&["none.csv", "--strategy", "rsi"]).succeeds().stdout.is_empty());
}
