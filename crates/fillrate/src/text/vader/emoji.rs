//! Emoji become the words of their descriptions before anything else is looked at.

use std::borrow::Cow;
use std::sync::LazyLock;

/// Emoji with their descriptions, tab-separated, by code point; `golden/vader/generate.py` writes it.
///
/// Left out are the sequences of several code points, because Python looks one code point up at a
/// time: a flag is no emoji to it, and a skin tone is one by itself.
const DESCRIPTIONS: &str = include_str!("data/emoji.tsv");

/// The embedded descriptions, by code point.
static EMOJI: LazyLock<Vec<(char, &'static str)>> = LazyLock::new(|| {
    DESCRIPTIONS
        .lines()
        .filter_map(|line| {
            let (emoji, description) = line.split_once('\t')?;
            Some((emoji.chars().next()?, description))
        })
        .collect()
});

/// `text` with each emoji replaced by its description.
pub(super) fn describe(text: &str) -> Cow<'_, str> {
    // Emoji are rare, and almost all texts are ASCII: those are left alone at the first look.
    if text.is_ascii() || !text.chars().any(|c| description(c).is_some()) {
        return Cow::Borrowed(text);
    }
    let mut described = String::with_capacity(text.len() * 2);
    let mut after_space = true;
    for c in text.chars() {
        if let Some(description) = description(c) {
            // Python puts a space before a description but none after it, so that what follows an
            // emoji without a space is glued to the description's last word.
            if !after_space {
                described.push(' ');
            }
            described.push_str(description);
            after_space = false;
        } else {
            described.push(c);
            after_space = c == ' ';
        }
    }
    Cow::Owned(described)
}

fn description(c: char) -> Option<&'static str> {
    if c.is_ascii() {
        return None;
    }
    let at = EMOJI.binary_search_by_key(&c, |(emoji, _)| *emoji).ok()?;
    Some(EMOJI[at].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emoji_are_in_order_and_beyond_ascii() {
        assert_eq!(EMOJI.len(), 1212);
        assert!(EMOJI.is_sorted_by(|a, b| a.0 < b.0));
        assert!(EMOJI.iter().all(|(emoji, _)| !emoji.is_ascii()));
    }

    #[test]
    fn spaces_come_before_descriptions_only() {
        assert_eq!(describe("a😁b"), "a beaming face with smiling eyesb");
        assert_eq!(describe("😁 💋"), "beaming face with smiling eyes kiss mark");
        assert_eq!(describe("😁💋"), "beaming face with smiling eyes kiss mark");
    }

    #[test]
    fn texts_without_emoji_are_borrowed() {
        assert!(matches!(describe("plain"), Cow::Borrowed("plain")));
        assert!(matches!(describe("naïve – “quoted”"), Cow::Borrowed(_)));
    }
}
