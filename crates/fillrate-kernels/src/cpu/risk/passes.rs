//! Sums over the returns of a series, 32 returns at a time.

#![allow(unsafe_code, reason = "lane operations gated by the tier, over checked bounds")]

use super::SUMS;
use crate::cpu::doubles::{Compare, Doubles};

/// The vectors that hold the sums.
const VECTORS: usize = SUMS / 8;

/// Sums, eight of them a vector.
type Sums<V> = [V; VECTORS];

/// What a pass over returns does with a row of them.
pub(super) trait Pass {
    /// # Safety
    ///
    /// There are 32 values; the processor has the instructions of the pass.
    unsafe fn take(&mut self, x: *const f64);
}

/// The same for returns and those of the benchmark.
pub(super) trait PassOfBoth {
    /// # Safety
    ///
    /// As for [`Pass::take`].
    unsafe fn take(&mut self, x: *const f64, y: *const f64);
}

/// A pass over all of `x`; what is missing in the last row is `beyond`, which must add nothing.
#[inline(always)]
pub(super) unsafe fn over<P: Pass>(x: &[f64], beyond: f64, pass: &mut P) {
    let (rows, rest) = x.as_chunks::<SUMS>();
    // SAFETY: rows have 32 values; the caller has the instructions.
    unsafe {
        for row in rows {
            pass.take(row.as_ptr());
        }
        if !rest.is_empty() {
            let mut last = [beyond; SUMS];
            last[..rest.len()].copy_from_slice(rest);
            pass.take(last.as_ptr());
        }
    }
}

/// A pass over pairs, of which those without a `y` add nothing.
#[inline(always)]
pub(super) unsafe fn over_both<P: PassOfBoth>(x: &[f64], y: &[f64], pass: &mut P) {
    let ((rows, rest), (others, other)) = (x.as_chunks::<SUMS>(), y.as_chunks::<SUMS>());
    // SAFETY: as for `over`.
    unsafe {
        for (x, y) in rows.iter().zip(others) {
            pass.take(x.as_ptr(), y.as_ptr());
        }
        if !rest.is_empty() {
            let (mut last, mut beside) = ([0.0; SUMS], [f64::NAN; SUMS]);
            last[..rest.len()].copy_from_slice(rest);
            beside[..other.len()].copy_from_slice(other);
            pass.take(last.as_ptr(), beside.as_ptr());
        }
    }
}

/// The sums added up: each with that half of them away, until there is one.
#[inline(always)]
pub(super) unsafe fn tree<V: Doubles>(sums: Sums<V>) -> f64 {
    // SAFETY: the caller has the instructions of `V`, which has eight lanes.
    unsafe {
        let mut x = [0.0; 8];
        sums[0].add(sums[2]).add(sums[1].add(sums[3])).store(x.as_mut_ptr());
        let x = [x[0] + x[4], x[1] + x[5], x[2] + x[6], x[3] + x[7]];
        (x[0] + x[2]) + (x[1] + x[3])
    }
}

/// The sums added up likewise, of which the last is the newest: one that is n places before it has aged by
/// the n-th of the powers.
#[inline(always)]
unsafe fn aged_tree<V: Doubles>(sums: Sums<V>, decays: &[f64; 6]) -> f64 {
    let [one, two, four, eight, sixteen, _] = *decays;
    // SAFETY: as for `tree`.
    unsafe {
        let (eight, sixteen) = (V::splat(eight), V::splat(sixteen));
        let older = sums[0].mul(sixteen).add(sums[2]);
        let newer = sums[1].mul(sixteen).add(sums[3]);
        let mut x = [0.0; 8];
        older.mul(eight).add(newer).store(x.as_mut_ptr());
        let x = [x[0] * four + x[4], x[1] * four + x[5], x[2] * four + x[6], x[3] * four + x[7]];
        (x[0] * two + x[2]) * one + (x[1] * two + x[3])
    }
}

/// Sums and exponential sums of squares; what is missing is 0.
pub(super) struct Totals<V> {
    /// What the squares of a row lose until the next.
    row: V,
    total: Sums<V>,
    decayed: Sums<V>,
}

