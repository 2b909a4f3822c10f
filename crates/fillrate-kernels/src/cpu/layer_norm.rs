//! Layer normalisation of rows, alone or as the end of a product.

#![allow(unsafe_code, reason = "lane operations gated by the tier, over checked bounds")]

use super::dispatch::{Kernel, dispatch};
use super::lanes::{LANES, Lanes};
use super::quantize::quantize_rows;
use crate::activation::{Activation, Values, stride_for};
use crate::buffer::Aligned;
use crate::{Error, Result, Tier};

/// The scale and shift of a layer norm: y = γ (x − mean) / √(variance + ε) + β over each row, with
/// the population variance.
///
/// Source: Ba, Kiros & Hinton, "Layer Normalization" (2016), equations 3 and 4.
#[derive(Clone)]
pub struct LayerNorm {
    gamma: Aligned<f32>,
    beta: Aligned<f32>,
    width: usize,
    epsilon: f32,
}

impl LayerNorm {
    /// A layer norm over rows of `gamma.len()` values.
    ///
    /// # Errors
    ///
    /// If γ and β differ in length or are empty, or ε is not a positive number.
    pub fn new(gamma: &[f32], beta: &[f32], epsilon: f32) -> Result<Self> {
        let width = gamma.len();
        if beta.len() != width || width == 0 {
            return Err(Error::Shape {
                op: "layer_norm",
                expected: format!("as many shifts as scales ({width}), at least one"),
                got: format!("{}", beta.len()),
            });
        }
        if !(epsilon > 0.0 && epsilon.is_finite()) {
            return Err(Error::Shape {
                op: "layer_norm",
                expected: "a positive epsilon".to_owned(),
                got: epsilon.to_string(),
            });
        }
        // Beyond the width both are zero, so that the padding columns come out zero.
        let padded = |values: &[f32]| {
            let mut buffer = Aligned::zeroed(stride_for(width));
            buffer[..width].copy_from_slice(values);
            buffer
        };
        Ok(Self { gamma: padded(gamma), beta: padded(beta), width, epsilon })
    }

    /// The number of values per row.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.width
    }
}

/// Normalises `rows` rows of `sums`, shape `[rows, stride]` and zero past the width, into `out`.
pub(crate) fn layer_norm_rows(
    tier: Tier,
    sums: &[f32],
    rows: usize,
    norm: &LayerNorm,
    out: &mut Activation,
) {
    assert!(sums.len() >= rows * out.stride && rows <= out.capacity_rows());
    assert!(norm.gamma.len() == out.stride && norm.width == out.width);
    out.rows = rows;
    dispatch(tier, Normalize { sums, norm, out });
    quantize_rows(tier, out);
}

struct Normalize<'a> {
    sums: &'a [f32],
    norm: &'a LayerNorm,
    out: &'a mut Activation,
}

impl Kernel for Normalize<'_> {
    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let Self { sums, norm, out } = self;
        let stride = out.stride;
        for (row, sums) in sums.chunks_exact(stride).take(out.rows).enumerate() {
            // SAFETY: `sums`, γ and β have `stride` values and so has row `row` of `out`, which
            // lies within its capacity; `L` is available by the trait's contract.
            unsafe {
                let (mean, scale) = moments::<L>(sums, norm);
                match &mut out.values {
                    Values::F32(values) => {
                        let to = values.as_mut_ptr().add(row * stride);
                        normalize::<L>(sums, norm, mean, scale, |i, y| y.store(to.add(i)));
                    }
                    Values::Bf16(values) => {
                        let to = values.as_mut_ptr().add(row * stride);
                        normalize::<L>(sums, norm, mean, scale, |i, y| y.store_bf16(to.add(i)));
                    }
                }
            }
        }
    }
}

/// Sixteen ones, then sixteen zeros: read from `LANES - n` on, the first `n` lanes are one.
static WITHIN: [f32; 2 * LANES] = {
    let mut mask = [0.0; 2 * LANES];
    let mut lane = 0;
    while lane < LANES {
        mask[lane] = 1.0;
        lane += 1;
    }
    mask
};

/// The mean of a row and 1 / √(variance + ε), in two passes: the row is in the first-level cache,
/// and the one-pass formula cancels. Padding columns are zero and count in neither.
#[inline(always)]
unsafe fn moments<L: Lanes>(row: &[f32], norm: &LayerNorm) -> (L, f32) {
    // SAFETY: whole chunks of LANES values; `L` is available.
    unsafe {
        let count = norm.width as f32;
        // Four partial sums, since every addition waits for the one before it.
        let mut sums = [L::splat(0.0); 4];
        for group in row.chunks_exact(4 * LANES) {
            for (sum, chunk) in sums.iter_mut().zip(group.chunks_exact(LANES)) {
                *sum = sum.add(L::load(chunk.as_ptr()));
            }
        }
        let mean = L::splat(total(sums) / count);
        let (groups, tail) = row[..norm.width].split_at(norm.width / (4 * LANES) * (4 * LANES));
        let mut squares = [L::splat(0.0); 4];
        for group in groups.chunks_exact(4 * LANES) {
            for (square, chunk) in squares.iter_mut().zip(group.chunks_exact(LANES)) {
                let deviation = L::load(chunk.as_ptr()).sub(mean);
                *square = deviation.fma(deviation, *square);
            }
        }
        for (square, chunk) in squares.iter_mut().zip(tail.chunks(LANES)) {
            // The row goes on with zeros to its stride, so a whole vector may be read.
            let within = L::load(WITHIN.as_ptr().add(LANES - chunk.len()));
            let deviation = L::load(chunk.as_ptr()).sub(mean).mul(within);
            *square = deviation.fma(deviation, *square);
        }
        let variance = total(squares) / count;
        (mean, 1.0 / (variance + norm.epsilon).sqrt())
    }
}

/// The sum of the lanes of four vectors.
#[inline(always)]
unsafe fn total<L: Lanes>([a, b, c, d]: [L; 4]) -> f32 {
    // SAFETY: `L` is available.
    unsafe { a.add(b).add(c.add(d)).reduce_add() }
}

#[inline(always)]
unsafe fn normalize<L: Lanes>(
    row: &[f32],
    norm: &LayerNorm,
    mean: L,
    scale: f32,
    store: impl Fn(usize, L),
) {
    let chunks = row.chunks_exact(LANES).zip(norm.gamma.chunks_exact(LANES));
    for (index, ((x, gamma), beta)) in chunks.zip(norm.beta.chunks_exact(LANES)).enumerate() {
        // SAFETY: whole chunks of LANES values; `L` is available.
        unsafe {
            let centred = L::load(x.as_ptr()).sub(mean).mul(L::splat(scale));
            let y = centred.fma(L::load(gamma.as_ptr()), L::load(beta.as_ptr()));
            store(index * LANES, y);
        }
    }
}
