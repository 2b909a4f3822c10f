//! Dense products of two matrices that are both given at the call.
//!
//! [`Linear`](crate::Linear) packs a weight once and multiplies by it ever after, in the encoders'
//! types. Here nothing is known ahead of time, and f64 is asked for: the loops are those of
//! `matrixmultiply`, a crate of long standing that packs both sides as it goes, chooses AVX-512, AVX2 or
//! less at run time, and brings one small crate along.

#![allow(unsafe_code, reason = "the products' loops take pointers, over checked shapes")]

use half::{bf16, f16};
use rayon::prelude::*;

use crate::{Cpu, Error, Result};

/// The rows of a task, at least: fewer would not pay for packing the other matrix again.
const TASK_ROWS_MIN: usize = 64;

/// The sizes of a product: `[rows, inner]` by `[inner, columns]` is `[rows, columns]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatmulShape {
    /// The rows of the first matrix and of the product.
    pub rows: usize,
    /// The columns of the first matrix, and the rows of the second.
    pub inner: usize,
    /// The columns of the second matrix and of the product.
    pub columns: usize,
}

impl MatmulShape {
    /// Refuses matrices of other sizes, in values: those of a, of b and of the product.
    ///
    /// # Errors
    ///
    /// If a matrix has not the shape's size.
    pub fn check(&self, lens: [usize; 3]) -> Result<()> {
        let Self { rows, inner, columns } = *self;
        let expected = [(rows, inner), (inner, columns), (rows, columns)];
        let expected = expected.map(|(height, width)| height.checked_mul(width));
        if lens.map(Some) == expected {
            return Ok(());
        }
        let expected = format!("[{rows}, {inner}] by [{inner}, {columns}]");
        Err(Error::Shape { op: "matmul", expected, got: format!("{lens:?} values") })
    }
}

/// The types that a matrix's values may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MatmulType {
    /// Summed in f32.
    F32,
    /// Summed in f64.
    F64,
    /// bfloat16, summed in f32.
    Bf16,
    /// IEEE half precision, summed in f32.
    Fp16,
}

impl MatmulType {
    /// Every type.
    pub const ALL: [Self; 4] = [Self::F32, Self::F64, Self::Bf16, Self::Fp16];

    /// The name: `f32`, `f64`, `bf16` or `fp16`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::Bf16 => "bf16",
            Self::Fp16 => "fp16",
        }
    }

    /// The size of a value.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::Bf16 | Self::Fp16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// The size of a sum.
    #[must_use]
    pub const fn sum_bytes(self) -> usize {
        match self {
            Self::F32 | Self::Bf16 | Self::Fp16 => 4,
            Self::F64 => 8,
        }
    }

    /// u, the most that an operation on sums is off by, as a share of its result. A value of a product
    /// over `inner` terms is within n u / (1 − n u), n = `inner`, of the exact one, as a share of the
    /// sum of its terms' sizes, in whatever order they are summed; so the values of two devices are
    /// within twice that of each other.
    ///
    /// 2⁻²⁴ for f32 and 2⁻⁵³ for f64, half a step. For the 16-bit types 2⁻²³: their products are exact,
    /// but the tensor cores of GPUs cut their sums off and do not round them.
    ///
    /// Source: Higham, "Accuracy and stability of numerical algorithms" (2nd ed.), section 3.1; Fasi,
    /// Higham, Mikaitis & Pranesh, "Numerical behavior of NVIDIA tensor cores" (2021).
    #[must_use]
    pub const fn roundoff(self) -> f64 {
        match self {
            Self::F32 => f32::EPSILON as f64 / 2.0,
            Self::F64 => f64::EPSILON / 2.0,
            Self::Bf16 | Self::Fp16 => f32::EPSILON as f64,
        }
    }
}

/// What a matrix's values may be: f32 and f64, whose products are summed in their own type, and bf16
/// and fp16, whose products are exact in f32 and summed there.
pub trait MatmulValue: bytemuck::Pod + Send + Sync + private::Sealed {
    /// The type of the sums and of the product's values.
    type Sum: bytemuck::Pod + Default + Send + Sync;

