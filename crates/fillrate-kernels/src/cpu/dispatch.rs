//! From a tier, once per op, to code compiled for its instructions.

#![allow(unsafe_code, reason = "calling code compiled for instructions that were detected")]

use super::lanes::{Lanes, Portable};
use crate::Tier;

/// An op's loops, written once for any lanes.
pub(crate) trait Kernel {
    /// Runs the loops.
    ///
    /// # Safety
    ///
    /// The processor has the instructions of `L`.
    unsafe fn run<L: Lanes>(self);
}

/// Runs a kernel compiled for `tier`, which [`crate::Cpu`] has checked to be available.
pub(crate) fn dispatch<K: Kernel>(tier: Tier, kernel: K) {
    debug_assert!(tier <= Tier::detect(), "{tier} was not detected");
    // SAFETY: a `Tier` reaches this point only from a `Cpu`, whose constructors let no tier pass
    // that is above the detected one.
    unsafe {
        match tier {
            #[cfg(target_arch = "x86_64")]
            Tier::Amx | Tier::Avx512Bf16 => x86::avx512_bf16(kernel),
            #[cfg(target_arch = "x86_64")]
            Tier::Avx512 => x86::avx512(kernel),
            #[cfg(target_arch = "x86_64")]
            Tier::Avx2 => x86::avx2(kernel),
            _ => kernel.run::<Portable>(),
        }
    }
}

/// The same for a kernel over doubles, which no tier above AVX-512 has more instructions for: there is
/// no copy of its code for them.
pub(crate) fn dispatch_doubles<K: Kernel>(tier: Tier, kernel: K) {
    debug_assert!(tier <= Tier::detect(), "{tier} was not detected");
    // SAFETY: as for `dispatch`.
    unsafe {
        match tier {
            #[cfg(target_arch = "x86_64")]
            Tier::Amx | Tier::Avx512Bf16 | Tier::Avx512 => x86::avx512(kernel),
            #[cfg(target_arch = "x86_64")]
            Tier::Avx2 => x86::avx2(kernel),
            _ => kernel.run::<Portable>(),
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Kernel;
    use crate::cpu::lanes::{Avx2, Avx512, Avx512Bf16};

    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn avx2<K: Kernel>(kernel: K) {
        // SAFETY: the caller has AVX2 and FMA.
        unsafe { kernel.run::<Avx2>() }
    }

    #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
    pub(super) unsafe fn avx512<K: Kernel>(kernel: K) {
        // SAFETY: the caller has the tier's AVX-512 subsets.
        unsafe { kernel.run::<Avx512>() }
    }

    #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16")]
    pub(super) unsafe fn avx512_bf16<K: Kernel>(kernel: K) {
        // SAFETY: the caller has the tier's AVX-512 subsets, BF16 among them.
        unsafe { kernel.run::<Avx512Bf16>() }
    }
}
