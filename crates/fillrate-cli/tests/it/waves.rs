//! `fillrate waves`: records, formats, rules, going on, and everything that can be wrong.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::desk::Desk;

/// An impulse from 10 to 20, corrected by a zigzag to 12.5.
const CLOSES: [f64; 12] = [12.0, 10.0, 14.0, 12.0, 18.5, 16.0, 20.0, 13.5, 17.0, 12.5, 13.0, 12.8];

/// Prices of some symbols, one bar a day.
fn table(symbols: &[(&str, &[f64])]) -> String {
    let mut table = String::from("symbol,date,open,high,low,close\n");
    for (symbol, closes) in symbols {
        for (day, close) in closes.iter().enumerate() {
            let (month, day) = (1 + day / 28, 1 + day % 28);
            let (high, low) = (close + 0.25, close - 0.25);
            writeln!(table, "{symbol},2024-{month:02}-{day:02},{close},{high},{low},{close}")
                .unwrap();
        }
    }
    table
}

fn desk() -> Desk {
    let desk = Desk::of_verb("waves");
    desk.put("prices.csv", table(&[("ACME", &CLOSES)]));
    desk
}

#[test]
fn a_record_has_every_field() {
    let desk = desk();
    let ended = desk.run(&["prices.csv", "--pattern", "impulse", "--direction", "up", "--all"]);
    let records = ended.succeeds().records();
    let [record] = records.as_slice() else { panic!("{records:?}") };
    let keys: Vec<&str> = record.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "symbol",
            "pattern",
            "direction",
            "indices",
            "dates",
            "prices",
            "score",
            "rules",
            "guidelines",
            "p_value",
            "q_value",
            "variety",
            "parts",
            "chance"
        ]
    );
    assert_eq!(record["symbol"], "ACME");
    assert_eq!((&record["pattern"], &record["direction"]), (&json!("impulse"), &json!("up")));
    assert_eq!(record["indices"], json!([1, 2, 3, 4, 5, 6]));
    assert_eq!(record["dates"][0], "2024-01-02");
    assert_eq!(record["prices"], json!([9.75, 14.25, 11.75, 18.75, 15.75, 20.25]));
    // Wave 2 takes back 2.5 of 4.5.
    assert_eq!(record["rules"]["wave2_retrace"]["value"], 2.5 / 4.5);
    assert_eq!(record["rules"]["wave2_retrace"]["margin"], 1.0 - 2.5 / 4.5);
    assert_eq!(record["rules"].as_object().unwrap().len(), 3);
    assert_eq!(record["guidelines"]["wave2_fibonacci"], 1.0);
    assert_eq!((&record["p_value"], &record["variety"]), (&Value::Null, &Value::Null));
    let score = record["score"].as_f64().unwrap();
    let parts = &record["parts"];
    let part = |name: &str| parts[name].as_f64().unwrap();
    let sum = 0.4 * part("fibonacci") + 0.2 * (part("rules") + part("time") + part("simplicity"));
    assert!((score - sum).abs() < 1e-12, "{record}");
}

#[test]
fn the_top_is_the_beginning_of_all_whatever_the_threads() {
    let desk = desk();
    let wave: Vec<f64> = (0..300)
        .map(|i| 50.0 + 9.0 * (f64::from(i) * 0.7).sin() + 5.0 * (f64::from(i) * 0.31).cos())
        .collect();
    desk.put("panel.csv", table(&[("A", &wave), ("B", &CLOSES), ("C", &wave[100..])]));
    let all = desk.run(&["panel.csv", "--all"]).succeeds().records();
    let of = |symbol: &str| -> Vec<Value> {
        all.iter().filter(|record| record["symbol"] == symbol).cloned().collect()
    };
    let expected: Vec<Value> =
        ["A", "B", "C"].iter().flat_map(|symbol| of(symbol).into_iter().take(7)).collect();
    assert!(all.len() > 500 && expected.len() > 14);
    for threads in ["1", "3"] {
        let top = desk.run(&["panel.csv", "--top", "7", "--threads", threads]).succeeds();
        assert_eq!(top.records(), expected);
    }
    let floor = desk.run(&["panel.csv", "--all", "--min-score", "0.8"]).succeeds().records();
    let good = all.iter().filter(|record| record["score"].as_f64().unwrap() >= 0.8);
    assert_eq!(floor, good.cloned().collect::<Vec<Value>>());
}

