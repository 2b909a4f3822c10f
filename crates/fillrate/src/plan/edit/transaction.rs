//! Several files that change together or not at all.
//!
//! New contents are written whole beside their files, then the former ones are kept, and only then is
//! each new one renamed over its file. A mark beside the file that the user named lists them while
//! this goes on: if the program or the machine stops among the renames, the mark stays, no further
//! edit begins, and [`recover`] takes back what was done.

use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tempfile::{NamedTempFile, TempPath};

use super::backup::{REPLACED, newest, numbered};
use super::restore::Restored;
use crate::plan::document::fault;
use crate::{Error, Result};

/// What begins the names of new contents that are not in their places yet.
const STAGED_PREFIX: &str = ".fillrate-plan-";

/// What ends them.
const STAGED_SUFFIX: &str = ".tmp";

/// A file that is to change.
#[derive(Clone, Debug)]
pub(super) struct Swap {
    /// The file itself, no link to it.
    pub(super) target: PathBuf,
    /// What it holds.
    pub(super) before: Vec<u8>,
    /// What it is to hold.
    pub(super) after: Vec<u8>,
    /// Where what it holds is kept, if it is.
    pub(super) keep: Option<PathBuf>,
}

/// What is about to be done; the number is that of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The new content is written beside the file.
    Stage(usize),
    /// The former content is kept.
    Keep(usize),
    /// The new content takes the file's place.
    Replace(usize),
}

/// What the mark says.
#[derive(Debug, Deserialize, Serialize)]
struct Mark {
    files: Vec<MarkedFile>,
}

/// A file of the mark.
#[derive(Debug, Deserialize, Serialize)]
struct MarkedFile {
    file: PathBuf,
    keep: PathBuf,
}

/// Whether an edit of the file that the user named was cut off.
#[must_use]
pub fn is_interrupted(root: &Path) -> bool {
    mark_of(root).is_file()
}

/// Replaces all files, or none.
///
/// # Errors
///
/// If a file is not what it was when it was read, may not be written, or cannot be.
pub(super) fn swap_all(
    root: &Path,
    swaps: &[Swap],
    watch: &mut dyn FnMut(Step) -> io::Result<()>,
) -> Result<()> {
    let mark = claim(root, swaps)?;
    let mut kept = Vec::new();
    let prepared = prepare(swaps, &mut kept, watch);
    let swapped = prepared.and_then(|staged| replace_all(swaps, staged, watch));
    match swapped {
        Ok(()) => remove(&mark),
        Err(Failed { error, is_undone: true }) => {
            // The files are as they were: what was kept is kept twice.
            for path in &kept {
                drop(fs::remove_file(path));
            }
            remove(&mark)?;
            Err(error)
        }
        // The mark and the former contents stay for `recover`.
        Err(Failed { error, is_undone: false }) => Err(error),
    }
}

/// Takes an edit back that was cut off. What stands in a file by now is kept beside it: somebody may
/// have worked on it since.
///
/// # Errors
///
/// If the mark or a file cannot be read or written.
pub(super) fn recover(root: &Path) -> Result<Vec<Restored>> {
    let path = mark_of(root);
    let text = fs::read_to_string(&path).map_err(|source| io_at(&path, source))?;
    let mark: Mark = serde_json::from_str(&text).map_err(|error| {
        let hint = "compare the files with their .backup by hand, then remove this one";
        fault(&path, Some(error.line()), format!("no list of files: {error}"), hint)
    })?;
    let mut restored = Vec::new();
    for MarkedFile { file, keep } in mark.files {
        // Renames begin when everything is kept: without a backup nothing was replaced.
        if keep.is_file() {
            let replaced = keep_present(&file, &keep)?;
            fs::rename(&keep, &file).map_err(|source| io_at(&file, source))?;
            restored.push(Restored { file: file.clone(), backup: keep, replaced });
        }
        sweep(&file);
    }
    remove(&path)?;
    Ok(restored)
}

