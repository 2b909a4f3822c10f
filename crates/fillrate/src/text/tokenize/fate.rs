//! What BERT's normalizer and word splitting make of each character.

use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::{
    NormalizedString, Normalizer, OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer,
};
use unicode_normalization::char::canonical_combining_class;

/// What normalisation and word splitting make of a character.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fate {
    /// It vanishes.
    Dropped,
    /// It ends a word.
    Space,
    /// It is part of a word, as this character.
    Word(char),
    /// It is a word of its own, as this character.
    Alone(char),
    /// It becomes several characters.
    Several(Box<[Fate]>),
    /// Its place depends on its neighbours: it survives accent stripping although it is a
    /// combining mark, so the canonical ordering of NFD may move it. Rare; `tokenizers` decides.
    Contextual,
}

impl Fate {
    /// Asks `tokenizers` what becomes of a character.
    pub(super) fn of(c: char, normalizer: BertNormalizer) -> Self {
        let mut normalized = NormalizedString::from(c.to_string());
        if normalizer.normalize(&mut normalized).is_err() {
            return Fate::Contextual;
        }
        // Unassigned characters apart, combining classes never change between Unicode versions, so
        // this crate's newer table finds every one that the older table of `tokenizers` knows.
        let reorders = normalizer.strip_accents.unwrap_or(normalizer.lowercase);
        if reorders && normalized.get().chars().any(|c| canonical_combining_class(c) != 0) {
            return Fate::Contextual;
        }
        let mut fates: Vec<_> = normalized.get().chars().map(place_in_word).collect();
        match fates.as_slice() {
            [] => Fate::Dropped,
            [Fate::Space, Fate::Word(c), Fate::Space] => Fate::Alone(*c),
            [_] => fates.swap_remove(0),
            _ => Fate::Several(fates.into()),
        }
    }
}

/// Asks `tokenizers` whether a normalised character separates words, is one, or is part of one.
fn place_in_word(c: char) -> Fate {
    let mut probe = PreTokenizedString::from(format!("a{c}a"));
    if BertPreTokenizer.pre_tokenize(&mut probe).is_err() {
        return Fate::Contextual;
    }
    match probe.get_splits(OffsetReferential::Original, OffsetType::None).len() {
        1 => Fate::Word(c),
        2 => Fate::Space,
        _ => Fate::Alone(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_meet_the_fate_that_bert_gives_them() {
        let uncased = |c| Fate::of(c, BertNormalizer::default());
        assert_eq!(uncased('É'), Fate::Word('e'));
        assert_eq!(uncased('\u{301}'), Fate::Dropped);
        assert_eq!(uncased('\0'), Fate::Dropped);
        assert_eq!(uncased('\u{3000}'), Fate::Space);
        assert_eq!(uncased('—'), Fate::Alone('—'));
        assert_eq!(uncased('銀'), Fate::Alone('銀'));
        assert_eq!(uncased('\u{1D165}'), Fate::Contextual);
        let cased = |c| Fate::of(c, BertNormalizer::new(true, true, None, false));
        assert_eq!(cased('É'), Fate::Word('É'));
        assert_eq!(cased('\u{1D165}'), Fate::Word('\u{1D165}'));
    }
}
