//! Windows over a whole series.
//!
//! Short windows are joined in registers as the values come in. Longer ones are joined from those, tile
//! by tile in the first-level cache, by whole vectors that lie on cache lines.

#![allow(unsafe_code, reason = "lane operations gated by the tier, over checked bounds")]

use std::marker::PhantomData;
use std::ops::Range;

use super::aggregate::Aggregate;
use super::finish::Finish;
use super::first::{First, LANES};
use super::sizes::Sizes;
use crate::buffer::{Aligned, LINE_BYTES};
use crate::cpu::dispatch::Kernel;
use crate::cpu::doubles::{Delay, Doubles};
use crate::cpu::lanes::Lanes;

// A vector lies on a line.
const _: () = assert!(LANES * size_of::<f64>() == LINE_BYTES);

/// The outputs of a tile: five arrays of so many doubles stay within 32 KiB.
const TILE: usize = 512;
/// A tile is at least so many windows long: each begins with a window's worth of work.
const TILE_WINDOWS: usize = 4;

/// One op over one series.
pub(super) struct Batch<'a, A, F, const K: usize, const O: usize> {
    pub(super) x: &'a [f64],
    pub(super) bars: usize,
    pub(super) finish: F,
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

    /// The last place up to `at` whose output begins a cache line, if there is one.
    fn on_a_line(&self, at: usize) -> Option<usize> {
        at.checked_sub((at + LANES - self.before_a_line()) % LANES)
    }

    /// The number of values before the first whose output begins a cache line.
    pub(super) fn before_a_line(&self) -> usize {
        let address = self.out[0].as_ptr() as usize / size_of::<f64>();
        address.next_multiple_of(LANES) - address
    }

    /// Where the outputs of some places are written.
    pub(super) fn outputs(&mut self, places: Range<usize>) -> [*mut f64; O] {
        let mut to = [std::ptr::null_mut(); O];
        for (to, out) in to.iter_mut().zip(&mut self.out) {
            *to = out[places.clone()].as_mut_ptr();
        }
        to
    }

    /// Windows of [`First::LONGEST`] values and more; whether all values are finite.
    #[inline(always)]
    unsafe fn long<V: Delay>(&mut self) -> bool {
        let before = self.bars - 1;
        let tile = TILE.max(TILE_WINDOWS * self.bars).min(self.x.len());
        let mut scratch = Scratch::<A, K>::new(tile + before + LANES);
        let mut start = before;
        while start < self.x.len() {
            // Tiles end, and their scratch begins, where a line of the output does.
            let end = match self.x.len() - start {
                rest if rest <= tile => self.x.len(),
                _ => self.on_a_line(start + tile).unwrap_or(start + tile),
            };
            let begin = self.on_a_line(start - before).unwrap_or(0);
            let to = self.outputs(start..end);
            // SAFETY: the scratch holds a tile with the values before it, the outputs have the places
            // of the tile; the caller has the instructions of `V`.
            unsafe {
                if !scratch.take::<V>(&self.x[begin..end], self.bars) {
                    return false;
                }
                scratch.windows::<F, V, O>(self.bars, self.finish, to, start - begin);
            }
            start = end;
        }
        true
    }
}

impl<A: Aggregate<K>, F: Finish<K, O>, const K: usize, const O: usize> Kernel
    for Batch<'_, A, F, K, O>
{
    #[inline(always)]
    unsafe fn run<L: Lanes>(mut self) {
        if self.bars <= self.x.len() {
            // SAFETY: `L` is available.
            *self.is_finite = unsafe {
                if self.bars < First::<L::Doubles, A, K>::LONGEST {
                    self.short::<L::Doubles>()
                } else {
                    self.long::<L::Doubles>()
                }
            };
        }
        for out in self.out {
            out[..self.x.len().min(self.bars - 1)].fill(f64::NAN);
        }
    }
}

/// A tile's values and the windows that end at each of them. What an array holds before the first
/// place that has a whole window is nobody's.
struct Scratch<A, const K: usize> {
    x: Aligned<f64>,
    /// The windows of 8 or 32 values, and then of twice as many, and so on.
    level: [Aligned<f64>; K],
    /// The newest values of the window asked for, as many as the digits looked at so far say.
    newest: [Aligned<f64>; K],
    /// The values of the tile.
    len: usize,
    of: PhantomData<A>,
}

