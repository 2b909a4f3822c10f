//! The part of a pool that one stream's work comes first in.

use super::super::backend::{Place, StreamId};
use super::super::budget::Piece;
use super::super::strategy::{GRANULE_BYTES, Placement, Span, Strategy};

/// Granules that a lane's strategy counts.
const GRANULES_MAX: u32 = u32::MAX;

/// The regions that grew for one stream. What is freed by that stream can be used by it again at
/// once, since its work is done in order; anyone else waits for an event.
pub(super) struct Lane {
    pub(super) stream: StreamId,
    pub(super) strategy: Box<dyn Strategy>,
    /// In the order of their spans.
    regions: Vec<Region>,
}

/// A piece of the device and the granules that stand for it.
#[derive(Clone, Copy)]
struct Region {
    span: Span,
    piece: Piece,
}

impl Lane {
    pub(super) fn new(stream: StreamId, strategy: Box<dyn Strategy>) -> Self {
        Self { stream, strategy, regions: Vec::new() }
    }

    /// Adds a piece. Returns it if the granules have run out.
    pub(super) fn add(&mut self, piece: Piece) -> Result<(), Piece> {
        let Ok(len) = u32::try_from(piece.size_bytes() / GRANULE_BYTES) else { return Err(piece) };
        // The first gap that leaves a granule on either side: regions must not touch.
        let (mut start, mut index) = (0_u32, 0);
        for region in &self.regions {
            if region.span.start - start > len {
                break;
            }
            start = region.span.end() + 1;
            index += 1;
        }
        if GRANULES_MAX - start <= len {
            return Err(piece);
        }
        let span = Span { start, len };
        self.regions.insert(index, Region { span, piece });
        self.strategy.add_region(span);
        Ok(())
    }

    /// Takes out the pieces in which nothing is allocated.
    pub(super) fn take_idle(&mut self) -> Vec<Piece> {
        let strategy = &mut self.strategy;
        let idle = self.regions.extract_if(.., |region| strategy.remove_region(region.span));
        idle.map(|region| region.piece).collect()
    }

    /// All its pieces.
    pub(super) fn into_pieces(self) -> impl Iterator<Item = Piece> {
        self.regions.into_iter().map(|region| region.piece)
    }

    /// The device address of a placement's first byte.
    pub(super) fn address(&self, placement: Placement) -> u64 {
        let (region, offset_bytes) = self.locate(placement);
        region.piece.address() + offset_bytes
    }

    /// The same as a place in a block.
    pub(super) fn place(&self, placement: Placement) -> Place {
        let (region, offset_bytes) = self.locate(placement);
        region.piece.place(offset_bytes)
    }

    fn locate(&self, placement: Placement) -> (&Region, u64) {
        let start = placement.span.start;
        let after = self.regions.partition_point(|region| region.span.start <= start);
        // Placements come from regions, so one begins at or before it.
        let region = &self.regions[after - 1];
        (region, u64::from(start - region.span.start) * GRANULE_BYTES)
    }
}
