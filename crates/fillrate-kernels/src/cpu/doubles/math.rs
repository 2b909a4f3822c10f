//! Exponential, logarithm, sine, cosine and the normal distribution of f64 lanes.
//!
//! Errors are those that the tests hold them to: a few units in the last place. Nothing is
//! contracted, so that every tier gives the same bits.

#![allow(unsafe_code, reason = "lane operations gated by the tier")]

use super::Doubles;

/// ln 2 in two parts: the first has zeros enough that its product with an exponent is exact.
const LN_2: [f64; 2] = [0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10];

/// eˣ for x from −745 to 709; 0 below −708, where results would not be normal numbers.
#[inline(always)]
pub(crate) unsafe fn exp<V: Doubles>(x: V) -> V {
    // SAFETY: the caller has the instructions of `V`.
    unsafe {
        let lowest = V::splat(-708.0);
        let bounded = x.max(lowest).min(V::splat(709.0));
        let n = bounded.mul(V::splat(std::f64::consts::LOG2_E)).round();
        let r = bounded.sub(n.mul(V::splat(LN_2[0]))).sub(n.mul(V::splat(LN_2[1])));
        // Taylor's series; |r| ≤ ln 2 / 2, where its remainder is below 2⁻⁵⁶.
        let mut sum = V::splat(1.0 / 6_227_020_800.0);
        for factorial in [
            479_001_600.0,
            39_916_800.0,
            3_628_800.0,
            362_880.0,
            40_320.0,
            5_040.0,
            720.0,
            120.0,
            24.0,
            6.0,
            2.0,
        ] {
            sum = sum.mul(r).add(V::splat(1.0 / factorial));
        }
        let value = V::splat(1.0).add(r.add(r.mul(r).mul(sum)));
        x.sub(lowest).select_positive(value.scale_by_power(n), V::splat(0.0))
    }
}

/// ln x for positive normal numbers.
#[inline(always)]
pub(crate) unsafe fn ln<V: Doubles>(x: V) -> V {
    // SAFETY: see `exp`.
    unsafe {
        let one = V::splat(1.0);
        let (mantissa, exponent) = x.mantissa_and_exponent();
        // The mantissa from √½ to √2, so that its logarithm is small on both sides of 1.
        let is_high = mantissa.sub(V::splat(std::f64::consts::SQRT_2));
        let m = is_high.select_positive(mantissa.mul(V::splat(0.5)), mantissa);
        let e = is_high.select_positive(exponent.add(one), exponent);
        // ln m = 2 artanh s with s = (m − 1) / (m + 1), |s| ≤ 0.1716.
        let f = m.sub(one);
        let s = f.div(m.add(one));
        let s2 = s.mul(s);
        let mut sum = V::splat(2.0 / 23.0);
        for odd in [21.0, 19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0] {
            sum = sum.mul(s2).add(V::splat(2.0 / odd));
        }
        // 2 s = f − s f, of which f is exact.
        let tail = s.mul(s2.mul(sum).sub(f));
        e.mul(V::splat(LN_2[0])).add(f.add(tail.add(e.mul(V::splat(LN_2[1])))))
    }
}

/// cos 2πx and sin 2πx for x from 0 to 1, to an absolute 1e-15.
#[inline(always)]
pub(crate) unsafe fn cos_sin_turns<V: Doubles>(x: V) -> [V; 2] {
    // SAFETY: see `exp`.
    unsafe {
        let zero = V::splat(0.0);
        // With y = x − ½ and t = |y| − ¼, all of which are exact: cos 2πx = sin 2πt, and
        // sin 2πx = ∓ cos 2πt as y is above or below 0. What is left is an angle from −π/2 to π/2.
        let y = x.sub(V::splat(0.5));
        let t = y.max(zero.sub(y)).sub(V::splat(0.25));
        let angle = t.mul(V::splat(std::f64::consts::TAU));
        let square = angle.mul(angle);
        // Taylor's series, whose remainders are below 2⁻⁵⁵.
        let mut sin = V::splat(1.0 / 51_090_942_171_709_440_000.0);
        for factorial in [
            -121_645_100_408_832_000.0,
            355_687_428_096_000.0,
            -1_307_674_368_000.0,
            6_227_020_800.0,
            -39_916_800.0,
            362_880.0,
            -5_040.0,
            120.0,
            -6.0,
        ] {
            sin = sin.mul(square).add(V::splat(1.0 / factorial));
        }
        let sin = angle.add(angle.mul(square.mul(sin)));
        let mut cos = V::splat(-1.0 / 1_124_000_727_777_607_680_000.0);
        for factorial in [
            2_432_902_008_176_640_000.0,
            -6_402_373_705_728_000.0,
            20_922_789_888_000.0,
            -87_178_291_200.0,
            479_001_600.0,
            -3_628_800.0,
            40_320.0,
            -720.0,
            24.0,
            -2.0,
        ] {
            cos = cos.mul(square).add(V::splat(1.0 / factorial));
        }
        let cos = V::splat(1.0).add(square.mul(cos));
        [sin, y.select_positive(zero.sub(cos), cos)]
    }
}

