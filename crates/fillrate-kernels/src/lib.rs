//! The hot loops of Fillrate: transformer kernels over packed sequences, and kernels over prices.
//!
//! Every op has one contract (shapes, types, tolerance) and lives in [`cpu`], in a file of its
//! own name. Those of the encoder work on [`Activation`]s, row-major matrices with one row per token,
//! and none of them allocates: what an op needs besides its output is in a [`Workspace`].
//!
//! | op | reads | writes |
//! |---|---|---|
//! | [`Cpu::embed_layer_norm`] | ids `[tokens]` | `[tokens, hidden]` |
//! | [`Cpu::linear`] | `[rows, inputs]` | `[rows, outputs]` |
//! | [`Cpu::attention`] | q, k, v `[tokens, 3 * hidden]` | `[tokens, hidden]` |
//! | [`Cpu::linear_add_layer_norm`] | `[rows, inputs]`, residual | `[rows, outputs]` |
//! | [`Cpu::select_rows`] | `[rows, width]` | `[selected, width]` |
//!
//! [`cuda`] has the same ops for NVIDIA GPUs, over matrices in device memory. One private trait keeps
//! the two sets equal.
//!
//! Ops over prices take and give slices of f64, one value per bar, and work in a few tens of KiB of
//! their own:
//!
//! | op | reads | writes |
//! |---|---|---|
//! | [`Cpu::window`] | `[bars]` | mean, extreme, deviation, z-score or bands of windows, `[bars]` each |
//! | [`Cpu::ema`], [`Cpu::rsi`], [`Cpu::macd`] | `[bars]` | recursive averages, `[bars]` |
//! | [`Cpu::atr`] | highs, lows and closes, `[bars]` each | `[bars]` |
//! | [`Cpu::black_scholes`] | terms, `[options]` each | price and Greeks, `[options]` each |
//! | [`Cpu::geometric_asian`], [`Cpu::single_barrier`] | terms, `[options]` each | price and Greeks, `[options]` each |
//! | [`Cpu::implied_vol`] | prices and terms, `[options]` each | volatilities, `[options]` |
//! | [`Cpu::american_boundary`], [`Cpu::american_premium`] | terms | `[nodes + 1]`, a number |
//! | [`Cpu::path_ends`], [`Cpu::basket_ends`] | a model, a seed | where paths end, `[paths]` |
//! | [`Cpu::path_rows`], [`Cpu::basket_rows`] | the same | `[steps, paths]` |
//! | [`Cpu::path_averages`], [`Cpu::path_bridges`] | the same | what options ask of paths, `[paths]` |
//! | [`Cpu::option_samples`] | terms, a seed | what options and their controls pay, `[paths]` |
//! | [`Cpu::matmul`] | `[rows, inner]` and `[inner, columns]` | `[rows, columns]` |
//! | [`Cpu::covariances`] | returns `[symbols, dates]`, windows | lower triangles, `[windows, triangle]` |
//! | [`Cpu::portfolio_returns`] | the same, weights `[portfolios, symbols]` | `[portfolios, dates]` |
//! | [`Cpu::risk`] | prices of series and their dates, a [`RiskPanel`] | [`RiskSums`], `[series + 1]` |
//! | [`Cpu::sweep`] | a [`Tape`] and the lines of eight parameter sets | eight accounts' sums |
//!
//! # Precision
//!
//! [`Precision`] names the type of the matrix products. Sums are always kept in f32 (int8: in
//! i32, exactly), and so are layer norms, softmax and the non-linearities.
//!
//! # Results
//!
//! A row's result depends on that row (and, in attention, on its sequence) alone: not on its
//! neighbours in the batch, not on the number of threads. Between [`Tier`]s results agree to
//! rounding, int8 products and the ops over prices exactly.

#![allow(
    clippy::inline_always,
    reason = "loops generic over lanes must be inlined into the function compiled for their tier"
)]

mod activation;
mod buffer;
pub mod cpu;
pub mod cuda;
mod error;
mod philox;
mod precision;
pub mod scalar;

pub use activation::Activation;
pub use cpu::Cpu;
pub use cpu::attention::Sequences;
pub use cpu::covariance::{CovarianceSum, ReturnTable, triangle};
pub use cpu::elementary::{exp, ln, normal_draw};
pub use cpu::embedding::Embeddings;
pub use cpu::layer_norm::LayerNorm;
pub use cpu::linear::{Linear, LinearShape, Nonlinearity};
pub use cpu::matmul::{MatmulShape, MatmulType, MatmulValue};
pub use cpu::options::american::{AmericanScheme, AmericanTerms};
pub use cpu::options::barrier::BarrierColumns;
pub use cpu::options::implied::QuoteColumns;
pub use cpu::options::{GREEKS, OptionColumns, normal_cdf};
pub use cpu::paths::{
    BasketTerms, HestonTerms, JUMPS_PER_STEP_MAX, MertonTerms, OptionTerms, PathBarrier, PathGrid,
    PathModel, Sampled,
};
pub use cpu::recurrence::{AtrStream, EmaStream, MacdPeriods, MacdStream, RsiStream};
pub use cpu::risk::{RISK_SUMS, RiskDates, RiskPanel, RiskSums, RiskTerms};
pub use cpu::sweep::{
    LaneSeries, OrderFill, Positions, SWEEP_EVEN, SWEEP_LANES, SweepLine, SweepRule, SweepTally,
    Tape, TapeTerms,
};
pub use cpu::tier::Tier;
pub use cpu::window::{WINDOW_BARS_MAX, WindowOp, WindowStream};
pub use cpu::workspace::Workspace;
pub use error::{Error, Result};
pub use philox::Philox;
pub use precision::Precision;
