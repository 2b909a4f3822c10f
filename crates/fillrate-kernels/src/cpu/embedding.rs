//! Token and position embeddings, summed and normalised.

use std::ops::Range;

use half::bf16;

use super::Cpu;
use super::layer_norm::layer_norm_rows;
use crate::activation::{Activation, stride_for};
use crate::buffer::Aligned;
use crate::{Error, LayerNorm, Precision, Result, Workspace};

/// The token ids whose rows are read at once.
const BLOCK_IDS: usize = 1024;

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
        if hidden == 0 || !words.len().is_multiple_of(hidden) {
            return Err(table_error("words", hidden, words.len()));
        }
        let vocabulary = words.len() / hidden;
        Self::read(vocabulary, positions, hidden, precision, |rows, block| {
            block.copy_from_slice(&words[rows.start * hidden..rows.end * hidden]);
            Ok(())
        })
    }

    /// As [`Self::new`], for word tables too large to be held twice: `read` writes the rows of a
    /// range of token ids over a block, shape `[ids, hidden]`, from the first id to the last.
    ///
    /// # Errors
    ///
    /// If a table is empty or not a whole number of rows, and whatever `read` returns.
    pub fn read<E: From<Error>>(
        vocabulary: usize,
        positions: &[f32],
        hidden: usize,
        precision: Precision,
        mut read: impl FnMut(Range<usize>, &mut [f32]) -> Result<(), E>,
    ) -> Result<Self, E> {
        if hidden == 0 || positions.is_empty() || !positions.len().is_multiple_of(hidden) {
            return Err(table_error("positions", hidden, positions.len()).into());
        }
        if vocabulary == 0 {
            return Err(table_error("words", hidden, 0).into());
        }
        let mut words = match precision {
            Precision::Fp32 => Words::F32(Aligned::zeroed(vocabulary * hidden)),
            Precision::Bf16 | Precision::Int8 => Words::Bf16(Aligned::zeroed(vocabulary * hidden)),
        };
        let mut block = vec![0.0; BLOCK_IDS.min(vocabulary) * hidden];
        for first in (0..vocabulary).step_by(BLOCK_IDS) {
            let ids = first..(first + BLOCK_IDS).min(vocabulary);
            let values = first * hidden..ids.end * hidden;
            let block = &mut block[..values.len()];
            read(ids, block)?;
            match &mut words {
                Words::F32(words) => words[values].copy_from_slice(block),
                Words::Bf16(words) => {
                    for (to, &from) in words[values].iter_mut().zip(&*block) {
                        *to = bf16::from_f32(from);
                    }
                }
            }
        }
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

fn table_error(name: &str, hidden: usize, values: usize) -> Error {
    Error::Shape {
        op: "embed_layer_norm",
        expected: format!("{name}: rows of {hidden} values"),
        got: format!("{values} values"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_read_in_blocks_is_whole() {
        let (vocabulary, hidden) = (2 * BLOCK_IDS + 5, 3);
        let mut next = 0;
        let tables =
            Embeddings::read(vocabulary, &[0.0; 3], hidden, Precision::Fp32, |ids, rows| {
                assert_eq!((ids.start * hidden, ids.len() * hidden), (next, rows.len()));
                for value in rows {
                    *value = next as f32;
                    next += 1;
                }
                Ok::<(), Error>(())
            })
            .unwrap();
        assert_eq!(tables.vocabulary(), vocabulary);
        let Words::F32(words) = &tables.words else { panic!("fp32 words are kept in f32") };
        assert!(words.iter().enumerate().all(|(index, &value)| value as usize == index));
    }

    #[test]
    fn a_failed_read_is_handed_on() {
        let error = table_error("words", 3, 1).to_string();
        let read = |_: Range<usize>, _: &mut [f32]| Err(table_error("words", 3, 1));
        let tables = Embeddings::read(9, &[0.0; 3], 3, Precision::Bf16, read);
        assert_eq!(tables.err().unwrap().to_string(), error);
    }
}
