//! Two vectors side by side, each operation done to one and then to the other.
//!
//! Where one operation waits for the one before it, as in a polynomial, a processor with one vector
//! to work on is idle between them; its scheduler sees a few dozen operations ahead and not as far as
//! the next vector. Here the next vector's operation is the next.

#![allow(unsafe_code, reason = "lane operations gated by the tier")]

use super::Doubles;
use crate::cpu::words::Words;

/// Twice the lanes of `T`.
#[derive(Clone, Copy)]
pub(crate) struct Twice<T>(T, T);

macro_rules! each {
    ($($method:ident($($other:ident),*);)*) => {
        $(
            #[inline(always)]
            unsafe fn $method(self $(, $other: Self)*) -> Self {
                // SAFETY: the trait's contract, which is that of `T`.
                unsafe { Self(self.0.$method($($other.0),*), self.1.$method($($other.1),*)) }
            }
        )*
    };
}

// SAFETY (of every block below): the trait's contract, which is that of `T` for twice the lanes.
impl<V: Doubles> Doubles for Twice<V> {
    const LANES: usize = 2 * V::LANES;
    type Words = Twice<V::Words>;

    each! {
        add(other);
        sub(other);
        mul(other);
        div(other);
        sqrt();
        max(other);
        min(other);
        select_positive(then, otherwise);
        round();
        scale_by_power(n);
    }

    #[inline(always)]
    unsafe fn splat(x: f64) -> Self {
        // SAFETY: see above.
        unsafe { Self(V::splat(x), V::splat(x)) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f64) -> Self {
        // SAFETY: see above.
        unsafe { Self(V::load(from), V::load(from.add(V::LANES))) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f64) {
        // SAFETY: see above.
        unsafe {
            self.0.store(to);
            self.1.store(to.add(V::LANES));
        }
    }
    #[inline(always)]
    unsafe fn any_nan(self) -> bool {
        // SAFETY: see above.
        unsafe { self.0.any_nan() || self.1.any_nan() }
    }
    #[inline(always)]
    unsafe fn mantissa_and_exponent(self) -> (Self, Self) {
        // SAFETY: see above.
        unsafe {
            let (mantissa, exponent) = self.0.mantissa_and_exponent();
            let (second_mantissa, second_exponent) = self.1.mantissa_and_exponent();
            (Self(mantissa, second_mantissa), Self(exponent, second_exponent))
        }
    }
    #[inline(always)]
    unsafe fn from_bits(bits: Self::Words) -> Self {
        // SAFETY: see above.
        unsafe { Self(V::from_bits(bits.0), V::from_bits(bits.1)) }
    }
}

// SAFETY (of every block below): as above.
impl<W: Words> Words for Twice<W> {
    const LANES: usize = 2 * W::LANES;

    each! {
        multiply(other);
        xor(other);
        high();
    }

    #[inline(always)]
    unsafe fn splat(x: u64) -> Self {
        // SAFETY: see above.
        unsafe { Self(W::splat(x), W::splat(x)) }
    }
    #[inline(always)]
    unsafe fn count_from(first: u64) -> Self {
        // SAFETY: see above.
        unsafe { Self(W::count_from(first), W::count_from(first.wrapping_add(W::LANES as u64))) }
    }
    #[inline(always)]
    unsafe fn fraction(low: Self, high: Self) -> Self {
        // SAFETY: see above.
        unsafe { Self(W::fraction(low.0, high.0), W::fraction(low.1, high.1)) }
    }
}
