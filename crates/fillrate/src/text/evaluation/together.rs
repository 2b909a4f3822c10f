//! Several models at once over the same texts, against one after another.

use std::thread;
use std::time::{Duration, Instant};

use crate::text::batch::Scorer;

/// How long several models take for the same texts, apart and together.
///
/// Each model on a GPU has streams of its own, so that models that run together can fill gaps that
/// each leaves; they also take each other's memory bandwidth, caches and cores. Which of the two
/// weighs more is for measuring.
#[derive(Clone, Debug, PartialEq)]
pub struct Together {
    /// What each model takes while the others rest.
    pub apart: Vec<Duration>,
    /// What it takes until the last one is done when all begin at once.
    pub together: Duration,
}

impl Together {
    /// Lets each of `scorers` score `texts` by itself and then all of them at once, `rounds` times in
    /// turn (0 counts as 1), and takes the medians. Answers, and errors, are thrown away.
    #[must_use]
    pub fn measure(scorers: &[Scorer], texts: &[String], rounds: usize) -> Self {
        let rounds = rounds.max(1);
        let mut apart = vec![Vec::with_capacity(rounds); scorers.len()];
        let mut together = Vec::with_capacity(rounds);
        for _ in 0..rounds {
            for (scorer, times) in scorers.iter().zip(&mut apart) {
                times.push(timed(|| score(scorer, texts)));
            }
            together.push(timed(|| {
                thread::scope(|scope| {
                    for scorer in scorers {
                        scope.spawn(|| score(scorer, texts));
                    }
                });
            }));
        }
        Self { apart: apart.into_iter().map(median).collect(), together: median(together) }
    }

    /// How many times sooner all are done than one after another; below 1 they hinder each other.
    #[must_use]
    pub fn gain(&self) -> f64 {
        let apart: Duration = self.apart.iter().sum();
        apart.as_secs_f64() / self.together.as_secs_f64().max(f64::MIN_POSITIVE)
    }
}

fn score(scorer: &Scorer, texts: &[String]) {
    let items = texts.iter().map(|text| (text.as_str(), ()));
    scorer.score_iter(items).for_each(drop);
}

fn timed(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

/// The upper median.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::Barrier;

    use super::*;
    use crate::text::batch::{BatchOptions, DirectClassifier, Provenance};
    use crate::text::vader::Vader;

    fn scorer(classify: impl Fn(&str) + Send + Sync + 'static) -> Scorer {
        let provenance =
            Provenance { model: "m".into(), precision: "fp64".into(), device: "cpu".into() };
        let options = BatchOptions { workers: 1, ..BatchOptions::default() };
        let vader = Vader::new();
        let answer = move |text: &str| {
            classify(text);
            Ok(vader.classify(text))
        };
        Scorer::new(DirectClassifier::new(answer, provenance, &options).unwrap(), options)
    }

    #[test]
    fn models_run_alone_in_turn_and_then_at_the_same_time() {
        // The first pass of each model is alone; in the second both must be there at once, or
        // nobody passes the barrier.
        let barrier = Arc::new(Barrier::new(2));
        let scorers: Vec<Scorer> = (0..2)
            .map(|_| {
                let (barrier, passes) =
                    (Arc::clone(&barrier), std::sync::atomic::AtomicUsize::new(0));
                scorer(move |_| {
                    if passes.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 1 {
                        barrier.wait();
                    }
                })
            })
            .collect();
        let together = Together::measure(&scorers, &["good".to_owned()], 1);
        assert_eq!(together.apart.len(), 2);
        assert!(together.gain() > 0.0);
    }

    #[test]
    fn the_gain_is_the_sum_of_the_parts_over_the_whole() {
        let ms = Duration::from_millis;
        let together = Together { apart: vec![ms(30), ms(60)], together: ms(60) };
        assert!((together.gain() - 1.5).abs() < 1e-12);
        assert_eq!(median(vec![ms(3), ms(1), ms(2)]), ms(2));
    }
}
