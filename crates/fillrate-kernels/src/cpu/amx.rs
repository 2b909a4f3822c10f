//! AMX tiles: bfloat16 and int8 products of 16 × 16 blocks in one instruction.
//!
//! Rust has no stable intrinsics for AMX, so the inner loops are inline assembly. Most are one block
//! of assembly from the first tile load to the last store. [`Block`] keeps its sums in tile
//! registers between blocks of assembly: no compiled code can touch them, since nothing is compiled
//! with AMX enabled, and the system keeps them across context switches as any register. All eight tiles are 16 rows of 64 bytes; a packed panel of weights is a sequence
//! of such tiles, and so is a block of sixteen rows of an activation.
//!
//! Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, chapter 18.

#![allow(unsafe_code, reason = "inline assembly, gated by detection")]

use std::arch::asm;
use std::arch::x86_64::__cpuid_count;

use super::linear::Operands;

/// Whether the processor has AMX with bf16 and int8 and the kernel lets this process use it.
///
/// Linux grants the tile registers per process, on request.
pub(super) fn available() -> bool {
    const AMX_BF16: u32 = 1 << 22;
    const AMX_TILE: u32 = 1 << 24;
    const AMX_INT8: u32 = 1 << 25;
    const ALL: u32 = AMX_BF16 | AMX_TILE | AMX_INT8;
    // CPUID leaf 7 exists on every processor that has AVX-512, which the caller has checked.
    __cpuid_count(7, 0).edx & ALL == ALL && request_tiles()
}

#[cfg(target_os = "linux")]
fn request_tiles() -> bool {
    const SYS_ARCH_PRCTL: i64 = 158;
    const ARCH_REQ_XCOMP_PERM: i64 = 0x1023;
    const XFEATURE_XTILEDATA: i64 = 18;
    let result: i64;
    // SAFETY: arch_prctl(ARCH_REQ_XCOMP_PERM, feature) reads no memory and only widens what this
    // process may do; an older kernel answers with an error. The system call clobbers rcx and r11.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") SYS_ARCH_PRCTL => result,
            in("rdi") ARCH_REQ_XCOMP_PERM,
            in("rsi") XFEATURE_XTILEDATA,
            out("rcx") _,
            out("r11") _,
            options(nostack),
        );
    }
    result == 0
}

#[cfg(not(target_os = "linux"))]
fn request_tiles() -> bool {
    false
}

/// The operand of `ldtilecfg`: palette 1, eight tiles of 16 rows of 64 bytes.
#[repr(C, align(64))]
struct TileConfig {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

static TILES: TileConfig = TileConfig {
    palette: 1,
    start_row: 0,
    reserved: [0; 14],
    row_bytes: [64, 64, 64, 64, 64, 64, 64, 64, 0, 0, 0, 0, 0, 0, 0, 0],
    rows: [16, 16, 16, 16, 16, 16, 16, 16, 0, 0, 0, 0, 0, 0, 0, 0],
};

/// Shapes this thread's tiles.
///
/// # Safety
///
/// [`available`] has returned true.
pub(super) unsafe fn configure() {
    // SAFETY: the configuration is a valid one for palette 1 and outlives the instruction.
    unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const TILES, options(nostack, readonly)) }
}

/// Returns this thread's tiles to their initial state.
///
/// # Safety
///
/// [`available`] has returned true.
pub(super) unsafe fn release() {
    // SAFETY: touches tile state alone.
    unsafe { asm!("tilerelease", options(nostack, nomem)) }
}

