//! What is simulated: one asset by a model, or a basket.

use fillrate_kernels::{Cpu, HestonTerms, JUMPS_PER_STEP_MAX, MertonTerms, PathModel};

use super::{Basket, MonteCarloOptions};
use crate::{Error, Result};

/// The largest exponent of growth over the whole time: beyond it prices leave the range of a double.
const GROWTH_MAX: f64 = 600.0;

/// What is simulated.
#[derive(Clone, Debug, PartialEq)]
pub enum Underlying {
    /// One asset.
    Asset {
        /// Its price at the start, above 0.
        spot: f64,
        /// How it moves.
        model: PathModel,
    },
    /// Several assets that move together, and what is held of each.
    Basket(Basket),
}

/// Refuses what is not a number in the range.
pub(super) fn check(
    name: &'static str,
    value: f64,
    is_in_range: impl Fn(f64) -> bool,
    range: &str,
) -> Result<()> {
    if value.is_finite() && is_in_range(value) {
        return Ok(());
    }
    Err(Error::Argument { name, message: format!("{value} is not a number {range}") })
}

/// Refuses what is below 0 or no number.
pub(super) fn check_from_zero(name: &'static str, value: f64) -> Result<()> {
    check(name, value, |value| value >= 0.0, "from 0 on")
}

/// Refuses a drift that leaves the range of a double.
pub(super) fn check_drift(drift: f64, expiry: f64) -> Result<()> {
    if (drift * expiry).abs() <= GROWTH_MAX {
        return Ok(());
    }
    let message = format!("{drift} over {expiry} years is out of range");
    Err(Error::Argument { name: "drift", message })
}

impl Underlying {
    /// Checks the ranges of the terms.
    ///
    /// # Errors
    ///
    /// If one is out of its range, or more jumps are expected in a step than can be told apart.
    pub fn check(&self, options: &MonteCarloOptions) -> Result<()> {
        let (spot, model) = match self {
            Self::Asset { spot, model } => (*spot, model),
            Self::Basket(basket) => return basket.check(options.expiry),
        };
        check("spot", spot, |spot| spot > 0.0, "above 0")?;
        check_drift(drift(model), options.expiry)?;
        match model {
            PathModel::Merton(terms) => check_merton(terms, options),
            PathModel::Heston(terms) => check_heston(terms),
            PathModel::GeometricBrownian { vol, .. } => check_from_zero("vol", *vol),
            // A model of a later version of the kernels, which check it themselves.
            _ => Ok(()),
        }
    }

    /// E of the end.
    pub(super) fn expected(&self, expiry: f64) -> f64 {
        match self {
            Self::Asset { spot, model } => spot * (drift(model) * expiry).exp(),
            Self::Basket(basket) => basket.expected(expiry),
        }
    }

    /// Where the paths from `first` on end, or their mirror images.
    pub(super) fn ends(
        &self,
        options: &MonteCarloOptions,
        first: u64,
        mirrored: bool,
        ends: &mut [f64],
    ) -> Result<()> {
        let cpu = Cpu::detect();
        match self {
            Self::Asset { spot, model } => {
                cpu.path_ends(model, &options.grid(*spot, first, mirrored), ends)?;
            }
            Self::Basket(basket) => {
                let grid = options.grid(1.0, first, mirrored);
                cpu.basket_ends(&basket.terms(), &grid, ends)?;
            }
        }
        Ok(())
    }

    /// The same at every step, `[steps, paths]`.
    pub(super) fn rows(
        &self,
        options: &MonteCarloOptions,
        first: u64,
        mirrored: bool,
        rows: &mut [f64],
    ) -> Result<()> {
        let cpu = Cpu::detect();
        match self {
            Self::Asset { spot, model } => {
                cpu.path_rows(model, &options.grid(*spot, first, mirrored), rows)?;
            }
            Self::Basket(basket) => {
                let grid = options.grid(1.0, first, mirrored);
                cpu.basket_rows(&basket.terms(), &grid, rows)?;
            }
        }
        Ok(())
    }
}

fn drift(model: &PathModel) -> f64 {
    match model {
        PathModel::GeometricBrownian { drift, .. }
        | PathModel::Merton(MertonTerms { drift, .. })
        | PathModel::Heston(HestonTerms { drift, .. }) => *drift,
        // A model of a later version of the kernels: its expectation is not known here.
        _ => f64::NAN,
    }
}

fn check_merton(terms: &MertonTerms, options: &MonteCarloOptions) -> Result<()> {
    check_from_zero("vol", terms.vol)?;
    check_from_zero("jumps-per-year", terms.jumps_per_year)?;
    check("jump-mean", terms.jump_mean, |mean| mean.abs() <= 10.0, "from -10 to 10")?;
    check("jump-vol", terms.jump_vol, |vol| (0.0..=5.0).contains(&vol), "from 0 to 5")?;
    let expected = terms.jumps_per_year * options.expiry / f64::from(options.steps);
    if expected > JUMPS_PER_STEP_MAX {
        let steps = (terms.jumps_per_year * options.expiry / JUMPS_PER_STEP_MAX).ceil();
        let message = format!(
            "{expected} jumps are expected in a step, at most {JUMPS_PER_STEP_MAX} may be: \
             take {steps} steps or more"
        );
        return Err(Error::Argument { name: "steps", message });
    }
    Ok(())
}

fn check_heston(terms: &HestonTerms) -> Result<()> {
    check_from_zero("variance", terms.variance)?;
    check_from_zero("reversion", terms.reversion)?;
    check_from_zero("variance-mean", terms.variance_mean)?;
    check_from_zero("variance-vol", terms.variance_vol)?;
    let is_correlation = |value: f64| (-1.0..=1.0).contains(&value);
    check("correlation", terms.correlation, is_correlation, "from -1 to 1")
}
