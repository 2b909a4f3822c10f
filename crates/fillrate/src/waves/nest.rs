//! Counts of several degrees: waves that are patterns themselves.
//!
//! A wave is subdivided by a pattern that begins and ends with it and that the wave may consist of.
//! Source for which: Frost and Prechter, Elliott Wave Principle, the summary of rules in chapter 2.
//!
//! The value of a pattern is half its own score and half the mean value of its waves, where a wave
//! is worth the best pattern that subdivides it, and nothing if there is none. A pattern that
//! subdivides a wave is shorter than the pattern of that wave, so that one pass from the shortest to
//! the longest settles all degrees.
//!
//! The best count of the series is a row of patterns that do not overlap (one may begin where the
//! one before ends) with the largest sum of value times duration.

use std::collections::HashMap;

use super::legs::Legs;
use super::pattern::{Direction, Pattern};
use super::scope::Scope;
use super::search::{Hit, Search};
use crate::Result;

/// The most patterns of a series that a nested count is made of.
pub const NESTED_HITS_MAX: usize = 5_000_000;

/// A pattern with its place in a nested count.
#[derive(Clone, Debug, PartialEq)]
pub struct NestedHit {
    /// The pattern.
    pub hit: Hit,
    /// Its number, from 1; a parent has a lower one than its parts.
    pub id: u64,
    /// The pattern whose wave it subdivides; `None` for one of the largest degree.
    pub parent: Option<u64>,
    /// The label of that wave.
    pub wave: Option<&'static str>,
    /// How many degrees it contains: 1 for a pattern that nothing subdivides.
    pub degree: u64,
    /// Its value, in [0, 1].
    pub value: f64,
}

/// The best complete count of a series.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NestedCount {
    /// Its patterns, each before its parts, in the order of time.
    pub hits: Vec<NestedHit>,
    /// The sum of value times duration as a share of the way from the first to the last pivot, in
    /// [0, 1].
    pub score: f64,
}

/// What a pattern is worth with its parts.
#[derive(Clone, Copy, Debug)]
struct Valued {
    value: f64,
    degree: u64,
}

/// Where a wave is: its first and its last bar, and where it goes.
type Span = (u32, u32, Direction);

impl Search {
    /// The best complete count of a series.
    ///
    /// # Errors
    ///
    /// If the series has more than [`NESTED_HITS_MAX`] patterns: coarser pivots have fewer.
    pub fn nest(&self, legs: &Legs, scope: Option<&Scope>) -> Result<NestedCount> {
        let mut hits = self.all_up_to(legs, scope, NESTED_HITS_MAX)?;
        let duration = |hit: &Hit| end(hit) - hit.indices()[0];
        // Stable: among patterns of a span the better scored stay first.
        hits.sort_by_key(duration);
        let mut best: HashMap<Span, Vec<(Pattern, usize)>> = HashMap::new();
        let mut valued: Vec<Valued> = Vec::with_capacity(hits.len());
        for (at, hit) in hits.iter().enumerate() {
            let parts = waves(hit).map(|wave| part(&wave, &best, &valued));
            let (mut sum, mut degree) = (0.0, 1);
            for part in parts.flatten() {
                sum += valued[part].value;
                degree = degree.max(1 + valued[part].degree);
            }
            let value = f64::midpoint(hit.score, sum / hit.form.waves() as f64);
            valued.push(Valued { value, degree });
            let span = best.entry((hit.indices()[0], end(hit), hit.direction)).or_default();
            let pattern = hit.form.pattern();
            match span.iter_mut().find(|(known, _)| *known == pattern) {
                None => span.push((pattern, at)),
                Some((_, known)) if value > valued[*known].value => *known = at,
                Some(_) => {}
            }
        }
        let row = best_row(&hits, &valued, legs.bars());
        let mut count = NestedCount { score: score(&row, &hits, &valued, legs), ..<_>::default() };
        for at in row {
            lay_out(at, None, &hits, &valued, &best, &mut count.hits);
        }
        Ok(count)
    }
}

fn end(hit: &Hit) -> u32 {
    hit.indices()[hit.form.waves()]
}

/// A wave of a pattern, and what it may consist of.
struct Wave {
    span: Span,
    label: &'static str,
    consists_of: &'static [Pattern],
}

fn waves(hit: &Hit) -> impl Iterator<Item = Wave> {
    let labels = hit.form.pattern().labels();
    let opposite = match hit.direction {
        Direction::Up => Direction::Down,
        Direction::Down => Direction::Up,
    };
    (0..labels.len()).map(move |wave| Wave {
        span: (
            hit.indices()[wave],
            hit.indices()[wave + 1],
            if wave % 2 == 0 { hit.direction } else { opposite },
        ),
        label: labels[wave],
        consists_of: parts_of(hit.form.pattern(), wave + 1),
    })
}

