//! What can go wrong with a GPU's libraries and calls.

use std::path::PathBuf;

use cudarc::driver::DriverError;

use super::Library;
use crate::Fault;
use crate::probe::Version;

/// The result of a fallible CUDA operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The driver's status for memory that it does not have.
///
/// Source: the CUDA driver API, `CUresult`; so are the other numbers here.
const OUT_OF_MEMORY: i32 = 2;

/// What leaves a context of no more use: an uncorrectable memory error, errors of the link between GPUs, a
/// lost or illegal address, a launch that timed out, a failed assertion, a trap, a bad instruction, a bad
/// address space, a bad program counter, a failed launch, a context that is gone.
const STICKY: [i32; 15] =
    [214, 220, 226, 700, 702, 707, 709, 710, 714, 715, 716, 717, 718, 719, 720];

/// The driver was shut down, has no device any more, or does not fit its kernel module.
const GONE: [i32; 7] = [3, 4, 46, 100, 101, 803, 804];

/// A CUDA library is missing or a call into it failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A library is not installed, or not where the system's loader looks.
    #[error("{} is not installed: {}", .library.file_name(), .library.package())]
    Missing {
        /// The library.
        library: Library,
    },

    /// A library file cannot be loaded, or lacks a function.
    #[error("{}: {message}", path.display())]
    Load {
        /// The file, or the name that was searched for.
        path: PathBuf,
        /// What the loader said.
        message: String,
    },

    /// No installed NVRTC compiles for the GPU.
    #[error(
        "NVRTC {nvrtc} compiles nothing for compute capability {capability}: {}",
        hint(*.capability)
    )]
    Architecture {
        /// The version of the newest NVRTC that is installed.
        nvrtc: Version,
        /// What the GPU's processors can do.
        capability: Version,
    },

    /// There is no GPU of this number.
    #[error("there is no GPU {ordinal}: CUDA shows this process {count}")]
    NoSuchGpu {
        /// The number asked for, from 0.
        ordinal: u32,
        /// How many there are.
        count: u32,
    },

    /// The driver is older than the functions that are used.
    #[error(
        "the driver runs CUDA {}.{}, and {}.{} is needed: install driver 580 or newer",
        .version / 1000, .version % 1000 / 10, .version_min / 1000, .version_min % 1000 / 10
    )]
    DriverTooOld {
        /// What it runs, as the driver counts: 1000 × major + 10 × minor.
        version: i32,
        /// The oldest that will do.
        version_min: i32,
    },

    /// A call of the driver failed, or work did that was given to it before.
    #[error("{call}: {name} ({status})")]
    Driver {
        /// The function.
        call: &'static str,
        /// Its `CUresult`.
        status: i32,
        /// What the driver calls that.
        name: String,
    },

    /// A call of cuBLASLt failed.
    #[error("{call} failed with {status}")]
    CublasLt {
        /// The function.
        call: &'static str,
        /// Its status, by name.
        status: String,
    },

    /// NVRTC refused a source.
    #[error("the kernels do not compile for {architecture}: {log}")]
    Compile {
        /// What they were compiled for.
        architecture: String,
        /// What the compiler said.
        log: String,
    },

    /// A call of NVRTC failed for another reason than the source.
    #[error("{call} failed with NVRTC's status {status}")]
    Nvrtc {
        /// The function.
        call: &'static str,
        /// Its `nvrtcResult`.
        status: i32,
    },
}

fn hint(capability: Version) -> &'static str {
    if capability < (Version { major: 7, minor: 5 }) {
        "CUDA 13 compiles for 7.5 and newer; install NVRTC 12 (pip: nvidia-cuda-nvrtc-cu12)"
    } else {
        "install a newer NVRTC (pip: nvidia-cuda-nvrtc)"
    }
}

impl Error {
    /// Whether the GPU had no memory left.
    #[must_use]
    pub fn is_out_of_memory(&self) -> bool {
        matches!(self, Self::Driver { status: OUT_OF_MEMORY, .. })
    }
}

/// Names the call that failed.
pub(super) fn check<T>(call: &'static str, result: Result<T, DriverError>) -> Result<T> {
    result.map_err(|error| {
        let name = error.error_name().map(|name| name.to_string_lossy().into_owned());
        let status = error.0 as i32;
        Error::Driver { call, status, name: name.unwrap_or_else(|_| "unknown".to_owned()) }
    })
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let what = error.to_string();
        match error {
            // How much was asked for, the allocating call knows.
            Error::Driver { status: OUT_OF_MEMORY, .. } => Self::OutOfMemory { requested_bytes: 0 },
            Error::Driver { status, .. } if STICKY.contains(&status) => Self::Sticky { what },
            Error::Driver { status, .. } if GONE.contains(&status) => Self::DriverGone { what },
            Error::Missing { library: Library::Driver }
            | Error::NoSuchGpu { .. }
            | Error::DriverTooOld { .. } => Self::DriverGone { what },
            _ => Self::Operation { what },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_told_apart_by_what_is_to_be_done() {
        let kind = |status| {
            let name = "CUDA_ERROR".to_owned();
            Fault::from(Error::Driver { call: "cuLaunchKernel", status, name }).kind()
        };
        assert_eq!(kind(2), "out_of_memory");
        assert_eq!(kind(700), "sticky");
        assert_eq!(kind(719), "sticky");
        assert_eq!(kind(701), "operation", "out of registers: the next launch may do");
        assert_eq!(kind(1), "operation");
        assert_eq!(kind(100), "driver_gone");
        let missing = |library| Fault::from(Error::Missing { library }).kind();
        assert_eq!(missing(Library::Driver), "driver_gone");
        assert_eq!(missing(Library::CublasLt), "operation");
    }

    #[test]
    fn an_old_driver_is_told_in_words() {
        let error = Error::DriverTooOld { version: 11_040, version_min: 12_000 };
        assert_eq!(
            error.to_string(),
            "the driver runs CUDA 11.4, and 12.0 is needed: install driver 580 or newer"
        );
    }
}
