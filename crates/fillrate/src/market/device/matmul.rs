//! Products of matrices as jobs.

use fillrate_kernels::cuda::Layout;
use fillrate_kernels::{Cpu, MatmulShape, MatmulValue};

use super::{Job, MarketDevice};
use crate::Result;

/// A product of two matrices: out = a b, row-major.
///
/// The sides sum in orders of their own, so that their products are not the same to the bit: each value
/// is within twice the bound of
/// [`MatmulType::roundoff`](fillrate_kernels::MatmulType::roundoff) of the other side's.
///
/// ```
/// use fillrate::market::device::{Computer, MatmulJob, MatmulShape};
///
/// let shape = MatmulShape { rows: 1, inner: 2, columns: 2 };
/// let job = MatmulJob::new(shape, vec![1.0_f32, 2.0], vec![1.0, 10.0, 100.0, 1000.0])?;
/// assert_eq!(Computer::processor().run(job)?, [201.0, 2010.0]);
/// # Ok::<(), fillrate::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct MatmulJob<T> {
    shape: MatmulShape,
    a: Vec<T>,
    b: Vec<T>,
}

impl<T: MatmulValue> MatmulJob<T> {
    /// Takes `a` `[rows, inner]` and `b` `[inner, columns]`, of f32, f64, bf16 or fp16.
    ///
    /// # Errors
    ///
    /// If a matrix has not the shape's size.
    pub fn new(shape: MatmulShape, a: Vec<T>, b: Vec<T>) -> Result<Self> {
        shape.check([a.len(), b.len(), shape.rows.saturating_mul(shape.columns)])?;
        Ok(Self { shape, a, b })
    }
}

impl<T: MatmulValue> Job for MatmulJob<T> {
    /// `[rows, columns]`; of 16-bit types in f32.
    type Answer = Vec<T::Sum>;

    /// In terms of all sums.
    fn size(&self) -> u64 {
        let MatmulShape { rows, inner, columns } = self.shape;
        [rows, inner, columns].map(|side| side as u64).into_iter().fold(1, u64::saturating_mul)
    }

    fn on_processor(&self) -> Result<Vec<T::Sum>> {
        let mut out = vec![T::Sum::default(); self.shape.rows * self.shape.columns];
        Cpu::detect().matmul(self.shape, &self.a, &self.b, &mut out)?;
        Ok(out)
    }

    fn on_device(&self, device: &MarketDevice) -> Result<Vec<T::Sum>> {
        let mut out = vec![T::Sum::default(); self.shape.rows * self.shape.columns];
        let mut layout = Layout::default();
        let sizes = [size_of_val(&*self.a), size_of_val(&*self.b), size_of_val(&*out)];
        let spans = sizes.map(|bytes| layout.reserve(bytes));
        let region = device.region(&layout, "products")?;
        let [a, b, to] = spans.map(|span| span.at(region.address()));
        device.upload(a, &self.a)?;
        device.upload(b, &self.b)?;
        device.products.matmul::<T>(self.shape, a, b, to)?;
        device.download(to, &mut out)?;
        Ok(out)
    }
}
