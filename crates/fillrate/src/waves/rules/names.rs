//! The names of the rules, and what each measures.

use super::super::measure::Measure::{
    self, Beyond, Convergence, Duration, Length, Wave3ToShortest,
};
use super::super::pattern::Pattern;

/// The rules that an impulse or a diagonal can have.
const FIVE_WAVES: [(&str, Measure); 18] = [
    ("wave2_retrace", Length(2, 1)),
    ("wave2_duration", Duration(2, 1)),
    ("wave3_to_wave1", Length(3, 1)),
    ("wave3_to_wave2", Length(3, 2)),
    ("wave3_beyond_wave1", Beyond(3, 1)),
    ("wave3_duration", Duration(3, 1)),
    ("wave4_retrace", Length(4, 3)),
    ("wave4_to_wave2", Length(4, 2)),
    ("wave4_overlap", Beyond(4, 1)),
    ("wave4_beyond_wave2", Beyond(4, 2)),
    ("wave4_duration", Duration(4, 2)),
    ("convergence", Convergence),
    ("wave3_to_shortest", Wave3ToShortest),
    ("wave5_to_wave1", Length(5, 1)),
    ("wave5_to_wave3", Length(5, 3)),
    ("wave5_to_wave4", Length(5, 4)),
    ("wave5_beyond_wave3", Beyond(5, 3)),
    ("wave5_duration", Duration(5, 1)),
];

/// The rules that a zigzag or a flat can have.
const THREE_WAVES: [(&str, Measure); 6] = [
    ("b_retrace", Length(2, 1)),
    ("b_duration", Duration(2, 1)),
    ("c_to_a", Length(3, 1)),
    ("c_to_b", Length(3, 2)),
    ("c_beyond_a", Beyond(3, 1)),
    ("c_duration", Duration(3, 1)),
];

/// The rules that a triangle can have.
const TRIANGLE: [(&str, Measure); 12] = [
    ("b_retrace", Length(2, 1)),
    ("b_duration", Duration(2, 1)),
    ("c_retrace", Length(3, 2)),
    ("c_beyond_a", Beyond(3, 1)),
    ("c_duration", Duration(3, 1)),
    ("d_retrace", Length(4, 3)),
    ("d_beyond_b", Beyond(4, 2)),
    ("d_duration", Duration(4, 2)),
    ("convergence", Convergence),
    ("e_retrace", Length(5, 4)),
    ("e_beyond_c", Beyond(5, 3)),
    ("e_duration", Duration(5, 1)),
];

fn table(pattern: Pattern) -> &'static [(&'static str, Measure)] {
    match pattern {
        Pattern::Impulse | Pattern::LeadingDiagonal | Pattern::EndingDiagonal => &FIVE_WAVES,
        Pattern::Zigzag | Pattern::Flat => &THREE_WAVES,
        Pattern::Triangle => &TRIANGLE,
    }
}

/// The rule of that name, and what it measures.
pub(in crate::waves) fn measure_named(
    pattern: Pattern,
    name: &str,
) -> Option<(&'static str, Measure)> {
    table(pattern).iter().copied().find(|(known, _)| *known == name)
}

/// The names of all rules that a pattern can have.
pub(in crate::waves) fn names_of(pattern: Pattern) -> impl Iterator<Item = &'static str> {
    table(pattern).iter().map(|(name, _)| *name)
}
