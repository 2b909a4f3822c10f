//! The loops around the inner blocks: panels outside, rows inside, so that a group of panels
//! stays in the nearest cache while the rows stream past it.

#![allow(unsafe_code, reason = "hands raw blocks of checked matrices to the inner loops")]

use rayon::prelude::*;

use super::epilogue::{Acc, Epilogue, Output, Residual, Tile};
use super::micro::{Micro, Operands};
use super::{Linear, Nonlinearity, Weights};
use crate::activation::{Activation, Values, stride_for};
use crate::buffer::LINE_BYTES;
use crate::cpu::Cpu;
use crate::cpu::dispatch::{Kernel, dispatch};
use crate::cpu::lanes::{LANES, Lanes};

/// The largest block that any inner loop computes.
const TILE_VALUES_MAX: usize = 32 * 64;

/// A block of sums, f32 or i32, on its way from an inner loop to the epilogue.
#[repr(C, align(64))]
struct TileBuffer([u32; TILE_VALUES_MAX]);

/// Writes f(x Wᵀ + b) + residual to `output`, for shapes that the op has checked.
pub(super) fn multiply(
    cpu: Cpu,
    x: &Activation,
    weights: &Linear,
    f: Nonlinearity,
    residual: Option<Residual<'_>>,
    output: Output<'_>,
) {
    let micro = Micro::choose(cpu.tier(), weights.precision(), x.rows);
    let columns = stride_for(weights.shape.outputs);
    let product = Product {
        operands: Operands::new(x, weights),
        rows: x.rows,
        epilogue: Epilogue::new(x, weights, f, residual, output),
        micro,
    };
    let groups = columns / micro.columns;
    let ways = cpu.ways().min(groups);
    let run = |way: usize| {
        let range = way * groups / ways..(way + 1) * groups / ways;
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
    range: std::ops::Range<usize>,
}

impl Kernel for Groups<'_> {
    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let Product { operands, rows, epilogue, micro } = self.product;
        let mut buffer = TileBuffer([0; TILE_VALUES_MAX]);
        micro.enter();
        for group in self.range {
            let column = group * micro.columns;
            for row in (0..*rows).step_by(micro.rows) {
                let tile_rows = micro.rows.min(rows - row);
                let sums = buffer.0.as_mut_ptr();
                // SAFETY: rows row..row + tile_rows and the group's panels exist; activations have
                // room for whole tiles of rows, so a block may read past the last one; the buffer
                // holds the largest tile. `L` is available by the trait's contract, the inner
                // loop by `Micro::choose`.
                unsafe {
                    (micro.run)(operands.at(row, column / LANES), tile_rows, sums);
                    let acc = if operands.integer {
                        Acc::I32(sums.cast())
                    } else {
                        Acc::F32(sums.cast())
                    };
                    let tile = Tile { acc, row, rows: tile_rows, column, columns: micro.columns };
                    epilogue.finish::<L>(tile);
                }
            }
        }
        micro.leave();
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
