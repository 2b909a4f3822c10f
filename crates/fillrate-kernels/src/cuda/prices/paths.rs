//! Where paths of prices end.

use super::CudaPrices;
use crate::Result;
use crate::cpu::paths::motion::{Brownian, Heston, JUMP_COUNTS, Jumping};
use crate::cpu::paths::samples::check_steps;
use crate::cpu::paths::{BasketTerms, PathGrid, PathModel, check_jumps};
use crate::cuda::{Address, Argument};

/// Where ends of paths are written.
#[derive(Clone, Copy, Debug)]
pub struct DevicePaths {
    /// f64 `[paths]`.
    pub ends: Address,
    /// The number of paths.
    pub paths: usize,
    /// Memory for what the kernel looks up: [`CudaPrices::path_scratch_bytes`] or
    /// [`CudaPrices::basket_scratch_bytes`] of it.
    pub scratch: Address,
}

impl CudaPrices {
    /// The scratch memory of [`Self::path_ends`].
    #[must_use]
    pub const fn path_scratch_bytes() -> usize {
        JUMP_COUNTS * size_of::<f64>()
    }

    /// The scratch memory of [`Self::basket_ends`].
    #[must_use]
    pub const fn basket_scratch_bytes(assets: usize, paths: usize) -> usize {
        (3 * assets + assets * assets + assets * paths) * size_of::<f64>()
    }

    /// [`Cpu::path_ends`](crate::Cpu::path_ends).
    ///
    /// # Errors
    ///
    /// As its twin, and if the device fails.
    pub fn path_ends(&self, model: &PathModel, grid: &PathGrid, place: &DevicePaths) -> Result<()> {
        let mut arguments = common("path_ends", grid, place)?.to_vec();
        arguments.push(Argument::Double(grid.spot));
        let (kernel, terms) = match model {
            PathModel::GeometricBrownian { drift, vol } => {
                let Brownian { drift, deviation } = Brownian::new(*drift, *vol, grid.step_years);
                ("path_ends_brownian", vec![drift, deviation])
            }
            PathModel::Merton(terms) => {
                check_jumps(terms, grid.step_years)?;
                let Jumping { drift, deviation, jump_mean, jump_vol, at_most, counts } =
                    Jumping::new(terms, grid.step_years);
                self.queue.upload(place.scratch, bytemuck::cast_slice(&at_most))?;
                arguments.extend([Argument::Address(place.scratch), Argument::size(counts)]);
                ("path_ends_merton", vec![drift, deviation, jump_mean, jump_vol])
            }
            PathModel::Heston(terms) => {
                let Heston { drift, years, root_years, variance, pull, variance_mean, shared, own } =
                    Heston::new(terms, grid.step_years);
                let rest = [drift, years, root_years, pull, variance_mean, shared, own];
                ("path_ends_heston", [variance].into_iter().chain(rest).collect())
            }
        };
        arguments.extend(terms.into_iter().map(Argument::Double));
        self.for_each(kernel, place.paths, &arguments)
    }

    /// [`Cpu::basket_ends`](crate::Cpu::basket_ends).
    ///
    /// # Errors
    ///
    /// As its twin, and if the device fails.
    pub fn basket_ends(
        &self,
        terms: &BasketTerms<'_>,
        grid: &PathGrid,
        place: &DevicePaths,
    ) -> Result<()> {
        terms.check("basket_ends")?;
        let mut arguments = common("basket_ends", grid, place)?.to_vec();
        let (assets, steps) = (terms.worth.len(), f64::from(grid.steps));
        let moved = (0..assets).map(|asset| steps * terms.step_drift(asset, grid.step_years));
        let deviations = terms.vol.iter().map(|vol| vol * grid.step_years.sqrt());
        let table: Vec<f64> = terms.worth.iter().copied().chain(moved).chain(deviations).collect();
        let mixing = place.scratch.plus(3 * assets * size_of::<f64>());
        let sums = mixing.plus(assets * assets * size_of::<f64>());
        self.queue.upload(place.scratch, bytemuck::cast_slice(&table))?;
        self.queue.upload(mixing, bytemuck::cast_slice(terms.mixing))?;
        arguments.extend([place.scratch, mixing, sums].map(Argument::Address));
        arguments.push(Argument::size(assets));
        self.for_each("basket_ends", place.paths, &arguments)
    }
}

/// The arguments that all motions have.
fn common(op: &'static str, grid: &PathGrid, place: &DevicePaths) -> Result<[Argument; 6]> {
    let steps = check_steps(op, grid.steps)?;
    let [low, high] = grid.philox.key();
    Ok([
        Argument::Address(place.ends),
        Argument::Count(place.paths as u64),
        Argument::Count(grid.first),
        Argument::Count(u64::from(high) << 32 | u64::from(low)),
        Argument::Int(steps),
        Argument::Int(i32::from(grid.mirrored)),
    ])
}
