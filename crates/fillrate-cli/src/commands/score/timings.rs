//! Where the time of a run went, for whoever asks.

use std::time::Duration;

use fillrate::text::batch::Statistics;

use crate::output::bytes;

/// The times of a run's stages and what was done in them.
pub(super) struct Timings {
    /// From the model's name to a model that is ready.
    pub(super) loading: Duration,
    /// Until answers were there, the reading of the input included.
    pub(super) waiting: Duration,
    /// In writing them.
    pub(super) writing: Duration,
    /// What the classifier did meanwhile.
    pub(super) statistics: Statistics,
    /// The bytes of a GPU's memory that the model and its passes take; `None` where none computes.
    pub(super) device_bytes: Option<usize>,
}

impl Timings {
    /// A line for each thing there is to say.
    pub(super) fn lines(&self) -> Vec<String> {
        let Self { loading, waiting, writing, statistics, device_bytes } = self;
        let mut lines = vec![format!(
            "loading the model {}, reading and waiting for answers {}, writing {}",
            seconds(*loading),
            seconds(*waiting),
            seconds(*writing)
        )];
        let Statistics { tokens, batches, tokenising, busy, .. } = statistics;
        if *batches == 0 {
            lines.push(format!("threads together: in the model {}", seconds(*busy)));
        } else {
            let filled = statistics.fill_share().unwrap_or(0.0) * 100.0;
            lines.push(format!(
                "threads together: tokenising {}, in the model {}; {tokens} tokens in batches: \
                 {batches}, {filled:.0}% full",
                seconds(*tokenising),
                seconds(*busy),
            ));
        }
        if let (Some(routed), Some(taken)) = (statistics.routed, *device_bytes) {
            lines.push(format!(
                "the GPU computed {} of the batches, the processor {} because it was quicker and {} \
                 in its place; model and passes take {} of the GPU's memory",
                routed.primary,
                routed.twin,
                routed.degraded,
                bytes(taken as u64)
            ));
        }
        lines
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use fillrate_device::routing::RouterStatistics;

    use super::*;

    fn timings(statistics: Statistics, device_bytes: Option<usize>) -> Vec<String> {
        let [loading, waiting, writing] = [1500, 250, 4].map(Duration::from_millis);
        Timings { loading, waiting, writing, statistics, device_bytes }.lines()
    }

    #[test]
    fn stages_and_counts_are_said_of_an_encoder_on_a_gpu() {
        let statistics = Statistics {
            tokens: 900,
            batches: 3,
            capacity_tokens: 1000,
            tokenising: Duration::from_millis(10),
            busy: Duration::from_millis(400),
            routed: Some(RouterStatistics { primary: 2, twin: 1, degraded: 0, contexts: 1 }),
            ..Statistics::default()
        };
        assert_eq!(
            timings(statistics, Some(2_500_000)),
            [
                "loading the model 1.500 s, reading and waiting for answers 0.250 s, writing 0.004 s",
                "threads together: tokenising 0.010 s, in the model 0.400 s; 900 tokens in batches: 3, \
                 90% full",
                "the GPU computed 2 of the batches, the processor 1 because it was quicker and 0 in \
                 its place; model and passes take 2.50 MB of the GPU's memory",
            ]
        );
    }

    #[test]
    fn a_model_without_tokens_has_no_batches() {
        let busy = Duration::from_millis(30);
        let lines = timings(Statistics { busy, ..Statistics::default() }, None);
        assert_eq!(lines[1], "threads together: in the model 0.030 s");
        assert_eq!(lines.len(), 2);
    }
}
