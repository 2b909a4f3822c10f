//! Every op against its scalar oracle: every tier this machine has, every precision, random
//! shapes, odd sizes, dirty buffers.

mod ops;
mod refusals;
