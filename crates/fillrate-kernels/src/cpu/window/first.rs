//! Windows of up to eight values, joined in registers as the values come in.

#![allow(unsafe_code, reason = "lane operations gated by the tier")]

use std::marker::PhantomData;

use super::aggregate::Aggregate;
use super::sizes::Sizes;
use crate::cpu::doubles::Delay;

/// The lanes of a vector, and the values of the longest window made here.
pub(super) const FIRST: usize = 8;

/// The windows of a series that end in eight neighbouring values and in the eight before them.
pub(super) struct First<V, A, const K: usize> {
    x: V,
    /// The windows of one, two and four values.
    one: [V; K],
    two: [V; K],
    four: [V; K],
    of: PhantomData<A>,
}

/// What ends in eight neighbouring values.
pub(super) struct Windows<V, const K: usize> {
    /// The windows of eight values.
    pub(super) eight: [V; K],
    /// The windows of as many as the last digits say; of nothing if they are 0.
    pub(super) newest: [V; K],
}

// SAFETY (of every block below): the caller has the instructions of `V`.
impl<V: Delay, A: Aggregate<K>, const K: usize> First<V, A, K> {
    /// Before a series: windows that reach back past its begin are nobody's.
    ///
    /// # Safety
    ///
    /// As for [`Delay`], here and below.
    #[inline(always)]
    pub(super) unsafe fn new() -> Self {
        // SAFETY: see above.
        unsafe {
            let x = V::splat(0.0);
            let one = A::one(x);
            Self { x, one, two: one, four: one, of: PhantomData }
        }
    }

    /// Takes eight values; `digits` is the number of values of the window asked for modulo eight.
    #[inline(always)]
    pub(super) unsafe fn push(&mut self, x: V, digits: usize) -> Windows<V, K> {
        // SAFETY: see above.
        unsafe {
            let x_1 = x.delayed::<1>(self.x);
            let x_2 = x.delayed::<2>(self.x);
            let x_4 = x.delayed::<4>(self.x);
            let one = A::one(x);
            let two = A::join(one, delayed::<V, K, 1>(one, self.one), x, x_1, &Sizes::new(1, 1));
            let four = A::join(two, delayed::<V, K, 2>(two, self.two), x, x_2, &Sizes::new(2, 2));
            let older = delayed::<V, K, 4>(four, self.four);
            let eight = A::join(four, older, x, x_4, &Sizes::new(4, 4));
            // Newest first, as everywhere.
            let newest = match digits {
                1 => one,
                2 => two,
                3 => A::join(one, delayed::<V, K, 1>(two, self.two), x, x_1, &Sizes::new(1, 2)),
                4 => four,
                5 => A::join(one, delayed::<V, K, 1>(four, self.four), x, x_1, &Sizes::new(1, 4)),
                6 => A::join(two, delayed::<V, K, 2>(four, self.four), x, x_2, &Sizes::new(2, 4)),
                7 => {
                    let older = delayed::<V, K, 1>(two, self.two);
                    let three = A::join(one, older, x, x_1, &Sizes::new(1, 2));
                    let older = delayed::<V, K, 3>(four, self.four);
                    A::join(three, older, x, x.delayed::<3>(self.x), &Sizes::new(3, 4))
                }
                _ => eight,
            };
            *self = Self { x, one, two, four, of: PhantomData };
            Windows { eight, newest }
        }
    }
}

#[inline(always)]
unsafe fn delayed<V: Delay, const K: usize, const N: usize>(now: [V; K], before: [V; K]) -> [V; K] {
    let mut out = now;
    for k in 0..K {
        // SAFETY: see above.
        out[k] = unsafe { now[k].delayed::<N>(before[k]) };
    }
    out
}
