//! The flags that say how texts are read and scored.

use std::num::NonZeroUsize;

use clap::Args;

use crate::settings::{BatchTokens, InputFormat, Mode, OnError, PrecisionChoice};

/// The flags of a verb that scores the texts of a table.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct TextArgs {
    /// A registered model, or a directory with config.json, model.safetensors and a tokenizer
    /// [default: news-mini]
    #[arg(long, value_name = "NAME|DIR")]
    pub(crate) model: Option<String>,

    /// How the table is read
    #[command(flatten)]
    pub(crate) input: InputArgs,

    /// How the model computes
    #[command(flatten)]
    pub(crate) compute: ComputeArgs,

    /// Say on stderr at the end where the time went, and what the GPU had of the work
    #[arg(long)]
    pub(crate) timings: bool,

    /// Compute every text, also those that are equal to another one
    #[arg(long)]
    pub(crate) no_dedupe: bool,

    /// Add the model's own logits and labels to each record
    #[arg(long)]
    pub(crate) raw: bool,

    /// The model to go on with if the one asked for cannot be loaded; records then say degraded
    #[arg(long, value_name = "NAME")]
    pub(crate) fallback: Option<String>,
}

/// The flags that say how a table of texts is read.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct InputArgs {
    /// The column that holds the text [default: the first of text, title, headline]
    #[arg(long, value_name = "COLUMN")]
    pub(crate) text_column: Option<String>,

    /// The format of the input [default: from its extension]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) input_format: Option<InputFormat>,

    /// What to do with a malformed row [default: stop]
    #[arg(long, value_name = "ACTION")]
    pub(crate) on_error: Option<OnError>,
}

/// The flags that say how a model computes.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ComputeArgs {
    /// The type the encoder computes in [default: auto, int8 if the model is, else bf16 or fp32; never
    /// fp8]
    #[arg(long, value_name = "TYPE")]
    pub(crate) precision: Option<PrecisionChoice>,

    /// Tokens in one batch: a number or auto [default: auto, from memory and measured speed]
    #[arg(long, value_name = "N|auto")]
    pub(crate) batch_tokens: Option<BatchTokens>,

    /// What to favour when batching [default: throughput]
    #[arg(long, value_name = "MODE")]
    pub(crate) mode: Option<Mode>,

    /// The share of a GPU's free memory to use at most, above 0 and at most 1 [default: 0.9]
    #[arg(long, value_name = "SHARE", value_parser = crate::settings::parse_share)]
    pub(crate) memory_fraction: Option<f64>,

    /// Take that share of a GPU's memory at once, so that others cannot
    #[arg(long)]
    pub(crate) reserve: bool,

    /// Streams of a GPU that batches take turns on, each with memory of its own [default: 2]
    #[arg(long, value_name = "N", value_parser = crate::settings::parse_streams)]
    pub(crate) gpu_streams: Option<NonZeroUsize>,

    /// Give the memory of passes back to a GPU when no text came for some ten seconds
    #[arg(long)]
    pub(crate) release_idle: bool,
}