impl<A: Aggregate<K>, const K: usize> Scratch<A, K> {
    fn new(len: usize) -> Self {
        // A vector may be stored, or one lane short of it loaded, past the last value.
        let array = || Aligned::zeroed(len.next_multiple_of(LANES) + LANES);
        let planes = || std::array::from_fn(|_| array());
        Self { x: array(), level: planes(), newest: planes(), len, of: PhantomData }
    }

    /// Takes the values of a tile and joins windows of [`First::LONGEST`], and of as many as `bars` has beyond
    /// a multiple of that; whether all values are finite.
    #[inline(always)]
    unsafe fn take<V: Delay>(&mut self, x: &[f64], bars: usize) -> bool {
        const { assert!(V::LANES == LANES) };
        assert!(x.len() + LANES <= self.x.len());
        self.len = x.len();
        let newest = bars % First::<V, A, K>::LONGEST;
        let to_x = self.x.as_mut_ptr();
        let (to_level, to_newest) = (pointers_mut(&mut self.level), pointers_mut(&mut self.newest));
        // SAFETY: whole vectors within `x` or the rest's array; the scratch has one vector more than
        // `x`; `V` is available.
        unsafe {
            let mut first = First::<V, A, K>::new();
            for at in (0..x.len()).step_by(LANES) {
                if (LANES..x.len() - x.len() % LANES).contains(&at) {
                    first.push_from(x.as_ptr().add(at));
                } else {
                    let mut values = [0.0; LANES];
                    let count = LANES.min(x.len() - at);
                    values[..count].copy_from_slice(&x[at..at + count]);
                    first.push(V::load(values.as_ptr()));
                }
                if A::NEEDS_VALUES {
                    first.values().store(to_x.add(at));
                }
                store(first.longest(), to_level, at);
                if newest != 0 {
                    store(first.window(newest), to_newest, at);
                }
            }
            first.all_finite()
        }
    }

    /// Builds the windows of `bars` values and hands them on, those from place `first` on `to` the
    /// outputs.
    #[inline(always)]
    unsafe fn windows<F: Finish<K, O>, V: Delay, const O: usize>(
        &mut self,
        bars: usize,
        finish: F,
        to: [*mut f64; O],
        first: usize,
    ) {
        let mut size = First::<V, A, K>::LONGEST;
        let mut taken = bars % size;
        // SAFETY: `V` is available; the arrays have a vector past `len`.
        unsafe {
            while taken + size != bars {
                if bars & size != 0 {
                    if taken == 0 {
                        self.copy_level::<V>();
                    } else {
                        self.extend::<V>(taken, size);
                    }
                    taken += size;
                }
                self.double::<V>(size);
                size *= 2;
            }
            self.hand_on::<F, V, O>(taken, size, finish, to, first);
        }
    }

    /// Windows of twice `size` values, from the last to the first, each in the place of its newer
    /// half.
    #[inline(always)]
    unsafe fn double<V: Doubles>(&mut self, size: usize) {
        let sizes = Sizes::new(size, size);
        let (x, level) = (self.x.as_ptr(), pointers_mut(&mut self.level));
        let mut at = self.len.next_multiple_of(LANES);
        // SAFETY: as for `windows`; `size` is a multiple of a vector's lanes, and no index is below
        // `size - size`.
        unsafe {
            while at > size {
                at -= LANES;
                let newer = load::<V, K>(level.map(<*mut f64>::cast_const), at);
                let older = load::<V, K>(level.map(<*mut f64>::cast_const), at - size);
                let (x, x_older) = (V::load(x.add(at)), V::load(x.add(at - size)));
                store(A::join(newer, older, x, x_older, &sizes), level, at);
            }
        }
    }

    /// Begins the window asked for with those of the present level.
    #[inline(always)]
    unsafe fn copy_level<V: Doubles>(&mut self) {
        let (from, to) = (pointers(&self.level), pointers_mut(&mut self.newest));
        for at in (0..self.len).step_by(V::LANES) {
            // SAFETY: as for `windows`.
            unsafe { store(load::<V, K>(from, at), to, at) };
        }
    }

