//! The figures of `golden/evaluation`, made with scikit-learn.

use serde::Deserialize;

use super::Evaluation;
use crate::text::{Label, Probabilities, Sentiment};

/// Rounding of sums in another order, and of 32-bit probabilities.
const TOLERANCE: f64 = 1e-6;

#[derive(Deserialize)]
struct Case {
    name: String,
    truth: Vec<usize>,
    probabilities: Vec<[f32; 3]>,
    answers: Vec<usize>,
    confusion: [[u64; 3]; 3],
    accuracy: f64,
    macro_f1: f64,
    precision: [Option<f64>; 3],
    recall: [Option<f64>; 3],
    f1: [Option<f64>; 3],
    support: [u64; 3],
    ece: f64,
    nll: f64,
    brier: f64,
}

impl Case {
    fn evaluate(&self) -> Evaluation {
        let mut evaluation = Evaluation::default();
        for ((truth, answer), row) in self.truth.iter().zip(&self.answers).zip(&self.probabilities)
        {
            let [negative, neutral, positive] = *row;
            let probabilities = Probabilities { negative, neutral, positive };
            let answer = Sentiment {
                label: Label::ALL[*answer],
                score: probabilities.score(),
                probabilities,
                logits: Vec::new(),
            };
            evaluation.add(Label::ALL[*truth], &answer);
        }
        evaluation
    }
}

#[track_caller]
fn close(found: Option<f64>, expected: Option<f64>, what: &str) {
    let agree = match (found, expected) {
        (Some(found), Some(expected)) => (found - expected).abs() <= TOLERANCE * expected.max(1.0),
        (found, expected) => found.is_none() && expected.is_none(),
    };
    assert!(agree, "{what}: {found:?}, expected {expected:?}");
}

#[test]
fn figures_equal_those_of_scikit_learn() {
    let cases = include_str!("../../../../../golden/evaluation/cases.json");
    let cases: Vec<Case> = serde_json::from_str(cases).unwrap();
    assert_eq!(cases.len(), 9);
    for case in cases {
        let Evaluation { confusion, calibration } = case.evaluate();
        for (index, label) in Label::ALL.into_iter().enumerate() {
            let what = |figure: &str| format!("{}: {figure} of {}", case.name, label.as_str());
            assert_eq!(
                Label::ALL.map(|answer| confusion.count(label, answer)),
                case.confusion[index],
                "{}",
                what("row")
            );
            let scores = confusion.class(label);
            assert_eq!(scores.support, case.support[index], "{}", what("support"));
            close(scores.precision, case.precision[index], &what("precision"));
            close(scores.recall, case.recall[index], &what("recall"));
            close(scores.f1, case.f1[index], &what("F1"));
        }
        close(confusion.accuracy(), Some(case.accuracy), &case.name);
        close(confusion.macro_f1(), Some(case.macro_f1), &case.name);
        close(calibration.ece(), Some(case.ece), &format!("{}: ECE", case.name));
        close(calibration.nll(), Some(case.nll), &format!("{}: NLL", case.name));
        close(calibration.brier(), Some(case.brier), &format!("{}: Brier", case.name));
    }
}
