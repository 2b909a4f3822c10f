//! What is kept of paths while they are walked.

#![allow(unsafe_code, reason = "lane operations gated by the tier, over checked bounds")]

use super::{PathBarrier, PathGrid};
use crate::cpu::doubles::{Doubles, math};

/// What looks at some paths at every step and has `O` values for each of them at the end.
///
/// # Safety
///
/// As for [`Doubles`], of every method.
pub(super) trait Watch<const O: usize>: Copy {
    /// What is known so far.
    type Seen<V: Doubles>: Copy;
    /// Whether it does so little at each step that vectors of paths are walked side by side.
    const IS_LIGHT: bool = false;

    unsafe fn start<V: Doubles>(&self) -> Self::Seen<V>;

    /// Step `step`, from 0, of the paths from place `at` on went from `before` to `after`, both
    /// logarithms of price over spot.
    unsafe fn see<V: Doubles>(
        &self,
        seen: &mut Self::Seen<V>,
        before: V,
        after: V,
        step: u32,
        at: usize,
    );

    unsafe fn end<V: Doubles>(&self, seen: Self::Seen<V>, last: V) -> [V; O];
}

// SAFETY (of every block below): the caller has the instructions of `V`.

/// The price whose logarithm, over the spot, is `x`.
#[inline(always)]
unsafe fn price<V: Doubles>(spot: f64, x: V) -> V {
    // SAFETY: see above.
    unsafe { math::exp(x).mul(V::splat(spot)) }
}

/// Nothing but the price at the end.
#[derive(Clone, Copy)]
pub(super) struct End {
    pub(super) spot: f64,
}

impl Watch<1> for End {
    type Seen<V: Doubles> = ();
    const IS_LIGHT: bool = true;

    #[inline(always)]
    unsafe fn start<V: Doubles>(&self) {}
    #[inline(always)]
    unsafe fn see<V: Doubles>(&self, (): &mut (), _: V, _: V, _: u32, _: usize) {}
    #[inline(always)]
    unsafe fn end<V: Doubles>(&self, (): (), last: V) -> [V; 1] {
        // SAFETY: see above.
        unsafe { [price(self.spot, last)] }
    }
}

/// The price at every step, written to rows of `paths` values.
#[derive(Clone, Copy)]
pub(super) struct Trace {
    pub(super) spot: f64,
    pub(super) rows: *mut f64,
    pub(super) paths: usize,
}

impl Watch<0> for Trace {
    type Seen<V: Doubles> = ();

    #[inline(always)]
    unsafe fn start<V: Doubles>(&self) {}
    #[inline(always)]
    unsafe fn see<V: Doubles>(&self, (): &mut (), _: V, after: V, step: u32, at: usize) {
        // SAFETY: there is a row for each step, and a place in it for each path.
        unsafe {
            price(self.spot, after).store(self.rows.add(step as usize * self.paths + at));
        }
    }
    #[inline(always)]
    unsafe fn end<V: Doubles>(&self, (): (), _: V) -> [V; 0] {
        []
    }
}

/// The arithmetic and the geometric mean of price over spot, over all steps.
#[derive(Clone, Copy)]
pub(super) struct Averages {
    pub(super) reciprocal: f64,
}

impl Watch<2> for Averages {
    type Seen<V: Doubles> = [V; 2];

    #[inline(always)]
    unsafe fn start<V: Doubles>(&self) -> [V; 2] {
        // SAFETY: see above.
        unsafe { [V::splat(0.0), V::splat(0.0)] }
    }
    #[inline(always)]
    unsafe fn see<V: Doubles>(&self, seen: &mut [V; 2], _: V, after: V, _: u32, _: usize) {
        // SAFETY: see above.
        unsafe { *seen = [seen[0].add(math::exp(after)), seen[1].add(after)] }
    }
    #[inline(always)]
    unsafe fn end<V: Doubles>(&self, [ratios, logs]: [V; 2], _: V) -> [V; 2] {
        // SAFETY: see above.
        unsafe {
            let reciprocal = V::splat(self.reciprocal);
            [ratios.mul(reciprocal), math::exp(logs.mul(reciprocal))]
        }
    }
}

/// The price at the end, the chance that a path of Brownian motion did not touch a barrier between
/// the moments that were simulated either, and what one unit that is paid at the touch is worth now.
///
/// Source: Andersen & Brotherton-Ratcliffe, "Exact exotics" (1996): a Brownian bridge from a to b
/// above a barrier touches it with probability exp(−2 (a − h)(b − h) / (σ² Δt)).
#[derive(Clone, Copy)]
pub(crate) struct Bridge {
    pub(crate) spot: f64,
    /// The logarithm of barrier over spot.
    pub(crate) level: f64,
    /// 1 for a barrier below, −1 for one above.
    pub(crate) side: f64,
    /// −2 / (σ² Δt).
    pub(crate) scale: f64,
    /// The discount to the middle of the first step, and that of each step.
    pub(crate) discounts: [f64; 2],
}

impl Bridge {
    pub(crate) fn new(barrier: &PathBarrier, vol: f64, grid: &PathGrid) -> Self {
        let discount = |steps: f64| (-barrier.rate * steps * grid.step_years).exp();
        // Without volatility a path touches where it crosses, whatever the bridge says.
        let variance = (vol * vol * grid.step_years).max(1e-300);
        Self {
            spot: grid.spot,
            level: (barrier.level / grid.spot).ln(),
            side: if barrier.is_down { 1.0 } else { -1.0 },
            scale: -2.0 / variance,
            discounts: [discount(0.5), discount(1.0)],
        }
    }
}

impl Watch<3> for Bridge {
    /// The chance to be alive, the worth of the touch, and the discount to the middle of the step.
    type Seen<V: Doubles> = [V; 3];

    #[inline(always)]
    unsafe fn start<V: Doubles>(&self) -> [V; 3] {
        // SAFETY: see above.
        unsafe { [V::splat(1.0), V::splat(0.0), V::splat(self.discounts[0])] }
    }
    #[inline(always)]
    unsafe fn see<V: Doubles>(
        &self,
        [alive, touch, discount]: &mut [V; 3],
        before: V,
        after: V,
        _: u32,
        _: usize,
    ) {
        // SAFETY: see above.
        unsafe {
            let (level, side) = (V::splat(self.level), V::splat(self.side));
            let from = before.sub(level).mul(side);
            let to = after.sub(level).mul(side);
            let chance = math::exp(from.mul(to).mul(V::splat(self.scale)));
            let chance = from.min(to).select_positive(chance, V::splat(1.0));
            let lost = alive.mul(chance);
            *touch = touch.add(discount.mul(lost));
            *alive = alive.sub(lost);
            *discount = discount.mul(V::splat(self.discounts[1]));
        }
    }
    #[inline(always)]
    unsafe fn end<V: Doubles>(&self, [alive, touch, _]: [V; 3], last: V) -> [V; 3] {
        // SAFETY: see above.
        unsafe { [price(self.spot, last), alive, touch] }
    }
}
