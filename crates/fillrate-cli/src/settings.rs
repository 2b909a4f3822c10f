//! What was asked for means: each setting from its flag, else the environment, else
//! `fillrate.toml`, else its default.

mod api_key;
pub(crate) mod hub;
pub(crate) mod keys;
mod layers;
mod page;
mod values;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use serde::Serialize;

pub(crate) use self::api_key::{ApiKey, ApiKeys};
pub(crate) use self::hub::HubSettings;
pub(crate) use self::layers::Origin;
use self::layers::{ConfigFile, Layers};
pub(crate) use self::page::environment_page;
pub(crate) use self::values::{
    BatchTokens, DeviceChoice, Format, InputFormat, Mode, OnError, PrecisionChoice, Verbosity,
    parse_share, parse_streams, parse_threads,
};
use crate::cli::{Cli, ComputeArgs, TextArgs, Verb};
use crate::failure::hinted;
use crate::output::Printer;

/// The model that scores when none is named.
pub(crate) const DEFAULT_MODEL: &str = "news-mini";

/// The share of a GPU's free memory that is used at most if nothing else is said.
const MEMORY_FRACTION: f64 = 0.9;

/// The streams of a GPU if nothing else is said: while one computes, the next batch is copied.
const GPU_STREAMS: usize = 2;

/// Everything a run is told, settled once and read everywhere.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Settings {
    /// How to write the result, if it was said or follows from the output file's extension.
    pub(crate) format: Option<Format>,
    /// The file to write to; standard output if absent.
    pub(crate) output: Option<PathBuf>,
    /// Where to compute.
    pub(crate) device: DeviceChoice,
    /// Threads to compute with; as many as the probe advises if absent.
    pub(crate) threads: Option<NonZeroUsize>,
    /// How much to say.
    pub(crate) verbosity: Verbosity,
    /// How texts are read and scored.
    pub(crate) text: TextSettings,
    /// Where models come from and where they are kept.
    pub(crate) hub: HubSettings,
    /// When `doctor` warns about a GPU.
    pub(crate) gpu: GpuLimits,
    /// The keys that a language model's server may ask for.
    #[serde(skip)]
    pub(crate) api_keys: ApiKeys,
    /// Where each setting's value comes from, by key.
    #[serde(skip)]
    pub(crate) origins: BTreeMap<&'static str, Origin>,
}

/// How texts are read and scored.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct TextSettings {
    /// A registered model's name or a directory.
    pub(crate) model: String,
    /// The column of the text; found by name if absent.
    pub(crate) text_column: Option<String>,
    /// The type the encoder computes in.
    pub(crate) precision: PrecisionChoice,
    /// Tokens in one batch.
    pub(crate) batch_tokens: BatchTokens,
    /// What batching favours.
    pub(crate) mode: Mode,
    /// How a GPU is used.
    #[serde(flatten)]
    pub(crate) on_gpu: GpuUse,
    /// Whether the end says where the time went.
    pub(crate) timings: bool,
    /// Whether equal texts are computed each on its own.
    pub(crate) no_dedupe: bool,
    /// Whether records carry the model's own logits and labels.
    pub(crate) raw: bool,
    /// The format of the input; from its extension if absent.
    pub(crate) input_format: Option<InputFormat>,
    /// What to do with a malformed row.
    pub(crate) on_error: OnError,
    /// The model to go on with if the first cannot be loaded.
    pub(crate) fallback: Option<String>,
}

/// How a GPU is used, if one computes.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct GpuUse {
    /// The share of its free memory to use at most.
    pub(crate) memory_fraction: f64,
    /// Whether that is taken at once.
    pub(crate) reserve: bool,
    /// The streams that batches take turns on.
    #[serde(rename = "gpu_streams")]
    pub(crate) streams: usize,
    /// Whether the memory of passes is given back while no text comes.
    pub(crate) release_idle: bool,
}

/// When a GPU is worth a warning; a limit that is absent is not checked.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct GpuLimits {
    /// Warn above this temperature, in degrees Celsius.
    #[serde(rename = "gpu_max_temperature_c")]
    pub(crate) temperature_c_max: Option<u32>,
    /// Warn below this much free memory, in MiB.
    #[serde(rename = "gpu_min_free_vram_mb")]
    pub(crate) free_memory_mib_min: Option<u64>,
    /// Warn above this utilisation, in percent.
    #[serde(rename = "gpu_max_utilization_warn")]
    pub(crate) utilization_percent_max: Option<u32>,
}

