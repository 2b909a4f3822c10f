//! Text to token ids, exactly as Hugging Face `tokenizers` does it.
//!
//! `tokenizers` is the truth and is always at hand; it is also general, and spends most of its
//! time on strings and offsets that scoring never looks at. So the two forms that nearly every
//! text classifier uses, BERT's WordPiece and RoBERTa's byte-level BPE, have a second
//! implementation here that goes from bytes to ids without allocating. It is chosen only for a
//! tokenizer whose every part has the known form, and it hands back single texts that it cannot
//! be sure of, such as one that spells out `[SEP]`. The tests compare the two token for token.
//!
//! The crate `tokie` does the same for more models but is not used: its version 0.1.4 calls itself
//! alpha, and it normalises with newer Unicode tables than `tokenizers`, so the two part on rare
//! characters.

mod byte_level_bpe;
mod char_table;
mod fate;
mod frame;
mod load;
mod merges;
mod pieces;
mod special_tokens;
mod vocabulary;
mod wordpiece;

use std::path::{Path, PathBuf};

use tokenizers::{
    ModelWrapper, NormalizerWrapper, PostProcessor, PreTokenizerWrapper, TruncationParams,
};

use self::byte_level_bpe::FastByteLevelBpe;
use self::frame::{Frame, LiteralTokens};
use self::wordpiece::FastWordPiece;
use crate::{Error, Result};

pub use self::load::WordPieceOptions;

/// How many characters of a text are looked at, per token that may come out. No vocabulary has a
/// token of so many characters, so only degenerate texts are affected: a very long text costs no
/// more than a long one.
const CHARS_PER_TOKEN_MAX: usize = 250;

/// Turns texts into sequences of token ids; shared freely between threads.
///
/// ```no_run
/// let tokenizer = fillrate::text::Tokenizer::from_dir("models/finbert".as_ref(), Some(512))?;
/// let mut ids = Vec::new();
/// tokenizer.encode_into("Shares jump 4% on record orders", &mut ids)?;
/// # Ok::<(), fillrate::Error>(())
/// ```
pub struct Tokenizer {
    exact: tokenizers::Tokenizer,
    fast: Option<Fast>,
    max_length: usize,
    vocab_size: usize,
    origin: PathBuf,
}

/// The fast path and what it needs to know about special tokens.
struct Fast {
    model: FastModel,
    frame: Frame,
    literal: LiteralTokens,
}

enum FastModel {
    WordPiece(Box<FastWordPiece>),
    ByteLevelBpe(Box<FastByteLevelBpe>),
}

impl Tokenizer {
    /// Loads the tokenizer of a model directory: `tokenizer.json`, else `vocab.txt` (BERT), else
    /// `vocab.json` with `merges.txt` (RoBERTa). The latter two are completed by what
    /// `tokenizer_config.json` and `special_tokens_map.json` say.
    ///
    /// Sequences are at most `max_length` tokens long, special tokens included. By default this is
    /// `model_max_length` of `tokenizer_config.json`, else the truncation of `tokenizer.json`,
    /// else 512.
    ///
    /// # Errors
    ///
    /// [`Error::Model`] if there is no tokenizer, a file is not what it should be, or `max_length`
    /// leaves no room for text; [`Error::Io`] if a file cannot be read.
    pub fn from_dir(dir: &Path, max_length: Option<usize>) -> Result<Self> {
        load::from_dir(dir, max_length)
    }

    /// Builds a BERT tokenizer from the contents of a `vocab.txt`: one token a line, whose id is
    /// the number of the line from 0.
    ///
    /// # Errors
    ///
    /// [`Error::Model`] if the vocabulary is not UTF-8, lacks `[UNK]`, `[CLS]` or `[SEP]`, or the
    /// options leave no room for text.
    pub fn from_wordpiece(vocab: &[u8], options: &WordPieceOptions) -> Result<Self> {
        load::from_wordpiece(vocab, options)
    }

    /// Completes a loaded tokenizer: sets its truncation, and looks for a fast path.
    fn new(mut exact: tokenizers::Tokenizer, max_length: usize, origin: &Path) -> Result<Self> {
        let special = exact.get_post_processor().map_or(0, |post| post.added_tokens(false));
        if max_length <= special {
            return Err(Error::Model {
                path: origin.to_owned(),
                message: format!(
                    "a sequence of {max_length} tokens has no room beside {special} special tokens"
                ),
                hint: Some(format!("choose a maximal length of at least {}", special + 1)),
            });
        }
        let refused = |source: tokenizers::Error| Error::Model {
            path: origin.to_owned(),
            message: format!("cannot truncate to {max_length} tokens: {source}"),
            hint: None,
        };
        let truncation = TruncationParams { max_length, ..TruncationParams::default() };
        exact.with_truncation(Some(truncation)).map_err(refused)?;
        exact.with_padding(None);
        let largest_id = exact.get_vocab(true).into_values().max();
        Ok(Self {
            fast: Fast::new(&exact),
            vocab_size: largest_id.map_or(0, |id| id as usize + 1),
            exact,
            max_length,
            origin: origin.to_owned(),
        })
    }

