//! Prices by a closed form, of whole columns, and their central differences as Greeks.

#![allow(unsafe_code, reason = "lane operations gated by the tier, over checked bounds")]

use super::{Columns, GREEKS};
use crate::cpu::dispatch::Kernel;
use crate::cpu::doubles::Doubles;
use crate::cpu::lanes::Lanes;

/// Spot, strike, rate, yield, volatility, expiry and sign.
pub(super) type Terms<V> = [V; 7];

/// The price of a kind of option, which has `MORE` terms beside the usual ones.
///
/// # Safety
///
/// As for [`Doubles`].
pub(super) trait ClosedForm<const MORE: usize> {
    /// How far the spot may move without leaping over what the price has a kink at.
    unsafe fn reach<V: Doubles>(&self, terms: &Terms<V>, more: &[V; MORE]) -> V;
    /// The price.
    unsafe fn price<V: Doubles>(&self, terms: &Terms<V>, more: &[V; MORE]) -> V;
}

/// Prices, or with six outputs prices and Greeks, of columns that were checked.
pub(super) struct ByDifferences<'a, F, const MORE: usize, const N: usize> {
    pub(super) form: F,
    pub(super) options: Columns<'a>,
    pub(super) more: [&'a [f64]; MORE],
    pub(super) outputs: [&'a mut [f64]; N],
}

impl<F: ClosedForm<MORE>, const MORE: usize, const N: usize> Kernel
    for ByDifferences<'_, F, MORE, N>
{
    #[inline(always)]
    unsafe fn run<L: Lanes>(mut self) {
        let count = self.options[0].len();
        let whole = count / L::Doubles::LANES * L::Doubles::LANES;
        // SAFETY: all columns have `count` values, as was checked; `L` is available.
        unsafe {
            for at in (0..whole).step_by(L::Doubles::LANES) {
                self.some::<L::Doubles>(at);
            }
            for at in whole..count {
                self.some::<f64>(at);
            }
        }
    }
}

impl<F: ClosedForm<MORE>, const MORE: usize, const N: usize> ByDifferences<'_, F, MORE, N> {
    #[inline(always)]
    unsafe fn some<V: Doubles>(&mut self, at: usize) {
        // SAFETY: as for `run`.
        unsafe {
            let mut terms = [V::splat(0.0); 7];
            for (term, column) in terms.iter_mut().zip(self.options) {
                *term = V::load(column.as_ptr().add(at));
            }
            let mut more = [V::splat(0.0); MORE];
            for (term, column) in more.iter_mut().zip(self.more) {
                *term = V::load(column.as_ptr().add(at));
            }
            if N == 1 {
                self.form.price(&terms, &more).store(self.outputs[0].as_mut_ptr().add(at));
                return;
            }
            let values = greeks(&self.form, &terms, &more);
            for (value, out) in values.iter().zip(&mut self.outputs) {
                value.store(out.as_mut_ptr().add(at));
            }
        }
    }
}

/// How far the rate is moved to either side.
const RATE_STEP: f64 = 1e-4;

/// How far the terms are moved to either side, by the place of each.
#[derive(Clone, Copy)]
struct Steps<V> {
    spot: V,
    vol: V,
    expiry: V,
}

/// The sets of terms that make price and Greeks: an option's own, then those with more and with less of spot,
/// volatility, time and rate.
const SETS: usize = 9;

#[inline(always)]
unsafe fn moved<V: Doubles>(terms: &Terms<V>, steps: &Steps<V>, set: usize) -> Terms<V> {
    // SAFETY: the caller has the instructions of `V`.
    unsafe {
        let (place, step) = match set {
            1 | 2 => (0, steps.spot),
            3 | 4 => (4, steps.vol),
            5 | 6 => (5, steps.expiry),
            7 | 8 => (2, V::splat(RATE_STEP)),
            _ => return *terms,
        };
        let mut moved = *terms;
        moved[place] = if set % 2 == 1 { terms[place].add(step) } else { terms[place].sub(step) };
        moved
    }
}

/// Price, delta, gamma, vega, theta and rho.
#[inline(always)]
unsafe fn greeks<V: Doubles, F: ClosedForm<MORE>, const MORE: usize>(
    form: &F,
    terms: &Terms<V>,
    more: &[V; MORE],
) -> [V; GREEKS] {
    // SAFETY: the caller has the instructions of `V`.
    unsafe {
        let [spot, _, _, _, vol, expiry, _] = *terms;
        let (zero, half) = (V::splat(0.0), V::splat(0.5));
        let steps = Steps {
            // The second difference loses twice the digits, so its step is the largest.
            spot: spot.mul(V::splat(1e-3)).min(form.reach(terms, more).mul(V::splat(0.49))),
            vol: V::splat(1e-4).min(vol),
            expiry: V::splat(1e-4).min(expiry.mul(half)),
        };
        let mut prices = [zero; SETS];
        for (set, price) in prices.iter_mut().enumerate() {
            *price = form.price(&moved(terms, &steps, set), more);
        }
        let [price, up, down, more_vol, less_vol, more_time, less_time, more_rate, less_rate] =
            prices;
        let curve = up.sub(price.add(price)).add(down);
        [
            price,
            quotient(up.sub(down), steps.spot.add(steps.spot)),
            quotient(curve, steps.spot.mul(steps.spot)),
            quotient(more_vol.sub(less_vol), steps.vol.add(steps.vol)),
            less_time.sub(more_time).div(steps.expiry.add(steps.expiry)),
            more_rate.sub(less_rate).div(V::splat(2.0 * RATE_STEP)),
        ]
    }
}

/// 0 where there is nothing to divide by.
#[inline(always)]
unsafe fn quotient<V: Doubles>(difference: V, by: V) -> V {
    // SAFETY: the caller has the instructions of `V`.
    unsafe { by.select_positive(difference.div(by), V::splat(0.0)) }
}
