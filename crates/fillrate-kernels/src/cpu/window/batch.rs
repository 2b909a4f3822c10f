//! Windows over a whole series, tile by tile in the first-level cache.

#![allow(unsafe_code, reason = "lane operations gated by the tier, over checked bounds")]

use std::marker::PhantomData;

use super::aggregate::{Aggregate, Sizes};
use super::finish::Finish;
use crate::cpu::dispatch::Kernel;
use crate::cpu::doubles::Doubles;
use crate::cpu::lanes::Lanes;

/// The outputs of a tile: seven arrays of so many doubles stay within 32 KiB.
const TILE: usize = 512;
/// A tile is at least so many windows long: each begins with a window's worth of work.
const TILE_WINDOWS: usize = 4;
/// A vector may be loaded or stored up to so far past the end of an array of the scratch.
const SLACK: usize = 8;

/// One op over one series.
pub(super) struct Batch<'a, A, F, const K: usize, const O: usize> {
    x: &'a [f64],
    bars: usize,
    finish: F,
    out: [&'a mut [f64]; O],
    is_finite: &'a mut bool,
    of: PhantomData<A>,
}

impl<'a, A: Aggregate<K>, F: Finish<K, O>, const K: usize, const O: usize> Batch<'a, A, F, K, O> {
    pub(super) fn new(
        x: &'a [f64],
        bars: usize,
        finish: F,
        out: [&'a mut [f64]; O],
        is_finite: &'a mut bool,
    ) -> Self {
        Self { x, bars, finish, out, is_finite, of: PhantomData }
    }
}

impl<A: Aggregate<K>, F: Finish<K, O>, const K: usize, const O: usize> Kernel
    for Batch<'_, A, F, K, O>
{
    #[inline(always)]
    unsafe fn run<L: Lanes>(mut self) {
        let before = self.bars - 1;
        let tile = TILE.max(TILE_WINDOWS * self.bars).min(self.x.len());
        let mut scratch = Scratch::<K>::new(tile + before);
        let mut start = before;
        while start < self.x.len() {
            let end = (start + tile).min(self.x.len());
            // SAFETY: the scratch holds a tile with the values before it; `L` is available by the
            // trait's contract.
            unsafe {
                if !scratch.take::<A, L::Doubles>(&self.x[start - before..end]) {
                    *self.is_finite = false;
                    return;
                }
                scratch.windows::<A, F, L::Doubles, O>(
                    self.bars,
                    self.finish,
                    &mut self.out,
                    start,
                );
            }
            start = end;
        }
    }
}

/// A tile's values and the windows that end at each of them.
struct Scratch<const K: usize> {
    x: Vec<f64>,
    /// The windows of 1, 2, 4, … values.
    level: [Vec<f64>; K],
    /// Room for the next level.
    next: [Vec<f64>; K],
    /// The newest values of the window asked for, as many as the digits looked at so far say.
    newest: [Vec<f64>; K],
    len: usize,
}

impl<const K: usize> Scratch<K> {
    fn new(len: usize) -> Self {
        let planes = || std::array::from_fn(|_| vec![0.0; len + SLACK]);
        Self { x: vec![0.0; len + SLACK], level: planes(), next: planes(), newest: planes(), len }
    }

    /// Copies the values of a tile; whether all are finite.
    #[inline(always)]
    unsafe fn take<A: Aggregate<K>, V: Doubles>(&mut self, x: &[f64]) -> bool {
        assert!(x.len() + SLACK <= self.x.len());
        self.len = x.len();
        let whole = x.len() / V::LANES * V::LANES;
        // SAFETY: whole vectors within `x`, and the scratch is no shorter; `V` is available.
        unsafe {
            let mut differences = V::splat(0.0);
            for at in (0..whole).step_by(V::LANES) {
                let values = V::load(x.as_ptr().add(at));
                // Not zero, but NaN, for an infinity or a NaN.
                differences = differences.add(values.sub(values));
                values.store(self.x.as_mut_ptr().add(at));
                store(A::one(values), &mut self.level, at);
            }
            let mut is_finite = !differences.any_nan();
            for (at, value) in x.iter().enumerate().skip(whole) {
                is_finite &= value.is_finite();
                self.x[at] = *value;
                store(A::one(*value), &mut self.level, at);
            }
            is_finite
        }
    }

    /// Builds the windows of `bars` values and hands them on to `out`, from `start` on.
    #[inline(always)]
    unsafe fn windows<A: Aggregate<K>, F: Finish<K, O>, V: Doubles, const O: usize>(
        &mut self,
        bars: usize,
        finish: F,
        out: &mut [&mut [f64]; O],
        start: usize,
    ) {
        let mut size = 1;
        let mut taken = 0;
        // SAFETY: `V` is available; the arrays have `SLACK` values past `len`.
        unsafe {
            loop {
                let is_last = taken + size == bars;
                if is_last {
                    break self.hand_on::<A, F, V, O>(taken, size, finish, out, start);
                }
                if bars & size != 0 {
                    if taken == 0 {
                        self.copy_level::<V>(size - 1);
                    } else {
                        self.extend::<A, V>(taken, size);
                    }
                    taken += size;
                }
                self.double::<A, V>(size);
                size *= 2;
            }
        }
    }

