//! Rules and guidelines of Elliott waves as a device reads them: the structs of `cuda/waves.cuh`, one
//! table after another.

use crate::cuda::{Address, Argument, Layout, Span};

/// The most waves of a form.
const WAVES_MAX: usize = 5;

/// A quantity of a pattern. Wave i runs from pivot i − 1 to pivot i.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaveMeasure {
    /// The length of one wave as a multiple of another's.
    Length(usize, usize),
    /// The duration of one wave as a multiple of another's.
    Duration(usize, usize),
    /// How far the end of one wave lies beyond the end of another, as a multiple of the latter's
    /// length.
    Beyond(usize, usize),
    /// The length of wave 3 as a multiple of the shorter of waves 1 and 5.
    Wave3ToShortest,
    /// The length of wave 5 as a multiple of the way from the start of wave 1 to the end of wave 3.
    Wave5ToAdvance,
    /// By how much the space between the lines 1–3 and 2–4 shrinks, as a share of what it was.
    Convergence,
}

impl WaveMeasure {
    /// The code and the two waves.
    const fn words(self) -> [i32; 3] {
        match self {
            Self::Length(i, j) => [0, i as i32, j as i32],
            Self::Duration(i, j) => [1, i as i32, j as i32],
            Self::Beyond(i, j) => [2, i as i32, j as i32],
            Self::Wave3ToShortest => [3, 0, 0],
            Self::Wave5ToAdvance => [4, 0, 0],
            Self::Convergence => [5, 0, 0],
        }
    }
}

/// What a measure may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WaveRule {
    /// The wave that decides it, from 1.
    pub wave: usize,
    /// What is measured.
    pub measure: WaveMeasure,
    /// Whether it never falls as that wave is made longer (`Some(true)`), or never rises.
    pub rises: Option<bool>,
    /// The least and the most that is allowed.
    pub allowed: [f64; 2],
    /// The bounds that its margin counts from.
    pub bounds: [f64; 2],
    /// What a full margin adds to the score.
    pub weight: f64,
}

/// Ratios that a measure should be near to.
#[derive(Clone, Debug, PartialEq)]
pub struct WaveTarget {
    /// What is measured.
    pub measure: WaveMeasure,
    /// The lower and the upper end of each range, and the inverse of either.
    pub bands: Vec<[f64; 4]>,
}

/// What a guideline looks at.
#[derive(Clone, Debug, PartialEq)]
pub enum WaveLook {
    /// The nearest of some ratios.
    Near(Vec<WaveTarget>),
    /// Waves 2 and 4 differ.
    Alternation,
    /// The last wave ends at the line through one pivot, parallel to that through two others.
    Channel {
        /// The two.
        line: [usize; 2],
        /// The one.
        through: usize,
    },
    /// Wave 5 ends at the line through the ends of waves 1 and 3.
    Boundary,
    /// Wave 5 ends beyond wave 3.
    Untruncated,
}

/// A guideline.
#[derive(Clone, Debug, PartialEq)]
pub struct WaveTerm {
    /// The wave that decides it, from 1.
    pub wave: usize,
    /// What it looks at.
    pub look: WaveLook,
    /// The part of the score that it is of: Fibonacci, rules, time or simplicity.
    pub part: usize,
    /// What it adds to the score if it is full.
    pub weight: f64,
}

/// A form of a pattern in one direction.
#[derive(Clone, Debug, PartialEq)]
pub struct WaveForm {
    /// The number of waves, 3 or 5.
    pub waves: usize,
    /// Whether its first wave falls.
    pub falls: bool,
    /// What it must keep.
    pub rules: Vec<WaveRule>,
    /// What it tends to.
    pub terms: Vec<WaveTerm>,
    /// What a term of each part adds to the score.
    pub per_term: [f64; 4],
    /// What parts without terms add.
    pub constant: f64,
    /// The most that a pattern can score, each term taken by itself.
    pub bound: f64,
    /// Patterns that score less are counted and not scored.
    pub score_min: f64,
}

