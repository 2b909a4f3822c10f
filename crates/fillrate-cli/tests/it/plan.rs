//! `fillrate plan`: reports, edits of other people's files, and everything that can be wrong.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::desk::{Desk, Ended};

/// A desk with the example's tree.
fn desk() -> Desk {
    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            let target = to.join(path.file_name().unwrap());
            if path.is_dir() {
                copy(&path, &target);
            } else {
                fs::write(target, fs::read(&path).unwrap()).unwrap();
            }
        }
    }
    let desk = Desk::of_verb("plan");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/plan"), desk.dir.path());
    desk
}

const CONFIG: &str = "conf/config.yaml";

/// A classifier whose numbers stand in one file.
const CLASSIFIER: &str = "\
trainer: {precision: 16-mixed, accumulate_grad_batches: 8}
model: {model_name: bert-base-uncased, num_labels: 3}
data:
  batch_size: 4   # rows
  max_length: 256
";

fn read(desk: &Desk, name: &str) -> String {
    fs::read_to_string(desk.path(name)).unwrap()
}

#[track_caller]
fn json(ended: &Ended) -> Value {
    serde_json::from_str(ended.text()).unwrap()
}

/// The error line of a run that failed by the user's doing.
#[track_caller]
fn error(ended: &Ended) -> &str {
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let mut lines = ended.stderr.lines();
    lines.find_map(|line| line.strip_prefix("error: ")).unwrap_or_default()
}

#[test]
fn show_says_where_the_memory_goes() {
    let desk = desk();
    let report = json(&desk.run(&["show", CONFIG, "--gpu", "a10", "--format", "json"]).succeeds());
    assert_eq!((&report["config"], &report["format"]), (&CONFIG.into(), &"hydra".into()));
    let stages = report["stages"].as_array().unwrap();
    assert_eq!(stages.len(), 3);
    for stage in stages {
        let memory = stage["memory"].as_object().unwrap();
        let part = |name: &str| memory[&format!("{name}_bytes")].as_u64().unwrap();
        let parts = ["parameters", "gradients", "optimizer", "activations", "batch", "workspace"];
        assert_eq!(parts.iter().map(|name| part(name)).sum::<u64>(), part("total"));
        let number = |name: &str| stage[name].as_u64().unwrap();
        assert_eq!(number("required_bytes"), number("reserved_bytes") + part("context"));
        assert!(number("reserved_bytes") >= number("allocated_bytes"));
        assert!(number("required_low_bytes") <= number("required_bytes"));
        assert!(number("required_high_bytes") >= number("required_bytes"));
        assert_eq!(stage["effective_batch"], 64);
    }
    assert_eq!(stages[2]["n_negatives"], 24);
    assert_eq!(stages[2]["n_positives"], 32);
    assert!(report["known"].as_array().unwrap().iter().any(|known| known["line"] == 12));
    assert!(report["explanation"].as_array().unwrap().is_empty());
}

#[test]
fn a_page_of_show_fits_a_terminal() {
    let desk = desk();
    for arguments in [
        &["show", CONFIG, "--gpu", "24", "--explain", "--format", "table"][..],
        &["suggest", CONFIG, "--gpu", "a100-80gb", "--format", "table"],
    ] {
        let ended = desk.run(arguments).succeeds();
        for line in ended.text().lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
        for stage in ["easy", "mixed", "hard"] {
            assert!(ended.text().contains(stage), "{}", ended.text());
        }
    }
}

#[test]
fn an_explanation_has_a_formula_and_a_source_for_each_part() {
    let desk = desk();
    let arguments = ["show", CONFIG, "--gpu", "24", "--explain", "--format", "json"];
    let report = json(&desk.run(&arguments).succeeds());
    for explanation in report["explanation"].as_array().unwrap() {
        let lines = explanation["lines"].as_array().unwrap();
        assert!(lines.len() > 3);
        for line in lines {
            for key in ["category", "what", "formula", "source"] {
                assert!(!line[key].as_str().unwrap().is_empty(), "{line}");
            }
        }
    }
}

