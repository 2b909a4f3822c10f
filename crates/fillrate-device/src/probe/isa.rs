//! Which vector and matrix instructions the processor has.

use serde::Serialize;

/// The instruction set extensions that numerical kernels care about.
///
/// Each is false on an architecture that has no such extension.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is one bit that the processor reports")]
pub struct Isa {
    /// 256-bit integer vectors.
    pub avx2: bool,
    /// Fused multiply-add on 256-bit vectors.
    pub fma: bool,
    /// 8-bit dot products on 256-bit vectors, outside AVX-512.
    pub avx_vnni: bool,
    /// The foundation of the 512-bit vectors.
    pub avx512f: bool,
    /// 512-bit vectors of bytes and words.
    pub avx512bw: bool,
    /// 8-bit dot products on 512-bit vectors.
    pub avx512_vnni: bool,
    /// bfloat16 dot products on 512-bit vectors.
    pub avx512_bf16: bool,
    /// Half-precision arithmetic on 512-bit vectors.
    pub avx512_fp16: bool,
    /// Matrix tiles.
    pub amx_tile: bool,
    /// bfloat16 products of matrix tiles.
    pub amx_bf16: bool,
    /// 8-bit products of matrix tiles.
    pub amx_int8: bool,
    /// Whether the operating system lets this process use the tiles; `None` where there are none
    /// or it cannot be asked.
    pub amx_granted: Option<bool>,
    /// 128-bit vectors of Arm.
    pub neon: bool,
    /// 8-bit dot products of Arm.
    pub dotprod: bool,
    /// 8-bit matrix products of Arm.
    pub i8mm: bool,
    /// bfloat16 products of Arm.
    pub arm_bf16: bool,
    /// Scalable vectors of Arm.
    pub sve: bool,
}

impl Isa {
    /// Asks the processor, and the operating system about the tiles.
    #[cfg(target_arch = "x86_64")]
    #[must_use]
    pub fn detect() -> Self {
        let tiles = amx::features();
        Self {
            avx2: is_x86_feature_detected!("avx2"),
            fma: is_x86_feature_detected!("fma"),
            avx_vnni: is_x86_feature_detected!("avxvnni"),
            avx512f: is_x86_feature_detected!("avx512f"),
            avx512bw: is_x86_feature_detected!("avx512bw"),
            avx512_vnni: is_x86_feature_detected!("avx512vnni"),
            avx512_bf16: is_x86_feature_detected!("avx512bf16"),
            avx512_fp16: is_x86_feature_detected!("avx512fp16"),
            amx_tile: tiles.tile,
            amx_bf16: tiles.bf16,
            amx_int8: tiles.int8,
            #[cfg(target_os = "linux")]
            amx_granted: tiles.tile.then(amx::granted),
            ..Self::default()
        }
    }

    /// Asks the processor.
    #[cfg(target_arch = "aarch64")]
    #[must_use]
    pub fn detect() -> Self {
        use std::arch::is_aarch64_feature_detected;
        Self {
            neon: is_aarch64_feature_detected!("neon"),
            dotprod: is_aarch64_feature_detected!("dotprod"),
            i8mm: is_aarch64_feature_detected!("i8mm"),
            arm_bf16: is_aarch64_feature_detected!("bf16"),
            sve: is_aarch64_feature_detected!("sve"),
            ..Self::default()
        }
    }

    /// Nothing is known of other architectures.
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    #[must_use]
    pub fn detect() -> Self {
        Self::default()
    }

    /// The names of the extensions that are here, as Linux spells them in `/proc/cpuinfo`.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        [
            (self.avx2, "avx2"),
            (self.fma, "fma"),
            (self.avx_vnni, "avx_vnni"),
            (self.avx512f, "avx512f"),
            (self.avx512bw, "avx512bw"),
            (self.avx512_vnni, "avx512_vnni"),
            (self.avx512_bf16, "avx512_bf16"),
            (self.avx512_fp16, "avx512_fp16"),
            (self.amx_tile, "amx_tile"),
            (self.amx_bf16, "amx_bf16"),
            (self.amx_int8, "amx_int8"),
            (self.neon, "asimd"),
            (self.dotprod, "asimddp"),
            (self.i8mm, "i8mm"),
            (self.arm_bf16, "bf16"),
            (self.sve, "sve"),
        ]
        .into_iter()
        .filter_map(|(here, name)| here.then_some(name))
        .collect()
    }
}

#[cfg(target_arch = "x86_64")]
mod amx {
    //! The matrix tiles, which the standard library's detection does not cover yet.

    use std::arch::x86_64::{__cpuid, __cpuid_count};

    /// What the processor reports of its tiles.
    pub(super) struct Features {
        pub(super) tile: bool,
        pub(super) bf16: bool,
        pub(super) int8: bool,
    }

    /// Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2A, CPUID,
    /// leaf 7, sub-leaf 0, EDX bits 22, 24 and 25.
    pub(super) fn features() -> Features {
        let edx = if __cpuid(0).eax >= 7 { __cpuid_count(7, 0).edx } else { 0 };
        let bit = |index: u32| edx & (1 << index) != 0;
        Features { bf16: bit(22), tile: bit(24), int8: bit(25) }
    }

    /// Asks Linux for the tiles, which it grants to each process that asks, unless it was told
    /// not to or is older than 5.16.
    ///
    /// Source: Linux, Documentation/arch/x86/xstate.rst.
    #[cfg(target_os = "linux")]
    #[expect(unsafe_code, reason = "a system call that the standard library does not offer")]
    pub(super) fn granted() -> bool {
        const SYS_ARCH_PRCTL: i64 = 158;
        const ARCH_REQ_XCOMP_PERM: u64 = 0x1023;
        const XFEATURE_XTILEDATA: u64 = 18;
        let result: i64;
        // SAFETY: the call has two integer arguments, reads and writes no memory of ours, and
        // only widens what this process may use. The kernel overwrites rcx and r11, as declared.
        unsafe {
            std::arch::asm!(
                "syscall",
                inlateout("rax") SYS_ARCH_PRCTL => result,
                in("rdi") ARCH_REQ_XCOMP_PERM,
                in("rsi") XFEATURE_XTILEDATA,
                lateout("rcx") _,
                lateout("r11") _,
                options(nostack),
            );
        }
        result == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    #[test]
    fn agrees_with_what_linux_lists() {
        let Ok(cpuinfo) = std::fs::read_to_string("/proc/cpuinfo") else { return };
        let Some(line) = cpuinfo.lines().find(|line| line.starts_with("flags")) else { return };
        let listed: Vec<&str> = line.split_whitespace().collect();
        let isa = Isa::detect();
        for name in isa.names() {
            assert!(listed.contains(&name), "{name} was detected, and Linux does not list it");
        }
        assert_eq!(isa.avx2, listed.contains(&"avx2"));
        assert_eq!(isa.avx512_bf16, listed.contains(&"avx512_bf16"));
    }

    #[test]
    fn names_follow_the_fields() {
        let isa = Isa { avx2: true, neon: true, ..Isa::default() };
        assert_eq!(isa.names(), ["avx2", "asimd"]);
    }
}
