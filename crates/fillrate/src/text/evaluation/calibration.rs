//! Whether probabilities mean what they say.

use crate::text::{Label, Probabilities};

/// Bins of equal width that confidences are put in for [`Calibration::ece`].
///
/// Source: C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On Calibration of Modern Neural
/// Networks", ICML 2017, section 5, uses 15.
pub const BINS: usize = 15;

/// How far from 0 and 1 a probability is kept when its logarithm is taken: a model that rules out
/// what turns out to be true would otherwise have an infinite loss, whatever else it says.
///
/// Source: scikit-learn's `log_loss` takes the machine epsilon of the probabilities' type.
const CLIP: f64 = f32::EPSILON as f64;

/// Sums over answers from which the calibration of a model follows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calibration {
    bins: [Bin; BINS],
    log_loss: f64,
    squared_error: f64,
}

/// The answers whose confidence lies in one interval.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Bin {
    texts: u64,
    right: u64,
    confidence: f64,
}

impl Calibration {
    /// Takes the `answer` to a text that is `truth`, with the probabilities behind it.
    pub fn add(&mut self, truth: Label, answer: Label, probabilities: &Probabilities) {
        let confidence = probability_of(answer, probabilities);
        let bin = &mut self.bins[bin_of(confidence)];
        bin.texts += 1;
        bin.right += u64::from(answer == truth);
        bin.confidence += confidence;
        self.log_loss -= probability_of(truth, probabilities).clamp(CLIP, 1.0 - CLIP).ln();
        self.squared_error += Label::ALL
            .iter()
            .map(|label| {
                let target = if *label == truth { 1.0 } else { 0.0 };
                (probability_of(*label, probabilities) - target).powi(2)
            })
            .sum::<f64>();
    }

    /// The expected calibration error, in [0, 1]: the distance between confidence and accuracy in
    /// each of [`BINS`] intervals ((m−1)/M, m/M], weighted by the texts in it. The confidence is
    /// the probability of the label that the model gave, which for VADER need not be the greatest
    /// of the three. `None` without texts.
    ///
    /// Source: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, equation 3.
    #[must_use]
    pub fn ece(&self) -> Option<f64> {
        let gap = |bin: &Bin| (bin.right as f64 - bin.confidence).abs();
        self.mean(self.bins.iter().map(gap).sum())
    }

    /// The negative log-likelihood: the mean of −ln P(true label), at least 0; probabilities are
    /// kept 2⁻²³ away from 0 and 1. `None` without texts.
    #[must_use]
    pub fn nll(&self) -> Option<f64> {
        self.mean(self.log_loss)
    }

    /// The mean squared distance of the three probabilities from certainty of the true label,
    /// summed over the three, in [0, 2]. `None` without texts.
    ///
    /// Source: G. W. Brier, "Verification of forecasts expressed in terms of probability", Monthly
    /// Weather Review 78 (1950), equation 2.
    #[must_use]
    pub fn brier(&self) -> Option<f64> {
        self.mean(self.squared_error)
    }

    fn mean(&self, sum: f64) -> Option<f64> {
        let texts: u64 = self.bins.iter().map(|bin| bin.texts).sum();
        (texts > 0).then(|| sum / texts as f64)
    }
}

/// The bin of a confidence: those above (m−1)/M and up to m/M are in bin m − 1.
fn bin_of(confidence: f64) -> usize {
    ((confidence * BINS as f64).ceil() as usize).clamp(1, BINS) - 1
}

fn probability_of(label: Label, probabilities: &Probabilities) -> f64 {
    f64::from(match label {
        Label::Negative => probabilities.negative,
        Label::Neutral => probabilities.neutral,
        Label::Positive => probabilities.positive,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Label::{Negative, Positive};

    #[track_caller]
    fn close(found: Option<f64>, expected: f64) {
        assert!((found.unwrap() - expected).abs() < 1e-6, "{found:?}, expected {expected}");
    }

    fn probabilities(negative: f32, neutral: f32, positive: f32) -> Probabilities {
        Probabilities { negative, neutral, positive }
    }

    #[test]
    fn figures_are_those_worked_out_by_hand() {
        let mut calibration = Calibration::default();
        // Two answers in the bin (11/15, 12/15], one of them right; one sure and right.
        calibration.add(Positive, Positive, &probabilities(0.05, 0.2, 0.75));
        calibration.add(Negative, Positive, &probabilities(0.125, 0.125, 0.75));
        calibration.add(Negative, Negative, &probabilities(1.0, 0.0, 0.0));
        close(calibration.ece(), ((1.0_f64 - 1.5).abs() + 0.0) / 3.0);
        close(calibration.nll(), -(0.75_f64.ln() + 0.125_f64.ln()) / 3.0);
        let squares = [0.0025 + 0.04 + 0.0625, 0.765_625 + 0.015_625 + 0.5625, 0.0];
        close(calibration.brier(), squares.iter().sum::<f64>() / 3.0);
    }

    #[test]
    fn a_sure_mistake_has_a_large_loss_and_no_infinite_one() {
        let mut calibration = Calibration::default();
        calibration.add(Positive, Negative, &probabilities(1.0, 0.0, 0.0));
        close(calibration.nll(), 23.0 * 2.0_f64.ln());
        close(calibration.brier(), 2.0);
        close(calibration.ece(), 1.0);
    }

    #[test]
    fn a_bin_holds_its_upper_bound() {
        assert_eq!([0.0, 1e-9, 1.0 / 15.0, 0.067, 1.0].map(bin_of), [0, 0, 0, 1, 14]);
    }

    #[test]
    fn without_texts_there_are_no_figures() {
        let calibration = Calibration::default();
        assert_eq!((calibration.ece(), calibration.nll(), calibration.brier()), (None, None, None));
    }
}
