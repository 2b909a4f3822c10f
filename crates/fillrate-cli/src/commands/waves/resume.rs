//! Going on with a file that is not complete.
//!
//! While a resumable run goes on, its records stand in `FILE.partial` beside FILE; at the end that
//! file takes FILE's place. A run that was interrupted leaves `FILE.partial` behind, and the next
//! one goes on with it. The last symbol in it may not be complete, so it is searched again. What either
//! was made with stands in `FILE.run`; nothing else is added to it.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;

use super::fingerprint::Fingerprint;

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
/// If a file cannot be read or written, `path` holds something else than records, or it was made with
/// other settings or prices than those of `run`.
pub(super) fn open(path: &Path, run: Fingerprint) -> anyhow::Result<Resumed> {
    let partial = beside(path, ".partial");
    let was_interrupted = partial.exists();
    if !was_interrupted && !path.exists() {
        run.write(None, path)?;
        let (file, done, _) = read_partial(&partial, false)?;
        return Ok(Resumed { partial, file, done });
    }
    let before = Fingerprint::read(path)?;
    run.check_settings(&before, path)?;
    if !was_interrupted {
        fs::copy(path, &partial).with_context(|| path.display().to_string())?;
    }
    let opened = read_partial(&partial, was_interrupted).and_then(|opened| {
        run.check_prices(&before, &opened.1, path)?;
        Ok(opened)
    });
    let (mut file, done, end) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            if !was_interrupted {
                // It is only a copy.
                let _ = fs::remove_file(&partial);
            }
            return Err(error);
        }
    };
    run.write(Some(before), path)?;
    // What was cut off goes once all is known to fit: a run that is refused changes nothing.
    file.set_len(end).with_context(|| partial.display().to_string())?;
    file.seek(SeekFrom::Start(end)).with_context(|| partial.display().to_string())?;
    Ok(Resumed { partial, file, done })
}

/// `path` with more at its end.
pub(super) fn beside(path: &Path, more: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(more);
    PathBuf::from(name)
}

/// The partial file, made if it is not there, the symbols that are whole in it, and where they end.
fn read_partial(
    partial: &Path,
    was_interrupted: bool,
) -> anyhow::Result<(File, HashSet<String>, u64)> {
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(partial)
        .with_context(|| partial.display().to_string())?;
    let read = read(&file, was_interrupted).with_context(|| partial.display().to_string());
    let (done, end) = read?;
    Ok((file, done, end))
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
