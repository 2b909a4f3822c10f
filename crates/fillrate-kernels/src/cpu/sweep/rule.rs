//! What a strategy compares, and which side it takes.

#![allow(unsafe_code, reason = "lane operations gated by the tier, over checked bounds")]

use super::SWEEP_LANES;
use crate::buffer::Aligned;
use crate::cpu::doubles::Compare;
use crate::{Error, Result};

/// A series for each lane, bar by bar: shape `[bars, 8]`.
#[derive(Clone)]
pub struct LaneSeries {
    values: Aligned<f64>,
    bars: usize,
}

impl LaneSeries {
    /// The series of the lanes, at most eight of shape `[bars]`; lanes without one are NaN.
    ///
    /// # Errors
    ///
    /// If there are more, or one has another length.
    pub fn new(bars: usize, lanes: &[&[f64]]) -> Result<Self> {
        if lanes.len() > SWEEP_LANES || lanes.iter().any(|lane| lane.len() != bars) {
            let lens: Vec<usize> = lanes.iter().map(|lane| lane.len()).collect();
            let expected = format!("up to {SWEEP_LANES} series of {bars} values");
            return Err(Error::Shape { op: "sweep", expected, got: format!("{lens:?}") });
        }
        let mut values = Aligned::zeroed(bars * SWEEP_LANES);
        if lanes.len() < SWEEP_LANES {
            values.fill(f64::NAN);
        }
        for (place, lane) in lanes.iter().enumerate() {
            for (row, value) in values.chunks_exact_mut(SWEEP_LANES).zip(*lane) {
                row[place] = *value;
            }
        }
        Ok(Self { values, bars })
    }

    /// The series of one lane, shape `[bars]`.
    ///
    /// # Panics
    ///
    /// If there is no such lane.
    #[must_use]
    pub fn lane(&self, lane: usize) -> Vec<f64> {
        assert!(lane < SWEEP_LANES, "a pass has {SWEEP_LANES} lanes");
        self.values.chunks_exact(SWEEP_LANES).map(|row| row[lane]).collect()
    }

    pub(super) fn values(&self) -> &[f64] {
        &self.values
    }
}

/// One side of a comparison. NaN, as in a warm-up, is on no side.
#[derive(Clone, Copy)]
pub enum SweepLine<'a> {
    /// The same series for all lanes, shape `[bars]`.
    Same(&'a [f64]),
    /// A series for each lane.
    Each(&'a LaneSeries),
}

/// When a strategy asks for a position; a bar that asks for nothing leaves it as it is.
#[derive(Clone, Copy)]
pub enum SweepRule<'a> {
    /// Long where the fast line has come from below the slow one to lie above it; flat (or short)
    /// where it has come to lie below. One line is for each lane, and the other for all.
    Crossing {
        /// The fast line.
        fast: SweepLine<'a>,
        /// The slow line.
        slow: SweepLine<'a>,
    },
    /// Long where the line is below `low`, flat (or short) where it is above `high`.
    Outside {
        /// The line.
        line: SweepLine<'a>,
        /// The lower threshold of each lane.
        low: [f64; SWEEP_LANES],
        /// The upper threshold of each lane, not below the lower one.
        high: [f64; SWEEP_LANES],
    },
    /// Long where the close is below the lower band, flat (or short) where it is above the upper one:
    /// `middle` ± `width` · `deviation`. Both lines are for each lane, or both for all.
    Bands {
        /// The middle of the bands.
        middle: SweepLine<'a>,
        /// The deviation that the width counts in.
        deviation: SweepLine<'a>,
        /// The width of each lane, from 0 on.
        width: [f64; SWEEP_LANES],
    },
}

impl SweepRule<'_> {
    /// Refuses lines that do not have a value for each of `bars`.
    pub(super) fn check(&self, bars: usize) -> Result<()> {
        let lines: &[SweepLine<'_>] = match self {
            Self::Crossing { fast, slow } => &[*fast, *slow],
            Self::Outside { line, .. } => &[*line],
            Self::Bands { middle, deviation, .. } => &[*middle, *deviation],
        };
        for line in lines {
            let got = match line {
                SweepLine::Same(line) => line.len(),
                SweepLine::Each(lines) => lines.bars,
            };
            if got != bars {
                let expected = format!("lines of {bars} bars");
                return Err(Error::Shape { op: "sweep", expected, got: format!("one of {got}") });
            }
        }
        Ok(())
    }
}

