//! `cargo xtask test`: what a change must pass, step by step, stopping at the first that fails.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::Context;

use crate::command::{cargo, run, say};
use crate::{generate, toolkit};

/// A step's name and what it does.
type Step = (&'static str, fn() -> anyhow::Result<()>);

const STEPS: [Step; 7] = [
    ("formatting", || run(&mut cargo(["fmt", "--all", "--check"]))),
    ("lints", || {
        run(&mut cargo(["clippy", "--locked", "--workspace", "--all-targets", "--", "-Dwarnings"]))
    }),
    ("tests", test),
    ("documentation tests", || run(&mut cargo(["test", "--locked", "--workspace", "--doc"]))),
    ("documentation", document),
    ("generated files", || generate::run(true)),
    ("licences and advisories", deny),
];

/// Runs every step.
///
/// # Errors
///
/// At the first step that fails.
pub(crate) fn run_all() -> anyhow::Result<()> {
    let start = Instant::now();
    for (number, (name, step)) in STEPS.iter().enumerate() {
        say(&format!("== {}/{} {name}", number + 1, STEPS.len()));
        let step_start = Instant::now();
        step().with_context(|| format!("step `{name}`"))?;
        say(&format!("== {name}: passed in {:.1} s", step_start.elapsed().as_secs_f64()));
    }
    say(&format!("all {} steps passed in {:.0} s", STEPS.len(), start.elapsed().as_secs_f64()));
    Ok(())
}

/// Runs the tests, with the compilers of the CUDA kernels where they can be had.
fn test() -> anyhow::Result<()> {
    let mut tests = cargo(["test", "--locked", "--workspace", "--lib", "--bins", "--tests"]);
    match toolkit::setup() {
        Ok(compilers) => {
            tests.env(toolkit::COMPILERS_VARIABLE, std::env::join_paths(compilers)?);
        }
        Err(error) => say(&format!(
            "WARNING: no CUDA kernel is compiled for a GPU in this run: {error:#}\n\
             (`cargo xtask setup` installs the compilers; the kernels still run on the processor)"
        )),
    }
    run(&mut tests)
}

fn document() -> anyhow::Result<()> {
    let mut flags = std::env::var("RUSTDOCFLAGS").unwrap_or_default();
    flags.push_str(" -Dwarnings");
    let arguments = ["doc", "--locked", "--workspace", "--no-deps"];
    run(cargo(arguments).env("RUSTDOCFLAGS", flags.trim()))
}

/// Runs `cargo deny` where it is installed. Advisories need the network, so only what the
/// lock file says by itself is checked here.
fn deny() -> anyhow::Result<()> {
    let quiet = |command: &mut Command| {
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
    };
    if !quiet(&mut cargo(["deny", "--version"])) {
        say("skipped: cargo-deny is not installed (`cargo install cargo-deny --locked`)");
        return Ok(());
    }
    run(&mut cargo(["deny", "--locked", "check", "bans", "licenses", "sources"]))
}
