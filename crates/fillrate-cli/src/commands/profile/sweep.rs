//! Throughput over batch sizes, from one text to the knee of the curve.

use std::time::{Duration, Instant};

use fillrate::text::batch::Scorer;
use fillrate_device::process::{self, ProcessMemory};
use serde::Serialize;

use super::percentiles::milliseconds;
use super::texts::Texts;

/// Batch sizes that are measured besides the powers of two, because bots use them.
const USUAL_SIZES: [usize; 3] = [5, 10, 20];

/// The sweep goes on at least to here, so that the usual sizes are among those measured.
const SIZE_SURE: usize = 32;

/// The sweep goes no further than this: it is as far ahead as a scorer reads.
const SIZE_MAX: usize = 4096;

/// A size is at the knee if no size is faster by more than this factor.
const GROWTH: f64 = 1.05;

/// How often a batch is timed at least.
const REPETITIONS_MIN: usize = 5;

/// Times of a batch that lie further apart than this say more about other programs than about it.
const SPREAD_MAX: f64 = 1.5;

/// How the sweep ends and what the knee is, for whoever reads the report.
pub(super) const RULE: &str = "The sweep ends when two doublings of the batch size together gain \
                               less than 5% over the best before them, at 32 texts at the \
                               earliest and 4096 at the latest. The knee is the smallest size \
                               within 5% of the best.";

/// What a batch size gives.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Point {
    /// Texts that are handed over in one call.
    pub(super) batch_size: usize,
    /// Texts per second.
    pub(super) texts_per_s: f64,
    /// How many times as fast as single texts.
    pub(super) speedup: f64,
    /// The median time of a call.
    pub(super) batch_ms: f64,
    /// How often it was timed.
    pub(super) repetitions: usize,
    /// How far those times lie apart: the upper quartile over the lower one, at least 1.
    pub(super) spread: f64,
    /// The most memory of the process that was in RAM meanwhile.
    pub(super) peak_memory_bytes: Option<u64>,
    /// Memory of the GPU that the model and its passes take, which is laid out ahead of time and
    /// the same for each size; `None` where none computes.
    pub(super) gpu_memory_bytes: Option<u64>,
}

/// The curve of throughput over batch size.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Sweep {
    /// The points, by rising batch size.
    pub(super) points: Vec<Point>,
    /// The batch size at the knee; `None` if the curve still rose where the sweep ended.
    pub(super) knee: Option<usize>,
}

impl Sweep {
    /// Measures each size for about `time`, by a model that takes `gpu_bytes` of a GPU's memory.
    ///
    /// # Errors
    ///
    /// If the model fails on a text.
    pub(super) fn measure(
        scorer: &Scorer,
        texts: &Texts,
        time: Duration,
        gpu_bytes: Option<u64>,
    ) -> anyhow::Result<Self> {
        let mut sweep = Self { points: Vec::new(), knee: None };
        let sizes = sizes().take_while(|size| texts.distinct().is_none_or(|most| *size <= most));
        for size in sizes {
            let point = sweep.measure_size(size, scorer, texts, time)?;
            sweep.points.push(Point { gpu_memory_bytes: gpu_bytes, ..point });
            if has_flattened(&sweep.curve()) {
                sweep.knee = knee(&sweep.curve());
                break;
            }
        }
        Ok(sweep)
    }

    fn measure_size(
        &self,
        size: usize,
        scorer: &Scorer,
        texts: &Texts,
        time: Duration,
    ) -> anyhow::Result<Point> {
        let is_reset = process::reset_peak();
        // The first call finds out how to batch this many texts.
        time_batch(scorer, &texts.batch(0, size))?;
        let start = Instant::now();
        let mut times = Vec::new();
        while times.len() < REPETITIONS_MIN || start.elapsed() < time {
            // Each call has texts of its own, as far as there are any.
            let batch = texts.batch((times.len() + 1) * size, size);
            times.push(time_batch(scorer, &batch)?);
        }
        times.sort();
        let quartile = |quarters: usize| times[(times.len() - 1) * quarters / 4];
        let median = quartile(2);
        let texts_per_s = size as f64 / median.as_secs_f64();
        let single = self.points.first().map_or(texts_per_s, |single| single.texts_per_s);
        Ok(Point {
            batch_size: size,
            texts_per_s,
            speedup: texts_per_s / single,
            batch_ms: milliseconds(median),
            repetitions: times.len(),
            spread: quartile(3).as_secs_f64() / quartile(1).as_secs_f64(),
            peak_memory_bytes: ProcessMemory::read().peak_bytes.filter(|_| is_reset),
            gpu_memory_bytes: None,
        })
    }

