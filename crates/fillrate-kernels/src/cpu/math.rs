//! Elementary functions on sixteen lanes.
//!
//! Every function here follows the trait's contract: the caller has the instructions of `L`.

#![allow(unsafe_code, reason = "lane operations gated by the tier")]
#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "one invariant, stated in the module's documentation, holds for all of them"
)]

use super::lanes::Lanes;

/// Evaluates `coefficients[0] + x * coefficients[1] + …` (Horner).
#[inline(always)]
unsafe fn polynomial<L: Lanes>(x: L, coefficients: &[f32]) -> L {
    unsafe {
        let (last, rest) = coefficients.split_last().expect("a polynomial has coefficients");
        let mut sum = L::splat(*last);
        for &coefficient in rest.iter().rev() {
            sum = sum.fma(x, L::splat(coefficient));
        }
        sum
    }
}

/// eˣ, relative error below 2⁻²²; 0 is never reached (the least result is 2⁻¹²⁶), and x above 88
/// is taken as 88.
///
/// Source: Cephes `expf` (S. Moshier): x = n ln 2 + r, |r| ≤ ln 2 / 2, and a polynomial of degree
/// 7 in r.
#[inline(always)]
pub(crate) unsafe fn exp<L: Lanes>(x: L) -> L {
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    unsafe {
        let x = x.min(L::splat(88.0)).max(L::splat(-87.336_5));
        let n = x.mul(L::splat(std::f32::consts::LOG2_E)).round();
        let r = n.fma(L::splat(-LN2_HIGH), x);
        let r = n.fma(L::splat(-LN2_LOW), r);
        let tail = polynomial(
            r,
            &[0.5, 0.166_666_65, 4.166_579_6e-2, 8.333_452e-3, 1.398_199_9e-3, 1.987_569_1e-4],
        );
        let power = tail.fma(r.mul(r), r).add(L::splat(1.0));
        power.scale_by_power(n)
    }
}

/// erf(x), absolute error below 5·10⁻⁷.
///
/// Source: the rational approximation of Eigen's `generic_fast_erf` (also in XLA):
/// x · P(x²) / Q(x²) with x clamped to ±4.
#[inline(always)]
pub(crate) unsafe fn erf<L: Lanes>(x: L) -> L {
    unsafe {
        let x = x.min(L::splat(4.0)).max(L::splat(-4.0));
        let square = x.mul(x);
        let numerator = polynomial(
            square,
            &[
                -1.609_603_4e-2,
                -2.954_6e-3,
                -7.349_906e-4,
                -5.692_506_5e-5,
                -2.101_024e-6,
                2.770_681_3e-8,
                -2.726_142_3e-10,
            ],
        );
        let denominator = polynomial(
            square,
            &[-1.426_473_9e-2, -7.373_329e-3, -1.682_827e-3, -2.133_740_6e-4, -1.456_607_1e-5],
        );
        x.mul(numerator).div(denominator)
    }
}

/// GELU(x) = x Φ(x) with Φ from [`erf`]: absolute error below 10⁻⁶ · max(1, |x|).
///
/// Source: Hendrycks & Gimpel, "Gaussian Error Linear Units" (2016), the exact form.
#[inline(always)]
pub(crate) unsafe fn gelu<L: Lanes>(x: L) -> L {
    unsafe {
        let half = x.mul(L::splat(0.5));
        half.fma(erf(x.mul(L::splat(std::f32::consts::FRAC_1_SQRT_2))), half)
    }
}

/// The same erf-GELU for results that are rounded to bfloat16: absolute error below
/// 5·10⁻⁵ · max(1, x) above −4 and 1.7·10⁻⁴ below (bfloat16 itself rounds 0.1 by up to
/// 2·10⁻⁴), without a division.
///
/// Φ(x) − ½ = x P(x²) on [−4, 4], the minimax polynomial of degree 7 for the error of x Φ(x)
/// (Lawson's algorithm; `golden/kernels/fit_gelu.py` derives the coefficients).
#[inline(always)]
pub(crate) unsafe fn gelu_for_bf16<L: Lanes>(x: L) -> L {
    unsafe {
        let low = x.max(L::splat(-4.0));
        let clamped = low.min(L::splat(4.0));
        let slope = polynomial(
            clamped.mul(clamped),
            &[
                3.986_734e-1,
                -6.588_785e-2,
                9.505_4e-3,
                -1.006_490_9e-3,
                7.485_511e-5,
                -3.657_137_5e-6,
                1.041_962_2e-7,
                -1.301_297_3e-9,
            ],
        );
        low.mul(slope.fma(clamped, L::splat(0.5)))
    }
}

