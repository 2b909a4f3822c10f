//! Pools, on a device that keeps accounts instead of bytes.

mod pools;
mod properties;
