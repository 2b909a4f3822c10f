//! The merges of a byte-pair encoding and their application to one piece of text.

use std::collections::HashMap;

/// Pairs of tokens with the rank and the result of merging them: an open-addressing table, at most
/// half full.
pub(super) struct Merges {
    slots: Vec<Slot>,
    mask: usize,
}

#[derive(Clone, Copy)]
struct Slot {
    pair: u64,
    merge: Merge,
}

/// What a pair becomes, and how early: the lowest rank is merged first.
#[derive(Clone, Copy)]
struct Merge {
    rank: u32,
    id: u32,
}

impl Merge {
    /// The mark of a pair that does not merge; a table never has so many merges.
    const NONE: Self = Self { rank: u32::MAX, id: 0 };
}

impl Merges {
    /// Builds the table from merges in the order of their ranks. `None` if the vocabulary lacks
    /// one of their tokens or gives one id to two tokens.
    pub(super) fn new(vocab: &HashMap<String, u32>, merges: &[(String, String)]) -> Option<Self> {
        let mut ids: Vec<_> = vocab.values().collect();
        ids.sort_unstable();
        if ids.windows(2).any(|ids| ids[0] == ids[1]) {
            return None;
        }
        let capacity = (merges.len() * 2).next_power_of_two().max(2);
        let empty = Slot { pair: 0, merge: Merge::NONE };
        let mut table = Self { slots: vec![empty; capacity], mask: capacity - 1 };
        let mut result = String::new();
        for ((left, right), rank) in merges.iter().zip(0..) {
            result.clear();
            result.extend([left.as_str(), right.as_str()]);
            let pair = pair(*vocab.get(left)?, *vocab.get(right)?);
            table.insert(pair, Merge { rank, id: *vocab.get(&result)? });
        }
        Some(table)
    }

    fn insert(&mut self, pair: u64, merge: Merge) {
        let mut slot = self.first_slot(pair);
        while self.slots[slot].merge.rank != Merge::NONE.rank {
            slot = (slot + 1) & self.mask;
        }
        self.slots[slot] = Slot { pair, merge };
    }

    #[inline]
    fn get(&self, left: u32, right: u32) -> Merge {
        let pair = pair(left, right);
        let mut slot = self.first_slot(pair);
        loop {
            let found = &self.slots[slot];
            if found.pair == pair || found.merge.rank == Merge::NONE.rank {
                return found.merge;
            }
            slot = (slot + 1) & self.mask;
        }
    }

    #[inline]
    fn first_slot(&self, pair: u64) -> usize {
        let product = u128::from(pair ^ 0x9E37_79B9_7F4A_7C15) * 0xC2B2_AE3D_27D4_EB4F;
        ((product >> 64) as u64 ^ product as u64) as usize & self.mask
    }

    /// Appends the tokens of a piece: its bytes' tokens, merged until no pair merges.
    pub(super) fn apply(&self, piece: &[u8], byte_ids: &[u32; 256], ids: &mut Vec<u32>) {
        let first = ids.len();
        ids.extend(piece.iter().map(|byte| byte_ids[usize::from(*byte)]));
        let mut small = [Merge::NONE; 128];
        let mut large = Vec::new();
        // Only tokens, at load, are ever longer than the pieces of a text.
        let pending = if piece.len() <= small.len() {
            &mut small[..piece.len()]
        } else {
            large.resize(piece.len(), Merge::NONE);
            &mut large[..]
        };
        let length = self.merge_all(&mut ids[first..], pending);
        ids.truncate(first + length);
    }

    /// Merges `symbols` in place and returns how many are left at the front. `pending[i]` is the
    /// merge of symbols `i` and `i + 1`.
    fn merge_all(&self, symbols: &mut [u32], pending: &mut [Merge]) -> usize {
        let mut length = symbols.len();
        for i in 1..length {
            pending[i - 1] = self.get(symbols[i - 1], symbols[i]);
        }
        while length > 1 {
            let candidates = pending[..length - 1].iter().enumerate();
            let Some((at, merge)) = candidates.min_by_key(|(_, merge)| merge.rank) else { break };
            let merge = *merge;
            if merge.rank == Merge::NONE.rank {
                break;
            }
            symbols[at] = merge.id;
            symbols.copy_within(at + 2..length, at + 1);
            pending.copy_within(at + 1..length - 1, at);
            length -= 1;
            if at > 0 {
                pending[at - 1] = self.get(symbols[at - 1], symbols[at]);
            }
            if at + 1 < length {
                pending[at] = self.get(symbols[at], symbols[at + 1]);
            }
        }
        length
    }
}

fn pair(left: u32, right: u32) -> u64 {
    u64::from(left) << 32 | u64::from(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_rank_goes_first_and_of_equals_the_leftmost() {
        let tokens = ["a", "b", "ab", "aa", "aab"];
        let vocab = tokens.iter().zip(0..).map(|(token, id)| ((*token).to_owned(), id)).collect();
        let merge = |left: &str, right: &str| (left.to_owned(), right.to_owned());
        let mut byte_ids = [0; 256];
        byte_ids[usize::from(b'b')] = 1;
        let apply = |merges: &[(String, String)], piece: &str| {
            let mut ids = vec![9];
            Merges::new(&vocab, merges).unwrap().apply(piece.as_bytes(), &byte_ids, &mut ids);
            ids
        };
        assert_eq!(apply(&[merge("a", "a"), merge("aa", "b")], "aaab"), [9, 3, 2 - 2, 1]);
        assert_eq!(apply(&[merge("a", "b"), merge("a", "ab")], "aaab"), [9, 0, 4]);
        assert_eq!(apply(&[], "ab"), [9, 0, 1]);
        assert_eq!(apply(&[merge("a", "a")], ""), [9]);
    }
}
