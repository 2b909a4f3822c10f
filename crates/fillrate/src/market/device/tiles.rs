//! Ops over the rows of columns that have nothing to do with each other, so many at a time.

use fillrate_kernels::cuda::{Address, Layout};

use super::MarketDevice;
use crate::Result;

/// Rows that are on a device at a time: some hundred megabytes of columns.
const TILE: usize = 1 << 20;

/// The `OUT` columns that `launch` makes of others of one length. It is told where the columns of some rows lie,
/// one after another, where those that it makes are to lie, and how many rows they are.
pub(in crate::market) fn by_tiles<const OUT: usize>(
    device: &MarketDevice,
    columns: &[Vec<f64>],
    launch: impl Fn(Address, Address, usize) -> fillrate_kernels::Result<()>,
) -> Result<[Vec<f64>; OUT]> {
    const DOUBLE: usize = size_of::<f64>();
    let count = columns.first().map_or(0, Vec::len);
    let tile = TILE.min(count);
    let mut layout = Layout::default();
    let terms = layout.reserve(columns.len() * tile * DOUBLE);
    let results = layout.reserve(OUT * tile * DOUBLE);
    let region = device.region(&layout, "options")?;
    let [terms, results] = [terms, results].map(|span| span.at(region.address()));
    let mut out = [(); OUT].map(|()| vec![0.0; count]);
    for start in (0..count).step_by(TILE) {
        let rows = start..count.min(start + TILE);
        for (place, column) in columns.iter().enumerate() {
            device.upload(terms.plus(place * rows.len() * DOUBLE), &column[rows.clone()])?;
        }
        launch(terms, results, rows.len())?;
        for (place, column) in out.iter_mut().enumerate() {
            let from = results.plus(place * rows.len() * DOUBLE);
            device.download(from, &mut column[rows.clone()])?;
        }
    }
    Ok(out)
}
