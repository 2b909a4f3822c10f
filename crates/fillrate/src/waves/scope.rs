//! Windows and other shortcuts: searching a part of a series, as pipelines without an exact search
//! must.
//!
//! A shortcut chooses windows of bars, and in each the pivots that a pattern may begin at; a pattern
//! counts if it lies within a window. Pivots and waves are those of the whole series. For each
//! starting pivot only the last bar of its windows matters, so that overlapping windows cost
//! nothing and find nothing twice.

use std::str::FromStr;

use super::bars::Bars;
use super::legs::Legs;
use super::pattern::Direction;
use crate::{Error, Result};

/// Which part of a series is searched. Off by default: the exact search is cheaper than they are.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ScopeOptions {
    /// The length of a window in bars; without it the series is one window.
    pub window_bars: Option<usize>,
    /// The share of a window that the next one covers too, in [0, 1).
    pub window_overlap: f64,
    /// Only the last so many windows, after those below a limit were left out.
    pub windows_max: Option<usize>,
    /// Only the first so many swing lows and swing highs of each window begin patterns.
    pub starts_max: Option<usize>,
    /// Leaves out windows whose log returns of closes deviate less, per bar.
    pub volatility_min: Option<f64>,
    /// Only the so many windows of the highest pre-score; among equals the earlier.
    pub pre_score_top: Option<usize>,
    /// What the pre-score is.
    pub pre_score_weights: PreScoreWeights,
}

impl ScopeOptions {
    /// Whether everything is searched.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.window_bars.is_none()
            && self.windows_max.is_none()
            && self.starts_max.is_none()
            && self.volatility_min.is_none()
            && self.pre_score_top.is_none()
    }
}

/// The pre-score of a window: a weighted sum of three figures, each divided by its largest value
/// over the windows of the series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PreScoreWeights {
    /// Of the deviation of its log returns.
    pub volatility: f64,
    /// Of the size of its log return from the first to the last close.
    pub trend: f64,
    /// Of the number of its pivots.
    pub pivots: f64,
}

impl Default for PreScoreWeights {
    fn default() -> Self {
        Self { volatility: 1.0, trend: 1.0, pivots: 1.0 }
    }
}

impl FromStr for PreScoreWeights {
    type Err = String;

    /// Reads `volatility=1,trend=0.5`; what is not named keeps its weight of 1.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut weights = Self::default();
        for entry in text.split(',') {
            let (name, value) = entry.split_once('=').unwrap_or((entry, ""));
            let value = value.trim().parse::<f64>().ok();
            let value = value.filter(|value| (0.0..=1e6).contains(value));
            let value = value.ok_or("a weight is a number from 0 to 1000000, as in trend=0.5")?;
            match name.trim() {
                "volatility" => weights.volatility = value,
                "trend" => weights.trend = value,
                "pivots" => weights.pivots = value,
                _ => return Err("expected volatility, trend or pivots, as in trend=0.5".into()),
            }
        }
        Ok(weights)
    }
}

/// A restriction of the search, by starting pivot.
#[derive(Clone, Debug, PartialEq)]
pub struct Scope {
    /// For each swing low the bar before which a pattern from it must end; 0 leaves it out.
    from_lows: Vec<u32>,
    /// The same for each swing high.
    from_highs: Vec<u32>,
    windows: usize,
    windows_searched: usize,
}

/// A window and what is known of it.
struct Window {
    begin: usize,
    end: usize,
    volatility: f64,
    trend: f64,
    pivots: usize,
}

