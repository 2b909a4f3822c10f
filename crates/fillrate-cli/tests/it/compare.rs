//! `fillrate compare`: figures, formats and everything that can be wrong with labels.

use serde_json::{Value, json};

use crate::desk::Desk;

/// VADER calls these positive, negative, neutral and, wrongly, positive.
const NEWS: &str = "headline,view\n\
                    Great results and a strong outlook,Bullish\n\
                    Shares crash after terrible loss,neg\n\
                    Acme to report on Tuesday,NEUTRAL\n\
                    Strong demand fails to help Acme,bearish\n";

fn desk(name: &str, table: &str) -> Desk {
    let desk = Desk::of_verb("compare");
    desk.put(name, table);
    desk
}

fn compare(desk: &Desk, input: &str, more: &[&str]) -> Vec<Value> {
    let arguments = [&[input, "--models", "vader", "--label", "view"], more].concat();
    desk.run(&arguments).succeeds().records()
}

#[test]
fn a_record_has_every_figure() {
    let desk = desk("news.csv", NEWS);
    let records = compare(&desk, "news.csv", &["--threads", "1"]);
    let [record] = records.as_slice() else { panic!("{records:?}") };
    let keys: Vec<&str> = record.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "model",
            "precision",
            "device",
            "threads",
            "texts",
            "failed",
            "accuracy",
            "macro_f1",
            "classes",
            "confusion",
            "calibration",
            "texts_per_s",
            "load_ms",
            "memory_bytes",
            "together_gain"
        ]
    );
    assert_eq!((&record["model"], &record["precision"]), (&json!("vader"), &json!("fp64")));
    assert_eq!((&record["threads"], &record["failed"]), (&json!(1), &json!(0)));
    assert_eq!(record["accuracy"], 0.75);
    assert_eq!(
        record["confusion"],
        json!({
            "negative": {"negative": 1, "neutral": 0, "positive": 1},
            "neutral": {"negative": 0, "neutral": 1, "positive": 0},
            "positive": {"negative": 0, "neutral": 0, "positive": 1},
        })
    );
    assert_eq!(
        record["classes"]["positive"],
        json!({"precision": 0.5, "recall": 1.0, "f1": 2.0 / 3.0, "support": 1})
    );
    // F1 is 2/3, 1 and 2/3.
    assert!((record["macro_f1"].as_f64().unwrap() - 7.0 / 9.0).abs() < 1e-12);
    for figure in ["ece", "nll", "brier"] {
        assert!(record["calibration"][figure].as_f64().unwrap() > 0.0, "{figure}");
    }
    assert!(record["texts_per_s"].as_f64().unwrap() > 0.0);
}

#[test]
fn models_come_in_the_order_asked_for_and_in_every_format() {
    let desk = desk("news.csv", NEWS);
    crate::score::encoder::put_model(&desk);
    let models = ["--models", "./model", "--models", "vader,./model", "--label", "view"];
    let run = |more: &[&str]| {
        let arguments = [&["news.csv"], &models[..], more].concat();
        desk.run(&arguments).succeeds()
    };
    let names: Vec<Value> =
        run(&["--precision", "fp32"]).records().iter().map(|r| r["model"].clone()).collect();
    assert_eq!(names, ["model", "vader", "model"]);

    let csv = run(&["--format", "csv"]);
    let header = csv.text().lines().next().unwrap();
    assert!(header.contains(",classes.negative.precision,"), "{header}");
    assert!(header.contains(",confusion.negative.positive,"), "{header}");
    assert_eq!(csv.text().lines().count(), 4);

    run(&["-o", "out.json"]);
    let json: Value =
        serde_json::from_slice(&std::fs::read(desk.path("out.json")).unwrap()).unwrap();
    assert_eq!(json.as_array().unwrap().len(), 3);
    run(&["-o", "out.parquet"]);
    assert!(std::fs::read(desk.path("out.parquet")).unwrap().starts_with(b"PAR1"));

    let page = run(&["--format", "table"]);
    assert!(page.text().lines().all(|line| line.chars().count() <= 80), "{}", page.text());
    for word in ["MODEL", "vader", "rows are labels", "precision"] {
        assert!(page.text().contains(word), "{word}: {}", page.text());
    }
}

