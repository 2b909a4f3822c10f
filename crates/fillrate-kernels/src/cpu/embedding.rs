//! Token and position embeddings, summed and normalised.

use half::bf16;

use super::Cpu;
use super::layer_norm::layer_norm_rows;
use crate::activation::{Activation, stride_for};
use crate::buffer::Aligned;
use crate::{Error, LayerNorm, Precision, Result, Workspace};

/// The embedding tables of an encoder.
///
/// Position embeddings carry the embedding of token type 0 already added, since every text is one
/// segment.
pub struct Embeddings {
    words: Words,
    /// `[positions, hidden]`, f32 in every precision: the table is small.
    positions: Aligned<f32>,
    hidden: usize,
}

enum Words {
    F32(Aligned<f32>),
    Bf16(Aligned<bf16>),
}

impl Embeddings {
    /// Tables of `hidden` values a row: `words` has shape `[vocabulary, hidden]`, `positions`
    /// `[positions, hidden]`. Words are kept in f32 for [`Precision::Fp32`], else in bf16.
    ///
    /// # Errors
    ///
    /// If a table is empty or not a whole number of rows.
    pub fn new(
        words: &[f32],
        positions: &[f32],
        hidden: usize,
        precision: Precision,
    ) -> Result<Self> {
        for (name, table) in [("words", words), ("positions", positions)] {
            if hidden == 0 || table.is_empty() || table.len() % hidden != 0 {
                return Err(Error::Shape {
                    op: "embed_layer_norm",
                    expected: format!("{name}: rows of {hidden} values"),
                    got: format!("{} values", table.len()),
                });
            }
        }
        let words = match precision {
            Precision::Fp32 => Words::F32(words.iter().copied().collect()),
            Precision::Bf16 | Precision::Int8 => {
                Words::Bf16(words.iter().map(|&x| bf16::from_f32(x)).collect())
            }
        };
        Ok(Self { words, positions: positions.iter().copied().collect(), hidden })
    }

    /// The number of token ids.
    #[must_use]
    pub fn vocabulary(&self) -> usize {
        match &self.words {
            Words::F32(words) => words.len() / self.hidden,
            Words::Bf16(words) => words.len() / self.hidden,
        }
    }

    /// The bytes the tables take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.positions.bytes()
            + match &self.words {
                Words::F32(words) => words.bytes(),
                Words::Bf16(words) => words.bytes(),
            }
    }
}

impl Cpu {
    /// Writes the layer norm of words\[id\] + positions\[position\] for each token, shape
    /// `[ids.len(), hidden]`.
    ///
    /// # Errors
    ///
    /// If an id or position is outside its table, the slices differ in length, or a shape does not
    /// fit.
    pub fn embed_layer_norm(
        &self,
        tables: &Embeddings,
        ids: &[u32],
        positions: &[u32],
        norm: &LayerNorm,
        out: &mut Activation,
        workspace: &mut Workspace,
    ) -> Result<()> {
        let hidden = tables.hidden;
        check_indices("token ids", ids, tables.vocabulary())?;
        check_indices("positions", positions, tables.positions.len() / hidden)?;
        let fits = ids.len() == positions.len()
            && ids.len() <= out.capacity_rows()
            && out.width == hidden
            && norm.width() == hidden
            && workspace.holds(ids.len(), hidden);
        if !fits {
            return Err(Error::Shape {
                op: "embed_layer_norm",
                expected: format!("room for [{}, {hidden}]", ids.len()),
                got: format!(
                    "{} positions, out [{}, {}], norm {}",
                    positions.len(),
                    out.capacity_rows(),
                    out.width,
                    norm.width()
                ),
            });
        }
        let stride = stride_for(hidden);
        let tokens = ids.iter().zip(positions);
        for ((&id, &position), sum) in tokens.zip(workspace.sums.chunks_exact_mut(stride)) {
            let word = id as usize * hidden..(id as usize + 1) * hidden;
            let position = position as usize * hidden..(position as usize + 1) * hidden;
            let position = &tables.positions[position];
            let (sum, padding) = sum.split_at_mut(hidden);
            padding.fill(0.0);
            match &tables.words {
                Words::F32(words) => {
                    for ((sum, word), position) in sum.iter_mut().zip(&words[word]).zip(position) {
                        *sum = word + position;
                    }
                }
                Words::Bf16(words) => {
                    for ((sum, word), position) in sum.iter_mut().zip(&words[word]).zip(position) {
                        *sum = f32::from_bits(u32::from(word.to_bits()) << 16) + position;
                    }
                }
            }
        }
        layer_norm_rows(self.tier, &workspace.sums, ids.len(), norm, out);
        Ok(())
    }
}

fn check_indices(what: &str, indices: &[u32], below: usize) -> Result<()> {
    match indices.iter().find(|&&index| index as usize >= below) {
        None => Ok(()),
        Some(index) => Err(Error::Shape {
            op: "embed_layer_norm",
            expected: format!("{what} below {below}"),
            got: index.to_string(),
        }),
    }
}
