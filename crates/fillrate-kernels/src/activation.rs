//! What flows between the ops: a matrix with one row per token.

use half::bf16;

use crate::Precision;
use crate::buffer::Aligned;

/// Rows are padded to a multiple of this many values, so that every product's inner loop runs
/// over whole tiles (64 bytes of int8) and every row begins on a cache line.
pub(crate) const WIDTH_MULTIPLE: usize = 64;

/// The room for rows is padded to a multiple of this, so that a tile of rows can be read and
/// written whole; what lies in the rows past the last one is never looked at.
pub(crate) const ROW_MULTIPLE: usize = 32;

/// A row-major matrix `[rows, width]` of f32 or bfloat16, with one row per token.
///
/// For [`Precision::Int8`] it is bfloat16 and also holds the same rows quantised to 8 bits, the
/// operand of the next product. The columns between `width` and the padded stride are always zero.
#[derive(Clone)]
pub struct Activation {
    pub(crate) rows: usize,
    pub(crate) width: usize,
    pub(crate) stride: usize,
    capacity_rows: usize,
    pub(crate) values: Values,
    pub(crate) quantized: Option<Quantized>,
}

/// The values of an activation, `[capacity_rows, stride]`.
#[derive(Clone)]
pub(crate) enum Values {
    F32(Aligned<f32>),
    Bf16(Aligned<bf16>),
}

/// The same rows as unsigned bytes: `value ≈ scale[row] * (byte - zero_point[row])`.
#[derive(Clone)]
pub(crate) struct Quantized {
    pub(crate) bytes: Aligned<u8>,
    pub(crate) scales: Aligned<f32>,
    pub(crate) zero_points: Aligned<f32>,
}

/// The distance between rows of `width` values, in values.
pub(crate) const fn stride_for(width: usize) -> usize {
    width.next_multiple_of(WIDTH_MULTIPLE)
}

impl Activation {
    /// A matrix with room for `capacity_rows` rows of `width` values, and no rows yet.
    #[must_use]
    pub fn new(capacity_rows: usize, width: usize, precision: Precision) -> Self {
        let stride = stride_for(width);
        let capacity_rows = capacity_rows.next_multiple_of(ROW_MULTIPLE);
        let len = capacity_rows * stride;
        let values = match precision {
            Precision::Fp32 => Values::F32(Aligned::zeroed(len)),
            Precision::Bf16 | Precision::Int8 => Values::Bf16(Aligned::zeroed(len)),
        };
        let quantized = (precision == Precision::Int8).then(|| Quantized {
            bytes: Aligned::zeroed(len),
            scales: Aligned::zeroed(capacity_rows),
            zero_points: Aligned::zeroed(capacity_rows),
        });
        Self { rows: 0, width, stride, capacity_rows, values, quantized }
    }

    /// The bytes that [`Self::new`] takes with the same arguments.
    #[must_use]
    pub const fn bytes_for(capacity_rows: usize, width: usize, precision: Precision) -> usize {
        let capacity_rows = capacity_rows.next_multiple_of(ROW_MULTIPLE);
        let len = capacity_rows * stride_for(width);
        match precision {
            Precision::Fp32 => Aligned::<f32>::bytes_for(len),
            Precision::Bf16 => Aligned::<bf16>::bytes_for(len),
            Precision::Int8 => {
                Aligned::<bf16>::bytes_for(len)
                    + Aligned::<u8>::bytes_for(len)
                    + 2 * Aligned::<f32>::bytes_for(capacity_rows)
            }
        }
    }

    /// The bytes this matrix takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let values = match &self.values {
            Values::F32(values) => values.bytes(),
            Values::Bf16(values) => values.bytes(),
        };
        values
            + self
                .quantized
                .as_ref()
                .map_or(0, |q| q.bytes.bytes() + q.scales.bytes() + q.zero_points.bytes())
    }

    /// The number of rows the last op wrote.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// The number of rows there is room for.
    #[must_use]
    pub const fn capacity_rows(&self) -> usize {
        self.capacity_rows
    }

    /// The number of values per row.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.width
    }

    /// Copies row `row` into `out` as f32.
    ///
    /// # Panics
    ///
    /// If there is no such row or `out` is not `width` long.
    pub fn row_f32(&self, row: usize, out: &mut [f32]) {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        let range = row * self.stride..row * self.stride + self.width;
        match &self.values {
            Values::F32(values) => out.copy_from_slice(&values[range]),
            Values::Bf16(values) => {
                assert_eq!(out.len(), self.width);
                for (to, from) in out.iter_mut().zip(&values[range]) {
                    *to = from.to_f32();
                }
            }
        }
    }

    /// Replaces the contents by `rows`, shape `[rows, width]`; an int8 matrix is quantised too.
    ///
    /// This is how tests and single callers fill a matrix; the ops write theirs in place.
    ///
    /// # Panics
    ///
    /// If `rows` is not a whole number of rows or there is no room for them.
    pub fn set_f32(&mut self, rows: &[f32]) {
        assert_eq!(rows.len() % self.width, 0, "whole rows of {}", self.width);
        self.rows = rows.len() / self.width;
        assert!(self.rows <= self.capacity_rows, "{} rows of {}", self.rows, self.capacity_rows);
        for (row, from) in rows.chunks_exact(self.width).enumerate() {
            let range = row * self.stride..row * self.stride + self.width;
            match &mut self.values {
                Values::F32(values) => values[range].copy_from_slice(from),
                Values::Bf16(values) => {
                    for (to, &from) in values[range].iter_mut().zip(from) {
                        *to = bf16::from_f32(from);
                    }
                }
            }
        }
        crate::cpu::quantize::quantize_rows(crate::Tier::Portable, self);
    }
}
