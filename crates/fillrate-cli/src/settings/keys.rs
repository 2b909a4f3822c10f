//! The one table of settings and of the environment variables that carry them.
//!
//! `docs/environment.md` is generated from it, and a test holds it against the flags.

use super::GPU_STREAMS;
use super::values::parse_switch;

/// A setting and its name in each layer.
#[derive(Debug)]
pub(crate) struct Key {
    /// Its key in `fillrate.toml`; the flag is `--` and this with hyphens, the variable
    /// `FILLRATE_` and this in capitals.
    pub(crate) name: &'static str,
    /// Which layers have it.
    pub(crate) layers: Where,
    /// What it may be.
    pub(crate) values: &'static str,
    /// What it is when nothing is said.
    pub(crate) default: &'static str,
    /// What it does.
    pub(crate) help: &'static str,
    /// A name that existing bots use, read when the `FILLRATE_` one is not set.
    pub(crate) legacy: Option<Legacy>,
}

/// The layers that have a setting, besides its environment variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Where {
    /// A flag and a key in the file.
    FlagAndFile,
    /// A flag, but no key in the file.
    Flag,
    /// A key in the file, but no flag.
    File,
}

/// A variable of an existing bot and how its value becomes ours.
#[derive(Debug)]
pub(crate) struct Legacy {
    /// The variable.
    pub(crate) variable: &'static str,
    /// How it is read, for the documentation.
    pub(crate) help: &'static str,
    /// Its value as the setting's own, where they differ.
    pub(crate) convert: Option<Convert>,
}

/// Rewrites a value, or says what is wrong with it.
pub(crate) type Convert = fn(&str) -> Result<String, String>;

impl Key {
    /// The environment variable: `FILLRATE_` and the name in capitals.
    pub(crate) fn variable(&self) -> String {
        format!("FILLRATE_{}", self.name.to_ascii_uppercase())
    }

    /// The flag, if there is one.
    pub(crate) fn flag(&self) -> Option<String> {
        (self.layers != Where::File).then(|| format!("--{}", self.name.replace('_', "-")))
    }

    /// Whether `fillrate.toml` may hold it.
    pub(crate) fn in_file(&self) -> bool {
        self.layers != Where::Flag
    }
}

/// The tokens that `SENTIMENT_BATCH_SIZE` counts for one text: the longest that a BERT takes.
const TOKENS_PER_LEGACY_TEXT: usize = 512;

fn texts_to_tokens(value: &str) -> Result<String, String> {
    let texts: usize = value.parse().map_err(|_| "expected a number of texts".to_owned())?;
    if texts == 0 {
        return Err("expected at least 1".to_owned());
    }
    Ok(texts.saturating_mul(TOKENS_PER_LEGACY_TEXT).to_string())
}

/// `FEATURE_CUDA_STREAMS` is a switch: whether work may be on several streams.
fn several_streams(value: &str) -> Result<String, String> {
    let streams = if parse_switch(value)? { GPU_STREAMS } else { 1 };
    Ok(streams.to_string())
}

