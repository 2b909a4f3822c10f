//! Prices in: what the verbs that read a panel share.

use std::path::Path;

use fillrate::market::{Panel, PanelOptions};
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
    let symbol = input.file_stem().map_or_else(|| "-".into(), |name| name.to_string_lossy().into());
    let panel = Panel::read(&mut reader, &PanelOptions { symbol, ..options })?;
    report_skipped(reader.skipped(), printer);
    Ok(panel)
}

/// Threads to compute with: as many as asked for, else as many as the machine is good for.
pub(super) fn threads(settings: &Settings) -> usize {
    settings.threads.map_or_else(|| processor_and_memory().0.threads_advised, usize::from)
}
