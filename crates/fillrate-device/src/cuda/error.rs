//! What can go wrong with a GPU's libraries and calls.

use std::path::PathBuf;

use super::Library;
use crate::probe::Version;

/// The result of a fallible CUDA operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

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