/// tanh(x) = 1 − 2 / (e²ˣ + 1), absolute error below 2·10⁻⁷.
#[inline(always)]
pub(crate) unsafe fn tanh<L: Lanes>(x: L) -> L {
    unsafe {
        let one = L::splat(1.0);
        let power = exp(x.add(x).min(L::splat(80.0)));
        one.sub(L::splat(2.0).div(power.add(one)))
    }
}

/// ½ x (1 + tanh(√(2/π) (x + 0.044715 x³))), which Hugging Face calls `gelu_new` and
/// `gelu_pytorch_tanh`.
///
/// Source: Hendrycks & Gimpel (2016), section 2.
#[inline(always)]
pub(crate) unsafe fn gelu_tanh<L: Lanes>(x: L) -> L {
    const SQRT_2_OVER_PI: f32 = 0.797_884_6;
    unsafe {
        let cubic = x.mul(x).fma(L::splat(0.044_715), L::splat(1.0));
        let inner = x.mul(cubic).mul(L::splat(SQRT_2_OVER_PI));
        let half = x.mul(L::splat(0.5));
        half.fma(tanh(inner), half)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::dispatch::{Kernel, dispatch};
    use crate::cpu::lanes::LANES;
    use crate::scalar::{self, nonlinearity};
    use crate::{Nonlinearity, Tier};

    #[derive(Clone, Copy)]
    enum Function {
        Exp,
        Erf,
        Gelu,
        GeluForBf16,
        Tanh,
        GeluTanh,
    }

    struct Map<'a>(Function, &'a mut [f32]);

    impl Kernel for Map<'_> {
        #[inline(always)]
        unsafe fn run<L: Lanes>(self) {
            for chunk in self.1.chunks_exact_mut(LANES) {
                unsafe {
                    let x = L::load(chunk.as_ptr());
                    let y = match self.0 {
                        Function::Exp => exp(x),
                        Function::Erf => erf(x),
                        Function::Gelu => gelu(x),
                        Function::GeluForBf16 => gelu_for_bf16(x),
                        Function::Tanh => tanh(x),
                        Function::GeluTanh => gelu_tanh(x),
                    };
                    y.store(chunk.as_mut_ptr());
                }
            }
        }
    }

    fn check(function: Function, truth: impl Fn(f64) -> f64, tolerance: impl Fn(f64, f64) -> f64) {
        let points: Vec<f32> = (-16_000..16_000).map(|i| i as f32 / 1_600.0).collect();
        for &tier in Tier::available() {
            let mut values = points.clone();
            dispatch(tier, Map(function, &mut values));
            for (&x, &y) in points.iter().zip(&values) {
                let expected = truth(f64::from(x));
                let error = (f64::from(y) - expected).abs();
                assert!(
                    error <= tolerance(f64::from(x), expected),
                    "{tier}: f({x}) = {y}, expected {expected}"
                );
            }
        }
    }

    #[test]
    fn functions_keep_their_stated_errors() {
        let gelu = |x| nonlinearity(Nonlinearity::Gelu, x);
        let gelu_tanh = |x| nonlinearity(Nonlinearity::GeluTanh, x);
        let for_bf16 = |x: f64, _| if x < -4.0 { 1.7e-4 } else { 5e-5 * x.max(1.0) };
        check(Function::Exp, f64::exp, |_, y| y / 4_194_304.0);
        check(Function::Erf, scalar::erf, |_, _| 5e-7);
        check(Function::Gelu, gelu, |x, _| 1e-6 * x.abs().max(1.0));
        check(Function::GeluForBf16, gelu, for_bf16);
        check(Function::Tanh, f64::tanh, |_, _| 2e-7);
        check(Function::GeluTanh, gelu_tanh, |x, _| 5e-7 * x.abs().max(1.0));
    }
}