impl Settings {
    /// Settles every setting; `variable` looks an environment variable up.
    ///
    /// # Errors
    ///
    /// If a variable or a key of the file has a value that means nothing, the file cannot be read
    /// or has a key that is no setting, or what is asked for cannot be had on this build.
    pub(crate) fn settle(
        cli: &Cli,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> anyhow::Result<Self> {
        let common = &cli.common;
        let mut layers = Layers::new(&variable);
        let config = layers.path(&keys::CONFIG, common.config.clone())?;
        layers.set_file(match config {
            Some(path) => Some(ConfigFile::read(&path)?),
            None => ConfigFile::read_if_present(Path::new("fillrate.toml"))?,
        });

        let verbosity = settle_verbosity(&mut layers, common.quiet, common.verbose)?;
        let output = layers.path(&keys::OUTPUT, common.output.clone())?;
        let format = settle_format(&mut layers, common.format, output.as_deref())?;
        let settings = Self {
            format,
            output,
            device: layers
                .value(&keys::DEVICE, common.device, str::parse)?
                .unwrap_or(DeviceChoice::Auto),
            threads: layers.value(&keys::THREADS, common.threads, parse_threads)?,
            verbosity,
            text: settle_text(&mut layers, &cli.verb.text_args())?,
            hub: HubSettings::of_variables(&variable)?,
            gpu: settle_gpu_limits(&mut layers)?,
            api_keys: ApiKeys::of_variables(&variable),
            origins: layers.into_origins(),
        };
        settings.check()?;
        Ok(settings)
    }

    /// Refuses what can be asked for but not had.
    fn check(&self) -> anyhow::Result<()> {
        let precision = self.text.precision;
        if let DeviceChoice::Cuda(_) = self.device
            && matches!(precision, PrecisionChoice::Fp32 | PrecisionChoice::Int8)
        {
            let origin = self.origin(&keys::PRECISION);
            return Err(hinted(
                format!("{origin}: a GPU computes in bf16, fp16 or fp8"),
                "use `--precision auto`, which takes the one that the GPU is made for",
            ));
        }
        let (name, hint) = match precision {
            PrecisionChoice::Fp16 => {
                ("fp16", "use `--precision bf16`, which has the same size, or `auto`")
            }
            PrecisionChoice::Fp8 => {
                ("fp8", "use `--precision int8`, which has the same size, or `auto`")
            }
            _ => return Ok(()),
        };
        if self.device == DeviceChoice::Cpu {
            let origin = self.origin(&keys::PRECISION);
            return Err(hinted(format!("{origin}: {name} is computed on GPUs only"), hint));
        }
        Ok(())
    }

    /// Where the value of `key` comes from.
    pub(crate) fn origin(&self, key: &keys::Key) -> &Origin {
        self.origins.get(key.name).unwrap_or(&Origin::Default)
    }
}

/// Warns of `FILLRATE_*` variables that are no settings: most are slips of the pen. They are no
/// errors, since another version of Fillrate on the same machine may know them.
pub(crate) fn warn_of_unknown_variables(names: impl Iterator<Item = OsString>, printer: &Printer) {
    let keys = api_key::KEY_VARIABLES.iter().map(|(name, _)| (*name).to_owned());
    let known: Vec<String> = keys::ALL.iter().map(|key| key.variable()).chain(keys).collect();
    for name in names.filter_map(|name| name.into_string().ok()) {
        if !name.starts_with("FILLRATE_") || known.contains(&name) {
            continue;
        }
        let near = layers::nearest(&name, known.iter().map(String::as_str));
        let advice = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        printer.warn(&format!("{name} is not a setting{advice}"));
    }
}

/// Warns if a bot's model is to change with the market's hours, which `score` does not do.
pub(crate) fn warn_of_unread_switch(
    verb: &Verb,
    variable: impl Fn(&str) -> Option<OsString>,
    printer: &Printer,
) {
    let value = variable(keys::SWITCH_BY_HOURS).and_then(|value| value.into_string().ok());
    let is_on = value.is_some_and(|value| values::parse_switch(&value) == Ok(true));
    if is_on && matches!(verb, Verb::Score { .. }) {
        printer.warn(&format!(
            "{} is not read: the model is the same at any hour; name it with {}",
            keys::SWITCH_BY_HOURS,
            keys::MODEL.variable()
        ));
    }
}

fn settle_verbosity(
    layers: &mut Layers<'_>,
    quiet: bool,
    verbose: bool,
) -> anyhow::Result<Verbosity> {
    let quiet_asked = layers.switch(&keys::QUIET, quiet)?;
    let verbose_asked = layers.switch(&keys::VERBOSE, verbose)?;
    // Either flag is nearer than the other's variable or key.
    Ok(match (quiet, verbose) {
        (true, _) => Verbosity::Quiet,
        (_, true) => Verbosity::Verbose,
        _ if quiet_asked => Verbosity::Quiet,
        _ if verbose_asked => Verbosity::Verbose,
        _ => Verbosity::Normal,
    })
}

/// A format that was typed wins over the output's extension, and that over the other layers: a
/// default in `fillrate.toml` should not turn `-o scores.csv` into JSON.
fn settle_format(
    layers: &mut Layers<'_>,
    typed: Option<Format>,
    output: Option<&Path>,
) -> anyhow::Result<Option<Format>> {
    let settled = layers.value(&keys::FORMAT, typed, values::parse_name)?;
    if typed.is_some() {
        return Ok(typed);
    }
    let promised = output.and_then(Format::of_path);
    if promised.is_some() {
        layers.follow(&keys::FORMAT, &keys::OUTPUT);
    }
    Ok(promised.or(settled))
}

fn settle_text(layers: &mut Layers<'_>, typed: &TextArgs) -> anyhow::Result<TextSettings> {
    Ok(TextSettings {
        model: layers
            .text(&keys::MODEL, typed.model.clone())?
            .unwrap_or_else(|| DEFAULT_MODEL.to_owned()),
        text_column: layers.text(&keys::TEXT_COLUMN, typed.input.text_column.clone())?,
        precision: layers
            .value(&keys::PRECISION, typed.compute.precision, values::parse_name)?
            .unwrap_or(PrecisionChoice::Auto),
        batch_tokens: layers
            .value(&keys::BATCH_TOKENS, typed.compute.batch_tokens, str::parse)?
            .unwrap_or(BatchTokens::Auto),
        mode: layers
            .value(&keys::MODE, typed.compute.mode, values::parse_name)?
            .unwrap_or(Mode::Throughput),
        on_gpu: settle_gpu_use(layers, &typed.compute)?,
        timings: layers.switch(&keys::TIMINGS, typed.timings)?,
        no_dedupe: layers.switch(&keys::NO_DEDUPE, typed.no_dedupe)?,
        raw: layers.switch(&keys::RAW, typed.raw)?,
        input_format: layers.value(
            &keys::INPUT_FORMAT,
            typed.input.input_format,
            values::parse_name,
        )?,
        on_error: layers
            .value(&keys::ON_ERROR, typed.input.on_error, values::parse_name)?
            .unwrap_or(OnError::Stop),
        fallback: layers.text(&keys::FALLBACK, typed.fallback.clone())?,
    })
}

fn settle_gpu_use(layers: &mut Layers<'_>, typed: &ComputeArgs) -> anyhow::Result<GpuUse> {
    Ok(GpuUse {
        memory_fraction: layers
            .value(&keys::MEMORY_FRACTION, typed.memory_fraction, values::parse_share)?
            .unwrap_or(MEMORY_FRACTION),
        reserve: layers.switch(&keys::RESERVE, typed.reserve)?,
        streams: layers
            .value(&keys::STREAMS, typed.gpu_streams, values::parse_streams)?
            .map_or(GPU_STREAMS, NonZeroUsize::get),
        release_idle: layers.switch(&keys::RELEASE_IDLE, typed.release_idle)?,
    })
}

fn settle_gpu_limits(layers: &mut Layers<'_>) -> anyhow::Result<GpuLimits> {
    Ok(GpuLimits {
        temperature_c_max: layers.value(
            &keys::GPU_MAX_TEMPERATURE_C,
            None,
            values::parse_number,
        )?,
        free_memory_mib_min: layers.value(
            &keys::GPU_MIN_FREE_VRAM_MB,
            None,
            values::parse_number,
        )?,
        utilization_percent_max: layers.value(
            &keys::GPU_MAX_UTILIZATION_WARN,
            None,
            values::parse_percent,
        )?,
    })
}
