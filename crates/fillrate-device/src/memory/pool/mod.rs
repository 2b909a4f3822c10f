//! A pool: memory of a device for one purpose, handed out under one lock.

mod lane;
mod request;
mod slot;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

pub use self::request::{Request, Tag};
use self::state::{Refused, State, Surroundings};
use super::allocation::Allocation;
use super::backend::{Backend, StreamId};
use super::budget::Budget;
use super::leaks::Live;
use super::options::{PoolKind, PoolOptions};
use super::statistics::PoolStatistics;
use super::trace::Trace;
use super::workspace::Workspace;
use crate::error::{Error, Result};
use crate::fault::Fault;

/// A pool of a device's memory; clones are the same pool.
///
/// An allocation belongs to the stream that it is asked for. Freed, it can be used again at once by
/// work of that stream, which runs in order; another stream gets it with an event in between. A
/// stream has regions of its own, and takes what others have left only when the budget is at its
/// end.
#[derive(Clone)]
pub struct Pool {
    shared: Arc<Shared>,
}

/// What a pool's handles share.
pub(super) struct Shared {
    kind: PoolKind,
    options: PoolOptions,
    growth_bytes: u64,
    backend: Arc<dyn Backend>,
    budget: Arc<Budget>,
    state: Mutex<State>,
    /// The other pools of the budget, which are asked for what they do not need before a request
    /// is refused.
    siblings: OnceLock<Vec<Weak<Shared>>>,
}

impl Pool {
    /// The pools of one budget.
    pub(super) fn family(
        options: &[PoolOptions; 4],
        growth_bytes: u64,
        backend: &Arc<dyn Backend>,
        budget: &Arc<Budget>,
    ) -> [Self; 4] {
        let pools = PoolKind::ALL.map(|kind| Self {
            shared: Arc::new(Shared {
                kind,
                options: options[kind as usize],
                growth_bytes,
                backend: Arc::clone(backend),
                budget: Arc::clone(budget),
                state: Mutex::default(),
                siblings: OnceLock::new(),
            }),
        });
        for (index, pool) in pools.iter().enumerate() {
            let others = pools.iter().enumerate().filter(|(other, _)| *other != index);
            let others = others.map(|(_, other)| Arc::downgrade(&other.shared)).collect();
            pool.shared.siblings.get_or_init(|| others);
        }
        pools
    }

    /// What it is for.
    #[must_use]
    pub fn kind(&self) -> PoolKind {
        self.shared.kind
    }

    /// Allocates.
    ///
    /// # Errors
    ///
    /// [`Error::Exhausted`] if there is no room and none can be made, [`Error::Device`] if the
    /// device fails.
    pub fn allocate(&self, request: &Request) -> Result<Allocation> {
        let shared = &self.shared;
        let first = shared.state().allocate(request, &shared.surroundings());
        let outcome = match first {
            // With the lock released, since a sibling takes its own.
            Err(Refused::Full { .. }) if shared.trim_siblings() > 0 => {
                shared.state().allocate(request, &shared.surroundings())
            }
            outcome => outcome,
        };
        outcome
            .map(|index| Allocation::new(Arc::clone(shared), index))
            .map_err(|refused| shared.refusal(request, refused))
    }

    /// Allocates scratch memory for `stream` that is divided and taken back as scopes; see
    /// [`Workspace`].
    ///
    /// # Errors
    ///
    /// As [`allocate`](Self::allocate).
    pub fn workspace(
        &self,
        size_bytes: u64,
        stream: StreamId,
        owner: impl Into<Tag>,
    ) -> Result<Workspace> {
        let request = Request::new(size_bytes).on(stream).tagged(owner);
        Ok(Workspace::new(self.allocate(&request)?.into_fixed(), size_bytes))
    }

    /// Gives the regions in which nothing is allocated back to the device, or to the block that was
    /// reserved up front. Returns their bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] if the device fails.
    pub fn trim(&self) -> Result<u64> {
        let shared = &self.shared;
        shared.state().trim(&shared.surroundings()).map_err(|fault| shared.fault(fault))
    }

