//! Size classes that a processor finds in two instructions each.

/// Bits of a length, after its first, that tell its class: 32 classes to an octave, so that a
/// class's longest range is at most 3 % longer than its shortest.
const MANTISSA_BITS: u32 = 5;

/// Classes below which a length is its own class.
const EXACT: u32 = 1 << MANTISSA_BITS;

/// The number of classes: that of the longest length, and one.
pub(super) const BINS: usize = ((u32::BITS - MANTISSA_BITS + 1) << MANTISSA_BITS) as usize;

const WORDS: usize = BINS / 64;

/// The class of ranges that have `len` granules: a floating-point number of [`MANTISSA_BITS`] bits
/// rounded down.
///
/// Source: S. Aaltonen, `OffsetAllocator`, `SmallFloat`, with two more bits.
pub(super) fn bin_of(len: u32) -> usize {
    if len < EXACT {
        return len as usize;
    }
    let exponent = len.ilog2() - MANTISSA_BITS;
    let mantissa = (len >> exponent) & (EXACT - 1);
    (((exponent + 1) << MANTISSA_BITS) | mantissa) as usize
}

/// The first class all of whose ranges hold `len`. It is [`BINS`] if there is none.
pub(super) fn bin_that_holds(len: u32) -> usize {
    let bin = bin_of(len);
    let is_shortest = len < EXACT || len.trailing_zeros() >= len.ilog2() - MANTISSA_BITS;
    if is_shortest { bin } else { bin + 1 }
}

/// Which classes have a range: a bit for each, and a bit for each word of them.
#[derive(Clone, Debug)]
pub(super) struct Occupied {
    words: [u64; WORDS],
    any: u32,
}

// A bit of `any` for each word.
const _: () = assert!(WORDS <= u32::BITS as usize && BINS.is_multiple_of(64));

impl Default for Occupied {
    fn default() -> Self {
        Self { words: [0; WORDS], any: 0 }
    }
}

impl Occupied {
    #[inline]
    pub(super) fn set(&mut self, bin: usize) {
        self.words[bin / 64] |= 1 << (bin % 64);
        self.any |= 1 << (bin / 64);
    }

    #[inline]
    pub(super) fn clear(&mut self, bin: usize) {
        let word = &mut self.words[bin / 64];
        *word &= !(1 << (bin % 64));
        if *word == 0 {
            self.any &= !(1 << (bin / 64));
        }
    }

    /// The first occupied class at or after `bin`.
    #[inline]
    pub(super) fn first_from(&self, bin: usize) -> Option<usize> {
        if bin >= BINS {
            return None;
        }
        let word = bin / 64;
        let here = self.words[word] & (u64::MAX << (bin % 64));
        if here != 0 {
            return Some(word * 64 + here.trailing_zeros() as usize);
        }
        // Shifted in two steps, since a shift by all 32 bits is none.
        let later = self.any & ((u32::MAX << word) << 1);
        (later != 0).then(|| {
            let word = later.trailing_zeros() as usize;
            word * 64 + self.words[word].trailing_zeros() as usize
        })
    }

    /// The last occupied class.
    pub(super) fn last(&self) -> Option<usize> {
        let word = self.any.checked_ilog2()? as usize;
        Some(word * 64 + self.words[word].ilog2() as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_rise_with_length_and_hold_what_they_say() {
        let lens = (1..5000).chain((12..32).flat_map(|bit| {
            let power = 1_u32 << bit;
            [power - 1, power, power + 1, power + (power >> 5), power + (power >> 5) - 1]
        }));
        let mut lens: Vec<u32> = lens.chain([u32::MAX]).collect();
        lens.sort_unstable();
        let mut before = 0;
        for len in lens {
            let (bin, holds) = (bin_of(len), bin_that_holds(len));
            assert!(bin < BINS && bin >= before, "{len}");
            before = bin;
            // The class below the one that holds it has ranges that are too short.
            assert!(holds == bin || holds == bin + 1, "{len}");
            assert_eq!(holds == bin, len == 1 || bin_of(len - 1) < bin, "{len}");
        }
    }

    #[test]
    fn the_first_and_the_last_class_are_found() {
        let mut occupied = Occupied::default();
        assert_eq!((occupied.first_from(0), occupied.last()), (None, None));
        for bin in [0, 63, 64, 500, BINS - 1] {
            occupied.set(bin);
        }
        assert_eq!(occupied.first_from(0), Some(0));
        assert_eq!(occupied.first_from(1), Some(63));
        assert_eq!(occupied.first_from(65), Some(500));
        assert_eq!(occupied.first_from(501), Some(BINS - 1));
        assert_eq!(occupied.first_from(BINS), None);
        occupied.clear(BINS - 1);
        assert_eq!((occupied.last(), occupied.first_from(501)), (Some(500), None));
    }
}
