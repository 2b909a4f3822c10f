//! The inner block of every f32 product: a few rows times a few panels of sixteen columns.

#![allow(unsafe_code, reason = "pointer arithmetic over blocks whose bounds the callers check")]
#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "every function here passes its own contract on"
)]

use half::bf16;

use super::lanes::{LANES, Lanes};
use super::prefetch::prefetch;

/// How many steps ahead the right side is fetched. Panels lie in the second-level cache or farther
/// away, and twelve registers of sums leave no room to load them early.
const PREFETCH_STEPS: usize = 16;

/// Where the columns of a product's right side lie: panel `p` of step `k` is the sixteen values at
/// `start + p * panel_step + k * k_step`.
#[derive(Clone, Copy)]
pub(crate) struct Panels<T> {
    pub(crate) start: *const T,
    pub(crate) panel_step: usize,
    pub(crate) k_step: usize,
}

/// out\[r\]\[p\] = Σₖ a\[r\]\[k\] · panel\[p\]\[k\] for `R` rows and `P` panels, in the order of k.
///
/// # Safety
///
/// `a` has `R` rows of `k` values, `a_stride` apart; the panels have `k` steps; `out` has room for
/// `R` rows of `16 P` values, `out_stride` apart; `L` is available.
#[inline(always)]
pub(crate) unsafe fn fma_block<L: Lanes, const R: usize, const P: usize>(
    (a, a_stride): (*const f32, usize),
    panels: Panels<f32>,
    k: usize,
    (out, out_stride): (*mut f32, usize),
) {
    unsafe {
        let mut sums = [[L::splat(0.0); P]; R];
        for step in 0..k {
            let mut columns = [L::splat(0.0); P];
            for (p, column) in columns.iter_mut().enumerate() {
                let at = p * panels.panel_step + step * panels.k_step;
                *column = L::load(panels.start.add(at));
                prefetch(panels.start.wrapping_add(at + PREFETCH_STEPS * panels.k_step));
            }
            for (r, sums) in sums.iter_mut().enumerate() {
                let x = L::splat(*a.add(r * a_stride + step));
                for (sum, column) in sums.iter_mut().zip(columns) {
                    *sum = x.fma(column, *sum);
                }
            }
        }
        store_block(sums, (out, out_stride));
    }
}

/// The same for bf16 operands, widened to f32 as they are read. `panels` hold pairs of steps:
/// lane `c` of pair `k` is the 32 bits (value 2k, value 2k + 1) of column `c`; `k` counts pairs.
///
/// # Safety
///
/// As for [`fma_block`], with rows of `2 k` values.
#[inline(always)]
pub(crate) unsafe fn fma_block_bf16<L: Lanes, const R: usize, const P: usize>(
    (a, a_stride): (*const bf16, usize),
    panels: Panels<bf16>,
    k: usize,
    (out, out_stride): (*mut f32, usize),
) {
    unsafe {
        let mut sums = [[L::splat(0.0); P]; R];
        for step in 0..k {
            let mut even = [L::splat(0.0); P];
            let mut odd = [L::splat(0.0); P];
            for p in 0..P {
                let at = p * panels.panel_step + step * panels.k_step;
                (even[p], odd[p]) = L::load_bf16_pairs(panels.start.add(at));
            }
            for (r, sums) in sums.iter_mut().enumerate() {
                let pair = a.add(r * a_stride + 2 * step).cast::<u32>().read_unaligned();
                let first = L::splat(f32::from_bits(pair << 16));
                let second = L::splat(f32::from_bits(pair & 0xffff_0000));
                for p in 0..P {
                    sums[p] = second.fma(odd[p], first.fma(even[p], sums[p]));
                }
            }
        }
        store_block(sums, (out, out_stride));
    }
}

#[inline(always)]
unsafe fn store_block<L: Lanes, const R: usize, const P: usize>(
    sums: [[L; P]; R],
    (out, out_stride): (*mut f32, usize),
) {
    unsafe {
        for (r, sums) in sums.into_iter().enumerate() {
            for (p, sum) in sums.into_iter().enumerate() {
                sum.store(out.add(r * out_stride + p * LANES));
            }
        }
    }
}
