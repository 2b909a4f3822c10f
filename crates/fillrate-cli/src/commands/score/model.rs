//! From a model's name to a scorer: the model, its fallback and how they are batched.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Context;
use fillrate::text::batch::{self, BatchOptions, Budget, Scorer};
use fillrate::text::{Model, ModelSource};
use fillrate_device::probe::processor_and_memory;
use fillrate_kernels::Precision;

use crate::failure::hinted;
use crate::output::Printer;
use crate::settings::{BatchTokens, Mode, PrecisionChoice, Settings};
use crate::store::Store;

/// The longest a text waits for company in the latency mode.
const WAIT_MAX: Duration = Duration::from_millis(20);

/// A model that is ready to score, with its fallback if there is one.
pub(super) struct Answerer {
    /// The model and its fallback.
    pub(super) scorer: Scorer,
    /// The names of each model's raw outputs, by the model's name.
    pub(super) classes: HashMap<String, Vec<String>>,
}

impl Answerer {
    /// Loads the model that the settings name and, if one is named, its fallback. A model that
    /// cannot be loaded is an error without a fallback; with one, every answer says why the
    /// fallback gave it.
    ///
    /// # Errors
    ///
    /// If no model can be loaded.
    pub(super) fn load(settings: &Settings, printer: &Printer) -> anyhow::Result<Self> {
        let options = batch_options(settings)?;
        let primary = load(&settings.text.model, settings, &options, printer);
        let fallback = settings.text.fallback.as_deref().map(|fallback| {
            load(fallback, settings, &options, printer)
                .with_context(|| format!("the fallback `{fallback}` cannot be loaded"))
        });
        let fallback = fallback.transpose()?;
        let named =
            |model: &Model| (model.classifier.provenance().model.clone(), model.classes.clone());
        let classes = primary.iter().chain(&fallback).map(named).collect();
        let scorer = match (primary, fallback) {
            (Ok(primary), None) => Scorer::new(primary.classifier, options),
            (Ok(primary), Some(fallback)) => {
                Scorer::new(primary.classifier, options).with_fallback(fallback.classifier)
            }
            (Err(error), Some(fallback)) => {
                let reason = one_line(&error);
                let model = &fallback.classifier.provenance().model;
                printer.warn(&format!("{reason}; {model} answers instead"));
                Scorer::degraded(fallback.classifier, reason, options)
            }
            (Err(error), None) => return Err(error),
        };
        Ok(Self { scorer, classes })
    }
}

fn load(
    name: &str,
    settings: &Settings,
    options: &BatchOptions,
    printer: &Printer,
) -> anyhow::Result<Model> {
    let source = Store::new(&settings.hub).registry().resolve(name)?;
    let is_asked_for = name == settings.text.model;
    if is_asked_for && matches!(source, ModelSource::Builtin(_)) {
        note_what_vader_has_not(settings, printer);
    }
    let precision = match settings.text.precision {
        PrecisionChoice::Auto => None,
        PrecisionChoice::Fp32 => Some(Precision::Fp32),
        PrecisionChoice::Bf16 => Some(Precision::Bf16),
        PrecisionChoice::Int8 => Some(Precision::Int8),
        PrecisionChoice::Fp16 => {
            return Err(hinted("fp16 is computed on GPUs only", "use `--precision bf16`"));
        }
    };
    Ok(Model::load(&source, precision, options)?)
}

/// Batching as the settings say, on the threads and the memory that this machine has.
///
/// # Errors
///
/// If the threads cannot be started.
fn batch_options(settings: &Settings) -> anyhow::Result<BatchOptions> {
    let (cpu, memory) = processor_and_memory();
    let mode = match settings.text.mode {
        Mode::Throughput => batch::Mode::Throughput,
        Mode::Latency => batch::Mode::Latency { max_wait: WAIT_MAX },
        Mode::Memory => batch::Mode::Memory,
    };
    let budget = match settings.text.batch_tokens {
        BatchTokens::Auto => Budget::Auto,
        BatchTokens::Tokens(tokens) => Budget::Tokens(tokens.get()),
    };
    let threads = settings.threads.map_or(cpu.threads_advised, usize::from);
    // What the kernels of one batch share among themselves.
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()
        .context("cannot start the threads")?;
    Ok(BatchOptions {
        budget,
        workers: threads,
        available_bytes: memory.available_bytes.and_then(|bytes| bytes.try_into().ok()),
        ..BatchOptions::new(mode)
    })
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

fn one_line(error: &anyhow::Error) -> String {
    format!("{error:#}").split_whitespace().collect::<Vec<_>>().join(" ")
}
