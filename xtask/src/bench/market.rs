//! The market kernels against libraries of the same purpose, one core, interleaved.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use super::machine::{Machine, commit, date, versions};
use super::page;
use super::worker::Worker;
use crate::command::{cargo, run as run_command, say};
use crate::python::environment;

const PROGRAMS: &str = "benches/market";
const DATA: &str = "target/bench/market";
const RESULTS: &str = "benches/results/market-cpu.json";
const PAGE: &str = "docs/benchmarks.md";
/// Every case is timed so often, its peers in between.
const ROUNDS: usize = 7;

/// What a worker says when it is ready: its cases, `CASE` where Fillrate computes it and `CASE LIBRARY`
/// where a peer does.
#[derive(Deserialize)]
pub(super) struct About {
    pub(super) cases: Vec<String>,
}

#[derive(Deserialize)]
struct Timing {
    ns: f64,
}

#[derive(Serialize)]
struct Report {
    commit: String,
    date: String,
    machine: Machine,
    versions: BTreeMap<String, String>,
    rounds: usize,
    /// Nanoseconds per unit (a bar, an option, a step of a path), median over the rounds, by case
    /// and library.
    ns: BTreeMap<String, BTreeMap<String, f64>>,
}

/// Times every case and writes `benches/results/market-cpu.json`.
///
/// # Errors
///
/// If a program or a package cannot be had, or a worker fails.
pub(super) fn run(only: Option<&str>) -> anyhow::Result<()> {
    if !cfg!(target_os = "linux") {
        bail!("the benchmark pins processes to a core: it runs on Linux only");
    }
    let machine = Machine::read();
    let requirements = Path::new(PROGRAMS).join("requirements.txt");
    let python = environment(Path::new("target/bench/venv-market"), &requirements)?;
    fs::create_dir_all(DATA).context(DATA)?;
    let arguments = ["build", "--locked", "--release", "--workspace", "--example", "bench_market"];
    run_command(&mut cargo(arguments))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or("target".into(), PathBuf::from);
    let ours = target.join("release/examples/bench_market");
    let script = Path::new(PROGRAMS).join("worker.py");
    let (mut ours, about) = start(&[ours.as_os_str()], "fillrate")?;
    let (mut peers, peer_about) = start(&[python.as_os_str(), script.as_os_str()], "peers")?;
    let own = about.cases.iter().filter(|case| !case.contains(' '));
    let mut ns = BTreeMap::new();
    for case in own.filter(|case| only.is_none_or(|text| case.contains(text))) {
        let (near, far) = (rivals(case, &about.cases), rivals(case, &peer_about.cases));
        let mut times: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        let mut note = |library: &str, timing: &Timing| {
            times.entry(library.to_owned()).or_default().push(timing.ns);
        };
        for _ in 0..ROUNDS {
            note("fillrate", &ours.ask(&format!("run {case}"))?);
            for (request, library) in &near {
                note(library, &ours.ask(&format!("run {request}"))?);
            }
            for (request, library) in &far {
                note(library, &peers.ask(&format!("run {request}"))?);
            }
        }
        let medians = times.into_iter().map(|(library, times)| (library, median(times))).collect();
        say(&line(case, &medians));
        ns.insert(case.clone(), medians);
    }
    let report = Report {
        commit: commit()?,
        date: date()?,
        machine,
        versions: versions(&python, &requirements)?,
        rounds: ROUNDS,
        ns,
    };
    let partial = format!("{DATA}/results.json");
    let path = if only.is_some() { partial.as_str() } else { RESULTS };
    if only.is_none() {
        page::replace(Path::new(PAGE), "market", &tables(&report))?;
    }
    fs::write(path, serde_json::to_string_pretty(&report)? + "\n").context(path.to_owned())?;
    say(&format!("{path} written"));
    Ok(())
}

fn start(program: &[&OsStr], name: &str) -> anyhow::Result<(Worker, About)> {
    Worker::start(program, 1, None, &Path::new(DATA).join(format!("{name}.log")))
        .with_context(|| format!("the worker of {name}"))
}

/// The peers' cases for one of ours, each `CASE LIBRARY`, with their libraries.
pub(super) fn rivals(case: &str, peers: &[String]) -> Vec<(String, String)> {
    let of_case = peers.iter().filter_map(|peer| {
        let (name, library) = peer.split_once(' ')?;
        (name == case).then(|| (peer.clone(), library.to_owned()))
    });
    of_case.collect()
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// A case's line: our time, and each library's with the ratio to ours.
fn line(case: &str, medians: &BTreeMap<String, f64>) -> String {
    let ours = medians["fillrate"];
    let mut line = format!("{case:<24} {ours:>9.3} ns");
    for (library, ns) in medians.iter().filter(|(library, _)| *library != "fillrate") {
        // A string takes every write.
        let _ = write!(line, "   {library} {ns:.3} ns ({:.2} x)", ns / ours);
    }
    line
}

/// What the page has: a row per case, its peers from the fastest on.
fn tables(report: &Report) -> String {
    let machine = &report.machine;
    let versions: Vec<String> =
        report.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    let mut page = format!(
        "Measured on {} at commit `{}`: {} ({}), one core of {}, Linux {}, load average {} before it \
         began.\nMedians of {} interleaved rounds, each the fastest repetition in a fifth of a second; \
         {}.\n\n| case | Fillrate, ns | peers, ns (ratio to Fillrate) |\n|---|---|---|\n",
        report.date,
        report.commit,
        machine.processor,
        machine.instructions.join(", "),
        machine.cores,
        machine.kernel,
        machine.load_average,
        report.rounds,
        versions.join(", "),
    );
    for (case, medians) in &report.ns {
        let ours = medians["fillrate"];
        let mut peers: Vec<(&String, &f64)> =
            medians.iter().filter(|(library, _)| *library != "fillrate").collect();
        peers.sort_by(|a, b| a.1.total_cmp(b.1));
        let peer = |(library, ns): (&String, &f64)| {
            format!("{library} {} ({:.1} ×)", digits(*ns), ns / ours)
        };
        let peers: Vec<String> = peers.into_iter().map(peer).collect();
        // A string takes every write.
        let _ = writeln!(page, "| `{case}` | {} | {} |", digits(ours), peers.join(", "));
    }
    page
}

/// Three digits of a time.
fn digits(ns: f64) -> String {
    let places = (2 - ns.log10().floor() as i32).clamp(0, 3) as usize;
    format!("{ns:.places$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_of_a_time_are_shown() {
        let shown = [0.001_234, 0.912_3, 12.345, 678.9, 12_345.6].map(digits);
        assert_eq!(shown, ["0.001", "0.912", "12.3", "679", "12346"]);
    }

    #[test]
    fn rivals_are_those_of_the_same_case() {
        let peers =
            ["sma_20 talib".to_owned(), "sma_200 talib".to_owned(), "sma_20 x y".to_owned()];
        let libraries: Vec<String> =
            rivals("sma_20", &peers).into_iter().map(|(_, library)| library).collect();
        assert_eq!(libraries, ["talib", "x y"]);
    }

    #[test]
    fn the_median_is_the_middle_one() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
    }
}
