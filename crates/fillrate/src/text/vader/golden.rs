//! The scores against those of vaderSentiment 3.3.2, digit for digit.

use super::{Polarity, Vader};
use serde::Deserialize;

/// Texts with the scores that Python gives them; `golden/vader/README.md` says how they were made.
const CASES: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../golden/vader/cases.jsonl"));

#[derive(Deserialize)]
struct Case {
    text: String,
    /// Negative, neutral, positive, compound.
    scores: [f64; 4],
}

#[test]
fn scores_equal_pythons() {
    let vader = Vader::new();
    let mut cases = 0;
    for line in CASES.lines() {
        let Case { text, scores } = serde_json::from_str(line).unwrap();
        let Polarity { negative, neutral, positive, compound } = vader.polarity_scores(&text);
        let found = [negative, neutral, positive, compound];
        // Bits tell −0 from 0, as Python's output does.
        assert_eq!(
            found.map(f64::to_bits),
            scores.map(f64::to_bits),
            "{text:?}: {found:?}, expected {scores:?}"
        );
        cases += 1;
    }
    assert!(cases >= 600, "{cases} cases only");
}
