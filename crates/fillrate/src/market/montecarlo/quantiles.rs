//! Quantiles of ends of which only those near a quantile are kept.

use super::QUANTILES;

/// How far from its place among the first ends a quantile is looked for, in standard deviations of that
/// place: one in some hundred million runs has one beyond.
pub(super) const DEVIATIONS: f64 = 6.0;

/// Disjoint ranges in rising order in which the quantiles of all ends are looked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ranges {
    /// Their lower ends, which belong to them.
    pub(crate) low: Vec<f64>,
    /// Their upper ends, likewise.
    pub(crate) high: Vec<f64>,
}

impl Ranges {
    /// Those in which the quantiles of many ends lie in all likelihood, as far as the first of them tell,
    /// `sorted`; one is at least.
    pub(super) fn around(sorted: &[f64], deviations: f64) -> Self {
        let (mut low, mut high): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
        let (count, last) = (sorted.len() as f64, sorted.len().saturating_sub(1));
        for p in QUANTILES {
            let place = last as f64 * p;
            // The place of a quantile is binomial. A path and its mirror image may move it together.
            let reach = deviations * (2.0 * count * p * (1.0 - p)).sqrt() + 2.0;
            let from = place - reach;
            let from = if from < 0.0 { f64::NEG_INFINITY } else { sorted[from as usize] };
            let to = (place + reach).ceil() as usize;
            let to = if to > last { f64::INFINITY } else { sorted[to] };
            match high.last_mut() {
                Some(before) if from <= *before => *before = to,
                _ => {
                    low.push(from);
                    high.push(to);
                }
            }
        }
        Self { low, high }
    }

    /// The number of ranges.
    pub(crate) fn len(&self) -> usize {
        self.low.len()
    }

    fn has(&self, value: f64) -> bool {
        self.low.iter().zip(&self.high).any(|(low, high)| value >= *low && value <= *high)
    }
}

/// The ends in some ranges, and how many lie below each.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Selected {
    /// By range.
    pub(crate) below: Vec<u64>,
    /// In any order.
    pub(crate) kept: Vec<f64>,
}

impl Selected {
    /// Those of `ends`.
    pub(crate) fn of(ends: &[f64], ranges: &Ranges) -> Self {
        let below = |low: &f64| ends.iter().filter(|end| *end < low).count() as u64;
        let kept = ends.iter().copied().filter(|end| ranges.has(*end)).collect();
        Self { below: ranges.low.iter().map(below).collect(), kept }
    }

    pub(super) fn append(&mut self, mut other: Self) {
        for (below, more) in self.below.iter_mut().zip(other.below) {
            *below += more;
        }
        self.kept.append(&mut other.kept);
    }

    /// The quantiles at [`QUANTILES`] of `count` ends, of which these are those in `ranges` and are
    /// sorted; `None` if one of them is not there.
    pub(super) fn quantiles(&self, ranges: &Ranges, count: usize) -> Option<[f64; 7]> {
        let mut quantiles = [0.0; 7];
        for (quantile, p) in quantiles.iter_mut().zip(QUANTILES) {
            let place = (count - 1) as f64 * p;
            let low = place.floor() as usize;
            let high = (low + 1).min(count - 1);
            let [low_end, high_end] = [self.at(ranges, low)?, self.at(ranges, high)?];
            *quantile = low_end + (high_end - low_end) * (place - low as f64);
        }
        Some(quantiles)
    }

    /// The end of a rank among all.
    fn at(&self, ranges: &Ranges, rank: usize) -> Option<f64> {
        (0..ranges.len()).rev().find_map(|range| {
            let in_range = rank.checked_sub(self.below[range] as usize)?;
            let first = self.kept.partition_point(|end| *end < ranges.low[range]);
            let end = *self.kept.get(first.checked_add(in_range)?)?;
            (end <= ranges.high[range]).then_some(end)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::risk::quantile;

    /// Numbers between 0 and 1 in no order, some of them twice.
    fn ends(count: usize) -> Vec<f64> {
        (0..count).map(|n| (n * 7919 % 10_007) as f64 / 10_007.0).collect()
    }

    fn sorted(mut ends: Vec<f64>) -> Vec<f64> {
        ends.sort_unstable_by(f64::total_cmp);
        ends
    }

    #[test]
    fn quantiles_of_what_is_kept_are_those_of_all() {
        for (first, count) in [(1, 1), (1, 2), (40, 41), (300, 20_000), (3000, 30_000)] {
            let all = ends(count);
            let ranges = Ranges::around(&sorted(all[..first].to_vec()), DEVIATIONS);
            let mut found = Selected::of(&all[..first], &ranges);
            found.append(Selected::of(&all[first..], &ranges));
            found.kept = sorted(found.kept);
            let all = sorted(all);
            let expected = QUANTILES.map(|p| quantile(&all, p).unwrap().to_bits());
            let quantiles = found.quantiles(&ranges, count).unwrap();
            assert_eq!(quantiles.map(f64::to_bits), expected, "{first} of {count}");
        }
        // Of many ends a small part is kept.
        let all = ends(100_000);
        let ranges = Ranges::around(&sorted(all[..50_000].to_vec()), DEVIATIONS);
        let kept = Selected::of(&all, &ranges).kept.len();
        assert!((1000..20_000).contains(&kept), "{kept}");
    }

    #[test]
    fn ranges_are_disjoint_and_rise() {
        for first in [1, 2, 10, 100, 1000, 10_000] {
            let Ranges { low, high } = Ranges::around(&sorted(ends(first)), DEVIATIONS);
            assert!(low.iter().zip(&high).all(|(low, high)| low <= high));
            assert!(high.iter().zip(&low[1..]).all(|(high, low)| high < low), "{low:?} {high:?}");
        }
    }

    #[test]
    fn a_quantile_that_is_not_where_it_was_looked_for_is_missed_and_not_made_up() {
        let first = sorted(ends(5000));
        let ranges = Ranges::around(&first, DEVIATIONS);
        // All others lie where none of the first ends' quantiles does.
        let between = first[1800];
        assert!(!ranges.has(between));
        let mut found = Selected::of(&first, &ranges);
        found.append(Selected::of(&vec![between; 100_000], &ranges));
        found.kept = sorted(found.kept);
        assert_eq!(found.quantiles(&ranges, 105_000), None);
        // What is no number is in no range.
        let missing = Selected::of(&[f64::NAN; 10], &ranges);
        assert_eq!(missing.quantiles(&ranges, 10), None);
    }
}
