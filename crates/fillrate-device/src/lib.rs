//! What compute hardware is here and how it is doing.
//!
//! [`probe`] reads the processor, the memory and the NVIDIA GPUs once. A reading that cannot be
//! had is `None`, never a number that stands for it, and a machine without a GPU or a driver is a
//! normal answer.
//!
//! [`process`] reads how much memory this process takes.
//!
//! [`memory`] divides a device's memory: a budget, pools, workspaces and handles, on any device that
//! implements a small trait.
//!
//! [`cuda`] is what computing on an NVIDIA GPU takes.
//!
//! This crate knows nothing of texts or prices.

pub mod cuda;
mod error;
mod fault;
pub mod memory;
pub mod probe;
pub mod process;

pub use error::{Error, Result};
pub use fault::Fault;
