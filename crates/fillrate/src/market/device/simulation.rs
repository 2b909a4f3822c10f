//! Parts of a simulation as jobs: where paths end, added up where they are walked.

use std::ops::Range;
use std::sync::Arc;

use fillrate_kernels::cuda::{
    Address, CHUNK_MOMENTS, CudaPrices, DevicePaths, DeviceRanges, Layout, Span,
};

use super::{Job, MarketDevice};
use crate::Result;
use crate::market::montecarlo::{
    CHUNK, EndMoments, Moments, MonteCarloOptions, Ranges, Selected, Underlying, walk,
};

const DOUBLE: usize = size_of::<f64>();

/// Paths that are on a device at a time, of one asset; of a basket as many fewer as it has assets.
const TILE: usize = 1 << 20;

/// Some paths of a simulation, with their mirror images if it has them.
#[derive(Clone, Debug)]
pub struct SimulationPart {
    underlying: Arc<Underlying>,
    options: MonteCarloOptions,
    first: usize,
    paths: usize,
    ranges: Option<Arc<Ranges>>,
}

/// What is known of where the paths of a part end.
#[derive(Clone, Debug)]
pub struct PartSummary {
    pub(crate) moments: EndMoments,
    /// The ends in the part's ranges, or all of them if it has none.
    pub(crate) selected: Selected,
}

impl PartSummary {
    /// The ends that were kept: all of them unless the part was asked for fewer.
    #[must_use]
    pub fn ends(&self) -> &[f64] {
        &self.selected.kept
    }

    /// The mean of the ends.
    #[must_use]
    pub fn mean(&self) -> f64 {
        Moments::tree(&self.moments.halves.concat()).mean()
    }
}

impl SimulationPart {
    /// The paths of `range` among those that draw numbers of their own. All their ends are kept.
    ///
    /// # Errors
    ///
    /// If a term or an option is out of its range.
    pub fn whole(
        underlying: &Arc<Underlying>,
        options: MonteCarloOptions,
        range: Range<usize>,
    ) -> Result<Self> {
        Self::new(underlying, options, range, None)
    }

    /// The same, of which the ends in some ranges are kept, if such are given.
    pub(crate) fn new(
        underlying: &Arc<Underlying>,
        options: MonteCarloOptions,
        range: Range<usize>,
        ranges: Option<Arc<Ranges>>,
    ) -> Result<Self> {
        options.check()?;
        underlying.check(&options)?;
        let (first, paths) = (range.start, range.len());
        Ok(Self { underlying: Arc::clone(underlying), options, first, paths, ranges })
    }

    /// Whether paths are walked as they are and mirrored.
    fn halves(&self) -> &'static [bool] {
        if self.options.antithetic { &[false, true] } else { &[false] }
    }

    fn assets(&self) -> usize {
        match &*self.underlying {
            Underlying::Asset { .. } => 1,
            Underlying::Basket(basket) => basket.assets().len(),
        }
    }

    /// The paths of a tile: whole chunks, so that sums are those of the processor.
    fn tile(&self) -> usize {
        (TILE / self.assets() / CHUNK).max(1) * CHUNK
    }
}

impl Job for SimulationPart {
    type Answer = PartSummary;

    /// In steps of all paths and assets.
    fn size(&self) -> u64 {
        let walks = self.paths * self.assets() * self.halves().len();
        walks as u64 * u64::from(self.options.steps)
    }

    fn on_processor(&self) -> Result<PartSummary> {
        let mut ends = vec![0.0; self.paths * self.halves().len()];
        for (mirrored, ends) in self.halves().iter().zip(ends.chunks_mut(self.paths.max(1))) {
            walk(&self.underlying, &self.options, self.first as u64, *mirrored, ends)?;
        }
        let (plain, mirrored) = ends.split_at(self.paths);
        let moments = EndMoments::of(plain, mirrored);
        let selected = match &self.ranges {
            Some(ranges) => Selected::of(&ends, ranges),
            None => Selected { below: Vec::new(), kept: ends },
        };
        Ok(PartSummary { moments, selected })
    }

    fn on_device(&self, device: &MarketDevice) -> Result<PartSummary> {
        let range_count = self.ranges.as_ref().map_or(0, |ranges| ranges.len());
        let mut summary = PartSummary {
            moments: EndMoments::default(),
            selected: Selected { below: vec![0; range_count], kept: Vec::new() },
        };
        let tile = self.tile().min(self.paths.max(1));
        for start in (0..self.paths).step_by(tile) {
            let paths = tile.min(self.paths - start);
            Tile::new(self, device, start, paths).walk(&mut summary)?;
        }
        Ok(summary)
    }
}

/// Some paths of a part on a device.
struct Tile<'a> {
    part: &'a SimulationPart,
    device: &'a MarketDevice,
    first: u64,
    paths: usize,
    layout: Layout,
    spans: Spans,
}

/// Where things lie. With mirror images there are two halves of ends, and the means of pairs.
struct Spans {
    ends: Span,
    pairs: Span,
    scratch: Span,
    moments: Span,
    range_ends: Span,
    counts: Span,
    kept: Span,
}

