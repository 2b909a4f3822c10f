//! A GPU's memory, as the pools ask for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use cudarc::driver::result;

use super::error::check;
use super::{Context, Event, Stream};
use crate::Fault;
use crate::memory::{Backend, Block, DeviceMemoryInfo, EventId, Place, StreamId};

/// The memory of one GPU and the streams that use it.
pub struct CudaBackend {
    context: Arc<Context>,
    name: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    streams: HashMap<StreamId, Weak<Stream>>,
    /// The events that are waited for, and those that are free to be used again.
    events: HashMap<EventId, Event>,
    spare: Vec<Event>,
    next_event: u64,
}

impl CudaBackend {
    /// The memory of a context's GPU.
    #[must_use]
    pub fn new(context: &Arc<Context>) -> Self {
        let name = format!("cuda:{}", context.ordinal());
        Self { context: Arc::clone(context), name, state: Mutex::default() }
    }

    /// A new stream, whose use of memory the pools can follow.
    ///
    /// # Errors
    ///
    /// If the driver fails.
    pub fn stream(&self) -> super::Result<Arc<Stream>> {
        let stream = Arc::new(Stream::new(&self.context)?);
        let mut state = self.state();
        state.streams.retain(|_, stream| stream.strong_count() > 0);
        state.streams.insert(stream.id(), Arc::downgrade(&stream));
        Ok(stream)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What the lock guards is whole between any two statements.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A stream that still lives. One that does not has done all its work: it waited when it was
    /// dropped.
    fn live(&self, id: StreamId) -> Option<Arc<Stream>> {
        self.state().streams.get(&id).and_then(Weak::upgrade)
    }
}

impl Backend for CudaBackend {
    fn name(&self) -> &str {
        &self.name
    }

    fn memory(&self) -> Result<DeviceMemoryInfo, Fault> {
        self.context.bind()?;
        let (free, total) = check("cuMemGetInfo", result::mem_get_info())?;
        Ok(DeviceMemoryInfo { total_bytes: total as u64, free_bytes: free as u64 })
    }

    fn reserve(&self, size_bytes: u64) -> Result<Block, Fault> {
        self.context.bind()?;
        // SAFETY: a context is bound; what the memory holds is nobody's business until it is
        // written.
        let address = unsafe { result::malloc_sync(size_bytes as usize) };
        let address = check("cuMemAlloc", address).map_err(|error| match Fault::from(error) {
            Fault::OutOfMemory { .. } => Fault::OutOfMemory { requested_bytes: size_bytes },
            fault => fault,
        })?;
        Ok(Block { id: address, address, size_bytes })
    }

    fn release(&self, block: Block) -> Result<(), Fault> {
        self.context.synchronize()?;
        // SAFETY: the block came from `reserve` and is given back once; no work is under way.
        Ok(check("cuMemFree", unsafe { result::free_sync(block.address) })?)
    }

    fn record(&self, stream: StreamId) -> Result<EventId, Fault> {
        let spare = self.state().spare.pop();
        let event = match spare {
            Some(event) => event,
            None => Event::new(&self.context)?,
        };
        // An event that was recorded before stays that: a new one counts as happened.
        match self.live(stream) {
            Some(stream) => event.record(&stream)?,
            // Work of no stream in particular: that of every stream.
            None if stream == StreamId::default() => self.context.synchronize()?,
            None => {}
        }
        let mut state = self.state();
        let id = EventId(state.next_event);
        state.next_event += 1;
        state.events.insert(id, event);
        Ok(id)
    }

    fn is_complete(&self, event: EventId) -> Result<bool, Fault> {
        let mut state = self.state();
        // An event that nobody knows has been answered before.
        let Some(found) = state.events.get(&event) else { return Ok(true) };
        let complete = found.is_complete()?;
        if complete && let Some(event) = state.events.remove(&event) {
            state.spare.push(event);
        }
        Ok(complete)
    }

    fn wait(&self, stream: StreamId, event: EventId) -> Result<(), Fault> {
        let Some(found) = self.state().events.remove(&event) else { return Ok(()) };
        match self.live(stream) {
            Some(stream) => stream.wait(&found)?,
            None => found.synchronize()?,
        }
        // The stream has taken note of the point, so that the event may be recorded anew.
        self.state().spare.push(found);
        Ok(())
    }

    fn copy(&self, from: Place, to: Place, size_bytes: u64, stream: StreamId) -> Result<(), Fault> {
        let (from, to) = (from.block + from.offset_bytes, to.block + to.offset_bytes);
        let bytes = size_bytes as usize;
        self.context.bind()?;
        let status = if let Some(stream) = self.live(stream) {
            // SAFETY: a block's id is its address, the ranges lie within blocks that the pools
            // hold, and they do not overlap.
            unsafe { result::memcpy_dtod_async(to, from, bytes, stream.handle()) }
        } else {
            // SAFETY: as above.
            unsafe { result::memcpy_dtod_sync(to, from, bytes) }
        };
        Ok(check("cuMemcpyDtoD", status)?)
    }
}
