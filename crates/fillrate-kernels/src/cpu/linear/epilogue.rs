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
        // SAFETY: as the caller guarantees. Every choice is made here, outside the loops, so that
        // each combination that occurs gets loops of its own.
        unsafe {
            match (self.to, self.residual) {
                (To::F32(to, stride), None) => match self.f {
                    Nonlinearity::Gelu => self.columns::<L, Gelu, _>(tile, ToF32(to, stride)),
                    _ => self.other_shapes::<L, _>(tile, ToF32(to, stride)),
                },
                (To::Bf16(to, stride), None) => match self.f {
                    Nonlinearity::Gelu => {
                        self.columns::<L, GeluForBf16, _>(tile, ToBf16(to, stride));
                    }
                    _ => self.other_shapes::<L, _>(tile, ToBf16(to, stride)),
                },
                (To::F32(to, stride), Some(residual)) => match residual {
                    Residual::F32(from, from_stride) => {
                        let from = (from.as_ptr(), from_stride);
                        self.columns::<L, Identity, _>(tile, AddF32(from, to, stride));
                    }
                    Residual::Bf16(from, from_stride) => {
                        let from = (from.as_ptr(), from_stride);
                        self.columns::<L, Identity, _>(tile, AddBf16(from, to, stride));
                    }
                },
                (To::Bf16(..), Some(_)) => unreachable!("sums with a residual are kept in f32"),
            }
        }
    }

    /// Chooses the non-linearity, GELU apart, whose form depends on the output's type.
    #[inline(always)]
    unsafe fn other_shapes<L: Lanes, S: Store>(&self, tile: Tile, to: S) {
        // SAFETY: as in `finish`.
        unsafe {
            match self.f {
                Nonlinearity::Identity | Nonlinearity::Gelu => {
                    self.columns::<L, Identity, S>(tile, to);
                }
                Nonlinearity::GeluTanh => self.columns::<L, GeluTanh, S>(tile, to),
                Nonlinearity::Relu => self.columns::<L, Relu, S>(tile, to),
                Nonlinearity::Tanh => self.columns::<L, Tanh, S>(tile, to),
            }
        }
    }

    /// Stores f(sum + bias), or for integers f(row scale · column scale · (sum − z · Σ w) + bias)
    /// with z the row's zero point. What belongs to a column is loaded once for all rows.
    #[inline(always)]
    unsafe fn columns<L: Lanes, A: Apply, S: Store>(&self, tile: Tile, to: S) {
        let Tile { acc, row: first, rows, column: left, columns } = tile;
        for offset in (0..columns).step_by(LANES) {
            let column = left + offset;
            // SAFETY: as in `finish`; bias, scales and sums are padded to the output's stride, and
            // row scales and zero points exist for every row.
            unsafe {
                let bias = L::load(self.bias.as_ptr().add(column));
                match (acc, &self.integer) {
                    (Acc::I32(sums), Some(integer)) => {
                        let weights = L::load(integer.column_sums.as_ptr().add(column));
                        let scale = L::load(integer.column_scales.as_ptr().add(column));
                        for index in 0..rows {
                            let row = first + index;
                            let zero = L::splat(-*integer.zero_points.get_unchecked(row));
                            let row_scale = L::splat(*integer.row_scales.get_unchecked(row));
                            let sum = L::load_i32(sums.add(index * columns + offset));
                            let y = zero.fma(weights, sum).fma(scale.mul(row_scale), bias);
                            to.store(Cell { row, column }, A::apply(y));
                        }
                    }
                    (Acc::F32(sums), _) => {
                        for index in 0..rows {
                            let y = L::load(sums.add(index * columns + offset)).add(bias);
                            to.store(Cell { row: first + index, column }, A::apply(y));
                        }
                    }
                    (Acc::I32(_), None) => unreachable!("integer sums have scales"),
                }
            }
        }
    }
}

/// Where sixteen values of a matrix begin.
#[derive(Clone, Copy)]
struct Cell {
    row: usize,
    column: usize,
}

impl Cell {
    /// The place in a matrix with this stride.
    #[inline(always)]
    const fn offset(self, stride: usize) -> usize {
        self.row * stride + self.column
    }
}

/// A non-linearity as a type, so that every loop is compiled for its own.
trait Apply {
    /// # Safety
    ///
    /// `L` is available.
    unsafe fn apply<L: Lanes>(x: L) -> L;
}

macro_rules! apply {
    ($($name:ident: |$x:ident| $result:expr;)*) => {$(
        struct $name;

        impl Apply for $name {
            #[inline(always)]
            unsafe fn apply<L: Lanes>($x: L) -> L {
                // SAFETY: as the caller guarantees.
                #[allow(unused_unsafe, reason = "one of them needs none")]
                unsafe { $result }
            }
        }
    )*};
}

apply! {
    Identity: |x| x;
    Gelu: |x| gelu(x);
    GeluForBf16: |x| gelu_for_bf16(x);
    GeluTanh: |x| gelu_tanh(x);
    Relu: |x| x.max(L::splat(0.0));
    Tanh: |x| tanh(x);
}

/// A destination: a matrix and its stride, with what is added on the way.
trait Store: Copy {
    /// # Safety
    ///
    /// Every matrix has the cell, and `L` is available.
    unsafe fn store<L: Lanes>(self, at: Cell, y: L);
}

#[derive(Clone, Copy)]
struct ToF32(*mut f32, usize);

#[derive(Clone, Copy)]
struct ToBf16(*mut bf16, usize);

/// Adds a residual, then stores as f32.
#[derive(Clone, Copy)]
struct AddF32((*const f32, usize), *mut f32, usize);

/// The same with a bf16 residual.
#[derive(Clone, Copy)]
struct AddBf16((*const bf16, usize), *mut f32, usize);

// SAFETY (of the four implementations): as the caller guarantees.
impl Store for ToF32 {
    #[inline(always)]
    unsafe fn store<L: Lanes>(self, at: Cell, y: L) {
        // SAFETY: as above.
        unsafe { y.store(self.0.add(at.offset(self.1))) }
    }
}

impl Store for ToBf16 {
    #[inline(always)]
    unsafe fn store<L: Lanes>(self, at: Cell, y: L) {
        // SAFETY: as above.
        unsafe { y.store_bf16(self.0.add(at.offset(self.1))) }
    }
}

impl Store for AddF32 {
    #[inline(always)]
    unsafe fn store<L: Lanes>(self, at: Cell, y: L) {
        let Self((from, from_stride), to, stride) = self;
        // SAFETY: as above.
        unsafe { y.add(L::load(from.add(at.offset(from_stride)))).store(to.add(at.offset(stride))) }
    }
}

impl Store for AddBf16 {
    #[inline(always)]
    unsafe fn store<L: Lanes>(self, at: Cell, y: L) {
        let Self((from, from_stride), to, stride) = self;
        // SAFETY: as above.
        unsafe {
            let residual = L::load_bf16(from.add(at.offset(from_stride)));
            y.add(residual).store(to.add(at.offset(stride)));
        }
    }
}
