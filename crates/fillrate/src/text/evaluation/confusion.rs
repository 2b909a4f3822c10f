//! Which label was taken for which.

use crate::text::Label;

/// Counts of texts by the label they have and the label they were given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Confusion {
    counts: [[u64; 3]; 3],
}

/// How well one class is told from the others. What would be a division by zero is `None`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassScores {
    /// Texts that have this label.
    pub support: u64,
    /// Of the texts that were given this label the share that have it, in [0, 1]; `None` if none
    /// was given it.
    pub precision: Option<f64>,
    /// Of the texts that have this label the share that were given it, in [0, 1]; `None` if none
    /// has it.
    pub recall: Option<f64>,
    /// The harmonic mean of precision and recall, 2·TP / (2·TP + FP + FN), in [0, 1]; `None` if
    /// no text has the label or was given it.
    pub f1: Option<f64>,
}

impl Confusion {
    /// Counts a text that is `truth` and was given the label `answer`.
    pub fn add(&mut self, truth: Label, answer: Label) {
        self.counts[truth as usize][answer as usize] += 1;
    }

    /// Texts that are `truth` and were given the label `answer`.
    #[must_use]
    pub fn count(&self, truth: Label, answer: Label) -> u64 {
        self.counts[truth as usize][answer as usize]
    }

    /// All texts.
    #[must_use]
    pub fn texts(&self) -> u64 {
        self.counts.iter().flatten().sum()
    }

    /// The share of the texts that were given the label they have, in [0, 1]; `None` without
    /// texts.
    #[must_use]
    pub fn accuracy(&self) -> Option<f64> {
        let right = Label::ALL.iter().map(|label| self.count(*label, *label)).sum();
        ratio(right, self.texts())
    }

    /// The mean F1 of the classes that occur among the labels or the answers, each of the same
    /// weight, in [0, 1]; `None` without texts. A class that does not occur at all is left out, as
    /// scikit-learn's `f1_score(average="macro")` does.
    #[must_use]
    pub fn macro_f1(&self) -> Option<f64> {
        let scores = Label::ALL.iter().filter_map(|label| self.class(*label).f1);
        let (sum, classes) = scores.fold((0.0, 0), |(sum, n), f1| (sum + f1, n + 1));
        (classes > 0).then(|| sum / f64::from(classes))
    }

    /// How well `label` is told from the others.
    #[must_use]
    pub fn class(&self, label: Label) -> ClassScores {
        let right = self.count(label, label);
        let support = Label::ALL.iter().map(|answer| self.count(label, *answer)).sum();
        let given = Label::ALL.iter().map(|truth| self.count(*truth, label)).sum();
        ClassScores {
            support,
            precision: ratio(right, given),
            recall: ratio(right, support),
            // TP + FN is the support, TP + FP the texts given the label.
            f1: ratio(2 * right, support + given),
        }
    }
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Label::{Negative, Neutral, Positive};

    /// Truth, answer, texts.
    fn confusion(cells: &[(Label, Label, u64)]) -> Confusion {
        let mut confusion = Confusion::default();
        for (truth, answer, texts) in cells {
            (0..*texts).for_each(|_| confusion.add(*truth, *answer));
        }
        confusion
    }

    #[track_caller]
    fn close(found: Option<f64>, expected: f64) {
        assert!((found.unwrap() - expected).abs() < 1e-12, "{found:?}, expected {expected}");
    }

    #[test]
    fn figures_are_those_worked_out_by_hand() {
        let confusion = confusion(&[
            (Negative, Negative, 3),
            (Negative, Positive, 1),
            (Neutral, Neutral, 2),
            (Neutral, Negative, 2),
            (Positive, Positive, 4),
        ]);
        assert_eq!(confusion.texts(), 12);
        close(confusion.accuracy(), 9.0 / 12.0);
        let negative = confusion.class(Negative);
        close(negative.precision, 3.0 / 5.0);
        close(negative.recall, 3.0 / 4.0);
        close(negative.f1, 6.0 / 9.0);
        close(confusion.class(Neutral).f1, 4.0 / 6.0);
        close(confusion.class(Positive).f1, 8.0 / 9.0);
        close(confusion.macro_f1(), (6.0 / 9.0 + 4.0 / 6.0 + 8.0 / 9.0) / 3.0);
    }

    #[test]
    fn a_class_that_occurs_nowhere_is_left_out_of_the_mean() {
        let confusion = confusion(&[(Negative, Negative, 1), (Positive, Positive, 1)]);
        close(confusion.macro_f1(), 1.0);
        let ClassScores { support, precision, recall, f1 } = confusion.class(Neutral);
        assert_eq!((support, precision, recall, f1), (0, None, None, None));
    }

    #[test]
    fn a_class_that_is_only_answered_counts_as_zero() {
        let confusion = confusion(&[(Negative, Negative, 1), (Negative, Neutral, 1)]);
        let neutral = confusion.class(Neutral);
        assert_eq!(neutral.recall, None);
        close(neutral.precision, 0.0);
        close(neutral.f1, 0.0);
        close(confusion.macro_f1(), (2.0 / 3.0) / 2.0);
    }

    #[test]
    fn without_texts_there_are_no_figures() {
        assert_eq!(Confusion::default().accuracy(), None);
        assert_eq!(Confusion::default().macro_f1(), None);
    }
}
