//! The flags of `fillrate profile`.

use std::time::Duration;

use clap::Args;

use super::{ComputeArgs, LlmArgs, TextArgs};

/// What stands below the list of flags.
pub(super) const EXAMPLES: &str = "\
The report has the time to load the model, the time to the first score, and the latency of single
texts, one after another, as percentiles (the smallest latency that so many percent of the texts
did not exceed). The texts are headlines of about 20 tokens made up for it, no two alike.

With --llm the server of a language model is asked instead, and its answers are timed as they are
streamed: time to the first token, between pieces, tokens per second, and every failure by its
kind. The exit status is 1 if no request was answered. A key is taken from FILLRATE_LLM_API_KEY or
OPENAI_API_KEY.

Examples:
  fillrate profile
  fillrate profile --model finbert --precision int8 --threads 2
  fillrate profile --model ./my-checkpoint -o profile.json
  fillrate profile --llm http://localhost:11434 --llm-model llama3.2:1b
  fillrate profile --llm https://host/v1 --llm-model NAME --concurrency 8";

/// What to measure.
#[derive(Args, Clone, Debug)]
pub(crate) struct ProfileArgs {
    /// A registered model, or a directory with config.json, model.safetensors and a tokenizer
    /// [default: news-mini]
    #[arg(long, value_name = "NAME|DIR")]
    pub(crate) model: Option<String>,

    /// How the model computes
    #[command(flatten)]
    pub(crate) compute: ComputeArgs,

    /// Measure each figure for about this long; more is steadier [default: 1]
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    pub(crate) seconds: Option<Duration>,

    /// The server of a language model, if that is to be measured
    #[command(flatten)]
    pub(crate) llm: LlmArgs,
}

impl ProfileArgs {
    /// What was typed about texts.
    pub(super) fn text_args(&self) -> TextArgs {
        TextArgs { model: self.model.clone(), compute: self.compute.clone(), ..TextArgs::default() }
    }
}

/// The longest time that one figure can be measured for.
const SECONDS_MAX: f64 = 3600.0;

/// Reads a time of more than 0 and at most [`SECONDS_MAX`].
pub(super) fn parse_seconds(text: &str) -> Result<Duration, String> {
    text.parse::<f64>()
        .ok()
        .filter(|seconds| *seconds > 0.0 && *seconds <= SECONDS_MAX)
        .map(Duration::from_secs_f64)
        .ok_or_else(|| format!("expected a number of seconds above 0, up to {SECONDS_MAX}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_of_seconds_that_ends() {
        assert_eq!(parse_seconds("0.5"), Ok(Duration::from_millis(500)));
        for bad in ["0", "-1", "inf", "nan", "1e9", "1 s", ""] {
            assert!(parse_seconds(bad).is_err(), "{bad:?}");
        }
    }
}
