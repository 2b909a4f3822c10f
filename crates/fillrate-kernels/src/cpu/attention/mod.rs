//! Self-attention over packed sequences.

mod check;
mod first;
mod fma;
mod heads;
mod scratch;
mod softmax;
#[cfg(target_arch = "x86_64")]
mod tiles;

use super::Cpu;
use super::quantize::quantize_rows;
use crate::activation::{Activation, Values};
use crate::{Error, Result, Workspace};

pub(crate) use scratch::AttentionScratch;

/// Which sequences a batch holds and how their rows are split into heads.
#[derive(Clone, Copy, Debug)]
pub struct Sequences<'a> {
    /// Where each sequence begins and, last, where all end: `[sequences + 1]`, from 0, rising.
    pub cu_seqlens: &'a [u32],
    /// The number of heads.
    pub heads: usize,
}

impl Cpu {
    /// Softmax(q kᵀ / √d) v within each sequence and head of d values.
    ///
    /// `qkv` has shape `[tokens, 3 * hidden]`: queries, keys and values side by side, each with its
    /// heads side by side; `out` becomes `[tokens, hidden]`.
    ///
    /// Source: Vaswani et al., "Attention Is All You Need" (2017), equation 1.
    ///
    /// # Errors
    ///
    /// If the offsets do not rise from 0 to the number of rows, a sequence is longer than the
    /// workspace allows, or a shape does not fit.
    pub fn attention(
        &self,
        qkv: &Activation,
        sequences: Sequences<'_>,
        out: &mut Activation,
        workspace: &mut Workspace,
    ) -> Result<()> {
        let scratch = &mut workspace.attention;
        check_all(qkv, sequences, out, scratch)?;
        out.rows = qkv.rows;
        match (&qkv.values, &mut out.values) {
            (Values::F32(from), Values::F32(to)) => {
                fma::attention(self.tier, from, qkv.stride, sequences, (to, out.stride), scratch);
            }
            (Values::Bf16(from), Values::Bf16(to)) => {
                #[cfg(target_arch = "x86_64")]
                if self.tier == crate::Tier::Amx && tiles::fits(scratch) {
                    tiles::attention(from, qkv.stride, sequences, (to, out.stride), scratch);
                    quantize_rows(self.tier, out);
                    return Ok(());
                }
                fma::attention(self.tier, from, qkv.stride, sequences, (to, out.stride), scratch);
            }
            // `check_all` admits no mixture.
            _ => {}
        }
        quantize_rows(self.tier, out);
        Ok(())
    }
}

fn check_all(
    qkv: &Activation,
    sequences: Sequences<'_>,
    out: &Activation,
    scratch: &AttentionScratch,
) -> Result<()> {
    const OP: &str = "attention";
    let Sequences { cu_seqlens, heads } = sequences;
    let rising = cu_seqlens.first() == Some(&0)
        && cu_seqlens.is_sorted()
        && cu_seqlens.last() == Some(&(qkv.rows as u32));
    if !rising {
        return Err(Error::Shape {
            op: OP,
            expected: format!("offsets rising from 0 to {}", qkv.rows),
            got: format!("{:?} … {:?}", cu_seqlens.first(), cu_seqlens.last()),
        });
    }
    check::lengths(OP, cu_seqlens, scratch)?;
    check::matrices(OP, qkv, qkv.rows, heads, out, scratch)
}
