//! 8-bit floats, as the matrix units of Ada, Hopper and Blackwell multiply them.

/// The largest value: there is no infinity above it, and what is larger saturates.
pub const E4M3_MAX: f32 = 448.0;

/// The smallest value with a whole mantissa, as f32 bits: 2⁻⁶.
const SMALLEST_NORMAL: u32 = 0x3c80_0000;

/// Adding this rounds to a multiple of 2⁻⁹, the step of the values below 2⁻⁶.
const SUBNORMAL_SHIFT: f32 = 16_384.0;

/// The bits of the nearest value, ties to even: a sign, four bits of exponent with a bias of 7, three
/// of mantissa. What is beyond [`E4M3_MAX`] saturates, infinities too; a NaN stays one.
///
/// Source: Micikevicius et al., "FP8 Formats for Deep Learning" (2022), table 1.
///
/// ```
/// use fillrate_kernels::cuda::{narrow_e4m3, widen_e4m3};
///
/// assert_eq!(widen_e4m3(narrow_e4m3(17.0)), 16.0);
/// assert_eq!(widen_e4m3(narrow_e4m3(-1e9)), -448.0);
/// ```
#[must_use]
pub fn narrow_e4m3(value: f32) -> u8 {
    let sign = (value.to_bits() >> 24 & 0x80) as u8;
    let magnitude = value.to_bits() & 0x7fff_ffff;
    if value.is_nan() {
        return sign | 0x7f;
    }
    if magnitude >= E4M3_MAX.to_bits() {
        return sign | 0x7e;
    }
    if magnitude < SMALLEST_NORMAL {
        return sign | (f32::from_bits(magnitude) + SUBNORMAL_SHIFT).to_bits() as u8;
    }
    // A carry out of the mantissa comes out right in the exponent.
    let rounded = magnitude + 0x7_ffff + (magnitude >> 20 & 1);
    sign | ((rounded >> 20) - (120 << 3)) as u8
}

/// The value of bits.
#[must_use]
pub fn widen_e4m3(bits: u8) -> f32 {
    let (exponent, mantissa) = (i32::from(bits >> 3 & 0xf), f32::from(bits & 7));
    let magnitude = match (exponent, bits & 7) {
        (15, 7) => f32::NAN,
        (0, _) => mantissa * 2.0_f32.powi(-9),
        _ => (8.0 + mantissa) * 2.0_f32.powi(exponent - 10),
    };
    if bits & 0x80 == 0 { magnitude } else { -magnitude }
}

/// What one step of 8-bit floats stands for, so that `largest` becomes [`E4M3_MAX`]. Values that are
/// all zero keep their scale.
#[must_use]
pub fn e4m3_scale(largest: f32) -> f32 {
    if largest > 0.0 && largest.is_finite() { largest / E4M3_MAX } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The nearest of all values by trying each; of two as near the one whose mantissa is even.
    fn nearest(value: f32) -> u8 {
        let finite = (0_u8..=0xff).filter(|bits| !widen_e4m3(*bits).is_nan());
        let signed = finite.filter(|bits| (bits & 0x80 != 0) == value.is_sign_negative());
        let distance = |bits: u8| (f64::from(widen_e4m3(bits)) - f64::from(value)).abs();
        signed
            .min_by(|a, b| distance(*a).total_cmp(&distance(*b)).then((a & 1).cmp(&(b & 1))))
            .unwrap()
    }

    #[test]
    fn every_value_is_kept_and_every_tie_goes_to_even() {
        let mut values: Vec<f32> = (0_u8..0x7f).map(widen_e4m3).collect();
        assert!(values.is_sorted() && values.last() == Some(&E4M3_MAX));
        let middles = values.windows(2).map(|pair| f32::midpoint(pair[0], pair[1]));
        let middles: Vec<f32> = middles.collect();
        values.extend(
            middles.iter().flat_map(|middle| [*middle, middle.next_down(), middle.next_up()]),
        );
        for value in values.into_iter().flat_map(|value| [value, -value]) {
            assert_eq!(narrow_e4m3(value), nearest(value), "{value:e}");
        }
    }

    #[test]
    fn what_is_beyond_saturates_and_a_nan_stays_one() {
        for large in [448.0, 449.0, 463.9, 464.0, 1e30, f32::INFINITY] {
            assert_eq!((narrow_e4m3(large), narrow_e4m3(-large)), (0x7e, 0xfe), "{large}");
        }
        assert!(widen_e4m3(narrow_e4m3(f32::NAN)).is_nan());
        assert!(widen_e4m3(0x7f).is_nan() && widen_e4m3(0xff).is_nan());
        assert_eq!((narrow_e4m3(0.0), narrow_e4m3(-0.0)), (0, 0x80));
        // The smallest value, half of it, and a little more than half.
        let least = 2.0_f32.powi(-9);
        assert_eq!([least, least / 2.0, least * 0.51].map(narrow_e4m3), [1, 0, 1]);
    }

    proptest! {
        #[test]
        fn any_value_becomes_the_nearest(value in -500.0_f32..500.0, small in -0.05_f32..0.05) {
            prop_assert_eq!(narrow_e4m3(value), nearest(value));
            prop_assert_eq!(narrow_e4m3(small), nearest(small));
        }
    }

    #[test]
    fn scales_put_the_largest_at_the_top() {
        assert_eq!(narrow_e4m3(7.0 / e4m3_scale(7.0)), 0x7e);
        let kept = [e4m3_scale(0.0), e4m3_scale(f32::INFINITY)].map(f32::to_bits);
        assert_eq!(kept, [1.0_f32.to_bits(); 2]);
    }
}
