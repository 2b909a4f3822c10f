//! European options by Black, Scholes and Merton: price and Greeks of whole columns.

#![allow(unsafe_code, reason = "lane operations gated by the tier, over checked bounds")]

pub(crate) mod american;
pub(crate) mod barrier;
mod differences;
mod geometric;
pub(crate) mod implied;

use super::dispatch::{Kernel, dispatch_doubles};
use super::doubles::{Doubles, math};
use super::lanes::Lanes;
use crate::{Cpu, Error, Result};

/// The terms of many European options, each column of shape `[options]`.
#[derive(Clone, Copy, Debug)]
pub struct OptionColumns<'a> {
    /// The price of the underlying, above 0.
    pub spot: &'a [f64],
    /// The strike, above 0.
    pub strike: &'a [f64],
    /// The continuous rate per year.
    pub rate: &'a [f64],
    /// The continuous dividend yield per year.
    pub dividend: &'a [f64],
    /// The volatility per year, 0 or above.
    pub vol: &'a [f64],
    /// The time to expiry in years, 0 or above.
    pub expiry: &'a [f64],
    /// 1 for a call, −1 for a put.
    pub sign: &'a [f64],
}

/// What is computed of each option; the six outputs of [`Cpu::black_scholes`] in their order.
pub const GREEKS: usize = 6;

/// The columns of an op over options, in its kernel's order.
type Columns<'a> = [&'a [f64]; 7];

impl<'a> OptionColumns<'a> {
    fn columns(&self) -> Columns<'a> {
        [self.spot, self.strike, self.rate, self.dividend, self.vol, self.expiry, self.sign]
    }
}

/// Refuses columns or outputs that differ in length.
fn check(
    op: &'static str,
    columns: Columns<'_>,
    more: &[&[f64]],
    outputs: &[&[f64]],
) -> Result<()> {
    let options = columns[0].len();
    let lens: Vec<usize> = columns.iter().chain(more).map(|column| column.len()).collect();
    if lens.iter().all(|len| *len == options) && outputs.iter().all(|out| out.len() == options) {
        return Ok(());
    }
    let outputs: Vec<usize> = outputs.iter().map(|out| out.len()).collect();
    let expected = format!("columns of {options} options");
    Err(Error::Shape { op, expected, got: format!("{lens:?} to {outputs:?}") })
}

impl Cpu {
    /// Price, delta, gamma, vega (per 1.00 of volatility), theta (per year) and rho (per 1.00 of
    /// rate) of European options on an underlying with a continuous yield.
    ///
    /// An option without volatility or without time is worth its discounted intrinsic value; where
    /// that has a kink, delta is that of an option out of the money and gamma is 0.
    ///
    /// Source: Hull, "Options, futures, and other derivatives" (11th ed.), sections 17.4 and 19.
    ///
    /// # Errors
    ///
    /// If a column or an output has another length than the rest.
    pub fn black_scholes(
        &self,
        options: &OptionColumns<'_>,
        mut outputs: [&mut [f64]; GREEKS],
    ) -> Result<()> {
        check("black_scholes", options.columns(), &[], &outputs.each_ref().map(|out| &**out))?;
        let outputs = outputs.each_mut().map(|out| &mut **out);
        dispatch_doubles(self.tier(), BlackScholes { options, outputs });
        Ok(())
    }

    /// The prices alone, shape `[options]`.
    ///
    /// # Errors
    ///
    /// As for [`Self::black_scholes`].
    pub fn black_scholes_price(
        &self,
        options: &OptionColumns<'_>,
        price: &mut [f64],
    ) -> Result<()> {
        check("black_scholes", options.columns(), &[], &[&*price])?;
        dispatch_doubles(self.tier(), BlackScholes { options, outputs: [price] });
        Ok(())
    }
}

/// Φ(x), the standard normal distribution function, to a few units in the last place.
#[must_use]
pub fn normal_cdf(x: f64) -> f64 {
    // SAFETY: one lane needs no instructions beyond the baseline.
    unsafe { math::normal(x)[0] }
}

struct BlackScholes<'a, const N: usize> {
    options: &'a OptionColumns<'a>,
    outputs: [&'a mut [f64]; N],
}

impl<const N: usize> Kernel for BlackScholes<'_, N> {
    #[inline(always)]
    unsafe fn run<L: Lanes>(mut self) {
        let count = self.options.spot.len();
        let whole = count / L::Doubles::LANES * L::Doubles::LANES;
        // SAFETY: all columns have `count` values, as was checked; `L` is available.
        unsafe {
            for at in (0..whole).step_by(L::Doubles::LANES) {
                self.some::<L::Doubles>(at);
            }
            for at in whole..count {
                self.some::<f64>(at);
            }
        }
    }
}

impl<const N: usize> BlackScholes<'_, N> {
    #[inline(always)]
    unsafe fn some<V: Doubles>(&mut self, at: usize) {
        // SAFETY: as for `run`.
        unsafe {
            let mut terms = [V::splat(0.0); 7];
            for (term, column) in terms.iter_mut().zip(self.options.columns()) {
                *term = V::load(column.as_ptr().add(at));
            }
            let values = greeks(terms, N > 1);
            for (value, out) in values.iter().zip(&mut self.outputs) {
                value.store(out.as_mut_ptr().add(at));
            }
        }
    }
}

/// The six outputs; with `all` false only the first is computed.
#[inline(always)]
pub(crate) unsafe fn greeks<V: Doubles>(
    [spot, strike, rate, dividend, vol, expiry, sign]: [V; 7],
    all: bool,
) -> [V; GREEKS] {
    // SAFETY: the caller has the instructions of `V`.
    unsafe {
        let (zero, half) = (V::splat(0.0), V::splat(0.5));
        // Far below any deviation of use: an option with a smaller one has its intrinsic value.
        let root = expiry.sqrt();
        let deviation = vol.mul(root).max(V::splat(1e-150));
        let spot_now = spot.mul(math::exp(zero.sub(dividend.mul(expiry))));
        let strike_now = strike.mul(math::exp(zero.sub(rate.mul(expiry))));
        let moneyness = math::ln(spot.div(strike)).add(rate.sub(dividend).mul(expiry));
        let ratio = moneyness.div(deviation);
        let d1 = ratio.add(deviation.mul(half));
        let d2 = d1.sub(deviation);
        let [n1, m1, bell] = math::normal(d1);
        let [n2, m2, _] = math::normal(d2);
        let n1 = sign.select_positive(n1, m1);
        let n2 = sign.select_positive(n2, m2);
        let (spot_part, strike_part) = (spot_now.mul(n1), strike_now.mul(n2));
        let price = sign.mul(spot_part.sub(strike_part)).max(zero);
        if !all {
            return [price, zero, zero, zero, zero, zero];
        }
        let density = bell.mul(V::splat(0.398_942_280_401_432_7));
        let weighted = spot_now.mul(density);
        let delta = sign.mul(n1).mul(spot_now.div(spot));
        let moves = vol.mul(root);
        let gamma = moves.select_positive(weighted.div(spot.mul(spot).mul(deviation)), zero);
        let vega = weighted.mul(root);
        let decay = expiry.select_positive(weighted.mul(vol).mul(half).div(root), zero);
        let carry = dividend.mul(spot_part).sub(rate.mul(strike_part));
        let theta = sign.mul(carry).sub(decay);
        let rho = sign.mul(expiry).mul(strike_part);
        [price, delta, gamma, vega, theta, rho]
    }
}
