//! Turns the texts of a window into token sequences, a chunk of texts at a time.

use std::ops::Range;
use std::sync::Arc;

use super::classifier::guarded;
use super::packer::Sequences;
use super::{Answers, ItemError, ItemResult};
use crate::text::Tokenizer;

/// Texts of a chunk: enough work to be worth handing to a thread, few enough that all threads
/// get some.
const CHUNK_TEXTS: usize = 256;

/// What turns a text into token ids, special tokens included.
///
/// [`Tokenizer`] is one, and so is any closure of this shape.
pub trait Tokenize: Send + Sync {
    /// Appends the ids of `text` to `ids`, which is empty.
    ///
    /// # Errors
    ///
    /// If the text cannot be tokenised; it then carries the error alone.
    fn encode_into(&self, text: &str, ids: &mut Vec<u32>) -> crate::Result<()>;
}

impl<F> Tokenize for F
where
    F: Fn(&str, &mut Vec<u32>) -> crate::Result<()> + Send + Sync,
{
    fn encode_into(&self, text: &str, ids: &mut Vec<u32>) -> crate::Result<()> {
        self(text, ids)
    }
}

impl Tokenize for Tokenizer {
    fn encode_into(&self, text: &str, ids: &mut Vec<u32>) -> crate::Result<()> {
        // The inherent method of the same name.
        Self::encode_into(self, text, ids)
    }
}

/// A window whose texts are being tokenised.
pub(super) struct Intake {
    pub(super) window: u64,
    pub(super) answers: Answers,
    texts: Arc<[String]>,
    next: usize,
    missing: usize,
    chunks: Vec<Chunk>,
}

/// Some texts of a window that are to be tokenised.
pub(super) struct ChunkJob {
    pub(super) window: u64,
    texts: Arc<[String]>,
    range: Range<usize>,
}

/// Some tokenised texts of a window.
#[derive(Default)]
pub(super) struct Chunk {
    start: usize,
    ids: Vec<u32>,
    lengths: Vec<usize>,
    errors: Vec<(u32, ItemResult)>,
    pub(super) bytes: u64,
}

impl Intake {
    pub(super) fn new(window: u64, texts: Arc<[String]>, answers: Answers) -> Self {
        let missing = texts.len().div_ceil(CHUNK_TEXTS);
        Self { window, answers, texts, next: 0, missing, chunks: Vec::with_capacity(missing) }
    }

    /// The next chunk that nobody works on yet.
    pub(super) fn next_job(&mut self) -> Option<ChunkJob> {
        let start = self.next;
        if start >= self.texts.len() {
            return None;
        }
        self.next = (start + CHUNK_TEXTS).min(self.texts.len());
        let texts = Arc::clone(&self.texts);
        Some(ChunkJob { window: self.window, texts, range: start..self.next })
    }

    /// Takes in a chunk, in whatever order they come; returns whether it was the last.
    pub(super) fn add(&mut self, chunk: Chunk) -> bool {
        self.chunks.push(chunk);
        self.missing -= 1;
        self.missing == 0
    }

    /// The sequences of the whole window, and the texts that have none.
    pub(super) fn assemble(mut self, dedupe: bool) -> (Sequences, Vec<(u32, ItemResult)>) {
        self.chunks.sort_unstable_by_key(|chunk| chunk.start);
        let mut ids = Vec::with_capacity(self.chunks.iter().map(|chunk| chunk.ids.len()).sum());
        let mut spans = Vec::with_capacity(self.texts.len());
        let mut errors = Vec::new();
        for chunk in self.chunks {
            let mut start = ids.len();
            ids.extend_from_slice(&chunk.ids);
            for length in chunk.lengths {
                spans.push(start..start + length);
                start += length;
            }
            errors.extend(chunk.errors);
        }
        (Sequences::new(ids, spans, dedupe), errors)
    }
}

impl Chunk {
    /// Tokens of all texts of the chunk.
    pub(super) fn tokens(&self) -> u64 {
        self.ids.len() as u64
    }
}

impl ChunkJob {
    /// Tokenises the chunk. A text that fails has length 0 and an error; `buffer` is room for
    /// the ids of one text.
    pub(super) fn run(
        self,
        tokenizer: &impl Tokenize,
        longest: usize,
        buffer: &mut Vec<u32>,
    ) -> Chunk {
        let mut chunk = Chunk { start: self.range.start, ..Chunk::default() };
        for (item, text) in self.range.clone().zip(&self.texts[self.range]) {
            chunk.bytes += text.len() as u64;
            match encode(tokenizer, text, longest, buffer) {
                Ok(()) => {
                    chunk.ids.extend_from_slice(buffer);
                    chunk.lengths.push(buffer.len());
                }
                Err(error) => {
                    chunk.lengths.push(0);
                    chunk.errors.push((item as u32, Err(error)));
                }
            }
        }
        chunk
    }
}

fn encode(
    tokenizer: &impl Tokenize,
    text: &str,
    longest: usize,
    ids: &mut Vec<u32>,
) -> Result<(), ItemError> {
    ids.clear();
    guarded(|| Ok(tokenizer.encode_into(text, ids)?))?;
    match ids.len() {
        0 => Err(ItemError::NoTokens),
        tokens if tokens > longest => Err(ItemError::TooLong { tokens, max: longest }),
        _ => Ok(()),
    }
}