#[test]
fn a_suggestion_has_every_field_in_every_format() {
    let desk = desk();
    let run =
        |more: &[&str]| desk.run(&[&["suggest", CONFIG, "--gpu", "a10"], more].concat()).succeeds();
    let records = run(&[]).records();
    let keys: Vec<&str> = records[0].as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "name",
        "batch_size",
        "accumulate_grad_batches",
        "effective_batch",
        "n_positives",
        "n_negatives",
        "memory",
        "utilization",
        "suggestion",
    ];
    assert_eq!(keys[..expected.len()], expected);
    let memory: Vec<&str> =
        records[0]["memory"].as_object().unwrap().keys().map(String::as_str).collect();
    let parts = [
        "parameters",
        "gradients",
        "optimizer",
        "activations",
        "batch",
        "workspace",
        "context",
        "total",
    ];
    assert_eq!(memory, parts.map(|part| format!("{part}_bytes")));
    assert!(records.len() >= 9 && records.len() % 3 == 0);
    for record in &records {
        assert_eq!(record["effective_batch"], 64);
        assert!(record["required_bytes"].as_u64() <= record["budget_bytes"].as_u64(), "{record}");
        let batch = record["batch_size"].as_u64().unwrap();
        assert_eq!(batch * record["accumulate_grad_batches"].as_u64().unwrap(), 64);
        assert!(record["largest_batch"].as_u64().unwrap() >= batch);
    }
    assert_eq!(json(&run(&["--format", "json"])), Value::Array(records.clone()));
    assert_eq!(run(&["--format", "csv"]).text().lines().count(), records.len() + 1);
    let wide = run(&["--effective-batch", "256"]).records();
    assert!(wide.iter().all(|record| record["effective_batch"] == 256));
}

#[test]
fn apply_shows_a_diff_and_writes_when_told_to() {
    let desk = desk();
    let before = read(&desk, CONFIG);
    let arguments = ["apply", CONFIG, "--gpu", "a100-80gb"];
    let ended = desk.run(&arguments).succeeds();
    assert!(ended.stderr.contains("nothing was written; --write does"), "{}", ended.stderr);
    assert!(ended.text().starts_with("--- a/conf/config.yaml\n+++ b/conf/config.yaml\n@@ "));
    assert_eq!(read(&desk, CONFIG), before);

    let write = [&arguments[..], &["--write"]].concat();
    desk.run(&write).succeeds();
    let after = read(&desk, CONFIG);
    assert_ne!(after, before);
    assert_eq!(read(&desk, "conf/config.yaml.backup"), before);
    let changed: Vec<(&str, &str)> =
        before.lines().zip(after.lines()).filter(|(old, new)| old != new).collect();
    assert!(changed.iter().all(|(old, _)| old.contains("batch")), "{changed:?}");
    assert_eq!(before.lines().count(), after.lines().count());

    let again = desk.run(&write).succeeds();
    assert_eq!(again.text(), "");
    assert!(again.stderr.contains("already says what `throughput` suggests"), "{}", again.stderr);
    assert!(!desk.path("conf/config.yaml.backup.1").exists());

    desk.run(&["restore", CONFIG]).succeeds();
    assert_eq!(read(&desk, CONFIG), before);
    assert_eq!(read(&desk, "conf/config.yaml.replaced"), after);
    let message = "conf/config.yaml: there is no backup";
    desk.run(&["restore", CONFIG]).complains(message, "plan apply --write");
}

