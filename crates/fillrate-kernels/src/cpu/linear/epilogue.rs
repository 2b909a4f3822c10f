//! What happens to a block of sums: scale, bias, non-linearity, residual, rounding, store.

#![allow(unsafe_code, reason = "lane operations gated by the tier, over blocks the driver checks")]

use std::marker::PhantomData;

use half::bf16;

use super::{Linear, Nonlinearity, Weights};
use crate::activation::Activation;
use crate::cpu::lanes::{LANES, Lanes};
use crate::cpu::math::{gelu, gelu_for_bf16, gelu_tanh, tanh};

/// Where results go: a matrix and its stride.
pub(super) enum Output<'a> {
    F32(&'a mut [f32], usize),
    Bf16(&'a mut [bf16], usize),
}

/// What is added after the non-linearity: a matrix and its stride.
#[derive(Clone, Copy)]
pub(super) enum Residual<'a> {
    F32(&'a [f32], usize),
    Bf16(&'a [bf16], usize),
}

/// A block's sums, rows one after the other.
#[derive(Clone, Copy)]
pub(super) enum Acc {
    F32(*const f32),
    I32(*const i32),
}

/// A block of sums and where it belongs.
#[derive(Clone, Copy)]
pub(super) struct Tile {
    pub(super) acc: Acc,
    pub(super) row: usize,
    pub(super) rows: usize,
    pub(super) column: usize,
    pub(super) columns: usize,
}

/// Everything that turns sums into results.
pub(super) struct Epilogue<'a> {
    bias: &'a [f32],
    integer: Option<Integer<'a>>,
    f: Nonlinearity,
    residual: Option<Residual<'a>>,
    to: To,
    /// The output stays borrowed for as long as its pointer is used.
    output: PhantomData<&'a mut [f32]>,
}

#[derive(Clone, Copy)]
enum To {
    F32(*mut f32, usize),
    Bf16(*mut bf16, usize),
}

/// The scales of an int8 product.
struct Integer<'a> {
    row_scales: &'a [f32],
    zero_points: &'a [f32],
    column_scales: &'a [f32],
    column_sums: &'a [f32],
}

impl<'a> Epilogue<'a> {
    pub(super) fn new(
        x: &'a Activation,
        weights: &'a Linear,
        f: Nonlinearity,
        residual: Option<Residual<'a>>,
        output: Output<'a>,
    ) -> Self {
        let integer = match (&weights.weights, &x.quantized) {
            (Weights::Int8(weights), Some(x)) => Some(Integer {
                row_scales: &x.scales,
                zero_points: &x.zero_points,
                column_scales: &weights.scales,
                column_sums: &weights.sums,
            }),
            _ => None,
        };
        let to = match output {
            Output::F32(values, stride) => To::F32(values.as_mut_ptr(), stride),
            Output::Bf16(values, stride) => To::Bf16(values.as_mut_ptr(), stride),
        };
        Self { bias: &weights.bias, integer, f, residual, to, output: PhantomData }
    }

    /// Finishes one block and stores it.
    ///
    /// # Safety
    ///
    /// The tile's rows and columns exist in the output (columns up to its stride) and in the
    /// residual, nobody else writes them, and `L` is available.
    #[inline(always)]
    pub(super) unsafe fn finish<L: Lanes>(&self, tile: Tile) {
        // SAFETY: as the caller guarantees. The match is here, outside the loops, so that each
        // non-linearity gets loops of its own.
        unsafe {
            match (self.f, self.to) {
                (Nonlinearity::Identity, _) => self.rows::<L>(tile, |x| x),
                (Nonlinearity::Gelu, To::F32(..)) => self.rows::<L>(tile, |x| gelu(x)),
                (Nonlinearity::Gelu, To::Bf16(..)) => self.rows::<L>(tile, |x| gelu_for_bf16(x)),
                (Nonlinearity::GeluTanh, _) => self.rows::<L>(tile, |x| gelu_tanh(x)),
                (Nonlinearity::Relu, _) => self.rows::<L>(tile, |x| x.max(L::splat(0.0))),
                (Nonlinearity::Tanh, _) => self.rows::<L>(tile, |x| tanh(x)),
            }
        }
    }

    #[inline(always)]
    unsafe fn rows<L: Lanes>(&self, tile: Tile, f: impl Fn(L) -> L) {
        for index in 0..tile.rows {
            let row = tile.row + index;
            for column in (tile.column..tile.column + tile.columns).step_by(LANES) {
                let at = index * tile.columns + column - tile.column;
                // SAFETY: as the caller of `finish` guarantees; bias, scales and sums are padded to
                // the output's stride.
                unsafe {
                    let mut y = f(self.affine::<L>(tile.acc, at, row, column));
                    match self.residual {
                        None => {}
                        Some(Residual::F32(values, stride)) => {
                            y = y.add(L::load(values.as_ptr().add(row * stride + column)));
                        }
                        Some(Residual::Bf16(values, stride)) => {
                            y = y.add(L::load_bf16(values.as_ptr().add(row * stride + column)));
                        }
                    }
                    match self.to {
                        To::F32(to, stride) => y.store(to.add(row * stride + column)),
                        To::Bf16(to, stride) => y.store_bf16(to.add(row * stride + column)),
                    }
                }
            }
        }
    }

    /// sum + bias, or for integers scale\[row\] · scale\[column\] · (sum − z · Σ w) + bias
    /// with z the row's zero point.
    #[inline(always)]
    unsafe fn affine<L: Lanes>(&self, acc: Acc, at: usize, row: usize, column: usize) -> L {
        // SAFETY: as in `rows`.
        unsafe {
            let bias = L::load(self.bias.as_ptr().add(column));
            match (acc, &self.integer) {
                (Acc::I32(sums), Some(integer)) => {
                    let zero_point = L::splat(-*integer.zero_points.get_unchecked(row));
                    let offset = L::load(integer.column_sums.as_ptr().add(column));
                    let sum = zero_point.fma(offset, L::load_i32(sums.add(at)));
                    let scale = L::load(integer.column_scales.as_ptr().add(column))
                        .mul(L::splat(*integer.row_scales.get_unchecked(row)));
                    sum.fma(scale, bias)
                }
                (Acc::F32(sums), _) => L::load(sums.add(at)).add(bias),
                (Acc::I32(_), None) => unreachable!("integer sums have scales"),
            }
        }
    }
}
