//! Checks, generated files, golden vectors and benchmarks of this workspace: `cargo xtask --help`.

mod bench;
mod check;
mod command;
mod generate;
mod golden;
mod python;
mod toolkit;

use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::command::{cargo, run};

/// Runs the checks and makes the generated files of Fillrate
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Formatting, lints, all tests, documentation, generated files: what a change must pass
    Test,

    /// Install the compilers of the CUDA kernels into a private folder, which `test` also does
    Setup,

    /// Write the generated files: man pages, completions, the page of settings, the help text
    Generate {
        /// Write nothing; fail if a file is not what would be written
        #[arg(long)]
        check: bool,
    },

    /// Make the golden vectors of golden/NAME with the Python packages they are pinned to
    Golden {
        /// The folder below golden/
        name: String,
        /// Fail if the vectors are then not those that are committed
        #[arg(long)]
        check: bool,
    },

    /// Compare our tokenizers with Hugging Face's on generated strings
    FuzzTokens {
        /// How many strings
        #[arg(long, default_value_t = 1_000_000)]
        count: u64,
        /// Where the generator starts
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },

    /// Run the criterion benchmarks, or the race of the encoders
    Bench(bench::BenchArgs),
}

fn main() -> ExitCode {
    let task = Cli::parse().task;
    // Paths below are relative to the root, wherever the command was started.
    // (Cargo says where the package is; a path built in would be that of another checkout that
    // shares the build cache.)
    let package = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| "xtask".into());
    let root = Path::new(&package).parent().unwrap_or(Path::new("."));
    let ended = std::env::set_current_dir(root).map_err(Into::into).and_then(|()| match task {
        Task::Test => check::run_all(),
        Task::Setup => toolkit::setup().map(drop),
        Task::Generate { check } => generate::run(check),
        Task::Golden { name, check } => golden::make(&name, check),
        Task::FuzzTokens { count, seed } => fuzz_tokens(count, seed),
        Task::Bench(args) => bench::run(&args),
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            command::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn fuzz_tokens(count: u64, seed: u64) -> anyhow::Result<()> {
    let (count, seed) = (count.to_string(), seed.to_string());
    run(cargo(["run", "--release", "--locked", "-p", "fillrate", "--example", "fuzz_tokens", "--"])
        .args(["--count", &count, "--seed", &seed]))
}
