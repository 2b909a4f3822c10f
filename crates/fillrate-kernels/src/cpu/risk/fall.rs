//! The deepest fall of a series of prices.

#![allow(unsafe_code, reason = "lane operations gated by the tier, over checked bounds")]

use crate::cpu::doubles::Doubles;

/// The prices that are looked at together.
const BLOCK: usize = 64;

/// A fall: the ratio of the lowest price to the highest before, and the places of both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fall {
    pub(super) least: f64,
    pub(super) peak: usize,
    pub(super) trough: usize,
}

/// The fall with the least ratio, the first of equal ones; a ratio of 1 at the first price if there is none.
///
/// A block whose lowest price over the highest so far is not below the least ratio has no deeper fall:
/// division keeps the order of numbers when it rounds.
#[inline(always)]
pub(super) unsafe fn deepest<V: Doubles>(path: &[f64]) -> Fall {
    let mut walk = Walk::new(path);
    let (blocks, rest) = path.as_chunks::<BLOCK>();
    for (place, block) in blocks.iter().enumerate() {
        // SAFETY: the caller has the instructions of `V`.
        let [lowest, highest] = unsafe { extremes::<V>(block) };
        let top = if highest > walk.highest { highest } else { walk.highest };
        if lowest / top < walk.fall.least {
            walk.through(block, place * BLOCK);
        } else if highest > walk.highest {
            (walk.highest, walk.highest_from) = (highest, place * BLOCK);
        }
    }
    walk.through(rest, blocks.len() * BLOCK);
    walk.finish(path)
}

/// The least and the greatest of a block.
#[inline(always)]
unsafe fn extremes<V: Doubles>(block: &[f64; BLOCK]) -> [f64; 2] {
    // SAFETY: a block is eight vectors; the caller has the instructions of `V`.
    unsafe {
        let first = V::load(block.as_ptr());
        let (mut low, mut high) = (first, first);
        let mut at = V::LANES;
        while at < BLOCK {
            let x = V::load(block.as_ptr().add(at));
            (low, high) = (x.min(low), x.max(high));
            at += V::LANES;
        }
        let (mut lows, mut highs) = ([0.0; 8], [0.0; 8]);
        low.store(lows.as_mut_ptr());
        high.store(highs.as_mut_ptr());
        let (mut lowest, mut highest) = (lows[0], highs[0]);
        for at in 1..8 {
            lowest = if lows[at] < lowest { lows[at] } else { lowest };
            highest = if highs[at] > highest { highs[at] } else { highest };
        }
        [lowest, highest]
    }
}

/// How far a series has been looked at.
struct Walk {
    fall: Fall,
    highest: f64,
    /// A place at or before which the highest price does not stand earlier.
    highest_from: usize,
    /// The highest price before the deepest fall.
    level: f64,
}

impl Walk {
    fn new(path: &[f64]) -> Self {
        let highest = path.first().copied().unwrap_or(0.0);
        let fall = Fall { least: 1.0, peak: 0, trough: 0 };
        Self { fall, highest, highest_from: 0, level: highest }
    }

    /// Goes from price to price; `first` is the place of the first of them.
    #[inline(always)]
    fn through(&mut self, prices: &[f64], first: usize) {
        for (at, &price) in prices.iter().enumerate() {
            if price > self.highest {
                (self.highest, self.highest_from) = (price, first + at);
            }
            let ratio = price / self.highest;
            if ratio < self.fall.least {
                self.fall = Fall { least: ratio, peak: self.highest_from, trough: first + at };
                self.level = self.highest;
            }
        }
    }

    fn finish(self, path: &[f64]) -> Fall {
        let mut peak = self.fall.peak;
        while peak < self.fall.trough && path[peak] < self.level {
            peak += 1;
        }
        Fall { peak, ..self.fall }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::doubles::PortableDoubles;

    fn of(path: &[f64]) -> Fall {
        // SAFETY: the baseline is always there.
        unsafe { deepest::<PortableDoubles>(path) }
    }

    #[test]
    fn it_is_that_of_a_walk_from_price_to_price() {
        let philox = crate::Philox::new(3);
        for len in [0, 1, 2, 63, 64, 65, 200, 1000] {
            for seed in 0..20 {
                let step = |at: usize| philox.normals(at as u64, seed, 0)[0];
                // Rounded, so that prices are equal now and then.
                let mut price = 30.0;
                let path: Vec<f64> = (0..len)
                    .map(|at| {
                        price = (price + step(at)).round().max(1.0);
                        price
                    })
                    .collect();
                let mut slow = Walk::new(&path);
                slow.through(&path, 0);
                assert_eq!(of(&path), slow.fall, "{len} {seed}");
            }
        }
    }

    #[test]
    fn of_equal_ones_the_first_counts() {
        let none = Fall { least: 1.0, peak: 0, trough: 0 };
        assert_eq!(of(&[1.0; 100]), none);
        assert_eq!(of(&[]), none);
        let two = [4.0, 2.0, 4.0, 2.0, 3.0].repeat(40);
        assert_eq!(of(&two), Fall { least: 0.5, peak: 0, trough: 1 });
    }
}