    /// Which type it is.
    const TYPE: MatmulType;

    /// The value as one of the sums' type.
    #[doc(hidden)]
    fn widen(self) -> Self::Sum;

    /// out = a b, of matrices that have the shape.
    #[doc(hidden)]
    fn multiply(shape: MatmulShape, a: &[Self], b: &[Self], out: &mut [Self::Sum]);
}

mod private {
    /// The types are those that there are.
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
    impl Sealed for half::bf16 {}
    impl Sealed for half::f16 {}
}

macro_rules! whole {
    ($value:ty, $of:ident, $multiply:path) => {
        impl MatmulValue for $value {
            type Sum = $value;

            const TYPE: MatmulType = MatmulType::$of;

            fn widen(self) -> $value {
                self
            }

            fn multiply(shape: MatmulShape, a: &[$value], b: &[$value], out: &mut [$value]) {
                let MatmulShape { rows, inner, columns } = shape;
                let (across, along) = (columns as isize, inner as isize);
                assert!(a.len() == rows * inner && b.len() == inner * columns);
                assert!(out.len() == rows * columns);
                // SAFETY: the matrices have these sizes, row after row, and `out` is nobody else's.
                unsafe {
                    $multiply(
                        rows,
                        inner,
                        columns,
                        1.0,
                        a.as_ptr(),
                        along,
                        1,
                        b.as_ptr(),
                        across,
                        1,
                        0.0,
                        out.as_mut_ptr(),
                        across,
                        1,
                    );
                }
            }
        }
    };
}

whole!(f32, F32, matrixmultiply::sgemm);
whole!(f64, F64, matrixmultiply::dgemm);

macro_rules! widened {
    ($value:ty, $of:ident) => {
        impl MatmulValue for $value {
            type Sum = f32;

            const TYPE: MatmulType = MatmulType::$of;

            fn widen(self) -> f32 {
                self.to_f32()
            }

            fn multiply(shape: MatmulShape, a: &[$value], b: &[$value], out: &mut [f32]) {
                let wide = |values: &[$value]| -> Vec<f32> {
                    values.iter().map(|value| value.to_f32()).collect()
                };
                f32::multiply(shape, &wide(a), &wide(b), out);
            }
        }
    };
}

widened!(bf16, Bf16);
widened!(f16, Fp16);

impl Cpu {
    /// out = a b, of row-major matrices `a` `[rows, inner]` and `b` `[inner, columns]`, on the threads of
    /// rayon's pool. bf16 and fp16 are widened, and summed in f32.
    ///
    /// A value is as near to the exact one as [`MatmulType::roundoff`] says. Its last bits depend on the
    /// processor.
    ///
    /// ```
    /// use fillrate_kernels::{Cpu, MatmulShape};
    ///
    /// let shape = MatmulShape { rows: 1, inner: 2, columns: 2 };
    /// let mut out = [0.0; 2];
    /// Cpu::detect().matmul(shape, &[1.0, 2.0], &[1.0, 10.0, 100.0, 1000.0], &mut out)?;
    /// assert_eq!(out, [201.0, 2010.0]);
    /// # Ok::<(), fillrate_kernels::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If a matrix has not the shape's size.
    pub fn matmul<T: MatmulValue>(
        &self,
        shape: MatmulShape,
        a: &[T],
        b: &[T],
        out: &mut [T::Sum],
    ) -> Result<()> {
        shape.check([a.len(), b.len(), out.len()])?;
        let MatmulShape { rows, inner, columns } = shape;
        if out.is_empty() || inner == 0 {
            out.fill(T::Sum::default());
            return Ok(());
        }
        let task_rows = rows.div_ceil(rayon::current_num_threads()).max(TASK_ROWS_MIN);
        let tasks = out.par_chunks_mut(task_rows * columns).zip(a.par_chunks(task_rows * inner));
        tasks.for_each(|(out, a)| {
            let rows = out.len() / columns;
            T::multiply(MatmulShape { rows, ..shape }, a, b, out);
        });
        Ok(())
    }
}
