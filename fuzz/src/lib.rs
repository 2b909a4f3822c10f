//! What several fuzz targets share.

use std::io::Cursor;

use fillrate::records::{InputFormat, OnError, ReadOptions, Reader};

/// Reads any bytes as a table of this format: rows or errors, never a panic.
///
/// # Panics
///
/// If a chunk has not one text per row.
pub fn read_records(bytes: &[u8], format: InputFormat) {
    for on_error in [OnError::Fail, OnError::Skip] {
        let options = ReadOptions { format: Some(format), on_error, ..ReadOptions::default() };
        let stream = Box::new(Cursor::new(bytes.to_vec()));
        let Ok(mut reader) = Reader::from_stream(stream, &options) else { continue };
        if reader.select_text(None).is_err() {
            continue;
        }
        while let Ok(Some(chunk)) = reader.next_chunk() {
            assert_eq!(chunk.texts().len(), chunk.len());
        }
    }
}
