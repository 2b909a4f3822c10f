//! A device that has no memory and fails when it is told to.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::backend::{Backend, Block, DeviceMemoryInfo, EventId, Place, StreamId};
use super::strategy::GRANULE_BYTES;
use crate::fault::Fault;

/// The calls that a [`FakeBackend`] can be told to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FakeCall {
    /// [`Backend::memory`].
    Memory,
    /// [`Backend::reserve`].
    Reserve,
    /// [`Backend::release`].
    Release,
    /// [`Backend::record`].
    Record,
    /// [`Backend::is_complete`].
    IsComplete,
    /// [`Backend::wait`].
    Wait,
    /// [`Backend::copy`].
    Copy,
}

/// A device of a given size that keeps accounts instead of bytes, so that whatever plans, shares or
/// watches memory can be tested on any machine.
///
/// Its streams are done with their work at once, unless they are [held](Self::hold). It fails when
/// told to, and answers a call that breaks the contract of [`Backend`] with [`Fault::Operation`].
#[derive(Debug)]
pub struct FakeBackend {
    total_bytes: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The blocks that are reserved, by their ids.
    blocks: HashMap<u64, Block>,
    /// What others have of the device.
    foreign_bytes: u64,
    next_id: u64,
    /// The events that may be asked after.
    events: HashMap<u64, StreamId>,
    held: HashSet<StreamId>,
    waits: Vec<(StreamId, StreamId)>,
    copied_bytes: u64,
    /// Faults for the next calls of a kind.
    faults: HashMap<FakeCall, Vec<Fault>>,
    broken: Option<Fault>,
}

impl FakeBackend {
    /// A device with `total_bytes`, all free.
    #[must_use]
    pub fn new(total_bytes: u64) -> Self {
        Self { total_bytes, state: Mutex::default() }
    }

    /// The same, shared.
    #[must_use]
    pub fn shared(total_bytes: u64) -> Arc<Self> {
        Arc::new(Self::new(total_bytes))
    }

    /// Lets the next call of a kind fail; several faults fail as many calls, the first first.
    pub fn fail_next(&self, call: FakeCall, fault: Fault) {
        self.state().faults.entry(call).or_default().push(fault);
    }

    /// Lets every call fail until [`mend`](Self::mend): a sticky fault, a driver that is gone.
    pub fn break_down(&self, fault: Fault) {
        self.state().broken = Some(fault);
    }

    /// Ends [`break_down`](Self::break_down).
    pub fn mend(&self) {
        self.state().broken = None;
    }

    /// Lets other programs have `bytes` of the device.
    pub fn set_foreign(&self, bytes: u64) {
        self.state().foreign_bytes = bytes;
    }

    /// Lets a stream's work take until [`finish`](Self::finish).
    pub fn hold(&self, stream: StreamId) {
        self.state().held.insert(stream);
    }

    /// Ends [`hold`](Self::hold): all the stream's work is done.
    pub fn finish(&self, stream: StreamId) {
        self.state().held.remove(&stream);
    }

    /// Every wait until now: which stream, and for which stream's event.
    #[must_use]
    pub fn waits(&self) -> Vec<(StreamId, StreamId)> {
        self.state().waits.clone()
    }

    /// How many blocks are reserved.
    #[must_use]
    pub fn blocks(&self) -> usize {
        self.state().blocks.len()
    }

    /// How many events may still be asked after.
    #[must_use]
    pub fn open_events(&self) -> usize {
        self.state().events.len()
    }

    /// How many bytes were copied.
    #[must_use]
    pub fn copied_bytes(&self) -> u64 {
        self.state().copied_bytes
    }

