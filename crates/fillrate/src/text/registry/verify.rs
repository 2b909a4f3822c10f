//! Whether the files of a model are the ones that were pulled.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Serialize;

use super::hub::{MODEL_FILES, WEIGHTS_FILE};
use super::lock::{LockedFile, hash_file};
use crate::{Error, Result};

/// A safetensors header is JSON; the format caps it at this size.
///
/// Source: safetensors format description, "a header of at most 100 MB".
const HEADER_BYTES_MAX: u64 = 100_000_000;

/// What is known of a file before it is looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    /// Its SHA-256, if one is on record.
    pub sha256: Option<String>,
    /// Its size in bytes, if one is on record.
    pub size_bytes: Option<u64>,
}

/// The state of one file of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileCheck {
    /// Its name.
    pub file: String,
    /// What the check found.
    pub status: FileStatus,
    /// Its size in bytes; none if it is missing.
    pub size_bytes: Option<u64>,
    /// Its SHA-256; none if it is missing.
    pub sha256: Option<String>,
    /// The SHA-256 on record; none if there is none.
    pub expected_sha256: Option<String>,
    /// What is wrong, in words; none if nothing is.
    pub problem: Option<String>,
}

/// What a check of a file found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FileStatus {
    /// It is what the record says.
    Ok,
    /// It can be read, but no checksum is on record.
    Unpinned,
    /// It is on record and not there.
    Missing,
    /// It is another file than the one on record.
    Changed,
    /// It is not what its name promises.
    Malformed,
}

impl FileStatus {
    /// Whether the file can be used.
    #[must_use]
    pub const fn is_good(self) -> bool {
        matches!(self, Self::Ok | Self::Unpinned)
    }

    /// Its name in records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unpinned => "unpinned",
            Self::Missing => "missing",
            Self::Changed => "changed",
            Self::Malformed => "malformed",
        }
    }
}

/// Checks every file of the model in `dir`: those that are there, and those on record.
///
/// # Errors
///
/// If a file that is there cannot be read.
pub fn check_files(dir: &Path, expected: &BTreeMap<String, Expected>) -> Result<Vec<FileCheck>> {
    MODEL_FILES
        .iter()
        .filter(|&&name| expected.contains_key(name) || dir.join(name).is_file())
        .map(|&name| check_file(dir, name, expected.get(name).cloned().unwrap_or_default()))
        .collect()
}

fn check_file(dir: &Path, name: &str, expected: Expected) -> Result<FileCheck> {
    let path = dir.join(name);
    let found = if path.is_file() { Some(hash_file(&path)?) } else { None };
    let (status, problem) = match &found {
        None => (FileStatus::Missing, Some("is missing".to_owned())),
        Some(found) => judge(&path, name, &expected, found)?,
    };
    let (sha256, size_bytes) = found.map(|found| (found.sha256, found.size_bytes)).unzip();
    let file = name.to_owned();
    Ok(FileCheck { file, status, size_bytes, sha256, expected_sha256: expected.sha256, problem })
}

fn judge(
    path: &Path,
    name: &str,
    expected: &Expected,
    found: &LockedFile,
) -> Result<(FileStatus, Option<String>)> {
    if let Some(sha256) = expected.sha256.as_ref().filter(|sha256| **sha256 != found.sha256) {
        let sizes = match expected.size_bytes.filter(|&size| size != found.size_bytes) {
            Some(size) => format!(" ({} bytes instead of {size})", found.size_bytes),
            None => String::new(),
        };
        let problem = format!("has SHA-256 {}, expected {sha256}{sizes}", found.sha256);
        return Ok((FileStatus::Changed, Some(problem)));
    }
    if name == WEIGHTS_FILE
        && let Err(error) = check_weights(path)
    {
        return match error {
            Error::Model { message, .. } => Ok((FileStatus::Malformed, Some(message))),
            error => Err(error),
        };
    }
    let pinned = expected.sha256.is_some();
    Ok((if pinned { FileStatus::Ok } else { FileStatus::Unpinned }, None))
}

