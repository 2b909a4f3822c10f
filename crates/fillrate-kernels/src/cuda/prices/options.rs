//! Closed forms of options, and the volatilities that prices imply.

use super::CudaPrices;
use crate::Result;
use crate::cuda::{Address, Argument};

/// The columns of an option's terms: spot, strike, rate, yield, volatility, expiry and sign.
pub const OPTION_TERMS: usize = 7;

impl CudaPrices {
    /// [`Cpu::black_scholes`](crate::Cpu::black_scholes): `terms` is f64 `[OPTION_TERMS, options]` in
    /// the order of [`OptionColumns`](crate::OptionColumns), `out` becomes `[GREEKS, options]`.
    ///
    /// # Errors
    ///
    /// If the device fails.
    pub fn black_scholes(&self, terms: Address, out: Address, options: usize) -> Result<()> {
        self.for_each(
            "black_scholes",
            options,
            &[Argument::Address(terms), Argument::Address(out), Argument::Count(options as u64)],
        )
    }

    /// [`Cpu::implied_vol`](crate::Cpu::implied_vol): `quotes` is f64 `[OPTION_TERMS, options]` in the order of
    /// [`QuoteColumns`](crate::QuoteColumns), `out` becomes `[options]`.
    ///
    /// # Errors
    ///
    /// If the device fails.
    pub fn implied_vol(&self, quotes: Address, out: Address, options: usize) -> Result<()> {
        self.for_each(
            "implied_vol",
            options,
            &[Argument::Address(quotes), Argument::Address(out), Argument::Count(options as u64)],
        )
    }

    /// [`Cpu::geometric_asian`](crate::Cpu::geometric_asian): `terms` is f64 `[OPTION_TERMS + 1, options]`, the
    /// number of moments last, `out` becomes `[GREEKS, options]`.
    ///
    /// # Errors
    ///
    /// If the device fails.
    pub fn geometric_asian(&self, terms: Address, out: Address, options: usize) -> Result<()> {
        self.for_each(
            "geometric_asian",
            options,
            &[Argument::Address(terms), Argument::Address(out), Argument::Count(options as u64)],
        )
    }

    /// [`Cpu::single_barrier`](crate::Cpu::single_barrier): `terms` is f64 `[OPTION_TERMS + 4, options]`, those
    /// of [`BarrierColumns`](crate::BarrierColumns) last, `out` becomes `[GREEKS, options]`.
    ///
    /// # Errors
    ///
    /// If the device fails.
    pub fn single_barrier(&self, terms: Address, out: Address, options: usize) -> Result<()> {
        self.for_each(
            "single_barrier",
            options,
            &[Argument::Address(terms), Argument::Address(out), Argument::Count(options as u64)],
        )
    }
}
