//! `fillrate indicators`, as it is used: every format, passing through, and everything that can be
//! wrong.

use serde_json::{Value, json};

use crate::desk::Desk;

const PRICES: &str = "\
symbol,date,close,note
A,2024-01-02,10,x
B,2024-01-02,1,
A,2024-01-03,12,\"a, b\"
B,2024-01-03,,
A,2024-01-04,11,z
B,2024-01-04,3,w
";

fn desk(name: &str, bytes: &str) -> Desk {
    let desk = Desk::of_verb("indicators");
    desk.put(name, bytes);
    desk
}

/// Asks for a mean into a file that is already there; the complaint must be this, and the file must
/// be as it was.
#[track_caller]
fn refuses(name: &str, bytes: &str, arguments: &[&str], message: &str, hint: &str) {
    let desk = desk(name, bytes);
    desk.put("out.csv", "before");
    let ended = desk.run(&[&[name, "-o", "out.csv"], arguments].concat());
    ended.complains(message, hint);
    assert!(ended.stdout.is_empty());
    assert_eq!(std::fs::read_to_string(desk.path("out.csv")).unwrap(), "before");
}

#[test]
fn rows_keep_their_order_and_their_columns() {
    let desk = desk("p.csv", PRICES);
    let ended = desk.run(&["p.csv", "--sma", "2", "--momentum", "1"]).succeeds();
    let expected = [
        json!({"symbol": "A", "date": "2024-01-02", "close": 10.0, "note": "x", "sma_2": null, "mom_1": null}),
        json!({"symbol": "B", "date": "2024-01-02", "close": 1.0, "note": "", "sma_2": null, "mom_1": null}),
        json!({"symbol": "A", "date": "2024-01-03", "close": 12.0, "note": "a, b", "sma_2": 11.0, "mom_1": 2.0}),
        json!({"symbol": "B", "date": "2024-01-03", "close": null, "note": "", "sma_2": null, "mom_1": null}),
        json!({"symbol": "A", "date": "2024-01-04", "close": 11.0, "note": "z", "sma_2": 11.5, "mom_1": -1.0}),
        json!({"symbol": "B", "date": "2024-01-04", "close": 3.0, "note": "w", "sma_2": 2.0, "mom_1": 2.0}),
    ];
    assert_eq!(ended.records(), expected);
    let csv = desk.run(&["p.csv", "--sma", "2", "--format", "csv"]).succeeds();
    assert!(csv.text().starts_with("symbol,date,close,note,sma_2\nA,2024-01-02,10,x,\n"));
    assert!(csv.text().ends_with("A,2024-01-04,11,z,11.5\nB,2024-01-04,3,w,2.0\n"));
}

#[test]
fn every_format_is_read_and_written() {
    let desk = desk("p.csv", PRICES);
    let expected = desk.run(&["p.csv", "--ema", "2"]).succeeds().records();
    desk.run(&["p.csv", "--sma", "1", "-o", "p.parquet"]).succeeds();
    desk.run(&["p.csv", "--sma", "1", "-o", "p.jsonl"]).succeeds();
    for input in ["p.parquet", "p.jsonl"] {
        let records = desk.run(&[input, "--ema", "2"]).succeeds().records();
        for (record, expected) in records.iter().zip(&expected) {
            assert_eq!(record["ema_2"], expected["ema_2"], "{input}");
            assert_eq!(record["date"], expected["date"]);
        }
        assert_eq!(records.len(), expected.len());
    }
    let piped = desk.pipe(&["-", "--ema", "2", "--format", "json"], PRICES.as_bytes()).succeeds();
    let piped: Value = serde_json::from_str(piped.text()).unwrap();
    assert_eq!(piped, json!(expected));
    let page = desk.run(&["p.csv", "--sma", "2", "--format", "table"]).succeeds();
    let lines: Vec<&str> = page.text().lines().collect();
    assert_eq!(lines[0], "SYMBOL  DATE             SMA_2");
    assert_eq!(lines[3], "A       2024-01-03     11.0000");
    assert_eq!(lines[4], "B       2024-01-03");
}

/// Every flag, and some twice.
const EVERYTHING: &str = "--sma 20 --sma 5 --sma 20 --ema 20 --rsi 14 --bbands 20,2 --bbands 10,2.5 \
    --momentum 10 --zscore 20 --roc 10 --macd 12,26,9 --atr 14 --stoch 14,3,3 --std 20 --min 20 \
    --max 20 --wma 20 --signal ma-crossover --signal swing";

/// The columns that follow from them.
const COLUMNS: &str = "sma_20 sma_5 ema_20 wma_20 rsi_14 bb_upper_20_2 bb_middle_20_2 bb_lower_20_2 \
    bb_upper_10_2.5 bb_middle_10_2.5 bb_lower_10_2.5 macd_12_26_9 macd_signal_12_26_9 \
    macd_hist_12_26_9 atr_14 mom_10 roc_10 zscore_20 std_20 min_20 max_20 stoch_k_14_3_3 \
    stoch_d_14_3_3 signal_ma-crossover signal_swing swing_entry swing_stop swing_target";

#[test]
fn columns_are_named_as_documented() {
    let desk = Desk::of_verb("indicators");
    let prices = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/prices.csv");
    let arguments: Vec<&str> = [prices].into_iter().chain(EVERYTHING.split_whitespace()).collect();
    let records = desk.run(&arguments).succeeds().records();
    assert_eq!(records.len(), 390);
    let keys: Vec<&str> = records[0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys[7..], COLUMNS.split_whitespace().collect::<Vec<_>>());
    for (column, warm_up) in
        [("sma_20", 19), ("ema_20", 19), ("rsi_14", 14), ("zscore_20", 19), ("mom_10", 10)]
    {
        let empty = records.iter().take_while(|record| record[column].is_null()).count();
        assert_eq!(empty, warm_up, "{column}");
    }
}