impl Scope {
    /// The part of a series that `options` leave.
    ///
    /// # Errors
    ///
    /// If a window has no bar, or the overlap is not in [0, 1).
    pub fn of(bars: &Bars<'_>, legs: &Legs, options: &ScopeOptions) -> Result<Self> {
        let refused = |name, message: &str| Error::Argument { name, message: message.into() };
        if options.window_bars == Some(0) {
            return Err(refused("window", "a window has at least one bar"));
        }
        if !(0.0..1.0).contains(&options.window_overlap) {
            return Err(refused("window-overlap", "the overlap is a share from 0 up to but not 1"));
        }
        let all = windows(bars, legs, options);
        let windows = all.len();
        let mut kept: Vec<Window> = all
            .into_iter()
            .filter(|window| options.volatility_min.is_none_or(|least| window.volatility >= least))
            .collect();
        if let Some(top) = options.pre_score_top {
            keep_best(&mut kept, top, &options.pre_score_weights);
        }
        if let Some(most) = options.windows_max {
            kept.drain(..kept.len().saturating_sub(most));
        }
        let ends = |bars: &[u32]| ends(bars, &kept, options.starts_max.unwrap_or(usize::MAX));
        Ok(Self {
            from_lows: ends(&legs.pivots().lows),
            from_highs: ends(&legs.pivots().highs),
            windows,
            windows_searched: kept.len(),
        })
    }

    /// How many windows the series has.
    #[must_use]
    pub fn windows(&self) -> usize {
        self.windows
    }

    /// How many of them are searched.
    #[must_use]
    pub fn windows_searched(&self) -> usize {
        self.windows_searched
    }

    /// The bounds of the patterns of one direction, by starting pivot.
    pub(super) fn ends(&self, direction: Direction) -> &[u32] {
        match direction {
            Direction::Up => &self.from_lows,
            Direction::Down => &self.from_highs,
        }
    }
}

fn windows(bars: &Bars<'_>, legs: &Legs, options: &ScopeOptions) -> Vec<Window> {
    let count = bars.len();
    let length = options.window_bars.unwrap_or(count).min(count);
    // Rounded down, but windows always move on.
    let stride = ((length as f64 * (1.0 - options.window_overlap)) as usize).max(1);
    let mut windows = Vec::new();
    let mut begin = 0;
    while begin < count {
        let end = (begin + length).min(count);
        windows.push(Window::of(bars, legs, begin, end));
        if end == count {
            break;
        }
        begin += stride;
    }
    windows
}

impl Window {
    fn of(bars: &Bars<'_>, legs: &Legs, begin: usize, end: usize) -> Self {
        let close = &bars.close()[begin..end];
        let returns: Vec<f64> = close.windows(2).map(|pair| (pair[1] / pair[0]).ln()).collect();
        let count = returns.len().max(1) as f64;
        let mean = returns.iter().sum::<f64>() / count;
        let variance = returns.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / count;
        let inside = |pivots: &[u32]| {
            pivots.partition_point(|&bar| (bar as usize) < end)
                - pivots.partition_point(|&bar| (bar as usize) < begin)
        };
        let pivots = legs.pivots();
        Self {
            begin,
            end,
            volatility: variance.sqrt(),
            trend: returns.iter().sum::<f64>().abs(),
            pivots: inside(&pivots.lows) + inside(&pivots.highs),
        }
    }
}

/// Keeps the `top` windows of the highest pre-score, in the order of time.
fn keep_best(windows: &mut Vec<Window>, top: usize, weights: &PreScoreWeights) {
    let largest = |figure: fn(&Window) -> f64| {
        // Of windows without any movement every figure is 0 and stays so.
        windows.iter().map(figure).fold(f64::MIN_POSITIVE, f64::max)
    };
    let volatility = weights.volatility / largest(|window| window.volatility);
    let trend = weights.trend / largest(|window| window.trend);
    let pivots = weights.pivots / largest(|window| window.pivots as f64);
    let score = |window: &Window| {
        volatility * window.volatility + trend * window.trend + pivots * window.pivots as f64
    };
    windows.sort_by(|one, other| {
        score(other).total_cmp(&score(one)).then(one.begin.cmp(&other.begin))
    });
    windows.truncate(top);
    windows.sort_by_key(|window| window.begin);
}