/// A line as a pass reads it.
///
/// # Safety
///
/// The caller has the instructions of `V` and `at` is one of the checked bars.
pub(super) trait Line: Copy {
    unsafe fn at<V: Compare>(self, at: usize) -> V;
}

#[derive(Clone, Copy)]
pub(super) struct Same<'a>(pub(super) &'a [f64]);

#[derive(Clone, Copy)]
pub(super) struct Each<'a>(pub(super) &'a [f64]);

// SAFETY (of every block below): the traits' contracts; lines were checked to be as long as the tape.

impl Line for Same<'_> {
    #[inline(always)]
    unsafe fn at<V: Compare>(self, at: usize) -> V {
        debug_assert!(at < self.0.len());
        // SAFETY: see above.
        unsafe { V::splat(*self.0.as_ptr().add(at)) }
    }
}

impl Line for Each<'_> {
    #[inline(always)]
    unsafe fn at<V: Compare>(self, at: usize) -> V {
        const { assert!(V::LANES == SWEEP_LANES) };
        debug_assert!((at + 1) * SWEEP_LANES <= self.0.len());
        // SAFETY: see above.
        unsafe { V::load(self.0.as_ptr().add(at * SWEEP_LANES)) }
    }
}

/// A rule as a pass reads it.
///
/// # Safety
///
/// As for [`Line`].
pub(super) trait Rule: Copy {
    /// Whether a side counts only for a lane that has been on the other one.
    const CROSSES: bool;

    /// The lanes that lie on the side to buy and on the side to sell, never on both.
    unsafe fn sides<V: Compare>(self, at: usize) -> [V::Mask; 2];
}

#[derive(Clone, Copy)]
pub(super) struct Crossing<F, S> {
    pub(super) fast: F,
    pub(super) slow: S,
}

impl<F: Line, S: Line> Rule for Crossing<F, S> {
    const CROSSES: bool = true;

    #[inline(always)]
    unsafe fn sides<V: Compare>(self, at: usize) -> [V::Mask; 2] {
        // SAFETY: see above.
        unsafe {
            let (fast, slow) = (self.fast.at::<V>(at), self.slow.at::<V>(at));
            [fast.above(slow), slow.above(fast)]
        }
    }
}

#[derive(Clone, Copy)]
pub(super) struct Outside<L> {
    pub(super) line: L,
    pub(super) low: [f64; SWEEP_LANES],
    pub(super) high: [f64; SWEEP_LANES],
}

impl<L: Line> Rule for Outside<L> {
    const CROSSES: bool = false;

    #[inline(always)]
    unsafe fn sides<V: Compare>(self, at: usize) -> [V::Mask; 2] {
        // SAFETY: see above.
        unsafe {
            let line = self.line.at::<V>(at);
            let (low, high) = (V::load(self.low.as_ptr()), V::load(self.high.as_ptr()));
            [low.above(line), line.above(high)]
        }
    }
}

#[derive(Clone, Copy)]
pub(super) struct Bands<'a, L> {
    pub(super) close: &'a [f64],
    pub(super) middle: L,
    pub(super) deviation: L,
    pub(super) width: [f64; SWEEP_LANES],
}

impl<L: Line> Rule for Bands<'_, L> {
    const CROSSES: bool = false;

    #[inline(always)]
    unsafe fn sides<V: Compare>(self, at: usize) -> [V::Mask; 2] {
        // SAFETY: see above.
        unsafe {
            let close = Same(self.close).at::<V>(at);
            let (middle, deviation) = (self.middle.at::<V>(at), self.deviation.at::<V>(at));
            let reach = deviation.mul(V::load(self.width.as_ptr()));
            [middle.sub(reach).above(close), close.above(middle.add(reach))]
        }
    }
}