    /// Appends the token ids of one text, special tokens included, to `ids`. Too long a sequence
    /// loses tokens at the end of the text; the special tokens stay. Of a text of more than 250
    /// characters for each token of the maximal length, the rest is not looked at.
    ///
    /// On the fast path nothing is allocated, except by `ids` when it grows.
    ///
    /// # Errors
    ///
    /// [`Error::Model`] if `tokenizers` cannot encode the text, for example because it needs an
    /// unknown token that the vocabulary lacks. `ids` is then as it was.
    pub fn encode_into(&self, text: &str, ids: &mut Vec<u32>) -> Result<()> {
        let text = self.capped(text);
        let start = ids.len();
        if let Some(fast) = &self.fast {
            if fast.encode(text, self.max_length, ids) {
                return Ok(());
            }
            ids.truncate(start);
        }
        let encoding = self.exact.encode_fast(text, true).map_err(|source| Error::Model {
            path: self.origin.clone(),
            message: format!("cannot tokenise a text: {source}"),
            hint: None,
        })?;
        ids.extend_from_slice(encoding.get_ids());
        Ok(())
    }

    /// The most tokens of a sequence, special tokens included.
    #[must_use]
    pub fn max_length(&self) -> usize {
        self.max_length
    }

    /// One more than the largest id: the rows that an embedding table must have.
    #[must_use]
    pub fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    /// Whether ordinary texts take the fast path. If not, all go through `tokenizers`.
    #[must_use]
    pub fn is_fast(&self) -> bool {
        self.fast.is_some()
    }

    fn capped<'t>(&self, text: &'t str) -> &'t str {
        let chars_max = self.max_length.saturating_mul(CHARS_PER_TOKEN_MAX);
        if text.len() <= chars_max {
            return text;
        }
        text.char_indices().nth(chars_max).map_or(text, |(end, _)| &text[..end])
    }
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokenizer")
            .field("origin", &self.origin)
            .field("max_length", &self.max_length)
            .field("vocab_size", &self.vocab_size)
            .field("is_fast", &self.is_fast())
            .finish_non_exhaustive()
    }
}

impl Fast {
    /// The fast path, if every part of the tokenizer has a form that it is known to equal.
    fn new(exact: &tokenizers::Tokenizer) -> Option<Self> {
        let frame = Frame::of(exact.get_post_processor()?)?;
        let added = exact.get_added_vocabulary().get_added_tokens_decoder();
        let normalizer = exact.get_normalizer();
        // A token that is looked for in the normalised text cannot be found in the text itself.
        if normalizer.is_some() && added.values().any(|token| token.normalized) {
            return None;
        }
        let model = match (normalizer, exact.get_pre_tokenizer()?, exact.get_model()) {
            (
                Some(NormalizerWrapper::BertNormalizer(normalizer)),
                PreTokenizerWrapper::BertPreTokenizer(_),
                ModelWrapper::WordPiece(model),
            ) => FastModel::WordPiece(Box::new(FastWordPiece::new(*normalizer, model)?)),
            (None, PreTokenizerWrapper::ByteLevel(pre_tokenizer), ModelWrapper::BPE(model)) => {
                FastModel::ByteLevelBpe(Box::new(FastByteLevelBpe::new(*pre_tokenizer, model)?))
            }
            _ => return None,
        };
        Some(Self { model, frame, literal: LiteralTokens::new(added.values()) })
    }

    /// Appends a whole sequence, or gives up and returns `false` with any number appended.
    fn encode(&self, text: &str, max_length: usize, ids: &mut Vec<u32>) -> bool {
        if self.literal.occur_in(text) {
            return false;
        }
        ids.extend_from_slice(&self.frame.before);
        let first = ids.len();
        let room = max_length - self.frame.len();
        let done = match &self.model {
            FastModel::WordPiece(model) => model.encode(text, room, ids),
            FastModel::ByteLevelBpe(model) => model.encode(text, room, ids),
        };
        ids.truncate(first + room);
        ids.extend_from_slice(&self.frame.after);
        done
    }
}
