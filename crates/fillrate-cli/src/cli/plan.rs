//! The flags of `fillrate plan`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// What stands below the list of verbs.
pub(super) const EXAMPLES: &str = "\
A configuration is a Hydra tree (conf/config.yaml with its groups and numbered stage files), a file
of Lightning's command line, Hugging Face's TrainingArguments, an Axolotl file, or any YAML or JSON
with a --map. docs/planner.md has the formulas, and what to do about an out-of-memory error.

Examples:
  fillrate plan show conf/config.yaml --gpu a10
  fillrate plan suggest conf/config.yaml --gpu 24 --effective-batch 256
  fillrate plan apply conf/config.yaml --gpu a100-80gb           the diff
  fillrate plan apply conf/config.yaml --gpu a100-80gb --write   and the files
  fillrate plan restore conf/config.yaml
  fillrate plan verify conf/config.yaml --torch=.venv/bin/python";

/// What stands below the flags of `suggest`.
const SUGGEST_RECORDS: &str = "\
Records, one per suggestion and stage, have
  name, batch_size, accumulate_grad_batches, effective_batch, n_positives, n_negatives,
  memory{parameters_bytes,gradients_bytes,optimizer_bytes,activations_bytes,batch_bytes,
  workspace_bytes,context_bytes,total_bytes}, utilization, suggestion, max_length, precision,
  gradient_checkpointing, largest_batch, allocated_bytes, reserved_bytes, required_bytes,
  required_low_bytes, required_high_bytes, budget_bytes, step_seconds, rows_per_second, warnings
where total_bytes is the peak of the sum of the parts at one moment, the CUDA context apart, and
utilization is required_bytes, the reserved peak and the context, as a share of the GPU's memory.
The effective batch is kept, unless --effective-batch says otherwise.";

/// What stands below the flags of `apply`.
const APPLY_NOTES: &str = "\
Only the bytes of values change: comments, order, quotes, blank lines and line ends stay. All files
of a tree are written or none, each after its former content was kept as FILE.backup (the next time
FILE.backup.1). What is not safe to edit, such as an anchor, is refused with its line. A second
apply has nothing to do.";

/// What to do with a configuration.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum PlanVerb {
    /// Say where the memory goes as the configuration stands, and what to change
    Show(ShowArgs),

    /// Find the settings that fit: the fastest, a balance, the smallest
    #[command(after_help = SUGGEST_RECORDS)]
    Suggest(SuggestArgs),

    /// Show a suggestion as a diff, and write it with --write
    #[command(after_help = APPLY_NOTES)]
    Apply(ApplyArgs),

    /// Put back what `apply --write` changed last
    Restore(RestoreArgs),

    /// Run a few steps in PyTorch and compare its memory with the estimate
    Verify(VerifyArgs),
}

/// The configuration, and what it does not say.
#[derive(Args, Clone, Debug)]
pub(crate) struct ConfigArgs {
    /// The configuration: a .yaml, .yml or .json file; of a tree, the file at its top
    #[arg(value_name = "CONFIG")]
    pub(crate) path: PathBuf,

    /// What kind of file it is [default: told from its content]
    #[arg(long, value_name = "KIND")]
    pub(crate) config_format: Option<ConfigKind>,

    /// Where a file of another kind says what: TOML or YAML with FIELD = "path.in.the.file"
    #[arg(long, value_name = "FILE", conflicts_with = "config_format")]
    pub(crate) map: Option<PathBuf>,

    /// Take this value, whatever the file says; may be given more than once
    #[arg(long, value_name = "FIELD=VALUE", value_parser = parse_set)]
    pub(crate) set: Vec<(fillrate::plan::config::Field, String)>,
}

/// The GPU, and how much of it may be taken.
#[derive(Args, Clone, Debug)]
pub(crate) struct GpuArgs {
    /// The GPU: auto (the one here), free (what is free on it now), a name such as a100-80gb, or
    /// its memory in GiB [default: auto]
    #[arg(long, value_name = "auto|free|NAME|GIB")]
    pub(crate) gpu: Option<String>,

    /// The share of the memory to leave, from 0 up to 1 [default: 0.15 of what is free if that was
    /// measured, else 0.2]
    #[arg(long, value_name = "SHARE", value_parser = parse_margin)]
    pub(crate) margin: Option<f64>,

    /// Memory to leave at least, in GiB [default: 0]
    #[arg(long, value_name = "GIB", value_parser = parse_gib)]
    pub(crate) reserve_gib: Option<f64>,

    /// What runs on this GPU said of the estimates: a file that `plan verify --save` wrote
    #[arg(long, value_name = "FILE")]
    pub(crate) calibration: Option<PathBuf>,
}

/// Pictures of the memory.
#[derive(Args, Clone, Debug)]
pub(crate) struct PictureArgs {
    /// Write a page for a browser, with a bar of memory for each stage
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,

    /// Write the bars as a picture
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
}

/// What may be suggested.
#[derive(Args, Clone, Debug)]
pub(crate) struct SearchAxesArgs {
    /// Rows of one optimizer step, over all GPUs [default: as many as now]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    pub(crate) effective_batch: Option<u64>,

