//! The CUDA implementation of the ops: launches of the kernels in `cuda/*.cu` and products by
//! cuBLASLt, on one [`Queue`] of a device. [`Cuda`] has the encoders', [`CudaPrices`] those over
//! prices, and [`CudaProducts`] products of matrices.
//!
//! Nothing here allocates device memory or waits for the device: matrices and weights are
//! addresses that their owner laid out ([`Layout`]), and an op only appends work to the queue. The
//! host checks shapes; what lies behind an address (token ids within the vocabulary, offsets that
//! rise) its owner must have checked before it was copied there.

mod accelerator;
mod attention;
mod blas;
mod e4m3;
mod element;
mod embedding;
mod gpu;
mod launch;
mod layer_norm;
mod layout;
mod linear;
mod matmul;
mod matrix;
mod prices;
mod quantize;
mod rows;
mod source;
mod tail;

use std::sync::Arc;

pub use accelerator::{Accelerator, Memory, Region};
pub use attention::DeviceSequences;
pub use e4m3::{E4M3_MAX, e4m3_scale, narrow_e4m3, widen_e4m3};
pub use element::Element;
pub use embedding::{DeviceEmbeddings, DeviceTokens};
pub use gpu::{Gpu, GpuOptions, GpuPrecision};
pub use launch::{
    Address, Argument, DenseProduct, Launch, Product, ProductScales, Queue, WARP_THREADS,
};
pub use layer_norm::DeviceNorm;
pub use layout::{ALIGNMENT_BYTES, Layout, Span, Tensor};
pub use linear::{DeviceLinear, DeviceScales};
pub use matmul::CudaProducts;
pub use matrix::{Cell, DeviceMatrix};
pub use prices::{
    AMERICAN_RESULTS, AMERICAN_TERMS, CHUNK_MOMENTS, CudaPrices, DEVICE_SYMBOLS_MAX,
    DEVICE_WINDOW_BARS_MAX, DeviceBars, DeviceDates, DeviceGrid, DevicePaths, DevicePuts,
    DeviceRanges, DeviceReturns, DeviceRisk, DeviceRule, DeviceSamples, DeviceSeries, DeviceSignal,
    DeviceWaves, DeviceWindow, OPTION_TERMS, SAMPLE_TERMS, SWEEP_FIGURES, SWEEP_ROWS_MAX,
    SWING_HIGH, SWING_LOW, StochasticWindows, SurrogateTerms, TAPE_COLUMNS, WAVE_SERIES_MAX,
    WaveForm, WaveLook, WaveMeasure, WaveRule, WaveTables, WaveTarget, WaveTerm,
};
pub use quantize::Quantized;
pub use source::{HEAD_PADS, Program, head_pad};
pub use tail::DeviceTail;

use crate::Result;

/// A device as the ops see it: a queue of work and the type of activations and weights.
#[derive(Clone)]
pub struct Cuda {
    queue: Arc<dyn Queue>,
    element: Element,
}

impl Cuda {
    /// The ops of the kernels that `queue` runs, which must be those compiled for `element`.
    #[must_use]
    pub fn new(queue: Arc<dyn Queue>, element: Element) -> Self {
        Self { queue, element }
    }

    /// The type of activations and weights.
    #[must_use]
    pub const fn element(&self) -> Element {
        self.element
    }

    /// The threads of a kernel that gives each row to a warp, and its grid and shared memory when a
    /// warp takes `bytes` of it: four warps a block, or as many as fit.
    fn by_warps(&self, warps: usize, bytes: usize) -> Result<(u32, u32, u32)> {
        let per_block = match bytes {
            0 => WARPS_PER_BLOCK,
            bytes => (self.queue.shared_bytes_max() as usize / bytes).min(WARPS_PER_BLOCK),
        };
        if per_block == 0 {
            return Err(crate::Error::Shape {
                op: "launch",
                expected: format!("{} bytes of shared memory a row", self.queue.shared_bytes_max()),
                got: bytes.to_string(),
            });
        }
        let blocks = warps.div_ceil(per_block) as u32;
        Ok((per_block as u32 * WARP_THREADS, blocks, (per_block * bytes) as u32))
    }
}

/// Enough warps to hide each other's loads, few enough that short batches spread over the chip.
const WARPS_PER_BLOCK: usize = 4;

/// The threads of a kernel that gives each thread a chunk of a row.
const CHUNK_THREADS: u32 = 256;

/// The values of such a chunk; `CHUNK` in `chunk.cuh`.
const CHUNK_VALUES: usize = 8;

/// The blocks of a kernel that gives each thread a chunk.
const fn chunk_blocks(rows: usize, width: usize) -> u32 {
    (rows * width.div_ceil(CHUNK_VALUES)).div_ceil(CHUNK_THREADS as usize) as u32
}
