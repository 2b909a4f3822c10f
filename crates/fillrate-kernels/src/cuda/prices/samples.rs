//! Simulated options.

use super::{CudaPrices, THREADS};
use crate::cpu::paths::motion::Brownian;
use crate::cpu::paths::samples::check_steps;
use crate::cpu::paths::{OptionTerms, PathGrid, Sampled};
use crate::cuda::{Address, Argument, Launch};
use crate::{Error, Result};

/// What a set of terms takes in a kernel's table, in doubles.
pub const SAMPLE_TERMS: usize = 12;

/// The most sets of one launch, which are a grid's second dimension.
const SETS_MAX: usize = super::GRID_Y_MAX;

/// Where samples of options are written.
#[derive(Clone, Copy, Debug)]
pub struct DeviceSamples {
    /// f64 `[sets, paths]`.
    pub samples: Address,
    /// f64 `[sets, paths]`.
    pub controls: Address,
    /// The number of paths that draw numbers of their own; each is averaged with its mirror image.
    pub paths: usize,
    /// Memory for the terms, f64 `[sets, SAMPLE_TERMS]`.
    pub scratch: Address,
}

impl CudaPrices {
    /// [`Cpu::option_samples`](crate::Cpu::option_samples) of several sets of terms, whose paths draw the
    /// same numbers.
    ///
    /// # Errors
    ///
    /// As its twin, if there are more than 65,535 sets, and if the device fails.
    pub fn option_samples(
        &self,
        sampled: Sampled,
        sets: &[OptionTerms],
        grid: &PathGrid,
        place: &DeviceSamples,
    ) -> Result<()> {
        let op = "option_samples";
        let steps = check_steps(op, grid.steps)?;
        if sets.len() > SETS_MAX {
            let expected = format!("at most {SETS_MAX} sets of terms");
            return Err(Error::Shape { op, expected, got: sets.len().to_string() });
        }
        if sets.is_empty() || place.paths == 0 {
            return Ok(());
        }
        let table: Vec<f64> = sets.iter().flat_map(|terms| row(sampled, terms, grid)).collect();
        self.queue.upload(place.scratch, bytemuck::cast_slice(&table))?;
        let (kernel, kind) = match sampled {
            Sampled::European => ("option_samples_end", false),
            Sampled::GeometricMean => ("option_samples_mean", true),
            Sampled::ArithmeticMean => ("option_samples_mean", false),
            Sampled::Barrier { is_in, .. } => ("option_samples_barrier", is_in),
        };
        let [low, high] = grid.philox.key();
        let blocks = u32::try_from(place.paths.div_ceil(THREADS as usize)).unwrap_or(u32::MAX);
        self.queue.launch(&Launch {
            kernel,
            grid: [blocks, sets.len() as u32, 1],
            threads: THREADS,
            shared_bytes: 0,
            arguments: &[
                Argument::Address(place.scratch),
                Argument::Address(place.samples),
                Argument::Address(place.controls),
                Argument::Count(place.paths as u64),
                Argument::Count(grid.first),
                Argument::Count(u64::from(high) << 32 | u64::from(low)),
                Argument::Int(steps),
                Argument::Int(i32::from(kind)),
            ],
        })
    }
}

/// A set of terms as `samples.cu` reads it.
fn row(sampled: Sampled, terms: &OptionTerms, grid: &PathGrid) -> [f64; SAMPLE_TERMS] {
    let grid = terms.grid(grid);
    let motion = Brownian::new(terms.rate - terms.dividend, terms.vol, grid.step_years);
    let [mut level, mut side, mut scale, mut first, mut each, mut paid] = [0.0; 6];
    if let Sampled::Barrier { level: at, is_down, rebate, .. } = sampled {
        let bridge = terms.bridge(at, is_down, &grid);
        (level, side, scale, paid) = (bridge.level, bridge.side, bridge.scale, rebate);
        [first, each] = bridge.discounts;
    }
    [
        terms.spot,
        terms.strike,
        terms.sign,
        terms.discount(),
        motion.drift,
        motion.deviation,
        level,
        side,
        scale,
        first,
        each,
        paid,
    ]
}