impl<V: Doubles> Totals<V> {
    /// `seed` is what the first return's sum of squares begins with.
    #[inline(always)]
    pub(super) unsafe fn new(decays: &[f64; 6], seed: f64) -> Self {
        let mut first = [0.0; 8];
        first[0] = seed;
        // SAFETY: the caller has the instructions of `V`, which has eight lanes.
        unsafe {
            let total = [V::splat(0.0); VECTORS];
            let mut decayed = total;
            decayed[0] = V::load(first.as_ptr());
            Self { row: V::splat(decays[5]), total, decayed }
        }
    }

    #[inline(always)]
    pub(super) unsafe fn finish(self, decays: &[f64; 6]) -> [f64; 2] {
        // SAFETY: as for `new`.
        unsafe { [tree(self.total), aged_tree(self.decayed, decays)] }
    }
}

impl<V: Doubles> Pass for Totals<V> {
    #[inline(always)]
    unsafe fn take(&mut self, x: *const f64) {
        // SAFETY: the trait's contract.
        unsafe {
            for at in 0..VECTORS {
                let x = V::load(x.add(8 * at));
                self.total[at] = self.total[at].add(x);
                self.decayed[at] = self.decayed[at].mul(self.row).add(x.mul(x));
            }
        }
    }
}

/// Squares of what falls short of a rate; what is missing is the rate.
pub(super) struct Shortfalls<V> {
    rate: V,
    squares: Sums<V>,
}

impl<V: Doubles> Shortfalls<V> {
    #[inline(always)]
    pub(super) unsafe fn new(rate: f64) -> Self {
        // SAFETY: the caller has the instructions of `V`.
        unsafe { Self { rate: V::splat(rate), squares: [V::splat(0.0); VECTORS] } }
    }

    #[inline(always)]
    pub(super) unsafe fn finish(self) -> f64 {
        // SAFETY: as for `new`.
        unsafe { tree(self.squares) }
    }
}

impl<V: Doubles> Pass for Shortfalls<V> {
    #[inline(always)]
    unsafe fn take(&mut self, x: *const f64) {
        // SAFETY: the trait's contract.
        unsafe {
            for at in 0..VECTORS {
                let short = V::load(x.add(8 * at)).sub(self.rate).min(V::splat(0.0));
                self.squares[at] = self.squares[at].add(short.mul(short));
            }
        }
    }
}

/// Second, third and fourth powers of deviations; what is missing is the mean.
pub(super) struct Powers<V> {
    mean: V,
    sums: [Sums<V>; 3],
}

impl<V: Doubles> Powers<V> {
    #[inline(always)]
    pub(super) unsafe fn new(mean: f64) -> Self {
        // SAFETY: the caller has the instructions of `V`.
        unsafe { Self { mean: V::splat(mean), sums: [[V::splat(0.0); VECTORS]; 3] } }
    }

    #[inline(always)]
    pub(super) unsafe fn finish(self) -> [f64; 3] {
        // SAFETY: as for `new`.
        unsafe { [tree(self.sums[0]), tree(self.sums[1]), tree(self.sums[2])] }
    }
}

impl<V: Doubles> Pass for Powers<V> {
    #[inline(always)]
    unsafe fn take(&mut self, x: *const f64) {
        // SAFETY: the trait's contract.
        unsafe {
            for at in 0..VECTORS {
                let deviation = V::load(x.add(8 * at)).sub(self.mean);
                let square = deviation.mul(deviation);
                self.sums[0][at] = self.sums[0][at].add(square);
                self.sums[1][at] = self.sums[1][at].add(square.mul(deviation));
                self.sums[2][at] = self.sums[2][at].add(square.mul(square));
            }
        }
    }
}

/// Sums of both, and the number of the pairs that have a `y`.
pub(super) struct Common<V> {
    sums: [Sums<V>; 3],
}

impl<V: Compare> Common<V> {
    #[inline(always)]
    pub(super) unsafe fn new() -> Self {
        // SAFETY: the caller has the instructions of `V`.
        unsafe { Self { sums: [[V::splat(0.0); VECTORS]; 3] } }
    }

