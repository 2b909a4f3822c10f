//! Options that begin or end to exist when a barrier is touched.

#![allow(unsafe_code, reason = "lane operations gated by the tier")]

use super::differences::{ByDifferences, ClosedForm, Terms};
use super::{GREEKS, OptionColumns, check, greeks};
use crate::cpu::dispatch::dispatch_doubles;
use crate::cpu::doubles::{Doubles, math, mills_ratio};
use crate::{Cpu, Result};

/// The barriers of many options, each column of shape `[options]`.
#[derive(Clone, Copy, Debug)]
pub struct BarrierColumns<'a> {
    /// The price of the underlying at which it lies, above 0.
    pub level: &'a [f64],
    /// What is paid when a knock-out is hit, or at expiry if a knock-in never was; 0 or above.
    pub rebate: &'a [f64],
    /// 1 for a barrier below the spot, −1 for one above.
    pub side: &'a [f64],
    /// 1 for a knock-in, −1 for a knock-out.
    pub effect: &'a [f64],
}

impl Cpu {
    /// Price, delta, gamma, vega, theta and rho of options with a single barrier that is watched continuously.
    /// Greeks are central differences, whose steps do not leap over the barrier.
    ///
    /// Where the spot is at the barrier or beyond, it has been touched: a knock-out is worth its rebate, a
    /// knock-in is a European option. Below a deviation of 10⁻⁷ the underlying moves on its forward.
    ///
    /// Source: Reiner & Rubinstein, "Breaking down the barriers" (1991), in the notation of Haug, "The
    /// complete guide to option pricing formulas" (2nd ed.), section 4.17.1.
    ///
    /// # Errors
    ///
    /// If a column or an output has another length than the rest.
    pub fn single_barrier(
        &self,
        options: &OptionColumns<'_>,
        barriers: &BarrierColumns<'_>,
        outputs: [&mut [f64]; GREEKS],
    ) -> Result<()> {
        let BarrierColumns { level, rebate, side, effect } = *barriers;
        let (options, more) = (options.columns(), [level, rebate, side, effect]);
        check("single_barrier", options, &more, &outputs.each_ref().map(|out| &**out))?;
        dispatch_doubles(
            self.tier(),
            ByDifferences { form: SingleBarrier, options, more, outputs },
        );
        Ok(())
    }
}

/// Below this deviation over the whole time the underlying is taken to move on its forward.
const DEVIATION_MIN: f64 = 1e-7;
/// 1 / √2π
const BELL_SCALE: f64 = 0.398_942_280_401_432_7;

/// Its more terms are those of [`BarrierColumns`].
struct SingleBarrier;

impl ClosedForm<4> for SingleBarrier {
    #[inline(always)]
    unsafe fn reach<V: Doubles>(&self, terms: &Terms<V>, [level, ..]: &[V; 4]) -> V {
        // SAFETY: the caller has the instructions of `V`.
        unsafe {
            let way = terms[0].sub(*level);
            way.max(V::splat(0.0).sub(way))
        }
    }

    #[inline(always)]
    unsafe fn price<V: Doubles>(&self, terms: &Terms<V>, barrier: &[V; 4]) -> V {
        // SAFETY: the caller has the instructions of `V`.
        unsafe {
            let [level, rebate, side, effect] = *barrier;
            let deviation = terms[4].mul(terms[5].sqrt());
            let is_still = V::splat(DEVIATION_MIN).sub(deviation);
            let moving = Parts::of(terms, barrier, deviation).price(terms, barrier);
            let still = without_volatility(terms, barrier);
            let untouched = is_still.select_positive(still, moving);
            let touched = effect.select_positive(greeks(*terms, false)[0], rebate);
            side.mul(terms[0].sub(level)).select_positive(untouched, touched)
        }
    }
}

/// The price where the underlying follows its forward.
#[inline(always)]
unsafe fn without_volatility<V: Doubles>(terms: &Terms<V>, barrier: &[V; 4]) -> V {
    // SAFETY: the caller has the instructions of `V`.
    unsafe {
        let [spot, strike, rate, dividend, _, expiry, sign] = *terms;
        let [level, rebate, _, effect] = *barrier;
        let zero = V::splat(0.0);
        let carry = rate.sub(dividend);
        // Infinite where it does not move.
        let hit = math::ln(level.div(spot)).div(carry);
        let end = spot.mul(math::exp(carry.mul(expiry)));
        let payoff = sign.mul(end.sub(strike)).max(zero);
        let discount = math::exp(zero.sub(rate.mul(expiry)));
        let (plain, late) = (discount.mul(payoff), discount.mul(rebate));
        let at_hit = math::exp(zero.sub(rate.mul(hit))).mul(rebate);
        let if_hit = effect.select_positive(plain, at_hit);
        let if_not = effect.select_positive(late, plain);
        // Hit at 0 it would have been touched.
        let in_time = hit.sub(expiry).select_positive(if_not, if_hit);
        hit.select_positive(in_time, if_not)
    }
}

