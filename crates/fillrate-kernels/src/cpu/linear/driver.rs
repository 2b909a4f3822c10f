//! The loops around the inner blocks: slices of rows, then panels, then the rows of the slice, so that
//! a group of panels stays in the nearest cache while rows stream past it that the next one keeps.

#![allow(unsafe_code, reason = "hands raw blocks of checked matrices to the inner loops")]

use std::ops::Range;

use rayon::prelude::*;

use super::epilogue::{Acc, Apply, Epilogue, Finish, Loops, Output, Residual, Store, Tile};
use super::micro::{Micro, Operands};
use super::{Linear, Nonlinearity, Weights};
use crate::activation::{Activation, Values};
use crate::buffer::LINE_BYTES;
use crate::cpu::Cpu;
#[cfg(target_arch = "x86_64")]
use crate::cpu::amx;
use crate::cpu::dispatch::{Kernel, dispatch};
use crate::cpu::lanes::{LANES, Lanes};

/// The largest block that any inner loop computes.
const TILE_VALUES_MAX: usize = 32 * 64;

/// The most bytes of rows that are multiplied by all panels before the next rows are: half of the
/// second-level cache of the processor that it was measured on, so that rows are read from farther away once.
const SLICE_BYTES: usize = 1024 << 10;

/// A block of `N` sums, f32 or i32, on its way from an inner loop to the epilogue.
#[repr(C, align(64))]
struct TileBuffer<const N: usize>([u32; N]);

/// Writes f(x Wᵀ + b) + residual to `output`, for shapes that the op has checked: the columns
/// `columns`, and those beside them that belong to the same groups of panels.
pub(super) fn multiply(
    cpu: Cpu,
    x: &Activation,
    (weights, columns): (&Linear, Range<usize>),
    f: Nonlinearity,
    residual: Option<Residual<'_>>,
    output: Output<'_>,
) {
    let micro = Micro::choose(cpu.tier(), weights.precision(), x.rows);
    let product = Product {
        operands: Operands::new(x, weights),
        rows: x.rows,
        epilogue: Epilogue::new(x, weights, f, residual, output),
        micro,
    };
    let first = columns.start / micro.columns;
    let groups = columns.end.div_ceil(micro.columns) - first;
    let ways = cpu.ways().min(groups);
    let run = |way: usize| {
        let range = first + way * groups / ways..first + (way + 1) * groups / ways;
        dispatch(cpu.tier(), Groups { product: &product, range });
    };
    if ways == 1 {
        run(0);
    } else {
        (0..ways).into_par_iter().for_each(run);
    }
}

struct Product<'a> {
    operands: Operands,
    rows: usize,
    epilogue: Epilogue<'a>,
    micro: Micro,
}

// SAFETY: a product is shared by tasks that read its operands and write disjoint columns of its
// output: `Groups` hands each group of panels to one task.
unsafe impl Sync for Product<'_> {}

/// Some of a product's groups of panels.
struct Groups<'a> {
    product: &'a Product<'a>,
    range: Range<usize>,
}

impl Kernel for Groups<'_> {
    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let Product { epilogue, micro, .. } = self.product;
        micro.enter();
        // SAFETY: `L` is available by the trait's contract.
        unsafe { epilogue.choose::<L>(self) };
        micro.leave();
    }
}

impl Loops for Groups<'_> {
    #[inline(always)]
    unsafe fn run<L: Lanes, A: Apply, S: Store>(self, finish: Finish<'_, A, S>) {
        // SAFETY: `L` is available by the trait's contract.
        unsafe {
            #[cfg(target_arch = "x86_64")]
            if let Some(steps) = self.product.micro.steps
                && self.product.is_worth_overlapping()
            {
                self.overlapped::<L, A, S>(steps, &finish);
                return;
            }
            self.blocks::<L, A, S>(&finish);
        }
    }
}

impl Product<'_> {
    /// The first row and column of every block of some groups of panels.
    fn blocks(&self, groups: Range<usize>) -> impl Iterator<Item = (usize, usize)> + use<> {
        let Self { operands, rows, micro, .. } = *self;
        let slices = (rows * operands.row_bytes).div_ceil(SLICE_BYTES).max(1);
        // A product of no rows has no blocks.
        let slice = rows.div_ceil(slices).max(1).next_multiple_of(micro.rows);
        (0..rows).step_by(slice).flat_map(move |first| {
            let end = (first + slice).min(rows);
            groups.clone().flat_map(move |group| {
                let column = group * micro.columns;
                (first..end).step_by(micro.rows).map(move |row| (row, column))
            })
        })
    }

    /// The block of sums at `row` and `column`.
    fn tile(&self, sums: *mut u32, row: usize, column: usize) -> Tile {
        let Micro { rows, columns, .. } = self.micro;
        let acc = if self.operands.integer { Acc::I32(sums.cast()) } else { Acc::F32(sums.cast()) };
        Tile { acc, row, rows: rows.min(self.rows - row), column, columns }
    }

    /// Whether a block has enough tile steps to hide the epilogue of the one before it.
    #[cfg(target_arch = "x86_64")]
    fn is_worth_overlapping(&self) -> bool {
        let steps = self.operands.steps / amx::STEP;
        steps >= 2 * OVERLAP_STEPS || (steps >= OVERLAP_STEPS && !self.epilogue.is_identity())
    }
}

