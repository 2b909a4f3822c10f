//! What is known of a word: its valence, whether it boosts or negates, and its part in a phrase.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::LazyLock;

/// Words with their mean valence, tab-separated; `golden/vader/generate.py` writes it.
///
/// Left out are the entries that no text can match, because a word is lowered and holds no white
/// space: those with capitals (`:D`), with `Þ`, and with spaces (`fed up`).
const VALENCES: &str = include_str!("data/lexicon.tsv");

/// What a degree adverb adds to the intensity of the word it precedes.
pub(super) const BOOST: f64 = 0.293;

/// Words that heighten the intensity of the next ones.
const INTENSIFIERS: &str = "absolutely amazingly awfully completely considerable considerably \
    decidedly deeply effing enormous enormously entirely especially exceptional exceptionally \
    extreme extremely fabulously flipping flippin frackin fracking fricking frickin frigging \
    friggin fully fuckin fucking fuggin fugging greatly hella highly hugely incredible incredibly \
    intensely major majorly more most particularly purely quite really remarkably so \
    substantially thoroughly total totally tremendous tremendously uber unbelievably unusually \
    utter utterly very";

/// Words that lower the intensity of the next ones.
const DAMPENERS: &str = "almost barely hardly kinda kindof kind-of less little marginal \
    marginally occasional occasionally partly scarce scarcely slight slightly somewhat sorta \
    sortof sort-of";

/// Words that negate the next ones. Words with `n't` in them do so too, listed or not.
const NEGATIONS: &str = "aint arent cannot cant couldnt darent didnt doesnt dont hadnt hasnt \
    havent isnt mightnt mustnt neither neednt never none nope nor not nothing nowhere oughtnt \
    shant shouldnt uhuh wasnt werent uh-uh without wont wouldnt rarely seldom despite";

/// The longest key in bytes: no word of the lexicon is longer.
const KEY_BYTES: usize = 24;

/// The only character outside ASCII that becomes an ASCII string when lowered: it becomes `k`.
const KELVIN_SIGN: char = '\u{212a}';

/// The part a word plays in rules about particular words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Role {
    /// None.
    #[default]
    Other,
    Ass,
    At,
    Bad,
    Beating,
    Bomb,
    Bus,
    But,
    Death,
    Die,
    Doubt,
    Enough,
    For,
    Heart,
    Just,
    Kind,
    Kiss,
    Least,
    Never,
    No,
    Nor,
    Of,
    Or,
    Right,
    Shit,
    So,
    Sort,
    Stop,
    The,
    This,
    To,
    Very,
    Without,
    Yeah,
}

/// Every word with a role of its own.
const ROLES: [(&str, Role); 33] = [
    ("ass", Role::Ass),
    ("at", Role::At),
    ("bad", Role::Bad),
    ("beating", Role::Beating),
    ("bomb", Role::Bomb),
    ("bus", Role::Bus),
    ("but", Role::But),
    ("death", Role::Death),
    ("die", Role::Die),
    ("doubt", Role::Doubt),
    ("enough", Role::Enough),
    ("for", Role::For),
    ("heart", Role::Heart),
    ("just", Role::Just),
    ("kind", Role::Kind),
    ("kiss", Role::Kiss),
    ("least", Role::Least),
    ("never", Role::Never),
    ("no", Role::No),
    ("nor", Role::Nor),
    ("of", Role::Of),
    ("or", Role::Or),
    ("right", Role::Right),
    ("shit", Role::Shit),
    ("so", Role::So),
    ("sort", Role::Sort),
    ("stop", Role::Stop),
    ("the", Role::The),
    ("this", Role::This),
    ("to", Role::To),
    ("very", Role::Very),
    ("without", Role::Without),
    ("yeah", Role::Yeah),
];

/// What is known of one word.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Entry {
    /// The word's own valence, in [−4, 4]; none if it is not in the lexicon.
    pub(super) valence: Option<f64>,
    /// What the word adds to the intensity of the next ones: 0 for most.
    pub(super) boost: f64,
    /// Whether the word negates the next ones.
    pub(super) negates: bool,
    /// The word's part in rules about particular words.
    pub(super) role: Role,
}

/// A lowered ASCII word, padded with a byte that no such word has: compared and hashed as integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key([u64; KEY_BYTES / 8]);

impl Key {
    /// The key of an ASCII word; none if it is too long to be listed.
    fn new(word: &str) -> Option<Self> {
        let mut bytes = [0xff; KEY_BYTES];
        bytes.get_mut(..word.len())?.copy_from_slice(word.as_bytes());
        bytes.make_ascii_lowercase();
        Some(Self(bytemuck::must_cast(bytes)))
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Multiply and fold: each bit of the words reaches both ends of the hash, which are the
        // ends the table looks at. The factor is 2^64 divided by the golden ratio, made odd.
        const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
        let fold = |hash: u64, word: u64| {
            let product = u128::from(hash ^ word) * u128::from(FACTOR);
            (product as u64) ^ (product >> 64) as u64
        };
        state.write_u64(self.0.iter().copied().fold(FACTOR, fold));
    }
}

