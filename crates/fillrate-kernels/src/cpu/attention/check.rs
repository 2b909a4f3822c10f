//! What both attentions ask of their operands.

use super::scratch::AttentionScratch;
use crate::activation::{Activation, Values};
use crate::{Error, Result};

/// Refuses offsets with a sequence that the scratch has no room for.
pub(super) fn lengths(
    op: &'static str,
    cu_seqlens: &[u32],
    scratch: &AttentionScratch,
) -> Result<()> {
    let longest = cu_seqlens.windows(2).map(|w| (w[1] - w[0]) as usize).max().unwrap_or(0);
    if longest > scratch.max_sequence {
        return Err(Error::Shape {
            op,
            expected: format!("sequences of at most {} tokens", scratch.max_sequence),
            got: longest.to_string(),
        });
    }
    Ok(())
}

/// Refuses operands of another width than the heads have, of another type than the output, or of
/// `rows` rows that the output has no room for.
pub(super) fn matrices(
    op: &'static str,
    qkv: &Activation,
    rows: usize,
    heads: usize,
    out: &Activation,
    scratch: &AttentionScratch,
) -> Result<()> {
    let same = matches!(
        (&qkv.values, &out.values),
        (Values::F32(_), Values::F32(_)) | (Values::Bf16(_), Values::Bf16(_))
    );
    let hidden = heads * scratch.head_dim;
    if !same || out.width != hidden || qkv.width != 3 * hidden || rows > out.capacity_rows() {
        return Err(Error::Shape {
            op,
            expected: format!("[{rows}, {}] into [{rows}, {hidden}] of one type", 3 * hidden),
            got: format!("[{rows}, {}] into [{}, {}]", qkv.width, out.capacity_rows(), out.width),
        });
    }
    Ok(())
}