/// What a wave of a pattern may consist of; waves count from 1.
fn parts_of(pattern: Pattern, wave: usize) -> &'static [Pattern] {
    use Pattern::{EndingDiagonal, Flat, Impulse, LeadingDiagonal, Triangle, Zigzag};
    match (pattern, wave) {
        (Impulse | Zigzag, 1) => &[Impulse, LeadingDiagonal],
        (Impulse, 3) => &[Impulse],
        (Impulse, 5) | (Zigzag | Flat, 3) => &[Impulse, EndingDiagonal],
        (Impulse, 2) | (Flat, _) => &[Zigzag, Flat],
        (Impulse | Zigzag, _) | (Triangle, 5) => &[Zigzag, Flat, Triangle],
        (LeadingDiagonal, 1 | 3 | 5) => &[Impulse, Zigzag],
        (LeadingDiagonal | EndingDiagonal, _) => &[Zigzag],
        (Triangle, _) => &[Zigzag, Flat],
    }
}

/// The most valuable pattern that subdivides a wave.
fn part(
    wave: &Wave,
    best: &HashMap<Span, Vec<(Pattern, usize)>>,
    valued: &[Valued],
) -> Option<usize> {
    let fitting = best.get(&wave.span)?.iter();
    let fitting = fitting.filter(|(pattern, _)| wave.consists_of.contains(pattern));
    // Of equal values the one that was found first.
    fitting.map(|(_, at)| *at).reduce(|one, other| {
        let is_better = valued[other].value > valued[one].value
            || (valued[other].value == valued[one].value && other < one);
        if is_better { other } else { one }
    })
}

/// The patterns without overlap that have the largest sum of value times duration, by the time of
/// their end: the weighted interval scheduling of the textbooks.
///
/// Source: J. Kleinberg and E. Tardos, Algorithm Design (2005), section 6.1.
fn best_row(hits: &[Hit], valued: &[Valued], bars: usize) -> Vec<usize> {
    let mut by_end: Vec<usize> = (0..hits.len()).collect();
    by_end.sort_by_key(|&at| (end(&hits[at]), at));
    // The best sum of what ends at a bar or before, and the pattern that was last added to it.
    let mut sums = vec![0.0_f64; bars + 1];
    let mut added: Vec<Option<usize>> = vec![None; bars + 1];
    let mut next = by_end.into_iter().peekable();
    for bar in 0..bars {
        if bar > 0 {
            sums[bar] = sums[bar - 1];
        }
        while let Some(at) = next.next_if(|&at| end(&hits[at]) as usize == bar) {
            let start = hits[at].indices()[0] as usize;
            let sum = sums[start] + valued[at].value * (bar - start) as f64;
            if sum > sums[bar] {
                (sums[bar], added[bar]) = (sum, Some(at));
            }
        }
    }
    let mut row = Vec::new();
    let mut bar = bars.saturating_sub(1);
    while bar > 0 {
        match added[bar] {
            Some(at) => {
                row.push(at);
                bar = hits[at].indices()[0] as usize;
            }
            None => bar -= 1,
        }
    }
    row.reverse();
    row
}

fn score(row: &[usize], hits: &[Hit], valued: &[Valued], legs: &Legs) -> f64 {
    let pivots = legs.pivots();
    let edges = |edge: fn(&[u32]) -> Option<&u32>| [edge(&pivots.lows), edge(&pivots.highs)];
    let first = edges(<[u32]>::first).into_iter().flatten().min();
    let last = edges(<[u32]>::last).into_iter().flatten().max();
    let (Some(first), Some(last)) = (first, last) else { return 0.0 };
    let covered =
        row.iter().map(|&at| valued[at].value * f64::from(end(&hits[at]) - hits[at].indices()[0]));
    covered.sum::<f64>() / f64::from(last - first).max(1.0)
}

