//! What is behind a pool's lock.

use std::collections::VecDeque;
use std::time::Instant;

use super::super::backend::{Backend, StreamId};
use super::super::budget::{Budget, Piece, Refusal};
use super::super::options::PoolOptions;
use super::super::statistics::PoolStatistics;
use super::super::strategy::{GRANULE_BYTES, Placement, granules};
use super::super::trace::Trace;
use super::lane::Lane;
use super::request::Request;
use super::slot::{Slot, Slots, Waiting};
use crate::fault::Fault;

/// What a pool's state needs of what surrounds it.
pub(super) struct Surroundings<'a> {
    pub(super) backend: &'a dyn Backend,
    pub(super) budget: &'a Budget,
    pub(super) options: PoolOptions,
    pub(super) growth_bytes: u64,
}

/// Why a request was refused.
pub(super) enum Refused {
    /// There is no room.
    Full {
        /// What the device said, if it was asked.
        source: Option<Fault>,
    },
    /// The device failed.
    Device(Fault),
}

/// The lanes, what is allocated in them, and what waits for its last user.
#[derive(Default)]
pub(super) struct State {
    lanes: Vec<Lane>,
    pub(super) slots: Slots,
    /// What was freed, the oldest first.
    waiting: VecDeque<Waiting>,
    pub(super) counters: PoolStatistics,
    /// What is asked for, while it is recorded.
    trace: Option<Trace>,
}

impl State {
    /// Allocates, in the order of what costs least: from what the stream has, from what waits and
    /// is done, from the device, from what other streams have, from what waits and is not done.
    pub(super) fn allocate(
        &mut self,
        request: &Request,
        around: &Surroundings<'_>,
    ) -> Result<u32, Refused> {
        let Some(len) = granules(request.padded_bytes()) else {
            return Err(Refused::Full { source: None });
        };
        let home = self.lane_of(request.stream, around);
        self.collect_oldest(around.backend);
        if let Some(placement) = self.lanes[home].strategy.allocate(len) {
            return Ok(self.settle(request, home, placement));
        }
        self.collect(around.backend);
        if let Some(placement) = self.lanes[home].strategy.allocate(len) {
            return Ok(self.settle(request, home, placement));
        }
        let refusal = match self.grow(home, len, around) {
            Ok(()) => None,
            Err(Refusal::Budget) => Some(None),
            Err(Refusal::Device(fault @ Fault::OutOfMemory { .. })) => Some(Some(fault)),
            Err(Refusal::Device(fault)) => return Err(Refused::Device(fault)),
        };
        if let Some(placement) = self.lanes[home].strategy.allocate(len) {
            return Ok(self.settle(request, home, placement));
        }
        if let Some(index) = self.borrow(request, len, around.backend)? {
            return Ok(index);
        }
        self.reclaim_waiting(home, around.backend)?;
        match self.lanes[home].strategy.allocate(len) {
            Some(placement) => Ok(self.settle(request, home, placement)),
            None => Err(Refused::Full { source: refusal.flatten() }),
        }
    }

    /// Takes an allocation back: at once where its lane's stream alone used it, else when all who
    /// did have come so far.
    pub(super) fn free(&mut self, index: u32, backend: &dyn Backend) {
        let Some(slot) = self.slots.remove(index) else { return };
        let Slot { lane, placement, requested_bytes, stream, others, traced, .. } = slot;
        if let (Some(trace), Some(id)) = (&mut self.trace, traced) {
            trace.free(id);
        }
        self.counters.live -= 1;
        self.counters.requested_bytes -= requested_bytes;
        self.counters.allocated_bytes -= bytes_of(placement);
        let home = self.lanes[lane].stream;
        if stream == home && others.is_empty() {
            self.lanes[lane].strategy.free(placement);
            return;
        }
        // The lane's own stream needs no event: what it does next comes after what it did.
        let users = others.into_iter().chain([stream]).filter(|user| *user != home);
        let events: Result<Vec<_>, Fault> = users.map(|user| backend.record(user)).collect();
        self.counters.waiting_bytes += bytes_of(placement);
        // A device that does not say when its work is done keeps the range for good.
        if let Ok(events) = events {
            self.waiting.push_back(Waiting { lane, placement, events });
        }
    }

