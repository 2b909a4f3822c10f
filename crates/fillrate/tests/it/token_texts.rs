//! Generated texts on which two tokenizers are compared: everything that tells them apart.

use std::fs;
use std::path::{Path, PathBuf};

/// A stream of texts that depends on nothing but its seed.
pub(crate) struct Texts {
    state: u64,
    headlines: Vec<String>,
}

/// Where the tokenizers made for the tests lie.
pub(crate) fn golden_dir() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").expect("run by cargo");
    Path::new(&package).join("../../golden/tokenizers")
}

/// The made-up headlines that the test tokenizers were trained on.
pub(crate) fn headlines() -> Vec<String> {
    let text = fs::read_to_string(golden_dir().join("headlines.txt")).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// Code points from which characters are drawn, by what is particular about them.
const COMBINING: &[(u32, u32)] = &[
    (0x0300, 0x036F),
    (0x0483, 0x0489),
    (0x0591, 0x05C7),
    (0x064B, 0x0670),
    (0x08D3, 0x0902),
    (0x093A, 0x094D),
    (0x0E31, 0x0E3A),
    (0x0F71, 0x0F84),
    (0x1AB0, 0x1ACE),
    (0x1DC0, 0x1DFF),
    (0x20D0, 0x20F0),
    (0x302A, 0x3030),
    (0x3099, 0x309A),
    (0x16FF0, 0x16FF1),
    (0x1D165, 0x1D172),
    (0x1E8D0, 0x1E8D6),
];
const LATIN: &[(u32, u32)] =
    &[(0x41, 0x5A), (0x61, 0x7A), (0xA0, 0x24F), (0x370, 0x52F), (0x1E00, 0x1FFF)];
const SYMBOLS: &[(u32, u32)] =
    &[(0x21, 0x40), (0x2000, 0x2BFF), (0x3000, 0x303F), (0xFE00, 0xFE6F), (0xFF00, 0xFFFF)];
const CJK: &[(u32, u32)] = &[
    (0x1100, 0x11FF),
    (0x3040, 0x30FF),
    (0x33F0, 0x3410),
    (0x4DB0, 0x4E40),
    (0x9FE0, 0xA010),
    (0xAC00, 0xD7A3),
    (0xF900, 0xFAFF),
    (0x20000, 0x20010),
    (0x2A6D0, 0x2B930),
    (0x2CEA0, 0x2CEB8),
    (0x2F800, 0x2FA20),
    (0x30000, 0x30010),
];
const SPACES: &[(u32, u32)] = &[
    (0x09, 0x0D),
    (0x1C, 0x20),
    (0x20, 0x20),
    (0x20, 0x20),
    (0x85, 0x85),
    (0xA0, 0xA0),
    (0x1680, 0x1680),
    (0x180E, 0x180E),
    (0x2000, 0x200F),
    (0x2028, 0x202F),
    (0x205F, 0x2060),
    (0x3000, 0x3000),
    (0xFEFF, 0xFEFF),
];
const CONTROLS: &[(u32, u32)] = &[
    (0x00, 0x1F),
    (0x7F, 0x9F),
    (0xAD, 0xAD),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0xE000, 0xE010),
    (0xFFF0, 0xFFFF),
    (0xE0001, 0xE007F),
];
const NUMBERS: &[(u32, u32)] =
    &[(0x30, 0x39), (0xB2, 0xBE), (0x660, 0x669), (0x2150, 0x218B), (0x1D7CE, 0x1D7FF)];
const EMOJI: &[(u32, u32)] = &[
    (0x1F300, 0x1FAFF),
    (0x1F1E6, 0x1F1FF),
    (0x1F3FB, 0x1F3FF),
    (0x200D, 0x200D),
    (0xFE0F, 0xFE0F),
];
const ANY: &[(u32, u32)] = &[(0, 0x10_FFFF), (0, 0xFFFF), (0, 0x2FFF)];
const KINDS: &[&[(u32, u32)]] =
    &[COMBINING, LATIN, SYMBOLS, CJK, SPACES, CONTROLS, NUMBERS, EMOJI, ANY];

