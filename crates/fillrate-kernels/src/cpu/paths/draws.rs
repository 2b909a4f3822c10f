//! Philox and the transformation of Box and Muller, a lane per path.

#![allow(unsafe_code, reason = "lane operations gated by the tier")]

use crate::cpu::doubles::{Doubles, math};
use crate::cpu::words::Words;
use crate::philox::{MULTIPLIERS, ROUNDS, WEYL};

/// The random numbers of as many neighbouring paths as there are lanes.
///
/// A block of the generator has the numbers of two steps. That of path p, steps 2k and 2k + 1 and
/// stream s is `Philox::bits(p, k, s)`, on every tier and whichever paths are computed beside it.
#[derive(Clone, Copy)]
pub(super) struct Draws<V: Doubles> {
    key: [u32; 2],
    path: V::Words,
    /// 1, or −1 for the mirror images of the paths.
    sign: V,
}

// SAFETY (of every block below): the caller has the instructions of `V`.
impl<V: Doubles> Draws<V> {
    /// Those of the paths from `first` on, or of their mirror images.
    #[inline(always)]
    pub(super) unsafe fn new(key: [u32; 2], first: u64, mirrored: bool) -> Self {
        // SAFETY: see above.
        unsafe {
            let sign = V::splat(if mirrored { -1.0 } else { 1.0 });
            Self { key, path: V::Words::count_from(first), sign }
        }
    }

    /// Two numbers from 1 to below 2.
    #[inline(always)]
    unsafe fn fractions(&self, pair: u32, stream: u32) -> [V; 2] {
        // SAFETY: see above.
        unsafe {
            let first = V::Words::splat(u64::from(MULTIPLIERS[0]));
            let second = V::Words::splat(u64::from(MULTIPLIERS[1]));
            let (mut a, mut b) = (self.path, self.path.high());
            let mut c = V::Words::splat(u64::from(pair));
            let mut d = V::Words::splat(u64::from(stream));
            let mut key = self.key;
            for _ in 0..ROUNDS {
                let (p, q) = (first.multiply(a), second.multiply(c));
                a = q.high().xor(b).xor(V::Words::splat(u64::from(key[0])));
                b = q;
                c = p.high().xor(d).xor(V::Words::splat(u64::from(key[1])));
                d = p;
                key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
            }
            let bits = [V::Words::fraction(a, b), V::Words::fraction(c, d)];
            [V::from_bits(bits[0]), V::from_bits(bits[1])]
        }
    }

    /// Two independent numbers, uniform on the odd multiples of 2⁻⁵³ between 0 and 1: a mirror
    /// image has 1 less them.
    #[inline(always)]
    pub(super) unsafe fn uniforms(&self, pair: u32, stream: u32) -> [V; 2] {
        // SAFETY: see above.
        unsafe {
            let [u, v] = self.fractions(pair, stream);
            // 1 − 2⁻⁵³: what is taken from a multiple of 2⁻⁵² leaves an odd multiple of 2⁻⁵³.
            let below = V::splat(1.0 - f64::EPSILON / 2.0);
            let (u, v) = (u.sub(below), v.sub(below));
            let one = V::splat(1.0);
            [self.sign.select_positive(u, one.sub(u)), self.sign.select_positive(v, one.sub(v))]
        }
    }

    /// Two independent standard normal numbers; a mirror image has their opposites.
    #[inline(always)]
    pub(super) unsafe fn normals(&self, pair: u32, stream: u32) -> [V; 2] {
        // SAFETY: see above.
        unsafe {
            let [u, v] = self.fractions(pair, stream);
            let below = V::splat(1.0 - f64::EPSILON / 2.0);
            let radius = math::ln(u.sub(below)).mul(V::splat(-2.0)).sqrt().mul(self.sign);
            let [cos, sin] = math::cos_sin_turns(v.sub(below));
            [radius.mul(cos), radius.mul(sin)]
        }
    }
}
