//! Latencies, summed up.

use std::time::Duration;

use serde::Serialize;

/// The percentiles of a sample of latencies, in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Latency {
    /// How many latencies were measured.
    pub(super) samples: usize,
    /// The smallest.
    pub(super) min_ms: f64,
    /// Their mean.
    pub(super) mean_ms: f64,
    /// The median.
    pub(super) p50_ms: f64,
    /// The smallest that 95% did not exceed.
    pub(super) p95_ms: f64,
    /// The smallest that 99% did not exceed.
    pub(super) p99_ms: f64,
    /// The largest.
    pub(super) max_ms: f64,
}

impl Latency {
    /// Sums up `samples`; `None` if there are none.
    pub(super) fn of(samples: &[Duration]) -> Option<Self> {
        let mut sorted: Vec<f64> = samples.iter().copied().map(milliseconds).collect();
        sorted.sort_by(f64::total_cmp);
        let (min_ms, max_ms) = (*sorted.first()?, *sorted.last()?);
        Some(Self {
            samples: sorted.len(),
            min_ms,
            mean_ms: sorted.iter().sum::<f64>() / sorted.len() as f64,
            p50_ms: nearest_rank(&sorted, 50),
            p95_ms: nearest_rank(&sorted, 95),
            p99_ms: nearest_rank(&sorted, 99),
            max_ms,
        })
    }
}

/// The smallest of `sorted` values that `percent` of them do not exceed. `sorted` is not empty.
///
/// Source: R. J. Hyndman and Y. Fan, "Sample Quantiles in Statistical Packages", The American
/// Statistician 50 (1996), definition 1.
fn nearest_rank(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted[rank.max(1) - 1]
}

/// A time in milliseconds.
pub(super) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latency(milliseconds: impl Iterator<Item = u64>) -> Latency {
        Latency::of(&milliseconds.map(Duration::from_millis).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn percentiles_are_measured_values() {
        let of_hundred = latency((1..=100).rev());
        assert_eq!((of_hundred.p50_ms, of_hundred.p95_ms, of_hundred.p99_ms), (50.0, 95.0, 99.0));
        assert_eq!((of_hundred.min_ms, of_hundred.mean_ms, of_hundred.max_ms), (1.0, 50.5, 100.0));
        // Ranks 1.5, 2.85 and 2.97 are rounded up.
        let of_three = latency([30, 10, 20].into_iter());
        assert_eq!((of_three.p50_ms, of_three.p95_ms, of_three.p99_ms), (20.0, 30.0, 30.0));
        assert_eq!(Latency::of(&[]), None);
    }
}
