//! What computing on a device takes, whatever is computed: the things that live on it as long as its
//! context does, and a look at its sensors from time to time.

mod slot;
mod vitals;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use self::vitals::Sense;

pub(crate) use self::slot::Slot;
pub(crate) use self::vitals::Vitals;

/// What a lock guards here is whole between any two statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
