//! BERT's tokenizer without intermediate strings.
//!
//! `tokenizers` normalises the whole text, splits it into words and then looks for the longest
//! vocabulary entry at each place of each word. Clean-up, lower-casing, accent stripping and CJK
//! splitting all act on one character at a time (the one exception is noted at
//! [`Fate::Contextual`]), so here they are a table lookup, and a word is segmented as soon as it
//! ends:
//!
//! - an ASCII word of at most 16 bytes is looked up whole, straight from the text;
//! - any other word, and one that is not in the vocabulary, is normalised into a small buffer and
//!   segmented by longest match. Only lengths are tried that some vocabulary entry beginning with
//!   the same two bytes has, longest first, which is exactly the greedy rule.

use super::char_table::CharTable;
use super::fate::Fate;
use super::pieces::Pieces;
use super::vocabulary::{INLINE_BYTES_MAX, Window};
use tokenizers::Model;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;

/// The longest word that is not unknown by length alone, in characters: BERT's limit is 100. A
/// model with a higher one than this is left to `tokenizers`.
const WORD_CHARS_MAX: usize = 120;
/// Room for a word of that many characters of up to 4 bytes.
const WORD_BYTES: usize = WORD_CHARS_MAX * 4;

/// The fate of an ASCII character, small enough to be read for every byte.
#[derive(Clone, Copy, PartialEq, Eq)]
enum AsciiFate {
    Word,
    Space,
    Alone,
    /// Anything else, such as a control character that vanishes within a word.
    Other,
}

/// WordPiece with BERT's normalizer and word splitting.
pub(super) struct FastWordPiece {
    first: Pieces,
    continuing: Pieces,
    unknown: u32,
    word_chars_max: usize,
    lowercase: bool,
    /// By byte; bytes from 0x80 on are [`AsciiFate::Other`].
    ascii: [AsciiFate; 256],
    /// What the ASCII characters of a word become, by byte.
    ascii_word: [u8; 128],
    /// The token of each ASCII character that is a word of its own, by byte.
    ascii_alone: [u32; 128],
    fates: CharTable<Fate>,
}

impl FastWordPiece {
    /// Takes over a model, or `None` if it is not of the form that is known to come out the same.
    pub(super) fn new(normalizer: BertNormalizer, model: &WordPiece) -> Option<Self> {
        let prefix = "##";
        let limit = model.max_input_chars_per_word;
        if model.continuing_subword_prefix != prefix || limit > WORD_CHARS_MAX {
            return None;
        }
        let unknown = model.token_to_id(&model.unk_token)?;
        let vocab = model.get_vocab();
        let entries = || vocab.iter().map(|(token, id)| (token.as_str(), *id));
        let first = Pieces::new(entries());
        let continuing = Pieces::new(
            entries().filter_map(|(token, id)| token.strip_prefix(prefix).map(|rest| (rest, id))),
        );
        let fates = CharTable::new(move |c| Fate::of(c, normalizer), || Fate::Dropped);
        let mut tokenizer = Self {
            first,
            continuing,
            unknown,
            word_chars_max: limit,
            lowercase: normalizer.lowercase,
            ascii: [AsciiFate::Other; 256],
            ascii_word: [0; 128],
            ascii_alone: [unknown; 128],
            fates,
        };
        tokenizer.read_ascii();
        Some(tokenizer)
    }

    fn read_ascii(&mut self) {
        for byte in 0..128_u8 {
            let code = usize::from(byte);
            self.ascii[code] = match *self.fates.get(char::from(byte)) {
                Fate::Space => AsciiFate::Space,
                Fate::Word(c) if c.is_ascii() => {
                    self.ascii_word[code] = c as u8;
                    AsciiFate::Word
                }
                Fate::Alone(c) if c.is_ascii() && self.word_chars_max > 0 => {
                    let mut ids = Vec::new();
                    self.segment(&Word::of(c), &mut ids);
                    self.ascii_alone[code] = ids[0];
                    AsciiFate::Alone
                }
                _ => AsciiFate::Other,
            };
        }
    }

    /// Appends the tokens of `text`, at least the first `limit` of them, or gives up and returns
    /// `false` with any number appended.
    pub(super) fn encode(&self, text: &str, limit: usize, ids: &mut Vec<u32>) -> bool {
        let bytes = text.as_bytes();
        let full = ids.len() + limit;
        let mut word = Word::new();
        let mut at = 0;
        while at < bytes.len() && ids.len() < full {
            match self.ascii[usize::from(bytes[at])] {
                AsciiFate::Space => at += 1,
                AsciiFate::Alone => {
                    ids.push(self.ascii_alone[usize::from(bytes[at])]);
                    at += 1;
                }
                fate => {
                    let end = at + self.word_run(&bytes[at..]);
                    let next = bytes.get(end).map(|byte| self.ascii[usize::from(*byte)]);
                    let plain = fate == AsciiFate::Word && next != Some(AsciiFate::Other);
                    if plain {
                        self.encode_ascii_word(bytes, at, end, &mut word, ids);
                        at = end;
                    } else if let Some(end) = self.encode_general(text, at, &mut word, ids) {
                        at = end;
                    } else {
                        return false;
                    }
                }
            }
        }
        true
    }

