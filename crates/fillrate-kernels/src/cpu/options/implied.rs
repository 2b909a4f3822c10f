//! The volatility that a price of a European option implies, of whole columns.
//!
//! A quote comes to two numbers: the distance of spot and strike |x| = |ln F/K|, and the worth of the option
//! out of the money over the least that bounds it from above, p, or what is left to that bound, q = 1 − p.
//! With the deviation s = σ√T, h = |x|/s, t = s/2, z₁ = t − h, z₂ = −t − h and Mills' ratio R, p and q are
//!
//! ```text
//! p = φ(z₁) (R(−z₁) − R(−z₂)),    q = φ(z₁) (R(z₁) + R(−z₂)).
//! ```
//!
//! The less of the two is solved for, by its logarithm, in which a price of 10⁻³⁰⁰ is as good as any: its
//! derivatives by s take nothing but the bracket, D, and rational functions of h and t. A first guess is within
//! a quarter of s everywhere; one of Householder's steps of third order leaves 2·10⁻⁴ of it, a second one the
//! rounding. No lane takes another way than its neighbours do.
//!
//! Source: Jäckel, "Let's be rational" (2015), for the problem's parts and the order of its steps; the guess and
//! the ways to the bracket are our own.

#![allow(unsafe_code, reason = "lane operations gated by the tier, over checked bounds")]

use super::{Columns, check};
use crate::cpu::dispatch::{Kernel, dispatch_doubles};
use crate::cpu::doubles::{Doubles, Twice, math, mills_ratio};
use crate::cpu::lanes::Lanes;
use crate::{Cpu, Result};

/// The prices of many European options and their terms, each column of shape `[options]`.
#[derive(Clone, Copy, Debug)]
pub struct QuoteColumns<'a> {
    /// The price of the option.
    pub price: &'a [f64],
    /// The price of the underlying, above 0.
    pub spot: &'a [f64],
    /// The strike, above 0.
    pub strike: &'a [f64],
    /// The continuous rate per year.
    pub rate: &'a [f64],
    /// The continuous dividend yield per year.
    pub dividend: &'a [f64],
    /// The time to expiry in years, above 0.
    pub expiry: &'a [f64],
    /// 1 for a call, −1 for a put.
    pub sign: &'a [f64],
}

impl<'a> QuoteColumns<'a> {
    fn columns(&self) -> Columns<'a> {
        [self.price, self.spot, self.strike, self.rate, self.dividend, self.expiry, self.sign]
    }
}

impl Cpu {
    /// The volatilities that prices imply, shape `[options]`: right to a few units of the last place as far as
    /// the price decides them, which is to say that prices and terms a few units away have them.
    ///
    /// A price at its lower bound, the discounted intrinsic value, implies 0. NaN is the answer for one below
    /// it, or not below the upper bound: the discounted spot of a call, the discounted strike of a put.
    ///
    /// # Errors
    ///
    /// If a column or the output has another length than the rest.
    pub fn implied_vol(&self, quotes: &QuoteColumns<'_>, vol: &mut [f64]) -> Result<()> {
        let columns = quotes.columns();
        check("implied_vol", columns, &[], &[&*vol])?;
        dispatch_doubles(self.tier(), ImpliedVol { columns, vol });
        Ok(())
    }
}

struct ImpliedVol<'a> {
    columns: Columns<'a>,
    vol: &'a mut [f64],
}

impl Kernel for ImpliedVol<'_> {
    #[inline(always)]
    unsafe fn run<L: Lanes>(mut self) {
        // SAFETY: all columns have as many values as the output, as was checked; `L` is available.
        unsafe {
            let mut at = 0;
            if L::Doubles::IS_ONE_OF_MANY {
                at = self.all::<Twice<L::Doubles>>(at);
            }
            at = self.all::<L::Doubles>(at);
            self.all::<f64>(at);
        }
    }
}

impl ImpliedVol<'_> {
    /// As many whole vectors as there are from `at` on; returns where they end.
    #[inline(always)]
    unsafe fn all<V: Doubles>(&mut self, mut at: usize) -> usize {
        // SAFETY: as for `run`.
        unsafe {
            while at + V::LANES <= self.vol.len() {
                let mut quote = [V::splat(0.0); 7];
                for (value, column) in quote.iter_mut().zip(self.columns) {
                    *value = V::load(column.as_ptr().add(at));
                }
                implied_vol(quote).store(self.vol.as_mut_ptr().add(at));
                at += V::LANES;
            }
        }
        at
    }
}