/// Passes on the hash that [`Key`] has made already.
#[derive(Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("a key hashes as one integer");
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// Every word that means something to the rules.
#[derive(Debug)]
pub(super) struct Lexicon {
    entries: HashMap<Key, Entry, BuildHasherDefault<KeyHasher>>,
}

impl Lexicon {
    /// The lexicon of vaderSentiment 3.3.2, built at the first call.
    pub(super) fn embedded() -> &'static Self {
        static EMBEDDED: LazyLock<Lexicon> = LazyLock::new(Lexicon::build);
        &EMBEDDED
    }

    fn build() -> Self {
        let mut lexicon = Self {
            entries: HashMap::with_capacity_and_hasher(8192, BuildHasherDefault::default()),
        };
        for line in VALENCES.lines() {
            let (word, valence) = line.split_once('\t').unwrap_or((line, ""));
            lexicon.entry(word).valence = valence.parse().ok();
        }
        for word in INTENSIFIERS.split_ascii_whitespace() {
            lexicon.entry(word).boost = BOOST;
        }
        for word in DAMPENERS.split_ascii_whitespace() {
            lexicon.entry(word).boost = -BOOST;
        }
        for word in NEGATIONS.split_ascii_whitespace() {
            lexicon.entry(word).negates = true;
        }
        for (word, role) in ROLES {
            lexicon.entry(word).role = role;
        }
        lexicon
    }

    fn entry(&mut self, word: &str) -> &mut Entry {
        let key =
            Key::new(word).expect("the tests hold every listed word against the key's length");
        self.entries.entry(key).or_default()
    }

    /// What is known of `word`, in any case.
    pub(super) fn get(&self, word: &str) -> Entry {
        let known = if word.is_ascii() {
            Key::new(word)
        } else if word.contains(KELVIN_SIGN) {
            // Python lowers the Kelvin sign to a `k`, so that such a word can be a listed one.
            let word = word.replace(KELVIN_SIGN, "k");
            if word.is_ascii() { Key::new(&word) } else { None }
        } else {
            None
        };
        let mut entry = known.and_then(|key| self.entries.get(&key)).copied().unwrap_or_default();
        entry.negates |= contains_nt(word.as_bytes());
        entry
    }
}

/// Whether `n't` is anywhere in the word, in any case.
fn contains_nt(word: &[u8]) -> bool {
    word.contains(&b'\'') && word.windows(3).any(|part| part.eq_ignore_ascii_case(b"n't"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_word_is_found() {
        let lexicon = Lexicon::embedded();
        let mut words = 0;
        for line in VALENCES.lines() {
            let (word, valence) = line.split_once('\t').unwrap();
            let valence: f64 = valence.parse().unwrap();
            assert_eq!(lexicon.get(word).valence, Some(valence), "{word}");
            assert_eq!(lexicon.get(&word.to_ascii_uppercase()).valence, Some(valence), "{word}");
            words += 1;
        }
        assert_eq!(words, 7488);
        assert!(INTENSIFIERS.split_ascii_whitespace().all(|word| lexicon.get(word).boost > 0.0));
        assert!(DAMPENERS.split_ascii_whitespace().all(|word| lexicon.get(word).boost < 0.0));
        assert!(NEGATIONS.split_ascii_whitespace().all(|word| lexicon.get(word).negates));
        assert!(ROLES.iter().all(|(word, role)| lexicon.get(word).role == *role));
    }

    #[test]
    fn unlisted_words_are_neutral() {
        let lexicon = Lexicon::embedded();
        for word in ["", "fillrate", "naïve", "goodgoodgoodgoodgoodgoodgood", "good\0"] {
            assert_eq!(lexicon.get(word), Entry::default(), "{word}");
        }
    }

    #[test]
    fn contractions_negate_listed_or_not() {
        let lexicon = Lexicon::embedded();
        for word in ["isn't", "WOULDN'T", "mayn't've", "éN'T"] {
            assert!(lexicon.get(word).negates, "{word}");
        }
        assert!(!lexicon.get("n’t").negates);
    }

    #[test]
    fn only_the_kelvin_sign_is_lowered_into_ascii() {
        let lowered_into_ascii: Vec<char> = ('\u{80}'..=char::MAX)
            .filter(|c| c.to_lowercase().all(|lowered| lowered.is_ascii()))
            .collect();
        assert_eq!(lowered_into_ascii, [KELVIN_SIGN]);
        assert_eq!(Lexicon::embedded().get("\u{212a}iss").role, Role::Kiss);
    }
}