    /// The point whose times lie furthest apart, if that is too far to trust the curve.
    pub(super) fn unsteady(&self) -> Option<&Point> {
        let worst = self.points.iter().max_by(|a, b| a.spread.total_cmp(&b.spread));
        worst.filter(|point| point.spread > SPREAD_MAX)
    }

    fn curve(&self) -> Vec<(usize, f64)> {
        self.points.iter().map(|point| (point.batch_size, point.texts_per_s)).collect()
    }
}

/// How long one call with these texts takes.
///
/// # Errors
///
/// If the model fails on one of them.
pub(super) fn time_batch(scorer: &Scorer, texts: &[String]) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let answers = scorer.score_all(texts);
    let elapsed = start.elapsed();
    for answer in answers {
        answer?;
    }
    Ok(elapsed)
}

/// The batch sizes to measure, rising.
fn sizes() -> impl Iterator<Item = usize> {
    (1..=SIZE_MAX).filter(|size| size.is_power_of_two() || USUAL_SIZES.contains(size))
}

/// Whether a curve of batch size and throughput ends in two doublings that gained nothing.
fn has_flattened(curve: &[(usize, f64)]) -> bool {
    let Some((last, _)) = curve.last() else { return false };
    if *last < SIZE_SURE || !last.is_power_of_two() {
        return false;
    }
    let before = curve.iter().filter(|(size, _)| *size <= last / 4);
    let since = curve.iter().filter(|(size, _)| *size > last / 4);
    best(since) < GROWTH * best(before)
}

/// The smallest size of a curve that no other exceeds by much.
fn knee(curve: &[(usize, f64)]) -> Option<usize> {
    let best = best(curve.iter());
    curve.iter().find(|(_, rate)| rate * GROWTH >= best).map(|(size, _)| *size)
}

fn best<'a>(points: impl Iterator<Item = &'a (usize, f64)>) -> f64 {
    points.map(|(_, rate)| *rate).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The curve of a model that takes a fixed time per call and another per text.
    fn curve(per_call: f64, per_text: f64) -> Vec<(usize, f64)> {
        let mut curve = Vec::new();
        for size in sizes() {
            curve.push((size, size as f64 / (per_call + per_text * size as f64)));
            if has_flattened(&curve) {
                break;
            }
        }
        curve
    }

    #[test]
    fn the_usual_sizes_lie_between_the_powers_of_two() {
        let first: Vec<usize> = sizes().take(10).collect();
        assert_eq!(first, [1, 2, 4, 5, 8, 10, 16, 20, 32, 64]);
        assert_eq!(sizes().last(), Some(4096));
    }

    #[test]
    fn a_flat_curve_has_its_knee_at_one_and_all_usual_sizes() {
        let curve = curve(0.0, 1.0);
        assert_eq!(curve.last().map(|(size, _)| *size), Some(32));
        assert_eq!(knee(&curve), Some(1));
    }

    #[test]
    fn the_knee_is_where_the_fixed_time_no_longer_counts() {
        // A call costs as much as four texts: at 64 texts that is 4/68, or 6%.
        let curve = curve(4.0, 1.0);
        assert_eq!(curve.last().map(|(size, _)| *size), Some(256));
        assert_eq!(knee(&curve), Some(64));
    }

    #[test]
    fn one_slow_point_does_not_end_the_sweep() {
        let slow_in_between = [(8, 1.0), (16, 1.0), (32, 0.5), (64, 1.2)];
        assert!(!has_flattened(&slow_in_between[..4]));
        assert!(!has_flattened(&[(1, 1.0), (16, 1.0)]), "20 is not measured yet");
        assert_eq!(knee(&slow_in_between), Some(64));
    }
}
