//! What compute hardware is here and how it is doing.
//!
//! [`probe`] reads the processor, the memory and the NVIDIA GPUs once. A reading that cannot be
//! had is `None`, never a number that stands for it, and a machine without a GPU or a driver is a
//! normal answer.
//!
//! [`catalogue`] has what makers say of GPUs, and the settings that follow.
//!
//! [`process`] reads how much memory this process takes.
//!
//! [`memory`] divides a device's memory: a budget, pools, workspaces and handles, on any device that
//! implements a small trait.
//!
//! [`cuda`] is what computing on an NVIDIA GPU takes.
//!
//! [`model_cache`] keeps loaded models within a budget; [`routing`] decides whether work goes to a
//! device or to its twin on the processor, and what happens when the device fails.
//!
//! This crate knows nothing of texts or prices.

pub mod catalogue;
pub mod cuda;
mod error;
mod fault;
pub mod memory;
pub mod model_cache;
pub mod probe;
pub mod process;
mod random;
pub mod routing;

pub use error::{Error, Result};
pub use fault::Fault;
