//! A read-only map from token bytes to ids, laid out for short keys.
//!
//! Nearly every token is at most 16 bytes long, so a key is the token itself in one 128-bit word:
//! a lookup is one multiplication, one probe of an open-addressing table and one comparison, with
//! no pointer to follow. Longer tokens live in an ordinary map beside it.

use std::collections::HashMap;

/// The longest token that is its own key, in bytes.
pub(super) const INLINE_BYTES_MAX: usize = 16;

/// Token bytes to ids.
pub(super) struct Vocabulary {
    slots: Vec<Slot>,
    mask: usize,
    long: HashMap<Box<[u8]>, u32>,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    low: u64,
    high: u64,
    id: u32,
    /// The token's length in bytes; 0 marks an empty slot.
    length: u32,
}

/// The first bytes of a token, little-endian, with zeros past its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window(u128);

impl Window {
    /// Reads the 16 bytes from `start` on; past the end of `bytes` are zeros.
    #[inline]
    pub(super) fn read(bytes: &[u8], start: usize) -> Self {
        let rest = &bytes[start..];
        if let Some(block) = rest.first_chunk::<INLINE_BYTES_MAX>() {
            return Self(u128::from_le_bytes(*block));
        }
        let mut block = [0; INLINE_BYTES_MAX];
        block[..rest.len()].copy_from_slice(rest);
        Self(u128::from_le_bytes(block))
    }

    /// Keeps the first `length` bytes, 1 to 16.
    #[inline]
    pub(super) fn first(self, length: usize) -> Self {
        Self(self.0 & (u128::MAX >> (128 - 8 * length)))
    }

    /// Lower-cases the letters A to Z; every byte must be ASCII.
    ///
    /// Adding puts "is at least `A`" and "is past `Z`" into the spare top bit of each byte; where
    /// only the first holds, that bit moved to 0x20 is the difference between the two cases.
    #[inline]
    pub(super) fn to_ascii_lowercase(self) -> Self {
        const fn each(byte: u8) -> u128 {
            u128::from_le_bytes([byte; INLINE_BYTES_MAX])
        }
        let from_a = self.0 + each(0x80 - b'A');
        let past_z = self.0 + each(0x80 - (b'Z' + 1));
        Self(self.0 | ((from_a & !past_z & each(0x80)) >> 2))
    }
}

impl Vocabulary {
    /// Builds the map. Empty tokens are left out: no text contains one.
    pub(super) fn new<'a>(tokens: impl Iterator<Item = (&'a [u8], u32)>) -> Self {
        let tokens: Vec<_> = tokens.filter(|(token, _)| !token.is_empty()).collect();
        // At most half full, so that a probe ends after a step or two.
        let capacity = (tokens.len() * 2).next_power_of_two().max(2);
        let mut vocabulary = Self {
            slots: vec![Slot::default(); capacity],
            mask: capacity - 1,
            long: HashMap::new(),
        };
        for (token, id) in tokens {
            vocabulary.insert(token, id);
        }
        vocabulary
    }

    fn insert(&mut self, token: &[u8], id: u32) {
        if token.len() > INLINE_BYTES_MAX {
            self.long.insert(token.into(), id);
            return;
        }
        let key = Window::read(token, 0);
        let mut slot = self.first_slot(key, token.len());
        while self.slots[slot].length != 0 {
            slot = (slot + 1) & self.mask;
        }
        let length = token.len() as u32;
        self.slots[slot] = Slot { low: key.0 as u64, high: (key.0 >> 64) as u64, id, length };
    }

    /// The id of the token that is the first `length` bytes, 1 to 16, of `window`.
    #[inline]
    pub(super) fn get_inline(&self, window: Window, length: usize) -> Option<u32> {
        let key = window.first(length);
        let (low, high) = (key.0 as u64, (key.0 >> 64) as u64);
        let mut slot = self.first_slot(key, length);
        loop {
            let found = &self.slots[slot];
            if found.low == low && found.high == high && found.length == length as u32 {
                return Some(found.id);
            }
            if found.length == 0 {
                return None;
            }
            slot = (slot + 1) & self.mask;
        }
    }

    /// The id of a token of more than 16 bytes.
    pub(super) fn get_long(&self, token: &[u8]) -> Option<u32> {
        self.long.get(token).copied()
    }

    /// The tokens of more than 16 bytes.
    pub(super) fn long_tokens(&self) -> impl Iterator<Item = &[u8]> {
        self.long.keys().map(AsRef::as_ref)
    }

    /// A folded multiplication: the high half of the product stirs the low half.
    #[inline]
    fn first_slot(&self, key: Window, length: usize) -> usize {
        let low = key.0 as u64 ^ 0x9E37_79B9_7F4A_7C15;
        let high = (key.0 >> 64) as u64 ^ 0xC2B2_AE3D_27D4_EB4F ^ length as u64;
        let product = u128::from(low) * u128::from(high);
        ((product >> 64) as u64 ^ product as u64) as usize & self.mask
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_put_in_and_nothing_else() {
        let words = ["a", "ab", "exactly16bytes!!", "more than sixteen bytes", "", "a\0"];
        let vocabulary =
            Vocabulary::new(words.iter().zip(7..).map(|(word, id)| (word.as_bytes(), id)));
        let get = |word: &str| match word.len() {
            0 => None,
            1..=INLINE_BYTES_MAX => {
                vocabulary.get_inline(Window::read(word.as_bytes(), 0), word.len())
            }
            _ => vocabulary.get_long(word.as_bytes()),
        };
        assert_eq!(words.map(get), [Some(7), Some(8), Some(9), Some(10), None, Some(12)]);
        assert_eq!(["b", "abc", "exactly16bytes!?", "a\0\0"].map(get), [None; 4]);
    }

    #[test]
    fn a_window_is_cut_at_its_length_and_lower_cased() {
        let window = Window::read(b"@AZ[`az{ tail that is cut off", 0);
        let lower = Window::read(b"@az[`az{", 0);
        assert_eq!(window.to_ascii_lowercase().first(8), lower);
        assert_eq!(Window::read(b"xyz", 1), Window::read(b"yz", 0));
    }
}
