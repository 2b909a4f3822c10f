//! `fillrate waves backtest`: what followed past patterns.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, StringArray, UInt64Array};
use arrow_schema::{DataType, Field, Schema};
use comfy_table::CellAlignment;
use fillrate::records::{Layout, Writer};
use fillrate::waves::backtest::{Aftermath, Backtest, Event, events};
use fillrate::waves::{Legs, Search};
use rayon::prelude::*;

use super::options;
use super::series::{bars_of, described};
use super::{panel_options, thread_pool};
use crate::cli::WavesBacktestArgs;
use crate::commands::table::{count, format_of_records, record_format};
use crate::commands::{Outcome, prices};
use crate::failure::hinted;
use crate::output::{Printer, Rendered};
use crate::settings::{Format, OnError, Settings};

/// Bars from entry to exit unless it is said how many.
const HORIZONS_DEFAULT: [usize; 3] = [5, 10, 20];

/// Measures what followed the patterns of each symbol and writes a record for each kind.
///
/// # Errors
///
/// If the prices, the rules or the output cannot be used.
pub(super) fn run(
    arguments: &WavesBacktestArgs,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<Outcome> {
    let format = record_format(settings)?;
    let search = Search::new(options::search(&arguments.search)?);
    let horizons = if arguments.horizon.is_empty() {
        HORIZONS_DEFAULT.to_vec()
    } else {
        arguments.horizon.clone()
    };
    let backtest = Backtest::new(horizons, arguments.seed.unwrap_or(1));
    let mut backtest =
        backtest.map_err(|error| hinted(error.to_string(), "give such as --horizon 5,20"))?;
    let panel =
        prices::read(&arguments.input, panel_options(arguments.prices.sort), settings, printer)?;
    let rule = options::pivots(&arguments.search);
    let pool = thread_pool(prices::threads(settings))?;
    let found: Vec<fillrate::Result<Vec<Event>>> = pool.install(|| {
        let symbols = (0..panel.len()).into_par_iter();
        let one = |symbol| {
            let bars = bars_of(&panel.series(symbol))?;
            events(&search, &Legs::find(&bars, rule, arguments.search.open_ends)?)
        };
        symbols.map(one).collect()
    });
    let mut total = 0;
    for (series, found) in panel.iter().zip(found) {
        match found.and_then(|found| bars_of(&series).map(|bars| (bars, found))) {
            Ok((bars, found)) => {
                total += found.len();
                backtest.add(&bars, &found);
            }
            Err(error) => {
                let error = described(&series, &error);
                let input = arguments.input.display();
                let message = format!("{input}: symbol `{}`: {error}", series.symbol());
                if settings.text.on_error != OnError::Skip {
                    let hint = "mend it, or leave such symbols out with --on-error skip";
                    return Err(hinted(message, hint));
                }
                printer.warn(&format!("left out {message}"));
            }
        }
    }
    let report = pool.install(|| backtest.finish());
    write(&report, format, settings, printer)?;
    printer.note(&format!(
        "{} of {}",
        count(total as u64, "event"),
        count(panel.len() as u64, "symbol")
    ));
    Ok(Outcome::Done)
}

fn write(
    report: &[Aftermath],
    format: Format,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<()> {
    let Some(format) = format_of_records(format) else {
        let page = Rendered::text(page(report, printer));
        return printer.emit(&page, settings.output.as_deref());
    };
    let (schema, columns) = columns(report);
    let sink = printer.sink(settings.output.as_deref())?;
    let mut writer = Writer::new(sink, format, Layout::None, schema);
    if !report.is_empty() {
        writer.write(columns)?;
    }
    Ok(writer.finish()?)
}

fn columns(report: &[Aftermath]) -> (Arc<Schema>, Vec<ArrayRef>) {
    let number = |value: fn(&Aftermath) -> f64| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(report.iter().map(value)))
    };
    let whole = |value: fn(&Aftermath) -> usize| -> ArrayRef {
        Arc::new(UInt64Array::from_iter_values(report.iter().map(|a| value(a) as u64)))
    };
    let text = |value: fn(&Aftermath) -> &'static str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(report.iter().map(value)))
    };
    let columns = [
        ("pattern", text(|after| after.pattern.as_str())),
        ("direction", text(|after| after.direction.as_str())),
        ("horizon", whole(|after| after.horizon_bars)),
        ("events", whole(|after| after.events)),
        ("mean_return", number(|after| after.mean_return)),
        ("share_positive", number(|after| after.share_positive)),
        ("ci_low", number(|after| after.interval.low)),
        ("ci_high", number(|after| after.interval.high)),
        ("random_mean", number(|after| after.random_mean)),
        ("random_low", number(|after| after.random_interval.low)),
        ("random_high", number(|after| after.random_interval.high)),
        ("p_value", number(|after| after.p_value)),
    ];
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, array)| Field::new(*name, DataType::clone(array.data_type()), false))
        .collect();
    (Arc::new(Schema::new(fields)), columns.into_iter().map(|(_, array)| array).collect())
}

fn page(report: &[Aftermath], printer: &Printer) -> String {
    let mut table = printer.table();
    table.set_header(["PATTERN", "BARS", "EVENTS", "RETURN %", "95 %", "RANDOM %", "95 %", "P"]);
    let percent = |value: f64| format!("{:+.1}", 100.0 * value);
    for after in report {
        let between = |interval: fillrate::waves::backtest::Interval| {
            format!("{} to {}", percent(interval.low), percent(interval.high))
        };
        table.add_row([
            format!("{} {}", after.pattern, after.direction.as_str()),
            after.horizon_bars.to_string(),
            after.events.to_string(),
            percent(after.mean_return),
            between(after.interval),
            percent(after.random_mean),
            between(after.random_interval),
            format!("{:.4}", after.p_value),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt()
}
