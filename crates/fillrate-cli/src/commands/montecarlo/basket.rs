//! A basket from a table: a row per asset, with a column of correlations named after each symbol.

use std::path::Path;

use fillrate::market::montecarlo::{Asset, Basket};
use fillrate::records::Chunk;

use crate::commands::table::open;
use crate::failure::hinted;
use crate::output::Printer;
use crate::settings::Settings;

/// Reads a basket; assets without a drift of their own have `drift`.
///
/// # Errors
///
/// If the table cannot be read, or is no basket.
pub(super) fn read(
    table: &Path,
    drift: f64,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<Basket> {
    let mut reader = open(table, settings, printer)?;
    let mut chunks = Vec::new();
    while let Some(chunk) = reader.next_chunk()? {
        chunks.push(chunk);
    }
    let mut assets = Vec::new();
    for chunk in &chunks {
        let [symbols, spots, drifts, vols, weights] =
            ["symbol", "spot", "drift", "vol", "weight"].map(|name| chunk.values(name));
        for row in 0..chunk.len() {
            let at = Cell { table, line: chunk.lines()[row] };
            let symbol = symbols[row].clone().map_err(|message| at.error(&message))?;
            assets.push(Asset {
                symbol,
                spot: at.number("spot", &spots[row], None)?,
                drift: at.number("drift", &drifts[row], Some(drift))?,
                vol: at.number("vol", &vols[row], None)?,
                weight: at.number("weight", &weights[row], Some(1.0))?,
            });
        }
    }
    if let Some(twice) = repeated(&assets) {
        let hint = "give each asset a row of its own";
        return Err(hinted(format!("{}: symbol `{twice}` has two rows", table.display()), hint));
    }
    let correlations = correlations(table, &assets, &chunks)?;
    Ok(Basket::new(assets, &correlations)?)
}

/// The correlations, row-major, from the columns that have the assets' names.
fn correlations(table: &Path, assets: &[Asset], chunks: &[Chunk]) -> anyhow::Result<Vec<f64>> {
    let count = assets.len();
    let mut correlations = vec![0.0; count * count];
    for (column, asset) in assets.iter().enumerate() {
        let mut row = 0;
        for chunk in chunks {
            for (place, cell) in chunk.values(&asset.symbol).iter().enumerate() {
                let at = Cell { table, line: chunk.lines()[place] };
                correlations[row * count + column] = at.number(&asset.symbol, cell, None)?;
                row += 1;
            }
        }
    }
    Ok(correlations)
}

fn repeated(assets: &[Asset]) -> Option<&str> {
    let mut symbols: Vec<&str> = assets.iter().map(|asset| asset.symbol.as_str()).collect();
    symbols.sort_unstable();
    symbols.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

/// Where a cell stands.
struct Cell<'a> {
    table: &'a Path,
    line: u64,
}

impl Cell<'_> {
    fn error(&self, message: &str) -> anyhow::Error {
        let message = format!("{}:{}: {message}", self.table.display(), self.line);
        // A row that is left out would leave a gap in the correlations, so there is no skipping.
        hinted(message, "mend the row; `fillrate montecarlo --help` has the columns of a basket")
    }

    /// The number of a cell, or what stands in for one that is missing.
    fn number(
        &self,
        column: &str,
        cell: &Result<String, String>,
        otherwise: Option<f64>,
    ) -> anyhow::Result<f64> {
        match (cell, otherwise) {
            (Ok(text), Some(value)) if text.trim().is_empty() => Ok(value),
            (Err(_), Some(value)) => Ok(value),
            (Err(message), None) => Err(self.error(message)),
            (Ok(text), _) => {
                let message = || format!("column `{column}`: `{text}` is not a number");
                text.trim().parse().map_err(|_| self.error(&message()))
            }
        }
    }
}
