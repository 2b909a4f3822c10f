//! The one budget of a device: what all its pools together may take.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::backend::{Backend, Block, Place};
use super::strategy::{GRANULE_BYTES, Placement, Span, Strategy, StrategyKind, granules};
use crate::fault::Fault;

/// A part of the device's memory that a pool has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    block: Block,
    /// Where it lies in the block that was reserved up front; nowhere, if it is a block.
    placement: Option<Placement>,
    size_bytes: u64,
}

impl Piece {
    pub(super) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    pub(super) fn address(&self) -> u64 {
        self.block.address + self.offset_bytes()
    }

    /// The place `offset_bytes` into the piece.
    pub(super) fn place(&self, offset_bytes: u64) -> Place {
        Place { block: self.block.id, offset_bytes: self.offset_bytes() + offset_bytes }
    }

    fn offset_bytes(&self) -> u64 {
        self.placement.map_or(0, |placement| u64::from(placement.span.start) * GRANULE_BYTES)
    }
}

/// Why there is no piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The budget has not enough left.
    Budget,
    /// The device refused what the budget allows.
    Device(Fault),
}

/// See the [module](self).
pub(super) struct Budget {
    backend: Arc<dyn Backend>,
    limit_bytes: u64,
    state: Mutex<State>,
}

struct State {
    taken_bytes: u64,
    /// The block that was reserved up front, if one was, and what of it pools have.
    reserved: Option<(Block, Box<dyn Strategy>)>,
}

impl Budget {
    /// A budget of `limit_bytes`, whole granules, taken now if `reserve`.
    pub(super) fn new(
        backend: Arc<dyn Backend>,
        limit_bytes: u64,
        reserve: bool,
    ) -> Result<Self, Fault> {
        let reserved = if reserve && limit_bytes > 0 {
            let block = backend.reserve(limit_bytes)?;
            let mut strategy = StrategyKind::default().build();
            let len = granules(limit_bytes).unwrap_or(u32::MAX);
            strategy.add_region(Span { start: 0, len });
            Some((block, strategy))
        } else {
            None
        };
        let state = Mutex::new(State { taken_bytes: 0, reserved });
        Ok(Self { backend, limit_bytes, state })
    }

    pub(super) fn limit_bytes(&self) -> u64 {
        self.limit_bytes
    }

    /// What pools have.
    pub(super) fn taken_bytes(&self) -> u64 {
        self.state().taken_bytes
    }

    /// What pools do not have.
    pub(super) fn left_bytes(&self) -> u64 {
        self.limit_bytes - self.taken_bytes()
    }

    /// What is reserved from the device: what pools have, or all of it if it was taken up front.
    pub(super) fn reserved_bytes(&self) -> u64 {
        let state = self.state();
        state.reserved.as_ref().map_or(state.taken_bytes, |(block, _)| block.size_bytes)
    }

    /// Takes a piece of `wanted_bytes` or, where that cannot be, of `needed_bytes`, both rounded
    /// up to granules.
    pub(super) fn take(&self, needed_bytes: u64, wanted_bytes: u64) -> Result<Piece, Refusal> {
        let mut state = self.state();
        let left_bytes = self.limit_bytes - state.taken_bytes;
        let mut refusal = Refusal::Budget;
        for bytes in [wanted_bytes.min(left_bytes), needed_bytes] {
            let Some(len) = granules(bytes) else { continue };
            let size_bytes = u64::from(len) * GRANULE_BYTES;
            if bytes < needed_bytes || size_bytes > left_bytes {
                continue;
            }
            match state.piece(&*self.backend, len) {
                Ok(piece) => {
                    state.taken_bytes += size_bytes;
                    return Ok(piece);
                }
                // Only of less memory a device may still have enough.
                Err(Refusal::Device(Fault::OutOfMemory { requested_bytes })) => {
                    refusal = Refusal::Device(Fault::OutOfMemory { requested_bytes });
                }
                Err(refused) => return Err(refused),
            }
        }
        Err(refusal)
    }

    /// Takes a piece back.
    pub(super) fn give_back(&self, piece: Piece) -> Result<(), Fault> {
        let mut state = self.state();
        state.taken_bytes -= piece.size_bytes;
        match (&mut state.reserved, piece.placement) {
            (Some((_, strategy)), Some(placement)) => {
                strategy.free(placement);
                Ok(())
            }
            _ => self.backend.release(piece.block),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn piece(&mut self, backend: &dyn Backend, len: u32) -> Result<Piece, Refusal> {
        let size_bytes = u64::from(len) * GRANULE_BYTES;
        if let Some((block, strategy)) = &mut self.reserved {
            let placement = strategy.allocate(len).ok_or(Refusal::Budget)?;
            return Ok(Piece { block: *block, placement: Some(placement), size_bytes });
        }
        let block = backend.reserve(size_bytes).map_err(Refusal::Device)?;
        Ok(Piece { block, placement: None, size_bytes })
    }
}

impl Drop for Budget {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some((block, _)) = state.reserved.take() {
            // A device that fails here has taken its memory with it.
            let _gone = self.backend.release(block);
        }
    }
}