/// The tables of some forms.
#[derive(Clone, Debug)]
pub struct WaveTables {
    bytes: Vec<u8>,
    /// Where the forms, rules, terms, targets and bands lie.
    spans: [Span; 5],
    forms: usize,
}

/// One table under way.
#[derive(Default)]
struct Table {
    bytes: Vec<u8>,
    rows: i32,
}

impl Table {
    fn push(&mut self, words: &[i32], doubles: &[f64]) {
        debug_assert!(words.len().is_multiple_of(2), "doubles begin at multiples of 8");
        self.bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        self.bytes.extend(doubles.iter().flat_map(|double| double.to_le_bytes()));
        self.rows += 1;
    }
}

impl WaveTables {
    /// Lays out the tables of `forms`.
    #[must_use]
    pub fn new(forms: &[WaveForm]) -> Self {
        let [mut heads, mut rules, mut terms, mut targets, mut bands] =
            [(); 5].map(|()| Table::default());
        for form in forms {
            let (mut rules_begin, mut terms_begin) = (vec![rules.rows], vec![terms.rows]);
            for wave in 0..=WAVES_MAX {
                for rule in form.rules.iter().filter(|rule| rule.wave == wave) {
                    push_rule(rule, &mut rules);
                }
                for term in form.terms.iter().filter(|term| term.wave == wave) {
                    push_term(term, &mut terms, &mut targets, &mut bands);
                }
                rules_begin.push(rules.rows);
                terms_begin.push(terms.rows);
            }
            let head = [form.waves as i32, i32::from(form.falls)];
            let words = [&head, &rules_begin[..=WAVES_MAX + 1], &terms_begin[..=WAVES_MAX + 1]];
            let [fibonacci, rules, time, simplicity] = form.per_term;
            let rest = [form.constant, form.bound, form.score_min];
            let per_term = [fibonacci, rules, time, simplicity];
            heads.push(&words.concat(), &[&per_term[..], &rest].concat());
        }
        let tables = [heads, rules, terms, targets, bands];
        let mut layout = Layout::default();
        let spans = tables.each_ref().map(|table| layout.reserve(table.bytes.len()));
        let mut bytes = vec![0; layout.bytes()];
        for (table, span) in tables.iter().zip(spans) {
            let begin = span.at(Address(0)).0 as usize;
            bytes[begin..begin + table.bytes.len()].copy_from_slice(&table.bytes);
        }
        Self { bytes, spans, forms: forms.len() }
    }

    /// What a device needs of them.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The number of forms.
    #[must_use]
    pub const fn forms(&self) -> usize {
        self.forms
    }

    /// Where the tables lie if [`Self::bytes`] lie at `base`.
    pub(super) fn arguments(&self, base: Address) -> [Argument; 5] {
        self.spans.map(|span| Argument::Address(span.at(base)))
    }
}

fn push_rule(rule: &WaveRule, rules: &mut Table) {
    let [measure, i, j] = rule.measure.words();
    let trend = match rule.rises {
        Some(true) => 0,
        Some(false) => 1,
        None => 2,
    };
    let ([least, most], [min, max]) = (rule.allowed, rule.bounds);
    rules.push(&[measure, i, j, trend], &[least, most, min, max, rule.weight]);
}

fn push_term(term: &WaveTerm, terms: &mut Table, targets: &mut Table, bands: &mut Table) {
    let begin = targets.rows;
    let (look, [i, j], through) = match &term.look {
        WaveLook::Near(nearest) => {
            for target in nearest {
                let first = bands.rows;
                target.bands.iter().for_each(|band| bands.push(&[], band));
                let [measure, i, j] = target.measure.words();
                targets.push(&[measure, i, j, first, bands.rows, 0], &[]);
            }
            (0, [0; 2], 0)
        }
        WaveLook::Alternation => (1, [0; 2], 0),
        WaveLook::Channel { line, through } => (2, line.map(|pivot| pivot as i32), *through),
        WaveLook::Boundary => (3, [0; 2], 0),
        WaveLook::Untruncated => (4, [0; 2], 0),
    };
    let words = [look, term.part as i32, i, j, through as i32, begin, targets.rows, 0];
    terms.push(&words, &[term.weight]);
}
