//! Weights on disk: one `model.safetensors`, or several behind an index.
//!
//! Only the headers are held in memory. A tensor is read where it lies in its file, a chunk at a
//! time through one buffer, and arrives as `f32`; int8 weights may also be had as they are stored.
//! Everything a header says is checked against the
//! file before it is believed: a hostile file costs an error, never a panic or a huge allocation.
//!
//! Source: the safetensors format, <https://huggingface.co/docs/safetensors>: eight bytes of
//! little-endian header length, a JSON header, then the tensors end to end.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use safetensors::Dtype;
use safetensors::tensor::Metadata;
use serde::Deserialize;

use super::tensor::{RowScales, TensorReader};
use crate::{Error, Result};

const SINGLE_FILE: &str = "model.safetensors";
const INDEX_FILE: &str = "model.safetensors.index.json";

/// The largest header that is parsed. BERT-large's has about 40 KiB.
const HEADER_BYTES_MAX: u64 = 4 << 20;

/// The largest index of a sharded checkpoint that is parsed.
const INDEX_BYTES_MAX: u64 = 4 << 20;

/// How much of a tensor is read at once.
const CHUNK_BYTES: usize = 1 << 20;

/// The types of biases, norms, position embeddings and scales.
const FLOATS: [Dtype; 3] = [Dtype::F32, Dtype::F16, Dtype::BF16];

/// The types of the weights of linears and of word embeddings.
const WEIGHTS: [Dtype; 4] = [Dtype::F32, Dtype::F16, Dtype::BF16, Dtype::I8];

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

    /// The same for one file that is part of the program; `path` names it in errors.
    pub(super) fn embedded(bytes: &'static [u8], path: &Path) -> Result<Self> {
        let shard = Shard::read(path, Box::new(Cursor::new(bytes)), bytes.len() as u64)?;
        Ok(Self { path: path.to_owned(), shards: vec![shard], chunk: vec![0; CHUNK_BYTES] })
    }

    /// Whether a tensor of this name exists.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.dtype(name).is_some()
    }

    /// Whether a tensor of this name exists and is stored as int8.
    pub(super) fn is_int8(&self, name: &str) -> bool {
        self.dtype(name) == Some(Dtype::I8)
    }

    fn dtype(&self, name: &str) -> Option<Dtype> {
        self.shards.iter().find_map(|shard| shard.header.info(name)).map(|info| info.dtype)
    }

    /// Appends the values of the named tensor, which must have this shape, to `out`.
    ///
    /// # Errors
    ///
    /// If the tensor is missing, has another shape, is stored in a type other than F32, F16 and
    /// BF16, holds a value that is not finite, or cannot be read.
    pub(super) fn append(&mut self, name: &str, shape: &[usize], out: &mut Vec<f32>) -> Result<()> {
        let mut tensor = self.tensor(name, shape, &FLOATS)?;
        tensor.read(extend(out, shape.iter().product()))
    }

    /// Appends the values of the named weight, shape `[rows, width]`, to `out`.
    ///
    /// # Errors
    ///
    /// As [`Self::weight`] and [`TensorReader::read`].
    pub(super) fn append_weight(
        &mut self,
        name: &str,
        shape: [usize; 2],
        out: &mut Vec<f32>,
    ) -> Result<()> {
        let mut tensor = self.weight(name, shape)?;
        tensor.read(extend(out, shape[0] * shape[1]))
    }

    /// Appends the bytes and the scales of the named weight, shape `[rows, width]`, which
    /// [`Self::is_int8`].
    ///
    /// # Errors
    ///
    /// As [`Self::weight`], and if the file cannot be read.
    pub(super) fn append_int8(
        &mut self,
        name: &str,
        shape: [usize; 2],
        bytes: &mut Vec<i8>,
        scales: &mut Vec<f32>,
    ) -> Result<()> {
        scales.extend(self.row_scales(name, shape[0])?);
        let mut tensor = self.tensor(name, &shape, &[Dtype::I8])?;
        tensor.read_int8(extend(bytes, shape[0] * shape[1]))
    }

    /// Finds the named weight, shape `[rows, width]`, to be read in pieces. It is stored as
    /// floats, or as int8 with one scale per row.
    ///
    /// # Errors
    ///
    /// If the weight is missing, has another shape, or is stored in a type other than F32, F16,
    /// BF16 and I8; if the scales of an int8 weight are not one positive number per row, or it has
    /// zero points.
    pub(super) fn weight<'a>(
        &'a mut self,
        name: &'a str,
        shape: [usize; 2],
    ) -> Result<TensorReader<'a>> {
        let scales = if self.is_int8(name) {
            Some(RowScales::new(self.row_scales(name, shape[0])?, shape[1]))
        } else {
            None
        };
        let tensor = self.tensor(name, &shape, &WEIGHTS)?;
        Ok(TensorReader { scales, ..tensor })
    }

    /// The scales of an int8 weight, stored beside it as `[rows]` or `[rows, 1]`.
    fn row_scales(&mut self, weight: &str, rows: usize) -> Result<Vec<f32>> {
        let zero_points = format!("{weight}_zero_point");
        if self.contains(&zero_points) {
            let message = format!(
                "tensor `{zero_points}` belongs to an asymmetric int8 weight; \
                 supported are weights with a scale alone"
            );
            return Err(Error::Model { path: self.path.clone(), message, hint: None });
        }
        let name = format!("{weight}_scale");
        let is_column =
            |shard: &Shard| shard.header.info(&name).is_some_and(|info| info.shape == [rows, 1]);
        let column = self.shards.iter().any(is_column);
        let shape: &[usize] = if column { &[rows, 1] } else { &[rows] };
        let mut scales = Vec::new();
        self.append(&name, shape, &mut scales)?;
        match scales.iter().position(|scale| *scale <= 0.0) {
            None => Ok(scales),
            Some(row) => {
                let message = format!(
                    "tensor `{name}` holds {} for row {row}, expected a scale above 0",
                    scales[row]
                );
                Err(Error::Model { path: self.path.clone(), message, hint: None })
            }
        }
    }

    /// Finds the named tensor, which must have this shape and be stored in one of these types.
    fn tensor<'a>(
        &'a mut self,
        name: &'a str,
        shape: &[usize],
        supported: &[Dtype],
    ) -> Result<TensorReader<'a>> {
        let Some(shard) = self.shards.iter_mut().find(|s| s.header.info(name).is_some()) else {
            return Err(Error::MissingTensor {
                path: self.path.clone(),
                tensor: name.to_owned(),
                expected: shape.to_vec(),
            });
        };
        shard.tensor(name, shape, supported, &mut self.chunk)
    }
}

