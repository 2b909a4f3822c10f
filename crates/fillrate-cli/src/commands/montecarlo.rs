//! `fillrate montecarlo`: where prices go, by simulation.

mod basket;
mod paths;

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, StringArray, StructArray, UInt32Array, UInt64Array};
use arrow_schema::{DataType, Field, Fields, Schema};
use fillrate::market::montecarlo::{
    HestonTerms, MertonTerms, MonteCarloOptions, PathModel, Terminal, Underlying, simulate_on,
};
use fillrate::records::{Layout, Writer};

use self::paths::PathFile;
use super::Outcome;
use super::device::{computer, say, warn_processor_computes};
use super::loading::start_threads;
use super::table::{format_of_records, record_format};
use crate::cli::{ModelName, MonteCarloArgs};
use crate::failure::hinted;
use crate::output::{Printer, Rendered};
use crate::settings::Settings;

/// The keys of the quantiles, in the order of `fillrate::market::montecarlo::QUANTILES`.
const QUANTILE_KEYS: [&str; 7] = ["p01", "p05", "p25", "p50", "p75", "p95", "p99"];

/// Simulates and writes the record, and the paths if they are asked for.
///
/// # Errors
///
/// If a term is missing or out of its range, or a file cannot be used; files that were to be written
/// are then as they were before.
pub(crate) fn run(
    arguments: &MonteCarloArgs,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<Outcome> {
    let format = record_format(settings)?;
    let options = options(arguments);
    let (underlying, model) = match &arguments.basket {
        Some(table) => {
            let drift = arguments.drift.unwrap_or(0.0);
            (Underlying::Basket(basket::read(table, drift, settings, printer)?), "basket")
        }
        None => asset(arguments)?,
    };
    refuse_flags_of_other_models(arguments, model)?;
    let file = arguments.paths_out.as_deref().map(|path| PathFile::create(path, &options, printer));
    let file = file.transpose()?;
    start_threads(settings)?;
    if file.is_some() {
        warn_processor_computes("--paths-out", settings, printer);
    }
    let (computer, underlying) = (computer(settings)?, Arc::new(underlying));
    let terminal = simulate_on(&computer, &underlying, &options)?;
    say(&computer.report(), printer);
    let file = file.map(|file| file.fill(&underlying, &options)).transpose()?;
    match format_of_records(format) {
        None => {
            let page = Rendered::text(page(&terminal));
            printer.emit(&page, settings.output.as_deref())?;
        }
        Some(format) => {
            let sink = printer.sink(settings.output.as_deref())?;
            let (schema, columns) = columns(&terminal, model, &options);
            let mut writer = Writer::new(sink, format, Layout::None, Arc::new(schema));
            writer.write(columns)?;
            writer.finish()?;
        }
    }
    file.map_or(Ok(()), PathFile::finish)?;
    Ok(Outcome::Done)
}

fn options(arguments: &MonteCarloArgs) -> MonteCarloOptions {
    let usual = MonteCarloOptions::default();
    MonteCarloOptions {
        expiry: arguments.expiry,
        steps: arguments.steps.unwrap_or(usual.steps),
        paths: arguments.paths.unwrap_or(usual.paths),
        seed: arguments.seed.unwrap_or(usual.seed),
        antithetic: arguments.antithetic,
    }
}

/// The asset and the name of its model.
fn asset(arguments: &MonteCarloArgs) -> anyhow::Result<(Underlying, &'static str)> {
    let needed = |name: &str, value: Option<f64>| {
        let hint = "`fillrate montecarlo --help` has the terms of each model";
        value.ok_or_else(|| hinted(format!("{name}: not given"), hint))
    };
    let spot = needed("--spot", arguments.spot)?;
    let vol = needed("--vol", arguments.vol)?;
    let drift = arguments.drift.unwrap_or(0.0);
    let name = arguments.model.unwrap_or(ModelName::Gbm);
    let model = match name {
        ModelName::Gbm => PathModel::GeometricBrownian { drift, vol },
        ModelName::Merton => PathModel::Merton(MertonTerms {
            drift,
            vol,
            jumps_per_year: arguments.jumps_per_year.unwrap_or(0.0),
            jump_mean: arguments.jump_mean.unwrap_or(0.0),
            jump_vol: arguments.jump_vol.unwrap_or(0.0),
        }),
        ModelName::Heston => {
            anyhow::ensure!(vol >= 0.0, "vol: {vol} is not a number from 0 on");
            PathModel::Heston(HestonTerms {
                drift,
                variance: vol * vol,
                reversion: arguments.reversion.unwrap_or(1.0),
                variance_mean: arguments.variance_mean.unwrap_or(vol * vol),
                variance_vol: arguments.variance_vol.unwrap_or(0.0),
                correlation: arguments.correlation.unwrap_or(0.0),
            })
        }
    };
    Ok((Underlying::Asset { spot, model }, name.as_str()))
}

/// Refuses a flag that would have no effect.
fn refuse_flags_of_other_models(arguments: &MonteCarloArgs, model: &str) -> anyhow::Result<()> {
    for (flag, value, of) in [
        ("--jumps-per-year", arguments.jumps_per_year, ModelName::Merton),
        ("--jump-mean", arguments.jump_mean, ModelName::Merton),
        ("--jump-vol", arguments.jump_vol, ModelName::Merton),
        ("--reversion", arguments.reversion, ModelName::Heston),
        ("--variance-mean", arguments.variance_mean, ModelName::Heston),
        ("--variance-vol", arguments.variance_vol, ModelName::Heston),
        ("--correlation", arguments.correlation, ModelName::Heston),
    ] {
        if value.is_some() && of.as_str() != model {
            let hint = format!("take the model that has it: --model {}", of.as_str());
            return Err(hinted(format!("{flag}: {model} has none"), hint));
        }
    }
    Ok(())
}

fn columns(
    terminal: &Terminal,
    model: &str,
    options: &MonteCarloOptions,
) -> (Schema, Vec<ArrayRef>) {
    let number = |value: f64| Arc::new(Float64Array::from(vec![value])) as ArrayRef;
    let known = |value: f64| -> ArrayRef {
        Arc::new(Float64Array::from(vec![(!value.is_nan()).then_some(value)]))
    };
    let keys: Fields =
        QUANTILE_KEYS.iter().map(|key| Field::new(*key, DataType::Float64, false)).collect();
    let values: Vec<ArrayRef> = terminal.quantiles.iter().map(|value| number(*value)).collect();
    let quantiles = StructArray::new(keys.clone(), values, None);
    let all = vec![
        (Field::new("mean", DataType::Float64, false), number(terminal.mean)),
        (Field::new("std", DataType::Float64, true), known(terminal.std)),
        (Field::new("std_error", DataType::Float64, true), known(terminal.std_error)),
        (Field::new("quantiles", DataType::Struct(keys), false), Arc::new(quantiles)),
        (Field::new("model", DataType::Utf8, false), Arc::new(StringArray::from(vec![model]))),
        (
            Field::new("paths", DataType::UInt64, false),
            Arc::new(UInt64Array::from(vec![options.paths])),
        ),
        (
            Field::new("steps", DataType::UInt32, false),
            Arc::new(UInt32Array::from(vec![options.steps])),
        ),
        (
            Field::new("seed", DataType::UInt64, false),
            Arc::new(UInt64Array::from(vec![options.seed])),
        ),
    ];
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = all.into_iter().unzip();
    (Schema::new(fields), arrays)
}

fn page(terminal: &Terminal) -> String {
    let line = |name: &str, value: f64| {
        let text = if value.is_nan() { "-".to_owned() } else { format!("{value:.6}") };
        format!("{name:<12} {text:>16}\n")
    };
    let mut page = line("mean", terminal.mean);
    page += &line("std", terminal.std);
    page += &line("std_error", terminal.std_error);
    for (key, value) in QUANTILE_KEYS.iter().zip(terminal.quantiles) {
        page += &line(key, value);
    }
    page
}
