//! RoBERTa's tokenizer (GPT-2's byte-level BPE) without regular expressions and caches.
//!
//! Text is cut into pieces by GPT-2's pattern, here written out by hand over four classes of
//! characters. A piece that is itself a token, and that the merges do lead to, is one lookup; this
//! is checked for every token at load, so it is exact. Any other piece is merged pair by pair,
//! always the pair of the lowest rank and of these the leftmost.
//!
//! Source: <https://github.com/openai/gpt-2/blob/master/src/encoder.py> for the pattern and for
//! the characters that stand for bytes.

use std::collections::HashMap;

use serde::Deserialize;
use tokenizers::models::bpe::BPE;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer};

use super::char_table::CharTable;
use super::merges::Merges;
use super::vocabulary::{INLINE_BYTES_MAX, Vocabulary, Window};

/// The longest piece that is merged here, in bytes; merging takes time in its square. A text with
/// a longer one is left to `tokenizers`.
const PIECE_BYTES_MAX: usize = 128;

/// What GPT-2's pattern sees in a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// `\p{L}`
    Letter,
    /// `\p{N}`
    Number,
    /// `\s`
    Space,
    /// `[^\s\p{L}\p{N}]`
    Other,
}

/// Byte-level BPE with GPT-2's splitting pattern.
pub(super) struct FastByteLevelBpe {
    /// The tokens that the merges make of their own bytes.
    whole: Vocabulary,
    byte_ids: [u32; 256],
    merges: Merges,
    ascii: [Class; 128],
    classes: CharTable<Class>,
    add_prefix_space: bool,
}

/// The part of a serialised model that the model does not show otherwise.
#[derive(Deserialize)]
struct SerialisedMerges {
    merges: Vec<(String, String)>,
}

impl FastByteLevelBpe {
    /// Takes over a model, or `None` if it is not of the form that is known to come out the same.
    pub(super) fn new(pre_tokenizer: ByteLevel, model: &BPE) -> Option<Self> {
        let absent = |affix: &Option<String>| affix.as_deref().unwrap_or_default().is_empty();
        let plain = pre_tokenizer.use_regex
            && model.dropout.unwrap_or_default() == 0.0
            && absent(&model.continuing_subword_prefix)
            && absent(&model.end_of_word_suffix)
            && !model.byte_fallback
            && !model.ignore_merges;
        if !plain {
            return None;
        }
        let vocab = model.get_vocab();
        let serialised = serde_json::to_value(model).ok()?;
        let SerialisedMerges { merges } = SerialisedMerges::deserialize(&serialised).ok()?;
        let merges = Merges::new(&vocab, &merges)?;
        let mut byte_ids = [0; 256];
        let mut bytes_of_char = HashMap::new();
        for (byte, c) in (0..=255_u8).zip(byte_chars()) {
            byte_ids[usize::from(byte)] = *vocab.get(c.to_string().as_str())?;
            bytes_of_char.insert(c, byte);
        }
        let whole: Vec<(Vec<u8>, u32)> = vocab
            .iter()
            .filter_map(|(token, id)| {
                let bytes = token.chars().map(|c| bytes_of_char.get(&c).copied());
                Some((bytes.collect::<Option<Vec<_>>>()?, *id))
            })
            .filter(|(bytes, id)| {
                let mut ids = Vec::new();
                merges.apply(bytes, &byte_ids, &mut ids);
                ids == [*id]
            })
            .collect();
        let classes = CharTable::new(class, || Class::Other);
        let mut ascii = [Class::Other; 128];
        for (class, c) in ascii.iter_mut().zip('\0'..) {
            *class = *classes.get(c);
        }
        Some(Self {
            whole: Vocabulary::new(whole.iter().map(|(bytes, id)| (bytes.as_slice(), *id))),
            byte_ids,
            merges,
            ascii,
            classes,
            add_prefix_space: pre_tokenizer.add_prefix_space,
        })
    }

    /// Appends the tokens of `text`, at least the first `limit` of them, or gives up and returns
    /// `false` with any number appended.
    pub(super) fn encode(&self, text: &str, limit: usize, ids: &mut Vec<u32>) -> bool {
        let full = ids.len() + limit;
        let mut start = 0;
        if self.add_prefix_space && !text.is_empty() && !text.starts_with(' ') {
            match self.encode_prefixed(text, ids) {
                Some(end) => start = end,
                None => return false,
            }
        }
        while start < text.len() && ids.len() < full {
            let end = self.piece_end(text, start);
            if !self.encode_piece(text.as_bytes(), start, end, ids) {
                return false;
            }
            start = end;
        }
        true
    }

