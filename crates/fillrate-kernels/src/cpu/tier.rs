//! Which instructions this processor has, as one ordered scale.

use std::fmt;
use std::sync::OnceLock;

/// A set of instructions that kernels are written for; each tier includes those below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// Whatever the target's baseline is (SSE2 on x86-64, NEON on aarch64), vectorised by the
    /// compiler.
    Portable,
    /// AVX2 with FMA (Haswell, Zen).
    Avx2,
    /// AVX-512 F, BW, DQ, VL and VNNI (Cascade Lake, Ice Lake).
    Avx512,
    /// The same and AVX-512 BF16 (Cooper Lake, Zen 4).
    Avx512Bf16,
    /// The same and AMX tiles for bfloat16 and int8 (Sapphire Rapids and later), granted by the
    /// kernel.
    Amx,
}

impl Tier {
    /// Every tier, lowest first.
    pub const ALL: [Self; 5] =
        [Self::Portable, Self::Avx2, Self::Avx512, Self::Avx512Bf16, Self::Amx];

    /// The highest tier of this processor. The first call asks the operating system for AMX.
    #[must_use]
    pub fn detect() -> Self {
        static TIER: OnceLock<Tier> = OnceLock::new();
        *TIER.get_or_init(detect)
    }

    /// The tiers this processor can run, lowest first.
    #[must_use]
    pub fn available() -> &'static [Self] {
        let best = Self::detect();
        let count = Self::ALL.iter().filter(|tier| **tier <= best).count();
        &[Self::Portable, Self::Avx2, Self::Avx512, Self::Avx512Bf16, Self::Amx][..count]
    }

    /// The name used in reports: `portable`, `avx2`, `avx512`, `avx512-bf16` or `amx`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
            Self::Avx512Bf16 => "avx512-bf16",
            Self::Amx => "amx",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn detect() -> Tier {
    Tier::Portable
}

#[cfg(target_arch = "x86_64")]
fn detect() -> Tier {
    if !(is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")) {
        return Tier::Portable;
    }
    let avx512 = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512vnni");
    if !avx512 {
        return Tier::Avx2;
    }
    if !is_x86_feature_detected!("avx512bf16") {
        return Tier::Avx512;
    }
    if super::amx::available() { Tier::Amx } else { Tier::Avx512Bf16 }
}
