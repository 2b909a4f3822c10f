//! The CUDA kernels' sources, compiled for the processor, against their twins.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

mod bench;
mod checks;
mod compile;
#[path = "../../emulator/mod.rs"]
mod emulator;
mod gpu;
mod matmul;
mod parity;
mod prices;
mod sanitizers;
mod waves;