/// Keeps what `file` holds as `FILE.replaced`, unless it is what `former` holds.
fn keep_present(file: &Path, former: &Path) -> Result<Option<PathBuf>> {
    let read = |path: &Path| fs::read(path).map_err(|source| io_at(path, source));
    let present = read(file)?;
    if present == read(former)? {
        return Ok(None);
    }
    let number = newest(file, REPLACED)?.map_or(0, |number| number.saturating_add(1));
    let path = numbered(file, REPLACED, number);
    let found = fs::metadata(file).map_err(|source| io_at(file, source))?;
    let copy = staged_copy(file, &present, &found)?;
    copy.persist_noclobber(&path).map_err(|failed| io_at(&path, failed.error))?;
    Ok(Some(path))
}

/// What went wrong, and whether the files are as they were.
struct Failed {
    error: Error,
    is_undone: bool,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self { error, is_undone: true }
    }
}

/// Makes the mark.
fn claim(root: &Path, swaps: &[Swap]) -> Result<PathBuf> {
    let path = mark_of(root);
    let files = swaps.iter().filter_map(|swap| {
        Some(MarkedFile { file: swap.target.clone(), keep: swap.keep.clone()? })
    });
    let mark = Mark { files: files.collect() };
    let mut file = staged(&path)?;
    serde_json::to_writer_pretty(file.as_file_mut(), &mark)
        .map_err(|error| io_at(&path, error.into()))?;
    file.as_file().sync_all().map_err(|source| io_at(&path, source))?;
    match file.persist_noclobber(&path) {
        Ok(_) => Ok(path),
        Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => {
            let message = "an earlier edit was cut off, or one is going on".to_owned();
            let hint = "`fillrate plan restore` puts the files back as they were before it";
            Err(fault(root, None, message, hint))
        }
        Err(failed) => Err(io_at(&path, failed.error)),
    }
}

/// Writes the new contents beside their files and keeps the former ones.
fn prepare(
    swaps: &[Swap],
    kept: &mut Vec<PathBuf>,
    watch: &mut dyn FnMut(Step) -> io::Result<()>,
) -> Result<Vec<TempPath>, Failed> {
    let mut ready = Vec::new();
    for (number, swap) in swaps.iter().enumerate() {
        watch(Step::Stage(number)).map_err(|source| io_at(&swap.target, source))?;
        let found = fs::metadata(&swap.target).map_err(|source| io_at(&swap.target, source))?;
        refuse(&swap.target, &found)?;
        ready.push(staged_copy(&swap.target, &swap.after, &found)?.into_temp_path());
    }
    for (number, swap) in swaps.iter().enumerate() {
        let Some(keep) = &swap.keep else { continue };
        watch(Step::Keep(number)).map_err(|source| io_at(keep, source))?;
        let found = fs::metadata(&swap.target).map_err(|source| io_at(&swap.target, source))?;
        let copy = staged_copy(&swap.target, &swap.before, &found)?;
        copy.persist_noclobber(keep).map_err(|failed| io_at(keep, failed.error))?;
        kept.push(keep.clone());
    }
    for swap in swaps {
        check_unchanged(swap)?;
    }
    Ok(ready)
}

/// Renames the new contents over their files; on failure those that were renamed get their former
/// content back.
fn replace_all(
    swaps: &[Swap],
    staged: Vec<TempPath>,
    watch: &mut dyn FnMut(Step) -> io::Result<()>,
) -> Result<(), Failed> {
    for (number, (swap, new)) in swaps.iter().zip(staged).enumerate() {
        let replaced = watch(Step::Replace(number))
            .map_err(|source| io_at(&swap.target, source))
            .and_then(|()| check_unchanged(swap))
            .and_then(|()| {
                new.persist(&swap.target).map_err(|failed| io_at(&swap.target, failed.error))
            });
        if let Err(error) = replaced {
            let is_undone = swaps[..number].iter().all(|swap| put_back(swap).is_ok());
            return Err(Failed { error, is_undone });
        }
    }
    for swap in swaps {
        sync_folder(&swap.target);
    }
    Ok(())
}

