//! `fillrate risk`: losses, drawdowns and ratios of symbols and of their portfolio.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, StringArray, UInt64Array};
use arrow_schema::{DataType, Field, Schema};
use comfy_table::CellAlignment;
use fillrate::market::risk::{Drawdown, Returns, Risk, RiskOptions, measure_on};
use fillrate::market::{Panel, PanelOptions};
use fillrate::records::{Layout, Writer};

use super::Outcome;
use super::device::{computer, say};
use super::loading::start_threads;
use super::prices::read;
use super::table::{format_of_records, record_format};
use crate::cli::RiskArgs;
use crate::output::{Printer, Rendered};
use crate::settings::Settings;

/// Measures every symbol and the portfolio and writes a record for each.
///
/// # Errors
///
/// If the prices, an option or the output cannot be used; a file that was to be written is then as
/// it was before.
pub(crate) fn run(
    arguments: &RiskArgs,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<Outcome> {
    let format = record_format(settings)?;
    let options = options(arguments);
    let panel_options =
        PanelOptions { sort: arguments.prices.sort, ..PanelOptions::only(&[options.column]) };
    let panel = read(&arguments.input, panel_options, settings, printer)?;
    start_threads(settings)?;
    let computer = computer(settings)?;
    let risks = measure_on(&computer, &panel, &options)?;
    say(&computer.report(), printer);
    let Some(format) = format_of_records(format) else {
        let page = Rendered::text(page(&risks, printer));
        printer.emit(&page, settings.output.as_deref())?;
        return Ok(Outcome::Done);
    };
    let sink = printer.sink(settings.output.as_deref())?;
    let (schema, columns) = columns(&risks, &panel);
    let mut writer = Writer::new(sink, format, Layout::None, Arc::new(schema));
    if !risks.is_empty() {
        writer.write(columns)?;
    }
    writer.finish()?;
    Ok(Outcome::Done)
}

fn options(arguments: &RiskArgs) -> RiskOptions {
    let usual = RiskOptions::default();
    RiskOptions {
        confidence: arguments.confidence.unwrap_or(usual.confidence),
        method: arguments.method.unwrap_or(usual.method),
        returns: if arguments.log_returns { Returns::Log } else { usual.returns },
        risk_free: arguments.risk_free.unwrap_or(usual.risk_free),
        column: arguments.column.unwrap_or(usual.column),
        benchmark: arguments.benchmark.clone(),
    }
}

fn max_drawdown(risk: &Risk) -> Option<f64> {
    risk.drawdown.map(|drawdown| drawdown.depth)
}

/// A table with a row for each of `risks`.
fn columns(risks: &[Risk], panel: &Panel) -> (Schema, Vec<ArrayRef>) {
    let number = |name: &str, of: &dyn Fn(&Risk) -> Option<f64>| -> (Field, ArrayRef) {
        let values: Float64Array = risks.iter().map(of).collect();
        (Field::new(name, DataType::Float64, true), Arc::new(values))
    };
    let date =
        |name: &str, of: &dyn Fn(&Drawdown) -> fillrate::market::Date| -> (Field, ArrayRef) {
            // Without a fall there is neither top nor bottom.
            let fall = |risk: &Risk| risk.drawdown.filter(|drawdown| drawdown.depth > 0.0);
            let text = |risk| fall(risk).map(|drawdown| panel.date_text(of(&drawdown)));
            let values: StringArray = risks.iter().map(text).collect();
            (Field::new(name, DataType::Utf8, true), Arc::new(values))
        };
    let symbols: StringArray = risks.iter().map(|risk| Some(risk.symbol.as_str())).collect();
    let observations: UInt64Array =
        risks.iter().map(|risk| Some(risk.observations as u64)).collect();
    let all = vec![
        (Field::new("symbol", DataType::Utf8, false), Arc::new(symbols) as ArrayRef),
        number("var", &|risk| risk.var),
        number("cvar", &|risk| risk.cvar),
        number("max_drawdown", &max_drawdown),
        number("sharpe", &|risk| risk.sharpe),
        number("sortino", &|risk| risk.sortino),
        number("volatility", &|risk| risk.volatility),
        number("mean", &|risk| risk.mean),
        (Field::new("observations", DataType::UInt64, false), Arc::new(observations)),
        number("calmar", &|risk| risk.calmar),
        number("ewma_volatility", &|risk| risk.ewma_volatility),
        date("drawdown_peak", &|drawdown| drawdown.peak),
        date("drawdown_trough", &|drawdown| drawdown.trough),
        number("beta", &|risk| risk.beta),
        number("correlation", &|risk| risk.correlation),
    ];
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = all.into_iter().unzip();
    (Schema::new(fields), arrays)
}

/// The figures that a reader looks for first, a line per symbol.
fn page(risks: &[Risk], printer: &Printer) -> String {
    let mut table = printer.table();
    table.set_header([
        "SYMBOL", "VAR %", "CVAR %", "FALL %", "SHARPE", "SORTINO", "VOL %", "MEAN %",
    ]);
    let percent = |value: Option<f64>| match value {
        Some(value) => format!("{:.3}", 100.0 * value),
        None => "-".to_owned(),
    };
    let plain = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.3}"));
    for risk in risks {
        table.add_row([
            risk.symbol.clone(),
            percent(risk.var),
            percent(risk.cvar),
            percent(max_drawdown(risk)),
            plain(risk.sharpe),
            plain(risk.sortino),
            percent(risk.volatility),
            percent(risk.mean),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt()
}