/// 16 rows × 64 columns: one tile of rows, four panels, four tiles of sums.
macro_rules! block_16x64 {
    ($(#[$doc:meta])* $name:ident, $dot:literal) => {
        $(#[$doc])*
        ///
        /// # Safety
        ///
        /// As `Micro` says, with tiles configured on this thread; 16 rows are readable, and the
        /// steps are a multiple of 16.
        pub(super) unsafe fn $name(operands: Operands, _rows: usize, sums: *mut u32) {
            let Operands { x, row_bytes, w, panel_bytes, steps, .. } = operands;
            // SAFETY: each of `steps / 16` iterations reads 64 bytes of each of 16 rows and 1 KiB
            // of each of four panels; the stores fill 16 × 64 sums.
            unsafe {
                asm!(
                    "tilezero tmm0",
                    "tilezero tmm1",
                    "tilezero tmm2",
                    "tilezero tmm3",
                    "2:",
                    "tileloadd tmm4, [{x} + {row}]",
                    "tileloadd tmm5, [{w0} + {line}]",
                    concat!($dot, " tmm0, tmm4, tmm5"),
                    "tileloadd tmm6, [{w1} + {line}]",
                    concat!($dot, " tmm1, tmm4, tmm6"),
                    "tileloadd tmm7, [{w2} + {line}]",
                    concat!($dot, " tmm2, tmm4, tmm7"),
                    "tileloadd tmm5, [{w3} + {line}]",
                    concat!($dot, " tmm3, tmm4, tmm5"),
                    "add {x}, 64",
                    "add {w0}, 1024",
                    "add {w1}, 1024",
                    "add {w2}, 1024",
                    "add {w3}, 1024",
                    "dec {n}",
                    "jnz 2b",
                    "tilestored [{sums} + {out}], tmm0",
                    "tilestored [{sums} + {out} + 64], tmm1",
                    "tilestored [{sums} + {out} + 128], tmm2",
                    "tilestored [{sums} + {out} + 192], tmm3",
                    x = inout(reg) x => _,
                    w0 = inout(reg) w => _,
                    w1 = inout(reg) w.add(panel_bytes) => _,
                    w2 = inout(reg) w.add(2 * panel_bytes) => _,
                    w3 = inout(reg) w.add(3 * panel_bytes) => _,
                    n = inout(reg) steps / 16 => _,
                    row = in(reg) row_bytes,
                    line = in(reg) 64_usize,
                    sums = in(reg) sums,
                    out = in(reg) 256_usize,
                    out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                    out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                    options(nostack),
                );
            }
        }
    };
}

/// The sums of a block of 32 × 32.
pub(super) const BLOCK_VALUES: usize = 32 * 32;

/// The 32-bit steps of a row that one tile step multiplies.
pub(super) const STEP: usize = 16;

/// What a [`Block`] multiplies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Steps {
    /// Pairs of bfloat16.
    Bf16,
    /// Unsigned with signed bytes.
    Int8,
}

/// A block of 32 rows × 32 columns on its way: the sums so far are in this thread's tiles 0 to 3.
pub(super) struct Block {
    kind: Steps,
    x: [*const u8; 2],
    row_bytes: usize,
    w: [*const u8; 2],
    left: usize,
}

/// One step of a block: two tiles of rows, two panels, four products.
macro_rules! step_32x32 {
    ($block:ident, $dot:literal) => {
        asm!(
            "tileloadd tmm6, [{w0} + {line}]",
            "tileloadd tmm4, [{x0} + {row}]",
            concat!($dot, " tmm0, tmm4, tmm6"),
            "tileloadd tmm7, [{w1} + {line}]",
            concat!($dot, " tmm1, tmm4, tmm7"),
            "tileloadd tmm5, [{x1} + {row}]",
            concat!($dot, " tmm2, tmm5, tmm6"),
            concat!($dot, " tmm3, tmm5, tmm7"),
            x0 = in(reg) $block.x[0],
            x1 = in(reg) $block.x[1],
            w0 = in(reg) $block.w[0],
            w1 = in(reg) $block.w[1],
            row = in(reg) $block.row_bytes,
            line = in(reg) 64_usize,
            options(nostack, readonly),
        )
    };
}

impl Steps {
    /// Begins a block.
    ///
    /// # Safety
    ///
    /// As `Micro` says, with tiles configured on this thread, on which no other product runs until
    /// [`Block::finish`]; 32 rows are readable, and the steps are a multiple of [`STEP`].
    #[inline(always)]
    pub(super) unsafe fn begin(self, operands: Operands) -> Block {
        let Operands { x, row_bytes, w, panel_bytes, steps, .. } = operands;
        // SAFETY: touches tiles alone; the second rows and the second panel exist.
        unsafe {
            asm!(
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                options(nostack, nomem),
            );
            let x = [x, x.add(16 * row_bytes)];
            Block { kind: self, x, row_bytes, w: [w, w.add(panel_bytes)], left: steps / STEP }
        }
    }
}

impl Block {
    /// Adds the products of the next step.
    ///
    /// # Safety
    ///
    /// There is a next step, and the block is the one begun last on this thread.
    #[inline(always)]
    pub(super) unsafe fn step(&mut self) {
        debug_assert!(self.left > 0);
        // SAFETY: a step reads 64 bytes of each of 32 rows and 1 KiB of each of two panels.
        unsafe {
            match self.kind {
                Steps::Bf16 => step_32x32!(self, "tdpbf16ps"),
                Steps::Int8 => step_32x32!(self, "tdpbusd"),
            }
            self.x = self.x.map(|x| x.add(64));
            self.w = self.w.map(|w| w.add(1024));
        }
        self.left -= 1;
    }

    /// Takes the steps that are left and stores the sums, 32 rows of 32.
    ///
    /// # Safety
    ///
    /// As [`Self::step`]; there is room for [`BLOCK_VALUES`] sums.
    #[inline(always)]
    pub(super) unsafe fn finish(mut self, sums: *mut u32) {
        // SAFETY: as the caller guarantees.
        unsafe {
            while self.left > 0 {
                self.step();
            }
            asm!(
                "tilestored [{sums} + {out}], tmm0",
                "tilestored [{sums} + {out} + 64], tmm1",
                "tilestored [{below} + {out}], tmm2",
                "tilestored [{below} + {out} + 64], tmm3",
                sums = in(reg) sums,
                below = in(reg) sums.add(16 * 32),
                out = in(reg) 128_usize,
                options(nostack),
            );
        }
    }
}

/// Sums of bfloat16 pairs, 32 rows × 32 columns.
///
/// # Safety
///
/// As [`Steps::begin`]; there is room for [`BLOCK_VALUES`] sums.
pub(super) unsafe fn bf16_32x32(operands: Operands, _rows: usize, sums: *mut u32) {
    // SAFETY: as the caller guarantees.
    unsafe { Steps::Bf16.begin(operands).finish(sums) }
}

/// Sums of unsigned times signed bytes, 32 rows × 32 columns.
///
/// # Safety
///
/// As [`bf16_32x32`].
pub(super) unsafe fn int8_32x32(operands: Operands, _rows: usize, sums: *mut u32) {
    // SAFETY: as the caller guarantees.
    unsafe { Steps::Int8.begin(operands).finish(sums) }
}

block_16x64! {
    /// Sums of bfloat16 pairs, 16 rows × 64 columns.
    bf16_16x64, "tdpbf16ps"
}
block_16x64! {
    /// Sums of unsigned times signed bytes, 16 rows × 64 columns.
    int8_16x64, "tdpbusd"
}

/// Runs `rounds` times four products with operands in registers; returns the operations done.
macro_rules! peak {
    ($name:ident, $dot:literal, $operations:literal) => {
        pub(super) fn $name(rounds: u64) -> f64 {
            // SAFETY: called only for a tier that has AMX; tiles alone change.
            unsafe {
                configure();
                asm!(
                    "2:",
                    concat!($dot, " tmm0, tmm4, tmm6"),
                    concat!($dot, " tmm1, tmm4, tmm7"),
                    concat!($dot, " tmm2, tmm5, tmm6"),
                    concat!($dot, " tmm3, tmm5, tmm7"),
                    "dec {n}",
                    "jnz 2b",
                    n = inout(reg) rounds => _,
                    out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                    out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                    options(nostack, nomem),
                );
                release();
            }
            (rounds * 4 * $operations) as f64
        }
    };
}

// 16 rows × 16 columns × 32 (bf16) or 64 (int8) products and as many additions.
peak!(peak_bf16, "tdpbf16ps", 16_384);
peak!(peak_int8, "tdpbusd", 32_768);

/// Sums of bfloat16 pairs, 16 rows × 32 columns, for attention: `a` is the first of 16 rows and
/// the bytes between them, `panels` the first of two panels and the bytes between them, `out` the
/// first sum and the bytes between rows.
///
/// # Safety
///
/// Tiles are configured on this thread; 16 rows of `steps` times 64 bytes are readable, two panels
/// of `steps` tiles, and 16 rows of 32 sums are writable; `steps` is not 0.
pub(super) unsafe fn bf16_16x32(
    (a, a_bytes): (*const half::bf16, usize),
    (panels, panel_bytes): (*const half::bf16, usize),
    steps: usize,
    (out, out_bytes): (*mut f32, usize),
) {
    // SAFETY: as the caller guarantees.
    unsafe {
        asm!(
            "tilezero tmm0",
            "tilezero tmm1",
            "2:",
            "tileloadd tmm4, [{a} + {row}]",
            "tileloadd tmm5, [{w0} + {line}]",
            "tdpbf16ps tmm0, tmm4, tmm5",
            "tileloadd tmm6, [{w1} + {line}]",
            "tdpbf16ps tmm1, tmm4, tmm6",
            "add {a}, 64",
            "add {w0}, 1024",
            "add {w1}, 1024",
            "dec {n}",
            "jnz 2b",
            "tilestored [{out} + {out_row}], tmm0",
            "tilestored [{out} + {out_row} + 64], tmm1",
            a = inout(reg) a => _,
            w0 = inout(reg) panels => _,
            w1 = inout(reg) panels.byte_add(panel_bytes) => _,
            n = inout(reg) steps => _,
            row = in(reg) a_bytes,
            line = in(reg) 64_usize,
            out = in(reg) out,
            out_row = in(reg) out_bytes,
            out("tmm0") _, out("tmm1") _, out("tmm4") _, out("tmm5") _, out("tmm6") _,
            options(nostack),
        );
    }
}
