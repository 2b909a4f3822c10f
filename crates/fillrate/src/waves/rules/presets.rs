//! The rules that come with Fillrate; [`crate::waves`] tells their sources.

use super::names::measure_named;
use super::{Bounds, Rule};
use crate::waves::pattern::{Form, Pattern};

/// The hard rules of Frost and Prechter.
pub(super) fn classic(form: Form) -> Vec<Rule> {
    rules(form.pattern(), &classic_bounds(form))
}

fn classic_bounds(form: Form) -> Vec<(&'static str, Bounds)> {
    match form {
        Form::Impulse => vec![
            ("wave2_retrace", Bounds::below(1.0)),
            ("wave4_overlap", Bounds::below(0.0)),
            ("wave3_to_shortest", Bounds::at_least(1.0)),
        ],
        Form::LeadingContracting => {
            [diagonal(), contracting(), vec![("wave5_beyond_wave3", Bounds::above(0.0))]].concat()
        }
        // In the expanding variety wave 5 of either kind ends beyond wave 3.
        Form::LeadingExpanding | Form::EndingExpanding => {
            [diagonal(), expanding(), vec![("wave5_beyond_wave3", Bounds::above(0.0))]].concat()
        }
        Form::EndingContracting => [diagonal(), contracting()].concat(),
        Form::Zigzag => {
            vec![("b_retrace", Bounds::below(1.0)), ("c_beyond_a", Bounds::above(0.0))]
        }
        Form::FlatRegular => flat(Bounds::between(0.9, 1.0), Bounds::above(0.0)),
        Form::FlatExpanded => flat(Bounds::above(1.0).and_below(2.0), Bounds::above(0.0)),
        Form::FlatRunning => flat(Bounds::above(1.0).and_below(2.0), Bounds::at_most(0.0)),
        Form::TriangleContracting => vec![
            ("b_retrace", Bounds::at_most(1.5)),
            ("c_beyond_a", Bounds::at_most(0.0)),
            ("d_beyond_b", Bounds::at_most(0.0)),
            // At 1 the lines meet at the end of wave D: wave E would end outside.
            ("convergence", Bounds::above(0.0).and_below(1.0)),
            ("e_beyond_c", Bounds::at_most(0.0)),
        ],
        Form::TriangleExpanding => vec![
            ("b_retrace", Bounds::between(1.0, 1.5)),
            ("c_retrace", Bounds::between(1.0, 1.5)),
            ("c_beyond_a", Bounds::above(0.0)),
            ("d_retrace", Bounds::between(1.0, 1.5)),
            ("d_beyond_b", Bounds::above(0.0)),
            ("convergence", Bounds::below(0.0)),
            ("e_beyond_c", Bounds::above(0.0)),
        ],
    }
}

/// What every diagonal keeps.
fn diagonal() -> Vec<(&'static str, Bounds)> {
    vec![
        ("wave2_retrace", Bounds::below(1.0)),
        ("wave3_beyond_wave1", Bounds::above(0.0)),
        // Wave 4 ends within the price territory of wave 1, and not beyond the end of wave 2.
        ("wave4_overlap", Bounds::above(0.0)),
        ("wave4_beyond_wave2", Bounds::below(0.0)),
    ]
}

fn contracting() -> Vec<(&'static str, Bounds)> {
    vec![
        ("wave3_to_wave1", Bounds::below(1.0)),
        ("wave4_to_wave2", Bounds::below(1.0)),
        ("convergence", Bounds::above(0.0)),
        ("wave5_to_wave3", Bounds::below(1.0)),
    ]
}

fn expanding() -> Vec<(&'static str, Bounds)> {
    vec![
        ("wave3_to_wave1", Bounds::above(1.0)),
        ("wave4_to_wave2", Bounds::above(1.0)),
        ("convergence", Bounds::below(0.0)),
        ("wave5_to_wave3", Bounds::above(1.0)),
    ]
}

fn flat(b_retrace: Bounds, c_beyond_a: Bounds) -> Vec<(&'static str, Bounds)> {
    vec![("b_retrace", b_retrace), ("c_to_a", Bounds::below(3.0)), ("c_beyond_a", c_beyond_a)]
}

/// The classic rules and the cut-offs of popular analysers.
pub(super) fn strict(form: Form) -> Vec<Rule> {
    let mut bounds = classic_bounds(form);
    let mut set = |name: &'static str, new: Bounds| {
        bounds.retain(|(known, _)| *known != name);
        bounds.push((name, new));
    };
    match form.pattern() {
        Pattern::Impulse => {
            set("wave2_retrace", Bounds::at_least(0.2).and_below(1.0));
            set("wave2_duration", Bounds::above(1.0 / 9.0));
            set("wave3_to_wave2", Bounds::above(1.0));
            set("wave3_to_wave1", Bounds::at_least(1.0 / 3.0));
            set("wave3_duration", Bounds::above(1.0 / 7.0));
            set("wave5_beyond_wave3", Bounds::above(0.0));
            set("wave5_to_wave1", Bounds::below(2.0));
        }
        Pattern::Zigzag => {
            set("b_retrace", Bounds::between(0.35, 0.618));
            set("c_to_a", Bounds::between(0.6, 2.61));
        }
        // A flat whose wave B stopped at 0.618 would not be one.
        Pattern::Flat => set("c_to_a", Bounds::between(0.6, 2.61)),
        Pattern::LeadingDiagonal | Pattern::EndingDiagonal | Pattern::Triangle => {}
    }
    rules(form.pattern(), &bounds)
}

fn rules(pattern: Pattern, bounds: &[(&'static str, Bounds)]) -> Vec<Rule> {
    let named = bounds.iter().filter_map(|&(name, bounds)| {
        let (name, measure) = measure_named(pattern, name)?;
        Some(Rule { name, bounds, measure })
    });
    let mut rules: Vec<Rule> = named.collect();
    debug_assert_eq!(rules.len(), bounds.len(), "a rule of {pattern} has no measure");
    rules.sort_by_key(|rule| rule.measure.wave());
    rules
}