/// Of price, spot, strike, rate, yield, expiry and sign.
#[inline(always)]
unsafe fn implied_vol<V: Doubles>(
    [price, spot, strike, rate, dividend, expiry, sign]: [V; 7],
) -> V {
    // SAFETY: the caller has the instructions of `V`.
    unsafe {
        let (zero, nan) = (V::splat(0.0), V::splat(f64::NAN));
        let spot_now = spot.mul(math::exp(zero.sub(dividend.mul(expiry))));
        let strike_now = strike.mul(math::exp(zero.sub(rate.mul(expiry))));
        let ratio = spot.div(strike);
        let x = math::ln(ratio).add(rate.sub(dividend).mul(expiry));
        let lowest = sign.mul(spot_now.sub(strike_now)).max(zero);
        let highest = sign.select_positive(spot_now, strike_now);
        let time_value = price.sub(lowest);
        let room = highest.sub(price);
        let quote = Quote::of(x, time_value, room, spot_now.min(strike_now));
        let mut deviation = quote.guess();
        for _ in 0..STEPS {
            deviation = quote.step(deviation);
        }
        let vol = deviation.div(expiry.sqrt());
        // At its lower bound a price implies 0; beyond the bounds, nothing, and so do terms whose
        // logarithm is none.
        let vol =
            time_value.select_positive(vol, zero.sub(time_value).select_positive(nan, time_value));
        let vol = room.select_positive(vol, nan);
        let vol = ratio.sub(V::splat(f64::MIN_POSITIVE)).select_positive(vol, nan);
        V::splat(f64::MAX).sub(ratio).select_positive(vol, nan)
    }
}

/// Householder's steps: the guess is a quarter of the deviation away, each step takes that to less than its
/// fourth power.
const STEPS: usize = 2;
/// √2π
const ROOT_TAU: f64 = 2.506_628_274_631_000_2;
/// 1 / √2π
const BELL_SCALE: f64 = 0.398_942_280_401_432_7;
/// 2⁶⁴ and its logarithm: by so much prices too small for a double are larger.
const SCALE: [f64; 2] = [18_446_744_073_709_551_616.0, 44.361_419_555_836_5];

/// What a quote comes to.
#[derive(Clone, Copy)]
struct Quote<V> {
    /// |x|.
    distance: V,
    /// Above 0 where q is solved for, else p.
    is_upper: V,
    /// p or q; a tiny p is 2⁶⁴ times as large.
    part: V,
    /// The logarithm of what `part` is too large by.
    part_shift: V,
    /// p or q, with p not less than 10⁻³⁰⁵.
    guess_part: V,
}

impl<V: Doubles> Quote<V> {
    #[inline(always)]
    unsafe fn of(x: V, time_value: V, room: V, scale: V) -> Self {
        // SAFETY: the caller has the instructions of `V`.
        unsafe {
            let (zero, one) = (V::splat(0.0), V::splat(1.0));
            let distance = x.max(zero.sub(x));
            let is_upper = scale.mul(V::splat(0.5)).sub(room);
            let is_tiny = scale.mul(V::splat(1e-290)).sub(time_value);
            let enlarged = is_tiny.select_positive(time_value.mul(V::splat(SCALE[0])), time_value);
            let part = is_upper.select_positive(room, enlarged).div(scale);
            // Of an option deep in the money p and q may both be wrong by more than they have: then
            // neither means much, and what is found has to be a number.
            let part = part.min(V::splat(0.6));
            let part_shift = is_tiny.select_positive(V::splat(SCALE[1]), zero);
            let part_shift = is_upper.select_positive(zero, part_shift);
            let shrink = part_shift.select_positive(V::splat(1.0 / SCALE[0]), one);
            let guess_part = part.mul(shrink).max(V::splat(1e-305));
            Self { distance, is_upper, part, part_shift, guess_part }
        }
    }