    /// Σ x, Σ y and the number.
    #[inline(always)]
    pub(super) unsafe fn finish(self) -> [f64; 3] {
        // SAFETY: as for `new`.
        unsafe { [tree(self.sums[0]), tree(self.sums[1]), tree(self.sums[2])] }
    }
}

/// Where a number is known.
#[inline(always)]
unsafe fn known<V: Compare>(y: V) -> V::Mask {
    // SAFETY: the caller has the instructions of `V`.
    unsafe {
        let zero = V::splat(0.0);
        V::either(y.above(V::splat(-1.0)), zero.above(y))
    }
}

impl<V: Compare> PassOfBoth for Common<V> {
    #[inline(always)]
    unsafe fn take(&mut self, x: *const f64, y: *const f64) {
        // SAFETY: the trait's contract.
        unsafe {
            let zero = V::splat(0.0);
            for at in 0..VECTORS {
                let (x, y) = (V::load(x.add(8 * at)), V::load(y.add(8 * at)));
                let known = known(y);
                self.sums[0][at] = self.sums[0][at].add(V::select(known, x, zero));
                self.sums[1][at] = self.sums[1][at].add(V::select(known, y, zero));
                self.sums[2][at] = self.sums[2][at].add(V::select(known, V::splat(1.0), zero));
            }
        }
    }
}

/// Products of deviations of the pairs that have a `y`.
pub(super) struct Products<V> {
    means: [V; 2],
    sums: [Sums<V>; 3],
}

impl<V: Compare> Products<V> {
    #[inline(always)]
    pub(super) unsafe fn new([x, y]: [f64; 2]) -> Self {
        // SAFETY: the caller has the instructions of `V`.
        unsafe {
            let means = [V::splat(x), V::splat(y)];
            Self { means, sums: [[V::splat(0.0); VECTORS]; 3] }
        }
    }

    /// Of deviations x and y: Σ x², Σ x y and Σ y².
    #[inline(always)]
    pub(super) unsafe fn finish(self) -> [f64; 3] {
        // SAFETY: as for `new`.
        unsafe { [tree(self.sums[0]), tree(self.sums[1]), tree(self.sums[2])] }
    }
}

impl<V: Compare> PassOfBoth for Products<V> {
    #[inline(always)]
    unsafe fn take(&mut self, x: *const f64, y: *const f64) {
        // SAFETY: the trait's contract.
        unsafe {
            let zero = V::splat(0.0);
            for at in 0..VECTORS {
                let (x, y) = (V::load(x.add(8 * at)), V::load(y.add(8 * at)));
                let known = known(y);
                let x = V::select(known, x.sub(self.means[0]), zero);
                let y = V::select(known, y.sub(self.means[1]), zero);
                self.sums[0][at] = self.sums[0][at].add(x.mul(x));
                self.sums[1][at] = self.sums[1][at].add(x.mul(y));
                self.sums[2][at] = self.sums[2][at].add(y.mul(y));
            }
        }
    }
}

/// The sum of the returns that are not above a quantile, and their number; what is missing is ∞.
pub(super) struct Below<V> {
    quantile: V,
    sums: [Sums<V>; 2],
}

impl<V: Compare> Below<V> {
    #[inline(always)]
    pub(super) unsafe fn new(quantile: f64) -> Self {
        // SAFETY: the caller has the instructions of `V`.
        unsafe { Self { quantile: V::splat(quantile), sums: [[V::splat(0.0); VECTORS]; 2] } }
    }

    #[inline(always)]
    pub(super) unsafe fn finish(self) -> [f64; 2] {
        // SAFETY: as for `new`.
        unsafe { [tree(self.sums[0]), tree(self.sums[1])] }
    }
}

impl<V: Compare> Pass for Below<V> {
    #[inline(always)]
    unsafe fn take(&mut self, x: *const f64) {
        // SAFETY: the trait's contract.
        unsafe {
            let zero = V::splat(0.0);
            for at in 0..VECTORS {
                let x = V::load(x.add(8 * at));
                let above = x.above(self.quantile);
                self.sums[0][at] = self.sums[0][at].add(V::select(above, zero, x));
                self.sums[1][at] = self.sums[1][at].add(V::select(above, zero, V::splat(1.0)));
            }
        }
    }
}
