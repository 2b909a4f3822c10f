//! Taking an edit back.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::backup::{BACKUP, REPLACED, newest, numbered, real_path};
use super::transaction::{self, Swap};
use crate::plan::document::fault;
use crate::{Error, Result};

/// A file that was restored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// The file, symbolic links followed.
    pub file: PathBuf,
    /// The backup that it was restored from, which is gone.
    pub backup: PathBuf,
    /// Where what was restored over is; `None` if that was the same.
    pub replaced: Option<PathBuf>,
}

/// Puts the newest backups of a family of files back, those that were made together, all or none.
/// What stood in the files is kept beside them as `FILE.replaced`. If the last edit was cut off, that
/// is taken back first, and it alone.
///
/// # Errors
///
/// [`Error::Config`] if there is no backup, or a file cannot be replaced; [`Error::Io`] if one cannot
/// be read or written. All files are then as they were.
pub fn restore(root: &Path, family: &[PathBuf]) -> Result<Vec<Restored>> {
    if transaction::is_interrupted(root) {
        return transaction::recover(root);
    }
    let mut found: Vec<(PathBuf, Option<u32>)> = Vec::new();
    for file in family {
        let real = real_path(file)?;
        if !found.iter().any(|(known, _)| *known == real) {
            let number = newest(&real, BACKUP)?;
            found.push((real, number));
        }
    }
    let Some(last) = found.iter().filter_map(|(_, number)| *number).max() else {
        let message = "there is no backup".to_owned();
        let hint = "`fillrate plan apply --write` makes one";
        return Err(fault(root, None, message, hint));
    };
    let read =
        |path: &Path| fs::read(path).map_err(|source| Error::Io { path: path.to_owned(), source });
    let (mut swaps, mut restored) = (Vec::new(), Vec::new());
    for (file, _) in found.into_iter().filter(|(_, number)| *number == Some(last)) {
        let backup = numbered(&file, BACKUP, last);
        let (before, after) = (read(&file)?, read(&backup)?);
        let number = newest(&file, REPLACED)?.map_or(0, |number| number.saturating_add(1));
        let replaced = (before != after).then(|| numbered(&file, REPLACED, number));
        restored.push(Restored { file: file.clone(), backup, replaced: replaced.clone() });
        swaps.push(Swap { target: file, before, after, keep: replaced });
    }
    transaction::swap_all(root, &swaps, &mut |_| Ok(()))?;
    for restored in &restored {
        let io = |source| Error::Io { path: restored.backup.clone(), source };
        fs::remove_file(&restored.backup).map_err(io)?;
    }
    Ok(restored)
}
