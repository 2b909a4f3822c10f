//! `fillrate options`, as it is used.

use serde_json::Value;

use crate::desk::Desk;

const HULL: [&str; 10] =
    ["--spot", "42", "--strike", "40", "--rate", "0.1", "--vol", "0.2", "--expiry", "0.5"];

fn hull<'a>(more: &[&'a str]) -> Vec<&'a str> {
    ["price"].iter().chain(&HULL).copied().chain(more.iter().copied()).collect()
}

#[track_caller]
fn close(got: &Value, expected: f64, tolerance: f64) {
    let got = got.as_f64().unwrap();
    assert!((got - expected).abs() <= tolerance, "{got}, {expected}");
}

#[test]
fn one_option_is_priced_from_flags() {
    let desk = Desk::of_verb("options");
    let call = desk.run(&hull(&["--right", "call"])).succeeds().records();
    let keys: Vec<&str> = call[0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["price", "delta", "gamma", "vega", "theta", "rho", "std_error"]);
    close(&call[0]["price"], 4.759_422_392_871_535, 2e-14);
    assert_eq!(call[0]["std_error"], Value::Null);
    let put = desk.run(&hull(&["--right", "put"])).succeeds().records();
    close(&put[0]["price"], 0.808_599_372_900_092_5, 2e-14);
    let page = desk.run(&hull(&["--right", "put", "--format", "table"])).succeeds();
    assert!(page.text().starts_with("price              0.80859937\n"), "{}", page.text());
}

#[test]
fn every_kind_has_its_methods() {
    let desk = Desk::of_verb("options");
    let run = |more: &[&str]| desk.run(&hull(&[&["--right", "put", "--kind"], more].concat()));
    let price = |more: &[&str]| run(more).succeeds().records()[0]["price"].as_f64().unwrap();
    let european = price(&["european"]);
    let american = price(&["american"]);
    assert!(american > european);
    let tree = run(&["american", "--method", "binomial", "--steps", "501"]).succeeds().records();
    close(&tree[0]["price"], american, 1e-3);
    assert_eq!(tree[0]["delta"], Value::Null);
    let few = ["--paths", "4000", "--seed", "3"];
    let barrier = ["--barrier", "38", "--barrier-kind", "down-in"];
    for (kind, terms) in
        [("european", &[][..]), ("asian-arithmetic", &["--fixings", "12"]), ("barrier", &barrier)]
    {
        let flags = [&[kind, "--method", "monte-carlo"], &few[..], terms].concat();
        let records = run(&flags).succeeds().records();
        assert!(records[0]["std_error"].as_f64().unwrap() > 0.0, "{records:?}");
        assert_eq!(records[0]["gamma"], Value::Null);
        assert!(records[0]["delta"].as_f64().unwrap() < 0.0);
    }
    assert!(price(&["asian-geometric"]) < european);
    assert!(price(&["asian-geometric", "--fixings", "12"]) < european);
    run(&["american", "--method", "closed-form"]).complains(
        "method: closed-form does not price this kind: take spectral or binomial",
        "fillrate options price --help",
    );
    run(&["european", "--paths", "10"])
        .complains("--paths: nothing is simulated", "--method monte-carlo");
    run(&["european", "--steps", "10"]).complains("--steps: the method has none", "binomial");
    let guessed = run(&["lookback"]);
    assert!(guessed.stderr.contains("expected european, american"), "{}", guessed.stderr);
}

const BOOK: &str = "\
name,kind,right,strike,vol,barrier,barrier_kind,fixings
a,,call,40,0.2,,,
b,american,put,40,,,,
c,barrier,call,40,0.3,35,down-out,
d,asian-geometric,put,45,0.2,,,12
";

#[test]
fn a_table_is_priced_row_by_row() {
    let desk = Desk::of_verb("options");
    desk.put("book.csv", BOOK);
    let flags = ["price", "book.csv", "--spot", "42", "--rate", "0.1", "--expiry", "0.5"];
    let run = |more: &[&str]| desk.run(&[&flags[..], more].concat());
    let records = run(&["--vol", "0.25"]).succeeds().records();
    assert_eq!(records.len(), 4);
    assert_eq!(records[1]["name"], "b");
    close(&records[0]["price"], 4.759_422_392_871_535, 2e-14);
    assert!(records.iter().all(|record| record["price"].as_f64().unwrap() > 0.0));
    // A column of the input that has a result's name makes way for it.
    assert!(records[0].get("vol").is_some());
    run(&[]).complains("book.csv:3: vol: not given", "--on-error skip");
    let skipped = run(&["--on-error", "skip"]).succeeds();
    assert_eq!(skipped.records().len(), 3);
    assert!(skipped.stderr.contains("skipped book.csv:3: vol: not given"), "{}", skipped.stderr);
    let page = run(&["--vol", "0.25", "--format", "table"]).succeeds();
    assert_eq!(page.text().lines().count(), 5);
    run(&["--vol", "0.25", "-o", "priced.csv"]).succeeds();
    let csv = std::fs::read_to_string(desk.path("priced.csv")).unwrap();
    let header = "name,kind,right,strike,vol,barrier,barrier_kind,fixings,price,delta,gamma,";
    assert!(csv.starts_with(header), "{csv}");
}

