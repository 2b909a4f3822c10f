//! The valence of each word among its neighbours.

use super::lexicon::{BOOST, Role};
use super::words::Word;

/// What a word in capitals adds to its intensity where other words are not in capitals.
const CAPITALS: f64 = 0.733;

/// What a negation multiplies a valence by.
const NEGATION: f64 = -0.74;

/// What `never so` and `never this` multiply a valence by.
const NEVER_SO: f64 = 1.25;

/// How much of a boost is left one, two and three words further on.
const DISTANCE_DAMPING: [f64; 3] = [1.0, 0.95, 0.9];

/// Phrases that have a valence of their own. Python lists `badass` too, but only ever looks
/// phrases of two and three words up; the lexicon has it anyway.
const SPECIAL_CASES: [(&[Role], f64); 8] = [
    (&[Role::The, Role::Shit], 3.0),
    (&[Role::The, Role::Bomb], 3.0),
    (&[Role::Bad, Role::Ass], 1.5),
    (&[Role::Bus, Role::Stop], 0.0),
    (&[Role::Yeah, Role::Right], -2.0),
    (&[Role::Kiss, Role::Of, Role::Death], -1.5),
    (&[Role::To, Role::Die, Role::For], 3.0),
    (&[Role::Beating, Role::Heart], 3.5),
];

/// Phrases that lower the intensity of the next words.
const DAMPENING_PHRASES: [[Role; 2]; 3] =
    [[Role::Just, Role::Enough], [Role::Kind, Role::Of], [Role::Sort, Role::Of]];

/// The words whose valence is not zero: their index and valence, in order.
pub(super) fn nonzero(words: &[Word]) -> Vec<(usize, f64)> {
    let capitals = words.iter().filter(|word| word.all_caps).count();
    let caps_differ = 0 < capitals && capitals < words.len();
    (0..words.len())
        .map(|i| (i, valence(words, i, caps_differ)))
        .filter(|(_, valence)| *valence != 0.0)
        .collect()
}

/// The valence of word `i`; zero unless it is in the lexicon.
fn valence(words: &[Word], i: usize, caps_differ: bool) -> f64 {
    let Some(listed) = words[i].entry.valence else { return 0.0 };
    let kind_of = role(words, i) == Role::Kind
        && words.get(i + 1).is_some_and(|next| next.entry.role == Role::Of);
    if kind_of {
        return 0.0;
    }
    let mut valence = after_no(words, i, listed);
    if words[i].all_caps && caps_differ {
        // A `no` that was set to zero becomes negative here, as in Python.
        valence += if valence > 0.0 { CAPITALS } else { -CAPITALS };
    }
    for distance in 1..=i.min(3) {
        let before = &words[i - distance];
        if before.entry.valence.is_some() {
            continue;
        }
        valence += boost(before, valence, caps_differ) * DISTANCE_DAMPING[distance - 1];
        valence *= negation(words, i, distance);
        if distance == 3 {
            // Python looks for phrases here only: never where the third word before is in the
            // lexicon, nor for the first three words of a text.
            valence = special_case(words, i, valence);
        }
    }
    if after_least(words, i) { valence * NEGATION } else { valence }
}

fn role(words: &[Word], i: usize) -> Role {
    words[i].entry.role
}

/// The listed valence as the word `no` near it changes it.
fn after_no(words: &[Word], i: usize, listed: f64) -> f64 {
    let no_before = |distance| i >= distance && role(words, i - distance) == Role::No;
    let negated = no_before(1)
        || no_before(2)
        || no_before(3) && matches!(role(words, i - 1), Role::Or | Role::Nor);
    let negates_next = role(words, i) == Role::No
        && words.get(i + 1).is_some_and(|next| next.entry.valence.is_some());
    if negated {
        listed * NEGATION
    } else if negates_next {
        0.0
    } else {
        listed
    }
}

/// What the word `before` adds to `valence`, before the damping by distance.
fn boost(before: &Word, valence: f64, caps_differ: bool) -> f64 {
    let boost = before.entry.boost;
    if boost == 0.0 {
        return 0.0;
    }
    let boost = if valence < 0.0 { -boost } else { boost };
    match before.all_caps && caps_differ {
        // Capitals turn a dampener into a boost, as in Python.
        true if valence > 0.0 => boost + CAPITALS,
        true => boost - CAPITALS,
        false => boost,
    }
}

/// What the word `distance` words before word `i` multiplies its valence by.
fn negation(words: &[Word], i: usize, distance: usize) -> f64 {
    let so_or_this = |i| matches!(role(words, i), Role::So | Role::This);
    let doubt = |i| role(words, i) == Role::Doubt;
    let before = &words[i - distance].entry;
    let (never_so, without_doubt) = match distance {
        1 => (false, false),
        2 => (before.role == Role::Never && so_or_this(i - 1), doubt(i - 1)),
        // Python's `and` binds tighter than its `or`: a `so` or `this` just before the word counts
        // with any word, not only with `never`, at this distance.
        _ => (
            before.role == Role::Never && so_or_this(i - 2) || so_or_this(i - 1),
            doubt(i - 2) || doubt(i - 1),
        ),
    };
    if never_so {
        NEVER_SO
    } else if before.role == Role::Without && without_doubt || !before.negates {
        1.0
    } else {
        NEGATION
    }
}

/// The valence of word `i`, which has three words before it, by the phrase it is in or after.
fn special_case(words: &[Word], i: usize, mut valence: f64) -> f64 {
    let [three, two, one, zero] = [3, 2, 1, 0].map(|distance| role(words, i - distance));
    let before: [&[Role]; 5] =
        [&[one, zero], &[two, one, zero], &[two, one], &[three, two, one], &[three, two]];
    if let Some(special) = before.into_iter().find_map(phrase_valence) {
        valence = special;
    }
    if let Some(next) = words.get(i + 1).map(|word| word.entry.role) {
        valence = phrase_valence(&[zero, next]).unwrap_or(valence);
        if let Some(after_next) = words.get(i + 2).map(|word| word.entry.role) {
            valence = phrase_valence(&[zero, next, after_next]).unwrap_or(valence);
        }
    }
    for phrase in [[three, two], [two, one]] {
        if DAMPENING_PHRASES.contains(&phrase) {
            // Python subtracts from negative valences too, which it does not with single words.
            valence -= BOOST;
        }
    }
    valence
}

fn phrase_valence(phrase: &[Role]) -> Option<f64> {
    if phrase.contains(&Role::Other) {
        return None;
    }
    SPECIAL_CASES.iter().find(|(special, _)| *special == phrase).map(|(_, valence)| *valence)
}

/// Whether `least` comes just before word `i`, and not as `at least` or `very least`.
fn after_least(words: &[Word], i: usize) -> bool {
    i > 0
        && role(words, i - 1) == Role::Least
        && !(i > 1 && matches!(role(words, i - 2), Role::At | Role::Very))
}
