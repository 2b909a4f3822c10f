//! What followed patterns, against what followed random bars.
//!
//! Nothing is known before its time. A pattern is known at the close of the bar that confirms its
//! last pivot (earlier pivots are confirmed earlier), its score uses no later bar, and it is entered
//! at the next open. Patterns are chosen by a threshold of the score, not by rank, since a rank over
//! the series would look ahead. Of patterns of one kind with the same last pivot only the best
//! counts: they are one event.
//!
//! The match of an event is a random bar of the same symbol that could have been an event: it has a
//! bar of entry and as many bars after it.

use fillrate_kernels::Philox;

use super::bars::Bars;
use super::legs::Legs;
use super::pattern::{Direction, Form, Pattern};
use super::search::{Hit, Search};
use crate::{Error, Result};

/// Draws behind each interval.
const DRAWS: usize = 2_000;

/// The intervals are of this confidence.
const CONFIDENCE: f64 = 0.95;

/// An event: a pattern that became known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event {
    /// The pattern.
    pub hit: Hit,
    /// The bar at whose close it was known.
    pub known: u32,
}

/// The events of a series, by the time at which they became known: the best pattern of each form,
/// direction and last pivot that `search` finds. Patterns whose last pivot nothing confirms are left
/// out.
///
/// # Errors
///
/// As for [`Search::all`].
pub fn events(search: &Search, legs: &Legs) -> Result<Vec<Event>> {
    let mut events: Vec<Event> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    // The best come first.
    for hit in search.all(legs, None)? {
        let last = hit.indices()[hit.form.waves()];
        if !seen.insert((hit.form, hit.direction, last)) {
            continue;
        }
        let ends_high = hit.direction == Direction::Up;
        let pivots = legs.pivots();
        let (bars, known) = if ends_high {
            (&pivots.highs, &pivots.highs_known)
        } else {
            (&pivots.lows, &pivots.lows_known)
        };
        let place = bars.binary_search(&last).ok();
        if let Some(known) = place.and_then(|place| known[place]) {
            events.push(Event { hit, known });
        }
    }
    events.sort_by(|one, other| one.known.cmp(&other.known).then(one.hit.cmp(&other.hit)));
    Ok(events)
}

/// An interval around an estimate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// What followed the patterns of one kind, over one horizon.
#[derive(Clone, Debug, PartialEq)]
pub struct Aftermath {
    /// The pattern.
    pub pattern: Pattern,
    /// Where its first wave goes.
    pub direction: Direction,
    /// Bars from the entry at an open to the exit at a close, that of the entry's bar counted.
    pub horizon_bars: usize,
    /// Events that were entered.
    pub events: usize,
    /// The mean simple return of a long position.
    pub mean_return: f64,
    /// The share of events with a return above 0.
    pub share_positive: f64,
    /// What the mean could be with other events: 95 % of the bootstrap's means.
    pub interval: Interval,
    /// The mean return after random bars.
    pub random_mean: f64,
    /// Where the mean of as many random bars is, in 95 % of draws.
    pub random_interval: Interval,
    /// The share of draws whose mean is at least as far from the random mean as that of the
    /// events, those themselves counted.
    pub p_value: f64,
}

/// Collects the events of a panel.
#[derive(Debug, Default)]
pub struct Backtest {
    horizons_bars: Vec<usize>,
    seed: u64,
    /// Returns after the events of each kind and horizon, and where to draw their matches.
    samples: Vec<Sample>,
    /// The returns that an entry at each bar of each symbol would have had, by horizon.
    returns: Vec<Vec<Vec<f64>>>,
}

#[derive(Debug)]
struct Sample {
    pattern: Pattern,
    direction: Direction,
    horizon: usize,
    returns: Vec<f64>,
    /// The symbol of each return.
    symbols: Vec<usize>,
}

impl Backtest {
    /// For these horizons, in bars.
    ///
    /// # Errors
    ///
    /// If there is no horizon, or one is 0.
    pub fn new(horizons_bars: Vec<usize>, seed: u64) -> Result<Self> {
        if horizons_bars.is_empty() || horizons_bars.contains(&0) {
            let message = "a horizon is a number of bars above 0".into();
            return Err(Error::Argument { name: "horizon", message });
        }
        Ok(Self { horizons_bars, seed, ..Self::default() })
    }

