//! Prices in: what the verbs that read a panel share.

use std::path::Path;

use fillrate::market::{Panel, PanelOptions, PanelTable};
use fillrate::records::Layout;
use fillrate_device::probe::processor_and_memory;

use super::table::{open, report_skipped};
use crate::output::Printer;
use crate::settings::Settings;

/// Reads the prices of `input`, a file or `-`, as the settings say. Without a column `symbol` the
/// file's name, less its extension, is the symbol.
///
/// # Errors
///
/// If it cannot be read, or is no table of prices.
pub(super) fn read(
    input: &Path,
    options: PanelOptions,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<Panel> {
    let mut reader = open(input, settings, printer)?;
    let panel = Panel::read(&mut reader, &named(input, options))?;
    report_skipped(reader.skipped(), printer);
    Ok(panel)
}

/// The same with the rows that the prices come from, to write a result beside each, and with what a
/// writer needs to know of them.
///
/// # Errors
///
/// As for [`read`].
pub(super) fn read_table(
    input: &Path,
    options: PanelOptions,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<(PanelTable, Layout)> {
    let mut reader = open(input, settings, printer)?;
    let layout = reader.layout();
    let table = PanelTable::read(&mut reader, &named(input, options))?;
    report_skipped(reader.skipped(), printer);
    Ok((table, layout))
}

/// The options with the symbol that the file's name gives.
fn named(input: &Path, options: PanelOptions) -> PanelOptions {
    let symbol = input.file_stem().map_or_else(|| "-".into(), |name| name.to_string_lossy().into());
    PanelOptions { symbol, ..options }
}

/// Threads to compute with: as many as asked for, else as many as the machine is good for.
pub(super) fn threads(settings: &Settings) -> usize {
    settings.threads.map_or_else(|| processor_and_memory().0.threads_advised, usize::from)
}
