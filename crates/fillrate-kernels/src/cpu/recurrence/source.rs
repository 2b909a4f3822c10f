//! What is averaged: terms made of the columns.

#![allow(unsafe_code, reason = "lane operations gated by the tier, over checked bounds")]

use crate::cpu::doubles::Doubles;
use crate::cpu::prefetch::prefetch;

/// `K` series of terms.
pub(super) trait Source<const K: usize> {
    /// The terms at places `at..at + V::LANES`.
    ///
    /// # Safety
    ///
    /// As for [`Doubles`]; the columns have these places and, where terms compare a value with the
    /// one before it, `at` is not 0.
    unsafe fn terms<V: Doubles>(&self, at: usize) -> [V; K];

    /// Has the columns fetched at a place, which they need not have.
    fn prefetch(&self, at: usize);

    /// The terms at one place that the columns have and, where it matters, is not 0.
    fn term(&self, at: usize) -> [f64; K];
}

/// What all sources have in common: `$k` terms, and what they are made of.
macro_rules! term {
    ($k:literal, $($column:tt),+) => {
        #[inline(always)]
        fn prefetch(&self, at: usize) {
            $(prefetch(self.$column.as_ptr().wrapping_add(at));)+
        }

        fn term(&self, at: usize) -> [f64; $k] {
            self.check(at);
            // SAFETY: one lane, at a place that was just checked.
            unsafe { self.terms::<f64>(at) }
        }
    };
}

// SAFETY (of every block below): the trait's contract.

/// The values themselves.
pub(super) struct Same<'a>(pub(super) &'a [f64]);

impl Same<'_> {
    fn check(&self, at: usize) {
        assert!(at < self.0.len());
    }
}

impl Source<1> for Same<'_> {
    term!(1, 0);

    #[inline(always)]
    unsafe fn terms<V: Doubles>(&self, at: usize) -> [V; 1] {
        // SAFETY: see above.
        unsafe { [V::load(self.0.as_ptr().add(at))] }
    }
}

/// The values, for two averages.
pub(super) struct Twice<'a>(pub(super) &'a [f64]);

impl Twice<'_> {
    fn check(&self, at: usize) {
        assert!(at < self.0.len());
    }
}

impl Source<2> for Twice<'_> {
    term!(2, 0);

    #[inline(always)]
    unsafe fn terms<V: Doubles>(&self, at: usize) -> [V; 2] {
        // SAFETY: see above.
        unsafe { [V::load(self.0.as_ptr().add(at)); 2] }
    }
}

/// How much a value is above the one before it, and how much below; one of the two is 0.
pub(super) struct Changes<'a>(pub(super) &'a [f64]);

impl Changes<'_> {
    fn check(&self, at: usize) {
        assert!(at > 0 && at < self.0.len());
    }
}

impl Source<2> for Changes<'_> {
    term!(2, 0);

    #[inline(always)]
    unsafe fn terms<V: Doubles>(&self, at: usize) -> [V; 2] {
        // SAFETY: see above.
        unsafe {
            let (x, before) =
                (V::load(self.0.as_ptr().add(at)), V::load(self.0.as_ptr().add(at - 1)));
            gain_and_loss(x, before)
        }
    }
}

/// The two terms of one change.
#[inline(always)]
pub(super) unsafe fn gain_and_loss<V: Doubles>(x: V, before: V) -> [V; 2] {
    // SAFETY: see above.
    unsafe {
        let change = x.sub(before);
        let gain = change.max(V::splat(0.0));
        [gain, gain.sub(change)]
    }
}

/// True ranges: from the lowest to the highest of a bar, the close before it taken in.
pub(super) struct Ranges<'a> {
    pub(super) high: &'a [f64],
    pub(super) low: &'a [f64],
    pub(super) close: &'a [f64],
}

impl Ranges<'_> {
    fn check(&self, at: usize) {
        let columns = [self.high, self.low, self.close];
        assert!(at > 0 && columns.iter().all(|column| at < column.len()));
    }
}

impl Source<1> for Ranges<'_> {
    term!(1, high, low, close);

    #[inline(always)]
    unsafe fn terms<V: Doubles>(&self, at: usize) -> [V; 1] {
        // SAFETY: see above.
        unsafe {
            let high = V::load(self.high.as_ptr().add(at));
            let low = V::load(self.low.as_ptr().add(at));
            [true_range(high, low, V::load(self.close.as_ptr().add(at - 1)))]
        }
    }
}

#[inline(always)]
pub(super) unsafe fn true_range<V: Doubles>(high: V, low: V, close_before: V) -> V {
    // SAFETY: see above.
    unsafe { high.max(close_before).sub(low.min(close_before)) }
}
