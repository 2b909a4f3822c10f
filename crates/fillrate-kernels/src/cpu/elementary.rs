//! Exponential, logarithm and the normal distribution of single numbers, with the bits that the ops over
//! prices and a GPU's kernels give.

#![allow(unsafe_code, reason = "lane operations gated by the tier")]

use super::doubles::math;
use crate::Philox;

/// eˣ for x from −745 to 709, and that of the nearer end beyond; 0 below −708.
#[must_use]
pub fn exp(x: f64) -> f64 {
    // SAFETY: one lane needs no instructions beyond the baseline.
    unsafe { math::exp(x) }
}

/// ln x for positive normal numbers.
#[must_use]
pub fn ln(x: f64) -> f64 {
    // SAFETY: see `exp`.
    unsafe { math::ln(x) }
}

/// A standard normal number of `path` at `step`: the first of two by the transformation of Box and Muller,
/// as [`Cpu::path_ends`](crate::Cpu::path_ends) draws them.
#[must_use]
pub fn normal_draw(philox: Philox, path: u64, step: u32, stream: u32) -> f64 {
    let [u, v] = philox.uniforms(path, step, stream);
    // SAFETY: see `exp`.
    let [cos, _] = unsafe { math::cos_sin_turns(v) };
    (ln(u) * -2.0).sqrt() * cos
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_those_of_the_standard_library_but_for_rounding() {
        for at in -700..700 {
            let x = f64::from(at) * 1.003;
            assert!((exp(x) / x.exp() - 1.0).abs() < 1e-15, "{x}");
            let y = x.exp();
            assert!((ln(y) - y.ln()).abs() <= 1e-15 * (1.0 + x.abs()), "{y}");
        }
        let philox = Philox::new(5);
        for step in 0..1000 {
            let expected = philox.normals(9, step, 2)[0];
            assert!((normal_draw(philox, 9, step, 2) - expected).abs() < 1e-14, "{step}");
        }
    }
}