    /// Puts `size` values more before the newest `taken` ones.
    #[inline(always)]
    unsafe fn extend<V: Doubles>(&mut self, taken: usize, size: usize) {
        let join = Join::new(self, taken, size);
        let to = pointers_mut(&mut self.newest);
        for at in (taken.next_multiple_of(LANES)..self.len).step_by(V::LANES) {
            // SAFETY: as for `windows`; no index is below `taken - taken`.
            unsafe { store(join.window::<A, V>(at), to, at) };
        }
    }

    /// Makes the last join, of the newest `taken` values and `size` before them, and writes the
    /// outputs: whole vectors on cache lines, and one by one what is before and after.
    #[inline(always)]
    unsafe fn hand_on<F: Finish<K, O>, V: Doubles, const O: usize>(
        &self,
        taken: usize,
        size: usize,
        finish: F,
        to: [*mut f64; O],
        first: usize,
    ) {
        let join = Join::new(self, taken, size);
        let x = self.x.as_ptr();
        let count = self.len - first;
        let lead = (first.next_multiple_of(LANES) - first).min(count);
        let whole = lead + (count - lead) / LANES * LANES;
        // SAFETY: as for `windows`; the outputs have `count` places.
        unsafe {
            for at in (0..lead).chain(whole..count) {
                let outputs = finish.finish(join.window::<A, f64>(first + at), *x.add(first + at));
                for o in 0..O {
                    *to[o].add(at) = outputs[o];
                }
            }
            for at in (lead..whole).step_by(V::LANES) {
                let window = join.window::<A, V>(first + at);
                let outputs = finish.finish(window, V::load(x.add(first + at)));
                for o in 0..O {
                    outputs[o].store(to[o].add(at));
                }
            }
        }
    }
}

/// Windows of the newest `taken` values joined with those of the present level before them; `taken`
/// may be nothing.
struct Join<const K: usize> {
    x: *const f64,
    newest: [*const f64; K],
    level: [*const f64; K],
    taken: usize,
    sizes: Sizes,
}

impl<const K: usize> Join<K> {
    fn new<A>(scratch: &Scratch<A, K>, taken: usize, size: usize) -> Self {
        let (newest, level) = (pointers(&scratch.newest), pointers(&scratch.level));
        let sizes = Sizes::new(taken, size);
        Self { x: scratch.x.as_ptr(), newest, level, taken, sizes }
    }

    /// # Safety
    ///
    /// The scratch lives, it has the places from `at` on, and `at` is not below `taken`.
    #[inline(always)]
    unsafe fn window<A: Aggregate<K>, V: Doubles>(&self, at: usize) -> [V; K] {
        // SAFETY: the method's contract.
        unsafe {
            if self.taken == 0 {
                return load(self.level, at);
            }
            let newer = load(self.newest, at);
            let older_at = at - self.taken;
            let older = load(self.level, older_at);
            A::join(
                newer,
                older,
                V::load(self.x.add(at)),
                V::load(self.x.add(older_at)),
                &self.sizes,
            )
        }
    }
}

fn pointers<const K: usize>(planes: &[Aligned<f64>; K]) -> [*const f64; K] {
    let mut out = [std::ptr::null(); K];
    for (out, plane) in out.iter_mut().zip(planes) {
        *out = plane.as_ptr();
    }
    out
}

fn pointers_mut<const K: usize>(planes: &mut [Aligned<f64>; K]) -> [*mut f64; K] {
    let mut out = [std::ptr::null_mut(); K];
    for (out, plane) in out.iter_mut().zip(planes) {
        *out = plane.as_mut_ptr();
    }
    out
}

#[inline(always)]
unsafe fn load<V: Doubles, const K: usize>(planes: [*const f64; K], at: usize) -> [V; K] {
    // SAFETY: as for `Scratch::windows`.
    unsafe {
        let mut values = [V::splat(0.0); K];
        for k in 0..K {
            values[k] = V::load(planes[k].add(at));
        }
        values
    }
}

#[inline(always)]
unsafe fn store<V: Doubles, const K: usize>(values: [V; K], planes: [*mut f64; K], at: usize) {
    for k in 0..K {
        // SAFETY: as for `Scratch::windows`.
        unsafe { values[k].store(planes[k].add(at)) };
    }
}
