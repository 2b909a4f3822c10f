//! What many requests sum up to.

use std::time::Duration;

use serde::Serialize;

use super::answer::Answer;
use super::failure::{Failure, Kind};
use super::load::Outcome;
use crate::commands::profile::percentiles::Latency;

/// Who counted the tokens of the answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TokenCounts {
    /// The server, in every answer.
    Server,
    /// Nobody: pieces of the stream stand for them, each of which may hold several tokens.
    Pieces,
}

/// Failures of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Failures {
    /// What kind of failure it was.
    pub(super) kind: Kind,
    /// The HTTP status, where that is the failure.
    pub(super) status: Option<u16>,
    /// How many requests failed so.
    pub(super) count: usize,
    /// What the first of them reported.
    pub(super) first: String,
}

/// Rates of single answers, in tokens per second.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Rates {
    /// How many answers had a rate: two pieces or more.
    pub(super) samples: usize,
    /// The slowest.
    pub(super) min: f64,
    /// Their mean.
    pub(super) mean: f64,
    /// The median.
    pub(super) p50: f64,
    /// The largest that 95% reached.
    pub(super) p95: f64,
    /// The largest that 99% reached.
    pub(super) p99: f64,
    /// The fastest.
    pub(super) max: f64,
}

/// The figures of a run; what was not measured is `None`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Summary {
    /// Requests that were answered in whole.
    pub(super) answered: usize,
    /// Requests that were not.
    pub(super) failed: usize,
    /// Why not.
    pub(super) failures: Vec<Failures>,
    /// From the first request sent to the last one ended, in seconds.
    pub(super) duration_s: f64,
    /// Who counted `tokens_out`.
    pub(super) token_counts: Option<TokenCounts>,
    /// The tokens of the prompts that were answered, if the server counted all of them.
    pub(super) tokens_in: Option<u64>,
    /// The tokens of the whole answers, counted as `token_counts` says.
    pub(super) tokens_out: u64,
    /// The pieces they came in.
    pub(super) pieces: u64,
    /// Whole answers per second of the run.
    pub(super) requests_per_s: Option<f64>,
    /// Tokens of whole answers per second of the run.
    pub(super) tokens_out_per_s: Option<f64>,
    /// From sending a request to the first text of its answer.
    pub(super) time_to_first_token: Option<Latency>,
    /// From a piece of an answer to the next, over all answers.
    pub(super) inter_token: Option<Latency>,
    /// From sending a request to the end of its answer.
    pub(super) latency: Option<Latency>,
    /// Tokens after the first per second, of each answer.
    pub(super) decode_tokens_per_s: Option<Rates>,
}

impl Summary {
    /// Sums up `outcomes`.
    pub(super) fn of(outcomes: &[Outcome]) -> Self {
        let answers: Vec<&Answer> =
            outcomes.iter().filter_map(|outcome| outcome.result.as_ref().ok()).collect();
        let token_counts = token_counts(&answers);
        let tokens_of = |answer: &Answer| match (token_counts, answer.tokens_out) {
            (Some(TokenCounts::Server), Some(tokens)) => tokens,
            _ => answer.pieces() as u64,
        };
        let tokens_out = answers.iter().map(|answer| tokens_of(answer)).sum();
        let duration = duration(outcomes);
        let per_second = |count: f64| {
            (!answers.is_empty() && !duration.is_zero()).then(|| count / duration.as_secs_f64())
        };
        let times = |time: &dyn Fn(&Answer) -> Duration| {
            Latency::of(&answers.iter().map(|answer| time(answer)).collect::<Vec<_>>())
        };
        let gaps: Vec<Duration> =
            answers.iter().flat_map(|answer| answer.gaps.iter().copied()).collect();
        let rates = answers.iter().filter_map(|answer| answer.decode_rate(tokens_of(answer)));
        Self {
            answered: answers.len(),
            failed: outcomes.len() - answers.len(),
            failures: failures(outcomes),
            duration_s: duration.as_secs_f64(),
            token_counts,
            tokens_in: match answers.as_slice() {
                [] => None,
                answers => answers.iter().map(|answer| answer.tokens_in).sum(),
            },
            tokens_out,
            pieces: answers.iter().map(|answer| answer.pieces() as u64).sum(),
            requests_per_s: per_second(answers.len() as f64),
            tokens_out_per_s: per_second(tokens_out as f64),
            time_to_first_token: times(&|answer| answer.first_token),
            inter_token: Latency::of(&gaps),
            latency: times(&|answer| answer.total),
            decode_tokens_per_s: Rates::of(rates.collect()),
        }
    }
}