#[test]
fn every_format_holds_the_patterns() {
    let desk = desk();
    let run = |more: &[&str]| desk.run(&[&["prices.csv"], more].concat()).succeeds();
    let records = run(&[]).records();
    let csv = run(&["--format", "csv"]);
    let header = csv.text().lines().next().unwrap();
    assert!(header.starts_with("symbol,pattern,direction,indices,"), "{header}");
    assert!(header.ends_with(",chance.count,chance.expected,chance.p_value"), "{header}");
    assert_eq!(csv.text().lines().count(), records.len() + 1);
    run(&["-o", "out.parquet"]);
    assert!(std::fs::read(desk.path("out.parquet")).unwrap().starts_with(b"PAR1"));
    run(&["-o", "out.json"]);
    let json: Value =
        serde_json::from_slice(&std::fs::read(desk.path("out.json")).unwrap()).unwrap();
    assert_eq!(json, Value::Array(records));
    let page = run(&["--format", "table"]);
    assert!(page.text().contains("SCORE") && page.text().contains("impulse"), "{}", page.text());
}

#[test]
fn without_highs_and_lows_the_close_stands_for_them() {
    let desk = desk();
    let lines: Vec<String> = CLOSES
        .iter()
        .enumerate()
        .map(|(day, close)| format!("2024-01-{:02},{close}", day + 1))
        .collect();
    desk.put("acme.csv", format!("date,close\n{}\n", lines.join("\n")));
    let records = desk.run(&["acme.csv", "--pattern", "impulse"]).succeeds().records();
    assert_eq!(records[0]["symbol"], "acme");
    assert_eq!(records[0]["prices"], json!([10.0, 14.0, 12.0, 18.5, 16.0, 20.0]));
}

#[test]
fn gaps_between_dates_change_nothing_but_the_dates() {
    let desk = desk();
    let found = || {
        let mut records = desk.run(&["prices.csv", "--all"]).succeeds().records();
        for record in &mut records {
            record.as_object_mut().unwrap().remove("dates").unwrap();
        }
        records
    };
    let without = found();
    // The last three bars come half a year later.
    desk.put("prices.csv", table(&[("ACME", &CLOSES)]).replace("2024-01-1", "2024-07-1"));
    assert!(!without.is_empty());
    assert_eq!(found(), without);
}

#[test]
fn rules_can_be_strict_or_ones_own() {
    let desk = desk();
    let impulses = |rules: &str| {
        let arguments =
            ["prices.csv", "--pattern", "impulse", "--direction", "up", "--rules", rules];
        desk.run(&arguments).succeeds().records().len()
    };
    assert_eq!((impulses("classic"), impulses("strict")), (1, 1));
    desk.put("tight.toml", "[impulse]\nwave2_retrace = { max = 0.5 }\n");
    assert_eq!(impulses("tight.toml"), 0);
    desk.put("loose.toml", "base = \"none\"\n");
    assert!(impulses("loose.toml") > 1);

    let run = |rules: &str| desk.run(&["prices.csv", "--rules", rules, "-o", "out.jsonl"]);
    desk.put("bad.toml", "[impulse]\nwave6 = { max = 1 }\n");
    run("bad.toml")
        .complains("bad.toml: line 2: unknown rule `wave6` of impulse", "the rules of impulse are");
    desk.put("bad.toml", "[impulse]\nwave2_retrace = { min = 2, max = 1 }\n");
    run("bad.toml").complains(
        "bad.toml: line 2: `wave2_retrace` contradicts itself: no value is at least 2 and at most 1",
        "lower bound",
    );
    assert!(!desk.path("out.jsonl").exists());
}

