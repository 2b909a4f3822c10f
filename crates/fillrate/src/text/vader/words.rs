//! A text's words, cut and cased as Python's `str` methods do it.

use super::lexicon::{Entry, Lexicon};

/// A word of the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word {
    /// What the lexicon knows of it.
    pub(super) entry: Entry,
    /// Whether it is written in capitals.
    pub(super) all_caps: bool,
}

/// The words of `text`, in order.
pub(super) fn read(text: &str, lexicon: &Lexicon) -> Vec<Word> {
    // English words take about six bytes with their space: one allocation for most texts.
    let mut words = Vec::with_capacity(text.len() / 6 + 1);
    for token in text.split(is_space).filter(|token| !token.is_empty()) {
        let word = strip_punctuation(token);
        words.push(Word { entry: lexicon.get(word), all_caps: is_upper(word) });
    }
    words
}

/// White space as `str.split` has it: Unicode's, and the four ASCII separators besides.
fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// The token without the ASCII punctuation at its ends; as it is if two characters or fewer would
/// be left, since it is then likely an emoticon.
fn strip_punctuation(token: &str) -> &str {
    let stripped = token.trim_matches(|c: char| c.is_ascii_punctuation());
    if stripped.chars().nth(2).is_some() { stripped } else { token }
}

/// `str.isupper`: at least one capital, and no small or title-case letter.
fn is_upper(word: &str) -> bool {
    if word.is_ascii() {
        let bytes = word.as_bytes();
        return !bytes.iter().any(u8::is_ascii_lowercase)
            && bytes.iter().any(u8::is_ascii_uppercase);
    }
    !word.chars().any(|c| c.is_lowercase() || is_title_case(c))
        && word.chars().any(char::is_uppercase)
}

/// Unicode's general category Lt, which is closed: no letter will be added to it.
fn is_title_case(c: char) -> bool {
    matches!(
        c,
        'ǅ' | 'ǈ'
            | 'ǋ'
            | 'ǲ'
            | '\u{1f88}'..='\u{1f8f}'
            | '\u{1f98}'..='\u{1f9f}'
            | '\u{1fa8}'..='\u{1faf}'
            | '\u{1fbc}'
            | '\u{1fcc}'
            | '\u{1ffc}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_general_category::{GeneralCategory, get_general_category};

    #[test]
    fn title_case_is_the_general_category() {
        for c in '\0'..=char::MAX {
            let expected = get_general_category(c) == GeneralCategory::TitlecaseLetter;
            assert_eq!(is_title_case(c), expected, "{c:?}");
        }
    }

    #[test]
    fn capitals_are_pythons() {
        for upper in ["A", "A1!", "ÉTÉ", "Ⅷ", "Ⓐ", "Δ2"] {
            assert!(is_upper(upper), "{upper}");
        }
        for other in ["", "1", "Aa", "ªA", "ǅ", "AǅB", "漢字", "ß"] {
            assert!(!is_upper(other), "{other}");
        }
    }

    #[test]
    fn white_space_is_pythons() {
        let spaces: Vec<u32> = ('\0'..=char::MAX).filter(|c| is_space(*c)).map(u32::from).collect();
        let expected = [
            0x9, 0xa, 0xb, 0xc, 0xd, 0x1c, 0x1d, 0x1e, 0x1f, 0x20, 0x85, 0xa0, 0x1680, 0x2000,
            0x2001, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006, 0x2007, 0x2008, 0x2009, 0x200a, 0x2028,
            0x2029, 0x202f, 0x205f, 0x3000,
        ];
        assert_eq!(spaces, expected);
    }

    #[test]
    fn emoticons_keep_their_punctuation() {
        for (token, word) in
            [("(good)", "good"), (":)", ":)"), (":-p", ":-p"), ("\"éa\"", "\"éa\""), ("...", "...")]
        {
            assert_eq!(strip_punctuation(token), word);
        }
    }
}
