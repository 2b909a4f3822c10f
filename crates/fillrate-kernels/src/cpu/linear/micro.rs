//! Which inner loop computes a block of a product.

#![allow(unsafe_code, reason = "inner loops work on raw blocks whose bounds the driver checks")]
#![allow(clippy::cast_ptr_alignment, reason = "every operand begins on a cache line")]

use half::bf16;

use crate::cpu::block::{Panels, fma_block, fma_block_bf16};
use crate::cpu::lanes::{LANES, Lanes, Portable};
use crate::{Precision, Tier};

#[cfg(target_arch = "x86_64")]
use super::x86;
#[cfg(target_arch = "x86_64")]
use crate::cpu::amx;

/// The two sides of a product at one block. All steps are 32 bits of a row: one f32, two bf16 or
/// four int8 values.
#[derive(Clone, Copy)]
pub(crate) struct Operands {
    /// The block's first row.
    pub(crate) x: *const u8,
    pub(crate) row_bytes: usize,
    /// The block's first panel.
    pub(crate) w: *const u8,
    pub(crate) panel_bytes: usize,
    pub(crate) steps: usize,
    /// Whether the sums are integers.
    pub(crate) integer: bool,
}

impl Operands {
    /// The operands of the block that begins at `row` and `panel`.
    ///
    /// # Safety
    ///
    /// The row and the panel exist.
    pub(super) unsafe fn at(self, row: usize, panel: usize) -> Self {
        // SAFETY: both offsets stay inside the buffers, as the caller guarantees.
        unsafe {
            Self {
                x: self.x.add(row * self.row_bytes),
                w: self.w.add(panel * self.panel_bytes),
                ..self
            }
        }
    }
}

/// An inner loop and the size of its block.
///
/// `run(operands, rows, sums)` writes the sums of `rows` rows (at most `self.rows`) times
/// `columns` columns, rows `columns` values apart. It may read rows up to `self.rows` and write
/// their sums too.
#[derive(Clone, Copy)]
pub(super) struct Micro {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) run: unsafe fn(Operands, usize, *mut u32),
    /// AMX only: the same block a step at a time, where blocks are of 32 × 32.
    #[cfg(target_arch = "x86_64")]
    pub(super) steps: Option<amx::Steps>,
    tiles: bool,
}

impl Micro {
    const fn new(rows: usize, columns: usize, run: unsafe fn(Operands, usize, *mut u32)) -> Self {
        Self {
            rows,
            columns,
            run,
            #[cfg(target_arch = "x86_64")]
            steps: None,
            tiles: false,
        }
    }

    /// The fastest inner loop of `tier` for `precision` and a product of `rows` rows.
    pub(super) fn choose(tier: Tier, precision: Precision, rows: usize) -> Self {
        #[cfg(target_arch = "x86_64")]
        match (tier, precision) {
            (Tier::Amx, Precision::Bf16 | Precision::Int8) => {
                let run = match precision {
                    Precision::Int8 if rows > 16 => amx::int8_32x32,
                    Precision::Int8 => amx::int8_16x64,
                    _ if rows > 16 => amx::bf16_32x32,
                    _ => amx::bf16_16x64,
                };
                if rows <= 16 {
                    return Self { tiles: true, ..Self::new(16, 64, run) };
                }
                let steps =
                    if precision == Precision::Int8 { amx::Steps::Int8 } else { amx::Steps::Bf16 };
                return Self { tiles: true, steps: Some(steps), ..Self::new(32, 32, run) };
            }
            (Tier::Avx512Bf16, Precision::Bf16) => return Self::new(6, 64, x86::bf16_dot),
            (Tier::Avx512 | Tier::Avx512Bf16, Precision::Int8) => {
                return Self::new(6, 64, x86::int8_vnni);
            }
            (Tier::Avx512, Precision::Bf16) => return Self::new(6, 64, x86::bf16_fma_avx512),
            (Tier::Avx512 | Tier::Avx512Bf16 | Tier::Amx, Precision::Fp32) => {
                return Self::new(12, 32, x86::f32_avx512);
            }
            (Tier::Avx2, Precision::Fp32) => return Self::new(6, 16, x86::f32_avx2),
            (Tier::Avx2, Precision::Bf16) => return Self::new(4, 16, x86::bf16_fma_avx2),
            (Tier::Avx2, Precision::Int8) => return Self::new(3, 16, x86::int8_avx2),
            (Tier::Portable, _) => {}
        }
        let _ = (tier, rows);
        match precision {
            Precision::Fp32 => Self::new(2, 16, f32_portable),
            Precision::Bf16 => Self::new(2, 16, bf16_portable),
            Precision::Int8 => Self::new(2, 16, int8_portable),
        }
    }

