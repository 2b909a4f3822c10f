//! The race: one worker per entrant, groups one after another, rounds interleaved within a group.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::{Value, json};

use super::EncoderArgs;
use super::entrants::{Entrant, Group, entrants, groups};
use super::machine::{Machine, commit, date, versions};
use super::report::{Agreement, EntrantResult, GroupResult, Rates, Report};
use super::worker::Worker;
use super::{page, report};
use crate::command::{cargo, run as run_command, say};
use crate::python::environment;

const PROGRAMS: &str = "benches/encoder";
const DATA: &str = "target/bench/encoder";
const RESULTS: &str = "benches/results/encoder-cpu.json";

/// What a pass should take: long against the clock, short enough for many rounds.
const PASS_SECONDS: f64 = 1.2;
/// Passes are over a multiple of this many texts, which have the same lengths in each block.
const BLOCK_TEXTS: usize = 64;
/// Fewer texts would leave sorting by length little to work with.
const PASS_TEXTS_MIN: usize = 4 * BLOCK_TEXTS;
const PASS_TEXTS_MAX: usize = 8192;
/// Of the pipeline that takes one text at a time, to which the number of texts makes no difference.
const SINGLE_TEXTS_MIN: usize = 32;

/// What does not change during a run.
struct Course {
    python: PathBuf,
    worker: PathBuf,
    /// The library that hides instructions, if this machine can.
    hide: Option<PathBuf>,
    quick: bool,
    rounds: usize,
}

/// What a worker says when it is ready.
#[derive(Deserialize)]
struct About {
    texts_per_s: f64,
    streams: Option<usize>,
    batch: Option<usize>,
    #[serde(default)]
    tried: Value,
}

#[derive(Deserialize)]
struct Pass {
    seconds: f64,
}

/// An entrant that is ready, and its passes so far.
struct Runner {
    entrant: Entrant,
    worker: Worker,
    about: About,
    texts: usize,
    agreement: Agreement,
    rates: Vec<f64>,
}

/// Runs the race and writes what came of it.
///
/// # Errors
///
/// If the machine, the environment or the models are not as the race needs them. An entrant that
/// cannot run is reported, and the others go on without it.
pub(super) fn run(args: &EncoderArgs) -> anyhow::Result<()> {
    if !cfg!(target_os = "linux") {
        bail!("the race pins processes to cores and reads /proc: it runs on Linux only");
    }
    let start = Instant::now();
    let machine = Machine::read();
    let course = prepare(&machine, args.quick)?;
    if machine.load_average > 0.5 {
        let load = machine.load_average;
        say(&format!("warning: other programs are busy (load {load}); ratios are then rough"));
    }
    let mut chosen = groups(args.quick, machine.cores, course.hide.is_some());
    if let Some(text) = &args.only {
        chosen.retain(|group| group.to_string().contains(text.as_str()));
    }
    if chosen.is_empty() {
        bail!("no group is left to run");
    }
    let mut results = Vec::new();
    for group in chosen {
        let result = run_group(group, &course);
        say(&report::table(&result));
        results.push(result);
    }
    let report = Report {
        commit: commit()?,
        date: date()?,
        machine,
        versions: versions(&course.python, &Path::new(PROGRAMS).join("requirements.txt"))?,
        rounds: course.rounds,
        groups: results,
    };
    let is_partial = args.quick || args.only.is_some();
    let path = if is_partial { format!("{DATA}/results.json") } else { RESULTS.to_owned() };
    report::write(&report, Path::new(&path))?;
    if !is_partial {
        page::update(Path::new("docs/benchmarks.md"), &report)?;
    }
    say(&format!("{path} written after {:.0} minutes", start.elapsed().as_secs_f64() / 60.0));
    Ok(())
}

/// Makes or finds everything that the entrants need.
fn prepare(machine: &Machine, quick: bool) -> anyhow::Result<Course> {
    let programs = Path::new(PROGRAMS);
    let python = match std::env::var_os("FILLRATE_BENCH_PYTHON") {
        Some(python) => PathBuf::from(python),
        None => environment(Path::new("target/bench/venv"), &programs.join("requirements.txt"))?,
    };
    say("preparing models and texts");
    fs::create_dir_all(DATA).context(DATA)?;
    run_command(Command::new(&python).arg(programs.join("prepare.py")).arg(DATA))?;
    // All of the workspace, so that dependencies have the features of every other build of it.
    run_command(&mut cargo([
        "build",
        "--locked",
        "--release",
        "--workspace",
        "--example",
        "bench_worker",
    ]))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or("target".into(), PathBuf::from);
    let hide = if machine.cpuid_fault {
        let library = Path::new(DATA).join("hide_avx512.so");
        let mut compiler = Command::new("cc");
        compiler.args(["-O2", "-shared", "-fPIC", "-o"]).arg(&library);
        run_command(compiler.arg(programs.join("hide_avx512.c")))?;
        // The dynamic linker looks up a bare name elsewhere.
        Some(fs::canonicalize(library)?)
    } else {
        say("this processor cannot hide instructions: no race without AVX-512");
        None
    };
    let rounds = if quick { 3 } else { 5 };
    Ok(Course { python, worker: target.join("release/examples/bench_worker"), hide, quick, rounds })
}