    /// A deviation that is wrong by a quarter at most.
    ///
    /// At s = √2|x|, z₁ is 0 and p is known. Above, z₁ is taken to be where 2Φ(−z₁) is q over its value there,
    /// as it is for |x| → 0 and for |x| → ∞. Below, −z₁ is taken to be √2 ln w, or w where that is small, with
    /// p's value there over p as w, which is less the nearer |x| is to 0.
    #[inline(always)]
    unsafe fn guess(&self) -> V {
        // SAFETY: the caller has the instructions of `V`.
        unsafe {
            let (zero, one, half) = (V::splat(0.0), V::splat(1.0), V::splat(0.5));
            let part = self.guess_part;
            let double = self.distance.add(self.distance);
            let middle = double.sqrt();
            let drop = mills_ratio(zero).sub(mills_ratio(middle));
            let small = middle.mul(one.sub(middle.mul(V::splat(0.626_657_068_657_750_1))));
            let drop = middle.sub(V::splat(1e-4)).select_positive(drop, small);
            let middle_part = drop.mul(V::splat(BELL_SCALE));
            let is_upper = self.is_upper;
            let is_below = is_upper.select_positive(zero, middle_part.sub(part));

            let half_middle = middle.mul(half);
            let beyond = is_upper.select_positive(part, part.sub(middle_part));
            let numerator = middle_part.sub(part).mul(half_middle);
            let numerator = is_below.select_positive(numerator, beyond);
            let denominator = part.mul(one.add(half_middle));
            let denominator = is_below.select_positive(denominator, one.sub(middle_part));
            let w = numerator.div(denominator);
            // ln (1 + w) below; above that of (2Φ(−z₁)) (2 − 2Φ(−z₁)), whose second factor is 1 + erf.
            let other = one.sub(w);
            let error = is_upper.select_positive(other, w);
            let rest = is_upper.select_positive(w, other);
            let argument = is_below.select_positive(one.add(w), rest.mul(one.add(error)));
            let first = is_below.select_positive(w, zero.sub(error.mul(error)));
            let reach = is_below.select_positive(w, error);
            let log = reach.sub(V::splat(1e-4)).select_positive(math::ln(argument), first);

            // The inverse of erf. Source: Winitzki, "A handy approximation for the error function and its
            // inverse" (2008), with a = 0.147.
            let turned = V::splat(-1.0 / 0.147).mul(log);
            let centre = V::splat(4.330_746_750_799_873).add(log.mul(half));
            let root = centre.mul(centre).add(turned).max(zero).sqrt();
            let numerator = is_below.select_positive(log.mul(log), turned.add(turned));
            let denominator = is_below.select_positive(one.add(log.mul(half)), root.add(centre));
            let square = numerator.div(denominator).max(zero);
            let z = square.sqrt();
            let sum = z.add(square.add(double).sqrt());
            is_below.select_positive(double.div(sum), sum)
        }
    }

    /// The bracket D and its sign as a derivative's: p's as it is, q's below 0.
    ///
    /// Where s and |x| are small the difference of two ratios is one of numbers that are nearly equal. It is
    /// then the sum of the odd terms of Taylor's series around h, 2 Σ tⁿ/n! dⁿΦ/φ(−h); the terms follow from the
    /// two before each.
    #[inline(always)]
    unsafe fn bracket(&self, h: V, t: V) -> V {
        // SAFETY: the caller has the instructions of `V`.
        unsafe {
            let (zero, one) = (V::splat(0.0), V::splat(1.0));
            let lower = t.sub(h);
            let is_far = t.sub(V::splat(0.3)).max(self.distance.sub(V::splat(1.5)));
            let is_far = self.is_upper.select_positive(one, is_far);
            let first = self.is_upper.select_positive(lower, zero.sub(lower));
            let first = mills_ratio(is_far.select_positive(first, h));
            let second = mills_ratio(t.add(h));
            let (half_distance, square) = (self.distance.mul(V::splat(0.5)), t.mul(t));
            let (mut before, mut term) = (first, t.mul(one.sub(h.mul(first))));
            let mut sum = term;
            for order in 2..SERIES_END {
                let next = square.mul(before).sub(half_distance.mul(term));
                (before, term) = (term, next.mul(V::splat(1.0 / f64::from(order))));
                if order % 2 == 1 {
                    sum = sum.add(term);
                }
            }
            let difference = is_far.select_positive(first.sub(second), sum.add(sum));
            self.is_upper.select_positive(zero.sub(first.add(second)), difference)
        }
    }

    /// One of Householder's steps of third order towards ln p, or ln q.
    #[inline(always)]
    unsafe fn step(&self, s: V) -> V {
        // SAFETY: the caller has the instructions of `V`.
        unsafe {
            let (zero, half) = (V::splat(0.0), V::splat(0.5));
            let (h, t) = (self.distance.div(s), s.mul(half));
            let lower = t.sub(h);
            let bracket = self.bracket(h, t);
            let size = bracket.max(zero.sub(bracket));
            let log = math::ln(self.part.mul(V::splat(ROOT_TAU)).div(size)).sub(self.part_shift);
            let missing = log.add(lower.mul(lower).mul(half));
            // With f = ln p: s f' = s / D = n, and from d ln p' / ds = (h² − t²) / s the derivatives beyond, each
            // times its power of s and over n.
            let n = s.div(bracket);
            let newton = missing.div(n);
            let curve = lower.mul(zero.sub(h.add(t)));
            let square_sum = h.mul(h).mul(V::splat(3.0)).add(t.mul(t));
            let second = curve.sub(n);
            let third = n.add(n).sub(curve.mul(V::splat(3.0))).mul(n);
            let third = third.add(curve.mul(curve)).sub(square_sum);
            let bend = newton.mul(third).mul(V::splat(1.0 / 6.0)).add(second).mul(newton);
            let one = V::splat(1.0);
            let numerator = newton.mul(one.add(newton.mul(second).mul(half)));
            let change = numerator.div(one.add(bend));
            s.add(s.mul(change))
        }
    }
}

/// Where the bracket's series ends: at t = 0.3 the next odd term is 10⁻¹⁶ of the sum.
const SERIES_END: u32 = 16;
