//! Every valid wave of a series, as chains that cost memory in proportion to the pivots.
//!
//! A wave up from the swing low a to the swing high b is valid when `low[a]` is the lowest low and
//! `high[b]` the highest high of the bars a..=b. That is two comparisons: no bar before b, from a on,
//! has a higher high, and no bar after a, up to b, has a lower low.
//!
//! The ends of the waves from a are therefore the record highs after a, until a is undercut. Which
//! record follows the record b does not depend on a, since `high[b]` is then the highest since a:
//! one pointer from each pivot to the next record, and one from each pivot to the first end, hold
//! all waves. Following them visits every valid wave and nothing else.

use super::bars::Bars;
use super::extremes::{Extremes, extremes};
use super::pattern::Direction;
use super::pivots::{PivotRule, Pivots};
use super::steps::steps;
use crate::{Error, Result};

/// The most valid waves of a series that is searched. Ten million bars that move at random have about
/// 35 million; a series that rises from tooth to tooth has an eighth of its bars squared, and its
/// patterns grow with a higher power still.
pub const WAVES_MAX: usize = 100_000_000;

/// No pivot.
pub(super) const NONE: u32 = u32::MAX;

/// A pivot as the search needs it, in one cache line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    /// Its price: the high of a swing high, the low of a swing low.
    pub price: f64,
    /// The furthest price that a wave from it reaches, at most.
    pub reach: f64,
    /// The [`steps`] of the longest that a wave from it can be, in price and in bars.
    pub reach_steps: i32,
    pub bars_steps: i32,
    /// The same of a wave from it or from a later record than it.
    pub onward_reach_steps: i32,
    pub onward_bars_steps: i32,
    /// Its bar.
    pub bar: u32,
    /// The first bar that passes it: no wave from it ends there or later.
    pub passed: u32,
    /// The pivot of the other kind that ends the shortest wave from it, or [`NONE`].
    pub first: u32,
    /// The pivot of its own kind that is the next record after it, or [`NONE`].
    pub next: u32,
}

/// All valid waves of a series.
#[derive(Clone, Debug)]
pub struct Legs {
    pivots: Pivots,
    pub(super) highs: Vec<Turn>,
    pub(super) lows: Vec<Turn>,
    bars: usize,
}

impl Legs {
    /// Finds the pivots of `bars` and the waves between them.
    ///
    /// # Errors
    ///
    /// If the rule's number is not above 0, or there are more than [`WAVES_MAX`] waves.
    pub fn find(bars: &Bars<'_>, rule: PivotRule, open_ends: bool) -> Result<Self> {
        let extremes = extremes(bars);
        let pivots = Pivots::find_with(bars, rule, open_ends, &extremes)?;
        let (highs, lows) = turns(bars, &pivots, &extremes);
        let legs = Self { pivots, highs, lows, bars: bars.len() };
        if legs.has_more_waves_than(WAVES_MAX) {
            let message = format!(
                "it moves so steadily that it has more than {WAVES_MAX} waves, whose patterns would \
                 take hours; look for larger pivots, or at a part of it"
            );
            return Err(Error::Argument { name: "bars", message });
        }
        Ok(legs)
    }

    /// Whether there are more waves than `most`; looks at no more than those.
    fn has_more_waves_than(&self, most: usize) -> bool {
        // Each of them has an end of its own kind to begin at and one of the other kind to end at.
        if self.highs.len() * self.lows.len() <= most {
            return false;
        }
        let mut left = most;
        for direction in Direction::ALL {
            let [starts, ends] = self.oriented(direction);
            for start in starts {
                let mut at = start.first;
                while at != NONE && ends[at as usize].bar < start.passed {
                    at = ends[at as usize].next;
                    match left.checked_sub(1) {
                        Some(fewer) => left = fewer,
                        None => return true,
                    }
                }
            }
        }
        false
    }

    /// The pivots.
    #[must_use]
    pub fn pivots(&self) -> &Pivots {
        &self.pivots
    }

    /// The number of bars of the series.
    #[must_use]
    pub fn bars(&self) -> usize {
        self.bars
    }

