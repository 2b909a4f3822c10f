//! Weights on disk: one `model.safetensors`, or several behind an index.
//!
//! Only the headers are held in memory. A tensor is read where it lies in its file, a chunk at a
//! time through one buffer, and arrives as `f32`. Everything a header says is checked against the
//! file before it is believed: a hostile file costs an error, never a panic or a huge allocation.
//!
//! Source: the safetensors format, <https://huggingface.co/docs/safetensors>: eight bytes of
//! little-endian header length, a JSON header, then the tensors end to end.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use safetensors::Dtype;
use safetensors::tensor::Metadata;
use serde::Deserialize;

use crate::{Error, Result};

const SINGLE_FILE: &str = "model.safetensors";
const INDEX_FILE: &str = "model.safetensors.index.json";

/// The largest header that is parsed. BERT-large's has about 40 KiB.
const HEADER_BYTES_MAX: u64 = 4 << 20;

/// The largest index of a sharded checkpoint that is parsed.
const INDEX_BYTES_MAX: u64 = 4 << 20;

/// How much of a tensor is read at once.
const CHUNK_BYTES: usize = 1 << 20;

/// The bytes before the header: its length.
const LENGTH_BYTES: u64 = 8;

/// The tensors of a model directory, readable by name.
#[derive(Debug)]
pub(super) struct Checkpoint {
    /// What errors name: the file itself, or the index of a sharded checkpoint.
    path: PathBuf,
    shards: Vec<Shard>,
    chunk: Vec<u8>,
}

impl Checkpoint {
    /// Opens the weights of a model directory and reads their headers.
    pub(super) fn open(directory: &Path) -> Result<Self> {
        let (path, shards) = if directory.join(SINGLE_FILE).exists() {
            let path = directory.join(SINGLE_FILE);
            let shard = Shard::open(&path)?;
            (path, vec![shard])
        } else if directory.join(INDEX_FILE).exists() {
            let path = directory.join(INDEX_FILE);
            let shards = open_shards(directory, &path)?;
            (path, shards)
        } else {
            return Err(no_weights(directory));
        };
        Ok(Self { path, shards, chunk: vec![0; CHUNK_BYTES] })
    }

    /// Whether a tensor of this name exists.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.shards.iter().any(|shard| shard.header.info(name).is_some())
    }

    /// Appends the values of the named tensor, which must have this shape, to `out`.
    ///
    /// # Errors
    ///
    /// As [`Self::tensor`], and if the tensor holds a value that is not finite or cannot be read.
    pub(super) fn append(&mut self, name: &str, shape: &[usize], out: &mut Vec<f32>) -> Result<()> {
        let mut tensor = self.tensor(name, shape)?;
        // The file is as long as its header says, so this room is no more than it holds.
        let (start, values) = (out.len(), shape.iter().product::<usize>());
        out.reserve_exact(values);
        out.resize(start + values, 0.0);
        tensor.read(&mut out[start..])
    }

    /// Finds the named tensor, which must have this shape, to be read in pieces.
    ///
    /// # Errors
    ///
    /// If the tensor is missing, has another shape, or is stored in a type other than F32, F16
    /// and BF16.
    pub(super) fn tensor<'a>(
        &'a mut self,
        name: &'a str,
        shape: &[usize],
    ) -> Result<TensorReader<'a>> {
        let Some(shard) = self.shards.iter_mut().find(|s| s.header.info(name).is_some()) else {
            return Err(Error::MissingTensor {
                path: self.path.clone(),
                tensor: name.to_owned(),
                expected: shape.to_vec(),
            });
        };
        shard.tensor(name, shape, &mut self.chunk)
    }
}

/// A tensor whose values are read from the first to the last, a piece at a time.
pub(super) struct TensorReader<'a> {
    name: &'a str,
    path: &'a Path,
    /// At the first value that has not been read.
    file: &'a File,
    dtype: Dtype,
    value_bytes: usize,
    chunk: &'a mut [u8],
}

impl TensorReader<'_> {
    /// Writes the next `out.len()` values over `out`.
    ///
    /// # Errors
    ///
    /// If a value is not finite or the file cannot be read.
    pub(super) fn read(&mut self, out: &mut [f32]) -> Result<()> {
        let io = |source| Error::Io { path: self.path.to_owned(), source };
        for values in out.chunks_mut(self.chunk.len() / self.value_bytes) {
            let bytes = &mut self.chunk[..values.len() * self.value_bytes];
            self.file.read_exact(bytes).map_err(io)?;
            widen(bytes, self.dtype, values);
            if !values.iter().all(|value| value.is_finite()) {
                let message = format!("tensor `{}` holds NaN or infinity", self.name);
                return Err(damaged(self.path, message));
            }
        }
        Ok(())
    }
}

