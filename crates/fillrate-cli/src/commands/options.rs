//! `fillrate options`: prices, Greeks and implied volatilities, of flags or of a table's rows.

mod book;
mod method;
mod quotes;
mod row;

use std::io::Write;
use std::path::Path;
use std::slice;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array};
use arrow_schema::{DataType, Field, Schema};
use fillrate::records::{self, Chunk, Layout, Sink, Writer, texts_to_numbers};

use self::book::{Computers, price_all};
use self::method::Pricing;
use self::quotes::imply_all;
use self::row::{Rows, asked};
use super::Outcome;
use super::device::{PriceDevice, computer, say, warn_processor_computes};
use super::loading::start_threads;
use super::table::{format_of_records, open, record_format, report_skipped};
use crate::cli::{OptionTableArgs, OptionsVerb};
use crate::failure::hinted;
use crate::output::{Printer, Rendered};
use crate::settings::{Format, Settings};

/// What a verb answers.
struct Answer {
    /// The verb, whose help has its terms.
    verb: &'static str,
    columns: &'static [&'static str],
}

const PRICE: Answer = Answer {
    verb: "price",
    columns: &["price", "delta", "gamma", "vega", "theta", "rho", "std_error"],
};
const IMPLIED: Answer = Answer { verb: "iv", columns: &["implied_vol"] };

/// The width of a row's line in a table for a reader.
const LINE_WIDTH: usize = 7;
/// The width of a value there: with all of a price's seven it fits 80 columns.
const VALUE_WIDTH: usize = 9;

/// What an option comes to: a value for each column, or what is wrong with it.
type Values = Result<Vec<Option<f64>>, String>;

/// What is computed of some options.
type Compute<'a> = dyn Fn(&Rows<'_>) -> anyhow::Result<Vec<Values>> + 'a;