/// The steps over which the epilogue of a block of 32 rows is spread.
#[cfg(target_arch = "x86_64")]
const OVERLAP_STEPS: usize = 8;

impl Groups<'_> {
    /// One block after the other: sums, then epilogue.
    ///
    /// # Safety
    ///
    /// `L` is available.
    #[inline(always)]
    unsafe fn blocks<L: Lanes, A: Apply, S: Store>(self, finish: &Finish<'_, A, S>) {
        let product = self.product;
        let Product { operands, micro, .. } = product;
        let mut buffer = TileBuffer([0; TILE_VALUES_MAX]);
        for (row, column) in product.blocks(self.range) {
            let tile = product.tile(buffer.0.as_mut_ptr(), row, column);
            // SAFETY: rows row..row + tile.rows and the group's panels exist; activations have
            // room for whole tiles of rows, so a block may read past the last one; the buffer
            // holds the largest tile. `L` is available by the contract, the inner loop by
            // `Micro::choose`.
            unsafe {
                let operands = operands.at(row, column / LANES);
                (micro.run)(operands, tile.rows, buffer.0.as_mut_ptr());
                finish.rows::<L>(tile, 0..tile.rows);
            }
        }
    }

    /// The same in AMX tiles, where the epilogue of a block runs under the products of the next:
    /// tiles multiply beside the vector units, but a whole epilogue at once is more than the
    /// processor looks ahead.
    ///
    /// # Safety
    ///
    /// `L` is available.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    unsafe fn overlapped<L: Lanes, A: Apply, S: Store>(
        self,
        steps: amx::Steps,
        finish: &Finish<'_, A, S>,
    ) {
        let product = self.product;
        let Product { operands, micro, .. } = product;
        let rows_per_step = micro.rows / OVERLAP_STEPS;
        let mut buffers = [const { TileBuffer([0; amx::BLOCK_VALUES]) }; 2];
        let buffers = buffers.each_mut().map(|buffer| buffer.0.as_mut_ptr());
        let mut turn = 0;
        let mut previous: Option<Tile> = None;
        for (row, column) in product.blocks(self.range) {
            // The sums of the block before are in the other buffer.
            turn = 1 - turn;
            let sums = buffers[turn];
            // SAFETY: as in `blocks`; there are at least OVERLAP_STEPS steps.
            unsafe {
                let mut block = steps.begin(operands.at(row, column / LANES));
                for step in 0..OVERLAP_STEPS {
                    block.step();
                    if let Some(tile) = previous {
                        let first = (step * rows_per_step).min(tile.rows);
                        let end = (first + rows_per_step).min(tile.rows);
                        finish.rows::<L>(tile, first..end);
                    }
                }
                block.finish(sums);
            }
            previous = Some(product.tile(sums, row, column));
        }
        if let Some(tile) = previous {
            // SAFETY: as in `blocks`.
            unsafe { finish.rows::<L>(tile, 0..tile.rows) };
        }
    }
}

impl Operands {
    fn new(x: &Activation, weights: &Linear) -> Self {
        let depth = x.stride;
        let (x, row_bytes, w, integer) = match (&weights.weights, &x.values, &x.quantized) {
            (Weights::F32(w), Values::F32(x), _) => {
                (x.as_ptr().cast(), 4 * depth, w.as_ptr().cast(), false)
            }
            (Weights::Bf16(w), Values::Bf16(x), _) => {
                (x.as_ptr().cast(), 2 * depth, w.as_ptr().cast(), false)
            }
            (Weights::Int8(w), _, Some(x)) => {
                (x.bytes.as_ptr().cast(), depth, w.bytes.as_ptr().cast(), true)
            }
            _ => unreachable!("the op has checked the types"),
        };
        let steps = row_bytes / size_of::<u32>();
        Self { x, row_bytes, w, panel_bytes: steps * LINE_BYTES, steps, integer }
    }
}
