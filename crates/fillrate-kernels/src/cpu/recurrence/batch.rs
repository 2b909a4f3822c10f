//! Recursive averages over a whole series, tile by tile in the first-level cache.

#![allow(unsafe_code, reason = "lane operations gated by the tier, over checked bounds")]

use super::source::Source;
use super::{Factors, STEPS};
use crate::cpu::dispatch::Kernel;
use crate::cpu::doubles::Doubles;
use crate::cpu::lanes::Lanes;
use crate::cpu::window::finish::Finish;

/// The values of a tile, a multiple of [`STEPS`].
const TILE: usize = 1024;
/// Before the first value of a tile lie the terms that its sums of eight reach back to.
const BEFORE: usize = STEPS - 1;
/// A vector may be loaded or stored up to so far past the end of a tile.
const SLACK: usize = STEPS;

/// `K` averages, seeded at one place, and what is made of them.
pub(super) struct Batch<'a, S, F, const K: usize> {
    pub(super) source: &'a S,
    pub(super) factors: [Factors; K],
    pub(super) seeds: [f64; K],
    pub(super) seed_at: usize,
    pub(super) finish: F,
    pub(super) out: &'a mut [f64],
    /// Set to `false` if a term was not finite.
    pub(super) flag: &'a mut bool,
}

impl<S: Source<K>, F: Finish<K, 1>, const K: usize> Kernel for Batch<'_, S, F, K> {
    #[inline(always)]
    unsafe fn run<L: Lanes>(mut self) {
        let start = self.seed_at + STEPS;
        let len = self.out.len();
        // SAFETY: the source has `len` places and the seed is one of them; `L` is available.
        unsafe {
            let mut last = self.first_steps();
            let mut terms = [[0.0; BEFORE + TILE + SLACK]; K];
            let mut sums = [[0.0; BEFORE + TILE + SLACK]; K];
            let mut at = start;
            while at < len {
                let count = TILE.min(len - at);
                self.take::<L::Doubles>(at - BEFORE, BEFORE + count, &mut terms);
                for k in 0..K {
                    let Factors { beta, beta_2, beta_4, .. } = self.factors[k];
                    let end = BEFORE + count;
                    double::<L::Doubles>(&terms[k], &mut sums[k], 1..end, 1, beta);
                    double::<L::Doubles>(&sums[k], &mut terms[k], 3..end, 2, beta_2);
                    double::<L::Doubles>(&terms[k], &mut sums[k], BEFORE..end, 4, beta_4);
                }
                self.step::<L::Doubles>(at, count, &sums, &mut last);
                at += count;
            }
            *self.flag &= last.iter().flatten().all(|y| y.is_finite());
        }
    }
}

impl<S: Source<K>, F: Finish<K, 1>, const K: usize> Batch<'_, S, F, K> {
    /// The seed and the seven values after it, one by one; those past the end are 0.
    unsafe fn first_steps(&mut self) -> [[f64; STEPS]; K] {
        let mut first = [[0.0; STEPS]; K];
        let mut y = self.seeds;
        let places = self.seed_at..self.out.len().min(self.seed_at + STEPS);
        for (step, at) in places.enumerate() {
            if step > 0 {
                let terms = self.source.term(at);
                for k in 0..K {
                    let Factors { alpha, beta, .. } = self.factors[k];
                    y[k] = beta * y[k] + alpha * terms[k];
                }
            }
            // SAFETY: one lane.
            self.out[at] = unsafe { self.finish.finish(y, 0.0)[0] };
            for (values, y) in first.iter_mut().zip(y) {
                values[step] = y;
            }
        }
        first
    }

    /// Writes α times the terms at `at..at + count`.
    #[inline(always)]
    unsafe fn take<V: Doubles>(
        &self,
        at: usize,
        count: usize,
        terms: &mut [[f64; BEFORE + TILE + SLACK]; K],
    ) {
        let whole = count / V::LANES * V::LANES;
        // SAFETY: places of the source; a tile's array is long enough.
        unsafe {
            for i in (0..whole).step_by(V::LANES) {
                let values = self.source.terms::<V>(at + i);
                for k in 0..K {
                    let term = values[k].mul(V::splat(self.factors[k].alpha));
                    term.store(terms[k].as_mut_ptr().add(i));
                }
            }
        }
        for rest in at + whole..at + count {
            let values = self.source.term(rest);
            for k in 0..K {
                terms[k][rest - at] = values[k] * self.factors[k].alpha;
            }
        }
    }

    /// Takes eight steps at once through the tile whose sums of eight terms are `sums`.
    #[inline(always)]
    unsafe fn step<V: Doubles>(
        &mut self,
        at: usize,
        count: usize,
        sums: &[[f64; BEFORE + TILE + SLACK]; K],
        last: &mut [[f64; STEPS]; K],
    ) {
        const { assert!(V::LANES == STEPS) };
        let out = &mut self.out[at..at + count];
        // SAFETY: whole vectors of the tile's sums, which have `SLACK` values more; the output has
        // `count` values.
        unsafe {
            let zero = V::splat(0.0);
            let mut y = [zero; K];
            for k in 0..K {
                y[k] = V::load(last[k].as_ptr());
            }
            for i in (0..count).step_by(STEPS) {
                for k in 0..K {
                    let sum = V::load(sums[k].as_ptr().add(BEFORE + i));
                    y[k] = sum.add(y[k].mul(V::splat(self.factors[k].beta_8)));
                }
                let value = self.finish.finish(y, zero)[0];
                if i + STEPS <= count {
                    value.store(out.as_mut_ptr().add(i));
                } else {
                    let mut rest = [0.0; STEPS];
                    value.store(rest.as_mut_ptr());
                    out[i..].copy_from_slice(&rest[..count - i]);
                    for k in 0..K {
                        // What was computed past the end is nobody's.
                        y[k].store(last[k].as_mut_ptr());
                        last[k][count - i..].fill(0.0);
                    }
                    return;
                }
            }
            for k in 0..K {
                y[k].store(last[k].as_mut_ptr());
            }
        }
    }
}

/// Sums of twice as many terms: `to[i] = from[i] + factor * from[i - reach]`.
#[inline(always)]
unsafe fn double<V: Doubles>(
    from: &[f64],
    to: &mut [f64],
    places: std::ops::Range<usize>,
    reach: usize,
    factor: f64,
) {
    assert!(places.start >= reach && places.end + SLACK <= from.len() && from.len() == to.len());
    // SAFETY: both arrays have `SLACK` values past the last place.
    unsafe {
        let factor = V::splat(factor);
        for i in places.step_by(V::LANES) {
            let older = V::load(from.as_ptr().add(i - reach));
            let newer = V::load(from.as_ptr().add(i));
            newer.add(older.mul(factor)).store(to.as_mut_ptr().add(i));
        }
    }
}
