//! Where things lie in one block of device memory, decided ahead of time.

use super::Address;

/// Everything begins at a multiple of this: what cuBLASLt and 16-byte accesses like, and what a
/// device's allocator gives.
pub const ALIGNMENT_BYTES: usize = 256;

/// A part of a block, before the block exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    offset: usize,
    bytes: usize,
}

impl Span {
    /// Where it lies in a block that begins at `base`.
    #[must_use]
    pub const fn at(self, base: Address) -> Address {
        base.plus(self.offset)
    }

    /// The bytes that were asked for.
    #[must_use]
    pub const fn bytes(self) -> usize {
        self.bytes
    }
}

/// Lays parts out one after another. What it adds up to is what is allocated, to the byte.
///
/// ```
/// use fillrate_kernels::cuda::{Address, Layout};
///
/// let mut layout = Layout::default();
/// let (first, second) = (layout.reserve(10), layout.reserve(300));
/// assert_eq!(layout.bytes(), 256 + 512);
/// assert_eq!(second.at(Address(4096)), Address(4096 + 256));
/// assert_eq!(first.bytes(), 10);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Layout {
    bytes: usize,
}

impl Layout {
    /// Room for `bytes` bytes.
    pub const fn reserve(&mut self, bytes: usize) -> Span {
        let span = Span { offset: self.bytes, bytes };
        self.bytes += bytes.next_multiple_of(ALIGNMENT_BYTES);
        span
    }

    /// What has been laid out so far, a multiple of [`ALIGNMENT_BYTES`].
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }
}
