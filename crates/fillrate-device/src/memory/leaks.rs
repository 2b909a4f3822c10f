//! What was not given back.

use std::fmt;
use std::time::Duration;

use super::options::PoolKind;
use super::pool::Tag;

/// An allocation that lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// The pool it is in.
    pub pool: PoolKind,
    /// Who it was allocated for.
    pub owner: Tag,
    /// The size asked for.
    pub size_bytes: u64,
    /// How long it has lived.
    pub age: Duration,
}

impl fmt::Display for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pool, owner, size_bytes, age } = self;
        let (pool, age_s) = (pool.name(), age.as_secs_f64());
        write!(f, "{owner}: {size_bytes} bytes in pool `{pool}` for {age_s:.1} s")
    }
}

/// What is done with what still lives when a [`DeviceMemory`](super::DeviceMemory) is dropped.
pub(super) type OnLeak = Box<dyn Fn(&[Live]) + Send + Sync>;