    /// Adds a symbol with its events; [`events`] finds them. Those without enough bars after them
    /// are left out.
    pub fn add(&mut self, bars: &Bars<'_>, events: &[Event]) {
        let symbol = self.returns.len();
        let by_horizon: Vec<Vec<f64>> =
            self.horizons_bars.iter().map(|&horizon| forward_returns(bars, horizon)).collect();
        for event in events {
            for (horizon, returns) in by_horizon.iter().enumerate() {
                // Known at the close of a bar, entered at the next open.
                let Some(&after) = returns.get(event.known as usize) else { continue };
                let sample = self.sample(event.hit.form, event.hit.direction, horizon);
                sample.returns.push(after);
                sample.symbols.push(symbol);
            }
        }
        self.returns.push(by_horizon);
    }

    fn sample(&mut self, form: Form, direction: Direction, horizon: usize) -> &mut Sample {
        let kind = (form.pattern(), direction, horizon);
        let is_it = |sample: &Sample| (sample.pattern, sample.direction, sample.horizon) == kind;
        let at = self.samples.iter().position(is_it).unwrap_or_else(|| {
            let (pattern, direction, horizon) = kind;
            let (returns, symbols) = (Vec::new(), Vec::new());
            self.samples.push(Sample { pattern, direction, horizon, returns, symbols });
            self.samples.len() - 1
        });
        &mut self.samples[at]
    }

    /// The figures of each kind that has an event, by pattern, direction and horizon.
    #[must_use]
    pub fn finish(mut self) -> Vec<Aftermath> {
        self.samples.sort_by_key(|s| (s.pattern, s.direction, s.horizon));
        let of = |(at, sample): (usize, &Sample)| self.aftermath(at as u32, sample);
        self.samples.iter().enumerate().map(of).collect()
    }

    fn aftermath(&self, kind: u32, sample: &Sample) -> Aftermath {
        let Sample { pattern, direction, horizon, returns, symbols } = sample;
        let count = returns.len();
        let mean_return = mean(returns);
        let pools: Vec<&[f64]> =
            symbols.iter().map(|&symbol| self.returns[symbol][*horizon].as_slice()).collect();
        let philox = Philox::new(self.seed ^ u64::from(kind));
        let (mut again, mut random) = (Vec::new(), Vec::new());
        for draw in 0..DRAWS as u64 {
            let (mut sum_again, mut sum_random) = (0.0, 0.0);
            for (event, pool) in pools.iter().enumerate() {
                let [one, other] = philox.uniforms(draw, event as u32, 0);
                sum_again += pick(returns, one);
                sum_random += pick(pool, other);
            }
            again.push(sum_again / count as f64);
            random.push(sum_random / count as f64);
        }
        let random_mean = pools.iter().map(|pool| mean(pool)).sum::<f64>() / count as f64;
        let distance = (mean_return - random_mean).abs();
        let as_far = random.iter().filter(|&&one| (one - random_mean).abs() >= distance).count();
        Aftermath {
            pattern: *pattern,
            direction: *direction,
            horizon_bars: self.horizons_bars[*horizon],
            events: count,
            mean_return,
            share_positive: returns.iter().filter(|&&r| r > 0.0).count() as f64 / count as f64,
            interval: interval(again),
            random_mean,
            random_interval: interval(random),
            p_value: (1 + as_far) as f64 / (1 + DRAWS) as f64,
        }
    }
}