    /// How many bytes from the first on are ASCII characters of a word.
    #[inline]
    fn word_run(&self, bytes: &[u8]) -> usize {
        let ends = |byte: &u8| self.ascii[usize::from(*byte)] != AsciiFate::Word;
        bytes.iter().position(ends).unwrap_or(bytes.len())
    }

    #[inline]
    fn encode_ascii_word(
        &self,
        bytes: &[u8],
        start: usize,
        end: usize,
        word: &mut Word,
        ids: &mut Vec<u32>,
    ) {
        let length = end - start;
        if length <= INLINE_BYTES_MAX.min(self.word_chars_max) {
            let window = Window::read(bytes, start).first(length);
            let window = if self.lowercase { window.to_ascii_lowercase() } else { window };
            if let Some(id) = self.first.get_inline(window, length) {
                ids.push(id);
                return;
            }
        }
        word.clear();
        word.chars = length;
        if length <= self.word_chars_max {
            for (to, from) in word.bytes.iter_mut().zip(&bytes[start..end]) {
                *to = self.ascii_word[usize::from(*from)];
            }
            word.length = length;
        }
        self.segment(word, ids);
    }

    /// Takes characters one by one from `start` to the end of the word that it is in. Returns
    /// where that is, or `None` if only `tokenizers` can tell.
    fn encode_general(
        &self,
        text: &str,
        start: usize,
        word: &mut Word,
        ids: &mut Vec<u32>,
    ) -> Option<usize> {
        word.clear();
        for (offset, c) in text[start..].char_indices() {
            let fate = self.fates.get(c);
            if matches!(fate, Fate::Space) {
                self.segment(word, ids);
                return Some(start + offset + c.len_utf8());
            }
            self.take(fate, word, ids)?;
            if matches!(fate, Fate::Alone(_)) {
                return Some(start + offset + c.len_utf8());
            }
        }
        self.segment(word, ids);
        Some(text.len())
    }

    fn take(&self, fate: &Fate, word: &mut Word, ids: &mut Vec<u32>) -> Option<()> {
        match fate {
            Fate::Dropped => {}
            Fate::Space => {
                self.segment(word, ids);
                word.clear();
            }
            Fate::Word(c) => word.push(*c, self.word_chars_max),
            Fate::Alone(c) => {
                self.segment(word, ids);
                word.clear();
                word.push(*c, self.word_chars_max);
                self.segment(word, ids);
                word.clear();
            }
            Fate::Several(fates) => {
                for fate in fates {
                    self.take(fate, word, ids)?;
                }
            }
            Fate::Contextual => return None,
        }
        Some(())
    }

    /// Appends the tokens of a normalised word: the longest first piece, then the longest
    /// continuing pieces, or one unknown token if the word does not come out even.
    fn segment(&self, word: &Word, ids: &mut Vec<u32>) {
        if word.chars > self.word_chars_max {
            ids.push(self.unknown);
            return;
        }
        let before = ids.len();
        let mut pieces = &self.first;
        let mut start = 0;
        while start < word.length {
            let Some((id, length)) = pieces.longest_prefix(&word.bytes, start, word.length) else {
                ids.truncate(before);
                ids.push(self.unknown);
                return;
            };
            ids.push(id);
            start += length;
            pieces = &self.continuing;
        }
    }
}

/// A normalised word while it is being read. Past the limit only its characters are counted.
struct Word {
    bytes: [u8; WORD_BYTES + INLINE_BYTES_MAX],
    length: usize,
    chars: usize,
}

impl Word {
    fn new() -> Self {
        Self { bytes: [0; WORD_BYTES + INLINE_BYTES_MAX], length: 0, chars: 0 }
    }

    fn of(c: char) -> Self {
        let mut word = Self::new();
        word.push(c, WORD_CHARS_MAX);
        word
    }

    fn clear(&mut self) {
        (self.length, self.chars) = (0, 0);
    }

    fn push(&mut self, c: char, chars_max: usize) {
        self.chars += 1;
        if self.chars <= chars_max {
            self.length += c.encode_utf8(&mut self.bytes[self.length..]).len();
        }
    }
}
