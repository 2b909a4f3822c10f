//! Golden vectors: made by Python programs beside them, with the packages they are pinned to.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::bail;

use crate::command::{output_of, run};
use crate::python::environment;

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
    let requirements = folder.join("requirements.txt");
    let python = environment(&Path::new(".private/golden").join(name), &requirements)?;
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
