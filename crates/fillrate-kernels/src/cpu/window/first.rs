//! Windows of up to eight or 32 values, joined in registers as the values come in.

#![allow(unsafe_code, reason = "lane operations gated by the tier")]

use std::marker::PhantomData;

use super::aggregate::Aggregate;
use super::sizes::Sizes;
use crate::cpu::doubles::Delay;

/// The lanes of a vector.
pub(super) const LANES: usize = 8;

/// The windows of a series that end in eight neighbouring values, and as many of those that end in
/// the eight before them, and in the eight before those, as longer windows are joined from.
pub(super) struct First<V, A, const K: usize> {
    x: [V; 3],
    /// The values one, two and four places before the last eight.
    x_older: [V; 3],
    one: [V; K],
    two: [[V; K]; 2],
    four: [[V; K]; 2],
    eight: [[V; K]; 2],
    sixteen: [[V; K]; 3],
    /// Zero in a lane whose values were finite, else NaN.
    checked: V,
    of: PhantomData<A>,
}

// SAFETY (of every block below): the caller has the instructions of `V`.
impl<V: Delay, A: Aggregate<K>, const K: usize> First<V, A, K> {
    /// The values of the longest window that is made here.
    pub(super) const LONGEST: usize = if V::HAS_REGISTERS { 32 } else { LANES };

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
            Self {
                x: [x; 3],
                x_older: [x; 3],
                one,
                two: [one; 2],
                four: [one; 2],
                eight: [one; 2],
                sixteen: [one; 3],
                checked: x,
                of: PhantomData,
            }
        }
    }

    /// Takes eight values.
    #[inline(always)]
    pub(super) unsafe fn push(&mut self, x: V) {
        let before = self.x[0];
        // SAFETY: see above.
        unsafe {
            let x_older = [x.delayed::<1>(before), x.delayed::<2>(before), x.delayed::<4>(before)];
            self.push_before(x, x_older);
        }
    }

    /// Takes eight values and those four places before them from memory, which costs less than to
    /// make the latter from the last values taken.
    ///
    /// # Safety
    ///
    /// There are eight values at `x`, and before them the four that were taken last.
    #[inline(always)]
    pub(super) unsafe fn push_from(&mut self, x: *const f64) {
        // SAFETY: see above.
        unsafe {
            let x_older = [V::load(x.sub(1)), V::load(x.sub(2)), V::load(x.sub(4))];
            self.push_before(V::load(x), x_older);
        }
    }

    /// Takes eight values and those one, two and four places before them.
    #[inline(always)]
    unsafe fn push_before(&mut self, x: V, x_older: [V; 3]) {
        // SAFETY: see above.
        unsafe {
            self.x = [x, self.x[0], self.x[1]];
            self.x_older = x_older;
            self.checked = self.checked.nan_unless_finite(x);
            self.one = A::one(x);
            self.two = [A::two(x, x_older[0]), self.two[0]];
            self.four = [self.join::<2>(self.two[0], self.two, 2), self.four[0]];
            self.eight = [self.join::<4>(self.four[0], self.four, 4), self.eight[0]];
            let [newer, older] = self.eight;
            let sixteen = A::join(newer, older, x, self.x[1], &Sizes::new(8, 8));
            self.sixteen = [sixteen, self.sixteen[0], self.sixteen[1]];
        }
    }

    /// The last eight values.
    #[inline(always)]
    pub(super) fn values(&self) -> V {
        self.x[0]
    }

    /// Whether all values taken were finite.
    #[inline(always)]
    pub(super) unsafe fn all_finite(&self) -> bool {
        // SAFETY: see above.
        unsafe { !self.checked.any_nan() }
    }

    /// The windows of [`Self::LONGEST`] values.
    #[inline(always)]
    pub(super) unsafe fn longest(&self) -> [V; K] {
        if Self::LONGEST == LANES {
            return self.eight[0];
        }
        let [newer, _, older] = self.sixteen;
        // SAFETY: see above.
        unsafe { A::join(newer, older, self.x[0], self.x[2], &Sizes::new(16, 16)) }
    }

    /// The windows of `bars` values, fewer than [`Self::LONGEST`]: those that the digits of `bars` name, joined newest
    /// first.
    #[inline(always)]
    pub(super) unsafe fn window(&self, bars: usize) -> [V; K] {
        let (one, two, four) = (self.one, self.two[0], self.four[0]);
        // SAFETY: see above.
        unsafe {
            match bars % LANES {
                1 => self.extend::<1>(one, bars),
                2 => self.extend::<2>(two, bars),
                3 => self.extend::<3>(self.join::<1>(one, self.two, 2), bars),
                4 => self.extend::<4>(four, bars),
                5 => self.extend::<5>(self.join::<1>(one, self.four, 4), bars),
                6 => self.extend::<6>(self.join::<2>(two, self.four, 4), bars),
                7 => {
                    let three = self.join::<1>(one, self.two, 2);
                    self.extend::<7>(self.join::<3>(three, self.four, 4), bars)
                }
                _ if bars & 16 == 0 => self.eight[0],
                _ if bars & 8 == 0 => self.sixteen[0],
                _ => {
                    let (newer, older) = (self.eight[0], self.sixteen[1]);
                    A::join(newer, older, self.x[0], self.x[1], &Sizes::new(8, 16))
                }
            }
        }
    }

    /// Puts the windows of 8 and of 16 values that the digits of `bars` name before the newest `N`.
    #[inline(always)]
    unsafe fn extend<const N: usize>(&self, newest: [V; K], bars: usize) -> [V; K] {
        let [sixteen, sixteen_1, sixteen_2] = self.sixteen;
        // SAFETY: see above.
        unsafe {
            match bars / LANES {
                0 => newest,
                1 => self.join::<N>(newest, self.eight, 8),
                2 => self.join::<N>(newest, [sixteen, sixteen_1], 16),
                _ => {
                    let newer = self.join::<N>(newest, self.eight, 8);
                    let older = delayed::<V, K, N>([sixteen_1, sixteen_2]);
                    let x_older = self.x[1].delayed::<N>(self.x[2]);
                    A::join(newer, older, self.x[0], x_older, &Sizes::new(N + 8, 16))
                }
            }
        }
    }

    /// Joins windows of the newest `N` values with those of `size` values before them, `older` being
    /// these as they end now and eight values before.
    #[inline(always)]
    unsafe fn join<const N: usize>(
        &self,
        newer: [V; K],
        older: [[V; K]; 2],
        size: usize,
    ) -> [V; K] {
        // SAFETY: see above.
        unsafe {
            let x_older = match N {
                1 => self.x_older[0],
                2 => self.x_older[1],
                4 => self.x_older[2],
                _ => self.x[0].delayed::<N>(self.x[1]),
            };
            let older = delayed::<V, K, N>(older);
            A::join(newer, older, self.x[0], x_older, &Sizes::new(N, size))
        }
    }
}

#[inline(always)]
unsafe fn delayed<V: Delay, const K: usize, const N: usize>([now, before]: [[V; K]; 2]) -> [V; K] {
    let mut out = now;
    for k in 0..K {
        // SAFETY: see above.
        out[k] = unsafe { now[k].delayed::<N>(before[k]) };
    }
    out
}
