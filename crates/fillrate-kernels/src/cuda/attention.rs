//! Self-attention over packed sequences.

use super::{Address, Argument, Cell, Cuda, DeviceMatrix, Launch, WARP_THREADS};
use crate::{Error, Result};

/// The longest sequence whose keys and values lie in shared memory as a whole.
const WHOLE_KEYS_MAX: usize = 128;

/// The queries that a warp works on at a time; `QUERY_TILE` in `attention.cuh`.
const QUERY_TILE: usize = 16;

/// The keys that a warp works on at a time; `KEY_STEP` in `attention.cuh`.
const KEY_STEP: usize = 32;

/// The queries and keys of a block of `attention_tiled`; `QUERY_BLOCK` and `KEY_TILE` there.
const TILE: usize = 64;

/// The most warps of a block of `attention_whole`; its launch bound says the same.
const WHOLE_WARPS_MAX: usize = 8;

/// Which sequences a batch holds and how their rows are split into heads.
#[derive(Clone, Copy, Debug)]
pub struct DeviceSequences {
    /// Where each sequence begins and, last, where all end: u32 `[count + 1]`, from 0, rising to
    /// the number of rows. An empty sequence has no output.
    pub cu_seqlens: Address,
    /// The number of sequences.
    pub count: usize,
    /// The length of the longest, at least.
    pub longest: usize,
    /// The number of heads.
    pub heads: usize,
}

impl Cuda {
    /// Softmax(q kᵀ / √d) v within each sequence and head of d values.
    ///
    /// `qkv` has shape `[tokens, 3 * hidden]`: queries, keys and values side by side, each with its
    /// heads side by side; `out` becomes `[tokens, hidden]`.
    ///
    /// # Errors
    ///
    /// If a shape does not fit, heads are wider than the kernels are compiled for, or the device
    /// fails.
    pub fn attention(
        &self,
        qkv: &DeviceMatrix,
        sequences: DeviceSequences,
        out: &mut DeviceMatrix,
    ) -> Result<()> {
        const OP: &str = "attention";
        let hidden = out.width;
        qkv.expect(OP, qkv.rows, 3 * hidden, Cell::Element)?;
        out.admit(OP, qkv.rows, hidden, Cell::Element)?;
        let dim = self.head_dim(OP, hidden, sequences.heads)?;
        out.rows = qkv.rows;
        let DeviceSequences { cu_seqlens, count, longest, heads } = sequences;
        if count == 0 || longest == 0 {
            return Ok(());
        }
        let third = |index: usize| Argument::Address(qkv.address.plus(index * hidden * 2));
        let arguments = [
            third(0),
            third(1),
            third(2),
            Argument::Address(cu_seqlens),
            Argument::Address(out.address),
            Argument::size(3 * hidden),
            Argument::size(3 * hidden),
            Argument::size(dim),
            Argument::Float(scale(dim)),
        ];
        let whole_bytes = self.key_value_bytes(longest.next_multiple_of(KEY_STEP));
        let whole = longest <= WHOLE_KEYS_MAX && whole_bytes <= self.queue.shared_bytes_max();
        let (sequences, heads) = (count as u32, heads as u32);
        if whole {
            let warps = longest.div_ceil(QUERY_TILE).min(WHOLE_WARPS_MAX) as u32;
            return self.queue.launch(&Launch {
                kernel: "attention_whole",
                grid: [sequences, heads, 1],
                threads: warps * WARP_THREADS,
                shared_bytes: whole_bytes,
                arguments: &arguments,
            });
        }
        self.queue.launch(&Launch {
            kernel: "attention_tiled",
            grid: [sequences, heads, longest.div_ceil(TILE) as u32],
            threads: (TILE / QUERY_TILE) as u32 * WARP_THREADS,
            shared_bytes: self.key_value_bytes(TILE),
            arguments: &arguments,
        })
    }

    /// The same for the first query of each sequence alone: `queries` has shape
    /// `[sequences, hidden]`, `key_values` `[tokens, 2 * hidden]`; `out` becomes
    /// `[sequences, hidden]`.
    ///
    /// # Errors
    ///
    /// As [`Self::attention`], and if a sequence is so long that its scores do not fit into shared
    /// memory.
    pub fn attention_first(
        &self,
        queries: &DeviceMatrix,
        key_values: &DeviceMatrix,
        sequences: DeviceSequences,
        out: &mut DeviceMatrix,
    ) -> Result<()> {
        const OP: &str = "attention_first";
        let hidden = out.width;
        let DeviceSequences { cu_seqlens, count, longest, heads } = sequences;
        queries.expect(OP, count, hidden, Cell::Element)?;
        key_values.expect(OP, key_values.rows, 2 * hidden, Cell::Element)?;
        out.admit(OP, count, hidden, Cell::Element)?;
        let dim = self.head_dim(OP, hidden, heads)?;
        out.rows = count;
        if count == 0 || longest == 0 {
            return Ok(());
        }
        let warp_bytes = (self.head_pad() + longest) * size_of::<f32>();
        let (threads, groups, shared_bytes) = self.by_warps(heads, warp_bytes)?;
        self.queue.launch(&Launch {
            kernel: OP,
            grid: [count as u32, groups, 1],
            threads,
            shared_bytes,
            arguments: &[
                Argument::Address(queries.address),
                Argument::Address(key_values.address),
                Argument::Address(key_values.address.plus(hidden * 2)),
                Argument::Address(cu_seqlens),
                Argument::Address(out.address),
                Argument::size(hidden),
                Argument::size(2 * hidden),
                Argument::size(heads),
                Argument::size(dim),
                Argument::size(longest),
                Argument::Float(scale(dim)),
            ],
        })
    }

    fn head_dim(&self, op: &'static str, hidden: usize, heads: usize) -> Result<usize> {
        let pad = self.head_pad();
        if heads > 0 && hidden.is_multiple_of(heads) && hidden / heads <= pad {
            return Ok(hidden / heads);
        }
        let (expected, got) = (format!("heads of at most {pad} values"), format!("{heads} heads"));
        Err(Error::Shape { op, expected, got: format!("{got} of {hidden} values together") })
    }

    /// The width that the queue's kernels pad heads to; 0 if they have no attention, which no head fits.
    fn head_pad(&self) -> usize {
        self.queue.program().head_pad().unwrap_or(0)
    }

    /// The shared memory of as many keys and their values; rows are `PITCH` elements apart.
    fn key_value_bytes(&self, keys: usize) -> u32 {
        (2 * keys * (self.head_pad() + 8) * 2) as u32
    }
}

/// 1 / √d in powers of two.
fn scale(dim: usize) -> f32 {
    std::f32::consts::LOG2_E / (dim as f32).sqrt()
}