/// Prices, or implies.
///
/// # Errors
///
/// If a term is missing or out of its range, or the table or the output cannot be used; a file that
/// was to be written is then as it was before.
pub(crate) fn run(
    verb: &OptionsVerb,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<Outcome> {
    match verb {
        OptionsVerb::Price(arguments) => {
            let flags = asked::of_price(arguments);
            let pricing = Pricing::of(arguments)?;
            let device = if pricing.may_use_kernel() {
                PriceDevice::of(settings)
            } else {
                warn_processor_computes("--method binomial", settings, printer);
                PriceDevice::processor(settings)
            };
            let computers = Computers::on(&device)?;
            let compute = |rows: &Rows<'_>| price_all(&pricing, &computers, rows);
            let outcome = answer(&arguments.table, &flags, &PRICE, &compute, settings, printer)?;
            say(&computers.report(), printer);
            Ok(outcome)
        }
        OptionsVerb::Iv(arguments) => {
            let flags = asked::of_implied(arguments);
            let computer = computer(settings)?;
            let compute = |rows: &Rows<'_>| imply_all(&computer, rows);
            let outcome = answer(&arguments.table, &flags, &IMPLIED, &compute, settings, printer)?;
            say(&computer.report(), printer);
            Ok(outcome)
        }
    }
}

fn answer(
    table: &OptionTableArgs,
    flags: &asked::Flags,
    of: &Answer,
    compute: &Compute<'_>,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<Outcome> {
    let format = record_format(settings)?;
    match &table.input {
        None => one(flags, of, compute, format, settings, printer)?,
        Some(input) => rows_of(input, flags, of.columns, compute, format, settings, printer)?,
    }
    Ok(Outcome::Done)
}

/// One option, all of whose terms are flags.
fn one(
    flags: &asked::Flags,
    Answer { verb, columns }: &Answer,
    compute: &Compute<'_>,
    format: Format,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<()> {
    start_threads(settings)?;
    let values = compute(&Rows::of_flags(flags))?.into_iter().collect::<Result<Vec<_>, _>>();
    let values = values.map_err(|message| {
        hinted(message, format!("`fillrate options {verb} --help` has the terms"))
    })?;
    let Some(format) = format_of_records(format) else {
        let line = |(name, value): (&&str, &Option<f64>)| match value {
            Some(value) => format!("{name:<12} {value:>16.8}\n"),
            None => format!("{name:<12} {:>16}\n", "-"),
        };
        let page: String = columns.iter().zip(values.iter().flatten()).map(line).collect();
        return printer.emit(&Rendered::text(page), settings.output.as_deref());
    };
    let sink = printer.sink(settings.output.as_deref())?;
    let mut writer = Writer::new(sink, format, Layout::None, schema(columns));
    writer.write(arrays(columns, &values))?;
    Ok(writer.finish()?)
}

/// An option per row, chunk by chunk.
fn rows_of(
    input: &Path,
    flags: &asked::Flags,
    columns: &[&str],
    compute: &Compute<'_>,
    format: Format,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<()> {
    let mut reader = open(input, settings, printer)?;
    start_threads(settings)?;
    let mut output = Output::open(format, reader.layout(), columns, settings, printer)?;
    // Which columns of texts are written as numbers; a format with types keeps to what it began with.
    let has_types = !matches!(format, Format::Csv | Format::Table);
    let mut numbers: Option<Vec<&str>> = None;
    while let Some(mut chunk) = reader.next_chunk()? {
        let rows = Rows::of(&chunk, flags);
        let mut results = compute(&rows)?;
        if has_types && matches!(chunk.rows(), records::Rows::Table(_)) {
            let numbers = numbers.get_or_insert_with(|| rows.numbers(|row| results[row].is_err()));
            for (row, result) in results.iter_mut().enumerate() {
                let checked = numbers.iter().try_for_each(|name| rows.check_number(row, name));
                if let (Ok(_), Err(message)) = (&result, checked) {
                    *result = Err(message);
                }
            }
        }
        let mut kept = vec![true; chunk.len()];
        let mut values = Vec::with_capacity(results.len());
        for (row, result) in results.into_iter().enumerate() {
            match result {
                Ok(result) => values.push(result),
                Err(message) => {
                    reader.report(chunk.lines()[row], message)?;
                    kept[row] = false;
                }
            }
        }
        chunk.retain(&kept)?;
        texts_to_numbers(slice::from_mut(&mut chunk), numbers.as_deref().unwrap_or_default())?;
        output.write(&chunk, columns, &values)?;
    }
    report_skipped(reader.skipped(), printer);
    output.finish()
}

/// Where the answers to a table's rows go.
enum Output {
    Records(Box<Writer>),
    Page(Sink),
}

impl Output {
    fn open(
        format: Format,
        layout: Layout,
        columns: &[&str],
        settings: &Settings,
        printer: &Printer,
    ) -> anyhow::Result<Self> {
        let mut sink = printer.sink(settings.output.as_deref())?;
        if let Some(format) = format_of_records(format) {
            let writer = Writer::new(sink, format, layout, schema(columns));
            return Ok(Self::Records(Box::new(writer)));
        }
        write!(sink, "{:>LINE_WIDTH$}", "LINE")?;
        for name in columns {
            let width = VALUE_WIDTH.max(name.len());
            write!(sink, " {:>width$}", name.to_uppercase())?;
        }
        writeln!(sink)?;
        Ok(Self::Page(sink))
    }

    fn write(
        &mut self,
        chunk: &Chunk,
        columns: &[&str],
        values: &[Vec<Option<f64>>],
    ) -> anyhow::Result<()> {
        match self {
            Self::Records(_) if chunk.is_empty() => {}
            Self::Records(writer) => writer.write_beside(chunk, arrays(columns, values))?,
            Self::Page(sink) => {
                for (line, values) in chunk.lines().iter().zip(values) {
                    write!(sink, "{line:>LINE_WIDTH$}")?;
                    for (name, value) in columns.iter().zip(values) {
                        let width = VALUE_WIDTH.max(name.len());
                        let text = value.map_or_else(|| "-".to_owned(), shown);
                        write!(sink, " {text:>width$}")?;
                    }
                    writeln!(sink)?;
                }
            }
        }
        Ok(())
    }

    fn finish(self) -> anyhow::Result<()> {
        match self {
            Self::Records(writer) => Ok(writer.finish()?),
            Self::Page(sink) => Ok(sink.commit()?),
        }
    }
}

/// A value in at most [`VALUE_WIDTH`] characters, if its size allows that.
fn shown(value: f64) -> String {
    match value.abs() {
        size if size < 10.0 => format!("{value:.6}"),
        size if size < 1e3 => format!("{value:.4}"),
        _ => format!("{value:.2}"),
    }
}

fn schema(columns: &[&str]) -> Arc<Schema> {
    let fields = columns.iter().map(|name| Field::new(*name, DataType::Float64, true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn arrays(columns: &[&str], rows: &[Vec<Option<f64>>]) -> Vec<ArrayRef> {
    let column = |at: usize| -> ArrayRef {
        Arc::new(rows.iter().map(|row| row[at]).collect::<Float64Array>())
    };
    (0..columns.len()).map(column).collect()
}
