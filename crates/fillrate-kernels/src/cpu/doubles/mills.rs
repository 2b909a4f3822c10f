//! Mills' ratio of f64 lanes.

#![allow(unsafe_code, reason = "lane operations gated by the tier")]

use super::Doubles;

/// R(z) = Φ(−z) / φ(z) for z from −1 on, to 4·10⁻¹⁶ of itself; below, that of −1. It is √(π/2) erfcx(z / √2),
/// and φ(z) (R(z) − R(z + s)) is a difference of two values of Φ that keeps its digits where both are tiny.
///
/// Source: the form is that of Shepherd & Laframboise, "Chebyshev approximation of (1 + 2x) exp(x²) erfc x in
/// 0 ≤ x < ∞" (1981): (z + 3/2) R(z) as a series of Chebyshev polynomials in (z − 4) / (z + 6), here one of
/// degree 25 that was computed with 40 digits by `golden/market/mills.py`.
#[inline(always)]
pub(crate) unsafe fn mills_ratio<V: Doubles>(z: V) -> V {
    // SAFETY: the caller has the instructions of `V`.
    unsafe {
        let z = z.max(V::splat(-1.0));
        let u = z.sub(V::splat(4.0)).div(z.add(V::splat(6.0)));
        let mut sum = V::splat(POWERS[0]);
        for coefficient in &POWERS[1..] {
            sum = sum.mul(u).add(V::splat(*coefficient));
        }
        sum.div(z.add(V::splat(1.5)))
    }
}

/// The coefficients of powers of (z − 4) / (z + 6), the highest first.
const POWERS: [f64; 26] = [
    -6.671_497_035_782_644e-9,
    -1.676_676_791_615_531e-8,
    7.815_384_418_039_314e-8,
    1.892_313_099_833_297_8e-7,
    -5.532_450_889_066_743e-7,
    -1.184_548_012_149_382e-6,
    3.507_368_851_610_692e-6,
    5.317_820_081_886_322e-6,
    -2.280_335_838_650_044_4e-5,
    -1.197_598_740_575_626_8e-5,
    0.000_145_375_035_237_398_34,
    -0.000_118_640_696_214_476_32,
    -0.000_714_965_809_619_562,
    0.002_190_572_895_939_515,
    -0.000_432_545_500_841_726_3,
    -0.014_324_813_857_917_116,
    0.054_129_495_826_828_52,
    -0.121_343_465_518_758_13,
    0.194_785_623_899_492_72,
    -0.228_502_171_858_358_33,
    0.173_130_051_837_525_42,
    -0.011_110_320_251_882_983,
    -0.220_334_280_581_224_6,
    0.440_891_356_439_325_25,
    -0.569_951_929_881_045_1,
    1.301_588_106_024_583_7,
];

#[cfg(test)]
mod tests {
    use super::*;

    /// By the continued fraction, or by series where that is slow.
    ///
    /// Source: Abramowitz & Stegun, 26.2.14 and 26.2.11.
    fn slow(z: f64) -> f64 {
        if z > 3.0 {
            return 1.0 / (z + (1..=400).rev().fold(0.0, |f, k| f64::from(k) / (z + f)));
        }
        // Φ(z) − ½ over φ(z), whose terms have one sign.
        let (mut term, mut sum) = (z, z);
        for k in 1..200 {
            term *= z * z / f64::from(2 * k + 1);
            sum += term;
        }
        (0.5 * std::f64::consts::TAU).sqrt() / std::f64::consts::SQRT_2 * (0.5 * z * z).exp() - sum
    }

    #[test]
    fn it_is_right_to_its_last_digits() {
        for step in -100..=4000 {
            let z = f64::from(step) / 100.0;
            // SAFETY: one lane needs no instructions beyond the baseline.
            let (got, expected) = (unsafe { mills_ratio(z) }, slow(z));
            // The slow way cancels below 3.
            let cancelled =
                if z > 0.0 && z <= 3.0 { (0.5 * z * z).exp() * 1.3 / expected } else { 1.0 };
            let bound = 4.0 * f64::EPSILON * (1.0 + cancelled);
            assert!((got / expected - 1.0).abs() < bound, "{z}: {got}, {expected}");
        }
        // SAFETY: as above.
        let (below, far) = unsafe { (mills_ratio(-5.0), mills_ratio(1e300)) };
        assert!((below - slow(-1.0)).abs() < 1e-14, "{below}");
        assert!((far * 1e300 - 1.0).abs() < 1e-15, "{far}");
    }
}