/// For each of the starting pivots at `bars`, the end of the last window that it begins patterns in.
fn ends(bars: &[u32], windows: &[Window], starts_max: usize) -> Vec<u32> {
    let mut ends = vec![0; bars.len()];
    for window in windows {
        let first = bars.partition_point(|&bar| (bar as usize) < window.begin);
        let after = bars.partition_point(|&bar| (bar as usize) < window.end);
        for end in &mut ends[first..after.min(first.saturating_add(starts_max))] {
            *end = (*end).max(window.end as u32);
        }
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::super::search::tests::random_walk;
    use super::super::{PivotRule, Search, SearchOptions};
    use super::*;

    #[test]
    fn windows_keep_exactly_the_patterns_that_lie_within_one() {
        let made = random_walk(4, 200, 0.01, 4.0);
        let bars = made.bars();
        let legs = Legs::find(&bars, PivotRule::Fractal(1), false).unwrap();
        let search = Search::new(SearchOptions::default());
        let all = search.all(&legs, None).unwrap();
        for (length, overlap) in [(200, 0.0), (50, 0.0), (50, 0.5), (60, 0.9), (7, 0.2)] {
            let options = ScopeOptions {
                window_bars: Some(length),
                window_overlap: overlap,
                ..ScopeOptions::default()
            };
            let scope = Scope::of(&bars, &legs, &options).unwrap();
            let stride = ((length as f64 * (1.0 - overlap)) as usize).max(1);
            let begins: Vec<usize> = (0..scope.windows()).map(|i| i * stride).collect();
            assert!(begins[begins.len() - 1] + length >= 200);
            let mut expected = all.clone();
            expected.retain(|hit| {
                let (from, to) =
                    (hit.indices()[0] as usize, *hit.indices().last().unwrap() as usize);
                begins.iter().any(|&begin| begin <= from && to < begin + length)
            });
            assert_eq!(search.all(&legs, Some(&scope)).unwrap(), expected);
            assert_eq!(search.top(&legs, 20, Some(&scope)), expected[..expected.len().min(20)]);
        }
    }

    #[test]
    fn each_shortcut_leaves_out_what_it_says() {
        let made = random_walk(8, 300, 0.01, 4.0);
        let bars = made.bars();
        let legs = Legs::find(&bars, PivotRule::Fractal(1), false).unwrap();
        let base = ScopeOptions { window_bars: Some(50), ..ScopeOptions::default() };
        let scope = |options| Scope::of(&bars, &legs, &options).unwrap();
        assert_eq!(scope(base).windows(), 6);
        let last = scope(ScopeOptions { windows_max: Some(2), ..base });
        assert_eq!(last.windows_searched(), 2);
        let lows = &legs.pivots().lows;
        for (&bar, &end) in lows.iter().zip(&last.from_lows) {
            assert_eq!(end, if bar < 200 { 0 } else { 50 * (bar / 50 + 1) });
        }
        let few = scope(ScopeOptions { starts_max: Some(1), ..base });
        assert_eq!(few.from_lows.iter().filter(|&&end| end > 0).count(), 6);
        let none = scope(ScopeOptions { volatility_min: Some(1.0), ..base });
        assert_eq!(none.windows_searched(), 0);
        let weights: PreScoreWeights = "volatility=0,trend=0,pivots=1".parse().unwrap();
        let best =
            scope(ScopeOptions { pre_score_top: Some(1), pre_score_weights: weights, ..base });
        let pivots = |window: u32| {
            let inside = |bars: &[u32]| bars.iter().filter(|&&bar| bar / 50 == window).count();
            inside(lows) + inside(&legs.pivots().highs)
        };
        let most = (0..6).map(pivots).max().unwrap();
        let kept = best.from_lows.iter().position(|&end| end > 0).unwrap();
        assert_eq!(pivots(lows[kept] / 50), most);
        for wrong in [
            ScopeOptions { window_bars: Some(0), ..base },
            ScopeOptions { window_overlap: 1.0, ..base },
        ] {
            assert!(Scope::of(&bars, &legs, &wrong).is_err());
        }
        assert!("luck=1".parse::<PreScoreWeights>().is_err());
    }
}
