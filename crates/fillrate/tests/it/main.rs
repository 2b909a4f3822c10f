//! Tests of the library as its users see it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

#[path = "../../../fillrate-kernels/tests/emulator/mod.rs"]
#[allow(dead_code, reason = "the kernels' own tests use the rest")]
mod emulator;
mod encoder;
mod market_device;
mod news_mini;
mod plan_config;
mod records;
mod token_texts;
mod tokens;
mod wave_device;
