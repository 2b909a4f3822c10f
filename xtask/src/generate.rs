//! The files that come from the definitions of flags and settings.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::command::{cargo, output_of, run as run_command, say};

/// The files that stay as they are, with the arguments that make `fillrate` print each.
const PAGES: [(&str, &[&str]); 6] = [
    ("docs/environment.md", &["generate", "environment"]),
    ("docs/help.txt", &["generate", "help"]),
    ("docs/completions/fillrate.bash", &["completions", "bash"]),
    ("docs/completions/_fillrate", &["completions", "zsh"]),
    ("docs/completions/fillrate.fish", &["completions", "fish"]),
    ("docs/man/fillrate.1", &["generate", "man"]),
];

/// Where the man pages of the verbs are.
const MAN_FOLDER: &str = "docs/man";

/// Writes every generated file, or with `check` compares it with what would be written.
///
/// # Errors
///
/// If the command cannot be built or run, a file cannot be written, or, with `check`, one differs.
pub(crate) fn run(check: bool) -> anyhow::Result<()> {
    build()?;
    let fillrate = binary()?;
    let mut stale = Vec::new();
    let mut wanted = Vec::new();
    for (path, arguments) in pages(&fillrate)? {
        let text = output_of(clean(&fillrate).args(&arguments))?;
        if fs::read_to_string(&path).ok().as_deref() != Some(text.as_str()) {
            stale.push(path.clone());
            if !check {
                write(&path, &text)?;
            }
        }
        wanted.push(path);
    }
    for path in left_over(&wanted)? {
        if !check {
            fs::remove_file(&path).with_context(|| path.display().to_string())?;
        }
        stale.push(path);
    }
    report(check, &stale)
}

fn report(check: bool, stale: &[PathBuf]) -> anyhow::Result<()> {
    let names = stale.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
    match (check, stale.is_empty()) {
        (_, true) => say("the generated files are up to date"),
        (true, false) => bail!("not up to date: {names}; `cargo xtask generate` writes them"),
        (false, false) => say(&format!("wrote {names}")),
    }
    Ok(())
}

/// Every page with its arguments: those of the table, and a man page for each verb.
fn pages(fillrate: &Path) -> anyhow::Result<Vec<(PathBuf, Vec<String>)>> {
    let mut pages: Vec<(PathBuf, Vec<String>)> = PAGES
        .iter()
        .map(|(path, arguments)| {
            (PathBuf::from(path), arguments.iter().map(ToString::to_string).collect())
        })
        .collect();
    let verbs = output_of(clean(fillrate).args(["generate", "verbs"]))?;
    for verb in verbs.lines() {
        let path = Path::new(MAN_FOLDER).join(format!("fillrate-{verb}.1"));
        pages.push((path, vec!["generate".into(), "man".into(), verb.to_owned()]));
    }
    Ok(pages)
}

/// Man pages of verbs that are no more.
fn left_over(wanted: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let Ok(folder) = fs::read_dir(MAN_FOLDER) else { return Ok(Vec::new()) };
    let found: Result<Vec<PathBuf>, _> =
        folder.map(|entry| entry.map(|entry| entry.path())).collect();
    Ok(found?.into_iter().filter(|path| !wanted.contains(path)).collect())
}

/// The command without the settings of whoever runs us.
fn clean(fillrate: &Path) -> Command {
    let mut command = Command::new(fillrate);
    let settings = std::env::vars_os().map(|(name, _)| name);
    for name in settings.filter(|name| name.to_string_lossy().starts_with("FILLRATE_")) {
        command.env_remove(name);
    }
    command
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    fs::write(path, text).with_context(|| path.display().to_string())
}

/// Builds the command as the tests do, so that nothing is built twice.
fn build() -> anyhow::Result<()> {
    let arguments = ["test", "--quiet", "--locked", "--workspace", "--lib", "--bins", "--tests"];
    run_command(cargo(arguments).arg("--no-run"))
}

/// The command that was just built. It lies where this program does.
fn binary() -> anyhow::Result<PathBuf> {
    let here = std::env::current_exe().context("cannot tell where this program is")?;
    let path = here.with_file_name(format!("fillrate{}", std::env::consts::EXE_SUFFIX));
    if !path.is_file() {
        bail!("{} was not built", path.display());
    }
    Ok(path)
}
