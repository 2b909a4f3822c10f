//! One file: into the cache, whole and verified, or not at all.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use fillrate::text::registry::{LockedFile, hash_file, hex};
use indicatif::ProgressBar;
use sha2::{Digest, Sha256};

use super::client::{Failure, HubClient, RemoteFile};
use crate::failure::hinted;

/// How often in a row a download may stop without a byte gained.
const ATTEMPTS_MAX: u32 = 4;
/// The pause after the first such stop; it doubles with each further one.
const PAUSE: Duration = Duration::from_millis(250);

/// A file that is in the cache.
#[derive(Debug)]
pub(super) struct Fetched {
    /// Its size and checksum.
    pub(super) file: LockedFile,
    /// How many of its bytes came over the network.
    pub(super) downloaded_bytes: u64,
}

/// Brings `remote` into `blobs`, under its `ETag`. `pinned` is the SHA-256 that it must have.
///
/// An interrupted download leaves its part beside the blob, and the next one goes on from there.
///
/// # Errors
///
/// If the file cannot be had whole, or is another one than the Hub or the registry says.
pub(super) fn fetch(
    client: &HubClient,
    remote: &RemoteFile,
    blobs: &Path,
    pinned: Option<&str>,
    progress: &ProgressBar,
) -> anyhow::Result<Fetched> {
    if let (Some(pinned), Some(stated)) = (pinned, remote.sha256())
        && pinned != stated
    {
        return Err(wrong(remote, stated, pinned));
    }
    let expected = pinned.or(remote.sha256());
    let blob = blobs.join(&remote.etag);
    if blob.is_file() {
        let file = hash_file(&blob)?;
        if check(remote, &file, expected).is_ok() {
            progress.inc(remote.size_bytes);
            return Ok(Fetched { file, downloaded_bytes: 0 });
        }
    }
    let mut part = Part::open(blobs.join(format!("{}.fillrate-part", remote.etag)))?;
    if part.size_bytes > remote.size_bytes {
        part.restart()?;
    }
    let resumed = part.size_bytes > 0;
    let mut downloaded_bytes = complete(client, remote, &mut part, progress)?;
    let mut file = part.summary();
    if resumed && check(remote, &file, expected).is_err() {
        // The part may have been of another file, or damaged: once more from the beginning.
        progress.set_position(progress.position().saturating_sub(part.size_bytes));
        part.restart()?;
        downloaded_bytes += complete(client, remote, &mut part, progress)?;
        file = part.summary();
    }
    if let Err(error) = check(remote, &file, expected) {
        part.discard();
        return Err(error);
    }
    part.persist(&blob)?;
    Ok(Fetched { file, downloaded_bytes })
}

/// Whether what is here is what should be.
fn check(remote: &RemoteFile, found: &LockedFile, expected: Option<&str>) -> anyhow::Result<()> {
    if let Some(expected) = expected.filter(|expected| *expected != found.sha256) {
        return Err(wrong(remote, &found.sha256, expected));
    }
    if found.size_bytes != remote.size_bytes {
        let (found, expected) = (found.size_bytes, remote.size_bytes);
        anyhow::bail!("{}: {found} bytes came, {expected} were announced", remote.url);
    }
    Ok(())
}

fn wrong(remote: &RemoteFile, found: &str, expected: &str) -> anyhow::Error {
    hinted(
        format!("{}: has SHA-256 {found}, expected {expected}; nothing was kept", remote.url),
        "try again; if it happens again, this server has another file than Fillrate expects",
    )
}

/// Appends until the part is as long as the file, and says how many bytes that took.
fn complete(
    client: &HubClient,
    remote: &RemoteFile,
    part: &mut Part,
    progress: &ProgressBar,
) -> anyhow::Result<u64> {
    progress.inc(part.size_bytes);
    let mut downloaded_bytes = 0;
    let mut attempts = 0;
    while part.size_bytes < remote.size_bytes {
        let before = part.size_bytes;
        let failure = append(client, remote, part, progress).err();
        let gained = part.size_bytes.saturating_sub(before);
        downloaded_bytes += gained;
        attempts = if gained > 0 { 0 } else { attempts + 1 };
        let Some(failure) = failure else { continue };
        if !failure.is_transient || attempts >= ATTEMPTS_MAX {
            return Err(stopped(remote, part, failure));
        }
        std::thread::sleep(PAUSE * 2_u32.pow(attempts));
    }
    Ok(downloaded_bytes)
}

