//! Market kernels over price panels: columns → [`Panel`] → op → columns.
//!
//! # Missing values
//!
//! One policy holds for every op. A bar whose value is missing (NaN) yields NaN at that bar. It is
//! left out of windows and recursions, which go on with the bars around it as if it were not there,
//! and it never touches what follows. An output is as long as its input, and NaN until a window is
//! full.

pub mod backtest;
pub mod date;
pub mod device;
pub mod indicators;
pub mod montecarlo;
pub mod normal;
pub mod options;
pub mod panel;
pub mod portfolio;
pub mod risk;

pub use date::Date;
pub use fillrate_kernels::Philox;
pub use panel::{Bar, Column, Panel, PanelOptions, PanelTable, Prices, Series};
