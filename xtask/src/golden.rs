//! Golden vectors: made by Python programs beside them, with the packages they are pinned to.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::command::{output_of, run, say};

/// Runs `golden/NAME/generate.py` in an environment that has its `requirements.txt`.
///
/// # Errors
///
/// If there is no such folder, Python or a package cannot be had, the program fails, or, with
/// `check`, the folder differs afterwards from what is committed.
pub(crate) fn make(name: &str, check: bool) -> anyhow::Result<()> {
    let folder = Path::new("golden").join(name);
    let program = folder.join("generate.py");
    if !program.is_file() {
        bail!("there is no {}; the folders are {}", program.display(), folders().join(", "));
    }
    let python = environment(name, &folder.join("requirements.txt"))?;
    run(Command::new(python).arg(&program))?;
    if check { unchanged(&folder) } else { Ok(()) }
}

/// Fails if the folder is not as it was committed.
fn unchanged(folder: &Path) -> anyhow::Result<()> {
    let changes = output_of(Command::new("git").args(["status", "--porcelain", "--"]).arg(folder))?;
    if !changes.is_empty() {
        bail!("the vectors differ from those committed:\n{}", changes.trim_end());
    }
    Ok(())
}

/// The folders that have a generator.
fn folders() -> Vec<String> {
    let Ok(entries) = fs::read_dir("golden") else { return Vec::new() };
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path().join("generate.py").is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// A Python with the packages of `requirements`, made once in `.private/` and made again when the
/// list changes.
fn environment(name: &str, requirements: &Path) -> anyhow::Result<PathBuf> {
    let wanted = fs::read_to_string(requirements)
        .with_context(|| format!("cannot read {}", requirements.display()))?;
    let folder = Path::new(".private/golden").join(name);
    let python = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let stamp = folder.join("requirements.txt");
    if python.is_file() && fs::read_to_string(&stamp).ok() == Some(wanted.clone()) {
        return Ok(python);
    }
    say(&format!("making a Python environment in {}", folder.display()));
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "-r"]).arg(requirements))?;
    // Last, so that an environment that was not finished is made again.
    fs::write(&stamp, wanted).with_context(|| stamp.display().to_string())?;
    Ok(python)
}
