//! From a model's name to a model, where it computes, and how its work is batched.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use fillrate::text::batch::{self, BatchOptions, Budget};
use fillrate::text::{Model, ModelSource};
use fillrate_device::cuda::Library;
use fillrate_device::memory::MemoryOptions;
use fillrate_device::probe::processor_and_memory;
use fillrate_kernels::Precision;
use fillrate_kernels::cuda::{Accelerator, Gpu, GpuOptions, GpuPrecision};

use super::prices::threads;
use crate::failure::hinted;
use crate::output::Printer;
use crate::settings::{BatchTokens, DeviceChoice, Mode, PrecisionChoice, Settings};
use crate::store::Store;

/// The longest a text waits for company in the latency mode.
const WAIT_MAX: Duration = Duration::from_millis(20);

/// Loads the model that `name` names, as the settings say.
///
/// # Errors
///
/// If there is no such model, or its files cannot be used.
pub(super) fn load(
    name: &str,
    settings: &Settings,
    options: &BatchOptions,
    printer: &Printer,
) -> anyhow::Result<Model> {
    let source = Store::new(&settings.hub).registry().resolve(name)?;
    let is_asked_for = name == settings.text.model;
    if is_asked_for && matches!(&source, ModelSource::Builtin(known) if known.encoder().is_none()) {
        note_what_vader_has_not(settings, printer);
    }
    if let Some(gpu) = gpu(&source, settings, printer)? {
        let model = Model::load_on(&source, gpu, options)?;
        if let Some(tokens) = model.reduced_tokens {
            printer.warn(&format!(
                "the GPU's memory has no room for larger batches than {tokens} tokens"
            ));
        }
        return Ok(model);
    }
    load_on_processor(&source, settings, options)
}

/// The same model on the processor, to stand in for a GPU that fails.
///
/// # Errors
///
/// As [`load`].
pub(super) fn load_twin(
    name: &str,
    settings: &Settings,
    options: &BatchOptions,
) -> anyhow::Result<Model> {
    let source = Store::new(&settings.hub).registry().resolve(name)?;
    load_on_processor(&source, settings, options)
}

fn load_on_processor(
    source: &ModelSource,
    settings: &Settings,
    options: &BatchOptions,
) -> anyhow::Result<Model> {
    let precision = match settings.text.precision {
        PrecisionChoice::Auto => None,
        PrecisionChoice::Fp32 => Some(Precision::Fp32),
        PrecisionChoice::Bf16 => Some(Precision::Bf16),
        PrecisionChoice::Int8 => Some(Precision::Int8),
        PrecisionChoice::Fp16 => {
            return Err(hinted("fp16 is computed on GPUs only", "use `--precision bf16`"));
        }
    };
    Ok(Model::load(source, precision, options)?)
}

/// The GPU to compute on, if it is to be one: asked for, it must do; with `auto` the processor stands
/// in for one that cannot be used, and that is said.
fn gpu(
    source: &ModelSource,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<Option<Arc<dyn Accelerator>>> {
    let without_encoder =
        matches!(source, ModelSource::Builtin(known) if known.encoder().is_none());
    if without_encoder && settings.device == DeviceChoice::Auto {
        return Ok(None);
    }
    let precision = match settings.text.precision {
        PrecisionChoice::Auto => GpuPrecision::Best,
        PrecisionChoice::Bf16 => GpuPrecision::Bf16,
        PrecisionChoice::Fp16 => GpuPrecision::Fp16,
        // Refused for a GPU that is asked for; the processor computes in them.
        PrecisionChoice::Fp32 | PrecisionChoice::Int8 => return Ok(None),
    };
    let options = GpuOptions {
        memory: MemoryOptions {
            fraction: settings.text.memory_fraction,
            reserve: settings.text.reserve,
            ..MemoryOptions::default()
        },
        cubins: settings.hub.cubins.clone(),
    };
    let open = |ordinal| -> anyhow::Result<Arc<dyn Accelerator>> {
        Ok(Arc::new(Gpu::open(ordinal, precision, &options)?))
    };
    match settings.device {
        DeviceChoice::Cpu => Ok(None),
        DeviceChoice::Cuda(ordinal) => {
            let gpu = open(ordinal.unwrap_or(0));
            gpu.map(Some).context("cannot compute on the GPU")
        }
        // Most machines have none, and that is nothing to speak of.
        DeviceChoice::Auto if !Library::Driver.is_present() => Ok(None),
        DeviceChoice::Auto => Ok(open(0)
            .inspect_err(|error| {
                printer.note(&format!("the GPU is not used: {error:#}"));
            })
            .ok()),
    }
}

/// Batching as the settings say, on the threads and the memory that this machine has. Called once
/// in a process: it starts the threads that the kernels of one batch share.
///
/// # Errors
///
/// If the threads cannot be started.
pub(super) fn batch_options(settings: &Settings) -> anyhow::Result<BatchOptions> {
    let threads = start_threads(settings)?;
    let (_, memory) = processor_and_memory();
    let mode = match settings.text.mode {
        Mode::Throughput => batch::Mode::Throughput,
        Mode::Latency => batch::Mode::Latency { max_wait: WAIT_MAX },
        Mode::Memory => batch::Mode::Memory,
    };
    let budget = match settings.text.batch_tokens {
        BatchTokens::Auto => Budget::Auto,
        BatchTokens::Tokens(tokens) => Budget::Tokens(tokens.get()),
    };
    Ok(BatchOptions {
        budget,
        workers: threads,
        dedupe: !settings.text.no_dedupe,
        available_bytes: memory.available_bytes.and_then(|bytes| bytes.try_into().ok()),
        ..BatchOptions::new(mode)
    })
}

/// Starts the threads that kernels share, as many as the settings say, and tells how many they are.
/// Called once in a process.
///
/// # Errors
///
/// If the threads cannot be started.
pub(super) fn start_threads(settings: &Settings) -> anyhow::Result<usize> {
    let threads = threads(settings);
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()
        .context("cannot start the threads")?;
    Ok(threads)
}

/// Says which of the settings mean nothing to a model without an encoder.
fn note_what_vader_has_not(settings: &Settings, printer: &Printer) {
    if settings.text.precision != PrecisionChoice::Auto {
        printer.note("vader has no encoder: the precision does not apply to it");
    }
    if settings.text.batch_tokens != BatchTokens::Auto {
        printer.note("vader has no tokens: the batch size does not apply to it");
    }
}
