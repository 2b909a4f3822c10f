//! Exponential, logarithm, sine, cosine and the normal distribution of f64 lanes.
//!
//! Errors are those that the tests hold them to: a few units in the last place. Nothing is
//! contracted, so that every tier gives the same bits.

#![allow(unsafe_code, reason = "lane operations gated by the tier")]

use super::Doubles;

/// ln 2 in two parts: the first has zeros enough that its product with an exponent is exact.
const LN_2: [f64; 2] = [0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10];

// Polynomials, highest power first, that interpolate at the Chebyshev nodes of their ranges: computed with 60
// digits by `golden/market/series.py`, which says what error is left.

/// (eʳ − 1 − r) / r² for |r| ≤ ln 2 / 2, to 2⁻⁵⁵ of eʳ.
const EXP: [f64; 10] = [
    2.510_037_583_256_123_4e-8,
    2.762_007_587_998_336_7e-7,
    2.755_726_848_031_002_4e-6,
    2.480_152_132_236_869_2e-5,
    0.000_198_412_698_630_405_45,
    0.001_388_888_891_719_671_9,
    0.008_333_333_333_330_065,
    0.041_666_666_666_624_164,
    0.166_666_666_666_666_69,
    0.500_000_000_000_000_1,
];

/// (2 artanh s − 2 s) / s³ in powers of s², for |s| ≤ 0.1716, to 2⁻⁵⁷ of the logarithm.
const LN: [f64; 7] = [
    0.146_164_496_850_434_06,
    0.153_317_216_005_560_42,
    0.181_828_891_252_617_23,
    0.222_222_111_347_950_8,
    0.285_714_286_259_754_87,
    0.399_999_999_998_995_05,
    0.666_666_666_666_667,
];

/// (sin a − a) / a³ in powers of a², for |a| ≤ π/2, to 2⁻⁵⁴.
const SIN: [f64; 8] = [
    2.731_444_766_986_399_5e-15,
    -7.643_970_296_798_572e-13,
    1.605_897_731_246_408_7e-10,
    -2.505_210_761_699_618_2e-8,
    2.755_731_921_916_323_4e-6,
    -0.000_198_412_698_412_549_74,
    0.008_333_333_333_333_316,
    -0.166_666_666_666_666_66,
];

/// (cos a − 1) / a² in powers of a², for |a| ≤ π/2, to 2⁻⁵⁵.
const COS: [f64; 8] = [
    4.627_675_985_018_171_6e-14,
    -1.146_468_988_572_002_9e-11,
    2.087_663_086_742_299_4e-9,
    -2.755_731_776_732_053e-7,
    2.480_158_729_244_621_3e-5,
    -0.001_388_888_888_886_070_9,
    0.041_666_666_666_666_34,
    -0.5,
];

/// A polynomial's value, its coefficients from the highest power on.
#[inline(always)]
unsafe fn polynomial<V: Doubles, const N: usize>(coefficients: &[f64; N], x: V) -> V {
    // SAFETY: the caller has the instructions of `V`.
    unsafe {
        let mut sum = V::splat(coefficients[0]);
        for coefficient in &coefficients[1..] {
            sum = sum.mul(x).add(V::splat(*coefficient));
        }
        sum
    }
}

/// eˣ for x from −745 to 709; 0 below −708, where results would not be normal numbers.
#[inline(always)]
pub(crate) unsafe fn exp<V: Doubles>(x: V) -> V {
    // SAFETY: the caller has the instructions of `V`.
    unsafe {
        let lowest = V::splat(-708.0);
        let bounded = x.max(lowest).min(V::splat(709.0));
        let n = bounded.mul(V::splat(std::f64::consts::LOG2_E)).round();
        let r = bounded.sub(n.mul(V::splat(LN_2[0]))).sub(n.mul(V::splat(LN_2[1])));
        let value = V::splat(1.0).add(r.add(r.mul(r).mul(polynomial(&EXP, r))));
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
        // 2 s = f − s f, of which f is exact.
        let tail = s.mul(s2.mul(polynomial(&LN, s2)).sub(f));
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
        let sin = angle.add(angle.mul(square.mul(polynomial(&SIN, square))));
        let cos = V::splat(1.0).add(square.mul(polynomial(&COS, square)));
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
