//! The longest vocabulary entry at a place in a word.

use super::vocabulary::{INLINE_BYTES_MAX, Vocabulary, Window};

/// The vocabulary entries for one position in a word, with the lengths worth trying.
pub(super) struct Pieces {
    vocabulary: Vocabulary,
    /// By the first two bytes of what is left of a word (the second 0 if there is none): bit `n`
    /// is set if an entry of `n` bytes begins so, bit 0 if one of more than 16 bytes does.
    lengths: Vec<u32>,
    /// The lengths of the entries of more than 16 bytes, longest first.
    long_lengths: Vec<usize>,
}

impl Pieces {
    /// Takes the entries as they stand in a word, without the mark of a continuation.
    pub(super) fn new<'a>(tokens: impl Iterator<Item = (&'a str, u32)>) -> Self {
        let tokens: Vec<_> = tokens.map(|(token, id)| (token.as_bytes(), id)).collect();
        let mut lengths = vec![0; 1 << 16];
        for (token, _) in &tokens {
            let bit = if token.len() > INLINE_BYTES_MAX { 1 } else { 1 << token.len() };
            match **token {
                [] => {}
                [first] => (0..=255).for_each(|second| lengths[pair(first, second)] |= bit),
                [first, second, ..] => lengths[pair(first, second)] |= bit,
            }
        }
        let vocabulary = Vocabulary::new(tokens.into_iter());
        let mut long_lengths: Vec<_> = vocabulary.long_tokens().map(<[u8]>::len).collect();
        long_lengths.sort_unstable_by(|a, b| b.cmp(a));
        long_lengths.dedup();
        Self { vocabulary, lengths, long_lengths }
    }

    /// The id of the entry that is the first `length` bytes, 1 to 16, of `window`.
    #[inline]
    pub(super) fn get_inline(&self, window: Window, length: usize) -> Option<u32> {
        self.vocabulary.get_inline(window, length)
    }

    /// The longest entry that begins at `start` of a word of `end` bytes, with its length.
    pub(super) fn longest_prefix(
        &self,
        word: &[u8],
        start: usize,
        end: usize,
    ) -> Option<(u32, usize)> {
        let left = end - start;
        let second = if left > 1 { word[start + 1] } else { 0 };
        let mut lengths = self.lengths[pair(word[start], second)];
        if lengths & 1 != 0 && left > INLINE_BYTES_MAX {
            for &length in self.long_lengths.iter().filter(|&&length| length <= left) {
                if let Some(id) = self.vocabulary.get_long(&word[start..start + length]) {
                    return Some((id, length));
                }
            }
        }
        lengths &= u32::MAX >> (31 - left.min(INLINE_BYTES_MAX)) & !1;
        let window = Window::read(word, start);
        while lengths != 0 {
            let length = lengths.ilog2() as usize;
            if let Some(id) = self.vocabulary.get_inline(window, length) {
                return Some((id, length));
            }
            lengths ^= 1 << length;
        }
        None
    }
}

fn pair(first: u8, second: u8) -> usize {
    usize::from(first) << 8 | usize::from(second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_entry_wins_whatever_its_length() {
        let entries = ["a", "ab", "abcd", "abcdefghijklmnopq", "abcdefghijklmnopqrst"];
        let pieces = Pieces::new(entries.into_iter().zip(0..));
        let longest = |word: &str| pieces.longest_prefix(word.as_bytes(), 0, word.len());
        assert_eq!(longest("a"), Some((0, 1)));
        assert_eq!(longest("abc"), Some((1, 2)));
        assert_eq!(longest("abcdefghijklmnop"), Some((2, 4)));
        assert_eq!(longest("abcdefghijklmnopqrs"), Some((3, 17)));
        assert_eq!(longest("abcdefghijklmnopqrst!"), Some((4, 20)));
        assert_eq!(longest("b"), None);
        // What lies beyond the word's end is not part of it.
        assert_eq!(pieces.longest_prefix(b"xabcd", 1, 4), Some((1, 2)));
        assert_eq!(pieces.longest_prefix(b"a\0", 0, 2), Some((0, 1)));
    }
}