impl<'a> Tile<'a> {
    fn new(part: &'a SimulationPart, device: &'a MarketDevice, start: usize, paths: usize) -> Self {
        let halves = part.halves().len();
        let scratch_bytes = match &*part.underlying {
            Underlying::Asset { .. } => CudaPrices::path_scratch_bytes(),
            Underlying::Basket(_) => CudaPrices::basket_scratch_bytes(part.assets(), paths),
        };
        let ranges = part.ranges.as_ref().map_or(0, |ranges| ranges.len());
        let kept = if ranges > 0 { halves * paths } else { 0 };
        let mut layout = Layout::default();
        let spans = Spans {
            ends: layout.reserve(halves * paths * DOUBLE),
            pairs: layout.reserve((halves - 1) * paths * DOUBLE),
            scratch: layout.reserve(scratch_bytes),
            moments: layout.reserve(paths.div_ceil(CHUNK) * CHUNK_MOMENTS * DOUBLE),
            range_ends: layout.reserve(2 * ranges * DOUBLE),
            counts: layout.reserve((ranges + 1) * size_of::<u64>()),
            kept: layout.reserve(kept * DOUBLE),
        };
        let first = (part.first + start) as u64;
        Self { part, device, first, paths, layout, spans }
    }

    /// Walks the paths and adds what is known of their ends to `summary`.
    fn walk(&self, summary: &mut PartSummary) -> Result<()> {
        let region = self.device.region(&self.layout, "paths")?;
        let at = |span: Span| span.at(region.address());
        let halves = self.part.halves();
        let ends = at(self.spans.ends);
        let half = |half: usize| ends.plus(half * self.paths * DOUBLE);
        let moments_at = at(self.spans.moments);
        for (place, mirrored) in halves.iter().enumerate() {
            self.ends(*mirrored, half(place), at(self.spans.scratch))?;
            let moments = self.moments(half(place), moments_at)?;
            summary.moments.halves[place].extend(moments);
        }
        if halves.len() == 2 {
            let pairs = at(self.spans.pairs);
            self.device.prices.pair_means([half(0), half(1)], pairs, self.paths)?;
            summary.moments.pairs.extend(self.moments(pairs, moments_at)?);
        }
        let count = halves.len() * self.paths;
        let kept = &mut summary.selected.kept;
        let Some(ranges) = &self.part.ranges else {
            let start = kept.len();
            kept.resize(start + count, 0.0);
            return self.device.download(ends, &mut kept[start..]);
        };
        let place = DeviceRanges {
            ends: at(self.spans.range_ends),
            ranges: ranges.len(),
            kept: at(self.spans.kept),
            counts: at(self.spans.counts),
        };
        let found = self.select(ranges, ends, count, &place)?;
        for (below, more) in summary.selected.below.iter_mut().zip(&found.below) {
            *below += more;
        }
        kept.extend(found.kept);
        Ok(())
    }

    /// Where the paths, or their mirror images, end.
    fn ends(&self, mirrored: bool, ends: Address, scratch: Address) -> Result<()> {
        let prices = &self.device.prices;
        let place = DevicePaths { ends, paths: self.paths, scratch };
        match &*self.part.underlying {
            Underlying::Asset { spot, model } => {
                let grid = self.part.options.grid(*spot, self.first, mirrored);
                prices.path_ends(model, &grid, &place)?;
            }
            Underlying::Basket(basket) => {
                let grid = self.part.options.grid(1.0, self.first, mirrored);
                prices.basket_ends(&basket.terms(), &grid, &place)?;
            }
        }
        Ok(())
    }

    fn moments(&self, samples: Address, to: Address) -> Result<Vec<Moments>> {
        self.device.prices.chunk_moments(samples, None, [1, self.paths], CHUNK, to)?;
        self.device.moments(to, 1, self.paths)
    }

    fn select(
        &self,
        ranges: &Ranges,
        ends: Address,
        count: usize,
        place: &DeviceRanges,
    ) -> Result<Selected> {
        let Self { device, .. } = self;
        let mut counts = vec![0_u64; ranges.len() + 1];
        device.upload(place.ends, &[&ranges.low[..], &ranges.high].concat())?;
        device.upload(place.counts, &counts)?;
        device.prices.select_ranges(ends, count, place)?;
        device.download(place.counts, &mut counts)?;
        let mut kept = vec![0.0; counts.pop().unwrap_or(0) as usize];
        device.download(place.kept, &mut kept)?;
        Ok(Selected { below: counts, kept })
    }
}

impl MarketDevice {
    /// The moments of `sets` series of `count` samples, chunk by chunk, that
    /// [`CudaPrices::chunk_moments`] has left on the device.
    pub(in crate::market) fn moments(
        &self,
        from: Address,
        sets: usize,
        count: usize,
    ) -> Result<Vec<Moments>> {
        let chunks = count.div_ceil(CHUNK);
        let mut sums = vec![0.0; sets * chunks * CHUNK_MOMENTS];
        self.download(from, &mut sums)?;
        let (sums, _) = sums.as_chunks::<CHUNK_MOMENTS>();
        let len = |place: usize| CHUNK.min(count - place % chunks * CHUNK);
        Ok(sums.iter().enumerate().map(|(at, sums)| Moments::of_sums(len(at), *sums)).collect())
    }
}
