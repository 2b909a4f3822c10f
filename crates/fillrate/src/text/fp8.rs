//! Whether a model's answers bear products of 8-bit floats.
//!
//! Ranges of activations are found on some texts, and on others the answers in fp8 are compared with
//! those in 16 bits. A model whose answers differ too much computes in 16 bits.

use std::fmt;
use std::sync::Arc;

use super::encoder::{ActivationRanges, CudaClassifier};
use super::{Forward, PackedBatch, Tokenizer};
use crate::Result;

/// Headlines and tweets about companies, one a line: every thirty-sixth text of
/// `models/news-mini/financial.csv`.
static TEXTS: &str = include_str!("fp8/texts.txt");

/// One text of so many is for the ranges, the others are for the comparison.
const EACH_FOR_RANGES: usize = 3;

/// The texts, as a model's tokenizer sees them.
pub(super) struct Samples {
    sequences: Vec<Vec<u32>>,
}

impl Samples {
    /// Tokenises the texts.
    ///
    /// # Errors
    ///
    /// If the tokenizer cannot.
    pub(super) fn tokenise(tokenizer: &Tokenizer) -> Result<Self> {
        let encode = |text: &str| {
            let mut ids = Vec::new();
            tokenizer.encode_into(text, &mut ids).map(|()| ids)
        };
        let sequences = TEXTS.lines().map(encode).collect::<Result<_>>()?;
        Ok(Self { sequences })
    }

    /// The texts for the ranges and those for the comparison, cut to what a model takes.
    fn packed(&self, tokens_max: usize) -> [PackedBatch; 2] {
        let mut packed = [PackedBatch::default(), PackedBatch::default()];
        for (index, ids) in self.sequences.iter().enumerate() {
            let part = usize::from(!index.is_multiple_of(EACH_FOR_RANGES));
            packed[part].push(&ids[..ids.len().min(tokens_max)]);
        }
        packed
    }
}

/// How a model's answers in fp8 compare with those in 16 bits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fp8Check {
    /// The texts that were compared.
    pub texts: usize,
    /// Those with the same label.
    pub agreeing: usize,
    /// The largest difference between two logits, as a share of the range of all in 16 bits; infinite
    /// if one was not a number.
    pub difference_share: f32,
}

impl Fp8Check {
    /// The share of labels that must be the same.
    pub const AGREEING_SHARE_MIN: f64 = 0.97;

    /// The most that a logit may differ by, as a share of the range of all.
    pub const DIFFERENCE_SHARE_MAX: f32 = 0.15;

    /// Whether the answers are near enough.
    #[must_use]
    pub fn passes(&self) -> bool {
        let agreeing = self.agreeing as f64 >= Self::AGREEING_SHARE_MIN * self.texts as f64;
        agreeing && self.difference_share <= Self::DIFFERENCE_SHARE_MAX
    }

    /// Compares logits, shape `[texts, classes]`.
    fn of(reference: &[f32], found: &[f32], classes: usize) -> Self {
        let rows = || reference.chunks_exact(classes).zip(found.chunks_exact(classes));
        let agreeing = rows().filter(|(a, b)| winner(a) == winner(b)).count();
        let largest = reference.iter().copied().fold(f32::MIN, f32::max);
        let least = reference.iter().copied().fold(f32::MAX, f32::min);
        let differences = reference.iter().zip(found).map(|(a, b)| (a - b).abs());
        let share = differences.fold(0.0, f32::max) / (largest - least);
        // A NaN is never the larger one, and must not pass for a small difference.
        let is_sound = reference.iter().chain(found).all(|logit| logit.is_finite());
        let difference_share = if is_sound { share } else { f32::INFINITY };
        Self { texts: rows().count(), agreeing, difference_share }
    }
}

impl fmt::Display for Fp8Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { texts, agreeing, difference_share } = self;
        write!(
            f,
            "of {texts} texts {agreeing} have the same label as in 16 bits, and logits differ by up to \
             {:.1}% of their range (wanted: {:.0}% and {:.0}%)",
            difference_share * 100.0,
            Self::AGREEING_SHARE_MIN * 100.0,
            Self::DIFFERENCE_SHARE_MAX * 100.0
        )
    }
}

fn winner(logits: &[f32]) -> Option<usize> {
    (0..logits.len()).max_by(|a, b| logits[*a].total_cmp(&logits[*b]))
}

/// A model in fp8, or in 16 bits if its answers do not bear it.
pub(super) struct Settled {
    /// The model.
    pub(super) model: CudaClassifier,
    /// The ranges it was loaded by; `None` in 16 bits.
    pub(super) ranges: Option<Arc<ActivationRanges>>,
    /// What decided.
    pub(super) check: Fp8Check,
}

impl Settled {
    /// Loads a model in 16 bits, then in fp8, and compares them: never both at a time, so that one
    /// model's memory is enough. `load` loads it, in fp8 by ranges if there are any.
    ///
    /// # Errors
    ///
    /// If the model cannot be loaded, or the device fails.
    pub(super) fn try_fp8(
        samples: &Samples,
        load: impl Fn(Option<Arc<ActivationRanges>>) -> Result<CudaClassifier>,
    ) -> Result<Self> {
        let (mut expected, mut found) = (Vec::new(), Vec::new());
        let reference = load(None)?;
        let [for_ranges, compared] = samples.packed(reference.max_sequence());
        let ranges = Arc::new(reference.observe(&for_ranges)?);
        reference.forward(&compared, &mut (), &mut expected)?;
        let classes = reference.classes();
        drop(reference);
        let model = load(Some(Arc::clone(&ranges)))?;
        model.forward(&compared, &mut (), &mut found)?;
        let check = Fp8Check::of(&expected, &found, classes);
        if check.passes() {
            return Ok(Self { model, ranges: Some(ranges), check });
        }
        drop(model);
        Ok(Self { model: load(None)?, ranges: None, check })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_logits_are_compared() {
        let reference = [0.0, 2.0, 1.0, -2.0];
        let same = Fp8Check::of(&reference, &[0.1, 2.0, 1.0, -1.8], 2);
        assert_eq!((same.texts, same.agreeing), (2, 2));
        assert!((same.difference_share - 0.05).abs() < 1e-6 && same.passes());
        let other_label = Fp8Check::of(&reference, &[0.0, 2.0, -2.0, 1.0], 2);
        assert_eq!((other_label.agreeing, other_label.passes()), (1, false));
        let far = Fp8Check::of(&reference, &[-1.0, 2.0, 1.0, -2.0], 2);
        assert_eq!((far.agreeing, far.passes()), (2, false));
        for broken in [f32::NAN, f32::INFINITY] {
            let check = Fp8Check::of(&reference, &[0.0, 2.0, broken, -2.0], 2);
            assert!(!check.passes(), "{check}");
        }
    }

    #[test]
    fn the_figures_are_said() {
        let check = Fp8Check { texts: 170, agreeing: 160, difference_share: 0.234 };
        assert_eq!(
            check.to_string(),
            "of 170 texts 160 have the same label as in 16 bits, and logits differ by up to 23.4% of \
             their range (wanted: 97% and 15%)"
        );
    }

    #[test]
    fn the_texts_are_there_and_differ() {
        let mut texts: Vec<&str> = TEXTS.lines().collect();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), 128);
        assert!(texts.iter().all(|text| text.len() > 10));
    }
}
