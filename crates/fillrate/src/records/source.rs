//! What the first bytes of an input say about it, before a parser sees them.

use std::io::{self, BufReader, Cursor, Read};
use std::path::Path;

use super::format::InputFormat;
use crate::{Error, Result};

/// The bytes of an input, buffered.
pub(super) type Bytes = BufReader<Box<dyn Read + Send>>;

const BUFFER_BYTES: usize = 1 << 16;
const UTF8_BOM: [u8; 3] = [0xEF, 0xBB, 0xBF];

/// An input of which the first bytes have been looked at.
pub(super) struct Source {
    /// The input from its first byte on, without a UTF-8 byte order mark.
    pub bytes: Bytes,
    /// What the first bytes look like.
    pub looks_like: InputFormat,
    /// Whether there is no byte at all.
    pub is_empty: bool,
}

/// Looks at the first bytes of `stream`.
///
/// # Errors
///
/// If the stream cannot be read, or its first bytes are those of UTF-16 text or of a compressed
/// file.
pub(super) fn look(path: &Path, mut stream: Box<dyn Read + Send>) -> Result<Source> {
    let mut head = Vec::with_capacity(4);
    let read = stream.by_ref().take(4).read_to_end(&mut head);
    read.map_err(|source| Error::Io { path: path.to_owned(), source })?;
    refuse_other_encodings(path, &head)?;
    let is_empty = head.is_empty();
    if head.starts_with(&UTF8_BOM) {
        head.drain(..UTF8_BOM.len());
    }
    let looks_like = match head.first() {
        _ if head == b"PAR1" => InputFormat::Parquet,
        Some(b'{') => InputFormat::Jsonl,
        _ => InputFormat::Csv,
    };
    let whole: Box<dyn Read + Send> = Box::new(Cursor::new(head).chain(stream));
    Ok(Source { bytes: BufReader::with_capacity(BUFFER_BYTES, whole), looks_like, is_empty })
}

fn refuse_other_encodings(path: &Path, head: &[u8]) -> Result<()> {
    let (message, hint) = match head {
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => {
            ("the text is UTF-16, not UTF-8", "convert it: iconv -f UTF-16 -t UTF-8")
        }
        [0x1F, 0x8B, ..] => ("the file is compressed (gzip)", "decompress it first: gzip -d"),
        [0x28, 0xB5, 0x2F, 0xFD] => {
            ("the file is compressed (zstd)", "decompress it first: zstd -d")
        }
        _ => return Ok(()),
    };
    Err(Error::Input { path: path.to_owned(), message: message.into(), hint: Some(hint.into()) })
}

/// Copies `stream` into an unnamed temporary file, because Parquet is read from its end.
///
/// # Errors
///
/// If the stream cannot be read, the file cannot be written, or there are more than `bytes_max`
/// bytes.
pub(super) fn spool(path: &Path, stream: &mut Bytes, bytes_max: u64) -> Result<std::fs::File> {
    let io_error = |source: io::Error| Error::Io { path: path.to_owned(), source };
    let mut file = tempfile::tempfile().map_err(io_error)?;
    let copied = io::copy(&mut stream.take(bytes_max.saturating_add(1)), &mut file);
    if copied.map_err(io_error)? > bytes_max {
        return Err(Error::Input {
            path: path.to_owned(),
            message: format!("more than {bytes_max} bytes of Parquet on a stream"),
            hint: Some("write it to a file and name the file".into()),
        });
    }
    Ok(file)
}
