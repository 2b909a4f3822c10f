//! Going on with a file that is not complete.
//!
//! While a resumable run goes on, its records stand in `FILE.partial` beside FILE; at the end that
//! file takes FILE's place. A run that was interrupted leaves `FILE.partial` behind, and the next
//! one goes on with it. The last symbol in it may not be complete, so it is searched again.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;

/// A file to go on with.
pub(super) struct Resumed {
    /// Where the records stand meanwhile.
    pub partial: PathBuf,
    /// The same, open at its end.
    pub file: File,
    /// The symbols that are in it.
    pub done: HashSet<String>,
}

/// As much of a record as is needed.
#[derive(Deserialize)]
struct Line {
    symbol: String,
}

/// Opens the partial file of `path`: what an interrupted run left, else a copy of `path` itself,
/// else a new one.
///
/// # Errors
///
/// If a file cannot be read or written, or `path` holds something else than records.
pub(super) fn open(path: &Path) -> anyhow::Result<Resumed> {
    let mut name = OsString::from(path);
    name.push(".partial");
    let partial = PathBuf::from(name);
    let was_interrupted = partial.exists();
    if !was_interrupted && path.exists() {
        fs::copy(path, &partial).with_context(|| path.display().to_string())?;
    }
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&partial)
        .with_context(|| partial.display().to_string())?;
    let read = read(&file, was_interrupted).with_context(|| partial.display().to_string());
    let (done, end) = match read {
        Ok(read) => read,
        Err(error) => {
            if !was_interrupted {
                // It is only a copy.
                let _ = fs::remove_file(&partial);
            }
            return Err(error);
        }
    };
    file.set_len(end).with_context(|| partial.display().to_string())?;
    file.seek(SeekFrom::Start(end)).with_context(|| partial.display().to_string())?;
    Ok(Resumed { partial, file, done })
}

/// The symbols of whole records, and where they end. Of a run that was interrupted, the last symbol
/// and a line that was cut off are left out.
fn read(file: &File, was_interrupted: bool) -> anyhow::Result<(HashSet<String>, u64)> {
    let mut lines = BufReader::new(file);
    let mut done = HashSet::new();
    let mut last: Option<String> = None;
    // Where the records of the last symbol begin, and where the last whole record ends.
    let (mut begin, mut end) = (0, 0);
    let mut text = Vec::new();
    for number in 1_u64.. {
        text.clear();
        let bytes = lines.read_until(b'\n', &mut text)?;
        if bytes == 0 || (was_interrupted && text.last() != Some(&b'\n')) {
            break;
        }
        let line: Line = serde_json::from_slice(&text)
            .with_context(|| format!("line {number} is no record of patterns"))?;
        if last.as_deref() != Some(line.symbol.as_str()) {
            done.extend(last.replace(line.symbol));
            begin = end;
        }
        end += bytes as u64;
    }
    if was_interrupted {
        return Ok((done, begin));
    }
    done.extend(last);
    Ok((done, end))
}
