//! Dense products of matrices in device memory.

use std::sync::Arc;

use super::{Address, DenseProduct, Queue};
use crate::{Error, MatmulShape, MatmulValue, Result};

/// The most rows or columns of a matrix: the sizes that cuBLASLt's kernels count in 32 bits.
const SIDE_MAX: usize = i32::MAX as usize;

/// Products of matrices, on one queue of a device. Whoever needs nothing else takes a queue of
/// [`Program::Products`](super::Program::Products), for which no kernel is compiled; any other will do.
#[derive(Clone)]
pub struct CudaProducts {
    queue: Arc<dyn Queue>,
}

impl CudaProducts {
    /// Products on `queue`.
    #[must_use]
    pub fn new(queue: Arc<dyn Queue>) -> Self {
        Self { queue }
    }

    /// The queue.
    #[must_use]
    pub fn queue(&self) -> &dyn Queue {
        &*self.queue
    }

    /// [`Cpu::matmul`](crate::Cpu::matmul) on a device: out = a b, of row-major matrices `a`
    /// `[rows, inner]` and `b` `[inner, columns]` of `T`, and `out` `[rows, columns]` of its sums. f32 is
    /// multiplied as f32, never as TF32.
    ///
    /// A value is as near to the exact one as [`MatmulType::roundoff`](crate::MatmulType::roundoff) says.
    /// Its last bits depend on the device and the version of cuBLASLt.
    ///
    /// # Errors
    ///
    /// If a side has more than 2³¹ − 1 values, or the device fails.
    pub fn matmul<T: MatmulValue>(
        &self,
        shape: MatmulShape,
        a: Address,
        b: Address,
        out: Address,
    ) -> Result<()> {
        let MatmulShape { rows, inner, columns } = shape;
        if [rows, inner, columns].into_iter().any(|side| side > SIDE_MAX) {
            let expected = format!("sides of at most {SIDE_MAX}");
            let got = format!("[{rows}, {inner}] by [{inner}, {columns}]");
            return Err(Error::Shape { op: "matmul", expected, got });
        }
        if rows == 0 || columns == 0 {
            return Ok(());
        }
        if inner == 0 {
            return self.queue.upload(out, &vec![0; rows * columns * T::TYPE.sum_bytes()]);
        }
        self.queue.multiply_dense(&DenseProduct { shape, values: T::TYPE, a, b, out })
    }
}
