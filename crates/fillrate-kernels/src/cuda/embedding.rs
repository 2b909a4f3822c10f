//! Token and position embeddings, summed and normalised.

use super::layer_norm::row_bytes;
use super::{Address, Argument, Cell, Cuda, DeviceMatrix, DeviceNorm, Launch, Quantized};
use crate::Result;

/// The embedding tables of an encoder on a device.
#[derive(Clone, Copy, Debug)]
pub struct DeviceEmbeddings {
    /// Elements `[vocabulary, hidden]`.
    pub words: Address,
    /// f32 `[positions, hidden]`, with the embedding of token type 0 already added.
    pub positions: Address,
    /// The width of a row.
    pub hidden: usize,
}

/// The tokens of a batch on a device. Ids and places must lie within the tables.
#[derive(Clone, Copy, Debug)]
pub struct DeviceTokens {
    /// The row of the word table for each token: u32 `[count]`.
    pub ids: Address,
    /// The row of the position table for each token: u32 `[count]`.
    pub places: Address,
    /// The number of tokens.
    pub count: usize,
}

impl Cuda {
    /// Writes the layer norm of words\[id\] + positions\[place\] for each token, elements
    /// `[count, hidden]`, and where it is asked for the same in 8 bits.
    ///
    /// # Errors
    ///
    /// If a shape does not fit or the device fails.
    pub fn embed_layer_norm(
        &self,
        tables: &DeviceEmbeddings,
        tokens: DeviceTokens,
        norm: &DeviceNorm,
        out: &mut DeviceMatrix,
        quantized: Option<Quantized<'_>>,
    ) -> Result<()> {
        const OP: &str = "embed_layer_norm";
        let DeviceTokens { ids, places, count } = tokens;
        out.admit(OP, count, tables.hidden, Cell::Element)?;
        norm.expect(OP, tables.hidden)?;
        let [narrow, inverse_scale] = Quantized::arguments(quantized, OP, count, tables.hidden)?;
        out.rows = count;
        if count == 0 {
            return Ok(());
        }
        let (threads, blocks, shared_bytes) = self.by_warps(count, row_bytes(tables.hidden))?;
        self.queue.launch(&Launch {
            kernel: OP,
            grid: [blocks, 1, 1],
            threads,
            shared_bytes,
            arguments: &[
                Argument::Address(ids),
                Argument::Address(places),
                Argument::Address(tables.words),
                Argument::Address(tables.positions),
                Argument::Address(norm.gamma),
                Argument::Address(norm.beta),
                Argument::Address(out.address),
                narrow,
                inverse_scale,
                Argument::size(count),
                Argument::size(tables.hidden),
                Argument::Float(norm.epsilon),
            ],
        })
    }
}
