//! Quantiles of returns, and the returns below them.

#![allow(unsafe_code, reason = "lane operations gated by the tier, over checked bounds")]

use super::passes::{self, Below};
use crate::cpu::doubles::Compare;

/// The returns whose order says about where the others' quantiles are.
const SAMPLE: usize = 64;
/// How many standard deviations of such a guess above it are looked at.
const DEVIATIONS: f64 = 3.0;

/// The quantile at `share` of some returns: linear between those around place (n − 1) share of the sorted
/// ones.
///
/// Source: Hyndman & Fan, "Sample quantiles in statistical packages" (1996), definition 7.
pub(super) fn quantile(returns: &[f64], share: f64, candidates: &mut Vec<f64>) -> f64 {
    let place = (returns.len() - 1) as f64 * share;
    let low = place.floor();
    let [one, other] = around(returns, low as usize, candidates);
    one + (other - one) * (place - low)
}

/// The return at a place of the sorted returns, and the one after it (itself, if there is none).
fn around(returns: &[f64], low: usize, candidates: &mut Vec<f64>) -> [f64; 2] {
    let high = (low + 1).min(returns.len() - 1);
    candidates.clear();
    candidates.resize(returns.len(), 0.0);
    let mut count = smallest(returns, pivot(returns, high, candidates), candidates);
    if count <= high {
        candidates.copy_from_slice(returns);
        count = returns.len();
    }
    let (before, found, _) = candidates[..count].select_nth_unstable_by(high, f64::total_cmp);
    if low == high {
        return [*found; 2];
    }
    let mut greatest = before[0];
    for value in &*before {
        greatest = if value.total_cmp(&greatest).is_gt() { *value } else { greatest };
    }
    [greatest, *found]
}

/// A value below which the return at a place of the sorted ones probably is; ∞ if that is too many of them.
fn pivot(returns: &[f64], place: usize, scratch: &mut [f64]) -> f64 {
    if returns.len() < 4 * SAMPLE {
        return f64::INFINITY;
    }
    let share = (place + 1) as f64 / returns.len() as f64;
    let mean = SAMPLE as f64 * share;
    let above = mean + DEVIATIONS * (mean * (1.0 - share)).sqrt() + 1.0;
    if above >= (SAMPLE / 2) as f64 {
        return f64::INFINITY;
    }
    let step = returns.len() / SAMPLE;
    let sample = &mut scratch[..SAMPLE];
    for (to, value) in sample.iter_mut().zip(returns.iter().step_by(step)) {
        *to = *value;
    }
    *sample.select_nth_unstable_by(above as usize, f64::total_cmp).1
}

/// Puts the values that are not above the pivot together; their number.
fn smallest(values: &[f64], pivot: f64, to: &mut [f64]) -> usize {
    let mut count = 0;
    assert!(to.len() >= values.len(), "room for every value");
    for value in values {
        // Written in any case and counted in some, so that nothing has to be foretold.
        // SAFETY: the count is at most that of the values before.
        unsafe { *to.get_unchecked_mut(count) = *value };
        count += usize::from(*value <= pivot);
    }
    count
}

/// The sum of the returns that are not above the quantile, and their number; of a quantile that is no number
/// that alone.
#[inline(always)]
pub(super) unsafe fn below<V: Compare>(returns: &[f64], quantile: f64) -> [f64; 2] {
    if !quantile.is_finite() {
        return [quantile, 1.0];
    }
    // SAFETY: the caller has the instructions of `V`.
    unsafe {
        let mut pass = Below::<V>::new(quantile);
        passes::over(returns, f64::INFINITY, &mut pass);
        pass.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_around_a_place_is_that_of_sorted_returns() {
        let philox = crate::Philox::new(9);
        for len in [1, 2, 3, 255, 256, 257, 1000, 5000] {
            for wild in [false, true] {
                let of = |at: u64| {
                    let [x, y] = philox.normals(at, 0, 0);
                    // The first and every 78th of the long ones deceive the sample.
                    if wild && at.is_multiple_of(78) {
                        -9.0 - x
                    } else {
                        (x / y * 8.0).round() * 0.01
                    }
                };
                let returns: Vec<f64> = (0..len).map(of).collect();
                let mut sorted = returns.clone();
                sorted.sort_by(f64::total_cmp);
                for low in [0, 1, len / 20, len / 2, len - 1] {
                    let low = low.min(len - 1) as usize;
                    let high = (low + 1).min(len as usize - 1);
                    let found = around(&returns, low, &mut Vec::new());
                    let expected = [sorted[low], sorted[high]];
                    assert_eq!(found.map(f64::to_bits), expected.map(f64::to_bits), "{len} {low}");
                }
            }
        }
    }
}
