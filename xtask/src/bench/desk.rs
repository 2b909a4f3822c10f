//! Sweeps and portfolios against libraries of the same purpose, one core, interleaved.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use super::machine::{Machine, commit, date, versions};
use super::market::{About, rivals};
use super::worker::Worker;
use crate::command::{cargo, run as run_command, say};
use crate::python::environment;

const PROGRAMS: &str = "benches/desk";
const DATA: &str = "target/bench/desk";
const RESULTS: &str = "benches/results/desk-cpu.json";
/// Every case is timed so often, its peers in between.
const ROUNDS: usize = 5;

#[derive(Deserialize)]
struct Timing {
    ms: f64,
    /// What came out, to see that both sides did the same.
    value: f64,
    /// Whether it takes too long to be run again.
    #[serde(default)]
    once: bool,
}

#[derive(Serialize)]
struct Report {
    commit: String,
    date: String,
    machine: Machine,
    versions: BTreeMap<String, String>,
    rounds: usize,
    cases: BTreeMap<String, BTreeMap<String, Figure>>,
}

/// What a library takes for a case.
#[derive(Serialize)]
struct Figure {
    /// The median over the rounds.
    ms: f64,
    rounds: usize,
    value: f64,
}

/// Times every case and writes `benches/results/desk-cpu.json`.
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
    let python = match std::env::var_os("FILLRATE_BENCH_PYTHON") {
        Some(python) => PathBuf::from(python),
        None => environment(Path::new("target/bench/venv-desk"), &requirements)?,
    };
    fs::create_dir_all(DATA).context(DATA)?;
    let arguments = ["build", "--locked", "--release", "--workspace", "--example", "bench_desk"];
    run_command(&mut cargo(arguments))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or("target".into(), PathBuf::from);
    let ours = target.join("release/examples/bench_desk");
    let script = Path::new(PROGRAMS).join("worker.py");
    let data = OsStr::new(DATA);
    let (mut ours, about) = start(&[ours.as_os_str(), data], "fillrate")?;
    let (mut peers, peer_about) = start(&[python.as_os_str(), script.as_os_str(), data], "peers")?;
    let mut cases = BTreeMap::new();
    for case in about.cases.iter().filter(|case| only.is_none_or(|text| case.contains(text))) {
        let rivals = rivals(case, &peer_about.cases);
        let mut timings: BTreeMap<String, Vec<Timing>> = BTreeMap::new();
        for _ in 0..ROUNDS {
            let timing = ours.ask(&format!("run {case}"))?;
            timings.entry("fillrate".into()).or_default().push(timing);
            for (request, library) in &rivals {
                let known = timings.entry(library.clone()).or_default();
                if known.first().is_none_or(|timing| !timing.once) {
                    known.push(peers.ask(&format!("run {request}"))?);
                }
            }
        }
        let figures = timings.into_iter().map(|(library, timings)| (library, figure(timings)));
        let figures: BTreeMap<String, Figure> = figures.collect();
        say(&line(case, &figures));
        cases.insert(case.clone(), figures);
    }
    let report = Report {
        commit: commit()?,
        date: date()?,
        machine,
        versions: versions(&python, &requirements)?,
        rounds: ROUNDS,
        cases,
    };
    let partial = format!("{DATA}/results.json");
    let path = if only.is_some() { partial.as_str() } else { RESULTS };
    fs::write(path, serde_json::to_string_pretty(&report)? + "\n").context(path.to_owned())?;
    say(&format!("{path} written"));
    Ok(())
}

fn start(program: &[&OsStr], name: &str) -> anyhow::Result<(Worker, About)> {
    Worker::start(program, 1, None, &Path::new(DATA).join(format!("{name}.log")))
        .with_context(|| format!("the worker of {name}"))
}

/// The median, with the value of the last round.
fn figure(mut timings: Vec<Timing>) -> Figure {
    let value = timings.last().map_or(f64::NAN, |timing| timing.value);
    timings.sort_by(|one, other| one.ms.total_cmp(&other.ms));
    Figure { ms: timings[timings.len() / 2].ms, rounds: timings.len(), value }
}

/// A case's line: our time, and each library's with the ratio to ours and how far its result is.
fn line(case: &str, figures: &BTreeMap<String, Figure>) -> String {
    let ours = &figures["fillrate"];
    let mut line = format!("{case:<14} {:>9.3} ms", ours.ms);
    for (library, figure) in figures.iter().filter(|(library, _)| *library != "fillrate") {
        let off = (figure.value / ours.value - 1.0).abs();
        // A string takes every write.
        let _ = write!(
            line,
            "   {library} {:.3} ms ({:.1} x, value off by {off:.1e})",
            figure.ms,
            figure.ms / ours.ms
        );
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one() {
        let timing = |ms| Timing { ms, value: ms, once: false };
        let figure = figure(vec![timing(3.0), timing(1.0), timing(2.0)]);
        assert_eq!((figure.ms, figure.rounds, figure.value), (2.0, 3, 2.0));
    }
}
