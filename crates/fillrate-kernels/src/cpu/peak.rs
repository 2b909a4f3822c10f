//! The most that one core multiplies: what a product's speed is measured against.

#![allow(unsafe_code, reason = "register-only loops over instructions that were detected")]

use std::time::Instant;

use super::Cpu;
use super::dispatch::{Kernel, dispatch};
use super::lanes::{LANES, Lanes};
use crate::{Precision, Tier};

/// Rounds per measurement: a tenth of a millisecond or so, too short to be interrupted every time.
const ROUNDS: u64 = 5_000;

impl Cpu {
    /// Billions of additions and multiplications per second that this thread reaches in `precision`
    /// with operands in registers, the best of `repeats` measurements of a fraction of a millisecond.
    ///
    /// `None` where the tier has no instruction of its own for the precision (its products then
    /// run on f32 or 16-bit multiplications, and no single figure bounds them).
    #[must_use]
    pub fn measure_peak_gops(&self, precision: Precision, repeats: usize) -> Option<f64> {
        let run: fn(Tier) -> f64 = match (self.tier(), precision) {
            (_, Precision::Fp32) => fma_operations,
            #[cfg(target_arch = "x86_64")]
            (Tier::Amx, Precision::Bf16) => |_| super::amx::peak_bf16(ROUNDS),
            #[cfg(target_arch = "x86_64")]
            (Tier::Amx, Precision::Int8) => |_| super::amx::peak_int8(ROUNDS),
            #[cfg(target_arch = "x86_64")]
            (Tier::Avx512Bf16, Precision::Bf16) => |_| x86::bf16_dot_operations(),
            #[cfg(target_arch = "x86_64")]
            (Tier::Avx512 | Tier::Avx512Bf16, Precision::Int8) => |_| x86::vnni_operations(),
            _ => return None,
        };
        let rates = (0..repeats.max(1)).map(|_| {
            let start = Instant::now();
            let operations = run(self.tier());
            operations / start.elapsed().as_secs_f64() / 1e9
        });
        rates.reduce(f64::max)
    }
}

/// Twelve independent chains hide the latency of two FMA units.
const CHAINS: usize = 12;

fn fma_operations(tier: Tier) -> f64 {
    dispatch(tier, Fma);
    (ROUNDS * (CHAINS * LANES * 2) as u64) as f64
}

struct Fma;

impl Kernel for Fma {
    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        // SAFETY: lane arithmetic alone; `L` is available by the trait's contract.
        unsafe {
            let factor = L::splat(std::hint::black_box(0.5));
            let mut sums = [L::splat(1.0); CHAINS];
            for _ in 0..ROUNDS {
                for sum in &mut sums {
                    *sum = sum.fma(factor, factor);
                }
            }
            for sum in sums {
                std::hint::black_box(sum.to_array());
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::asm;

    use super::ROUNDS;

    macro_rules! chains {
        ($name:ident, $instruction:literal, $operations:literal) => {
            /// Twelve chains of the instruction; returns the operations done.
            pub(super) fn $name() -> f64 {
                // SAFETY: called only for a tier that has the instruction; registers alone change.
                unsafe {
                    asm!(
                        "vpxord zmm30, zmm30, zmm30",
                        "vpxord zmm31, zmm31, zmm31",
                        "2:",
                        concat!($instruction, " zmm16, zmm30, zmm31"),
                        concat!($instruction, " zmm17, zmm30, zmm31"),
                        concat!($instruction, " zmm18, zmm30, zmm31"),
                        concat!($instruction, " zmm19, zmm30, zmm31"),
                        concat!($instruction, " zmm20, zmm30, zmm31"),
                        concat!($instruction, " zmm21, zmm30, zmm31"),
                        concat!($instruction, " zmm22, zmm30, zmm31"),
                        concat!($instruction, " zmm23, zmm30, zmm31"),
                        concat!($instruction, " zmm24, zmm30, zmm31"),
                        concat!($instruction, " zmm25, zmm30, zmm31"),
                        concat!($instruction, " zmm26, zmm30, zmm31"),
                        concat!($instruction, " zmm27, zmm30, zmm31"),
                        "dec {n}",
                        "jnz 2b",
                        n = inout(reg) ROUNDS => _,
                        out("zmm16") _, out("zmm17") _, out("zmm18") _, out("zmm19") _,
                        out("zmm20") _, out("zmm21") _, out("zmm22") _, out("zmm23") _,
                        out("zmm24") _, out("zmm25") _, out("zmm26") _, out("zmm27") _,
                        out("zmm30") _, out("zmm31") _,
                        options(nostack, nomem),
                    );
                }
                (ROUNDS * 12 * $operations) as f64
            }
        };
    }

    chains!(vnni_operations, "vpdpbusd", 128);
    chains!(bf16_dot_operations, "vdpbf16ps", 64);
}