#[test]
fn terms_of_a_csv_come_out_as_numbers() {
    let desk = Desk::of_verb("options");
    let header = "name,right,spot,strike,vol,expiry,rebate\n";
    let sound = "7,call,42,40,0.2,0.5,\n";
    let price = |file: &'static str, more: &[&str]| {
        desk.run(&[&["price", file, "--rate", "0.1"], more].concat())
    };
    // A row that is left out decides nothing.
    desk.put("some.csv", format!("{header}8,call,42,x,0.2,0.5,0\n{sound}"));
    let records = price("some.csv", &["--on-error", "skip"]).succeeds().records();
    assert_eq!((&records[0]["strike"], &records[0]["rebate"]), (&Value::from(40.0), &Value::Null));
    // What is no term stays as it is, and so does a column that is no number.
    assert_eq!((&records[0]["name"], &records[0]["right"]), (&"7".into(), &"call".into()));
    desk.put("none.csv", format!("{header}8,call,42,40,0.2,0.5,none\n{sound}"));
    assert_eq!(price("none.csv", &[]).succeeds().records()[0]["rebate"], "none");
    // A format with types has one for a column, which the first thousand rows decide.
    let late = format!("{header}{}8,call,42,40,0.2,0.5,none\n", sound.repeat(1024));
    desk.put("late.csv", &late);
    price("late.csv", &["-o", "p.parquet"]).complains(
        "late.csv:1026: rebate: `none` is not a number, as those before it are; leave the cell empty",
        "--on-error skip",
    );
    price("late.csv", &["-o", "p.parquet", "--on-error", "skip"]).succeeds();
    price("late.csv", &["-o", "p.csv"]).succeeds();
}

#[test]
fn volatilities_are_implied() {
    let desk = Desk::of_verb("options");
    let flags = ["iv", "--spot", "42", "--strike", "40", "--rate", "0.1", "--expiry", "0.5"];
    let run = |more: &[&str]| desk.run(&[&flags[..], more].concat());
    let implied = run(&["--right", "call", "--price", "4.759422392871535"]).succeeds().records();
    close(&implied[0]["implied_vol"], 0.2, 1e-14);
    let ended = run(&["--right", "call", "--price", "1"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.starts_with("error: price: 1 is not from 3.95"), "{}", ended.stderr);
    desk.put("q.csv", "price,right\n4.759422392871535,call\n0.8085993729000925,put\n99,put\n");
    let terms = ["iv", "q.csv", "--spot", "42", "--strike", "40", "--rate", "0.1"];
    let run = |more: &[&str]| desk.run(&[&terms[..], &["--expiry", "0.5"], more].concat());
    let message = run(&[]).stderr;
    assert!(message.starts_with("error: q.csv:4: price: 99 is not from"), "{message}");
    let records = run(&["--on-error", "skip"]).succeeds().records();
    assert_eq!(records.len(), 2);
    close(&records[1]["implied_vol"], 0.2, 1e-13);
}

#[test]
fn bad_terms_are_answered() {
    let desk = Desk::of_verb("options");
    let message = |more: &[&str]| {
        let ended = desk.run(more);
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        assert!(ended.stdout.is_empty());
        ended.stderr
    };
    let refused = message(&hull(&[]));
    let expected = "error: right: not given\nhint: `fillrate options price --help` has the terms\n";
    assert_eq!(refused, expected);
    let terms = |spot, strike, vol, expiry| {
        message(&[
            "price", "--right", "call", "--spot", spot, "--strike", strike, "--vol", vol,
            "--expiry", expiry,
        ])
    };
    assert!(terms("0", "40", "0.2", "1").starts_with("error: spot: 0 is not a number above 0"));
    assert!(terms("40", "-1", "0.2", "1").starts_with("error: strike: -1"));
    assert!(terms("40", "40", "nan", "1").starts_with("error: vol: NaN"));
    assert!(terms("40", "40", "0.2", "0").starts_with("error: expiry: 0"));
    assert!(terms("inf", "40", "0.2", "1").starts_with("error: spot: inf"));
    for vol in ["0", "10"] {
        let flags = ["price", "--right", "call", "--spot", "42", "--strike", "40", "--vol", vol];
        desk.run(&[&flags[..], &["--expiry", "1"]].concat()).succeeds();
    }
    let refused = message(&hull(&["--right", "call", "--on-error", "skip"]));
    assert!(refused.contains("not provided: <INPUT>"), "{refused}");
    // What a kind does not have is not passed over.
    for (flag, value, hint) in [
        ("--barrier", "30", "--kind barrier"),
        ("--barrier-kind", "up-out", "--kind barrier"),
        ("--rebate", "3", "--kind barrier"),
        ("--fixings", "12", "--kind asian-geometric or asian-arithmetic"),
    ] {
        let refused = message(&[&hull(&["--right", "call"])[..], &[flag, value]].concat());
        let expected = format!("error: {flag}: the kind european has none\nhint: take a kind");
        assert!(refused.starts_with(&expected) && refused.contains(hint), "{refused}");
    }
    desk.put("none.csv", "right,strike\n");
    assert!(desk.run(&["price", "none.csv"]).succeeds().stdout.is_empty());
    desk.put("bad.csv", "right,strike\ncall,much\n");
    desk.run(&["price", "bad.csv", "--spot", "1", "--vol", "1", "--expiry", "1"])
        .complains("bad.csv:2: strike: `much` is not a number", "--on-error skip");
}
