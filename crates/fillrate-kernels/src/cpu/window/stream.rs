//! A window over values that come one by one, bit for bit what a batch gives.

#![allow(unsafe_code, reason = "one lane needs no instructions beyond the baseline")]

use super::aggregate::{Aggregate, Largest, Moments, Smallest, Sum, Weighted};
use super::finish::{Bands, Deviation, Finish, Identity, Scaled, WeightedScaled, ZScore};
use super::sizes::Sizes;
use super::{WindowOp, check_bars, weights_sum};
use crate::{Error, Result};

/// A [`WindowOp`] over the last values of a stream.
///
/// ```
/// use fillrate_kernels::{WindowOp, WindowStream};
///
/// let mut mean = WindowStream::new(WindowOp::Mean, 2, 2)?;
/// assert!(mean.push(1.0)[0].is_nan());
/// assert_eq!(mean.push(3.0)[0], 2.0);
/// // What is missing is left out.
/// assert!(mean.push(f64::NAN)[0].is_nan());
/// assert_eq!(mean.push(5.0)[0], 4.0);
/// # Ok::<(), fillrate_kernels::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct WindowStream {
    op: WindowOp,
    bars: usize,
    min_bars: usize,
    rings: Rings,
}

#[derive(Clone, Debug)]
enum Rings {
    One(Ring<1>),
    Two(Ring<2>),
}

impl WindowStream {
    /// A window over the last `bars` values that gives an answer from `min_bars` of them on.
    ///
    /// # Errors
    ///
    /// If `bars` is 0 or above [`super::WINDOW_BARS_MAX`], or `min_bars` is 0 or above `bars`.
    pub fn new(op: WindowOp, bars: usize, min_bars: usize) -> Result<Self> {
        check_bars("window", bars)?;
        if !(1..=bars).contains(&min_bars) {
            return Err(Error::Shape {
                op: "window",
                expected: format!("an answer from 1 to {bars} values on"),
                got: min_bars.to_string(),
            });
        }
        let rings = match op {
            WindowOp::Mean | WindowOp::Min | WindowOp::Max => Rings::One(Ring::new(bars)),
            _ => Rings::Two(Ring::new(bars)),
        };
        Ok(Self { op, bars, min_bars, rings })
    }

    /// Takes the next value and gives the op's outputs, the places past them NaN. A value that is
    /// not finite is left out, and answered with NaN.
    pub fn push(&mut self, x: f64) -> [f64; 3] {
        if !x.is_finite() {
            return [f64::NAN; 3];
        }
        // SAFETY: the kernels are called with one lane, which every processor has.
        let (count, outputs) = unsafe {
            match (&mut self.rings, self.op) {
                (Rings::One(ring), WindowOp::Min) => ring.push::<Smallest, _, 1>(x, |_| Identity),
                (Rings::One(ring), WindowOp::Max) => ring.push::<Largest, _, 1>(x, |_| Identity),
                (Rings::One(ring), _) => ring.push::<Sum, _, 1>(x, |n| Scaled(1.0 / n as f64)),
                (Rings::Two(ring), WindowOp::WeightedMean) => {
                    ring.push::<Weighted, _, 1>(x, |n| WeightedScaled(weights_sum(n).recip()))
                }
                (Rings::Two(ring), WindowOp::ZScore) => {
                    ring.push::<Moments, _, 1>(x, |n| ZScore(1.0 / n as f64))
                }
                (Rings::Two(ring), WindowOp::Bands { width }) => {
                    ring.push::<Moments, _, 3>(x, |n| Bands { reciprocal: 1.0 / n as f64, width })
                }
                (Rings::Two(ring), _) => {
                    ring.push::<Moments, _, 1>(x, |n| Deviation(1.0 / n as f64))
                }
            }
        };
        if count < self.min_bars { [f64::NAN; 3] } else { outputs }
    }

    /// The number of values of a full window.
    #[must_use]
    pub const fn bars(&self) -> usize {
        self.bars
    }
}

/// The last values, and the windows of 1, 2, 4, … values that end at each of them.
#[derive(Clone, Debug)]
struct Ring<const K: usize> {
    bars: usize,
    /// Places are counted modulo a power of two: this and 1.
    mask: usize,
    count: usize,
    x: Vec<f64>,
    levels: Vec<Vec<[f64; K]>>,
}

impl<const K: usize> Ring<K> {
    fn new(bars: usize) -> Self {
        let len = bars.next_power_of_two();
        let levels = vec![vec![[0.0; K]; len]; bars.ilog2() as usize + 1];
        Self { bars, mask: len - 1, count: 0, x: vec![0.0; len], levels }
    }

    /// Takes the next value: how many values the window has, and what is made of it.
    ///
    /// # Safety
    ///
    /// As for [`Aggregate`] and [`Finish`] at one lane: none.
    unsafe fn push<A: Aggregate<K>, F: Finish<K, O>, const O: usize>(
        &mut self,
        x: f64,
        finish: impl FnOnce(usize) -> F,
    ) -> (usize, [f64; 3]) {
        let at = self.count;
        self.count += 1;
        self.x[at & self.mask] = x;
        // SAFETY: one lane.
        unsafe {
            self.levels[0][at & self.mask] = A::one(x);
            for level in 1..self.levels.len() {
                let size = 1 << (level - 1);
                if self.count < 2 * size {
                    break;
                }
                let halves = &self.levels[level - 1];
                let (newer, older) = (halves[at & self.mask], halves[(at - size) & self.mask]);
                let x_older = self.x[(at - size) & self.mask];
                let window = A::join(newer, older, x, x_older, &Sizes::new(size, size));
                self.levels[level][at & self.mask] = window;
            }
            let count = self.count.min(self.bars);
            let outputs = finish(count).finish(self.window::<A>(at, count), x);
            let mut padded = [f64::NAN; 3];
            padded[..O].copy_from_slice(&outputs);
            (count, padded)
        }
    }

    /// The window of the `bars` values up to place `at`, joined as a batch does.
    unsafe fn window<A: Aggregate<K>>(&self, at: usize, bars: usize) -> [f64; K] {
        let mut taken = 0;
        let mut window = [0.0; K];
        for (level, windows) in self.levels.iter().enumerate() {
            let size = 1 << level;
            if bars & size == 0 {
                continue;
            }
            let older_at = at - taken;
            let older = windows[older_at & self.mask];
            window = if taken == 0 {
                older
            } else {
                let (x, x_older) = (self.x[at & self.mask], self.x[older_at & self.mask]);
                // SAFETY: one lane.
                unsafe { A::join(window, older, x, x_older, &Sizes::new(taken, size)) }
            };
            taken += size;
        }
        window
    }
}
