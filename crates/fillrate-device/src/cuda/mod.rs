//! NVIDIA GPUs to compute on: libraries that are loaded when they are here, contexts, streams,
//! events, graphs, page-locked memory, and kernels compiled at first use and kept on disk.
//!
//! Nothing is linked: one program runs with and without a driver. [`Library::require`] is asked before
//! the first call into a library, and a library that is missing is an [`Error`] that names it and the
//! package that has it.
//!
//! The driver's functions are those that every driver since CUDA 12.0 has.

#![allow(unsafe_code, reason = "the CUDA driver and NVRTC are C libraries")]

mod backend;
mod context;
mod cubin_cache;
mod error;
mod library;
mod module;
mod nvrtc;
mod pinned;
mod stream;

pub use backend::CudaBackend;
pub use context::{Context, DeviceLimits};
pub use cubin_cache::{Cubin, CubinCache, CubinKey};
pub use error::{Error, Result};
pub use library::Library;
pub use module::{Function, Module};
pub use nvrtc::{Architecture, Compiled, Nvrtc, Source};
pub use pinned::{PinnedBuffer, Plain};
pub use stream::{Event, Graph, Stream};