    /// Closes holes: moves allocations whose address nobody holds to lower addresses of their
    /// stream's regions, `moves_max` at most. The copies are part of that stream's work. Returns
    /// how many were moved.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] if the device fails; what was moved until then is whole.
    pub fn defragment(&self, moves_max: usize) -> Result<usize> {
        let shared = &self.shared;
        let moved = shared.state().defragment(moves_max, &*shared.backend);
        moved.map_err(|fault| shared.fault(fault))
    }

    /// Begins to record what is asked of the pool from now on, anew if it did before.
    pub fn start_recording(&self) {
        self.shared.state().record();
    }

    /// Ends the record and returns it: an empty one if there is none.
    #[must_use]
    pub fn take_recording(&self) -> Trace {
        self.shared.state().take_record().unwrap_or_default()
    }

    /// What it has and what of it is in use.
    #[must_use]
    pub fn statistics(&self) -> PoolStatistics {
        self.shared.state().statistics(self.shared.limit_bytes())
    }

    /// What is allocated now, the oldest first.
    #[must_use]
    pub fn live(&self) -> Vec<Live> {
        let state = self.shared.state();
        let mut live: Vec<Live> = state
            .slots
            .iter()
            .map(|slot| Live {
                pool: self.shared.kind,
                owner: slot.tag.clone(),
                size_bytes: slot.requested_bytes,
                age: slot.born.elapsed(),
            })
            .collect();
        live.sort_by_key(|live| std::cmp::Reverse(live.age));
        live
    }
}

impl Shared {
    pub(super) fn free(&self, index: u32) {
        self.state().free(index, &*self.backend);
    }

    /// The size asked for.
    pub(super) fn size_bytes(&self, index: u32) -> u64 {
        self.state().slots.get_mut(index).map_or(0, |slot| slot.requested_bytes)
    }

    /// Keeps an allocation where it is until [`unpin`](Self::unpin). Returns its address.
    pub(super) fn pin(&self, index: u32) -> u64 {
        self.state().slots.get_mut(index).map_or(0, |slot| {
            slot.pins += 1;
            slot.address
        })
    }

    pub(super) fn unpin(&self, index: u32) {
        if let Some(slot) = self.state().slots.get_mut(index) {
            slot.pins -= 1;
        }
    }

    /// Notes that work of `stream` uses the allocation too.
    pub(super) fn use_on(&self, index: u32, stream: StreamId) {
        if let Some(slot) = self.state().slots.get_mut(index)
            && slot.stream != stream
            && !slot.others.contains(&stream)
        {
            slot.others.push(stream);
        }
    }

    fn surroundings(&self) -> Surroundings<'_> {
        Surroundings {
            backend: &*self.backend,
            budget: &self.budget,
            options: self.options,
            growth_bytes: self.growth_bytes,
        }
    }

    /// The most that the pool can have.
    fn limit_bytes(&self) -> u64 {
        self.options.limit_bytes.unwrap_or(u64::MAX).min(self.budget.limit_bytes())
    }

    /// Lets the other pools give what they do not need to the budget. Returns its bytes.
    fn trim_siblings(&self) -> u64 {
        let siblings = self.siblings.get().into_iter().flatten().filter_map(Weak::upgrade);
        siblings.filter_map(|pool| pool.state().trim(&pool.surroundings()).ok()).sum()
    }

    fn refusal(&self, request: &Request, refused: Refused) -> Error {
        let mut state = self.state();
        state.counters.refusals += 1;
        match refused {
            Refused::Device(fault) => self.fault(fault),
            Refused::Full { source } => {
                let statistics = state.statistics(self.limit_bytes());
                Error::Exhausted {
                    device: self.backend.name().to_owned(),
                    pool: self.kind.name(),
                    requested_bytes: request.size_bytes,
                    in_use_bytes: statistics.allocated_bytes,
                    largest_free_bytes: statistics.largest_free_bytes,
                    limit_bytes: statistics.limit_bytes,
                    source,
                }
            }
        }
    }

    fn fault(&self, source: Fault) -> Error {
        Error::Device { device: self.backend.name().to_owned(), source }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is whole at every point where a caller's code could panic: none runs inside.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        for piece in state.take_all() {
            // A device that fails here has taken its memory with it.
            let _gone = self.budget.give_back(piece);
        }
    }
}