/// One safetensors file, its header parsed and checked.
#[derive(Debug)]
struct Shard {
    path: PathBuf,
    file: File,
    header: Metadata,
    /// Where the tensors begin in the file.
    data_start: u64,
}

impl Shard {
    fn open(path: &Path) -> Result<Self> {
        let io = |source| Error::Io { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(io)?;
        let file_bytes = file.metadata().map_err(io)?.len();
        if file_bytes < LENGTH_BYTES {
            return Err(damaged(path, format!("{file_bytes} bytes are too few for a header")));
        }
        let mut length = [0; LENGTH_BYTES as usize];
        file.read_exact(&mut length).map_err(io)?;
        let header_bytes = u64::from_le_bytes(length);
        if header_bytes > HEADER_BYTES_MAX || header_bytes > file_bytes - LENGTH_BYTES {
            return Err(damaged(
                path,
                format!("a header of {header_bytes} bytes in a file of {file_bytes}"),
            ));
        }
        let mut header = vec![0; header_bytes as usize];
        file.read_exact(&mut header).map_err(io)?;
        // Parsing also checks that the tensors lie end to end, that none overlaps another, and
        // that each is as long as its shape and type say.
        let header: Metadata = serde_json::from_slice(&header)
            .map_err(|error| damaged(path, format!("invalid header: {error}")))?;
        let data_start = LENGTH_BYTES + header_bytes;
        let data_bytes = header.data_len() as u64;
        if data_bytes != file_bytes - data_start {
            return Err(damaged(
                path,
                format!(
                    "the header describes {data_bytes} bytes of tensors, the file holds {}",
                    file_bytes - data_start
                ),
            ));
        }
        Ok(Self { path: path.to_owned(), file, header, data_start })
    }

    /// As [`Checkpoint::tensor`]; the caller has found the tensor in this shard's header.
    fn tensor<'a>(
        &'a mut self,
        name: &'a str,
        shape: &[usize],
        chunk: &'a mut [u8],
    ) -> Result<TensorReader<'a>> {
        let Some(info) = self.header.info(name).filter(|info| info.shape == shape) else {
            return Err(Error::TensorShape {
                path: self.path.clone(),
                tensor: name.to_owned(),
                expected: shape.to_vec(),
                found: self.header.info(name).map_or_else(Vec::new, |info| info.shape.clone()),
            });
        };
        let value_bytes = match info.dtype {
            Dtype::F32 => 4,
            Dtype::F16 | Dtype::BF16 => 2,
            other => {
                let message =
                    format!("tensor `{name}` is stored as {other}; supported are F32, F16, BF16");
                return Err(Error::Model { path: self.path.clone(), message, hint: None });
            }
        };
        let begin = self.data_start + info.data_offsets.0 as u64;
        self.file
            .seek(SeekFrom::Start(begin))
            .map_err(|source| Error::Io { path: self.path.clone(), source })?;
        let (path, file) = (&self.path, &self.file);
        Ok(TensorReader { name, path, file, dtype: info.dtype, value_bytes, chunk })
    }
}

/// Writes little-endian values of a type that [`Shard::tensor`] supports as `f32`.
fn widen(bytes: &[u8], dtype: Dtype, values: &mut [f32]) {
    match dtype {
        Dtype::F16 => {
            for (value, bytes) in values.iter_mut().zip(bytes.as_chunks().0) {
                *value = f16::from_le_bytes(*bytes).to_f32();
            }
        }
        Dtype::BF16 => {
            for (value, bytes) in values.iter_mut().zip(bytes.as_chunks().0) {
                *value = bf16::from_le_bytes(*bytes).to_f32();
            }
        }
        _ => {
            for (value, bytes) in values.iter_mut().zip(bytes.as_chunks().0) {
                *value = f32::from_le_bytes(*bytes);
            }
        }
    }
}

/// The part of `model.safetensors.index.json` that matters: which file holds each tensor.
#[derive(Deserialize)]
struct Index {
    weight_map: HashMap<String, String>,
}

/// Opens each file that the index at `path` names.
fn open_shards(directory: &Path, path: &Path) -> Result<Vec<Shard>> {
    let io = |source| Error::Io { path: path.to_owned(), source };
    let mut text = Vec::new();
    File::open(path)
        .and_then(|file| file.take(INDEX_BYTES_MAX + 1).read_to_end(&mut text))
        .map_err(io)?;
    if text.len() as u64 > INDEX_BYTES_MAX {
        return Err(damaged(path, format!("larger than {INDEX_BYTES_MAX} bytes")));
    }
    let index: Index = serde_json::from_slice(&text)
        .map_err(|error| damaged(path, format!("invalid index: {error}")))?;
    let files: BTreeSet<String> = index.weight_map.into_values().collect();
    files
        .iter()
        .map(|file| {
            // A checkpoint may only name files that lie beside its index.
            if Path::new(file).file_name() != Some(file.as_ref()) {
                return Err(damaged(path, format!("`{file}` is not the name of a file beside it")));
            }
            Shard::open(&directory.join(file))
        })
        .collect()
}

