//! Every op against its scalar oracle: every tier this machine has, every precision, random
//! shapes, odd sizes, dirty buffers. And the CUDA kernels against the ops.

mod cuda;
mod ops;
mod refusals;
