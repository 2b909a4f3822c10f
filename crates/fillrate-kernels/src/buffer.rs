//! Memory that vector loads like: aligned to a cache line, zeroed, of a fixed size.

#![allow(unsafe_code, reason = "one Pod implementation, so that casts elsewhere need no unsafe")]

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use bytemuck::{Pod, Zeroable};

/// The alignment of every buffer and of every row in it.
pub(crate) const LINE_BYTES: usize = 64;

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; LINE_BYTES]);

// SAFETY: all-zero bytes are a valid array of bytes.
unsafe impl Zeroable for Line {}
// SAFETY: 64 bytes at alignment 64 have no padding, and any bit pattern is a valid byte array.
unsafe impl Pod for Line {}

/// A fixed-size buffer of plain values that begins on a cache line.
///
/// It has room for whole cache lines: [`Aligned::padded`] of the length asked for. Values past the
/// length exist and are zero until something writes them.
#[derive(Clone)]
pub(crate) struct Aligned<T> {
    lines: Vec<Line>,
    len: usize,
    of: PhantomData<T>,
}

impl<T: Pod> Aligned<T> {
    /// A zeroed buffer of `len` values.
    pub(crate) fn zeroed(len: usize) -> Self {
        let lines = (len * size_of::<T>()).div_ceil(LINE_BYTES);
        Self { lines: vec![Line([0; LINE_BYTES]); lines], len, of: PhantomData }
    }

    /// The bytes that a buffer of `len` values takes.
    pub(crate) const fn bytes_for(len: usize) -> usize {
        (len * size_of::<T>()).next_multiple_of(LINE_BYTES)
    }

    /// The bytes this buffer takes.
    pub(crate) fn bytes(&self) -> usize {
        self.lines.len() * LINE_BYTES
    }
}

impl<T: Pod> Deref for Aligned<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &bytemuck::must_cast_slice(&self.lines)[..self.len]
    }
}

impl<T: Pod> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut bytemuck::must_cast_slice_mut(&mut self.lines)[..self.len]
    }
}

impl<T: Pod> FromIterator<T> for Aligned<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let values: Vec<T> = values.into_iter().collect();
        let mut buffer = Self::zeroed(values.len());
        buffer.copy_from_slice(&values);
        buffer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_begin_on_a_cache_line_and_are_zero() {
        for len in [0, 1, 15, 16, 17, 1000] {
            let buffer = Aligned::<f32>::zeroed(len);
            assert_eq!(buffer.len(), len);
            assert_eq!(buffer.as_ptr() as usize % LINE_BYTES, 0);
            assert_eq!(buffer.bytes(), Aligned::<f32>::bytes_for(len));
            assert!(buffer.iter().all(|&x| x == 0.0));
        }
    }
}