#[test]
fn a_bad_bar_stops_the_run_or_its_symbol_is_left_out() {
    let desk = desk();
    let good = table(&[("ACME", &CLOSES)]);
    desk.put("prices.csv", format!("{good}BAD,2024-01-01,1,2,1,1\nBAD,2024-01-02,1,,1,1\n"));
    desk.run(&["prices.csv", "-o", "out.jsonl"])
        .complains("prices.csv: symbol `BAD`: 2024-01-02: high is missing", "--on-error skip");
    assert!(!desk.path("out.jsonl").exists());
    let ended = desk.run(&["prices.csv", "--on-error", "skip"]).succeeds();
    assert!(ended.records().iter().all(|record| record["symbol"] == "ACME"));
    assert!(ended.stderr.contains("left out prices.csv: symbol `BAD`"), "{}", ended.stderr);

    desk.put("prices.csv", format!("{good}BAD,2024-01-01,1,1,2,1\n"));
    let ended = desk.run(&["prices.csv"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("prices.csv:14: "), "{}", ended.stderr);
}

#[test]
fn series_that_cannot_have_patterns_are_named() {
    let desk = desk();
    let flat = [5.0; 40];
    desk.put("prices.csv", table(&[("FLAT", &flat), ("SHORT", &CLOSES[..4]), ("ACME", &CLOSES)]));
    let ended = desk.run(&["prices.csv"]).succeeds();
    for symbol in ["FLAT", "SHORT"] {
        let warning = format!("symbol `{symbol}` has too few pivots for any pattern");
        assert!(ended.stderr.contains(&warning), "{}", ended.stderr);
    }
    assert!(!ended.records().is_empty());
    for empty in ["", "symbol,date,close\n"] {
        desk.put("prices.csv", empty);
        assert_eq!(desk.run(&["prices.csv"]).succeeds().text(), "");
    }
}

#[test]
fn an_interrupted_run_is_gone_on_with() {
    let desk = desk();
    desk.put("panel.csv", table(&[("A", &CLOSES), ("B", &CLOSES), ("C", &CLOSES)]));
    let whole = desk.run(&["panel.csv"]).succeeds().text().to_owned();
    let lines: Vec<&str> = whole.lines().collect();
    let per_symbol = lines.len() / 3;

    // An interrupted run has left the whole of A, a part of B and half a line.
    desk.run(&["panel.csv", "-o", "out.jsonl", "--resume"]).succeeds();
    std::fs::remove_file(desk.path("out.jsonl")).unwrap();
    let left = format!("{}\n{}", lines[..=per_symbol].join("\n"), &lines[per_symbol + 1][..30]);
    desk.put("out.jsonl.partial", left);
    let ended = desk.run(&["panel.csv", "-o", "out.jsonl", "--resume"]).succeeds();
    assert!(ended.stderr.contains("1 already there"), "{}", ended.stderr);
    assert_eq!(std::fs::read_to_string(desk.path("out.jsonl")).unwrap(), whole);
    assert!(!desk.path("out.jsonl.partial").exists());

    // A complete file is gone on with for the symbols that are new.
    desk.put("panel.csv", table(&[("A", &CLOSES), ("D", &CLOSES)]));
    let ended = desk.run(&["panel.csv", "-o", "out.jsonl", "--resume"]).succeeds();
    assert!(ended.stderr.contains("1 already there"), "{}", ended.stderr);
    let more = std::fs::read_to_string(desk.path("out.jsonl")).unwrap();
    assert!(more.starts_with(&whole) && more.contains("\"symbol\":\"D\""));
}

#[test]
fn a_run_that_was_made_otherwise_is_not_gone_on_with() {
    let desk = desk();
    desk.put("panel.csv", table(&[("A", &CLOSES), ("B", &CLOSES)]));
    let resume =
        |more: &[&str]| desk.run(&[&["panel.csv", "-o", "out.jsonl", "--resume"], more].concat());
    let whole = resume(&["--top", "3"]).succeeds();
    assert!(whole.stderr.contains("2 symbols of"), "{}", whole.stderr);
    let found = std::fs::read_to_string(desk.path("out.jsonl")).unwrap();
    let nothing_changed = |partial: Option<&str>| {
        assert_eq!(std::fs::read_to_string(desk.path("out.jsonl")).unwrap(), found);
        assert_eq!(
            std::fs::read_to_string(desk.path("out.jsonl.partial")).ok().as_deref(),
            partial
        );
    };
    // Neither a complete file nor what an interruption left is mixed with other patterns.
    for partial in [None, Some(found.lines().next().unwrap())] {
        if let Some(partial) = partial {
            desk.put("out.jsonl.partial", partial);
        }
        desk.run(&["panel.csv", "-o", "out.jsonl", "--resume"]).complains(
            "--resume: out.jsonl was made with other settings (wanted)",
            "repeat the command that made it",
        );
        resume(&["--top", "3", "--pivots", "2", "--rules", "strict"]).complains(
            "--resume: out.jsonl was made with other settings (pivots, rules)",
            "repeat the command that made it",
        );
        nothing_changed(partial);
    }
    std::fs::remove_file(desk.path("out.jsonl.partial")).unwrap();

    let mut other = CLOSES;
    other[4] += 0.5;
    desk.put("panel.csv", table(&[("A", &CLOSES), ("B", &other)]));
    resume(&["--top", "3"]).complains(
        "--resume: out.jsonl was made with other prices of symbol `B`",
        "repeat the command that made it",
    );
    nothing_changed(None);

    std::fs::remove_file(desk.path("out.jsonl.run")).unwrap();
    resume(&["--top", "3"]).complains(
        "--resume: it is not known what out.jsonl was made with: out.jsonl.run is missing",
        "search into another file",
    );
    desk.put("out.jsonl.run", "{}");
    resume(&["--top", "3"]).complains(
        "--resume: it is not known what out.jsonl was made with: out.jsonl.run is no record of a run",
        "search into another file",
    );
    nothing_changed(None);
}

#[test]
fn what_cannot_be_gone_on_with_is_refused() {
    let desk = desk();
    desk.put("panel.csv", table(&[("A", &CLOSES)]));
    desk.run(&["panel.csv", "--resume"])
        .complains("--resume needs a file of lines to go on with", "-o FILE.jsonl");
    desk.run(&["panel.csv", "-o", "other.jsonl", "--resume"]).succeeds();
    desk.put("other.jsonl", "{\"text\":\"x\"}\n");
    let ended = desk.run(&["panel.csv", "-o", "other.jsonl", "--resume"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!(std::fs::read_to_string(desk.path("other.jsonl")).unwrap(), "{\"text\":\"x\"}\n");
    assert!(!desk.path("other.jsonl.partial").exists());
}

#[test]
fn flags_that_mean_nothing_are_refused() {
    let desk = desk();
    for arguments in [
        ["--pivots", "0"],
        ["--pivots", "atr:-1"],
        ["--weights", "luck=1"],
        ["--min-score", "2"],
        ["--pattern", "head-and-shoulders"],
        ["--top", "few"],
    ] {
        let ended = desk.run(&[&["prices.csv"], &arguments[..]].concat());
        assert_eq!(ended.code, Some(1), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(arguments[0]), "{arguments:?}: {}", ended.stderr);
    }
}

#[test]
fn a_profile_says_what_each_stage_took() {
    let ended = desk().run(&["prices.csv", "--profile", "--pivots", "atr:1"]).succeeds();
    for stage in ["read the prices", "pivots and valid waves", "search", "write"] {
        assert!(ended.stderr.contains(&format!("{stage}: ")), "{}", ended.stderr);
    }
}

/// A series with many patterns.
fn long() -> Vec<f64> {
    let wave = |i: i32| {
        let i = f64::from(i);
        60.0 + 9.0 * (i * 0.7).sin() + 5.0 * (i * 0.31).cos() + 0.1 * i
    };
    (0..200).map(wave).collect()
}

#[test]
fn surrogates_give_p_values_and_the_same_ones_again() {
    let desk = desk();
    desk.put("panel.csv", table(&[("A", &long()), ("B", &CLOSES)]));
    for method in ["block", "fourier", "gbm"] {
        let run = |threads: &str| {
            let arguments = ["panel.csv", "--pattern", "flat,zigzag", "--surrogates", "19"];
            let more = ["--surrogate-method", method, "--threads", threads];
            desk.run(&[&arguments[..], &more].concat()).succeeds()
        };
        let ended = run("1");
        let records = ended.records();
        assert!(records.len() > 5);
        for record in &records {
            let (p, q) = (record["p_value"].as_f64().unwrap(), record["q_value"].as_f64().unwrap());
            assert!((0.05..=1.0).contains(&p) && p <= q && q <= 1.0, "{record}");
            // A share of 20 series.
            assert!(((p * 20.0).round() - p * 20.0).abs() < 1e-9);
            assert!(record["chance"]["count"].as_u64().unwrap() > 0);
        }
        assert!(ended.stderr.contains("differs from chance in"), "{}", ended.stderr);
        assert_eq!(run("3").text(), ended.text());
    }
    desk.run(&["panel.csv", "--surrogates", "10", "--block", "0"])
        .complains("panel.csv: symbol `A`: block: a block has at least one bar", "mend");
}

#[test]
fn a_nested_count_labels_waves_that_are_patterns() {
    let desk = desk();
    desk.put("panel.csv", table(&[("A", &long())]));
    let ended = desk.run(&["panel.csv", "--nest"]).succeeds();
    let records = ended.records();
    assert!(records.iter().any(|record| record["degree"].as_u64().unwrap() > 1));
    for record in &records {
        let Some(parent) = record["parent"].as_u64() else { continue };
        let parent = &records[parent as usize - 1];
        let (own, outer) = (&record["indices"], parent["indices"].as_array().unwrap());
        let begin = outer.iter().position(|bar| *bar == own[0]).unwrap();
        assert_eq!(outer[begin + 1], *own.as_array().unwrap().last().unwrap());
    }
    assert!(ended.stderr.contains("the counts score 0."), "{}", ended.stderr);
}

#[test]
fn shortcuts_say_what_they_cost() {
    let desk = desk();
    desk.put("panel.csv", table(&[("A", &long())]));
    let all = desk.run(&["panel.csv", "--all"]).succeeds().records();
    let shortcuts = ["--window", "40", "--window-overlap", "0.5", "--max-windows", "3"];
    let ended = desk.run(&[&["panel.csv", "--all"], &shortcuts[..]].concat()).succeeds();
    let left = ended.records();
    assert!(left.len() < all.len() && left.iter().all(|record| all.contains(record)));
    let note =
        format!("3 of 9 windows searched: they hold {} of {} patterns", left.len(), all.len());
    assert!(ended.stderr.contains(&note), "{}", ended.stderr);
    desk.run(&["panel.csv", "--window", "40", "--window-overlap", "1"]).complains(
        "panel.csv: symbol `A`: window-overlap: the overlap is a share from 0 up to but not 1",
        "mend",
    );
}

#[test]
fn a_backtest_compares_events_with_random_bars() {
    let desk = desk();
    desk.put("panel.csv", table(&[("A", &long()), ("B", &long()[20..])]));
    let run = |more: &[&str]| desk.run(&[&["backtest", "panel.csv"], more].concat()).succeeds();
    let records = run(&["--horizon", "3,7", "--min-score", "0.5"]).records();
    assert!(records.len() > 4);
    for record in &records {
        let number = |name: &str| record[name].as_f64().unwrap();
        assert!(number("ci_low") <= number("mean_return") + 1e-12, "{record}");
        assert!(number("mean_return") <= number("ci_high") + 1e-12, "{record}");
        assert!(number("random_low") <= number("random_high"));
        assert!((0.0..=1.0).contains(&number("p_value")));
        assert!([3.0, 7.0].contains(&number("horizon")));
    }
    assert_eq!(run(&["--threads", "1"]).text(), run(&["--threads", "3"]).text());
    assert!(run(&["--format", "table"]).text().contains("EVENTS"));
    desk.run(&["backtest", "panel.csv", "--horizon", "0"])
        .complains("horizon: a horizon is a number of bars above 0", "");
}

#[test]
fn a_page_and_pictures_need_nothing_from_elsewhere() {
    let desk = desk();
    desk.put("panel.csv", table(&[("<A&B>", &long()), ("C/D", &CLOSES)]));
    let arguments = ["panel.csv", "--top", "3", "--html", "waves.html", "--svg", "pictures"];
    desk.run(&arguments).succeeds();
    let page = std::fs::read_to_string(desk.path("waves.html")).unwrap();
    assert!(page.contains("&lt;A&amp;B&gt;") && !page.contains("<A&B>"));
    for word in ["<polyline", "wave2_retrace", "Fibonacci targets", "id=\"list\""] {
        assert!(page.contains(word), "{word}");
    }
    for foreign in ["http:", "https:", "src=", "@import", "<link"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    // The list has the columns that say something.
    let has = |page: &str, head: &str| page.contains(&format!("<button>{head}</button>"));
    assert!(has(&page, "Score") && !has(&page, "p") && !has(&page, "Degree"));
    desk.run(&["panel.csv", "--nest", "--html", "nest.html"]).succeeds();
    assert!(has(&std::fs::read_to_string(desk.path("nest.html")).unwrap(), "Degree"));
    let chance = ["panel.csv", "--pattern", "flat", "--surrogates", "5", "--html", "chance.html"];
    desk.run(&chance).succeeds();
    assert!(has(&std::fs::read_to_string(desk.path("chance.html")).unwrap(), "p"));
    let pictures: Vec<String> = std::fs::read_dir(desk.path("pictures"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(pictures.iter().filter(|name| name.starts_with("_C_D-1-00")).count(), 3);
    for name in &pictures {
        let picture = std::fs::read_to_string(desk.path("pictures").join(name)).unwrap();
        assert!(picture.starts_with("<svg xmlns=") && picture.ends_with("</svg>\n"), "{name}");
    }
}
