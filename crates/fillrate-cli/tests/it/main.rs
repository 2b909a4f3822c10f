//! The command as its users run it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

mod backtest;
mod bench;
mod compare;
mod desk;
mod device;
mod frame;
mod hub;
mod indicators;
mod llm;
mod models;
mod montecarlo;
mod options;
mod plan;
mod portfolio;
mod profile;
mod risk;
mod score;
mod waves;
