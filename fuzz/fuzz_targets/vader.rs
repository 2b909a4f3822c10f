//! Any text through VADER: finite scores in their ranges.
#![no_main]

use fillrate::text::vader::Vader;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let scores = Vader::new().polarity_scores(text);
    assert!((-1.0..=1.0).contains(&scores.compound));
    for share in [scores.negative, scores.neutral, scores.positive] {
        assert!((0.0..=1.0).contains(&share));
    }
});
