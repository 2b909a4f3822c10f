//! What two neighbouring windows come to together.

#![allow(unsafe_code, reason = "lane operations gated by the tier")]

use super::sizes::Sizes;
use crate::cpu::doubles::Doubles;

/// `K` numbers that say of a window what is asked, and can be told from those of its parts.
pub(super) trait Aggregate<const K: usize> {
    /// Whether windows are joined, or finished, with a look at their newest values.
    const NEEDS_VALUES: bool = false;

    /// Those of a window of one value.
    ///
    /// # Safety
    ///
    /// As for [`Doubles`], here and below.
    unsafe fn one<V: Doubles>(x: V) -> [V; K];

    /// Those of a window of two values, of which `x` is the newer.
    #[inline(always)]
    unsafe fn two<V: Doubles>(x: V, x_older: V) -> [V; K] {
        // SAFETY: the method's contract.
        unsafe { Self::join(Self::one(x), Self::one(x_older), x, x_older, &Sizes::new(1, 1)) }
    }

    /// Those of two neighbouring windows together. `x` and `x_older` are their newest values.
    unsafe fn join<V: Doubles>(
        newer: [V; K],
        older: [V; K],
        x: V,
        x_older: V,
        sizes: &Sizes,
    ) -> [V; K];
}

// SAFETY (of every block below): the caller has the instructions of `V`.

/// The sum.
pub(super) struct Sum;

impl Aggregate<1> for Sum {
    #[inline(always)]
    unsafe fn one<V: Doubles>(x: V) -> [V; 1] {
        [x]
    }
    #[inline(always)]
    unsafe fn join<V: Doubles>([a]: [V; 1], [b]: [V; 1], _: V, _: V, _: &Sizes) -> [V; 1] {
        // SAFETY: see above.
        unsafe { [a.add(b)] }
    }
}

/// The least value.
pub(super) struct Smallest;

impl Aggregate<1> for Smallest {
    #[inline(always)]
    unsafe fn one<V: Doubles>(x: V) -> [V; 1] {
        [x]
    }
    #[inline(always)]
    unsafe fn join<V: Doubles>([a]: [V; 1], [b]: [V; 1], _: V, _: V, _: &Sizes) -> [V; 1] {
        // SAFETY: see above.
        unsafe { [a.min(b)] }
    }
}

/// The greatest value.
pub(super) struct Largest;

impl Aggregate<1> for Largest {
    #[inline(always)]
    unsafe fn one<V: Doubles>(x: V) -> [V; 1] {
        [x]
    }
    #[inline(always)]
    unsafe fn join<V: Doubles>([a]: [V; 1], [b]: [V; 1], _: V, _: V, _: &Sizes) -> [V; 1] {
        // SAFETY: see above.
        unsafe { [a.max(b)] }
    }
}

/// The sum, and the sum with weights 1, 2, … from the oldest value to the newest.
pub(super) struct Weighted;

impl Aggregate<2> for Weighted {
    #[inline(always)]
    unsafe fn one<V: Doubles>(x: V) -> [V; 2] {
        [x, x]
    }
    #[inline(always)]
    unsafe fn join<V: Doubles>(
        [sum, weighted]: [V; 2],
        [older_sum, older_weighted]: [V; 2],
        _: V,
        _: V,
        sizes: &Sizes,
    ) -> [V; 2] {
        // SAFETY: see above.
        unsafe {
            // Every weight of the newer window grows by the size of the older.
            let raised = weighted.add(sum.mul(V::splat(sizes.older)));
            [sum.add(older_sum), raised.add(older_weighted)]
        }
    }
}

/// The mean's distance from the newest value, and the sum of squared deviations from the mean.
///
/// Means are kept as distances between neighbours, so that what is lost to rounding is in
/// proportion to the spread of the window and not to the level of the prices.
///
/// Source: Chan, Golub & LeVeque, "Updating formulae and a pairwise algorithm for computing sample
/// variances" (1979), equation 2.1.
pub(super) struct Moments;

impl Aggregate<2> for Moments {
    const NEEDS_VALUES: bool = true;

    #[inline(always)]
    unsafe fn one<V: Doubles>(_: V) -> [V; 2] {
        // SAFETY: see above.
        unsafe { [V::splat(0.0), V::splat(0.0)] }
    }
    /// What a join gives, without the zeros that it would add.
    #[inline(always)]
    unsafe fn two<V: Doubles>(x: V, x_older: V) -> [V; 2] {
        // SAFETY: see above.
        unsafe {
            let step = x_older.sub(x);
            let shift = step.mul(V::splat(0.5));
            [shift, step.mul(shift)]
        }
    }
    #[inline(always)]
    unsafe fn join<V: Doubles>(
        [mean, squares]: [V; 2],
        [older_mean, older_squares]: [V; 2],
        x: V,
        x_older: V,
        sizes: &Sizes,
    ) -> [V; 2] {
        // SAFETY: see above.
        unsafe {
            // From the mean of the newer window to that of the older.
            let step = x_older.sub(x).add(older_mean.sub(mean));
            let shift = step.mul(V::splat(sizes.share));
            let between = step.mul(shift).mul(V::splat(sizes.newer));
            [mean.add(shift), squares.add(older_squares).add(between)]
        }
    }
}
