//! Recursive averages over a whole series, a vector at a time in registers.

#![allow(unsafe_code, reason = "lane operations gated by the tier, over checked bounds")]

use super::source::Source;
use super::{Factors, STEPS};
use crate::cpu::dispatch::Kernel;
use crate::cpu::doubles::{Delay, Doubles};
use crate::cpu::lanes::Lanes;
use crate::cpu::prefetch::{DOUBLES_AHEAD, prefetch};
use crate::cpu::window::finish::Finish;

/// `K` averages, seeded at one place, and what is made of them.
pub(super) struct Batch<'a, S, F, const K: usize, const O: usize> {
    pub(super) source: &'a S,
    pub(super) factors: [Factors; K],
    pub(super) seeds: [f64; K],
    pub(super) seed_at: usize,
    pub(super) finish: F,
    pub(super) out: [&'a mut [f64]; O],
    /// Set to `false` if a term was not finite.
    pub(super) flag: &'a mut bool,
}

impl<S: Source<K>, F: Finish<K, O>, const K: usize, const O: usize> Kernel
    for Batch<'_, S, F, K, O>
{
    #[inline(always)]
    unsafe fn run<L: Lanes>(mut self) {
        let len = self.out[0].len();
        let start = self.seed_at + STEPS;
        let first = self.first_steps();
        // SAFETY: the source has `len` places, as each output has; `L` is available.
        let last = unsafe { if start < len { self.steps::<L::Doubles>(first) } else { first } };
        *self.flag &= last.iter().flatten().all(|y| y.is_finite());
    }
}

impl<S: Source<K>, F: Finish<K, O>, const K: usize, const O: usize> Batch<'_, S, F, K, O> {
    /// The seed and the seven values after it, one by one; those past the end are 0.
    fn first_steps(&mut self) -> [[f64; STEPS]; K] {
        let mut first = [[0.0; STEPS]; K];
        let mut y = self.seeds;
        let places = self.seed_at..self.out[0].len().min(self.seed_at + STEPS);
        for (step, at) in places.enumerate() {
            let terms = self.source.term(at);
            if step > 0 {
                for k in 0..K {
                    let Factors { alpha, beta, .. } = self.factors[k];
                    y[k] = beta * y[k] + alpha * terms[k];
                }
            }
            // SAFETY: one lane.
            let outputs = unsafe { self.finish.finish(y, terms[0]) };
            for (out, value) in self.out.iter_mut().zip(outputs) {
                out[at] = value;
            }
            for (values, y) in first.iter_mut().zip(y) {
                values[step] = y;
            }
        }
        first
    }

    /// Everything after the `first` eight values, eight steps at once; the last eight values, in
    /// which a term that was not finite has left its trace.
    #[inline(always)]
    unsafe fn steps<V: Delay>(&mut self, first: [[f64; STEPS]; K]) -> [[f64; STEPS]; K] {
        const { assert!(V::LANES == STEPS) };
        let (len, start) = (self.out[0].len(), self.seed_at + STEPS);
        let whole = start + (len - start) / STEPS * STEPS;
        let to = self.out.each_mut().map(|out| out.as_mut_ptr());
        // SAFETY: the places are the source's and the outputs'; the rest has arrays of its own.
        unsafe {
            let mut sums = Sums::new(self.source.terms::<V>(self.seed_at), self.factors);
            let mut y = [V::splat(0.0); K];
            for k in 0..K {
                y[k] = V::load(first[k].as_ptr());
            }
            for at in (start..whole).step_by(STEPS) {
                self.source.prefetch(at + DOUBLES_AHEAD);
                let terms = self.source.terms::<V>(at);
                y = sums.step(terms, y);
                let outputs = self.finish.finish(y, terms[0]);
                for o in 0..O {
                    prefetch(to[o].wrapping_add(at + DOUBLES_AHEAD));
                    outputs[o].store(to[o].add(at));
                }
            }
            if whole < len {
                let terms = self.rest(whole);
                y = sums.step(terms, y);
                let outputs = self.finish.finish(y, terms[0]);
                for (out, value) in self.out.iter_mut().zip(outputs) {
                    let mut rest = [0.0; STEPS];
                    value.store(rest.as_mut_ptr());
                    out[whole..].copy_from_slice(&rest[..len - whole]);
                }
            }
            let mut last = first;
            for k in 0..K {
                y[k].store(last[k].as_mut_ptr());
            }
            last
        }
    }

    /// The terms from `at` to the end, fewer than eight, and then zeros.
    #[inline(always)]
    unsafe fn rest<V: Doubles>(&self, at: usize) -> [V; K] {
        let mut rest = [[0.0; STEPS]; K];
        for (i, place) in (at..self.out[0].len()).enumerate() {
            let terms = self.source.term(place);
            for k in 0..K {
                rest[k][i] = terms[k];
            }
        }
        // SAFETY: arrays of a vector's length.
        unsafe {
            let mut terms = [V::splat(0.0); K];
            for k in 0..K {
                terms[k] = V::load(rest[k].as_ptr());
            }
            terms
        }
    }
}

/// The sums of one, two and four weighted terms that end in the last eight places.
struct Sums<V, const K: usize> {
    factors: [Factors; K],
    one: [V; K],
    two: [V; K],
    four: [V; K],
}

// SAFETY (of both blocks below): the caller has the instructions of `V`.
impl<V: Delay, const K: usize> Sums<V, K> {
    /// The sums of eight terms; those that reach farther back are nobody's.
    #[inline(always)]
    unsafe fn new(terms: [V; K], factors: [Factors; K]) -> Self {
        // SAFETY: see above.
        unsafe {
            let zeros = [V::splat(0.0); K];
            let mut sums = Self { factors, one: zeros, two: zeros, four: zeros };
            sums.step(terms, zeros);
            sums
        }
    }

    /// Takes the next eight terms: from the averages `y` to those eight places later.
    #[inline(always)]
    unsafe fn step(&mut self, terms: [V; K], mut y: [V; K]) -> [V; K] {
        // SAFETY: see above.
        unsafe {
            for k in 0..K {
                let Factors { alpha, beta, beta_2, beta_4, beta_8 } = self.factors[k];
                let one = terms[k].mul(V::splat(alpha));
                let two = one.add(one.delayed::<1>(self.one[k]).mul(V::splat(beta)));
                let four = two.add(two.delayed::<2>(self.two[k]).mul(V::splat(beta_2)));
                let eight = four.add(four.delayed::<4>(self.four[k]).mul(V::splat(beta_4)));
                y[k] = eight.add(y[k].mul(V::splat(beta_8)));
                (self.one[k], self.two[k], self.four[k]) = (one, two, four);
            }
        }
        y
    }
}