    /// Windows of twice `size` values.
    #[inline(always)]
    unsafe fn double<A: Aggregate<K>, V: Doubles>(&mut self, size: usize) {
        let sizes = Sizes::new(size, size);
        // SAFETY: as for `windows`; no index is below `2 * size - 1 - size`.
        unsafe {
            for at in (2 * size - 1..self.len).step_by(V::LANES) {
                let newer = load::<V, K>(&self.level, at);
                let older = load::<V, K>(&self.level, at - size);
                let (x, x_older) = (self.value::<V>(at), self.value::<V>(at - size));
                store(A::join(newer, older, x, x_older, &sizes), &mut self.next, at);
            }
        }
        std::mem::swap(&mut self.level, &mut self.next);
    }

    /// Begins the window asked for with its newest `first + 1` values.
    #[inline(always)]
    unsafe fn copy_level<V: Doubles>(&mut self, first: usize) {
        for at in (first..self.len).step_by(V::LANES) {
            // SAFETY: as for `windows`.
            unsafe { store(load::<V, K>(&self.level, at), &mut self.newest, at) };
        }
    }

    /// Puts `size` values more before the newest `taken` ones.
    #[inline(always)]
    unsafe fn extend<A: Aggregate<K>, V: Doubles>(&mut self, taken: usize, size: usize) {
        let sizes = Sizes::new(taken, size);
        for at in (taken + size - 1..self.len).step_by(V::LANES) {
            // SAFETY: as for `windows`; no index is below `size - 1`.
            unsafe {
                let window = self.joined::<A, V>(at, taken, &sizes);
                store(window, &mut self.newest, at);
            }
        }
    }

    #[inline(always)]
    unsafe fn joined<A: Aggregate<K>, V: Doubles>(
        &self,
        at: usize,
        taken: usize,
        sizes: &Sizes,
    ) -> [V; K] {
        // SAFETY: as for `windows`.
        unsafe {
            let newer = load::<V, K>(&self.newest, at);
            let older = load::<V, K>(&self.level, at - taken);
            A::join(newer, older, self.value(at), self.value(at - taken), sizes)
        }
    }

    /// Makes the last join, if there is one, and writes the outputs: whole vectors, then the rest.
    #[inline(always)]
    unsafe fn hand_on<A: Aggregate<K>, F: Finish<K, O>, V: Doubles, const O: usize>(
        &self,
        taken: usize,
        size: usize,
        finish: F,
        out: &mut [&mut [f64]; O],
        start: usize,
    ) {
        let sizes = Sizes::new(taken, size);
        let first = taken + size - 1;
        let count = self.len - first;
        for out in out.iter() {
            assert!(start + count <= out.len());
        }
        let whole = count / V::LANES * V::LANES;
        // SAFETY: as for `windows`; the outputs are long enough, as was just checked.
        unsafe {
            for at in (0..whole).step_by(V::LANES) {
                let outputs = self.outputs::<A, F, V, O>(first + at, taken, &sizes, finish);
                for o in 0..O {
                    outputs[o].store(out[o].as_mut_ptr().add(start + at));
                }
            }
            for at in whole..count {
                let outputs = self.outputs::<A, F, f64, O>(first + at, taken, &sizes, finish);
                for o in 0..O {
                    out[o][start + at] = outputs[o];
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn outputs<A: Aggregate<K>, F: Finish<K, O>, V: Doubles, const O: usize>(
        &self,
        at: usize,
        taken: usize,
        sizes: &Sizes,
        finish: F,
    ) -> [V; O] {
        // SAFETY: as for `windows`.
        unsafe {
            let window = if taken == 0 {
                load::<V, K>(&self.level, at)
            } else {
                self.joined::<A, V>(at, taken, sizes)
            };
            finish.finish(window, self.value(at))
        }
    }

    #[inline(always)]
    unsafe fn value<V: Doubles>(&self, at: usize) -> V {
        debug_assert!(at + V::LANES <= self.x.len());
        // SAFETY: as for `windows`.
        unsafe { V::load(self.x.as_ptr().add(at)) }
    }
}

#[inline(always)]
unsafe fn load<V: Doubles, const K: usize>(planes: &[Vec<f64>; K], at: usize) -> [V; K] {
    // SAFETY: as for `Scratch::windows`.
    unsafe {
        let mut values = [V::splat(0.0); K];
        for k in 0..K {
            debug_assert!(at + V::LANES <= planes[k].len());
            values[k] = V::load(planes[k].as_ptr().add(at));
        }
        values
    }
}

#[inline(always)]
unsafe fn store<V: Doubles, const K: usize>(values: [V; K], planes: &mut [Vec<f64>; K], at: usize) {
    for k in 0..K {
        debug_assert!(at + V::LANES <= planes[k].len());
        // SAFETY: as for `Scratch::windows`.
        unsafe { values[k].store(planes[k].as_mut_ptr().add(at)) };
    }
}
