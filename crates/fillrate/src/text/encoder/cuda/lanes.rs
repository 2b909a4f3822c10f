//! The lanes of a model: taken for a pass, given back after it, and made anew where they are
//! missing.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::Duration;

use fillrate_kernels::cuda::{Accelerator, Program};

use super::CudaOptions;
use super::lane::Lane;
use crate::text::encoder::config::EncoderConfig;
use crate::{Error, Result};

/// Every lane of a model.
pub(super) struct Lanes {
    state: Mutex<State>,
    /// A lane was given back, or may be made.
    freed: Condvar,
    /// The model is dropped.
    closed: Condvar,
    program: Program,
    config: Arc<EncoderConfig>,
    /// Whether products read 8-bit floats.
    quantized: bool,
    most: usize,
    // Last, since memory goes back to it.
    accelerator: Arc<dyn Accelerator>,
}

struct State {
    free: Vec<Lane>,
    /// Those that are free and those that compute.
    living: usize,
    /// The tokens that the next lane is laid out for.
    tokens: usize,
    /// The tokens that were asked for.
    tokens_asked: usize,
    /// Lanes that were taken so far.
    taken: u64,
    closing: bool,
}

impl Lanes {
    /// As many lanes as there are streams, with room for batches of as many tokens as are asked for,
    /// or of fewer where memory ends.
    ///
    /// # Errors
    ///
    /// If the device fails or has no room for the longest sequence.
    pub(super) fn new(
        accelerator: Arc<dyn Accelerator>,
        program: Program,
        config: Arc<EncoderConfig>,
        options: &CudaOptions,
    ) -> Result<Self> {
        let tokens = options.tokens.max(config.max_sequence());
        let (most, quantized) = (options.streams.max(1), options.fp8.is_some());
        let state = State {
            free: Vec::new(),
            living: 0,
            tokens,
            tokens_asked: tokens,
            taken: 0,
            closing: false,
        };
        let (state, freed, closed) = (Mutex::new(state), Condvar::new(), Condvar::new());
        let lanes = Self { state, freed, closed, program, config, quantized, most, accelerator };
        // All of them now, so that no later batch finds the memory gone.
        let taken = (0..most).map(|_| lanes.take()).collect::<Result<Vec<_>>>()?;
        for lane in taken {
            lanes.give_back(lane);
        }
        Ok(lanes)
    }

    /// Starts a thread that gives the memory of passes back whenever none came for `after`.
    ///
    /// # Errors
    ///
    /// If the thread cannot be started.
    pub(super) fn release_when_idle(lanes: &Arc<Self>, after: Duration) -> Result<()> {
        let name = "gpu-idle".to_owned();
        let lanes = Arc::clone(lanes);
        // Nobody waits for its end: a driver that hangs would hang whoever did.
        match Builder::new().name(name.clone()).spawn(move || lanes.watch(after)) {
            Ok(_) => Ok(()),
            Err(source) => Err(Error::Thread { name, source }),
        }
    }

    fn watch(&self, after: Duration) {
        let mut state = self.lock();
        while !state.closing {
            let taken = state.taken;
            let waited = self.closed.wait_timeout(state, after);
            let timed_out;
            (state, timed_out) = waited.unwrap_or_else(PoisonError::into_inner);
            if timed_out.timed_out() && state.taken == taken && !state.closing {
                drop(state);
                self.release();
                state = self.lock();
            }
        }
    }

    /// Gives the memory of lanes in which nobody computes back to the device. They are made anew
    /// for the next passes.
    pub(super) fn release(&self) {
        let mut state = self.lock();
        let idle = std::mem::take(&mut state.free);
        state.living -= idle.len();
        drop(state);
        if !idle.is_empty() {
            drop(idle);
            // A device that fails here fails at the next pass too, where somebody hears of it.
            let _ = self.accelerator.trim();
        }
    }

    /// Ends the thread that watches and gives all memory back.
    pub(super) fn close(&self) {
        self.lock().closing = true;
        self.closed.notify_all();
        self.release();
    }

    /// The most lanes there are at a time.
    pub(super) const fn most(&self) -> usize {
        self.most
    }

    /// The tokens of the largest batch.
    pub(super) fn tokens(&self) -> usize {
        self.lock().tokens
    }

    /// The tokens of the largest batch, where memory had no room for those that were asked for.
    pub(super) fn reduced_tokens(&self) -> Option<usize> {
        let state = self.lock();
        (state.tokens < state.tokens_asked).then_some(state.tokens)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // What the lock guards is whole between any two statements.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A lane that is free, or a new one while there are fewer than there may be.
    ///
    /// # Errors
    ///
    /// If a new one cannot be made.
    pub(super) fn take(&self) -> Result<Lane> {
        let mut state = self.lock();
        state.taken += 1;
        loop {
            if let Some(lane) = state.free.pop() {
                return Ok(lane);
            }
            if state.living < self.most {
                state.living += 1;
                drop(state);
                return self.make().inspect_err(|_| self.forget());
            }
            state = self.freed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A lane for the batches that memory has room for: half as large until it does.
    fn make(&self) -> Result<Lane> {
        loop {
            let tokens = self.tokens();
            let Self { accelerator, program, config, quantized, .. } = self;
            match Lane::new(&**accelerator, *program, tokens, config, *quantized) {
                Err(error) if error.is_out_of_memory() && self.halve(tokens) => {}
                lane => return lane,
            }
        }
    }

    /// Halves the size of batches; whether there was something to halve.
    pub(super) fn halve(&self, tokens: usize) -> bool {
        let least = self.config.max_sequence();
        let mut state = self.lock();
        // Another lane may have done so meanwhile.
        state.tokens = state.tokens.min((tokens / 2).max(least));
        // Lanes of the former size would keep the memory.
        let (fitting, before) = (state.tokens, state.free.len());
        state.free.retain(|lane| lane.tokens() <= fitting);
        state.living -= before - state.free.len();
        tokens > least
    }

    /// Puts a lane back that is sound.
    pub(super) fn give_back(&self, lane: Lane) {
        self.lock().free.push(lane);
        self.freed.notify_one();
    }

    /// Drops a lane that failed: its queue may be in any state.
    pub(super) fn discard(&self, lane: Lane) {
        drop(lane);
        self.forget();
    }

    /// Makes room for another lane.
    fn forget(&self) {
        self.lock().living -= 1;
        self.freed.notify_one();
    }
}
