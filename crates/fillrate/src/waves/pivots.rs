//! Where waves can begin and end.

use std::fmt;
use std::str::FromStr;

use super::bars::Bars;
use super::extremes::{Extremes, extremes};
use crate::{Error, Result};

/// Bars over which the average true range of [`PivotRule::AtrZigzag`] is taken.
///
/// Source: J. Welles Wilder, New Concepts in Technical Trading Systems (1978), chapter III, which
/// smooths the true range over 14 bars.
const ATR_BARS: usize = 14;

/// What makes a bar a pivot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PivotRule {
    /// A swing high of degree k: its high exceeds the highs of the k bars before it and is not
    /// exceeded by those of the k bars after it. Swing lows are mirrored. It is known k bars later.
    ///
    /// Source: for k = 2 the fractal of Bill Williams, Trading Chaos (1995), chapter 9; of equal
    /// highs side by side the first counts.
    Fractal(usize),
    /// The turns of a zigzag whose legs are at least this many average true ranges of 14 bars
    /// long. Causal: a turn is known at the first bar that is so far from it.
    AtrZigzag(f64),
}

impl FromStr for PivotRule {
    type Err = String;

    /// Reads `3`, a degree, or `atr:2.5`, a threshold.
    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(multiple) = text.strip_prefix("atr:") {
            return match multiple.parse::<f64>() {
                Ok(multiple) if multiple > 0.0 && multiple.is_finite() => {
                    Ok(Self::AtrZigzag(multiple))
                }
                _ => Err("expected a threshold above 0, such as atr:2.5".into()),
            };
        }
        match text.parse::<usize>() {
            Ok(degree) if degree > 0 => Ok(Self::Fractal(degree)),
            _ => Err("expected a number of bars above 0, or atr:M".into()),
        }
    }
}

impl fmt::Display for PivotRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fractal(degree) => write!(f, "{degree}"),
            Self::AtrZigzag(multiple) => write!(f, "atr:{multiple}"),
        }
    }
}

/// The pivots of a series. A bar can be a swing high and a swing low at once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pivots {
    /// The bars of the swing highs, rising.
    pub highs: Vec<u32>,
    /// The bars of the swing lows, rising.
    pub lows: Vec<u32>,
    /// For each swing high the bar at whose close it is known; `None` if no bar of the series
    /// confirms it. Shape `[highs.len()]`.
    pub highs_known: Vec<Option<u32>>,
    /// The same of the swing lows, shape `[lows.len()]`.
    pub lows_known: Vec<Option<u32>>,
}

impl Pivots {
    /// Finds the pivots of `bars`. With `open_ends` the first and the last bar are swing highs and
    /// swing lows too, whatever the rule says of them.
    ///
    /// # Errors
    ///
    /// If the rule's number is not above 0.
    pub fn find(bars: &Bars<'_>, rule: PivotRule, open_ends: bool) -> Result<Self> {
        Self::find_with(bars, rule, open_ends, &extremes(bars))
    }

    /// The same, for a series whose extremes are known.
    pub(super) fn find_with(
        bars: &Bars<'_>,
        rule: PivotRule,
        open_ends: bool,
        extremes: &Extremes,
    ) -> Result<Self> {
        let mut pivots = match rule {
            PivotRule::Fractal(0) => return Err(refused("the degree is 0")),
            PivotRule::AtrZigzag(multiple) if !(multiple > 0.0 && multiple.is_finite()) => {
                return Err(refused("the threshold is not above 0"));
            }
            PivotRule::Fractal(degree) => fractals(bars, degree, extremes),
            PivotRule::AtrZigzag(multiple) => zigzag(bars, multiple),
        };
        if open_ends && !bars.is_empty() {
            let last = bars.len() as u32 - 1;
            add_ends(&mut pivots.highs, &mut pivots.highs_known, last);
            add_ends(&mut pivots.lows, &mut pivots.lows_known, last);
        }
        Ok(pivots)
    }

