//! What a device is asked to do: launches, products, and the queue that takes them.

use super::Program;
use crate::{Error, MatmulShape, MatmulType, Result};

/// The threads of a warp.
pub const WARP_THREADS: u32 = 32;

/// A place in a device's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Address(pub u64);

impl Address {
    /// The place `bytes` further on.
    #[must_use]
    pub const fn plus(self, bytes: usize) -> Self {
        Self(self.0 + bytes as u64)
    }
}

/// One argument of a kernel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Argument {
    /// A pointer.
    Address(Address),
    /// An `int`.
    Int(i32),
    /// A `float`.
    Float(f32),
    /// A `double`.
    Double(f64),
    /// An `unsigned long long`.
    Count(u64),
}

impl Argument {
    /// An `int` of a size that the op has bounded.
    #[must_use]
    pub const fn size(value: usize) -> Self {
        Self::Int(value as i32)
    }

    /// The bytes that the kernel reads, and how many they are.
    #[must_use]
    pub fn bytes(&self) -> ([u8; 8], usize) {
        let short = |[a, b, c, d]: [u8; 4]| ([a, b, c, d, 0, 0, 0, 0], 4);
        match *self {
            Self::Address(Address(address)) => (address.to_le_bytes(), 8),
            Self::Count(count) => (count.to_le_bytes(), 8),
            Self::Double(value) => (value.to_le_bytes(), 8),
            Self::Int(value) => short(value.to_le_bytes()),
            Self::Float(value) => short(value.to_le_bytes()),
        }
    }
}

/// One launch of a kernel.
#[derive(Clone, Copy, Debug)]
pub struct Launch<'a> {
    /// The kernel's name.
    pub kernel: &'static str,
    /// The blocks in each dimension, none of them 0.
    pub grid: [u32; 3],
    /// The threads of a block, in whole warps.
    pub threads: u32,
    /// The dynamic shared memory of a block.
    pub shared_bytes: u32,
    /// The arguments, in the kernel's order.
    pub arguments: &'a [Argument],
}

/// A product: out = x weightᵀ + bias, summed in f32 and rounded once. `x` and `weight` are elements, or
/// 8-bit floats with a scale each; `bias` and `out` are elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Product {
    /// The rows of `x` and `out`.
    pub rows: usize,
    /// The width of the rows of `x` and of `weight`.
    pub inputs: usize,
    /// The width of the rows of `out`.
    pub outputs: usize,
    /// `[rows, inputs]`.
    pub x: Address,
    /// `[outputs, inputs]`.
    pub weight: Address,
    /// The scales of 8-bit floats, whose widths are multiples of 16; `None` for elements.
    pub scales: Option<ProductScales>,
    /// `[outputs]`.
    pub bias: Option<Address>,
    /// `[rows, outputs]`.
    pub out: Address,
}

/// What one step of either side of a product of 8-bit floats stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProductScales {
    /// f32 `[1]`.
    pub x: Address,
    /// f32 `[1]`.
    pub weight: Address,
}

/// A dense product: out = a b, of row-major matrices without padding, summed in the type of sums, which
/// `out` has. No side of the shape is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DenseProduct {
    /// The sizes.
    pub shape: MatmulShape,
    /// The type of the values of `a` and `b`.
    pub values: MatmulType,
    /// `[rows, inner]`.
    pub a: Address,
    /// `[inner, columns]`.
    pub b: Address,
    /// `[rows, columns]`.
    pub out: Address,
}

/// A queue of work on one device, done in the order in which it was appended.
///
/// Behind it is a stream of a GPU, or, in tests, the kernels' sources compiled for the processor.
pub trait Queue: Send + Sync {
    /// The most dynamic shared memory that a block may take, in bytes.
    fn shared_bytes_max(&self) -> u32;

    /// The kernels that it runs.
    fn program(&self) -> Program;

    /// Appends a launch.
    ///
    /// # Errors
    ///
    /// If the device refuses it, or failed at earlier work.
    fn launch(&self, launch: &Launch<'_>) -> Result<()>;

    /// Appends a product.
    ///
    /// # Errors
    ///
    /// As [`Self::launch`], and if the program has no element type.
    fn multiply(&self, product: &Product) -> Result<()>;

    /// Appends a dense product, whatever the program.
    ///
    /// # Errors
    ///
    /// As [`Self::launch`], and if the device multiplies no matrices.
    fn multiply_dense(&self, product: &DenseProduct) -> Result<()> {
        let (expected, got) = ("a device that multiplies matrices", format!("{:?}", product.shape));
        Err(Error::Shape { op: "matmul", expected: expected.to_owned(), got })
    }

    /// Appends a copy to the device; the bytes may be changed at once.
    ///
    /// # Errors
    ///
    /// As [`Self::launch`].
    fn upload(&self, to: Address, bytes: &[u8]) -> Result<()>;

    /// Copies from the device, after waiting for all work before.
    ///
    /// # Errors
    ///
    /// As [`Self::launch`].
    fn download(&self, from: Address, bytes: &mut [u8]) -> Result<()>;

    /// Waits for all work.
    ///
    /// # Errors
    ///
    /// As [`Self::launch`].
    fn synchronize(&self) -> Result<()>;

    /// Appends launches and products that are the same, over the same memory, whenever `key` is: a
    /// device may record them once and repeat them as a whole.
    ///
    /// # Errors
    ///
    /// As [`Self::launch`].
    fn replay(&self, key: u64, work: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        let _ = key;
        work()
    }
}
