//! What was typed: one definition of every flag gives its parser, help, man page and completions.
//!
//! A new verb is a variant of [`Verb`] with its argument struct here, a file in `commands/` and a
//! line in `commands::run`. A new flag that has a meaning beyond one run is an `Option` here, a
//! line in [`crate::settings::keys`] (which gives it its environment variable and its key in
//! `fillrate.toml`) and a field of [`crate::settings::Settings`].
//!
//! Nothing here reads the environment and nothing has a default: that is the settings' job.

mod backtest;
mod compare;
mod help;
mod indicators;
mod llm;
mod montecarlo;
mod options;
mod plan;
mod portfolio;
mod prices;
mod profile;
mod risk;
mod text;
mod waves;

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, FromArgMatches, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub(crate) use self::backtest::{BacktestArgs, FillChoice, PositionsChoice};
pub(crate) use self::compare::CompareArgs;
pub(crate) use self::help::command;
pub(crate) use self::indicators::IndicatorsArgs;
pub(crate) use self::llm::{ApiChoice, LlmArgs};
pub(crate) use self::montecarlo::{ModelName, MonteCarloArgs};
pub(crate) use self::options::{
    ImpliedVolArgs, KindName, MethodName, OptionTableArgs, OptionsVerb, PriceOptionsArgs, TermArgs,
};
pub(crate) use self::plan::{
    ApplyArgs, AxisChoice, ConfigArgs, ConfigKind, GpuArgs, PictureArgs, PlanVerb, RestoreArgs,
    SearchAxesArgs, ShowArgs, SuggestArgs, VerifyArgs,
};
pub(crate) use self::portfolio::PortfolioArgs;
pub(crate) use self::prices::PricesArgs;
pub(crate) use self::profile::ProfileArgs;
pub(crate) use self::risk::RiskArgs;
pub(crate) use self::text::{ComputeArgs, InputArgs, TextArgs};
pub(crate) use self::waves::{
    DirectionChoice, MethodChoice, PatternChoice, ScopeArgs, SearchArgs, WavesArgs,
    WavesBacktestArgs, WavesVerb,
};
use crate::settings::{DeviceChoice, Format};

/// Sentiment, indicators, options, risk, backtests, waves and training memory, on this machine
#[derive(Debug, Parser)]
#[command(
    name = "fillrate",
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = "\
Examples:
  fillrate score news.csv              the sentiment of each headline
  fillrate doctor                      what is here, and what Fillrate will use
  fillrate doctor --format json        the same, for a program

What holds for every run, such as --format, --device, --threads and --model, can also stand in
fillrate.toml or in a FILLRATE_* variable; `fillrate doctor -v` shows what is set, and where.
Exit status: 0 done, 1 an error in the input or a failed check, 2 a fault of ours."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: CommonArgs,

    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What `fillrate` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Score the sentiment of each text in a table
    #[command(after_help = "\
Records, one per row and in the order of the input, have the input's columns and then
  text, label, score, probabilities{negative,neutral,positive}, model, precision, device,
  degraded, reason
where score is P(positive) - P(negative), from -1 to 1. An input column that has one of these
names is kept as input_NAME; a column `text` that holds the texts is the `text` of the record. In
CSV the probabilities are three columns, `probabilities.negative` and so on. A table on a terminal
shows label, score and text only.