    /// What may change besides batch size and accumulation; may be given more than once
    #[arg(long, value_name = "AXIS,…", value_delimiter = ',')]
    pub(crate) axes: Vec<AxisChoice>,
}

/// The flags of `show`.
#[derive(Args, Clone, Debug)]
pub(crate) struct ShowArgs {
    /// What to read
    #[command(flatten)]
    pub(crate) config: ConfigArgs,

    /// What to plan for
    #[command(flatten)]
    pub(crate) gpu: GpuArgs,

    /// Also print the formula of every part, with its numbers and its source
    #[arg(long)]
    pub(crate) explain: bool,

    /// What to draw
    #[command(flatten)]
    pub(crate) pictures: PictureArgs,
}

/// The flags of `suggest`.
#[derive(Args, Clone, Debug)]
pub(crate) struct SuggestArgs {
    /// What to read
    #[command(flatten)]
    pub(crate) config: ConfigArgs,

    /// What to plan for
    #[command(flatten)]
    pub(crate) gpu: GpuArgs,

    /// What to look for
    #[command(flatten)]
    pub(crate) search: SearchAxesArgs,

    /// What to draw
    #[command(flatten)]
    pub(crate) pictures: PictureArgs,
}

/// The flags of `apply`.
#[derive(Args, Clone, Debug)]
pub(crate) struct ApplyArgs {
    /// What to read and edit
    #[command(flatten)]
    pub(crate) config: ConfigArgs,

    /// What to plan for
    #[command(flatten)]
    pub(crate) gpu: GpuArgs,

    /// What to look for
    #[command(flatten)]
    pub(crate) search: SearchAxesArgs,

    /// Which suggestion, by its name [default: the first, for throughput]
    #[arg(long, value_name = "NAME")]
    pub(crate) suggestion: Option<String>,

    /// Write the files, not only the diff
    #[arg(long)]
    pub(crate) write: bool,
}

/// The flags of `restore`.
#[derive(Args, Clone, Debug)]
pub(crate) struct RestoreArgs {
    /// What to restore
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// The flags of `verify`.
#[derive(Args, Clone, Debug)]
pub(crate) struct VerifyArgs {
    /// What to read
    #[command(flatten)]
    pub(crate) config: ConfigArgs,

    /// What to plan for
    #[command(flatten)]
    pub(crate) gpu: GpuArgs,

    /// The Python that has torch and transformers [default: python3]
    #[arg(long, value_name = "PYTHON", num_args = 0..=1, require_equals = true,
          default_missing_value = "python3")]
    pub(crate) torch: Option<PathBuf>,

    /// Optimizer steps of each run [default: 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(crate) steps: Option<u64>,

    /// Keep what the runs say of the estimates, for --calibration; needs a GPU
    #[arg(long, value_name = "FILE", conflicts_with = "calibration")]
    pub(crate) save: Option<PathBuf>,
}

/// The kinds of configurations that are told from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ConfigKind {
    /// A tree of Hydra's
    Hydra,
    /// A file of Lightning's command line
    Lightning,
    /// Hugging Face's training arguments
    Transformers,
    /// An Axolotl file
    Axolotl,
}

/// What a suggestion may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AxisChoice {
    /// Whether layers are computed again in the backward pass
    Checkpointing,
    /// The type of products
    Precision,
    /// The length of sequences
    Length,
    /// The number of negatives
    Negatives,
}

/// Reads `FIELD=VALUE`.
fn parse_set(text: &str) -> Result<(fillrate::plan::config::Field, String), String> {
    let (field, value) = text.split_once('=').ok_or("expected FIELD=VALUE")?;
    if value.trim().is_empty() {
        return Err(format!("`{field}` has no value"));
    }
    Ok((field.trim().parse()?, value.trim().to_owned()))
}

/// Reads a share that leaves something.
fn parse_margin(text: &str) -> Result<f64, String> {
    let share = text.parse::<f64>().ok().filter(|share| (0.0..1.0).contains(share));
    share.ok_or_else(|| "expected a number from 0 up to, but not, 1".to_owned())
}

/// Reads a size that some GPU could have.
fn parse_gib(text: &str) -> Result<f64, String> {
    let size = text.parse::<f64>().ok().filter(|size| (0.0..=65_536.0).contains(size));
    size.ok_or_else(|| "expected a number of GiB from 0 to 65536".to_owned())
}

#[cfg(test)]
mod tests {
    use fillrate::plan::config::Field;

    use super::*;

    #[test]
    fn a_field_is_given_with_its_value() {
        assert_eq!(parse_set("max_length = 128"), Ok((Field::MaxLength, "128".to_owned())));
        assert_eq!(parse_set("model=a=b"), Ok((Field::Model, "a=b".to_owned())));
        for bad in ["max_length", "max_length=", "len=1", "=1"] {
            assert!(parse_set(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_margin_leaves_something() {
        assert_eq!((parse_margin("0"), parse_margin("0.2")), (Ok(0.0), Ok(0.2)));
        for bad in ["1", "-0.1", "nan", "x"] {
            assert!(parse_margin(bad).is_err(), "{bad}");
        }
    }
}