#[test]
fn windows_files_stay_windows_files() {
    let desk = desk();
    let before = format!("\u{feff}{}", CLASSIFIER.replace('\n', "\r\n"));
    desk.put("run.yaml", &before);
    let arguments = ["apply", "run.yaml", "--gpu", "a100-80gb", "--write", "--format", "json"];
    let report = json(&desk.run(&arguments).succeeds());
    let changes = report["changes"].as_array().unwrap();
    assert!(!changes.is_empty());
    let mut expected = before;
    for change in changes {
        let text = |key: &str| change[key].as_str().unwrap().to_owned();
        let key = text("name").rsplit('.').next().unwrap().to_owned();
        let (old, new) =
            (format!("{key}: {}", text("before")), format!("{key}: {}", text("after")));
        expected = expected.replacen(&old, &new, 1);
    }
    assert_eq!(read(&desk, "run.yaml"), expected);
    assert!(report["diff"].as_str().unwrap().contains("\r\n"));
}

#[test]
fn what_is_unsafe_to_edit_is_refused_and_nothing_is_written() {
    let desk = desk();
    for (from, to, line, why) in [
        ("batch_size: 4 ", "batch_size: &rows 4 ", 4, "has an anchor"),
        ("batch_size: 4 ", "batch_size: !!int 4 ", 4, "has a tag"),
        ("  max_length", "  batch_size: 4\n  max_length", 5, "twice, also on line 4"),
        ("data:\n  batch_size: 4 ", "x: &x {batch_size: 4}\ndata:\n  <<: *x", 5, "through `<<`"),
    ] {
        let text = CLASSIFIER.replace(from, to);
        desk.put("run.yaml", &text);
        let ended = desk.run(&["apply", "run.yaml", "--gpu", "a100-80gb", "--write"]);
        let message = error(&ended);
        assert!(message.starts_with(&format!("run.yaml:{line}: `data.batch_size` ")), "{message}");
        assert!(message.contains(why), "{message}");
        assert_eq!(read(&desk, "run.yaml"), text);
        assert!(!desk.path("run.yaml.backup").exists());
    }
}