    /// Prepares the thread for the inner loop: AMX wants its tile shapes.
    pub(super) fn enter(&self) {
        #[cfg(target_arch = "x86_64")]
        if self.tiles {
            // SAFETY: only `choose` sets the flag, for a tier that has AMX.
            unsafe { amx::configure() }
        }
    }

    /// Undoes [`Self::enter`], so that context switches need not carry the tiles.
    pub(super) fn leave(&self) {
        #[cfg(target_arch = "x86_64")]
        if self.tiles {
            // SAFETY: as in `enter`.
            unsafe { amx::release() }
        }
    }
}

/// `rows` rows (1..=R) of an f32 block, in the order of the steps whatever `rows` is.
///
/// # Safety
///
/// As [`Micro`] says, and `L` is available.
#[inline(always)]
pub(super) unsafe fn f32_rows<L: Lanes, const R: usize, const P: usize>(
    operands: Operands,
    rows: usize,
    sums: *mut u32,
) {
    let Operands { x, row_bytes, w, panel_bytes, steps, .. } = operands;
    let panels = Panels { start: w.cast::<f32>(), panel_step: panel_bytes / 4, k_step: LANES };
    let x = x.cast::<f32>();
    let stride = row_bytes / 4;
    // SAFETY: as the caller guarantees.
    unsafe {
        if rows == R {
            fma_block::<L, R, P>((x, stride), panels, steps, (sums.cast(), P * LANES));
            return;
        }
        for row in 0..rows {
            let x = (x.add(row * stride), stride);
            let sums = (sums.cast::<f32>().add(row * P * LANES), P * LANES);
            fma_block::<L, 1, P>(x, panels, steps, sums);
        }
    }
}

/// The same for bf16 operands widened to f32.
///
/// # Safety
///
/// As [`Micro`] says, and `L` is available.
#[inline(always)]
pub(super) unsafe fn bf16_rows<L: Lanes, const R: usize, const P: usize>(
    operands: Operands,
    rows: usize,
    sums: *mut u32,
) {
    let Operands { x, row_bytes, w, panel_bytes, steps, .. } = operands;
    let panels = Panels { start: w.cast::<bf16>(), panel_step: panel_bytes / 2, k_step: 2 * LANES };
    let x = x.cast::<bf16>();
    let stride = row_bytes / 2;
    // SAFETY: as the caller guarantees.
    unsafe {
        if rows == R {
            fma_block_bf16::<L, R, P>((x, stride), panels, steps, (sums.cast(), P * LANES));
            return;
        }
        for row in 0..rows {
            let x = (x.add(row * stride), stride);
            let sums = (sums.cast::<f32>().add(row * P * LANES), P * LANES);
            fma_block_bf16::<L, 1, P>(x, panels, steps, sums);
        }
    }
}

unsafe fn f32_portable(operands: Operands, rows: usize, sums: *mut u32) {
    // SAFETY: as the caller guarantees; the portable lanes are always available.
    unsafe { f32_rows::<Portable, 2, 1>(operands, rows, sums) }
}

unsafe fn bf16_portable(operands: Operands, rows: usize, sums: *mut u32) {
    // SAFETY: as the caller guarantees; the portable lanes are always available.
    unsafe { bf16_rows::<Portable, 2, 1>(operands, rows, sums) }
}

unsafe fn int8_portable(operands: Operands, rows: usize, sums: *mut u32) {
    let Operands { x, row_bytes, w, steps, .. } = operands;
    for row in 0..rows {
        let mut totals = [0_i32; LANES];
        for step in 0..steps {
            // SAFETY: rows of `steps` groups of four bytes, panels of `steps` groups of 64.
            let (x, w) = unsafe {
                (
                    x.add(row * row_bytes + 4 * step).cast::<[u8; 4]>().read(),
                    w.add(step * 4 * LANES).cast::<[[i8; 4]; LANES]>().read(),
                )
            };
            for (total, w) in totals.iter_mut().zip(w) {
                for (x, w) in x.iter().zip(w) {
                    *total += i32::from(*x) * i32::from(w);
                }
            }
        }
        // SAFETY: `sums` has room for `rows` rows of LANES values.
        unsafe { sums.add(row * LANES).cast::<[i32; LANES]>().write_unaligned(totals) }
    }
}