    /// The pivots at which a pattern of this direction begins, and those at which its first wave
    /// ends.
    pub(super) fn oriented(&self, direction: Direction) -> [&[Turn]; 2] {
        match direction {
            Direction::Up => [&self.lows, &self.highs],
            Direction::Down => [&self.highs, &self.lows],
        }
    }

    /// The valid waves from the swing low (`Up`) or swing high (`Down`) at `bar`: the bars of their
    /// ends, rising. Nothing, if there is no such pivot.
    #[must_use]
    pub fn waves_from(&self, bar: usize, direction: Direction) -> Vec<usize> {
        let [starts, ends] = self.oriented(direction);
        let Ok(start) = starts.binary_search_by_key(&bar, |turn| turn.bar as usize) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        let mut end = starts[start].first;
        while end != NONE && ends[end as usize].bar < starts[start].passed {
            // A wave moves.
            if ends[end as usize].price != starts[start].price {
                found.push(ends[end as usize].bar as usize);
            }
            end = ends[end as usize].next;
        }
        found
    }
}

fn turns(bars: &Bars<'_>, pivots: &Pivots, extremes: &Extremes) -> (Vec<Turn>, Vec<Turn>) {
    let turn = |price: f64, reach: f64, bar: u32, passed: u32| {
        let reach_steps = steps((reach - price).abs());
        // No wave takes longer than the series.
        let bars_steps = steps(f64::from(passed.min(bars.len() as u32) - bar));
        Turn {
            price,
            reach,
            reach_steps,
            bars_steps,
            onward_reach_steps: reach_steps,
            onward_bars_steps: bars_steps,
            bar,
            passed,
            first: NONE,
            next: NONE,
        }
    };
    let mut highs: Vec<Turn> = pivots
        .highs
        .iter()
        .map(|&bar| {
            let at = bar as usize;
            turn(bars.high()[at], extremes.lowest_reach[at], bar, extremes.higher_after[at])
        })
        .collect();
    let mut lows: Vec<Turn> = pivots
        .lows
        .iter()
        .map(|&bar| {
            let at = bar as usize;
            turn(bars.low()[at], extremes.highest_reach[at], bar, extremes.lower_after[at])
        })
        .collect();
    link(&mut highs, &mut lows, &extremes.higher_before);
    link(&mut lows, &mut highs, &extremes.lower_before);
    look_onward(&mut highs);
    look_onward(&mut lows);
    (highs, lows)
}

/// Says of each end what the waves from it and from the records after it come to at most. A record is
/// followed by later ones only, so one pass from the last to the first does.
fn look_onward(ends: &mut [Turn]) {
    for at in (0..ends.len()).rev() {
        if let Some(&next) = ends.get(ends[at].next as usize) {
            let end = &mut ends[at];
            end.onward_reach_steps = end.onward_reach_steps.max(next.onward_reach_steps);
            end.onward_bars_steps = end.onward_bars_steps.max(next.onward_bars_steps);
        }
    }
}

/// Points each of `ends` to the next record after it, and each of `starts` to its first end.
///
/// `before` holds, for each bar, the last bar that passes it, plus one: an end is a record since
/// every bar after that one. Going from the last bar to the first, an end whose passing bar has
/// been reached is a record for no earlier start, so it leaves the stack for good.
fn link(ends: &mut [Turn], starts: &mut [Turn], before: &[u32]) {
    let mut stack: Vec<u32> = Vec::new();
    let first_since = |bar: u32, ends: &[Turn], stack: &mut Vec<u32>| {
        while let Some(&top) = stack.last() {
            // Strictly before: a start that passes the end itself begins no wave to it.
            if before[ends[top as usize].bar as usize] <= bar {
                return top;
            }
            stack.pop();
        }
        NONE
    };
    let mut start = starts.len();
    for end in (0..ends.len()).rev() {
        let bar = ends[end].bar;
        while start > 0 && starts[start - 1].bar >= bar {
            start -= 1;
            starts[start].first = first_since(starts[start].bar, ends, &mut stack);
        }
        ends[end].next = first_since(bar, ends, &mut stack);
        stack.push(end as u32);
    }
    // The starts before the first end, from the last to the first.
    for at in (0..start).rev() {
        starts[at].first = first_since(starts[at].bar, ends, &mut stack);
    }
}
