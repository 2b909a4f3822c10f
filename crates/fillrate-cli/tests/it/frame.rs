//! What every verb shares: help, settings, errors, exit statuses, pipes.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use insta::assert_snapshot;
use serde_json::Value;
use tempfile::TempDir;

/// The command in an empty folder, with nothing of this machine's settings.
fn fillrate(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fillrate"));
    command.env_clear().env("HOME", folder).current_dir(folder);
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn run(arguments: &[&str]) -> Output {
    let folder = TempDir::new().unwrap();
    fillrate(folder.path()).args(arguments).output().unwrap()
}

/// What a failing command says, with its exit status.
#[track_caller]
fn complaint(output: &Output) -> String {
    assert_eq!(text(&output.stdout), "", "nothing half-done is printed");
    format!("{}exit {}", text(&output.stderr), output.status.code().unwrap())
}

fn settings_of(command: &mut Command) -> Value {
    let output = command.args(["doctor", "--format", "json"]).output().unwrap();
    assert_eq!(text(&output.stderr), "");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    report["settings"].clone()
}

#[test]
fn a_slip_of_the_pen_is_answered_with_the_nearest_flag() {
    assert_snapshot!(complaint(&run(&["doctor", "--devcie", "cpu"])), @"
    error: unexpected argument '--devcie' found
    hint: a similar argument exists: '--device'
    exit 1
    ");
}

#[test]
fn a_number_below_zero_is_no_flag() {
    assert_snapshot!(complaint(&run(&["indicators", "p.csv", "--sma", "-3"])), @"
    error: unexpected argument '-3' found
    hint: to give a flag a value that begins with `-`, write --FLAG=VALUE
    exit 1
    ");
}

#[test]
fn a_value_that_means_nothing_is_answered_with_those_that_do() {
    assert_snapshot!(complaint(&run(&["doctor", "--device", "gpu"])), @"
    error: invalid value 'gpu' for '--device <DEVICE>': expected auto, cpu, cuda or cuda:N
    hint: `fillrate --help` lists the verbs and flags
    exit 1
    ");
    assert_snapshot!(complaint(&run(&["doctor", "--threads", "0"])), @"
    error: invalid value '0' for '--threads <N>': expected a number from 1 to 4096
    hint: `fillrate --help` lists the verbs and flags
    exit 1
    ");
}

#[test]
fn what_this_version_cannot_do_is_refused() {
    assert_snapshot!(complaint(&run(&["score", "-", "--device", "cpu", "--precision", "fp16"])), @"
    error: --precision: fp16 is computed on GPUs only
    hint: use `--precision bf16`, which has the same size, or `auto`
    exit 1
    ");
    assert_snapshot!(complaint(&run(&["score", "-", "--device", "cpu", "--precision", "fp8"])), @"
    error: --precision: fp8 is computed on GPUs only
    hint: use `--precision int8`, which has the same size, or `auto`
    exit 1
    ");
    assert_snapshot!(complaint(&run(&["score", "-", "--device", "cuda", "--precision", "int8"])), @"
    error: --precision: a GPU computes in bf16, fp16 or fp8
    hint: use `--precision auto`, which takes the one that the GPU is made for
    exit 1
    ");
    assert_snapshot!(complaint(&run(&["doctor", "--format", "csv"])), @"
    error: a report has no csv format
    hint: use `--format table`, `json` or `jsonl`
    exit 1
    ");
}

#[test]
fn help_is_data_and_its_absence_is_an_error() {
    let help = run(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(text(&help.stdout).contains("Usage: fillrate"));
    let nothing = run(&[]);
    assert_eq!(nothing.status.code(), Some(1));
    assert_eq!(text(&nothing.stdout), "");
    assert!(text(&nothing.stderr).contains("Usage: fillrate"));
}

#[test]
fn flag_wins_over_variable_over_file_over_default() {
    let folder = TempDir::new().unwrap();
    let model = |command: &mut Command| settings_of(command)["text"]["mode"].clone();
    assert_eq!(model(&mut fillrate(folder.path())), "throughput");
    fs::write(folder.path().join("fillrate.toml"), "mode = \"memory\"\nthreads = 3\n").unwrap();
    assert_eq!(model(&mut fillrate(folder.path())), "memory");
    let mut command = fillrate(folder.path());
    assert_eq!(model(command.env("FILLRATE_MODE", "latency")), "latency");
    assert_eq!(model(fillrate(folder.path()).env("FILLRATE_MODE", "")), "memory");

    let threads = |command: &mut Command| settings_of(command)["threads"].clone();
    assert_eq!(threads(&mut fillrate(folder.path())), 3);
    let mut command = fillrate(folder.path());
    assert_eq!(threads(command.env("FILLRATE_THREADS", "1").args(["--threads", "2"])), 2);
}

#[test]
fn another_file_is_read_only_where_it_is_named() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("fillrate.toml"), "threads = 1\n").unwrap();
    fs::write(folder.path().join("other.toml"), "threads = 2\n").unwrap();
    let threads = |command: &mut Command| settings_of(command)["threads"].clone();
    assert_eq!(threads(fillrate(folder.path()).args(["--config", "other.toml"])), 2);
    assert_eq!(threads(fillrate(folder.path()).env("FILLRATE_CONFIG", "other.toml")), 2);
    assert_snapshot!(complaint(&run(&["doctor", "--config", "absent.toml"])), @"
    error: cannot read the configuration absent.toml: No such file or directory (os error 2)
    exit 1
    ");
}

#[test]
fn names_of_existing_bots_have_their_meaning() {
    let folder = TempDir::new().unwrap();
    let mut command = fillrate(folder.path());
    command.env("SENTIMENT_BATCH_SIZE", "16").env("GPU_MAX_TEMPERATURE_C", "83");
    let settings = settings_of(command.env("GPU_MAX_UTILIZATION_WARN", "0.95"));
    assert_eq!(settings["text"]["batch_tokens"], 16 * 512);
    assert_eq!(settings["gpu"]["gpu_max_temperature_c"], 83);
    assert_eq!(settings["gpu"]["gpu_max_utilization_warn"], 95);
    let mut command = fillrate(folder.path());
    command.env("SENTIMENT_BATCH_SIZE", "16").env("FILLRATE_BATCH_TOKENS", "auto");
    assert_eq!(settings_of(&mut command)["text"]["batch_tokens"], "auto");
}

#[test]
fn switches_of_existing_bots_are_settings_of_ours() {
    let folder = TempDir::new().unwrap();
    let of = |name: &str, value: &str, key: &str| {
        settings_of(fillrate(folder.path()).env(name, value))["text"][key].clone()
    };
    assert_eq!(of("FEATURE_CUDA_STREAMS", "0", "gpu_streams"), 1);
    assert_eq!(of("FEATURE_CUDA_STREAMS", "1", "gpu_streams"), 2);
    assert_eq!(of("FILLRATE_GPU_STREAMS", "4", "gpu_streams"), 4);
    for (name, key) in
        [("GPU_MEMORY_CLEANUP", "release_idle"), ("GPU_PROFILING_ENABLED", "timings")]
    {
        assert_eq!(of(name, "True", key), true, "{name}");
        assert_eq!(of(name, "0", key), false, "{name}");
        assert_eq!(of("HOME", "/", key), false, "{name}");
    }
    let mut command = fillrate(folder.path());
    let output = command.env("FEATURE_CUDA_STREAMS", "two").arg("doctor").output().unwrap();
    assert_snapshot!(complaint(&output), @"
    error: FEATURE_CUDA_STREAMS: invalid value `two`: expected true or false
    exit 1
    ");
    assert_snapshot!(complaint(&run(&["score", "-", "--gpu-streams", "9"])), @"
    error: invalid value '9' for '--gpu-streams <N>': expected a number from 1 to 8
    hint: `fillrate --help` lists the verbs and flags
    exit 1
    ");
}

/// A bot that switches models by the hour is told that nothing here does; other verbs score nothing.
#[test]
fn a_switch_that_nothing_reads_is_not_passed_over() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("news.csv"), "text\nAcme beats estimates\n").unwrap();
    let said = |value: &str, arguments: &[&str]| {
        let mut command = fillrate(folder.path());
        command.env("FEATURE_ADAPTIVE_SENTIMENT", value).args(arguments);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        text(&output.stderr).contains("FEATURE_ADAPTIVE_SENTIMENT is not read")
    };
    let score = ["score", "news.csv", "--model", "vader"];
    assert!(said("1", &score));
    assert!(!said("0", &score) && !said("", &score) && !said("1", &["doctor"]));
}

#[test]
fn bad_lines_of_the_file_are_named() {
    let complaint_about = |content: &str| {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("fillrate.toml"), content).unwrap();
        complaint(&fillrate(folder.path()).arg("doctor").output().unwrap())
    };
    assert_snapshot!(complaint_about("threads = 2\n\nmodle = \"vader\"\n"), @"
    error: fillrate.toml:3: unknown key `modle`
    hint: did you mean `model`?
    exit 1
    ");
    assert_snapshot!(complaint_about("# mine\nmode = \"fast\"\n"), @"
    error: fillrate.toml:2: invalid value `fast`: expected one of throughput, latency, memory
    exit 1
    ");
    assert_snapshot!(complaint_about("model = [\"vader\"]\n"), @"
    error: fillrate.toml:1: `model` takes one value, not a list or table
    exit 1
    ");
    let broken = complaint_about("model = \n");
    assert!(broken.starts_with("error: fillrate.toml:1: "), "{broken}");
    assert!(broken.ends_with("hint: the file holds lines of the form `key = value`\nexit 1"));
}

#[test]
fn bad_variables_are_named_and_unknown_ones_are_warned_of() {
    let folder = TempDir::new().unwrap();
    let mut command = fillrate(folder.path());
    let output = command.env("FILLRATE_THREADS", "many").arg("doctor").output().unwrap();
    assert_snapshot!(complaint(&output), @"
    error: FILLRATE_THREADS: invalid value `many`: expected a number from 1 to 4096
    exit 1
    ");
    let mut command = fillrate(folder.path());
    let output = command.env("FILLRATE_PRECISON", "int8").arg("doctor").output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_snapshot!(text(&output.stderr), @"warning: FILLRATE_PRECISON is not a setting; did you mean FILLRATE_PRECISION?");
    let mut command = fillrate(folder.path());
    let quiet = command.env("FILLRATE_PRECISON", "int8").args(["doctor", "-q"]).output().unwrap();
    assert_eq!(text(&quiet.stderr), "");
}

#[test]
fn a_reader_that_goes_away_is_a_success() {
    let folder = TempDir::new().unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = fillrate(folder.path())
        .args(["completions", "bash"])
        .stdout(writer)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""));
}

#[test]
fn a_file_appears_whole_or_not_at_all() {
    let folder = TempDir::new().unwrap();
    let report = folder.path().join("report.json");
    let output = fillrate(folder.path()).args(["doctor", "-o", "report.json"]).output().unwrap();
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(0), ""));
    let parsed: Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
    assert_eq!(parsed["version"], env!("CARGO_PKG_VERSION"));

    let output = fillrate(folder.path()).args(["doctor", "-o", "no/such.json"]).output().unwrap();
    assert_snapshot!(complaint(&output), @"
    error: no/such.json: there is no folder no
    exit 1
    ");
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(left, [report]);
}

#[test]
fn a_name_that_is_no_model_fails_the_check() {
    let folder = TempDir::new().unwrap();
    let mut command = fillrate(folder.path());
    let output = command.env("FILLRATE_MODEL", "vadar").args(["doctor", "--format", "json"]);
    let output = output.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["findings"][0]["severity"], "problem");
    assert!(report["findings"][0]["what"].as_str().unwrap().starts_with("model (FILLRATE_MODEL)"));
}

#[test]
fn a_gpu_that_is_asked_for_and_not_there_fails_the_check() {
    let output = run(&["doctor", "--format", "json", "--device", "cuda:99"]);
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let finding = &report["findings"][0];
    assert_eq!(finding["severity"], "problem");
    let what = finding["what"].as_str().unwrap();
    assert!(what.starts_with("device (--device): cuda:99, and there is no GPU"), "{what}");
    assert!(finding["mend"].as_str().unwrap().contains("--device auto"), "{finding}");
}

/// The names and types of a report, which programs rely on; values are this machine's.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), shape(value))).collect()
        }
        Value::Array(items) => Value::Array(items.iter().take(1).map(shape).collect()),
        Value::String(_) => "text".into(),
        Value::Number(_) => "number".into(),
        Value::Bool(_) => "switch".into(),
        Value::Null => Value::Null,
    }
}

#[test]
fn the_report_has_its_field_names() {
    let output = run(&["doctor", "--format", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let names: Vec<&String> = report.as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        [
            "version", "os", "arch", "cpu", "memory", "gpus", "uses", "models", "findings",
            "settings"
        ]
    );
    let cpu: Vec<&String> = report["cpu"].as_object().unwrap().keys().collect();
    assert_eq!(
        cpu,
        [
            "model",
            "physical_cores",
            "logical_cpus",
            "allowed_cpus",
            "quota_cpus",
            "threads_advised",
            "isa",
            "caches"
        ]
    );
    assert_snapshot!(serde_json::to_string(&shape(&report["uses"])).unwrap(), @r#"{"device":{"value":"text","why":"text"},"kernels":{"value":"text","why":"text"},"precision":{"value":"text","why":"text"},"threads":{"value":"number","why":"text"},"model":{"value":"text","why":"text"}}"#);
    assert!(report["gpus"]["state"].is_string());
}

#[test]
fn a_page_fits_eighty_columns() {
    let folder = TempDir::new().unwrap();
    let output = fillrate(folder.path()).env("COLUMNS", "80").args(["doctor", "-v"]).output();
    let page = text(&output.unwrap().stdout);
    let widest = page.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(80), "{page}");
    for title in ["Processor", "Memory", "GPUs", "What will be used", "Models", "Settings"] {
        assert!(page.lines().any(|line| line == title), "{title} is not in\n{page}");
    }
}
