//! The softmax of one row of scores.

#![allow(unsafe_code, reason = "lane operations gated by the tier, over checked bounds")]

use super::super::lanes::{LANES, Lanes};
use super::super::math::exp;

/// Sixteen zeros, then sixteen times −∞.
static PAST: [f32; 2 * LANES] = {
    let mut mask = [0.0; 2 * LANES];
    let mut lane = LANES;
    while lane < 2 * LANES {
        mask[lane] = f32::NEG_INFINITY;
        lane += 1;
    }
    mask
};

/// What leaves the first `len` lanes, at most sixteen, as they are and makes the others −∞.
///
/// # Safety
///
/// `L` is available.
#[inline(always)]
unsafe fn past<L: Lanes>(len: usize) -> L {
    // SAFETY: sixteen values follow each of the first seventeen.
    unsafe { L::load(PAST.as_ptr().add(LANES - len.min(LANES))) }
}

/// Passes exp((score − max) · scale) to `store`, sixteen columns at a time, and returns their sum,
/// at least 1.
///
/// # Safety
///
/// `row` is valid for `padded` values, of which the first `len`, at least one, are scores; `padded`
/// is a multiple of [`LANES`]; `L` is available.
#[inline(always)]
pub(super) unsafe fn softmax_row<L: Lanes>(
    row: *const f32,
    len: usize,
    padded: usize,
    scale: f32,
    mut store: impl FnMut(usize, L),
) -> f32 {
    // SAFETY: as the caller guarantees.
    unsafe {
        let last = (len - 1) / LANES * LANES;
        let load = |chunk: usize| {
            let scores = L::load(row.add(chunk));
            // The columns past the sequence must not count: e^(−∞ − max) is below 2⁻¹²⁵.
            if chunk < last { scores } else { scores.add(past(len.saturating_sub(chunk))) }
        };
        let mut max = load(0);
        for chunk in (LANES..len).step_by(LANES) {
            max = max.max(load(chunk));
        }
        let max = L::splat(max.reduce_max());
        let scale = L::splat(scale);
        let mut sum = L::splat(0.0);
        for chunk in (0..padded).step_by(LANES) {
            let power = exp(load(chunk).sub(max).mul(scale));
            store(chunk, power);
            sum = sum.add(power);
        }
        sum.reduce_add()
    }
}
