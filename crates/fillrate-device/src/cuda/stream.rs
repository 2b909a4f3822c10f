//! Streams, events and graphs.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cudarc::driver::{result, sys};

use super::error::check;
use super::{Context, PinnedBuffer, Plain, Result};
use crate::memory::StreamId;

/// An ordered queue of a GPU's work, which does not wait for the other queues.
pub struct Stream {
    context: Arc<Context>,
    handle: sys::CUstream,
    id: StreamId,
}

// SAFETY: the handle is a name that the driver looks up; its functions may be called from any thread.
unsafe impl Send for Stream {}
// SAFETY: as above.
unsafe impl Sync for Stream {}

impl Stream {
    /// A new stream.
    ///
    /// # Errors
    ///
    /// If the driver fails.
    pub fn new(context: &Arc<Context>) -> Result<Self> {
        // 0 names no stream in particular.
        static NEXT: AtomicU64 = AtomicU64::new(1);
        context.bind()?;
        let kind = result::stream::StreamKind::NonBlocking;
        let handle = check("cuStreamCreate", result::stream::create(kind))?;
        let id = StreamId(NEXT.fetch_add(1, Ordering::Relaxed));
        Ok(Self { context: Arc::clone(context), handle, id })
    }

    /// The context that it is of.
    #[must_use]
    pub const fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// Its name, which no other stream of the process has.
    #[must_use]
    pub const fn id(&self) -> StreamId {
        self.id
    }

    /// The driver's name of it, for other libraries' calls. It is valid while this lives.
    #[must_use]
    pub const fn handle(&self) -> sys::CUstream {
        self.handle
    }

    /// Makes its context the calling thread's, for other libraries' calls.
    ///
    /// # Errors
    ///
    /// If the driver fails.
    pub fn bind(&self) -> Result<()> {
        self.context.bind()
    }

    /// Waits for all its work.
    ///
    /// # Errors
    ///
    /// If the driver fails, or earlier work did.
    pub fn synchronize(&self) -> Result<()> {
        self.context.bind()?;
        // SAFETY: the stream lives.
        check("cuStreamSynchronize", unsafe { result::stream::synchronize(self.handle) })
    }

    /// Lets its later work begin only when `event` has happened.
    ///
    /// # Errors
    ///
    /// If the driver fails.
    pub fn wait(&self, event: &Event) -> Result<()> {
        self.context.bind()?;
        let flags = sys::CUevent_wait_flags::CU_EVENT_WAIT_DEFAULT;
        // SAFETY: both live.
        let status = unsafe { result::stream::wait_event(self.handle, event.handle, flags) };
        check("cuStreamWaitEvent", status)
    }

    /// Appends a copy of a range of a buffer's values to device memory.
    ///
    /// # Errors
    ///
    /// If the driver fails.
    ///
    /// # Safety
    ///
    /// The memory at `to` must be the caller's and have room, and the range must not be changed nor
    /// the buffer dropped until the stream has come past this copy.
    ///
    /// # Panics
    ///
    /// If the buffer has no such range.
    pub unsafe fn upload<T: Plain>(
        &self,
        from: &PinnedBuffer<T>,
        range: Range<usize>,
        to: u64,
    ) -> Result<()> {
        self.context.bind()?;
        // SAFETY: the caller's promise.
        let status = unsafe { result::memcpy_htod_async(to, &from[range], self.handle) };
        check("cuMemcpyHtoDAsync", status)
    }

    /// Appends a copy from device memory over a range of a buffer's values.
    ///
    /// # Errors
    ///
    /// If the driver fails.
    ///
    /// # Safety
    ///
    /// The memory at `from` must hold as many values, and the range must not be read nor the buffer
    /// dropped until the stream has come past this copy.
    ///
    /// # Panics
    ///
    /// If the buffer has no such range.
    pub unsafe fn download<T: Plain>(
        &self,
        from: u64,
        to: &mut PinnedBuffer<T>,
        range: Range<usize>,
    ) -> Result<()> {
        self.context.bind()?;
        // SAFETY: the caller's promise.
        let status = unsafe { result::memcpy_dtoh_async(&mut to[range], from, self.handle) };
        check("cuMemcpyDtoHAsync", status)
    }

