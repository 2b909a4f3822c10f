//! The values of one tensor, read in pieces and widened to `f32`.

use std::io::Read;
use std::path::Path;

use half::{bf16, f16};
use safetensors::Dtype;

use super::checkpoint::damaged;
use crate::{Error, Result};

/// A tensor whose values are read from the first to the last, a piece at a time.
pub(super) struct TensorReader<'a> {
    pub(super) name: &'a str,
    pub(super) path: &'a Path,
    /// At the first value that has not been read.
    pub(super) file: &'a mut dyn Read,
    /// F32, F16, BF16 or I8.
    pub(super) dtype: Dtype,
    /// What the bytes of an int8 weight are multiplied by.
    pub(super) scales: Option<RowScales>,
    pub(super) chunk: &'a mut [u8],
}

impl TensorReader<'_> {
    /// Writes the next `out.len()` values over `out`.
    ///
    /// # Errors
    ///
    /// If a value is not finite or the file cannot be read.
    pub(super) fn read(&mut self, out: &mut [f32]) -> Result<()> {
        let io = |source| Error::Io { path: self.path.to_owned(), source };
        let value_bytes = self.dtype.bitsize() / 8;
        for values in out.chunks_mut(self.chunk.len() / value_bytes) {
            let bytes = &mut self.chunk[..values.len() * value_bytes];
            self.file.read_exact(bytes).map_err(io)?;
            widen(bytes, self.dtype, values);
            if let Some(scales) = &mut self.scales {
                scales.apply(values);
            }
            if !values.iter().all(|value| value.is_finite()) {
                let message = format!("tensor `{}` holds NaN or infinity", self.name);
                return Err(damaged(self.path, message));
            }
        }
        Ok(())
    }

    /// Writes the next `out.len()` bytes of an int8 tensor over `out`, as they are stored.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub(super) fn read_int8(&mut self, out: &mut [i8]) -> Result<()> {
        let io = |source| Error::Io { path: self.path.to_owned(), source };
        self.file.read_exact(bytemuck::cast_slice_mut(out)).map_err(io)
    }
}

/// The scales of an int8 weight, one per row, and how much of the weight they were applied to.
pub(super) struct RowScales {
    scales: Vec<f32>,
    /// The values of a row.
    width: usize,
    /// The values that have been scaled.
    done: usize,
}

impl RowScales {
    pub(super) const fn new(scales: Vec<f32>, width: usize) -> Self {
        Self { scales, width, done: 0 }
    }

    /// Scales the next `values.len()` values, which may begin and end within a row.
    fn apply(&mut self, mut values: &mut [f32]) {
        while !values.is_empty() {
            let left = self.width - self.done % self.width;
            let (row, rest) = values.split_at_mut(left.min(values.len()));
            let scale = self.scales[self.done / self.width];
            for value in &mut *row {
                *value *= scale;
            }
            self.done += row.len();
            values = rest;
        }
    }
}

/// Writes little-endian values as `f32`.
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
        Dtype::I8 => {
            for (value, byte) in values.iter_mut().zip(bytes) {
                *value = f32::from(byte.cast_signed());
            }
        }
        _ => {
            for (value, bytes) in values.iter_mut().zip(bytes.as_chunks().0) {
                *value = f32::from_le_bytes(*bytes);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_follow_the_rows_whatever_the_pieces() {
        let whole: Vec<f32> = [10.0, 100.0, 1000.0].into_iter().flat_map(|s| [s; 4]).collect();
        for piece in 1..=12 {
            let mut values = [1.0; 12];
            let mut scales = RowScales::new(vec![10.0, 100.0, 1000.0], 4);
            values.chunks_mut(piece).for_each(|values| scales.apply(values));
            assert_eq!(values[..], whole, "pieces of {piece}");
        }
    }
}
