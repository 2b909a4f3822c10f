//! The flags of `fillrate profile` about the server of a language model.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::profile::parse_seconds;

/// The most requests of a run: their times are kept until its end.
const REQUESTS_MAX: usize = 100_000;

/// The most requests at a time: each has a thread and a connection.
const CONCURRENCY_MAX: usize = 1024;

/// Which protocol to speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ApiChoice {
    /// The one that the address names, or that the server is found to speak
    #[default]
    Auto,
    /// /v1/chat/completions, as llama.cpp, vLLM and many others have it
    #[value(name = "openai")]
    OpenAi,
    /// Ollama's own /api/chat
    Ollama,
}

/// The server to measure, and how.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "The server of a language model")]
pub(crate) struct LlmArgs {
    /// Measure this server instead: Ollama's or an OpenAI-compatible one's address, with or
    /// without /v1
    #[arg(
        long,
        value_name = "URL",
        requires = "llm_model",
        conflicts_with_all = ["model", "seconds", "ComputeArgs"]
    )]
    pub(crate) llm: Option<String>,

    /// The model's name on the server
    #[arg(long, value_name = "NAME", requires = "llm")]
    pub(crate) llm_model: Option<String>,

    /// The protocol it speaks [default: auto]
    #[arg(long, value_name = "API", requires = "llm")]
    pub(crate) llm_api: Option<ApiChoice>,

    /// What to ask: a prompt a line, or .csv or .jsonl with a column prompt, and system if you
    /// like [default: the sentiment of the example headlines]
    #[arg(long, value_name = "FILE", requires = "llm")]
    pub(crate) prompts: Option<PathBuf>,

    /// How many requests to time, after one that is not [default: 20]
    #[arg(long, value_name = "N", requires = "llm", value_parser = parse_requests)]
    pub(crate) requests: Option<NonZeroUsize>,

    /// How many requests are under way at a time [default: 1]
    #[arg(long, value_name = "N", requires = "llm", value_parser = parse_concurrency)]
    pub(crate) concurrency: Option<NonZeroUsize>,

    /// The most tokens of an answer [default: 128]
    #[arg(long, value_name = "N", requires = "llm")]
    pub(crate) max_tokens: Option<NonZeroU32>,

    /// Give a request up when no connection or nothing more comes for so long, or after ten times
    /// as long in all [default: 60]
    #[arg(long, value_name = "SECONDS", requires = "llm", value_parser = parse_seconds)]
    pub(crate) timeout: Option<Duration>,
}

fn parse_requests(text: &str) -> Result<NonZeroUsize, String> {
    parse_up_to(text, REQUESTS_MAX)
}

fn parse_concurrency(text: &str) -> Result<NonZeroUsize, String> {
    parse_up_to(text, CONCURRENCY_MAX)
}

fn parse_up_to(text: &str, max: usize) -> Result<NonZeroUsize, String> {
    text.parse::<NonZeroUsize>()
        .ok()
        .filter(|number| number.get() <= max)
        .ok_or_else(|| format!("expected a number from 1 to {max}"))
}

#[cfg(test)]
mod tests {
    use clap::Command;

    use super::super::ProfileArgs;
    use super::*;

    #[test]
    fn no_flag_is_accepted_and_then_ignored() {
        let command = ProfileArgs::augment_args(Command::new("profile"));
        let names = |command: Command| -> Vec<String> {
            command.get_arguments().map(|arg| arg.get_id().to_string()).collect()
        };
        let of_server = names(LlmArgs::augment_args(Command::new("profile")));
        for argument in command.get_arguments() {
            let (id, flag) = (argument.get_id().to_string(), argument.get_long().unwrap());
            let values = argument.get_possible_values();
            let value = values.first().map_or("1".to_owned(), |value| value.get_name().to_owned());
            let given = [format!("--{flag}"), value];
            let mut with = vec!["profile".to_owned()];
            if !of_server.contains(&id) {
                with.extend(["--llm", "http://h", "--llm-model", "m"].map(str::to_owned));
            }
            with.extend(given);
            let parsed = command.clone().try_get_matches_from(with);
            assert!(parsed.is_err(), "--{flag} is for the other kind of profile");
        }
    }

    #[test]
    fn numbers_have_bounds() {
        assert_eq!(parse_concurrency("1024").unwrap().get(), 1024);
        for bad in ["0", "-1", "1025", "x", "1.5"] {
            assert!(parse_concurrency(bad).is_err(), "{bad}");
        }
    }
}