    /// Records the work that `work` appends, which is not done now, as a graph.
    ///
    /// # Errors
    ///
    /// Those of `work`, and if the driver fails.
    pub fn capture<E: From<super::Error>>(
        &self,
        work: impl FnOnce() -> Result<(), E>,
    ) -> Result<Graph, E> {
        self.context.bind()?;
        // Other threads may allocate and copy meanwhile.
        let mode = sys::CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL;
        // SAFETY: the stream lives.
        let status = unsafe { result::stream::begin_capture(self.handle, mode) };
        check("cuStreamBeginCapture", status)?;
        let done = work();
        // Ended in any case: a stream that is being captured does nothing else.
        // SAFETY: the stream lives and is being captured.
        let graph =
            check("cuStreamEndCapture", unsafe { result::stream::end_capture(self.handle) });
        done?;
        let graph = graph?;
        let flags = sys::CUgraphInstantiate_flags(0);
        // SAFETY: the graph is the one just captured; what can be launched does not need it.
        let executable = unsafe {
            let executable = result::graph::instantiate(graph, flags);
            let _ = result::graph::destroy(graph);
            executable
        };
        let executable = check("cuGraphInstantiateWithFlags", executable)?;
        Ok(Graph { context: Arc::clone(&self.context), executable })
    }

    /// Appends the work of a graph.
    ///
    /// # Errors
    ///
    /// If the driver fails.
    ///
    /// # Safety
    ///
    /// All memory that the graph's work touches must still be what it was when it was captured.
    pub unsafe fn launch(&self, graph: &Graph) -> Result<()> {
        self.context.bind()?;
        // SAFETY: both live, and the caller's promise.
        let status = unsafe { result::graph::launch(graph.executable, self.handle) };
        check("cuGraphLaunch", status)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // Memory that it used is free for others once it is gone, so it must be done.
        if self.synchronize().is_ok() {
            // SAFETY: it lives, and nobody has its handle afterwards.
            let _ = unsafe { result::stream::destroy(self.handle) };
        }
    }
}

/// A point in a stream's work.
pub struct Event {
    context: Arc<Context>,
    handle: sys::CUevent,
}

// SAFETY: the handle is a name that the driver looks up; its functions may be called from any thread.
unsafe impl Send for Event {}
// SAFETY: as above.
unsafe impl Sync for Event {}

impl Event {
    /// An event that has not been recorded, which counts as happened.
    ///
    /// # Errors
    ///
    /// If the driver fails.
    pub fn new(context: &Arc<Context>) -> Result<Self> {
        context.bind()?;
        let flags = sys::CUevent_flags::CU_EVENT_DISABLE_TIMING;
        let handle = check("cuEventCreate", result::event::create(flags))?;
        Ok(Self { context: Arc::clone(context), handle })
    }

    /// Marks the point that the stream's work has reached with all that it was given.
    ///
    /// # Errors
    ///
    /// If the driver fails.
    pub fn record(&self, stream: &Stream) -> Result<()> {
        self.context.bind()?;
        // SAFETY: both live.
        check("cuEventRecord", unsafe { result::event::record(self.handle, stream.handle) })
    }

    /// Whether it has happened.
    ///
    /// # Errors
    ///
    /// If the driver fails, or earlier work did.
    pub fn is_complete(&self) -> Result<bool> {
        self.context.bind()?;
        // SAFETY: the event lives.
        match unsafe { result::event::query(self.handle) } {
            Err(error) if error.0 == sys::CUresult::CUDA_ERROR_NOT_READY => Ok(false),
            status => check("cuEventQuery", status).map(|()| true),
        }
    }

    /// Waits until it has happened.
    ///
    /// # Errors
    ///
    /// If the driver fails, or earlier work did.
    pub fn synchronize(&self) -> Result<()> {
        self.context.bind()?;
        // SAFETY: the event lives.
        check("cuEventSynchronize", unsafe { result::event::synchronize(self.handle) })
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        if self.context.bind().is_ok() {
            // SAFETY: it lives, and nobody has its handle afterwards.
            let _ = unsafe { result::event::destroy(self.handle) };
        }
    }
}

/// Work that is launched as a whole.
pub struct Graph {
    context: Arc<Context>,
    executable: sys::CUgraphExec,
}

// SAFETY: the handle is a name that the driver looks up. A graph is launched by one stream at a time:
// it is not `Sync`.
unsafe impl Send for Graph {}

impl Drop for Graph {
    fn drop(&mut self) {
        if self.context.bind().is_ok() {
            // SAFETY: it lives, and nobody has its handle afterwards; the driver lets a launch that
            // is under way end.
            let _ = unsafe { result::graph::exec_destroy(self.executable) };
        }
    }
}
