//! Ratios as differences of small whole numbers, so that what they cost can be looked up.

/// Steps to a factor of two.
pub(super) const PER_OCTAVE: u32 = 64;
/// Bits of a mantissa that are looked at.
const LOOKED_AT: u32 = 9;

/// By how many steps the ratio of two numbers may differ from the difference of their [`steps`]: each
/// is rounded down to a whole step, of a mantissa cut off after 9 bits (0.18 steps).
const SLACK: f64 = 1.25;

/// ⌊64 log₂(1 + m / 512)⌋ for each m.
static OF_MANTISSA: [u8; 1 << LOOKED_AT] = of_mantissas();

const fn of_mantissas() -> [u8; 1 << LOOKED_AT] {
    let mut table = [0; 1 << LOOKED_AT];
    let mut m = 0;
    while m < table.len() {
        // The digits of a logarithm come one by one from squaring, here with 31 binary places; they
        // are cut off, so that no step is too high.
        let mut x = (1_u64 << 31) + ((m as u64) << (31 - LOOKED_AT));
        let mut digits = 0_u32;
        let mut bit = PER_OCTAVE / 2;
        while bit > 0 {
            x = (x * x) >> 31;
            if x >= 1 << 32 {
                x >>= 1;
                digits += bit;
            }
            bit /= 2;
        }
        table[m] = digits as u8;
        m += 1;
    }
    table
}

/// 64 log₂ x and a constant, rounded down, for a number that is 0 or at least 10⁻³⁰⁰; less for 0 than
/// for any other.
#[inline]
pub(super) fn steps(x: f64) -> i32 {
    let bits = x.to_bits() >> (52 - LOOKED_AT);
    let mantissa = bits as usize & ((1 << LOOKED_AT) - 1);
    ((bits >> LOOKED_AT) as i32) * PER_OCTAVE as i32 + i32::from(OF_MANTISSA[mantissa])
}

/// The ratios that two numbers can have whose steps differ by so many.
pub(super) fn ratios(difference: i32) -> (f64, f64) {
    let ratio = |steps: f64| (steps / f64::from(PER_OCTAVE)).exp2();
    (ratio(f64::from(difference) - SLACK), ratio(f64::from(difference) + SLACK))
}

#[cfg(test)]
mod tests {
    use super::super::search::tests::Dice;
    use super::*;

    #[test]
    fn a_ratio_lies_where_the_difference_of_steps_says() {
        let mut dice = Dice(3);
        for _ in 0..200_000 {
            let [one, other] = [(); 2].map(|()| ((dice.roll() - 0.5) * 40.0).exp());
            let (low, high) = ratios(steps(one) - steps(other));
            assert!((low..=high).contains(&(one / other)), "{one} {other}");
        }
        for octave in -900..900 {
            assert_eq!(steps(2_f64.powi(octave)) - steps(1.0), 64 * octave);
        }
        assert!(steps(0.0) < steps(1e-300));
    }
}
