//! Page-locked host memory, which a GPU copies from and to by itself.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use cudarc::driver::result;

use super::error::check;
use super::{Context, Result};

/// A number of which any bits are a value.
pub trait Plain: Copy + private::Sealed {}

mod private {
    /// Keeps the set of numbers here.
    pub trait Sealed {}
}

macro_rules! plain {
    ($($number:ty),*) => {
        $(impl private::Sealed for $number {}
        impl Plain for $number {})*
    };
}

plain!(u8, u16, u32, f32);

/// Values in page-locked memory; they read as a slice.
pub struct PinnedBuffer<T: Plain> {
    context: Arc<Context>,
    values: *mut T,
    len: usize,
}

// SAFETY: it owns its memory, as a `Box` does.
unsafe impl<T: Plain + Send> Send for PinnedBuffer<T> {}
// SAFETY: as above.
unsafe impl<T: Plain + Sync> Sync for PinnedBuffer<T> {}

impl<T: Plain> PinnedBuffer<T> {
    /// A buffer of `len` zeros.
    ///
    /// # Errors
    ///
    /// If the driver fails.
    pub fn zeroed(context: &Arc<Context>, len: usize) -> Result<Self> {
        context.bind()?;
        let bytes = (len * size_of::<T>()).max(1);
        // SAFETY: a context is bound; the memory is written before it is read.
        let values = unsafe { result::malloc_host(bytes, 0) };
        let values = check("cuMemHostAlloc", values)?.cast::<T>();
        // SAFETY: there are as many bytes, aligned to a page, and zeros are values.
        unsafe { values.cast::<u8>().write_bytes(0, bytes) };
        Ok(Self { context: Arc::clone(context), values, len })
    }
}

impl<T: Plain> Deref for PinnedBuffer<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: as many values, which are this buffer's own.
        unsafe { std::slice::from_raw_parts(self.values, self.len) }
    }
}

impl<T: Plain> DerefMut for PinnedBuffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as many values, which are this buffer's own.
        unsafe { std::slice::from_raw_parts_mut(self.values, self.len) }
    }
}

impl<T: Plain> Drop for PinnedBuffer<T> {
    fn drop(&mut self) {
        if self.context.bind().is_ok() {
            // SAFETY: it was given by the driver, and nobody has it afterwards.
            let _ = unsafe { result::free_host(self.values.cast()) };
        }
    }
}
