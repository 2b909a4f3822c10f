//! What happens to a block of sums: scale, bias, non-linearity, residual, rounding, store.

#![allow(unsafe_code, reason = "lane operations gated by the tier, over blocks the driver checks")]

use std::marker::PhantomData;
use std::ops::Range;

use half::bf16;

use super::{Linear, Nonlinearity, Weights};
use crate::activation::{Activation, Values};
use crate::cpu::lanes::{LANES, Lanes};
use crate::cpu::math::{gelu, gelu_for_bf16, gelu_tanh, tanh};

/// Where results go: a matrix and its stride.
pub(super) enum Output<'a> {
    F32(&'a mut [f32], usize),
    Bf16(&'a mut [bf16], usize),
}

impl<'a> Output<'a> {
    /// The values of an activation.
    pub(super) fn of(out: &'a mut Activation) -> Self {
        let stride = out.stride;
        match &mut out.values {
            Values::F32(values) => Self::F32(values, stride),
            Values::Bf16(values) => Self::Bf16(values, stride),
        }
    }
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
pub(super) struct Integer<'a> {
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

    /// Hands the loops of a product what finishes its rows. Every choice is made here, outside the
    /// loops, so that each combination that occurs gets loops of its own.
    ///
    /// # Safety
    ///
    /// `L` is available.
    #[inline(always)]
    pub(super) unsafe fn choose<L: Lanes>(&self, loops: impl Loops) {
        // SAFETY: as the caller guarantees.
        unsafe {
            match (self.to, self.residual) {
                (To::F32(to, stride), None) => match self.f {
                    Nonlinearity::Gelu => loops.run::<L, Gelu, _>(self.finish(ToF32(to, stride))),
                    _ => self.other_shapes::<L, _>(ToF32(to, stride), loops),
                },
                (To::Bf16(to, stride), None) => match self.f {
                    Nonlinearity::Gelu => {
                        loops.run::<L, GeluForBf16, _>(self.finish(ToBf16(to, stride)));
                    }
                    _ => self.other_shapes::<L, _>(ToBf16(to, stride), loops),
                },
                (To::F32(to, stride), Some(Residual::F32(from, from_stride))) => {
                    let to = AddF32((from.as_ptr(), from_stride), to, stride);
                    loops.run::<L, Identity, _>(self.finish(to));
                }
                (To::F32(to, stride), Some(Residual::Bf16(from, from_stride))) => {
                    let to = AddBf16((from.as_ptr(), from_stride), to, stride);
                    loops.run::<L, Identity, _>(self.finish(to));
                }
                (To::Bf16(..), Some(_)) => unreachable!("sums with a residual are kept in f32"),
            }
        }
    }

    /// Chooses the non-linearity, GELU apart, whose form depends on the output's type.
    #[inline(always)]
    unsafe fn other_shapes<L: Lanes, S: Store>(&self, to: S, loops: impl Loops) {
        // SAFETY: as in `choose`.
        unsafe {
            match self.f {
                Nonlinearity::Identity | Nonlinearity::Gelu => {
                    loops.run::<L, Identity, S>(self.finish(to));
                }
                Nonlinearity::GeluTanh => loops.run::<L, GeluTanh, S>(self.finish(to)),
                Nonlinearity::Relu => loops.run::<L, Relu, S>(self.finish(to)),
                Nonlinearity::Tanh => loops.run::<L, Tanh, S>(self.finish(to)),
            }
        }
    }

    /// Whether sums are only scaled, shifted and added to.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn is_identity(&self) -> bool {
        self.f == Nonlinearity::Identity
    }

    #[inline(always)]
    fn finish<A, S>(&self, to: S) -> Finish<'_, A, S> {
        let Self { bias, integer, .. } = self;
        Finish { bias, integer: integer.as_ref(), to, f: PhantomData }
    }
}

/// The loops around the blocks of a product.
pub(super) trait Loops {
    /// Computes every block, and finishes its rows.
    ///
    /// # Safety
    ///
    /// `L` is available.
    unsafe fn run<L: Lanes, A: Apply, S: Store>(self, finish: Finish<'_, A, S>);
}

/// Turns sums into results for one non-linearity `A` and one kind of destination `S`.
pub(super) struct Finish<'a, A, S> {
    bias: &'a [f32],
    integer: Option<&'a Integer<'a>>,
    to: S,
    f: PhantomData<A>,
}

