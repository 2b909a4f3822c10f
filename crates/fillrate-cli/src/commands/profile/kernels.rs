//! The matrix products of two well-known encoders on one core, beside what the core can multiply.

use std::time::{Duration, Instant};

use clap::builder::styling::Style;
use comfy_table::CellAlignment;
use fillrate_device::probe::Machine;
use fillrate_kernels::{Activation, Cpu, Linear, LinearShape, Nonlinearity, Precision};
use serde::Serialize;

use crate::commands::Outcome;
use crate::commands::doctor::report_format;
use crate::output::{Printer, Rendered};
use crate::settings::{Format, Settings};
use crate::version::{COMMIT, VERSION};

/// How long one product is measured for, if nothing else is said.
const TIME_DEFAULT: Duration = Duration::from_millis(200);

/// Tokens of the batch that is multiplied: a dozen headlines.
const TOKENS: usize = 256;

/// Products timed at least.
const REPETITIONS_MIN: usize = 5;

/// Measurements of the peak beside each product, of which the best counts.
const PEAK_REPETITIONS: usize = 20;

const PRECISIONS: [Precision; 3] = [Precision::Fp32, Precision::Bf16, Precision::Int8];

/// What is said of how it was measured, for whoever reads the report.
const METHOD: &str = "One thread; weights are random. A product is the fastest of its \
                      repetitions, the peak the fastest of short loops over registers right \
                      before it: other programs can only make either slower.";

/// The products of one layer of an encoder.
struct Shapes {
    model: &'static str,
    hidden: usize,
    intermediate: usize,
}

/// Source: the `config.json` of sentence-transformers/all-MiniLM-L6-v2 and of bert-base-uncased.
const ENCODERS: [Shapes; 2] = [
    Shapes { model: "MiniLM", hidden: 384, intermediate: 1536 },
    Shapes { model: "BERT-base", hidden: 768, intermediate: 3072 },
];

impl Shapes {
    /// The name, inputs and outputs of each product.
    fn products(&self) -> [(&'static str, LinearShape); 4] {
        let Self { hidden, intermediate, .. } = *self;
        let shape = |inputs, outputs| LinearShape { inputs, outputs };
        [
            ("queries, keys, values", shape(hidden, 3 * hidden)),
            ("attention output", shape(hidden, hidden)),
            ("feed-forward up", shape(hidden, intermediate)),
            ("feed-forward down", shape(intermediate, hidden)),
        ]
    }
}

/// The report; programs read its field names.
#[derive(Debug, Serialize)]
struct Report {
    version: &'static str,
    commit: Option<&'static str>,
    machine: Machine,
    kernels: &'static str,
    threads: usize,
    method: &'static str,
    products: Vec<Product>,
}

/// The speed of one product in one precision.
#[derive(Debug, Serialize)]
struct Product {
    model: &'static str,
    op: &'static str,
    precision: &'static str,
    tokens: usize,
    inputs: usize,
    outputs: usize,
    repetitions: usize,
    /// Billions of additions and multiplications per second.
    gops: f64,
    /// The most that the core reached with operands in registers; `None` where the processor has
    /// no instruction of its own for the precision.
    peak_gops: Option<f64>,
    /// `gops` over `peak_gops`.
    fraction: Option<f64>,
}

/// Measures every product for about `time`.
///
/// # Errors
///
/// If the report cannot be written.
pub(super) fn run(
    time: Option<Duration>,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<Outcome> {
    let format = report_format(settings)?;
    let (cpu, time) = (Cpu::detect(), time.unwrap_or(TIME_DEFAULT));
    let mut products = Vec::new();
    for encoder in &ENCODERS {
        for (name, shape) in encoder.products() {
            for precision in PRECISIONS {
                products.push(measure(cpu, encoder.model, name, shape, precision, time)?);
            }
        }
    }
    let report = Report {
        version: VERSION,
        commit: COMMIT,
        machine: Machine::probe(),
        kernels: cpu.tier().as_str(),
        threads: 1,
        method: METHOD,
        products,
    };
    let rendered = match format {
        Format::Json => Rendered::json(&report)?,
        Format::Jsonl => Rendered::json_line(&report)?,
        Format::Table | Format::Csv | Format::Parquet => Rendered::text(page(&report, printer)),
    };
    printer.emit(&rendered, settings.output.as_deref())?;
    Ok(Outcome::Done)
}

fn measure(
    cpu: Cpu,
    model: &'static str,
    op: &'static str,
    shape: LinearShape,
    precision: Precision,
    time: Duration,
) -> anyhow::Result<Product> {
    let LinearShape { inputs, outputs } = shape;
    let linear = Linear::pack(&values(inputs * outputs), None, shape, precision)?;
    let mut x = Activation::new(TOKENS, inputs, precision);
    x.set_f32(&values(TOKENS * inputs));
    let mut out = Activation::new(TOKENS, outputs, precision.between_products());
    let mut multiply = || cpu.linear(&x, &linear, Nonlinearity::Identity, &mut out);
    multiply()?;
    let peak_gops = cpu.measure_peak_gops(precision, PEAK_REPETITIONS);
    let (start, mut repetitions, mut shortest) = (Instant::now(), 0, f64::INFINITY);
    while repetitions < REPETITIONS_MIN || start.elapsed() < time {
        let begun = Instant::now();
        multiply()?;
        shortest = shortest.min(begun.elapsed().as_secs_f64());
        repetitions += 1;
    }
    let gops = 2.0 * (TOKENS * inputs * outputs) as f64 / shortest / 1e9;
    Ok(Product {
        model,
        op,
        precision: precision.as_str(),
        tokens: TOKENS,
        inputs,
        outputs,
        repetitions,
        gops,
        peak_gops,
        fraction: peak_gops.map(|peak| gops / peak),
    })
}

/// Numbers between −0.1 and 0.1, always the same.
///
/// Source: G. Marsaglia, "Xorshift RNGs", Journal of Statistical Software 8 (2003), section 3.
fn values(count: usize) -> Vec<f32> {
    let mut state = 2_463_534_242_u32;
    let mut value = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state as f32 / u32::MAX as f32 - 0.5) * 0.2
    };
    std::iter::repeat_with(&mut value).take(count).collect()
}