    /// The number of pivots, a bar that is both counted twice.
    #[must_use]
    pub fn len(&self) -> usize {
        self.highs.len() + self.lows.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn refused(message: &str) -> Error {
    Error::Argument { name: "pivots", message: message.into() }
}

/// Makes the first and the last bar pivots. The first is known from the start; nothing confirms
/// the last.
fn add_ends(bars: &mut Vec<u32>, known: &mut Vec<Option<u32>>, last: u32) {
    if bars.first() != Some(&0) {
        bars.insert(0, 0);
        known.insert(0, Some(0));
    }
    if bars.last() != Some(&last) {
        bars.push(last);
        known.push(None);
    }
}

fn fractals(bars: &Bars<'_>, degree: usize, extremes: &Extremes) -> Pivots {
    let highs = peaks(bars.high(), 1.0, degree, &extremes.higher_before, &extremes.higher_after);
    let lows = peaks(bars.low(), -1.0, degree, &extremes.lower_before, &extremes.lower_after);
    let known = |bars: &[u32]| bars.iter().map(|&bar| Some(bar + degree as u32)).collect();
    Pivots { highs_known: known(&highs), lows_known: known(&lows), highs, lows }
}

/// The bars whose price, times `sign`, exceeds those of `degree` bars before and is not exceeded by
/// those of as many after. `before` and `after` say which bars pass each.
fn peaks(column: &[f64], sign: f64, degree: usize, before: &[u32], after: &[u32]) -> Vec<u32> {
    let mut peaks = peaks_of_one_bar(column, sign);
    if degree > 1 {
        let bars = degree..column.len().saturating_sub(degree);
        peaks.retain(|&bar| {
            let bar = bar as usize;
            let is_clear_after = bars.contains(&bar) && after[bar] as usize > bar + degree;
            is_clear_after && is_clear_before(bar, degree, column, sign, before)
        });
    }
    peaks
}

/// The bars that exceed the one before and are not exceeded by the one after. A third of the bars are
/// such, in no order that a branch could be foretold by: every bar is written, and those that are none
/// are written over.
fn peaks_of_one_bar(column: &[f64], sign: f64) -> Vec<u32> {
    let mut peaks = vec![0; column.len()];
    let mut count = 0;
    for (bar, around) in (1..).zip(column.windows(3)) {
        peaks[count] = bar;
        let price = sign * around[1];
        count += usize::from(sign * around[0] < price) & usize::from(sign * around[2] <= price);
    }
    peaks.truncate(count);
    peaks.shrink_to_fit();
    peaks
}

/// Whether none of the `degree` bars before `bar` reaches its price. Bars that pass it are known
/// from `before`; those that equal it are looked for.
fn is_clear_before(bar: usize, degree: usize, column: &[f64], sign: f64, before: &[u32]) -> bool {
    // `before` holds the bar's number plus one, and 0 for none.
    let passed = before[bar] as usize;
    passed <= bar - degree
        && column[bar - degree..bar].iter().all(|&price| sign * price < sign * column[bar])
}

/// The turns of a zigzag with a causal threshold.
fn zigzag(bars: &Bars<'_>, multiple: f64) -> Pivots {
    let mut pivots = Pivots::default();
    let (high, low, close) = (bars.high(), bars.low(), bars.close());
    if bars.is_empty() {
        return pivots;
    }
    let mut range = high[0] - low[0];
    // The candidates for the next turn: the highest and the lowest bar since the last one.
    let (mut top, mut bottom) = (0, 0);
    // The direction of the leg under way; unknown until the first turn.
    let mut is_rising: Option<bool> = None;
    for bar in 1..bars.len() {
        let gap = (high[bar] - close[bar - 1]).abs().max((low[bar] - close[bar - 1]).abs());
        let true_range = (high[bar] - low[bar]).max(gap);
        // Wilder's smoothing once there are enough bars, their mean until then.
        let weight = (bar + 1).min(ATR_BARS) as f64;
        range += (true_range - range) / weight;
        if high[bar] > high[top] {
            top = bar;
        }
        if low[bar] < low[bottom] {
            bottom = bar;
        }
        let threshold = multiple * range;
        let falls = is_rising != Some(false) && bar > top && high[top] - low[bar] >= threshold;
        let rises = is_rising != Some(true) && bar > bottom && high[bar] - low[bottom] >= threshold;
        if falls && (is_rising.is_some() || !rises || top < bottom) {
            pivots.highs.push(top as u32);
            pivots.highs_known.push(Some(bar as u32));
            is_rising = Some(false);
            bottom = lowest(low, top + 1, bar);
        } else if rises {
            pivots.lows.push(bottom as u32);
            pivots.lows_known.push(Some(bar as u32));
            is_rising = Some(true);
            top = highest(high, bottom + 1, bar);
        }
    }
    // The first bar has nothing before it, so it is no turn.
    remove_first_bar(&mut pivots.highs, &mut pivots.highs_known);
    remove_first_bar(&mut pivots.lows, &mut pivots.lows_known);
    pivots
}

fn remove_first_bar(bars: &mut Vec<u32>, known: &mut Vec<Option<u32>>) {
    if bars.first() == Some(&0) {
        bars.remove(0);
        known.remove(0);
    }
}

/// The first of the lowest bars of `from..=to`.
fn lowest(low: &[f64], from: usize, to: usize) -> usize {
    (from..=to).fold(from, |best, bar| if low[bar] < low[best] { bar } else { best })
}

/// The first of the highest bars of `from..=to`.
fn highest(high: &[f64], from: usize, to: usize) -> usize {
    (from..=to).fold(from, |best, bar| if high[bar] > high[best] { bar } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pivots(high: &[f64], low: &[f64], rule: PivotRule, open_ends: bool) -> Pivots {
        let bars = Bars::new(low, high, low, high).unwrap();
        Pivots::find(&bars, rule, open_ends).unwrap()
    }

    #[test]
    fn a_swing_high_exceeds_what_came_before_and_is_not_exceeded_after() {
        let high = [1.0, 3.0, 3.0, 2.0, 5.0, 4.0, 4.0];
        let low = [0.0; 7];
        let found = pivots(&high, &low, PivotRule::Fractal(1), false);
        // Of the equal highs at 1 and 2 the first counts; the lows never fall.
        assert_eq!((found.highs, found.highs_known), (vec![1, 4], vec![Some(2), Some(5)]));
        assert_eq!(found.lows, [0_u32; 0]);
        let found = pivots(&high, &low, PivotRule::Fractal(1), true);
        assert_eq!(found.highs, [0, 1, 4, 6]);
        assert_eq!(found.highs_known, [Some(0), Some(2), Some(5), None]);
        assert_eq!(found.lows, [0, 6]);
    }

    #[test]
    fn a_degree_is_its_definition() {
        // A generator of small whole prices, which makes ties common.
        let mut state = 7_u64;
        let mut price = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 60) as f64
        };
        for _ in 0..50 {
            let high: Vec<f64> = (0..40).map(|_| 20.0 + price()).collect();
            let low: Vec<f64> = (0..40).map(|_| price()).collect();
            for degree in 1..6 {
                let found = pivots(&high, &low, PivotRule::Fractal(degree), false);
                let expected = |column: &[f64], sign: f64| -> Vec<u32> {
                    (degree..40 - degree)
                        .filter(|&i| (1..=degree).all(|d| sign * column[i - d] < sign * column[i]))
                        .filter(|&i| (1..=degree).all(|d| sign * column[i + d] <= sign * column[i]))
                        .map(|i| i as u32)
                        .collect()
                };
                assert_eq!(found.highs, expected(&high, 1.0));
                assert_eq!(found.lows, expected(&low, -1.0));
            }
        }
    }

    #[test]
    fn a_zigzag_turns_only_after_its_threshold_and_knows_it_then() {
        let close: Vec<f64> =
            [10., 11., 12., 13., 14., 15., 12., 9., 6., 7., 8., 11., 14., 17.].into();
        let found = pivots(&close, &close, PivotRule::AtrZigzag(2.0), false);
        assert_eq!(found.highs, [5]);
        assert_eq!(found.lows, [8]);
        // From 15 down to 12 is 3, and the range is still about 1.
        assert_eq!(found.highs_known, [Some(6)]);
        assert!(found.lows_known[0].unwrap() > 8);
    }

    #[test]
    fn a_zigzag_alternates_and_never_looks_ahead() {
        let mut state = 3_u64;
        let mut level = 100.0;
        let close: Vec<f64> = (0..400)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                level += (state >> 40) as f64 / 8_388_608.0 - 1.0;
                level
            })
            .collect();
        let whole = pivots(&close, &close, PivotRule::AtrZigzag(3.0), false);
        assert!(whole.len() > 10);
        let mut turns: Vec<(u32, bool)> = whole.highs.iter().map(|&b| (b, true)).collect();
        turns.extend(whole.lows.iter().map(|&b| (b, false)));
        turns.sort_unstable();
        assert!(turns.windows(2).all(|pair| pair[0].1 != pair[1].1));
        for cut in [50, 123, 300] {
            let part = pivots(&close[..cut], &close[..cut], PivotRule::AtrZigzag(3.0), false);
            let known =
                |known: &[Option<u32>]| known.iter().filter(|k| k.unwrap() < cut as u32).count();
            assert_eq!(part.highs, whole.highs[..known(&whole.highs_known)]);
            assert_eq!(part.lows, whole.lows[..known(&whole.lows_known)]);
        }
    }

    #[test]
    fn a_rule_is_read_as_it_is_printed() {
        for text in ["1", "13", "atr:2.5"] {
            assert_eq!(text.parse::<PivotRule>().unwrap().to_string(), text);
        }
        for text in ["0", "-1", "atr:0", "atr:", "atr:nan", "x"] {
            assert!(text.parse::<PivotRule>().is_err(), "{text}");
        }
    }
}
