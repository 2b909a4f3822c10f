//! The values settings take, and how they are read from a flag, a variable or a file.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::Path;
use std::str::FromStr;

use clap::ValueEnum;
use serde::{Serialize, Serializer};

/// The most threads that can be asked for.
const THREADS_MAX: usize = 4096;

/// How a result is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// Columns for a reader
    Table,
    /// One JSON document
    Json,
    /// One JSON object per line
    Jsonl,
    /// Comma-separated values with a header
    Csv,
    /// Apache Parquet
    Parquet,
}

impl Format {
    /// Its name, as it is typed.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }

    /// The format that a file name's extension promises.
    pub(crate) fn of_path(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "json" => Some(Self::Json),
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            "csv" => Some(Self::Csv),
            "parquet" => Some(Self::Parquet),
            "txt" => Some(Self::Table),
            _ => None,
        }
    }
}

/// How an input is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum InputFormat {
    /// Comma-separated values with a header
    Csv,
    /// One JSON object per line
    Jsonl,
    /// Apache Parquet
    Parquet,
}

/// The type an encoder computes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PrecisionChoice {
    /// int8 for a model that ships int8, else bf16 where the processor has it, else fp32
    Auto,
    /// 32-bit floating point
    Fp32,
    /// 16-bit brain floating point, summed in 32 bits
    Bf16,
    /// 16-bit floating point; on GPUs only
    Fp16,
    /// 8-bit integers, scaled per token and per channel
    Int8,
    /// 8-bit floating point, if the model's answers bear it; on GPUs from Ada and Hopper on
    Fp8,
}

/// What batching favours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// Fill every batch
    Throughput,
    /// Wait only a bounded time for a batch to fill
    Latency,
    /// Use the smallest scratch memory
    Memory,
}

/// What is done with a malformed row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OnError {
    /// Stop at the first and say where it is
    Stop,
    /// Leave the row out, count it and report it on stderr
    Skip,
}

/// How much is said on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verbosity {
    /// Errors only.
    Quiet,
    /// What a person needs to know.
    Normal,
    /// Also what was decided and why.
    Verbose,
}

/// Where to compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeviceChoice {
    /// The best there is.
    Auto,
    /// The processor.
    Cpu,
    /// An NVIDIA GPU, by its index if one is named.
    Cuda(Option<u32>),
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            None if text == "auto" => Some(Self::Auto),
            None if text == "cpu" => Some(Self::Cpu),
            None if text == "cuda" => Some(Self::Cuda(None)),
            Some(("cuda", index)) => index.parse().ok().map(|index| Self::Cuda(Some(index))),
            _ => None,
        }
        .ok_or_else(|| "expected auto, cpu, cuda or cuda:N".to_owned())
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(None) => f.write_str("cuda"),
            Self::Cuda(Some(index)) => write!(f, "cuda:{index}"),
        }
    }
}

impl Serialize for DeviceChoice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The size of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BatchTokens {
    /// From memory and the measured speed.
    Auto,
    /// At most this many tokens.
    Tokens(NonZeroUsize),
}

impl FromStr for BatchTokens {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        text.parse()
            .map(Self::Tokens)
            .map_err(|_| "expected auto or a number of tokens above 0".to_owned())
    }
}

impl Serialize for BatchTokens {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Tokens(tokens) => serializer.serialize_u64(tokens.get() as u64),
        }
    }
}

/// Reads a name of a closed list.
pub(crate) fn parse_name<T: ValueEnum>(text: &str) -> Result<T, String> {
    T::from_str(text, true).map_err(|_| {
        let names: Vec<_> = T::value_variants()
            .iter()
            .filter_map(ValueEnum::to_possible_value)
            .map(|value| value.get_name().to_owned())
            .collect();
        format!("expected one of {}", names.join(", "))
    })
}

/// Reads a number of threads.
pub(crate) fn parse_threads(text: &str) -> Result<NonZeroUsize, String> {
    text.parse::<NonZeroUsize>()
        .ok()
        .filter(|threads| threads.get() <= THREADS_MAX)
        .ok_or_else(|| format!("expected a number from 1 to {THREADS_MAX}"))
}

/// The most streams of a GPU that can be asked for.
const STREAMS_MAX: usize = 8;

/// Reads a number of streams.
pub(crate) fn parse_streams(text: &str) -> Result<NonZeroUsize, String> {
    text.parse::<NonZeroUsize>()
        .ok()
        .filter(|streams| streams.get() <= STREAMS_MAX)
        .ok_or_else(|| format!("expected a number from 1 to {STREAMS_MAX}"))
}

/// Reads a whole number.
pub(crate) fn parse_number<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| "expected a whole number".to_owned())
}

/// Reads a percentage; a number up to 1 is a fraction, as the bots that came before write it.
pub(crate) fn parse_percent(text: &str) -> Result<u32, String> {
    let number = text.parse::<f64>().ok().filter(|number| (0.0..=100.0).contains(number));
    match number {
        Some(fraction) if fraction <= 1.0 => Ok((fraction * 100.0).round() as u32),
        Some(percent) => Ok(percent.round() as u32),
        None => Err("expected a percentage from 0 to 100".to_owned()),
    }
}

/// Reads a share of a whole.
pub(crate) fn parse_share(text: &str) -> Result<f64, String> {
    text.parse::<f64>()
        .ok()
        .filter(|share| *share > 0.0 && *share <= 1.0)
        .ok_or_else(|| "expected a number above 0, at most 1".to_owned())
}

/// Reads yes or no.
pub(crate) fn parse_switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err("expected true or false".to_owned()),
    }
}
