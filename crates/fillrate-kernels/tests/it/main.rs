//! Every op against its scalar oracle: every tier this machine has, every precision, random
//! shapes, odd sizes, dirty buffers. And the CUDA kernels against the ops.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

mod covariance;
mod cuda;
mod matmul;
mod ops;
mod options;
mod paths;
mod prices;
mod refusals;
mod risk;
mod sweep;
