//! The flags of `fillrate waves`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use fillrate::waves::{PivotRule, PreScoreWeights, Weights};

use super::{PricesArgs, TextArgs};

/// What stands below the list of flags.
pub(super) const RECORDS_AND_EXAMPLES: &str = "\
Prices are a table symbol,date,open,high,low,close; without symbol the file is one symbol, without
high and low the close stands for both. Every pattern that keeps the rules is found; docs/waves.md
has the definitions. The direction of a correction is that of its own wave A.

Records, the best first for each symbol, have
  symbol, pattern, direction, indices, dates, prices, score, rules{NAME{value,margin}},
  guidelines{NAME}, p_value, q_value, variety, parts{fibonacci,rules,time,simplicity},
  chance{count,expected,p_value}
where indices count the bars of the symbol from 0, score and guidelines are from 0 to 1, and margin
is how far a rule is from being broken. p_value, q_value and chance are null without --surrogates.
With --nest follow id, parent, wave, degree.

Examples:
  fillrate waves prices.csv
  fillrate waves prices.parquet --pattern impulse --direction up --top 5
  fillrate waves prices.csv --pattern impulse --all -o impulses.parquet
  fillrate waves prices.csv --rules strict --pivots 3
  fillrate waves prices.csv --rules my-rules.toml --weights fibonacci=0.6,time=0
  fillrate waves panel.parquet -o waves.jsonl --resume
  fillrate waves prices.csv --surrogates 1000 --html waves.html
  fillrate waves prices.csv --nest --pivots 2
  fillrate waves backtest prices.csv --min-score 0.8 --horizon 5,20";

/// What stands below the list of flags of `backtest`.
const BACKTEST_RECORDS: &str = "\
A pattern is known at the close of the bar that confirms its last pivot, and entered at the next
open; patterns of one kind that end at the same pivot are one event. Records have
  pattern, direction, horizon, events, mean_return, share_positive, ci_low, ci_high, random_mean,
  random_low, random_high, p_value
where the return is that of a long position until the close of the horizon's last bar, and random_
is what as many random bars of the same symbols give. Intervals are of 95%.";

/// What to search for.
#[derive(Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct WavesArgs {
    /// What else to do
    #[command(subcommand)]
    pub(crate) verb: Option<WavesVerb>,

    /// The prices: a .csv, .jsonl or .parquet file, or - for standard input
    #[arg(value_name = "INPUT", required = true)]
    pub(crate) input: Option<PathBuf>,

    /// How the prices are read
    #[command(flatten)]
    pub(crate) prices: PricesArgs,

    /// What is searched for
    #[command(flatten)]
    pub(crate) search: SearchArgs,

    /// The best N patterns of each symbol, over all that are asked for [default: 10]
    #[arg(long, value_name = "N", conflicts_with = "all")]
    pub(crate) top: Option<usize>,

    /// All patterns of each symbol
    #[arg(long)]
    pub(crate) all: bool,

    /// What chance makes of the prices
    #[command(flatten)]
    pub(crate) chance: ChanceArgs,

    /// Which part is searched
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,

    /// Write the best complete count instead: patterns, and below each those that its waves are
    #[arg(long, conflicts_with_all = ["top", "all", "surrogates"])]
    pub(crate) nest: bool,

    /// What is written besides
    #[command(flatten)]
    pub(crate) besides: BesidesArgs,
}

/// The flags of what is written besides the records.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct BesidesArgs {
    /// Write a page with charts, rules and scores to FILE
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,

    /// Write a picture of each pattern into DIR
    #[arg(long, value_name = "DIR")]
    pub(crate) svg: Option<PathBuf>,

    /// Go on with FILE of -o, a .jsonl file: skip the symbols that are in it. What FILE was made with
    /// stands beside it in FILE.run, and a run with other settings or prices is refused
    #[arg(long, conflicts_with_all = ["surrogates", "html", "svg"])]
    pub(crate) resume: bool,

    /// Say what each stage took
    #[arg(long)]
    pub(crate) profile: bool,
}

/// What else `fillrate waves` can do.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum WavesVerb {
    /// Measure what followed past patterns, against random bars
    #[command(after_help = BACKTEST_RECORDS)]
    Backtest(WavesBacktestArgs),
}

/// What to measure.
#[derive(Args, Clone, Debug)]
pub(crate) struct WavesBacktestArgs {
    /// The prices: a .csv, .jsonl or .parquet file, or - for standard input
    #[arg(value_name = "INPUT")]
    pub(crate) input: PathBuf,

    /// How the prices are read
    #[command(flatten)]
    pub(crate) prices: PricesArgs,

    /// What is searched for
    #[command(flatten)]
    pub(crate) search: SearchArgs,

    /// Bars from entry to exit; may be given more than once [default: 5,10,20]
    #[arg(long, value_delimiter = ',', value_name = "BARS,…")]
    pub(crate) horizon: Vec<usize>,

