//! Returns of prices.

#![allow(unsafe_code, reason = "lane operations gated by the tier, over checked bounds")]

use crate::cpu::doubles::{Doubles, math};

/// x / x₋₁ − 1 of each price but the first: as many as `out` has.
#[inline(always)]
pub(super) unsafe fn simple<V: Doubles>(path: &[f64], out: &mut [f64]) {
    let returns = out.len().min(path.len().saturating_sub(1));
    let mut at = 0;
    // SAFETY: there is a price more than returns; the caller has the instructions of `V`.
    unsafe {
        while at + V::LANES <= returns {
            of::<V>(path.as_ptr().add(at)).store(out.as_mut_ptr().add(at));
            at += V::LANES;
        }
        while at < returns {
            of::<f64>(path.as_ptr().add(at)).store(out.as_mut_ptr().add(at));
            at += 1;
        }
    }
}

/// The returns from the prices at `from` to those after them.
#[inline(always)]
pub(super) unsafe fn of<V: Doubles>(from: *const f64) -> V {
    // SAFETY: the caller's, for a price more than lanes.
    unsafe { V::load(from.add(1)).div(V::load(from)).sub(V::splat(1.0)) }
}

/// ln(1 + r) of each value.
#[inline(always)]
pub(super) unsafe fn logarithms<V: Doubles>(values: &mut [f64]) {
    let mut at = 0;
    // SAFETY: the values are those that there are; the caller has the instructions of `V`.
    unsafe {
        while at + V::LANES <= values.len() {
            let to = values.as_mut_ptr().add(at);
            logarithm(V::load(to)).store(to);
            at += V::LANES;
        }
        while at < values.len() {
            let to = values.as_mut_ptr().add(at);
            logarithm(f64::load(to)).store(to);
            at += 1;
        }
    }
}

/// ln(1 + r); −∞ where nothing is left, and ∞ of that.
#[inline(always)]
unsafe fn logarithm<V: Doubles>(r: V) -> V {
    // SAFETY: the caller has the instructions of `V`.
    unsafe {
        let infinity = V::splat(f64::INFINITY);
        let ratio = r.add(V::splat(1.0));
        let ln = ratio.select_positive(math::ln(ratio), V::splat(f64::NEG_INFINITY));
        ratio.sub(V::splat(f64::MAX)).select_positive(infinity, ln)
    }
}
