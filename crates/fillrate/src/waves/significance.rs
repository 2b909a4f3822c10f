//! What a pattern means: how often chance does as well.

use std::sync::Arc;

use rayon::prelude::*;

use super::bars::Bars;
use super::legs::Legs;
use super::pattern::{Direction, Form};
use super::pivots::PivotRule;
use super::search::{Hit, Search};
use super::surrogates::{
    SurrogateBars, SurrogateJob, SurrogateMethod, SurrogateRun, Surrogates, search_one,
};
use crate::market::device::Computer;
use crate::{Error, Result};

/// How surrogates are made and searched.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignificanceOptions {
    /// How many surrogates of each series.
    pub surrogates: u32,
    /// How they are made.
    pub method: SurrogateMethod,
    /// The seed of their random numbers.
    pub seed: u64,
    /// The mean length of a block, in bars; see [`Surrogates::new`].
    pub block_bars: Option<usize>,
    /// The pivots, as those of the original.
    pub pivots: PivotRule,
    /// Whether the ends are pivots, as in the original.
    pub open_ends: bool,
}

impl SignificanceOptions {
    fn surrogates_of(&self, bars: &Bars<'_>, symbol: &str) -> Result<Surrogates> {
        if self.surrogates == 0 {
            let message = "at least one surrogate is needed".into();
            return Err(Error::Argument { name: "surrogates", message });
        }
        Surrogates::new(bars, self.method, symbol, self.seed, self.block_bars)
    }
}

/// What chance makes of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct Significance {
    kinds: Vec<(Form, Direction)>,
    /// For each kind the best score of each surrogate, rising; those without a pattern first.
    best: Vec<Vec<f64>>,
    /// How many patterns the series has, of all kinds together.
    pub count: u64,
    /// How many its surrogates have, on average.
    pub count_expected: f64,
    /// The chance of a count at least as far from the surrogates', to either side.
    pub count_p_value: f64,
}

/// Stands for the best score of a surrogate without a pattern: no score is below it.
const NOTHING: f64 = -1.0;

impl Significance {
    /// Searches the surrogates of a series as `search` searched the series itself, on the threads
    /// of the current pool. The result does not depend on their number.
    ///
    /// # Errors
    ///
    /// If no surrogates are asked for, a price is not above 0, or the surrogates' prices leave the
    /// range of numbers.
    pub fn measure(
        search: &Search,
        bars: &Bars<'_>,
        legs: &Legs,
        symbol: &str,
        options: &SignificanceOptions,
    ) -> Result<Self> {
        let surrogates = options.surrogates_of(bars, symbol)?;
        let runs = (0..options.surrogates).into_par_iter().map_init(
            SurrogateBars::default,
            |columns, surrogate| {
                surrogates.make(surrogate, columns);
                search_one(search, &columns.bars()?, options.pivots, options.open_ends)
            },
        );
        Ok(Self::of(search, legs, &runs.collect::<Result<Vec<_>>>()?))
    }

    /// The same, with the surrogates searched where `computer` says. The result does not depend on it.
    ///
    /// # Errors
    ///
    /// As [`Self::measure`]. What a device fails is searched by the processor.
    pub fn measure_on(
        computer: &Computer<SurrogateJob>,
        search: &Arc<Search>,
        bars: &Bars<'_>,
        legs: &Legs,
        symbol: &str,
        options: &SignificanceOptions,
    ) -> Result<Self> {
        if computer.is_processor() {
            return Self::measure(search, bars, legs, symbol, options);
        }
        let surrogates = Arc::new(options.surrogates_of(bars, symbol)?);
        let SignificanceOptions { pivots, open_ends, .. } = *options;
        let per_job = SurrogateJob::numbers_of_one(&surrogates);
        let jobs = (0..options.surrogates.div_ceil(per_job)).into_par_iter().map(|job| {
            let first = job * per_job;
            let end = first.saturating_add(per_job).min(options.surrogates);
            let job = SurrogateJob::new(search, &surrogates, first..end, pivots, open_ends);
            computer.run(job?)
        });
        let runs = jobs.collect::<Result<Vec<_>>>()?.concat();
        Ok(Self::of(search, legs, &runs))
    }

    /// What the surrogates say of a series.
    fn of(search: &Search, legs: &Legs, runs: &[SurrogateRun]) -> Self {
        let kinds = search.kinds();
        let best = (0..kinds.len()).map(|kind| {
            let mut scores: Vec<f64> =
                runs.iter().map(|run| run.best[kind].unwrap_or(NOTHING)).collect();
            scores.sort_unstable_by(f64::total_cmp);
            scores
        });
        let best = best.collect();
        let count = search.counts(legs, None).iter().sum();
        let counts: Vec<u64> = runs.iter().map(|run| run.count).collect();
        let share = |as_far: usize| (1 + as_far) as f64 / (1 + counts.len()) as f64;
        let above = share(counts.iter().filter(|&&other| other >= count).count());
        let below = share(counts.iter().filter(|&&other| other <= count).count());
        Self {
            kinds,
            best,
            count,
            count_expected: counts.iter().sum::<u64>() as f64 / counts.len() as f64,
            count_p_value: (2.0 * above.min(below)).min(1.0),
        }
    }

