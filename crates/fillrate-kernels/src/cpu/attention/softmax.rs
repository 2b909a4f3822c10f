//! The softmax of one row of scores.

#![allow(unsafe_code, reason = "lane operations gated by the tier, over checked bounds")]

use super::super::lanes::{LANES, Lanes};
use super::super::math::exp;

/// Passes exp((score − max) · scale) to `store`, sixteen columns at a time, and returns their sum,
/// at least 1.
///
/// # Safety
///
/// `row` is valid for `padded` values, of which the first `len`, at least one, are scores; `padded`
/// is a multiple of [`LANES`]; `L` is available.
#[inline(always)]
pub(super) unsafe fn softmax_row<L: Lanes>(
    row: *mut f32,
    len: usize,
    padded: usize,
    scale: f32,
    mut store: impl FnMut(usize, L),
) -> f32 {
    // SAFETY: as the caller guarantees.
    unsafe {
        // The columns past the sequence must not count: e^(−∞ − max) is below 2⁻¹²⁵.
        for column in len..padded {
            row.add(column).write(f32::NEG_INFINITY);
        }
        let mut max = L::load(row);
        for chunk in (LANES..padded).step_by(LANES) {
            max = max.max(L::load(row.add(chunk)));
        }
        let max = L::splat(max.reduce_max());
        let scale = L::splat(scale);
        let mut sum = L::splat(0.0);
        for chunk in (0..padded).step_by(LANES) {
            let power = exp(L::load(row.add(chunk)).sub(max).mul(scale));
            store(chunk, power);
            sum = sum.add(power);
        }
        sum.reduce_add()
    }
}
