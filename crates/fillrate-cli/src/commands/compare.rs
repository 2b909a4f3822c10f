//! `fillrate compare`: several models over one labelled table, side by side.

mod page;

use std::time::{Duration, Instant};

use fillrate::records::{Layout, Reader, Writer};
use fillrate::text::batch::{BatchOptions, Scorer};
use fillrate::text::evaluation::{EvaluatedModel, LabelledTexts, Together, evaluation_columns};
use fillrate_device::process::{self, ProcessMemory};

use super::Outcome;
use super::loading::{batch_options, load};
use super::table::{count, format_of_records, open, record_format, report_skipped};
use crate::cli::CompareArgs;
use crate::failure::hinted;
use crate::output::{Printer, Rendered};
use crate::settings::{Format, Settings};
use crate::store::Store;

/// How often models are run apart and together.
const TOGETHER_ROUNDS: usize = 3;

/// Runs each model over the labelled table and writes a record for each.
///
/// # Errors
///
/// If the table, a model or the output cannot be used; a file that was to be written is then as it
/// was before.
pub(crate) fn run(
    arguments: &CompareArgs,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<Outcome> {
    let format = record_format(settings)?;
    check_models(&arguments.models, settings)?;
    let mut reader = open(&arguments.input, settings, printer)?;
    let text_column = reader.select_text(settings.text.text_column.as_deref())?;
    check_label_column(&reader, &text_column, arguments)?;
    let labelled = LabelledTexts::read(&mut reader, &arguments.label)?;
    let mut models = Vec::new();
    if labelled.texts.is_empty() {
        printer.warn(&format!("{}: there is no labelled text", arguments.input.display()));
    } else {
        // Speeds are compared on what each text costs, not on how often a feed repeats itself.
        let options = BatchOptions { dedupe: false, ..batch_options(settings)? };
        for name in &arguments.models {
            models.push(evaluate(name, &labelled, &mut reader, &options, settings, printer)?);
        }
        if arguments.together {
            let gain = together(&arguments.models, &labelled.texts, &options, settings, printer)?;
            for model in &mut models {
                model.together_gain = gain;
            }
        }
    }
    report_skipped(reader.skipped(), printer);
    write(&models, format, settings, printer)?;
    Ok(Outcome::Done)
}

/// Finds each model before any is run, so that a slip of the pen does not cost a long wait.
fn check_models(names: &[String], settings: &Settings) -> anyhow::Result<()> {
    let store = Store::new(&settings.hub);
    for name in names {
        if name.trim().is_empty() {
            return Err(hinted(
                "--models: a name is empty",
                "separate the names with single commas",
            ));
        }
        store.registry().resolve(name)?;
    }
    Ok(())
}

fn check_label_column(
    reader: &Reader,
    text_column: &str,
    arguments: &CompareArgs,
) -> anyhow::Result<()> {
    let columns = reader.columns();
    let (label, path) = (arguments.label.as_str(), arguments.input.display());
    if label == text_column {
        return Err(hinted(
            format!("{path}: column `{label}` cannot be both the text and the label"),
            "name them with --text-column NAME and --label NAME",
        ));
    }
    // A table without a row may have no columns either.
    if columns.is_empty() || columns.contains(&label) {
        return Ok(());
    }
    Err(hinted(
        format!("{path}: no column `{label}`; the columns are: {}", columns.join(", ")),
        "name the column of the labels with --label NAME",
    ))
}

/// Loads one model, asks it for every text and drops it again.
fn evaluate(
    name: &str,
    labelled: &LabelledTexts,
    reader: &mut Reader,
    options: &BatchOptions,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<EvaluatedModel> {
    let memory = MemoryGrowth::begin();
    let start = Instant::now();
    let model = load(name, settings, options, printer)?;
    let load_ms = start.elapsed().as_secs_f64() * 1e3;
    let provenance = (**model.classifier.provenance()).clone();
    let scorer = Scorer::new(model.classifier, options.clone());
    let mut failed_texts = 0;
    let start = Instant::now();
    let evaluation = labelled.evaluate(&scorer, |line, error| {
        failed_texts += 1;
        reader.report(line, format!("{} cannot score the text: {error}", provenance.model))
    })?;
    let seconds = start.elapsed().as_secs_f64();
    let texts = evaluation.confusion.texts();
    printer.note(&format!(
        "{}: {} in {seconds:.2} s, loaded in {load_ms:.0} ms",
        provenance.model,
        count(texts, "text")
    ));
    Ok(EvaluatedModel {
        provenance,
        evaluation,
        threads: options.workers,
        failed_texts,
        texts_per_s: (texts > 0 && seconds > 0.0).then(|| texts as f64 / seconds),
        load_ms,
        memory_bytes: memory.bytes(),
        together_gain: None,
    })
}

/// Lets all models score the texts at once, and says how that compares with one after another;
/// `None` if a device has no room for all of them, so that one after another is the only way.
fn together(
    names: &[String],
    texts: &[String],
    options: &BatchOptions,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<Option<f64>> {
    let mut scorers = Vec::new();
    for name in names {
        match load(name, settings, options, printer) {
            Ok(model) => scorers.push(Scorer::new(model.classifier, options.clone())),
            Err(error) if !scorers.is_empty() && is_out_of_memory(&error) => {
                let error = format!("{error:#}");
                printer.warn(&format!("the models run one after another only: {name}: {error}"));
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
    }
    let measured = Together::measure(&scorers, texts, TOGETHER_ROUNDS);
    let apart: f64 = measured.apart.iter().map(Duration::as_secs_f64).sum();
    let (together, gain) = (measured.together.as_secs_f64(), measured.gain());
    printer.note(&format!(
        "together {together:.2} s, one after another {apart:.2} s: {gain:.2} times as fast"
    ));
    Ok(Some(gain))
}

fn is_out_of_memory(error: &anyhow::Error) -> bool {
    error.downcast_ref::<fillrate::Error>().is_some_and(fillrate::Error::is_out_of_memory)
}

/// By how much this process grows.
struct MemoryGrowth {
    before_bytes: Option<u64>,
}

impl MemoryGrowth {
    /// Begins at what is resident now, if the system lets a peak begin anew.
    fn begin() -> Self {
        process::release_unused();
        let is_reset = process::reset_peak();
        let before = ProcessMemory::read().resident_bytes;
        Self { before_bytes: before.filter(|_| is_reset) }
    }

    /// The most that was resident since, less what was at the beginning.
    fn bytes(&self) -> Option<u64> {
        Some(ProcessMemory::read().peak_bytes?.saturating_sub(self.before_bytes?))
    }
}

fn write(
    models: &[EvaluatedModel],
    format: Format,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<()> {
    let Some(format) = format_of_records(format) else {
        let page = Rendered::text(page::page(models, printer));
        return printer.emit(&page, settings.output.as_deref());
    };
    let (schema, columns) = evaluation_columns(models);
    let sink = printer.sink(settings.output.as_deref())?;
    let mut writer = Writer::new(sink, format, Layout::None, schema);
    if !models.is_empty() {
        writer.write(columns)?;
    }
    Ok(writer.finish()?)
}