    /// The p-value of a pattern: the share of series, the original among them, whose best pattern
    /// of the same form and direction scores at least as high. Never 0.
    ///
    /// Source: B. Phipson and G. K. Smyth, "Permutation p-values should never be zero", Stat. Appl.
    /// Genet. Mol. Biol. 9 (2010), article 39.
    #[must_use]
    pub fn p_value(&self, hit: &Hit) -> f64 {
        let kind = self.kinds.iter().position(|&kind| kind == (hit.form, hit.direction));
        let Some(kind) = kind else { return 1.0 };
        let best = &self.best[kind];
        let reach = best.len() - best.partition_point(|&score| score < hit.score);
        (1 + reach) as f64 / (1 + best.len()) as f64
    }
}

/// The q-value of each p-value: the least false discovery rate at which it would be among the
/// discoveries. Shape `[p_values.len()]`, in the same order.
///
/// Source: Y. Benjamini and Y. Hochberg, "Controlling the false discovery rate", J. R. Statist. Soc.
/// B 57 (1995), 289–300.
#[must_use]
pub fn benjamini_hochberg(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut q_values = vec![1.0; p_values.len()];
    let mut least = 1.0_f64;
    for (rank, &at) in order.iter().enumerate().rev() {
        least = least.min(p_values[at] * p_values.len() as f64 / (rank + 1) as f64);
        q_values[at] = least;
    }
    q_values
}

#[cfg(test)]
mod tests {
    use super::super::search::tests::random_walk;
    use super::super::{Pattern, SearchOptions};
    use super::*;

    #[test]
    fn q_values_are_those_of_the_paper() {
        // Table 1 of the paper: at 0.05 the first four of fifteen are discoveries.
        let p = [
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262,
            0.5719, 0.6528, 0.7590, 1.0,
        ];
        let q = benjamini_hochberg(&p);
        assert_eq!(q.iter().filter(|&&q| q <= 0.05).count(), 4);
        assert!((q[3] - 0.0095 * 15.0 / 4.0).abs() < 1e-12);
        assert!(q.windows(2).all(|pair| pair[0] <= pair[1]));
        assert_eq!(benjamini_hochberg(&[]), [0.0; 0]);
    }

    fn options() -> SignificanceOptions {
        SignificanceOptions {
            surrogates: 99,
            method: SurrogateMethod::Gbm,
            seed: 5,
            block_bars: None,
            pivots: PivotRule::Fractal(1),
            open_ends: false,
        }
    }

    #[test]
    fn p_values_are_the_share_of_surrogates_and_independent_of_threads() {
        let made = random_walk(9, 120, 1e-6, 4.0);
        let bars = made.bars();
        let legs = Legs::find(&bars, PivotRule::Fractal(1), false).unwrap();
        let patterns = vec![Pattern::Impulse, Pattern::Zigzag];
        let search = Search::new(SearchOptions { patterns, ..SearchOptions::default() });
        let measure = || Significance::measure(&search, &bars, &legs, "A", &options()).unwrap();
        let significance = measure();
        let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert_eq!(one.install(measure), significance);

        let surrogates = Surrogates::new(&bars, SurrogateMethod::Gbm, "A", 5, None).unwrap();
        let mut columns = SurrogateBars::default();
        let mut all = Vec::new();
        for number in 0..99 {
            surrogates.make(number, &mut columns);
            let bars = columns.bars().unwrap();
            let legs = Legs::find(&bars, PivotRule::Fractal(1), false).unwrap();
            all.push(search.all(&legs, None).unwrap());
        }
        let mut distinct = std::collections::BTreeSet::new();
        for hit in search.all(&legs, None).unwrap().iter().step_by(3) {
            let as_good = |other: &&Hit| {
                (other.form, other.direction) == (hit.form, hit.direction)
                    && other.score >= hit.score
            };
            let reach = all.iter().filter(|hits| hits.iter().any(|o| as_good(&o))).count();
            let p = significance.p_value(hit);
            assert_eq!(p, (1 + reach) as f64 / 100.0);
            distinct.insert((p * 100.0) as u64);
        }
        assert!(distinct.len() > 5, "{distinct:?}");
        let mean = all.iter().map(Vec::len).sum::<usize>() as f64 / 99.0;
        assert!((significance.count_expected - mean).abs() < 1e-9);
    }

    #[test]
    fn under_chance_p_values_are_spread_evenly() {
        // The best impulse of a Gaussian walk against GBM surrogates of it.
        let patterns = vec![Pattern::Impulse];
        let directions = vec![Direction::Up];
        let search =
            Search::new(SearchOptions { patterns, directions, ..SearchOptions::default() });
        let mut p_values = Vec::new();
        for seed in 0..60 {
            let source = random_walk(seed, 200, 1e-6, 0.0);
            let surrogates =
                Surrogates::new(&source.bars(), SurrogateMethod::Gbm, "X", seed, None).unwrap();
            let mut columns = SurrogateBars::default();
            surrogates.make(1_000_000, &mut columns);
            let bars = columns.bars().unwrap();
            let legs = Legs::find(&bars, PivotRule::Fractal(1), false).unwrap();
            let Some(best) = search.top(&legs, 1, None).first().copied() else { continue };
            let significance =
                Significance::measure(&search, &bars, &legs, "Y", &options()).unwrap();
            p_values.push(significance.p_value(&best));
        }
        assert!(p_values.len() > 50);
        let mean = p_values.iter().sum::<f64>() / p_values.len() as f64;
        // Uniform on (0, 1): the mean of 60 deviates from a half by 0.037.
        assert!((0.35..0.65).contains(&mean), "{mean}");
        let low = p_values.iter().filter(|&&p| p <= 0.1).count();
        assert!(low <= p_values.len() / 4, "{low}");
    }
}
