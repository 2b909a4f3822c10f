//! The flags of `fillrate compare`.

use std::path::PathBuf;

use clap::Args;

use super::{ComputeArgs, InputArgs, TextArgs};

/// What stands below the list of flags.
pub(super) const RECORDS_AND_EXAMPLES: &str = "\
Labels are negative, neutral and positive, or neg, neu and pos, or bearish and bullish, in any
case; or -1, 0 and 1, if -1 occurs at all: 0 and 1 alone could mean anything. A row with another
label is malformed.

Records, one per model and in the order asked for, have
  model, precision, device, threads, texts, failed, accuracy, macro_f1,
  classes{negative,neutral,positive}{precision,recall,f1,support},
  confusion{negative,neutral,positive}{negative,neutral,positive},
  calibration{ece,nll,brier}, texts_per_s, load_ms, memory_bytes, together_gain
where confusion.negative.positive counts the texts that are negative and were called positive;
macro_f1 is the mean F1 of the classes that occur among labels or answers; ece is the expected
calibration error in 15 bins of the probability of the label given, nll the mean of -ln P(label),
brier the squared error of the three probabilities, from 0 to 2. What would be a division by zero
is null. texts_per_s leaves the loading of the model out, and every text is computed, equal ones
too. memory_bytes is by how much the memory
of the process that is in RAM, that of the texts aside, grew at most while the model was loaded and
scored: its weights and what it needs to compute. Models are loaded one after another, and what
one leaves behind is given back before the next where the system allows it (Linux with glibc).
together_gain, with --together, is the same in each record: the time that the models take one after
another over the time until all are done when they begin at once, medians of three rounds. Above 1
they fill each other's gaps; below, they get in each other's way.
failed counts texts that the model could not answer, which is an error unless --on-error skip.
A table without rows gives no records.

Examples:
  fillrate compare labelled.csv --models news-mini,vader --label sentiment
  fillrate compare labelled.jsonl --models ./old,./new --label label -o compared.json
  fillrate compare labelled.csv --models finbert --label y --precision int8 --threads 2
  fillrate compare labelled.csv --models finbert,news-mini --label y --together";

/// What to compare, and on what.
#[derive(Args, Clone, Debug)]
pub(crate) struct CompareArgs {
    /// The table: a .csv, .jsonl or .parquet file, or - for standard input
    #[arg(value_name = "INPUT")]
    pub(crate) input: PathBuf,

    /// Registered models or directories, one after the other; may be given more than once
    #[arg(long, required = true, value_delimiter = ',', value_name = "NAME|DIR,…")]
    pub(crate) models: Vec<String>,

    /// The column that holds the labels
    #[arg(long, value_name = "COLUMN")]
    pub(crate) label: String,

    /// Then load all models at once and let them score together, each on streams of its own
    #[arg(long)]
    pub(crate) together: bool,

    /// How the table is read
    #[command(flatten)]
    pub(crate) table: InputArgs,

    /// How the models compute
    #[command(flatten)]
    pub(crate) compute: ComputeArgs,
}

impl CompareArgs {
    /// What was typed about texts.
    pub(super) fn text_args(&self) -> TextArgs {
        TextArgs { input: self.table.clone(), compute: self.compute.clone(), ..TextArgs::default() }
    }
}