impl<A: Apply, S: Store> Finish<'_, A, S> {
    /// Finishes some rows of a block, counted from its first, and stores them.
    ///
    /// # Safety
    ///
    /// The rows and the block's columns exist in the output (columns up to its stride) and in the
    /// residual, nobody else writes them, and `L` is available.
    #[inline(always)]
    pub(super) unsafe fn rows<L: Lanes>(&self, tile: Tile, rows: Range<usize>) {
        // SAFETY: as the caller guarantees.
        unsafe {
            if tile.columns == LANES {
                self.columns::<L, 1>(tile, rows, 0);
                return;
            }
            for offset in (0..tile.columns).step_by(2 * LANES) {
                self.columns::<L, 2>(tile, rows.clone(), offset);
            }
        }
    }

    /// Stores f(sum + bias), or for integers f(row scale · column scale · (sum − z · Σ w) + bias)
    /// with z the row's zero point, for `V` vectors of columns. What belongs to a column is loaded
    /// once for all rows.
    #[inline(always)]
    unsafe fn columns<L: Lanes, const V: usize>(
        &self,
        tile: Tile,
        rows: Range<usize>,
        offset: usize,
    ) {
        let Tile { acc, row: first, column: left, columns, .. } = tile;
        let column = left + offset;
        // SAFETY: as in `rows`; bias, scales and sums are padded to the output's stride, and row
        // scales and zero points exist for every row.
        unsafe {
            let bias = load::<L, V>(self.bias, column);
            match (acc, self.integer) {
                (Acc::I32(sums), Some(integer)) => {
                    let weights = load::<L, V>(integer.column_sums, column);
                    let scale = load::<L, V>(integer.column_scales, column);
                    for index in rows {
                        let row = first + index;
                        let zero = L::splat(-*integer.zero_points.get_unchecked(row));
                        let row_scale = L::splat(*integer.row_scales.get_unchecked(row));
                        let sums = sums.add(index * columns + offset);
                        let mut y = bias;
                        for v in 0..V {
                            let sum = zero.fma(weights[v], L::load_i32(sums.add(v * LANES)));
                            y[v] = A::apply(sum.fma(scale[v].mul(row_scale), bias[v]));
                        }
                        self.to.store(Cell { row, column }, y);
                    }
                }
                (Acc::F32(sums), _) => {
                    for index in rows {
                        let sums = sums.add(index * columns + offset);
                        let mut y = bias;
                        for (v, y) in y.iter_mut().enumerate() {
                            *y = A::apply(L::load(sums.add(v * LANES)).add(*y));
                        }
                        self.to.store(Cell { row: first + index, column }, y);
                    }
                }
                (Acc::I32(_), None) => unreachable!("integer sums have scales"),
            }
        }
    }
}

/// `V` vectors of what belongs to the columns from `column` on.
///
/// # Safety
///
/// There are so many values, and `L` is available.
#[inline(always)]
unsafe fn load<L: Lanes, const V: usize>(from: &[f32], column: usize) -> [L; V] {
    // SAFETY: as the caller guarantees. (A closure would not be compiled for the tier.)
    unsafe {
        let mut vectors = [L::splat(0.0); V];
        for (v, vector) in vectors.iter_mut().enumerate() {
            *vector = L::load(from.as_ptr().add(column + v * LANES));
        }
        vectors
    }
}

/// Where sixteen values of a matrix begin.
#[derive(Clone, Copy)]
pub(super) struct Cell {
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
pub(super) trait Apply {
    /// # Safety
    ///
    /// `L` is available.
    unsafe fn apply<L: Lanes>(x: L) -> L;
}

macro_rules! apply {
    ($($name:ident: |$x:ident| $result:expr;)*) => {$(
        pub(super) struct $name;

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
pub(super) trait Store: Copy {
    /// Stores one vector after the other from a cell on.
    ///
    /// # Safety
    ///
    /// Every matrix has the cells, and `L` is available.
    unsafe fn store<L: Lanes, const V: usize>(self, at: Cell, y: [L; V]);
}

#[derive(Clone, Copy)]
pub(super) struct ToF32(*mut f32, usize);

#[derive(Clone, Copy)]
pub(super) struct ToBf16(*mut bf16, usize);

/// Adds a residual, then stores as f32.
#[derive(Clone, Copy)]
pub(super) struct AddF32((*const f32, usize), *mut f32, usize);

/// The same with a bf16 residual.
#[derive(Clone, Copy)]
pub(super) struct AddBf16((*const bf16, usize), *mut f32, usize);

// SAFETY (of the four implementations): as the caller guarantees.
impl Store for ToF32 {
    #[inline(always)]
    unsafe fn store<L: Lanes, const V: usize>(self, at: Cell, y: [L; V]) {
        // SAFETY: as above.
        unsafe {
            let to = self.0.add(at.offset(self.1));
            for (v, y) in y.into_iter().enumerate() {
                y.store(to.add(v * LANES));
            }
        }
    }
}

impl Store for ToBf16 {
    #[inline(always)]
    unsafe fn store<L: Lanes, const V: usize>(self, at: Cell, y: [L; V]) {
        // SAFETY: as above.
        unsafe {
            let to = self.0.add(at.offset(self.1));
            if let [first, second] = y.as_slice() {
                // A whole cache line at once.
                L::store_bf16_pair(*first, *second, to);
                return;
            }
            for (v, y) in y.into_iter().enumerate() {
                y.store_bf16(to.add(v * LANES));
            }
        }
    }
}

impl Store for AddF32 {
    #[inline(always)]
    unsafe fn store<L: Lanes, const V: usize>(self, at: Cell, y: [L; V]) {
        let Self((from, from_stride), to, stride) = self;
        // SAFETY: as above.
        unsafe {
            let (from, to) = (from.add(at.offset(from_stride)), to.add(at.offset(stride)));
            for (v, y) in y.into_iter().enumerate() {
                y.add(L::load(from.add(v * LANES))).store(to.add(v * LANES));
            }
        }
    }
}

impl Store for AddBf16 {
    #[inline(always)]
    unsafe fn store<L: Lanes, const V: usize>(self, at: Cell, y: [L; V]) {
        let Self((from, from_stride), to, stride) = self;
        // SAFETY: as above.
        unsafe {
            let (from, to) = (from.add(at.offset(from_stride)), to.add(at.offset(stride)));
            for (v, y) in y.into_iter().enumerate() {
                y.add(L::load_bf16(from.add(v * LANES))).store(to.add(v * LANES));
            }
        }
    }
}
