//! Indicators as a table for a reader.

use std::fmt::Write;

use fillrate::market::Panel;
use fillrate::market::indicators::NamedColumn;

/// The narrowest column of numbers.
const WIDTH_MIN: usize = 10;

/// Symbol, date and each result, a line per bar in the order of the input.
pub(super) fn page(panel: &Panel, results: &[NamedColumn]) -> String {
    let mut bars = Vec::with_capacity(panel.bars());
    for series in panel.iter() {
        let dates = series.dates().iter().map(|date| panel.date_text(*date));
        bars.extend(series.bars().zip(dates).map(|(bar, date)| (bar, series.symbol(), date)));
    }
    let order: Vec<usize> = (0..bars.len()).collect();
    let order = panel.in_input_order(&order);
    let width_of = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or(0);
    let symbol_width = width_of(&mut panel.symbols().iter().map(|s| s.chars().count())).max(6);
    let date_width = width_of(&mut bars.iter().take(1).map(|(_, _, date)| date.len())).max(4);
    let mut page = format!("{:<symbol_width$}  {:<date_width$}", "SYMBOL", "DATE");
    for column in results {
        let width = column.name.len().max(WIDTH_MIN);
        write_cell(&mut page, &column.name.to_uppercase(), width);
    }
    page.push('\n');
    for place in order {
        let (bar, symbol, date) = &bars[place];
        let _ = write!(page, "{symbol:<symbol_width$}  {date:<date_width$}");
        for column in results {
            let value = column.values[*bar];
            let text = if value.is_nan() { String::new() } else { format!("{value:.4}") };
            write_cell(&mut page, &text, column.name.len().max(WIDTH_MIN));
        }
        page.truncate(page.trim_end_matches(' ').len());
        page.push('\n');
    }
    page
}

fn write_cell(page: &mut String, text: &str, width: usize) {
    // A string takes every write.
    let _ = write!(page, "  {text:>width$}");
}
