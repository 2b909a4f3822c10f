//! Lanes of a series as they were some places earlier, made in registers.

#![allow(unsafe_code, reason = "lane operations gated by the tier")]

use super::{Doubles, PortableDoubles};

/// Eight neighbouring values of a series, which can be put off.
///
/// # Safety
///
/// As for [`Doubles`].
pub(crate) trait Delay: Doubles {
    /// Whether windows of up to 32 values are joined faster in registers than in memory, which takes
    /// registers for some twenty such vectors.
    const HAS_REGISTERS: bool = false;

    /// The eight values `N` places before these, `N` from 1 to 7: the last `N` of `before`, which
    /// are the eight values that precede these, and then the first of these.
    unsafe fn delayed<const N: usize>(self, before: Self) -> Self;
}

// SAFETY: plain Rust needs no instructions beyond the baseline.
impl Delay for PortableDoubles {
    #[inline(always)]
    unsafe fn delayed<const N: usize>(self, before: Self) -> Self {
        let mut out = [0.0; 8];
        out[..N].copy_from_slice(&before.0[8 - N..]);
        out[N..].copy_from_slice(&self.0[..8 - N]);
        Self(out)
    }
}