macro_rules! key {
    ($(#[$doc:meta])* $ident:ident: $name:literal, $layers:ident, $values:expr, $default:expr,
     $help:expr $(, $legacy:expr)?) => {
        $(#[$doc])*
        pub(crate) static $ident: Key = Key {
            name: $name,
            layers: Where::$layers,
            values: $values,
            default: $default,
            help: $help,
            legacy: key!(@legacy $($legacy)?),
        };
    };
    (@legacy) => { None };
    (@legacy $legacy:expr) => { Some($legacy) };
}

key!(CONFIG: "config", Flag, "FILE", "`fillrate.toml` in the working directory, if it exists",
    "Read settings from this file");
key!(FORMAT: "format", FlagAndFile, "table, json, jsonl, csv, parquet",
    "table on a terminal, jsonl in a pipe", "How to write the result");
key!(OUTPUT: "output", Flag, "FILE", "standard output",
    "Write to this file; its extension sets the format");
key!(DEVICE: "device", FlagAndFile, "auto, cpu, cuda, cuda:N", "auto", "Where to compute");
key!(THREADS: "threads", FlagAndFile, "1 to 4096",
    "one per physical core that the process may use", "Threads to compute with");
key!(QUIET: "quiet", FlagAndFile, "true, false", "false", "Say nothing but errors");
key!(VERBOSE: "verbose", FlagAndFile, "true, false", "false",
    "Say more about what is done and why");
key!(MODEL: "model", FlagAndFile, "NAME or DIR", "news-mini",
"A registered model, or a directory with `config.json`, `model.safetensors` and a tokenizer",
Legacy {
    variable: "SENTIMENT_MODEL_NAME",
    help: "a registered name, a directory, or the model's name on the Hugging Face hub",
    convert: None,
});
key!(TEXT_COLUMN: "text_column", FlagAndFile, "COLUMN", "the first of text, title, headline",
    "The column that holds the text");
key!(PRECISION: "precision", FlagAndFile, "auto, fp32, bf16, fp16, int8, fp8", "auto",
    "The type the encoder computes in");
key!(BATCH_TOKENS: "batch_tokens", FlagAndFile, "N or auto", "auto", "Tokens in one batch",
Legacy {
    variable: "SENTIMENT_BATCH_SIZE",
    help: "texts in one batch; read as a budget of 512 tokens for each, which holds as many \
           texts of full length and many more short ones",
    convert: Some(texts_to_tokens),
});
key!(MODE: "mode", FlagAndFile, "throughput, latency, memory", "throughput",
    "What batching favours");
key!(MEMORY_FRACTION: "memory_fraction", FlagAndFile, "above 0, at most 1", "0.9",
    "The share of a GPU's free memory to use at most");
key!(RESERVE: "reserve", FlagAndFile, "true, false", "false",
    "Take that share of a GPU's memory at once, so that others cannot");
key!(STREAMS: "gpu_streams", FlagAndFile, "1 to 8", "2",
    "Streams of a GPU that batches take turns on, each with memory of its own",
Legacy {
    variable: "FEATURE_CUDA_STREAMS",
    help: "true is two streams, false is one",
    convert: Some(several_streams),
});
key!(RELEASE_IDLE: "release_idle", FlagAndFile, "true, false", "false",
    "Give the memory of passes back to a GPU when no text came for some ten seconds; the model stays",
Legacy {
    variable: "GPU_MEMORY_CLEANUP",
    help: "the same: when texts stop coming, never between two batches, where it would only cost time",
    convert: None,
});
key!(TIMINGS: "timings", FlagAndFile, "true, false", "false",
    "Say at the end where the time went, and what the GPU had of the work",
Legacy {
    variable: "GPU_PROFILING_ENABLED",
    help: "the same; `fillrate profile` measures a model on its own",
    convert: None,
});
key!(NO_DEDUPE: "no_dedupe", FlagAndFile, "true, false", "false",
    "Compute every text; else equal texts of a window are computed once");
key!(RAW: "raw", FlagAndFile, "true, false", "false",
    "Add the model's own logits and labels to each record");
key!(INPUT_FORMAT: "input_format", FlagAndFile, "csv, jsonl, parquet", "from the extension",
    "The format of the input");
key!(ON_ERROR: "on_error", FlagAndFile, "stop, skip", "stop", "What to do with a malformed row");
key!(FALLBACK: "fallback", FlagAndFile, "NAME", "none: the run stops",
    "The model to go on with if the one asked for cannot be loaded");
key!(GPU_MAX_TEMPERATURE_C: "gpu_max_temperature_c", File, "degrees Celsius", "90",
    "A hotter GPU is given no work until it has cooled by 10 degrees; `doctor` warns if this is set",
    Legacy { variable: "GPU_MAX_TEMPERATURE_C", help: "the same", convert: None });
key!(GPU_MIN_FREE_VRAM_MB: "gpu_min_free_vram_mb", File, "MiB", "not checked",
    "`doctor` warns about a GPU with less free memory",
    Legacy { variable: "GPU_MIN_FREE_VRAM_MB", help: "the same", convert: None });
key!(GPU_MAX_UTILIZATION_WARN: "gpu_max_utilization_warn", File, "percent, or a fraction up to 1",
    "not checked", "`doctor` warns about a busier GPU",
    Legacy { variable: "GPU_MAX_UTILIZATION_WARN", help: "the same", convert: None });

/// Every setting, in the order of the documentation.
pub(crate) static ALL: [&Key; 25] = [
    &CONFIG,
    &FORMAT,
    &OUTPUT,
    &DEVICE,
    &THREADS,
    &QUIET,
    &VERBOSE,
    &MODEL,
    &TEXT_COLUMN,
    &PRECISION,
    &BATCH_TOKENS,
    &MODE,
    &MEMORY_FRACTION,
    &RESERVE,
    &STREAMS,
    &RELEASE_IDLE,
    &TIMINGS,
    &NO_DEDUPE,
    &RAW,
    &INPUT_FORMAT,
    &ON_ERROR,
    &FALLBACK,
    &GPU_MAX_TEMPERATURE_C,
    &GPU_MIN_FREE_VRAM_MB,
    &GPU_MAX_UTILIZATION_WARN,
];

/// Variables of existing bots that nothing reads, with why.
pub(crate) static UNREAD_VARIABLES: [(&str, &str); 3] = [
    (
        SWITCH_BY_HOURS,
        "Switches the model with the market's hours. That is for a service that runs through the \
         day, which is not there yet: a run of `score` answers the same at any hour",
    ),
    ("SENTIMENT_MODEL_OPEN", "The model while the market is open; as above"),
    ("SENTIMENT_MODEL_CLOSED", "The model while it is closed; as above"),
];

/// The switch among them: the others mean nothing unless it is on.
pub(crate) const SWITCH_BY_HOURS: &str = "FEATURE_ADAPTIVE_SENTIMENT";

/// Variables that are not settings but are heeded, with what they do.
pub(crate) static OTHER_VARIABLES: [(&str, &str); 2] = [
    ("NO_COLOR", "Any value: no colour on the terminal"),
    ("COLUMNS", "The width of tables, in characters, if it is not the terminal's"),
];