fn put_back(swap: &Swap) -> Result<()> {
    let found = fs::metadata(&swap.target).map_err(|source| io_at(&swap.target, source))?;
    let former = staged_copy(&swap.target, &swap.before, &found)?;
    former.persist(&swap.target).map_err(|failed| io_at(&swap.target, failed.error))?;
    Ok(())
}

fn check_unchanged(swap: &Swap) -> Result<()> {
    let found = fs::read(&swap.target).map_err(|source| io_at(&swap.target, source))?;
    if found == swap.before {
        return Ok(());
    }
    let message = "changed since it was read; nothing was written".to_owned();
    Err(fault(&swap.target, None, message, "run it again when nobody else writes the file"))
}

/// Refuses what is not to be replaced.
fn refuse(path: &Path, found: &Metadata) -> Result<()> {
    let (message, hint) = if !found.is_file() {
        ("is no plain file", "name the file itself")
    } else if found.permissions().readonly() {
        ("is read-only; nothing was written", "`chmod u+w` it, if it is yours to change")
    } else if has_other_names(found) {
        ("has other names (hard links), which would keep the former content", "edit it by hand")
    } else {
        return Ok(());
    };
    Err(fault(path, None, message.to_owned(), hint))
}

#[cfg(unix)]
fn has_other_names(found: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(found) > 1
}

#[cfg(not(unix))]
fn has_other_names(_found: &Metadata) -> bool {
    false
}

/// A file beside `target` that holds `content`, on disk, with the mode and owner that were found.
fn staged_copy(target: &Path, content: &[u8], found: &Metadata) -> Result<NamedTempFile> {
    let mut file = staged(target)?;
    let written = file
        .write_all(content)
        .and_then(|()| file.as_file().set_permissions(found.permissions()))
        .and_then(|()| file.as_file().sync_all());
    written.map_err(|source| io_at(target, source))?;
    keep_owner(file.as_file(), found);
    Ok(file)
}

fn staged(target: &Path) -> Result<NamedTempFile> {
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(STAGED_PREFIX).suffix(STAGED_SUFFIX);
    builder.tempfile_in(folder).map_err(|source| io_at(folder, source))
}

/// Root's edit should not take a file from its owner. Others cannot give files away, nor need they:
/// a file that they may replace and do not own becomes theirs, as with any editor.
#[cfg(unix)]
fn keep_owner(file: &File, found: &Metadata) {
    use std::os::unix::fs::{MetadataExt, fchown};
    drop(fchown(file, Some(found.uid()), Some(found.gid())));
}

#[cfg(not(unix))]
fn keep_owner(_file: &File, _found: &Metadata) {}

/// Puts a rename on disk. Not every file system can; the rename itself is done.
fn sync_folder(path: &Path) {
    if let Some(folder) = path.parent() {
        drop(File::open(folder).and_then(|folder| folder.sync_all()));
    }
}

/// Removes new contents that an edit left beside `target` when it was cut off.
fn sweep(target: &Path) {
    let entries = target.parent().and_then(|folder| fs::read_dir(folder).ok());
    for entry in entries.into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(STAGED_PREFIX) && name.ends_with(STAGED_SUFFIX) {
            drop(fs::remove_file(entry.path()));
        }
    }
}

/// The mark's path: beside the file that the user named.
fn mark_of(root: &Path) -> PathBuf {
    let mut name = OsString::from(root);
    name.push(".applying");
    PathBuf::from(name)
}

fn remove(path: &Path) -> Result<()> {
    fs::remove_file(path).map_err(|source| io_at(path, source))
}

fn io_at(path: &Path, source: io::Error) -> Error {
    Error::Io { path: path.to_owned(), source }
}
