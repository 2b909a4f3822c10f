//! Simulated options: what they and their controls pay on each path.

use super::watch::Bridge;
use super::{PathBarrier, PathGrid, PathModel};
use crate::{Cpu, Error, Result};

/// What is drawn of each path, and what its control variate is.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Sampled {
    /// A European option; its control is the underlying at expiry.
    European,
    /// An option on the geometric mean over all steps, without a control.
    GeometricMean,
    /// An option on the arithmetic mean over all steps; its control is the one on the geometric mean.
    ArithmeticMean,
    /// An option beside a barrier; its control is the European one.
    Barrier {
        /// The price at which the barrier lies, above 0.
        level: f64,
        /// Whether it lies below.
        is_down: bool,
        /// Whether a touch brings the option to life rather than ending it.
        is_in: bool,
        /// What is paid at the touch that ends it, or at expiry if nothing brought it to life.
        rebate: f64,
    },
}

/// The terms of a simulated option on an underlying that moves by geometric Brownian motion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OptionTerms {
    /// 1 for a call, −1 for a put.
    pub sign: f64,
    /// The price of the underlying, above 0.
    pub spot: f64,
    /// The strike, above 0.
    pub strike: f64,
    /// The continuous rate per year.
    pub rate: f64,
    /// The continuous dividend yield per year.
    pub dividend: f64,
    /// The volatility per year, 0 or above.
    pub vol: f64,
    /// The time to expiry in years, above 0.
    pub expiry: f64,
}

impl OptionTerms {
    /// The factor that turns money at expiry into money now.
    pub(crate) fn discount(&self) -> f64 {
        (-self.rate * self.expiry).exp()
    }

    /// What an option on `price` pays at expiry, in today's money.
    fn paid(&self, discount: f64, price: f64) -> f64 {
        let worth = self.sign * (price - self.strike);
        discount * if worth > 0.0 { worth } else { 0.0 }
    }

    /// The grid of these terms' paths.
    pub(crate) fn grid(&self, grid: &PathGrid) -> PathGrid {
        let step_years = self.expiry / f64::from(grid.steps);
        PathGrid { spot: self.spot, step_years, mirrored: false, ..*grid }
    }

    pub(crate) fn bridge(&self, level: f64, is_down: bool, grid: &PathGrid) -> Bridge {
        Bridge::new(&PathBarrier { level, is_down, rate: self.rate }, self.vol, grid)
    }
}

impl Cpu {
    /// What an option pays on each path and its mirror image on average, discounted, and what its
    /// control does, `[paths]` each. Of the grid, spot and length of a step are those of the terms, and
    /// it is not looked at whether it is mirrored.
    ///
    /// # Errors
    ///
    /// If there is no step, or the outputs differ in length.
    pub fn option_samples(
        &self,
        sampled: Sampled,
        terms: &OptionTerms,
        grid: &PathGrid,
        [samples, controls]: [&mut [f64]; 2],
    ) -> Result<()> {
        grid.check("option_samples", &[&mut *samples, &mut *controls])?;
        let plain = terms.grid(grid);
        self.draw(sampled, terms, &plain, [&mut *samples, &mut *controls])?;
        let (mut others, mut other_controls) = (vec![0.0; samples.len()], vec![0.0; samples.len()]);
        let mirrored = PathGrid { mirrored: true, ..plain };
        self.draw(sampled, terms, &mirrored, [&mut others, &mut other_controls])?;
        let both = samples.iter_mut().chain(controls);
        for (one, other) in both.zip(others.iter().chain(&other_controls)) {
            *one = (*one + other) * 0.5;
        }
        Ok(())
    }

    /// The same of paths, or of mirror images.
    fn draw(
        &self,
        sampled: Sampled,
        terms: &OptionTerms,
        grid: &PathGrid,
        [samples, controls]: [&mut [f64]; 2],
    ) -> Result<()> {
        let (drift, vol) = (terms.rate - terms.dividend, terms.vol);
        let discount = terms.discount();
        let paid = |price| terms.paid(discount, price);
        match sampled {
            Sampled::European => {
                let model = PathModel::GeometricBrownian { drift, vol };
                self.path_ends(&model, grid, controls)?;
                for (sample, control) in samples.iter_mut().zip(controls) {
                    (*sample, *control) = (paid(*control), discount * *control);
                }
            }
            Sampled::GeometricMean | Sampled::ArithmeticMean => {
                let is_geometric = sampled == Sampled::GeometricMean;
                self.path_averages([drift, vol], grid, [&mut *samples, &mut *controls])?;
                for (sample, control) in samples.iter_mut().zip(controls) {
                    let geometric = paid(terms.spot * *control);
                    let arithmetic = paid(terms.spot * *sample);
                    (*sample, *control) =
                        if is_geometric { (geometric, 0.0) } else { (arithmetic, geometric) };
                }
            }
            Sampled::Barrier { level, is_down, is_in, rebate } => {
                let barrier = PathBarrier { level, is_down, rate: terms.rate };
                let mut touch = vec![0.0; samples.len()];
                let outputs = [&mut *controls, &mut *samples, &mut touch];
                self.path_bridges([drift, vol], grid, &barrier, outputs)?;
                for ((sample, control), touch) in samples.iter_mut().zip(controls).zip(touch) {
                    let (plain, alive) = (paid(*control), *sample);
                    *control = plain;
                    *sample = if is_in {
                        (1.0 - alive) * plain + alive * discount * rebate
                    } else {
                        alive * plain + touch * rebate
                    };
                }
            }
        }
        Ok(())
    }
}

/// Refuses no steps, or more than a kernel counts.
pub(crate) fn check_steps(op: &'static str, steps: u32) -> Result<i32> {
    i32::try_from(steps).ok().filter(|steps| *steps > 0).ok_or_else(|| Error::Shape {
        op,
        expected: "1 to 2³¹ − 1 steps".to_owned(),
        got: steps.to_string(),
    })
}
