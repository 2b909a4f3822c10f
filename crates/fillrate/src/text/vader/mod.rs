//! VADER: sentiment by a lexicon and a handful of rules, for texts the length of a headline.
//!
//! The scores equal those of Python's `vaderSentiment` 3.3.2 to the last digit; where that program
//! does something its authors may not have meant, the rule here does the same and says so. The
//! letters' cases are those of Rust's Unicode tables, which may know newer letters than Python's.
//!
//! The flow is `text → emoji as words → words with their lexicon entries → valence of each word →
//! four scores`, one module per arrow. The crate `vader_sentiment` 0.1.1 is not used because it
//! answers differently from Python on 499 of the 1,173 texts in `golden/vader/cases.jsonl`.
//!
//! Source: C. J. Hutto and E. Gilbert, "VADER: A Parsimonious Rule-based Model for Sentiment
//! Analysis of Social Media Text", ICWSM 2014; the rules and constants are those of
//! `vaderSentiment/vaderSentiment.py` 3.3.2 (MIT licence, `data/LICENSE.txt`).

mod emoji;
mod lexicon;
mod score;
mod valence;
mod words;

#[cfg(test)]
mod golden;

use super::{Label, Probabilities, Sentiment};
use lexicon::Lexicon;

/// The least compound of a positive text; its negative is the greatest of a negative one.
///
/// Source: `README.rst` of vaderSentiment 3.3.2, "About the Scoring".
const COMPOUND_THRESHOLD: f64 = 0.05;

/// What VADER says about one text.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Polarity {
    /// The share of the text that is negative, in [0, 1], three decimals.
    pub negative: f64,
    /// The share of the text that is neutral, in [0, 1], three decimals.
    pub neutral: f64,
    /// The share of the text that is positive, in [0, 1], three decimals.
    pub positive: f64,
    /// The whole text's sentiment, in [−1, 1], four decimals.
    pub compound: f64,
}

impl Polarity {
    /// The label by the published thresholds: positive from a compound of 0.05, negative down from
    /// −0.05.
    #[must_use]
    pub fn label(&self) -> Label {
        if self.compound >= COMPOUND_THRESHOLD {
            Label::Positive
        } else if self.compound <= -COMPOUND_THRESHOLD {
            Label::Negative
        } else {
            Label::Neutral
        }
    }

    /// The three shares scaled to sum to 1; a text without words is wholly neutral.
    #[must_use]
    pub fn probabilities(&self) -> Probabilities {
        let total = self.negative + self.neutral + self.positive;
        if total == 0.0 {
            return Probabilities { negative: 0.0, neutral: 1.0, positive: 0.0 };
        }
        Probabilities {
            negative: (self.negative / total) as f32,
            neutral: (self.neutral / total) as f32,
            positive: (self.positive / total) as f32,
        }
    }
}

impl From<Polarity> for Sentiment {
    /// The label follows the compound and not the most probable share, because most words of most
    /// texts are neutral. The compound is the one logit.
    fn from(polarity: Polarity) -> Self {
        let probabilities = polarity.probabilities();
        Self {
            label: polarity.label(),
            score: probabilities.score(),
            probabilities,
            logits: vec![polarity.compound as f32],
        }
    }
}

/// The VADER model.
///
/// ```
/// use fillrate::text::vader::Vader;
///
/// let polarity = Vader::new().polarity_scores("A VERY good quarter!");
/// assert_eq!(polarity.compound, 0.6391);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Vader {
    lexicon: &'static Lexicon,
}

impl Vader {
    /// The model with its embedded lexicon, which the process builds once, at the first call.
    #[must_use]
    pub fn new() -> Self {
        Self { lexicon: Lexicon::embedded() }
    }

    /// The four scores of `text`; all zero if it has no words.
    #[must_use]
    pub fn polarity_scores(&self, text: &str) -> Polarity {
        let text = emoji::describe(text);
        let words = words::read(&text, self.lexicon);
        let mut sentiments = valence::nonzero(&words);
        if let Some(but) = words.iter().position(|word| word.entry.role == lexicon::Role::But) {
            score::weigh_around_but(&mut sentiments, but);
        }
        score::polarity(&sentiments, words.len(), &text)
    }

    /// The sentiment of `text`, as [`Sentiment::from`] a [`Polarity`] has it.
    #[must_use]
    pub fn classify(&self, text: &str) -> Sentiment {
        self.polarity_scores(text).into()
    }
}

impl Default for Vader {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_without_words_is_neutral() {
        for text in ["", " \t\n\u{1f}\u{3000}"] {
            assert_eq!(Vader::new().polarity_scores(text), Polarity::default());
            let sentiment = Vader::new().classify(text);
            assert_eq!(sentiment.label, Label::Neutral);
            assert_eq!(sentiment.probabilities.neutral.to_bits(), 1.0_f32.to_bits());
            assert_eq!(sentiment.logits, [0.0]);
        }
    }

    #[test]
    fn thresholds_include_their_bounds() {
        let label = |compound| Polarity { compound, ..Polarity::default() }.label();
        assert_eq!(label(0.05), Label::Positive);
        assert_eq!(label(0.0499), Label::Neutral);
        assert_eq!(label(-0.0499), Label::Neutral);
        assert_eq!(label(-0.05), Label::Negative);
    }

    #[test]
    fn probabilities_sum_to_one_and_give_the_score() {
        let polarity = Polarity { negative: 0.333, neutral: 0.333, positive: 0.333, compound: 0.0 };
        let sentiment = Sentiment::from(polarity);
        let Probabilities { negative, neutral, positive } = sentiment.probabilities;
        assert!((negative + neutral + positive - 1.0).abs() < 1e-6);
        assert!(sentiment.score.abs() < 1e-6);
    }

    #[test]
    fn a_long_text_full_of_equal_words_before_but_takes_linear_time() {
        // Python searches the list anew for each word: 10^10 comparisons here, none of them needed.
        let text = "good ".repeat(200_000) + "but bad";
        let polarity = Vader::new().polarity_scores(&text);
        assert!(polarity.compound > 0.99 && polarity.negative == 0.0, "{polarity:?}");
    }
}
