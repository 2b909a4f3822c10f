//! The comparison for a reader.

use std::fmt::Write as _;

use clap::builder::styling::Style;
use comfy_table::{CellAlignment, Table};
use fillrate::text::Label;
use fillrate::text::evaluation::EvaluatedModel;

use crate::output::{Printer, bytes};

/// What stands for a figure that does not exist.
const NONE: &str = "-";

/// Quality and cost of the models, side by side, and each model's confusion matrix below.
pub(super) fn page(models: &[EvaluatedModel], printer: &Printer) -> String {
    let mut page = format!("{}\n\n{}", quality(models, printer), cost(models, printer));
    if let Some(gain) = models.iter().find_map(|model| model.together_gain) {
        // Writing to a `String` cannot fail.
        let _ = write!(page, "\n\nTogether they are {gain:.2} times as fast as one after another.");
    }
    for model in models {
        let name = printer.styled(&model.provenance.model, Style::new().bold());
        let failed = match model.failed_texts {
            0 => String::new(),
            failed => format!(", {failed} without an answer"),
        };
        let _ = write!(
            page,
            "\n\n{name}: {} texts{failed}; rows are labels, columns answers\n{}",
            model.evaluation.confusion.texts(),
            matrix(model, printer)
        );
    }
    page
}

/// How good the answers are, a line per model.
fn quality(models: &[EvaluatedModel], printer: &Printer) -> String {
    let rows = models.iter().map(|model| {
        let EvaluatedModel { provenance, evaluation, .. } = model;
        let (confusion, calibration) = (&evaluation.confusion, &evaluation.calibration);
        [
            provenance.model.clone(),
            share(confusion.accuracy()),
            share(confusion.macro_f1()),
            share(calibration.ece()),
            share(calibration.nll()),
            share(calibration.brier()),
        ]
    });
    table(["MODEL", "ACCURACY", "MACRO-F1", "ECE", "NLL", "BRIER"], rows, printer)
}

/// What they cost, a line per model.
fn cost(models: &[EvaluatedModel], printer: &Printer) -> String {
    let rows = models.iter().map(|model| {
        [
            model.provenance.model.clone(),
            model.texts_per_s.map_or_else(|| NONE.to_owned(), |rate| format!("{rate:.0}")),
            format!("{:.0} ms", model.load_ms),
            model.memory_bytes.map_or_else(|| NONE.to_owned(), bytes),
            model.provenance.precision.clone(),
            format!("{}, {} threads", model.provenance.device, model.threads),
        ]
    });
    table(["MODEL", "TEXTS/S", "LOAD", "MEMORY", "TYPE", "DEVICE"], rows, printer)
}

fn table<const N: usize>(
    heads: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
    printer: &Printer,
) -> String {
    let mut table = printer.table();
    table.set_header(heads.map(|head| printer.styled(head, Style::new().bold())));
    for row in rows {
        table.add_row(row);
    }
    align(&mut table, 1);
    table.trim_fmt()
}

/// Counts of answers, with recall and F1 beside the labels and precision below the answers.
fn matrix(model: &EvaluatedModel, printer: &Printer) -> String {
    let confusion = &model.evaluation.confusion;
    let [negative, neutral, positive] = Label::ALL.map(Label::as_str);
    let mut table = printer.table();
    table.add_row(["", negative, neutral, positive, "recall", "F1"]);
    for truth in Label::ALL {
        let scores = confusion.class(truth);
        let mut row = vec![truth.as_str().to_owned()];
        row.extend(Label::ALL.map(|answer| confusion.count(truth, answer).to_string()));
        row.extend([share(scores.recall), share(scores.f1)]);
        table.add_row(row);
    }
    let mut row = vec!["precision".to_owned()];
    row.extend(Label::ALL.map(|label| share(confusion.class(label).precision)));
    table.add_row(row);
    align(&mut table, 1);
    table.trim_fmt()
}

/// Sets numbers flush right, from column `first` on.
fn align(table: &mut Table, first: usize) {
    for column in table.column_iter_mut().skip(first) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

fn share(value: Option<f64>) -> String {
    value.map_or_else(|| NONE.to_owned(), |value| format!("{value:.3}"))
}