/// The return of an entry after each bar: from the next open to the close `horizon` bars on. As
/// long as there are such bars.
fn forward_returns(bars: &Bars<'_>, horizon: usize) -> Vec<f64> {
    let count = bars.len().saturating_sub(horizon);
    (0..count).map(|bar| bars.close()[bar + horizon] / bars.open()[bar + 1] - 1.0).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn pick(values: &[f64], uniform: f64) -> f64 {
    values[((uniform * values.len() as f64) as usize).min(values.len() - 1)]
}

/// The middle of the draws, without the same share at each end.
fn interval(mut draws: Vec<f64>) -> Interval {
    draws.sort_unstable_by(f64::total_cmp);
    let out = ((1.0 - CONFIDENCE) / 2.0 * draws.len() as f64) as usize;
    Interval { low: draws[out], high: draws[draws.len() - 1 - out] }
}

#[cfg(test)]
mod tests {
    use super::super::search::tests::random_walk;
    use super::super::{PivotRule, SearchOptions};
    use super::*;

    fn search(score_min: f64) -> Search {
        Search::new(SearchOptions { score_min, ..SearchOptions::default() })
    }

    #[test]
    fn what_comes_later_changes_no_event() {
        for rule in [PivotRule::Fractal(2), PivotRule::AtrZigzag(1.5)] {
            let made = random_walk(11, 300, 0.01, 4.0);
            let whole = Legs::find(&made.bars(), rule, false).unwrap();
            let all = events(&search(0.5), &whole).unwrap();
            assert!(all.len() > 20);
            for cut in [120, 200, 251] {
                let [open, high, low, close] = [&made.open, &made.high, &made.low, &made.close];
                let bars =
                    Bars::new(&open[..cut], &high[..cut], &low[..cut], &close[..cut]).unwrap();
                let part = Legs::find(&bars, rule, false).unwrap();
                let known = events(&search(0.5), &part).unwrap();
                let expected: Vec<Event> =
                    all.iter().copied().filter(|event| (event.known as usize) < cut).collect();
                assert_eq!(known, expected, "{rule} {cut}");
            }
        }
    }

    #[test]
    fn a_return_runs_from_the_next_open_to_the_close_of_the_horizon() {
        let open = [1.0, 2.0, 4.0, 8.0];
        let close = [1.5, 3.0, 6.0, 12.0];
        let bars = Bars::new(&open, &close, &open, &close).unwrap();
        assert_eq!(forward_returns(&bars, 1), [0.5, 0.5, 0.5]);
        assert_eq!(forward_returns(&bars, 2), [2.0, 2.0]);
        assert_eq!(forward_returns(&bars, 4), [0.0; 0]);
    }

    #[test]
    fn a_rise_planted_after_each_event_is_found_and_chance_is_not() {
        let made = random_walk(12, 1500, 0.01, 4.0);
        let legs = Legs::find(&made.bars(), PivotRule::Fractal(3), false).unwrap();
        let all = events(&search(0.6), &legs).unwrap();
        let mut planted = made.clone();
        for event in &all {
            // One bar long: the next open is unchanged, its close is higher.
            let bar = event.known as usize + 1;
            if bar < planted.close.len() {
                planted.close[bar] = planted.open[bar] * 1.02;
                planted.high[bar] = planted.high[bar].max(planted.close[bar]);
            }
        }
        let mut backtest = Backtest::new(vec![1, 5], 1).unwrap();
        backtest.add(&planted.bars(), &all);
        let report = backtest.finish();
        let one_bar: Vec<&Aftermath> =
            report.iter().filter(|a| a.horizon_bars == 1 && a.events >= 10).collect();
        assert!(one_bar.len() > 3);
        for after in one_bar {
            assert!((after.mean_return - 0.02).abs() < 1e-9, "{after:?}");
            assert!(after.interval.low > after.random_interval.high, "{after:?}");
            assert!(after.p_value < 0.01, "{after:?}");
        }
        let mut backtest = Backtest::new(vec![5], 1).unwrap();
        backtest.add(&made.bars(), &all);
        for after in backtest.finish().iter().filter(|a| a.events >= 30) {
            assert!(after.interval.low <= after.mean_return);
            assert!(after.mean_return <= after.interval.high);
            assert!(after.random_interval.low <= after.random_mean);
            assert!(after.p_value > 0.001, "{after:?}");
        }
    }

    #[test]
    fn a_horizon_is_a_number_of_bars() {
        assert!(Backtest::new(vec![], 0).is_err());
        assert!(Backtest::new(vec![5, 0], 0).is_err());
        assert!(Backtest::new(vec![5], 0).unwrap().finish().is_empty());
    }
}
