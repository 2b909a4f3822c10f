//! Where a table is written: a file that appears whole at the end, or a stream.

use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::{Error, Result};

const BUFFER_BYTES: usize = 1 << 16;

/// What a new file allows before the umask takes its share.
#[cfg(unix)]
const MODE_BEFORE_UMASK: u32 = 0o666;

/// Where a table is written.
///
/// A file is written under a temporary name in the target's directory and takes the target's
/// place when [`super::Writer::finish`] succeeds; until then the target is untouched, and a sink
/// that is dropped leaves nothing behind. A target that is a device or a named pipe is written
/// directly.
#[derive(Debug)]
pub struct Sink {
    path: PathBuf,
    output: Output,
}

enum Output {
    Stream(BufWriter<Box<dyn Write + Send>>),
    Replacement { file: BufWriter<NamedTempFile>, target: PathBuf },
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stream(_) => f.write_str("Stream"),
            Self::Replacement { file, .. } => f.debug_tuple("File").field(file.get_ref()).finish(),
        }
    }
}

impl Sink {
    /// A file that will take the place of `path`. A file that is there lends its permissions; a
    /// new one has the usual ones.
    ///
    /// # Errors
    ///
    /// If `path` is a directory, or no file can be made beside it.
    pub fn file(path: &Path) -> Result<Self> {
        let output = open(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), output })
    }

    /// Standard output or another stream; its name in messages is `-`.
    #[must_use]
    pub fn stream(stream: Box<dyn Write + Send>) -> Self {
        let output = Output::Stream(BufWriter::with_capacity(BUFFER_BYTES, stream));
        Self { path: PathBuf::from("-"), output }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Hands on what was written so far, where somebody may be reading along.
    ///
    /// # Errors
    ///
    /// If the stream cannot be written.
    pub fn hand_on(&mut self) -> io::Result<()> {
        match &mut self.output {
            Output::Stream(stream) => stream.flush(),
            Output::Replacement { .. } => Ok(()),
        }
    }

    /// Writes out what is buffered and puts the file in its place.
    ///
    /// # Errors
    ///
    /// If it cannot be written; the target file is then untouched.
    pub fn commit(self) -> Result<()> {
        let committed = match self.output {
            Output::Stream(mut stream) => stream.flush(),
            Output::Replacement { file, target } => {
                let file = file.into_inner().map_err(io::IntoInnerError::into_error);
                file.and_then(|file| file.persist(target).map(drop).map_err(|error| error.error))
            }
        };
        committed.map_err(|source| Error::Io { path: self.path, source })
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.output {
            Output::Stream(stream) => stream.write(bytes),
            Output::Replacement { file, .. } => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.output {
            Output::Stream(stream) => stream.flush(),
            Output::Replacement { file, .. } => file.flush(),
        }
    }
}

fn open(path: &Path) -> io::Result<Output> {
    let existing = match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a directory"));
        }
        Ok(metadata) if !metadata.is_file() => {
            // Renaming a file over /dev/null would replace the device.
            let stream: Box<dyn Write + Send> = Box::new(File::options().write(true).open(path)?);
            return Ok(Output::Stream(BufWriter::with_capacity(BUFFER_BYTES, stream)));
        }
        Ok(metadata) => Some(metadata.permissions()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    if existing.as_ref().is_some_and(Permissions::readonly) {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the file is read-only"));
    }
    // Through a symbolic link the file it points to is replaced, not the link.
    let target = if existing.is_some() { fs::canonicalize(path)? } else { path.to_owned() };
    let directory = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if !directory.is_dir() {
        let message = format!("there is no folder {}", directory.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, message));
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(".fillrate-").suffix(".tmp");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(MODE_BEFORE_UMASK));
    let file = builder.tempfile_in(directory)?;
    if let Some(permissions) = existing {
        file.as_file().set_permissions(permissions)?;
    }
    Ok(Output::Replacement { file: BufWriter::with_capacity(BUFFER_BYTES, file), target })
}
