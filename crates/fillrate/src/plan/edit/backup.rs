//! The names of backups, and which there are.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// What the name of a backup ends with, before its number.
pub(super) const BACKUP: &str = "backup";

/// What the name of a file ends with that a restored one replaced.
pub(super) const REPLACED: &str = "replaced";

/// The file that a path leads to, symbolic links followed.
pub(super) fn real_path(path: &Path) -> Result<PathBuf> {
    fs::canonicalize(path).map_err(|source| Error::Io { path: path.to_owned(), source })
}

/// `FILE.backup` for the number 0, `FILE.backup.1` for the next.
pub(super) fn numbered(file: &Path, kind: &str, number: u32) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(format!(".{kind}"));
    if number > 0 {
        name.push(format!(".{number}"));
    }
    PathBuf::from(name)
}

/// The number of the newest backup of a file.
///
/// # Errors
///
/// If its folder cannot be read.
pub(super) fn newest(file: &Path, kind: &str) -> Result<Option<u32>> {
    let file = real_path(file)?;
    let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else { return Ok(None) };
    let io = |source| Error::Io { path: folder.to_owned(), source };
    let mut newest = None;
    let prefix = format!("{}.{kind}", name.to_string_lossy());
    for entry in fs::read_dir(folder).map_err(io)? {
        let found = entry.map_err(io)?.file_name();
        let found = found.to_string_lossy();
        let number = match found.strip_prefix(&prefix) {
            Some("") => Some(0),
            Some(rest) => rest.strip_prefix('.').and_then(|number| number.parse::<u32>().ok()),
            None => None,
        };
        newest = newest.max(number);
    }
    Ok(newest)
}

/// The number that no file of a family has a backup of, nor any above it.
///
/// # Errors
///
/// If a folder cannot be read.
pub(super) fn next_number(family: &[PathBuf]) -> Result<u32> {
    let mut next = 0;
    for file in family {
        let after = newest(file, BACKUP)?.map_or(0, |number| number.saturating_add(1));
        next = next.max(after);
    }
    Ok(next)
}
