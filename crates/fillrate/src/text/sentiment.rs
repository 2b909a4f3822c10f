//! What a text's sentiment is: labels, probabilities, and how a model's own classes map to them.

use serde::{Deserialize, Serialize};

/// One of the three sentiments that every model's classes are mapped to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Label {
    /// Bad news.
    Negative,
    /// Neither.
    Neutral,
    /// Good news.
    Positive,
}

impl Label {
    /// The three labels in the order of every probability triple.
    pub const ALL: [Self; 3] = [Self::Negative, Self::Neutral, Self::Positive];

    /// The label's name in records: `negative`, `neutral` or `positive`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Negative => "negative",
            Self::Neutral => "neutral",
            Self::Positive => "positive",
        }
    }
}

/// A probability for each [`Label`]; the three sum to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probabilities {
    /// P(negative), in [0, 1].
    pub negative: f32,
    /// P(neutral), in [0, 1].
    pub neutral: f32,
    /// P(positive), in [0, 1].
    pub positive: f32,
}

impl Probabilities {
    /// P(positive) − P(negative), in [−1, 1].
    #[must_use]
    pub fn score(&self) -> f32 {
        self.positive - self.negative
    }

    /// The most probable label; on a tie neutral wins, then negative.
    #[must_use]
    pub fn label(&self) -> Label {
        if self.neutral >= self.negative && self.neutral >= self.positive {
            Label::Neutral
        } else if self.negative >= self.positive {
            Label::Negative
        } else {
            Label::Positive
        }
    }
}

/// How a model's own classes map to the three labels: class `i` counts towards `classes[i]`.
///
/// A two-class model has no neutral class, so P(neutral) is 0; a five-star model counts one and
/// two stars as negative, three as neutral, four and five as positive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelMap {
    /// The label each class counts towards, in the order of the model's logits.
    pub classes: Vec<Label>,
}

impl LabelMap {
    /// Sums the softmax of `logits` per label.
    ///
    /// # Panics
    ///
    /// If the number of logits is not the number of classes.
    #[must_use]
    pub fn probabilities(&self, logits: &[f32]) -> Probabilities {
        assert_eq!(logits.len(), self.classes.len(), "one logit per class");
        let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut sums = [0.0_f32; 3];
        for (logit, label) in logits.iter().zip(&self.classes) {
            sums[*label as usize] += (logit - max).exp();
        }
        let total: f32 = sums.iter().sum();
        let [negative, neutral, positive] = sums.map(|sum| sum / total);
        Probabilities { negative, neutral, positive }
    }
}

/// One text's sentiment, as a record of `fillrate score` holds it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sentiment {
    /// The label, by the model's own rule (for most: the most probable).
    pub label: Label,
    /// P(positive) − P(negative), in [−1, 1].
    pub score: f32,
    /// The three probabilities.
    pub probabilities: Probabilities,
    /// The raw outputs, one per class of the model as [`crate::text`] describes it.
    pub logits: Vec<f32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_stars_are_summed_into_three_labels() {
        use Label::{Negative, Neutral, Positive};
        let map = LabelMap { classes: vec![Negative, Negative, Neutral, Positive, Positive] };
        let probabilities = map.probabilities(&[0.0; 5]);
        assert!((probabilities.negative - 0.4).abs() < 1e-6);
        assert!((probabilities.neutral - 0.2).abs() < 1e-6);
        assert!(probabilities.score().abs() < 1e-6);
    }

    #[test]
    fn huge_logits_do_not_overflow() {
        let map = LabelMap { classes: vec![Label::Negative, Label::Positive] };
        let probabilities = map.probabilities(&[1e30, -1e30]);
        assert_eq!(probabilities.label(), Label::Negative);
        assert!((probabilities.score() + 1.0).abs() < 1e-6);
    }
}
