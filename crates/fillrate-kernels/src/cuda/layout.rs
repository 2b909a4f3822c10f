//! Where things lie in one block of device memory, decided ahead of time.

use std::cmp::Reverse;

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

    /// Where the next part may begin.
    const fn end(self) -> usize {
        self.offset + self.bytes.next_multiple_of(ALIGNMENT_BYTES)
    }

    const fn overlaps(self, other: Self) -> bool {
        self.offset < other.end() && other.offset < self.end()
    }
}

/// A tensor of a pass: its size, and the steps of the pass in which it is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// Its size.
    pub bytes: usize,
    /// Bit `i` is set if it is written, read or kept for later in step `i`.
    pub steps: u32,
}

/// Lays parts out. What it adds up to is what is allocated, to the byte.
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
    /// Lays tensors out so that two that are needed in the same step share no byte; others may.
    ///
    /// Each goes to the lowest place that is free in its steps, the largest first; of two of one
    /// size first the one that is needed longer, since it is in the way of more.
    ///
    /// Source: Pisarchyk & Lee, "Efficient Memory Management for Deep Neural Net Inference" (2020),
    /// "Greedy by Size for Offset Calculation".
    ///
    /// ```
    /// use fillrate_kernels::cuda::{Layout, Tensor};
    ///
    /// // The first is read while the second is written, and that while the third is.
    /// let (layout, _) = Layout::of_lifetimes([
    ///     Tensor { bytes: 1024, steps: 0b01 },
    ///     Tensor { bytes: 2048, steps: 0b11 },
    ///     Tensor { bytes: 1024, steps: 0b10 },
    /// ]);
    /// assert_eq!(layout.bytes(), 1024 + 2048);
    /// ```
    #[must_use]
    pub fn of_lifetimes<const N: usize>(tensors: [Tensor; N]) -> (Self, [Span; N]) {
        let mut order: [usize; N] = std::array::from_fn(|index| index);
        order.sort_by_key(|&index| {
            let Tensor { bytes, steps } = tensors[index];
            Reverse((bytes, steps.count_ones()))
        });
        let mut spans = tensors.map(|Tensor { bytes, .. }| Span { offset: 0, bytes });
        for (place, &index) in order.iter().enumerate() {
            let rivals = order[..place].iter().filter(|other| {
                tensors[**other].steps & tensors[index].steps != 0 && tensors[**other].bytes > 0
            });
            let rivals: Vec<Span> = rivals.map(|&other| spans[other]).collect();
            spans[index] = lowest_free(tensors[index].bytes, &rivals);
        }
        let bytes = spans.iter().map(|span| span.end()).max().unwrap_or(0);
        (Self { bytes }, spans)
    }

    /// Room for `bytes` bytes behind everything else.
    pub const fn reserve(&mut self, bytes: usize) -> Span {
        let span = Span { offset: self.bytes, bytes };
        self.bytes = span.end();
        span
    }

    /// What has been laid out so far, a multiple of [`ALIGNMENT_BYTES`].
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }
}

/// The lowest place that overlaps none of `rivals`: at the beginning or behind one of them.
fn lowest_free(bytes: usize, rivals: &[Span]) -> Span {
    let places = rivals.iter().map(|rival| rival.end()).chain([0]);
    let free = places
        .map(|offset| Span { offset, bytes })
        .filter(|span| !rivals.iter().any(|rival| rival.overlaps(*span)));
    // Behind the last of them there is always room.
    free.min_by_key(|span| span.offset).unwrap_or(Span { offset: 0, bytes })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TENSORS: usize = 12;

    fn tensors() -> impl Strategy<Value = [Tensor; TENSORS]> {
        let tensor = (0_usize..5000, 1_u32..1 << 10);
        prop::array::uniform12(tensor.prop_map(|(bytes, steps)| Tensor { bytes, steps }))
    }

    /// What is needed at once in the step that needs most: no layout can do with less.
    fn bound(tensors: &[Tensor]) -> usize {
        let needed = |step: u32| -> usize {
            let live = tensors.iter().filter(|tensor| tensor.steps >> step & 1 == 1);
            live.map(|tensor| tensor.bytes.next_multiple_of(ALIGNMENT_BYTES)).sum()
        };
        (0..u32::BITS).map(needed).max().unwrap_or(0)
    }

    proptest! {
        #[test]
        fn tensors_that_are_needed_together_share_nothing(tensors in tensors()) {
            let (layout, spans) = Layout::of_lifetimes(tensors);
            for (index, (a, first)) in tensors.iter().zip(spans).enumerate() {
                prop_assert_eq!(first.bytes, a.bytes);
                prop_assert!(first.offset.is_multiple_of(ALIGNMENT_BYTES));
                for (b, second) in tensors.iter().zip(spans).skip(index + 1) {
                    let together = a.steps & b.steps != 0 && a.bytes > 0 && b.bytes > 0;
                    prop_assert!(!together || !first.overlaps(second), "{a:?} {b:?}");
                }
            }
            let peak = spans.iter().map(|span| span.end()).max();
            prop_assert_eq!(Some(layout.bytes()), peak);
            let whole: usize =
                tensors.iter().map(|t| t.bytes.next_multiple_of(ALIGNMENT_BYTES)).sum();
            prop_assert!((bound(&tensors)..=whole).contains(&layout.bytes()));
        }
    }

    #[test]
    fn what_is_reserved_after_a_plan_lies_behind_it() {
        let (mut layout, [span]) = Layout::of_lifetimes([Tensor { bytes: 300, steps: 1 }]);
        assert_eq!((span.offset, layout.bytes()), (0, 512));
        assert_eq!(layout.reserve(1).offset, 512);
    }
}