#[test]
fn numbers_are_labels_where_minus_one_occurs() {
    let desk = desk(
        "news.jsonl",
        "{\"text\":\"Great results\",\"view\":1}\n{\"text\":\"Awful\",\"view\":-1}\n",
    );
    assert_eq!(compare(&desk, "news.jsonl", &[])[0]["accuracy"], 1.0);
    desk.put(
        "news.jsonl",
        "{\"text\":\"Great results\",\"view\":1}\n{\"text\":\"Awful\",\"view\":0}\n",
    );
    desk.run(&["news.jsonl", "--models", "vader", "--label", "view"]).complains(
        "news.jsonl: column `view`: the label `1` is ambiguous: 0 and 1 are read as neutral and \
         positive only where -1 occurs too",
        "write negative, neutral and positive",
    );
}

#[test]
fn what_is_no_label_stops_the_run_or_is_left_out() {
    let desk = desk("news.csv", "text,view\nGreat results,pos\nAcme,meh\nAcme,\nAwful loss,neg\n");
    desk.run(&["news.csv", "--models", "vader", "--label", "view", "-o", "out.json"]).complains(
        "news.csv:3: column `view`: unknown label `meh`: expected negative, neutral or positive",
        "--on-error skip",
    );
    assert_eq!(desk.files(), ["news.csv"]);
    let arguments = ["news.csv", "--models", "vader", "--label", "view", "--on-error", "skip"];
    let ended = desk.run(&arguments).succeeds();
    assert_eq!(ended.records()[0]["texts"], 2);
    assert!(ended.stderr.contains("skipped news.csv:4: column `view`: the label is empty"));
}

#[test]
fn columns_and_models_that_are_not_there_are_named() {
    let desk = desk("news.csv", NEWS);
    let run =
        |models: &str, label: &str| desk.run(&["news.csv", "--models", models, "--label", label]);
    run("vader", "sentiment").complains(
        "news.csv: no column `sentiment`; the columns are: headline, view",
        "--label NAME",
    );
    run("vader", "headline").complains(
        "news.csv: column `headline` cannot be both the text and the label",
        "--text-column",
    );
    run("vader,", "view").complains("--models: a name is empty", "commas");
    // Before the first model is loaded.
    run("vader,./nowhere", "view").complains("./nowhere: no such directory", "");
}

#[test]
fn a_table_without_rows_has_no_records() {
    for table in ["", "text,view\n"] {
        let desk = desk("news.csv", table);
        let ended = desk.run(&["news.csv", "--models", "vader", "--label", "view"]).succeeds();
        assert_eq!(ended.text(), "");
        assert!(ended.stderr.contains("there is no labelled text"), "{}", ended.stderr);
    }
}

#[test]
fn a_class_that_nobody_has_and_nobody_gives_is_in_no_mean() {
    let desk = desk("news.csv", "text,view\nGreat results,pos\nAwful loss,neg\n");
    let records = compare(&desk, "news.csv", &[]);
    assert_eq!(records[0]["macro_f1"], 1.0);
    assert_eq!(
        records[0]["classes"]["neutral"],
        json!({"precision": null, "recall": null, "f1": null, "support": 0})
    );
}

#[test]
fn models_can_be_run_together() {
    let desk = desk("news.csv", NEWS);
    let models = ["news.csv", "--models", "vader,news-mini", "--label", "view", "--together"];
    let ended = desk.run(&models).succeeds();
    assert!(ended.stderr.contains(", one after another "), "{}", ended.stderr);
    let records = ended.records();
    let gains: Vec<f64> =
        records.iter().map(|record| record["together_gain"].as_f64().unwrap()).collect();
    assert_eq!(gains.len(), 2);
    assert!(gains[0] > 0.0 && gains[0].to_bits() == gains[1].to_bits(), "{gains:?}");
    let apart = compare(&desk, "news.csv", &[]);
    assert!(apart[0]["together_gain"].is_null());
    let page = desk.run(&[&models[..], &["--format", "table"]].concat()).succeeds();
    assert!(page.text().contains("Together they are "), "{}", page.text());
}
