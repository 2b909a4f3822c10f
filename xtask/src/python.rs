//! Private Python environments: a list of pinned packages, installed once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::command::{run, say};

/// A Python with the packages of `requirements`, made once in `folder` and made again when the
/// list changes.
///
/// # Errors
///
/// If Python or a package cannot be had.
pub(crate) fn environment(folder: &Path, requirements: &Path) -> anyhow::Result<PathBuf> {
    let wanted = fs::read_to_string(requirements)
        .with_context(|| format!("cannot read {}", requirements.display()))?;
    let python = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let stamp = folder.join("requirements.txt");
    if python.is_file() && fs::read_to_string(&stamp).ok() == Some(wanted.clone()) {
        return Ok(python);
    }
    say(&format!("making a Python environment in {}", folder.display()));
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder))?;
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "-r"]).arg(requirements))?;
    // Last, so that an environment that was not finished is made again.
    fs::write(&stamp, wanted).with_context(|| stamp.display().to_string())?;
    Ok(python)
}
