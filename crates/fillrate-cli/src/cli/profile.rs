//! The flags of `fillrate profile`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{ComputeArgs, InputArgs, LlmArgs, TextArgs};
use crate::settings::{InputFormat, OnError};

/// What stands below the list of flags.
pub(super) const EXAMPLES: &str = "\
The report has the time to load the model, the time of the first score, the latency of single
texts (of the percentiles p95 is the smallest latency that 95% of the texts did not exceed), and
texts per second, speed-up over single texts and memory for batches of 1, 2, 4 and so on, with 5,
10 and 20 between. The sweep ends when two doublings of the batch together gain less than 5% over
the best before them, at 32 texts at the earliest and 4096 at the latest; the knee is the smallest
batch within 5% of the best. A batch is what one call hands over: how it is computed is up to
--mode and --batch-tokens. No text is there twice. Memory is that of the whole process in RAM.

With --llm the server of a language model is asked instead, and its answers are timed as they are
streamed: time to the first token, between pieces, tokens per second, and every failure by its
kind. The exit status is 1 if no request was answered. A key is taken from FILLRATE_LLM_API_KEY or
OPENAI_API_KEY.

Examples:
  fillrate profile
  fillrate profile --model finbert --precision int8 --threads 2
  fillrate profile --model ./my-checkpoint -o profile.json --html profile.html
  fillrate profile --texts news.csv --text-column body --seconds 5
  fillrate profile --kernels           the matrix products, beside the core's peak
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

    /// Measure on the different texts of this table [default: made-up headlines of 20 tokens or so]
    #[arg(long, value_name = "FILE", conflicts_with = "llm")]
    pub(crate) texts: Option<PathBuf>,

    /// The column of --texts that holds the text [default: the first of text, title, headline]
    #[arg(long, value_name = "COLUMN", requires = "texts", conflicts_with = "llm")]
    pub(crate) text_column: Option<String>,

    /// The format of --texts [default: from its extension]
    #[arg(long, value_name = "FORMAT", requires = "texts", conflicts_with = "llm")]
    pub(crate) input_format: Option<InputFormat>,

    /// What to do with a malformed row of --texts [default: stop]
    #[arg(long, value_name = "ACTION", requires = "texts", conflicts_with = "llm")]
    pub(crate) on_error: Option<OnError>,

    /// Measure each figure for about this long; more is steadier [default: 1, for --kernels 0.2]
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    pub(crate) seconds: Option<Duration>,

    /// Write the report also as a page for a browser, with charts
    #[arg(long, value_name = "FILE", conflicts_with = "llm")]
    pub(crate) html: Option<PathBuf>,

    /// Measure no model but the matrix products of MiniLM and BERT-base, on one thread
    #[arg(
        long,
        conflicts_with_all = [
            "model", "ComputeArgs", "texts", "text_column", "input_format", "on_error", "html", "llm"
        ]
    )]
    pub(crate) kernels: bool,

    /// The server of a language model, if that is to be measured
    #[command(flatten)]
    pub(crate) llm: LlmArgs,
}

impl ProfileArgs {
    /// What was typed about texts.
    pub(super) fn text_args(&self) -> TextArgs {
        TextArgs {
            model: self.model.clone(),
            input: InputArgs {
                text_column: self.text_column.clone(),
                input_format: self.input_format,
                on_error: self.on_error,
            },
            compute: self.compute.clone(),
            ..TextArgs::default()
        }
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
    fn kernels_take_no_flag_of_a_model() {
        let command = ProfileArgs::augment_args(clap::Command::new("profile"));
        let accepts = |flags: &[&str]| {
            let typed = ["profile", "--kernels"].iter().chain(flags);
            command.clone().try_get_matches_from(typed).is_ok()
        };
        assert!(accepts(&[]) && accepts(&["--seconds", "1"]));
        for flag in ["model", "mode", "precision", "batch-tokens", "texts", "text-column", "html"] {
            let value = if flag == "mode" { "memory" } else { "int8" };
            assert!(!accepts(&[&format!("--{flag}"), value]), "{flag}");
        }
    }

    #[test]
    fn a_time_is_a_number_of_seconds_that_ends() {
        assert_eq!(parse_seconds("0.5"), Ok(Duration::from_millis(500)));
        for bad in ["0", "-1", "inf", "nan", "1e9", "1 s", ""] {
            assert!(parse_seconds(bad).is_err(), "{bad:?}");
        }
    }
}
