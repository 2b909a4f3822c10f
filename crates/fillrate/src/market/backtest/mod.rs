//! Backtests: what strategies would have made of past prices, for many parameter sets at once.
//!
//! [`sweep()`] runs every parameter set of a [`Grid`] over every symbol of a panel in one fused pass:
//! averages are computed once each, accounts run eight at a time ([`fillrate_kernels::Cpu::sweep`]),
//! and no curve is stored. [`replay()`] runs one set bar by bar and keeps its curve and its trades.
//! [`walk_forward`] chooses sets on one stretch of the past and tries them on the next.
//!
//! # What an account does
//!
//! A strategy trades the signal of its name ([`super::indicators::Signal`]): 1 opens a long position
//! with the whole account, −1 closes it or, with [`Positions::LongShort`], turns it short, and anything
//! else leaves things as they are. A signal is known at the close of its bar. The order is filled at
//! the open of the next bar that has one, or with [`OrderFill::Close`] at that same close; no signal
//! rests on a later bar. An order pays `slippage` on its price and `fee` on its amount. Shares are
//! divisible. A bar without a close is left out, and an order waits for an open that is known.
//!
//! # What is measured
//!
//! Returns go from one known close to the next; conventions are those of [`super::risk`]: 252 bars
//! make a year, deviations divide by n − 1, a drawdown is a positive fraction of the highest value
//! before, from a start of 1.

mod grid;
mod heat;
mod layout;
mod lines;
mod on_device;
mod performance;
mod prepared;
mod replay;
mod strategy;
mod sweep;
mod walk;

use super::panel::Column;
use crate::{Error, Result};

pub use fillrate_kernels::{OrderFill, Positions};

pub use self::grid::{Grid, Range};
pub use self::heat::HeatMap;
pub use self::on_device::SweepJob;
pub use self::performance::{Metric, Performance};
pub use self::replay::{Replay, Trade, replay};
pub use self::strategy::{PARAMETERS_MAX, Parameter, ParameterSet, Strategy};
pub use self::sweep::{Estimate, Outcome, best, estimate, sweep, sweep_on};
pub use self::walk::{Fold, WalkForward, walk_forward, walk_forward_on};

/// The most backtests of a sweep unless more are allowed: at 2,500 bars some minutes on one core.
pub const COMBINATIONS_MAX_DEFAULT: u64 = 100_000_000;

/// How accounts trade, and how much may be asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct BacktestOptions {
    /// The fee as a fraction of what is bought or sold; from 0 to below 1.
    pub fee: f64,
    /// How much worse than the price an order is filled, as a fraction; from 0 to below 1.
    pub slippage: f64,
    /// What an account may hold.
    pub positions: Positions,
    /// When orders are filled.
    pub fill: OrderFill,
    /// The yearly rate without risk, as a fraction; each bar has a 252nd of it.
    pub risk_free: f64,
    /// The column that signals are taken of and accounts are valued with.
    pub column: Column,
    /// The most backtests: parameter sets times symbols.
    pub combinations_max: u64,
    /// The most bytes that the averages of one symbol may take.
    pub lines_bytes_max: u64,
}

impl Default for BacktestOptions {
    /// Long or flat, without costs, at the next open, of the close.
    fn default() -> Self {
        Self {
            fee: 0.0,
            slippage: 0.0,
            positions: Positions::Long,
            fill: OrderFill::NextOpen,
            risk_free: 0.0,
            column: Column::Close,
            combinations_max: COMBINATIONS_MAX_DEFAULT,
            lines_bytes_max: 4 << 30,
        }
    }
}

impl BacktestOptions {
    /// The columns of the panel that are needed.
    #[must_use]
    pub fn inputs(&self) -> Vec<Column> {
        match self.fill {
            OrderFill::NextOpen => vec![self.column, Column::Open],
            OrderFill::Close => vec![self.column],
        }
    }

    fn check(&self) -> Result<()> {
        for (name, cost) in [("fee", self.fee), ("slippage", self.slippage)] {
            if !(0.0..1.0).contains(&cost) {
                let message = format!("{cost} is no fraction from 0 to below 1");
                return Err(Error::Argument { name, message });
            }
        }
        if !self.risk_free.is_finite() {
            let message = format!("{} is not a number", self.risk_free);
            return Err(Error::Argument { name: "risk_free", message });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