    /// Hands the regions in which nothing is allocated to the budget. Returns their bytes.
    pub(super) fn trim(&mut self, around: &Surroundings<'_>) -> Result<u64, Fault> {
        self.collect(around.backend);
        let (mut freed_bytes, mut failed) = (0, None);
        for piece in self.lanes.iter_mut().flat_map(Lane::take_idle) {
            freed_bytes += piece.size_bytes();
            // The rest is given back whatever happens to one.
            failed = around.budget.give_back(piece).err().or(failed);
        }
        self.counters.reserved_bytes -= freed_bytes;
        failed.map_or(Ok(freed_bytes), Err)
    }

    /// Moves what nobody holds the address of to lower addresses, until `moves_max` are moved.
    /// Returns how many were.
    pub(super) fn defragment(
        &mut self,
        moves_max: usize,
        backend: &dyn Backend,
    ) -> Result<usize, Fault> {
        self.collect(backend);
        let lanes = &mut self.lanes;
        // What another stream used might be in use by it at any time between its sync points; what
        // only the lane's own stream uses is copied in that stream's order.
        let mut movable: Vec<&mut Slot> = self
            .slots
            .iter_mut()
            .filter(|slot| slot.pins == 0 && slot.others.is_empty())
            .filter(|slot| lanes[slot.lane].stream == slot.stream)
            .collect();
        movable.sort_by_key(|slot| std::cmp::Reverse(slot.placement.span.start));
        let mut moves = 0;
        for slot in movable {
            if moves == moves_max {
                break;
            }
            let (lane, old) = (&mut lanes[slot.lane], slot.placement);
            let Some(new) = lane.strategy.allocate_below(old.span.len, old.span.start) else {
                continue;
            };
            let address = lane.address(new).next_multiple_of(slot.alignment_bytes);
            let (mut from, mut to) = (lane.place(old), lane.place(new));
            from.offset_bytes += slot.address - lane.address(old);
            to.offset_bytes += address - lane.address(new);
            if let Err(fault) = backend.copy(from, to, slot.requested_bytes, lane.stream) {
                lane.strategy.free(new);
                return Err(fault);
            }
            self.counters.allocated_bytes += bytes_of(new);
            self.counters.allocated_bytes -= bytes_of(old);
            lane.strategy.free(old);
            (slot.placement, slot.address) = (new, address);
            moves += 1;
        }
        self.counters.moves += moves as u64;
        Ok(moves)
    }

    /// Begins a new record of what is asked for.
    pub(super) fn record(&mut self) {
        self.trace = Some(Trace::default());
        // What lives is not of the record, and its end must not be either.
        self.slots.iter_mut().for_each(|slot| slot.traced = None);
    }

    /// Ends the record.
    pub(super) fn take_record(&mut self) -> Option<Trace> {
        self.trace.take()
    }

    pub(super) fn statistics(&self, limit_bytes: u64) -> PoolStatistics {
        let free_len: u64 = self.lanes.iter().map(|lane| lane.strategy.free_len()).sum();
        let largest = self.lanes.iter().map(|lane| lane.strategy.largest_free()).max();
        PoolStatistics {
            limit_bytes,
            free_bytes: free_len * GRANULE_BYTES,
            largest_free_bytes: u64::from(largest.unwrap_or(0)) * GRANULE_BYTES,
            ..self.counters
        }
    }

    /// Takes out every region: for the end of the pool, when no handle is left.
    pub(super) fn take_all(&mut self) -> Vec<Piece> {
        self.lanes.drain(..).flat_map(Lane::into_pieces).collect()
    }

    fn lane_of(&mut self, stream: StreamId, around: &Surroundings<'_>) -> usize {
        let known = self.lanes.iter().position(|lane| lane.stream == stream);
        known.unwrap_or_else(|| {
            self.lanes.push(Lane::new(stream, around.options.strategy.build()));
            self.lanes.len() - 1
        })
    }

    /// Enters a placement into the table.
    fn settle(&mut self, request: &Request, lane: usize, placement: Placement) -> u32 {
        let counters = &mut self.counters;
        counters.live += 1;
        counters.allocations += 1;
        counters.requested_bytes += request.size_bytes;
        counters.allocated_bytes += bytes_of(placement);
        counters.peak_allocated_bytes = counters.peak_allocated_bytes.max(counters.allocated_bytes);
        let address = self.lanes[lane].address(placement);
        let traced = self.trace.as_mut().map(|trace| trace.allocate(request.size_bytes));
        self.slots.insert(Slot {
            lane,
            placement,
            requested_bytes: request.size_bytes,
            alignment_bytes: request.alignment_bytes,
            address: address.next_multiple_of(request.alignment_bytes),
            stream: request.stream,
            others: Vec::new(),
            pins: 0,
            tag: request.tag.clone(),
            born: Instant::now(),
            traced,
        })
    }