/// Words with meanings of their own to one tokenizer or another, whole and broken.
const LITERALS: &[&str] = &[
    "[SEP]",
    "[CLS]",
    "[PAD]",
    "[UNK]",
    "[MASK]",
    "[sep]",
    "[ SEP]",
    "[SEP",
    "SEP]",
    "[[SEP]]",
    "##",
    "##ing",
    "<s>",
    "</s>",
    "<pad>",
    "<unk>",
    "<mask>",
    " <mask> ",
    "<MASK>",
    "< mask>",
    "<mask",
    "'s",
    "'t",
    "'re",
    "'ve",
    "'m",
    "'ll",
    "'d",
    "'S",
    "'LL",
    "''s",
    "n't",
    " 's",
    "’s",
    "Ġ",
    "ġĢ",
    "İ",
    "ß",
    "ẞ",
    "ﬁ",
    "Å",
    "e\u{301}",
    "\u{344}",
    "ΑΣ",
    "한국",
    "👩‍👩‍👧",
    "1️⃣",
    "🏳️‍🌈",
    "\r\n",
    "\u{FFFD}",
    "日本",
    "$TSLA",
    "#fed",
    "@desk",
    "https://ex.am/ple?q=1&r=2",
    "U.S.",
    "3.5%",
    "€1.2bn",
];

impl Texts {
    /// The stream of `seed`.
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed, headlines: headlines() }
    }

    /// `SplitMix64` (Steele, Lea and Flood 2014), the next number.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.state ^ (self.state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn char_of(&mut self, ranges: &[(u32, u32)]) -> char {
        let (first, last) = ranges[self.below(ranges.len())];
        let code = first + self.below((last - first + 1) as usize) as u32;
        char::from_u32(code).unwrap_or('\u{D7FF}')
    }

    fn chars_of(&mut self, ranges: &[(u32, u32)], count: usize, text: &mut String) {
        for _ in 0..count {
            let c = self.char_of(ranges);
            text.push(c);
        }
    }

    fn headline(&mut self) -> String {
        let at = self.below(self.headlines.len());
        self.headlines[at].clone()
    }

    /// One of the kinds of pieces that texts are made of.
    fn piece(&mut self, text: &mut String) {
        match self.below(8) {
            0 | 1 => {
                let headline = self.headline();
                let word = self.below(6);
                text.extend(headline.split_inclusive(' ').skip(word).take(3));
            }
            2 => text.push_str(LITERALS[self.below(LITERALS.len())]),
            3 => {
                let count = 1 + self.below(12);
                self.chars_of(&[(0x20, 0x7E)], count, text);
            }
            4 => {
                for _ in 0..=self.below(6) {
                    let (base, marks) = (self.below(3), self.below(4));
                    self.chars_of([LATIN, CJK, ANY][base], 1, text);
                    self.chars_of(COMBINING, marks, text);
                }
            }
            5 => {
                let count = 1 + self.below(4);
                self.chars_of(SPACES, count, text);
            }
            _ => {
                let (kind, count) = (self.below(KINDS.len()), 1 + self.below(10));
                self.chars_of(KINDS[kind], count, text);
            }
        }
    }

    /// A word about as long as the longest that is not unknown by length alone.
    fn long_word(&mut self, text: &mut String) {
        let count = 60 + self.below(80);
        let kind = [&[(0x61, 0x65)], LATIN, COMBINING, CONTROLS][self.below(4)];
        self.chars_of(&[(0x61, 0x7A)], 20, text);
        self.chars_of(kind, count, text);
    }

    /// The next text.
    pub(crate) fn text(&mut self) -> String {
        let mut text = String::new();
        match self.below(16) {
            0..=3 => text = self.headline(),
            4 | 5 => {
                text = self.headline();
                for _ in 0..=self.below(3) {
                    let at = self.below(text.len() + 1);
                    let at = (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
                    let tail = text.split_off(at);
                    self.piece(&mut text);
                    text.push_str(&tail);
                }
            }
            6 => {
                for _ in 0..=self.below(3) {
                    self.long_word(&mut text);
                    self.piece(&mut text);
                }
            }
            7 => {
                let (kind, count) = (self.below(KINDS.len()), self.below(60));
                self.chars_of(KINDS[kind], count, &mut text);
            }
            8 => {
                let count = self.below(80);
                self.chars_of(&[(0x20, 0x7E), (0x61, 0x7A), (0x20, 0x20)], count, &mut text);
            }
            _ => {
                for _ in 0..self.below(12) {
                    self.piece(&mut text);
                }
            }
        }
        text
    }
}
