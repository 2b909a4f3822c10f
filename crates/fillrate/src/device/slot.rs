//! What executors share on a device, as long as its context lives.

use std::sync::{Arc, Mutex};

use fillrate_device::Fault;
use fillrate_device::routing::Failure;

use super::lock;
use crate::{Error, Result};

/// Something on a device that the executors of one context share, made anew after the context was
/// lost.
pub(crate) struct Slot<D> {
    reload: Box<dyn Fn() -> Result<D> + Send + Sync>,
    /// How many executors share it.
    threads: usize,
    place: Mutex<Option<Place<D>>>,
}

struct Place<D> {
    shared: Arc<D>,
    /// Executors that are still to come. When all have come, the next one is there because the
    /// context was lost.
    left: usize,
}

impl<D> Slot<D> {
    /// `first` for the first `threads` executors, and what `reload` makes for those after them.
    pub(crate) fn new(
        first: D,
        reload: impl Fn() -> Result<D> + Send + Sync + 'static,
        threads: usize,
    ) -> Arc<Self> {
        let place = Place { shared: Arc::new(first), left: threads };
        Arc::new(Self { reload: Box::new(reload), threads, place: Mutex::new(Some(place)) })
    }

    /// What the next executor works with.
    ///
    /// # Errors
    ///
    /// If it has to be made anew and cannot be.
    pub(crate) fn take(&self) -> Result<Arc<D>, Fault> {
        let mut place = lock(&self.place);
        let mut current = match place.take() {
            Some(current) if current.left > 0 => current,
            lost => {
                // Its memory is wanted for the new one.
                drop(lost);
                let shared = (self.reload)().map_err(fault)?;
                Place { shared: Arc::new(shared), left: self.threads }
            }
        };
        current.left -= 1;
        let shared = Arc::clone(&current.shared);
        *place = Some(current);
        Ok(shared)
    }

    /// What a router is to be told of an outcome. If the context of `shared` is lost, it is let go of.
    ///
    /// # Errors
    ///
    /// The failure of the device, or of the job.
    pub(crate) fn outcome<A>(
        &self,
        shared: &Arc<D>,
        outcome: Result<A>,
    ) -> Result<A, Failure<Error>> {
        let error = match outcome {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let fault = error.into_fault().map_err(Failure::Job)?;
        if fault.ends_context() {
            let mut place = lock(&self.place);
            if place.as_ref().is_some_and(|current| Arc::ptr_eq(&current.shared, shared)) {
                *place = None;
            }
        }
        Err(Failure::Device(fault))
    }
}

/// A failure to make something again: whatever it is, the device has none.
fn fault(error: Error) -> Fault {
    error.into_fault().unwrap_or_else(|error| Fault::Operation { what: error.to_string() })
}