    /// Gives a lane a region that holds `len` granules, and more where there is.
    fn grow(&mut self, lane: usize, len: u32, around: &Surroundings<'_>) -> Result<(), Refusal> {
        let reserved_bytes = self.counters.reserved_bytes;
        let limit_bytes = around.options.limit_bytes.unwrap_or(u64::MAX);
        let room_bytes = limit_bytes.saturating_sub(reserved_bytes);
        let needed_bytes = u64::from(len) * GRANULE_BYTES;
        if needed_bytes > room_bytes {
            return Err(Refusal::Budget);
        }
        let wanted_bytes = around.growth_bytes.max(reserved_bytes / 4).max(needed_bytes);
        let piece = around.budget.take(needed_bytes, wanted_bytes.min(room_bytes))?;
        let size_bytes = piece.size_bytes();
        if let Err(piece) = self.lanes[lane].add(piece) {
            around.budget.give_back(piece).map_err(Refusal::Device)?;
            return Err(Refusal::Budget);
        }
        self.counters.growths += 1;
        self.counters.reserved_bytes += size_bytes;
        self.counters.peak_reserved_bytes =
            self.counters.peak_reserved_bytes.max(self.counters.reserved_bytes);
        Ok(())
    }

    /// Allocates out of another stream's lane, whose freed ranges its own work may still use: the
    /// request's stream is made to come after it.
    fn borrow(
        &mut self,
        request: &Request,
        len: u32,
        backend: &dyn Backend,
    ) -> Result<Option<u32>, Refused> {
        for index in 0..self.lanes.len() {
            let lane = &mut self.lanes[index];
            if lane.stream == request.stream {
                continue;
            }
            let Some(placement) = lane.strategy.allocate(len) else { continue };
            let ordered = backend
                .record(lane.stream)
                .and_then(|reached| backend.wait(request.stream, reached));
            if let Err(fault) = ordered {
                lane.strategy.free(placement);
                return Err(Refused::Device(fault));
            }
            self.counters.borrowings += 1;
            return Ok(Some(self.settle(request, index, placement)));
        }
        Ok(None)
    }

    /// Takes back what waited longest, as far as it is done: a look at one range in most cases.
    fn collect_oldest(&mut self, backend: &dyn Backend) {
        while let Some(mut oldest) = self.waiting.pop_front() {
            match oldest.poll(backend) {
                Ok(true) => self.reclaim(&oldest),
                Ok(false) => return self.waiting.push_front(oldest),
                Err(_) => {}
            }
        }
    }

    /// Takes back all that waited and is done. What the device failed to answer for is never used
    /// again.
    fn collect(&mut self, backend: &dyn Backend) {
        for mut waiting in std::mem::take(&mut self.waiting) {
            match waiting.poll(backend) {
                Ok(true) => self.reclaim(&waiting),
                Ok(false) => self.waiting.push_back(waiting),
                Err(_) => {}
            }
        }
    }

    /// Takes back what waits in a lane by letting the lane's stream come after all who used it.
    fn reclaim_waiting(&mut self, lane: usize, backend: &dyn Backend) -> Result<(), Refused> {
        let stream = self.lanes[lane].stream;
        for mut waiting in std::mem::take(&mut self.waiting) {
            if waiting.lane != lane {
                self.waiting.push_back(waiting);
                continue;
            }
            for event in waiting.events.drain(..) {
                backend.wait(stream, event).map_err(Refused::Device)?;
            }
            self.reclaim(&waiting);
        }
        Ok(())
    }

    fn reclaim(&mut self, waiting: &Waiting) {
        self.counters.waiting_bytes -= bytes_of(waiting.placement);
        self.lanes[waiting.lane].strategy.free(waiting.placement);
    }
}

fn bytes_of(placement: Placement) -> u64 {
    u64::from(placement.span.len) * GRANULE_BYTES
}
