//! `fillrate risk`, as it is used.

use serde_json::{Value, json};

use crate::desk::Desk;

const PRICES: &str = "\
symbol,date,close
A,2024-01-02,100
A,2024-01-03,110
A,2024-01-04,99
A,2024-01-05,108.9
B,2024-01-02,50
B,2024-01-03,50
B,2024-01-04,55
B,2024-01-05,52.25
";

#[track_caller]
fn close(got: &Value, expected: f64) {
    let got = got.as_f64().unwrap();
    assert!((got - expected).abs() < 1e-12, "{got}, {expected}");
}

#[test]
fn symbols_and_their_portfolio() {
    let desk = Desk::of_verb("risk");
    desk.put("p.csv", PRICES);
    let records = desk.run(&["p.csv", "--confidence", "0.75"]).succeeds().records();
    assert_eq!(
        records.iter().map(|r| r["symbol"].as_str().unwrap()).collect::<Vec<_>>(),
        ["A", "B", "*portfolio*"]
    );
    let keys: Vec<&str> = records[0].as_object().unwrap().keys().map(String::as_str).collect();
    let first =
        ["symbol", "var", "cvar", "max_drawdown", "sharpe", "sortino", "volatility", "mean"];
    assert_eq!(keys[..8], first);
    // Returns are 0.1, -0.1 and 0.1; the quantile at 0.25 is halfway from -0.1 to 0.1.
    close(&records[0]["var"], 0.0);
    close(&records[0]["cvar"], 0.1);
    close(&records[0]["max_drawdown"], 0.1);
    close(&records[0]["mean"], 0.1 / 3.0);
    assert_eq!(records[0]["drawdown_peak"], "2024-01-03");
    assert_eq!(records[0]["drawdown_trough"], "2024-01-04");
    // The portfolio's returns are 0.05, 0 and 0.025.
    close(&records[2]["mean"], 0.025);
    close(&records[2]["volatility"], 0.025);
    close(&records[2]["sharpe"], 252.0_f64.sqrt());
    assert_eq!([&records[2]["sortino"], &records[2]["drawdown_peak"]], [&Value::Null; 2]);
    let page = desk.run(&["p.csv", "--format", "table"]).succeeds();
    assert!(page.text().lines().nth(1).unwrap().starts_with(" A "), "{}", page.text());
    desk.run(&["p.csv", "-o", "r.csv"]).succeeds();
    let csv = std::fs::read_to_string(desk.path("r.csv")).unwrap();
    assert!(csv.starts_with("symbol,var,cvar,max_drawdown,sharpe,sortino,volatility,mean,"));
    assert_eq!(csv.lines().count(), 4);
}

#[test]
fn bad_input_is_answered() {
    let desk = Desk::of_verb("risk");
    desk.put("p.csv", PRICES);
    let ended = desk.run(&["p.csv", "--confidence", "1"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.starts_with("error: confidence: 1 is not between 0 and 1"));
    let ended = desk.run(&["p.csv", "--benchmark", "C"]);
    assert!(ended.stderr.starts_with("error: benchmark: no symbol `C` is in the prices"));
    let ended = desk.run(&["p.csv", "--column", "volume"]);
    assert!(ended.stderr.contains("expected one of open, high, low, close, adj_close"));
    let ended = desk.run(&["p.csv", "--method", "guess"]);
    assert!(ended.stderr.contains("expected one of historical"), "{}", ended.stderr);
    desk.put("bad.csv", "symbol,date,close\nA,2024-01-02,0\n");
    let message = "bad.csv:2: column `close` is not above 0, as a price must be: 0";
    desk.run(&["bad.csv"]).complains(message, "--on-error skip");
    desk.put("none.csv", "symbol,date,close\n");
    assert!(desk.run(&["none.csv"]).succeeds().stdout.is_empty());
    desk.put("one.csv", "symbol,date,close\nA,2024-01-02,5\n");
    let one = desk.run(&["one.csv"]).succeeds().records();
    assert_eq!([&one[0]["observations"], &one[0]["var"]], [&json!(0), &Value::Null]);
}
