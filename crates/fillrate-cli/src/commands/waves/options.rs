//! What was typed, as the library takes it.

use std::fs;
use std::path::Path;

use anyhow::Context;
use fillrate::waves::{
    Direction, Pattern, PivotRule, RuleSet, ScopeOptions, SearchOptions, SignificanceOptions,
    SurrogateMethod,
};

use crate::cli::{DirectionChoice, MethodChoice, PatternChoice, ScopeArgs, SearchArgs, WavesArgs};

/// Patterns of each symbol that are written unless it is said how many.
const TOP_DEFAULT: usize = 10;

/// The deviation of log returns below which --skip-flat leaves a window out: a tenth of a percent,
/// less than any listed stock moves in a day.
const VOLATILITY_MIN_DEFAULT: f64 = 0.001;

/// The seed unless another is given.
const SEED_DEFAULT: u64 = 1;

/// How many patterns of each symbol are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The best so many.
    Top(usize),
    /// All of them.
    All,
}

impl Wanted {
    pub(super) fn of(arguments: &WavesArgs) -> Self {
        if arguments.all { Self::All } else { Self::Top(arguments.top.unwrap_or(TOP_DEFAULT)) }
    }
}

/// What to search for.
///
/// # Errors
///
/// If the rules cannot be read or mean nothing.
pub(super) fn search(typed: &SearchArgs) -> anyhow::Result<SearchOptions> {
    Ok(SearchOptions {
        patterns: patterns(&typed.pattern),
        directions: match typed.direction {
            Some(DirectionChoice::Up) => vec![Direction::Up],
            Some(DirectionChoice::Down) => vec![Direction::Down],
            Some(DirectionChoice::Both) | None => Direction::ALL.to_vec(),
        },
        rules: rules(typed.rules.as_deref())?,
        weights: typed.weights.unwrap_or_default(),
        score_min: typed.min_score.unwrap_or(0.0),
    })
}

/// What makes a bar a pivot.
pub(super) fn pivots(typed: &SearchArgs) -> PivotRule {
    typed.pivots.unwrap_or(PivotRule::Fractal(1))
}

/// The part that is searched; nothing if that is everything.
pub(super) fn scope(typed: &ScopeArgs) -> Option<ScopeOptions> {
    let volatility_min = match typed.min_volatility {
        None if typed.skip_flat => Some(VOLATILITY_MIN_DEFAULT),
        typed => typed,
    };
    let scope = ScopeOptions {
        window_bars: typed.window,
        window_overlap: typed.window_overlap.unwrap_or(0.0),
        windows_max: typed.max_windows,
        starts_max: typed.max_starts,
        volatility_min,
        pre_score_top: typed.pre_score_top,
        pre_score_weights: typed.pre_score_weights.unwrap_or_default(),
    };
    (!scope.is_everything()).then_some(scope)
}

/// How surrogates are made, if they are wanted.
pub(super) fn significance(typed: &WavesArgs) -> Option<SignificanceOptions> {
    let chance = &typed.chance;
    Some(SignificanceOptions {
        surrogates: chance.surrogates?,
        method: match chance.surrogate_method {
            Some(MethodChoice::Fourier) => SurrogateMethod::Fourier,
            Some(MethodChoice::Gbm) => SurrogateMethod::Gbm,
            Some(MethodChoice::Block) | None => SurrogateMethod::Block,
        },
        seed: chance.seed.unwrap_or(SEED_DEFAULT),
        block_bars: chance.block,
        pivots: pivots(&typed.search),
        open_ends: typed.search.open_ends,
    })
}

/// What was searched for, for a reader.
pub(super) fn in_words(typed: &SearchArgs) -> String {
    let names: Vec<&str> = patterns(&typed.pattern).into_iter().map(Pattern::as_str).collect();
    let rules = typed.rules.as_deref().unwrap_or(Path::new("classic"));
    format!("{}; pivots {}; rules {}", names.join(", "), pivots(typed), rules.display())
}

fn patterns(typed: &[PatternChoice]) -> Vec<Pattern> {
    let one = |choice: &PatternChoice| match choice {
        PatternChoice::Impulse => vec![Pattern::Impulse],
        PatternChoice::LeadingDiagonal => vec![Pattern::LeadingDiagonal],
        PatternChoice::EndingDiagonal => vec![Pattern::EndingDiagonal],
        PatternChoice::Zigzag => vec![Pattern::Zigzag],
        PatternChoice::Flat => vec![Pattern::Flat],
        PatternChoice::Triangle => vec![Pattern::Triangle],
        PatternChoice::All => Pattern::ALL.to_vec(),
    };
    if typed.is_empty() { Pattern::ALL.to_vec() } else { typed.iter().flat_map(one).collect() }
}

fn rules(typed: Option<&Path>) -> anyhow::Result<RuleSet> {
    let Some(path) = typed else { return Ok(RuleSet::classic()) };
    if path == Path::new("classic") {
        return Ok(RuleSet::classic());
    }
    if path == Path::new("strict") {
        return Ok(RuleSet::strict());
    }
    let text = fs::read_to_string(path)
        .with_context(|| format!("--rules {}: no rules of that name, and", path.display()))?;
    Ok(RuleSet::from_toml(path, &text)?)
}