Examples:
  fillrate score examples/headlines.csv
  fillrate score news.csv -o scores.parquet
  fillrate score news.parquet --text-column body --format csv > scores.csv
  cat tweets.jsonl | fillrate score - --on-error skip | jq -c '{text, label, score}'
  fillrate score news.csv --model finbert --precision int8 --fallback vader")]
    Score {
        /// The table: a .csv, .jsonl or .parquet file, or - for standard input
        #[arg(value_name = "INPUT")]
        input: PathBuf,

        /// How the texts are read and scored
        #[command(flatten)]
        text: TextArgs,
    },

    /// Run several models over one labelled table and set them side by side
    #[command(after_help = compare::RECORDS_AND_EXAMPLES)]
    Compare(CompareArgs),

    /// Measure a model on this machine: load time, latency, throughput, memory
    #[command(after_help = profile::EXAMPLES)]
    Profile(ProfileArgs),

    /// Find Elliott waves in prices: every impulse and correction, exactly
    #[command(after_help = waves::RECORDS_AND_EXAMPLES)]
    Waves(Box<WavesArgs>),

    /// Plan the memory of a training run, and write what fits into its configuration
    #[command(arg_required_else_help = true, after_help = plan::EXAMPLES)]
    Plan {
        /// What to do
        #[command(subcommand)]
        verb: Box<PlanVerb>,
    },

    /// Run a benchmark on this machine
    #[command(arg_required_else_help = true)]
    Bench {
        /// Which one
        #[command(subcommand)]
        verb: BenchVerb,
    },

    /// Compute indicators and signals over a price panel
    #[command(after_help = indicators::RECORDS_AND_EXAMPLES)]
    Indicators(Box<IndicatorsArgs>),

    /// Simulate where prices go: means, quantiles and paths
    #[command(name = "montecarlo", after_help = montecarlo::RECORDS_AND_EXAMPLES)]
    MonteCarlo(Box<MonteCarloArgs>),

    /// Price options and their Greeks, or find the volatility that a price implies
    #[command(arg_required_else_help = true)]
    Options {
        /// Which
        #[command(subcommand)]
        verb: OptionsVerb,
    },

    /// Measure the risk of symbols and of their portfolio: VaR, CVaR, drawdown, Sharpe, Sortino
    #[command(after_help = risk::RECORDS_AND_EXAMPLES)]
    Risk(RiskArgs),

    /// Find the weights of a portfolio that are best by an objective
    #[command(after_help = portfolio::RECORDS_AND_EXAMPLES)]
    Portfolio(Box<PortfolioArgs>),

    /// Backtest a strategy with every parameter set of a grid
    #[command(after_help = backtest::RECORDS_AND_EXAMPLES)]
    Backtest(Box<BacktestArgs>),

    /// Say what is here, what Fillrate will use and why, and what is missing
    #[command(after_help = "\
Examples:
  fillrate doctor
  fillrate doctor -v                   also the setting behind every choice
  fillrate doctor --format json | jq .cpu.isa")]
    Doctor,

    /// List, show, pull and verify models
    #[command(
        arg_required_else_help = true,
        after_help = "\
Examples:
  fillrate models list
  fillrate models show finbert
  fillrate models pull finbert
  fillrate models verify               all that are installed

Models are kept in the Hugging Face cache; HF_HOME, HF_HUB_CACHE, HF_HUB_OFFLINE, HF_ENDPOINT and
HF_TOKEN are heeded."
    )]
    Models {
        /// What to do
        #[command(subcommand)]
        verb: ModelsVerb,
    },

    /// Print a completion script for your shell
    #[command(after_help = "\
Examples:
  fillrate completions bash > ~/.local/share/bash-completion/completions/fillrate
  fillrate completions zsh  > ~/.zfunc/_fillrate
  fillrate completions fish > ~/.config/fish/completions/fillrate.fish")]
    Completions {
        /// The shell
        shell: Shell,
    },

    /// Write a generated file of the documentation to standard output
    #[command(hide = true)]
    Generate {
        /// Which one
        page: Page,
        /// The verb whose man page is wanted; without it, the page of the command itself
        verb: Option<String>,
    },
}

impl Verb {
    /// What was typed about texts; nothing, for a verb that scores none.
    pub(crate) fn text_args(&self) -> TextArgs {
        match self {
            Self::Score { text, .. } => text.clone(),
            Self::Compare(compare) => compare.text_args(),
            Self::Profile(profile) => profile.text_args(),
            Self::Waves(waves) => waves.text_args(),
            Self::Indicators(indicators) => indicators.text_args(),
            Self::Options { verb } => verb.text_args(),
            Self::Risk(risk) => risk.text_args(),
            Self::Portfolio(portfolio) => portfolio.text_args(),
            Self::Backtest(backtest) => backtest.text_args(),
            Self::Doctor
            | Self::Bench { .. }
            | Self::MonteCarlo(_)
            | Self::Plan { .. }
            | Self::Models { .. }
            | Self::Completions { .. }
            | Self::Generate { .. } => TextArgs::default(),
        }
    }
}