fn stopped(remote: &RemoteFile, part: &Part, failure: Failure) -> anyhow::Error {
    let RemoteFile { name, size_bytes, .. } = remote;
    let what = format!("{name}: stopped after {} of {size_bytes} bytes", part.size_bytes);
    if failure.is_transient {
        let hint = "run the same command again: it goes on where it stopped";
        return hinted(format!("{what}: {:#}", failure.error), hint);
    }
    failure.error.context(what)
}

/// One request's worth of bytes.
fn append(
    client: &HubClient,
    remote: &RemoteFile,
    part: &mut Part,
    progress: &ProgressBar,
) -> Result<(), Failure> {
    let (begins_at, mut body) = client.open(remote, part.size_bytes)?;
    if begins_at < part.size_bytes {
        // A server without ranges sends everything again.
        progress.set_position(progress.position().saturating_sub(part.size_bytes));
        part.restart()?;
    }
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = match body.read(&mut buffer) {
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => {
                let error = anyhow::Error::new(error).context("the connection broke off");
                return Err(Failure { error, is_transient: true });
            }
        };
        if read == 0 {
            let is_short = part.size_bytes < remote.size_bytes;
            let error = || anyhow::anyhow!("the server closed the connection early");
            return if is_short {
                Err(Failure { error: error(), is_transient: true })
            } else {
                Ok(())
            };
        }
        if part.size_bytes + read as u64 > remote.size_bytes {
            part.restart()?;
            let error = anyhow::anyhow!("{}: longer than announced", remote.url);
            return Err(Failure { error, is_transient: false });
        }
        part.append(&buffer[..read])?;
        progress.inc(read as u64);
    }
}

/// The beginning of a file, with its checksum so far.
struct Part {
    path: PathBuf,
    file: File,
    hasher: Sha256,
    size_bytes: u64,
}

impl Part {
    /// Opens what an earlier download left, or nothing.
    fn open(path: PathBuf) -> anyhow::Result<Self> {
        let context = || format!("cannot write {}", path.display());
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .with_context(context)?;
        let mut hasher = Sha256::new();
        let mut size_bytes = 0;
        let mut buffer = vec![0; 1 << 20];
        loop {
            let read = file.read(&mut buffer).with_context(context)?;
            if read == 0 {
                break;
            }
            hasher.update(&buffer[..read]);
            size_bytes += read as u64;
        }
        Ok(Self { path, file, hasher, size_bytes })
    }

    fn append(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.file
            .write_all(bytes)
            .with_context(|| format!("cannot write {}", self.path.display()))?;
        self.hasher.update(bytes);
        self.size_bytes += bytes.len() as u64;
        Ok(())
    }

    fn restart(&mut self) -> anyhow::Result<()> {
        let context = || format!("cannot write {}", self.path.display());
        self.file.set_len(0).with_context(context)?;
        self.file.seek(SeekFrom::Start(0)).with_context(context)?;
        self.hasher = Sha256::new();
        self.size_bytes = 0;
        Ok(())
    }

    fn summary(&self) -> LockedFile {
        let sha256 = hex(&self.hasher.clone().finalize());
        LockedFile { sha256, size_bytes: self.size_bytes }
    }

    /// Removes it. That this fails is no reason to hide why it is removed.
    fn discard(self) {
        let _ = std::fs::remove_file(&self.path);
    }

    /// Makes it the file at `path`, which appears only now.
    fn persist(self, path: &Path) -> anyhow::Result<()> {
        let context = || format!("cannot write {}", path.display());
        self.file.sync_all().with_context(context)?;
        std::fs::rename(&self.path, path).with_context(context)
    }
}
