//! Sentiment of financial text and kernels over prices, on one machine.
//!
//! The text flow is `records → tokens → packed batch → encoder → probabilities → records`:
//!
//! - [`records`] reads CSV, JSONL and Parquet as a stream of chunks and writes them back with new
//!   columns;
//! - [`text`] holds the models, their tokenizers, the packer and the scorer;
//! - [`market`] holds price panels and what is computed from them;
//! - [`plan`] says what a training run takes of a GPU's memory, and what fits.
//!
//! This crate never prints, opens a socket or reads an environment variable: what it is told
//! arrives in arguments, and what it has to say comes back in values.

mod device;
pub mod error;
pub mod market;
pub mod plan;
pub mod records;
pub mod text;
pub mod waves;

pub use error::{DateFault, Error, Result};

/// The README's example, compiled with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

/// The examples of the page on market kernels.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/market.md")]
struct MarketPage;

/// The examples of the page on training memory.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/planner.md")]
struct PlannerPage;