impl Rates {
    /// Sums up `rates`; `None` if there are none.
    fn of(mut rates: Vec<f64>) -> Option<Self> {
        rates.sort_by(f64::total_cmp);
        let (min, max) = (*rates.first()?, *rates.last()?);
        let samples = rates.len();
        // The fastest that so many percent reached, themselves counted from the fastest: nearest
        // rank from above.
        let reached = |percent: usize| rates[samples - (samples * percent).div_ceil(100).max(1)];
        let mean = rates.iter().sum::<f64>() / samples as f64;
        Some(Self { samples, min, mean, p50: reached(50), p95: reached(95), p99: reached(99), max })
    }
}

/// The server's counts only if every answer has one: sums of both kinds would mean nothing.
fn token_counts(answers: &[&Answer]) -> Option<TokenCounts> {
    match answers {
        [] => None,
        _ if answers.iter().all(|answer| answer.tokens_out.is_some()) => Some(TokenCounts::Server),
        _ => Some(TokenCounts::Pieces),
    }
}

fn duration(outcomes: &[Outcome]) -> Duration {
    let first = outcomes.iter().map(|outcome| outcome.sent).min().unwrap_or_default();
    let last = outcomes.iter().map(|outcome| outcome.ended).max().unwrap_or_default();
    last.saturating_sub(first)
}

