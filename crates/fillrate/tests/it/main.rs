//! Tests of the library as its users see it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod encoder;
mod news_mini;
mod plan_config;
mod records;
mod token_texts;
mod tokens;
