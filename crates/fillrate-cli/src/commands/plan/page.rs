//! Plans for a reader at a terminal.

use std::fmt::Write as _;

use clap::builder::styling::Style;
use comfy_table::{CellAlignment, Table};
use fillrate::plan::Gpu;
use fillrate::plan::config::Config;

use super::options::{gib, in_gib};
use super::record::StageRecord;
use super::show::{Explanation, Report};
use super::suggest::Search;
use crate::output::Printer;

/// What stands for a figure that is not known.
const UNKNOWN: &str = "-";

/// The report of `show`, no line wider than the terminal.
pub(super) fn show(report: &Report, printer: &Printer) -> String {
    let mut facts_table = printer.table();
    for (name, value) in facts(report) {
        facts_table.add_row([name, value]);
    }
    let mut page = format!("{}\n\n{}\n", facts_table.trim_fmt(), stages(report, printer));
    for warning in &report.warnings {
        page.push_str(&paragraph(warning, printer));
    }
    for explanation in &report.explanation {
        page.push_str(&explained(explanation, printer));
    }
    page
}

/// What is known of the run, in words; the page for browsers has the same.
pub(super) fn facts(report: &Report) -> Vec<(String, String)> {
    let first = report.stages.first();
    let precision = first.map_or(UNKNOWN, |stage| stage.precision);
    let checkpointing = if first.is_some_and(|stage| stage.gradient_checkpointing) {
        "with checkpointing"
    } else {
        "without checkpointing"
    };
    let mut facts = vec![
        ("configuration".to_owned(), format!("{} ({})", report.config, report.format)),
        (
            "model".to_owned(),
            format!(
                "{}: {} parameters trained, {} frozen",
                report.model,
                millions(report.trainable_parameters),
                millions(report.frozen_parameters)
            ),
        ),
        ("training".to_owned(), format!("{precision}, {}, {checkpointing}", report.optimizer)),
    ];
    if report.devices > 1 {
        facts.push(("GPUs".to_owned(), report.devices.to_string()));
    }
    facts.extend(gpu_facts(&report.gpu, report.budget_bytes));
    facts
}

/// What is known of the GPU, in words.
pub(super) fn gpu_facts(gpu: &Gpu, budget_bytes: u64) -> Vec<(String, String)> {
    let free = gpu.free_bytes.map_or_else(String::new, |free| format!(", {} free now", gib(free)));
    let memory = gib(gpu.memory_bytes);
    // A GPU that was given by its memory has no other name.
    let name = if gpu.model.is_some() || gpu.free_bytes.is_some() {
        format!("{}, ", gpu.name)
    } else {
        String::new()
    };
    let text = format!("{name}{memory}{free}; {} may be taken", gib(budget_bytes));
    vec![("GPU".to_owned(), text)]
}

/// A line for each stage with the parts of its memory.
fn stages(report: &Report, printer: &Printer) -> String {
    let mut table = printer.table();
    let heads = [
        "IN GIB", "BATCH", "PARAM", "GRAD", "OPTIM", "ACTIV", "OTHER", "CUDA", "NEEDED", "USED",
        "FITS",
    ];
    table.set_header(heads.map(|head| printer.styled(head, Style::new().bold())));
    for stage in &report.stages {
        let memory = &stage.memory;
        let main = memory.parameters_bytes
            + memory.gradients_bytes
            + memory.optimizer_bytes
            + memory.activations_bytes;
        table.add_row([
            stage.name.clone(),
            stage.batch_size.to_string(),
            in_gib(memory.parameters_bytes),
            in_gib(memory.gradients_bytes),
            in_gib(memory.optimizer_bytes),
            in_gib(memory.activations_bytes),
            in_gib(stage.reserved_bytes.saturating_sub(main)),
            in_gib(memory.context_bytes),
            in_gib(stage.required_bytes),
            percent(stage.utilization),
            stage.largest_batch.map_or_else(|| "none".to_owned(), |size| size.to_string()),
        ]);
    }
    let key = "ACTIV activations, OTHER batch, workspace and what the allocator holds beyond its \
               tensors, FITS the largest batch that fits.";
    format!("{}\n{}", aligned(table, 1).trim_fmt(), paragraph(key, printer).trim_end())
}

