//! The one error type of this crate.

use fillrate_device::Fault;

/// The result of a fallible operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An op was given arguments it cannot work on, or hardware it cannot run on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A slice or buffer has another size than the op's shape asks for.
    #[error("{op}: expected {expected}, got {got}")]
    Shape {
        /// The op's name.
        op: &'static str,
        /// What the contract asks for.
        expected: String,
        /// What was passed.
        got: String,
    },

    /// The instruction set asked for is not on this processor.
    #[error("this processor has no {tier}; the best it has is {best}")]
    Tier {
        /// The tier asked for.
        tier: &'static str,
        /// The best tier of this processor.
        best: &'static str,
    },

    /// A device does not compute in a type.
    #[error("{device} does not compute in {what}: that takes {needs}")]
    Unsupported {
        /// The device.
        device: String,
        /// The type.
        what: &'static str,
        /// What computes in it.
        needs: String,
    },

    /// A GPU or one of its libraries failed.
    #[error(transparent)]
    Cuda(#[from] fillrate_device::cuda::Error),

    /// A device has no memory left, or failed.
    #[error(transparent)]
    Device(#[from] fillrate_device::Error),
}

impl Error {
    /// Whether a device had no memory left: a smaller batch may pass.
    #[must_use]
    pub fn is_out_of_memory(&self) -> bool {
        match self {
            Self::Cuda(error) => error.is_out_of_memory(),
            Self::Device(error) => matches!(
                error,
                fillrate_device::Error::Exhausted { .. }
                    | fillrate_device::Error::Device { source: Fault::OutOfMemory { .. }, .. }
            ),
            Self::Shape { .. } | Self::Tier { .. } | Self::Unsupported { .. } => false,
        }
    }

    /// The failure of a device that this is.
    ///
    /// # Errors
    ///
    /// The error itself, if no device is at fault.
    pub fn into_fault(self) -> Result<Fault> {
        match self {
            Self::Cuda(error) => Ok(error.into()),
            Self::Device(fillrate_device::Error::Device { source, .. }) => Ok(source),
            Self::Device(fillrate_device::Error::Exhausted { requested_bytes, .. }) => {
                Ok(Fault::OutOfMemory { requested_bytes })
            }
            other => Err(other),
        }
    }
}