/// The answer to a directory without safetensors weights: pickle files can run code when they are
/// read, so they are named and never opened.
fn no_weights(directory: &Path) -> Error {
    let pickle = ["pytorch_model.bin", "pytorch_model.bin.index.json"]
        .into_iter()
        .find(|name| directory.join(name).exists());
    match pickle {
        Some(name) => Error::Model {
            path: directory.join(name),
            message: "pickle weights are not read, because a pickle can run any code".into(),
            hint: Some(format!(
                "convert them once: python -c \"from transformers import \
                 AutoModelForSequenceClassification as M; \
                 M.from_pretrained('{0}').save_pretrained('{0}')\"",
                directory.display()
            )),
        },
        None => Error::Model {
            path: directory.to_owned(),
            message: format!("{SINGLE_FILE} is missing"),
            hint: Some(
                "a model directory holds config.json, model.safetensors and a tokenizer".into(),
            ),
        },
    }
}

fn damaged(path: &Path, message: String) -> Error {
    Error::Model {
        path: path.to_owned(),
        message,
        hint: Some("the file is damaged or was not downloaded whole; fetch it again".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A file of one header and `data_bytes` zeros, opened and read as `x`, shape `[2, 3]`.
    fn read(header: &[u8], data_bytes: usize) -> Result<Vec<f32>> {
        let directory = tempfile::tempdir().unwrap();
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header);
        bytes.resize(bytes.len() + data_bytes, 0);
        std::fs::write(directory.path().join(SINGLE_FILE), bytes).unwrap();
        let mut values = Vec::new();
        Checkpoint::open(directory.path())?.append("x", &[2, 3], &mut values)?;
        Ok(values)
    }

    const HEADER: &str = r#"{"__metadata__":{"format":"pt"},
        "x":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},
        "y":{"dtype":"BF16","shape":[4],"data_offsets":[24,32]}}"#;

    #[test]
    fn a_sound_file_is_read() {
        assert_eq!(read(HEADER.as_bytes(), 32).unwrap(), [0.0; 6]);
    }

    #[test]
    fn headers_that_lie_are_refused() {
        for (from, to) in [
            ("[24,32]", "[20,28]"),
            ("[24,32]", "[28,36]"),
            ("[24,32]", "[24,18446744073709551615]"),
            ("[24,32]", "[32,24]"),
            ("[4]", "[18446744073709551615,2]"),
            ("[4]", "[5]"),
            ("[4]", "[-4]"),
            ("BF16", "F99"),
            ("}}", "}"),
        ] {
            assert!(HEADER.contains(from));
            let error = read(HEADER.replace(from, to).as_bytes(), 32).unwrap_err().to_string();
            assert!(error.contains("model.safetensors: "), "{to}: {error}");
        }
        let longer = read(HEADER.as_bytes(), 33).unwrap_err().to_string();
        assert!(longer.contains("describes 32 bytes of tensors, the file holds 33"), "{longer}");
    }

    #[test]
    fn a_header_length_beyond_the_file_allocates_nothing() {
        let directory = tempfile::tempdir().unwrap();
        for length in [9, HEADER_BYTES_MAX + 1, u64::MAX] {
            let mut bytes = length.to_le_bytes().to_vec();
            bytes.extend_from_slice(b"{}");
            std::fs::write(directory.path().join(SINGLE_FILE), bytes).unwrap();
            let error = Checkpoint::open(directory.path()).unwrap_err().to_string();
            assert!(error.contains(&format!("a header of {length} bytes in a file of 10")));
        }
    }

    #[test]
    fn values_that_are_not_finite_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let header = br#"{"x":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}"#;
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header);
        bytes.extend_from_slice(&f16::ONE.to_le_bytes());
        bytes.extend_from_slice(&f16::NAN.to_le_bytes());
        std::fs::write(directory.path().join(SINGLE_FILE), bytes).unwrap();
        let mut checkpoint = Checkpoint::open(directory.path()).unwrap();
        let error = checkpoint.append("x", &[2], &mut Vec::new()).unwrap_err().to_string();
        assert!(error.ends_with("tensor `x` holds NaN or infinity"), "{error}");
    }

    proptest! {
        /// Any damage to a header is an error or a file that still reads; never a panic.
        #[test]
        fn no_header_panics(at in 0..HEADER.len(), byte: u8, data_bytes in 0_usize..64) {
            let mut header = HEADER.as_bytes().to_vec();
            header[at] = byte;
            if let Ok(values) = read(&header, data_bytes) {
                prop_assert_eq!(values.len(), 6);
            }
        }
    }
}