    /// The seed of the random bars [default: 1]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
}

/// The flags of surrogates.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Significance")]
pub(crate) struct ChanceArgs {
    /// Repeat the search on N surrogates of each symbol, for p-values
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) surrogates: Option<u32>,

    /// How surrogates are made [default: block]
    #[arg(long, value_name = "METHOD", requires = "surrogates")]
    pub(crate) surrogate_method: Option<MethodChoice>,

    /// The mean length of a block, in bars [default: the cube root of the number of bars]
    #[arg(long, value_name = "BARS", requires = "surrogates")]
    pub(crate) block: Option<usize>,

    /// The seed of the surrogates [default: 1]
    #[arg(long, value_name = "N", requires = "surrogates")]
    pub(crate) seed: Option<u64>,
}

/// How surrogates are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MethodChoice {
    /// Runs of bars, drawn with replacement
    Block,
    /// The same returns in an order with the same spectrum
    Fourier,
    /// Geometric Brownian motion with the same volatility
    Gbm,
}

/// The flags that search a part only.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Shortcuts, with the patterns that they cost in the summary")]
pub(crate) struct ScopeArgs {
    /// Only patterns within windows of N bars
    #[arg(long, value_name = "N")]
    pub(crate) window: Option<usize>,

    /// The share of a window that the next one covers too [default: 0]
    #[arg(long, value_name = "SHARE", requires = "window")]
    pub(crate) window_overlap: Option<f64>,

    /// Only the last N windows
    #[arg(long, value_name = "N")]
    pub(crate) max_windows: Option<usize>,

    /// Only the first N swing lows and N swing highs of each window begin patterns
    #[arg(long, value_name = "N")]
    pub(crate) max_starts: Option<usize>,

    /// Leave out windows whose log returns deviate less per bar [default with --skip-flat: 0.001]
    #[arg(long, value_name = "V")]
    pub(crate) min_volatility: Option<f64>,

    /// Leave out windows that hardly move
    #[arg(long)]
    pub(crate) skip_flat: bool,

    /// Only the N windows of the highest pre-score
    #[arg(long, value_name = "N")]
    pub(crate) pre_score_top: Option<usize>,

    /// What the pre-score counts [default: volatility=1,trend=1,pivots=1]
    #[arg(long, value_name = "PART=W,…", requires = "pre_score_top")]
    pub(crate) pre_score_weights: Option<PreScoreWeights>,
}

/// What makes a pattern, and how it scores.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct SearchArgs {
    /// The patterns; may be given more than once [default: all]
    #[arg(long, value_delimiter = ',', value_name = "PATTERN,…")]
    pub(crate) pattern: Vec<PatternChoice>,

    /// Where the first wave goes [default: both]
    #[arg(long, value_name = "DIRECTION")]
    pub(crate) direction: Option<DirectionChoice>,

    /// What a pivot is: K, the highest or lowest of K bars to each side, or atr:M, a turn of M
    /// average true ranges [default: 1]
    #[arg(long, value_name = "K|atr:M")]
    pub(crate) pivots: Option<PivotRule>,

    /// Let the first and the last bar be pivots
    #[arg(long)]
    pub(crate) open_ends: bool,

    /// The rules: classic, strict, or a TOML file [default: classic]
    #[arg(long, value_name = "RULES")]
    pub(crate) rules: Option<PathBuf>,

    /// What each part of the score counts: fibonacci, rules, time, simplicity
    /// [default: fibonacci=0.4,rules=0.2,time=0.2,simplicity=0.2]
    #[arg(long, value_name = "PART=W,…")]
    pub(crate) weights: Option<Weights>,

    /// Leave out patterns that score less [default: 0]
    #[arg(long, value_name = "SCORE", value_parser = parse_share)]
    pub(crate) min_score: Option<f64>,
}

/// A pattern, or all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PatternChoice {
    /// Five waves with the trend
    Impulse,
    /// Five overlapping waves that begin a trend
    LeadingDiagonal,
    /// Five overlapping waves that end a trend
    EndingDiagonal,
    /// Three waves, the second shorter than the first
    Zigzag,
    /// Three waves, the second about as long as the first or longer
    Flat,
    /// Five waves between two lines
    Triangle,
    /// Every pattern
    All,
}

/// A direction, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DirectionChoice {
    /// The first wave rises
    Up,
    /// The first wave falls
    Down,
    /// Either
    Both,
}

impl WavesArgs {
    /// What was typed that holds for every table.
    pub(super) fn text_args(&self) -> TextArgs {
        match &self.verb {
            Some(WavesVerb::Backtest(backtest)) => backtest.prices.text_args(),
            None => self.prices.text_args(),
        }
    }
}

/// Reads a number from 0 to 1.
fn parse_share(text: &str) -> Result<f64, String> {
    let share = text.parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "expected a number from 0 to 1".to_owned())
}