/// The suggestions, each with a line for each stage.
pub(super) fn suggest(
    search: &Search,
    records: &[StageRecord],
    config: &Config,
    printer: &Printer,
) -> String {
    let gpu = gpu_facts(&search.gpu, search.budget_bytes).into_iter().map(|(_, text)| text);
    let mut page = format!("{}: {}\n", config.path.display(), gpu.collect::<String>());
    for suggestion in &search.suggestions {
        let own: Vec<&StageRecord> = records
            .iter()
            .filter(|record| record.suggestion.as_ref() == Some(&suggestion.name))
            .collect();
        let checkpointing = if suggestion.training.checkpointing { "with" } else { "without" };
        let title = printer.styled(&suggestion.name, Style::new().bold());
        let precision = suggestion.training.precision.as_str();
        // Writing to a `String` cannot fail.
        let _ = writeln!(page, "\n{title}: {precision}, {checkpointing} checkpointing");
        let _ = writeln!(page, "{}", suggested(&own, printer));
        for warning in &suggestion.warnings {
            page.push_str(&paragraph(&warning.to_string(), printer));
        }
    }
    page
}

fn suggested(records: &[&StageRecord], printer: &Printer) -> String {
    let mut table = printer.table();
    let is_contrastive = records.iter().any(|record| record.n_negatives.is_some());
    let mut heads = vec!["STAGE", "BATCH", "ACCUM", "EFFECTIVE", "LENGTH"];
    if is_contrastive {
        heads.push("NEG");
    }
    heads.extend(["NEEDED", "USED", "STEP", "ROWS/S"]);
    table.set_header(heads);
    for record in records {
        let mut cells = vec![
            record.name.clone(),
            record.batch_size.to_string(),
            record.accumulate_grad_batches.to_string(),
            record.effective_batch.to_string(),
            record.max_length.to_string(),
        ];
        if is_contrastive {
            cells.push(record.n_negatives.map_or(UNKNOWN.to_owned(), |count| count.to_string()));
        }
        let unknown = || UNKNOWN.to_owned();
        cells.extend([
            gib(record.required_bytes),
            percent(record.utilization),
            record.step_seconds.map_or_else(unknown, seconds),
            record.rows_per_second.map_or_else(unknown, |rate| format!("{rate:.0}")),
        ]);
        table.add_row(cells);
    }
    aligned(table, 1).trim_fmt()
}

/// Each part of a stage's memory with its formula and where that is from.
fn explained(explanation: &Explanation, printer: &Printer) -> String {
    let title = printer.styled(&explanation.stage, Style::new().bold());
    let mut text = format!("\n{title}\n");
    for line in &explanation.lines {
        let head = format!("{}, {}: {}", line.category, gib(line.bytes), line.what);
        for (indent, part) in [(2, head.as_str()), (6, &line.formula), (6, line.source)] {
            for wrapped in wrapped(part, printer.width().saturating_sub(indent)) {
                let _ = writeln!(text, "{}{wrapped}", " ".repeat(indent));
            }
        }
    }
    text
}

/// The table with the columns from `first` on to the right.
fn aligned(mut table: Table, first: usize) -> Table {
    for column in table.column_iter_mut().skip(first) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// Text in lines of the terminal's width, after an empty line.
fn paragraph(text: &str, printer: &Printer) -> String {
    format!("\n{}\n", wrapped(text, printer.width()).join("\n"))
}

/// Text in lines of at most `width` characters, as far as its words allow.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A duration with three digits that count.
pub(super) fn seconds(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => format!("{:.0} ms", s * 1000.0),
        s if s < 10.0 => format!("{s:.2} s"),
        s => format!("{s:.1} s"),
    }
}

/// A share as a percentage without a fraction.
pub(super) fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}

/// A number of parameters: `22.7 million`.
fn millions(count: u64) -> String {
    match count {
        0 => "none".to_owned(),
        count if count < 10_000 => count.to_string(),
        count => format!("{:.2} million", count as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_between_words() {
        assert_eq!(wrapped("a bc def ghij", 4), ["a bc", "def", "ghij"]);
        assert_eq!(wrapped("abcdefgh ij", 4), ["abcdefgh", "ij"]);
        assert!(wrapped("  ", 4).is_empty());
    }

    #[test]
    fn figures_have_the_digits_that_count() {
        assert_eq!([0.0123, 2.346, 34.56].map(seconds), ["12 ms", "2.35 s", "34.6 s"]);
        assert_eq!([0, 9999, 22_713_216].map(millions), ["none", "9999", "22.71 million"]);
    }
}