/// Checks that the file at `path` is a whole safetensors file: its header parses, its tensors lie
/// end to end, and the file is as long as they are. Reads the header only.
///
/// # Errors
///
/// If the file cannot be read or is not a whole safetensors file.
pub fn check_weights(path: &Path) -> Result<()> {
    let io = |source| Error::Io { path: path.to_owned(), source };
    let malformed = |what: String| Error::Model {
        path: path.to_owned(),
        message: format!("is not a whole safetensors file: {what}"),
        hint: Some("download it again".to_owned()),
    };
    let mut file = File::open(path).map_err(io)?;
    let size_bytes = file.metadata().map_err(io)?.len();
    if size_bytes < 8 {
        return Err(malformed(format!("it has {size_bytes} bytes")));
    }
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(io)?;
    let header_bytes = u64::from_le_bytes(length);
    if header_bytes > HEADER_BYTES_MAX.min(size_bytes - 8) {
        return Err(malformed(format!("it announces a header of {header_bytes} bytes")));
    }
    let mut header = vec![0; header_bytes as usize];
    file.read_exact(&mut header).map_err(io)?;
    let metadata: safetensors::tensor::Metadata =
        serde_json::from_slice(&header).map_err(|error| malformed(format!("header: {error}")))?;
    let expected_bytes = 8 + header_bytes + metadata.data_len() as u64;
    if expected_bytes != size_bytes {
        return Err(malformed(format!(
            "its tensors end at byte {expected_bytes}, the file at byte {size_bytes}"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A safetensors file with one tensor of `values` zeros.
    fn weights(values: usize) -> Vec<u8> {
        let bytes = 4 * values;
        let header =
            format!(r#"{{"w":{{"dtype":"F32","shape":[{values}],"data_offsets":[0,{bytes}]}}}}"#);
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend(header.as_bytes());
        file.resize(file.len() + bytes, 0);
        file
    }

    fn check(contents: &[u8]) -> Result<(), String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(WEIGHTS_FILE);
        fs::write(&path, contents).unwrap();
        check_weights(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn whole_weights_pass_and_cut_ones_do_not() {
        let whole = weights(10);
        assert_eq!(check(&whole), Ok(()));
        for cut in [0, 7, 8, 20, whole.len() - 1] {
            let error = check(&whole[..cut]).unwrap_err();
            assert!(error.contains("not a whole safetensors file"), "{cut}: {error}");
        }
        let mut longer = whole;
        longer.push(0);
        assert!(check(&longer).is_err());
    }

    #[test]
    fn a_huge_announced_header_is_refused_without_allocating_it() {
        let mut file = u64::MAX.to_le_bytes().to_vec();
        file.extend([0; 16]);
        assert!(check(&file).unwrap_err().contains("announces a header"));
    }

    #[test]
    fn each_state_is_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("config.json"), "{}").unwrap();
        fs::write(dir.path().join("vocab.txt"), "a\n").unwrap();
        fs::write(dir.path().join(WEIGHTS_FILE), &weights(2)[..30]).unwrap();
        let config = hash_file(&dir.path().join("config.json")).unwrap();
        let expect =
            |sha256: &str| Expected { sha256: Some(sha256.to_owned()), size_bytes: Some(2) };
        let expected = BTreeMap::from([
            ("config.json".to_owned(), expect(&config.sha256)),
            ("vocab.txt".to_owned(), expect(&"0".repeat(64))),
            ("merges.txt".to_owned(), expect(&"0".repeat(64))),
        ]);
        let checks = check_files(dir.path(), &expected).unwrap();
        let states: Vec<_> =
            checks.iter().map(|check| (check.file.as_str(), check.status)).collect();
        assert_eq!(
            states,
            [
                ("config.json", FileStatus::Ok),
                (WEIGHTS_FILE, FileStatus::Malformed),
                ("vocab.txt", FileStatus::Changed),
                ("merges.txt", FileStatus::Missing),
            ]
        );
        let problem = checks[2].problem.as_ref().unwrap();
        assert!(problem.contains(&"0".repeat(64)), "both hashes are named: {problem}");
    }
}