    /// The state, unless the call is one that is to fail.
    fn begin(&self, call: FakeCall) -> Result<MutexGuard<'_, State>, Fault> {
        let mut state = self.state();
        if let Some(fault) = &state.broken {
            return Err(fault.clone());
        }
        let faults = state.faults.entry(call).or_default();
        if faults.is_empty() { Ok(state) } else { Err(faults.remove(0)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn free_bytes(&self, total_bytes: u64) -> u64 {
        let reserved: u64 = self.blocks.values().map(|block| block.size_bytes).sum();
        total_bytes.saturating_sub(reserved).saturating_sub(self.foreign_bytes)
    }

    fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// The addresses of a range, if it lies in a block that is reserved.
    fn range(&self, place: Place, size_bytes: u64) -> Result<std::ops::Range<u64>, Fault> {
        let end_bytes = place.offset_bytes + size_bytes;
        let block = self.blocks.get(&place.block).filter(|block| end_bytes <= block.size_bytes);
        let block = block.ok_or_else(|| broken_contract("a range that is not reserved"))?;
        Ok(block.address + place.offset_bytes..block.address + end_bytes)
    }
}

fn broken_contract(what: &str) -> Fault {
    Fault::Operation { what: what.to_owned() }
}

impl Backend for FakeBackend {
    fn name(&self) -> &'static str {
        "fake"
    }

    fn memory(&self) -> Result<DeviceMemoryInfo, Fault> {
        let state = self.begin(FakeCall::Memory)?;
        let free_bytes = state.free_bytes(self.total_bytes);
        Ok(DeviceMemoryInfo { total_bytes: self.total_bytes, free_bytes })
    }

    fn reserve(&self, size_bytes: u64) -> Result<Block, Fault> {
        let mut state = self.begin(FakeCall::Reserve)?;
        if size_bytes == 0 || !size_bytes.is_multiple_of(GRANULE_BYTES) {
            return Err(broken_contract("a block that is not whole granules"));
        }
        if size_bytes > state.free_bytes(self.total_bytes) {
            return Err(Fault::OutOfMemory { requested_bytes: size_bytes });
        }
        let id = state.next_id();
        // A tebibyte apart, and aligned to no more than is promised.
        let block = Block { id, address: (id << 40) + GRANULE_BYTES, size_bytes };
        state.blocks.insert(id, block);
        Ok(block)
    }

    fn release(&self, block: Block) -> Result<(), Fault> {
        let mut state = self.begin(FakeCall::Release)?;
        let known = state.blocks.remove(&block.id).filter(|known| *known == block);
        known.map(|_| ()).ok_or_else(|| broken_contract("a block that is not reserved"))
    }

    fn record(&self, stream: StreamId) -> Result<EventId, Fault> {
        let mut state = self.begin(FakeCall::Record)?;
        let id = state.next_id();
        state.events.insert(id, stream);
        Ok(EventId(id))
    }

    fn is_complete(&self, event: EventId) -> Result<bool, Fault> {
        let mut state = self.begin(FakeCall::IsComplete)?;
        let stream = state.events.get(&event.0).copied();
        let stream = stream.ok_or_else(|| broken_contract("an event that is no more"))?;
        let is_complete = !state.held.contains(&stream);
        if is_complete {
            state.events.remove(&event.0);
        }
        Ok(is_complete)
    }

    fn wait(&self, stream: StreamId, event: EventId) -> Result<(), Fault> {
        let mut state = self.begin(FakeCall::Wait)?;
        let earlier = state.events.remove(&event.0);
        let earlier = earlier.ok_or_else(|| broken_contract("an event that is no more"))?;
        state.waits.push((stream, earlier));
        Ok(())
    }

    fn copy(&self, from: Place, to: Place, size_bytes: u64, _: StreamId) -> Result<(), Fault> {
        let mut state = self.begin(FakeCall::Copy)?;
        let (source, target) = (state.range(from, size_bytes)?, state.range(to, size_bytes)?);
        if source.start < target.end && target.start < source.end {
            return Err(broken_contract("a copy onto itself"));
        }
        state.copied_bytes += size_bytes;
        Ok(())
    }
}