/// Makes room for `values` more, which the caller overwrites. What a header says that a tensor
/// holds is what its file holds, so that the room is never more than that.
fn extend<T: Copy + Default>(out: &mut Vec<T>, values: usize) -> &mut [T] {
    let start = out.len();
    out.reserve_exact(values);
    out.resize(start + values, T::default());
    &mut out[start..]
}

/// What a safetensors file is read from.
trait Source: Read + Seek + Send {}

impl<T: Read + Seek + Send> Source for T {}

/// One safetensors file, its header parsed and checked.
struct Shard {
    path: PathBuf,
    file: Box<dyn Source>,
    header: Metadata,
    /// Where the tensors begin in the file.
    data_start: u64,
}

impl fmt::Debug for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shard({})", self.path.display())
    }
}

impl Shard {
    fn open(path: &Path) -> Result<Self> {
        let io = |source| Error::Io { path: path.to_owned(), source };
        let file = File::open(path).map_err(io)?;
        let file_bytes = file.metadata().map_err(io)?.len();
        Self::read(path, Box::new(file), file_bytes)
    }

    /// Reads the header of a file of `file_bytes` bytes.
    fn read(path: &Path, mut file: Box<dyn Source>, file_bytes: u64) -> Result<Self> {
        let io = |source| Error::Io { path: path.to_owned(), source };
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
        supported: &[Dtype],
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
        if !supported.contains(&info.dtype) {
            let supported: Vec<String> = supported.iter().map(Dtype::to_string).collect();
            let message = format!(
                "tensor `{name}` is stored as {}; supported are {}",
                info.dtype,
                supported.join(", ")
            );
            return Err(Error::Model { path: self.path.clone(), message, hint: None });
        }
        let begin = self.data_start + info.data_offsets.0 as u64;
        self.file
            .seek(SeekFrom::Start(begin))
            .map_err(|source| Error::Io { path: self.path.clone(), source })?;
        let (path, file) = (&self.path, &mut *self.file);
        Ok(TensorReader { name, path, file, dtype: info.dtype, scales: None, chunk })
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

pub(super) fn damaged(path: &Path, message: String) -> Error {
    Error::Model {
        path: path.to_owned(),
        message,
        hint: Some("the file is damaged or was not downloaded whole; fetch it again".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use half::f16;
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
