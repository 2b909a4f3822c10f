//! The patterns for a reader.

use clap::builder::styling::Style;
use comfy_table::CellAlignment;
use fillrate::waves::{Found, WaveRecord};

use crate::output::Printer;

/// A line for each pattern.
pub(super) fn page(records: &[WaveRecord], printer: &Printer) -> String {
    let mut table = printer.table();
    let heads = ["SYMBOL", "PATTERN", "DIRECTION", "SCORE", "P", "FROM", "TO", "PRICES"];
    table.set_header(heads.map(|head| printer.styled(head, Style::new().bold())));
    for record in records {
        let found = &record.found;
        let edge = |date: Option<&String>| date.cloned().unwrap_or_default();
        let prices: Vec<String> = found.prices.iter().map(|price| short(*price)).collect();
        table.add_row([
            record.symbol.to_string(),
            name(found),
            found.hit.direction.as_str().to_owned(),
            format!("{:.3}", found.hit.score),
            record.p_value.map_or_else(|| "-".to_owned(), |p| format!("{p:.4}")),
            edge(record.dates.first()),
            edge(record.dates.last()),
            prices.join(" "),
        ]);
    }
    for column in 3..=4 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

/// A pattern with its variety.
pub(super) fn name(found: &Found) -> String {
    let pattern = found.hit.form.pattern();
    match found.variety {
        Some(variety) => format!("{pattern}, {variety}"),
        None => pattern.to_string(),
    }
}

/// A price with as many digits as tell it from its neighbours.
pub(super) fn short(price: f64) -> String {
    match price.abs() {
        size if size >= 1000.0 => format!("{price:.1}"),
        size if size >= 1.0 => format!("{price:.2}"),
        _ => format!("{price:.4}"),
    }
}
