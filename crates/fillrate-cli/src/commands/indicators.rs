//! `fillrate indicators`: indicators and signals beside the rows of a table of prices.

mod page;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Instant;

use arrow_array::{ArrayRef, Float64Array};
use arrow_schema::{DataType, Field, Schema};
use fillrate::market::indicators::{IndicatorOptions, NamedColumn, Request, compute_on};
use fillrate::market::{Column, PanelOptions, PanelTable};
use fillrate::records::{Layout, Writer, texts_to_numbers};

use super::Outcome;
use super::device::{computer, say};
use super::loading::start_threads;
use super::prices::read_table;
use super::table::{count, format_of_records, record_format};
use crate::cli::IndicatorsArgs;
use crate::failure::hinted;
use crate::output::{Printer, Rendered};
use crate::settings::{Format, Settings};

/// Computes what is asked for and writes it beside the rows of the input.
///
/// # Errors
///
/// If nothing is asked for, or the prices or the output cannot be used; a file that was to be
/// written is then as it was before.
pub(crate) fn run(
    arguments: &IndicatorsArgs,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<Outcome> {
    let format = record_format(settings)?;
    let requests = arguments.requests();
    if requests.is_empty() {
        return Err(hinted("no indicator is asked for", "ask for one, such as --sma 20 --rsi 14"));
    }
    for request in &requests {
        request.check()?;
    }
    let options = IndicatorOptions {
        column: arguments.column.unwrap_or(Column::Close),
        min_periods: arguments.min_periods.map(NonZeroUsize::get),
    };
    if options.min_periods.is_some() && !requests.iter().any(|request| request.has_window()) {
        let hint =
            "it is that of --sma, --wma, --bbands, --zscore, --std, --min, --max and --stoch";
        return Err(hinted("--min-periods: no window is asked for", hint));
    }
    let columns = inputs(&requests, options.column);
    let panel_options =
        PanelOptions { sort: arguments.prices.sort, ..PanelOptions::only(&columns) };
    let (mut table, layout) = read_table(&arguments.input, panel_options, settings, printer)?;
    start_threads(settings)?;
    let computer = computer(settings)?;
    let start = Instant::now();
    let results = compute_on(&computer, &table.panel, &requests, options)?;
    let seconds = start.elapsed().as_secs_f64();
    if format != Format::Csv {
        texts_to_numbers(&mut table.chunks, &Column::ALL.map(Column::as_str))?;
    }
    write(&table, &results, layout, format, settings, printer)?;
    printer.note(&format!(
        "{} of {}, {} in {seconds:.3} s",
        count(table.panel.bars() as u64, "bar"),
        count(table.panel.len() as u64, "symbol"),
        count(results.len() as u64, "column"),
    ));
    say(&computer.report(), printer);
    Ok(Outcome::Done)
}

/// The columns that the requests are computed of, each once.
fn inputs(requests: &[Request], column: Column) -> Vec<Column> {
    let mut columns: Vec<Column> =
        requests.iter().flat_map(|request| request.inputs(column)).collect();
    columns.sort();
    columns.dedup();
    columns
}

fn write(
    table: &PanelTable,
    results: &[NamedColumn],
    layout: Layout,
    format: Format,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<()> {
    let PanelTable { panel, chunks } = table;
    let Some(format) = format_of_records(format) else {
        let page = Rendered::text(page::page(panel, results));
        return printer.emit(&page, settings.output.as_deref());
    };
    let fields = results.iter().map(|column| Field::new(&column.name, DataType::Float64, true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let sink = printer.sink(settings.output.as_deref())?;
    let mut writer = Writer::new(sink, format, layout, schema);
    let results: Vec<Vec<f64>> =
        results.iter().map(|column| panel.in_input_order(&column.values)).collect();
    let mut start = 0;
    for chunk in chunks {
        let rows = start..start + chunk.len();
        start = rows.end;
        let array = |values: &Vec<f64>| -> ArrayRef {
            let values = values[rows.clone()].iter();
            Arc::new(values.map(|x| (!x.is_nan()).then_some(*x)).collect::<Float64Array>())
        };
        writer.write_beside(chunk, results.iter().map(array).collect())?;
    }
    Ok(writer.finish()?)
}
