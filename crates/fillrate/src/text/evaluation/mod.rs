//! How good a model's answers are: against the labels that people gave the same texts.
//!
//! An [`Evaluation`] takes answers one by one. [`Confusion`] counts which label was taken for
//! which; accuracy, precision, recall and F1 follow from it. [`Calibration`] says whether the
//! probabilities mean what they say. [`LabelledTexts`] are read from a table,
//! their labels by a [`LabelReader`], and [`evaluation_columns`] makes records of the figures. They equal scikit-learn's
//! (`golden/evaluation`), and what has no value is `None` here where scikit-learn puts a 0.
//!
//! ```
//! use fillrate::text::Label;
//! use fillrate::text::evaluation::Evaluation;
//! use fillrate::text::vader::Vader;
//!
//! let labelled = [("Shares soar on great results", Label::Positive), ("Acme", Label::Neutral)];
//! let mut evaluation = Evaluation::default();
//! for (text, truth) in labelled {
//!     evaluation.add(truth, &Vader::new().classify(text));
//! }
//! assert_eq!(evaluation.confusion.accuracy(), Some(1.0));
//! ```

mod calibration;
mod columns;
mod confusion;
#[cfg(test)]
mod golden;
mod labelled;
mod labels;
mod together;

pub use calibration::{BINS, Calibration};
pub use columns::{EvaluatedModel, evaluation_columns};
pub use confusion::{ClassScores, Confusion};
pub use labelled::LabelledTexts;
pub use labels::LabelReader;
pub use together::Together;

use super::{Label, Sentiment};

/// The figures of one model on one set of labelled texts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evaluation {
    /// Which label was taken for which.
    pub confusion: Confusion,
    /// Whether the probabilities mean what they say.
    pub calibration: Calibration,
}

impl Evaluation {
    /// Takes the answer to a text that is `truth`.
    pub fn add(&mut self, truth: Label, answer: &Sentiment) {
        self.confusion.add(truth, answer.label);
        self.calibration.add(truth, answer.label, &answer.probabilities);
    }
}
