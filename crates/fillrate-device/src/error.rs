//! The one error type of this crate.

use crate::fault::Fault;

/// The result of a fallible operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong: every variant carries the values a caller needs to act on it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A pool has no room for a request, and none can be made.
    #[error(
        "{device}: no {requested_bytes} bytes in pool `{pool}`: {in_use_bytes} bytes are in use, \
         the largest free range has {largest_free_bytes}, and it may have {limit_bytes} in all"
    )]
    Exhausted {
        /// The device.
        device: String,
        /// The pool.
        pool: &'static str,
        /// What was asked for.
        requested_bytes: u64,
        /// What the pool has handed out and not got back.
        in_use_bytes: u64,
        /// The longest range that could be handed out at once.
        largest_free_bytes: u64,
        /// The most that the pool may take of the device: its own limit or the budget's rest.
        limit_bytes: u64,
        /// What the device said, where it refused what the budget allows: someone else has it.
        source: Option<Fault>,
    },

    /// The device failed.
    #[error("{device}: {source}")]
    Device {
        /// The device.
        device: String,
        /// How.
        source: Fault,
    },

    /// A setting is out of its range.
    #[error("{name} is {value}, expected {expected}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// What it was.
        value: String,
        /// What it may be.
        expected: &'static str,
    },

    /// A model does not fit beside those in use.
    #[error(
        "no room for `{name}` of {size_bytes} bytes: models in use have {in_use_bytes} of the \
         {budget_bytes} that models may have"
    )]
    NoRoom {
        /// The model.
        name: String,
        /// Its size.
        size_bytes: u64,
        /// What models in use have.
        in_use_bytes: u64,
        /// What all models together may have.
        budget_bytes: u64,
    },

    /// The text of a trace is malformed.
    #[error("line {line}: {message}")]
    Trace {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        message: String,
    },
}