/// The six terms that all single barriers are made of.
struct Parts<V> {
    a: V,
    b: V,
    c: V,
    d: V,
    e: V,
    f: V,
}

impl<V: Doubles> Parts<V> {
    #[inline(always)]
    unsafe fn of(terms: &Terms<V>, barrier: &[V; 4], deviation: V) -> Self {
        // SAFETY: the caller has the instructions of `V`.
        unsafe {
            let [spot, strike, rate, dividend, vol, expiry, sign] = *terms;
            let [level, rebate, side, _] = *barrier;
            let (zero, one, half) = (V::splat(0.0), V::splat(1.0), V::splat(0.5));
            let variance = vol.mul(vol);
            let mu = rate.sub(dividend).sub(variance.mul(half)).div(variance);
            let distance = math::ln(level.div(spot));
            let money = math::ln(spot.div(strike));
            let shift = mu.add(one).mul(deviation);
            let gap = distance.div(deviation);
            let discount = math::exp(zero.sub(rate.mul(expiry)));
            let spot_now = spot.mul(math::exp(zero.sub(dividend.mul(expiry))));
            let strike_now = strike.mul(discount);
            let twice = distance.add(distance);
            let (spot_power, strike_power) = (mu.add(one).mul(twice), mu.mul(twice));

            let plain = [money.div(deviation).add(shift), shift.sub(gap)];
            let mirrored = [twice.add(money).div(deviation).add(shift), gap.add(shift)];
            let mut parts = [zero; 4];
            for (part, x) in parts.iter_mut().zip(plain) {
                let spot_part = spot_now.mul(math::normal(sign.mul(x))[0]);
                let strike_part = math::normal(sign.mul(x.sub(deviation)))[0];
                *part = sign.mul(spot_part.sub(strike_now.mul(strike_part)));
            }
            let mut reflected = zero;
            for (part, y) in parts[2..].iter_mut().zip(mirrored) {
                let spot_part = spot_now.mul(weighted(spot_power, side.mul(y)));
                reflected = weighted(strike_power, side.mul(y.sub(deviation)));
                *part = sign.mul(spot_part.sub(strike_now.mul(reflected)));
            }
            let [a, b, c, d] = parts;

            // Below 0 only where there is no rebate to discount.
            let lambda = mu.mul(mu).add(rate.add(rate).div(variance)).max(zero).sqrt();
            let reach = lambda.mul(deviation);
            let never_hit = math::normal(side.mul(plain[1].sub(deviation)))[0].sub(reflected);
            let hit = weighted(mu.add(lambda).mul(distance), side.mul(gap.add(reach)))
                .add(weighted(mu.sub(lambda).mul(distance), side.mul(gap.sub(reach))));
            let (e, f) = (rebate.mul(discount).mul(never_hit), rebate.mul(hit));
            Self { a, b, c, d, e, f }
        }
    }

    #[inline(always)]
    unsafe fn price(&self, terms: &Terms<V>, [level, _, side, effect]: &[V; 4]) -> V {
        // SAFETY: the caller has the instructions of `V`.
        unsafe {
            let Self { a, b, c, d, e, f } = *self;
            let zero = V::splat(0.0);
            // The side of the barrier at which the option pays, and where the strike lies of it.
            let pays_away = terms[6].mul(*side);
            let strike_away = side.mul(terms[1].sub(*level));
            let away_in = strike_away.select_positive(c, a.sub(b).add(d));
            let away_out = strike_away.select_positive(a.sub(c), b.sub(d));
            let toward_in = strike_away.select_positive(b.sub(c).add(d), a);
            let toward_out = strike_away.select_positive(a.sub(b).add(c).sub(d), zero);
            let knock_in = pays_away.select_positive(away_in, toward_in).add(e);
            let knock_out = pays_away.select_positive(away_out, toward_out).add(f);
            // What should be 0 may come out some units of the last place below.
            effect.select_positive(knock_in, knock_out).max(zero)
        }
    }
}

/// exp(`power`) Φ(x), also where the first is beyond the range of a double and the second below it.
#[inline(always)]
unsafe fn weighted<V: Doubles>(power: V, x: V) -> V {
    // SAFETY: the caller has the instructions of `V`.
    unsafe {
        let is_high = x.sub(V::splat(1.0));
        let ratio = mills_ratio(is_high.select_positive(x, V::splat(0.0).sub(x)));
        let bell = math::exp(power.sub(x.mul(x).mul(V::splat(0.5)))).mul(V::splat(BELL_SCALE));
        let tail = bell.mul(ratio);
        is_high.select_positive(math::exp(power).sub(tail), tail)
    }
}
