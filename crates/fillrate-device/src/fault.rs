//! What can go wrong with a device, in the terms that decide what to do next.

/// A failure of a device.
///
/// The kinds are those after which a caller does something different: make room, try again, build
/// a new context, or stop waiting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The device has not this much memory left. The context is sound.
    #[error("the device has no {requested_bytes} bytes left")]
    OutOfMemory {
        /// What was asked of it.
        requested_bytes: u64,
    },

    /// One operation failed and the context is sound: a launch out of resources, a bad argument.
    #[error("{what}")]
    Operation {
        /// What failed and how, in the driver's words.
        what: String,
    },

    /// The context is corrupt: every later call in it fails too, and only a new one helps (an
    /// illegal address, an uncorrectable memory error, a trap in a kernel).
    #[error("the device's context is lost: {what}")]
    Sticky {
        /// What was said first.
        what: String,
    },

    /// No answer came before the deadline.
    #[error("no answer within {limit_ms} ms")]
    Hang {
        /// The deadline, in milliseconds.
        limit_ms: u64,
    },

    /// More work is waiting than the device takes. Nothing is broken.
    #[error("{waiting} requests are waiting, the most is {waiting_max}")]
    Overloaded {
        /// How many wait.
        waiting: usize,
        /// How many may.
        waiting_max: usize,
    },

    /// The driver or the device is no longer there: unloaded, fallen off the bus, never installed.
    #[error("the driver does not answer: {what}")]
    DriverGone {
        /// What shows it.
        what: String,
    },
}

impl Fault {
    /// Whether the context that the fault arose in is of no more use.
    #[must_use]
    pub fn ends_context(&self) -> bool {
        matches!(self, Self::Sticky { .. } | Self::Hang { .. } | Self::DriverGone { .. })
    }

    /// One word for the kind, for records and counters: `out_of_memory`, `operation`, `sticky`,
    /// `hang`, `overloaded`, `driver_gone`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::OutOfMemory { .. } => "out_of_memory",
            Self::Operation { .. } => "operation",
            Self::Sticky { .. } => "sticky",
            Self::Hang { .. } => "hang",
            Self::Overloaded { .. } => "overloaded",
            Self::DriverGone { .. } => "driver_gone",
        }
    }
}