/// A line for each shape, with the precisions side by side.
fn page(report: &Report, printer: &Printer) -> String {
    let mut table = printer.table();
    let heads = ["PRODUCT", "SHAPE", "FP32", "", "BF16", "", "INT8", ""];
    table.set_header(heads.map(|head| printer.styled(head, Style::new().bold())));
    for row in report.products.chunks(PRECISIONS.len()) {
        let Some(Product { model, op, inputs, outputs, .. }) = row.first() else { continue };
        let mut cells = vec![format!("{model}: {op}"), format!("{inputs}×{outputs}")];
        for product in row {
            cells.push(format!("{:.0}", product.gops));
            cells.push(product.fraction.map_or_else(String::new, |f| format!("{:.0}%", f * 100.0)));
        }
        table.add_row(cells);
    }
    table.add_row(peaks(report));
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let cpu = report.machine.cpu.model.as_deref().unwrap_or("an unknown processor");
    format!(
        "Products of {TOKENS} tokens on one thread of {cpu}, {} kernels,\n\
         in billions of operations per second and percent of the core's peak\n\n{}\n\n\
         fillrate {}, commit {}",
        report.kernels,
        table.trim_fmt(),
        report.version,
        report.commit.unwrap_or("unknown")
    )
}

/// The highest peak of each precision.
fn peaks(report: &Report) -> Vec<String> {
    let mut cells = vec!["peak of the core".to_owned(), String::new()];
    for precision in PRECISIONS {
        let of_precision = report.products.iter().filter(|p| p.precision == precision.as_str());
        let peak = of_precision.filter_map(|product| product.peak_gops).reduce(f64::max);
        cells.push(peak.map_or_else(|| "-".to_owned(), |peak| format!("{peak:.0}")));
        cells.push(String::new());
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_multiplies_all_its_weights() {
        for (encoder, weights) in ENCODERS.iter().zip([1_769_472, 7_077_888]) {
            let products = encoder.products().map(|(_, shape)| shape.inputs * shape.outputs);
            assert_eq!(products.iter().sum::<usize>(), weights, "{}", encoder.model);
        }
    }
}
