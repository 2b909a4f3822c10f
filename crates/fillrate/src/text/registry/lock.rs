//! The lock file: which commits were pulled, and the SHA-256 of every file of each.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::hub::{is_commit, is_hex};
use crate::{Error, Result};

/// The version of the format that is written and read.
const VERSION: u32 = 1;

/// What `fillrate.lock` holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    version: u32,
    /// The repository, as `organisation/name`.
    pub repo: String,
    /// The commit pulled last: the one that the model's name stands for.
    pub current: String,
    /// What was pulled, by commit.
    pub snapshots: BTreeMap<String, LockedSnapshot>,
}

/// One commit that was pulled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedSnapshot {
    /// The revision that was asked for.
    pub revision: String,
    /// The files, by name.
    pub files: BTreeMap<String, LockedFile>,
}

/// One file as it was pulled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedFile {
    /// Its SHA-256, 64 lowercase hexadecimal digits.
    pub sha256: String,
    /// Its size in bytes.
    pub size_bytes: u64,
}

impl Lock {
    /// A lock with nothing in it.
    #[must_use]
    pub fn new(repo: &str) -> Self {
        Self {
            version: VERSION,
            repo: repo.to_owned(),
            current: String::new(),
            snapshots: BTreeMap::new(),
        }
    }

    /// Adds a snapshot, or replaces it, and makes it the current one.
    pub fn insert(&mut self, commit: &str, snapshot: LockedSnapshot) {
        commit.clone_into(&mut self.current);
        self.snapshots.insert(commit.to_owned(), snapshot);
    }

    /// Reads the lock file at `path`; none if there is no such file.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or is not a lock file.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::Io { path: path.to_owned(), source }),
        };
        let lock: Self =
            serde_json::from_str(&text).map_err(|error| malformed(path, &error.to_string()))?;
        lock.check().map_err(|message| malformed(path, &message))?;
        Ok(Some(lock))
    }

    /// Writes the lock file to `path`: all of it or nothing.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let io = |source| Error::Io { path: path.to_owned(), source };
        let mut text = serde_json::to_string_pretty(self).map_err(|error| io(error.into()))?;
        text.push('\n');
        let dir = path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(dir).map_err(io)?;
        file.write_all(text.as_bytes()).map_err(io)?;
        file.as_file().sync_all().map_err(io)?;
        file.persist(path).map_err(|error| io(error.error))?;
        Ok(())
    }

    /// Names in the lock become paths, so each must be what it claims to be.
    fn check(&self) -> Result<(), String> {
        if self.version != VERSION {
            return Err(format!("version {} is not {VERSION}", self.version));
        }
        if !self.snapshots.contains_key(&self.current) {
            return Err("`current` names no snapshot".to_owned());
        }
        for (commit, snapshot) in &self.snapshots {
            if !is_commit(commit) {
                return Err(format!("`{commit}` is not a commit"));
            }
            for (name, file) in &snapshot.files {
                if name.contains(['/', '\\', '\0']) || name.starts_with('.') {
                    return Err(format!("`{name}` is not a file name"));
                }
                if file.sha256.len() != 64 || !is_hex(&file.sha256) {
                    return Err(format!("`{}` is not a SHA-256", file.sha256));
                }
            }
        }
        Ok(())
    }
}

fn malformed(path: &Path, what: &str) -> Error {
    Error::Model {
        path: path.to_owned(),
        message: format!("not a lock file: {what}"),
        hint: Some("delete it and pull the model again".to_owned()),
    }
}

/// The size and SHA-256 of the file at `path`.
///
/// # Errors
///
/// If the file cannot be read.
pub fn hash_file(path: &Path) -> Result<LockedFile> {
    let io = |source| Error::Io { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(io)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    let mut size_bytes = 0;
    loop {
        let read = file.read(&mut buffer).map_err(io)?;
        if read == 0 {
            return Ok(LockedFile { sha256: hex(&hasher.finalize()), size_bytes });
        }
        hasher.update(&buffer[..read]);
        size_bytes += read as u64;
    }
}

/// Lowercase hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn lock() -> Lock {
        let file = LockedFile { sha256: "ab".repeat(32), size_bytes: 7 };
        let files = BTreeMap::from([("config.json".to_owned(), file)]);
        let mut lock = Lock::new("org/name");
        lock.insert(COMMIT, LockedSnapshot { revision: "main".to_owned(), files });
        lock
    }

    #[test]
    fn what_is_written_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fillrate.lock");
        assert_eq!(Lock::read(&path).unwrap(), None);
        lock().write(&path).unwrap();
        assert_eq!(Lock::read(&path).unwrap(), Some(lock()));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn a_lock_cannot_point_outside_its_folder() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fillrate.lock");
        let text = serde_json::to_string(&lock()).unwrap();
        for (from, to) in [
            ("config.json", "../config.json"),
            ("config.json", ".."),
            (COMMIT, "../../../../etc"),
            ("abab", "zzzz"),
            ("\"version\":1", "\"version\":2"),
        ] {
            fs::write(&path, text.replace(from, to)).unwrap();
            let error = Lock::read(&path).unwrap_err();
            assert!(error.to_string().contains("not a lock file"), "{to}: {error}");
        }
    }

    #[test]
    fn hashes_are_sha256() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("abc");
        fs::write(&path, "abc").unwrap();
        // Source: FIPS 180-4, example B.1.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(
            hash_file(&path).unwrap(),
            LockedFile { sha256: expected.to_owned(), size_bytes: 3 }
        );
    }
}
