//! From a model's name to a model, where it computes, and how its work is batched.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use fillrate::text::batch::{self, BatchOptions, Budget};
use fillrate::text::{DeviceOptions, Model, ModelSource, RoutedOptions};
use fillrate_device::cuda::Library;
use fillrate_device::probe::processor_and_memory;
use fillrate_device::routing::{Preference, RouterOptions};
use fillrate_kernels::Precision;
use fillrate_kernels::cuda::{Accelerator, Gpu, GpuPrecision};

use super::device::{gpu_options, health_limits, unusable};
use super::prices::threads;
use crate::failure::hinted;
use crate::output::Printer;
use crate::settings::{BatchTokens, DeviceChoice, Mode, PrecisionChoice, Settings};
use crate::store::Store;

/// How long no text may come before the memory of passes is given back, if that is asked for. It
/// takes some milliseconds to take it again.
const RELEASE_AFTER: Duration = Duration::from_secs(10);

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
    if let Some(gpu) = gpu(&source, settings) {
        match Model::load_on(&source, gpu, options) {
            Ok(model) => {
                if let Some(tokens) = model.reduced_tokens {
                    printer.warn(&format!(
                        "the GPU's memory has no room for larger batches than {tokens} tokens"
                    ));
                }
                if let Some(check) = model.fp8 {
                    if check.passes() {
                        printer.note(&format!("fp8: {check}"));
                    } else {
                        let precision = &model.classifier.provenance().precision;
                        printer.warn(&format!("fp8 is refused and {precision} taken: {check}"));
                    }
                }
                return Ok(model);
            }
            // Nobody asked for it by name.
            Err(error) if error.is_device() && settings.device == DeviceChoice::Auto => {
                printer.note(&format!("the GPU is not used: {error}"));
            }
            Err(error) if error.is_device() => return Err(unusable(&error)),
            Err(error) => return Err(error.into()),
        }
    }
    match settings.text.precision {
        PrecisionChoice::Fp16 => {
            return Err(hinted("fp16 is computed on GPUs only", "use `--precision bf16`"));
        }
        PrecisionChoice::Fp8 => {
            return Err(hinted("fp8 is computed on GPUs only", "use `--precision int8`"));
        }
        _ => {}
    }
    Ok(Model::load(&source, processor_precision(settings), options)?)
}

/// The type that the processor computes in; it has neither fp16 nor fp8.
fn processor_precision(settings: &Settings) -> Option<Precision> {
    match settings.text.precision {
        PrecisionChoice::Auto | PrecisionChoice::Fp16 | PrecisionChoice::Fp8 => None,
        PrecisionChoice::Fp32 => Some(Precision::Fp32),
        PrecisionChoice::Bf16 => Some(Precision::Bf16),
        PrecisionChoice::Int8 => Some(Precision::Int8),
    }
}

/// The GPU to compute on, if it is to be one. With `auto` batches go to the quicker side; a GPU that is
/// asked for has all of them. Either way the processor computes what the GPU fails.
fn gpu(source: &ModelSource, settings: &Settings) -> Option<DeviceOptions> {
    let without_encoder =
        matches!(source, ModelSource::Builtin(known) if known.encoder().is_none());
    let precision = match settings.text.precision {
        PrecisionChoice::Auto => GpuPrecision::Best,
        // In fp8 all but the layers' products stays in bf16.
        PrecisionChoice::Bf16 | PrecisionChoice::Fp8 => GpuPrecision::Bf16,
        PrecisionChoice::Fp16 => GpuPrecision::Fp16,
        // Refused for a GPU that is asked for; the processor computes in them.
        PrecisionChoice::Fp32 | PrecisionChoice::Int8 => return None,
    };
    let (ordinal, preference) = match settings.device {
        DeviceChoice::Cpu => return None,
        DeviceChoice::Cuda(ordinal) => (ordinal.unwrap_or(0), Preference::Primary),
        // Most machines have none, and that is nothing to speak of.
        DeviceChoice::Auto if without_encoder || !Library::Driver.is_present() => return None,
        DeviceChoice::Auto => (0, Preference::Auto),
    };
    let options = gpu_options(settings);
    let open = move || -> fillrate::Result<Arc<dyn Accelerator>> {
        Ok(Arc::new(Gpu::open(ordinal, precision, &options)?))
    };
    let limits = health_limits(settings);
    let router = RouterOptions { preference, ..RouterOptions::default() };
    let routed = RoutedOptions { router, limits };
    let twin_precision = processor_precision(settings);
    Some(DeviceOptions {
        open: Box::new(open),
        routed,
        twin_precision,
        streams: settings.text.on_gpu.streams,
        fp8: settings.text.precision == PrecisionChoice::Fp8,
        release_after: settings.text.on_gpu.release_idle.then_some(RELEASE_AFTER),
    })
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