#[test]
fn a_file_without_symbols_is_one_symbol_and_a_taken_name_is_kept() {
    let desk = desk("acme.csv", "date,close,sma_1\n2024-01-02,5,old\n");
    let records = desk.run(&["acme.csv", "--sma", "1"]).succeeds().records();
    assert_eq!(
        records,
        [json!({"date": "2024-01-02", "close": 5.0, "input_sma_1": "old", "sma_1": 5.0})]
    );
    let page = desk.run(&["acme.csv", "--sma", "1", "--format", "table"]).succeeds();
    assert!(page.text().contains("acme    2024-01-02"));
}

#[test]
fn dates_that_do_not_rise() {
    let late = "symbol,date,close\nA,2024-01-04,3\nA,2024-01-03,1\n";
    let message = "p.csv:3: symbol `A`: 2024-01-03 stands after 2024-01-04 of line 2";
    refuses("p.csv", late, &["--sma", "2"], message, "--sort");
    let desk_late = desk("p.csv", late);
    let records = desk_late.run(&["p.csv", "--sma", "2", "--sort"]).succeeds().records();
    assert_eq!([&records[0]["sma_2"], &records[1]["sma_2"]], [&json!(2.0), &Value::Null]);
    let twice = "symbol,date,close\nA,2024-01-04,3\nA,2024-01-04,1\n";
    let message = "p.csv:3: symbol `A`: 2024-01-04 repeats 2024-01-04 of line 2";
    refuses("p.csv", twice, &["--sma", "2", "--sort"], message, "--on-error skip");
    let desk_twice = desk("p.csv", twice);
    let ended = desk_twice.run(&["p.csv", "--sma", "1", "--on-error", "skip"]).succeeds();
    assert_eq!(ended.records().len(), 1);
    assert!(ended.stderr.contains("warning: skipped p.csv:3: symbol `A`"), "{}", ended.stderr);
}

#[test]
fn prices_that_are_none() {
    for (cell, what) in [
        ("-5", "column `close` is not above 0, as a price must be: -5"),
        ("0", "column `close` is not above 0, as a price must be: 0"),
        ("inf", "column `close` is not finite: inf"),
        ("1.2.3", "column `close` is `1.2.3`, not a number"),
    ] {
        let prices = format!("symbol,date,close\nA,2024-01-03,1\nA,2024-01-04,{cell}\n");
        let message = format!("p.csv:3: {what}");
        refuses("p.csv", &prices, &["--sma", "2"], &message, "--on-error skip");
    }
    let prices = "symbol,date,close\nA,2024-13-03,1\n";
    let message = "p.csv:2: column `date` is `2024-13-03`: not an ISO 8601 date from 1678 to 2261, \
                   such as 2024-01-31 or 2024-01-31T09:30:00";
    refuses("p.csv", prices, &["--sma", "2"], message, "--on-error skip");
}

#[test]
fn what_is_asked_for_must_mean_something() {
    refuses("p.csv", PRICES, &[], "no indicator is asked for", "--sma 20");
    let zero = format!("sma: 0 is no length from 1 to {} bars", 1 << 24);
    let desk = desk("p.csv", PRICES);
    let ended = desk.run(&["p.csv", "--sma", "0"]);
    assert_eq!((ended.code, ended.stderr.contains(&zero)), (Some(1), true), "{}", ended.stderr);
    let message = "p.csv: no column `high`; the columns are: symbol, date, close, note";
    refuses("p.csv", PRICES, &["--atr", "2"], message, "`high` is needed");
    let message = "p.csv: no column `adj_close`; the columns are: symbol, date, close, note";
    refuses("p.csv", PRICES, &["--sma", "2", "--column", "adj_close"], message, "`adj_close`");
    for arguments in [
        ["--bbands", "20"],
        ["--macd", "12,26"],
        ["--signal", "crossing"],
        ["--column", "price"],
        ["--sma", "-3"],
        ["--sma", "2.5"],
        ["--min-periods", "0"],
    ] {
        let ended = desk.run(&[&["p.csv"][..], &arguments].concat());
        assert_eq!(ended.code, Some(1), "{arguments:?}");
        assert!(ended.stderr.starts_with("error: "), "{}", ended.stderr);
    }
}

#[test]
fn windows_may_answer_early_and_averages_that_have_none_may_not() {
    let of = |flags: &[&str]| desk("p.csv", PRICES).run(&[&["p.csv"][..], flags].concat());
    let early = of(&["--sma", "3", "--min-periods", "1"]).succeeds().records();
    assert_eq!(early[0]["sma_3"], early[0]["close"]);
    of(&["--rsi", "2", "--signal", "bollinger", "--min-periods", "1"]).succeeds();
    let refused = of(&["--rsi", "2", "--ema", "2", "--min-periods", "1"]);
    refused.complains("--min-periods: no window is asked for", "--bbands");
}

#[test]
fn few_bars_and_none() {
    for name in ["a.csv", "b.jsonl", "c.parquet"] {
        let ended = desk(name, "").run(&[name, "--sma", "2"]).succeeds();
        assert!(ended.stdout.is_empty());
    }
    let header = desk("a.csv", "symbol,date,close\n");
    let csv = header.run(&["a.csv", "--sma", "2", "--format", "csv"]).succeeds();
    assert_eq!(csv.text(), "symbol,date,close,sma_2\n");
    let one = desk("a.csv", "symbol,date,close\nA,2024-01-02,5\n");
    let records = one.run(&["a.csv", "--sma", "20", "--rsi", "14", "--bbands", "20,2"]);
    assert!(records.succeeds().records()[0]["rsi_14"].is_null());
}