/// The failures by kind and status, the most frequent first.
fn failures(outcomes: &[Outcome]) -> Vec<Failures> {
    let mut kinds: Vec<Failures> = vec![];
    for Failure { kind, status, message } in
        outcomes.iter().filter_map(|outcome| outcome.result.as_ref().err())
    {
        match kinds.iter_mut().find(|found| (found.kind, found.status) == (*kind, *status)) {
            Some(found) => found.count += 1,
            None => kinds.push(Failures {
                kind: *kind,
                status: *status,
                count: 1,
                first: message.clone(),
            }),
        }
    }
    kinds.sort_by_key(|found| (std::cmp::Reverse(found.count), found.kind, found.status));
    kinds
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    /// An answer to a request sent at `sent`, whose pieces and end came `arrivals` later.
    fn answered(sent: u64, arrivals: &[u64], tokens: Option<(u64, u64)>) -> Outcome {
        let (end, pieces) = arrivals.split_last().unwrap();
        let answer = Answer {
            first_token: ms(pieces[0]),
            gaps: pieces.windows(2).map(|pair| ms(pair[1] - pair[0])).collect(),
            total: ms(*end),
            tokens_in: tokens.map(|(input, _)| input),
            tokens_out: tokens.map(|(_, output)| output),
            load: None,
        };
        Outcome { sent: ms(sent), ended: ms(sent + end), result: Ok(answer) }
    }

    fn failed(sent: u64, ended: u64, kind: Kind, message: &str) -> Outcome {
        Outcome { sent: ms(sent), ended: ms(ended), result: Err(Failure::new(kind, message)) }
    }

    #[test]
    fn every_figure_is_what_the_times_say() {
        let summary = Summary::of(&[
            answered(1000, &[100, 110, 130, 140], Some((20, 9))),
            answered(1200, &[200, 250, 300], Some((30, 3))),
            failed(1100, 3000, Kind::Timeout, "silent"),
        ]);
        assert_eq!((summary.answered, summary.failed), (2, 1));
        assert_eq!(summary.token_counts, Some(TokenCounts::Server));
        assert_eq!((summary.tokens_in, summary.tokens_out, summary.pieces), (Some(50), 12, 5));
        // The failure took part of the run's two seconds too.
        assert_eq!(Some(summary.duration_s), Some(2.0));
        assert_eq!(summary.requests_per_s, Some(1.0));
        assert_eq!(summary.tokens_out_per_s, Some(6.0));
        let first = summary.time_to_first_token.unwrap();
        assert_eq!((first.p50_ms, first.p95_ms, first.samples), (100.0, 200.0, 2));
        let between = summary.inter_token.unwrap();
        assert_eq!((between.min_ms, between.p50_ms, between.max_ms), (10.0, 20.0, 50.0));
        assert_eq!(summary.latency.map(|latency| latency.max_ms), Some(300.0));
        // Eight tokens in 30 ms, and two in 50 ms.
        let rates = summary.decode_tokens_per_s.unwrap();
        assert!((rates.max - 8.0 / 0.03).abs() < 1e-9 && (rates.min - 2.0 / 0.05).abs() < 1e-9);
        assert_eq!(Some(rates.p95), Some(rates.min));
    }

    #[test]
    fn one_answer_without_counts_makes_pieces_of_all() {
        let summary = Summary::of(&[
            answered(0, &[1, 2, 3], Some((20, 9))),
            answered(0, &[1, 2, 3, 4], None),
        ]);
        assert_eq!(summary.token_counts, Some(TokenCounts::Pieces));
        assert_eq!((summary.tokens_in, summary.tokens_out), (None, 5));
    }

    #[test]
    fn what_was_not_measured_is_absent() {
        let summary = Summary::of(&[failed(0, 5, Kind::Refused, "no")]);
        assert_eq!((summary.answered, summary.failed, summary.duration_s), (0, 1, 0.005));
        assert_eq!(summary.token_counts, None);
        assert_eq!((summary.tokens_in, summary.requests_per_s), (None, None));
        assert!(summary.latency.is_none() && summary.decode_tokens_per_s.is_none());
        // All at once, as a server that does not stream sends it: there is no time to decode in.
        let summary = Summary::of(&[answered(0, &[9, 9, 9], Some((1, 2)))]);
        assert_eq!(summary.decode_tokens_per_s, None);
        assert_eq!(summary.inter_token.map(|gaps| gaps.max_ms), Some(0.0));
    }

    #[test]
    fn failures_are_counted_by_kind_and_the_first_is_quoted() {
        let http = |status| Outcome {
            sent: ms(0),
            ended: ms(1),
            result: Err(Failure::of_status(status, b"{\"error\":\"first\"}")),
        };
        let summary = Summary::of(&[
            failed(0, 1, Kind::Empty, "empty"),
            http(500),
            failed(0, 1, Kind::HalfAnswer, "half"),
            http(503),
            failed(0, 1, Kind::HalfAnswer, "another half"),
        ]);
        let found: Vec<_> = summary
            .failures
            .iter()
            .map(|found| (found.kind.name(), found.status, found.count, found.first.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                ("half_answer", None, 2, "half"),
                ("http", Some(500), 1, "HTTP 500: first"),
                ("http", Some(503), 1, "HTTP 503: first"),
                ("empty", None, 1, "empty"),
            ]
        );
    }

    #[test]
    fn percentiles_of_rates_are_what_so_many_reached() {
        let rates = Rates::of((1..=100).map(f64::from).collect()).unwrap();
        assert_eq!((rates.p50, rates.p95, rates.p99), (51.0, 6.0, 2.0));
        let one = Rates::of(vec![7.0]).unwrap();
        assert_eq!((one.p50, one.p99, one.samples), (7.0, 7.0, 1));
    }
}
