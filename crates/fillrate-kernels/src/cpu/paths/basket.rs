//! Baskets: several assets whose normal numbers are mixed by a triangular matrix.

#![allow(unsafe_code, reason = "lane operations gated by the tier, over checked bounds")]

use super::PathGrid;
use super::draws::Draws;
use crate::cpu::dispatch::{Kernel, dispatch_doubles};
use crate::cpu::doubles::{Doubles, math};
use crate::cpu::lanes::Lanes;
use crate::{Cpu, Error, Result};

/// Assets that move together by geometric Brownian motion. Asset j draws from stream j.
#[derive(Clone, Copy, Debug)]
pub struct BasketTerms<'a> {
    /// What of each asset the basket holds now, in money: `[assets]`.
    pub worth: &'a [f64],
    /// The drifts per year of the assets' expectations, `[assets]`.
    pub drift: &'a [f64],
    /// The volatilities per year, `[assets]`.
    pub vol: &'a [f64],
    /// The lower triangle L of L Lᵀ = correlations, row-major, `[assets, assets]`; what is above
    /// the diagonal is not read.
    pub mixing: &'a [f64],
}

impl BasketTerms<'_> {
    pub(crate) fn check(&self, op: &'static str) -> Result<()> {
        let assets = self.worth.len();
        let lens = [self.drift.len(), self.vol.len(), self.mixing.len()];
        if lens == [assets, assets, assets * assets] {
            return Ok(());
        }
        let expected = format!("the terms of {assets} assets");
        Err(Error::Shape { op, expected, got: format!("{lens:?}") })
    }

    /// What an asset's logarithm drifts by in a step of `years`.
    #[inline(always)]
    pub(crate) fn step_drift(&self, asset: usize, years: f64) -> f64 {
        (self.drift[asset] - 0.5 * self.vol[asset] * self.vol[asset]) * years
    }
}

impl Cpu {
    /// The worth of a basket at the last step, `ends` `[paths]`.
    ///
    /// # Errors
    ///
    /// If there is no step, or the terms differ in length.
    pub fn basket_ends(
        &self,
        terms: &BasketTerms<'_>,
        grid: &PathGrid,
        ends: &mut [f64],
    ) -> Result<()> {
        terms.check("basket_ends")?;
        grid.check("basket_ends", &[&mut *ends])?;
        dispatch_doubles(
            self.tier(),
            Walk { terms, grid, paths: ends.len(), to: ends, all: false },
        );
        Ok(())
    }

    /// The worth of a basket at every step, `rows` `[steps, paths]`.
    ///
    /// # Errors
    ///
    /// As for [`Self::basket_ends`], and if the rows are not whole.
    pub fn basket_rows(
        &self,
        terms: &BasketTerms<'_>,
        grid: &PathGrid,
        rows: &mut [f64],
    ) -> Result<()> {
        terms.check("basket_rows")?;
        grid.check("basket_rows", &[&mut *rows])?;
        let steps = grid.steps as usize;
        if !rows.len().is_multiple_of(steps) {
            let expected = format!("rows of {steps} steps");
            return Err(Error::Shape { op: "basket_rows", expected, got: rows.len().to_string() });
        }
        let paths = rows.len() / steps;
        dispatch_doubles(self.tier(), Walk { terms, grid, paths, to: rows, all: true });
        Ok(())
    }
}

/// Some paths of a basket; with `all` every step is written, else the last.
struct Walk<'a, 'b> {
    terms: &'a BasketTerms<'b>,
    grid: &'a PathGrid,
    paths: usize,
    to: &'a mut [f64],
    all: bool,
}

impl Kernel for Walk<'_, '_> {
    #[inline(always)]
    unsafe fn run<L: Lanes>(mut self) {
        let whole = self.paths / L::Doubles::LANES * L::Doubles::LANES;
        // For each asset, the sums of the normal numbers of as many paths as there are lanes.
        let mut sums = vec![0.0; self.terms.worth.len() * L::Doubles::LANES];
        // SAFETY: the output has `paths` values a row, as was checked; `L` is available.
        unsafe {
            for at in (0..whole).step_by(L::Doubles::LANES) {
                self.paths_at::<L::Doubles>(at, &mut sums);
            }
            for at in whole..self.paths {
                self.paths_at::<f64>(at, &mut sums);
            }
        }
    }
}

impl Walk<'_, '_> {
    #[inline(always)]
    unsafe fn paths_at<V: Doubles>(&mut self, at: usize, sums: &mut [f64]) {
        let PathGrid { philox, first, mirrored, steps, .. } = *self.grid;
        let assets = self.terms.worth.len();
        sums.fill(0.0);
        // SAFETY: the caller has the instructions of `V` and paths for its lanes; the sums have
        // `LANES` values for each asset.
        unsafe {
            let draws = Draws::<V>::new(philox.key(), first.wrapping_add(at as u64), mirrored);
            if self.all {
                for step in 0..steps {
                    for asset in 0..assets {
                        let numbers = draws.normals(step / 2, asset as u32);
                        let place = sums.as_mut_ptr().add(asset * V::LANES);
                        V::load(place).add(numbers[(step % 2) as usize]).store(place);
                    }
                    let worth = self.worth::<V>(sums, step + 1);
                    worth.store(self.to.as_mut_ptr().add(step as usize * self.paths + at));
                }
                return;
            }
            for asset in 0..assets {
                let mut sum = V::splat(0.0);
                for pair in 0..steps / 2 {
                    let [one, two] = draws.normals(pair, asset as u32);
                    sum = sum.add(one).add(two);
                }
                if !steps.is_multiple_of(2) {
                    sum = sum.add(draws.normals(steps / 2, asset as u32)[0]);
                }
                sum.store(sums.as_mut_ptr().add(asset * V::LANES));
            }
            self.worth::<V>(sums, steps).store(self.to.as_mut_ptr().add(at));
        }
    }

    /// What the basket is worth after `steps` steps, whose normal numbers add up to `sums`.
    #[inline(always)]
    unsafe fn worth<V: Doubles>(&self, sums: &[f64], steps: u32) -> V {
        let BasketTerms { worth, vol, mixing, .. } = *self.terms;
        let (assets, years) = (worth.len(), self.grid.step_years);
        // SAFETY: as for `paths_at`.
        unsafe {
            let mut total = V::splat(0.0);
            for asset in 0..assets {
                let mut mixed = V::splat(0.0);
                for other in 0..=asset {
                    let sum = V::load(sums.as_ptr().add(other * V::LANES));
                    mixed = mixed.add(sum.mul(V::splat(mixing[asset * assets + other])));
                }
                let moved = V::splat(f64::from(steps) * self.terms.step_drift(asset, years));
                let x = moved.add(mixed.mul(V::splat(vol[asset] * years.sqrt())));
                total = total.add(math::exp(x).mul(V::splat(worth[asset])));
            }
            total
        }
    }
}