/// What `fillrate bench` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum BenchVerb {
    /// Compare the ways to divide a device's memory, on traces of what is asked of it
    #[command(after_help = "\
Efficiency is the peak of what is requested over the smallest heap that serves the whole trace.
Fragmentation is measured in a heap a quarter larger than that peak, as the mean over the trace:
internal is 1 - requested/allocated, external 1 - largest free/free. With compaction, holes are
closed when a request does not fit, and when external fragmentation is above 5% at a look every 256
events. Times are of the bookkeeping alone; no device is needed.

Examples:
  fillrate bench memory
  fillrate bench memory --trace recorded.trace --format json
A trace is a text with a line for each event: `allocate ID BYTES` or `free ID`.")]
    Memory {
        /// Use this trace instead of the four that are made up
        #[arg(long, value_name = "FILE")]
        trace: Option<PathBuf>,
    },
}

/// What `fillrate models` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum ModelsVerb {
    /// List the known models: what they are, their size and licence, and whether they are here
    List,

    /// Show everything known of one model: classes, files, checksums, memory
    Show {
        /// A known model, its repository, or a directory
        #[arg(value_name = "NAME|DIR")]
        model: String,
    },

    /// Download a model, verify it and write its checksums into a lock file
    Pull {
        /// A known model or its repository
        #[arg(value_name = "NAME")]
        model: String,

        /// A commit, branch, tag or refs/pr/N [default: the one that Fillrate pins]
        #[arg(long)]
        revision: Option<String>,
    },

    /// Check the files of a model against their checksums, and that its weights are whole
    Verify {
        /// A known model, its repository, or a directory; without it, all that are installed
        #[arg(value_name = "NAME|DIR")]
        model: Option<String>,
    },
}

/// The generated files of the documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Page {
    /// The man page, in roff
    Man,
    /// Every setting with its flag, variable, key and default, in Markdown
    Environment,
    /// The help text of every verb
    Help,
    /// The names of the verbs, one a line
    Verbs,
}

/// The flags of every verb.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Common options")]
pub(crate) struct CommonArgs {
    /// How to write the result [default: table on a terminal, jsonl in a pipe]
    #[arg(long, global = true, value_name = "FORMAT")]
    pub(crate) format: Option<Format>,

    /// Write to FILE instead of standard output; its extension sets the format
    #[arg(short, long, global = true, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Where to compute: auto, cpu, cuda or cuda:N [default: auto]
    #[arg(long, global = true, value_name = "DEVICE")]
    pub(crate) device: Option<DeviceChoice>,

    /// Threads to compute with [default: one per physical core this process may use]
    #[arg(long, global = true, value_name = "N", value_parser = crate::settings::parse_threads)]
    pub(crate) threads: Option<NonZeroUsize>,

    /// Say nothing but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    /// Say more about what is done and why
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,

    /// Read settings from FILE [default: fillrate.toml here, if it exists]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Parses a command line, `arguments[0]` being the program's name.
///
/// # Errors
///
/// A [`clap::Error`], which is also how a request for help or the version arrives.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> anyhow::Result<Cli> {
    let matches = command().try_get_matches_from(arguments)?;
    Ok(Cli::from_arg_matches(&matches)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::keys;

    #[test]
    fn definitions_are_consistent() {
        command().debug_assert();
    }

    #[test]
    fn every_flag_of_a_run_is_a_setting_and_the_other_way_round() {
        let command = TextArgs::augment_args(CommonArgs::augment_args(clap::Command::new("x")));
        let mut flags: Vec<String> = command
            .get_arguments()
            .filter_map(|arg| arg.get_long())
            .map(|f| format!("--{f}"))
            .collect();
        let mut settings: Vec<String> = keys::ALL.iter().filter_map(|key| key.flag()).collect();
        flags.sort();
        settings.sort();
        assert_eq!(flags, settings);
    }
}