/// Adds a pattern and, below it, its parts.
fn lay_out(
    at: usize,
    place: Option<(u64, &'static str)>,
    hits: &[Hit],
    valued: &[Valued],
    best: &HashMap<Span, Vec<(Pattern, usize)>>,
    count: &mut Vec<NestedHit>,
) {
    let id = count.len() as u64 + 1;
    let Valued { value, degree } = valued[at];
    count.push(NestedHit {
        hit: hits[at],
        id,
        parent: place.map(|(parent, _)| parent),
        wave: place.map(|(_, wave)| wave),
        degree,
        value,
    });
    for wave in waves(&hits[at]) {
        if let Some(part) = part(&wave, best, valued) {
            lay_out(part, Some((id, wave.label)), hits, valued, best, count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::search::tests::random_walk;
    use super::super::{PivotRule, SearchOptions};
    use super::*;

    fn legs_of(close: &[f64]) -> Legs {
        let bars = super::super::Bars::new(close, close, close, close).unwrap();
        Legs::find(&bars, PivotRule::Fractal(1), false).unwrap()
    }

    #[test]
    fn a_wave_that_is_an_impulse_is_labelled() {
        // Wave 1 of the large impulse, from 10 to 20, is one itself; so is nothing else.
        let close = [12.0, 10.0, 14.0, 12.0, 18.5, 16.0, 20.0, 15.0, 33.0, 26.0, 36.0, 30.0];
        let legs = legs_of(&close);
        let options = SearchOptions {
            patterns: vec![Pattern::Impulse],
            directions: vec![Direction::Up],
            ..SearchOptions::default()
        };
        let count = Search::new(options).nest(&legs, None).unwrap();
        let [whole, part] = count.hits.as_slice() else { panic!("{count:?}") };
        assert_eq!(whole.hit.indices(), [1, 6, 7, 8, 9, 10]);
        assert_eq!((whole.id, whole.parent, whole.degree), (1, None, 2));
        assert_eq!(part.hit.indices(), [1, 2, 3, 4, 5, 6]);
        assert_eq!((part.id, part.parent, part.wave, part.degree), (2, Some(1), Some("1"), 1));
        assert!((part.value - part.hit.score / 2.0).abs() < 1e-15);
        assert!((whole.value - f64::midpoint(whole.hit.score, part.value / 5.0)).abs() < 1e-15);
        // From the first pivot at 1 to the last at 10 all is counted.
        assert!((count.score - whole.value).abs() < 1e-15);
    }

    /// The largest sum of value times duration that any choice without overlap has.
    fn exhaustive(spans: &[(u32, u32, f64)], from: u32) -> f64 {
        let choices = spans.iter().filter(|span| span.0 >= from);
        choices
            .map(|&(start, end, value)| value * f64::from(end - start) + exhaustive(spans, end))
            .fold(0.0, f64::max)
    }

    #[test]
    fn the_best_row_is_the_best_of_all_rows() {
        for seed in 0..20 {
            let made = random_walk(seed, 34, 0.5, 2.0);
            let legs = Legs::find(&made.bars(), PivotRule::Fractal(1), false).unwrap();
            let patterns = vec![Pattern::Zigzag, Pattern::Impulse];
            let search = Search::new(SearchOptions { patterns, ..SearchOptions::default() });
            let mut hits = search.all(&legs, None).unwrap();
            hits.truncate(40);
            let valued: Vec<Valued> =
                hits.iter().map(|hit| Valued { value: hit.score, degree: 1 }).collect();
            let row = best_row(&hits, &valued, legs.bars());
            let spans: Vec<(u32, u32, f64)> =
                hits.iter().map(|hit| (hit.indices()[0], end(hit), hit.score)).collect();
            let sum: f64 =
                row.iter().map(|&at| spans[at].2 * f64::from(spans[at].1 - spans[at].0)).sum();
            assert!(row.windows(2).all(|pair| spans[pair[0]].1 <= spans[pair[1]].0));
            assert!((sum - exhaustive(&spans, 0)).abs() < 1e-9, "{seed}");
        }
    }

    #[test]
    fn every_part_lies_in_its_wave_and_is_allowed_there() {
        let made = random_walk(21, 400, 0.01, 4.0);
        let legs = Legs::find(&made.bars(), PivotRule::Fractal(1), false).unwrap();
        let count = Search::new(SearchOptions::default()).nest(&legs, None).unwrap();
        assert!(count.hits.iter().any(|nested| nested.degree >= 3));
        assert!((0.0..=1.0).contains(&count.score));
        for nested in &count.hits {
            let Some(parent) = nested.parent else { continue };
            let parent = &count.hits[parent as usize - 1];
            let wave = waves(&parent.hit).find(|wave| Some(wave.label) == nested.wave).unwrap();
            let hit = &nested.hit;
            assert_eq!(wave.span, (hit.indices()[0], end(hit), hit.direction));
            assert!(wave.consists_of.contains(&hit.form.pattern()));
            assert!(nested.degree < parent.degree);
        }
    }
}