/// Φ(x), Φ(−x) and exp(−x²/2), each right to a few parts in 10¹⁵ of itself.
///
/// Source: Cody, "Rational Chebyshev approximations for the error function" (1969), with the
/// coefficients of CALERF (SPECFUN 2.5).
#[inline(always)]
pub(crate) unsafe fn normal<V: Doubles>(x: V) -> [V; 3] {
    // SAFETY: see `exp`.
    unsafe {
        let (zero, one, half) = (V::splat(0.0), V::splat(1.0), V::splat(0.5));
        let size = x.max(zero.sub(x));
        let bell = exp(zero.sub(x.mul(x).mul(half)));
        let y = size.mul(V::splat(std::f64::consts::FRAC_1_SQRT_2));
        let square = y.mul(y);
        // Near 0: erf y = y A(y²) / B(y²). Beyond: erfc y = exp(−y²) C(y) / D(y), and farther out a
        // fraction in 1 / y². Which it is is settled before the division, of which there is one.
        let (numerator, denominator) = fraction(&NEAR, square);
        let near = (y.mul(numerator), denominator);
        let middle = fraction(&MIDDLE, y);
        let inverse = one.div(square.max(V::splat(1e-3)));
        let (numerator, denominator) = fraction(&FAR, inverse);
        let scaled = denominator.mul(V::splat(0.564_189_583_547_756_3));
        let far = (scaled.sub(inverse.mul(numerator)), denominator.mul(y));
        let is_far = y.sub(V::splat(4.0));
        let is_beyond = y.sub(V::splat(0.468_75));
        let numerator = is_far.select_positive(far.0, middle.0);
        let denominator = is_far.select_positive(far.1, middle.1);
        let numerator = is_beyond.select_positive(numerator, near.0);
        let denominator = is_beyond.select_positive(denominator, near.1);
        let ratio = numerator.div(denominator).mul(half);
        let below = is_beyond.select_positive(bell.mul(ratio), half.sub(ratio));
        let above = is_beyond.select_positive(one.sub(bell.mul(ratio)), half.add(ratio));
        [x.select_positive(above, below), x.select_positive(below, above), bell]
    }
}

/// Numerator and denominator of a fraction of polynomials, highest powers first.
#[inline(always)]
unsafe fn fraction<V: Doubles, const N: usize>((a, b): &([f64; N], [f64; N]), x: V) -> (V, V) {
    // SAFETY: see `exp`.
    unsafe {
        let (mut numerator, mut denominator) = (V::splat(a[0]), V::splat(b[0]));
        for i in 1..N {
            numerator = numerator.mul(x).add(V::splat(a[i]));
            denominator = denominator.mul(x).add(V::splat(b[i]));
        }
        (numerator, denominator)
    }
}

#[allow(clippy::excessive_precision, reason = "as published")]
const NEAR: ([f64; 5], [f64; 5]) = (
    [
        1.857_777_061_846_031_53e-1,
        3.161_123_743_870_565_60,
        1.138_641_541_510_501_56e2,
        3.774_852_376_853_020_21e2,
        3.209_377_589_138_469_47e3,
    ],
    [
        1.0,
        2.360_129_095_234_412_09e1,
        2.440_246_379_344_441_73e2,
        1.282_616_526_077_372_28e3,
        2.844_236_833_439_170_62e3,
    ],
);

#[allow(clippy::excessive_precision, reason = "as published")]
const MIDDLE: ([f64; 9], [f64; 9]) = (
    [
        2.153_115_354_744_038_46e-8,
        5.641_884_969_886_700_89e-1,
        8.883_149_794_388_375_94,
        6.611_919_063_714_162_95e1,
        2.986_351_381_974_001_31e2,
        8.819_522_212_417_690_90e2,
        1.712_047_612_634_070_58e3,
        2.051_078_377_826_071_47e3,
        1.230_339_354_797_997_25e3,
    ],
    [
        1.0,
        1.574_492_611_070_983_47e1,
        1.176_939_508_913_124_99e2,
        5.371_811_018_620_098_58e2,
        1.621_389_574_566_690_19e3,
        3.290_799_235_733_459_63e3,
        4.362_619_090_143_247_16e3,
        3.439_367_674_143_721_64e3,
        1.230_339_354_803_749_42e3,
    ],
);

#[allow(clippy::excessive_precision, reason = "as published")]
const FAR: ([f64; 6], [f64; 6]) = (
    [
        1.631_538_713_730_209_78e-2,
        3.053_266_349_612_323_44e-1,
        3.603_448_999_498_044_39e-1,
        1.257_817_261_112_292_46e-1,
        1.608_378_514_874_227_66e-2,
        6.587_491_615_298_378_03e-4,
    ],
    [
        1.0,
        2.568_520_192_289_822_42,
        1.872_952_849_923_467_25,
        5.279_051_029_514_284_12e-1,
        6.051_834_131_244_131_91e-2,
        2.335_204_976_268_691_85e-3,
    ],
);
