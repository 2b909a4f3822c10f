//! Benchmarks: criterion's, and the races against what a user would pick instead.

mod desk;
mod entrants;
mod machine;
mod market;
mod page;
mod race;
mod report;
mod worker;

use std::fs;

use clap::{Args, Subcommand};

use crate::command::{cargo, run as run_command};

/// Which benchmarks to run.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    race: Option<Race>,

    /// Only the criterion benchmarks of this file, such as `tokenize` or `products`, or those whose
    /// name has this in it
    filter: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Race {
    /// Race Fillrate against other encoders on this processor, in one interleaved run
    ///
    /// The first run makes a Python environment with the pinned packages of
    /// benches/encoder/requirements.txt and converts the models, in target/bench;
    /// `FILLRATE_BENCH_PYTHON` names a Python that has the packages already. Linux only.
    Encoder(EncoderArgs),

    /// Time the market kernels and libraries of the same purpose on one core, interleaved
    ///
    /// The first run makes a Python environment with the pinned packages of
    /// benches/market/requirements.txt in target/bench. Linux only.
    Market {
        /// Only the cases whose name has this in it; writes the results below target/bench only
        #[arg(long, value_name = "TEXT")]
        only: Option<String>,
    },

    /// Time parameter sweeps and portfolios and libraries of the same purpose on one core
    ///
    /// As `market`, with the packages of benches/desk/requirements.txt; `FILLRATE_BENCH_PYTHON` names
    /// a Python that has them already.
    Desk {
        /// Only the cases whose name has this in it; writes the results below target/bench only
        #[arg(long, value_name = "TEXT")]
        only: Option<String>,
    },
}

/// How much of the race to run.
#[derive(Debug, Args)]
struct EncoderArgs {
    /// Two threads, three rounds and the main entrants, in a few minutes; writes the results below
    /// target/bench only
    #[arg(long)]
    quick: bool,

    /// Only the groups whose name has this in it, such as `minilm`, `int8` or `minilm-2-int8`;
    /// writes the results below target/bench only
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
}

/// Runs what was asked for.
///
/// # Errors
///
/// If a program cannot be run or fails, or the results cannot be written.
pub(crate) fn run(args: &BenchArgs) -> anyhow::Result<()> {
    match &args.race {
        Some(Race::Encoder(args)) => race::run(args),
        Some(Race::Market { only }) => market::run(only.as_deref()),
        Some(Race::Desk { only }) => desk::run(only.as_deref()),
        None => run_criterion(args.filter.as_deref()),
    }
}

fn run_criterion(filter: Option<&str>) -> anyhow::Result<()> {
    let mut command = cargo(["bench", "--locked", "--workspace"]);
    match filter {
        Some(file) if is_bench_file(file) => command.args(["--bench", file]),
        _ => command.args(["--benches", "--"]).args(filter),
    };
    run_command(&mut command)
}

/// Whether a crate has a benchmark of this name.
fn is_bench_file(name: &str) -> bool {
    let crates = fs::read_dir("crates").into_iter().flatten().filter_map(Result::ok);
    let mut files = crates.map(|entry| entry.path().join("benches").join(name));
    files.any(|file| file.with_extension("rs").is_file() || file.join("main.rs").is_file())
}
