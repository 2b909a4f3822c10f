//! From recursive averages to what is asked of them.

#![allow(unsafe_code, reason = "lane operations gated by the tier")]

use crate::cpu::doubles::Doubles;
use crate::cpu::window::finish::Finish;

// SAFETY (of every block below): the caller has the instructions of `V`.

/// The first less the second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Difference;

impl Finish<2, 1> for Difference {
    #[inline(always)]
    unsafe fn finish<V: Doubles>(self, [a, b]: [V; 2], _: V) -> [V; 1] {
        // SAFETY: see above.
        unsafe { [a.sub(b)] }
    }
}

/// The average itself, and how far the newest term is from it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Apart;

impl Finish<1, 2> for Apart {
    #[inline(always)]
    unsafe fn finish<V: Doubles>(self, [average]: [V; 1], term: V) -> [V; 2] {
        // SAFETY: see above.
        unsafe { [average, term.sub(average)] }
    }
}

/// The share of gains in gains and losses, in percent; 50 if there are neither.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strength;

impl Finish<2, 1> for Strength {
    #[inline(always)]
    unsafe fn finish<V: Doubles>(self, [gain, loss]: [V; 2], _: V) -> [V; 1] {
        // SAFETY: see above.
        unsafe {
            let both = gain.add(loss);
            let percent = gain.mul(V::splat(100.0)).div(both);
            [both.select_positive(percent, V::splat(50.0))]
        }
    }
}
