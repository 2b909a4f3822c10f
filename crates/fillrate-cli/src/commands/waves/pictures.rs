//! Pictures of patterns, a file for each.

use std::fs;
use std::path::Path;

use anyhow::Context;
use fillrate::market::Panel;
use fillrate::waves::WaveRecord;

use super::chart;
use super::series::bars_of;
use crate::output::{Printer, Rendered};

/// Writes `SYMBOL-RANK-PATTERN-DIRECTION.svg` for each pattern, the rank counting those of the
/// symbol from 1.
///
/// # Errors
///
/// If the folder or a file cannot be written.
pub(super) fn write(
    records: &[WaveRecord],
    panel: &Panel,
    folder: &Path,
    printer: &Printer,
) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let mut rank = 0;
    let mut last = None;
    for record in records {
        if last.replace(&record.symbol) != Some(&record.symbol) {
            rank = 0;
        }
        rank += 1;
        let symbol = panel.symbols().iter().position(|symbol| **symbol == *record.symbol);
        let Some(symbol) = symbol else { continue };
        // The bars were sound when they were searched.
        let Ok(bars) = bars_of(&panel.series(symbol)) else { continue };
        let hit = &record.found.hit;
        let name = format!(
            "{}-{rank:03}-{}-{}.svg",
            file_name(&record.symbol, symbol),
            hit.form.pattern(),
            hit.direction.as_str()
        );
        let picture = chart::svg(&bars, &record.found, &record.dates, true);
        printer.emit(&Rendered::text(picture), Some(&folder.join(name)))?;
    }
    Ok(())
}

/// A symbol as a part of a file's name. One that has other characters than letters, digits, dots,
/// dashes and underscores also gets its number, since two such could become the same.
fn file_name(symbol: &str, number: usize) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if symbol.chars().all(is_plain) && !symbol.starts_with('.') && !symbol.is_empty() {
        return symbol.to_owned();
    }
    let plain: String = symbol.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    format!("_{plain}-{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_cannot_lead_out_of_the_folder() {
        assert_eq!(file_name("BRK.B", 3), "BRK.B");
        assert_eq!(file_name("../x", 3), "_.._x-3");
        assert_eq!(file_name("", 0), "_-0");
    }
}
