//! Ends of paths as a job.

use std::ops::Range;
use std::sync::Arc;

use fillrate_kernels::cuda::{CudaPrices, DevicePaths, Layout};

use super::{Job, MarketDevice};
use crate::Result;
use crate::market::montecarlo::{MonteCarloOptions, Underlying, walk};

/// Paths that are on a device at a time, of one asset; of a basket as many fewer as it has assets.
const TILE: usize = 1 << 20;

/// Where some paths of a simulation end.
#[derive(Clone, Debug)]
pub struct PathEnds {
    underlying: Arc<Underlying>,
    options: MonteCarloOptions,
    first: u64,
    paths: usize,
    mirrored: bool,
}

impl PathEnds {
    /// The paths of `range` among those that draw numbers of their own, or their mirror images.
    ///
    /// # Errors
    ///
    /// If a term or an option is out of its range.
    pub fn new(
        underlying: &Arc<Underlying>,
        options: MonteCarloOptions,
        range: Range<u64>,
        mirrored: bool,
    ) -> Result<Self> {
        options.check()?;
        underlying.check(&options)?;
        let paths = range.end.saturating_sub(range.start) as usize;
        let underlying = Arc::clone(underlying);
        Ok(Self { underlying, options, first: range.start, paths, mirrored })
    }
}

impl Job for PathEnds {
    type Answer = Vec<f64>;

    /// In steps of all paths and assets.
    fn size(&self) -> u64 {
        let assets = match &*self.underlying {
            Underlying::Asset { .. } => 1,
            Underlying::Basket(basket) => basket.assets().len(),
        };
        (self.paths * assets) as u64 * u64::from(self.options.steps)
    }

    fn on_processor(&self) -> Result<Vec<f64>> {
        let mut ends = vec![0.0; self.paths];
        walk(&self.underlying, &self.options, self.first, self.mirrored, &mut ends)?;
        Ok(ends)
    }

    fn on_device(&self, device: &MarketDevice) -> Result<Vec<f64>> {
        let (tile, scratch_bytes) = match &*self.underlying {
            Underlying::Asset { .. } => (TILE, CudaPrices::path_scratch_bytes()),
            Underlying::Basket(basket) => {
                let assets = basket.assets().len();
                let tile = (TILE / assets).min(self.paths);
                (tile, CudaPrices::basket_scratch_bytes(assets, tile))
            }
        };
        let tile = tile.min(self.paths).max(1);
        let mut layout = Layout::default();
        let out = layout.reserve(tile * size_of::<f64>());
        let scratch = layout.reserve(scratch_bytes);
        let region = device.region(&layout, "paths")?;
        let [out, scratch] = [out, scratch].map(|span| span.at(region.address()));
        let mut ends = vec![0.0; self.paths];
        for (index, ends) in ends.chunks_mut(tile).enumerate() {
            let first = self.first + (index * tile) as u64;
            let place = DevicePaths { ends: out, paths: ends.len(), scratch };
            match &*self.underlying {
                Underlying::Asset { spot, model } => {
                    let grid = self.options.grid(*spot, first, self.mirrored);
                    device.prices.path_ends(model, &grid, &place)?;
                }
                Underlying::Basket(basket) => {
                    let grid = self.options.grid(1.0, first, self.mirrored);
                    device.prices.basket_ends(&basket.terms(), &grid, &place)?;
                }
            }
            device.download(out, ends)?;
        }
        Ok(ends)
    }
}