#[cfg(unix)]
#[test]
fn a_read_only_file_is_refused_and_a_link_is_followed() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let desk = desk();
    desk.put("real.yaml", CLASSIFIER);
    symlink("real.yaml", desk.path("run.yaml")).unwrap();
    let mode = |mode| {
        fs::set_permissions(desk.path("real.yaml"), fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(0o444);
    let write = ["apply", "run.yaml", "--gpu", "a100-80gb", "--write"];
    let ended = desk.run(&write);
    assert!(error(&ended).ends_with("real.yaml: is read-only; nothing was written"));
    assert_eq!(read(&desk, "real.yaml"), CLASSIFIER);
    mode(0o600);
    desk.run(&write).succeeds();
    assert_ne!(read(&desk, "real.yaml"), CLASSIFIER);
    assert!(fs::symlink_metadata(desk.path("run.yaml")).unwrap().is_symlink());
    let found = fs::metadata(desk.path("real.yaml")).unwrap().permissions().mode();
    assert_eq!(found & 0o777, 0o600);
    assert_eq!(read(&desk, "real.yaml.backup"), CLASSIFIER);
}

#[test]
fn a_tree_whose_edit_was_cut_off_is_restored() {
    let desk = desk();
    let before = read(&desk, CONFIG);
    desk.run(&["apply", CONFIG, "--gpu", "a100-80gb", "--write"]).succeeds();
    let folder = desk.dir.path().join("conf").canonicalize().unwrap();
    let mark = serde_json::json!({"files": [{
        "file": folder.join("config.yaml"),
        "keep": folder.join("config.yaml.backup"),
    }]});
    desk.put("conf/config.yaml.applying", mark.to_string());
    let ended = desk.run(&["show", CONFIG, "--gpu", "24"]);
    assert!(error(&ended).contains("was cut off"), "{}", ended.stderr);
    desk.run(&["restore", CONFIG]).succeeds();
    assert_eq!(read(&desk, CONFIG), before);
    assert!(!desk.path("conf/config.yaml.applying").exists());
    desk.run(&["show", CONFIG, "--gpu", "24"]).succeeds();
}

#[test]
fn a_broken_file_can_still_be_restored() {
    let desk = desk();
    desk.put("run.yaml", CLASSIFIER);
    desk.run(&["apply", "run.yaml", "--gpu", "a100-80gb", "--write"]).succeeds();
    desk.put("run.yaml", "trainer: [\n");
    let ended = desk.run(&["show", "run.yaml", "--gpu", "24"]);
    assert!(error(&ended).starts_with("run.yaml:"), "{}", ended.stderr);
    desk.run(&["restore", "run.yaml"]).succeeds();
    assert_eq!(read(&desk, "run.yaml"), CLASSIFIER);
    assert_eq!(read(&desk, "run.yaml.replaced"), "trainer: [\n");
}

#[test]
fn a_batch_that_never_fits_says_what_is_too_big_and_what_would_help() {
    let desk = desk();
    desk.put("run.yaml", CLASSIFIER);
    let ended = desk.run(&["suggest", "run.yaml", "--gpu", "1.5"]);
    let message = error(&ended);
    assert!(message.contains("run") && message.contains("MiB"), "{message}");
    assert!(ended.stderr.contains("hint: "), "{}", ended.stderr);
    assert_eq!(ended.text(), "");
    // `show` says so of the present batch, and fails as a check.
    let ended = desk.run(&["show", "run.yaml", "--gpu", "1.5", "--format", "json"]);
    assert_eq!(ended.code, Some(1));
    assert_eq!(json(&ended)["stages"][0]["largest_batch"], Value::Null);
}

#[test]
fn without_a_gpu_one_must_be_named() {
    let desk = desk();
    // No driver is found where the loader is told to look elsewhere; on a machine with a GPU the
    // one that is here is planned for.
    let ended = desk.run(&["show", CONFIG]);
    if ended.code == Some(1) && ended.text().is_empty() {
        assert!(error(&ended).starts_with("there is no GPU here ("), "{}", ended.stderr);
        assert!(ended.stderr.contains("--gpu a100-80gb"), "{}", ended.stderr);
    }
    for gpu in ["gtx-9999", "0", "-3", "nan"] {
        let ended = desk.run(&["show", CONFIG, &format!("--gpu={gpu}")]);
        assert!(!error(&ended).is_empty(), "{gpu}");
        assert!(ended.stderr.contains("hint: "), "{gpu}: {}", ended.stderr);
    }
}

#[test]
fn flags_that_mean_nothing_are_refused() {
    let desk = desk();
    for arguments in [
        &["--set", "max_lenght=4"][..],
        &["--set", "max_length"],
        &["--margin", "1"],
        &["--reserve-gib", "x"],
        &["--config-format", "toml"],
    ] {
        let ended = desk.run(&[&["show", CONFIG, "--gpu", "24"], arguments].concat());
        assert!(error(&ended).contains(arguments[0]), "{arguments:?}: {}", ended.stderr);
    }
    let ended = desk.run(&["apply", CONFIG, "--gpu", "24", "--suggestion", "best"]);
    assert_eq!(error(&ended), "there is no suggestion `best`");
    assert!(ended.stderr.contains("throughput, balanced"), "{}", ended.stderr);
}

#[test]
fn a_map_reads_and_writes_any_file() {
    let desk = desk();
    let arguments = ["own.yaml", "--map", "own.map.toml", "--gpu", "a100-80gb"];
    let run =
        |verb: &str, more: &[&str]| desk.run(&[&[verb], &arguments[..], more].concat()).succeeds();
    assert_eq!(json(&run("show", &["--format", "json"]))["format"], "map");
    run("apply", &["--effective-batch", "128", "--write"]);
    let written = read(&desk, "own.yaml");
    assert_ne!(written, read(&desk, "own.yaml.backup"));
    let records = run("suggest", &[]).records();
    assert_eq!(records[0]["effective_batch"], 128);
}

#[test]
fn pictures_stand_alone() {
    let desk = desk();
    desk.put("run.yaml", CLASSIFIER.replace("model:", "name: <&>\nmodel:"));
    fs::rename(desk.path("run.yaml"), desk.path("<b>.yaml")).unwrap();
    let arguments = ["suggest", "<b>.yaml", "--gpu", "a10", "--html", "p.html", "--svg", "p.svg"];
    desk.run(&arguments).succeeds();
    let page = read(&desk, "p.html");
    assert!(page.contains("&lt;b&gt;") && !page.contains("<b>"));
    for foreign in ["http:", "https:", "src=", "@import", "<link", "<script"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    let picture = read(&desk, "p.svg");
    assert!(picture.starts_with("<svg xmlns=") && picture.ends_with("</svg>\n"));
    assert!(!picture.contains("NaN") && picture.contains("activations"));
}

#[test]
fn a_python_that_cannot_check_is_told_what_it_needs() {
    let desk = desk();
    let run =
        |python: &str| desk.run(&["verify", CONFIG, "--gpu", "24", &format!("--torch={python}")]);
    let ended = run("no/such/python");
    assert!(error(&ended).starts_with("cannot run no/such/python: "), "{}", ended.stderr);
    assert!(ended.stderr.contains("--torch=PATH"), "{}", ended.stderr);
}

#[cfg(unix)]
#[test]
fn a_check_compares_what_python_says() {
    use std::os::unix::fs::PermissionsExt;
    let desk = desk();
    desk.put("run.yaml", CLASSIFIER);
    // A stand-in for Python that has measured already.
    let answer = |bytes: u64, more: &[&str]| {
        let reply = serde_json::json!({
            "mode": "cuda", "versions": {"torch": "2.9.0"},
            "results": [{"batch_size": 4, "allocated_bytes": bytes, "reserved_bytes": bytes + 1024,
                "context_bytes": 400_000_000, "parameters": 109_000_000, "out_of_memory": false}],
        });
        desk.put("python", format!("#!/bin/sh\ncat > question.json\necho '{reply}'\n"));
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(desk.path("python"), mode).unwrap();
        let arguments =
            ["verify", "run.yaml", "--gpu", "l4", "--torch=./python", "--format", "json"];
        let mut command = desk.command(&[&arguments, more].concat());
        Ended::of(command.env("PATH", "/usr/bin:/bin").output().unwrap())
    };
    let first = answer(1 << 40, &[]);
    assert_eq!(first.code, Some(1), "{}", first.stderr);
    let comparison = &json(&first)["stages"][0]["comparisons"][0];
    let estimated = comparison["estimated_allocated_bytes"].as_u64().unwrap();
    let question: Value = serde_json::from_str(&read(&desk, "question.json")).unwrap();
    assert_eq!(question["batch_sizes"], serde_json::json!([2, 4]));
    assert_eq!(question["steps"], 3);

    let report = json(&answer(estimated, &["--save", "l4.json"]).succeeds());
    assert_eq!(report["error_max"], 0.0);
    assert_eq!(report["calibration"]["context_bytes"], 400_000_000);

    // Later plans take what was measured.
    let show = |gpu: &str| {
        let arguments =
            ["show", "run.yaml", "--gpu", gpu, "--calibration", "l4.json", "--format", "json"];
        desk.run(&arguments)
    };
    let stage = &json(&show("l4").succeeds())["stages"][0];
    assert_eq!(stage["memory"]["context_bytes"], 400_000_000);
    let measured = estimated as f64 + 1024.0;
    let reserved = stage["reserved_bytes"].as_f64().unwrap();
    assert!((reserved / measured - 1.0).abs() < 1e-6, "{reserved} {measured}");
    let other = show("a10");
    assert_eq!(error(&other), "l4.json: calibration: it is of L4, and the plan for A10");
    desk.put("l4.json", "{}");
    assert!(error(&show("l4")).starts_with("l4.json: missing field"));
}