    /// Appends the tokens of the first piece as if a space stood before it; returns its end.
    fn encode_prefixed(&self, text: &str, ids: &mut Vec<u32>) -> Option<usize> {
        let (first, _) = self.class_at(text, 0)?;
        // A run of white space would begin with the space that is not there.
        if first == Class::Space {
            return None;
        }
        let end = self.run_end(text, 0, first);
        let mut piece = [b' '; PIECE_BYTES_MAX];
        piece.get_mut(1..=end)?.copy_from_slice(&text.as_bytes()[..end]);
        self.encode_piece(&piece, 0, end + 1, ids).then_some(end)
    }

    /// Appends the tokens of a piece, or returns `false` if it is too long.
    #[inline]
    fn encode_piece(&self, bytes: &[u8], start: usize, end: usize, ids: &mut Vec<u32>) -> bool {
        let length = end - start;
        let whole = if length <= INLINE_BYTES_MAX {
            self.whole.get_inline(Window::read(bytes, start), length)
        } else {
            self.whole.get_long(&bytes[start..end])
        };
        match whole {
            Some(id) => ids.push(id),
            None if length <= PIECE_BYTES_MAX => {
                self.merges.apply(&bytes[start..end], &self.byte_ids, ids);
            }
            None => return false,
        }
        true
    }

    /// Where the piece that begins at `start` ends. The pattern's alternatives, in their order:
    /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
    #[inline]
    fn piece_end(&self, text: &str, start: usize) -> usize {
        let bytes = text.as_bytes();
        if bytes[start] == b'\'' {
            match &bytes[start + 1..] {
                [b's' | b't' | b'm' | b'd', ..] => return start + 2,
                [b'r' | b'v', b'e', ..] | [b'l', b'l', ..] => return start + 3,
                _ => {}
            }
        }
        let run = if bytes[start] == b' ' { start + 1 } else { start };
        match self.class_at(text, run) {
            Some((Class::Space, _)) => self.white_end(text, start),
            Some((class, width)) => self.run_end(text, run + width, class),
            // A single space that ends the text.
            None => run,
        }
    }

    /// Where a piece of white space ends: before the last space if text follows, since that one
    /// may belong to it, but not before the first.
    fn white_end(&self, text: &str, start: usize) -> usize {
        let (mut end, mut last) = (start, start);
        while let Some((Class::Space, width)) = self.class_at(text, end) {
            last = end;
            end += width;
        }
        if end == text.len() || last == start { end } else { last }
    }

    /// Where the characters of a class that begin at `at` end.
    #[inline]
    fn run_end(&self, text: &str, mut at: usize, class: Class) -> usize {
        while let Some((found, width)) = self.class_at(text, at) {
            if found != class {
                break;
            }
            at += width;
        }
        at
    }

    /// The class and the width in bytes of the character at `at`, if there is one.
    #[inline]
    fn class_at(&self, text: &str, at: usize) -> Option<(Class, usize)> {
        let byte = *text.as_bytes().get(at)?;
        if byte.is_ascii() {
            return Some((self.ascii[usize::from(byte)], 1));
        }
        let c = text[at..].chars().next()?;
        Some((*self.classes.get(c), c.len_utf8()))
    }
}

/// The characters that stand for the bytes 0 to 255 in the vocabulary: itself where it can be
/// printed, else the next one from U+0100 on.
fn byte_chars() -> impl Iterator<Item = char> {
    let mut shifted = '\u{100}'..;
    (0..=255_u8).map(move |byte| match byte {
        b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF => char::from(byte),
        _ => shifted.next().unwrap_or_default(),
    })
}

/// Asks the pattern of `tokenizers` for the class of a character: it joins what is of its class.
fn class(c: char) -> Class {
    let joins = |neighbour: char| {
        let mut probe = PreTokenizedString::from(format!("{neighbour}{c}"));
        let split = ByteLevel::new(false, false, true).pre_tokenize(&mut probe);
        split.is_ok() && probe.get_splits(OffsetReferential::Original, OffsetType::None).len() == 1
    };
    match () {
        () if joins('a') => Class::Letter,
        () if joins('1') => Class::Number,
        () if joins('!') => Class::Other,
        () => Class::Space,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_as_gpt2_writes_them() {
        let chars: Vec<_> = byte_chars().collect();
        assert_eq!((chars[0], chars[32], chars[65], chars[255]), ('Ā', 'Ġ', 'A', 'ÿ'));
        assert_eq!((chars[127], chars[160], chars[173]), ('ġ', 'ł', 'Ń'));
    }

    #[test]
    fn classes_are_those_of_the_pattern() {
        let cases = [('é', Class::Letter), ('½', Class::Number), ('\u{3000}', Class::Space)];
        for (c, expected) in cases {
            assert_eq!(class(c), expected, "{c:?}");
        }
        assert_eq!([' ', '\u{1c}', '🚀'].map(class), [Class::Space, Class::Other, Class::Other]);
    }
}