fn run_group(group: Group, course: &Course) -> GroupResult {
    say(&format!("\n{group}"));
    let (mut runners, mut failures) = (Vec::new(), Vec::new());
    for entrant in entrants(group, course.quick) {
        match start(entrant, group, course) {
            Ok(runner) => runners.push(runner),
            Err(error) => failures.push(failed(entrant, &error)),
        }
    }
    for _ in 0..course.rounds {
        let mut going = Vec::new();
        for mut runner in runners {
            match runner.pass() {
                Ok(()) => going.push(runner),
                Err(error) => failures.push(failed(runner.entrant, &error)),
            }
        }
        runners = going;
        // So that each follows each other one in turn.
        if !runners.is_empty() {
            runners.rotate_left(1);
        }
    }
    let results = runners.into_iter().map(Runner::finish).collect();
    GroupResult::new(group, results, failures)
}

/// Says and gives why an entrant is out.
fn failed(entrant: Entrant, error: &anyhow::Error) -> String {
    let failure = format!("{} {}: {error:#}", entrant.engine, entrant.precision);
    say(&format!("  {failure}"));
    failure
}

/// Starts an entrant, lets it choose its batches, and checks its answers.
fn start(entrant: Entrant, group: Group, course: &Course) -> anyhow::Result<Runner> {
    let model = Path::new(DATA).join(group.model);
    let settings = json!({
        "engine": entrant.engine,
        "model": model,
        "precision": entrant.precision,
        "threads": group.threads,
        "texts": Path::new(DATA).join("headlines.json"),
        "batches": if course.quick { vec![16, 64] } else { vec![8, 16, 32, 64, 128] },
    });
    let settings = OsString::from(settings.to_string());
    let script = Path::new(PROGRAMS).join("worker.py");
    let program: &[&OsStr] = if entrant.engine == Entrant::FILLRATE {
        &[course.worker.as_os_str(), &settings]
    } else {
        &[course.python.as_os_str(), script.as_os_str(), &settings]
    };
    let name = format!("{group}-{}-{}", entrant.engine, entrant.precision);
    let log = Path::new(DATA).join(format!("{name}.log"));
    let hide = course.hide.as_deref().filter(|_| group.avx2);
    let (mut worker, about) = Worker::start::<About>(program, group.threads, hide, &log)?;
    let texts = pass_texts(&entrant, about.texts_per_s);
    // Also the pass in which memory is laid out for every shape of the measured ones.
    let path = Path::new(DATA).join(format!("{name}.f32"));
    worker.ask::<Value>(&format!("answers {} {texts}", path.display()))?;
    let agreement = Agreement::of(&read_f32(&path)?, &read_f32(&model.join("reference.f32"))?)?;
    say(&format!(
        "  {} {}: ready, {:.0} texts/s, the same label for {:.1} %",
        entrant.engine,
        entrant.precision,
        about.texts_per_s,
        100.0 * agreement.same_label
    ));
    Ok(Runner { entrant, worker, about, texts, agreement, rates: Vec::new() })
}

fn pass_texts(entrant: &Entrant, texts_per_s: f64) -> usize {
    let texts = texts_per_s * PASS_SECONDS;
    if entrant.engine == Entrant::PIPELINE {
        return (texts as usize).clamp(SINGLE_TEXTS_MIN, PASS_TEXTS_MAX);
    }
    let blocks = (texts / BLOCK_TEXTS as f64).round() as usize;
    (blocks * BLOCK_TEXTS).clamp(PASS_TEXTS_MIN, PASS_TEXTS_MAX)
}

fn read_f32(path: &Path) -> anyhow::Result<Vec<f32>> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let (values, _) = bytes.as_chunks::<4>();
    Ok(values.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect())
}

impl Runner {
    fn pass(&mut self) -> anyhow::Result<()> {
        let pass: Pass = self.worker.ask(&format!("run {}", self.texts))?;
        self.rates.push(self.texts as f64 / pass.seconds);
        Ok(())
    }

    fn finish(self) -> EntrantResult {
        EntrantResult {
            engine: self.entrant.engine,
            precision: self.entrant.precision,
            is_peer: self.entrant.is_peer,
            streams: self.about.streams,
            batch: self.about.batch,
            texts_per_pass: self.texts,
            texts_per_s: Rates::of(self.rates),
            memory_peak_mb: self.worker.memory_peak_mb(),
            agreement: self.agreement,
            tried: self.about.tried,
        }
    }
}
