//! From what a window comes to, to what is asked of it.

#![allow(unsafe_code, reason = "lane operations gated by the tier")]

use crate::cpu::doubles::Doubles;

/// Turns the `K` numbers of a full window, or `K` recursive averages, into `O` outputs.
pub(crate) trait Finish<const K: usize, const O: usize>: Copy {
    /// The outputs where the newest value, or the first average's newest term, is `x`.
    ///
    /// # Safety
    ///
    /// As for [`Doubles`].
    unsafe fn finish<V: Doubles>(self, window: [V; K], x: V) -> [V; O];
}

// SAFETY (of every block below): the caller has the instructions of `V`.

/// As it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity;

impl Finish<1, 1> for Identity {
    #[inline(always)]
    unsafe fn finish<V: Doubles>(self, window: [V; 1], _: V) -> [V; 1] {
        window
    }
}

/// Times a factor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scaled(pub(super) f64);

impl Finish<1, 1> for Scaled {
    #[inline(always)]
    unsafe fn finish<V: Doubles>(self, [sum]: [V; 1], _: V) -> [V; 1] {
        // SAFETY: see above.
        unsafe { [sum.mul(V::splat(self.0))] }
    }
}

/// The weighted sum times a factor.
#[derive(Clone, Copy, Debug)]
pub(super) struct WeightedScaled(pub(super) f64);

impl Finish<2, 1> for WeightedScaled {
    #[inline(always)]
    unsafe fn finish<V: Doubles>(self, [_, weighted]: [V; 2], _: V) -> [V; 1] {
        // SAFETY: see above.
        unsafe { [weighted.mul(V::splat(self.0))] }
    }
}

/// The population standard deviation, given 1 / bars.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deviation(pub(super) f64);

impl Finish<2, 1> for Deviation {
    #[inline(always)]
    unsafe fn finish<V: Doubles>(self, [_, squares]: [V; 2], _: V) -> [V; 1] {
        // SAFETY: see above.
        unsafe { [squares.mul(V::splat(self.0)).sqrt()] }
    }
}

/// The newest value's distance from the mean in deviations, given 1 / bars.
#[derive(Clone, Copy, Debug)]
pub(super) struct ZScore(pub(super) f64);

impl Finish<2, 1> for ZScore {
    #[inline(always)]
    unsafe fn finish<V: Doubles>(self, [mean, squares]: [V; 2], _: V) -> [V; 1] {
        // SAFETY: see above.
        unsafe {
            let zero = V::splat(0.0);
            let deviation = squares.mul(V::splat(self.0)).sqrt();
            let score = zero.sub(mean).div(deviation);
            [deviation.select_positive(score, zero)]
        }
    }
}

/// The mean and a band on each side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bands {
    /// 1 / bars.
    pub(super) reciprocal: f64,
    /// The bands' distance from the mean, in deviations.
    pub(super) width: f64,
}

impl Finish<2, 3> for Bands {
    #[inline(always)]
    unsafe fn finish<V: Doubles>(self, [mean, squares]: [V; 2], x: V) -> [V; 3] {
        // SAFETY: see above.
        unsafe {
            let middle = x.add(mean);
            let deviation = squares.mul(V::splat(self.reciprocal)).sqrt();
            let reach = deviation.mul(V::splat(self.width));
            [middle.add(reach), middle, middle.sub(reach)]
        }
    }
}
